/* SPDX-License-Identifier: MPL-2.0 */
/* What the trace of a message says row by row: who had it, and how that ended. */
#include "patterns/bus/bus.h"
#include "unit/engine/journey.h"

/* ---- who had it ----------------------------------------------------------------------------- */

static void
s_put_started (journey_t *self, uint64_t seq)
{
    const zloom_run_t run = {seq, 1};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STARTED,
      .started = {.handle = 1, .token = self->token, .runs = &run, .run_count = 1}};
    rig_put (&self->rig, 2, &verb, NULL);
    rig_settle (&self->rig);
}

static void
s_put_gone (journey_t *self, int32_t exit)
{
    uint8_t nonce[ZLOOM_NONCE_BYTES] = {2};
    const zloom_verb_t gone = {.kind = ZLOOM_VERB_GONE,
                               .gone = {.name = zloom_bytes_text ("worker"),
                                        .nonce = zloom_bytes (nonce, sizeof nonce),
                                        .exit = exit,
                                        .text = zloom_bytes_text ("out of memory")}};
    rig_put (&self->rig, 9, &gone, NULL);
    rig_settle (&self->rig);
}

/* It had begun when its process crashed; of two that went down with it, the next has both. */
static void
test_a_holder_that_crashed (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 2, true);
    journey_worker (&self, 10);
    journey_handed (&self, 2, 1);
    s_put_started (&self, 1);
    s_put_gone (&self, 139);
    rig_consumer (&self.rig, 3, "second", "in", 10);
    journey_tells (
      &self, 2,
      "in: handed out 1 worker, taken back worker its process ended, handed out 1 second"
      " - leased");
    journey_pass (&self.rig, 10); /* what was begun has failed, and waits */
    journey_tells (&self, 1,
                   "in: handed out 1 worker, begun worker, taken back worker its process ended,"
                   " handed out 2 second - leased");
    rig_close (&self.rig);
}

static void
test_a_holder_that_ended_or_left (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 1, true);
    journey_worker (&self, 10);
    s_put_gone (&self, 0);
    journey_tells (&self, 1, "in: handed out 1 worker, taken back worker it is gone - ready");
    journey_worker (&self, 10);
    const zloom_verb_t leave = {.kind = ZLOOM_VERB_UNSUBSCRIBE, .unsubscribe = {.handle = 1}};
    rig_put (&self.rig, 2, &leave, NULL);
    rig_settle (&self.rig);
    journey_tells (&self, 1,
                   "in: handed out 1 worker, taken back worker it is gone, handed out 1 worker,"
                   " taken back worker it left - ready");
    rig_close (&self.rig);
}

/* Who leaves takes nothing from others, gives back nothing that it never had or has acked. */
static void
test_what_a_holder_that_left_did_not_have (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 3, true);
    journey_worker (&self, 1);
    journey_handed (&self, 2, 1);
    rig_put_settle (&self.rig, 2, 1, self.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_consumer (&self.rig, 3, "second", "in", 1);
    s_put_gone (&self, 1);
    journey_tells (&self, 1, "in: handed out 1 worker, verdict worker ack, left acked - gone");
    journey_tells (&self, 2, "in: handed out 1 second - leased");
    journey_tells (&self, 3, "in - ready");
    rig_close (&self.rig);
}

/* Whoever begins when its lease has ended has not begun: another one has it. */
static void
test_a_holder_that_was_too_late (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 1, true);
    journey_worker (&self, 1);
    journey_handed (&self, 2, 1);
    rig_consumer (&self.rig, 3, "second", "in", 0);
    journey_pass (&self.rig, 40);
    rig_put_credit (&self.rig, 3, 1, 1);
    rig_settle (&self.rig);
    rig_expect (&self.rig, 3, ZLOOM_VERB_DELIVER);
    s_put_started (&self, 1);
    s_put_started (&self, 1);
    journey_tells (&self, 1,
                   "in: handed out 1 worker, taken back worker its lease ended, handed out 1 second"
                   " - leased");
    rig_close (&self.rig);
}

/* ---- over a restart, and what is answered --------------------------------------------------- */

/* Only what was out is told to have been so; who had it comes back, and leaves with nothing. */
static void
test_a_restart_is_told_of_what_was_out (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 3, true);
    journey_worker (&self, 2);
    journey_handed (&self, 2, 1);
    rig_put_settle (&self.rig, 2, 1, self.token, 1, 1, ZLOOM_VERDICT_ACK);
    s_put_started (&self, 2);
    rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS);
    rig_crash (&self.rig);
    rig_hello (&self.rig, 9, "operator", 10, NULL);
    journey_worker (&self, 0);
    s_put_gone (&self, 1);
    journey_tells (&self, 1, "in: handed out 1 worker, verdict worker ack, left acked - gone");
    journey_tells (&self, 2, "in: handed out 1 worker, begun worker, router restarted - ready");
    journey_tells (&self, 3, "in - ready");
    rig_close (&self.rig);
}

