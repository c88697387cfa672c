/* SPDX-License-Identifier: MPL-2.0 */
/* Keys that do not go on: shown and freed by hand, whoever works, wherever their bytes are. */
#include "keys.h"

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

/* A strict flow in which the key of each letter is stuck. */
static desk_t *
s_stuck (const char *keys)
{
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_STRICT);
    config.failures_max = 1;
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, keys);
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    for (size_t i = 0; i < strlen (keys); i++) {
        keys_settle (desk, &got, 1 + i, ZLOOM_VERDICT_RETRY);
    }
    assert_int_equal (desk_stats (desk).stuck, strlen (keys));
    return desk;
}

static size_t
s_count_rows (const desk_t *desk, zloom_key_state_t state)
{
    uint64_t cursor = 0;
    zloom_key_row_t row;
    size_t count = 0;
    while (zloom_queue_pattern.next_key (desk->queue, &cursor, &row)) {
        assert_int_equal (row.state, state);
        assert_true (state == ZLOOM_KEY_PARKED || (row.seq > 0 && row.failures > 0));
        assert_true (cursor <= INT64_MAX);
        count++;
    }
    return count;
}

/* After a restart no lane knows of them until somebody works: they are shown and freed anyway. */
static void
queue_frees_a_stuck_key_while_nobody_works (void **state)
{
    (void) state;
    desk_t *desk = s_stuck ("abc");
    desk_restart (desk);
    assert_int_equal (s_count_rows (desk, ZLOOM_KEY_STUCK), 3);
    assert_int_equal (s_free (desk, "z", false), ZLOOM_NOT_FOUND);
    assert_int_equal (s_free (desk, "b", true), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).dead, 1);
    assert_int_equal (s_free (desk, "c", false), ZLOOM_OK);
    assert_int_equal (s_free (desk, "c", false), ZLOOM_NOT_FOUND);
    assert_int_equal (s_count_rows (desk, ZLOOM_KEY_STUCK), 1);
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t c[] = {3};
    keys_expect (&got, c, 1);
    assert_int_equal (s_count_rows (desk, ZLOOM_KEY_STUCK), 1); /* once, by its lane now */
    desk_destroy (desk);
}

/* A key stands in its message: while that comes from the disk, nothing is known, nothing done. */
static void
queue_waits_for_the_bytes_that_say_whose_key_it_is (void **state)
{
    (void) state;
    for (int restarts = 0; restarts < 2; restarts++) {
        desk_t *desk = s_stuck ("a");
        if (restarts) {
            desk_restart (desk);
        }
        desk->cold_below = 100;
        assert_int_equal (s_free (desk, "a", true), ZLOOM_AGAIN);
        assert_int_equal (desk_stats (desk).stuck, 1);
        assert_int_equal (s_free (desk, "b", true), restarts ? ZLOOM_AGAIN : ZLOOM_NOT_FOUND);
        desk->cold_below = 0;
        assert_int_equal (s_free (desk, "a", true), ZLOOM_OK);
        assert_int_equal (desk_stats (desk).stuck, 0);
        desk_destroy (desk);
    }
}

/* The disk has damaged its message: the lane still knows whose it was, so it can be freed. */
static void
queue_frees_a_key_whose_message_is_damaged (void **state)
{
    (void) state;
    desk_t *desk = s_stuck ("ab");
    desk->bad_first = desk->bad_last = 1;
    assert_int_equal (s_free (desk, "a", true), ZLOOM_OK);
    assert_int_equal (s_free (desk, "b", true), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).lost, 1);
    assert_int_equal (desk_stats (desk).dead, 1);
    desk_destroy (desk);
}

/* The answer is about this key, whatever becomes of others in the same event. */
static void
queue_tells_whether_a_key_was_freed (void **state)
{
    (void) state;
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "abcdefghij");
    desk_subscribe (desk, 5, 100);
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    keys_settle (desk, &got, 1, ZLOOM_VERDICT_RETRY);
    /* One more than move in one event: the last one parks its key in the next. */
    desk_settle (desk, 5, got.tokens[1], 2, 9, ZLOOM_VERDICT_REJECT);
    const zloom_flow_stats_t before = desk_stats (desk);
    assert_int_equal (before.moving, 1);
    assert_int_equal (s_free (desk, "a", false), ZLOOM_OK);
    const zloom_flow_stats_t after = desk_stats (desk);
    assert_int_equal (after.waiting + 1, before.waiting);
    assert_int_equal (after.stuck, before.stuck + 1);
    assert_int_equal (s_free (desk, "a", false), ZLOOM_NOT_FOUND);
    desk_destroy (desk);
}

