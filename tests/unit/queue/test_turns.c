/* SPDX-License-Identifier: MPL-2.0 */
/* Queue 9 and 10: keys over vanished consumers, restarts and cold bytes; lanes in turn. */
#include "held.h"
#include "keys.h"

/* ---- who vanishes ---------------------------------------------------------------------------- */

static void
queue_gives_what_a_vanished_consumer_held_again_in_order (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaba");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    desk_subscribe (desk, 6, 100);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_gone (desk, 5, false);
    desk_dispatch (desk);
    const got_t again = keys_got (desk);
    const uint64_t rest[] = {2, 3, 4};
    keys_expect (&again, rest, 3);
    assert_int_equal (again.consumers[0], 6);
    desk_destroy (desk);
}

/* Suspects of one key are tried one after the other, and nobody gets ahead of them. */
static void
queue_tries_suspects_of_a_key_in_order (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    desk_subscribe (desk, 6, 100);
    desk_subscribe (desk, 7, 100);
    desk_mark (desk, ZLOOM_EVENT_STARTED, got.consumers[0], got.tokens[0], 1, 2);
    desk_gone (desk, got.consumers[0], true);
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t one[] = {1};
    keys_expect (&got, one, 1);
    desk_mark (desk, ZLOOM_EVENT_STARTED, got.consumers[0], got.tokens[0], 1, 1);
    desk_gone (desk, got.consumers[0], true); /* it was this one: it waits, and its key with it */
    assert_int_equal (desk_stats (desk).failures, 1);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 2 * S);
    desk_dispatch (desk);
    got = keys_got (desk);
    keys_expect (&got, one, 1);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t rest[] = {2, 3};
    keys_expect (&got, rest, 2);
    desk_destroy (desk);
}

/* Who hands a suspect back loses what it holds behind it, like with any other message. */
static void
queue_recalls_what_is_behind_a_suspect_that_is_handed_back (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaaa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    desk_subscribe (desk, 6, 100);
    desk_mark (desk, ZLOOM_EVENT_STARTED, got.consumers[0], got.tokens[0], 1, 4);
    desk_gone (desk, got.consumers[0], true);
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t half[] = {1, 2};
    keys_expect (&got, half, 2);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RELEASE);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_true (desk_dispatch (desk) > 0);
        got = keys_got (desk);
        assert_int_equal (got.seqs[0], seq);
        keys_settle (desk, &got, seq, ZLOOM_VERDICT_ACK);
        for (size_t i = 1; i < got.count; i++) {
            keys_settle (desk, &got, ++seq, ZLOOM_VERDICT_ACK);
        }
    }
    assert_int_equal (desk_stats (desk).acked, 4);
    desk_destroy (desk);
}

/* Consumer 5 acks a message with a token of an earlier boot, which handed out what is below end. */
static zloom_err_t
s_ack_late (desk_t *desk, zloom_token_t token, uint64_t seq, uint64_t end)
{
    zloom_settle_run_t ack = {.first = seq, .n = 1, .verdict = ZLOOM_VERDICT_ACK, .delay_ms = -1};
    zloom_event_t settle = {.type = ZLOOM_EVENT_SETTLE, .consumer = 5};
    settle.settle.token = token;
    settle.settle.runs = &ack;
    settle.settle.count = 1;
    settle.settle.earlier_boot = true;
    settle.settle.earlier_end = end;
    desk_feed (desk, &settle);
    return (zloom_err_t) desk_code (desk);
}

/* After a restart whoever held a key comes first; others wait for the time it takes to come. */
static void
queue_holds_keys_for_those_who_held_them_before_a_restart (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    config.hold_ns = 2 * S;
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aab");
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    assert_int_equal (got.seqs[0], 1);
    const uint64_t old_boot = desk->boot;
    desk_restart (desk);
    desk_subscribe (desk, 6, 100);
    assert_int_equal (desk_dispatch (desk), 0);
    const zloom_token_t token = {old_boot, got.tokens[0]};
    const zloom_run_t run = {1, 1};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 5};
    held_name (&event, &token, &run, 1);
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).leased, 1);
    desk_pass (desk, 2 * S);
    desk_dispatch (desk);
    const got_t others = keys_got (desk);
    const uint64_t b[] = {3};
    keys_expect (&others, b, 1);
    assert_int_equal (s_ack_late (desk, token, 1, 4), ZLOOM_OK);
    desk_dispatch (desk);
    const got_t rest = keys_got (desk);
    const uint64_t two[] = {2};
    keys_expect (&rest, two, 1);
    desk_destroy (desk);
}

