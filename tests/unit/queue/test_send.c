/* SPDX-License-Identifier: MPL-2.0 */
/* Idempotent send: promise 11. */
#include "desk.h"

static desk_t *
s_desk (void)
{
    zloom_flow_config_t config = desk_config ();
    return desk_new (&config);
}

static void
queue_promise_11_duplicates_are_trimmed_and_confirmed (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 10);
    desk_offer (desk, "shop", 1, 1, 10);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 0);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 10);
    desk_offer (desk, "shop", 1, 8, 5);
    const zloom_effect_t *append = desk_effect (desk, ZLOOM_EFFECT_APPEND, 0);
    assert_int_equal (append->append.seq, 11);
    assert_int_equal (append->append.n, 2);
    assert_int_equal (append->append.pack.size, 16);
    assert_int_equal (append->append.src[0].first_id, 11);
    assert_true (append->append.own);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 12);
    assert_int_equal (desk_stats (desk).duplicates, 13);
    desk_destroy (desk);
}

static void
queue_promise_11_a_gap_blocks_what_follows (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 2);
    desk_offer (desk, "shop", 1, 5, 2);
    const zloom_effect_t *refuse = desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0);
    assert_int_equal (refuse->answer.err, ZLOOM_OUT_OF_ORDER);
    assert_int_equal (refuse->answer.id, 3);
    desk_offer (desk, "shop", 1, 7, 2);
    assert_int_equal (zloom_effects_count (desk->effects), 0); /* told once */
    desk_offer (desk, "shop", 1, 3, 6);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 8);
    desk_offer (desk, "shop", 1, 10, 1);
    assert_non_null (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)); /* and anew after that */
    desk_destroy (desk);
}

/* A pipelined send that is refused in the middle: nothing behind it may be taken before it. */
static void
queue_promise_11_pipelining_cannot_lose (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = 4;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 3);
    desk_offer (desk, "shop", 1, 4, 3);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.id, 4);
    desk_offer (desk, "shop", 1, 7, 1); /* would fit, but 4 comes first */
    assert_int_equal (zloom_effects_count (desk->effects), 0);
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 3, ZLOOM_VERDICT_ACK);
    desk_offer (desk, "shop", 1, 4, 3);
    desk_offer (desk, "shop", 1, 7, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 7);
    assert_int_equal (desk_stats (desk).appended, 7);
    desk_destroy (desk);
}

static void
s_skip (desk_t *desk, const char *producer, uint64_t session, uint64_t first_id, uint32_t n,
        const char *mark)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_SKIP, .session = session};
    event.skip.producer = zloom_bytes_text (producer);
    event.skip.first_id = first_id;
    event.skip.n = n;
    event.skip.mark = zloom_bytes_text (mark);
    desk_feed (desk, &event);
}

static void
queue_promise_11_a_skip_passes_a_refused_id (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = 2;
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 3);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_TOO_BIG);
    s_skip (desk, "shop", 1, 1, 3, NULL);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 3);
    desk_offer (desk, "shop", 1, 4, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 4);
    s_skip (desk, "shop", 1, 9, 1, NULL);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_OUT_OF_ORDER);
    desk_restart (desk);
    uint64_t high;
    zloom_bytes_t mark;
    assert_true (
      zloom_queue_pattern.producer (desk->queue, zloom_bytes_text ("shop"), &high, &mark, NULL));
    assert_int_equal (high, 4);
    desk_destroy (desk);
}

static void
queue_promise_11_high_and_mark_outlive_messages_and_restarts (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 1, 5);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("file");
    event.offer.first_id = 1;
    event.offer.n = 2;
    event.offer.pack = desk_bytes (2);
    event.offer.mark = zloom_bytes_text ("line 2");
    desk_feed (desk, &event);
    s_skip (desk, "file", 1, 3, 0, "line 7"); /* a mark alone */
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 7, ZLOOM_VERDICT_ACK);
    zloom_buf_t snapshot = {0};
    zloom_queue_pattern.snapshot (desk->queue, &snapshot);
    for (int i = 0; i < 2; i++) {
        /* From the records, then from the snapshot with all of them once more. */
        desk_restart_from (desk, i ? zloom_buf_bytes (&snapshot) : ZLOOM_BYTES_NULL, 0);
        uint64_t high;
        zloom_bytes_t mark;
        assert_true (zloom_queue_pattern.producer (desk->queue, zloom_bytes_text ("shop"), &high,
                                                   &mark, NULL));
        assert_int_equal (high, 5);
        assert_true (zloom_queue_pattern.producer (desk->queue, zloom_bytes_text ("file"), &high,
                                                   &mark, NULL));
        assert_int_equal (high, 2);
        assert_true (zloom_bytes_equal (mark, zloom_bytes_text ("line 7")));
        assert_int_equal (desk_stats (desk).acked, 7);
    }
    desk_offer (desk, "shop", 9, 5, 2);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_APPEND, 0)->append.n, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_APPEND, 0)->append.seq, 8);
    zloom_buf_fini (&snapshot);
    desk_destroy (desk);
}

