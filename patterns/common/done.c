/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/done.h"

#include "base/tag.h"
#include "patterns/common/numbers_code.h"
#include "wire/encode.h"

void
zloom_done_init (zloom_done_t *self, uint64_t floor)
{
    *self = (zloom_done_t){.floor = floor};
}

void
zloom_done_fini (zloom_done_t *self)
{
    zloom_numbers_fini (&self->above);
}

/* Let the floor rise over what stands right above it. */
static void
s_rise (zloom_done_t *self)
{
    zloom_range_t run;
    while (self->above.total > 0 &&
           zloom_numbers_find (&self->above, self->floor, UINT64_MAX - 1, &run) &&
           run.first == self->floor) {
        zloom_numbers_remove (&self->above, run.first, run.last);
        self->floor = run.last + 1;
    }
}

uint64_t
zloom_done_add (zloom_done_t *self, uint64_t first, uint64_t last)
{
    if (first < self->floor) {
        first = self->floor;
    }
    if (first > last) {
        return 0;
    }
    zloom_assert (last < UINT64_MAX);
    if (first > self->floor) {
        return zloom_numbers_add (&self->above, first, last);
    }
    uint64_t added = last - first + 1;
    if (self->above.total > 0) {
        added -= zloom_numbers_remove (&self->above, first, last);
    }
    self->floor = last + 1;
    s_rise (self);
    return added;
}

bool
zloom_done_has (const zloom_done_t *self, uint64_t seq)
{
    return seq < self->floor || (self->above.total > 0 && zloom_numbers_has (&self->above, seq));
}

bool
zloom_done_gap (const zloom_done_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    return zloom_numbers_gap (&self->above, from > self->floor ? from : self->floor, last, run);
}

void
zloom_done_encode (const zloom_done_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, 3);
    zloom_encode_uint (out, self->floor);
    zloom_numbers_encode (&self->above, out);
}

zloom_err_t
zloom_done_decode (zloom_done_t *self, zloom_cursor_t *cursor, uint64_t end)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    self->floor = zloom_fields_uint (&fields, ZLOOM_NEED, end, 0);
    zloom_numbers_decode (&self->above, &fields, self->floor + 1, end);
    zloom_fields_close (&fields);
    return cursor->err;
}
