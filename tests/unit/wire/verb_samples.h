/* SPDX-License-Identifier: MPL-2.0 */
/* What the golden samples of tests/data/wire say, as structs. */
#ifndef ZLOOM_TEST_VERB_SAMPLES_H
#define ZLOOM_TEST_VERB_SAMPLES_H

#include "wire/verb.h"

typedef struct {
    const char *name; /* tests/data/wire/NAME.hex */
    zloom_verb_t verb;
} s_sample_t;

#define T(text)                                      \
    {                                                \
        (const uint8_t *) (text), sizeof (text) - 1u \
    }
#define BASE INT64_C (1764000000000000000)
#define TOKEN                           \
    {                                   \
        UINT64_C (81985529216486895), 5 \
    }
#define NONCE T ("\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")
#define LOG_ID T ("\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff")
#define ORDERS_FINGERPRINT UINT64_C (11498516523206153004)
#define NO_CAUSE   \
    {              \
        .exit = -1 \
    }

static const zloom_hello_flow_t s_hello_flows[] = {
  {.name = T ("orders"), .has_fingerprint = true, .fingerprint = ORDERS_FINGERPRINT, .next = 1},
};
static const zloom_hello_flow_t s_worker_flows[] = {{.name = T ("orders")}, {.name = T ("paid")}};
static const zloom_welcome_flow_t s_welcome_flows[] = {
  {.name = T ("orders"),
   .pattern = T ("queue"),
   .key = T ("/customer_id"),
   .confirm = ZLOOM_CONFIRM_DISK,
   .high = 41,
   .mark = T ("line 41"),
   .fingerprint = ORDERS_FINGERPRINT},
};
static const zloom_welcome_flow_t s_refused_flows[] = {
  {.name = T ("orders"),
   .code = ZLOOM_FINGERPRINT,
   .note = T ("orders: here queue, key /customer_id; there 00000000000000ff"),
   .fingerprint = ORDERS_FINGERPRINT},
};
static const zloom_welcome_flow_t s_bus_flows[] = {
  {.name = T ("alarms"),
   .pattern = T ("bus"),
   .confirm = ZLOOM_CONFIRM_MEMORY,
   .fingerprint = ORDERS_FINGERPRINT,
   .topic = T ("fire")},
};
static const zloom_beat_t s_beats[] = {{1, 42}};
static const zloom_src_t s_bridge_src[] = {{1, T ("shop"), 44, BASE},
                                           {1, T ("backup/orders"), 7, BASE - 1000000}};
static const zloom_bytes_t s_patterns[] = {T ("order.paid"), T ("order.>")};
static const zloom_run_t s_held_runs[] = {{1, 2}, {9, 1}};
static const zloom_holding_t s_holding[] = {{TOKEN, s_held_runs, 2}};
static const zloom_run_t s_first_runs[] = {{1001, 2}};
static const zloom_src_t s_first_src[] = {{2, T ("shop"), 42, BASE}};
static const zloom_run_t s_again_runs[] = {{1001, 1}, {1003, 2}};
static const zloom_src_t s_again_src[] = {{1, T ("shop"), 42, BASE}, {2, T ("shop"), 44, BASE}};
static const zloom_fact_t s_again_facts[] = {
  {.i = 0, .attempt = 2, .budget_left_ms = -1, .redelivered = true},
  {.i = 2, .budget_left_ms = 250, .replayed = true},
};
static const zloom_settle_run_t s_settle_runs[] = {
  {1001, 1, ZLOOM_VERDICT_ACK, ZLOOM_DELAY_UNSET, NO_CAUSE},
  {1002, 1, ZLOOM_VERDICT_RETRY, 5000, {T ("failures"), 1, 0, T ("card service is away")}},
};
static const zloom_settled_run_t s_settled_runs[] = {{1001, 1, ZLOOM_OK}, {1002, 1, ZLOOM_STALE}};
static const zloom_emit_t s_emits[] = {{.flow = 1, .n = 2, .flags = 2, .base_time_ns = BASE}};
static const zloom_state_t s_state[] = {{T ("total"), T ("\x2a")}, {T ("old"), {NULL, 0}}};
static const zloom_emit_t s_source_emits[] = {
  {.n = 2, .base_time_ns = BASE, .first_id = 42, .mark = T ("line 43")}};
