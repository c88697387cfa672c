/* SPDX-License-Identifier: MPL-2.0 */
/* HELLO to the end: names, epochs, fencing, heartbeats, who is gone, what strangers hear. */
#include "unit/engine/peers.h"

static zloom_engine_flow_t s_flow;

static void
test_a_newer_process_fences_the_older_for_good (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    const uint64_t first = rig.verb.welcome.epoch;
    rig_hello (&rig, 2, "shop", 2, "orders");
    assert_true (rig.verb.welcome.epoch > first);
    rig_expect (&rig, 1, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_FENCED);
    assert_true (rig.forgotten[1]);

    rig_put_hello (&rig, 3, "shop", 1, NULL, 0); /* the older one comes back */
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_FENCED);
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    rig_close (&rig);
}

/* A stalled router reads the HELLO of a process that has died after that of its successor. */
static void
test_a_hello_of_the_dead_fences_nobody (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_put_hello (&rig, 2, "shop", 2, NULL, 0);
    rig_put_hello (&rig, 3, "shop", 1, NULL, 0);
    rig.broken[3] = ZLOOM_GONE;
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_WELCOME);
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    assert_true (rig.forgotten[3]);
    const uint64_t epoch = rig.verb.welcome.epoch;
    rig_hello (&rig, 4, "shop", 2, "orders"); /* nor for ever */
    assert_true (rig.verb.welcome.epoch == epoch);

    rig_put_hello (&rig, 5, "shop", 3, NULL, 0); /* one that lives takes over as ever */
    rig_settle (&rig);
    rig_expect (&rig, 5, ZLOOM_VERB_PING);
    rig_expect (&rig, 5, ZLOOM_VERB_WELCOME);
    assert_true (rig.verb.welcome.epoch > epoch);
    rig_expect (&rig, 4, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_FENCED);
    rig_close (&rig);
}

static void
test_the_same_process_keeps_its_epoch_on_a_new_road (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    const uint64_t epoch = rig.verb.welcome.epoch;
    rig_hello (&rig, 2, "shop", 1, "orders");
    assert_true (rig.verb.welcome.epoch == epoch);
    rig_expect_none (&rig, 1, ZLOOM_VERB_BYE);
    rig_close (&rig);
}

static void
test_epochs_grow_over_a_restart (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    const uint64_t epoch = rig.verb.welcome.epoch;
    rig_crash (&rig);
    rig_hello (&rig, 1, "shop", 2, "orders");
    assert_true (rig.verb.welcome.epoch > epoch);
    rig_close (&rig);
}

static void
test_strangers_are_told_to_say_hello (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_put_send (&rig, 5, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 5, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_NOT_FOUND);
    assert_true (rig.forgotten[5]);

    const zloom_verb_t hello = {.kind = ZLOOM_VERB_HELLO,
                                .hello = {.proto_min = 7,
                                          .proto_max = 9,
                                          .name = zloom_bytes_text ("future"),
                                          .role = zloom_bytes_text ("test"),
                                          .nonce = zloom_bytes ("0123456789abcdef", 16)}};
    rig_put (&rig, 6, &hello, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 6, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_VERSION);
    rig_close (&rig);
}

static void
test_a_flow_that_differs_is_refused_not_the_session (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    const zloom_hello_flow_t flows[] = {
      {.name = zloom_bytes_text ("nowhere"), .next = 1},
      {.name = zloom_bytes_text ("orders"), .has_fingerprint = true, .fingerprint = 0xbad}};
    rig_put_hello (&rig, 1, "shop", 1, flows, 2);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (rig.verb.welcome.flows[1].code, ZLOOM_FINGERPRINT);
    char note[512];
    snprintf (note, sizeof note, "%.*s", (int) rig.verb.welcome.flows[1].note.size,
              (const char *) rig.verb.welcome.flows[1].note.data);
    assert_non_null (strstr (note, "0000000000000007"));
    assert_non_null (strstr (note, "0000000000000bad"));
    rig_put_subscribe (&rig, 1, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig.verb.subscribed.code, ZLOOM_OK);
    rig_close (&rig);
}

