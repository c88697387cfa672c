/* SPDX-License-Identifier: MPL-2.0 */
/* staged.c - what goes into the journal: places come and go, and each needs a reason. */
#include "base/memory.h"
#include "history.h"
#include "patterns/common/history.h"
#include "wire/source.h"

#include <inttypes.h>

static sim_flow_t
s_flow_of (const sim_checker_t *self, bool disk, uint32_t number)
{
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        if (number > 0 && self->flows[flow].disk == disk && self->flows[flow].number == number) {
            return (sim_flow_t) flow;
        }
    }
    return SIM_NO_FLOW;
}

/*
 * It follows an earlier message of its key to the dead letters; or a later one, where a crash took
 * along that it had left before: the router handed out that one meanwhile, and it parked the key.
 */
static bool
s_follows (const sim_checker_t *self, const sim_place_t *place)
{
    const char *key = sim_place_key (self, place);
    for (size_t i = 0; key && self->order == ZLOOM_ORDER_PARK && i < self->flows[SIM_ORDERS].count;
         i++) {
        const sim_place_t *other = self->flows[SIM_ORDERS].places[i];
        if ((other->seq < place->seq || place->back) && other->left == ZLOOM_REASON_MOVED &&
            !other->unfailed && strcmp (sim_place_key (self, other), key) == 0) {
            return true;
        }
    }
    return false;
}

/* Q7: it comes here as a dead letter. */
static void
s_check_dead (sim_checker_t *self, uint64_t number, zloom_bytes_t past)
{
    const sim_message_t *message = sim_message (self, number);
    sim_place_t *from = sim_last_place (self, message->flow, number);
    if (message->flow != SIM_ORDERS || !from) {
        sim_fail (self->ground, "Q7: message %" PRIu64 " is dead, but was never an order", number);
        return;
    }
    zloom_history_t history;
    if (zloom_history_decode (past, &history) != ZLOOM_OK || history.count == 0) {
        sim_fail (self->ground, "Q7: dead letter %" PRIu64 " has no reason", number);
        return;
    }
    uint64_t count = 0;
    bool rejected = false;
    bool parked = false;
    bool expired = false;
    bool overflow = false;
    for (uint32_t i = 0; i < history.count; i++) {
        if (zloom_bytes_equal (history.causes[i].flow, zloom_bytes_text ("orders"))) {
            const zloom_bytes_t reason = history.causes[i].reason;
            count += history.causes[i].count;
            rejected |= zloom_bytes_equal (reason, zloom_bytes_text ("rejected"));
            parked |= zloom_bytes_equal (reason, zloom_bytes_text ("parked"));
            expired |= zloom_bytes_equal (reason, zloom_bytes_text ("expired"));
            overflow |= zloom_bytes_equal (reason, zloom_bytes_text ("overflow"));
        }
    }
    if ((expired && sim_place_expired (self, from)) || (overflow && sim_orders_drop (self))) {
        from->unfailed = true;
        return;
    }
    if (parked && s_follows (self, from)) {
        return;
    }
    const bool ran_out =
      from->leased && from->started && from->deadline_ns <= self->ground->mono_ns;
    const uint32_t failures = from->bad_ends + ran_out;
    const bool often = self->order != ZLOOM_ORDER_STRICT;
    if (!from->rejected && (failures < SIM_ORDERS_FAILURES || !often)) {
        sim_fail (self->ground, "Q7: message %" PRIu64 " is dead after %u failures", number,
                  failures);
    }
    if (count == 0 || (!rejected && (count < SIM_ORDERS_FAILURES || !often))) {
        sim_fail (self->ground, "Q7: dead letter %" PRIu64 " tells of %" PRIu64 " failures", number,
                  count);
    }
}

