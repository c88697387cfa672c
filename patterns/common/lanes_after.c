/* SPDX-License-Identifier: MPL-2.0 */
/* lanes_after.c - what became of messages that were handed out, and what the lanes look like. */
#include "patterns/common/lanes_state.h"

/* ---- what became of messages ----------------------------------------------------------------- */

/* Out of the run in flight; the lane may be served again with its last. */
static uint64_t
s_land (zloom_lanes_t *self, zloom_lane_t *lane, uint64_t seq, uint16_t place)
{
    const uint64_t item = zloom_lanes_entry (self, seq, place);
    size_t at = 0;
    while (zloom_lane_ring_at (&lane->out, at) != item) {
        at++;
    }
    zloom_lane_ring_remove (&lane->out, at);
    return item;
}

static void
s_gone (zloom_lanes_t *self, uint64_t seq)
{
    const uintptr_t state = (uintptr_t) zloom_idmap_remove (self->states, seq);
    if (state == 0) {
        return; /* in a list, if anywhere: dropped when it comes to the front */
    }
    zloom_lane_t *lane = self->lanes[zloom_lanes_state_slot (state) >> ZLOOM_LANES_PLACE_BITS];
    const uint16_t place = (uint16_t) state;
    if (state >> 32 == ZLOOM_LANES_OUT) {
        s_land (self, lane, seq, place);
    }
    zloom_lane_parked_t *parked = zloom_lanes_parked (lane, place);
    if (parked && parked->seq == seq) {
        zloom_lanes_unpark (self, lane, parked);
    }
    zloom_lanes_list (self, lane);
}

void
zloom_lanes_gone (zloom_lanes_t *self, uint64_t first, uint64_t last)
{
    if (last - first < zloom_idmap_count (self->states)) {
        for (uint64_t seq = first; seq <= last; seq++) {
            s_gone (self, seq);
        }
        return;
    }
    uint64_t seq;
    for (size_t i = 0; zloom_idmap_next (self->states, &i, &seq, NULL);) {
        if (seq >= first && seq <= last) {
            s_gone (self, seq);
        }
    }
}

void
zloom_lanes_back (zloom_lanes_t *self, uint64_t seq)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    if (state >> 32 != ZLOOM_LANES_OUT) {
        return;
    }
    zloom_idmap_remove (self->states, seq);
    zloom_lane_t *lane = self->lanes[zloom_lanes_state_slot (state) >> ZLOOM_LANES_PLACE_BITS];
    zloom_lanes_put (self, lane, s_land (self, lane, seq, (uint16_t) state));
}

void
zloom_lanes_give_back (zloom_lanes_t *self, uint64_t seq)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    zloom_lanes_back (self, seq);
    if (state >> 32 == ZLOOM_LANES_OUT) {
        zloom_lanes_list_first (
          self, self->lanes[zloom_lanes_state_slot (state) >> ZLOOM_LANES_PLACE_BITS]);
    }
}

/* The first message of the place that is out and comes before seq. */
static bool
s_earlier (const zloom_lanes_t *self, const zloom_lane_t *lane, uint64_t seq, uint16_t place,
           uint64_t *earlier)
{
    for (size_t i = 0; i < lane->out.count; i++) {
        const uint64_t item = zloom_lane_ring_at (&lane->out, i);
        if (zloom_lanes_place (item) == place && zloom_lanes_seq (self, item) < seq) {
            *earlier = zloom_lanes_seq (self, item);
            return true;
        }
    }
    return false;
}

bool
zloom_lanes_earlier (const zloom_lanes_t *self, uint64_t seq, uint64_t *earlier)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    const zloom_slot_t slot = zloom_lanes_state_slot (state);
    return state != 0 && s_earlier (self, self->lanes[slot >> ZLOOM_LANES_PLACE_BITS], seq,
                                    (uint16_t) slot, earlier);
}

void
zloom_lanes_fail (zloom_lanes_t *self, uint64_t seq)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    if (state >> 32 != ZLOOM_LANES_OUT) {
        return;
    }
    zloom_lane_t *lane = self->lanes[zloom_lanes_state_slot (state) >> ZLOOM_LANES_PLACE_BITS];
    const uint16_t place = (uint16_t) state;
    const zloom_lane_parked_t *parked = zloom_lanes_parked (lane, place);
    const uint64_t item = s_land (self, lane, seq, place);
    uint64_t earlier;
    if ((parked && parked->seq < seq) || s_earlier (self, lane, seq, place, &earlier)) {
        /* One at a time: it blocks when its turn has come. */
        zloom_idmap_remove (self->states, seq);
        zloom_lanes_put (self, lane, item);
        return;
    }
    zloom_lanes_park (self, lane, item);
    zloom_lanes_list (self, lane);
}

