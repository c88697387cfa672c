/* SPDX-License-Identifier: MPL-2.0 */
/* The main road: SEND, CONFIRM, DELIVER, SETTLE; what waits for the disk and what does not. */
#include "unit/engine/peers.h"

static void
test_a_message_goes_through (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (rig.verb.welcome.flow_count, 1);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_OK);
    assert_int_equal (rig.verb.welcome.flows[0].high, 0);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    assert_true (rig.verb.credit.messages > 100);

    rig_put_send (&rig, 1, 1, 3);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 3);
    assert_int_equal (rig.verb.confirm.level, ZLOOM_CONFIRM_DISK);

    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.run_count, 1);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 1);
    assert_int_equal (rig.verb.deliver.runs[0].n, 3);
    assert_int_equal (rig.verb.deliver.src_count, 1);
    assert_int_equal (rig.verb.deliver.src[0].first_id, 1);
    assert_memory_equal (rig.verb.deliver.src[0].producer.data, "shop", 4);
    assert_int_equal (rig.verb.deliver.delivery_no, 1);
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_buf_bytes (&rig.pack));
    zloom_bytes_t bytes;
    zloom_envelope_t envelope;
    assert_true (zloom_pack_next (&iter, &bytes));
    assert_int_equal (zloom_envelope_decode (bytes, &envelope), ZLOOM_OK);
    assert_memory_equal (envelope.body.data, "1 ", 2);

    const zloom_token_t token = rig.verb.deliver.token;
    assert_true (token.boot == zloom_journal_boot (rig.journal).random);
    rig_put_settle (&rig, 2, 1, token, 1, 3, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.run_count, 1);
    assert_int_equal (rig.verb.settled.runs[0].code, ZLOOM_OK);
    assert_true (rig.verb.settled.token.boot == token.boot);
    rig_close (&rig);
}

static void
test_nothing_is_confirmed_or_delivered_before_it_is_durable (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 10);
    rig_put_send (&rig, 1, 1, 3);
    for (int i = 0; i < 5; i++) {
        rig_turn (&rig); /* the disk does nothing */
        rig_pass (&rig, ZLOOM_NS_PER_MS);
    }
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_send (&rig, 1, 1, 3); /* sent again: its confirm tells of the same group */
    rig_turn (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 3);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].n, 3);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

static void
test_a_memory_flow_does_not_wait_for_the_disk (void **state)
{
    (void) state;
    const zloom_engine_flow_t flows[] = {rig_flow ("quick", ZLOOM_CONFIRM_MEMORY),
                                         rig_flow ("safe", ZLOOM_CONFIRM_DISK)};
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "shop", 1, "quick");
    rig_hello (&rig, 3, "slow", 3, "safe");
    rig_consumer (&rig, 2, "worker", "quick", 10);
    rig_put_send (&rig, 3, 1, 1); /* the disk is busy with this one */
    rig_put_send (&rig, 1, 1, 3);
    rig_turn (&rig);
    rig_expect_none (&rig, 3, ZLOOM_VERB_CONFIRM);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.level, ZLOOM_CONFIRM_MEMORY);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, UINT64_C (1) << 40);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, UINT64_C (1) << 40, 3, ZLOOM_VERDICT_ACK);
    rig_turn (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    rig_close (&rig);
}

static void
test_high_in_welcome_waits_for_the_disk (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 1};
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 5);
    rig_turn (&rig);
    rig_put_hello (&rig, 2, "shop", 1, &hello, 1); /* the same process by a new road */
    rig_turn (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_WELCOME);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].high, 5);
    rig_close (&rig);
}

static void
test_a_pack_is_handed_out_in_slices (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 256);
    rig_settle (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    uint64_t seq = 1;
    for (uint64_t credit = 100; seq <= 256; credit += 100) {
        rig_put_credit (&rig, 2, 1, credit);
        rig_settle (&rig);
        rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
        assert_int_equal (rig.verb.deliver.runs[0].seq, seq);
        zloom_pack_iter_t iter = zloom_pack_iter (zloom_buf_bytes (&rig.pack));
        zloom_bytes_t bytes;
        while (zloom_pack_next (&iter, &bytes)) {
            zloom_envelope_t envelope;
            char text[16];
            assert_int_equal (zloom_envelope_decode (bytes, &envelope), ZLOOM_OK);
            const int length = snprintf (text, sizeof text, "%llu ", (unsigned long long) seq++);
            assert_memory_equal (envelope.body.data, text, (size_t) length);
        }
    }
    assert_int_equal (seq, 257);
    rig_close (&rig);
}

