/* SPDX-License-Identifier: MPL-2.0 */
/* What a consumer says of what it holds when its road was lost, or the router started anew. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"paid"};
static const zloom_client_flow_t s_sends[] = {{.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "charge", .flows = s_sends, .flow_count = 1};
static const zloom_subscription_options_t s_take = {.flow = "orders", .prefetch = 8};
static const zloom_settlement_t s_ack = {.verdict = ZLOOM_VERDICT_ACK,
                                         .delay_ms = ZLOOM_DELAY_UNSET};

static uint32_t s_handle;

/* Subscribed, credit told. */
static int
s_setup (void **state)
{
    desk_t *desk = s_desk (&s_options);
    *state = desk;
    s_begin (desk, s_flows, 1, 0);
    assert_int_equal (zloom_client_core_subscribe (desk->core, &s_take, &s_handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    return 0;
}

static void
s_ack_next (desk_t *desk, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const zloom_message_t *message = s_receive (desk);
        assert_int_equal (zloom_client_core_settle (desk->core, &message, &s_ack), ZLOOM_OK);
    }
}

static const zloom_verb_t *
s_come_back (desk_t *desk)
{
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_say_welcome (desk, s_flows, 1, 0);
    return s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
}

/*
 * The router took it back while the ack was under way (an earlier one of its key had failed). One
 * that has started since does not know that, and would take the ack.
 */
static void
test_what_was_taken_back_is_not_settled_on_a_new_road (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 4, 1);
    s_ack_next (desk, 3);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SETTLE)->settle.runs[0].n, 3);
    s_say_stale (desk, s_handle, 1, 2, 1);
    const zloom_verb_t *verb = s_come_back (desk);
    const zloom_holding_t *holding = &verb->subscribe.holding[0];
    for (size_t i = 0; i < holding->run_count; i++) {
        assert_false (holding->runs[i].seq <= 2 && holding->runs[i].seq + holding->runs[i].n > 2);
    }
    assert_int_equal (zloom_runs_total (holding->runs, holding->run_count), 3);
    verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.run_count, 2);
    assert_int_equal (verb->settle.runs[0].first, 1);
    assert_int_equal (verb->settle.runs[0].n, 1);
    assert_int_equal (verb->settle.runs[1].first, 3);
    assert_int_equal (verb->settle.runs[1].n, 1);
}

static void
test_what_is_held_is_named_after_a_lost_road (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 4, 1);
    s_say_deliver (desk, s_handle, 2, 9, 1, 2);
    s_ack_next (desk, 1); /* 1: acked, never answered */
    const zloom_message_t *kept = s_receive (desk);
    assert_int_equal (zloom_client_core_started (desk->core, kept), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_STARTED);
    s_expect (desk, ZLOOM_VERB_SETTLE);
    const zloom_verb_t *verb = s_come_back (desk);
    assert_int_equal (verb->subscribe.handle, s_handle);
    assert_int_equal (verb->subscribe.holding_count, 2);
    const zloom_holding_t *holding = &verb->subscribe.holding[0];
    assert_int_equal (holding->token.number, 1);
    assert_int_equal (zloom_runs_total (holding->runs, holding->run_count), 4);
    verb = s_expect (desk, ZLOOM_VERB_STARTED);
    assert_int_equal (verb->started.runs[0].seq, 2);
    verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.runs[0].first, 1);
    assert_int_equal (verb->settle.runs[0].n, 1);
    s_expect_nothing (desk);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 4); /* 8 - 4 held */
    assert_int_equal (zloom_client_core_settle (desk->core, &kept, &s_ack), ZLOOM_OK);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SETTLE)->settle.runs[0].first, 2);
    s_say_deliver (desk, s_handle, 3, 20, 1, 1); /* numbers begin anew */
    assert_int_equal (zloom_client_core_waiting (desk->core, s_handle), 4);
}

/* The router leases no earlier message again behind a later one of the same lease. */
static void
test_what_is_held_is_named_in_order (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 4, 1);
    const zloom_message_t *kept = s_receive (desk);
    s_ack_next (desk, 1); /* 2: acked, never answered; 1 and 3 are not */
    s_expect (desk, ZLOOM_VERB_SETTLE);
    const zloom_verb_t *verb = s_come_back (desk);
    const zloom_holding_t *holding = &verb->subscribe.holding[0];
    assert_int_equal (zloom_runs_total (holding->runs, holding->run_count), 4);
    for (size_t i = 1; i < holding->run_count; i++) {
        assert_true (holding->runs[i].seq > holding->runs[i - 1].seq);
    }
    (void) kept;
}

/* The same of a step: it is over, and nothing of it is sent. */
static void
test_a_step_on_what_was_taken_back_is_not_said_again (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 2, 1);
    s_say_credit (desk, 10, 100);
    uint64_t ids[2];
    for (size_t i = 0; i < 2; i++) {
        const zloom_envelope_t envelope = {.body = zloom_bytes_text ("paid")};
        zloom_step_t *step = zloom_client_core_step (desk->core);
        assert_int_equal (zloom_step_settle (step, s_receive (desk), &s_ack), ZLOOM_OK);
        assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
        assert_int_equal (zloom_client_core_commit (desk->core, &step, &ids[i]), ZLOOM_OK);
    }
    assert_int_equal (s_expect (desk, ZLOOM_VERB_STEP)->step.settles[0].n, 2);
    s_say_stale (desk, s_handle, 1, 2, 1);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 0);
    const zloom_verb_t *verb = s_come_back (desk);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, ids[1]);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_STALE);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 1);
    const zloom_holding_t *holding = &verb->subscribe.holding[0];
    assert_int_equal (zloom_runs_total (holding->runs, holding->run_count), 1);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    s_say_credit (desk, 10, 100);
    verb = s_expect (desk, ZLOOM_VERB_CREDIT);
    verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.settle_count, 1);
    assert_int_equal (verb->step.settles[0].first, 1);
    assert_int_equal (verb->step.settles[0].n, 1);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      T (test_what_was_taken_back_is_not_settled_on_a_new_road),
      T (test_what_is_held_is_named_after_a_lost_road),
      T (test_what_is_held_is_named_in_order),
      T (test_a_step_on_what_was_taken_back_is_not_said_again),
    };
#undef T
    return cmocka_run_group_tests (tests, NULL, NULL);
}
