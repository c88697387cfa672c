/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cases.h - `tests:` of a recipe: cases for `zloom test`, typed and checked.
 *
 *     tests:
 *       declined:
 *         mock: {charge: [{do: reject, text: no money}]}
 *         steps:
 *           - {send: orders, body: {id: 7}}
 *           - {expect: orders-dead, messages: [{body: {id: 7}, reason: rejected}]}
 *
 * A case is a list of steps, each does one thing; time passes in `wait` alone. What a flow is
 * expected to have is all of it: a message too many fails the case as one that is missing does.
 * Everything here belongs to the recipe and lives as long as it.
 */
#ifndef ZLOOM_RECIPE_CASES_H
#define ZLOOM_RECIPE_CASES_H

#include "recipe/fields.h"
#include "recipe/recipe.h"

#define ZLOOM_CASE_STATES_MAX 32

/* A body as it is written: NULL: none. JSON is compact, whatever it looked like in the recipe. */
typedef struct {
    const char *text;
    bool json;
} zloom_case_body_t;

typedef struct {
    zloom_case_body_t body;
    const char *key; /* NULL: none */
    const char *topic;
    const char *id;
    int64_t priority; /* -1: none */
    int64_t in_ns;    /* 0: none */
    int64_t expires_ns;
} zloom_case_message_t;

typedef struct {
    const char *flow;
    zloom_case_message_t message;
} zloom_case_emit_t;

typedef enum {
    ZLOOM_CASE_ACK,
    ZLOOM_CASE_RETRY,
    ZLOOM_CASE_REJECT,
    ZLOOM_CASE_CRASH,
    ZLOOM_CASE_HANG,
} zloom_case_verdict_t;

/* What a mock does with a message; the first that fits counts. */
typedef struct {
    const char *flow; /* NULL: of any */
    zloom_case_body_t body;
    const char *key;
    int64_t attempt; /* 0: any */
    int64_t times;   /* 0: as often as you like */
    unsigned verdict;
    const char *text;
    int64_t delay_ns; /* -1: as the flow says */
    int64_t takes_ns;
    const zloom_case_emit_t *emits;
    size_t emit_count;
    zloom_span_t at;
} zloom_case_rule_t;

typedef struct {
    const zloom_recipe_node_t *node;
    const zloom_case_rule_t *rules;
    size_t rule_count;
} zloom_case_mock_t;

/* What one message is expected to have. */
typedef struct {
    zloom_case_body_t body;
    bool part; /* `body` may have more keys */
    const char *key;
    const char *topic;
    const char *id;
    int64_t attempt; /* 0: any */
    const char *reason;
    int64_t failures; /* 0: any */
    const char *text;
    zloom_span_t at;
} zloom_case_match_t;

/* Messages that are expected. */
typedef struct {
    int64_t count; /* -1: not said */
    bool listed;   /* `messages` is written */
    const zloom_case_match_t *matches;
    size_t match_count;
    bool any_order;
    zloom_span_t count_at;
    zloom_span_t messages_at;
} zloom_case_seen_t;

typedef struct {
    const char *name;
    int64_t value;
} zloom_case_state_t;

typedef struct {
    const char *flow;
    zloom_case_message_t message;
    int64_t count;
    bool refused;
} zloom_case_send_t;

typedef struct {
    int64_t wait_ns;
} zloom_case_wait_t;

typedef struct {
    const char *node;
    int64_t away_ns;
} zloom_case_kill_t;

typedef struct { /* pause, resume, requeue */
    const char *flow;
} zloom_case_flow_t;

typedef struct {
    const char *flow;
    zloom_case_seen_t seen;
    zloom_case_state_t state[ZLOOM_CASE_STATES_MAX];
    size_t state_count;
    const zloom_span_t *state_at; /* of each, in the same order */
} zloom_case_expect_t;

typedef struct {
    const char *node;
    zloom_case_seen_t seen;
} zloom_case_handled_t;

typedef enum {
    ZLOOM_CASE_SEND,
    ZLOOM_CASE_WAIT,
    ZLOOM_CASE_KILL,
    ZLOOM_CASE_PAUSE,
    ZLOOM_CASE_RESUME,
    ZLOOM_CASE_REQUEUE,
    ZLOOM_CASE_EXPECT,
    ZLOOM_CASE_HANDLED,
    ZLOOM_CASE_VERBS,
} zloom_case_verb_t;

typedef struct {
    zloom_case_verb_t verb;
    zloom_span_t at; /* the value of its verb */
    union {
        zloom_case_send_t send;
        zloom_case_wait_t wait;
        zloom_case_kill_t kill;
        zloom_case_flow_t flow;
        zloom_case_expect_t expect;
        zloom_case_handled_t handled;
    } is;
} zloom_case_step_t;

typedef struct {
    const char *name;
    const char *about; /* NULL: not said */
    zloom_span_t at;
    const zloom_case_mock_t *mocks;
    size_t mock_count;
    const zloom_case_step_t *steps;
    size_t step_count;
} zloom_case_t;

size_t zloom_recipe_case_count (const zloom_recipe_t *self);
const zloom_case_t *zloom_recipe_case_at (const zloom_recipe_t *self, size_t index);

/* The tables: where in a recipe, what it is, the fields. */
typedef struct {
    const char *path;  /* "tests.*.mock.*.*." */
    const char *title; /* of its section in the reference page */
    const char *help;
    const char *part; /* its name in the schema */
    zloom_field_table_t fields;
} zloom_case_table_t;

enum {
    ZLOOM_CASE_TABLE_CASE,
    ZLOOM_CASE_TABLE_RULE,
    ZLOOM_CASE_TABLE_EMIT,
    ZLOOM_CASE_TABLE_MATCH,
    ZLOOM_CASE_TABLE_VERBS, /* and one for each zloom_case_verb_t */
};

/* NULL behind the last one. */
const zloom_case_table_t *zloom_case_table_at (size_t index);

#endif
