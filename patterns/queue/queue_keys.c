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

/*
 * A key that was parked goes on behind what followed: as long as that has not left, a restart would
 * find it ready, and it would be worked on after what came later.
 */
static void
s_hold (zloom_queue_t *self, zloom_bytes_t key, const void *value)
{
    const uint64_t last = (uint64_t) (uintptr_t) value - 1;
    if (value && self->lanes && zloom_numbers_has (&self->followers, last)) {
        zloom_lanes_hold (self->lanes, zloom_lanes_slot (self->lanes, key), last);
    }
}

void
zloom_queue_park_key (zloom_queue_t *self, zloom_bytes_t key, bool parked)
{
    if (!parked) {
        s_hold (self, key, zloom_map_remove (self->parked, key));
    } else if (key.data && zloom_map_count (self->parked) < ZLOOM_QUEUE_PARKED_MAX) {
        zloom_map_put (self->parked, key, (void *) (uintptr_t) 1);
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
        zloom_bytes_t key;
        void *value;
        for (size_t i = 0; zloom_map_next (self->parked, &i, &key, &value);) {
            s_hold (self, key, value);
        }
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

/* The first stuck message from number `from` on that the lanes do not know. */
static bool
s_next_unknown (const zloom_queue_t *self, uint64_t from, uint64_t *seq)
{
    zloom_range_t run;
    zloom_slot_t slot;
    while (zloom_numbers_find (&self->stuck, from, UINT64_MAX, &run)) {
        if (!zloom_lanes_slot_of (self->lanes, run.first, &slot)) {
            *seq = run.first;
            return true;
        }
        from = run.first + 1;
    }
    return false;
}

/* The first message of a key goes on, if it failed: once more, or to the dead letters. */
static bool
s_free_message (zloom_queue_t *self, uint64_t seq, bool skip)
{
    zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq);
    const zloom_run_t run = {seq, 1};
    if (!entry || entry->failures == 0 || zloom_numbers_remove (&self->waiting, seq, seq) == 0) {
        return false;
    }
    zloom_numbers_remove (&self->stuck, seq, seq);
    zloom_exceptions_wait (self->exceptions, entry, ZLOOM_NEVER);
    entry->delay_ns = 0;
    zloom_queue_touch (self, &run);
    if (skip) {
        zloom_queue_die (self, entry);
        return true;
    }
    zloom_queue_add_ready (self, ZLOOM_READY_FAILED, seq, seq);
    zloom_queue_order_due (self, seq);
    return true;
}

/* Whether message seq has this key; one that cannot be read may have it. */
static zloom_err_t
s_has_key (const zloom_turn_t *turn, uint64_t seq, zloom_bytes_t key, bool otherwise, bool *has)
{
    zloom_bytes_t its;
    const zloom_err_t err = zloom_queue_key_of (turn->store, seq, &its);
    *has = err == ZLOOM_OK ? zloom_bytes_equal (its, key) : otherwise;
    return err == ZLOOM_AGAIN ? err : ZLOOM_OK;
}

/* The message that this key waits for; 0 if there is none. AGAIN: it is not known yet. */
static zloom_err_t
s_find_blocker (const zloom_queue_t *self, zloom_bytes_t key, const zloom_turn_t *turn,
                uint64_t *blocker)
{
    const zloom_slot_t slot = zloom_lanes_slot (self->lanes, key);
    zloom_parked_t parked;
    zloom_err_t err = ZLOOM_OK;
    bool has = false;
    for (uint64_t cursor = 0; zloom_lanes_next_parked (self->lanes, &cursor, &parked) && !has;) {
        if (parked.slot == slot) {
            *blocker = parked.blocker;
            err = s_has_key (turn, parked.blocker, key, true, &has);
        }
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    /* After a restart lanes learn only as much as there is work for. */
    uint64_t from = 0;
    while (!has && s_next_unknown (self, from, blocker)) {
        err = s_has_key (turn, *blocker, key, false, &has);
        if (err != ZLOOM_OK) {
            return err;
        }
        from = *blocker + 1;
    }
    *blocker = has ? *blocker : 0;
    return ZLOOM_OK;
}

/* Let the key go on; NOT_FOUND when it does. */
static zloom_err_t
s_free_key (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_bytes_t key = event->free_key.key;
    uint64_t blocker = 0;
    bool freed = false;
    if (!self->lanes) {
        return ZLOOM_NOT_FOUND;
    }
    const zloom_err_t err = s_find_blocker (self, key, turn, &blocker);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (zloom_map_get (self->parked, key)) {
        zloom_queue_park_key (self, key, false);
        zloom_queue_record_key (self, key, false, turn);
        freed = true;
    }
    if (blocker > 0 && s_free_message (self, blocker, event->free_key.skip)) {
        if (self->group == 0) { /* groups hear it together, and move one after the other */
            zloom_queue_move (self, turn, false);
        }
        freed = true;
    }
    return freed ? ZLOOM_OK : ZLOOM_NOT_FOUND;
}

void
zloom_queue_free_key (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_err_t result = s_free_key (self, event, turn);
    if (event->free_key.result) {
        *event->free_key.result = result;
    }
}

/* ---- shown ----------------------------------------------------------------------------------- */

/* Cursors from here on are of stuck messages that no lane knows, and of the parked keys' map. */
#define OF_STUCK (UINT64_C (1) << 61)
#define OF_MAP (UINT64_C (1) << 62)

static void
s_show (const zloom_queue_t *self, uint64_t seq, uint64_t behind, zloom_key_row_t *row)
{
    const zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq);
    row->state = zloom_numbers_has (&self->stuck, seq) ? ZLOOM_KEY_STUCK : ZLOOM_KEY_WAITS;
    row->seq = seq;
    row->behind = behind;
    row->failures = entry ? entry->failures : 0;
    row->history = entry && entry->history ? zloom_blob_bytes (entry->history) : ZLOOM_BYTES_NULL;
}

bool
zloom_queue_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    zloom_parked_t parked;
    *row = (zloom_key_row_t){0};
    if (!queue->lanes) {
        return false;
    }
    if (*cursor < OF_STUCK && zloom_lanes_next_parked (queue->lanes, cursor, &parked)) {
        s_show (queue, parked.blocker, parked.behind, row);
        return true;
    }
    const uint64_t base = zloom_lanes_base (queue->lanes);
    const uint64_t from = *cursor >= OF_STUCK ? *cursor - OF_STUCK : 0;
    uint64_t seq;
    if (*cursor < OF_MAP && s_next_unknown (queue, base + from, &seq)) {
        *cursor = OF_STUCK + (seq - base) + 1;
        s_show (queue, seq, 0, row);
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
