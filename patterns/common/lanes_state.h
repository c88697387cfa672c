/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lanes_state.h - the lanes' inside, shared by lanes.c (making, adding, handing out), lanes_after.c
 * (what became of messages, and looking) and by nobody else.
 */
#ifndef ZLOOM_PATTERNS_COMMON_LANES_STATE_H
#define ZLOOM_PATTERNS_COMMON_LANES_STATE_H

#include "base/map.h"
#include "patterns/common/lane_ring.h"
#include "patterns/common/lanes.h"

#define ZLOOM_LANES_TAG 0x5A514C4Eu
#define ZLOOM_LANES_PLACE_BITS 16

/* What an entry is once it has left its lane's list, in the map by number. */
typedef enum {
    ZLOOM_LANES_OUT = 1,  /* handed out */
    ZLOOM_LANES_BACK = 2, /* failed, and waits as the blocker of its slot */
} zloom_lanes_state_t;

typedef struct {
    uint64_t seq; /* the blocker */
    uint64_t behind;
    uint16_t place;
} zloom_lane_parked_t;

struct zloom_lane {
    zloom_lane_ring_t next;  /* not handed out yet */
    zloom_lane_ring_t aside; /* of parked slots */
    zloom_lane_ring_t out;   /* handed out */
    zloom_lane_parked_t *parked;
    size_t parked_count, parked_capacity;
    uint64_t known_to; /* highest number that was added */
    uint32_t deficit;
    uint16_t number;
    uint16_t before, after; /* in the list of those that may be served */
    bool listed;
    bool waits;     /* its side list is full: nothing goes past who is barred */
    bool forgetful; /* something was added and not kept meanwhile */
};

struct zloom_lanes {
    uint32_t tag;
    uint64_t seed[2];
    uint64_t base;
    zloom_lane_t *lanes[ZLOOM_LANES];
    uint8_t weights[ZLOOM_LANES];
    zloom_idmap_t *states; /* number -> state and slot, packed into the pointer */
    uint64_t count;
    uint64_t shut; /* the sum of zloom_lane_shut () */
    uint64_t rewind;
    uint16_t first, last; /* of the list */
    size_t listed;
};

static inline uint64_t
zloom_lanes_entry (const zloom_lanes_t *self, uint64_t seq, uint16_t place)
{
    return ((seq - self->base) << ZLOOM_LANES_PLACE_BITS) | place;
}

static inline uint64_t
zloom_lanes_seq (const zloom_lanes_t *self, uint64_t entry)
{
    return self->base + (entry >> ZLOOM_LANES_PLACE_BITS);
}

static inline uint16_t
zloom_lanes_place (uint64_t entry)
{
    return (uint16_t) entry;
}

static inline void *
zloom_lanes_pack (zloom_lanes_state_t state, zloom_slot_t slot)
{
    return (void *) (((uintptr_t) state << 32) | slot);
}

/* Entries of a lane that are no work at hand: all if it waits, else what is aside or too many. */
static inline uint64_t
zloom_lane_shut (const zloom_lane_t *lane)
{
    const uint64_t count = lane->next.count;
    const uint64_t part = lane->waits ? 0 : ZLOOM_LANES_PART;
    return lane->aside.count + (count > part ? count - part : 0);
}

/* 0 when nothing is known of it. */
static inline uintptr_t
zloom_lanes_state (const zloom_lanes_t *self, uint64_t seq)
{
    return (uintptr_t) zloom_idmap_get (self->states, seq);
}

static inline zloom_slot_t
zloom_lanes_state_slot (uintptr_t state)
{
    return (zloom_slot_t) state;
}

/* At the end of the list of lanes that may be served, if it may be. */
void zloom_lanes_list (zloom_lanes_t *self, zloom_lane_t *lane);
/* Out of that list, if it stands there. */
void zloom_lanes_unlist (zloom_lanes_t *self, zloom_lane_t *lane);
/* It goes first, if it may be served, with the part of its turn that it did not use. */
void zloom_lanes_list_first (zloom_lanes_t *self, zloom_lane_t *lane);
/* Into the lane's list of what is not handed out. */
void zloom_lanes_put (zloom_lanes_t *self, zloom_lane_t *lane, uint64_t entry);
/* The slot's blocker; NULL when it is not parked. */
zloom_lane_parked_t *zloom_lanes_parked (const zloom_lane_t *lane, uint16_t place);
/* The entry, in no list, blocks its slot, which no earlier one does. */
void zloom_lanes_park (zloom_lanes_t *self, zloom_lane_t *lane, uint64_t entry);
/* The slot goes on: what was set aside for it comes back to the front. */
void zloom_lanes_unpark (zloom_lanes_t *self, zloom_lane_t *lane, zloom_lane_parked_t *parked);

#endif
