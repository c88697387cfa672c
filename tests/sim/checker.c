/* SPDX-License-Identifier: MPL-2.0 */
/*
 * checker.c - messages and what is staged of them. told.c judges what is said while the router
 * lives, census.c judges between lives.
 */
#include "base/crc32c.h"
#include "base/memory.h"
#include "history.h"
#include "patterns/common/history.h"

#include <inttypes.h>
#include <stdlib.h>

#define BODY_MAGIC 0x53494D42u /* SIMB */
#define BODY_LEAST 24u
#define BODY_MOST 400u

static const char *const s_names[SIM_FLOWS] = {"orders", "dead", "out", "fast", "ring", "junk"};

const char *
sim_flow_name (sim_flow_t flow)
{
    return s_names[flow];
}

sim_flow_t
sim_flow_named (zloom_bytes_t name)
{
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        if (zloom_bytes_equal (name, zloom_bytes_text (s_names[flow]))) {
            return (sim_flow_t) flow;
        }
    }
    return SIM_NO_FLOW;
}

sim_checker_t *
sim_checker_new (sim_ground_t *ground)
{
    sim_checker_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        self->flows[flow].by_seq = zloom_idmap_new ();
        self->flows[flow].first_ids = zloom_idmap_new ();
        self->flows[flow].disk = flow != SIM_FAST;
    }
    return self;
}

void
sim_checker_destroy (sim_checker_t **self_p)
{
    sim_checker_t *self = *self_p;
    if (!self) {
        return;
    }
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        sim_books_t *books = &self->flows[flow];
        for (size_t i = 0; i < books->count; i++) {
            sim_place_free (books->places[i]);
        }
        free (books->places);
        zloom_idmap_destroy (&books->by_seq);
        zloom_idmap_destroy (&books->first_ids);
    }
    zloom_arena_fini (&self->arena);
    free (self->boots);
    free (self->messages);
    free (self);
    *self_p = NULL;
}

sim_message_t *
sim_message (const sim_checker_t *self, uint64_t number)
{
    return number > 0 && number <= self->count ? &self->messages[number - 1] : NULL;
}

sim_place_t *
sim_place (const sim_checker_t *self, sim_flow_t flow, uint64_t seq)
{
    return flow < SIM_FLOWS ? zloom_idmap_get (self->flows[flow].by_seq, seq) : NULL;
}

sim_place_t *
sim_last_place (const sim_checker_t *self, sim_flow_t flow, uint64_t number)
{
    const sim_books_t *books = &self->flows[flow];
    for (size_t i = books->count; i > 0; i--) {
        if (books->places[i - 1]->number == number) {
            return books->places[i - 1];
        }
    }
    return NULL;
}

void
sim_place_free (sim_place_t *place)
{
    free (place->asks);
    free (place);
}

bool
sim_same_token (zloom_token_t a, zloom_token_t b)
{
    return a.boot == b.boot && a.number == b.number;
}

const sim_ask_t *
sim_place_ask (const sim_place_t *place, zloom_token_t token, zloom_route_t route)
{
    for (size_t i = place->ask_count; i > 0; i--) {
        const sim_ask_t *ask = &place->asks[i - 1];
        if (ask->route == route && sim_same_token (ask->token, token)) {
            return ask;
        }
    }
    return NULL;
}

