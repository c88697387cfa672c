/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/clock.h"
#include "base/timers.h"

static void
test_nothing_is_armed (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t timer = {0};
    assert_true (zloom_timers_next (timers) == ZLOOM_NEVER);
    assert_null (zloom_timers_pop_due (timers, ZLOOM_NEVER));
    zloom_timers_cancel (timers, &timer);
    zloom_timers_shift (timers, 5);
    assert_int_equal (zloom_timers_count (timers), 0);
    zloom_timers_destroy (&timers);
    assert_null (timers);
    zloom_timers_destroy (&timers);
}

static void
test_due_from_the_deadline_on (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t timer = {.owner = &timers};
    zloom_timers_arm (timers, &timer, 100);
    assert_true (zloom_timers_next (timers) == 100);
    assert_null (zloom_timers_pop_due (timers, 99));
    assert_ptr_equal (zloom_timers_pop_due (timers, 100), &timer);
    assert_ptr_equal (timer.owner, &timers);
    assert_int_equal (timer.slot, 0);
    assert_null (zloom_timers_pop_due (timers, 1000));
    zloom_timers_destroy (&timers);
}

static void
test_equal_deadlines_go_first_in_first_out (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t many[50] = {{0}};
    for (size_t i = 0; i < COUNT (many); i++) {
        zloom_timers_arm (timers, &many[i], 7);
    }
    zloom_timers_arm (timers, &many[0], 7); /* armed again: to the end of the line */
    for (size_t i = 1; i < COUNT (many); i++) {
        assert_ptr_equal (zloom_timers_pop_due (timers, 7), &many[i]);
    }
    assert_ptr_equal (zloom_timers_pop_due (timers, 7), &many[0]);
    zloom_timers_destroy (&timers);
}

static void
test_moving_and_cancelling (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t a = {0}, b = {0}, c = {0};
    zloom_timers_arm (timers, &a, 10);
    zloom_timers_arm (timers, &b, 20);
    zloom_timers_arm (timers, &c, 30);
    zloom_timers_arm (timers, &a, 40);
    zloom_timers_arm (timers, &c, 5);
    assert_int_equal (zloom_timers_count (timers), 3);
    zloom_timers_cancel (timers, &b);
    zloom_timers_cancel (timers, &b);
    assert_int_equal (b.slot, 0);
    assert_ptr_equal (zloom_timers_pop_due (timers, 100), &c);
    zloom_timers_arm (timers, &a, ZLOOM_NEVER);
    assert_int_equal (zloom_timers_count (timers), 0);
    assert_true (zloom_timers_next (timers) == ZLOOM_NEVER);
    zloom_timers_destroy (&timers);
}

static void
test_shift_moves_all (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t a = {0}, b = {0};
    zloom_timers_arm (timers, &a, 10);
    zloom_timers_arm (timers, &b, 20);
    zloom_timers_shift (timers, 90);
    assert_true (zloom_timers_next (timers) == 100);
    assert_ptr_equal (zloom_timers_pop_due (timers, 109), &a);
    assert_null (zloom_timers_pop_due (timers, 109));
    assert_ptr_equal (zloom_timers_pop_due (timers, 110), &b);
    zloom_timers_destroy (&timers);
}

static void
test_shift_stops_short_of_never (void **state)
{
    (void) state;
    zloom_timers_t *timers = zloom_timers_new ();
    zloom_timer_t last = {0}, late = {0};
    zloom_timers_arm (timers, &last, ZLOOM_NEVER - 1);
    zloom_timers_arm (timers, &late, ZLOOM_NEVER - 10);
    zloom_timers_shift (timers, 90);
    /* Both stand at the end of time now, where the one armed first is first; neither is lost. */
    assert_true (zloom_timers_next (timers) == ZLOOM_NEVER - 1);
    assert_ptr_equal (zloom_timers_pop_due (timers, ZLOOM_NEVER - 1), &last);
    assert_ptr_equal (zloom_timers_pop_due (timers, ZLOOM_NEVER - 1), &late);
    zloom_timers_destroy (&timers);
}

/* What should be armed, beside the timers themselves. */
enum { TIMERS = 64 };

typedef struct {
    bool armed[TIMERS];
    int64_t deadline_ns[TIMERS];
    uint64_t order[TIMERS];
    uint64_t next_order;
    size_t count;
} model_t;

/* The index of the earliest, TIMERS when none is armed. */
static size_t
s_earliest (const model_t *model)
{
    size_t best = TIMERS;
    for (size_t i = 0; i < TIMERS; i++) {
        if (model->armed[i] &&
            (best == TIMERS || model->deadline_ns[i] < model->deadline_ns[best] ||
             (model->deadline_ns[i] == model->deadline_ns[best] &&
              model->order[i] < model->order[best]))) {
            best = i;
        }
    }
    return best;
}

static void
s_model_disarm (model_t *model, size_t index)
{
    model->count -= model->armed[index];
    model->armed[index] = false;
}

static void
s_step (zloom_timers_t *timers, zloom_timer_t *all, model_t *model, zloom_random_t *random)
{
    size_t index = (size_t) zloom_random_below (random, TIMERS);
    int64_t time_ns = (int64_t) zloom_random_below (random, 40);
    switch (zloom_random_below (random, 8)) {
    case 0:
        zloom_timers_cancel (timers, &all[index]);
        s_model_disarm (model, index);
        break;
    case 1:
    case 2: {
        size_t earliest = s_earliest (model);
        zloom_timer_t *due = zloom_timers_pop_due (timers, time_ns);
        if (earliest < TIMERS && model->deadline_ns[earliest] <= time_ns) {
            assert_ptr_equal (due, &all[earliest]);
            s_model_disarm (model, earliest);
        } else {
            assert_null (due);
        }
        break;
    }
    case 3:
        zloom_timers_shift (timers, time_ns % 3);
        for (size_t i = 0; i < TIMERS; i++) {
            model->deadline_ns[i] += time_ns % 3;
        }
        break;
    default:
        zloom_timers_arm (timers, &all[index], time_ns);
        model->count += !model->armed[index];
        model->armed[index] = true;
        model->deadline_ns[index] = time_ns;
        model->order[index] = model->next_order++;
        break;
    }
}

static void
test_against_a_model (void **state)
{
    (void) state;
    zloom_random_t random;
    helper_seed (&random);
    for (int run = 0; run < 40; run++) {
        zloom_timers_t *timers = zloom_timers_new ();
        zloom_timer_t all[TIMERS] = {{0}};
        model_t model = {.count = 0};
        for (int step = 0; step < 1000; step++) {
            s_step (timers, all, &model, &random);
            size_t earliest = s_earliest (&model);
            assert_int_equal (zloom_timers_count (timers), model.count);
            assert_true (zloom_timers_next (timers) ==
                         (earliest < TIMERS ? model.deadline_ns[earliest] : ZLOOM_NEVER));
            for (size_t i = 0; i < TIMERS; i++) {
                assert_int_equal (all[i].slot != 0, model.armed[i]);
            }
        }
        zloom_timers_destroy (&timers);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_nothing_is_armed),
      cmocka_unit_test (test_due_from_the_deadline_on),
      cmocka_unit_test (test_equal_deadlines_go_first_in_first_out),
      cmocka_unit_test (test_moving_and_cancelling),
      cmocka_unit_test (test_shift_moves_all),
      cmocka_unit_test (test_shift_stops_short_of_never),
      cmocka_unit_test (test_against_a_model),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
