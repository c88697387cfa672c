/* SPDX-License-Identifier: MPL-2.0 */
/* The life of a supervised process, on a virtual clock. */
#include "launch/unit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S ZLOOM_NS_PER_S

static const int64_t s_backoff[] = {1 * S, 5 * S};
static const zloom_child_end_t s_crash = {.exit = -1, .signal = 11};
static const zloom_child_end_t s_clean = {.exit = 0};

static zloom_unit_t *
s_new (int64_t budget, bool completes)
{
    zloom_unit_config_t config = {.backoff_ns = {s_backoff, 2},
                                  .budget = budget,
                                  .within_ns = 60 * S,
                                  .ready_limit_ns = 10 * S,
                                  .completes = completes};
    return zloom_unit_new (&config);
}

static void
unit_starts_and_gets_ready (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (3, false);
    assert_int_equal (zloom_unit_start (unit, 0), ZLOOM_UNIT_SPAWN);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_STARTING);
    assert_int_equal (zloom_unit_deadline (unit), 10 * S);
    zloom_unit_ready (unit);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_READY);
    assert_int_equal (zloom_unit_deadline (unit), ZLOOM_NEVER);
    assert_int_equal (zloom_unit_start (unit, 0), ZLOOM_UNIT_NOTHING);
    zloom_unit_destroy (&unit);
}

static void
unit_restarts_with_growing_backoff_until_budget_is_used (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (3, false);
    zloom_unit_start (unit, 0);
    const int64_t waits[] = {1 * S, 5 * S, 5 * S};
    int64_t now = 0;
    for (int i = 0; i < 3; i++) {
        zloom_unit_ready (unit);
        zloom_unit_ended (unit, &s_crash, now);
        assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
        assert_int_equal (zloom_unit_deadline (unit), now + waits[i]);
        assert_int_equal (zloom_unit_timer (unit, now + waits[i] - 1), ZLOOM_UNIT_NOTHING);
        now += waits[i];
        assert_int_equal (zloom_unit_timer (unit, now), ZLOOM_UNIT_SPAWN);
    }
    assert_int_equal (zloom_unit_restarts (unit), 3);
    zloom_unit_ended (unit, &s_crash, now);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_FAILED);
    zloom_unit_destroy (&unit);
}

