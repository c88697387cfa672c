/* SPDX-License-Identifier: MPL-2.0 */
/* The core as a producer: ids, credit, confirms, refusals, lost roads. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"orders", "paid"};
static const zloom_client_flow_t s_lines[] = {{.name = "orders"}, {.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "shop", .flows = s_lines, .flow_count = 2, .pack_messages = 4, .window_messages = 8};

static int
s_setup (void **state)
{
    *state = s_desk (&s_options);
    return 0;
}

static void
test_hello_names_flows_and_asks_from_one (void **state)
{
    desk_t *desk = *state;
    s_expect_nothing (desk);
    zloom_client_core_connected (desk->core, desk->now);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_HELLO);
    assert_int_equal (verb->hello.flow_count, 2);
    assert_memory_equal (verb->hello.name.data, "shop", 4);
    assert_int_equal (verb->hello.flows[1].next, 1);
}

static void
test_no_send_before_the_first_welcome (void **state)
{
    desk_t *desk = *state;
    zloom_client_core_connected (desk->core, desk->now);
    assert_int_equal (s_send (desk, "orders", "x"), ZLOOM_AGAIN);
    assert_int_equal (s_send (desk, "nowhere", "x"), ZLOOM_UNKNOWN_FLOW);
}

static void
test_ids_go_on_after_high (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 41);
    s_send_pack (desk, "orders", 2);
    s_expect_nothing (desk); /* no credit yet */
    s_say_credit (desk, 10, 100);
    s_expect_send (desk, 42, 2);
    assert_int_equal (zloom_client_core_unconfirmed (desk->core, "orders"), 2);
    s_say_confirm (desk, 10, 43);
    assert_int_equal (zloom_client_core_unconfirmed (desk->core, "orders"), 0);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_CONFIRMED)->id, 43);
}

static void
test_packs_close_by_count_and_by_time (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    for (int i = 0; i < 5; i++) {
        assert_int_equal (s_send (desk, "orders", "x"), ZLOOM_OK);
    }
    s_expect_send (desk, 1, 4);
    s_expect_nothing (desk); /* the fifth waits for company */
    assert_true (s_tick (desk) <= desk->now.mono_ns + ZLOOM_NS_PER_MS);
    s_pass (desk, ZLOOM_NS_PER_MS);
    s_expect_send (desk, 5, 1);
}

static void
test_the_window_says_again (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal (s_send (desk, "orders", "x"), ZLOOM_OK);
    }
    assert_int_equal (s_send (desk, "orders", "x"), ZLOOM_AGAIN);
    assert_int_equal (s_send (desk, "paid", "x"), ZLOOM_OK);
}

static void
test_a_pack_is_cut_to_the_credit (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_send_pack (desk, "orders", 4);
    s_say_credit (desk, 10, 3);
    s_expect_send (desk, 1, 3);
    s_expect_nothing (desk);
    s_say_credit (desk, 10, 4);
    s_expect_send (desk, 4, 1);
}

static void
test_a_confirm_of_what_never_went_out_is_not_believed (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_send_pack (desk, "orders", 4);
    s_say_credit (desk, 10, 2);
    s_expect_send (desk, 1, 2);
    s_say_confirm (desk, 10, 1000);
    assert_int_equal (zloom_client_core_unconfirmed (desk->core, "orders"), 2);
}

static void
test_a_refusal_waits_for_credit_and_resends_in_order (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_send_pack (desk, "orders", 2);
    s_send_pack (desk, "orders", 2);
    s_send_pack (desk, "orders", 2);
    s_expect_send (desk, 1, 2);
    s_expect_send (desk, 3, 2);
    s_expect_send (desk, 5, 2);
    s_say_refuse (desk, 10, ZLOOM_FULL, 3);
    s_expect_nothing (desk);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_REFUSED)->code, ZLOOM_FULL);
    s_say_confirm (desk, 10, 2);
    s_say_credit (desk, 10, 100); /* no more than before: still shut */
    s_expect_nothing (desk);
    s_say_credit (desk, 10, 200);
    s_expect_send (desk, 3, 2);
    s_expect_send (desk, 5, 2);
    s_say_confirm (desk, 10, 6);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

