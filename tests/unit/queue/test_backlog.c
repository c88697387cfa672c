/* SPDX-License-Identifier: MPL-2.0 */
/* Keyed flows with much that waits: deep lanes, full tables, bytes that are on the disk or lost. */
#include "keys.h"

/* n messages of one key in one pack. */
static void
s_send_many (desk_t *desk, uint64_t first_id, char key, uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t letter = {.key = zloom_bytes (&key, 1)};
        letters_pack (&letter, 1, &pack);
    }
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.first_id = first_id;
    event.offer.n = n;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = ZLOOM_FLAG_KEY;
    event.offer.base_time_ns = desk->turn.now.wall_ns;
    desk_feed (desk, &event);
    zloom_buf_fini (&pack);
}

static zloom_err_t
s_free (desk_t *desk, const char *key, bool skip)
{
    zloom_err_t result = ZLOOM_INVALID;
    zloom_event_t event = {.type = ZLOOM_EVENT_FREE_KEY};
    event.free_key.key = zloom_bytes_text (key);
    event.free_key.skip = skip;
    event.free_key.result = &result;
    desk_feed (desk, &event);
    return result;
}

/* Dispatch, let timers fire and ack until nothing comes; each message once, a key's in order. */
static uint64_t
s_work_off (desk_t *desk, uint64_t consumer, uint64_t last_seq)
{
    uint64_t handed = 0;
    int idle = 0;
    while (idle < 3) {
        const uint32_t now = desk_dispatch (desk);
        idle = now == 0 ? idle + 1 : 0;
        handed += now;
        struct {
            zloom_token_t token;
            zloom_run_t run;
        } hands[256];
        size_t count = 0;
        const zloom_effect_t *deliver;
        for (size_t i = 0; (deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, i)); i++) {
            for (size_t j = 0; j < deliver->deliver.run_count; j++) {
                assert_true (count < 256);
                hands[count].token = deliver->deliver.token;
                hands[count++].run = deliver->deliver.runs[j];
            }
        }
        for (size_t i = 0; i < count; i++) {
            assert_true (hands[i].run.seq > last_seq);
            last_seq = hands[i].run.seq + hands[i].run.n - 1;
            desk_settle (desk, consumer, hands[i].token.number, hands[i].run.seq, hands[i].run.n,
                         ZLOOM_VERDICT_ACK);
        }
        desk_simple (desk, ZLOOM_EVENT_TIMER);
    }
    return handed;
}

/* A stuck key with more behind it than its lane keeps: what was forgotten is found again. */
static void
queue_finds_again_what_a_waiting_lane_forgot (void **state)
{
    (void) state;
    enum { EACH = 5000, PACKS = 4 };
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
    config.failures_max = 1;
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, UINT64_MAX);
    keys_send (desk, 1, "a");
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    for (uint64_t i = 0; i < PACKS; i++) {
        s_send_many (desk, 2 + i * EACH, 'a', EACH);
        assert_int_equal (desk_dispatch (desk), 0);
        desk_simple (desk, ZLOOM_EVENT_TIMER);
    }
    keys_send (desk, 2 + PACKS * EACH, "b");
    assert_int_equal (s_work_off (desk, 5, 1), 1); /* b goes on meanwhile */
    assert_int_equal (s_free (desk, "a", true), ZLOOM_OK);
    assert_int_equal (s_work_off (desk, 5, 1), PACKS * EACH);
    const zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.acked, PACKS * EACH + 1);
    assert_int_equal (stats.dead, 1);
    assert_int_equal (stats.ready + stats.leased + stats.waiting, 0);
    desk_destroy (desk);
}

/* With as many failed ones as the table holds, nothing that could fail anew is handed out. */
static void
queue_hands_out_failed_keys_only_while_its_table_is_full (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    config.exceptions_max = 2;
    config.backoff_ns[0] = config.backoff_ns[1] = 10 * S;
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 1, "ab");
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_RETRY);
    keys_send (desk, 3, "cd");
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 11 * S);
    assert_int_equal (desk_dispatch (desk), 2);
    got = keys_got (desk);
    const uint64_t failed[] = {1, 2};
    keys_expect (&got, failed, 2);
    assert_int_equal (desk_dispatch (desk), 0);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_ACK);
    desk_dispatch (desk); /* there is room for one again */
    got = keys_got (desk);
    assert_true (got.count > 0);
    desk_destroy (desk);
}

