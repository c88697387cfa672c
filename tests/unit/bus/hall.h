/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hall.h - a bus in a hall: the pattern with a small engine around it that keeps records and stored
 * packs in memory, can start anew from them, and writes down for each consumer what it hears:
 * "1-3 gap4-6:3(drop-oldest) 7", numbers of messages and the holes between them.
 */
#ifndef ZLOOM_TESTS_UNIT_BUS_HALL_H
#define ZLOOM_TESTS_UNIT_BUS_HALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "patterns/bus/bus.h"
#include "patterns/common/history.h"
#include "patterns/common/pack_head.h"
#include "patterns/common/records.h"
#include "wire/pack.h"

#define MS ZLOOM_NS_PER_MS
#define S ZLOOM_NS_PER_S
#define HALL_CONSUMERS 64

typedef struct {
    zloom_replay_t replay; /* its head is `head` */
    zloom_buf_t head;
    zloom_buf_t pack;
} hall_record_t;

typedef struct {
    void *bus;
    zloom_flow_config_t config;
    zloom_effects_t *effects;
    zloom_random_t random;
    zloom_store_t store;
    zloom_turn_t turn;
    uint64_t boot;
    hall_record_t *records;
    size_t record_count;
    size_t record_capacity;
    uint64_t forgotten;  /* numbers below are told to be needed no more */
    uint64_t told;       /* ... since the last start */
    uint64_t cold_below; /* the store says AGAIN for these */
    uint64_t cold_from;  /* ... and from this one on; 0: for no others */
    uint64_t bad;        /* ... and DAMAGED for this one */
    uint64_t next_id;
    int64_t ahead_ns; /* the publisher's clock, of the router's */
    bool by_hand;     /* the test says what is durable */
    void (*hook) (void *arg, const zloom_effect_t *effect); /* NULL, or told of each effect */
    void *hook_arg;
    zloom_buf_t heard[HALL_CONSUMERS];
    zloom_token_t token[HALL_CONSUMERS]; /* of the last hand-out */
    zloom_err_t ended[HALL_CONSUMERS];
    zloom_err_t result; /* of the last subscription */
    zloom_buf_t pack;
    zloom_arena_t arena;
    zloom_pack_head_t head;
} hall_t;

static inline zloom_flow_config_t
hall_config (zloom_confirm_t confirm)
{
    return (zloom_flow_config_t){.name = "paid",
                                 .pattern = "bus",
                                 .confirm = confirm,
                                 .lease_ns = 30 * S,
                                 .failures_max = 2,
                                 .backoff_ns = {1 * S},
                                 .backoff_count = 1,
                                 .dead_letter = "paid-dead",
                                 .limit_messages = 1000000,
                                 .limit_bytes = INT64_C (1) << 40,
                                 .exceptions_max = 100000};
}

static inline const hall_record_t *
hall_pack_of (const hall_t *self, uint64_t seq)
{
    for (size_t i = self->record_count; i > 0; i--) {
        const zloom_replay_t *replay = &self->records[i - 1].replay;
        if (replay->type == ZLOOM_STORED_PACK && replay->seq <= seq &&
            seq < replay->seq + replay->count) {
            return &self->records[i - 1];
        }
    }
    return NULL;
}

static inline zloom_err_t
hall_peek (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes, zloom_peek_t *peek)
{
    hall_t *self = arg;
    const hall_record_t *record = hall_pack_of (self, seq);
    assert_true (seq >= self->forgotten); /* what is let go is not asked for */
    if (!record || seq == self->bad) {
        return record ? ZLOOM_DAMAGED : ZLOOM_NOT_FOUND;
    }
    if (seq < self->cold_below || (self->cold_from > 0 && seq >= self->cold_from)) {
        return ZLOOM_AGAIN;
    }
    const uint64_t first = seq - record->replay.seq;
    uint64_t n = record->replay.count - first;
    n = n < max_n ? n : max_n;
    n = seq < self->cold_from && seq + n > self->cold_from ? self->cold_from - seq : n;
    n = seq < self->bad && seq + n > self->bad ? self->bad - seq : n;
    do {
        assert_int_equal (zloom_pack_slice (zloom_buf_bytes (&record->pack), first, n, &peek->pack),
                          ZLOOM_OK);
        peek->n = (uint32_t) n;
        peek->bytes = peek->pack.size;
    } while (peek->bytes > max_bytes && n-- > 1);
    zloom_arena_reset (&self->arena);
    assert_int_equal (
      zloom_pack_head_decode (zloom_buf_bytes (&record->head), &self->arena, &self->head),
      ZLOOM_OK);
    peek->history = zloom_pack_head_past (&self->head, (uint32_t) first);
    peek->flags = self->head.flags;
    peek->src = self->head.src[0];
    peek->src.first_id += first;
    peek->src.n -= (uint32_t) first;
    return ZLOOM_OK;
}

static inline void
hall_open (hall_t *self)
{
    const zloom_birth_t birth = {.boot = self->boot, .first_seq = 1, .secret = {self->boot, 7}};
    self->bus = zloom_bus_pattern.create (&self->config, &birth);
}

static inline hall_t *
hall_new (const zloom_flow_config_t *config)
{
    hall_t *self = zloom_alloc (sizeof *self);
    self->config = *config;
    self->effects = zloom_effects_new ();
    zloom_random_init (&self->random, 1);
    self->store = (zloom_store_t){self, hall_peek};
    self->turn = (zloom_turn_t){.now = {1000 * S, INT64_C (1700000000) * S},
                                .effects = self->effects,
                                .store = &self->store,
                                .random = &self->random};
    self->boot = 77;
    self->next_id = 1;
    hall_open (self);
    zloom_bus_pattern.recovered (self->bus, self->turn.now);
    return self;
}

