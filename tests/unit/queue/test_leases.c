/* SPDX-License-Identifier: MPL-2.0 */
/* Leases, fencing, who is charged: promises 2, 3 and 4. */
#include "desk.h"
#include "held.h"

/* `n` messages, handed out to consumer 5 under token 1. */
static desk_t *
s_leased (uint32_t n)
{
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, n);
    desk_subscribe (desk, 5, 1000);
    desk_dispatch (desk);
    assert_int_equal (desk_expect (desk, 0, 5, 1, n), 1);
    return desk;
}

static void
queue_promise_02_a_lease_is_settled_once_by_its_holder (void **state)
{
    (void) state;
    desk_t *desk = s_leased (10);
    desk_settle (desk, 6, 1, 1, 10, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_settle (desk, 5, 2, 1, 10, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_settle (desk, 5, 1, 3, 2, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    desk_settle (desk, 5, 1, 1, 12, ZLOOM_VERDICT_ACK); /* 3 and 4 again, 11 and 12 never were */
    const zloom_effect_t *settled = desk_effect (desk, ZLOOM_EFFECT_SETTLED, 0);
    assert_int_equal (settled->settled.count, 4);
    const uint16_t codes[] = {ZLOOM_OK, ZLOOM_SETTLED, ZLOOM_OK, ZLOOM_STALE};
    const uint32_t counts[] = {2, 2, 6, 2};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (settled->settled.runs[i].code, codes[i]);
        assert_int_equal (settled->settled.runs[i].n, counts[i]);
    }
    assert_int_equal (desk_stats (desk).acked, 10);
    desk_settle (desk, 5, 1, 1, 10, ZLOOM_VERDICT_RETRY);
    assert_int_equal (desk_code (desk), ZLOOM_SETTLED);
    desk_destroy (desk);
}

static void
queue_promise_02_progress_moves_the_deadline_and_costs_nothing (void **state)
{
    (void) state;
    desk_t *desk = s_leased (4);
    desk_pass (desk, 20 * S);
    desk_mark (desk, ZLOOM_EVENT_PROGRESS, 5, 1, 2, 1);
    desk_pass (desk, 10 * S);
    assert_int_equal (desk_stats (desk).leased, 1); /* only the one that went on */
    assert_int_equal (desk_stats (desk).lease_ends, 3);
    assert_int_equal (desk_stats (desk).failures, 0);
    desk_pass (desk, 20 * S);
    assert_int_equal (desk_stats (desk).leased, 0);
    desk_settle (desk, 5, 1, 2, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_destroy (desk);
}

static void
queue_promise_02_the_holder_hears_that_its_lease_ended (void **state)
{
    (void) state;
    desk_t *desk = s_leased (4);
    desk->turn.now.mono_ns += 30 * S;
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, 0);
    assert_int_equal (stale->deliver.consumer, 5);
    assert_int_equal (stale->deliver.token.number, 1);
    assert_int_equal (stale->deliver.runs[0].seq, 1);
    assert_int_equal (stale->deliver.runs[0].n, 4);
    desk_mark (desk, ZLOOM_EVENT_PROGRESS, 5, 1, 1, 4); /* too late: told again */
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 1);
    desk_destroy (desk);
}

static void
queue_promise_02_a_late_process_does_not_end_leases (void **state)
{
    (void) state;
    desk_t *desk = s_leased (4);
    zloom_event_t shift = {.type = ZLOOM_EVENT_SHIFT};
    shift.shift_ns = 40 * S;
    desk->turn.now.mono_ns += 40 * S;
    desk_feed (desk, &shift);
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).leased, 4);
    desk_pass (desk, 30 * S);
    assert_int_equal (desk_stats (desk).leased, 0);
    desk_destroy (desk);
}

