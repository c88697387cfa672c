/* SPDX-License-Identifier: MPL-2.0 */
/*
 * gaps.h - what a subscriber has lost and was not told yet: spans of numbers, rising, each with how
 * many of them were meant for it, and why. Spans of one reason with nothing to deliver between them
 * are one. Those of different reasons stay apart while there are few, so that each is told with its
 * own; beyond that they are one, too, so there are never more than runs that wait, and those few.
 */
#ifndef ZLOOM_PATTERNS_COMMON_GAPS_H
#define ZLOOM_PATTERNS_COMMON_GAPS_H

#include <stdbool.h>

#include "base/ranges.h"

#define ZLOOM_GAPS_APART 64u
/* The reason of a span that has more than one. */
#define ZLOOM_GAPS_SEVERAL "several"

typedef struct {
    uint64_t from;
    uint64_t to; /* inclusive */
    uint64_t count;
    bool at_most; /* so many at most: nobody knows which of them were meant for it */
    bool restart; /* numbers between two lives, of which it is told by themselves */
    const char *reason;
} zloom_missed_t;

typedef struct {
    zloom_missed_t *items; /* items[head .. head + count) */
    size_t head;
    size_t count;
    size_t capacity;
} zloom_gaps_t; /* zero-initialised is empty and ready */

void zloom_gaps_fini (zloom_gaps_t *self);
/*
 * Of [from, to], `count` are lost; `pending` is what is still to be delivered. NULL: nobody knows
 * what is, so spans that do not touch are one only where there are too many.
 */
void zloom_gaps_add (zloom_gaps_t *self, const zloom_missed_t *gap, const zloom_ranges_t *pending);
/* The first one that ends below `seq`; false when there is none. */
bool zloom_gaps_take (zloom_gaps_t *self, uint64_t seq, zloom_missed_t *gap);

#endif
