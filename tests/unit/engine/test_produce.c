/* SPDX-License-Identifier: MPL-2.0 */
/* SEND: credit, whole refusal, resending, limits, a full disk, a failed disk. */
#include "unit/engine/peers.h"

static void
s_put_pack (rig_t *rig, zloom_route_t route, uint64_t first_id, uint32_t n, uint32_t really,
            size_t size)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.flow = 0, .first_id = first_id, .n = n, .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, first_id, really, size);
    rig_put (rig, route, &verb, &pack);
    zloom_buf_fini (&pack);
}

static void
test_a_refused_send_blocks_the_later_ones (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 2);
    s_put_pack (&rig, 1, 3, 2, 1, 10); /* says 2, holds 1 */
    rig_put_send (&rig, 1, 5, 2);      /* on the road already */
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_true (rig.verb.refuse.has_flow);
    assert_int_equal (rig.verb.refuse.from_id, 3);
    assert_int_not_equal (rig.verb.refuse.code, ZLOOM_OK);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE); /* told once */
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 2);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);

    rig_put_send (&rig, 1, 3, 2); /* again, whole this time */
    rig_put_send (&rig, 1, 5, 2);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 6);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    uint64_t seen = 0;
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seen, 6);
    rig_close (&rig);
}

static void
test_a_skip_unblocks_too (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    s_put_pack (&rig, 1, 1, 2, 1, 10);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    const zloom_verb_t skip = {.kind = ZLOOM_VERB_SEND,
                               .send = {.flow = 0, .first_id = 1, .n = 2, .base_time_ns = 1}};
    rig_put (&rig, 1, &skip, NULL);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 3);
    rig_close (&rig);
}

static void
test_a_gap_is_out_of_order (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 5, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_OUT_OF_ORDER);
    assert_int_equal (rig.verb.refuse.from_id, 1);
    rig_close (&rig);
}

static void
test_credit_keeps_what_is_on_the_road_within_the_limit (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_messages = 100;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "one", 1, "orders");
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    const uint64_t one = rig.verb.credit.messages;
    rig_hello (&rig, 2, "two", 2, "orders");
    rig_expect (&rig, 2, ZLOOM_VERB_CREDIT);
    const uint64_t two = rig.verb.credit.messages;
    assert_true (one > 0 && two > 0 && one + two <= 101);
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 1, (uint32_t) one);
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

static void
test_a_full_flow_stops_credit_and_goes_on_when_there_is_room (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_messages = 10;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    assert_int_equal (rig.verb.credit.messages, 10);
    rig_put_send (&rig, 1, 1, 10);
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_put_send (&rig, 1, 11, 1); /* a peer that does not care for credit */
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_NO_CREDIT);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CREDIT);

    rig_consumer (&rig, 2, "worker", "orders", 4);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 1, 4, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    assert_true (rig.verb.credit.messages >= 14);
    rig_put_send (&rig, 1, 11, 3);
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    rig_close (&rig);
}

static void
test_a_message_over_the_limit_is_refused_by_name (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_bytes = 1000;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    s_put_pack (&rig, 1, 1, 1, 1, 2000);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_TOO_BIG);
    rig_close (&rig);
}

static void
test_a_full_disk_refuses_producers_and_lets_settlements_go_on (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_init (&rig, &flow, 1);
    zloom_simdisk_capacity (rig.disk, 128u * 1024 * 1024);
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "shop", 1, "orders");
    uint64_t id = 1;
    bool full = false;
    for (int i = 0; i < 200 && !full; i++, id++) {
        s_put_pack (&rig, 1, id, 1, 1, 1u << 20);
        rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
        full = rig_take (&rig, 1, ZLOOM_VERB_REFUSE);
    }
    assert_true (full);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_DISK_FULL);
    const uint64_t refused = rig.verb.refuse.from_id;
    rig_quiet (&rig);

    rig_consumer (&rig, 2, "worker", "orders", 1000);
    uint64_t settled = 0;
    for (int i = 0; i < 2000 && settled < refused - 1; i++) {
        while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
            for (size_t j = 0; j < rig.verb.deliver.run_count; j++) {
                rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, rig.verb.deliver.runs[j].seq,
                                rig.verb.deliver.runs[j].n, ZLOOM_VERDICT_ACK);
            }
        }
        rig_put_credit (&rig, 1, 9, 1); /* both are alive */
        rig_put_credit (&rig, 2, 1, 1000);
        rig_run (&rig, 100 * ZLOOM_NS_PER_MS);
        while (rig_take (&rig, 2, ZLOOM_VERB_SETTLED)) {
            settled += rig.verb.settled.runs[0].n;
        }
    }
    assert_int_equal (settled, refused - 1);
    zloom_simdisk_capacity (rig.disk, 0);
    rig_put_credit (&rig, 1, 9, 1);
    rig_put_credit (&rig, 2, 1, 1000);
    rig_run (&rig, 3 * ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_quiet (&rig);
    s_put_pack (&rig, 1, refused, 1, 1, 1000);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, refused);
    rig_close (&rig);
}

