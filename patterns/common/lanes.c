/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/tag.h"
#include "patterns/common/lanes_state.h"

#define NONE UINT16_MAX

/* ---- making ---------------------------------------------------------------------------------- */

zloom_lanes_t *
zloom_lanes_new (const uint64_t seed[2], uint64_t base)
{
    zloom_lanes_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_LANES_TAG;
    self->seed[0] = seed[0];
    self->seed[1] = seed[1];
    self->base = base;
    self->states = zloom_idmap_new ();
    self->rewind = UINT64_MAX;
    self->first = self->last = NONE;
    zloom_lanes_weigh_none (self);
    return self;
}

void
zloom_lanes_destroy (zloom_lanes_t **self_p)
{
    zloom_lanes_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_LANES_TAG);
    for (size_t i = 0; i < ZLOOM_LANES; i++) {
        if (self->lanes[i]) {
            zloom_lane_ring_fini (&self->lanes[i]->next);
            zloom_lane_ring_fini (&self->lanes[i]->aside);
            zloom_lane_ring_fini (&self->lanes[i]->out);
            free (self->lanes[i]->parked);
            free (self->lanes[i]);
        }
    }
    zloom_idmap_destroy (&self->states);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_slot_t
zloom_lanes_slot (const zloom_lanes_t *self, zloom_bytes_t key)
{
    return (zloom_slot_t) zloom_hash_keyed (self->seed, key) & (ZLOOM_LANES * 65536u - 1);
}

void
zloom_lanes_weigh_none (zloom_lanes_t *self)
{
    memset (self->weights, 1, sizeof self->weights);
}

void
zloom_lanes_weigh (zloom_lanes_t *self, zloom_bytes_t key, uint32_t weight)
{
    zloom_assert (weight >= 1 && weight <= 100);
    self->weights[zloom_lanes_slot (self, key) >> ZLOOM_LANES_PLACE_BITS] = (uint8_t) weight;
}

/* ---- the list of lanes that may be served ---------------------------------------------------- */

void
zloom_lanes_unlist (zloom_lanes_t *self, zloom_lane_t *lane)
{
    if (!lane->listed) {
        return;
    }
    uint16_t *before = lane->before == NONE ? &self->first : &self->lanes[lane->before]->after;
    uint16_t *after = lane->after == NONE ? &self->last : &self->lanes[lane->after]->before;
    *before = lane->after;
    *after = lane->before;
    lane->listed = false;
    self->listed--;
}

/* Whether its first entry would have to be set aside, and there is no room. */
static bool
s_stands_still (const zloom_lanes_t *self, const zloom_lane_t *lane)
{
    if (!lane->waits) {
        return false;
    }
    const uint64_t item = zloom_lane_ring_at (&lane->next, 0);
    const zloom_lane_parked_t *parked = zloom_lanes_parked (lane, zloom_lanes_place (item));
    return parked && parked->seq < zloom_lanes_seq (self, item);
}

void
zloom_lanes_list (zloom_lanes_t *self, zloom_lane_t *lane)
{
    if (lane->listed || lane->next.count == 0 || lane->out.count > 0 ||
        s_stands_still (self, lane)) {
        return;
    }
    lane->before = self->last;
    lane->after = NONE;
    *(self->last == NONE ? &self->first : &self->lanes[self->last]->after) = lane->number;
    self->last = lane->number;
    lane->listed = true;
    self->listed++;
}

void
zloom_lanes_list_first (zloom_lanes_t *self, zloom_lane_t *lane)
{
    lane->deficit++;
    if (!lane->listed || self->first == lane->number) {
        return;
    }
    zloom_lanes_unlist (self, lane);
    lane->before = NONE;
    lane->after = self->first;
    *(self->first == NONE ? &self->last : &self->lanes[self->first]->before) = lane->number;
    self->first = lane->number;
    lane->listed = true;
    self->listed++;
}

static zloom_lane_t *
s_lane (zloom_lanes_t *self, zloom_slot_t slot)
{
    zloom_lane_t **lane_p = &self->lanes[slot >> ZLOOM_LANES_PLACE_BITS];
    if (!*lane_p) {
        *lane_p = zloom_alloc (sizeof **lane_p);
        (*lane_p)->number = (uint16_t) (slot >> ZLOOM_LANES_PLACE_BITS);
    }
    return *lane_p;
}

