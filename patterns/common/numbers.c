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
    zloom_ranges_fini (&self->full);
    *self = (zloom_numbers_t){0};
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

/* Add offsets to the chunk `key`, which is not full. */
static uint64_t
s_add_part (zloom_numbers_t *self, uint64_t key, uint32_t first, uint32_t last)
{
    size_t index = s_search (self, key);
    zloom_numbers_chunk_t *chunk = index < self->count && s_at (self, index)->key == key
                                     ? s_at (self, index)
                                     : s_insert (self, index, key);
    uint64_t added = zloom_numbers_chunk_add (chunk, first, last);
    if (zloom_numbers_chunk_count (chunk) == ZLOOM_NUMBERS_CHUNK) {
        s_delete (self, index);
        zloom_ranges_add (&self->full, key, key);
    }
    return added;
}

/* Drop the chunks with keys in [first, last]; returns how many numbers they held. */
static uint64_t
s_drop (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    uint64_t dropped = 0;
    size_t index = s_search (self, first);
    while (index < self->count && s_at (self, index)->key <= last) {
        dropped += zloom_numbers_chunk_count (s_at (self, index));
        s_delete (self, index);
    }
    return dropped;
}

uint64_t
zloom_numbers_add (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    if (first > last) {
        return 0;
    }
    uint64_t key = s_key (first);
    uint64_t last_key = s_key (last);
    uint64_t added = 0;
    while (key <= last_key) {
        uint32_t from = key == s_key (first) ? s_offset (first) : 0;
        uint32_t to = key == last_key ? s_offset (last) : ZLOOM_NUMBERS_CHUNK - 1;
        if (from == 0 && to == ZLOOM_NUMBERS_CHUNK - 1) { /* whole chunks up to the last or so */
            uint64_t end = s_offset (last) == ZLOOM_NUMBERS_CHUNK - 1 ? last_key : last_key - 1;
            uint64_t dropped = s_drop (self, key, end);
            added += zloom_ranges_add (&self->full, key, end) * ZLOOM_NUMBERS_CHUNK - dropped;
            key = end + 1;
            continue;
        }
        if (self->full.count == 0 || !zloom_ranges_has (&self->full, key)) {
            added += s_add_part (self, key, from, to);
        }
        key++;
    }
    self->total += added;
    return added;
}

/* Make a full chunk an ordinary one. */
static void
s_open (zloom_numbers_t *self, uint64_t key)
{
    zloom_ranges_remove (&self->full, key, key);
    zloom_numbers_chunk_add (s_insert (self, s_search (self, key), key), 0,
                             ZLOOM_NUMBERS_CHUNK - 1);
}

/* Take what is full within [first, last] out, and open the chunks at its edges. */
static uint64_t
s_remove_full (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    uint64_t from = s_key (first);
    uint64_t to = s_key (last);
    if (s_offset (first) != 0 && zloom_ranges_has (&self->full, from)) {
        s_open (self, from);
    }
    if (s_offset (last) != ZLOOM_NUMBERS_CHUNK - 1 && zloom_ranges_has (&self->full, to)) {
        s_open (self, to);
    }
    return zloom_ranges_remove (&self->full, from, to) * ZLOOM_NUMBERS_CHUNK;
}

uint64_t
zloom_numbers_remove (zloom_numbers_t *self, uint64_t first, uint64_t last)
{
    if (first > last || self->total == 0) {
        return 0;
    }
    uint64_t removed = self->full.count > 0 ? s_remove_full (self, first, last) : 0;
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
    if (index < self->count && s_at (self, index)->key == s_key (number)) {
        return zloom_numbers_chunk_has (s_at (self, index), s_offset (number));
    }
    return self->full.count > 0 && zloom_ranges_has (&self->full, s_key (number));
}

/* The first run at or after `from` in the chunks that are not full. */
static bool
s_find_part (const zloom_numbers_t *self, uint64_t from, zloom_range_t *run)
{
    for (size_t i = s_search (self, s_key (from)); i < self->count; i++) {
        const zloom_numbers_chunk_t *chunk = s_at (self, i);
        uint64_t base = chunk->key * ZLOOM_NUMBERS_CHUNK;
        uint32_t first;
        uint32_t last;
        if (zloom_numbers_chunk_find (chunk, base < from ? s_offset (from) : 0, &first, &last)) {
            *run = (zloom_range_t){base + first, base + last};
            return true;
        }
    }
    return false;
}

bool
zloom_numbers_find (const zloom_numbers_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    bool found = self->count > 0 && s_find_part (self, from, run);
    zloom_range_t keys;
    if (self->full.count > 0 && zloom_ranges_find (&self->full, s_key (from), &keys) &&
        (!found || keys.first * ZLOOM_NUMBERS_CHUNK <= run->first)) {
        uint64_t base = keys.first * ZLOOM_NUMBERS_CHUNK;
        run->first = base > from ? base : from;
        run->last = keys.last * ZLOOM_NUMBERS_CHUNK + (ZLOOM_NUMBERS_CHUNK - 1);
        found = true;
    }
    if (!found || run->first > last) {
        return false;
    }
    run->last = run->last < last ? run->last : last;
    return true;
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
