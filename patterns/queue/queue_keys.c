/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_keys.c - keys that do not go on: those whose first message waits for its retry, those that
 * are stuck behind one that failed for the last time, those that are parked behind a dead one. They
 * are shown, and freed by hand.
 */
#include "base/map.h"
#include "patterns/queue/state.h"
#include "wire/pack.h"

zloom_err_t
zloom_queue_key_of (const zloom_store_t *store, uint64_t seq, zloom_bytes_t *key)
{
    zloom_peek_t peek = {0};
    zloom_envelope_t head = {0};
    zloom_bytes_t bytes;
    zloom_err_t err = store->peek (store->arg, seq, 1, UINT64_MAX, &peek);
    *key = ZLOOM_BYTES_NULL;
    if (err == ZLOOM_OK) {
        zloom_pack_iter_t iter = zloom_pack_iter (peek.pack);
        err = zloom_pack_next (&iter, &bytes) ? zloom_envelope_decode_head (bytes, &head)
                                              : ZLOOM_DAMAGED;
        *key = head.key;
    }
    return err;
}

void
zloom_queue_park_key (zloom_queue_t *self, zloom_bytes_t key, bool parked)
{
    if (!parked) {
        zloom_map_remove (self->parked, key);
    } else if (key.data && zloom_map_count (self->parked) < ZLOOM_QUEUE_PARKED_MAX) {
        zloom_map_put (self->parked, key, self);
    }
}

/* ---- by whose word --------------------------------------------------------------------------- */

bool
zloom_queue_stays (const zloom_queue_t *self)
{
    return self->lanes && (self->config.order == ZLOOM_ORDER_STRICT ||
                           (self->config.order == ZLOOM_ORDER_PARK &&
                            zloom_map_count (self->parked) >= ZLOOM_QUEUE_PARKED_MAX));
}

/*
 * A key that is stuck or parked by the word of an older recipe goes on: its message is tried once
 * more. The journal needs no word of it: the next start comes to the same.
 */
void
zloom_queue_keys_configure (zloom_queue_t *self)
{
    zloom_range_t run;
    if ((!self->lanes || self->config.order != ZLOOM_ORDER_PARK) &&
        zloom_map_count (self->parked) > 0) {
        zloom_map_destroy (&self->parked);
        self->parked = zloom_map_new ();
    }
    if (zloom_queue_stays (self)) {
        return;
    }
    while (zloom_numbers_find (&self->stuck, 0, UINT64_MAX, &run)) {
        for (uint64_t seq = run.first; seq <= run.last; seq++) {
            zloom_exceptions_get (self->exceptions, seq)->delay_ns = 0;
            zloom_queue_add_ready (self, ZLOOM_READY_FAILED, seq, seq);
            zloom_queue_order_due (self, seq);
        }
        zloom_numbers_remove (&self->waiting, run.first, run.last);
        zloom_numbers_remove (&self->stuck, run.first, run.last);
    }
}

/* ---- freed ----------------------------------------------------------------------------------- */

/* The first message of a key goes on, if it failed: once more, or to the dead letters. */
static void
s_free_message (zloom_queue_t *self, uint64_t seq, bool skip)
{
    zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq);
    const zloom_run_t run = {seq, 1};
    if (!entry || entry->failures == 0 || zloom_numbers_remove (&self->waiting, seq, seq) == 0) {
        return;
    }
    zloom_numbers_remove (&self->stuck, seq, seq);
    zloom_exceptions_wait (self->exceptions, entry, ZLOOM_NEVER);
    entry->delay_ns = 0;
    zloom_queue_touch (self, &run);
    if (skip) {
        zloom_queue_die (self, entry);
        return;
    }
    zloom_queue_add_ready (self, ZLOOM_READY_FAILED, seq, seq);
    zloom_queue_order_due (self, seq);
}

void
zloom_queue_free_key (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_bytes_t key = event->free_key.key;
    if (!self->lanes) {
        return;
    }
    if (zloom_map_get (self->parked, key)) {
        zloom_queue_park_key (self, key, false);
        zloom_queue_record_key (self, key, false, turn);
    }
    const zloom_slot_t slot = zloom_lanes_slot (self->lanes, key);
    zloom_parked_t parked;
    for (uint64_t cursor = 0; zloom_lanes_next_parked (self->lanes, &cursor, &parked);) {
        zloom_bytes_t its;
        if (parked.slot == slot &&
            (zloom_queue_key_of (turn->store, parked.blocker, &its) != ZLOOM_OK ||
             zloom_bytes_equal (its, key))) {
            s_free_message (self, parked.blocker, event->free_key.skip);
            zloom_queue_move (self, turn, false);
            return;
        }
    }
}

/* ---- shown ----------------------------------------------------------------------------------- */

/* Cursors from here on are of the parked keys' map; none is above INT64_MAX. */
#define OF_MAP (UINT64_C (1) << 62)

bool
zloom_queue_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    zloom_parked_t parked;
    *row = (zloom_key_row_t){0};
    if (!queue->lanes) {
        return false;
    }
    if (*cursor < OF_MAP && zloom_lanes_next_parked (queue->lanes, cursor, &parked)) {
        const zloom_exception_t *entry = zloom_exceptions_get (queue->exceptions, parked.blocker);
        const bool stuck = zloom_numbers_has (&queue->stuck, parked.blocker);
        row->state = stuck ? ZLOOM_KEY_STUCK : ZLOOM_KEY_WAITS;
        row->seq = parked.blocker;
        row->behind = parked.behind;
        row->failures = entry ? entry->failures : 0;
        row->history =
          entry && entry->history ? zloom_blob_bytes (entry->history) : ZLOOM_BYTES_NULL;
        return true;
    }
    size_t index = *cursor >= OF_MAP ? (size_t) (*cursor - OF_MAP) : 0;
    row->state = ZLOOM_KEY_PARKED;
    const bool found = zloom_map_next (queue->parked, &index, &row->key, NULL);
    *cursor = OF_MAP + index;
    return found;
}

size_t
zloom_queue_lanes (const void *self, zloom_lane_row_t *rows, size_t max)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    return queue->lanes && max > 0 ? zloom_lanes_deepest (queue->lanes, rows, max) : 0;
}
