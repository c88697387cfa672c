/* SPDX-License-Identifier: MPL-2.0 */
/* The plain way of a message, who gets it, limits, and the doors: promises 1, 6, 9, 13, 14, 15. */
#include "desk.h"

static desk_t *
s_desk (void)
{
    zloom_flow_config_t config = desk_config ();
    return desk_new (&config);
}

static void
queue_takes_hands_out_and_acks (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 10);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 10);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 1);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 10);
    uint64_t token = desk_expect (desk, 0, 5, 1, 10);
    assert_int_equal (desk_stats (desk).leased, 10);
    desk_settle (desk, 5, token, 1, 10, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.acked, 10);
    assert_int_equal (stats.leased, 0);
    assert_int_equal (stats.bytes, 0);
    const zloom_effect_t *forget = desk_effect (desk, ZLOOM_EFFECT_FORGET, 0);
    assert_int_equal (forget->forget.first, 1);
    assert_int_equal (forget->forget.last, 10);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).acked, 10);
    assert_int_equal (desk_stats (desk).ready, 0);
    desk_destroy (desk);
}

static void
queue_promise_01_nothing_is_handed_out_before_it_is_durable (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk->by_hand = true;
    desk_subscribe (desk, 5, 100);
    desk_offer (desk, "shop", 1, 1, 10);
    assert_int_equal (desk_dispatch (desk), 0);
    zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE};
    durable.durable_seq = 4;
    desk_feed (desk, &durable);
    assert_int_equal (desk_dispatch (desk), 4);
    desk_expect (desk, 0, 5, 1, 4);
    assert_int_equal (desk_dispatch (desk), 0);
    durable.durable_seq = 8;
    desk_feed (desk, &durable);
    desk_subscribe (desk, 6, 3);
    desk_credit (desk, 5, 5, UINT64_MAX, UINT64_MAX);
    desk_subscribe (desk, 7, 100);
    assert_int_equal (desk_dispatch (desk), 4); /* who has more credit gets no more either */
    desk_destroy (desk);
}

static void
queue_stays_within_credit (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 100);
    desk_subscribe (desk, 5, 3);
    assert_int_equal (desk_dispatch (desk), 3);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_credit (desk, 5, 1000, 3 * 8 + 5 * 8 + 7, UINT64_MAX);
    assert_int_equal (desk_dispatch (desk), 5); /* 7 bytes are too few for one more */
    desk_credit (desk, 5, 1000, UINT64_MAX, 2);
    assert_int_equal (desk_dispatch (desk), 0); /* two frames were sent */
    desk_credit (desk, 5, 1000, UINT64_MAX, 3);
    assert_int_equal (desk_dispatch (desk), 92);
    desk_destroy (desk);
}

static void
queue_gives_a_large_message_to_whom_holds_nothing (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 2);
    desk_subscribe (desk, 5, 10);
    desk_credit (desk, 5, 10, 5, 10);
    assert_int_equal (desk_dispatch (desk), 1); /* larger than all the credit, but it must go */
    assert_int_equal (desk_dispatch (desk), 0);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_dispatch (desk), 0); /* its credit is used up */
    desk_credit (desk, 5, 10, 10, 10);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);
}

static void
queue_shares_a_large_pack_among_consumers (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    for (uint64_t consumer = 1; consumer <= 4; consumer++) {
        desk_subscribe (desk, consumer, 10000);
    }
    desk_offer (desk, "shop", 1, 1, 10000);
    assert_int_equal (desk_dispatch (desk), 10000);
    for (size_t i = 0; i < 4; i++) {
        desk_expect (desk, i, i + 1, 1 + 2500 * i, 2500);
    }
    /* Few messages go round, too, and on from where the ring stopped. */
    desk_offer (desk, "shop", 1, 10001, 2);
    assert_int_equal (desk_dispatch (desk), 2);
    desk_expect (desk, 0, 1, 10001, 1);
    desk_expect (desk, 1, 2, 10002, 1);
    desk_offer (desk, "shop", 1, 10003, 1);
    desk_dispatch (desk);
    desk_expect (desk, 0, 3, 10003, 1);
    desk_destroy (desk);
}

