/* SPDX-License-Identifier: MPL-2.0 */
/* The core as a subscriber of a bus: patterns, deliveries without a lease, gaps in their place. */
#include "unit/client/desk.h"

#define NO_LEASE 0

static uint32_t s_handle;
static unsigned s_gaps;

static void
s_hear_gap (void *arg, const zloom_gap_t *gap)
{
    assert_ptr_equal (arg, &s_gaps);
    assert_string_equal (gap->flow, "events");
    assert_string_equal (gap->reason, "slow");
    assert_int_equal (gap->handle, s_handle);
    s_gaps += (unsigned) (gap->to - gap->from + 1);
}

static const char *const s_flows[] = {"out"};
static const zloom_client_flow_t s_sends[] = {{.name = "out"}};
static const zloom_client_options_t s_options = {
  .name = "screen", .flows = s_sends, .flow_count = 1};
static const char *const s_patterns[] = {"order.*", "price.>"};
static const zloom_subscription_options_t s_take = {.flow = "events",
                                                    .prefetch = 100,
                                                    .patterns = s_patterns,
                                                    .pattern_count = 2,
                                                    .from = ZLOOM_FROM_NOW,
                                                    .on_slow = ZLOOM_ON_SLOW_DROP_NEWEST,
                                                    .on_slow_value = 50,
                                                    .gap = s_hear_gap,
                                                    .gap_arg = &s_gaps};
static const zloom_settlement_t s_ack = {.verdict = ZLOOM_VERDICT_ACK,
                                         .delay_ms = ZLOOM_DELAY_UNSET};

static void
s_say_yes (desk_t *desk, uint64_t next)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBED,
                               .subscribed = {.handle = s_handle, .next = next}};
    s_say (desk, &verb, NULL);
}

static void
s_say_gap (desk_t *desk, uint64_t from, uint64_t to, uint64_t count)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_GAP,
                               .gap = {.handle = s_handle,
                                       .from = from,
                                       .to = to,
                                       .count = count,
                                       .reason = zloom_bytes_text ("slow")}};
    s_say (desk, &verb, NULL);
}

static int
s_setup (void **state)
{
    desk_t *desk = s_desk (&s_options);
    *state = desk;
    s_begin (desk, s_flows, 1, 0);
    assert_int_equal (zloom_client_core_subscribe (desk->core, &s_take, &s_handle), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    assert_int_equal (verb->subscribe.pattern_count, 2);
    assert_memory_equal (verb->subscribe.patterns[1].data, "price.>", 7);
    assert_int_equal (verb->subscribe.from, ZLOOM_FROM_NOW);
    assert_int_equal (verb->subscribe.on_slow, ZLOOM_ON_SLOW_DROP_NEWEST);
    assert_int_equal (verb->subscribe.on_slow_value, 50);
    assert_false (verb->subscribe.durable);
    s_say_yes (desk, 1001);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    return 0;
}

static void
s_settle (desk_t *desk, const zloom_message_t *message, zloom_verdict_t verdict, zloom_err_t code)
{
    const zloom_settlement_t settlement = {.verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    assert_int_equal (zloom_client_core_settle (desk->core, &message, &settlement), code);
    assert_null (message);
}

static void
test_what_is_not_leased_is_not_settled (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 3, 1);
    const zloom_message_t *message = s_receive (desk);
    assert_int_equal (zloom_client_core_started (desk->core, message), ZLOOM_OK);
    assert_int_equal (zloom_client_core_progress (desk->core, message, 0), ZLOOM_OK);
    s_settle (desk, message, ZLOOM_VERDICT_ACK, ZLOOM_OK);
    s_settle (desk, s_receive (desk), ZLOOM_VERDICT_RETRY, ZLOOM_UNSUPPORTED);
    s_settle (desk, s_receive (desk), ZLOOM_VERDICT_REJECT, ZLOOM_UNSUPPORTED);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
    /* All of it is free again, which is told when that lasts, and nothing else is said. */
    s_expect_nothing (desk);
    assert_true (s_tick (desk) <= desk->now.mono_ns + 20 * ZLOOM_NS_PER_MS);
    s_pass (desk, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 103);
}

static void
test_a_gap_is_told_in_its_place (void **state)
{
    desk_t *desk = *state;
    s_gaps = 0;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 1, 1);
    s_say_gap (desk, 1002, 1010, 4);
    s_say_deliver (desk, s_handle, NO_LEASE, 1011, 1, 2);
    s_say_gap (desk, 1012, 1012, 1);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_GAP), 0);
    assert_int_equal (s_receive (desk)->seq, 1001);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_GAP), 0);
    s_tick (desk);
    assert_int_equal (s_receive (desk)->seq, 1011);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_GAP), 1);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_GAP)->seq, 1002);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_GAP)->last, 1010);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_GAP)->n, 4);
    assert_int_equal (s_gaps, 9);
    /* One that nothing follows is told, too. */
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 1);
    const zloom_message_t *message;
    assert_false (zloom_client_core_receive (desk->core, 0, &message));
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_GAP), 2);
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 0);
    zloom_client_stats_t stats;
    zloom_client_core_stats (desk->core, &stats);
    assert_int_equal (stats.missed_messages, 5);
}

