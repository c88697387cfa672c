/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lane_ring.h - the entries of one lane in the order of numbers: a ring that grows, 8 bytes each.
 * An entry is (number - base) * 65,536 + place, so that entries compare as their numbers do.
 */
#ifndef ZLOOM_PATTERNS_COMMON_LANE_RING_H
#define ZLOOM_PATTERNS_COMMON_LANE_RING_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *items; /* items[(head + i) % capacity]; capacity is a power of two */
    size_t head;
    size_t count;
    size_t capacity;
} zloom_lane_ring_t; /* zero-initialised is empty and ready */

void zloom_lane_ring_fini (zloom_lane_ring_t *self);
/* Put an entry where it belongs: cheap at both ends and near them. */
void zloom_lane_ring_put (zloom_lane_ring_t *self, uint64_t entry);
/* Take the first one off; the ring is not empty. */
uint64_t zloom_lane_ring_pop (zloom_lane_ring_t *self);
/* Take the index-th out. */
void zloom_lane_ring_remove (zloom_lane_ring_t *self, size_t index);

static inline uint64_t
zloom_lane_ring_at (const zloom_lane_ring_t *self, size_t index)
{
    return self->items[(self->head + index) & (self->capacity - 1)];
}

#endif
