/* SPDX-License-Identifier: MPL-2.0 */
/* Steps: settle and emit, all or nothing, over refusals and lost roads. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"paid"};
static const zloom_client_flow_t s_lines[] = {{.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "charge", .flows = s_lines, .flow_count = 1};
static const zloom_subscription_options_t s_take = {.flow = "orders", .prefetch = 8};
static const zloom_settlement_t s_ack = {.verdict = ZLOOM_VERDICT_ACK,
                                         .delay_ms = ZLOOM_DELAY_UNSET};

static uint32_t s_handle;
static const zloom_message_t *s_messages[4];

/* Four messages of one delivery are in hand; no credit for "paid" yet. */
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
    s_say_deliver (desk, s_handle, 1, 1, 4, 1);
    for (int i = 0; i < 4; i++) {
        assert_true (zloom_client_core_receive (desk->core, 0, &s_messages[i]));
    }
    return 0;
}

/* Ack message i and emit `emits` to "paid". */
static uint64_t
s_commit (desk_t *desk, int i, int emits)
{
    zloom_step_t *step = zloom_client_core_step (desk->core);
    assert_int_equal (zloom_step_settle (step, s_messages[i], &s_ack), ZLOOM_OK);
    for (int j = 0; j < emits; j++) {
        const zloom_envelope_t envelope = {.body = zloom_bytes_text ("paid")};
        assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
    }
    uint64_t id = 0;
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    assert_null (step);
    return id;
}

static void
test_a_step_waits_for_credit_and_says_it_all (void **state)
{
    desk_t *desk = *state;
    const uint64_t id = s_commit (desk, 0, 2);
    s_expect_nothing (desk);
    s_say_credit (desk, 10, 1);
    s_expect_nothing (desk);
    s_say_credit (desk, 10, 2);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.token.number, 1);
    assert_int_equal (verb->step.settle_count, 1);
    assert_int_equal (verb->step.settles[0].first, 1);
    assert_int_equal (verb->step.emit_count, 1);
    assert_int_equal (verb->step.emits[0].flow, 10);
    assert_int_equal (verb->step.emits[0].n, 2);
    assert_int_equal (verb->step.emits[0].from, 0); /* it has one input */
    assert_int_equal (zloom_client_core_pending (desk->core), 1);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, id);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_OK);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

static void
test_what_is_committed_meanwhile_goes_together (void **state)
{
    desk_t *desk = *state;
    s_say_credit (desk, 10, 100);
    s_commit (desk, 0, 1);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_commit (desk, 1, 1);
    s_commit (desk, 2, 2);
    s_expect_nothing (desk); /* one STEP of a lease at a time */
    s_say_step_answer (desk, s_handle, 1, ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.settle_count, 1); /* 2 and 3 are one run */
    assert_int_equal (verb->step.settles[0].first, 2);
    assert_int_equal (verb->step.settles[0].n, 2);
    assert_int_equal (zloom_verb_messages (verb), 3);
    assert_int_equal (verb->step.emit_count, 2); /* each says what it came of */
    assert_int_equal (verb->step.emits[0].from, 2);
    assert_int_equal (verb->step.emits[1].from, 3);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_OK);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 3);
}

/* Emits of one step are apart where they came of different messages, or where one is traced. */
static void
test_a_step_says_what_its_emits_came_of (void **state)
{
    desk_t *desk = *state;
    s_say_credit (desk, 10, 100);
    zloom_step_t *step = zloom_client_core_step (desk->core);
    for (int i = 0; i < 4; i++) {
        assert_int_equal (zloom_step_settle (step, s_messages[i], &s_ack), ZLOOM_OK);
    }
    zloom_envelope_t envelope = {.body = zloom_bytes_text ("paid")};
    const int from[] = {-1, 1, 1, 3, 3};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        zloom_step_from (step, from[i] < 0 ? NULL : s_messages[from[i]]);
        envelope.trace = i == 4;
        assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
    }
    uint64_t id = 0;
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_STEP);
    const uint64_t said[][3] = {{0, 1, 0}, {2, 2, 0}, {4, 1, 0}, {4, 1, ZLOOM_FLAG_TRACE}};
    assert_int_equal (verb->step.emit_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (verb->step.emits[i].from, said[i][0]);
        assert_int_equal (verb->step.emits[i].n, said[i][1]);
        assert_int_equal (verb->step.emits[i].flags, said[i][2]);
    }
}

