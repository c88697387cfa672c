/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hold.h"

static void
test_nothing_leaves_before_its_group (void **state)
{
    (void) state;
    zloom_hold_t *hold = zloom_hold_new ();
    zloom_held_t held;
    zloom_hold_push (hold, &(zloom_held_t){3, 7, false, zloom_bytes ("abc", 3)});
    zloom_hold_push (hold, &(zloom_held_t){4, 8, true, zloom_bytes ("de", 2)});
    assert_false (zloom_hold_pop (hold, 2, &held));
    assert_true (zloom_hold_pop (hold, 3, &held));
    assert_int_equal (held.session, 7);
    assert_memory_equal (held.verb.data, "abc", 3);
    assert_false (zloom_hold_pop (hold, 3, &held));
    assert_true (zloom_hold_pop (hold, 9, &held));
    assert_true (held.welcome);
    assert_memory_equal (held.verb.data, "de", 2);
    assert_int_equal (zloom_hold_count (hold), 0);
    zloom_hold_destroy (&hold);
}

static void
test_order_over_growth_and_compaction (void **state)
{
    (void) state;
    zloom_hold_t *hold = zloom_hold_new ();
    zloom_held_t held;
    uint32_t next = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        zloom_hold_push (hold, &(zloom_held_t){i, i, false, zloom_bytes (&i, sizeof i)});
        for (int j = 0; j < (i % 2 ? 1 : 0) + (i > 2500 ? 1 : 0); j++) {
            if (zloom_hold_pop (hold, UINT64_MAX, &held)) {
                assert_memory_equal (held.verb.data, &next, sizeof next);
                assert_int_equal (held.group, next);
                next++;
            }
        }
    }
    while (zloom_hold_pop (hold, UINT64_MAX, &held)) {
        assert_memory_equal (held.verb.data, &next, sizeof next);
        next++;
    }
    assert_int_equal (next, 5000);
    zloom_hold_push (hold, &(zloom_held_t){1, 1, false, zloom_bytes ("x", 1)});
    zloom_hold_clear (hold);
    assert_false (zloom_hold_pop (hold, UINT64_MAX, &held));
    zloom_hold_destroy (&hold);
    assert_null (hold);
    zloom_hold_destroy (&hold); /* nothing is left to free */
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_nothing_leaves_before_its_group),
      cmocka_unit_test (test_order_over_growth_and_compaction),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
