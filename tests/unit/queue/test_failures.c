/* SPDX-License-Identifier: MPL-2.0 */
/* Delays, causes and dead letters: promises 4, 5, 7 and 8. */
#include "desk.h"

static desk_t *
s_leased (const zloom_flow_config_t *config, uint32_t n)
{
    desk_t *desk = desk_new (config);
    desk_offer (desk, "shop", 1, 1, n);
    desk_subscribe (desk, 5, 100000);
    desk_dispatch (desk);
    return desk;
}

static void
queue_promise_05_one_delay_curve (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.failures_max = 10;
    desk_t *desk = s_leased (&config, 1);
    const int64_t delays[] = {1 * S, 5 * S, 5 * S, 5 * S}; /* the last repeats */
    for (uint64_t token = 1; token <= 4; token++) {
        int64_t before = desk->turn.now.mono_ns;
        if (token % 2) {
            desk_settle (desk, 5, token, 1, 1, ZLOOM_VERDICT_RETRY);
        } else {
            desk_settle (desk, 5, token, 1, 1, ZLOOM_VERDICT_CRASH);
        }
        int64_t due = zloom_queue_pattern.next_deadline (desk->queue);
        assert_int_equal (due - before, delays[token - 1]);
        desk_pass (desk, due - before - 1);
        assert_int_equal (desk_dispatch (desk), 0);
        desk_pass (desk, 1);
        assert_int_equal (desk_dispatch (desk), 1);
        const zloom_effect_t *deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
        assert_int_equal (deliver->deliver.facts[0].attempt, token);
    }
    /* Exactly the delay that the worker named. */
    zloom_settle_run_t run = {.first = 1, .n = 1, .verdict = ZLOOM_VERDICT_RETRY, .delay_ms = 1234};
    desk_settle_run (desk, 5, desk_token (desk, 5), &run, 1);
    assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue) - desk->turn.now.mono_ns,
                      1234 * MS);
    desk_destroy (desk);
}

static void
queue_promise_05_a_restart_neither_forgets_nor_lengthens (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.backoff_ns[0] = 100 * S;
    desk_t *desk = s_leased (&config, 2);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_RETRY);
    zloom_now_t now = desk->turn.now;
    const struct {
        int64_t wall_ns, rest_ns;
    } cases[] = {
      {30 * S, 70 * S}, {-1000 * S, 100 * S}, {0, 100 * S}, {99 * S, 1 * S}, {100 * S, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk->turn.now = (zloom_now_t){5 * S, now.wall_ns + cases[i].wall_ns};
        desk_restart (desk);
        assert_int_equal (desk_stats (desk).waiting, cases[i].rest_ns > 0 ? 1 : 0);
        if (cases[i].rest_ns > 0) {
            assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue),
                              5 * S + cases[i].rest_ns);
        }
    }
    desk_subscribe (desk, 6, 10);
    assert_int_equal (desk_dispatch (desk), 2);
    const zloom_effect_t *deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
    assert_int_equal (deliver->deliver.fact_count, 1);
    assert_int_equal (deliver->deliver.facts[0].attempt, 1);
    desk_destroy (desk);
}

/* The events of one effects list: a copy and its settlement, never one without the other. */
static void
s_expect_moved (const desk_t *desk, uint64_t seq, const char *reason, uint64_t count)
{
    const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
    assert_non_null (dead);
    assert_int_equal (dead->dead.seq, seq);
    zloom_history_t history;
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    const zloom_history_cause_t *cause = &history.causes[history.count - 1];
    assert_true (zloom_bytes_equal (cause->reason, zloom_bytes_text (reason)));
    assert_true (zloom_bytes_equal (cause->flow, zloom_bytes_text ("orders")));
    assert_int_equal (cause->count, count);
    bool settled = false;
    for (size_t i = 0; desk_effect (desk, ZLOOM_EFFECT_RECORD, i); i++) {
        const zloom_effect_t *record = desk_effect (desk, ZLOOM_EFFECT_RECORD, i);
        settled |= record->record.type == ZLOOM_STORED_SETTLE && record->record.seq == seq;
    }
    assert_true (settled);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_FORGET, 0)->forget.first, seq);
}

