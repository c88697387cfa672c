/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <time.h>

#include "base/clock.h"

static void
test_time_add_saturates (void **state)
{
    (void) state;
    assert_true (zloom_time_add (5, 7) == 12);
    assert_true (zloom_time_add (-5, 7) == 2);
    assert_true (zloom_time_add (ZLOOM_NEVER, 1) == ZLOOM_NEVER);
    assert_true (zloom_time_add (1, ZLOOM_NEVER) == ZLOOM_NEVER);
    assert_true (zloom_time_add (ZLOOM_NEVER - 5, 4) == ZLOOM_NEVER - 1);
    assert_true (zloom_time_add (INT64_MIN, ZLOOM_NEVER) == -1);
}

static void
test_the_clocks_are_the_systems (void **state)
{
    (void) state;
    struct timespec before, after;
    clock_gettime (CLOCK_MONOTONIC, &before);
    zloom_now_t now = zloom_clock_now ();
    const int64_t mono_ns = zloom_clock_mono_ns ();
    clock_gettime (CLOCK_MONOTONIC, &after);
    assert_true (mono_ns >= now.mono_ns);
    assert_true (mono_ns <= after.tv_sec * ZLOOM_NS_PER_S + after.tv_nsec);
    assert_true (now.mono_ns >= before.tv_sec * ZLOOM_NS_PER_S + before.tv_nsec);
    assert_true (now.mono_ns <= after.tv_sec * ZLOOM_NS_PER_S + after.tv_nsec);
    int64_t off_s = now.wall_ns / ZLOOM_NS_PER_S - (int64_t) time (NULL);
    assert_true (off_s >= -60 && off_s <= 60);
}

static void
test_wall_text (void **state)
{
    (void) state;
    static const struct {
        int64_t wall_ns;
        const char *text;
    } cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {123 * ZLOOM_NS_PER_MS + 999999, "1970-01-01T00:00:00.123Z"},
      {INT64_C (1795438200123000000), "2026-11-23T12:50:00.123Z"},
      {INT64_C (951782400) * ZLOOM_NS_PER_S, "2000-02-29T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-ZLOOM_NS_PER_S, "1969-12-31T23:59:59.000Z"},
      {INT64_MAX, "2262-04-11T23:47:16.854Z"},
      {INT64_MIN, "1677-09-21T00:12:43.145Z"},
    };
    for (size_t i = 0; i < COUNT (cases); i++) {
        char text[32];
        assert_ptr_equal (zloom_wall_text (cases[i].wall_ns, text), text);
        assert_string_equal (text, cases[i].text);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_time_add_saturates),
      cmocka_unit_test (test_the_clocks_are_the_systems),
      cmocka_unit_test (test_wall_text),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