static void
queue_promise_06_waiting_holds_no_credit_and_blocks_nobody (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 3);
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_RETRY);
    assert_int_equal (desk_stats (desk).waiting, 1);
    desk_credit (desk, 5, 2, UINT64_MAX, UINT64_MAX); /* the one message is not held against it */
    assert_int_equal (desk_dispatch (desk), 1);
    desk_expect (desk, 0, 5, 2, 1);
    desk_destroy (desk);
}

static void
queue_promise_09_redelivered_goes_before_later (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 100);
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 4, 2, ZLOOM_VERDICT_RELEASE);
    desk_subscribe (desk, 6, 5);
    desk_dispatch (desk);
    const zloom_effect_t *deliver = desk_effect (desk, ZLOOM_EFFECT_DELIVER, 0);
    assert_int_equal (deliver->deliver.run_count, 2);
    assert_int_equal (deliver->deliver.runs[0].seq, 4);
    assert_int_equal (deliver->deliver.runs[0].n, 2);
    assert_int_equal (deliver->deliver.runs[1].seq, 11);
    assert_int_equal (deliver->deliver.runs[1].n, 3);
    assert_int_equal (deliver->deliver.fact_count, 2); /* the two came back at no charge */
    assert_int_equal (deliver->deliver.facts[1].i, 1);
    assert_int_equal (deliver->deliver.facts[1].attempt, 0);
    assert_true (deliver->deliver.facts[1].redelivered);
    desk_destroy (desk);
}

static void
queue_promise_13_block_and_reject_refuse_whole (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = 10;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 6);
    uint64_t messages;
    uint64_t bytes;
    zloom_queue_pattern.room (desk->queue, &messages, &bytes);
    assert_int_equal (messages, 4);
    desk_subscribe (desk, 5, 6);
    desk_dispatch (desk); /* leases count */
    desk_offer (desk, "shop", 1, 7, 5);
    const zloom_effect_t *refuse = desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0);
    assert_int_equal (refuse->answer.err, ZLOOM_FULL);
    assert_int_equal (refuse->answer.id, 7);
    assert_int_equal (desk_stats (desk).appended, 6);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_ACK);
    desk_offer (desk, "shop", 1, 7, 5);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 11);
    desk_put (desk, 3); /* admitted before: never refused */
    assert_int_equal (desk_stats (desk).appended, 14);
    desk_offer (desk, "shop", 1, 12, 11); /* would not fit into an empty flow either */
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_TOO_BIG);
    desk_destroy (desk);
}

static void
queue_promise_13_limit_in_bytes (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_bytes = 80;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 9);
    desk_offer (desk, "shop", 1, 10, 2);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_FULL);
    desk_offer (desk, "shop", 1, 10, 1);
    assert_int_equal (desk_stats (desk).bytes, 80);
    desk_destroy (desk);
}

static void
queue_promise_13_drop_oldest_counts_and_moves (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = 10;
    config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 10);
    desk_subscribe (desk, 5, 2);
    desk_dispatch (desk); /* 1 and 2 are leased: they stay */
    desk_offer (desk, "shop", 1, 11, 3);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 13);
    assert_int_equal (desk_stats (desk).moving, 3);
    zloom_effects_clear (desk->effects);
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_DEAD), 3);
    const zloom_effect_t *dead = desk_effect (desk, ZLOOM_EFFECT_DEAD, 0);
    assert_int_equal (dead->dead.seq, 3);
    zloom_history_t history;
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    assert_true (zloom_bytes_equal (history.causes[0].reason, zloom_bytes_text ("overflow")));
    assert_int_equal (desk_stats (desk).dead, 3);
    assert_int_equal (desk_stats (desk).ready, 8);
    desk_destroy (desk);

    config.dead_letter = NULL;
    desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 10);
    desk_offer (desk, "shop", 1, 11, 4);
    assert_int_equal (desk_stats (desk).dropped, 4);
    assert_int_equal (desk_stats (desk).ready, 10);
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_offer (desk, "shop", 1, 15, 1); /* all are leased: nothing can be dropped */
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_FULL);
    desk_destroy (desk);
}

