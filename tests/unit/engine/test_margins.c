/* SPDX-License-Identifier: MPL-2.0 */
/* Values at their margins: unset, unlimited, said twice, longer than anything can be. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

static void
s_put_ask (rig_t *rig, const char *command, const char *flow)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_attrs_bytes (&args)}};
    rig_put (rig, 9, &verb, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    zloom_attrs_fini (&args);
}

static void
test_heartbeats_are_those_of_the_config (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_init (&rig, &flow, 1);
    rig.heartbeat_ns = 250 * ZLOOM_NS_PER_MS;
    rig.liveness = 3;
    rig.max_message_bytes = 64u << 20; /* more than any router takes */
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (rig.verb.welcome.heartbeat_ms, 250);
    assert_int_equal (rig.verb.welcome.liveness, 3);
    assert_int_equal (rig.verb.welcome.message_bytes, ZLOOM_LIMIT_MESSAGE_BYTES);
    rig_quiet (&rig);
    rig_run (&rig, 250 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_PING);
    rig_close (&rig);
}

/* Where beats are short, so is what the router forgives itself: a stop of less than a second. */
static void
test_a_stop_is_measured_by_the_heartbeat (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_init (&rig, &flow, 1);
    rig.heartbeat_ns = 200 * ZLOOM_NS_PER_MS;
    rig.liveness = 4;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_quiet (&rig);
    rig_pass (&rig, 900 * ZLOOM_NS_PER_MS);
    rig_run (&rig, 200 * ZLOOM_NS_PER_MS);
    rig_expect_none (&rig, 1, ZLOOM_VERB_BYE);
    rig_expect (&rig, 1, ZLOOM_VERB_PING);
    rig_run (&rig, 800 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_BYE);
    rig_close (&rig);
}

static void
test_the_same_fingerprint_is_welcome (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    zloom_hello_flow_t hello = {
      .name = zloom_bytes_text ("orders"), .has_fingerprint = true, .fingerprint = 7, .next = 1};
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_put_hello (&rig, 1, "shop", 1, &hello, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_OK);
    hello.fingerprint = 8;
    rig_put_hello (&rig, 2, "shop-2", 2, &hello, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_FINGERPRINT);
    rig_close (&rig);
}

/* A frame that the transport could not take apart, from somebody without a session. */
static void
test_a_stranger_with_a_broken_frame_is_sent_away (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_put_bytes (&rig, 3, zloom_bytes_text ("x"), ZLOOM_BYTES_NULL)->malformed = true;
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_MALFORMED);
    /* HELLO has no pack. */
    zloom_buf_t out = {0};
    const uint8_t nonce[ZLOOM_NONCE_BYTES] = {4};
    const zloom_verb_t hello = {.kind = ZLOOM_VERB_HELLO,
                                .hello = {.proto_min = 1,
                                          .proto_max = 1,
                                          .name = zloom_bytes_text ("shop"),
                                          .role = zloom_bytes_text ("test"),
                                          .nonce = zloom_bytes (nonce, sizeof nonce)}};
    zloom_verb_encode (&hello, &out);
    rig_put_bytes (&rig, 4, zloom_buf_bytes (&out), zloom_bytes_text ("pack"));
    rig_settle (&rig);
    rig_expect (&rig, 4, ZLOOM_VERB_BYE);
    rig_expect_none (&rig, 4, ZLOOM_VERB_WELCOME);
    zloom_buf_fini (&out);
    rig_close (&rig);
}

static void
test_a_lease_is_never_longer_than_a_day (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_run_t run = {.seq = 1, .n = 1};
    const zloom_verb_t progress = {.kind = ZLOOM_VERB_PROGRESS,
                                   .progress = {.handle = 1,
                                                .token = rig.verb.deliver.token,
                                                .runs = &run,
                                                .run_count = 1,
                                                .extend_ms = UINT64_MAX / 2}};
    rig_put (&rig, 2, &progress, NULL);
    rig_settle (&rig);
    const int64_t day_ns = 24 * 3600 * ZLOOM_NS_PER_S;
    rig_pass (&rig, day_ns - ZLOOM_NS_PER_S);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_STALE);
    rig_close (&rig);
}

