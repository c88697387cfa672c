/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_order.c - flows with a key: each key's messages are worked in their order, by whomever.
 *
 * The places (queue_places.c) say what may be handed out at all; lanes (common/lanes.h) say in
 * which order. Lanes are filled from the stored messages, in the order of numbers and only as far
 * ahead as there is work for, so that neither memory nor the time to open a log follows the
 * backlog.
 *
 * When a message fails, its key waits for it, and whoever holds later ones of that key loses them:
 * they come after it again. `order` says what happens when it has failed for the last time:
 *
 *   skip    it is dead, and its key goes on
 *   strict  it stays, and its key is stuck until somebody decides (so does a verdict `reject`)
 *   park    it is dead, and what comes later of its key follows it, until somebody frees the key
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"
#include "wire/pack.h"

/* So many entries that may be served are looked for ahead, in steps of so many messages. */
#define AHEAD 262144u
#define SCAN_MESSAGES 4096u
/* Stored packs, and messages, looked at in one go, so that a turn stays short; the next one goes
 * on. */
#define SCAN_PACKS 1024
#define SCAN_GO 65536u
/* Entries that are got out of the way in one dispatch, so that a turn stays short as well. */
#define SWEEP_MESSAGES 4096u
/* Never more entries in all (8 bytes each). */
#define ENTRIES_MAX (4u * 1024 * 1024)

void
zloom_queue_order_configure (zloom_queue_t *self)
{
    if (!self->config.key) {
        zloom_lanes_destroy (&self->lanes);
        return;
    }
    if (!self->lanes) {
        self->lanes = zloom_lanes_new (self->secret, self->done.floor);
        self->frontier = self->done.floor;
    }
    zloom_lanes_weigh_none (self->lanes);
    for (size_t i = 0; i < self->config.weight_count; i++) {
        const zloom_weight_t *weight = &self->config.weights[i];
        zloom_lanes_weigh (self->lanes, zloom_bytes_text (weight->key), (uint32_t) weight->weight);
    }
}

/* ---- filling the lanes ----------------------------------------------------------------------- */

/* Add the peeked messages, of which the first is `seq`. */
static void
s_add (zloom_queue_t *self, const zloom_peek_t *peek, uint64_t seq)
{
    zloom_pack_iter_t iter = zloom_pack_iter (peek->pack);
    zloom_bytes_t bytes;
    for (uint32_t i = 0; i < peek->n && zloom_pack_next (&iter, &bytes); i++) {
        const zloom_envelope_t head = zloom_queue_head (bytes);
        zloom_lanes_add (self->lanes, zloom_lanes_slot (self->lanes, head.key), seq + i);
    }
}

/* Look further ahead, as far as there is need; what is on the disk comes later. */
static void
s_scan (zloom_queue_t *self, const zloom_turn_t *turn)
{
    uint64_t from;
    int packs = 0;
    uint32_t looked = 0;
    self->scan_more = false;
    if (zloom_lanes_rewind (self->lanes, &from) && from < self->frontier) {
        self->frontier = from;
    }
    while (self->frontier <= self->durable_seq && zloom_lanes_open (self->lanes) < AHEAD &&
           zloom_lanes_count (self->lanes) < ENTRIES_MAX) {
        zloom_range_t run;
        self->scan_more = packs++ == SCAN_PACKS || looked >= SCAN_GO;
        if (self->scan_more) {
            return;
        }
        if (!zloom_done_gap (&self->done, self->frontier, self->durable_seq, &run)) {
            self->frontier = self->durable_seq + 1;
            return;
        }
        uint64_t n = run.last - run.first + 1;
        n = n < SCAN_MESSAGES ? n : SCAN_MESSAGES;
        zloom_peek_t peek = {0};
        const zloom_err_t err =
          turn->store->peek (turn->store->arg, run.first, (uint32_t) n, UINT64_MAX, &peek);
        if (err == ZLOOM_AGAIN) {
            return;
        }
        if (err == ZLOOM_OK) {
            looked += peek.n;
            s_add (self, &peek, run.first);
        } else if (zloom_queue_free_run (self, run.first, run.first, &run)) {
            zloom_queue_doom (self, run.first, run.first, &self->damaged);
        }
        self->frontier = run.first + (err == ZLOOM_OK ? peek.n : 1);
    }
}