static inline void
hall_destroy (hall_t *self)
{
    zloom_bus_pattern.destroy (&self->bus);
    for (size_t i = 0; i < self->record_count; i++) {
        zloom_buf_fini (&self->records[i].head);
        zloom_buf_fini (&self->records[i].pack);
    }
    for (size_t i = 0; i < HALL_CONSUMERS; i++) {
        zloom_buf_fini (&self->heard[i]);
    }
    free (self->records);
    zloom_buf_fini (&self->pack);
    zloom_arena_fini (&self->arena);
    zloom_effects_destroy (&self->effects);
    free (self);
}

/* ---- effects --------------------------------------------------------------------------------- */

static inline hall_record_t *
hall_record (hall_t *self, const zloom_replay_t *replay, zloom_bytes_t head)
{
    zloom_grow (&self->records, &self->record_capacity, self->record_count + 1,
                sizeof *self->records);
    hall_record_t *record = &self->records[self->record_count++];
    *record = (hall_record_t){.replay = *replay};
    zloom_buf_add_bytes (&record->head, head);
    return record;
}

static inline void
hall_hear (hall_t *self, const zloom_effect_t *effect)
{
    zloom_buf_t *heard = &self->heard[effect->deliver.consumer];
    if (self->hook) {
        zloom_buf_clear (heard); /* the hook keeps it */
    }
    self->token[effect->deliver.consumer] = effect->deliver.token;
    for (size_t i = 0; i < effect->deliver.run_count; i++) {
        const zloom_run_t *run = &effect->deliver.runs[i];
        zloom_buf_printf (heard, "%s%llu", heard->size ? " " : "", (unsigned long long) run->seq);
        if (run->n > 1) {
            zloom_buf_printf (heard, "-%llu", (unsigned long long) (run->seq + run->n - 1));
        }
        for (uint32_t j = 0; j < run->n; j++) {
            assert_non_null (hall_pack_of (self, run->seq + j));
            assert_true (run->seq + j >= self->forgotten);
        }
    }
}

static inline void
hall_hear_gap (hall_t *self, const zloom_effect_t *effect)
{
    zloom_buf_t *heard = &self->heard[effect->gap.consumer];
    zloom_buf_printf (heard, "%sgap%llu-%llu:%llu(%s)", heard->size ? " " : "",
                      (unsigned long long) effect->gap.from, (unsigned long long) effect->gap.to,
                      (unsigned long long) effect->gap.count, effect->gap.reason);
}

static inline void
hall_carry_out (hall_t *self)
{
    for (size_t i = 0; i < zloom_effects_count (self->effects); i++) {
        const zloom_effect_t *effect = zloom_effects_at (self->effects, i);
        if (self->hook) {
            self->hook (self->hook_arg, effect);
        }
        if (effect->type == ZLOOM_EFFECT_APPEND) {
            zloom_buf_t head = {0};
            zloom_pack_head_encode (effect, &head);
            const zloom_replay_t replay = {.type = ZLOOM_STORED_PACK,
                                           .seq = effect->append.seq,
                                           .count = effect->append.n,
                                           .payload_bytes = effect->append.pack.size};
            hall_record_t *record = hall_record (self, &replay, zloom_buf_bytes (&head));
            zloom_buf_add_bytes (&record->pack, effect->append.pack);
            zloom_buf_fini (&head);
        } else if (effect->type == ZLOOM_EFFECT_RECORD) {
            const zloom_replay_t replay = {.type = effect->record.type,
                                           .group = effect->record.group,
                                           .seq = effect->record.seq,
                                           .count = effect->record.count};
            hall_record (self, &replay, effect->record.head);
        } else if (effect->type == ZLOOM_EFFECT_DELIVER) {
            hall_hear (self, effect);
        } else if (effect->type == ZLOOM_EFFECT_GAP) {
            hall_hear_gap (self, effect);
        } else if (effect->type == ZLOOM_EFFECT_END) {
            self->ended[effect->end.consumer] = effect->end.err;
        } else if (effect->type == ZLOOM_EFFECT_FORGET) {
            assert_true (effect->forget.first >= self->told); /* once a boot */
            self->told = effect->forget.last + 1;
            self->forgotten = self->told > self->forgotten ? self->told : self->forgotten;
        }
    }
}

static inline void
hall_feed (hall_t *self, const zloom_event_t *event)
{
    zloom_effects_clear (self->effects);
    zloom_bus_pattern.event (self->bus, event, &self->turn);
    hall_carry_out (self);
    if (event->type == ZLOOM_EVENT_OFFER && !self->by_hand) {
        zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE};
        durable.durable_seq = zloom_bus_pattern.next_seq (self->bus) - 1;
        zloom_bus_pattern.event (self->bus, &durable, &self->turn);
    }
    assert_true (zloom_bus_check (self->bus));
}

/* Start anew from a snapshot (unset: none) and the records from `from` on; consumers are gone. */
static inline void
hall_restart_from (hall_t *self, zloom_bytes_t snapshot, size_t from)
{
    zloom_bus_pattern.destroy (&self->bus);
    self->boot++;
    self->told = 0;
    hall_open (self);
    if (snapshot.data) {
        assert_int_equal (zloom_bus_pattern.restore (self->bus, snapshot), ZLOOM_OK);
    }
    for (size_t i = from; i < self->record_count; i++) {
        zloom_replay_t replay = self->records[i].replay;
        replay.head = zloom_buf_bytes (&self->records[i].head);
        assert_int_equal (zloom_bus_pattern.replay (self->bus, &replay), ZLOOM_OK);
    }
    zloom_bus_pattern.recovered (self->bus, self->turn.now);
}

#endif
