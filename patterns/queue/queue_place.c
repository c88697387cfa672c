/* SPDX-License-Identifier: MPL-2.0 */
/* queue_place.c - where one message is, and what it has been through: for people who ask. */
#include "patterns/queue/state.h"

static bool
s_find_lease (const zloom_queue_t *self, uint64_t seq, zloom_whereabouts_t *place)
{
    zloom_lease_part_t part;
    const zloom_lease_t *lease = zloom_queue_find_holder (self, seq, &part);
    if (!lease) {
        return false;
    }
    const zloom_queue_consumer_t *consumer = zloom_lease_holder (lease)->owner;
    place->consumer = consumer->id;
    place->started = part.started;
    place->lease_end_ns = part.deadline_ns;
    return true;
}

static zloom_place_name_t
s_name (const zloom_queue_t *self, uint64_t seq, zloom_whereabouts_t *place)
{
    zloom_range_t live;
    if (seq == 0 || seq >= self->next_seq) {
        return ZLOOM_PLACE_NONE;
    }
    if (!zloom_done_gap (&self->done, seq, seq, &live)) {
        return ZLOOM_PLACE_GONE;
    }
    if (zloom_numbers_has (&self->moving, seq)) {
        return ZLOOM_PLACE_MOVES;
    }
    if (zloom_numbers_has (&self->stuck, seq)) {
        return ZLOOM_PLACE_STUCK;
    }
    if (zloom_numbers_has (&self->waiting, seq)) {
        return ZLOOM_PLACE_WAITS;
    }
    return s_find_lease (self, seq, place) ? ZLOOM_PLACE_LEASED : ZLOOM_PLACE_READY;
}

void
zloom_queue_place (const void *self, uint64_t seq, zloom_whereabouts_t *place)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    *place = (zloom_whereabouts_t){.due_mono_ns = ZLOOM_NEVER};
    place->place = s_name (queue, seq, place);
    const zloom_exception_t *entry = zloom_exceptions_get (queue->exceptions, seq);
    if (entry && place->place != ZLOOM_PLACE_GONE) {
        place->failures = entry->failures;
        place->history = entry->history ? zloom_blob_bytes (entry->history) : ZLOOM_BYTES_NULL;
        place->due_mono_ns = entry->timer.slot > 0 ? entry->timer.deadline_ns : ZLOOM_NEVER;
    }
}
