/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/lane_ring.h"

#include <stdlib.h>

#include "base/memory.h"

#define FIRST_CAPACITY 8

void
zloom_lane_ring_fini (zloom_lane_ring_t *self)
{
    free (self->items);
    *self = (zloom_lane_ring_t){0};
}

static uint64_t *
s_slot (zloom_lane_ring_t *self, size_t index)
{
    return &self->items[(self->head + index) & (self->capacity - 1)];
}

static void
s_grow (zloom_lane_ring_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : FIRST_CAPACITY;
    uint64_t *items = zloom_realloc (NULL, capacity, sizeof *items);
    for (size_t i = 0; i < self->count; i++) {
        items[i] = zloom_lane_ring_at (self, i);
    }
    free (self->items);
    self->items = items;
    self->head = 0;
    self->capacity = capacity;
}

void
zloom_lane_ring_put (zloom_lane_ring_t *self, uint64_t entry)
{
    if (self->count == self->capacity) {
        s_grow (self);
    }
    if (self->count > 0 && entry < zloom_lane_ring_at (self, self->count / 2)) {
        self->head = (self->head - 1) & (self->capacity - 1);
        self->count++;
        size_t at = 0;
        for (; zloom_lane_ring_at (self, at + 1) < entry; at++) {
            *s_slot (self, at) = zloom_lane_ring_at (self, at + 1);
        }
        *s_slot (self, at) = entry;
        return;
    }
    size_t at = self->count++;
    for (; at > 0 && zloom_lane_ring_at (self, at - 1) > entry; at--) {
        *s_slot (self, at) = zloom_lane_ring_at (self, at - 1);
    }
    *s_slot (self, at) = entry;
}

uint64_t
zloom_lane_ring_pop (zloom_lane_ring_t *self)
{
    uint64_t entry = zloom_lane_ring_at (self, 0);
    self->head = (self->head + 1) & (self->capacity - 1);
    self->count--;
    return entry;
}

void
zloom_lane_ring_remove (zloom_lane_ring_t *self, size_t index)
{
    for (size_t i = index; i + 1 < self->count; i++) {
        *s_slot (self, i) = zloom_lane_ring_at (self, i + 1);
    }
    self->count--;
}
