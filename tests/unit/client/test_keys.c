/* SPDX-License-Identifier: MPL-2.0 */
/* Keys in the hands of a consumer: what waits behind a message that failed is not handed out. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"paid"};
static const zloom_client_flow_t s_lines[] = {{.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "charge", .flows = s_lines, .flow_count = 1};
static const zloom_subscription_options_t s_take = {.flow = "orders", .prefetch = 8};

static uint32_t s_handle;

/* Six messages wait, 1 to 6: a b a - a b, where - has no key. */
static int
s_setup (void **state)
{
    static const char *const keys[] = {"a", "b", "a", NULL, "a", "b"};
    desk_t *desk = s_desk (&s_options);
    zloom_envelope_t envelopes[6] = {{.has_due = false}};
    *state = desk;
    s_begin (desk, s_flows, 1, 0);
    s_say_credit (desk, 10, 100);
    assert_int_equal (zloom_client_core_subscribe (desk->core, &s_take, &s_handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    for (size_t i = 0; i < 6; i++) {
        envelopes[i].key = zloom_bytes_text (keys[i]);
    }
    s_say_deliver_envelopes (desk, s_handle, envelopes, 6);
    return 0;
}

/* The next message, which must be this one; 0: there is none. */
static const zloom_message_t *
s_receive_this (desk_t *desk, uint64_t seq)
{
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_core_receive (desk->core, 0, &message), seq > 0);
    assert_int_equal (message ? message->seq : 0, seq);
    return message;
}

static zloom_err_t
s_settle (desk_t *desk, const zloom_message_t *message, zloom_verdict_t verdict)
{
    const zloom_settlement_t settlement = {.verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    return zloom_client_core_settle (desk->core, &message, &settlement);
}

/* 3 and 5 go back, and then the failure is told; or in the other order. */
static void
s_expect_release_of_a (desk_t *desk, zloom_verdict_t verdict)
{
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.run_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const zloom_settle_run_t *run = &verb->settle.runs[i];
        assert_int_equal (run->n, 1);
        assert_true (run->first == 1 || run->first == 3 || run->first == 5);
        assert_int_equal (run->verdict, run->first == 1 ? verdict : ZLOOM_VERDICT_RELEASE);
    }
}

static void
test_what_waits_behind_a_failure_goes_back (void **state)
{
    desk_t *desk = *state;
    static const zloom_verdict_t verdicts[] = {ZLOOM_VERDICT_RETRY, ZLOOM_VERDICT_REJECT,
                                               ZLOOM_VERDICT_RELEASE, ZLOOM_VERDICT_CRASH};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (i > 0) {
            s_desk_destroy (&desk);
            s_setup (state);
            desk = *state;
        }
        assert_int_equal (s_settle (desk, s_receive_this (desk, 1), verdicts[i]), ZLOOM_OK);
        assert_int_equal (zloom_client_core_waiting (desk->core, 0), 3);
        s_expect_release_of_a (desk, verdicts[i]);
        s_receive_this (desk, 2);
        s_receive_this (desk, 4);
        s_receive_this (desk, 6);
        s_receive_this (desk, 0);
    }
}

static void
test_an_ack_and_a_message_without_key_move_nobody (void **state)
{
    desk_t *desk = *state;
    assert_int_equal (s_settle (desk, s_receive_this (desk, 1), ZLOOM_VERDICT_ACK), ZLOOM_OK);
    s_receive_this (desk, 2);
    s_receive_this (desk, 3);
    assert_int_equal (s_settle (desk, s_receive_this (desk, 4), ZLOOM_VERDICT_RETRY), ZLOOM_OK);
    s_receive_this (desk, 5);
    s_receive_this (desk, 6);
}

/* What was received is in the caller's hands: it is not taken away. */
static void
test_what_was_received_stays (void **state)
{
    desk_t *desk = *state;
    const zloom_message_t *first = s_receive_this (desk, 1);
    s_receive_this (desk, 2);
    const zloom_message_t *third = s_receive_this (desk, 3);
    assert_int_equal (s_settle (desk, first, ZLOOM_VERDICT_RETRY), ZLOOM_OK);
    assert_false (zloom_client_core_stale (desk->core, third));
    assert_int_equal (s_settle (desk, third, ZLOOM_VERDICT_RELEASE), ZLOOM_OK);
    s_receive_this (desk, 4);
    s_receive_this (desk, 6);
    s_receive_this (desk, 0);
}