static zloom_err_t
s_ack_as_of (desk_t *desk, uint64_t boot, uint64_t end, bool known, uint64_t first,
             zloom_verdict_t verdict)
{
    zloom_settle_run_t run = {
      .first = first, .n = 1, .verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    zloom_event_t event = {.type = ZLOOM_EVENT_SETTLE, .consumer = 5};
    event.settle.token = (zloom_token_t){boot, 1};
    event.settle.runs = &run;
    event.settle.count = 1;
    event.settle.earlier_boot = known;
    event.settle.earlier_end = end;
    zloom_err_t expected = zloom_queue_pattern.check_settle (desk->queue, 5, &event);
    desk_feed (desk, &event);
    assert_int_equal (desk_code (desk), expected);
    return expected;
}

static void
queue_promise_02_after_a_restart_only_an_ack_counts (void **state)
{
    (void) state;
    desk_t *desk = s_leased (10);
    desk_settle (desk, 5, 1, 10, 1, ZLOOM_VERDICT_ACK);
    uint64_t boot = desk->boot;
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).ready, 9);
    assert_int_equal (desk_stats (desk).failures, 0);
    desk_subscribe (desk, 5, 0);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 1, ZLOOM_VERDICT_RETRY), ZLOOM_STALE);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 1, ZLOOM_VERDICT_REJECT), ZLOOM_STALE);
    assert_int_equal (s_ack_as_of (desk, 4711, 11, false, 1, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    assert_int_equal (s_ack_as_of (desk, boot, 1, true, 1, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 1, ZLOOM_VERDICT_ACK), ZLOOM_OK);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 1, ZLOOM_VERDICT_ACK), ZLOOM_SETTLED);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 10, ZLOOM_VERDICT_ACK), ZLOOM_SETTLED);
    assert_int_equal (s_ack_as_of (desk, 4711, 11, false, 10, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    desk_subscribe (desk, 6, 3);
    desk_dispatch (desk);
    desk_expect (desk, 0, 6, 2, 3);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 2, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    /* Nor may an earlier boot settle what it cannot have handed out. */
    desk_offer (desk, "shop", 1, 11, 1);
    assert_int_equal (s_ack_as_of (desk, boot, 100, true, 11, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    desk_destroy (desk);
}

static void
queue_promise_02_a_memory_flow_takes_no_ack_of_earlier_boots (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.confirm = ZLOOM_CONFIRM_MEMORY;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 3);
    desk_restart (desk);
    assert_int_equal (s_ack_as_of (desk, DESK_BOOT, 4, true, 1, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    desk_destroy (desk);
}

static void
queue_promise_02_what_workers_hold_is_leased_again (void **state)
{
    (void) state;
    desk_t *desk = s_leased (10);
    uint64_t boot = desk->boot;
    desk_restart (desk);
    zloom_token_t tokens[] = {{boot, 1}, {boot, 1}, {desk->boot, 9}};
    zloom_run_t runs[] = {{1, 3}, {5, 2}, {8, 1}};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 5};
    held_name (&event, tokens, runs, 3);
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).leased, 5);
    const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, 0);
    assert_int_equal (stale->deliver.runs[0].seq, 8); /* of this boot: not known */
    event.consumer = 6;                               /* another says that it has them, too */
    desk_feed (desk, &event);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 2);
    assert_int_equal (desk_stats (desk).leased, 5);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 2, ZLOOM_VERDICT_ACK), ZLOOM_OK);
    assert_int_equal (s_ack_as_of (desk, boot, 11, false, 3, ZLOOM_VERDICT_ACK), ZLOOM_STALE);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 5, ZLOOM_VERDICT_RETRY), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).waiting, 1);
    desk_pass (desk, 31 * S);
    assert_int_equal (desk_stats (desk).leased, 0);
    desk_destroy (desk);
}

/* Its worker says the retry again when the boot that wrote it fell before it answered. */
static void
queue_promise_04_a_retry_before_a_restart_is_charged_once (void **state)
{
    (void) state;
    desk_t *desk = s_leased (10);
    const uint64_t boot = desk->boot;
    desk_settle (desk, 5, 1, 4, 1, ZLOOM_VERDICT_RETRY);
    desk_pass (desk, 10 * S);
    desk_restart (desk);
    zloom_token_t token = {boot, 1};
    zloom_run_t run = {1, 6};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 5};
    held_name (&event, &token, &run, 1);
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).leased, 6);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 4, ZLOOM_VERDICT_RETRY), ZLOOM_STALE);
    assert_int_equal (desk_stats (desk).leased, 5);
    assert_int_equal (s_ack_as_of (desk, boot, 11, true, 6, ZLOOM_VERDICT_ACK), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).failures, 0);
    desk_destroy (desk);
}

