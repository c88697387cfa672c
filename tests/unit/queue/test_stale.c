/* SPDX-License-Identifier: MPL-2.0 */
/*
 * In which order a consumer hears of what it lost. A road that breaks takes the end of what was
 * said along, and whoever heard of the earlier message of a key alone would name the later one to
 * the next boot: so the later one is told first, or both in one frame.
 */
#include "held.h"
#include "keys.h"

static void
s_expect (const desk_t *desk, size_t index, uint64_t token, const zloom_run_t *runs, size_t count)
{
    const zloom_effect_t *stale = desk_effect (desk, ZLOOM_EFFECT_STALE, index);
    assert_int_equal (stale->deliver.token.number, token);
    assert_int_equal (stale->deliver.run_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (stale->deliver.runs[i].seq, runs[i].seq);
        assert_int_equal (stale->deliver.runs[i].n, runs[i].n);
    }
}

/* Consumer 5 holds 1 to 4 under token 1, all of one key. */
static desk_t *
s_held (void)
{
    const zloom_flow_config_t config = keys_config (ZLOOM_ORDER_SKIP);
    desk_t *desk = desk_new (&config);
    keys_send (desk, 1, "aaaa");
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 4);
    return desk;
}

/* Named in vain, to the boot that has taken it back. */
static void
queue_tells_who_comes_back_of_the_later_loss_first (void **state)
{
    (void) state;
    desk_t *desk = s_held ();
    desk_gone (desk, 5, false);
    const zloom_token_t tokens[] = {desk_token (desk, 1), desk_token (desk, 1),
                                    desk_token (desk, 2)};
    const zloom_run_t runs[] = {{1, 1}, {3, 1}, {4, 2}};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 6};
    held_name (&event, tokens, runs, 3);
    desk_feed (desk, &event);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 2);
    s_expect (desk, 0, 2, runs + 2, 1);
    s_expect (desk, 1, 1, runs, 2);
    desk_destroy (desk);
}

/* One runs out, and what stands behind it in its key goes along, which has time left. */
static void
queue_tells_in_one_frame_what_goes_with_what_ran_out (void **state)
{
    (void) state;
    desk_t *desk = s_held ();
    desk->turn.now.mono_ns += 20 * S;
    desk_mark (desk, ZLOOM_EVENT_PROGRESS, 5, 1, 2, 3);
    desk->turn.now.mono_ns += 10 * S;
    desk_simple (desk, ZLOOM_EVENT_TIMER);
    const zloom_run_t all = {1, 4};
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 1);
    s_expect (desk, 0, 1, &all, 1);
    desk_destroy (desk);
}

/* Numbers of another hand-out between: no frame brings an earlier one before a later. */
static void
queue_tells_of_one_hand_out_in_two_frames_when_another_stands_between (void **state)
{
    (void) state;
    desk_t *desk = s_held ();
    desk_gone (desk, 5, false);
    const zloom_token_t tokens[] = {desk_token (desk, 1), desk_token (desk, 1),
                                    desk_token (desk, 2)};
    const zloom_run_t runs[] = {{1, 1}, {5, 1}, {3, 1}};
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 6};
    held_name (&event, tokens, runs, 3);
    desk_feed (desk, &event);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 3);
    s_expect (desk, 0, 1, runs + 1, 1);
    s_expect (desk, 1, 2, runs + 2, 1);
    s_expect (desk, 2, 1, runs, 1);
    desk_destroy (desk);
}

/* However much was lost, a frame holds no more runs than its reader takes. */
static void
queue_tells_of_no_more_runs_in_a_frame_than_a_reader_takes (void **state)
{
    (void) state;
    desk_t *desk = s_held ();
    enum { COUNT = ZLOOM_LIMIT_RUNS + 2 };
    zloom_token_t *tokens = zloom_alloc (COUNT * sizeof *tokens);
    zloom_run_t *runs = zloom_alloc (COUNT * sizeof *runs);
    uint64_t *ends = zloom_alloc (COUNT * sizeof *ends);
    for (uint64_t i = 0; i < COUNT; i++) {
        tokens[i] = desk_token (desk, 1);
        runs[i] = (zloom_run_t){10 + 2 * i, 1};
    }
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE, .consumer = 6};
    event.subscribe.holding_tokens = tokens;
    event.subscribe.holding_runs = runs;
    event.subscribe.holding_ends = ends;
    event.subscribe.holding_count = COUNT;
    desk_feed (desk, &event);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_STALE), 2);
    s_expect (desk, 0, 1, runs + 2, ZLOOM_LIMIT_RUNS);
    s_expect (desk, 1, 1, runs, 2);
    free (tokens);
    free (runs);
    free (ends);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_tells_who_comes_back_of_the_later_loss_first),
      cmocka_unit_test (queue_tells_in_one_frame_what_goes_with_what_ran_out),
      cmocka_unit_test (queue_tells_of_one_hand_out_in_two_frames_when_another_stands_between),
      cmocka_unit_test (queue_tells_of_no_more_runs_in_a_frame_than_a_reader_takes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
