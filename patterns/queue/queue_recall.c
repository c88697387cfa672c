/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_recall.c - flows with a key: when a message fails or comes back, whoever holds later ones
 * of its key loses them. Noted while the event goes on (later verdicts in it come too late), done
 * when it is over.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"

/* The slot of what the lanes do not know. */
#define UNKNOWN UINT32_MAX

/* The lowest number of the slot that was recalled in this event; UINT64_MAX: none was. */
static uint64_t
s_lowest (const zloom_queue_t *self, zloom_slot_t slot)
{
    return (uint64_t) (uintptr_t) zloom_idmap_get (self->lowest_of, slot) - 1;
}

static void
s_bar (zloom_queue_t *self, zloom_slot_t slot, uint64_t seq)
{
    if (!self->lowest_of) {
        self->lowest_of = zloom_idmap_new ();
    }
    if (self->recall_count == 0 || seq < self->lowest) {
        self->lowest = seq;
    }
    if (seq < s_lowest (self, slot)) {
        zloom_idmap_put (self->lowest_of, slot, (void *) (uintptr_t) (seq + 1));
    }
}

/*
 * A key's message came back, or failed: who holds later ones of the key loses them. Of what was
 * leased again after a restart the key may not be known: its holder loses all that stands behind
 * it.
 */
static void
s_recall (zloom_queue_t *self, uint64_t seq)
{
    zloom_slot_t slot;
    if (!zloom_lanes_slot_of (self->lanes, seq, &slot)) {
        if (seq >= self->boot_seq) {
            return;
        }
        slot = UNKNOWN;
    }
    s_bar (self, slot, seq);
    zloom_grow (&self->recalls, &self->recall_capacity, self->recall_count + 1,
                sizeof *self->recalls);
    self->recalls[self->recall_count++] = (zloom_queue_recall_t){slot, seq};
}

void
zloom_queue_order_recall (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; self->lanes && seq <= last; seq++) {
        s_recall (self, seq);
    }
}

void
zloom_queue_order_back (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; self->lanes && seq <= last; seq++) {
        s_recall (self, seq);
        zloom_lanes_back (self->lanes, seq);
    }
}

void
zloom_queue_order_failed (zloom_queue_t *self, uint64_t seq)
{
    if (self->lanes) {
        s_recall (self, seq);
        zloom_lanes_fail (self->lanes, seq);
    }
}

bool
zloom_queue_barred (const zloom_queue_t *self, uint64_t seq)
{
    zloom_slot_t slot;
    if (self->recall_count == 0) {
        return false;
    }
    if (!zloom_lanes_slot_of (self->lanes, seq, &slot)) {
        slot = UNKNOWN;
    }
    uint64_t lowest = s_lowest (self, slot);
    if (seq < self->boot_seq) { /* what is not known may be of any key */
        const uint64_t other = slot == UNKNOWN ? self->lowest : s_lowest (self, UNKNOWN);
        lowest = other < lowest ? other : lowest;
    }
    return lowest < seq;
}

/* ---- taken away ------------------------------------------------------------------------------ */

void
zloom_queue_lost (zloom_queue_t *self, zloom_queue_lost_t lost)
{
    zloom_grow (&self->lost, &self->lost_capacity, self->lost_count + 1, sizeof *self->lost);
    self->lost[self->lost_count++] = lost;
}