static const zloom_message_t *
s_hear (desk_t *desk)
{
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_core_hear (desk->core, s_handle, &message), ZLOOM_OK);
    return message;
}

static void
s_expect_body (const zloom_message_t *message, const char *body)
{
    assert_non_null (message);
    assert_int_equal (message->body_size, strlen (body));
    /* Not cmocka's own compare, which a sanitizer does not see. */
    assert_int_equal (memcmp (message->body, body, message->body_size), 0);
}

/* Nothing is to be settled: the next call gives back what was heard, and its credit. */
static void
test_what_is_heard_is_done_with (void **state)
{
    desk_t *desk = *state;
    s_gaps = 0;
    assert_null (s_hear (desk));
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 2, 1);
    s_say_gap (desk, 1003, 1004, 2);
    s_say_deliver (desk, s_handle, NO_LEASE, 1005, 1, 2);
    const zloom_message_t *message = s_hear (desk);
    assert_int_equal (message->seq, 1001);
    assert_int_equal (message->handle, s_handle);
    assert_string_equal (message->flow, "events");
    assert_int_equal (message->id, 1101);
    s_expect_body (s_hear (desk), "m1002");
    assert_int_equal (s_gaps, 0);
    s_expect_body (message = s_hear (desk), "m1005");
    assert_int_equal (s_gaps, 2);
    assert_int_equal (zloom_client_core_waiting (desk->core, 0), 0);
    assert_int_equal (zloom_client_core_pending (desk->core), 0);
    /* It was the last of its delivery, and stays until the next call. */
    s_tick (desk);
    s_pass (desk, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 103);
    s_expect_body (message, "m1005");
    assert_null (s_hear (desk));
    s_tick (desk);
}

static void
test_what_is_received_stays_beside_what_is_heard (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 3, 1);
    const zloom_message_t *received = s_receive (desk);
    s_expect_body (s_hear (desk), "m1002");
    s_expect_body (s_hear (desk), "m1003");
    s_tick (desk);
    s_expect_body (received, "m1001");
    s_settle (desk, received, ZLOOM_VERDICT_ACK, ZLOOM_OK);
    assert_null (s_hear (desk));
}

static void
test_what_cannot_be_read_is_passed_over (void **state)
{
    desk_t *desk = *state;
    zloom_buf_t pack = {0};
    const zloom_envelope_t good = {.body = zloom_bytes_text ("good")};
    zloom_pack_add_encoded (&pack, zloom_bytes_text ("bad"));
    zloom_pack_add (&pack, &good);
    s_say_deliver_pack (desk, s_handle, NO_LEASE, 1001, 2, 1, &pack);
    s_expect_body (s_hear (desk), "good");
    zloom_client_stats_t stats;
    zloom_client_core_stats (desk->core, &stats);
    assert_int_equal (stats.malformed_messages, 1);
}

static void
test_what_is_leased_is_not_heard (void **state)
{
    desk_t *desk = *state;
    const zloom_subscription_options_t take = {.flow = "orders", .prefetch = 8};
    const zloom_message_t *message = NULL;
    uint32_t handle = 0;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_deliver (desk, handle, 7, 1, 1, 1);
    assert_int_equal (zloom_client_core_hear (desk->core, handle, &message), ZLOOM_UNSUPPORTED);
    assert_null (message);
    assert_non_null (strstr (zloom_note (), "orders"));
    assert_int_equal (s_receive (desk)->seq, 1);
    assert_int_equal (zloom_client_core_hear (desk->core, 99, &message), ZLOOM_NOT_FOUND);
}