/* What follows a parked key is got out of the way a part at a time, so that a turn stays short. */
static void
queue_sweeps_a_parked_key_a_part_at_a_time (void **state)
{
    (void) state;
    enum { PACKS = 80, EACH = 250, MOST = 4096 };
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    config.limit_messages = 10000000;
    desk_t *desk = desk_new (&config);
    char keys[EACH + 1];
    memset (keys, 'a', EACH);
    keys[EACH] = '\0';
    desk_subscribe (desk, 5, 1);
    keys_send (desk, 1, "a");
    desk_dispatch (desk);
    const got_t dead = keys_got (desk);
    keys_settle (desk, &dead, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_stats (desk).stuck, 1);
    for (int i = 0; i < PACKS; i++) {
        keys_send (desk, 2 + (uint64_t) i * EACH, keys);
    }
    desk_credit (desk, 5, 100, UINT64_MAX, UINT64_MAX);
    uint64_t moved = 0;
    int rounds = 0;
    for (; moved < PACKS * EACH && rounds < 50; rounds++) {
        assert_int_equal (desk_dispatch (desk), 0);
        const uint64_t now = desk_stats (desk).moving + desk_stats (desk).dead - 1;
        assert_true (now - moved <= MOST);
        assert_true (now > moved);
        moved = now;
        assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue), 0);
        desk_simple (desk, ZLOOM_EVENT_TIMER);
    }
    assert_int_equal (rounds, (PACKS * EACH + MOST - 1) / MOST);
    keys_send (desk, 2 + PACKS * EACH, "ab");
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    assert_int_equal (got.count, 1);
    assert_int_equal (got.seqs[0], 3 + PACKS * EACH);
    desk_destroy (desk);
}

/*
 * A parked key whose followers, messages 2 and 3, are still on their way to the dead letters, since
 * their bytes come from the disk.
 */
static desk_t *
s_followed (void)
{
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_PARK);
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 100);
    keys_send (desk, 1, "a");
    desk_dispatch (desk);
    const got_t dead = keys_got (desk);
    keys_settle (desk, &dead, 1, ZLOOM_VERDICT_REJECT);
    keys_send (desk, 2, "aa");
    assert_int_equal (desk_dispatch (desk), 0);
    desk->cold_below = 4;
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    assert_int_equal (desk_stats (desk).moving, 2);
    return desk;
}

/* Of messages 4, of that key, and 5, of another, only 5 goes. */
static void
s_expect_other_key (desk_t *desk)
{
    keys_send (desk, 4, "ab");
    desk_dispatch (desk);
    const got_t got = keys_got (desk);
    const uint64_t b[] = {5};
    keys_expect (&got, b, 1);
    keys_settle (desk, &got, 5, ZLOOM_VERDICT_ACK);
}

/* What followed a dead message has left before its key goes on: a crash may still bring it back. */
static void
queue_lets_a_key_go_on_behind_what_followed (void **state)
{
    (void) state;
    desk_t *desk = s_followed ();
    assert_int_equal (s_free (desk, "a", false), ZLOOM_OK);
    s_expect_other_key (desk);
    desk->cold_below = 0;
    desk_simple (desk, ZLOOM_EVENT_FETCHED);
    assert_int_equal (desk_stats (desk).dead, 3);
    assert_int_equal (desk_dispatch (desk), 1);
    const got_t got = keys_got (desk);
    const uint64_t a[] = {4};
    keys_expect (&got, a, 1);
    desk_destroy (desk);
}

/* ... and if it comes back, it is worked on before what came later. */
static void
queue_keeps_the_order_of_a_freed_key_over_a_restart (void **state)
{
    (void) state;
    for (int recipes = 0; recipes < 2; recipes++) {
        desk_t *desk = s_followed ();
        if (recipes) { /* another one frees the key as well */
            desk->config.order = ZLOOM_ORDER_SKIP;
            zloom_queue_pattern.configure (desk->queue, &desk->config);
        } else {
            assert_int_equal (s_free (desk, "a", false), ZLOOM_OK);
        }
        s_expect_other_key (desk);
        desk->cold_below = 0;
        desk_restart (desk);
        desk_subscribe (desk, 6, 100);
        desk_dispatch (desk);
        const got_t got = keys_got (desk);
        const uint64_t a[] = {2, 3, 4};
        keys_expect (&got, a, 3);
        desk_destroy (desk);
    }
}