/* Back into its lane's list of what is not handed out. */
void
zloom_lanes_put (zloom_lanes_t *self, zloom_lane_t *lane, uint64_t entry)
{
    self->shut -= zloom_lane_shut (lane);
    zloom_lane_ring_put (&lane->next, entry);
    self->count++;
    self->shut += zloom_lane_shut (lane);
    zloom_lanes_list (self, lane);
}

void
zloom_lanes_add (zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq)
{
    zloom_lane_t *lane = s_lane (self, slot);
    if (seq <= lane->known_to) {
        return;
    }
    if (lane->waits && lane->next.count >= ZLOOM_LANES_WAITING) {
        lane->forgetful = true;
        return;
    }
    if (lane->forgetful) {
        return; /* it must be added in order, once the lane goes on */
    }
    lane->known_to = seq;
    zloom_lanes_put (self, lane, zloom_lanes_entry (self, seq, (uint16_t) slot));
}

uint64_t
zloom_lanes_count (const zloom_lanes_t *self)
{
    return self->count;
}

uint64_t
zloom_lanes_open (const zloom_lanes_t *self)
{
    return self->count - self->shut;
}

bool
zloom_lanes_rewind (zloom_lanes_t *self, uint64_t *from)
{
    *from = self->rewind;
    self->rewind = UINT64_MAX;
    return *from != UINT64_MAX;
}

/* ---- parked slots ---------------------------------------------------------------------------- */

zloom_lane_parked_t *
zloom_lanes_parked (const zloom_lane_t *lane, uint16_t place)
{
    for (size_t i = 0; i < lane->parked_count; i++) {
        if (lane->parked[i].place == place) {
            return &lane->parked[i];
        }
    }
    return NULL;
}

/* The slot's blocker is its first message that failed: a later one waits its turn in the list. */
void
zloom_lanes_park (zloom_lanes_t *self, zloom_lane_t *lane, uint64_t entry)
{
    const uint64_t seq = zloom_lanes_seq (self, entry);
    const uint16_t place = zloom_lanes_place (entry);
    const zloom_slot_t slot = ((zloom_slot_t) lane->number << ZLOOM_LANES_PLACE_BITS) | place;
    zloom_lane_parked_t *parked = zloom_lanes_parked (lane, place);
    zloom_idmap_put (self->states, seq, zloom_lanes_pack (ZLOOM_LANES_BACK, slot));
    if (parked) {
        const uint64_t later = parked->seq;
        zloom_assert (seq <= later);
        parked->seq = seq;
        if (later > seq && zloom_lanes_state (self, later) >> 32 == ZLOOM_LANES_BACK) {
            zloom_idmap_remove (self->states, later);
            zloom_lanes_put (self, lane, zloom_lanes_entry (self, later, place));
        }
        return;
    }
    zloom_grow (&lane->parked, &lane->parked_capacity, lane->parked_count + 1,
                sizeof *lane->parked);
    lane->parked[lane->parked_count++] = (zloom_lane_parked_t){.seq = seq, .place = place};
}

void
zloom_lanes_hold (zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq)
{
    zloom_lane_t *lane = s_lane (self, slot);
    const zloom_lane_parked_t *parked = zloom_lanes_parked (lane, (uint16_t) slot);
    if (!parked || parked->seq > seq) {
        zloom_lanes_park (self, lane, zloom_lanes_entry (self, seq, (uint16_t) slot));
    }
}

/* The slot goes on: what was set aside for it comes back to the front. */
void
zloom_lanes_unpark (zloom_lanes_t *self, zloom_lane_t *lane, zloom_lane_parked_t *parked)
{
    uint16_t place = parked->place;
    self->shut -= zloom_lane_shut (lane);
    *parked = lane->parked[--lane->parked_count];
    for (size_t i = lane->aside.count; i > 0; i--) {
        uint64_t entry = zloom_lane_ring_at (&lane->aside, i - 1);
        if (zloom_lanes_place (entry) == place) {
            zloom_lane_ring_remove (&lane->aside, i - 1);
            zloom_lane_ring_put (&lane->next, entry);
        }
    }
    if (lane->waits && lane->aside.count < ZLOOM_LANES_ASIDE) {
        lane->waits = false;
        if (lane->forgetful && lane->known_to + 1 < self->rewind) {
            self->rewind = lane->known_to + 1;
        }
        lane->forgetful = false;
    }
    self->shut += zloom_lane_shut (lane);
    zloom_lanes_list (self, lane);
}