/* A consumer comes and names what it held under an earlier boot's token. */
static void
s_come_holding (desk_t *desk, zloom_consumer_id_t consumer, zloom_token_t token,
                const zloom_run_t *runs, size_t count)
{
    const zloom_token_t tokens[] = {token, token};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = consumer};
    held_name (&event, tokens, runs, count);
    desk_feed (desk, &event);
}

/* A message that failed before is leased again, too: only a failure said again is not taken. */
static void
queue_leases_what_failed_before_again_in_order (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    zloom_token_t token = {desk->boot, keys_got (desk).tokens[0]};
    desk_settle (desk, 5, token.number, 1, 1, ZLOOM_VERDICT_RETRY);
    const zloom_run_t run = {1, 2};
    desk_restart (desk);
    s_come_holding (desk, 5, token, &run, 1);
    assert_int_equal (desk_stats (desk).leased, 0); /* it waits, and what is behind it */
    desk_pass (desk, 60 * S);
    desk_restart (desk);
    s_come_holding (desk, 5, token, &run, 1);
    assert_int_equal (desk_stats (desk).leased, 2);
    assert_int_equal (s_ack_late (desk, token, 1, 3), ZLOOM_OK);
    desk_destroy (desk);
}

/* Nothing goes to others past what is held again: it may be of the same key. */
static void
queue_hands_out_nothing_that_stands_before_what_is_held (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aab");
    desk_subscribe (desk, 5, 2);
    desk_dispatch (desk);
    const zloom_token_t token = {desk->boot, keys_got (desk).tokens[0]};
    desk_restart (desk);
    const zloom_run_t run = {2, 1}; /* it names only this one */
    s_come_holding (desk, 5, token, &run, 1);
    desk_subscribe (desk, 6, 100);
    desk_dispatch (desk);
    const got_t others = keys_got (desk);
    const uint64_t b[] = {3};
    keys_expect (&others, b, 1);
    desk_destroy (desk);
}

/* What is settled keeps nothing from being leased again that stands in the same run. */
static void
queue_leases_the_rest_of_a_run_again_that_is_partly_settled (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const zloom_token_t token = {desk->boot, got.tokens[0]};
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    desk_restart (desk);
    const zloom_run_t run = {1, 3};
    s_come_holding (desk, 5, token, &run, 1);
    assert_int_equal (desk_stats (desk).leased, 2);
    desk_destroy (desk);
}

/* A message that failed long ago keeps nothing of other keys from being leased again. */
static void
queue_leases_other_keys_again_than_one_that_failed (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "abb");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    const zloom_token_t token = {desk->boot, got.tokens[1]};
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    desk_restart (desk);
    const zloom_run_t run = {2, 2};
    s_come_holding (desk, 5, token, &run, 1);
    assert_int_equal (desk_stats (desk).leased, 2);
    desk_destroy (desk);
}

/* Of a key nothing is leased again when what stands before it is another's by now. */
static void
queue_leases_nothing_again_behind_what_another_has (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const zloom_token_t token = {desk->boot, keys_got (desk).tokens[0]};
    desk_restart (desk);
    desk_subscribe (desk, 6, 1);
    desk_dispatch (desk);
    const got_t others = keys_got (desk);
    const uint64_t first[] = {1};
    keys_expect (&others, first, 1);
    const zloom_run_t runs[] = {{1, 1}, {2, 1}};
    s_come_holding (desk, 5, token, runs, 2);
    assert_int_equal (desk_stats (desk).leased, 1);
    desk_destroy (desk);
}

/* A late ack, without holding, is taken for what comes first in its lane only. */
static void
queue_takes_a_late_ack_only_as_a_prefix_of_its_lane (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    config.hold_ns = 2 * S;
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const zloom_token_t token = {desk->boot, got.tokens[0]};
    desk_restart (desk);
    desk_subscribe (desk, 6, 100);
    desk_dispatch (desk);
    const uint64_t seqs[] = {2, 1, 2};
    const zloom_err_t codes[] = {ZLOOM_STALE, ZLOOM_OK, ZLOOM_OK};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        assert_int_equal (s_ack_late (desk, token, seqs[i], 3), codes[i]);
    }
    desk_destroy (desk);
}

/* ---- fairness -------------------------------------------------------------------------------- */