static void
queue_promise_07_dead_letter_in_one_group (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = s_leased (&config, 1);
    for (uint64_t token = 1; token <= 2; token++) {
        desk_settle (desk, 5, token, 1, 1, ZLOOM_VERDICT_RETRY);
        assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), 0);
        desk_pass (desk, 5 * S);
        desk_dispatch (desk);
    }
    desk_settle (desk, 5, 3, 1, 1, ZLOOM_VERDICT_RETRY);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    s_expect_moved (desk, 1, "failures", 3);
    assert_int_equal (desk_stats (desk).dead, 1);
    assert_int_equal (desk_stats (desk).bytes, 0);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).dead, 1);
    assert_int_equal (desk_stats (desk).ready, 0);
    desk_destroy (desk);
}

static void
queue_promise_07_a_reject_is_dead_at_once_with_its_cause (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = s_leased (&config, 3);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_REJECT);
    s_expect_moved (desk, 1, "rejected", 1);
    zloom_settle_run_t run = {.first = 2, .n = 1, .verdict = ZLOOM_VERDICT_REJECT};
    run.cause = (zloom_cause_t){.reason = zloom_bytes_text ("malformed"),
                                .exit = 65,
                                .text = zloom_bytes_text ("no such field")};
    desk_settle_run (desk, 5, desk_token (desk, 1), &run, 1);
    s_expect_moved (desk, 2, "malformed", 1);
    zloom_history_t history;
    zloom_history_decode (desk_effect (desk, ZLOOM_EFFECT_DEAD, 0)->dead.history, &history);
    assert_int_equal (history.causes[0].exit, 65);
    assert_true (zloom_bytes_equal (history.causes[0].text, run.cause.text));
    desk_destroy (desk);
}

static void
queue_promise_07_a_crash_tells_signal_and_last_words (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.failures_max = 1;
    desk_t *desk = s_leased (&config, 2);
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 2, 1);
    desk_gone (desk, 5, true);
    s_expect_moved (desk, 2, "crash", 1);
    zloom_history_t history;
    zloom_history_decode (desk_effect (desk, ZLOOM_EFFECT_DEAD, 0)->dead.history, &history);
    assert_int_equal (history.causes[0].signal, 11);
    assert_int_equal (history.causes[0].exit, -1);
    desk_destroy (desk);
}

/* The bytes are on the disk: the message stays `moving`, also over a restart, until they come. */
static void
queue_promise_07_a_cold_dead_letter_stays_moving (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = s_leased (&config, 2);
    desk->cold_below = 100;
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_code (desk), ZLOOM_OK); /* the verdict is taken ... */
    assert_int_equal (desk_stats (desk).moving, 1);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), 0);
    assert_true (zloom_queue_pattern.next_deadline (desk->queue) > 0);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_restart (desk); /* ... and stays taken */
    assert_int_equal (desk_stats (desk).moving, 1);
    assert_int_equal (desk_stats (desk).ready, 1);
    desk_pass (desk, 0);
    desk->cold_below = 0;
    zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED};
    fetched.fetched.seq = 1;
    desk_feed (desk, &fetched);
    s_expect_moved (desk, 1, "rejected", 1);
    desk_destroy (desk);
}

static void
queue_promise_07_a_damaged_dead_letter_is_lost_not_stuck (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = s_leased (&config, 2);
    desk->bad_first = 1;
    desk->bad_last = 1;
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_stats (desk).lost, 1);
    assert_int_equal (desk_stats (desk).dead, 0);
    desk_destroy (desk);
}

static void
queue_promise_07_without_dead_letter_it_is_dropped_and_counted (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.dead_letter = NULL;
    desk_t *desk = s_leased (&config, 2);
    desk_settle (desk, 5, 1, 1, 2, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), 0);
    assert_int_equal (desk_stats (desk).dropped, 2);
    assert_int_equal (desk_stats (desk).dead, 0);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).dropped, 2);
    desk_destroy (desk);
}

static void
queue_promise_07_many_dead_letters_leave_in_bounded_events (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = s_leased (&config, 100);
    desk_settle (desk, 5, 1, 1, 100, ZLOOM_VERDICT_REJECT);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), ZLOOM_QUEUE_EVENT_MOVES);
    assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue), 0);
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).dead, 100);
    assert_int_equal (desk_stats (desk).moving, 0);
    assert_int_equal (desk_stats (desk).bytes, 0);
    desk_destroy (desk);
}

