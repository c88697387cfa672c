/* SPDX-License-Identifier: MPL-2.0 */
/* SEND: what is refused for good or for a while, and what is no reason to refuse. */
#include "unit/engine/peers.h"

/* A promise that is asked for and not kept is refused, not passed over. */
static void
test_what_a_queue_does_not_keep_is_refused (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    zloom_engine_flow_t keyed = rig_flow ("keyed", ZLOOM_CONFIRM_DISK);
    keyed.config.key = "/customer";
    const zloom_engine_flow_t flows[] = {flow, keyed};
    const struct {
        uint32_t flags;
        zloom_err_t code;
    } refused[] = {
      {0, ZLOOM_NO_KEY},
      {ZLOOM_FLAG_KEY, ZLOOM_NO_KEY},
      {ZLOOM_FLAG_KEY | ZLOOM_FLAG_PRIORITY, ZLOOM_UNSUPPORTED},
    };
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 2, "web", 2, "keyed");
    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 1, 10);
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                         .send = {.first_id = 1, .n = 1, .base_time_ns = rig.now.wall_ns}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        verb.send.flags = refused[i].flags;
        rig_put (&rig, 2, &verb, &pack);
        rig_settle (&rig);
        rig_expect (&rig, 2, ZLOOM_VERB_REFUSE);
        assert_int_equal (rig.verb.refuse.code, refused[i].code);
    }
    verb.send.flags = ZLOOM_FLAG_KEY | ZLOOM_FLAG_TOPIC | ZLOOM_FLAG_ID;
    rig_put (&rig, 1, &verb, &pack);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

/* Who is told that the flow is full comes again at a pace, not as fast as the wire goes. */
static void
test_a_rejected_sender_rests_before_it_gets_credit (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_messages = 2;
    flow.config.on_full = ZLOOM_ON_FULL_REJECT;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_put_send (&rig, 1, 1, 2);
    rig_settle (&rig);
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FULL);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_run (&rig, ZLOOM_NS_PER_S);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_close (&rig);
}

/* Its answer was lost: it is confirmed again, though others have filled the flow meanwhile. */
static void
test_what_is_repeated_needs_no_room (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.limit_messages = 8;
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 2, "till", 2, "orders");
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    for (uint64_t id = 1; id <= 7; id++) {
        rig_put_send (&rig, 2, id, 1);
        rig_settle (&rig);
    }
    rig_quiet (&rig);
    rig_put_send (&rig, 1, 2, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FULL);
    assert_int_equal (rig.verb.refuse.from_id, 2);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 1);
    rig_put_send (&rig, 1, 3, 1); /* it waits for the refused one still */
    rig_settle (&rig);
    rig_expect_none (&rig, 1, ZLOOM_VERB_REFUSE);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CONFIRM);
    rig_close (&rig);
}

/* Nothing of this changes within a moment: who is refused for it gets its credit later. */
static void
test_who_sends_too_many_delayed_ones_rests (void **state)
{
    (void) state;
    zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    flow.config.exceptions_max = 4;
    zloom_buf_t pack = {0};
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_quiet (&rig);
    for (int i = 0; i < 4; i++) {
        const zloom_envelope_t envelope = {.has_due = true, .due_ms = 60000};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.first_id = 1, .n = 4, .flags = ZLOOM_FLAG_DUE, .base_time_ns = rig.now.wall_ns}};
    rig_put (&rig, 1, &verb, &pack);
    rig_run (&rig, 150 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_TOO_MANY_DELAYED);
    rig_expect_none (&rig, 1, ZLOOM_VERB_CREDIT);
    rig_run (&rig, 100 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_CREDIT);
    zloom_buf_fini (&pack);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_a_queue_does_not_keep_is_refused),
      cmocka_unit_test (test_a_rejected_sender_rests_before_it_gets_credit),
      cmocka_unit_test (test_what_is_repeated_needs_no_room),
      cmocka_unit_test (test_who_sends_too_many_delayed_ones_rests),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