/* The lease of the first was lost: the router hands the key out from it on, to somebody. */
static void
test_an_ack_that_comes_too_late_is_a_failure (void **state)
{
    desk_t *desk = *state;
    const zloom_message_t *first = s_receive_this (desk, 1);
    const zloom_run_t run = {1, 1};
    const zloom_verb_t stale = {
      .kind = ZLOOM_VERB_STALE,
      .stale = {.handle = s_handle, .token = {DESK_BOOT, 1}, .runs = &run, .run_count = 1}};
    s_say (desk, &stale, NULL);
    assert_int_equal (s_settle (desk, first, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.run_count, 2);
    assert_int_equal (verb->settle.runs[0].first, 3);
    assert_int_equal (verb->settle.runs[1].first, 5);
    s_receive_this (desk, 2);
    s_receive_this (desk, 4);
}

static void
test_a_step_that_comes_too_late_is_one (void **state)
{
    desk_t *desk = *state;
    const zloom_settlement_t ack = {.verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET};
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("x")};
    zloom_step_t *step = zloom_client_core_step (desk->core);
    uint64_t id = 0;
    assert_int_equal (zloom_step_settle (step, s_receive_this (desk, 1), &ack), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "paid", &envelope, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_STEP);
    s_say_step_answer (desk, s_handle, 1, ZLOOM_STALE);
    s_receive_this (desk, 2);
    s_receive_this (desk, 4);
    s_receive_this (desk, 6);
    s_receive_this (desk, 0);
}

/* The recall of the router and our own release may cross. */
static void
test_a_recall_and_a_release_may_cross (void **state)
{
    desk_t *desk = *state;
    assert_int_equal (s_settle (desk, s_receive_this (desk, 1), ZLOOM_VERDICT_RETRY), ZLOOM_OK);
    s_expect_release_of_a (desk, ZLOOM_VERDICT_RETRY);
    const zloom_run_t run = {3, 3};
    const zloom_verb_t stale = {
      .kind = ZLOOM_VERB_STALE,
      .stale = {.handle = s_handle, .token = {DESK_BOOT, 1}, .runs = &run, .run_count = 1}};
    s_say (desk, &stale, NULL); /* 4, too: it was recalled */
    s_say_settled (desk, s_handle, 1, 1, 1, ZLOOM_OK);
    s_say_settled (desk, s_handle, 1, 3, 1, ZLOOM_STALE);
    s_say_settled (desk, s_handle, 1, 5, 1, ZLOOM_STALE);
    s_receive_this (desk, 2);
    s_receive_this (desk, 6);
    s_receive_this (desk, 0);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

/* What cannot be read has no key; that of the message read before it has nothing to do with it. */
static void
test_what_is_malformed_fails_no_key (void **state)
{
    desk_t *desk = *state;
    for (uint64_t seq = 1; seq <= 6; seq++) {
        assert_int_equal (s_settle (desk, s_receive_this (desk, seq), ZLOOM_VERDICT_ACK), ZLOOM_OK);
    }
    static const uint8_t malformed[] = {0xc4, 0x02, 0x91, 0xc1}; /* bin of [0xc1] */
    const zloom_envelope_t envelope = {.key = zloom_bytes_text ("b")};
    zloom_buf_t pack = {0};
    zloom_buf_add (&pack, malformed, sizeof malformed);
    zloom_pack_add (&pack, &envelope);
    s_say_deliver_pack (desk, s_handle, 2, 7, 2, 2, &pack);
    s_receive_this (desk, 8);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_what_waits_behind_a_failure_goes_back, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_is_malformed_fails_no_key, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_an_ack_and_a_message_without_key_move_nobody, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_was_received_stays, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_an_ack_that_comes_too_late_is_a_failure, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_step_that_comes_too_late_is_one, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_recall_and_a_release_may_cross, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
