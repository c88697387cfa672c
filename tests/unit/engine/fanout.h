/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout.h - the smallest flow where each subscriber gets all: every consumer hears each pack
 * within its credit, without a lease; what it has no credit for is a gap. Nothing is kept over a
 * restart. What is tested with it is the engine: the real thing is patterns/bus.
 *
 * A consumer whose group is "refused" is not taken; a pack of 13 messages ends all consumers.
 */
#ifndef ZLOOM_TESTS_ENGINE_FANOUT_H
#define ZLOOM_TESTS_ENGINE_FANOUT_H

#include "unit/engine/peers.h"

#define FANOUT_CONSUMERS 128
#define FANOUT_UNLUCKY 13u

typedef struct {
    zloom_consumer_id_t id;
    uint64_t next;
    uint64_t credit;
    uint64_t used;
    uint64_t delivered;
} fanout_consumer_t;

typedef struct {
    uint64_t boot;
    uint64_t next_seq;
    uint64_t durable;
    uint64_t high;
    uint64_t forgotten;
    fanout_consumer_t consumers[FANOUT_CONSUMERS];
    size_t count;
    uint64_t dropped_groups;
} fanout_t;

static inline void *
fanout_create (const zloom_flow_config_t *config, const zloom_birth_t *birth)
{
    fanout_t *self = zloom_alloc (sizeof *self);
    (void) config;
    self->boot = birth->boot;
    self->next_seq = birth->first_seq;
    self->forgotten = birth->first_seq - 1;
    return self;
}

static inline void
fanout_destroy (void **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static inline fanout_consumer_t *
fanout_find (fanout_t *self, zloom_consumer_id_t id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->consumers[i].id == id) {
            return &self->consumers[i];
        }
    }
    return NULL;
}

static inline void
fanout_gap (const zloom_turn_t *turn, fanout_consumer_t *consumer, uint64_t to)
{
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_GAP);
    effect->gap.consumer = consumer->id;
    effect->gap.from = consumer->next;
    effect->gap.to = to;
    effect->gap.count = to - consumer->next + 1;
    effect->gap.reason = "slow";
    consumer->next = to + 1;
}

static inline void
fanout_subscribe (fanout_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    *event->subscribe.result = ZLOOM_OK;
    if (zloom_bytes_equal (event->subscribe.group, zloom_bytes_text ("refused"))) {
        *event->subscribe.result = zloom_fail (ZLOOM_INVALID, "the group is refused");
        return;
    }
    fanout_consumer_t *consumer = &self->consumers[self->count++];
    *consumer = (fanout_consumer_t){.id = event->consumer, .next = self->next_seq};
    if (event->subscribe.from == ZLOOM_FROM_SEQ) {
        consumer->next = (uint64_t) event->subscribe.from_value;
        if (consumer->next < self->next_seq) {
            fanout_gap (turn, consumer, self->next_seq - 1);
        }
    }
    /* Credit is granted behind the answer: a message that is there would come in front of it. */
}

static inline void
fanout_offer (fanout_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_src_t *src = zloom_effects_memory (turn->effects, sizeof *src);
    *src = (zloom_src_t){.n = event->offer.n,
                         .producer = event->offer.producer,
                         .first_id = event->offer.first_id,
                         .base_time_ns = event->offer.base_time_ns};
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_APPEND);
    effect->append.seq = self->next_seq;
    effect->append.n = event->offer.n;
    effect->append.pack = event->offer.pack;
    effect->append.flags = event->offer.flags;
    effect->append.src = event->offer.src_count > 0 ? event->offer.src : src;
    effect->append.src_count = event->offer.src_count > 0 ? event->offer.src_count : 1;
    effect->append.expires_ns = ZLOOM_NEVER;
    self->next_seq += event->offer.n;
    self->high = event->offer.first_id + event->offer.n - 1;
    effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_CONFIRM);
    effect->answer.session = event->session;
    effect->answer.id = self->high;
    for (size_t i = 0; event->offer.n == FANOUT_UNLUCKY && i < self->count; i++) {
        effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_END);
        effect->end.consumer = self->consumers[i].id;
        effect->end.err = ZLOOM_TOO_MANY;
    }
    self->count = event->offer.n == FANOUT_UNLUCKY ? 0 : self->count;
}

