/* SPDX-License-Identifier: MPL-2.0 */
/*
 * journey.h - a flow with a worker, one that its emits go to, one for dead letters, and what the
 * trace of a message says, as a line of text.
 *
 * Example:
 *     journey_t self;
 *     journey_open (&self);
 *     journey_put_traced (&self.rig, 1, 1, true);    // message 1 of "in"
 *     journey_worker (&self, 10);                    // with credit for ten
 *     journey_tells (&self, 1, "in: handed out 1 worker - leased");
 */
#ifndef ZLOOM_TESTS_ENGINE_JOURNEY_H
#define ZLOOM_TESTS_ENGINE_JOURNEY_H

#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 3

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of what "worker" was handed last, at route 2 */
    char text[65536];    /* what was told */
    int64_t more;        /* ... and how many stays were not */
} journey_t;

static inline void
journey_put_traced (rig_t *rig, uint64_t first_id, uint32_t n, bool traced)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = first_id,
                                        .n = n,
                                        .flags = traced ? (uint32_t) ZLOOM_FLAG_TRACE : 0u,
                                        .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, first_id, n, 10);
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
}

/* "worker" takes from "in" and sends to "out"; it is handed nothing yet. */
static inline void
journey_worker (journey_t *self, uint64_t credit)
{
    const zloom_hello_flow_t out = {.name = zloom_bytes_text ("out"), .next = 1};
    rig_put_hello (&self->rig, 2, "worker", 2, &out, 1);
    rig_put_subscribe (&self->rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_put_credit (&self->rig, 2, 1, credit);
    rig_settle (&self->rig);
}

static inline void
journey_handed (journey_t *self, zloom_route_t route, uint64_t seq)
{
    rig_expect (&self->rig, route, ZLOOM_VERB_DELIVER);
    assert_int_equal (self->rig.verb.deliver.runs[0].seq, seq);
    self->token = self->rig.verb.deliver.token;
}

static inline void
journey_open (journey_t *self)
{
    self->flows[0] = rig_flow ("in", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("out", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("dead", ZLOOM_CONFIRM_DISK);
    self->flows[0].config.dead_letter = "dead";
    self->flows[0].config.failures_max = 100;
    self->flows[1].config.failures_max = 100;
    rig_open (&self->rig, self->flows, FLOWS);
    rig_hello (&self->rig, 9, "operator", 9, NULL);
    rig_hello (&self->rig, 1, "shop", 1, "in");
}

/* Seconds in which all say that they are there. */
static inline void
journey_pass (rig_t *rig, int seconds)
{
    static const zloom_route_t routes[] = {1, 2, 3, 9};
    for (int i = 0; i < seconds; i++) {
        rig_run (rig, ZLOOM_NS_PER_S);
        for (size_t j = 0; j < sizeof routes / sizeof *routes; j++) {
            rig_put (rig, routes[j], &(zloom_verb_t){.kind = ZLOOM_VERB_PONG}, NULL);
        }
    }
    rig_settle (rig);
}

/* ---- what is told --------------------------------------------------------------------------- */

static inline void
journey_add (journey_t *self, const char *before, zloom_bytes_t map, const char *name)
{
    zloom_attr_t value;
    const size_t size = strlen (self->text);
    char *at = self->text + size;
    if (!zloom_attrs_find (map, name, &value)) {
        return;
    }
    if (value.type == ZLOOM_TYPE_INT) {
        snprintf (at, sizeof self->text - size, "%s%lld", before, (long long) value.number);
    } else if (value.type == ZLOOM_TYPE_STR) {
        snprintf (at, sizeof self->text - size, "%s%.*s", before, (int) value.bytes.size,
                  (const char *) value.bytes.data);
    }
}

/* One stay as "flow: what attempt node how text, what …"; a place follows when it is told. */
static inline void
journey_add_stay (journey_t *self, zloom_bytes_t stay)
{
    static const char *const names[] = {"attempt", "node", "how", "text"};
    zloom_attr_t rows;
    journey_add (self, *self->text ? " | " : "", stay, "flow");
    assert_true (zloom_attrs_find (stay, "rows", &rows));
    zloom_cursor_t cursor = zloom_cursor (rows.bytes);
    const uint32_t count = zloom_cursor_array (&cursor, UINT32_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const zloom_bytes_t row = zloom_cursor_raw (&cursor);
        journey_add (self, i > 0 ? ", " : ": ", row, "what");
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            journey_add (self, " ", row, names[j]);
        }
    }
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    journey_add (self, " - ", stay, "place");
}

/* The whole journey of message `seq` of this flow; how many stays are told. */
static inline uint32_t
journey_told (journey_t *self, const char *flow, int64_t seq)
{
    rig_t *rig = &self->rig;
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    zloom_attrs_put_int (&args, "seq", seq);
    rig_put_admin (rig, 9, 1, "trace", &args);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    zloom_attr_t value;
    assert_true (zloom_attrs_find (rig->verb.answer.result, "trail_more", &value));
    self->more = value.number;
    assert_true (zloom_attrs_find (rig->verb.answer.result, "trail", &value));
    zloom_cursor_t cursor = zloom_cursor (value.bytes);
    const uint32_t count = zloom_cursor_array (&cursor, UINT32_MAX);
    self->text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        journey_add_stay (self, zloom_cursor_raw (&cursor));
    }
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    return count;
}

static inline void
journey_tells (journey_t *self, int64_t seq, const char *expected)
{
    (void) journey_told (self, "in", seq);
    assert_string_equal (self->text, expected);
}

#endif