static void
test_one_bad_step_spoils_no_other (void **state)
{
    desk_t *desk = *state;
    s_commit (desk, 0, 1);
    s_commit (desk, 1, 1);
    s_say_credit (desk, 10, 2);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_STEP)->step.settles[0].n, 2);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_STALE);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 0);
    s_expect_nothing (desk); /* what was said counts, done or refused */
    s_say_credit (desk, 10, 4);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_STEP)->step.settles[0].first, 1);
    s_expect_nothing (desk);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_STALE);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_STALE);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_STEP)->step.settles[0].first, 2);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_OK);
}

static void
test_refused_for_now_rests_and_comes_again (void **state)
{
    desk_t *desk = *state;
    s_say_credit (desk, 10, 1);
    s_commit (desk, 0, 1);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_FULL);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 0);
    s_expect_nothing (desk);
    s_pass (desk, 200 * ZLOOM_NS_PER_MS);
    s_expect_nothing (desk); /* what was said counts, done or refused */
    s_say_credit (desk, 10, 2);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_OK);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_STEP), 1);
}

static void
test_refused_for_good_gives_the_message_back (void **state)
{
    desk_t *desk = *state;
    s_say_credit (desk, 10, 10);
    s_commit (desk, 0, 1);
    s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (zloom_client_core_settle (desk->core, &s_messages[0], &s_ack), ZLOOM_INVALID);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_TOO_BIG);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_TOO_BIG);
    assert_int_equal (zloom_client_core_settle (desk->core, &s_messages[0], &s_ack), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SETTLE);
}

static void
test_a_step_survives_a_lost_road (void **state)
{
    desk_t *desk = *state;
    s_say_credit (desk, 10, 10);
    s_commit (desk, 0, 1);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_say_bye (desk, ZLOOM_OK);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_say_welcome (desk, s_flows, 1, 0);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    assert_int_equal (
      zloom_runs_total (verb->subscribe.holding[0].runs, verb->subscribe.holding[0].run_count), 4);
    s_expect_nothing (desk);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_credit (desk, 10, 10);
    verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.token.number, 1);
    /* It had been done before the road was lost: its emits stand, once. */
    s_say_step_answer (desk, s_handle, 1, ZLOOM_SETTLED);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_SETTLED);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

static void
test_a_step_is_of_one_delivery (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 2, 9, 1, 2);
    const zloom_message_t *other = NULL;
    assert_true (zloom_client_core_receive (desk->core, 0, &other));
    zloom_step_t *step = zloom_client_core_step (desk->core);
    uint64_t id = 0;
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_INVALID);
    assert_int_equal (zloom_step_settle (step, s_messages[0], &s_ack), ZLOOM_OK);
    assert_int_equal (zloom_step_settle (step, s_messages[0], &s_ack), ZLOOM_INVALID);
    assert_int_equal (zloom_step_settle (step, other, &s_ack), ZLOOM_INVALID);
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("x")};
    assert_int_equal (zloom_step_emit (step, "nowhere", &envelope, desk->now), ZLOOM_UNKNOWN_FLOW);
    zloom_step_destroy (&step);
    assert_int_equal (zloom_client_core_settle (desk->core, &s_messages[0], &s_ack), ZLOOM_OK);
}

static void
test_a_step_is_at_most_six_mebibytes (void **state)
{
    desk_t *desk = *state;
    zloom_step_t *step = zloom_client_core_step (desk->core);
    assert_int_equal (zloom_step_settle (step, s_messages[0], &s_ack), ZLOOM_OK);
    char *body = calloc (1, 3u << 20);
    const zloom_envelope_t envelope = {.body = zloom_bytes (body, 3u << 20)};
    assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_TOO_BIG);
    free (body);
    zloom_step_destroy (&step);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_step_waits_for_credit_and_says_it_all, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_is_committed_meanwhile_goes_together, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_step_says_what_its_emits_came_of, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_one_bad_step_spoils_no_other, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_refused_for_now_rests_and_comes_again, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_refused_for_good_gives_the_message_back, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_step_survives_a_lost_road, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_step_is_of_one_delivery, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_step_is_at_most_six_mebibytes, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