static void
queue_promise_11_anonymous_state_ends_with_the_session (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, NULL, 3, 1, 2);
    desk_offer (desk, NULL, 3, 1, 2);
    assert_int_equal (desk_stats (desk).duplicates, 2);
    zloom_event_t end = {.type = ZLOOM_EVENT_SESSION_END, .session = 3};
    desk_feed (desk, &end);
    desk_offer (desk, NULL, 4, 1, 2);
    const zloom_src_t *src = desk_effect (desk, ZLOOM_EFFECT_APPEND, 0)->append.src;
    assert_true (zloom_bytes_equal (src->producer, zloom_bytes_text ("~orders")));
    assert_int_equal (src->first_id, 3); /* its id is the flow's own number */
    assert_int_equal (desk_stats (desk).appended, 4);
    desk_destroy (desk);
}

/* What is moved or requeued brings its maker's name, which does not number this flow. */
static void
queue_promise_11_foreign_messages_are_not_trimmed (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_put (desk, 3);
    desk_put (desk, 3);
    assert_int_equal (desk_stats (desk).appended, 6);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_CONFIRM), 0);
    desk_restart (desk);
    uint64_t high;
    zloom_bytes_t mark;
    assert_false (zloom_queue_pattern.producer (desk->queue, zloom_bytes_text ("log/flow"), &high,
                                                &mark, NULL));
    desk_destroy (desk);
}

/* A bridge numbers what it carries: trimmed by its own ids, stored with the makers' ids. */
static void
queue_promise_11_a_bridge_is_trimmed_by_its_own_ids (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    zloom_src_t src[2] = {{2, zloom_bytes_text ("shop"), 40, 0},
                          {3, zloom_bytes_text ("web"), 7, 0}};
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("bridge");
    event.offer.first_id = 1;
    event.offer.n = 3;
    event.offer.pack = desk_bytes (3);
    event.offer.src = src;
    event.offer.src_count = 2;
    src[1].n = 1;
    desk_feed (desk, &event);
    desk_restart (desk);
    event.offer.n = 5;
    event.offer.pack = desk_bytes (5);
    src[1].n = 3;
    desk_feed (desk, &event);
    const zloom_effect_t *append = desk_effect (desk, ZLOOM_EFFECT_APPEND, 0);
    assert_int_equal (append->append.n, 2);
    assert_int_equal (append->append.src_count, 1);
    assert_int_equal (append->append.src[0].first_id, 8);
    desk_destroy (desk);
}

static void
queue_adopts_a_sender_that_is_ahead (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    zloom_bytes_t shop = zloom_bytes_text ("shop");
    desk_offer (desk, "shop", 1, 1, 5);
    zloom_effects_clear (desk->effects);
    assert_int_equal (zloom_queue_pattern.adopt (desk->queue, shop, 4, &desk->turn), 5);
    assert_int_equal (zloom_effects_count (desk->effects), 0);
    assert_int_equal (zloom_queue_pattern.adopt (desk->queue, shop, 10, &desk->turn), 9);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_RECORD), 2); /* PRODUCER and HOLE */
    desk_carry_out (desk);
    desk_restart (desk);
    desk_offer (desk, "shop", 1, 10, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 10);
    assert_int_equal (desk_stats (desk).appended, 6);
    desk_destroy (desk);
}

static void
queue_refuses_ids_that_cannot_be (void **state)
{
    (void) state;
    desk_t *desk = s_desk ();
    desk_offer (desk, "shop", 1, 0, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_INVALID);
    desk_offer (desk, "shop", 1, UINT64_MAX, 1);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_INVALID);
    desk_offer (desk, "shop", 1, 1, 1);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_CONFIRM), 1);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_promise_11_duplicates_are_trimmed_and_confirmed),
      cmocka_unit_test (queue_promise_11_a_gap_blocks_what_follows),
      cmocka_unit_test (queue_promise_11_pipelining_cannot_lose),
      cmocka_unit_test (queue_promise_11_a_skip_passes_a_refused_id),
      cmocka_unit_test (queue_promise_11_high_and_mark_outlive_messages_and_restarts),
      cmocka_unit_test (queue_promise_11_anonymous_state_ends_with_the_session),
      cmocka_unit_test (queue_promise_11_foreign_messages_are_not_trimmed),
      cmocka_unit_test (queue_promise_11_a_bridge_is_trimmed_by_its_own_ids),
      cmocka_unit_test (queue_adopts_a_sender_that_is_ahead),
      cmocka_unit_test (queue_refuses_ids_that_cannot_be),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
