/* SPDX-License-Identifier: MPL-2.0 */
/* hall_say.h - what is said in a hall, a line each, and what is looked at. */
#ifndef ZLOOM_TESTS_UNIT_BUS_HALL_SAY_H
#define ZLOOM_TESTS_UNIT_BUS_HALL_SAY_H

#include "unit/bus/hall.h"

/* ---- events in a line ------------------------------------------------------------------------ */

/*
 * A pack with one message a topic; topics are parted by blanks, "key=topic" has a key, too, "key="
 * has it alone.
 */
static inline uint32_t
hall_make (hall_t *self, const char *topics)
{
    uint32_t n = 0;
    zloom_buf_clear (&self->pack);
    while (*topics) {
        const size_t size = strcspn (topics, " ");
        const char *equal = memchr (topics, '=', size);
        zloom_envelope_t envelope = {.topic = zloom_bytes (topics, size),
                                     .body = zloom_bytes_text ("body")};
        if (equal) {
            envelope.key = zloom_bytes (topics, (size_t) (equal - topics));
            envelope.topic = zloom_bytes (equal + 1, size - (size_t) (equal + 1 - topics));
            envelope.topic = envelope.topic.size > 0 ? envelope.topic : ZLOOM_BYTES_NULL;
        }
        zloom_pack_add (&self->pack, &envelope);
        n++;
        topics += size + (topics[size] ? 1 : 0);
    }
    return n;
}

/* Publish; the err of a refusal, or OK. */
static inline zloom_err_t
hall_publish (hall_t *self, const char *topics)
{
    const uint32_t n = hall_make (self, topics);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.first_id = self->next_id;
    event.offer.n = n;
    event.offer.pack = zloom_buf_bytes (&self->pack);
    event.offer.flags = ZLOOM_FLAG_TOPIC;
    event.offer.base_time_ns = self->turn.now.wall_ns + self->ahead_ns;
    hall_feed (self, &event);
    for (size_t i = 0; i < zloom_effects_count (self->effects); i++) {
        if (zloom_effects_at (self->effects, i)->type == ZLOOM_EFFECT_REFUSE) {
            return zloom_effects_at (self->effects, i)->answer.err;
        }
    }
    self->next_id += n;
    return ZLOOM_OK;
}

static inline zloom_err_t
hall_check (hall_t *self, const char *topics)
{
    zloom_cost_t cost = {0};
    const zloom_offer_t offer = {.n = hall_make (self, topics),
                                 .pack = zloom_buf_bytes (&self->pack),
                                 .flags = ZLOOM_FLAG_TOPIC};
    return zloom_bus_pattern.check_offer (self->bus, &offer, &cost);
}

static inline void
hall_credit (hall_t *self, uint64_t consumer, uint64_t messages)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_CREDIT, .consumer = consumer};
    event.credit.messages = messages;
    event.credit.bytes = UINT64_MAX;
    event.credit.frames = UINT64_MAX;
    hall_feed (self, &event);
}

typedef struct {
    const char *patterns; /* parted by blanks; NULL: everything */
    const char *group;
    bool durable;
    zloom_from_t from;
    int64_t from_value;
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
} hall_wish_t;

/* Subscribe, with no credit yet. */
static inline zloom_err_t
hall_join (hall_t *self, uint64_t consumer, hall_wish_t wish)
{
    zloom_bytes_t patterns[16];
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = consumer};
    const char *at = wish.patterns ? wish.patterns : "";
    while (*at) {
        const size_t size = strcspn (at, " ");
        patterns[event.subscribe.pattern_count++] = zloom_bytes (at, size);
        at += size + (at[size] ? 1 : 0);
    }
    event.subscribe.patterns = patterns;
    event.subscribe.group = zloom_bytes_text (wish.group);
    event.subscribe.durable = wish.durable;
    event.subscribe.from = wish.from;
    event.subscribe.from_value = wish.from_value;
    event.subscribe.on_slow = wish.on_slow;
    event.subscribe.on_slow_value = wish.on_slow_value;
    event.subscribe.result = &self->result;
    zloom_buf_clear (&self->heard[consumer]);
    hall_feed (self, &event);
    return self->result;
}

/* A bus on disk, as it is configured first. */
static inline hall_t *
hall_disk (void)
{
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    return hall_new (&config);
}

/* A member of a durable group, with credit. */
static inline zloom_err_t
hall_durable (hall_t *hall, uint64_t consumer, const char *name, const char *patterns)
{
    const zloom_err_t err = hall_join (
      hall, consumer, (hall_wish_t){.durable = true, .group = name, .patterns = patterns});
    if (err == ZLOOM_OK) {
        hall_credit (hall, consumer, 1000);
    }
    return err;
}

static inline void
hall_leave (hall_t *self, uint64_t consumer)
{
    hall_feed (self, &(zloom_event_t){.type = ZLOOM_EVENT_UNSUBSCRIBE, .consumer = consumer});
}

/* Its connection broke. */
static inline void
hall_lose (hall_t *self, uint64_t consumer)
{
    hall_feed (self, &(zloom_event_t){.type = ZLOOM_EVENT_GONE, .consumer = consumer});
}

static inline void
hall_simple (hall_t *self, zloom_event_type_t type)
{
    hall_feed (self, &(zloom_event_t){.type = type});
}

static inline uint32_t
hall_dispatch (hall_t *self)
{
    zloom_effects_clear (self->effects);
    const uint32_t handed = zloom_bus_pattern.dispatch (self->bus, UINT32_MAX, &self->turn);
    hall_carry_out (self);
    return handed;
}

/* Time passes; what is due happens, and messages are handed out. */
static inline void
hall_pass (hall_t *self, int64_t ns)
{
    self->turn.now.mono_ns += ns;
    self->turn.now.wall_ns += ns;
    hall_dispatch (self);
    for (int i = 0;
         zloom_bus_pattern.next_deadline (self->bus) <= self->turn.now.mono_ns && i < 10000; i++) {
        hall_simple (self, ZLOOM_EVENT_TIMER);
        hall_dispatch (self);
    }
}

static inline void
hall_settle (hall_t *self, uint64_t consumer, uint64_t first, uint32_t n, zloom_verdict_t verdict)
{
    zloom_settle_run_t run = {
      .first = first, .n = n, .verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    run.cause.exit = -1;
    zloom_event_t event = {.type = ZLOOM_EVENT_SETTLE, .consumer = consumer};
    event.settle.token = self->token[consumer];
    event.settle.runs = &run;
    event.settle.count = 1;
    hall_feed (self, &event);
}

/* What a consumer has heard since it was asked the last time. */
#define hall_expect(hall, consumer, text)                                      \
    do {                                                                       \
        assert_string_equal (zloom_buf_text (&(hall)->heard[consumer]), text); \
        zloom_buf_clear (&(hall)->heard[consumer]);                            \
    } while (0)

static inline zloom_flow_stats_t
hall_stats (const hall_t *self)
{
    zloom_flow_stats_t stats;
    zloom_bus_pattern.stats (self->bus, self->turn.now, &stats);
    return stats;
}

static inline bool
hall_row (const hall_t *self, const char *group, uint64_t consumer, zloom_subscriber_row_t *row)
{
    for (uint64_t cursor = 0; zloom_bus_pattern.next_subscriber (self->bus, &cursor, row);) {
        if (group ? zloom_bytes_equal (row->group, zloom_bytes_text (group))
                  : row->consumer == consumer) {
            return true;
        }
    }
    return false;
}

#endif