static inline void
fanout_event (void *arg, const zloom_event_t *event, const zloom_turn_t *turn)
{
    fanout_t *self = arg;
    fanout_consumer_t *consumer = fanout_find (self, event->consumer);
    switch ((int) event->type) {
    case ZLOOM_EVENT_OFFER:
        fanout_offer (self, event, turn);
        break;
    case ZLOOM_EVENT_SUBSCRIBE:
        fanout_subscribe (self, event, turn);
        break;
    case ZLOOM_EVENT_CREDIT:
        assert_non_null (consumer);
        consumer->credit = event->credit.messages;
        break;
    case ZLOOM_EVENT_UNSUBSCRIBE:
    case ZLOOM_EVENT_GONE:
        assert_non_null (consumer);
        *consumer = self->consumers[--self->count];
        break;
    case ZLOOM_EVENT_DURABLE:
        self->durable = event->durable_seq;
        break;
    case ZLOOM_EVENT_SETTLE:
    case ZLOOM_EVENT_STARTED:
    case ZLOOM_EVENT_PROGRESS:
        fail_msg ("nothing here is leased");
        break;
    default:
        break;
    }
}

static inline uint32_t
fanout_hand (const fanout_t *self, fanout_consumer_t *consumer, const zloom_turn_t *turn)
{
    uint32_t handed = 0;
    while (consumer->next <= self->durable && consumer->used < consumer->credit) {
        zloom_peek_t peek;
        const uint64_t left = consumer->credit - consumer->used;
        const uint32_t most = left < UINT32_MAX ? (uint32_t) left : UINT32_MAX;
        assert_int_equal (
          turn->store->peek (turn->store->arg, consumer->next, most, UINT64_MAX, &peek), ZLOOM_OK);
        zloom_run_t *run = zloom_effects_memory (turn->effects, sizeof *run);
        *run = (zloom_run_t){consumer->next, peek.n};
        zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_DELIVER);
        effect->deliver.consumer = consumer->id;
        effect->deliver.token = (zloom_token_t){self->boot, 0};
        effect->deliver.runs = run;
        effect->deliver.run_count = 1;
        consumer->next += peek.n;
        consumer->used += peek.n;
        handed += peek.n;
    }
    if (consumer->next <= self->durable && consumer->credit > 0) {
        fanout_gap (turn, consumer, self->durable);
    }
    consumer->delivered += handed;
    return handed;
}

static inline uint32_t
fanout_dispatch (void *arg, uint32_t budget, const zloom_turn_t *turn)
{
    fanout_t *self = arg;
    uint32_t handed = 0;
    (void) budget;
    for (size_t i = 0; i < self->count; i++) {
        handed += fanout_hand (self, &self->consumers[i], turn);
    }
    if (self->forgotten < self->durable) {
        zloom_effects_add (turn->effects, ZLOOM_EFFECT_FORGET)->forget =
          (zloom_range_t){self->forgotten + 1, self->durable};
        self->forgotten = self->durable;
    }
    return handed;
}

static inline bool
fanout_next_subscriber (const void *arg, uint64_t *cursor, zloom_subscriber_row_t *row)
{
    static const zloom_bytes_t pattern = {(const uint8_t *) "order.>", 7};
    const fanout_t *self = arg;
    if (*cursor >= self->count) {
        return false;
    }
    const fanout_consumer_t *consumer = &self->consumers[(*cursor)++];
    *row = (zloom_subscriber_row_t){.patterns = &pattern,
                                    .pattern_count = 1,
                                    .consumers = 1,
                                    .consumer = consumer->id,
                                    .lag = self->next_seq - consumer->next,
                                    .delivered = consumer->delivered,
                                    .on_slow = ZLOOM_ON_SLOW_DROP_NEWEST,
                                    .on_slow_value = 7,
                                    .position = consumer->next};
    return true;
}

static inline bool
fanout_receipt (const void *arg, uint64_t seq, uint64_t *cursor, zloom_receipt_row_t *row)
{
    static const char *const groups[] = {"ledger", "email"};
    (void) arg;
    if (*cursor >= 2) {
        return false;
    }
    *row = (zloom_receipt_row_t){.group = zloom_bytes_text (groups[*cursor]),
                                 .state = *cursor ? ZLOOM_RECEIPT_LAGGING : ZLOOM_RECEIPT_ACKED,
                                 .behind = *cursor ? seq : 0};
    ++*cursor;
    return true;
}

static inline zloom_err_t
fanout_drop_group (void *arg, zloom_bytes_t name, const zloom_turn_t *turn)
{
    fanout_t *self = arg;
    (void) turn;
    if (!zloom_bytes_equal (name, zloom_bytes_text ("ledger"))) {
        return zloom_fail (ZLOOM_NOT_FOUND, "no durable group '%.*s'", (int) name.size,
                           (const char *) name.data);
    }
    self->dropped_groups++;
    return ZLOOM_OK;
}

/* ---- what is of no interest here ------------------------------------------------------------ */

static inline void
fanout_configure (void *self, const zloom_flow_config_t *config)
{
    (void) self;
    (void) config;
}

