/* SPDX-License-Identifier: MPL-2.0 */
/* What is asked about flows where each subscriber gets all: who hears, receipts, a group's end. */
#include "unit/engine/fanout.h"
#include "wire/attrs.h"

static zloom_engine_flow_t s_flows[3];

static void
s_open (rig_t *rig)
{
    rig_open (rig, s_flows, 3);
    rig_hello (rig, 1, "shop", 1, "events");
    rig_settle (rig);
}

static void
s_ask (rig_t *rig, const char *command, const char *flow, const char *group, int64_t seq)
{
    zloom_attrs_t args = {0};
    if (flow) {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    }
    if (group) {
        zloom_attrs_put_text (&args, "group", zloom_bytes_text (group));
    }
    zloom_attrs_put_int (&args, "seq", seq);
    rig_put_admin (rig, 9, 1, command, &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
}

static bool
s_says (const rig_t *rig, const char *text)
{
    const zloom_bytes_t result = rig->verb.answer.result;
    return result.size > 0 && memmem (result.data, result.size, text, strlen (text)) != NULL;
}

static void
test_subscribers_are_shown (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    for (zloom_route_t route = 10; route < 80; route++) {
        char name[16];
        snprintf (name, sizeof name, "screen-%u", (unsigned) route);
        rig_consumer (&rig, route, name, "events", 1);
    }
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_ask (&rig, "group ls", "events", NULL, 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    assert_true (rig.verb.answer.more);
    assert_true (s_says (&rig, "screen-10"));
    assert_true (s_says (&rig, "order.>"));
    assert_true (s_says (&rig, "drop-newest"));
    assert_false (s_says (&rig, "screen-79"));
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_false (rig.verb.answer.more);
    assert_true (s_says (&rig, "screen-79"));
    s_ask (&rig, "group ls", "orders", NULL, 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    assert_false (rig.verb.answer.more);
    /* Stats have them between flows and sessions. */
    s_ask (&rig, "stats", NULL, NULL, 0);
    bool seen = false;
    while (rig.verb.answer.more) {
        rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
        seen = seen || s_says (&rig, "subscribers");
    }
    assert_true (seen);
    assert_true (s_says (&rig, "sessions"));
    rig_close (&rig);
}

static void
test_receipts_and_the_end_of_a_group (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_send (&rig, 1, 1, 3);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_ask (&rig, "receipts", "events", NULL, (INT64_C (1) << 40) + 1);
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    assert_true (s_says (&rig, "ledger"));
    assert_true (s_says (&rig, "acked"));
    assert_true (s_says (&rig, "lagging"));
    s_ask (&rig, "receipts", "events", NULL, (INT64_C (1) << 40) + 3);
    assert_int_equal (rig.verb.answer.code, ZLOOM_NOT_FOUND);
    s_ask (&rig, "receipts", "orders", NULL, 1);
    assert_int_equal (rig.verb.answer.code, ZLOOM_WRONG_PATTERN);
    s_ask (&rig, "group drop", "events", "ledger", 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    s_ask (&rig, "group drop", "events", "nobody", 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_NOT_FOUND);
    s_ask (&rig, "group drop", "events", NULL, 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    s_ask (&rig, "group drop", "orders", "ledger", 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_WRONG_PATTERN);
    rig_close (&rig);
}

static void
test_what_a_queue_can_is_refused_in_words (void **state)
{
    (void) state;
    static const char *const commands[] = {"purge", "dlq ls", "dlq show", "dlq requeue",
                                           "dlq purge"};
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 9, "operator", 9, NULL);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        s_ask (&rig, commands[i], "events", NULL, 0);
        assert_int_equal (rig.verb.answer.code, ZLOOM_WRONG_PATTERN);
        assert_non_null (
          memmem (rig.verb.answer.text.data, rig.verb.answer.text.size, "'events-dead'", 13));
    }
    rig_close (&rig);
}

static void
test_a_bus_that_drains_says_so (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 9, "operator", 9, NULL);
    for (int round = 0; round < 2; round++) {
        s_ask (&rig, "stats", "events", NULL, 0);
        rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (s_says (&rig, "\xa8"
                                        "draining\xc3"),
                          round);
        rig_quiet (&rig);
        s_ask (&rig, "drain", "events", NULL, 0);
        assert_int_equal (rig.verb.answer.code, ZLOOM_OK);
    }
    rig_close (&rig);
}

static void
test_a_number_has_to_be_said (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_ask (&rig, "receipts", "events", NULL, -1);
    assert_int_equal (rig.verb.answer.code, ZLOOM_NOT_FOUND);
    rig_close (&rig);
}

/* One bus has dead letters nowhere; one leaves the recipe, and nobody hears it any more. */
static void
test_a_bus_without_dead_letters_and_one_that_left (void **state)
{
    (void) state;
    zloom_engine_flow_t flows[] = {s_flows[1], fanout_flow ("ticks"), fanout_flow ("prices")};
    rig_t rig;
    rig_open (&rig, flows, 3);
    rig_consumer (&rig, 2, "screen", "ticks", 1);
    rig_consumer (&rig, 3, "board", "prices", 1);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_ask (&rig, "dlq ls", "ticks", NULL, 0);
    assert_int_equal (rig.verb.answer.code, ZLOOM_WRONG_PATTERN);
    assert_non_null (
      memmem (rig.verb.answer.text.data, rig.verb.answer.text.size, "lie in no flow;", 15));
    assert_int_equal (zloom_engine_reload (rig.engine, flows, 2, rig.now), ZLOOM_OK);
    s_ask (&rig, "group ls", NULL, NULL, 0);
    assert_true (s_says (&rig, "screen"));
    assert_false (s_says (&rig, "prices"));
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = fanout_flow ("events");
    s_flows[0].config.dead_letter = "events-dead";
    s_flows[1] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[2] = rig_flow ("events-dead", ZLOOM_CONFIRM_MEMORY);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_subscribers_are_shown),
      cmocka_unit_test (test_receipts_and_the_end_of_a_group),
      cmocka_unit_test (test_what_a_queue_can_is_refused_in_words),
      cmocka_unit_test (test_a_bus_that_drains_says_so),
      cmocka_unit_test (test_a_number_has_to_be_said),
      cmocka_unit_test (test_a_bus_without_dead_letters_and_one_that_left),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
