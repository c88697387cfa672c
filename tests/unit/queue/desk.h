/* SPDX-License-Identifier: MPL-2.0 */
/*
 * desk.h - a queue on the desk: the pattern with a small engine around it that carries effects out
 * into a list of records and a store in memory, and can start anew from those records. Each call
 * clears the effects of the one before, so a test looks at what its own event did.
 */
#ifndef ZLOOM_TESTS_UNIT_QUEUE_DESK_H
#define ZLOOM_TESTS_UNIT_QUEUE_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "patterns/common/history.h"
#include "patterns/common/pack_head.h"
#include "patterns/common/records.h"
#include "patterns/queue/queue.h"
#include "wire/pack.h"

#define DESK_BOOT 77
#define MS ZLOOM_NS_PER_MS
#define S ZLOOM_NS_PER_S

typedef struct {
    uint8_t type;
    uint64_t seq;
    uint32_t count;
    uint64_t payload_bytes;
    zloom_buf_t head;
    zloom_buf_t pack;
} desk_record_t;

typedef struct {
    void *queue;
    zloom_flow_config_t config;
    zloom_effects_t *effects;
    zloom_random_t random;
    zloom_store_t store;
    zloom_turn_t turn;
    uint64_t boot;
    desk_record_t *records;
    size_t record_count;
    size_t record_capacity;
    bool by_hand;        /* the test says what is durable */
    uint64_t cold_below; /* the store says AGAIN for these */
    uint64_t bad_first;  /* ... and DAMAGED for these */
    uint64_t bad_last;
    zloom_arena_t arena;
    zloom_pack_head_t head;
} desk_t;

static inline zloom_flow_config_t
desk_config (void)
{
    return (zloom_flow_config_t){.name = "orders",
                                 .pattern = "queue",
                                 .confirm = ZLOOM_CONFIRM_DISK,
                                 .lease_ns = 30 * S,
                                 .failures_max = 3,
                                 .backoff_ns = {1 * S, 5 * S},
                                 .backoff_count = 2,
                                 .dead_letter = "orders-dead",
                                 .limit_messages = 1000000,
                                 .limit_bytes = INT64_C (1) << 40,
                                 .requeues_max = 10,
                                 .exceptions_max = 1000000};
}

static inline const desk_record_t *
desk_pack (const desk_t *self, uint64_t seq)
{
    for (size_t i = self->record_count; i > 0; i--) {
        const desk_record_t *record = &self->records[i - 1];
        if (record->type == ZLOOM_STORED_PACK && record->seq <= seq &&
            seq < record->seq + record->count) {
            return record;
        }
    }
    return NULL;
}

static inline zloom_err_t
desk_peek (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes, zloom_peek_t *peek)
{
    desk_t *self = arg;
    const desk_record_t *record = desk_pack (self, seq);
    if (!record) {
        return ZLOOM_NOT_FOUND;
    }
    if (seq >= self->bad_first && seq <= self->bad_last) {
        return ZLOOM_DAMAGED;
    }
    if (seq < self->cold_below) {
        return ZLOOM_AGAIN;
    }
    uint64_t each = record->payload_bytes / record->count;
    uint64_t n = record->seq + record->count - seq;
    uint64_t fit = max_bytes / each > 0 ? max_bytes / each : 1;
    n = n < max_n ? n : max_n;
    if (seq < self->bad_first && seq + n > self->bad_first && self->bad_last > 0) {
        n = self->bad_first - seq;
    }
    n = n < fit ? n : fit;
    peek->n = (uint32_t) n;
    peek->bytes = n * each;
    assert_int_equal (
      zloom_pack_slice (zloom_buf_bytes (&record->pack), seq - record->seq, n, &peek->pack),
      ZLOOM_OK);
    zloom_arena_reset (&self->arena);
    assert_int_equal (
      zloom_pack_head_decode (zloom_buf_bytes (&record->head), &self->arena, &self->head),
      ZLOOM_OK);
    peek->history = zloom_pack_head_past (&self->head, (uint32_t) (seq - record->seq));
    peek->flags = self->head.flags;
    uint64_t at = seq - record->seq;
    size_t run = 0;
    for (; at >= self->head.src[run].n; run++) {
        at -= self->head.src[run].n;
    }
    peek->src = self->head.src[run];
    peek->src.first_id += at;
    peek->src.n -= (uint32_t) at;
    return ZLOOM_OK;
}

static inline void
desk_open (desk_t *self)
{
    const zloom_birth_t birth = {.boot = self->boot, .first_seq = 1, .secret = {self->boot, 7}};
    self->queue = zloom_queue_pattern.create (&self->config, &birth);
}

static inline desk_t *
desk_new (const zloom_flow_config_t *config)
{
    desk_t *self = zloom_alloc (sizeof *self);
    self->config = *config;
    self->effects = zloom_effects_new ();
    zloom_random_init (&self->random, 1);
    self->store = (zloom_store_t){self, desk_peek};
    self->turn = (zloom_turn_t){.now = {1000 * S, INT64_C (1700000000) * S},
                                .effects = self->effects,
                                .store = &self->store,
                                .random = &self->random};
    self->boot = DESK_BOOT;
    self->bad_first = 1;
    desk_open (self);
    return self;
}