/* A sender that is gone before its WELCOME was never counted: those after it get all the credit. */
static void
test_who_leaves_before_the_welcome_was_no_sender (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 3, "other", 3, "orders");
    rig_drop_frames (&rig);
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 1};
    rig_put_hello (&rig, 1, "hasty", 1, &hello, 1);
    rig_put_bytes (&rig, 1, zloom_bytes ("\xc1", 1), ZLOOM_BYTES_NULL);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_BYE);
    rig_hello (&rig, 2, "shop", 2, "orders");
    const zloom_verb_t ask = {.kind = ZLOOM_VERB_ADMIN,
                              .admin = {.request = 1, .command = zloom_bytes_text ("stats")}};
    rig_put (&rig, 2, &ask, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_ANSWER); /* the router's page, then that of the flows */
    rig_expect (&rig, 2, ZLOOM_VERB_ANSWER);
    const zloom_bytes_t page = rig.verb.answer.result;
    const uint8_t *found = memmem (page.data, page.size,
                                   "\xa7"
                                   "senders",
                                   8);
    assert_non_null (found);
    assert_int_equal (found[8], 2);
    rig_close (&rig);
}

static void
test_silence_ends_a_session_and_its_leases (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "frozen", "orders", 10);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    for (int i = 0; i < 3; i++) {
        rig_put_credit (&rig, 1, 9, 1); /* the other one is alive */
        rig_run (&rig, ZLOOM_NS_PER_S);
        rig_expect (&rig, 2, ZLOOM_VERB_PING);
        assert_int_equal (rig.verb.ping.beat_count, 1);
        assert_int_equal (rig.verb.ping.beats[0].delivery_no, 1);
    }
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    rig_put_credit (&rig, 1, 9, 1);
    rig_run (&rig, 2 * ZLOOM_NS_PER_S);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_GONE);
    rig_put_credit (&rig, 1, 9, 1);
    rig_consumer (&rig, 3, "heir", "orders", 10);
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 2);
    rig_close (&rig);
}

static void
test_a_stopped_router_blames_nobody (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig.verb.deliver.token;
    rig_pass (&rig, 100 * ZLOOM_NS_PER_S); /* longer than lease and heartbeats */
    rig_settle (&rig);                     /* what the peers said meanwhile comes later */
    rig_put_settle (&rig, 2, 1, token, 1, 2, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.runs[0].code, ZLOOM_OK);
    rig_close (&rig);
}

static void
test_a_peer_without_a_road_gives_its_leases_back_at_once (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "first", "orders", 10);
    rig_consumer (&rig, 3, "second", "orders", 10);
    rig.broken[2] = ZLOOM_GONE;
    rig_put_send (&rig, 1, 1, 1);
    rig_put_send (&rig, 1, 2, 1);
    rig_settle (&rig);
    uint64_t seen = 0;
    while (rig_take (&rig, 3, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seen, 2);
    assert_true (rig.forgotten[2]);
    rig_close (&rig);
}

static void
test_what_was_given_back_is_handed_out_at_once (void **state)
{
    (void) state;
    const zloom_engine_flow_t quick = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    rig_t rig;
    rig_open (&rig, &quick, 1);
    rig_hello (&rig, 1, "shop", 1, "quick");
    rig_consumer (&rig, 2, "first", "quick", 10);
    rig_consumer (&rig, 3, "second", "quick", 10);
    rig.broken[2] = ZLOOM_GONE;
    rig.broken[3] = ZLOOM_GONE;
    rig_put_send (&rig, 1, 1, 1);
    for (int i = 0; i < 10 && !(rig.forgotten[2] || rig.forgotten[3]); i++) {
        rig_turn (&rig);
    }
    rig.broken[2] = rig.broken[3] = ZLOOM_OK;
    assert_int_equal (rig.wake_ns, rig.now.mono_ns);
    rig_turn (&rig);
    rig_expect (&rig, rig.forgotten[2] ? 3 : 2, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

static bool
s_no_supervisors (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    (void) key;
    (void) flow;
    return right != ZLOOM_RIGHT_SUPERVISE;
}

static void
s_put_gone (rig_t *rig, zloom_route_t route, const char *name, uint8_t nonce)
{
    const uint8_t bytes[ZLOOM_NONCE_BYTES] = {nonce};
    const zloom_verb_t gone = {.kind = ZLOOM_VERB_GONE,
                               .gone = {.name = zloom_bytes_text (name),
                                        .nonce = zloom_bytes (bytes, sizeof bytes),
                                        .exit = -1,
                                        .signal = 9,
                                        .text = zloom_bytes_text ("killed")}};
    rig_put (rig, route, &gone, NULL);
    rig_settle (rig);
}

static void
test_the_supervisor_says_who_is_gone (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 4, "supervisor", 4, NULL);
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_verb_t started = {.kind = ZLOOM_VERB_STARTED,
                                  .started = {.handle = 1,
                                              .token = rig.verb.deliver.token,
                                              .runs = &(zloom_run_t){1, 1},
                                              .run_count = 1}};
    rig_put (&rig, 2, &started, NULL);
    s_put_gone (&rig, 4, "worker", 77); /* another process of that name */
    assert_false (rig.forgotten[2]);
    s_put_gone (&rig, 4, "worker", 2);
    assert_true (rig.forgotten[2]);
    rig_consumer (&rig, 3, "heir", "orders", 10);
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.fact_count, 1);
    assert_int_equal (rig.verb.deliver.facts[0].attempt, 1);
    rig_close (&rig);
}

