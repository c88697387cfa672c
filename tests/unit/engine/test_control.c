/* SPDX-License-Identifier: MPL-2.0 */
/* Looking and steering: tap, browse, stats, pause, drain, reload, leaving. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

static zloom_engine_flow_t s_flow;

static void
s_admin (rig_t *rig, const char *command, const char *flow)
{
    zloom_attrs_t args = {0};
    if (flow) {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    }
    rig_put_admin (rig, 9, 1, command, &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
}

static void
s_open (rig_t *rig)
{
    rig_open (rig, &s_flow, 1);
    rig_hello (rig, 1, "shop", 1, "orders");
    rig_hello (rig, 9, "operator", 9, NULL);
}

static void
test_a_tap_sees_copies_and_is_told_what_it_missed (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 1); /* before it looked */
    rig_settle (&rig);
    rig_put_subscribe (&rig, 9, 1, "orders", ZLOOM_MODE_TAP);
    rig_put_credit (&rig, 9, 1, 2);
    rig_settle (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 1000);
    rig_put_send (&rig, 1, 2, 2);
    rig_turn (&rig);
    rig_expect_none (&rig, 9, ZLOOM_VERB_DELIVER); /* not durable */
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 2);
    assert_int_equal (rig.verb.deliver.runs[0].n, 2);
    rig_put_send (&rig, 1, 4, 3);
    rig_settle (&rig);
    rig_expect_none (&rig, 9, ZLOOM_VERB_DELIVER);
    rig_put_credit (&rig, 9, 1, 10); /* told now, not with the next message */
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, 4);
    assert_int_equal (rig.verb.gap.to, 6);
    assert_int_equal (rig.verb.gap.count, 3);
    rig_put_send (&rig, 1, 7, 1);
    rig_settle (&rig);
    rig_expect_none (&rig, 9, ZLOOM_VERB_GAP);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 7);
    uint64_t seen = 0;
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seen, 7);
    rig_close (&rig);
}

static void
test_browse_shows_what_waits_and_leases_nothing (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 3);
    rig_settle (&rig);
    rig_put_send (&rig, 1, 4, 3);
    rig_settle (&rig);
    rig_crash (&rig); /* its bytes are on the disk only */
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_put_subscribe (&rig, 9, 1, "orders", ZLOOM_MODE_BROWSE);
    rig_put_credit (&rig, 9, 1, 4);
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 3);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 1);
    rig_expect_none (&rig, 9, ZLOOM_VERB_GAP);
    rig_put_credit (&rig, 9, 1, 100);
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 5);
    rig_expect (&rig, 9, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.count, 0);
    assert_memory_equal (rig.verb.gap.reason.data, "end", 3);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    uint64_t seen = 0;
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        assert_int_equal (rig.verb.deliver.fact_count, 0);
        seen += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seen, 6);
    rig_close (&rig);
}

static void
test_pause_resume_drain (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_admin (&rig, "pause", "orders");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    s_admin (&rig, "resume", "orders");
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    s_admin (&rig, "drain", "orders");
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_DRAINING);
    assert_int_equal (rig.verb.refuse.from_id, 3);
    s_admin (&rig, "resume", "orders");
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

static void
s_peer (rig_t *rig, const char *command, const char *peer)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "peer", zloom_bytes_text (peer));
    rig_put_admin (rig, 9, 2, command, &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
}

/* One worker is paused: it is handed nothing, whatever it grants, and the other one works on. */
static void
test_a_paused_peer_takes_nothing (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "first", "orders", 2);
    s_peer (&rig, "peer pause", "first");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    rig_put_send (&rig, 1, 1, 3);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_credit (&rig, 2, 1, 100);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_consumer (&rig, 3, "second", "orders", 1);
    rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 1);
    s_peer (&rig, "peer resume", "first");
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER); /* with the credit that it gave meanwhile */
    assert_int_equal (zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count), 2);
    rig_close (&rig);
}