static void
test_what_is_heard_is_not_settled (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 1, 1);
    const zloom_message_t *message = s_hear (desk);
    const zloom_message_t *same = message;
    assert_int_equal (zloom_client_core_settle (desk->core, &same, &s_ack), ZLOOM_INVALID);
    assert_non_null (strstr (zloom_note (), "heard"));
    assert_false (zloom_client_core_stale (desk->core, message));
    assert_int_equal (zloom_client_core_progress (desk->core, message, 0), ZLOOM_OK);
    s_expect_body (message, "m1001");
}

/* Who hears one subscription is not told of the end of another. */
static void
test_the_end_is_told_to_who_hears_it (void **state)
{
    desk_t *desk = *state;
    const uint32_t first = s_handle;
    const zloom_message_t *message = NULL;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &s_take, &s_handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, s_handle, ZLOOM_FORBIDDEN);
    assert_int_equal (zloom_client_core_hear (desk->core, s_handle, &message), ZLOOM_FORBIDDEN);
    assert_non_null (strstr (zloom_note (), "events"));
    assert_int_equal (zloom_client_core_hear (desk->core, first, &message), ZLOOM_OK);
    assert_null (message);
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

static void
test_a_new_road_goes_on_behind_the_last_one (void **state)
{
    desk_t *desk = *state;
    /* Nothing came yet: from where it stood, so nothing published meanwhile is skipped unseen. */
    const zloom_verb_t *verb = s_come_back (desk);
    assert_int_equal (verb->subscribe.from, ZLOOM_FROM_SEQ);
    assert_int_equal (verb->subscribe.from_value, 1001);
    s_say_yes (desk, 1001);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_deliver (desk, s_handle, NO_LEASE, 1005, 2, 1);
    verb = s_come_back (desk);
    assert_int_equal (verb->subscribe.from_value, 1007);
    assert_int_equal (verb->subscribe.holding_count, 0);
    assert_int_equal (verb->subscribe.pattern_count, 2);
    s_say_yes (desk, 1007);
    /* What is here is as good as before; a gap moves it on as messages do. */
    s_settle (desk, s_receive (desk), ZLOOM_VERDICT_ACK, ZLOOM_OK);
    s_say_gap (desk, 1007, 2000, 3);
    verb = s_come_back (desk);
    while (verb->kind != ZLOOM_VERB_SUBSCRIBE) {
        verb = s_take_frame (desk);
    }
    assert_int_equal (verb->subscribe.from_value, 2001);
}

static void
test_a_hole_among_deliveries_is_noticed (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 1, 1);
    s_say_deliver (desk, s_handle, NO_LEASE, 1003, 1, 3);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_LOST), 1);
    const zloom_verb_t *verb = s_come_back (desk);
    assert_int_equal (verb->subscribe.from_value, 1002);
    s_say_yes (desk, 1002);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    /* The last one: a beat tells of it. */
    const zloom_beat_t beat = {s_handle, 1};
    const zloom_verb_t ping = {.kind = ZLOOM_VERB_PING, .ping = {.beats = &beat, .beat_count = 1}};
    s_say (desk, &ping, NULL);
    assert_int_equal (s_count_events (desk, ZLOOM_CLIENT_LOST), 2);
}

/* Emits of a message that has no lease go as messages of the client's own. */
static void
test_a_step_without_a_lease_sends (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 2, 1);
    zloom_step_t *step = zloom_client_core_step (desk->core);
    const zloom_message_t *message = s_receive (desk);
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("order.seen"),
                                       .body = zloom_bytes_text ("1")};
    uint64_t id;
    assert_int_equal (zloom_step_settle (step, message, &s_ack), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "out", &envelope, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "out", &envelope, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    s_say_credit (desk, 10, 100);
    s_tick (desk);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->code, ZLOOM_OK);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, id);
    zloom_client_core_push (desk->core);
    s_expect_send (desk, 1, 2);
    assert_int_equal (desk->verb.send.flags, ZLOOM_FLAG_TOPIC);
    /* One that emits nothing is done as well. */
    step = zloom_client_core_step (desk->core);
    assert_int_equal (zloom_step_settle (step, s_receive (desk), &s_ack), ZLOOM_OK);
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    s_tick (desk);
    assert_int_equal (s_last_event (desk, ZLOOM_CLIENT_STEP)->id, id);
    assert_int_equal (zloom_client_core_pending (desk->core), 2); /* two sends */
}