static void
queue_promise_03_a_gone_worker_gives_back_at_once (void **state)
{
    (void) state;
    desk_t *desk = s_leased (10);
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 1, 2);
    desk_gone (desk, 5, false); /* only vanished: nobody is charged */
    assert_int_equal (desk_stats (desk).ready, 10);
    assert_int_equal (desk_stats (desk).failures, 0);
    assert_int_equal (desk_stats (desk).consumers, 0);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_ACK); /* a late ack after a release */
    assert_int_equal (desk_code (desk), ZLOOM_STALE);
    desk_subscribe (desk, 6, 100);
    desk_dispatch (desk);
    const zloom_effect_t *deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
    assert_int_equal (deliver->deliver.fact_count, 10);
    assert_true (deliver->deliver.facts[9].redelivered);
    desk_destroy (desk);
}

static void
queue_promise_04_only_what_had_started_is_charged (void **state)
{
    (void) state;
    desk_t *desk = s_leased (200);
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 7, 1);
    desk_gone (desk, 5, true);
    zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.failures, 1);
    assert_int_equal (stats.waiting, 1);
    assert_int_equal (stats.ready, 199);
    assert_int_equal (stats.released, 199);
    desk_destroy (desk);

    desk = s_leased (10); /* the deadline of the lease */
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 1, 2);
    desk_pass (desk, 30 * S);
    assert_int_equal (desk_stats (desk).failures, 2);
    assert_int_equal (desk_stats (desk).released, 8);
    desk_destroy (desk);

    desk = s_leased (10); /* leaving in good order, and handing back */
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 1, 2);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_RELEASE);
    zloom_event_t leave = {.type = ZLOOM_EVENT_UNSUBSCRIBE, .consumer = 5};
    desk_feed (desk, &leave);
    assert_int_equal (desk_stats (desk).failures, 0);
    assert_int_equal (desk_stats (desk).ready, 10);
    desk_destroy (desk);
}

static void
queue_promise_04_started_runs_from_its_start (void **state)
{
    (void) state;
    desk_t *desk = s_leased (2);
    desk_pass (desk, 29 * S);
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 1, 1);
    desk_pass (desk, 20 * S);
    assert_int_equal (desk_stats (desk).leased, 1);
    desk_mark (desk, ZLOOM_EVENT_STARTED, 5, 1, 1, 1); /* saying it again gains nothing */
    desk_pass (desk, 10 * S);
    assert_int_equal (desk_stats (desk).leased, 0);
    assert_int_equal (desk_stats (desk).failures, 1);
    desk_destroy (desk);
}

/* One of 16 messages kills whatever worker gets it; workers run all that they hold at once. */
static void
queue_promise_04_bisecting_charges_only_the_guilty (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.failures_max = 1;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 16);
    uint64_t acked = 0;
    for (uint64_t worker = 1; worker < 30 && desk_stats (desk).acked + 1 < 17; worker++) {
        desk_subscribe (desk, worker, 100);
        bool dead = false;
        while (!dead && desk_dispatch (desk) > 0) {
            assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DELIVER), 1); /* suspects run alone */
            zloom_effect_t deliver = *desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
            zloom_run_t run = deliver.deliver.runs[0];
            assert_int_equal (deliver.deliver.run_count, 1);
            uint64_t token = deliver.deliver.token.number;
            desk_mark (desk, ZLOOM_EVENT_STARTED, worker, token, run.seq, run.n);
            if (run.seq <= 11 && 11 < run.seq + run.n) {
                dead = true;
                desk_gone (desk, worker, true);
            } else {
                desk_settle (desk, worker, token, run.seq, run.n, ZLOOM_VERDICT_ACK);
                acked += run.n;
            }
        }
        if (desk_stats (desk).dead == 1) {
            break;
        }
    }
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).failures, 1);
    assert_int_equal (desk_stats (desk).dead, 1);
    desk_subscribe (desk, 99, 100);
    acked += desk_dispatch (desk);
    acked += desk_dispatch (desk);
    assert_true (acked >= 8 && acked <= 15);
    desk_destroy (desk);
}

