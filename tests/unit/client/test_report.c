/* SPDX-License-Identifier: MPL-2.0 */
/* What a client tells of itself with a PONG: what waits for credit and since when. */
#include "unit/client/desk.h"
#include "wire/attrs.h"

static const char *const s_flows[] = {"orders", "paid"};
static const zloom_client_flow_t s_lines[] = {{.name = "orders"}, {.name = "paid"}};

static void
s_fill (void *arg, zloom_report_t *report)
{
    report->acked = *(const uint64_t *) arg;
    (void) snprintf (report->hint, sizeof report->hint, "it sleeps");
}

/* The number of this name in the report of the next PONG; 0: not told. */
static int64_t
s_told (desk_t *desk, const char *name)
{
    const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING};
    zloom_attr_t value;
    s_say (desk, &ping, NULL);
    const zloom_verb_t *pong = s_expect (desk, ZLOOM_VERB_PONG);
    return zloom_attrs_find (pong->pong.report, name, &value) ? value.number : 0;
}

static void
test_who_has_nothing_to_tell_tells_nothing (void **state)
{
    (void) state;
    const zloom_client_options_t options = {.name = "shop", .flows = s_lines, .flow_count = 2};
    desk_t *desk = s_desk (&options);
    s_begin (desk, s_flows, 2, 0);
    const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING};
    s_say (desk, &ping, NULL);
    assert_null (s_expect (desk, ZLOOM_VERB_PONG)->pong.report.data);
    s_desk_destroy (&desk);
}

static void
test_waiting_for_credit_is_told (void **state)
{
    (void) state;
    const zloom_client_options_t options = {.name = "shop", .flows = s_lines, .flow_count = 2};
    desk_t *desk = s_desk (&options);
    s_begin (desk, s_flows, 2, 0);
    s_send_pack (desk, "orders", 2);
    s_expect_nothing (desk); /* no credit: it is blocked from here on */
    assert_int_equal (s_told (desk, "unconfirmed"), 2);
    s_pass (desk, 250 * ZLOOM_NS_PER_MS);
    s_tick (desk);
    assert_int_equal (s_told (desk, "blocked_ms"), 250);
    const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING};
    s_say (desk, &ping, NULL);
    zloom_attr_t flow;
    assert_true (
      zloom_attrs_find (s_expect (desk, ZLOOM_VERB_PONG)->pong.report, "blocked_on", &flow));
    assert_int_equal (flow.bytes.size, 6);
    assert_memory_equal (flow.bytes.data, "orders", 6);
    s_say_credit (desk, 10, 100);
    s_expect_send (desk, 1, 2);
    s_pass (desk, 250 * ZLOOM_NS_PER_MS);
    s_tick (desk);
    assert_int_equal (s_told (desk, "blocked_ms"), 0);
    assert_int_equal (s_told (desk, "blocked_total_ms"), 250);
    s_desk_destroy (&desk);
}

static void
test_what_is_confirmed_counts (void **state)
{
    (void) state;
    const zloom_client_options_t options = {.name = "shop", .flows = s_lines, .flow_count = 2};
    desk_t *desk = s_desk (&options);
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_send_pack (desk, "orders", 2);
    s_expect_send (desk, 1, 2);
    assert_int_equal (s_told (desk, "emitted"), 0);
    s_say_confirm (desk, 10, 2);
    assert_int_equal (s_told (desk, "emitted"), 2);
    assert_int_equal (s_told (desk, "unconfirmed"), 0);
    s_desk_destroy (&desk);
}

static void
test_a_node_adds_its_own (void **state)
{
    (void) state;
    uint64_t acked = 17;
    const zloom_client_options_t options = {
      .name = "charge", .report = s_fill, .report_arg = &acked};
    desk_t *desk = s_desk (&options);
    s_begin (desk, NULL, 0, 0);
    assert_int_equal (s_told (desk, "acked"), 17);
    acked = 18;
    assert_int_equal (s_told (desk, "acked"), 18);
    s_desk_destroy (&desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_who_has_nothing_to_tell_tells_nothing),
      cmocka_unit_test (test_waiting_for_credit_is_told),
      cmocka_unit_test (test_what_is_confirmed_counts),
      cmocka_unit_test (test_a_node_adds_its_own),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