static inline void
desk_destroy (desk_t *self)
{
    zloom_queue_pattern.destroy (&self->queue);
    for (size_t i = 0; i < self->record_count; i++) {
        zloom_buf_fini (&self->records[i].head);
        zloom_buf_fini (&self->records[i].pack);
    }
    free (self->records);
    zloom_arena_fini (&self->arena);
    zloom_effects_destroy (&self->effects);
    free (self);
}

static inline desk_record_t *
desk_record (desk_t *self)
{
    zloom_grow (&self->records, &self->record_capacity, self->record_count + 1,
                sizeof *self->records);
    desk_record_t *record = &self->records[self->record_count++];
    *record = (desk_record_t){0};
    return record;
}

/* Keep what effects say must be kept. */
static inline void
desk_carry_out (desk_t *self)
{
    for (size_t i = 0; i < zloom_effects_count (self->effects); i++) {
        const zloom_effect_t *effect = zloom_effects_at (self->effects, i);
        if (effect->type == ZLOOM_EFFECT_APPEND) {
            desk_record_t *record = desk_record (self);
            record->type = ZLOOM_STORED_PACK;
            record->seq = effect->append.seq;
            record->count = effect->append.n;
            record->payload_bytes = effect->append.pack.size;
            zloom_pack_head_encode (effect, &record->head);
            zloom_buf_add_bytes (&record->pack, effect->append.pack);
        } else if (effect->type == ZLOOM_EFFECT_RECORD) {
            desk_record_t *record = desk_record (self);
            record->type = effect->record.type;
            record->seq = effect->record.seq;
            record->count = effect->record.count;
            zloom_buf_add_bytes (&record->head, effect->record.head);
        }
    }
}

static inline void
desk_feed (desk_t *self, const zloom_event_t *event)
{
    zloom_effects_clear (self->effects);
    zloom_queue_pattern.event (self->queue, event, &self->turn);
    desk_carry_out (self);
    assert_true (zloom_queue_check (self->queue));
    if (event->type == ZLOOM_EVENT_OFFER && !self->by_hand) {
        zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE};
        durable.durable_seq = zloom_queue_pattern.next_seq (self->queue) - 1;
        zloom_queue_pattern.event (self->queue, &durable, &self->turn);
    }
}

/* Start anew from a snapshot (unset: none) and the records from `from` on. */
static inline void
desk_restart_from (desk_t *self, zloom_bytes_t snapshot, size_t from)
{
    zloom_queue_pattern.destroy (&self->queue);
    self->boot++;
    desk_open (self);
    if (snapshot.data) {
        assert_int_equal (zloom_queue_pattern.restore (self->queue, snapshot), ZLOOM_OK);
    }
    for (size_t i = from; i < self->record_count; i++) {
        const desk_record_t *record = &self->records[i];
        zloom_replay_t replay = {.type = record->type,
                                 .seq = record->seq,
                                 .count = record->count,
                                 .payload_bytes = record->payload_bytes,
                                 .head = zloom_buf_bytes (&record->head)};
        assert_int_equal (zloom_queue_pattern.replay (self->queue, &replay), ZLOOM_OK);
    }
    zloom_queue_pattern.recovered (self->queue, self->turn.now);
    assert_true (zloom_queue_check (self->queue));
}

static inline void
desk_restart (desk_t *self)
{
    desk_restart_from (self, ZLOOM_BYTES_NULL, 0);
}

/* ---- events in a line ------------------------------------------------------------------------ */

/* A pack of n messages of 8 bytes each with their headers. */
static inline zloom_bytes_t
desk_bytes (uint32_t n)
{
    static uint8_t pack[8 * 65536];
    for (uint32_t i = 0; i < n; i++) {
        pack[8 * i] = 0xc4;
        pack[8 * i + 1] = 6;
    }
    return zloom_bytes (pack, 8 * (size_t) n);
}

static inline void
desk_offer (desk_t *self, const char *producer, uint64_t session, uint64_t first_id, uint32_t n)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = session};
    event.offer.producer = zloom_bytes_text (producer);
    event.offer.first_id = first_id;
    event.offer.n = n;
    event.offer.pack = desk_bytes (n);
    event.offer.base_time_ns = self->turn.now.wall_ns;
    desk_feed (self, &event);
}

/* Messages without a numbered sender, as a bridge or a step brings them. */
static inline void
desk_put (desk_t *self, uint32_t n)
{
    zloom_src_t src = {n, zloom_bytes_text ("log/flow"), 1, self->turn.now.wall_ns};
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER};
    event.offer.n = n;
    event.offer.pack = desk_bytes (n);
    event.offer.src = &src;
    event.offer.src_count = 1;
    event.offer.admitted = true;
    desk_feed (self, &event);
}