static void
test_a_failed_disk_confirms_nothing_and_says_so (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 1);
    rig_turn (&rig);
    zloom_simdisk_fail (rig.disk, ZLOOM_SIMDISK_SYNC, 1, ZLOOM_DISK);
    while (zloom_journal_work (rig.journal)) {
    }
    rig_turn (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_expect (&rig, 1, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_DISK);
    assert_int_equal (zloom_engine_failed (rig.engine), ZLOOM_DISK);
    assert_true (strlen (zloom_note ()) > 0);
    rig_crash (&rig);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

static void
test_a_mark_comes_back_in_welcome (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "file", 1, "orders");
    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 1, 10);
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .flow = 0, .first_id = 1, .n = 1, .base_time_ns = 1, .mark = zloom_bytes_text ("line 1")}};
    rig_put (&rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_crash (&rig);
    rig_hello (&rig, 1, "file", 2, "orders");
    assert_int_equal (rig.verb.welcome.flows[0].high, 1);
    assert_int_equal (rig.verb.welcome.flows[0].mark.size, 6);
    assert_memory_equal (rig.verb.welcome.flows[0].mark.data, "line 1", 6);
    rig_close (&rig);
}

static void
test_what_does_not_fit_the_group_waits_in_order (void **state)
{
    (void) state;
    const zloom_engine_flow_t flows[] = {rig_flow ("orders", ZLOOM_CONFIRM_DISK),
                                         rig_flow ("quick", ZLOOM_CONFIRM_MEMORY)};
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 2, "fast", 2, "quick");
    rig_consumer (&rig, 3, "worker", "orders", 1000);
    /* More than the open group and the one under way hold, while the disk does nothing. */
    for (uint64_t id = 1; id <= 7; id++) {
        s_put_pack (&rig, 1, id, 1, 1, 3u << 20);
        rig_turn (&rig);
    }
    for (uint64_t id = 8; id <= 20; id++) {
        rig_put_send (&rig, 1, id, 1); /* behind those that wait */
    }
    for (uint64_t id = 1; id <= 5; id++) {
        rig_put_send (&rig, 2, id, 1);
        rig_turn (&rig);
        rig_expect (&rig, 2, ZLOOM_VERB_CONFIRM); /* another flow goes on */
        assert_int_equal (rig.verb.confirm.upto_id, id);
    }
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_run (&rig, 100 * ZLOOM_NS_PER_MS);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    uint64_t confirmed = 0;
    while (rig_take (&rig, 1, ZLOOM_VERB_CONFIRM)) {
        confirmed = rig.verb.confirm.upto_id;
    }
    assert_int_equal (confirmed, 20);
    uint64_t seq = 1;
    while (rig_take (&rig, 3, ZLOOM_VERB_DELIVER)) {
        assert_int_equal (rig.verb.deliver.runs[0].seq, seq);
        assert_int_equal (rig.verb.deliver.src[0].first_id, seq);
        seq += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (seq, 21);
    rig_close (&rig);
}

static void
test_memory_flows_share_one_limit (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    rig_t rig;
    rig_init (&rig, &flow, 1);
    rig.memory_limit_bytes = 1u << 20;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "fast", 1, "quick");
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    assert_true (rig.verb.credit.bytes <= 1u << 20);
    s_put_pack (&rig, 1, 1, 1, 1, 900000);
    s_put_pack (&rig, 1, 2, 1, 1, 900000);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FULL);
    assert_int_equal (rig.verb.refuse.from_id, 2);
    rig_consumer (&rig, 2, "worker", "quick", 10);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_quiet (&rig);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, rig.verb.deliver.runs[0].seq, 1,
                    ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    s_put_pack (&rig, 1, 2, 1, 1, 900000);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_refused_send_blocks_the_later_ones),
      cmocka_unit_test (test_a_skip_unblocks_too),
      cmocka_unit_test (test_a_gap_is_out_of_order),
      cmocka_unit_test (test_credit_keeps_what_is_on_the_road_within_the_limit),
      cmocka_unit_test (test_a_full_flow_stops_credit_and_goes_on_when_there_is_room),
      cmocka_unit_test (test_a_message_over_the_limit_is_refused_by_name),
      cmocka_unit_test (test_a_full_disk_refuses_producers_and_lets_settlements_go_on),
      cmocka_unit_test (test_a_failed_disk_confirms_nothing_and_says_so),
      cmocka_unit_test (test_a_mark_comes_back_in_welcome),
      cmocka_unit_test (test_what_does_not_fit_the_group_waits_in_order),
      cmocka_unit_test (test_memory_flows_share_one_limit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