static void
queue_promise_04_a_suspect_waits_for_an_idle_worker (void **state)
{
    (void) state;
    desk_t *desk = s_leased (4);
    desk_settle (desk, 5, 1, 1, 2, ZLOOM_VERDICT_CRASH); /* 1 or 2: not known */
    assert_int_equal (desk_stats (desk).failures, 0);
    assert_int_equal (desk_stats (desk).ready, 2);
    desk_offer (desk, "shop", 1, 5, 2);
    assert_int_equal (desk_dispatch (desk), 0); /* 3 and 4 are still out */
    desk_settle (desk, 5, 1, 3, 2, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_dispatch (desk), 1);
    uint64_t token = desk_expect (desk, 0, 5, 1, 1);
    assert_int_equal (desk_dispatch (desk), 0); /* alone */
    desk_settle (desk, 5, token, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_dispatch (desk), 1);
    token = desk_expect (desk, 0, 5, 2, 1);
    desk_settle (desk, 5, token, 2, 1, ZLOOM_VERDICT_CRASH); /* alone: guilty */
    assert_int_equal (desk_stats (desk).failures, 1);
    assert_int_equal (desk_dispatch (desk), 2); /* business as usual */
    desk_destroy (desk);
}

/* Groups whose numbers interlace stay apart. */
static void
queue_promise_04_suspect_groups_do_not_mix (void **state)
{
    (void) state;
    desk_t *desk = s_leased (8);
    zloom_settle_run_t runs[4];
    for (size_t i = 0; i < 4; i++) {
        runs[i] = (zloom_settle_run_t){
          .first = 2 * i + 1, .n = 1, .verdict = ZLOOM_VERDICT_CRASH, .delay_ms = -1};
    }
    desk_settle_run (desk, 5, desk_token (desk, 1), runs, 4); /* {1, 3} and {5, 7} */
    for (size_t i = 0; i < 4; i++) {
        runs[i].first++;
    }
    desk_settle_run (desk, 5, desk_token (desk, 1), runs, 4); /* {2, 4} and {6, 8} */
    const uint64_t expected[][2] = {{1, 3}, {2, 4}, {5, 7}, {6, 8}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (desk_dispatch (desk), 2);
        const zloom_effect_t *deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
        assert_int_equal (deliver->deliver.run_count, 2);
        assert_int_equal (deliver->deliver.runs[0].seq, expected[i][0]);
        assert_int_equal (deliver->deliver.runs[1].seq, expected[i][1]);
        desk_settle (desk, 5, i + 2, expected[i][0], 3, ZLOOM_VERDICT_ACK);
    }
    assert_int_equal (desk_stats (desk).acked, 8);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_promise_02_a_lease_is_settled_once_by_its_holder),
      cmocka_unit_test (queue_promise_02_progress_moves_the_deadline_and_costs_nothing),
      cmocka_unit_test (queue_promise_02_the_holder_hears_that_its_lease_ended),
      cmocka_unit_test (queue_promise_02_a_late_process_does_not_end_leases),
      cmocka_unit_test (queue_promise_02_after_a_restart_only_an_ack_counts),
      cmocka_unit_test (queue_promise_02_a_memory_flow_takes_no_ack_of_earlier_boots),
      cmocka_unit_test (queue_promise_02_what_workers_hold_is_leased_again),
      cmocka_unit_test (queue_promise_04_a_retry_before_a_restart_is_charged_once),
      cmocka_unit_test (queue_promise_03_a_gone_worker_gives_back_at_once),
      cmocka_unit_test (queue_promise_04_only_what_had_started_is_charged),
      cmocka_unit_test (queue_promise_04_started_runs_from_its_start),
      cmocka_unit_test (queue_promise_04_bisecting_charges_only_the_guilty),
      cmocka_unit_test (queue_promise_04_a_suspect_waits_for_an_idle_worker),
      cmocka_unit_test (queue_promise_04_suspect_groups_do_not_mix),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
