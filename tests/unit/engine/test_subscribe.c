/* SPDX-License-Identifier: MPL-2.0 */
/* Subscriptions: which are refused and by what name, where a look begins, and how each ends. */
#include "unit/engine/peers.h"

static zloom_engine_flow_t s_flow;

static void
s_open (rig_t *rig)
{
    rig_open (rig, &s_flow, 1);
    rig_hello (rig, 1, "shop", 1, "orders");
    rig_hello (rig, 2, "worker", 2, NULL);
}

static zloom_err_t
s_subscribe (rig_t *rig, const zloom_verb_subscribe_t *subscribe)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE, .subscribe = *subscribe};
    rig_put (rig, 2, &verb, NULL);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig->verb.subscribed.handle, subscribe->handle);
    return rig->verb.subscribed.code;
}

static void
test_a_queue_is_read_from_where_it_stands (void **state)
{
    (void) state;
    static const struct {
        zloom_mode_t mode;
        zloom_from_t from;
        zloom_err_t code;
    } cases[] = {
      {ZLOOM_MODE_CONSUME, ZLOOM_FROM_GROUP, ZLOOM_OK},
      {ZLOOM_MODE_CONSUME, ZLOOM_FROM_NOW, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_CONSUME, ZLOOM_FROM_START, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_CONSUME, ZLOOM_FROM_SEQ, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_TAP, ZLOOM_FROM_NOW, ZLOOM_OK},
      {ZLOOM_MODE_TAP, ZLOOM_FROM_START, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_TAP, ZLOOM_FROM_LAST, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_BROWSE, ZLOOM_FROM_START, ZLOOM_OK},
      {ZLOOM_MODE_BROWSE, ZLOOM_FROM_SEQ, ZLOOM_OK},
      {ZLOOM_MODE_BROWSE, ZLOOM_FROM_NOW, ZLOOM_UNSUPPORTED},
      {ZLOOM_MODE_BROWSE, ZLOOM_FROM_TIME, ZLOOM_UNSUPPORTED},
    };
    rig_t rig;
    s_open (&rig);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const zloom_verb_subscribe_t subscribe = {.handle = i + 1,
                                                  .flow = zloom_bytes_text ("orders"),
                                                  .mode = cases[i].mode,
                                                  .from = cases[i].from};
        assert_int_equal (s_subscribe (&rig, &subscribe), cases[i].code);
    }
    rig_close (&rig);
}

static void
test_topics_handles_and_flows_that_are_not_there (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    const zloom_bytes_t topic = zloom_bytes_text ("order.>");
    zloom_verb_subscribe_t subscribe = {
      .handle = 1, .flow = zloom_bytes_text ("orders"), .patterns = &topic, .pattern_count = 1};
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_UNSUPPORTED);
    subscribe.pattern_count = 0;
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_OK);
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_EXISTS);
    subscribe.handle = 2;
    subscribe.flow = zloom_bytes_text ("nowhere");
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_UNKNOWN_FLOW);
    subscribe.flow = zloom_bytes_text ("orders");
    for (uint32_t handle = 2; handle <= ZLOOM_LIMIT_HANDLES; handle++) {
        subscribe.handle = handle;
        assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_OK);
    }
    subscribe.handle++;
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_TOO_MANY);
    /* One that ends makes room; that it ends twice is fine. */
    const zloom_verb_t end = {.kind = ZLOOM_VERB_UNSUBSCRIBE, .unsubscribe = {.handle = 7}};
    rig_put (&rig, 2, &end, NULL);
    rig_put (&rig, 2, &end, NULL);
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_OK);
    rig_close (&rig);
}

static void
test_browse_begins_where_it_is_told (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 5);
    rig_settle (&rig);
    const zloom_verb_subscribe_t subscribe = {.handle = 1,
                                              .flow = zloom_bytes_text ("orders"),
                                              .mode = ZLOOM_MODE_BROWSE,
                                              .from = ZLOOM_FROM_SEQ,
                                              .from_value = 4};
    assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_OK);
    rig_put_credit (&rig, 2, 1, 100);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 4);
    assert_int_equal (rig.verb.deliver.runs[0].n, 2);
    rig_expect (&rig, 2, ZLOOM_VERB_GAP); /* the end */
    rig_close (&rig);
}

static void
test_who_looks_can_stop_looking (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    for (uint32_t handle = 1; handle <= 3; handle++) {
        const zloom_verb_subscribe_t subscribe = {.handle = handle,
                                                  .flow = zloom_bytes_text ("orders"),
                                                  .mode = ZLOOM_MODE_TAP,
                                                  .from = ZLOOM_FROM_NOW};
        assert_int_equal (s_subscribe (&rig, &subscribe), ZLOOM_OK);
        rig_put_credit (&rig, 2, handle, 100);
    }
    const zloom_verb_t end = {.kind = ZLOOM_VERB_UNSUBSCRIBE, .unsubscribe = {.handle = 2}};
    rig_put (&rig, 2, &end, NULL);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    uint32_t seen = 0;
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        seen |= 1u << rig.verb.deliver.handle;
    }
    assert_int_equal (seen, 1u << 1 | 1u << 3);
    rig_close (&rig);
}

/* Credit by bytes and by frames counts as that by messages does. */
static void
test_a_tap_needs_every_kind_of_credit (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_TAP);
    zloom_verb_t credit = {
      .kind = ZLOOM_VERB_CREDIT,
      .credit = {.target = ZLOOM_CREDIT_HANDLE, .id = 1, .messages = 100, .bytes = 0, .frames = 0}};
    rig_put (&rig, 2, &credit, NULL);
    rig_put_send (&rig, 1, 1, 1);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_send (&rig, 1, 2, 1); /* a second one that it misses belongs to the same hole */
    rig_settle (&rig);
    credit.credit.bytes = 1 << 20;
    rig_put (&rig, 2, &credit, NULL);
    rig_put_send (&rig, 1, 3, 1);
    rig_settle (&rig);
    rig_expect_none (&rig, 2, ZLOOM_VERB_DELIVER);
    credit.credit.frames = 100;
    rig_put (&rig, 2, &credit, NULL);
    rig_put_send (&rig, 1, 4, 1);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_GAP);
    assert_int_equal (rig.verb.gap.from, 1);
    assert_int_equal (rig.verb.gap.to, 3);
    assert_int_equal (rig.verb.gap.count, 3);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, 4);
    rig_close (&rig);
}

/* More packs than one turn copies: it comes back to them, none is missed or said twice. */
static void
test_a_tap_takes_more_than_a_turn (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_subscribe (&rig, 2, 1, "orders", ZLOOM_MODE_TAP);
    rig_put_credit (&rig, 2, 1, 10000);
    rig_settle (&rig);
    for (uint64_t id = 1; id <= 300; id++) {
        rig_put_send (&rig, 1, id, 1);
    }
    rig_settle (&rig);
    uint64_t next = 1;
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        assert_int_equal (rig.verb.deliver.runs[0].seq, next);
        next += rig.verb.deliver.runs[0].n;
    }
    assert_int_equal (next, 301);
    rig_expect_none (&rig, 2, ZLOOM_VERB_GAP);
    rig_close (&rig);
}

int
main (void)
{
    s_flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_queue_is_read_from_where_it_stands),
      cmocka_unit_test (test_topics_handles_and_flows_that_are_not_there),
      cmocka_unit_test (test_browse_begins_where_it_is_told),
      cmocka_unit_test (test_who_looks_can_stop_looking),
      cmocka_unit_test (test_a_tap_needs_every_kind_of_credit),
      cmocka_unit_test (test_a_tap_takes_more_than_a_turn),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
