/* SPDX-License-Identifier: MPL-2.0 */
/* Queue 12 and dedup: delay, expiry, priority, ids. */
#include "desk.h"
#include "letters.h"

/* ---- delay ----------------------------------------------------------------------------------- */

static void
queue_hands_a_delayed_message_out_when_it_is_due (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {{.has_due = true, .due_ms = 5000}, {.has_due = false}};
    desk_subscribe (desk, 5, 100);
    letters_send (desk, "shop", 1, letters, 2, ZLOOM_FLAG_DUE);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 2, 1);
    assert_int_equal (desk_stats (desk).waiting, 1);
    desk_pass (desk, 5 * S - 1);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 1);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 1, 1);
    /* It was never handed out before and never failed: there is nothing to tell of it. */
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0)->deliver.fact_count, 0);
    assert_int_equal (desk_stats (desk).waiting, 0);
    desk_destroy (desk);
}

static void
queue_neither_forgets_a_delay_nor_makes_it_longer_over_a_restart (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letter = {.has_due = true, .due_ms = 5000};
    letters_send (desk, "shop", 1, &letter, 1, ZLOOM_FLAG_DUE);
    desk_pass (desk, 2 * S);
    desk_restart (desk);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 3 * S - 1);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 1);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);

    /* The clock went back while the router was away: no more than the delay itself. */
    desk = desk_new (&config);
    letters_send (desk, "shop", 1, &letter, 1, ZLOOM_FLAG_DUE);
    desk->turn.now.wall_ns -= 3600 * S;
    desk_restart (desk);
    desk_subscribe (desk, 5, 100);
    desk_pass (desk, 5 * S);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);
}

/* A sender whose clock is an hour ahead: its message waits as long as it asked for. */
static void
queue_makes_no_delay_longer_for_a_clock_that_is_ahead (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letter = {.has_due = true, .due_ms = 5000};
    desk->turn.now.wall_ns += 3600 * S;
    zloom_buf_t pack = {0};
    zloom_pack_add (&pack, &letter);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.first_id = 1;
    event.offer.n = 1;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = ZLOOM_FLAG_DUE;
    event.offer.base_time_ns = desk->turn.now.wall_ns;
    desk->turn.now.wall_ns -= 3600 * S;
    desk_feed (desk, &event);
    zloom_buf_fini (&pack);
    desk_subscribe (desk, 5, 100);
    desk_pass (desk, 5 * S - 1);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 1);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);
}

static void
queue_delays_no_more_than_its_table_holds (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.exceptions_max = 8;
    desk_t *desk = desk_new (&config);
    zloom_envelope_t letters[7];
    for (size_t i = 0; i < 7; i++) {
        letters[i] = (zloom_envelope_t){.has_due = true, .due_ms = 1000};
    }
    assert_int_equal (letters_check (desk, letters, 6, ZLOOM_FLAG_DUE), ZLOOM_OK);
    assert_int_equal (letters_check (desk, letters, 7, ZLOOM_FLAG_DUE), ZLOOM_TOO_MANY_DELAYED);
    letters_send (desk, "shop", 1, letters, 6, ZLOOM_FLAG_DUE);
    assert_int_equal (letters_check (desk, letters, 1, ZLOOM_FLAG_DUE), ZLOOM_TOO_MANY_DELAYED);
    /* Not delayed, not refused. */
    letters[0].has_due = false;
    assert_int_equal (letters_check (desk, letters, 1, ZLOOM_FLAG_DUE), ZLOOM_OK);
    desk_destroy (desk);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static void
queue_lets_what_expired_go_to_the_dead_letters (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {{.has_expires = true, .expires_ms = 1000},
                                        {.has_due = false},
                                        {.has_expires = true, .expires_ms = 9000}};
    letters_send (desk, "shop", 1, letters, 3, ZLOOM_FLAG_EXPIRES);
    desk->turn.now.mono_ns += 1 * S; /* nobody has looked yet when the hand-out does */
    desk->turn.now.wall_ns += 1 * S;
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 2);
    desk_expect (desk, 0, 5, 2, 2);
    assert_int_equal (desk_stats (desk).moving, 1);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
    assert_non_null (dead);
    assert_int_equal (dead->dead.seq, 1);
    zloom_history_t history;
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    assert_true (zloom_bytes_equal (history.causes[0].reason, zloom_bytes_text ("expired")));
    assert_int_equal (desk_stats (desk).dead, 1);
    desk_destroy (desk);
}