static void
queue_promise_14_pause_drain_and_purge_charge_nothing (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 20);
    desk_simple (desk, ZLOOM_EVENT_PAUSE);
    desk_subscribe (desk, 5, 5);
    assert_int_equal (desk_dispatch (desk), 0);
    assert_true (desk_stats (desk).paused);
    desk_offer (desk, "shop", 1, 21, 1); /* a pause stops the way out only */
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 1);
    desk_simple (desk, ZLOOM_EVENT_RESUME);
    assert_int_equal (desk_dispatch (desk), 5);
    desk_simple (desk, ZLOOM_EVENT_DRAIN);
    desk_offer (desk, "shop", 1, 21, 2); /* 21 is known, 22 is refused */
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_DRAINING);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.id, 22);
    desk_offer (desk, "shop", 1, 21, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 21);

    zloom_range_t run; /* peek: what is leased is not free */
    assert_true (zloom_queue_pattern.next_free (desk->queue, 0, &run));
    assert_int_equal (run.first, 6);
    assert_int_equal (run.last, 21);
    zloom_event_t event = {.type = ZLOOM_EVENT_TAKE_OUT};
    event.take_out.first = 1;
    event.take_out.n = 10;
    event.take_out.reason = ZLOOM_REASON_PURGED;
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).purged, 5);
    assert_int_equal (desk_stats (desk).leased, 5);
    event.take_out.first = 11;
    event.take_out.n = 1;
    event.take_out.reason = ZLOOM_REASON_MOVED;
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).requeued, 1);
    assert_int_equal (desk_stats (desk).failures, 0);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).purged, 5);
    assert_int_equal (desk_stats (desk).requeued, 1);
    assert_int_equal (desk_stats (desk).ready, 15);
    desk_destroy (desk);
}

static void
queue_promise_15_oldest_age_is_told (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    assert_int_equal (desk_stats (desk).oldest_wall_ns, 0);
    int64_t first = desk->turn.now.wall_ns;
    desk_offer (desk, "shop", 1, 1, 1);
    desk_pass (desk, S);
    desk_offer (desk, "shop", 1, 2, 1);
    assert_int_equal (desk_stats (desk).oldest_wall_ns, first);
    desk_subscribe (desk, 5, 1);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 1, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_stats (desk).oldest_wall_ns, first + S);
    desk_destroy (desk);
}

static void
queue_waits_for_cold_bytes_and_counts_damage (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 10);
    desk_subscribe (desk, 5, 100);
    desk->cold_below = 5;
    assert_int_equal (desk_dispatch (desk), 0); /* the first goes before the later ones */
    desk->cold_below = 0;
    desk->bad_first = 2;
    desk->bad_last = 3;
    assert_int_equal (desk_dispatch (desk), 8);
    assert_int_equal (zloom_queue_pattern.next_deadline (desk->queue), 0);
    desk_pass (desk, 0);
    assert_int_equal (desk_stats (desk).lost, 2);
    assert_int_equal (desk_stats (desk).moving, 0);
    zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED};
    fetched.fetched.seq = 1;
    fetched.fetched.err = ZLOOM_DAMAGED;
    desk_feed (desk, &fetched); /* leased: its holder has the bytes */
    assert_int_equal (desk_stats (desk).lost, 2);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).lost, 2);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_takes_hands_out_and_acks),
      cmocka_unit_test (queue_promise_01_nothing_is_handed_out_before_it_is_durable),
      cmocka_unit_test (queue_stays_within_credit),
      cmocka_unit_test (queue_gives_a_large_message_to_whom_holds_nothing),
      cmocka_unit_test (queue_shares_a_large_pack_among_consumers),
      cmocka_unit_test (queue_promise_06_waiting_holds_no_credit_and_blocks_nobody),
      cmocka_unit_test (queue_promise_09_redelivered_goes_before_later),
      cmocka_unit_test (queue_promise_13_block_and_reject_refuse_whole),
      cmocka_unit_test (queue_promise_13_limit_in_bytes),
      cmocka_unit_test (queue_promise_13_drop_oldest_counts_and_moves),
      cmocka_unit_test (queue_promise_14_pause_drain_and_purge_charge_nothing),
      cmocka_unit_test (queue_promise_15_oldest_age_is_told),
      cmocka_unit_test (queue_waits_for_cold_bytes_and_counts_damage),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
