/* SPDX-License-Identifier: MPL-2.0 */
/* When a child is started again, and when no more. */
#include "nodes/worker/restart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const int64_t s_backoff[] = {10, 50};
static const zloom_restart_config_t s_config = {
  .backoff_ns = {.items = s_backoff, .count = 2}, .budget = 3, .within_ns = 1000};

static void
ends_in_a_row_wait_longer (void **state)
{
    (void) state;
    zloom_restart_t restart;
    int64_t at_ns = 0;
    zloom_restart_init (&restart, &s_config);
    assert_true (zloom_restart_next (&restart, false, 100, &at_ns));
    assert_int_equal (at_ns, 110);
    assert_true (zloom_restart_next (&restart, false, 110, &at_ns));
    assert_int_equal (at_ns, 160);
    assert_true (zloom_restart_next (&restart, false, 160, &at_ns));
    assert_int_equal (at_ns, 210);
    zloom_restart_fini (&restart);
}

static void
the_budget_is_for_a_window (void **state)
{
    (void) state;
    zloom_restart_t restart;
    int64_t at_ns = 0;
    zloom_restart_init (&restart, &s_config);
    for (int i = 0; i < 3; i++) {
        assert_true (zloom_restart_next (&restart, false, 100 + i, &at_ns));
    }
    assert_false (zloom_restart_next (&restart, false, 1099, &at_ns));
    assert_true (zloom_restart_next (&restart, false, 1100, &at_ns));
    assert_false (zloom_restart_next (&restart, false, 1100, &at_ns));
    zloom_restart_fini (&restart);
}

static void
work_clears_the_slate (void **state)
{
    (void) state;
    zloom_restart_t restart;
    int64_t at_ns = 0;
    zloom_restart_init (&restart, &s_config);
    for (int i = 0; i < 20; i++) {
        assert_true (zloom_restart_next (&restart, false, 100, &at_ns));
        assert_true (zloom_restart_next (&restart, false, 100, &at_ns));
        assert_true (zloom_restart_next (&restart, true, 100, &at_ns));
        assert_int_equal (at_ns, 110);
    }
    zloom_restart_fini (&restart);
}

static void
a_budget_of_none_is_no_restart (void **state)
{
    (void) state;
    const zloom_restart_config_t config = {
      .backoff_ns = {.items = s_backoff, .count = 2}, .budget = 0, .within_ns = 1000};
    zloom_restart_t restart;
    int64_t at_ns = 0;
    zloom_restart_init (&restart, &config);
    assert_false (zloom_restart_next (&restart, false, 100, &at_ns));
    zloom_restart_fini (&restart);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (ends_in_a_row_wait_longer),
      cmocka_unit_test (the_budget_is_for_a_window),
      cmocka_unit_test (work_clears_the_slate),
      cmocka_unit_test (a_budget_of_none_is_no_restart),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