uint64_t
sim_durable (const sim_checker_t *self)
{
    return self->engine ? zloom_journal_durable (self->engine->disk.journal) : 0;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

void
sim_checker_body (const sim_checker_t *self, uint64_t number, zloom_buf_t *body)
{
    const sim_message_t *message = sim_message (self, number);
    uint8_t *at = zloom_buf_reserve (body, message->size);
    zloom_put_u32 (at, BODY_MAGIC);
    zloom_put_u64 (at + 4, number);
    zloom_put_u32 (at + 12, message->producer);
    zloom_put_u32 (at + 16, message->size);
    for (uint32_t i = 20; i < message->size - 4; i++) {
        at[i] = (uint8_t) (number * 31 + i);
    }
    zloom_put_u32 (at + message->size - 4, zloom_crc32c (0, at, message->size - 4));
    body->size += message->size;
}

uint64_t
sim_body_number (const sim_checker_t *self, zloom_bytes_t body)
{
    if (body.size < BODY_LEAST || zloom_get_u32 (body.data) != BODY_MAGIC ||
        zloom_get_u32 (body.data + 16) != body.size ||
        zloom_get_u32 (body.data + body.size - 4) != zloom_crc32c (0, body.data, body.size - 4)) {
        return 0;
    }
    const uint64_t number = zloom_get_u64 (body.data + 4);
    const sim_message_t *message = sim_message (self, number);
    return message && message->size == body.size ? number : 0;
}

uint64_t
sim_checker_attempt (sim_checker_t *self, sim_flow_t flow, uint32_t producer, uint64_t source,
                     zloom_buf_t *body)
{
    zloom_grow (&self->messages, &self->capacity, self->count + 1, sizeof *self->messages);
    const uint32_t size = BODY_LEAST + (uint32_t) sim_below (self->ground, BODY_MOST - BODY_LEAST);
    self->messages[self->count++] =
      (sim_message_t){.flow = flow, .producer = producer, .source = source, .size = size};
    self->counts.attempts++;
    sim_checker_body (self, self->count, body);
    return self->count;
}

void
sim_checker_numbered (sim_checker_t *self, uint64_t number, uint64_t id)
{
    sim_message (self, number)->id = id;
}

void
sim_checker_never (sim_checker_t *self, uint64_t number, const char *why)
{
    sim_message_t *message = sim_message (self, number);
    if (message->told && !message->excused) {
        sim_fail (self->ground, "Q3: message %" PRIu64 " was confirmed, now it %s", number, why);
    }
    message->never = why;
}

void
sim_checker_believed (sim_checker_t *self, uint64_t number)
{
    const sim_message_t *message = sim_message (self, number);
    if (!message->told && !message->excused) {
        sim_fail (self->ground,
                  "Q1: the client believes that message %" PRIu64
                  " is confirmed, the router never said so",
                  number);
    }
}

bool
sim_checker_is_told (const sim_checker_t *self, uint64_t number)
{
    return sim_message (self, number)->told;
}

uint64_t
sim_checker_received (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t body)
{
    const uint64_t number = sim_body_number (self, body);
    if (number == 0) {
        sim_fail (self->ground, "Q2: a consumer of %s received bytes that nobody sent",
                  s_names[flow]);
    }
    return number;
}

/* ---- staged ---------------------------------------------------------------------------------- */

static sim_flow_t
s_flow_of (const sim_checker_t *self, bool disk, uint32_t number)
{
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        if (self->flows[flow].disk == disk && self->flows[flow].number == number) {
            return (sim_flow_t) flow;
        }
    }
    return SIM_NO_FLOW;
}

/* Q7: it comes here as a dead letter. */
static void
s_check_dead (sim_checker_t *self, uint64_t number, zloom_bytes_t past)
{
    const sim_message_t *message = sim_message (self, number);
    const sim_place_t *from = sim_last_place (self, message->flow, number);
    if (message->flow != SIM_ORDERS || !from) {
        sim_fail (self->ground, "Q7: message %" PRIu64 " is dead, but was never an order", number);
        return;
    }
    const bool ran_out =
      from->leased && from->started && from->deadline_ns <= self->ground->mono_ns;
    const uint32_t failures = from->bad_ends + ran_out;
    if (!from->rejected && failures < SIM_ORDERS_FAILURES) {
        sim_fail (self->ground, "Q7: message %" PRIu64 " is dead after %u failures", number,
                  failures);
    }
    zloom_history_t history;
    if (zloom_history_decode (past, &history) != ZLOOM_OK || history.count == 0) {
        sim_fail (self->ground, "Q7: dead letter %" PRIu64 " has no reason", number);
        return;
    }
    uint64_t count = 0;
    bool rejected = false;
    for (uint32_t i = 0; i < history.count; i++) {
        if (zloom_bytes_equal (history.causes[i].flow, zloom_bytes_text ("orders"))) {
            count += history.causes[i].count;
            rejected |= zloom_bytes_equal (history.causes[i].reason, zloom_bytes_text ("rejected"));
        }
    }
    if (count == 0 || (!rejected && count < SIM_ORDERS_FAILURES)) {
        sim_fail (self->ground, "Q7: dead letter %" PRIu64 " tells of %" PRIu64 " failures", number,
                  count);
    }
}