/* Who only looks takes nothing that others could have, so looking goes on. */
static void
test_a_paused_peer_goes_on_looking (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 2, "watcher", 2, NULL);
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_TAP);
    s_peer (&rig, "peer pause", "watcher");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    rig_put_credit (&rig, 2, 1, 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

/* It is the name that is paused: a process that comes back under it waits as well. */
static void
test_a_paused_peer_that_comes_back_is_paused (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_peer (&rig, "peer pause", "first");
    rig_consumer (&rig, 2, "first", "orders", 10);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_consumer (&rig, 4, "first", "orders", 10);
    rig_settle (&rig);
    rig_expect_none (&rig, 4, ZLOOM_VERB_DELIVER);
    s_peer (&rig, "peer resume", "first");
    rig_settle (&rig);
    rig_expect (&rig, 4, ZLOOM_VERB_DELIVER);
    s_peer (&rig, "peer pause", "");
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    char longer[ZLOOM_LIMIT_NAME_BYTES + 2];
    memset (longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    s_peer (&rig, "peer pause", longer);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    s_admin (&rig, "peer pause", NULL);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    rig_close (&rig);
}

/* The table of paused names has its limit, which a name that stands in it already does not meet. */
static void
test_a_full_table_of_paused_peers_takes_known_names (void **state)
{
    (void) state;
    char name[16];
    rig_t rig;
    s_open (&rig);
    for (int i = 0; i < 4096; i++) {
        (void) snprintf (name, sizeof name, "peer-%d", i);
        s_peer (&rig, "peer pause", name);
        assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    }
    s_peer (&rig, "peer pause", "one more");
    assert_int_equal (rig.verb.answer.code, ZLOOM_TOO_MANY);
    s_peer (&rig, "peer pause", "peer-7");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    s_peer (&rig, "peer resume", "peer-7");
    s_peer (&rig, "peer pause", "one more");
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    rig_close (&rig);
}

/* Who only sends uses up what it was granted, and gets no more until it is resumed. */
static void
test_a_paused_sender_gets_no_credit (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_quiet (&rig);
    s_peer (&rig, "peer pause", "shop");
    for (uint64_t id = 1; id <= 8; id++) { /* more than half of what it was granted */
        rig_put_sized (&rig, 1, id, 1, 900000);
        rig_run (&rig, 100 * ZLOOM_NS_PER_MS);
        rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    }
    rig_expect_none (&rig, 1, ZLOOM_VERB_CREDIT);
    s_peer (&rig, "peer resume", "shop");
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_close (&rig);
}

static void
test_stats_and_unknown_commands (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    s_admin (&rig, "stats", NULL);
    assert_true (rig.verb.answer.more);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_non_null (
      memmem (rig.verb.answer.result.data, rig.verb.answer.result.size, "\xa5ready\x02", 7));
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_false (rig.verb.answer.more);
    assert_non_null (
      memmem (rig.verb.answer.result.data, rig.verb.answer.result.size, "\xa4shop", 5));
    s_admin (&rig, "flow ls", NULL);
    assert_false (rig.verb.answer.more);
    s_admin (&rig, "reload", NULL);
    assert_int_equal (rig.verb.answer.code, ZLOOM_UNSUPPORTED); /* its owner has no file */
    s_admin (&rig, "levitate", NULL);
    assert_int_equal (rig.verb.answer.code, ZLOOM_UNSUPPORTED);
    s_admin (&rig, "pause", "nowhere");
    assert_int_equal (rig.verb.answer.code, ZLOOM_UNKNOWN_FLOW);
    s_admin (&rig, "pause", NULL);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    rig_close (&rig);
}

static void
test_a_leaving_router_waits_for_what_is_out (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 1);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig.verb.deliver.token;
    zloom_engine_drain (rig.engine, rig.now.mono_ns + 10 * ZLOOM_NS_PER_S);
    rig_put_credit (&rig, 2, 1, 10);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_DRAINING);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_false (zloom_engine_drained (rig.engine));
    rig_put_settle (&rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    assert_true (zloom_engine_drained (rig.engine));
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    rig_expect (&rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_OK);
    rig_close (&rig);
}

static void
test_a_leaving_router_does_not_wait_for_ever (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 1);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    zloom_engine_drain (rig.engine, rig.now.mono_ns + ZLOOM_NS_PER_S);
    rig_run (&rig, 900 * ZLOOM_NS_PER_MS);
    assert_false (zloom_engine_drained (rig.engine));
    rig_run (&rig, 200 * ZLOOM_NS_PER_MS);
    assert_true (zloom_engine_drained (rig.engine));
    rig_close (&rig);
}

static void
test_reload_takes_new_flows_and_keeps_full_ones (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    zloom_engine_flow_t flows[] = {s_flow, rig_flow ("paid", ZLOOM_CONFIRM_DISK)};
    assert_int_equal (zloom_engine_reload (rig.engine, &flows[1], 1, rig.now), ZLOOM_RECIPE);
    assert_non_null (strstr (zloom_note (), "orders"));
    flows[0].config.dead_letter = "nowhere";
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 2, rig.now), ZLOOM_FAILED);
    flows[0].config.dead_letter = "paid";
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 2, rig.now), ZLOOM_OK);
    rig_hello (&rig, 3, "till", 3, "paid");
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_OK);
    rig_put_send (&rig, 3, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_CONFIRM);
    s_admin (&rig, "purge", "paid");
    flows[0].config.dead_letter = NULL;
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 1, rig.now), ZLOOM_OK);
    rig_quiet (&rig);
    rig_put_send (&rig, 3, 2, 1);
    rig_settle (&rig);
    rig_expect (&rig, 3, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_UNKNOWN_FLOW);
    rig_hello (&rig, 3, "till", 3, "paid");
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 2, rig.now), ZLOOM_OK);
    rig_hello (&rig, 3, "till", 3, "paid");
    assert_int_equal (rig.verb.welcome.flows[0].high, 1); /* its producers are known still */
    rig_close (&rig);
}

static void
test_a_forgotten_flow_with_messages_is_not_forgotten (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    const zloom_engine_flow_t other = rig_flow ("other", ZLOOM_CONFIRM_DISK);
    rig_stop (&rig);
    rig.flows = &other;
    assert_int_equal (rig_start (&rig), ZLOOM_RECIPE);
    assert_non_null (strstr (zloom_note (), "orders"));
    rig_stop (&rig);
    rig.flows = &s_flow;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 2);
    rig_close (&rig);
}

int
main (void)
{
    s_flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_tap_sees_copies_and_is_told_what_it_missed),
      cmocka_unit_test (test_browse_shows_what_waits_and_leases_nothing),
      cmocka_unit_test (test_pause_resume_drain),
      cmocka_unit_test (test_a_paused_peer_takes_nothing),
      cmocka_unit_test (test_a_paused_peer_goes_on_looking),
      cmocka_unit_test (test_a_paused_peer_that_comes_back_is_paused),
      cmocka_unit_test (test_a_full_table_of_paused_peers_takes_known_names),
      cmocka_unit_test (test_a_paused_sender_gets_no_credit),
      cmocka_unit_test (test_stats_and_unknown_commands),
      cmocka_unit_test (test_a_leaving_router_waits_for_what_is_out),
      cmocka_unit_test (test_a_leaving_router_does_not_wait_for_ever),
      cmocka_unit_test (test_reload_takes_new_flows_and_keeps_full_ones),
      cmocka_unit_test (test_a_forgotten_flow_with_messages_is_not_forgotten),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
