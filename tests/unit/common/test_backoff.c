/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "patterns/common/backoff.h"

static void
backoff_repeats_its_last_value (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, 1);
    zloom_flow_config_t config = {.backoff_ns = {10, 20, 30}, .backoff_count = 3};
    const int64_t expected[] = {10, 20, 30, 30, 30};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal (zloom_backoff_delay (&config, i + 1, &random), expected[i]);
    }
    config.backoff_count = 0;
    assert_int_equal (zloom_backoff_delay (&config, 1, &random), 0);
}

static void
backoff_jitter_stays_in_its_band (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, 1);
    zloom_flow_config_t config = {
      .backoff_ns = {1000000}, .backoff_count = 1, .jitter_ppm = 100000};
    int64_t low = INT64_MAX;
    int64_t high = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t delay_ns = zloom_backoff_delay (&config, 1, &random);
        low = delay_ns < low ? delay_ns : low;
        high = delay_ns > high ? delay_ns : high;
    }
    assert_in_range (low, 900000, 901000);
    assert_in_range (high, 1099000, 1100000);
    config.backoff_ns[0] = INT64_MAX; /* bounded, without overflow */
    config.jitter_ppm = 5000000;
    assert_in_range (zloom_backoff_delay (&config, 1, &random), 0, ZLOOM_BACKOFF_LONGEST_NS);
}

static void
backoff_named_delays_are_exact_and_bounded (void **state)
{
    (void) state;
    assert_int_equal (zloom_backoff_named (1500), 1500 * ZLOOM_NS_PER_MS);
    assert_int_equal (zloom_backoff_named (-5), 0);
    assert_int_equal (zloom_backoff_named (INT64_MAX), ZLOOM_BACKOFF_LONGEST_NS);
}

static void
backoff_rest_is_clamped (void **state)
{
    (void) state;
    assert_int_equal (zloom_backoff_rest (1000, 100, 1030), 70);
    assert_int_equal (zloom_backoff_rest (1000, 100, 1100), 0);
    assert_int_equal (zloom_backoff_rest (1000, 100, 9999), 0);
    assert_int_equal (zloom_backoff_rest (1000, 100, 500), 100); /* the clock went back */
    assert_int_equal (zloom_backoff_rest (1000, -100, 500), 0);
    assert_int_equal (zloom_backoff_rest (INT64_MIN, INT64_MAX, INT64_MAX), 0);
    assert_int_equal (zloom_backoff_rest (INT64_MAX, INT64_MAX, INT64_MIN),
                      ZLOOM_BACKOFF_LONGEST_NS);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (backoff_repeats_its_last_value),
      cmocka_unit_test (backoff_jitter_stays_in_its_band),
      cmocka_unit_test (backoff_named_delays_are_exact_and_bounded),
      cmocka_unit_test (backoff_rest_is_clamped),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