/* A deep backlog of one key keeps nobody else's messages out of sight. */
static void
queue_looks_past_a_key_with_a_deep_backlog (void **state)
{
    (void) state;
    enum { PACKS = 5, EACH = 60000 };
    zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    config.limit_messages = 10000000;
    desk_t *desk = desk_new (&config);
    zloom_buf_t pack = {0};
    for (int i = 0; i < EACH; i++) {
        const zloom_envelope_t letter = {.key = zloom_bytes ("a", 1)};
        letters_pack (&letter, 1, &pack);
    }
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.n = EACH;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = ZLOOM_FLAG_KEY;
    for (uint64_t i = 0; i < PACKS; i++) {
        event.offer.first_id = 1 + i * EACH;
        desk_feed (desk, &event);
    }
    zloom_buf_fini (&pack);
    keys_send (desk, 1 + PACKS * EACH, "b");
    desk_subscribe (desk, 5, 10);
    assert_int_equal (desk_dispatch (desk), 10); /* of a, and a waits for them */
    desk_subscribe (desk, 6, 10);
    int turns = 0;
    while (desk_dispatch (desk) == 0 && turns++ < 10) { /* a part a turn, and no turn for nothing */
        assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue), 0);
        desk_simple (desk, ZLOOM_EVENT_TIMER);
    }
    const got_t got = keys_got (desk);
    assert_int_equal (got.seqs[0], 1 + PACKS * EACH);
    desk_destroy (desk);
}

/* Which lanes the keys a to z fall into, in the order of keys. */
static void
s_lanes (uint64_t boot, uint64_t secret, uint32_t lanes[26])
{
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    zloom_queue_pattern.destroy (&desk->queue);
    const zloom_birth_t birth = {.boot = boot, .first_seq = 1, .secret = {secret, 1}};
    desk->queue = zloom_queue_pattern.create (&config, &birth);
    keys_send (desk, 1, "abcdefghijklmnopqrstuvwxyz");
    desk_subscribe (desk, 5, 1000);
    desk_dispatch (desk);
    zloom_lane_row_t rows[26];
    const size_t count = zloom_queue_pattern.lanes (desk->queue, rows, 26);
    memset (lanes, 0, 26 * sizeof *lanes);
    for (size_t i = 0; i < count; i++) {
        lanes[rows[i].first - 1] = rows[i].lane + 1;
    }
    desk_destroy (desk);
}

/* What a peer can see, the boot in its tokens, does not tell it which keys share a lane. */
static void
queue_spreads_keys_by_a_secret (void **state)
{
    (void) state;
    uint32_t one[26];
    uint32_t other[26];
    s_lanes (7, 1, one);
    s_lanes (8, 1, other);
    assert_memory_equal (one, other, sizeof one);
    s_lanes (7, 2, other);
    assert_memory_not_equal (one, other, sizeof one);
}

/* A flow without keys has none. */
static void
queue_has_no_keys_without_a_key (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    zloom_lane_row_t lane;
    assert_int_equal (s_free (desk, "a", false), ZLOOM_NOT_FOUND);
    assert_int_equal (s_count_rows (desk, ZLOOM_KEY_PARKED), 0);
    assert_int_equal (zloom_queue_pattern.lanes (desk->queue, &lane, 1), 0);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_frees_a_stuck_key_while_nobody_works),
      cmocka_unit_test (queue_waits_for_the_bytes_that_say_whose_key_it_is),
      cmocka_unit_test (queue_frees_a_key_whose_message_is_damaged),
      cmocka_unit_test (queue_tells_whether_a_key_was_freed),
      cmocka_unit_test (queue_sweeps_a_parked_key_a_part_at_a_time),
      cmocka_unit_test (queue_lets_a_key_go_on_behind_what_followed),
      cmocka_unit_test (queue_keeps_the_order_of_a_freed_key_over_a_restart),
      cmocka_unit_test (queue_looks_past_a_key_with_a_deep_backlog),
      cmocka_unit_test (queue_spreads_keys_by_a_secret),
      cmocka_unit_test (queue_has_no_keys_without_a_key),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