static void
s_stage_message (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_bytes_t envelope,
                 zloom_bytes_t past, int64_t base_ns, uint64_t group)
{
    zloom_envelope_t opened;
    sim_books_t *books = &self->flows[flow];
    const bool whole = zloom_envelope_decode (envelope, &opened) == ZLOOM_OK;
    const uint64_t number = whole ? sim_body_number (self, opened.body) : 0;
    if (number == 0) {
        sim_fail (self->ground, "Q2: %s stores bytes that nobody sent as %" PRIu64,
                  sim_flow_name (flow), seq);
        return;
    }
    const sim_message_t *message = sim_message (self, number);
    if (message->never) {
        sim_fail (self->ground, "Q3: message %" PRIu64 " is taken although it %s", number,
                  message->never);
    }
    if (zloom_idmap_get (books->by_seq, seq)) {
        sim_fail (self->ground, "Q9: %s gives number %" PRIu64 " twice", sim_flow_name (flow), seq);
        return;
    }
    sim_trace (self->ground, "  message", seq, message->producer, message->id);
    const sim_place_t *before = sim_last_place (self, flow, number);
    sim_place_t *place = zloom_alloc (sizeof *place);
    *place = (sim_place_t){.flow = flow, .seq = seq, .number = number, .group = group};
    place->unordered = message->flow != flow || before;
    place->stored_wall_ns = sim_now (self->ground).wall_ns;
    place->stored_offset_ns = self->ground->wall_offset_ns;
    /* Of a sender whose clock is ahead: no longer than it asked for. What was put back by hand has
     * its time behind it. */
    const int64_t from_ns = base_ns < place->stored_wall_ns ? base_ns : place->stored_wall_ns;
    place->due_wall_ns = opened.has_due && !before ? from_ns + opened.due_ms * SIM_MS : 0;
    place->expires_wall_ns =
      opened.has_expires && !before ? base_ns + opened.expires_ms * SIM_MS : 0;
    place->rank = opened.has_priority ? opened.priority : 4;
    sim_order_stored (self, place);
    if (flow == SIM_DEAD && message->flow != SIM_DEAD) {
        s_check_dead (self, number, past);
    } else if (message->flow != flow) {
        sim_fail (self->ground, "Q2: message %" PRIu64 " for %s is stored in %s", number,
                  sim_flow_name (message->flow), sim_flow_name (flow));
    } else if (before && !self->flows[SIM_DEAD].by_hand) {
        sim_fail (self->ground,
                  "Q1: message %" PRIu64 " is stored twice in %s, as %" PRIu64 " and %" PRIu64,
                  number, sim_flow_name (flow), before->seq, seq);
    }
    zloom_grow (&books->places, &books->capacity, books->count + 1, sizeof (sim_place_t *));
    books->places[books->count++] = place;
    zloom_idmap_put (books->by_seq, seq, place);
}

/* Q1: each id of a producer is stored once, also of those whose messages nobody else checks. */
static void
s_stage_ids (sim_checker_t *self, sim_flow_t flow, const zloom_pack_head_t *head)
{
    for (size_t i = 0; head->own && i < head->src_count; i++) {
        const zloom_src_t *src = &head->src[i];
        const uint32_t who = sim_peer_named (src->producer);
        uint64_t *high = who < SIM_PRODUCERS ? &self->flows[flow].highs[who] : NULL;
        if (!high) {
            continue;
        }
        if (src->first_id <= *high) {
            sim_fail (self->ground, "Q1: %s stores p%u's %" PRIu64 " after its %" PRIu64,
                      sim_flow_name (flow), who, src->first_id, *high);
        }
        *high = src->first_id + src->n - 1;
    }
}

static void
s_stage_pack (sim_checker_t *self, sim_flow_t flow, const zloom_record_t *record, uint64_t group)
{
    zloom_pack_head_t head;
    zloom_arena_reset (&self->arena);
    if (zloom_pack_head_decode (record->head, &self->arena, &head) != ZLOOM_OK) {
        sim_fail (self->ground, "a stored pack has no head: %s", zloom_note ());
        return;
    }
    s_stage_ids (self, flow, &head);
    if (flow == SIM_JUNK) {
        return;
    }
    zloom_pack_iter_t iter = zloom_pack_iter (record->payload);
    zloom_bytes_t envelope;
    uint32_t index = 0;
    for (; zloom_pack_next (&iter, &envelope); index++) {
        zloom_origin_t origin;
        zloom_src_origin (head.src, head.src_count, index, &origin);
        s_stage_message (self, flow, record->seq + index, envelope,
                         zloom_pack_head_past (&head, index), origin.base_time_ns, group);
    }
    if (index != record->count) {
        sim_fail (self->ground, "a stored pack of %s holds %u messages, not %u",
                  sim_flow_name (flow), index, record->count);
    }
}

