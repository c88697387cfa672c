/* SPDX-License-Identifier: MPL-2.0 */
/* The core as a consumer: deliveries, settling, credit, lost roads. */
#include "unit/client/desk.h"

static const zloom_client_options_t s_options = {.name = "charge"};
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
    s_begin (desk, NULL, 0, 0);
    assert_int_equal (zloom_client_core_subscribe (desk->core, &s_take, &s_handle), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    assert_int_equal (verb->subscribe.holding_count, 0);
    s_expect_nothing (desk); /* no credit before the router says yes */
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    verb = s_expect (desk, ZLOOM_VERB_CREDIT);
    assert_int_equal (verb->credit.messages, 8);
    assert_int_equal (verb->credit.target, ZLOOM_CREDIT_HANDLE);
    return 0;
}

static void
s_settle_all (desk_t *desk, unsigned n, const zloom_settlement_t *settlement)
{
    for (unsigned i = 0; i < n; i++) {
        const zloom_message_t *message = s_receive (desk);
        assert_int_equal (zloom_client_core_settle (desk->core, &message, settlement), ZLOOM_OK);
        assert_null (message);
    }
}

static void
test_a_message_says_where_it_comes_from (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 5, 2, 1);
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 2);
    const zloom_message_t *message = s_receive (desk);
    message = s_receive (desk);
    assert_string_equal (message->flow, "orders");
    assert_int_equal (message->seq, 6);
    assert_int_equal (message->id, 106);
    assert_int_equal (message->producer_size, 4);
    assert_memory_equal (message->producer, "shop", 4);
    assert_memory_equal (message->body, "m6", 2);
    assert_int_equal (message->sent_wall_ns, 9 * ZLOOM_NS_PER_S);
    assert_false (zloom_client_core_receive (desk->core, 0, &message));
}

/* Numbers, makers and what is said of some change at places of their own. */
static void
test_each_message_has_what_is_said_of_it (void **state)
{
    desk_t *desk = *state;
    static const zloom_run_t runs[] = {{5, 2}, {20, 3}, {8, 1}};
    static const zloom_fact_t facts[] = {
      {.i = 1, .attempt = 2, .budget_left_ms = -1},
      {.i = 2, .attempt = 3, .budget_left_ms = -1, .redelivered = true},
      {.i = 5, .attempt = 4, .budget_left_ms = -1, .replayed = true}};
    const zloom_src_t src[] = {{3, zloom_bytes_text ("shop"), 70, 1},
                               {3, zloom_bytes_text ("web"), 1, 2}};
    static const struct {
        uint64_t seq, id;
        const char *producer;
        uint32_t attempt;
        bool redelivered, replayed;
    } expected[] = {
      {5, 70, "shop", 0, false, false}, {6, 71, "shop", 2, false, false},
      {20, 72, "shop", 3, true, false}, {21, 1, "web", 0, false, false},
      {22, 2, "web", 0, false, false},  {8, 3, "web", 4, false, true},
    };
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER,
                               .deliver = {.handle = s_handle,
                                           .token = {DESK_BOOT, 1},
                                           .runs = runs,
                                           .run_count = 3,
                                           .src = src,
                                           .src_count = 2,
                                           .facts = facts,
                                           .fact_count = 3,
                                           .delivery_no = 1}};
    zloom_buf_t pack = {0};
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("1")};
    for (int i = 0; i < 6; i++) {
        zloom_pack_add (&pack, &envelope);
    }
    zloom_blob_t *blob = zloom_blob_new_from_buf (&pack);
    s_say (desk, &verb, blob);
    zloom_blob_unref (&blob);
    for (size_t i = 0; i < 6; i++) {
        const zloom_message_t *message = s_receive (desk);
        assert_int_equal (message->seq, expected[i].seq);
        assert_int_equal (message->id, expected[i].id);
        assert_int_equal (message->producer_size, strlen (expected[i].producer));
        assert_memory_equal (message->producer, expected[i].producer, message->producer_size);
        assert_int_equal (message->attempt, expected[i].attempt);
        assert_int_equal (message->redelivered, expected[i].redelivered);
        assert_int_equal (message->replayed, expected[i].replayed);
    }
}

static void
test_acks_in_a_row_are_one_run (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 5, 4, 1);
    s_settle_all (desk, 4, &s_ack);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.token.number, 1);
    assert_int_equal (verb->settle.token.boot, DESK_BOOT);
    assert_int_equal (verb->settle.run_count, 1);
    assert_int_equal (verb->settle.runs[0].first, 5);
    assert_int_equal (verb->settle.runs[0].n, 4);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 12);
    assert_int_equal (zloom_client_core_pending (desk->core), 1);
    s_say_settled (desk, s_handle, 1, 5, 2, ZLOOM_OK);
    assert_int_equal (zloom_client_core_pending (desk->core), 1);
    s_say_settled (desk, s_handle, 1, 7, 2, ZLOOM_OK);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
    s_expect_nothing (desk);
}