static inline zloom_err_t
fanout_restore (void *self, zloom_bytes_t snapshot)
{
    (void) self;
    (void) snapshot;
    return ZLOOM_OK;
}

static inline zloom_err_t
fanout_replay (void *arg, const zloom_replay_t *record)
{
    fanout_t *self = arg;
    if (record->type == ZLOOM_RECORD_PACK) {
        self->next_seq = record->seq + record->count;
    }
    return record->type == ZLOOM_RECORD_SETTLE
             ? zloom_fail (ZLOOM_WRONG_PATTERN, "nothing is settled here")
             : ZLOOM_OK;
}

static inline void
fanout_recovered (void *arg, zloom_now_t now)
{
    (void) arg;
    (void) now;
}

static inline void
fanout_snapshot (const void *self, zloom_buf_t *out)
{
    (void) self;
    (void) out;
}

static inline bool
fanout_next_live (const void *arg, uint64_t from, uint64_t last, zloom_range_t *run)
{
    (void) arg;
    *run = (zloom_range_t){from, last};
    return true;
}

static inline uint64_t
fanout_next_seq (const void *self)
{
    return ((const fanout_t *) self)->next_seq;
}

static inline int64_t
fanout_next_deadline (const void *self)
{
    (void) self;
    return ZLOOM_NEVER;
}

static inline zloom_err_t
fanout_check_offer (const void *self, const zloom_offer_t *offer, zloom_cost_t *cost)
{
    (void) self;
    (void) offer;
    (void) cost;
    return ZLOOM_OK;
}

static inline zloom_err_t
fanout_check_settle (const void *self, zloom_consumer_id_t consumer, const zloom_event_t *settle)
{
    (void) self;
    (void) consumer;
    (void) settle;
    return ZLOOM_STALE;
}

static inline void
fanout_room (const void *self, uint64_t *messages, uint64_t *bytes)
{
    (void) self;
    *messages = *bytes = UINT64_MAX;
}

static inline bool
fanout_producer (const void *arg, zloom_bytes_t name, uint64_t *high, zloom_bytes_t *mark,
                 zloom_bytes_t *owner)
{
    const fanout_t *self = arg;
    (void) name;
    (void) owner;
    *high = self->high;
    *mark = ZLOOM_BYTES_NULL;
    return true;
}

static inline uint64_t
fanout_adopt (void *arg, zloom_bytes_t producer, uint64_t next, const zloom_turn_t *turn)
{
    (void) producer;
    (void) next;
    (void) turn;
    return ((const fanout_t *) arg)->high;
}

static inline bool
fanout_next_free (const void *self, uint64_t from, zloom_range_t *run)
{
    (void) self;
    (void) from;
    (void) run;
    return false;
}

static inline void
fanout_stats (const void *arg, zloom_now_t now, zloom_flow_stats_t *stats)
{
    const fanout_t *self = arg;
    (void) now;
    stats->consumers = self->count;
}

static inline bool
fanout_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row)
{
    (void) self;
    (void) cursor;
    (void) row;
    return false;
}

static inline void
fanout_place (const void *self, uint64_t seq, zloom_whereabouts_t *place)
{
    (void) self;
    (void) seq;
    *place = (zloom_whereabouts_t){.place = ZLOOM_PLACE_GONE};
}

static inline size_t
fanout_lanes (const void *self, zloom_lane_row_t *rows, size_t max)
{
    (void) self;
    (void) rows;
    (void) max;
    return 0;
}

static const zloom_pattern_t fanout_pattern = {
  .name = "bus",
  .create = fanout_create,
  .destroy = fanout_destroy,
  .configure = fanout_configure,
  .restore = fanout_restore,
  .replay = fanout_replay,
  .recovered = fanout_recovered,
  .snapshot = fanout_snapshot,
  .next_live = fanout_next_live,
  .next_seq = fanout_next_seq,
  .event = fanout_event,
  .dispatch = fanout_dispatch,
  .next_deadline = fanout_next_deadline,
  .check_offer = fanout_check_offer,
  .check_settle = fanout_check_settle,
  .room = fanout_room,
  .producer = fanout_producer,
  .adopt = fanout_adopt,
  .next_free = fanout_next_free,
  .stats = fanout_stats,
  .next_key = fanout_next_key,
  .place = fanout_place,
  .lanes = fanout_lanes,
  .next_subscriber = fanout_next_subscriber,
  .receipt = fanout_receipt,
  .drop_group = fanout_drop_group,
};

/* A flow of it, in memory. */
static inline zloom_engine_flow_t
fanout_flow (const char *name)
{
    zloom_engine_flow_t flow = rig_flow (name, ZLOOM_CONFIRM_MEMORY);
    flow.config.pattern = "bus";
    flow.pattern = &fanout_pattern;
    return flow;
}

#endif
