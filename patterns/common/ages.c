/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/ages.h"

#include <string.h>

#include "wire/encode.h"

/* Keep every second mark; from now on they lie at least twice as far apart. */
static void
s_thin (zloom_ages_t *self)
{
    uint64_t span = self->marks[self->count - 1].seq - self->marks[0].seq;
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i += 2) {
        self->marks[kept++] = self->marks[i];
    }
    self->count = kept;
    self->apart = span / kept;
}

void
zloom_ages_add (zloom_ages_t *self, uint64_t seq, int64_t wall_ns)
{
    if (self->count < ZLOOM_AGES_MARKS / 4) { /* the span has shrunk: finer again */
        self->apart /= 2;
    }
    if (self->count > 0) {
        const zloom_age_mark_t *last = &self->marks[self->count - 1];
        if (seq <= last->seq || wall_ns == last->wall_ns || seq - last->seq < self->apart) {
            return;
        }
    }
    if (self->count == ZLOOM_AGES_MARKS) {
        s_thin (self);
    }
    self->marks[self->count++] = (zloom_age_mark_t){seq, wall_ns};
}

/* The index of the last mark at or below `seq`; count when there is none. */
static size_t
s_search (const zloom_ages_t *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->marks[middle].seq <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? low - 1 : self->count;
}

void
zloom_ages_level (zloom_ages_t *self, int64_t now_wall_ns)
{
    for (size_t i = 0; i < self->count; i++) {
        zloom_age_mark_t *mark = &self->marks[i];
        mark->wall_ns = mark->wall_ns < now_wall_ns ? mark->wall_ns : now_wall_ns;
    }
}

void
zloom_ages_drop (zloom_ages_t *self, uint64_t floor)
{
    /* Only once half of them are past: a move of the array is paid by many marks. */
    size_t at = s_search (self, floor);
    if (at == self->count || at < self->count / 2 || at == 0) {
        return;
    }
    self->count -= at;
    memmove (self->marks, self->marks + at, self->count * sizeof *self->marks);
}

int64_t
zloom_ages_at (const zloom_ages_t *self, uint64_t seq)
{
    if (self->count == 0) {
        return 0;
    }
    size_t at = s_search (self, seq);
    return self->marks[at < self->count ? at : 0].wall_ns;
}

void
zloom_ages_encode (const zloom_ages_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, self->count * 2);
    for (size_t i = 0; i < self->count; i++) {
        zloom_encode_uint (out, self->marks[i].seq);
        zloom_encode_int (out, self->marks[i].wall_ns);
    }
}

zloom_err_t
zloom_ages_decode (zloom_ages_t *self, zloom_cursor_t *cursor)
{
    uint32_t count = zloom_cursor_array (cursor, ZLOOM_AGES_MARKS * 2);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        uint64_t seq = zloom_cursor_uint (cursor, UINT64_MAX);
        int64_t wall_ns = zloom_cursor_int (cursor);
        if (cursor->err == ZLOOM_OK) {
            zloom_ages_add (self, seq, wall_ns);
        }
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "ages: half a mark");
    }
    return cursor->err;
}
