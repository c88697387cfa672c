/* SPDX-License-Identifier: MPL-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "patterns/common/numbers_chunk.h"

#define FIRST_CAPACITY 4

static inline zloom_numbers_chunk_t *
s_at (const zloom_numbers_t *self, size_t index)
{
    return &self->chunks[self->head + index];
}

static inline uint64_t
s_key (uint64_t number)
{
    return number / ZLOOM_NUMBERS_CHUNK;
}

static inline uint32_t
s_offset (uint64_t number)
{
    return (uint32_t) (number % ZLOOM_NUMBERS_CHUNK);
}

void
zloom_numbers_fini (zloom_numbers_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        zloom_numbers_chunk_fini (s_at (self, i));
    }
    free (self->chunks);
    *self = (zloom_numbers_t){NULL, 0, 0, 0, 0};
}

/* The index of the first chunk whose key is >= `key`; count when there is none. */
static size_t
s_search (const zloom_numbers_t *self, uint64_t key)
{
    if (self->count == 0 || s_at (self, 0)->key >= key) {
        return 0;
    }
    if (s_at (self, self->count - 1)->key < key) {
        return self->count;
    }
    /* Chunks are neighbours as a rule: look where it would stand then. */
    uint64_t guess = key - s_at (self, 0)->key;
    if (guess < self->count && s_at (self, (size_t) guess)->key == key) {
        return (size_t) guess;
    }
    size_t low = 1;
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
s_move (zloom_numbers_t *self, size_t to, size_t from, size_t count)
{
    if (count > 0) {
        memmove (self->chunks + to, self->chunks + from, count * sizeof *self->chunks);
    }
}

static zloom_numbers_chunk_t *
s_insert (zloom_numbers_t *self, size_t index, uint64_t key)
{
    if (index == 0 && self->head > 0) {
        self->head--;
    } else {
        if (self->head + self->count == self->capacity) {
            if (self->count + 1 > self->capacity / 2) {
                size_t larger = self->capacity ? self->capacity * 2 : FIRST_CAPACITY;
                self->chunks = zloom_realloc (self->chunks, larger, sizeof *self->chunks);
                self->capacity = larger;
            }
            s_move (self, 0, self->head, self->count);
            self->head = 0;
        }
        s_move (self, self->head + index + 1, self->head + index, self->count - index);
    }
    self->count++;
    zloom_numbers_chunk_t *chunk = s_at (self, index);
    *chunk = (zloom_numbers_chunk_t){.key = key};
    return chunk;
}

static void
s_delete (zloom_numbers_t *self, size_t index)
{
    zloom_numbers_chunk_fini (s_at (self, index));
    if (index == 0) {
        self->head++;
    } else {
        s_move (self, self->head + index, self->head + index + 1, self->count - index - 1);
    }
    self->count--;
    if (self->count == 0) {
        self->head = 0;
    }
}

uint64_t
zloom_numbers_add (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    uint64_t added = 0;
    while (first <= last) {
        uint64_t key = s_key (first);
        size_t index = s_search (self, key);
        zloom_numbers_chunk_t *chunk = index < self->count && s_at (self, index)->key == key
                                         ? s_at (self, index)
                                         : s_insert (self, index, key);
        uint32_t end = s_key (last) == key ? s_offset (last) : ZLOOM_NUMBERS_CHUNK - 1;
        added += zloom_numbers_chunk_add (chunk, s_offset (first), end);
        if (s_key (last) == key) {
            break;
        }
        first = (key + 1) * ZLOOM_NUMBERS_CHUNK;
    }
    self->total += added;
    return added;
}

uint64_t
zloom_numbers_remove (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    if (first > last) {
        return 0;
    }
    uint64_t removed = 0;
    size_t index = s_search (self, s_key (first));
    while (index < self->count && s_at (self, index)->key <= s_key (last)) {
        zloom_numbers_chunk_t *chunk = s_at (self, index);
        uint32_t from = chunk->key == s_key (first) ? s_offset (first) : 0;
        uint32_t to = chunk->key == s_key (last) ? s_offset (last) : ZLOOM_NUMBERS_CHUNK - 1;
        removed += zloom_numbers_chunk_remove (chunk, from, to);
        if (zloom_numbers_chunk_count (chunk) == 0) {
            s_delete (self, index);
        } else {
            index++;
        }
    }
    self->total -= removed;
    return removed;
}

bool
zloom_numbers_has (const zloom_numbers_t *self, uint64_t number)
{
    size_t index = s_search (self, s_key (number));
    return index < self->count && s_at (self, index)->key == s_key (number) &&
           zloom_numbers_chunk_has (s_at (self, index), s_offset (number));
}

bool
zloom_numbers_find (const zloom_numbers_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    if (from > last) {
        return false;
    }
    for (size_t i = s_search (self, s_key (from)); i < self->count; i++) {
        const zloom_numbers_chunk_t *chunk = s_at (self, i);
        uint64_t base = chunk->key * ZLOOM_NUMBERS_CHUNK;
        if (base > last) {
            return false;
        }
        uint32_t first_offset;
        uint32_t last_offset;
        uint32_t start = base < from ? s_offset (from) : 0;
        if (zloom_numbers_chunk_find (chunk, start, &first_offset, &last_offset)) {
            run->first = base + first_offset;
            run->last = base + last_offset < last ? base + last_offset : last;
            return run->first <= last;
        }
    }
    return false;
}

bool
zloom_numbers_gap (const zloom_numbers_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    while (from <= last) {
        zloom_range_t there;
        if (!zloom_numbers_find (self, from, last, &there)) {
            *run = (zloom_range_t){from, last};
            return true;
        }
        if (there.first > from) {
            *run = (zloom_range_t){from, there.first - 1};
            return true;
        }
        if (there.last == UINT64_MAX) {
            return false;
        }
        from = there.last + 1;
    }
    return false;
}