/* Of what is settled in one go each message has its own answer; what was said of it is told. */
static void
test_verdicts_that_counted_are_told (void **state)
{
    (void) state;
    journey_t self;
    journey_open (&self);
    journey_put_traced (&self.rig, 1, 3, true);
    journey_worker (&self, 10);
    journey_handed (&self, 2, 1);
    const zloom_cause_t cause = {
      .reason = zloom_bytes_text ("failures"), .exit = -1, .text = zloom_bytes_text ("no street")};
    const zloom_settle_run_t runs[] = {
      {.first = 3, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}},
      {.first = 1, .n = 1, .verdict = ZLOOM_VERDICT_RETRY, .delay_ms = 60000, .cause = cause},
      {.first = 1, .n = 3, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}}};
    zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = self.token, .runs = runs, .run_count = 2}};
    rig_put (&self.rig, 2, &verb, NULL);
    verb.settle.runs = &runs[2];
    verb.settle.run_count = 1;
    rig_put (&self.rig, 2, &verb, NULL);
    rig_settle (&self.rig);
    journey_tells (&self, 1, "in: handed out 1 worker, verdict worker retry no street - waiting");
    journey_tells (&self, 2, "in: handed out 1 worker, verdict worker ack, left acked - gone");
    journey_tells (&self, 3, "in: handed out 1 worker, verdict worker ack, left acked - gone");
    rig_close (&self.rig);
}

/* The first that is traced in a flow that is full makes room as any other, and makes it in turn. */
static void
test_what_makes_room_for_it_and_for_what_it_does (void **state)
{
    (void) state;
    journey_t self;
    self.flows[0] = rig_flow ("in", ZLOOM_CONFIRM_MEMORY);
    self.flows[0].config.limit_messages = 1;
    self.flows[0].config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    rig_open (&self.rig, self.flows, 1);
    rig_hello (&self.rig, 9, "operator", 9, NULL);
    rig_hello (&self.rig, 1, "shop", 1, "in");
    const int64_t first = INT64_C (1) << 40; /* of the boot: memory flows */
    journey_put_traced (&self.rig, 1, 1, false);
    journey_put_traced (&self.rig, 2, 1, true);
    assert_int_equal (journey_told (&self, "in", first), 0);
    assert_int_equal (journey_told (&self, "in", first + 1), 1);
    assert_string_equal (self.text, "in - ready");
    journey_put_traced (&self.rig, 3, 1, false);
    journey_told (&self, "in", first + 1);
    assert_string_equal (self.text, "in: left dropped - gone");
    rig_close (&self.rig);
}

/* A group of a bus that has it settles for itself alone: the bus has it for the others. */
static void
test_a_group_of_several_settles_for_itself (void **state)
{
    (void) state;
    static const char *const groups[] = {"ledger", "email"};
    journey_t self;
    self.flows[0] = rig_flow ("in", ZLOOM_CONFIRM_DISK);
    self.flows[0].config.pattern = "bus";
    self.flows[0].pattern = &zloom_bus_pattern;
    rig_open (&self.rig, self.flows, 1);
    rig_hello (&self.rig, 9, "operator", 9, NULL);
    for (zloom_route_t route = 2; route < 4; route++) {
        rig_hello (&self.rig, route, groups[route - 2], (uint8_t) route, NULL);
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                                   .subscribe = {.handle = 1,
                                                 .flow = zloom_bytes_text ("in"),
                                                 .group = zloom_bytes_text (groups[route - 2]),
                                                 .durable = true}};
        rig_put (&self.rig, route, &verb, NULL);
        rig_put_credit (&self.rig, route, 1, 10);
    }
    rig_hello (&self.rig, 1, "shop", 1, "in");
    zloom_buf_t pack = {0};
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("order.paid"),
                                       .body = zloom_bytes_text ("x")};
    zloom_pack_add (&pack, &envelope);
    const zloom_verb_t send = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = 1,
                                        .n = 1,
                                        .flags = ZLOOM_FLAG_TRACE | ZLOOM_FLAG_TOPIC,
                                        .base_time_ns = self.rig.now.wall_ns}};
    rig_put (&self.rig, 1, &send, &pack);
    zloom_buf_fini (&pack);
    rig_settle (&self.rig);
    journey_handed (&self, 2, 1);
    rig_put_settle (&self.rig, 2, 1, self.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&self.rig);
    journey_tells (&self, 1,
                   "in: handed out 1 email, handed out 1 ledger, verdict ledger ack - ready");
    journey_handed (&self, 3, 1);
    rig_put_settle (&self.rig, 3, 1, self.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&self.rig);
    journey_tells (
      &self, 1,
      "in: handed out 1 email, handed out 1 ledger, verdict ledger ack, verdict email ack"
      " - gone");
    rig_close (&self.rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_holder_that_crashed),
      cmocka_unit_test (test_a_holder_that_ended_or_left),
      cmocka_unit_test (test_what_a_holder_that_left_did_not_have),
      cmocka_unit_test (test_a_holder_that_was_too_late),
      cmocka_unit_test (test_a_restart_is_told_of_what_was_out),
      cmocka_unit_test (test_verdicts_that_counted_are_told),
      cmocka_unit_test (test_what_makes_room_for_it_and_for_what_it_does),
      cmocka_unit_test (test_a_group_of_several_settles_for_itself),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