static void
test_holding_keeps_what_has_no_lease (void **state)
{
    desk_t *desk = *state;
    s_say_deliver (desk, s_handle, NO_LEASE, 1001, 2, 1);
    assert_int_equal (zloom_client_core_hold (desk->core, s_handle, true), ZLOOM_OK);
    const zloom_message_t *first = s_receive (desk);
    const zloom_message_t *second = s_receive (desk);
    assert_int_equal (first->seq, 1001);
    assert_int_equal (second->seq, 1002);
    /* It has nothing to say, however long that takes, until it goes on. */
    s_settle (desk, first, ZLOOM_VERDICT_ACK, ZLOOM_OK);
    s_settle (desk, second, ZLOOM_VERDICT_ACK, ZLOOM_OK);
    s_tick (desk);
    s_pass (desk, 20 * ZLOOM_NS_PER_MS);
    s_expect_nothing (desk);
    assert_int_equal (zloom_client_core_hold (desk->core, s_handle, false), ZLOOM_OK);
    s_tick (desk);
    s_pass (desk, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_CREDIT)->credit.messages, 102);
}

static void
s_hold_others (void *arg, const zloom_gap_t *gap)
{
    for (uint32_t i = 1; i <= 40; i++) {
        assert_int_equal (zloom_client_core_hold (arg, gap->handle + i, true), ZLOOM_OK);
    }
}

static void
test_a_gap_s_hearer_may_hold_others (void **state)
{
    desk_t *desk = *state;
    zloom_subscription_options_t take = s_take;
    take.gap = s_hold_others;
    take.gap_arg = desk->core;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &s_handle), ZLOOM_OK);
    for (uint32_t i = 1, other; i <= 40; i++) {
        assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &other), ZLOOM_OK);
    }
    s_say_gap (desk, 1001, 1004, 4);
    s_say_deliver (desk, s_handle, NO_LEASE, 1005, 1, 1);
    assert_int_equal (s_receive (desk)->seq, 1005);
}

/* A durable one is leased, and goes on where its group stands. */
static void
test_a_durable_group_settles (void **state)
{
    desk_t *desk = *state;
    const zloom_subscription_options_t take = {
      .flow = "events", .group = "ledger", .durable = true, .prefetch = 8};
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &s_handle), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    assert_true (verb->subscribe.durable);
    assert_memory_equal (verb->subscribe.group.data, "ledger", 6);
    s_say_subscribed (desk, s_handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_deliver (desk, s_handle, 7, 5, 1, 1);
    s_settle (desk, s_receive (desk), ZLOOM_VERDICT_ACK, ZLOOM_OK);
    verb = s_expect (desk, ZLOOM_VERB_SETTLE);
    assert_int_equal (verb->settle.token.number, 7);
}

static void
test_patterns_are_bounded (void **state)
{
    desk_t *desk = *state;
    static const char *const patterns[ZLOOM_LIMIT_PATTERNS + 1] = {"a"};
    uint32_t handle;
    zloom_subscription_options_t take = {
      .flow = "events", .patterns = patterns, .pattern_count = ZLOOM_LIMIT_PATTERNS + 1};
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_TOO_MANY);
    const char *const bad[] = {"\xff", ""};
    take.patterns = bad;
    take.pattern_count = 1;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_INVALID);
    take.patterns = &bad[1];
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_INVALID);
    s_expect_nothing (desk);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      T (test_what_is_not_leased_is_not_settled),
      T (test_a_gap_is_told_in_its_place),
      T (test_what_is_heard_is_done_with),
      T (test_what_is_received_stays_beside_what_is_heard),
      T (test_what_cannot_be_read_is_passed_over),
      T (test_what_is_leased_is_not_heard),
      T (test_what_is_heard_is_not_settled),
      T (test_the_end_is_told_to_who_hears_it),
      T (test_a_new_road_goes_on_behind_the_last_one),
      T (test_a_hole_among_deliveries_is_noticed),
      T (test_a_step_without_a_lease_sends),
      T (test_holding_keeps_what_has_no_lease),
      T (test_a_gap_s_hearer_may_hold_others),
      T (test_a_durable_group_settles),
      T (test_patterns_are_bounded),
    };
#undef T
    return cmocka_run_group_tests (tests, NULL, NULL);
}