static void
test_messages_survive_a_crash_and_late_acks_count (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 10);
    rig_settle (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig.verb.deliver.token;
    rig_crash (&rig);

    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (rig.verb.welcome.flows[0].high, 10);
    rig_hello (&rig, 2, "worker", 2, NULL);
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_settle (&rig, 2, 1, token, 1, 4, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.runs[0].code, ZLOOM_OK);
    assert_true (rig.verb.settled.token.boot == token.boot);
    rig_put_credit (&rig, 2, 1, 100);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 5);
    assert_int_equal (rig.verb.deliver.runs[0].n, 6);

    /* A boot that never was is believed nothing. */
    rig_put_settle (&rig, 2, 1, (zloom_token_t){token.boot ^ 1, 1}, 5, 1, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig.verb.settled.runs[0].code, ZLOOM_STALE);
    rig_close (&rig);
}

/* One message of `size` bytes, in a pack and a group of its own. */
static void
s_send_sized (rig_t *rig, zloom_route_t route, uint64_t id, size_t size)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.flow = 0, .first_id = id, .n = 1, .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, id, 1, size);
    rig_put (rig, route, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
}

static void
s_put_credit (rig_t *rig, zloom_route_t route, uint64_t messages)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                               .credit = {.target = ZLOOM_CREDIT_HANDLE,
                                          .id = 1,
                                          .messages = messages,
                                          .bytes = messages << 22,
                                          .frames = messages}};
    rig_put (rig, route, &verb, NULL);
    rig_settle (rig);
}

/* Deliveries up to message `last`; returns the token of the first one. */
static zloom_token_t
s_take_upto (rig_t *rig, zloom_route_t route, uint64_t last)
{
    zloom_token_t token = {0};
    for (uint64_t seq = 0; seq < last;) {
        rig_expect (rig, route, ZLOOM_VERB_DELIVER);
        const zloom_verb_deliver_t *deliver = &rig->verb.deliver;
        const zloom_run_t *run = &deliver->runs[deliver->run_count - 1];
        token = seq == 0 ? deliver->token : token;
        seq = run->seq + run->n - 1;
    }
    return token;
}

/*
 * A hand-out of more packs than are looked at at one time. The first one was read from the disk so
 * long ago that no cache has it any more: only that it was looked at keeps its bytes.
 */
static void
test_a_handout_of_many_packs_keeps_their_bytes (void **state)
{
    (void) state;
    const uint32_t large = 6;
    const uint32_t small = 9;
    const uint32_t others = 40;
    const zloom_engine_flow_t flows[] = {rig_flow ("orders", ZLOOM_CONFIRM_DISK),
                                         rig_flow ("other", ZLOOM_CONFIRM_DISK)};
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 3, "mart", 3, "other");
    for (uint32_t i = 0; i < 1 + large; i++) {
        s_send_sized (&rig, 1, 1 + i, i == 0 ? 10 : 3500000);
    }
    for (uint32_t i = 0; i < others; i++) {
        s_send_sized (&rig, 3, 1 + i, 10);
    }
    rig_crash (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 1);
    s_put_credit (&rig, 2, 1 + large);
    const zloom_token_t token = s_take_upto (&rig, 2, 1 + large);
    rig_consumer (&rig, 4, "reader", "other", others);
    s_take_upto (&rig, 4, others);

    rig_hello (&rig, 1, "shop", 1, "orders");
    for (uint32_t i = 0; i < small; i++) {
        s_send_sized (&rig, 1, 2 + large + i, 10);
    }
    rig_put_settle (&rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_RELEASE);
    s_put_credit (&rig, 2, 100);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.run_count, 2);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 1);
    assert_int_equal (rig.verb.deliver.runs[1].n, small);
    rig_expect_none (&rig, 2, ZLOOM_VERB_BYE);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_message_goes_through),
      cmocka_unit_test (test_nothing_is_confirmed_or_delivered_before_it_is_durable),
      cmocka_unit_test (test_a_memory_flow_does_not_wait_for_the_disk),
      cmocka_unit_test (test_high_in_welcome_waits_for_the_disk),
      cmocka_unit_test (test_a_pack_is_handed_out_in_slices),
      cmocka_unit_test (test_a_handout_of_many_packs_keeps_their_bytes),
      cmocka_unit_test (test_messages_survive_a_crash_and_late_acks_count),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
