/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "peer/credit.h"

static void
test_nothing_goes_without_credit (void **state)
{
    (void) state;
    const zloom_credit_t credit = {0};
    assert_false (zloom_credit_covers (&credit, 1, 1));
    assert_false (zloom_credit_covers (&credit, 0, 0));
}

static void
test_each_of_the_three_bounds (void **state)
{
    (void) state;
    zloom_credit_t credit = {0};
    assert_true (zloom_credit_raise (&credit, &(zloom_amount_t){10, 100, 2}));
    assert_false (zloom_credit_covers (&credit, 11, 1));
    assert_true (zloom_credit_covers (&credit, 10, 1));
    zloom_credit_use (&credit, 1, 1);
    zloom_credit_use (&credit, 1, 1);
    assert_false (zloom_credit_covers (&credit, 1, 1)); /* no frame left */
    zloom_credit_raise (&credit, &(zloom_amount_t){10, 100, 3});
    assert_true (zloom_credit_covers (&credit, 8, 1));
    assert_false (zloom_credit_covers (&credit, 9, 1));
}

static void
test_the_last_frame_may_pass_the_bytes (void **state)
{
    (void) state;
    zloom_credit_t credit = {0};
    zloom_credit_raise (&credit, &(zloom_amount_t){10, 100, 10});
    assert_true (zloom_credit_covers (&credit, 1, 5000));
    zloom_credit_use (&credit, 1, 5000);
    assert_false (zloom_credit_covers (&credit, 1, 1));
    assert_int_equal (zloom_credit_left (&credit).bytes, 0);
    zloom_credit_raise (&credit, &(zloom_amount_t){10, 5001, 10});
    assert_true (zloom_credit_covers (&credit, 1, 1));
}

static void
test_totals_never_fall (void **state)
{
    (void) state;
    zloom_credit_t credit = {0};
    zloom_credit_raise (&credit, &(zloom_amount_t){10, 100, 10});
    assert_false (zloom_credit_raise (&credit, &(zloom_amount_t){5, 50, 10}));
    assert_true (zloom_credit_raise (&credit, &(zloom_amount_t){5, 101, 1}));
    assert_int_equal (credit.granted.messages, 10);
    assert_int_equal (credit.granted.bytes, 101);
    assert_int_equal (credit.granted.frames, 10);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_nothing_goes_without_credit),
      cmocka_unit_test (test_each_of_the_three_bounds),
      cmocka_unit_test (test_the_last_frame_may_pass_the_bytes),
      cmocka_unit_test (test_totals_never_fall),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
