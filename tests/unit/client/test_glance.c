/* SPDX-License-Identifier: MPL-2.0 */
#include "client/glance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TICK_NS (4 * ZLOOM_NS_PER_MS)

/* So many calls, so far apart: how many read the clocks, and how old the oldest time was. */
static uint32_t
s_calls (zloom_glance_t *self, int64_t *at_ns, uint32_t calls, int64_t apart_ns, int64_t *oldest_ns)
{
    uint32_t readings = 0;
    *oldest_ns = 0;
    for (uint32_t i = 0; i < calls; i++) {
        *at_ns += apart_ns;
        const int64_t tick_ns = *at_ns / TICK_NS * TICK_NS;
        if (zloom_glance_due (self, tick_ns)) {
            zloom_glance_set (self, (zloom_now_t){*at_ns, *at_ns}, tick_ns);
            readings++;
        }
        const int64_t old_ns = *at_ns - self->now.mono_ns;
        *oldest_ns = old_ns > *oldest_ns ? old_ns : *oldest_ns;
    }
    return readings;
}

static void
test_first_call_reads (void **state)
{
    (void) state;
    zloom_glance_t glance = {0};
    assert_true (zloom_glance_due (&glance, 0));
}

static void
test_fast_calls_rarely_read (void **state)
{
    (void) state;
    zloom_glance_t glance = {0};
    int64_t at_ns = ZLOOM_NS_PER_S;
    int64_t oldest_ns;
    (void) s_calls (&glance, &at_ns, 100, 200, &oldest_ns);
    assert_in_range (s_calls (&glance, &at_ns, 6400, 200, &oldest_ns), 90, 130);
    assert_in_range (oldest_ns, 0, 100 * ZLOOM_NS_PER_US);
}

static void
test_slow_calls_always_read (void **state)
{
    (void) state;
    zloom_glance_t glance = {0};
    int64_t at_ns = ZLOOM_NS_PER_S;
    int64_t oldest_ns;
    assert_int_equal (s_calls (&glance, &at_ns, 100, ZLOOM_NS_PER_MS, &oldest_ns), 100);
    assert_int_equal (oldest_ns, 0);
}

static void
test_age_is_bounded_at_every_pace (void **state)
{
    (void) state;
    for (int64_t apart_ns = 100; apart_ns < 10 * ZLOOM_NS_PER_MS; apart_ns *= 3) {
        zloom_glance_t glance = {0};
        int64_t at_ns = ZLOOM_NS_PER_S;
        int64_t oldest_ns;
        (void) s_calls (&glance, &at_ns, 1000, apart_ns, &oldest_ns);
        (void) s_calls (&glance, &at_ns, 10000, apart_ns, &oldest_ns);
        assert_in_range (oldest_ns, 0, 150 * ZLOOM_NS_PER_US);
    }
}

/* Fast, then suddenly slow: the tick ends what the stride would allow, and the stride goes. */
static void
test_pace_breaks (void **state)
{
    (void) state;
    zloom_glance_t glance = {0};
    int64_t at_ns = ZLOOM_NS_PER_S;
    int64_t oldest_ns;
    (void) s_calls (&glance, &at_ns, 10000, 100, &oldest_ns);
    assert_true (glance.stride > 8);
    (void) s_calls (&glance, &at_ns, 20, ZLOOM_NS_PER_MS, &oldest_ns);
    assert_in_range (oldest_ns, 0, TICK_NS);
    assert_int_equal (s_calls (&glance, &at_ns, 20, ZLOOM_NS_PER_MS, &oldest_ns), 20);
}

static void
test_real_clocks (void **state)
{
    (void) state;
    zloom_glance_t glance = {0};
    const int64_t before_ns = zloom_clock_now ().mono_ns;
    int64_t last_ns = 0;
    for (int i = 0; i < 1000; i++) {
        const int64_t now_ns = zloom_glance (&glance).mono_ns;
        assert_true (now_ns >= before_ns && now_ns >= last_ns);
        last_ns = now_ns;
    }
    assert_true (last_ns <= zloom_clock_now ().mono_ns);
    assert_true (zloom_clock_tick_ns () <= zloom_clock_now ().mono_ns);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_first_call_reads),
      cmocka_unit_test (test_fast_calls_rarely_read),
      cmocka_unit_test (test_slow_calls_always_read),
      cmocka_unit_test (test_age_is_bounded_at_every_pace),
      cmocka_unit_test (test_pace_breaks),
      cmocka_unit_test (test_real_clocks),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