/* May the message at this place leave for that reason? */
static bool
s_may_leave (const sim_checker_t *self, const sim_place_t *place, uint8_t reason, bool by_hand)
{
    switch (reason) {
    case ZLOOM_REASON_ACKED:
        for (size_t i = 0; i < place->ask_count; i++) {
            const sim_ask_t *ask = &place->asks[i];
            const bool held = place->leased && place->deadline_ns > self->ground->mono_ns;
            if (ask->verdict == ZLOOM_VERDICT_ACK && !(ask->late && held)) {
                return true;
            }
        }
        return false;
    case ZLOOM_REASON_MOVED:
        return by_hand ? self->flows[place->flow].by_hand : place->flow == SIM_ORDERS;
    case ZLOOM_REASON_PURGED:
        return self->flows[place->flow].by_hand;
    case ZLOOM_REASON_DROPPED:
        return place->flow == SIM_RING;
    case ZLOOM_REASON_EXPIRED:
        return sim_place_expired (self, place);
    default:
        return self->excused;
    }
}

static void
s_stage_settle (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t head, uint64_t group)
{
    zloom_cursor_t cursor = zloom_cursor (head);
    zloom_cursor_array (&cursor, 3);
    const uint8_t reason = (uint8_t) zloom_cursor_uint (&cursor, UINT8_MAX);
    zloom_cursor_t ranges = cursor;
    (void) zloom_cursor_raw (&cursor);
    const bool by_hand = zloom_cursor_bool (&cursor);
    const uint32_t count = zloom_cursor_array (&ranges, UINT32_MAX) / 2;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t first = zloom_cursor_uint (&ranges, INT64_MAX);
        const uint64_t n = zloom_cursor_uint (&ranges, UINT32_MAX);
        for (uint64_t seq = first; seq < first + n; seq++) {
            sim_place_t *place = sim_place (self, flow, seq);
            if (!place || place->left) {
                sim_fail (self->ground, "Q4: %s settles %" PRIu64 ", which is not there",
                          sim_flow_name (flow), seq);
                return;
            }
            if (!s_may_leave (self, place, reason, by_hand)) {
                sim_fail (self->ground,
                          "Q8: %s settles %" PRIu64 " (reason %u), and nobody may "
                          "have asked for it",
                          sim_flow_name (flow), seq, reason);
            }
            sim_trace (self->ground, "  leaves", flow, seq, reason);
            if (reason == ZLOOM_REASON_ACKED) {
                sim_order_acked (self, place);
            }
            place->left = by_hand && reason == ZLOOM_REASON_MOVED ? SIM_REQUEUED : reason;
            place->left_group = group;
            self->counts.acked += reason == ZLOOM_REASON_ACKED;
            self->counts.dead += reason == ZLOOM_REASON_MOVED && !by_hand;
            self->counts.dropped += reason == ZLOOM_REASON_DROPPED;
            self->counts.purged += reason == ZLOOM_REASON_PURGED;
        }
    }
    if (cursor.err || ranges.err) {
        sim_fail (self->ground, "a SETTLE record of %s cannot be read", sim_flow_name (flow));
    }
}

void
sim_checker_staged (sim_checker_t *self, bool disk, const zloom_record_t *record, uint64_t group)
{
    const sim_flow_t flow = s_flow_of (self, disk, record->flow);
    if (flow == SIM_NO_FLOW || (flow == SIM_JUNK && record->type != ZLOOM_RECORD_PACK)) {
        return;
    }
    sim_trace (self->ground, disk ? "stage" : "stage-memory", record->flow, record->type,
               record->seq);
    if (record->type == ZLOOM_RECORD_PACK) {
        s_stage_pack (self, flow, record, group);
    } else if (record->type == ZLOOM_RECORD_SETTLE) {
        s_stage_settle (self, flow, record->head, group);
    }
}