static void
test_only_a_supervisor_may_say_so (void **state)
{
    (void) state;
    rig_t rig;
    rig_init (&rig, &s_flow, 1);
    rig.rights = s_no_supervisors;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 4, "mallory", 4, NULL);
    rig_hello (&rig, 2, "worker", 2, NULL);
    s_put_gone (&rig, 4, "worker", 2);
    rig_expect (&rig, 4, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FORBIDDEN);
    assert_false (rig.forgotten[2]);
    rig_close (&rig);
}

static void
test_a_delivery_that_did_not_arrive_ends_the_session (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 2, ZLOOM_VERB_PING);
    zloom_beat_t beat = {.handle = 1, .delivery_no = 1};
    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG, .pong = {.beats = &beat, .beat_count = 1}};
    rig_put (&rig, 2, &pong, NULL);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    beat.delivery_no = 0;
    rig_put (&rig, 2, &pong, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_NOT_FOUND);
    rig_close (&rig);
}

static void
test_bye_gives_leases_back_at_no_cost (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE};
    rig_put (&rig, 2, &bye, NULL);
    rig_settle (&rig);
    assert_true (rig.forgotten[2]);
    rig_consumer (&rig, 3, "heir", "orders", 10);
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.fact_count == 0 ? 0 : rig.verb.deliver.facts[0].attempt, 0);
    rig_close (&rig);
}

static void
test_a_restored_destination_leaves_a_hole_not_a_stall (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 101};
    rig_put_hello (&rig, 1, "shop", 1, &hello, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].high, 100);
    rig_put_send (&rig, 1, 101, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 101);
    rig_close (&rig);
}

int
main (void)
{
    s_flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_newer_process_fences_the_older_for_good),
      cmocka_unit_test (test_a_hello_of_the_dead_fences_nobody),
      cmocka_unit_test (test_the_same_process_keeps_its_epoch_on_a_new_road),
      cmocka_unit_test (test_epochs_grow_over_a_restart),
      cmocka_unit_test (test_strangers_are_told_to_say_hello),
      cmocka_unit_test (test_a_flow_that_differs_is_refused_not_the_session),
      cmocka_unit_test (test_who_leaves_before_the_welcome_was_no_sender),
      cmocka_unit_test (test_silence_ends_a_session_and_its_leases),
      cmocka_unit_test (test_a_stopped_router_blames_nobody),
      cmocka_unit_test (test_a_peer_without_a_road_gives_its_leases_back_at_once),
      cmocka_unit_test (test_what_was_given_back_is_handed_out_at_once),
      cmocka_unit_test (test_the_supervisor_says_who_is_gone),
      cmocka_unit_test (test_only_a_supervisor_may_say_so),
      cmocka_unit_test (test_a_delivery_that_did_not_arrive_ends_the_session),
      cmocka_unit_test (test_bye_gives_leases_back_at_no_cost),
      cmocka_unit_test (test_a_restored_destination_leaves_a_hole_not_a_stall),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