/* What a message went through before stays with it when it comes back and fails again. */
static void
queue_promise_08_requeue_keeps_history_and_forgives_failures (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    zloom_history_t past = {.requeued = 1, .count = 0};
    zloom_cause_t cause = {.reason = zloom_bytes_text ("rejected"), .exit = -1};
    zloom_history_add (&past, zloom_bytes_text ("orders"), &cause, 100);
    zloom_buf_t buf = {0};
    zloom_history_encode (&past, &buf);
    zloom_past_t pasts[2] = {{ZLOOM_BYTES_NULL}, {zloom_buf_bytes (&buf)}};
    zloom_src_t src = {2, zloom_bytes_text ("shop"), 40, 0};
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER};
    event.offer.n = 2;
    event.offer.pack = desk_bytes (2);
    event.offer.src = &src;
    event.offer.src_count = 1;
    event.offer.past = pasts;
    event.offer.admitted = true;
    desk_feed (desk, &event);
    desk_restart (desk);
    desk_subscribe (desk, 5, 10);
    assert_int_equal (desk_dispatch (desk), 2);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0)->deliver.fact_count, 0);
    desk_settle (desk, 5, 1, 2, 1, ZLOOM_VERDICT_REJECT);
    s_expect_moved (desk, 2, "rejected", 2);
    zloom_history_t history;
    zloom_history_decode (desk_effect (desk, ZLOOM_EFFECT_DEAD, 0)->dead.history, &history);
    assert_int_equal (history.requeued, 1);
    assert_int_equal (history.causes[0].first_wall_ns, 100);
    zloom_buf_fini (&buf);
    desk_destroy (desk);
}

static void
queue_hands_out_only_failed_ones_at_the_limit_of_exceptions (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.exceptions_max = 3;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 10);
    desk_subscribe (desk, 5, 3);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 3, ZLOOM_VERDICT_RETRY);
    desk_credit (desk, 5, 100, UINT64_MAX, UINT64_MAX);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 1 * S);
    assert_int_equal (desk_dispatch (desk), 3);
    desk_expect (desk, 0, 5, 1, 3);
    desk_settle (desk, 5, 2, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_dispatch (desk), 7);
    desk_destroy (desk);
}

/* An event's record stays small however many messages fail in it with however much to say. */
static void
queue_bounds_what_one_event_records (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.failures_max = 100;
    config.backoff_count = 0;
    desk_t *desk = s_leased (&config, 4096);
    static char text[4096];
    memset (text, 'x', sizeof text);
    zloom_settle_run_t *runs = zloom_alloc (4096 * sizeof *runs);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 4096; i++) {
            runs[i] = (zloom_settle_run_t){
              .first = i + 1, .n = 1, .verdict = ZLOOM_VERDICT_RETRY, .delay_ms = 0};
            runs[i].cause.text = zloom_bytes (text, sizeof text);
        }
        desk_settle_run (desk, 5, desk_token (desk, (uint64_t) round + 1), runs, 4096);
        size_t bytes = 0;
        for (size_t i = 0; desk_effect (desk, ZLOOM_EFFECT_RECORD, i); i++) {
            bytes += desk_effect (desk, ZLOOM_EFFECT_RECORD, i)->record.head.size;
        }
        assert_true (bytes > 1000000 && bytes < ZLOOM_QUEUE_EVENT_BYTES);
        desk_restart (desk);
        assert_int_equal (desk_stats (desk).ready, 4096);
        desk_subscribe (desk, 5, 100000);
        assert_int_equal (desk_dispatch (desk), 4096);
        assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0)->deliver.facts[4095].attempt,
                          round + 1);
        if (round == 0) { /* the second round settles token 2 */
            desk_settle (desk, 5, 1, 1, 4096, ZLOOM_VERDICT_RELEASE);
            assert_int_equal (desk_dispatch (desk), 4096);
        }
    }
    free (runs);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_promise_05_one_delay_curve),
      cmocka_unit_test (queue_promise_05_a_restart_neither_forgets_nor_lengthens),
      cmocka_unit_test (queue_promise_07_dead_letter_in_one_group),
      cmocka_unit_test (queue_promise_07_a_reject_is_dead_at_once_with_its_cause),
      cmocka_unit_test (queue_promise_07_a_crash_tells_signal_and_last_words),
      cmocka_unit_test (queue_promise_07_a_cold_dead_letter_stays_moving),
      cmocka_unit_test (queue_promise_07_a_damaged_dead_letter_is_lost_not_stuck),
      cmocka_unit_test (queue_promise_07_without_dead_letter_it_is_dropped_and_counted),
      cmocka_unit_test (queue_promise_07_many_dead_letters_leave_in_bounded_events),
      cmocka_unit_test (queue_promise_08_requeue_keeps_history_and_forgives_failures),
      cmocka_unit_test (queue_hands_out_only_failed_ones_at_the_limit_of_exceptions),
      cmocka_unit_test (queue_bounds_what_one_event_records),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
