/* SPDX-License-Identifier: MPL-2.0 */
/* Who comes in, and with what: foreign packs, refusals, returning consumers, odd words. */
#include "held.h"
#include "letters.h"

/* ---- messages -------------------------------------------------------------------------------- */

/* A pack that others carried has the times of its senders: each message is due by its own. */
static void
queue_takes_each_message_by_its_senders_time (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const int64_t now = desk->turn.now.wall_ns;
    zloom_envelope_t letters[4];
    for (int i = 0; i < 4; i++) {
        letters[i] = (zloom_envelope_t){.has_due = true, .due_ms = 10000};
    }
    zloom_buf_t pack = {0};
    letters_pack (letters, 4, &pack);
    const zloom_src_t src[] = {
      {1, zloom_bytes_text ("old"), 1, now - 20 * S},  /* long due */
      {2, zloom_bytes_text ("new"), 7, now - 4 * S},   /* in 6 s */
      {1, zloom_bytes_text ("fast"), 3, now + 90 * S}, /* its clock is ahead: in 10 s */
    };
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER};
    event.offer.n = 4;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = ZLOOM_FLAG_DUE;
    event.offer.src = src;
    event.offer.src_count = 3;
    event.offer.admitted = true;
    desk_feed (desk, &event);
    zloom_buf_fini (&pack);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_expect (desk, 0, 5, 1, 1);
    desk_pass (desk, 5 * S);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 2 * S);
    assert_int_equal (desk_dispatch (desk), 2);
    desk_expect (desk, 0, 5, 2, 2);
    desk_pass (desk, 2 * S);
    assert_int_equal (desk_dispatch (desk), 0);
    desk_pass (desk, 2 * S);
    assert_int_equal (desk_dispatch (desk), 1);
    desk_destroy (desk);
}

/* A foreign pack that does not fit is refused whole, and who brought it is told its first id. */
static void
queue_refuses_a_foreign_pack_that_does_not_fit (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.limit_messages = 5;
    config.limit_bytes = 64;
    config.on_full = ZLOOM_ON_FULL_REJECT;
    desk_t *desk = desk_new (&config);
    const zloom_src_t src = {4, zloom_bytes_text ("log/flow"), 1, 0};
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 9};
    event.offer.first_id = 77;
    event.offer.n = 4;
    event.offer.pack = desk_bytes (4);
    event.offer.src = &src;
    event.offer.src_count = 1;
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).ready, 4);
    desk_feed (desk, &event);
    const zloom_effect_t *refuse = desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0);
    assert_int_equal (refuse->answer.session, 9);
    assert_int_equal (refuse->answer.id, 77);
    assert_int_equal (refuse->answer.err, ZLOOM_FULL);
    event.session = 0; /* nobody is there to be told */
    desk_feed (desk, &event);
    assert_int_equal (zloom_effects_count (desk->effects), 0);
    assert_int_equal (desk_stats (desk).refused, 2);
    /* More than the whole flow may hold, in messages or in bytes, never fits. */
    desk_offer (desk, "shop", 1, 1, 6);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_TOO_BIG);
    desk->config.limit_messages = 0; /* without end */
    zloom_queue_pattern.configure (desk->queue, &desk->config);
    desk_offer (desk, "shop", 1, 1, 9);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_REFUSE, 0)->answer.err, ZLOOM_TOO_BIG);
    uint64_t messages;
    uint64_t bytes;
    zloom_queue_pattern.room (desk->queue, &messages, &bytes);
    assert_true (messages == UINT64_MAX);
    assert_int_equal (bytes, 64 - 4 * 8);
    desk->config.limit_bytes = 0;
    zloom_queue_pattern.configure (desk->queue, &desk->config);
    zloom_queue_pattern.room (desk->queue, &messages, &bytes);
    assert_true (bytes == UINT64_MAX);
    desk_offer (desk, "shop", 1, 1, 1000);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 1000);
    desk_destroy (desk);
}

