/* SPDX-License-Identifier: MPL-2.0 */
/*
 * numbers.h - a set of sequence numbers that stays small whatever the backlog: chunks of 65,536
 * numbers, each a list of ranges or, where it is ragged, a bitmap; chunks that are full are no
 * more than a range of chunks. So a run costs the same at any length, and the worst case is one
 * bit a number.
 *
 * Finding a chunk is O(1) where the chunks are neighbours, else O(log n); work inside a chunk is
 * bounded. The ends, where queues work, are cheapest.
 */
#ifndef ZLOOM_PATTERNS_COMMON_NUMBERS_H
#define ZLOOM_PATTERNS_COMMON_NUMBERS_H

#include "base/ranges.h"

#define ZLOOM_NUMBERS_CHUNK 65536u

typedef struct zloom_numbers_chunk zloom_numbers_chunk_t;

typedef struct {
    zloom_numbers_chunk_t *chunks; /* chunks[head .. head + count), sorted; none empty or full */
    size_t head;
    size_t count;
    size_t capacity;
    zloom_ranges_t full; /* keys of chunks of which every number is in */
    uint64_t total;      /* numbers in the set */
} zloom_numbers_t;       /* zero-initialised is empty and ready */

void zloom_numbers_fini (zloom_numbers_t *self);
/* Add [first, last]; returns how many were new. */
uint64_t zloom_numbers_add (zloom_numbers_t *self, uint64_t first, uint64_t last);
/* Remove [first, last]; returns how many were there. */
uint64_t zloom_numbers_remove (zloom_numbers_t *self, uint64_t first, uint64_t last);
bool zloom_numbers_has (const zloom_numbers_t *self, uint64_t number);
/*
 * The first run of numbers at or after `from` and not behind `last`: false when there is none. The
 * run is whole, unless it reaches `last` or a border between chunks (ask again from there).
 */
bool zloom_numbers_find (const zloom_numbers_t *self, uint64_t from, uint64_t last,
                         zloom_range_t *run);
/* The first run of numbers in [from, last] that are not in the set; whole. */
bool zloom_numbers_gap (const zloom_numbers_t *self, uint64_t from, uint64_t last,
                        zloom_range_t *run);

#endif
