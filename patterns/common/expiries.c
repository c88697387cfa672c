/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/expiries.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/encode.h"

/* No more chunks than there can be of unsettled messages are believed. */
#define CHUNKS_MAX (1u << 24)

static zloom_expiry_t *
s_at (const zloom_expiries_t *self, size_t index)
{
    return &self->items[self->head + index];
}

void
zloom_expiries_fini (zloom_expiries_t *self)
{
    free (self->items);
    *self = (zloom_expiries_t){0};
}

/* The index of the first chunk whose key is >= `key`. */
static size_t
s_search (const zloom_expiries_t *self, uint64_t key)
{
    if (self->count == 0 || s_at (self, self->count - 1)->key < key) {
        return self->count;
    }
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_at (self, middle)->key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
s_find_soonest (zloom_expiries_t *self)
{
    self->soonest_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->count; i++) {
        if (s_at (self, i)->wall_ns < self->soonest_ns) {
            self->soonest_ns = s_at (self, i)->wall_ns;
        }
    }
}

static void
s_insert (zloom_expiries_t *self, size_t index, zloom_expiry_t item)
{
    if (self->head > 0 && self->head + self->count == self->capacity) {
        memmove (self->items, s_at (self, 0), self->count * sizeof item);
        self->head = 0;
    }
    zloom_grow (&self->items, &self->capacity, self->head + self->count + 1, sizeof item);
    memmove (s_at (self, index) + 1, s_at (self, index), (self->count - index) * sizeof item);
    self->count++;
    *s_at (self, index) = item;
}

void
zloom_expiries_add (zloom_expiries_t *self, uint64_t first, uint64_t last, int64_t wall_ns)
{
    const uint64_t last_key = last / ZLOOM_EXPIRIES_CHUNK;
    for (uint64_t key = first / ZLOOM_EXPIRIES_CHUNK; key <= last_key; key++) {
        const size_t index = s_search (self, key);
        if (index == self->count || s_at (self, index)->key != key) {
            s_insert (self, index, (zloom_expiry_t){key, wall_ns});
        } else if (wall_ns < s_at (self, index)->wall_ns) {
            s_at (self, index)->wall_ns = wall_ns;
        }
        if (self->count == 1 || wall_ns < self->soonest_ns) {
            self->soonest_ns = s_at (self, s_search (self, key))->wall_ns;
        }
    }
}

void
zloom_expiries_drop (zloom_expiries_t *self, uint64_t floor)
{
    bool soonest = false;
    while (self->count > 0 && s_at (self, 0)->key < floor / ZLOOM_EXPIRIES_CHUNK) {
        soonest = soonest || s_at (self, 0)->wall_ns <= self->soonest_ns;
        self->head++;
        self->count--;
    }
    if (self->count == 0) {
        self->head = 0;
    }
    if (soonest) {
        s_find_soonest (self);
    }
}

int64_t
zloom_expiries_next (const zloom_expiries_t *self)
{
    return self->count > 0 ? self->soonest_ns : ZLOOM_NEVER;
}

bool
zloom_expiries_due (const zloom_expiries_t *self, int64_t wall_ns, zloom_range_t *chunk)
{
    for (size_t i = 0; i < self->count && self->soonest_ns <= wall_ns; i++) {
        if (s_at (self, i)->wall_ns <= wall_ns) {
            chunk->first = s_at (self, i)->key * ZLOOM_EXPIRIES_CHUNK;
            chunk->last = chunk->first + ZLOOM_EXPIRIES_CHUNK - 1;
            return true;
        }
    }
    return false;
}

void
zloom_expiries_set (zloom_expiries_t *self, uint64_t first, int64_t wall_ns)
{
    const uint64_t key = first / ZLOOM_EXPIRIES_CHUNK;
    const size_t index = s_search (self, key);
    if (index == self->count || s_at (self, index)->key != key) {
        return;
    }
    s_at (self, index)->wall_ns = wall_ns;
    if (wall_ns == ZLOOM_NEVER) {
        self->count--;
        memmove (s_at (self, index), s_at (self, index) + 1,
                 (self->count - index) * sizeof *self->items);
    }
    s_find_soonest (self);
}

void
zloom_expiries_encode (const zloom_expiries_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, self->count * 2);
    for (size_t i = 0; i < self->count; i++) {
        zloom_encode_uint (out, s_at (self, i)->key);
        zloom_encode_int (out, s_at (self, i)->wall_ns);
    }
}

zloom_err_t
zloom_expiries_decode (zloom_expiries_t *self, zloom_cursor_t *cursor)
{
    const uint32_t count = zloom_cursor_array (cursor, 2 * CHUNKS_MAX);
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        const uint64_t key = zloom_cursor_uint (cursor, UINT64_MAX / ZLOOM_EXPIRIES_CHUNK);
        const int64_t wall_ns = zloom_cursor_int (cursor);
        if (cursor->err != ZLOOM_OK) {
            return cursor->err;
        }
        zloom_expiries_add (self, key * ZLOOM_EXPIRIES_CHUNK, key * ZLOOM_EXPIRIES_CHUNK, wall_ns);
    }
    return cursor->err;
}