/* ---- handing out ----------------------------------------------------------------------------- */

/* Whether the message at the front follows its key to the dead letters. */
static zloom_err_t
s_follows (zloom_queue_t *self, uint64_t seq, const zloom_turn_t *turn, bool *follows)
{
    zloom_bytes_t key;
    *follows = false;
    if (zloom_map_count (self->parked) == 0 || self->config.order != ZLOOM_ORDER_PARK) {
        return ZLOOM_OK;
    }
    const zloom_err_t err = zloom_queue_key_of (turn->store, seq, &key);
    const void *last = err == ZLOOM_OK && key.data ? zloom_map_get (self->parked, key) : NULL;
    *follows = last;
    if (last && (uintptr_t) last <= seq) {
        zloom_map_put (self->parked, key, (void *) (uintptr_t) (seq + 1));
    }
    return err;
}

void
zloom_queue_order_dead (zloom_queue_t *self, uint64_t seq, const zloom_turn_t *turn)
{
    zloom_bytes_t key;
    if (!self->lanes || self->config.order != ZLOOM_ORDER_PARK ||
        zloom_queue_key_of (turn->store, seq, &key) != ZLOOM_OK || !key.data ||
        zloom_map_get (self->parked, key)) {
        return;
    }
    zloom_queue_park_key (self, key, true);
    zloom_queue_record_key (self, key, true, turn);
}

/* What is to be done with the entry at a lane's front. */
typedef enum {
    GIVE,
    DROP,  /* it is not there any more */
    ASIDE, /* its key waits */
    BLOCK, /* it waits, and its key with it */
    OUT,   /* somebody has it: the lane is busy */
    STOP,  /* not now */
} choice_t;

static choice_t
s_choose (zloom_queue_t *self, const zloom_lane_entry_t *entry, bool failed_only,
          const zloom_turn_t *turn)
{
    const uint64_t seq = entry->seq;
    const bool ready = zloom_queue_is_ready (self, seq);
    const bool waiting = !ready && zloom_numbers_has (&self->waiting, seq);
    const bool moving = !ready && !waiting && zloom_numbers_has (&self->moving, seq);
    /* One that failed is to park its key first. */
    const bool parks = moving && self->config.order == ZLOOM_ORDER_PARK &&
                       zloom_exceptions_get (self->exceptions, seq);
    if ((moving && !parks) || zloom_done_has (&self->done, seq)) {
        return DROP;
    }
    if (entry->barred) {
        return ASIDE;
    }
    if (waiting || parks) {
        return BLOCK;
    }
    if (!ready) {
        return OUT;
    }
    bool follows;
    const zloom_err_t err = s_follows (self, seq, turn, &follows);
    if (err == ZLOOM_AGAIN) {
        return STOP;
    }
    if (follows) {
        zloom_queue_doom (self, seq, seq, &self->followers);
        return DROP;
    }
    if (failed_only && !zloom_exceptions_get (self->exceptions, seq)) {
        return STOP;
    }
    return seq < self->held_to ? STOP : GIVE;
}

/* Get an entry that is not to be handed out, at the lane's front, out of the way. */
static void
s_sweep (zloom_queue_t *self, zloom_lane_t *lane, choice_t choice)
{
    self->swept++;
    if (choice == DROP) {
        zloom_lanes_drop (self->lanes, lane);
    } else if (choice == ASIDE) {
        zloom_lanes_set_aside (self->lanes, lane);
    } else {
        zloom_lanes_block (self->lanes, lane);
    }
}

