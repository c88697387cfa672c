/* SPDX-License-Identifier: MPL-2.0 */
/* What several subscribers get alike is made once, is only theirs, and ends with the hand-out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/shared.h"

static zloom_shared_t s_shared;

static int
s_teardown (void **state)
{
    (void) state;
    zloom_shared_fini (&s_shared);
    return 0;
}

static void
s_put (const zloom_run_t *runs, size_t count, const char *bytes)
{
    zloom_blob_t *blob = zloom_blob_new (bytes, strlen (bytes));
    zloom_shared_item_t *item = zloom_shared_at (&s_shared, runs, count);
    assert_non_null (item);
    assert_int_equal (item->run_count, 0);
    zloom_shared_put (&s_shared, item, runs, count, blob, zloom_blob_bytes (blob));
    zloom_blob_unref (&blob);
}

static void
test_the_same_runs_are_found (void **state)
{
    (void) state;
    const zloom_run_t runs[] = {{7, 2}, {12, 1}};
    const zloom_run_t others[] = {{7, 2}, {13, 1}};
    s_put (runs, 2, "seven");
    const zloom_shared_item_t *item = zloom_shared_at (&s_shared, runs, 2);
    assert_int_equal (item->run_count, 2);
    assert_memory_equal (item->pack.data, "seven", 5);
    /* Fewer, or others that begin alike, are not the same: they take the place. */
    assert_int_equal (zloom_shared_at (&s_shared, others, 2)->run_count, 0);
    assert_int_equal (zloom_shared_at (&s_shared, runs, 2)->run_count, 0);
    s_put (runs, 1, "one");
    assert_int_equal (zloom_shared_at (&s_shared, runs, 2)->run_count, 0);
}

static void
test_many_runs_are_nobodys (void **state)
{
    (void) state;
    zloom_run_t runs[ZLOOM_SHARED_RUNS + 1];
    for (size_t i = 0; i <= ZLOOM_SHARED_RUNS; i++) {
        runs[i] = (zloom_run_t){2 * i + 1, 1};
    }
    assert_null (zloom_shared_at (&s_shared, runs, ZLOOM_SHARED_RUNS + 1));
    assert_null (zloom_shared_at (&s_shared, runs, 0));
    assert_non_null (zloom_shared_at (&s_shared, runs, ZLOOM_SHARED_RUNS));
}

static void
test_it_ends_with_the_hand_out (void **state)
{
    (void) state;
    for (uint64_t seq = 1; seq < 1000; seq++) {
        const zloom_run_t run = {seq, 1};
        s_put (&run, 1, "x");
    }
    zloom_shared_clear (&s_shared);
    assert_int_equal (s_shared.count, 0);
    for (uint64_t seq = 1; seq < 1000; seq++) {
        const zloom_run_t run = {seq, 1};
        assert_int_equal (zloom_shared_at (&s_shared, &run, 1)->run_count, 0);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown (test_the_same_runs_are_found, s_teardown),
      cmocka_unit_test_teardown (test_many_runs_are_nobodys, s_teardown),
      cmocka_unit_test_teardown (test_it_ends_with_the_hand_out, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