/* Stuck ones come back by hand only: a table full of them must not stop the flow for ever. */
static void
queue_goes_on_with_a_table_full_of_stuck_keys (void **state)
{
    (void) state;
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
    config.exceptions_max = 2;
    config.failures_max = 1;
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 1, "ab");
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    keys_settle (desk, &got, 2, ZLOOM_VERDICT_RETRY);
    assert_int_equal (desk_stats (desk).stuck, 2);
    keys_send (desk, 3, "c");
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t c[] = {3};
    keys_expect (&got, c, 1);
    desk_destroy (desk);
}

/* park: until the dead message's bytes are there, its key cannot be parked; what follows waits. */
static void
queue_lets_a_key_wait_until_it_can_be_parked (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 1, "aab");
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    desk->cold_below = 2;
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_stats (desk).moving, 1);
    keys_settle (desk, &got, 3, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    assert_int_equal (desk_dispatch (desk), 0);
    assert_int_equal (desk_stats (desk).stuck, 0);
    desk->cold_below = 0;
    zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED};
    fetched.fetched.seq = 1;
    desk_feed (desk, &fetched);
    assert_int_equal (desk_stats (desk).dead, 1);
    assert_int_equal (desk_stats (desk).stuck, 1);
    assert_int_equal (desk_dispatch (desk), 0); /* 2 follows it */
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    assert_int_equal (desk_stats (desk).dead, 2);
    desk_destroy (desk);
}

/* The same over a restart: what was on its way still parks its key before others go on. */
static void
queue_parks_a_key_after_a_restart_too (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 1, "aab");
    desk_dispatch (desk);
    got_t got = keys_got (desk);
    desk->cold_below = 2;
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_REJECT);
    desk_restart (desk);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_stats (desk).moving, 1);
    desk->cold_below = 0;
    desk_dispatch (desk);
    got = keys_got (desk);
    const uint64_t b[] = {3};
    keys_expect (&got, b, 1);
    desk_pass (desk, 0);
    desk_dispatch (desk);
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).dead, 2);
    assert_int_equal (desk_stats (desk).stuck, 1);
    desk_destroy (desk);
}

/* What the disk has lost is counted, and its key goes on behind it. */
static void
queue_goes_on_past_a_key_whose_message_is_lost (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaa");
    desk->bad_first = desk->bad_last = 1;
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t rest[] = {2, 3};
    keys_expect (&got, rest, 2);
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).lost, 1);
    desk_destroy (desk);
}

/* Told so by the disk: of what is ready, of what is on its way out, of what somebody holds. */
static void
queue_counts_what_a_read_says_is_lost (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_put (desk, 4);
    desk_subscribe (desk, 5, 2);
    assert_int_equal (desk_dispatch (desk), 2);
    const zloom_err_t errs[] = {ZLOOM_DAMAGED, ZLOOM_NOT_FOUND};
    zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED};
    for (uint64_t i = 0; i < 2; i++) { /* 3 and 4 are ready */
        fetched.fetched.seq = 3 + i;
        fetched.fetched.err = errs[i];
        desk_feed (desk, &fetched);
        assert_int_equal (desk_stats (desk).lost, 1 + i);
    }
    desk->cold_below = 5;
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_REJECT); /* 1 waits to be moved, 2 is held */
    assert_int_equal (desk_stats (desk).moving, 1);
    fetched.fetched.seq = 2;
    desk_feed (desk, &fetched);
    assert_int_equal (desk_stats (desk).lost, 2);
    assert_int_equal (desk_stats (desk).leased, 1);
    fetched.fetched.seq = 1;
    desk_feed (desk, &fetched);
    assert_int_equal (desk_stats (desk).lost, 3);
    assert_int_equal (desk_stats (desk).moving, 0);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), 0);
    desk_settle (desk, 5, 1, 2, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).bytes, 0);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_finds_again_what_a_waiting_lane_forgot),
      cmocka_unit_test (queue_hands_out_failed_keys_only_while_its_table_is_full),
      cmocka_unit_test (queue_goes_on_with_a_table_full_of_stuck_keys),
      cmocka_unit_test (queue_lets_a_key_wait_until_it_can_be_parked),
      cmocka_unit_test (queue_parks_a_key_after_a_restart_too),
      cmocka_unit_test (queue_goes_on_past_a_key_whose_message_is_lost),
      cmocka_unit_test (queue_counts_what_a_read_says_is_lost),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