/* Words that no honest peer says change nothing. */
static void
queue_lets_odd_words_pass_it_by (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_put (desk, 3);
    desk_subscribe (desk, 5, 1);
    desk_subscribe (desk, 5, 1); /* it is there already */
    assert_int_equal (desk_stats (desk).consumers, 1);
    const zloom_flow_stats_t before = desk_stats (desk);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER}; /* of nobody */
    event.offer.n = 1;
    event.offer.pack = desk_bytes (1);
    desk_feed (desk, &event);
    event.offer.n = 0;
    event.session = 1;
    desk_feed (desk, &event);
    event = (zloom_event_t){.type = ZLOOM_EVENT_SKIP};
    event.skip.n = 1;
    desk_feed (desk, &event);
    event = (zloom_event_t){.type = ZLOOM_EVENT_TAKE_OUT};
    event.take_out.reason = ZLOOM_REASON_PURGED;
    event.take_out.first = 1;
    desk_feed (desk, &event); /* none of them */
    event.take_out.first = UINT64_MAX - 1;
    event.take_out.n = 7;
    desk_feed (desk, &event);
    desk_credit (desk, 99, 1000, 1000, 1000); /* a consumer that is not there */
    assert_int_equal (zloom_effects_count (desk->effects), 0);
    assert_true (zloom_queue_pattern.adopt (desk->queue, ZLOOM_BYTES_NULL, 9, &desk->turn) == 0);
    assert_true (zloom_queue_pattern.adopt (desk->queue, zloom_bytes_text ("shop"), UINT64_MAX,
                                            &desk->turn) == 0);
    const zloom_flow_stats_t after = desk_stats (desk);
    assert_memory_equal (&before, &after, sizeof before);
    desk_destroy (desk);
}

/* ---- consumers ------------------------------------------------------------------------------- */

/* Come back with what was held; which of it is told to be lost. */
static void
s_return (desk_t *desk, uint64_t consumer, const zloom_token_t *tokens, const zloom_run_t *runs,
          size_t count)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = consumer};
    held_name (&event, tokens, runs, count);
    desk_feed (desk, &event);
}

static void
queue_leases_again_only_what_can_have_been_leased (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_put (desk, 10);
    desk_subscribe (desk, 5, 8);
    assert_int_equal (desk_dispatch (desk), 8);
    const zloom_token_t token = desk_token (desk, 1);
    desk_restart (desk);
    const zloom_token_t own = desk_token (desk, 1); /* this boot has handed nothing out */
    desk_put (desk, 2);                             /* 11 and 12 came after the restart */
    const zloom_token_t tokens[] = {token, token, own, token, token, token};
    const zloom_run_t runs[] = {
      {1, 4},    /* to be had */
      {2, 1},    /* held already: a lease's runs rise */
      {5, 1},    /* not by a token of this boot */
      {11, 1},   /* younger than the boot that would have leased it */
      {9, 5000}, /* more than a lease can hold */
      {10, 0},   /* nothing */
    };
    s_return (desk, 6, tokens, runs, 6);
    assert_int_equal (desk_stats (desk).leased, 4);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 3);
    const uint64_t lost[] = {9, 5, 2}; /* 11 is in one frame with 9 */
    for (size_t i = 0; i < 3; i++) {
        const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, i);
        assert_int_equal (stale->deliver.consumer, 6);
        assert_int_equal (stale->deliver.runs[0].seq, lost[i]);
    }
    /* What it has again is its own to settle, under the token of then. */
    zloom_settle_run_t run = {.first = 1, .n = 4, .delay_ms = ZLOOM_DELAY_UNSET};
    zloom_event_t settle = {.type = ZLOOM_EVENT_SETTLE, .consumer = 6};
    settle.settle.token = token;
    settle.settle.runs = &run;
    settle.settle.count = 1;
    settle.settle.earlier_boot = true;
    settle.settle.earlier_end = 11;
    desk_feed (desk, &settle);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).acked, 4);
    desk_destroy (desk);
}

/*
 * The log is a copy of an earlier one: what the token's boot handed out beyond its end there is
 * lost, and those numbers are other messages now.
 */
static void
queue_leases_nothing_again_that_a_restored_log_gave_anew (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_put (desk, 10);
    const zloom_token_t token = desk_token (desk, 1);
    desk_restart (desk);
    const zloom_token_t tokens[] = {token, token, token, {token.boot - 1, 1}};
    const zloom_run_t runs[] = {{1, 2}, {4, 2}, {5, 1}, {6, 1}};
    const uint64_t ends[] = {5, 5, 5, 0};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 6};
    held_name (&event, tokens, runs, 4);
    event.subscribe.holding_ends = ends;
    desk_feed (desk, &event);
    assert_int_equal (desk_stats (desk).leased, 2);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 2); /* of each token */
    desk_destroy (desk);
}