static void
queue_finds_what_expired_without_anybody_asking (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dead_letter = NULL;
    desk_t *desk = desk_new (&config);
    zloom_envelope_t letters[3000];
    for (size_t i = 0; i < 3000; i++) {
        letters[i] =
          (zloom_envelope_t){.has_expires = i % 3 == 0, .expires_ms = i % 2 == 0 ? 1000 : 2000};
    }
    letters_send (desk, "shop", 1, letters, 3000, ZLOOM_FLAG_EXPIRES);
    desk_pass (desk, 999 * MS);
    assert_int_equal (desk_stats (desk).expired, 0);
    desk_pass (desk, 1 * MS);
    assert_int_equal (desk_stats (desk).expired, 500);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).expired, 500);
    desk_pass (desk, 1 * S);
    assert_int_equal (desk_stats (desk).expired, 1000);
    assert_int_equal (desk_stats (desk).ready, 2000);
    desk_pass (desk, 3600 * S);
    assert_int_equal (desk_stats (desk).ready, 2000);
    desk_destroy (desk);
}

/* What is leased is its holder's; it expires when it comes back. */
static void
queue_expires_nothing_that_is_leased (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dead_letter = NULL;
    config.lease_ns = 100 * S;
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {{.has_expires = true, .expires_ms = 1000},
                                        {.has_expires = true, .expires_ms = 1000}};
    desk_subscribe (desk, 5, 100);
    letters_send (desk, "shop", 1, letters, 2, ZLOOM_FLAG_EXPIRES);
    desk_dispatch (desk);
    uint64_t token = desk_expect (desk, 0, 5, 1, 2);
    desk_pass (desk, 30 * S);
    assert_int_equal (desk_stats (desk).expired, 0);
    desk_settle (desk, 5, token, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    desk_settle (desk, 5, token, 2, 1, ZLOOM_VERDICT_RELEASE);
    desk_pass (desk, 10 * S);
    assert_int_equal (desk_stats (desk).expired, 1);
    desk_destroy (desk);
}

static void
queue_expires_by_its_own_time_what_says_nothing (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dead_letter = NULL;
    config.expires_ns = 10 * S;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 100);
    const zloom_envelope_t letter = {.has_expires = true, .expires_ms = 20000};
    letters_send (desk, "shop", 101, &letter, 1, ZLOOM_FLAG_EXPIRES);
    desk_pass (desk, 10 * S);
    assert_int_equal (desk_stats (desk).expired, 100);
    desk_pass (desk, 10 * S);
    assert_int_equal (desk_stats (desk).expired, 101);
    desk_destroy (desk);
}

/* ---- priority -------------------------------------------------------------------------------- */

static void
queue_hands_higher_priorities_out_first (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.aging_ns = 60 * S;
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {{.has_priority = true, .priority = 0},
                                        {.has_due = false},
                                        {.has_priority = true, .priority = 9},
                                        {.has_priority = true, .priority = 4},
                                        {.has_priority = true, .priority = 9}};
    const uint64_t order[] = {3, 5, 2, 4, 1};
    letters_send (desk, "shop", 1, letters, 5, ZLOOM_FLAG_PRIORITY);
    for (int round = 0; round < 2; round++) {
        for (uint64_t credit = 1; credit <= 5; credit++) {
            if (credit == 1) {
                desk_subscribe (desk, 5, credit);
            } else {
                desk_credit (desk, 5, credit, UINT64_MAX, UINT64_MAX);
            }
            desk_dispatch (desk);
            desk_expect (desk, 0, 5, order[credit - 1], 1);
        }
        desk_restart (desk); /* and the same from the journal */
    }
    desk_destroy (desk);
}

