/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/ranks.h"

#include "wire/encode.h"

void
zloom_ranks_fini (zloom_ranks_t *self)
{
    for (size_t i = 0; i < ZLOOM_RANKS; i++) {
        zloom_numbers_fini (&self->ranks[i]);
    }
    self->total = 0;
}

void
zloom_ranks_add (zloom_ranks_t *self, uint8_t rank, uint64_t first, uint64_t last)
{
    if (rank != ZLOOM_RANK_USUAL && rank < ZLOOM_RANKS) {
        self->total += zloom_numbers_add (&self->ranks[rank], first, last);
    }
}

void
zloom_ranks_add_runs (zloom_ranks_t *self, uint64_t first, const zloom_rank_run_t *runs,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (runs[i].n > 0) {
            zloom_ranks_add (self, runs[i].rank, first, first + runs[i].n - 1);
        }
        first += runs[i].n;
    }
}

void
zloom_ranks_remove (zloom_ranks_t *self, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < ZLOOM_RANKS && self->total > 0; i++) {
        self->total -= zloom_numbers_remove (&self->ranks[i], first, last);
    }
}

uint8_t
zloom_ranks_at (const zloom_ranks_t *self, uint64_t first, uint64_t last, uint64_t *end)
{
    *end = last;
    for (uint8_t i = 0; i < ZLOOM_RANKS && self->total > 0; i++) {
        zloom_range_t run;
        if (!zloom_numbers_find (&self->ranks[i], first, last, &run)) {
            continue;
        }
        if (run.first == first) {
            *end = run.last;
            return i;
        }
        *end = run.first - 1 < *end ? run.first - 1 : *end;
    }
    return ZLOOM_RANK_USUAL;
}

void
zloom_ranks_encode (const zloom_ranks_t *self, zloom_buf_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < ZLOOM_RANKS; i++) {
        count += self->ranks[i].total > 0 ? 1 : 0;
    }
    zloom_encode_array (out, count);
    for (size_t i = 0; i < ZLOOM_RANKS; i++) {
        if (self->ranks[i].total > 0) {
            zloom_encode_array (out, 3);
            zloom_encode_uint (out, i);
            zloom_numbers_encode (&self->ranks[i], out);
        }
    }
}

zloom_err_t
zloom_ranks_decode (zloom_ranks_t *self, zloom_cursor_t *cursor, uint64_t least, uint64_t end)
{
    uint32_t count = zloom_cursor_array (cursor, ZLOOM_RANKS);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t fields = zloom_fields_open (cursor);
        uint64_t rank = zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_RANKS - 1, 0);
        zloom_numbers_t *numbers = &self->ranks[rank];
        uint64_t before = numbers->total;
        zloom_numbers_decode (numbers, &fields, least, end);
        zloom_fields_close (&fields);
        self->total += numbers->total - before;
    }
    return cursor->err;
}
