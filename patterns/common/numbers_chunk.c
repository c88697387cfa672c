/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/numbers_chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define WORDS (ZLOOM_NUMBERS_CHUNK / 64)
/* So many ranges take as much memory as the bitmap. */
#define MOST_RANGES 512
/* With so few numbers, or so few holes, ranges are surely smaller again. */
#define FEW 128

void
zloom_numbers_chunk_fini (zloom_numbers_chunk_t *self)
{
    free (self->bits);
    self->bits = NULL;
    zloom_ranges_fini (&self->ranges);
}

uint32_t
zloom_numbers_chunk_count (const zloom_numbers_chunk_t *self)
{
    return self->bits ? self->count : (uint32_t) self->ranges.total;
}

/* The bits of word `word` that lie in [first, last]. */
static uint64_t
s_mask (uint32_t word, uint32_t first, uint32_t last)
{
    uint64_t mask = UINT64_MAX;
    if (word == first / 64) {
        mask &= UINT64_MAX << (first % 64);
    }
    if (word == last / 64) {
        mask &= UINT64_MAX >> (63 - last % 64);
    }
    return mask;
}

static uint32_t
s_bits_set (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last)
{
    uint32_t added = 0;
    for (uint32_t word = first / 64; word <= last / 64; word++) {
        uint64_t mask = s_mask (word, first, last);
        added += (uint32_t) __builtin_popcountll (mask & ~self->bits[word]);
        self->bits[word] |= mask;
    }
    self->count += added;
    return added;
}

static uint32_t
s_bits_clear (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last)
{
    uint32_t removed = 0;
    for (uint32_t word = first / 64; word <= last / 64; word++) {
        uint64_t mask = s_mask (word, first, last);
        removed += (uint32_t) __builtin_popcountll (mask & self->bits[word]);
        self->bits[word] &= ~mask;
    }
    self->count -= removed;
    return removed;
}

/* The first offset >= from whose bit is `set`; ZLOOM_NUMBERS_CHUNK when there is none. */
static uint32_t
s_bits_next (const zloom_numbers_chunk_t *self, uint32_t from, bool set)
{
    if (from >= ZLOOM_NUMBERS_CHUNK) {
        return ZLOOM_NUMBERS_CHUNK;
    }
    uint64_t mask = UINT64_MAX << (from % 64);
    for (uint32_t word = from / 64; word < WORDS; word++) {
        uint64_t bits = (set ? self->bits[word] : ~self->bits[word]) & mask;
        if (bits) {
            return word * 64 + (uint32_t) __builtin_ctzll (bits);
        }
        mask = UINT64_MAX;
    }
    return ZLOOM_NUMBERS_CHUNK;
}

static void
s_to_bits (zloom_numbers_chunk_t *self)
{
    self->bits = zloom_alloc (WORDS * sizeof *self->bits);
    self->count = 0;
    for (size_t i = 0; i < self->ranges.count; i++) {
        const zloom_range_t *range = zloom_ranges_at (&self->ranges, i);
        s_bits_set (self, (uint32_t) range->first, (uint32_t) range->last);
    }
    zloom_ranges_fini (&self->ranges);
}

static void
s_to_ranges (zloom_numbers_chunk_t *self)
{
    uint32_t first;
    uint32_t last;
    uint32_t from = 0;
    while (zloom_numbers_chunk_find (self, from, &first, &last)) {
        zloom_ranges_add (&self->ranges, first, last);
        from = last + 1;
    }
    free (self->bits);
    self->bits = NULL;
}

/* Change to the smaller form; the thresholds lie apart so that it does not swing. */
static void
s_settle_form (zloom_numbers_chunk_t *self)
{
    if (!self->bits && self->ranges.count > MOST_RANGES) {
        s_to_bits (self);
    } else if (self->bits && (self->count <= FEW || self->count >= ZLOOM_NUMBERS_CHUNK - FEW)) {
        s_to_ranges (self);
    }
}

uint32_t
zloom_numbers_chunk_add (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last)
{
    uint32_t added = self->bits ? s_bits_set (self, first, last)
                                : (uint32_t) zloom_ranges_add (&self->ranges, first, last);
    s_settle_form (self);
    return added;
}

uint32_t
zloom_numbers_chunk_remove (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last)
{
    uint32_t removed = self->bits ? s_bits_clear (self, first, last)
                                  : (uint32_t) zloom_ranges_remove (&self->ranges, first, last);
    s_settle_form (self);
    return removed;
}

bool
zloom_numbers_chunk_has (const zloom_numbers_chunk_t *self, uint32_t offset)
{
    if (self->bits) {
        return (self->bits[offset / 64] >> (offset % 64)) & 1;
    }
    return zloom_ranges_has (&self->ranges, offset);
}

bool
zloom_numbers_chunk_find (const zloom_numbers_chunk_t *self, uint32_t from, uint32_t *first,
                          uint32_t *last)
{
    if (self->bits) {
        *first = s_bits_next (self, from, true);
        *last = s_bits_next (self, *first, false) - 1;
        return *first < ZLOOM_NUMBERS_CHUNK;
    }
    zloom_range_t range;
    if (!zloom_ranges_find (&self->ranges, from, &range)) {
        return false;
    }
    *first = (uint32_t) range.first;
    *last = (uint32_t) range.last;
    return true;
}