static void
unit_budget_comes_back_with_time (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    zloom_unit_start (unit, 0);
    zloom_unit_ended (unit, &s_crash, 0);
    assert_int_equal (zloom_unit_timer (unit, 1 * S), ZLOOM_UNIT_SPAWN);
    zloom_unit_ended (unit, &s_crash, 61 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
    zloom_unit_destroy (&unit);
}

static void
unit_that_is_never_ready_is_killed (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    zloom_unit_start (unit, 0);
    assert_int_equal (zloom_unit_timer (unit, 10 * S), ZLOOM_UNIT_KILL);
    assert_int_equal (zloom_unit_timer (unit, 11 * S), ZLOOM_UNIT_NOTHING);
    zloom_unit_ended (unit, &s_crash, 11 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
    zloom_unit_destroy (&unit);
}

static void
unit_stops_with_a_deadline (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    zloom_unit_start (unit, 0);
    zloom_unit_ready (unit);
    assert_int_equal (zloom_unit_stop (unit, 30 * S), ZLOOM_UNIT_TERMINATE);
    assert_true (zloom_unit_alive (unit));
    assert_int_equal (zloom_unit_stop (unit, 20 * S), ZLOOM_UNIT_NOTHING);
    assert_int_equal (zloom_unit_timer (unit, 20 * S), ZLOOM_UNIT_KILL);
    /* Killed once is killed: asking again, even at once, changes nothing. */
    assert_int_equal (zloom_unit_stop (unit, 0), ZLOOM_UNIT_NOTHING);
    assert_int_equal (zloom_unit_deadline (unit), ZLOOM_NEVER);
    assert_int_equal (zloom_unit_timer (unit, 21 * S), ZLOOM_UNIT_NOTHING);
    zloom_unit_ended (unit, &s_crash, 21 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_DONE);
    zloom_unit_destroy (&unit);
}

static void
unit_stopped_while_it_waits_never_starts (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    zloom_unit_start (unit, 0);
    zloom_unit_ended (unit, &s_crash, 0);
    assert_int_equal (zloom_unit_stop (unit, 5 * S), ZLOOM_UNIT_NOTHING);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_DONE);
    assert_int_equal (zloom_unit_timer (unit, 100 * S), ZLOOM_UNIT_NOTHING);
    zloom_unit_destroy (&unit);
}

/* Whoever starts it again by hand wants it tried in earnest: the budget is whole again. */
static void
unit_is_revived_with_its_whole_budget (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    assert_false (zloom_unit_revive (unit));
    zloom_unit_start (unit, 0);
    assert_false (zloom_unit_revive (unit));
    zloom_unit_ended (unit, &s_crash, 0);
    assert_int_equal (zloom_unit_timer (unit, 1 * S), ZLOOM_UNIT_SPAWN);
    zloom_unit_ended (unit, &s_crash, 1 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_FAILED);
    assert_true (zloom_unit_revive (unit));
    assert_int_equal (zloom_unit_start (unit, 2 * S), ZLOOM_UNIT_SPAWN);
    zloom_unit_ended (unit, &s_crash, 2 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
    zloom_unit_stop (unit, 3 * S);
    assert_true (zloom_unit_revive (unit));
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_WAITING);
    zloom_unit_destroy (&unit);
}

/* Who mended the cause does not wait for what the failures before have earned. */
static void
unit_that_waits_for_its_restart_is_revived_at_once (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (2, false);
    zloom_unit_start (unit, 0);
    zloom_unit_ended (unit, &s_crash, 0);
    zloom_unit_timer (unit, 1 * S);
    zloom_unit_ended (unit, &s_crash, 1 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
    assert_int_equal (zloom_unit_restarts (unit), 2);
    assert_true (zloom_unit_revive (unit));
    assert_int_equal (zloom_unit_restarts (unit), 0);
    assert_int_equal (zloom_unit_timer (unit, 100 * S), ZLOOM_UNIT_NOTHING);
    assert_int_equal (zloom_unit_start (unit, 2 * S), ZLOOM_UNIT_SPAWN);
    assert_int_equal (zloom_unit_deadline (unit), 12 * S);
    zloom_unit_ended (unit, &s_crash, 2 * S);
    assert_int_equal (zloom_unit_deadline (unit), 2 * S + s_backoff[0]);
    zloom_unit_destroy (&unit);
}

/* It may have begun before the cause was mended: its next wait is the first one, too. */
static void
unit_that_is_starting_has_its_whole_budget_again (void **state)
{
    (void) state;
    zloom_unit_t *unit = s_new (1, false);
    zloom_unit_start (unit, 0);
    zloom_unit_ended (unit, &s_crash, 0);
    assert_int_equal (zloom_unit_timer (unit, 1 * S), ZLOOM_UNIT_SPAWN);
    assert_false (zloom_unit_revive (unit));
    zloom_unit_ended (unit, &s_crash, 2 * S);
    assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_BACKOFF);
    assert_int_equal (zloom_unit_deadline (unit), 2 * S + s_backoff[0]);
    zloom_unit_destroy (&unit);
}

static void
unit_completes_or_is_restarted (void **state)
{
    (void) state;
    zloom_unit_t *once = s_new (1, true);
    zloom_unit_start (once, 0);
    zloom_unit_ended (once, &s_clean, 0);
    assert_int_equal (zloom_unit_state (once), ZLOOM_UNIT_DONE);
    zloom_unit_destroy (&once);
    zloom_unit_t *server = s_new (1, false);
    zloom_unit_start (server, 0);
    zloom_unit_ended (server, &s_clean, 0);
    assert_int_equal (zloom_unit_state (server), ZLOOM_UNIT_BACKOFF);
    zloom_unit_destroy (&server);
}

static void
unit_whose_program_is_missing_is_not_tried_again (void **state)
{
    (void) state;
    const zloom_child_end_t ends[] = {
      {.exit = 127, .start_errno = ENOENT}, {.exit = 127}, {.exit = 78}, {.exit = 77}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        zloom_unit_t *unit = s_new (5, false);
        zloom_unit_start (unit, 0);
        zloom_unit_ended (unit, &ends[i], 0);
        assert_int_equal (zloom_unit_state (unit), ZLOOM_UNIT_FAILED);
        zloom_unit_destroy (&unit);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (unit_starts_and_gets_ready),
      cmocka_unit_test (unit_restarts_with_growing_backoff_until_budget_is_used),
      cmocka_unit_test (unit_budget_comes_back_with_time),
      cmocka_unit_test (unit_that_is_never_ready_is_killed),
      cmocka_unit_test (unit_stops_with_a_deadline),
      cmocka_unit_test (unit_stopped_while_it_waits_never_starts),
      cmocka_unit_test (unit_is_revived_with_its_whole_budget),
      cmocka_unit_test (unit_that_waits_for_its_restart_is_revived_at_once),
      cmocka_unit_test (unit_that_is_starting_has_its_whole_budget_again),
      cmocka_unit_test (unit_completes_or_is_restarted),
      cmocka_unit_test (unit_whose_program_is_missing_is_not_tried_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
