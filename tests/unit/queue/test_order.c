/* SPDX-License-Identifier: MPL-2.0 */
/* Queue 9: each key's messages in their order, whatever fails. */
#include "held.h"
#include "keys.h"

/* ---- order ----------------------------------------------------------------------------------- */

/* While one consumer has a run of a key, nobody gets more of it; others get other keys. */
static void
queue_gives_a_key_to_one_consumer_at_a_time (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aabab");
    desk_subscribe (desk, 5, 2);
    desk_dispatch (desk);
    const got_t first = keys_got (desk);
    assert_int_equal (first.count, 2);
    desk_subscribe (desk, 6, 100);
    desk_dispatch (desk);
    const got_t second = keys_got (desk);
    /* 1, 2 and 4 are a's, 3 and 5 b's: whatever the first has, the second has none of it. */
    const bool first_has_a = first.seqs[0] == 1;
    const uint64_t bs[] = {3, 5};
    const uint64_t as[] = {1, 2, 4};
    if (first_has_a) {
        keys_expect (&second, bs, 2);
    } else {
        keys_expect (&second, as, 3);
    }
    if (first_has_a) { /* what is left of a comes when its run is settled, to anybody */
        keys_settle (desk, &first, 1, ZLOOM_VERDICT_ACK);
        assert_int_equal (desk_dispatch (desk), 0);
        keys_settle (desk, &first, 2, ZLOOM_VERDICT_ACK);
        assert_int_equal (desk_dispatch (desk), 1);
        const got_t third = keys_got (desk);
        const uint64_t last[] = {4};
        keys_expect (&third, last, 1);
    }
    desk_destroy (desk);
}

/* A failure takes what comes later of its key away from who holds it; its key waits. */
static void
queue_lets_a_key_wait_for_its_retry (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aabaa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t all[] = {1, 2, 3, 4, 5};
    keys_expect (&got, all, 5);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_RETRY);
    /* 4 and 5 are told to be stale, at no cost, and an ack of theirs is not taken. */
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 1);
    const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, 0);
    assert_int_equal (stale->deliver.run_count, 1);
    assert_int_equal (stale->deliver.runs[0].seq, 4);
    assert_int_equal (stale->deliver.runs[0].n, 2);
    keys_settle (desk, &got, 4, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    keys_settle (desk, &got, 3, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    assert_int_equal (desk_dispatch (desk), 0);
    keys_send (desk, 6, "ab");
    desk_dispatch (desk);
    const got_t other = keys_got (desk);
    const uint64_t b[] = {7};
    keys_expect (&other, b, 1);
    /* Its time has come: it alone, then the others in their order. */
    desk_pass (desk, 2 * S);
    desk_dispatch (desk);
    const got_t again = keys_got (desk);
    const uint64_t two[] = {2};
    keys_expect (&again, two, 1);
    assert_int_equal (desk_stats (desk).failures, 1);
    keys_settle (desk, &again, 2, ZLOOM_VERDICT_ACK);
    desk_dispatch (desk);
    const got_t rest = keys_got (desk);
    const uint64_t later[] = {4, 5, 6};
    keys_expect (&rest, later, 3);
    desk_destroy (desk);
}

/* One frame a hand-out tells what is lost, in runs, whoever has it and however much it is. */
static void
queue_tells_once_what_is_stale (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    /* a's 1 and b's 2 fail; behind them stand 3 to 6 and 8 to 9 of both. */
    keys_send (desk, 1, "ababbaXaaY");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    assert_int_equal (got.count, 10);
    desk_settle (desk, 5, got.tokens[0], 1, 2, ZLOOM_VERDICT_RETRY);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 1);
    const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, 0);
    assert_int_equal (stale->deliver.consumer, 5);
    assert_int_equal (stale->deliver.token.number, got.tokens[0]);
    assert_int_equal (stale->deliver.run_count, 2);
    assert_int_equal (stale->deliver.runs[0].seq, 3);
    assert_int_equal (stale->deliver.runs[0].n, 4);
    assert_int_equal (stale->deliver.runs[1].seq, 8);
    assert_int_equal (stale->deliver.runs[1].n, 2);
    assert_int_equal (desk_stats (desk).released, 6);
    desk_destroy (desk);
}