static const zloom_settle_run_t s_group_runs[] = {
  {1001, 2, ZLOOM_VERDICT_ACK, ZLOOM_DELAY_UNSET, {.exit = -1}}};
static const zloom_emit_t s_from_emits[] = {
  {.flow = 1, .n = 1, .base_time_ns = BASE, .from = 1002},
  {.flow = 1, .n = 2, .base_time_ns = BASE, .from = 1001}};
static const zloom_run_t s_one_run[] = {{1001, 1}};
static const zloom_run_t s_lost_run[] = {{1002, 1}};

static const s_sample_t s_samples[] = {
  {"hello",
   {ZLOOM_VERB_HELLO, {.hello = {1, 1, T ("shop"), T ("producer"), NONCE, s_hello_flows, 1}}}},
  {"hello-worker",
   {ZLOOM_VERB_HELLO, {.hello = {1, 1, T ("charge.1"), T ("worker"), NONCE, s_worker_flows, 2}}}},
  {"welcome",
   {ZLOOM_VERB_WELCOME,
    {.welcome = {1, 7, 1000, 4, 4194304, 6291456, 6291456, T ("router"), LOG_ID, 3, s_welcome_flows,
                 1}}}},
  {"welcome-bus",
   {ZLOOM_VERB_WELCOME,
    {.welcome = {1, 7, 1000, 4, 4194304, 6291456, 6291456, T ("router"), LOG_ID, 3, s_bus_flows,
                 1}}}},
  {"welcome-refused",
   {ZLOOM_VERB_WELCOME,
    {.welcome = {1, 7, 1000, 4, 4194304, 6291456, 6291456, T ("router"), LOG_ID, 3, s_refused_flows,
                 1}}}},
  {"bye", {ZLOOM_VERB_BYE, {.bye = {ZLOOM_FENCED, T ("a newer process is shop")}}}},
  {"ping", {ZLOOM_VERB_PING, {.ping = {s_beats, 1, {NULL, 0}}}}},
  {"pong", {ZLOOM_VERB_PONG, {.pong = {s_beats, 1, {NULL, 0}}}}},
  {"pong-report",
   {ZLOOM_VERB_PONG,
    {.pong = {s_beats, 1,
              T ("\x83\xa7"
                 "in_hand\x01\xa5"
                 "begun\x01\xa2io\xa5lines")}}}},
  {"gone",
   {ZLOOM_VERB_GONE, {.gone = {T ("charge.1"), NONCE, -1, 9, T ("Traceback: out of memory")}}}},
  {"send", {ZLOOM_VERB_SEND, {.send = {0, 42, 2, BASE, ZLOOM_FLAG_KEY, {NULL, 0}, NULL, 0}}}},
  {"send-marked",
   {ZLOOM_VERB_SEND, {.send = {0, 44, 2, BASE, 255, T ("line 45"), s_bridge_src, 2}}}},
  {"confirm", {ZLOOM_VERB_CONFIRM, {.confirm = {0, 43, ZLOOM_CONFIRM_DISK}}}},
  {"refuse",
   {ZLOOM_VERB_REFUSE,
    {.refuse = {true, 0, ZLOOM_FULL, 44, T ("orders: 1000000 messages, limit 1000000")}}}},
  {"refuse-verb",
   {ZLOOM_VERB_REFUSE, {.refuse = {false, 0, ZLOOM_UNKNOWN_VERB, 0, T ("verb 99")}}}},
  {"credit", {ZLOOM_VERB_CREDIT, {.credit = {ZLOOM_CREDIT_FLOW, 0, 1000, 1048576, 100}}}},
  {"credit-handle", {ZLOOM_VERB_CREDIT, {.credit = {ZLOOM_CREDIT_HANDLE, 1, 64, 1048576, 64}}}},
  {"subscribe", {ZLOOM_VERB_SUBSCRIBE, {.subscribe = {.handle = 1, .flow = T ("orders")}}}},
  {"subscribe-back",
   {ZLOOM_VERB_SUBSCRIBE,
    {.subscribe = {.handle = 2,
                   .flow = T ("paid"),
                   .group = T ("ledger"),
                   .patterns = s_patterns,
                   .pattern_count = 2,
                   .from = ZLOOM_FROM_TIME,
                   .from_value = BASE,
                   .mode = ZLOOM_MODE_TAP,
                   .holding = s_holding,
                   .holding_count = 1}}}},
  {"subscribe-bus",
   {ZLOOM_VERB_SUBSCRIBE,
    {.subscribe = {.handle = 3,
                   .flow = T ("paid"),
                   .patterns = s_patterns,
                   .pattern_count = 2,
                   .from = ZLOOM_FROM_NOW,
                   .on_slow = ZLOOM_ON_SLOW_BLOCK,
                   .on_slow_value = 1000}}}},
  {"subscribe-durable",
   {ZLOOM_VERB_SUBSCRIBE,
    {.subscribe = {.handle = 4,
                   .flow = T ("paid"),
                   .group = T ("ledger"),
                   .patterns = s_patterns,
                   .pattern_count = 2,
                   .durable = true}}}},
  {"subscribed",
   {ZLOOM_VERB_SUBSCRIBED,
    {.subscribed = {.handle = 1, .lease_ms = 30000, .key = T ("/customer_id")}}}},
  {"subscribed-bus", {ZLOOM_VERB_SUBSCRIBED, {.subscribed = {.handle = 3, .next = 1001}}}},
  {"unsubscribe", {ZLOOM_VERB_UNSUBSCRIBE, {.unsubscribe = {1}}}},
  {"deliver",
   {ZLOOM_VERB_DELIVER, {.deliver = {1, TOKEN, s_first_runs, 1, s_first_src, 1, NULL, 0, 1}}}},
  {"deliver-again",
   {ZLOOM_VERB_DELIVER,
    {.deliver = {1, TOKEN, s_again_runs, 2, s_again_src, 2, s_again_facts, 2, 2}}}},
  {"deliver-unleased",
   {ZLOOM_VERB_DELIVER,
    {.deliver = {3, {0x0123456789abcdef, 0}, s_first_runs, 1, s_first_src, 1, NULL, 0, 1}}}},
  {"settle", {ZLOOM_VERB_SETTLE, {.settle = {1, TOKEN, s_settle_runs, 2}}}},
  {"settled",
   {ZLOOM_VERB_SETTLED,
    {.settled = {true, 1, TOKEN, s_settled_runs, 2, false, ZLOOM_OK, {NULL, 0}}}}},
  {"settled-step",
   {ZLOOM_VERB_SETTLED, {.settled = {true, 1, TOKEN, NULL, 0, true, ZLOOM_OK, {NULL, 0}}}}},
  {"step", {ZLOOM_VERB_STEP, {.step = {true, 1, TOKEN, s_settle_runs, 1, s_emits, 1, s_state, 2}}}},
  {"step-from",
   {ZLOOM_VERB_STEP, {.step = {true, 1, TOKEN, s_group_runs, 1, s_from_emits, 2, NULL, 0}}}},
  {"step-source",
   {ZLOOM_VERB_STEP, {.step = {false, 0, {0, 1}, NULL, 0, s_source_emits, 1, NULL, 0}}}},
  {"started", {ZLOOM_VERB_STARTED, {.started = {1, TOKEN, s_one_run, 1}}}},
  {"progress", {ZLOOM_VERB_PROGRESS, {.progress = {1, TOKEN, s_first_runs, 1, 30000}}}},
  {"stale", {ZLOOM_VERB_STALE, {.stale = {1, TOKEN, s_lost_run, 1}}}},
  {"gap", {ZLOOM_VERB_GAP, {.gap = {1, 10, 19, 10, T ("trimmed")}}}},
  {"gap-slow", {ZLOOM_VERB_GAP, {.gap = {3, 1003, 1902, 900, T ("drop-oldest")}}}},
  {"admin",
   {ZLOOM_VERB_ADMIN,
    {.admin = {1, T ("stats"),
               T ("\x81\xa4"
                  "flow\xa6orders")}}}},
  {"answer",
   {ZLOOM_VERB_ANSWER,
    {.answer = {1, ZLOOM_OK, {NULL, 0}, true, T ("\x82\xa5ready\x02\xa6leased\x01")}}}},
};

#define SAMPLE_COUNT (sizeof s_samples / sizeof *s_samples)

#endif