/* A key with a long backlog does not keep the others waiting; all of it goes when it is alone. */
static void
queue_serves_keys_with_backlog_in_turn (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    config.weights[0] = (zloom_weight_t){"w", 2};
    config.weight_count = 1;
    desk_t *desk = desk_new (&config);
    char many[255] = {0};
    for (uint64_t i = 0; i < 4; i++) {
        memset (many, 'a', 250);
        keys_send (desk, 1 + i * 250, many);
    }
    memset (many, 'b', 250);
    keys_send (desk, 1001, many);
    memset (many, 'w', 250);
    keys_send (desk, 1251, many);
    desk_subscribe (desk, 5, 256);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    assert_int_equal (got.count, 256);
    size_t of[3] = {0, 0, 0};
    for (size_t i = 0; i < got.count; i++) {
        of[got.seqs[i] <= 1000 ? 0 : got.seqs[i] <= 1250 ? 1 : 2]++;
    }
    assert_int_equal (of[0], 64);
    assert_int_equal (of[1], 64);
    assert_int_equal (of[2], 128);
    desk_destroy (desk);

    desk = desk_new (&config);
    memset (many, 'a', 250);
    keys_send (desk, 1, many);
    desk_subscribe (desk, 5, 256);
    assert_int_equal (desk_dispatch (desk), 250);
    desk_destroy (desk);
}

/* Bytes that must be read from the disk first keep the order, too. */
static void
queue_waits_for_the_bytes_of_a_keyed_backlog (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "abab");
    desk->cold_below = 5;
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 0);
    desk->cold_below = 0;
    zloom_event_t event = {.type = ZLOOM_EVENT_FETCHED};
    event.fetched.seq = 1;
    desk_feed (desk, &event);
    assert_int_equal (desk_dispatch (desk), 4);
    desk_destroy (desk);
}

/* A backlog of more packs than one look takes: the queue asks for the next one by itself. */
static void
queue_looks_at_a_long_backlog_in_parts (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    for (uint64_t id = 1; id <= 1500; id++) {
        keys_send (desk, id, id % 2 ? "a" : "b");
    }
    desk_subscribe (desk, 5, 1);
    assert_int_equal (desk_dispatch (desk), 1);
    assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue), 0);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    desk_credit (desk, 5, 2, UINT64_MAX, UINT64_MAX);
    assert_int_equal (desk_dispatch (desk), 1);
    assert_true (zloom_queue_pattern.next_deadline (desk->queue) > 0);
    desk_destroy (desk);
}

/* A delayed message of a key holds its place: what comes later of the key waits for it. */
static void
queue_lets_a_key_wait_for_its_delayed_message (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {
      {.key = zloom_bytes_text ("a"), .has_due = true, .due_ms = 1000},
      {.key = zloom_bytes_text ("a")},
      {.key = zloom_bytes_text ("b")}};
    letters_send (desk, "shop", 1, letters, 3, ZLOOM_FLAG_KEY | ZLOOM_FLAG_DUE);
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t b[] = {3};
    keys_expect (&got, b, 1);
    desk_pass (desk, 1 * S);
    desk_dispatch (desk);
    const got_t a = keys_got (desk);
    assert_int_equal (a.seqs[0], 1);
    desk_destroy (desk);
}

/* What leaves by hand while its key waits for it frees the key. */
static void
queue_goes_on_with_a_key_whose_message_was_purged (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    keys_exhaust (desk);
    desk_dispatch (desk);
    zloom_event_t event = {.type = ZLOOM_EVENT_TAKE_OUT};
    event.take_out.first = 1;
    event.take_out.n = 1;
    event.take_out.reason = ZLOOM_REASON_PURGED;
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).stuck, 0);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_gives_what_a_vanished_consumer_held_again_in_order),
      cmocka_unit_test (queue_tries_suspects_of_a_key_in_order),
      cmocka_unit_test (queue_recalls_what_is_behind_a_suspect_that_is_handed_back),
      cmocka_unit_test (queue_holds_keys_for_those_who_held_them_before_a_restart),
      cmocka_unit_test (queue_leases_what_failed_before_again_in_order),
      cmocka_unit_test (queue_hands_out_nothing_that_stands_before_what_is_held),
      cmocka_unit_test (queue_leases_the_rest_of_a_run_again_that_is_partly_settled),
      cmocka_unit_test (queue_leases_other_keys_again_than_one_that_failed),
      cmocka_unit_test (queue_leases_nothing_again_behind_what_another_has),
      cmocka_unit_test (queue_takes_a_late_ack_only_as_a_prefix_of_its_lane),
      cmocka_unit_test (queue_serves_keys_with_backlog_in_turn),
      cmocka_unit_test (queue_waits_for_the_bytes_of_a_keyed_backlog),
      cmocka_unit_test (queue_looks_at_a_long_backlog_in_parts),
      cmocka_unit_test (queue_lets_a_key_wait_for_its_delayed_message),
      cmocka_unit_test (queue_goes_on_with_a_key_whose_message_was_purged),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