static inline void
desk_simple (desk_t *self, zloom_event_type_t type)
{
    zloom_event_t event = {.type = type};
    desk_feed (self, &event);
}

static inline void
desk_credit (desk_t *self, uint64_t consumer, uint64_t messages, uint64_t bytes, uint64_t frames)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_CREDIT, .consumer = consumer};
    event.credit.messages = messages;
    event.credit.bytes = bytes;
    event.credit.frames = frames;
    desk_feed (self, &event);
}

static inline void
desk_subscribe (desk_t *self, uint64_t consumer, uint64_t messages)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = consumer};
    desk_feed (self, &event);
    desk_credit (self, consumer, messages, UINT64_MAX, UINT64_MAX);
}

static inline uint32_t
desk_dispatch (desk_t *self)
{
    zloom_effects_clear (self->effects);
    uint32_t handed = zloom_queue_pattern.dispatch (self->queue, UINT32_MAX, &self->turn);
    desk_carry_out (self);
    return handed;
}

static inline zloom_token_t
desk_token (const desk_t *self, uint64_t number)
{
    return (zloom_token_t){self->boot, number};
}

static inline void
desk_settle_run (desk_t *self, uint64_t consumer, zloom_token_t token,
                 const zloom_settle_run_t *runs, size_t count)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_SETTLE, .consumer = consumer};
    event.settle.token = token;
    event.settle.runs = runs;
    event.settle.count = count;
    desk_feed (self, &event);
}

static inline void
desk_settle (desk_t *self, uint64_t consumer, uint64_t token, uint64_t first, uint32_t n,
             zloom_verdict_t verdict)
{
    zloom_settle_run_t run = {
      .first = first, .n = n, .verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    run.cause.exit = -1;
    desk_settle_run (self, consumer, desk_token (self, token), &run, 1);
}

static inline void
desk_mark (desk_t *self, zloom_event_type_t type, uint64_t consumer, uint64_t token, uint64_t first,
           uint32_t n)
{
    zloom_run_t run = {first, n};
    zloom_event_t event = {.type = type, .consumer = consumer};
    event.mark.token = desk_token (self, token);
    event.mark.runs = &run;
    event.mark.count = 1;
    desk_feed (self, &event);
}

static inline void
desk_gone (desk_t *self, uint64_t consumer, bool crashed)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_GONE, .consumer = consumer};
    event.gone.crashed = crashed;
    event.gone.cause.exit = -1;
    event.gone.cause.signal = crashed ? 11 : 0;
    desk_feed (self, &event);
}

/* Time passes; due timers fire until nothing is due. */
static inline void
desk_pass (desk_t *self, int64_t ns)
{
    self->turn.now.mono_ns += ns;
    self->turn.now.wall_ns += ns;
    for (int i = 0;
         zloom_queue_pattern.next_deadline (self->queue) <= self->turn.now.mono_ns && i < 100000;
         i++) {
        desk_simple (self, ZLOOM_EVENT_TIMER);
    }
}

/* ---- looking --------------------------------------------------------------------------------- */

static inline zloom_flow_stats_t
desk_stats (const desk_t *self)
{
    zloom_flow_stats_t stats;
    zloom_queue_pattern.stats (self->queue, self->turn.now, &stats);
    return stats;
}

/* The index-th effect of a type; NULL when there are fewer. */
static inline const zloom_effect_t *
desk_effect (const desk_t *self, zloom_effect_type_t type, size_t index)
{
    for (size_t i = 0; i < zloom_effects_count (self->effects); i++) {
        const zloom_effect_t *effect = zloom_effects_at (self->effects, i);
        if (effect->type == type && index-- == 0) {
            return effect;
        }
    }
    return NULL;
}

static inline size_t
desk_count (const desk_t *self, zloom_effect_type_t type)
{
    size_t count = 0;
    while (desk_effect (self, type, count)) {
        count++;
    }
    return count;
}

/* The index-th delivery is exactly the run [seq, seq + n) for this consumer; its token's number. */
static inline uint64_t
desk_expect (const desk_t *self, size_t index, uint64_t consumer, uint64_t seq, uint32_t n)
{
    const zloom_effect_t *effect = desk_effect (self, ZLOOM_EFFECT_DELIVER, index);
    assert_non_null (effect);
    assert_int_equal (effect->deliver.consumer, consumer);
    assert_int_equal (effect->deliver.run_count, 1);
    assert_int_equal (effect->deliver.runs[0].seq, seq);
    assert_int_equal (effect->deliver.runs[0].n, n);
    assert_int_equal (effect->deliver.token.boot, self->boot);
    return effect->deliver.token.number;
}

/* The last settlement's first answer. */
static inline zloom_err_t
desk_code (const desk_t *self)
{
    const zloom_effect_t *effect = desk_effect (self, ZLOOM_EFFECT_SETTLED, 0);
    assert_non_null (effect);
    return (zloom_err_t) effect->settled.runs[0].code;
}

#endif
