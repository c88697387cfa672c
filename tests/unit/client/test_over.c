/* SPDX-License-Identifier: MPL-2.0 */
/* A subscription that the router has ended: what stands on it is over, and nothing else is. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"paid"};
static const zloom_client_flow_t s_sends[] = {{.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "charge", .flows = s_sends, .flow_count = 1};
static const zloom_settlement_t s_ack = {.verdict = ZLOOM_VERDICT_ACK,
                                         .delay_ms = ZLOOM_DELAY_UNSET};

static uint32_t s_orders;
static uint32_t s_refunds;

static uint32_t
s_subscribe (desk_t *desk, const char *flow)
{
    const zloom_subscription_options_t take = {.flow = flow, .prefetch = 8};
    uint32_t handle;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    return handle;
}

/* Subscribed to two flows, with credit for a third. */
static int
s_setup (void **state)
{
    desk_t *desk = s_desk (&s_options);
    *state = desk;
    s_begin (desk, s_flows, 1, 0);
    s_orders = s_subscribe (desk, "orders");
    s_refunds = s_subscribe (desk, "refunds");
    s_say_credit (desk, 10, 100);
    return 0;
}

/* The next message of a subscription, and one that comes of it, in a step. */
static uint64_t
s_commit (desk_t *desk, uint32_t handle)
{
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("paid")};
    const zloom_message_t *message = NULL;
    uint64_t id = 0;
    assert_true (zloom_client_core_receive (desk->core, handle, &message));
    zloom_step_t *step = zloom_client_core_step (desk->core);
    assert_int_equal (zloom_step_settle (step, message, &s_ack), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    return id;
}

/* The router starts anew, and its recipe has no `orders` any more. */
static void
s_come_back_without_orders (desk_t *desk)
{
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_say_welcome (desk, s_flows, 1, 0);
    s_say_credit (desk, 10, 100);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, s_orders, ZLOOM_UNKNOWN_FLOW);
    s_say_subscribed (desk, s_refunds, ZLOOM_OK);
}

static void
test_steps_of_a_flow_that_is_gone_hold_back_no_others (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_orders, 1, 1, 1, 1);
    s_say_deliver (desk, s_refunds, 2, 1, 1, 1);
    const uint64_t lost = s_commit (desk, s_orders);
    const uint64_t sound = s_commit (desk, s_refunds);
    s_come_back_without_orders (desk);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, lost);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_STALE);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.handle, s_refunds);
    s_say_step_answer (desk, s_refunds, 2, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, sound);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_OK);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
    assert_int_equal (zloom_client_core_unsubscribe (desk->core, s_orders), ZLOOM_OK);
}

/* So is one on what was in hand by then. */
static void
test_a_step_on_what_the_router_has_ended_is_stale (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_orders, 1, 1, 1, 1);
    s_say_deliver (desk, s_refunds, 2, 1, 1, 1);
    s_say_subscribed (desk, s_orders, ZLOOM_FORBIDDEN);
    const uint64_t lost = s_commit (desk, s_orders);
    s_commit (desk, s_refunds);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_STEP)->step.handle, s_refunds);
    s_expect_nothing (desk);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, lost);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_STALE);
    assert_int_equal (zloom_client_core_pending (desk->core), 1); /* the other one's answer */
}

/* A step that was said before is answered by the router. */
static void
test_a_step_that_was_said_before_the_end_has_its_answer (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_orders, 1, 1, 1, 1);
    s_commit (desk, s_orders);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_say_subscribed (desk, s_orders, ZLOOM_FORBIDDEN);
    s_expect_nothing (desk);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 0);
    s_say_step_answer (desk, s_orders, 1, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_OK);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      T (test_steps_of_a_flow_that_is_gone_hold_back_no_others),
      T (test_a_step_on_what_the_router_has_ended_is_stale),
      T (test_a_step_that_was_said_before_the_end_has_its_answer),
    };
#undef T
    return cmocka_run_group_tests (tests, NULL, NULL);
}