/* In one SETTLE and in one STEP as well: an ack behind a failure of its key is not taken. */
static void
queue_takes_no_ack_behind_a_failure_of_its_key (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aba");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    zloom_settle_run_t runs[] = {
      {.first = 1, .n = 1, .verdict = ZLOOM_VERDICT_RETRY, .delay_ms = ZLOOM_DELAY_UNSET},
      {.first = 2, .n = 2, .verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET},
    };
    zloom_event_t settle = {.type = ZLOOM_EVENT_SETTLE, .consumer = 5};
    settle.settle.token = desk_token (desk, got.tokens[0]);
    settle.settle.runs = runs;
    settle.settle.count = 2;
    assert_int_equal (zloom_queue_pattern.check_settle (desk->queue, 5, &settle), ZLOOM_STALE);
    settle.settle.runs = runs + 1;
    settle.settle.count = 1;
    assert_int_equal (zloom_queue_pattern.check_settle (desk->queue, 5, &settle), ZLOOM_OK);
    desk_settle_run (desk, 5, desk_token (desk, got.tokens[0]), runs, 2);
    const zloom_effect_t *effect = desk_effect (desk, ZLOOM_EFFECT_SETTLED, 0);
    assert_int_equal (effect->settled.count, 2); /* OK for 1 and 2, STALE for 3 */
    assert_int_equal (effect->settled.runs[0].n, 2);
    assert_int_equal (effect->settled.runs[1].code, ZLOOM_STALE);
    assert_int_equal (desk_stats (desk).acked, 1);
    desk_destroy (desk);
}

static void
queue_goes_on_with_a_key_once_its_message_is_dead (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    keys_exhaust (desk);
    assert_int_equal (desk_stats (desk).dead, 1);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t two[] = {2};
    keys_expect (&got, two, 1);
    desk_destroy (desk);
}

static bool
s_key (const desk_t *desk, zloom_key_row_t *row)
{
    uint64_t cursor = 0;
    return zloom_queue_pattern.next_key (desk->queue, &cursor, row);
}

static void
s_free_key (desk_t *desk, const char *key, bool skip)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_FREE_KEY};
    event.free_key.key = zloom_bytes_text (key);
    event.free_key.skip = skip;
    desk_feed (desk, &event);
}

/* Strict: failures alone kill nothing. The key is stuck, over a restart, until somebody decides. */
static void
queue_keeps_a_strict_key_until_somebody_decides (void **state)
{
    (void) state;
    for (int skip = 0; skip < 2; skip++) {
        const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
        desk_t *desk = desk_new (&config);
        zloom_key_row_t row;
        keys_send (desk, 1, "aab");
        desk_subscribe (desk, 5, 100);
        keys_exhaust (desk);
        assert_int_equal (desk_stats (desk).dead, 0);
        assert_int_equal (desk_stats (desk).stuck, 1);
        desk_pass (desk, 1000000 * S);
        desk_restart (desk);
        assert_int_equal (desk_stats (desk).stuck, 1);
        desk_subscribe (desk, 5, 100);
        desk_dispatch (desk);
        const got_t others = keys_got (desk);
        const uint64_t b[] = {3};
        keys_expect (&others, b, 1);
        assert_true (s_key (desk, &row));
        assert_int_equal (row.state, ZLOOM_KEY_STUCK);
        assert_int_equal (row.seq, 1);
        assert_int_equal (row.failures, 3);
        assert_int_equal (row.behind, 1);
        s_free_key (desk, "b", false); /* another key */
        assert_int_equal (desk_stats (desk).stuck, 1);
        s_free_key (desk, "a", skip);
        assert_int_equal (desk_stats (desk).stuck, 0);
        assert_int_equal (desk_stats (desk).dead, skip);
        desk_dispatch (desk);
        const got_t got = keys_got (desk);
        const uint64_t next[] = {skip ? 2 : 1};
        keys_expect (&got, next, 1);
        keys_settle (desk, &got, next[0], skip ? ZLOOM_VERDICT_ACK : ZLOOM_VERDICT_RETRY);
        assert_int_equal (desk_stats (desk).stuck, skip ? 0 : 1);
        desk_destroy (desk);
    }
}

static void
s_configure (desk_t *desk, const char *key, zloom_order_t order)
{
    desk->config.key = key;
    desk->config.order = order;
    zloom_queue_pattern.configure (desk->queue, &desk->config);
    assert_true (zloom_queue_check (desk->queue));
}

/* A new recipe decides, too: what waits for no hand under it is tried once more. */
static void
queue_lets_stuck_keys_go_when_their_order_changes (void **state)
{
    (void) state;
    static const struct {
        const char *key;
        zloom_order_t order;
    } recipes[] = {{"/key", ZLOOM_ORDER_SKIP}, {"/key", ZLOOM_ORDER_PARK}, {NULL, 0}};
    for (size_t i = 0; i < 6; i++) {
        const bool restarts = i >= 3; /* at once, or with the next start */
        const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
        desk_t *desk = desk_new (&config);
        keys_send (desk, 1, "aa");
        desk_subscribe (desk, 5, 100);
        keys_exhaust (desk);
        s_configure (desk, "/key", ZLOOM_ORDER_STRICT); /* the same again changes nothing */
        assert_int_equal (desk_stats (desk).stuck, 1);
        desk->config.order = recipes[i % 3].order;
        desk->config.key = recipes[i % 3].key;
        if (restarts) {
            desk_restart (desk);
            desk_subscribe (desk, 5, 100);
        } else {
            s_configure (desk, recipes[i % 3].key, recipes[i % 3].order);
        }
        assert_int_equal (desk_stats (desk).stuck, 0);
        assert_int_equal (desk_stats (desk).waiting, 0);
        desk_dispatch (desk);
        const got_t got = keys_got (desk);
        assert_int_equal (got.seqs[0], 1);
        keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
        assert_int_equal (desk_stats (desk).dead, 1);
        desk_destroy (desk);
    }
}