void
zloom_lanes_due (zloom_lanes_t *self, uint64_t seq)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    if (state >> 32 != ZLOOM_LANES_BACK) {
        return;
    }
    zloom_idmap_remove (self->states, seq);
    zloom_lane_t *lane = self->lanes[zloom_lanes_state_slot (state) >> ZLOOM_LANES_PLACE_BITS];
    zloom_lanes_put (self, lane, zloom_lanes_entry (self, seq, (uint16_t) state));
}

bool
zloom_lanes_slot_of (const zloom_lanes_t *self, uint64_t seq, zloom_slot_t *slot)
{
    const uintptr_t state = zloom_lanes_state (self, seq);
    *slot = zloom_lanes_state_slot (state);
    return state != 0;
}

bool
zloom_lanes_later (const zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq, uint64_t *later)
{
    const zloom_lane_t *lane = self->lanes[slot >> ZLOOM_LANES_PLACE_BITS];
    for (size_t i = 0; lane && i < lane->out.count; i++) {
        const uint64_t item = zloom_lane_ring_at (&lane->out, i);
        if (zloom_lanes_seq (self, item) > seq && zloom_lanes_place (item) == (uint16_t) slot) {
            *later = zloom_lanes_seq (self, item);
            return true;
        }
    }
    return false;
}

/* The lane that has seq at its front, with nothing out and nothing parked; NULL when none has. */
static zloom_lane_t *
s_first_of (const zloom_lanes_t *self, uint64_t seq)
{
    for (size_t i = 0; i < ZLOOM_LANES; i++) {
        zloom_lane_t *lane = self->lanes[i];
        if (lane && lane->out.count == 0 && lane->parked_count == 0 && lane->next.count > 0 &&
            zloom_lanes_seq (self, zloom_lane_ring_at (&lane->next, 0)) == seq) {
            return lane;
        }
    }
    return NULL;
}

bool
zloom_lanes_is_first (const zloom_lanes_t *self, uint64_t seq)
{
    return s_first_of (self, seq);
}

void
zloom_lanes_drop_first (zloom_lanes_t *self, uint64_t seq)
{
    zloom_lane_t *lane = s_first_of (self, seq);
    if (lane) {
        zloom_lanes_unlist (self, lane);
        zloom_lanes_drop (self, lane);
        zloom_lanes_list (self, lane);
    }
}

/* ---- looking --------------------------------------------------------------------------------- */

uint64_t
zloom_lanes_base (const zloom_lanes_t *self)
{
    return self->base;
}

bool
zloom_lanes_next_parked (const zloom_lanes_t *self, uint64_t *cursor, zloom_parked_t *parked)
{
    /* The cursor is lane * 2^32 + index. */
    for (uint64_t i = *cursor >> 32; i < ZLOOM_LANES; i++) {
        const uint64_t index = i == *cursor >> 32 ? *cursor & UINT32_MAX : 0;
        const zloom_lane_t *lane = self->lanes[i];
        if (lane && index < lane->parked_count) {
            const zloom_lane_parked_t *found = &lane->parked[index];
            *parked = (zloom_parked_t){((zloom_slot_t) i << ZLOOM_LANES_PLACE_BITS) | found->place,
                                       found->seq, found->behind};
            *cursor = (i << 32) + index + 1;
            return true;
        }
    }
    return false;
}

size_t
zloom_lanes_deepest (const zloom_lanes_t *self, zloom_lane_row_t *rows, size_t max)
{
    size_t count = 0;
    for (uint32_t i = 0; i < ZLOOM_LANES; i++) {
        const zloom_lane_t *lane = self->lanes[i];
        const uint64_t entries = lane ? lane->next.count + lane->aside.count + lane->out.count : 0;
        if (entries == 0 || (count == max && entries <= rows[count - 1].messages)) {
            continue;
        }
        uint64_t first = UINT64_MAX;
        const zloom_lane_ring_t *rings[] = {&lane->next, &lane->aside, &lane->out};
        for (size_t j = 0; j < 3; j++) {
            const uint64_t seq = rings[j]->count
                                   ? zloom_lanes_seq (self, zloom_lane_ring_at (rings[j], 0))
                                   : UINT64_MAX;
            first = seq < first ? seq : first;
        }
        size_t at = count < max ? count++ : count - 1;
        for (; at > 0 && rows[at - 1].messages < entries; at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = (zloom_lane_row_t){i, entries, first};
    }
    return count;
}
