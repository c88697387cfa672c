/* SPDX-License-Identifier: MPL-2.0 */
/*
 * checker.c - messages and their bodies. staged.c judges what goes into the journal, told.c what is
 * said while the router lives, census.c judges between lives.
 */
#include "base/crc32c.h"
#include "base/memory.h"
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAGIC 0x53494D42u /* SIMB */
#define BODY_LEAST 24u
#define BODY_MOST 400u

static const char *const s_names[SIM_FLOWS] = {"orders", "dead",  "out",  "fast",
                                               "ring",   "timed", "once", "junk"};

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

uint32_t
sim_peer_named (zloom_bytes_t name)
{
    uint32_t who = 0;
    for (size_t i = 1; i < name.size; i++) {
        who = who * 10 + (uint32_t) (name.data[i] - '0');
    }
    return name.size >= 2 && name.data[0] == 'p' ? who : UINT32_MAX;
}

sim_checker_t *
sim_checker_new (sim_ground_t *ground, int order, bool timed)
{
    sim_checker_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    self->order = order;
    self->timed = timed;
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

/* What is said of a new message beside its body. */
static void
s_say (sim_checker_t *self, sim_message_t *message)
{
    sim_ground_t *ground = self->ground;
    message->due_ms = message->expires_ms = message->priority = -1;
    if (message->flow == SIM_ORDERS && self->order != SIM_NO_KEYS) {
        snprintf (message->key, sizeof message->key, "k%u",
                  (unsigned) sim_below (ground, SIM_KEYS));
        if (self->timed && sim_once_in (ground, 8)) {
            message->due_ms = (int64_t) sim_below (ground, 400);
        }
        if (self->timed && sim_once_in (ground, 8)) {
            message->expires_ms = (int64_t) sim_below (ground, 2000);
        }
    } else if (message->flow == SIM_ONCE && !sim_once_in (ground, 8)) {
        snprintf (message->own_id, sizeof message->own_id, "i%u",
                  (unsigned) sim_below (ground, SIM_IDS));
    } else if (message->flow == SIM_TIMED) {
        if (sim_once_in (ground, 3)) {
            message->due_ms = (int64_t) sim_below (ground, 1500);
        }
        if (sim_once_in (ground, 3)) {
            message->expires_ms = (int64_t) sim_below (ground, 3000);
        }
        if (sim_once_in (ground, 2)) {
            message->priority = (int) sim_below (ground, 10);
        }
    }
}

void
sim_checker_envelope (sim_checker_t *self, uint64_t number, zloom_envelope_t *envelope)
{
    const sim_message_t *message = sim_message (self, number);
    if (message->key[0]) {
        envelope->key = zloom_bytes_text (message->key);
    }
    if (message->own_id[0]) {
        envelope->id = zloom_bytes_text (message->own_id);
    }
    envelope->has_due = message->due_ms >= 0;
    envelope->due_ms = envelope->has_due ? message->due_ms : 0;
    envelope->has_expires = message->expires_ms >= 0;
    envelope->expires_ms = envelope->has_expires ? message->expires_ms : 0;
    envelope->has_priority = message->priority >= 0;
    envelope->priority = (uint8_t) (envelope->has_priority ? message->priority : 0);
}

uint64_t
sim_checker_attempt (sim_checker_t *self, sim_flow_t flow, uint32_t producer, uint64_t source,
                     zloom_buf_t *body)
{
    zloom_grow (&self->messages, &self->capacity, self->count + 1, sizeof *self->messages);
    const uint32_t size = BODY_LEAST + (uint32_t) sim_below (self->ground, BODY_MOST - BODY_LEAST);
    self->messages[self->count++] =
      (sim_message_t){.flow = flow, .producer = producer, .source = source, .size = size};
    s_say (self, &self->messages[self->count - 1]);
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
sim_checker_freed (sim_checker_t *self)
{
    self->freed = true;
}

void
sim_checker_counts (const sim_checker_t *self, sim_counts_t *counts)
{
    *counts = self->counts;
}