static void
test_verdicts_and_causes_travel (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 5, 2, 1);
    const zloom_settlement_t retry = {.verdict = ZLOOM_VERDICT_RETRY, .delay_ms = 250};
    const zloom_settlement_t reject = {.verdict = ZLOOM_VERDICT_REJECT,
                                       .delay_ms = ZLOOM_DELAY_UNSET,
                                       .cause = {.reason = zloom_bytes_text ("rejected"),
                                                 .exit = 65,
                                                 .text = zloom_bytes_text ("no such customer")}};
    s_settle_all (desk, 1, &retry);
    s_settle_all (desk, 1, &reject);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.run_count, 2);
    assert_int_equal (verb->settle.runs[0].verdict, ZLOOM_VERDICT_RETRY);
    assert_int_equal (verb->settle.runs[0].delay_ms, 250);
    assert_int_equal (verb->settle.runs[1].verdict, ZLOOM_VERDICT_REJECT);
    assert_int_equal (verb->settle.runs[1].cause.exit, 65);
    assert_int_equal (verb->settle.runs[1].cause.text.size, 16);
}

static void
test_credit_follows_what_is_held (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 8, 1);
    s_expect_nothing (desk);
    s_settle_all (desk, 1, &s_ack);
    s_expect (desk, ZLOOM_VERB_SETTLE);
    s_expect_nothing (desk); /* one free place is not worth a frame */
    s_settle_all (desk, 1, &s_ack);
    s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 10);
}

static void
test_a_lost_lease_is_told_and_not_settled (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 3, 1);
    const zloom_message_t *message = s_receive (desk);
    s_say_stale (desk, s_handle, 1, 1, 2);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STALE)->seq, 1);
    assert_true (zloom_client_core_stale (desk->core, message));
    assert_int_equal (zloom_client_core_settle (desk->core, &message, &s_ack), ZLOOM_STALE);
    assert_null (message);
    message = s_receive (desk); /* the second left unseen */
    assert_int_equal (message->seq, 3);
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 0);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_expect_nothing (desk);
}

static void
test_a_hole_in_the_deliveries_ends_the_road (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 1, 1);
    s_say_deliver (desk, s_handle, 3, 3, 1, 3);
    assert_false (zloom_client_core_welcomed (desk->core));
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_LOST), 1);
}

static void
test_a_ping_ahead_of_its_deliveries_ends_the_road (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 1, 1);
    zloom_beat_t beat = {s_handle, 1};
    const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING, .ping = {.beats = &beat, .beat_count = 1}};
    s_say (desk, &ping, NULL);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_PONG);
    assert_int_equal (verb->pong.beats[0].delivery_no, 1);
    beat.delivery_no = 2;
    s_say (desk, &ping, NULL);
    assert_false (zloom_client_core_welcomed (desk->core));
}

static void
test_a_malformed_envelope_is_rejected (void **state)
{
    desk_t *desk = *state;
    static const uint8_t bytes[] = {0xc4, 0x02, 0x91, 0xc1}; /* bin of [0xc1] */
    zloom_blob_t *blob = zloom_blob_new (bytes, sizeof bytes);
    const zloom_run_t run = {1, 1};
    const zloom_src_t src = {1, zloom_bytes_text ("shop"), 1, 0};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER,
                               .deliver = {.handle = s_handle,
                                           .token = {DESK_BOOT, 1},
                                           .runs = &run,
                                           .run_count = 1,
                                           .src = &src,
                                           .src_count = 1,
                                           .delivery_no = 1}};
    s_say (desk, &verb, blob);
    zloom_blob_unref (&blob);
    const zloom_message_t *message = NULL;
    assert_false (zloom_client_core_receive (desk->core, 0, &message));
    const zloom_verb_t *said = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (said->settle.runs[0].verdict, ZLOOM_VERDICT_REJECT);
    assert_int_equal (said->settle.runs[0].cause.reason.size, 9);
    zloom_client_stats_t stats;
    zloom_client_core_stats (desk->core, &stats);
    assert_int_equal (stats.malformed_messages, 1);
}

static void
test_waiting_leases_are_extended_and_taken_ones_are_not (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 3, 1);
    const zloom_message_t *message = s_receive (desk);
    s_tick (desk);
    for (int i = 0; i < 11; i++) { /* a third of 30 s, and the router beats */
        s_pass (desk, ZLOOM_NS_PER_S);
        const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING};
        s_say (desk, &ping, NULL);
        s_expect (desk, ZLOOM_VERB_PONG);
        if (i < 10) {
            s_expect_nothing (desk);
        }
    }
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_PROGRESS);
    assert_int_equal (verb->progress.run_count, 1);
    assert_int_equal (verb->progress.runs[0].seq, 2);
    assert_int_equal (verb->progress.runs[0].n, 2);
    s_expect_nothing (desk);
    assert_int_equal (zloom_client_core_progress (desk->core, message, 5000), ZLOOM_OK);
    verb = s_expect (desk, ZLOOM_VERB_PROGRESS);
    assert_int_equal (verb->progress.runs[0].seq, 1);
    assert_int_equal (verb->progress.extend_ms, 5000);
}