static void
s_stage_message (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_bytes_t envelope,
                 zloom_bytes_t past, uint64_t group)
{
    zloom_envelope_t opened;
    sim_books_t *books = &self->flows[flow];
    const bool whole = zloom_envelope_decode (envelope, &opened) == ZLOOM_OK;
    const uint64_t number = whole ? sim_body_number (self, opened.body) : 0;
    if (number == 0) {
        sim_fail (self->ground, "Q2: %s stores bytes that nobody sent as %" PRIu64, s_names[flow],
                  seq);
        return;
    }
    const sim_message_t *message = sim_message (self, number);
    if (message->never) {
        sim_fail (self->ground, "Q3: message %" PRIu64 " is taken although it %s", number,
                  message->never);
    }
    if (zloom_idmap_get (books->by_seq, seq)) {
        sim_fail (self->ground, "Q9: %s gives number %" PRIu64 " twice", s_names[flow], seq);
        return;
    }
    sim_trace (self->ground, "  message", seq, message->producer, message->id);
    const sim_place_t *before = sim_last_place (self, flow, number);
    sim_place_t *place = zloom_alloc (sizeof *place);
    *place = (sim_place_t){.flow = flow, .seq = seq, .number = number, .group = group};
    place->unordered = message->flow != flow || before;
    if (flow == SIM_DEAD && message->flow != SIM_DEAD) {
        s_check_dead (self, number, past);
    } else if (message->flow != flow) {
        sim_fail (self->ground, "Q2: message %" PRIu64 " for %s is stored in %s", number,
                  s_names[message->flow], s_names[flow]);
    } else if (before && !self->flows[SIM_DEAD].by_hand) {
        sim_fail (self->ground,
                  "Q1: message %" PRIu64 " is stored twice in %s, as %" PRIu64 " and %" PRIu64,
                  number, s_names[flow], before->seq, seq);
    }
    zloom_grow (&books->places, &books->capacity, books->count + 1, sizeof (sim_place_t *));
    books->places[books->count++] = place;
    zloom_idmap_put (books->by_seq, seq, place);
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
    zloom_pack_iter_t iter = zloom_pack_iter (record->payload);
    zloom_bytes_t envelope;
    uint32_t index = 0;
    for (; zloom_pack_next (&iter, &envelope); index++) {
        s_stage_message (self, flow, record->seq + index, envelope,
                         zloom_pack_head_past (&head, index), group);
    }
    if (index != record->count) {
        sim_fail (self->ground, "a stored pack of %s holds %u messages, not %u", s_names[flow],
                  index, record->count);
    }
}

/* May the message at this place leave for that reason? */
static bool
s_may_leave (const sim_checker_t *self, const sim_place_t *place, uint8_t reason, bool by_hand)
{
    switch (reason) {
    case ZLOOM_REASON_ACKED:
        for (size_t i = 0; i < place->ask_count; i++) {
            if (place->asks[i].verdict == ZLOOM_VERDICT_ACK) {
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
                          s_names[flow], seq);
                return;
            }
            if (!s_may_leave (self, place, reason, by_hand)) {
                sim_fail (self->ground,
                          "Q8: %s settles %" PRIu64 " (reason %u), and nobody may "
                          "have asked for it",
                          s_names[flow], seq, reason);
            }
            sim_trace (self->ground, "  leaves", flow, seq, reason);
            place->left = by_hand && reason == ZLOOM_REASON_MOVED ? SIM_REQUEUED : reason;
            place->left_group = group;
            self->counts.acked += reason == ZLOOM_REASON_ACKED;
            self->counts.dead += reason == ZLOOM_REASON_MOVED && !by_hand;
            self->counts.dropped += reason == ZLOOM_REASON_DROPPED;
            self->counts.purged += reason == ZLOOM_REASON_PURGED;
        }
    }
    if (cursor.err || ranges.err) {
        sim_fail (self->ground, "a SETTLE record of %s cannot be read", s_names[flow]);
    }
}

void
sim_checker_staged (sim_checker_t *self, bool disk, const zloom_record_t *record, uint64_t group)
{
    const sim_flow_t flow = s_flow_of (self, disk, record->flow);
    if (flow == SIM_NO_FLOW || flow == SIM_JUNK) {
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

/* ---- what the world may do ------------------------------------------------------------------- */

void
sim_checker_shifted (sim_checker_t *self, int64_t by_ns)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            self->flows[f].places[i]->deadline_ns += by_ns;
        }
    }
}

void
sim_checker_phantom (sim_checker_t *self)
{
    self->counts.phantoms++;
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        sim_checker_unsaid (self, (sim_flow_t) flow);
    }
}

void
sim_checker_refused (sim_checker_t *self)
{
    self->counts.refused++;
}

void
sim_checker_by_hand (sim_checker_t *self, sim_flow_t flow)
{
    self->flows[flow].by_hand = true;
}

void
sim_checker_counts (const sim_checker_t *self, sim_counts_t *counts)
{
    *counts = self->counts;
}