/* Take up to `most` messages out of a lane; returns how many. */
static uint32_t
s_gather_lane (zloom_queue_t *self, zloom_lane_t *lane, uint32_t most, bool failed_only,
               const zloom_turn_t *turn)
{
    zloom_lane_entry_t entry;
    uint32_t count = 0;
    bool busy = false;
    while (count < most && zloom_lanes_front (self->lanes, lane, &entry)) {
        if (self->swept >= SWEEP_MESSAGES) {
            self->scan_more = true;
            return count;
        }
        const choice_t choice = s_choose (self, &entry, failed_only, turn);
        switch (choice) {
        case GIVE:
            if (busy) {
                return count;
            }
            zloom_grow (&self->gathered, &self->gathered_capacity, self->gathered_count + 1,
                        sizeof *self->gathered);
            self->gathered[self->gathered_count++] = entry.seq;
            zloom_lanes_take (self->lanes, lane);
            count++;
            break;
        case DROP:
        case ASIDE:
        case BLOCK:
            s_sweep (self, lane, choice);
            break;
        case OUT:
            zloom_lanes_take (self->lanes, lane);
            busy = true; /* others that its holder has may stand behind it */
            break;
        case STOP:
            return count;
        }
    }
    return count;
}

static int
s_by_number (const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *) a;
    const uint64_t y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

/*
 * What was leased again after a restart came out of lanes that are not known any more: nothing goes
 * to others that stands before the last of it, since it may be of the same key. Only subscribing
 * leases such (queue_lease.c): once the last is let go there are none to look for.
 */
static void
s_look_for_held (zloom_queue_t *self)
{
    if (self->held_to == 0) {
        return;
    }
    self->held_to = 0;
    for (size_t i = 0; i < self->ring_count; i++) {
        for (zloom_lease_t *lease = self->ring[i]->holder.first; lease;
             lease = zloom_lease_next (lease)) {
            const uint64_t last = zloom_lease_last (lease);
            if (zloom_lease_token (lease).boot != self->boot && last > self->held_to) {
                self->held_to = last;
            }
        }
    }
}

size_t
zloom_queue_gather (zloom_queue_t *self, uint32_t most, bool failed_only, const zloom_turn_t *turn)
{
    self->gathered_count = 0;
    s_scan (self, turn);
    s_look_for_held (self);
    if (turn->now.mono_ns < self->hold_until_ns) {
        return 0;
    }
    for (size_t lanes = zloom_lanes_waiting (self->lanes); lanes > 0; lanes--) {
        uint32_t share;
        if (self->swept >= SWEEP_MESSAGES) { /* those that follow go first in the next one */
            self->scan_more = true;
            break;
        }
        const uint32_t left = most - (uint32_t) self->gathered_count;
        zloom_lane_t *lane = left > 0 ? zloom_lanes_begin (self->lanes, &share) : NULL;
        if (!lane) {
            break;
        }
        const uint32_t taken =
          s_gather_lane (self, lane, share < left ? share : left, failed_only, turn);
        zloom_lanes_end (self->lanes, lane, taken);
    }
    if (self->gathered_count > 1) {
        qsort (self->gathered, self->gathered_count, sizeof *self->gathered, s_by_number);
    }
    return self->gathered_count;
}

/* ---- what became of messages ----------------------------------------------------------------- */

void
zloom_queue_order_gone (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    if (self->lanes) {
        zloom_lanes_gone (self->lanes, first, last);
    }
}

void
zloom_queue_order_due (zloom_queue_t *self, uint64_t seq)
{
    if (self->lanes) {
        zloom_lanes_due (self->lanes, seq);
    }
}

bool
zloom_queue_order_first (const zloom_queue_t *self, uint64_t seq)
{
    return !self->lanes || (seq < self->frontier && zloom_lanes_is_first (self->lanes, seq));
}

void
zloom_queue_order_late (zloom_queue_t *self, uint64_t seq)
{
    if (self->lanes) {
        zloom_lanes_drop_first (self->lanes, seq);
    }
}

void
zloom_queue_order_look (zloom_queue_t *self, const zloom_turn_t *turn)
{
    if (self->lanes) {
        s_scan (self, turn);
    }
}