/* ---- handing out ----------------------------------------------------------------------------- */

size_t
zloom_lanes_waiting (const zloom_lanes_t *self)
{
    return self->listed;
}

zloom_lane_t *
zloom_lanes_begin (zloom_lanes_t *self, uint32_t *turn)
{
    if (self->first == NONE) {
        return NULL;
    }
    zloom_lane_t *lane = self->lanes[self->first];
    zloom_lanes_unlist (self, lane);
    const uint32_t quantum = ZLOOM_LANES_QUANTUM * self->weights[lane->number];
    lane->deficit += quantum;
    if (lane->deficit > quantum * ZLOOM_LANES_SAVED) {
        lane->deficit = quantum * ZLOOM_LANES_SAVED;
    }
    *turn = self->listed > 0 ? lane->deficit : UINT32_MAX;
    return lane;
}

void
zloom_lanes_end (zloom_lanes_t *self, zloom_lane_t *lane, uint32_t handed)
{
    lane->deficit -= handed < lane->deficit ? handed : lane->deficit;
    if (lane->next.count == 0) {
        lane->deficit = 0;
    }
    zloom_lanes_list (self, lane);
}

bool
zloom_lanes_front (const zloom_lanes_t *self, const zloom_lane_t *lane, zloom_lane_entry_t *entry)
{
    if (lane->next.count == 0 || s_stands_still (self, lane)) {
        return false;
    }
    const uint64_t item = zloom_lane_ring_at (&lane->next, 0);
    const zloom_lane_parked_t *parked = zloom_lanes_parked (lane, zloom_lanes_place (item));
    entry->seq = zloom_lanes_seq (self, item);
    entry->slot =
      ((zloom_slot_t) lane->number << ZLOOM_LANES_PLACE_BITS) | zloom_lanes_place (item);
    entry->blocker = parked && parked->seq == entry->seq;
    entry->barred = parked && parked->seq < entry->seq;
    return true;
}

static uint64_t
s_pop (zloom_lanes_t *self, zloom_lane_t *lane)
{
    self->shut -= zloom_lane_shut (lane);
    const uint64_t item = zloom_lane_ring_pop (&lane->next);
    self->count--;
    self->shut += zloom_lane_shut (lane);
    return item;
}

void
zloom_lanes_drop (zloom_lanes_t *self, zloom_lane_t *lane)
{
    const uint64_t item = s_pop (self, lane);
    zloom_lane_parked_t *parked = zloom_lanes_parked (lane, zloom_lanes_place (item));
    if (parked && parked->seq == zloom_lanes_seq (self, item)) {
        zloom_lanes_unpark (self, lane, parked);
        zloom_lanes_unlist (self, lane); /* its turn is not over */
    }
}

void
zloom_lanes_take (zloom_lanes_t *self, zloom_lane_t *lane)
{
    const uint64_t item = s_pop (self, lane);
    zloom_lane_ring_put (&lane->out, item);
    const zloom_slot_t slot =
      ((zloom_slot_t) lane->number << ZLOOM_LANES_PLACE_BITS) | zloom_lanes_place (item);
    zloom_idmap_put (self->states, zloom_lanes_seq (self, item),
                     zloom_lanes_pack (ZLOOM_LANES_OUT, slot));
}

void
zloom_lanes_block (zloom_lanes_t *self, zloom_lane_t *lane)
{
    zloom_lanes_park (self, lane, s_pop (self, lane));
}

void
zloom_lanes_set_aside (zloom_lanes_t *self, zloom_lane_t *lane)
{
    self->shut -= zloom_lane_shut (lane);
    const uint64_t item = zloom_lane_ring_pop (&lane->next);
    zloom_lane_parked_t *parked = zloom_lanes_parked (lane, zloom_lanes_place (item));
    zloom_assert (parked);
    parked->behind++;
    zloom_lane_ring_put (&lane->aside, item);
    if (lane->aside.count >= ZLOOM_LANES_ASIDE) {
        lane->waits = true;
    }
    self->shut += zloom_lane_shut (lane);
}