static void
test_hold_gives_back_and_stops_credit (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 3, 1);
    const zloom_message_t *message = s_receive (desk);
    assert_int_equal (zloom_client_core_hold (desk->core, s_handle, true), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.runs[0].verdict, ZLOOM_VERDICT_RELEASE);
    assert_int_equal (verb->settle.runs[0].first, 2);
    assert_int_equal (verb->settle.runs[0].n, 2);
    s_expect_nothing (desk);
    s_say_deliver (desk, s_handle, 2, 7, 1, 2); /* was under way: back at once */
    s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (zloom_client_core_settle (desk->core, &message, &s_ack), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SETTLE);
    s_expect_nothing (desk);
    assert_int_equal (zloom_client_core_hold (desk->core, s_handle, false), ZLOOM_OK);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 12);
}

static void
test_unsubscribe_settles_first (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, 1, 1, 2, 1);
    s_settle_all (desk, 1, &s_ack);
    assert_int_equal (zloom_client_core_unsubscribe (desk->core, s_handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SETTLE);
    s_expect (desk, ZLOOM_VERB_UNSUBSCRIBE);
    assert_int_equal (zloom_client_core_unsubscribe (desk->core, s_handle), ZLOOM_NOT_FOUND);
    s_say_deliver (desk, s_handle, 2, 7, 1, 2); /* was under way */
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 0);
    s_expect_nothing (desk);
}

static void
test_a_refused_subscription_is_over (void **state)
{
    desk_t *desk = *state;
    uint32_t handle = 0;
    const zloom_subscription_options_t take = {.flow = "nowhere"};
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_OK);
    assert_int_not_equal (handle, s_handle);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_UNKNOWN_FLOW);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_SUBSCRIBED)->code, ZLOOM_UNKNOWN_FLOW);
    s_expect_nothing (desk);
}

static void
test_copies_are_never_settled_at_the_router (void **state)
{
    desk_t *desk = *state;
    uint32_t handle = 0;
    const zloom_subscription_options_t tap = {
      .flow = "orders", .mode = ZLOOM_MODE_TAP, .prefetch = 4};
    assert_int_equal (zloom_client_core_subscribe (desk->core, &tap, &handle), ZLOOM_OK);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SUBSCRIBE)->subscribe.mode, ZLOOM_MODE_TAP);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_deliver (desk, handle, 1, 1, 2, 1);
    s_settle_all (desk, 2, &s_ack);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 6);
    s_expect_nothing (desk);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
}

static uint32_t
s_tap (desk_t *desk)
{
    uint32_t handle = 0;
    const zloom_subscription_options_t tap = {
      .flow = "orders", .mode = ZLOOM_MODE_TAP, .prefetch = 100};
    assert_int_equal (zloom_client_core_subscribe (desk->core, &tap, &handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    return handle;
}

/* Who takes of all of them has something of each before the third delivery of one. */
static void
test_a_flood_leaves_the_others_their_turn (void **state)
{
    desk_t *desk = *state;
    const uint32_t flood = s_tap (desk);
    const uint32_t rare = s_tap (desk);
    s_say_deliver (desk, flood, 1, 1, 2, 1);
    s_say_deliver (desk, flood, 2, 3, 2, 2);
    s_say_deliver (desk, flood, 3, 5, 2, 3);
    s_say_deliver (desk, rare, 4, 50, 1, 1);
    bool heard = false;
    for (unsigned i = 0; i < 4; i++) {
        heard = s_receive (desk)->handle == rare || heard;
    }
    assert_true (heard);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal (s_receive (desk)->handle, flood);
    }
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 0);
}

/* It was about to tell its rest of credit: nothing is due for it any more. */
static void
test_an_ended_subscription_wants_no_tick (void **state)
{
    desk_t *desk = *state;
    const uint32_t handle = s_tap (desk);
    s_say_deliver (desk, handle, 1, 1, 5, 1);
    s_settle_all (desk, 5, &s_ack);
    assert_true (s_tick (desk) <= desk->now.mono_ns + 20 * ZLOOM_NS_PER_MS);
    s_say_subscribed (desk, handle, ZLOOM_TOO_MANY);
    s_pass (desk, 20 * ZLOOM_NS_PER_MS);
    assert_true (s_tick (desk) > desk->now.mono_ns);
    s_expect_nothing (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_message_says_where_it_comes_from, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_each_message_has_what_is_said_of_it, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_acks_in_a_row_are_one_run, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_verdicts_and_causes_travel, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_credit_follows_what_is_held, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_lost_lease_is_told_and_not_settled, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_hole_in_the_deliveries_ends_the_road, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_ping_ahead_of_its_deliveries_ends_the_road, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_malformed_envelope_is_rejected, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_waiting_leases_are_extended_and_taken_ones_are_not,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_hold_gives_back_and_stops_credit, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_unsubscribe_settles_first, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_refused_subscription_is_over, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_copies_are_never_settled_at_the_router, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_flood_leaves_the_others_their_turn, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_an_ended_subscription_wants_no_tick, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