/* By consumer, the highest numbers first. */
static int
s_later_first (const void *a, const void *b)
{
    const zloom_queue_lost_t *x = a;
    const zloom_queue_lost_t *y = b;
    const uint64_t keys[][2] = {{x->consumer, y->consumer},
                                {y->run.seq, x->run.seq},
                                {x->token.boot, y->token.boot},
                                {x->token.number, y->token.number}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return 0;
}

static bool
s_is_one_hand_out (const zloom_queue_lost_t *a, const zloom_queue_lost_t *b)
{
    return a->consumer == b->consumer && a->token.boot == b->token.boot &&
           a->token.number == b->token.number;
}

/*
 * A road that breaks takes the end of what was said. Whoever comes to the next boot must not name
 * the later message of a key without the earlier, so it hears of the later first: one frame a
 * hand-out, as long as no other hand-out's numbers stand between.
 */
static void
s_tell (zloom_queue_t *self, const zloom_turn_t *turn)
{
    if (self->lost_count > 1) {
        qsort (self->lost, self->lost_count, sizeof *self->lost, s_later_first);
    }
    for (size_t i = 0, end; i < self->lost_count; i = end) {
        const zloom_queue_lost_t *first = &self->lost[i];
        for (end = i + 1; end < self->lost_count && end - i < ZLOOM_LIMIT_RUNS &&
                          s_is_one_hand_out (first, &self->lost[end]);) {
            end++;
        }
        for (size_t j = end; j > i; j--) {
            zloom_queue_add_stale (self, self->lost[j - 1].run.seq, self->lost[j - 1].run.n);
        }
        zloom_queue_tell_stale (self, first->consumer, first->token, turn);
    }
    self->lost_count = 0;
}

/* Take a message out of a lease; its holder is told. */
static void
s_take_out (zloom_queue_t *self, zloom_lease_t **lease_p, uint64_t seq)
{
    const zloom_queue_consumer_t *consumer = zloom_lease_holder (*lease_p)->owner;
    const zloom_token_t token = zloom_lease_token (*lease_p);
    zloom_lease_part_t part;
    zloom_queue_take (self, lease_p, seq, seq, &part);
    self->released++;
    zloom_queue_ready (self, seq, seq);
    zloom_lanes_back (self->lanes, seq);
    zloom_queue_lost (self, (zloom_queue_lost_t){consumer->id, token, {seq, 1}});
}

/*
 * Take from leases of earlier boots what stands behind `any`, a message whose key is not
 * known, and behind `some`, whose key is known: those whose own key is not.
 */
static void
s_take_rest_away (zloom_queue_t *self, uint64_t any, uint64_t some)
{
    const uint64_t first = any < some ? any : some;
    for (size_t i = 0; first < self->boot_seq && i < self->ring_count; i++) {
        zloom_lease_t *next;
        for (zloom_lease_t *lease = self->ring[i]->holder.first; lease; lease = next) {
            uint64_t from = zloom_lease_token (lease).boot == self->boot ? UINT64_MAX : first;
            zloom_lease_part_t part;
            zloom_slot_t slot;
            next = zloom_lease_next (lease);
            while (lease && from < UINT64_MAX &&
                   zloom_leases_held (lease, from + 1, UINT64_MAX, &part)) {
                from = part.seq;
                if (from > any || !zloom_lanes_slot_of (self->lanes, from, &slot)) {
                    s_take_out (self, &lease, from);
                }
            }
        }
    }
}

/* Take a message away from whoever holds it. */
static void
s_take_away (zloom_queue_t *self, uint64_t seq)
{
    if (zloom_suspects_remove (&self->suspects, seq, seq) > 0) {
        zloom_queue_ready (self, seq, seq);
        return;
    }
    zloom_lease_part_t part;
    zloom_lease_t *lease = zloom_queue_find_holder (self, seq, &part);
    if (!lease) {
        return;
    }
    s_take_out (self, &lease, seq);
}

void
zloom_queue_order_flush (zloom_queue_t *self, const zloom_turn_t *turn)
{
    uint64_t any = UINT64_MAX;
    uint64_t some = UINT64_MAX;
    for (size_t i = 0; i < self->recall_count; i++) {
        uint64_t *least = self->recalls[i].slot == UNKNOWN ? &any : &some;
        *least = self->recalls[i].seq < *least ? self->recalls[i].seq : *least;
    }
    s_take_rest_away (self, any, some);
    for (size_t i = 0; i < self->recall_count; i++) {
        const zloom_queue_recall_t recall = self->recalls[i];
        uint64_t later;
        zloom_idmap_remove (self->lowest_of, recall.slot);
        while (recall.slot != UNKNOWN &&
               zloom_lanes_later (self->lanes, recall.slot, recall.seq, &later)) {
            s_take_away (self, later);
            zloom_lanes_back (self->lanes, later);
        }
    }
    self->recall_count = 0;
    s_tell (self, turn);
}