/* A router that can not take message 3: the others must get through, and 3 must be told. */
static void
test_a_bad_message_is_found_and_skipped (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    uint64_t credit = 100;
    s_say_credit (desk, 10, credit);
    s_send_pack (desk, "orders", 4);
    s_send_pack (desk, "orders", 4);
    uint64_t high = 0;
    uint64_t refused = 0;
    bool skipped = false;
    for (int round = 0; round < 40 && high < 8; round++) {
        s_tick (desk);
        const zloom_verb_t *verb;
        while ((verb = s_take_frame (desk))) {
            assert_int_equal (verb->kind, ZLOOM_VERB_SEND);
            const zloom_verb_send_t send = verb->send;
            const bool skips = desk->pack_bytes.size == 0;
            if (refused > 0 && send.first_id > refused) {
                continue;
            }
            assert_int_equal (send.first_id, high + 1);
            if (!skips && send.first_id <= 3 && send.first_id + send.n > 3) {
                refused = send.first_id;
                s_say_refuse (desk, 10, ZLOOM_MALFORMED, refused);
            } else {
                skipped = skipped || skips;
                refused = 0;
                high += send.n;
                s_say_confirm (desk, 10, high);
            }
        }
        credit += 100;
        s_say_credit (desk, 10, credit);
    }
    assert_int_equal (high, 8);
    assert_true (skipped);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_FAILED), 1);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_FAILED)->id, 3);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

static void
test_after_a_lost_road_high_decides (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_send_pack (desk, "orders", 4);
    s_send_pack (desk, "orders", 2);
    s_expect_send (desk, 1, 4);
    s_expect_send (desk, 5, 2);
    s_say_confirm (desk, 10, 1);
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_LOST), 1);
    s_lay_road (desk);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_HELLO)->hello.flows[0].next, 2);
    s_say_welcome (desk, s_flows, 2, 3); /* 2 and 3 came through */
    s_expect_nothing (desk);             /* credit begins anew */
    s_say_credit (desk, 10, 100);
    s_expect_send (desk, 4, 1);
    s_expect_send (desk, 5, 2);
    zloom_client_stats_t stats;
    zloom_client_core_stats (desk->core, &stats);
    assert_int_equal (stats.resent_messages, 3);
    s_say_confirm (desk, 10, 6);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

static void
test_a_stranger_under_the_same_name_is_noticed (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_send_pack (desk, "orders", 2);
    s_expect_send (desk, 1, 2);
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_say_welcome (desk, s_flows, 2, 9);
    assert_int_equal (zloom_client_core_ended (desk->core), ZLOOM_FENCED);
    assert_int_equal (s_send (desk, "orders", "x"), ZLOOM_FENCED);
}

static void
test_fenced_is_final (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_say_bye (desk, ZLOOM_FENCED);
    assert_int_equal (zloom_client_core_ended (desk->core), ZLOOM_FENCED);
    s_pass (desk, 60 * ZLOOM_NS_PER_S);
    assert_true (s_tick (desk) == ZLOOM_NEVER);
    assert_false (zloom_client_core_wants_road (desk->core));
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_ENDED)->code, ZLOOM_FENCED);
}

static void
test_silence_is_asked_about_and_then_given_up (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_pass (desk, ZLOOM_NS_PER_S);
    s_expect (desk, ZLOOM_VERB_PING);
    s_expect_nothing (desk);
    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG};
    s_say (desk, &pong, NULL);
    for (int beat = 0; beat < 4; beat++) {
        s_pass (desk, ZLOOM_NS_PER_S);
        s_expect (desk, ZLOOM_VERB_PING);
        assert_true (zloom_client_core_welcomed (desk->core));
    }
    s_pass (desk, ZLOOM_NS_PER_S);
    s_tick (desk);
    assert_false (zloom_client_core_welcomed (desk->core));
    assert_false (zloom_client_core_wants_road (desk->core)); /* rests first */
    s_pass (desk, ZLOOM_NS_PER_S);
    s_tick (desk);
    assert_true (zloom_client_core_wants_road (desk->core));
}

/* A machine that stood still, a program that did not call us: the router was not asked. */
static void
test_silence_does_not_count_while_nobody_listens (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    s_tick (desk);
    s_pass (desk, ZLOOM_NS_PER_S + 60 * ZLOOM_NS_PER_S);
    s_expect (desk, ZLOOM_VERB_PING);
    assert_true (zloom_client_core_welcomed (desk->core));
    /* But somebody who listens only now and then gives it up in the end, too. */
    for (int look = 0; look < 3; look++) {
        s_pass (desk, 10 * ZLOOM_NS_PER_S);
        s_expect (desk, ZLOOM_VERB_PING);
        assert_true (zloom_client_core_welcomed (desk->core));
    }
    s_pass (desk, 10 * ZLOOM_NS_PER_S);
    s_tick (desk);
    assert_false (zloom_client_core_welcomed (desk->core));
}