/* A memory flow has forgotten everything: nothing of it can be held over a restart. */
static void
queue_leases_nothing_of_a_memory_flow_again (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.confirm = ZLOOM_CONFIRM_MEMORY;
    desk_t *desk = desk_new (&config);
    desk_put (desk, 4);
    const zloom_token_t token = {desk->boot - 1, 1};
    const zloom_run_t run = {1, 2};
    s_return (desk, 5, &token, &run, 1);
    assert_int_equal (desk_stats (desk).leased, 0);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 1);
    desk_destroy (desk);
}

/* A step that holds what no run can, or settles more than any lease, is stale. */
static void
queue_believes_no_absurd_settlement (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    config.key = "/key";
    desk_t *desk = desk_new (&config);
    desk_subscribe (desk, 5, 10);
    zloom_settle_run_t run = {.first = 1, .n = 0, .verdict = ZLOOM_VERDICT_ACK};
    zloom_event_t settle = {.type = ZLOOM_EVENT_SETTLE, .consumer = 5};
    settle.settle.token = desk_token (desk, 1);
    settle.settle.runs = &run;
    settle.settle.count = 1;
    assert_int_equal (zloom_queue_pattern.check_settle (desk->queue, 5, &settle), ZLOOM_STALE);
    desk_feed (desk, &settle);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_SETTLED), 0);
    run = (zloom_settle_run_t){.first = UINT64_MAX, .n = 2, .verdict = ZLOOM_VERDICT_ACK};
    assert_int_equal (zloom_queue_pattern.check_settle (desk->queue, 5, &settle), ZLOOM_STALE);
    desk_destroy (desk);
}

/* A verdict of a later version harms nobody: its message is back, unharmed. */
static void
queue_takes_a_verdict_that_it_does_not_know_for_a_release (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_put (desk, 1);
    desk_subscribe (desk, 5, 10);
    desk_dispatch (desk);
    desk_settle (desk, 5, 1, 1, 1, (zloom_verdict_t) 99);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    assert_int_equal (desk_stats (desk).ready, 1);
    assert_int_equal (desk_stats (desk).failures, 0);
    desk_destroy (desk);
}

static void
queue_has_no_topics (void **state)
{
    (void) state;
    const zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    const zloom_bytes_t pattern = zloom_bytes_text ("order.>");
    zloom_err_t result = ZLOOM_OK;
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 5};
    event.subscribe.result = &result;
    event.subscribe.patterns = &pattern;
    event.subscribe.pattern_count = 1;
    desk_feed (desk, &event);
    assert_int_equal (result, ZLOOM_UNSUPPORTED);
    event.subscribe.pattern_count = 0;
    event.subscribe.durable = true;
    desk_feed (desk, &event);
    assert_int_equal (result, ZLOOM_UNSUPPORTED);
    event.subscribe.durable = false;
    event.subscribe.from = ZLOOM_FROM_START;
    desk_feed (desk, &event);
    assert_int_equal (result, ZLOOM_UNSUPPORTED);
    event.subscribe.from = ZLOOM_FROM_GROUP;
    event.subscribe.on_slow = ZLOOM_ON_SLOW_LATEST;
    desk_feed (desk, &event);
    assert_int_equal (result, ZLOOM_UNSUPPORTED);
    assert_int_equal (desk_stats (desk).consumers, 0);
    event.subscribe.on_slow = ZLOOM_ON_SLOW_DROP_OLDEST;
    desk_feed (desk, &event);
    assert_int_equal (result, ZLOOM_OK);
    assert_int_equal (desk_stats (desk).consumers, 1);
    /* Nor does it read what a flow with subscribers left. */
    const zloom_replay_t record = {.type = ZLOOM_STORED_SETTLE, .group = 1};
    assert_int_equal (zloom_queue_pattern.replay (desk->queue, &record), ZLOOM_WRONG_PATTERN);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_takes_each_message_by_its_senders_time),
      cmocka_unit_test (queue_refuses_a_foreign_pack_that_does_not_fit),
      cmocka_unit_test (queue_lets_odd_words_pass_it_by),
      cmocka_unit_test (queue_leases_again_only_what_can_have_been_leased),
      cmocka_unit_test (queue_leases_nothing_again_that_a_restored_log_gave_anew),
      cmocka_unit_test (queue_leases_nothing_of_a_memory_flow_again),
      cmocka_unit_test (queue_believes_no_absurd_settlement),
      cmocka_unit_test (queue_takes_a_verdict_that_it_does_not_know_for_a_release),
      cmocka_unit_test (queue_has_no_topics),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