/* Nor does a key stay parked where no key parks. */
static void
queue_lets_parked_keys_go_when_their_order_changes (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    zloom_key_row_t row;
    keys_send (desk, 1, "a");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_stats (desk).stuck, 1);
    for (int restarts = 0; restarts < 2; restarts++) {
        s_configure (desk, "/key", ZLOOM_ORDER_SKIP);
        if (restarts) {
            desk_restart (desk);
        }
        assert_int_equal (desk_stats (desk).stuck, 0);
        assert_false (s_key (desk, &row));
    }
    desk_destroy (desk);
}

/* A verdict `reject` is a decision, in all orders. */
static void
queue_lets_a_rejected_message_of_a_strict_key_die (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_stats (desk).dead, 1);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    desk_destroy (desk);
}

/* Park: once a message is dead, later ones of its key follow it, until the key is freed. */
static void
queue_parks_a_key_behind_its_dead_message (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    zloom_key_row_t row;
    keys_send (desk, 1, "aba");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_REJECT);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
    assert_non_null (dead);
    assert_int_equal (dead->dead.seq, 3);
    zloom_history_t history;
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    assert_true (zloom_bytes_equal (history.causes[0].reason, zloom_bytes_text ("parked")));
    for (int round = 0; round < 2; round++) {
        assert_true (s_key (desk, &row));
        assert_int_equal (row.state, ZLOOM_KEY_PARKED);
        assert_true (zloom_bytes_equal (row.key, zloom_bytes_text ("a")));
        zloom_buf_t snapshot = {0}; /* the same from the records, then from a snapshot */
        zloom_queue_pattern.snapshot (desk->queue, &snapshot);
        desk_restart_from (desk, round ? zloom_buf_bytes (&snapshot) : ZLOOM_BYTES_NULL,
                           round ? desk->record_count : 0);
        zloom_buf_fini (&snapshot);
    }
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 4, "ab");
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t b[] = {5};
    keys_expect (&got, b, 1);
    s_free_key (desk, "a", false);
    assert_true (s_key (desk, &row)); /* what followed last is on its way yet */
    assert_int_equal (row.state, ZLOOM_KEY_WAITS);
    assert_int_equal (row.seq, 4);
    desk_restart (desk);
    assert_false (s_key (desk, &row));
    keys_send (desk, 6, "a");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    got = keys_got (desk);
    assert_int_equal (got.seqs[got.count - 1], 6);
    desk_destroy (desk);
}

/*
 * After a restart the keys of what is held again are known as far as lanes were read: what is not
 * known may be of the key that came back.
 */
static void
queue_recalls_what_is_held_again_and_not_known (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaa");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t before = keys_got (desk);
    assert_int_equal (before.count, 3);
    const zloom_token_t token = {desk->boot, before.tokens[0]};
    desk_restart (desk);
    const zloom_token_t tokens[] = {token, token};
    const zloom_run_t runs[] = {{1, 1}, {3, 1}};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 5};
    held_name (&event, tokens, runs, 2);
    desk_feed (desk, &event);
    desk_subscribe (desk, 6, 100);
    assert_int_equal (desk_dispatch (desk), 0); /* 2 waits for 1 */
    zloom_settle_run_t verdict = {
      .first = 1, .n = 1, .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = -1};
    zloom_event_t settle = {.type = ZLOOM_EVENT_SETTLE, .consumer = 5};
    settle.settle.token = token;
    settle.settle.runs = &verdict;
    settle.settle.count = 1;
    settle.settle.earlier_boot = true;
    settle.settle.earlier_end = 4;
    desk_feed (desk, &settle);
    verdict =
      (zloom_settle_run_t){.first = 3, .n = 1, .verdict = ZLOOM_VERDICT_ACK, .delay_ms = -1};
    desk_feed (desk, &settle);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t all[] = {1, 2, 3};
    keys_expect (&got, all, 3);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_gives_a_key_to_one_consumer_at_a_time),
      cmocka_unit_test (queue_lets_a_key_wait_for_its_retry),
      cmocka_unit_test (queue_tells_once_what_is_stale),
      cmocka_unit_test (queue_takes_no_ack_behind_a_failure_of_its_key),
      cmocka_unit_test (queue_goes_on_with_a_key_once_its_message_is_dead),
      cmocka_unit_test (queue_keeps_a_strict_key_until_somebody_decides),
      cmocka_unit_test (queue_lets_stuck_keys_go_when_their_order_changes),
      cmocka_unit_test (queue_lets_parked_keys_go_when_their_order_changes),
      cmocka_unit_test (queue_lets_a_rejected_message_of_a_strict_key_die),
      cmocka_unit_test (queue_parks_a_key_behind_its_dead_message),
      cmocka_unit_test (queue_recalls_what_is_held_again_and_not_known),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
