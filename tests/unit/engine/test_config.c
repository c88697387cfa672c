/* SPDX-License-Identifier: MPL-2.0 */
/* What a router is started and reloaded with: what is refused, and what holds from then on. */
#include "unit/engine/peers.h"

static zloom_engine_flow_t s_flow;

static void
test_dead_letters_go_to_another_flow_that_is_there (void **state)
{
    (void) state;
    static const char *const wrong[] = {"orders", "nowhere"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rig_t rig;
        zloom_engine_flow_t flow = s_flow;
        flow.config.dead_letter = wrong[i];
        rig_init (&rig, &flow, 1);
        assert_int_equal (rig_start (&rig), ZLOOM_FAILED);
        assert_non_null (strstr (zloom_note (), wrong[i]));
        rig_close (&rig);
        rig_open (&rig, &s_flow, 1);
        assert_int_equal (zloom_engine_reload (rig.engine, &flow, 1, rig.now), ZLOOM_FAILED);
        assert_non_null (strstr (zloom_note (), wrong[i]));
        rig_close (&rig);
    }
}

/* How a flow keeps its messages is decided when the router starts. */
static void
test_a_reload_does_not_change_what_a_flow_is (void **state)
{
    (void) state;
    rig_t rig;
    zloom_engine_flow_t memory = rig_flow ("orders", ZLOOM_CONFIRM_MEMORY);
    zloom_pattern_t other = zloom_queue_pattern;
    zloom_engine_flow_t another = s_flow;
    another.pattern = &other;
    rig_open (&rig, &s_flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (zloom_engine_reload (rig.engine, &memory, 1, rig.now), ZLOOM_FAILED);
    assert_non_null (strstr (zloom_note (), "restart"));
    assert_int_equal (zloom_engine_reload (rig.engine, &another, 1, rig.now), ZLOOM_FAILED);
    /* Nothing of it was done. */
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.level, ZLOOM_CONFIRM_DISK);
    rig_close (&rig);
}

/* Taken out while it was empty and brought back as a memory flow: that is a new one. */
static void
test_a_flow_comes_back_only_as_what_it_was (void **state)
{
    (void) state;
    rig_t rig;
    zloom_engine_flow_t flows[] = {s_flow, rig_flow ("paid", ZLOOM_CONFIRM_DISK)};
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "till", 1, "paid");
    rig_put_send (&rig, 1, 1, 1);
    rig_consumer (&rig, 2, "ledger", "paid", 10);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_run (&rig, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 1, rig.now), ZLOOM_OK);
    flows[1] = rig_flow ("paid", ZLOOM_CONFIRM_MEMORY);
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 2, rig.now), ZLOOM_OK);
    rig_hello (&rig, 3, "till", 3, "paid");
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_OK);
    assert_int_equal (rig.verb.welcome.flows[0].confirm, ZLOOM_CONFIRM_MEMORY);
    assert_int_equal (rig.verb.welcome.flows[0].high, 0); /* it knows no producer yet */
    rig_close (&rig);
}

static void
test_a_router_may_take_smaller_messages_only (void **state)
{
    (void) state;
    rig_t rig;
    rig_init (&rig, &s_flow, 1);
    rig.max_message_bytes = 100;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "shop", 1, "orders");
    assert_int_equal (rig.verb.welcome.message_bytes, 100);
    zloom_buf_t pack = {0};
    for (uint64_t id = 1; id <= 2; id++) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                                   .send = {.flow = 0, .first_id = id, .n = 1, .base_time_ns = 1}};
        rig_pack (&pack, 1, 1, id == 1 ? 50 : 100); /* with what stands around it, too big */
        rig_put (&rig, 1, &verb, &pack);
    }
    zloom_buf_fini (&pack);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig.verb.confirm.upto_id, 1);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_TOO_BIG);
    rig_close (&rig);
}

static void
test_a_flow_is_named_once_in_hello (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, &s_flow, 1);
    const zloom_hello_flow_t flows[] = {{.name = zloom_bytes_text ("nowhere"), .next = 1},
                                        {.name = zloom_bytes_text ("orders"), .next = 1},
                                        {.name = zloom_bytes_text ("orders"), .next = 1}};
    rig_put_hello (&rig, 1, "shop", 1, flows, 3);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (rig.verb.welcome.flows[1].code, ZLOOM_OK);
    assert_int_equal (rig.verb.welcome.flows[1].index, 1);
    assert_int_equal (rig.verb.welcome.flows[2].code, ZLOOM_EXISTS);
    rig_close (&rig);
}

/* What GONE says of the end decides whether the work that had begun failed. */
static void
test_an_orderly_end_charges_nobody (void **state)
{
    (void) state;
    static const struct {
        int32_t exit;
        int32_t signal;
        bool failed;
    } ends[] = {{0, 0, false}, {1, 0, true}, {-1, 9, true}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
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
        uint8_t nonce[ZLOOM_NONCE_BYTES] = {2};
        const zloom_verb_t gone = {.kind = ZLOOM_VERB_GONE,
                                   .gone = {.name = zloom_bytes_text ("worker"),
                                            .nonce = zloom_bytes (nonce, sizeof nonce),
                                            .exit = ends[i].exit,
                                            .signal = ends[i].signal}};
        rig_put (&rig, 2, &started, NULL);
        rig_put (&rig, 4, &gone, NULL);
        rig_put (&rig, 4, &gone, NULL); /* said twice counts once */
        rig_settle (&rig);
        rig_consumer (&rig, 3, "heir", "orders", 10);
        rig_expect (&rig, 3, ZLOOM_VERB_DELIVER);
        const zloom_verb_deliver_t *deliver = &rig.verb.deliver;
        const uint32_t attempt = deliver->fact_count > 0 ? deliver->facts[0].attempt : 0;
        assert_int_equal (attempt, ends[i].failed ? 1 : 0);
        rig_close (&rig);
    }
}

int
main (void)
{
    s_flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_dead_letters_go_to_another_flow_that_is_there),
      cmocka_unit_test (test_a_reload_does_not_change_what_a_flow_is),
      cmocka_unit_test (test_a_flow_comes_back_only_as_what_it_was),
      cmocka_unit_test (test_a_router_may_take_smaller_messages_only),
      cmocka_unit_test (test_a_flow_is_named_once_in_hello),
      cmocka_unit_test (test_an_orderly_end_charges_nobody),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