/* With credit for all, each priority is a lease of its own where the numbers fall. */
static void
queue_hands_all_priorities_out_in_one_go (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {{.has_priority = true, .priority = 0},
                                        {.has_priority = true, .priority = 4},
                                        {.has_priority = true, .priority = 9}};
    letters_send (desk, "shop", 1, letters, 3, ZLOOM_FLAG_PRIORITY);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 3);
    for (size_t i = 0; i < 3; i++) {
        desk_expect (desk, i, 5, 3 - i, 1);
    }
    desk_destroy (desk);
}

static void
queue_lets_low_priorities_move (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.aging_ns = 60 * S;
    config.lease_ns = 3600 * S;
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t low = {.has_priority = true, .priority = 0};
    const zloom_envelope_t high = {.has_priority = true, .priority = 9};
    letters_send (desk, "shop", 1, &low, 1, ZLOOM_FLAG_PRIORITY);
    desk_pass (desk, 8 * 60 * S);
    letters_send (desk, "shop", 2, &high, 1, ZLOOM_FLAG_PRIORITY);
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 2, 1);
    desk_pass (desk, 2 * 60 * S);
    letters_send (desk, "shop", 3, &high, 1, ZLOOM_FLAG_PRIORITY);
    desk_credit (desk, 5, 2, UINT64_MAX, UINT64_MAX);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 1, 1);
    desk_destroy (desk);
}

/* A snapshot keeps what no record after it tells again. */
static void
queue_keeps_times_and_priorities_in_its_snapshot (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dead_letter = NULL;
    desk_t *desk = desk_new (&config);
    const zloom_envelope_t letters[] = {
      {.has_priority = true, .priority = 1},
      {.has_due = true, .due_ms = 3000},
      {.has_expires = true, .expires_ms = 4000},
      {.has_priority = true, .priority = 8},
    };
    letters_send (desk, "shop", 1, letters, 4,
                  ZLOOM_FLAG_PRIORITY | ZLOOM_FLAG_DUE | ZLOOM_FLAG_EXPIRES);
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    desk_restart_from (desk, zloom_buf_bytes (&snapshot), desk->record_count);
    zloom_buf_fini (&snapshot);
    assert_int_equal (desk_stats (desk).waiting, 1);
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 4, 1);
    desk_pass (desk, 4 * S);
    assert_int_equal (desk_stats (desk).expired, 1);
    desk_credit (desk, 5, 2, UINT64_MAX, UINT64_MAX);
    desk_dispatch (desk);
    desk_expect (desk, 0, 5, 2, 1);
    desk_destroy (desk);
}

/* ---- dedup ----------------------------------------------------------------------------------- */

static void
s_send_ids (desk_t *desk, const char *producer, uint64_t first_id, const char *ids)
{
    zloom_envelope_t letters[16];
    memset (letters, 0, sizeof letters);
    const uint32_t n = (uint32_t) strlen (ids);
    for (uint32_t i = 0; i < n; i++) {
        if (ids[i] != '-') {
            letters[i].id = zloom_bytes (ids + i, 1);
        }
    }
    letters_send (desk, producer, first_id, letters, n, ZLOOM_FLAG_ID);
}

static void
queue_stores_an_id_once_within_its_window (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dedup = true;
    config.dedup_window_ns = 600 * S;
    config.dedup_max = 1000;
    desk_t *desk = desk_new (&config);
    s_send_ids (desk, "shop", 1, "abc");
    assert_int_equal (desk_stats (desk).ready, 3);
    /* Some are known, some not, twice in one pack, some have none: whoever sends them. */
    s_send_ids (desk, "web", 1, "aXb-YXc-");
    assert_int_equal (desk_stats (desk).ready, 3 + 4);
    assert_int_equal (desk_stats (desk).duplicates, 4);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 8);
    desk_restart (desk);
    s_send_ids (desk, "shop", 4, "aY-");
    assert_int_equal (desk_stats (desk).ready, 3 + 4 + 1);
    /* All of it was known, and its numbers are taken all the same. */
    s_send_ids (desk, "shop", 7, "ab");
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 8);
    desk_restart (desk);
    s_send_ids (desk, "shop", 9, "Z");
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 9);
    desk_pass (desk, 601 * S);
    s_send_ids (desk, "shop", 10, "a");
    assert_int_equal (desk_stats (desk).ready, 3 + 4 + 1 + 1 + 1);
    desk_destroy (desk);
}