static void
test_draining_twice_is_draining_once (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_put_ask (&rig, "drain", "orders");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    s_put_ask (&rig, "drain", "orders");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    s_put_ask (&rig, "resume", "orders");
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

/* An answer of nothing: no letters, so no oldest one. */
static void
test_a_flow_of_letters_without_any (void **state)
{
    (void) state;
    zloom_engine_flow_t flows[] = {rig_flow ("orders", ZLOOM_CONFIRM_DISK),
                                   rig_flow ("failed", ZLOOM_CONFIRM_DISK)};
    flows[0].config.dead_letter = "failed";
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_put_ask (&rig, "dlq ls", "failed");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    static const char oldest[] = "\xa9"
                                 "oldest_ms";
    const uint8_t *at =
      memmem (rig.verb.answer.result.data, rig.verb.answer.result.size, oldest, sizeof oldest);
    assert_non_null (at); /* a NUL behind the name: the number 0 */
    rig_close (&rig);
}

/* A step without input carries on its session's own numbers, also twice to one flow. */
static void
test_a_step_without_input_counts_its_ids (void **state)
{
    (void) state;
    const zloom_engine_flow_t flows[] = {rig_flow ("out", ZLOOM_CONFIRM_DISK),
                                         rig_flow ("other", ZLOOM_CONFIRM_DISK)};
    const zloom_hello_flow_t outs[] = {{.name = zloom_bytes_text ("out"), .next = 1},
                                       {.name = zloom_bytes_text ("other"), .next = 1}};
    zloom_emit_t emits[] = {{.flow = 0, .first_id = 1, .n = 2, .base_time_ns = 5},
                            {.flow = 1, .first_id = 1, .n = 2, .base_time_ns = 5},
                            {.flow = 0, .first_id = 3, .n = 2, .base_time_ns = 5}};
    const zloom_verb_t step = {.kind = ZLOOM_VERB_STEP, .step = {.emits = emits, .emit_count = 3}};
    zloom_buf_t pack = {0};
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_put_hello (&rig, 2, "worker", 2, outs, 2);
    rig_consumer (&rig, 3, "ledger", "out", 1000);
    rig_quiet (&rig);
    rig_pack (&pack, 1, 6, 10);
    rig_put (&rig, 2, &step, &pack);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_OK);
    uint64_t seen = 0;
    while (rig_take (&rig, 3, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seen, 4);
    emits[0].first_id = emits[1].first_id = 3; /* behind itself this one leaves a gap */
    emits[0].first_id = 5;
    emits[2].first_id = 8;
    rig_put (&rig, 2, &step, &pack);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_OUT_OF_ORDER);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

/* A limit of 0 is none. */
static void
test_a_flow_without_limits_takes_what_comes (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_messages = 0;
    flow.config.limit_bytes = 0;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 100);
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

/* A step settles what its handle was given: one that takes nothing was given nothing. */
static void
test_a_step_for_a_handle_that_takes_nothing_is_stale (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const zloom_settle_run_t run = {
      .first = 1, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    zloom_verb_t step = {
      .kind = ZLOOM_VERB_STEP,
      .step = {
        .has_handle = true, .handle = 7, .token = {1, 1}, .settles = &run, .settle_count = 1}};
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 2, "worker", 2, NULL);
    rig_put (&rig, 2, &step, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_STALE);
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_TAP);
    rig_settle (&rig);
    step.step.handle = 1;
    rig_put (&rig, 2, &step, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.step, ZLOOM_STALE);
    rig_close (&rig);
}

/* Without a seed each opening draws its own boot. */
static void
test_seeds_come_from_the_system (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    uint64_t boots[2];
    for (size_t i = 0; i < 2; i++) {
        rig_t rig;
        rig_init (&rig, &flow, 1);
        rig.seed = UINT64_MAX; /* the next is 0 */
        assert_int_equal (rig_start (&rig), ZLOOM_OK);
        rig_hello (&rig, 1, "shop", 1, "orders");
        boots[i] = zloom_journal_boot (rig.journal).random;
        rig_close (&rig);
    }
    assert_int_not_equal (boots[0], boots[1]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_heartbeats_are_those_of_the_config),
      cmocka_unit_test (test_a_stop_is_measured_by_the_heartbeat),
      cmocka_unit_test (test_the_same_fingerprint_is_welcome),
      cmocka_unit_test (test_a_stranger_with_a_broken_frame_is_sent_away),
      cmocka_unit_test (test_a_lease_is_never_longer_than_a_day),
      cmocka_unit_test (test_draining_twice_is_draining_once),
      cmocka_unit_test (test_a_flow_of_letters_without_any),
      cmocka_unit_test (test_a_step_without_input_counts_its_ids),
      cmocka_unit_test (test_a_flow_without_limits_takes_what_comes),
      cmocka_unit_test (test_a_step_for_a_handle_that_takes_nothing_is_stale),
      cmocka_unit_test (test_seeds_come_from_the_system),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
