/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ranges.h - a set of 64-bit numbers as sorted, disjoint, merged ranges [first, last].
 *
 * Adding and removing cost O(log n) to find and O(n) to shift in the worst case; the ends, where
 * queues work, cost O(1) amortised.
 */
#ifndef ZLOOM_BASE_RANGES_H
#define ZLOOM_BASE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t first;
    uint64_t last; /* inclusive */
} zloom_range_t;

typedef struct {
    zloom_range_t *items; /* items[head .. head + count) */
    size_t head;
    size_t count;
    size_t capacity;
    uint64_t total; /* numbers in the set; the set of all 2^64 numbers would show 0 */
} zloom_ranges_t;   /* zero-initialised is empty and ready */

void zloom_ranges_fini (zloom_ranges_t *self);
void zloom_ranges_clear (zloom_ranges_t *self);
/* Add [first, last]; returns how many numbers were new. first > last is nothing, here and below. */
uint64_t zloom_ranges_add (zloom_ranges_t *self, uint64_t first, uint64_t last);
/* Remove [first, last]; returns how many numbers were there. */
uint64_t zloom_ranges_remove (zloom_ranges_t *self, uint64_t first, uint64_t last);
bool zloom_ranges_has (const zloom_ranges_t *self, uint64_t number);
/*
 * The first range that ends at or after `from`, cut to start at `from` at the earliest; false when
 * there is none.
 */
bool zloom_ranges_find (const zloom_ranges_t *self, uint64_t from, zloom_range_t *range);
/* Take up to `most` numbers off the front as one contiguous range; false when empty. */
bool zloom_ranges_take (zloom_ranges_t *self, uint64_t most, zloom_range_t *range);

static inline const zloom_range_t *
zloom_ranges_at (const zloom_ranges_t *self, size_t index)
{
    return &self->items[self->head + index];
}

#endif