/* What follows a clock that is set back is forgotten in its time, whatever stands before it. */
static void
queue_forgets_ids_after_their_window_though_the_clock_was_set_back (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dedup = true;
    config.dedup_window_ns = 600 * S;
    config.dedup_max = 1000;
    desk_t *desk = desk_new (&config);
    s_send_ids (desk, "shop", 1, "a");
    desk->turn.now.wall_ns -= 3600 * S;
    s_send_ids (desk, "shop", 2, "b");
    desk_restart (desk);
    s_send_ids (desk, "shop", 3, "ab");
    assert_int_equal (desk_stats (desk).ready, 2);
    desk_pass (desk, 601 * S);
    s_send_ids (desk, "shop", 5, "ab");
    assert_int_equal (desk_stats (desk).ready, 4);
    desk_destroy (desk);
}

static void
queue_remembers_ids_in_its_snapshot (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dedup = true;
    config.dedup_window_ns = 600 * S;
    config.dedup_max = 3;
    desk_t *desk = desk_new (&config);
    s_send_ids (desk, "shop", 1, "abcd");
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    desk_restart_from (desk, zloom_buf_bytes (&snapshot), desk->record_count);
    zloom_buf_fini (&snapshot);
    s_send_ids (desk, "shop", 5, "dcb");
    assert_int_equal (desk_stats (desk).ready, 4);
    s_send_ids (desk, "shop", 8, "a"); /* it was the oldest of four where three are kept */
    assert_int_equal (desk_stats (desk).ready, 5);
    desk_destroy (desk);
}

static void
queue_takes_what_is_put_back_by_hand_under_its_id (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dedup = true;
    config.dedup_window_ns = 600 * S;
    config.dedup_max = 3;
    desk_t *desk = desk_new (&config);
    s_send_ids (desk, "shop", 1, "a");
    const zloom_envelope_t letter = {.id = zloom_bytes_text ("a")};
    letters_put_back (desk, &letter, ZLOOM_FLAG_ID);
    assert_int_equal (desk_stats (desk).ready, 2);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_hands_a_delayed_message_out_when_it_is_due),
      cmocka_unit_test (queue_neither_forgets_a_delay_nor_makes_it_longer_over_a_restart),
      cmocka_unit_test (queue_makes_no_delay_longer_for_a_clock_that_is_ahead),
      cmocka_unit_test (queue_delays_no_more_than_its_table_holds),
      cmocka_unit_test (queue_lets_what_expired_go_to_the_dead_letters),
      cmocka_unit_test (queue_finds_what_expired_without_anybody_asking),
      cmocka_unit_test (queue_expires_nothing_that_is_leased),
      cmocka_unit_test (queue_expires_by_its_own_time_what_says_nothing),
      cmocka_unit_test (queue_hands_higher_priorities_out_first),
      cmocka_unit_test (queue_hands_all_priorities_out_in_one_go),
      cmocka_unit_test (queue_lets_low_priorities_move),
      cmocka_unit_test (queue_keeps_times_and_priorities_in_its_snapshot),
      cmocka_unit_test (queue_stores_an_id_once_within_its_window),
      cmocka_unit_test (queue_forgets_ids_after_their_window_though_the_clock_was_set_back),
      cmocka_unit_test (queue_remembers_ids_in_its_snapshot),
      cmocka_unit_test (queue_takes_what_is_put_back_by_hand_under_its_id),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