static void
test_a_hello_without_answer_gets_a_new_road (void **state)
{
    desk_t *desk = *state;
    zloom_client_core_connected (desk->core, desk->now);
    s_expect (desk, ZLOOM_VERB_HELLO);
    s_pass (desk, 4 * ZLOOM_NS_PER_S);
    s_tick (desk);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
}

static void
test_a_mark_goes_with_its_message (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("x")};
    uint64_t id = 0;
    for (unsigned i = 0; i < 3; i++) {
        const zloom_bytes_t mark = i == 2 ? zloom_bytes_text ("line 3") : ZLOOM_BYTES_NULL;
        assert_int_equal (
          zloom_client_core_send (desk->core, "orders", &envelope, mark, desk->now, &id), ZLOOM_OK);
    }
    assert_int_equal (id, 3);
    zloom_client_core_push (desk->core);
    s_say_credit (desk, 10, 2); /* the cut must not let the mark run ahead */
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.n, 2);
    assert_null (verb->send.mark.data);
    s_say_credit (desk, 10, 3);
    verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.mark.size, 6);
}

static void
test_garbage_from_the_router_changes_nothing (void **state)
{
    desk_t *desk = *state;
    s_begin (desk, s_flows, 2, 0);
    static const uint8_t garbage[] = {0xc1, 0xff, 0x00};
    zloom_client_core_frame (desk->core, zloom_bytes (garbage, sizeof garbage), NULL, desk->now);
    zloom_client_core_frame (desk->core, zloom_bytes (garbage, 0), NULL, desk->now);
    s_say_confirm (desk, 99, 5);
    s_say_refuse (desk, 10, ZLOOM_FULL, 77);
    s_say_credit (desk, 99, 5);
    zloom_client_stats_t stats;
    zloom_client_core_stats (desk->core, &stats);
    assert_int_equal (stats.malformed_frames, 2);
    assert_true (zloom_client_core_welcomed (desk->core));
}

static void
test_questions_are_answered_or_lost (void **state)
{
    desk_t *desk = *state;
    uint64_t first = 0;
    uint64_t second = 0;
    assert_int_equal (zloom_client_core_admin (desk->core, "stats", ZLOOM_BYTES_NULL, &first),
                      ZLOOM_AGAIN);
    s_begin (desk, s_flows, 2, 0);
    assert_int_equal (zloom_client_core_admin (desk->core, "stats", ZLOOM_BYTES_NULL, &first),
                      ZLOOM_OK);
    assert_int_equal (zloom_client_core_admin (desk->core, "stats", ZLOOM_BYTES_NULL, &second),
                      ZLOOM_OK);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_ADMIN)->admin.request, first);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_ADMIN)->admin.request, second);
    zloom_verb_t answer = {.kind = ZLOOM_VERB_ANSWER, .answer = {.request = first, .more = true}};
    s_say (desk, &answer, NULL);
    answer.answer.more = false;
    s_say (desk, &answer, NULL);
    s_say (desk, &answer, NULL); /* nobody waits for it any more */
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_ANSWER), 2);
    s_say_bye (desk, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_ANSWER)->id, second);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_ANSWER)->code, ZLOOM_GONE);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_hello_names_flows_and_asks_from_one, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_no_send_before_the_first_welcome, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_ids_go_on_after_high, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_packs_close_by_count_and_by_time, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_the_window_says_again, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_pack_is_cut_to_the_credit, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_confirm_of_what_never_went_out_is_not_believed,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_refusal_waits_for_credit_and_resends_in_order,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_bad_message_is_found_and_skipped, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_after_a_lost_road_high_decides, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_stranger_under_the_same_name_is_noticed, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_fenced_is_final, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_silence_is_asked_about_and_then_given_up, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_silence_does_not_count_while_nobody_listens, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_hello_without_answer_gets_a_new_road, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_mark_goes_with_its_message, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_garbage_from_the_router_changes_nothing, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_questions_are_answered_or_lost, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
