/* SPDX-License-Identifier: MPL-2.0 */
/* So many bytes a second, and what is beyond is counted. */
#include "nodes/worker/rate.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS ZLOOM_NS_PER_MS

static void
a_second_has_so_many_bytes (void **state)
{
    (void) state;
    zloom_rate_t rate;
    zloom_rate_init (&rate, 1000, 0);
    assert_true (zloom_rate_take (&rate, 600, 0));
    assert_false (zloom_rate_take (&rate, 500, 10 * MS));
    assert_true (zloom_rate_take (&rate, 410, 10 * MS));
    assert_false (zloom_rate_take (&rate, 1, 10 * MS));
    assert_int_equal (rate.dropped_lines, 2);
    assert_int_equal (rate.dropped_bytes, 501);
    assert_true (zloom_rate_take (&rate, 100, 110 * MS));
    assert_false (zloom_rate_take (&rate, 100, 111 * MS));
}

static void
silence_saves_up_one_second (void **state)
{
    (void) state;
    zloom_rate_t rate;
    zloom_rate_init (&rate, 1000, 0);
    assert_true (zloom_rate_take (&rate, 1000, 3600 * ZLOOM_NS_PER_S));
    assert_false (zloom_rate_take (&rate, 1, 3600 * ZLOOM_NS_PER_S));
}

/* Looking often gains nothing: what is less than a byte is not lost either. */
static void
looks_that_are_close_together_add_up (void **state)
{
    (void) state;
    const int64_t steps_ns[] = {100000, 700000, 950000};
    for (size_t i = 0; i < sizeof steps_ns / sizeof *steps_ns; i++) {
        zloom_rate_t rate;
        zloom_rate_init (&rate, 1000, 0);
        assert_true (zloom_rate_take (&rate, 1000, 0));
        size_t taken = 0;
        for (int64_t at_ns = 0; at_ns <= 500 * MS; at_ns += steps_ns[i]) {
            taken += zloom_rate_take (&rate, 1, at_ns) ? 1 : 0;
        }
        assert_in_range (taken, 499, 501);
    }
}

static void
a_line_longer_than_a_second_goes_when_all_is_there (void **state)
{
    (void) state;
    zloom_rate_t rate;
    zloom_rate_init (&rate, 1000, 0);
    assert_true (zloom_rate_take (&rate, 8000, 0));
    assert_false (zloom_rate_take (&rate, 8000, 999 * MS));
    assert_true (zloom_rate_take (&rate, 8000, 1000 * MS));
}

static void
without_a_limit_all_goes (void **state)
{
    (void) state;
    zloom_rate_t rate;
    zloom_rate_init (&rate, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true (zloom_rate_take (&rate, 1000000, 0));
    }
    assert_int_equal (rate.dropped_lines, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (a_second_has_so_many_bytes),
      cmocka_unit_test (silence_saves_up_one_second),
      cmocka_unit_test (looks_that_are_close_together_add_up),
      cmocka_unit_test (a_line_longer_than_a_second_goes_when_all_is_there),
      cmocka_unit_test (without_a_limit_all_goes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
