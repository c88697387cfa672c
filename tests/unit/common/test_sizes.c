/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "patterns/common/ages.h"
#include "patterns/common/sizes.h"

static void
sizes_are_exact_by_chunk_and_zero_when_empty (void **state)
{
    (void) state;
    zloom_sizes_t sizes = {0};
    zloom_sizes_add (&sizes, 1, 3, 100);
    zloom_sizes_add (&sizes, 4, 4, 1);
    assert_int_equal (sizes.bytes, 101);
    assert_int_equal (zloom_sizes_mean (&sizes, 2), 26);
    assert_int_equal (zloom_sizes_remove (&sizes, 2, 3), 50);
    assert_int_equal (zloom_sizes_remove (&sizes, 1, 1), 25);
    assert_int_equal (zloom_sizes_remove (&sizes, 4, 4), 26);
    assert_int_equal (sizes.bytes, 0);
    assert_int_equal (zloom_sizes_mean (&sizes, 2), 0);
    zloom_sizes_add (&sizes, 4000, 20000, 1000003); /* over several chunks */
    assert_int_equal (sizes.bytes, 1000003);
    assert_int_equal (zloom_sizes_remove (&sizes, 4000, 20000), 1000003);
    assert_int_equal (sizes.count, 0);
    zloom_sizes_fini (&sizes);
}

static void
sizes_return_to_zero_in_any_order (void **state)
{
    (void) state;
    zloom_sizes_t sizes = {0};
    zloom_random_t random;
    zloom_random_init (&random, 3);
    static uint64_t order[30000];
    for (uint64_t i = 0; i < 30000; i++) {
        order[i] = i;
        zloom_sizes_add (&sizes, i, i, zloom_random_below (&random, 5000));
    }
    for (uint64_t i = 29999; i > 0; i--) {
        uint64_t j = zloom_random_below (&random, i + 1);
        uint64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint64_t i = 0; i < 30000; i++) {
        assert_true (sizes.bytes > 0 || i > 29000);
        zloom_sizes_remove (&sizes, order[i], order[i]);
    }
    assert_int_equal (sizes.bytes, 0);
    assert_int_equal (sizes.count, 0);
    zloom_sizes_fini (&sizes);
}

static void
sizes_come_back_from_a_snapshot (void **state)
{
    (void) state;
    zloom_sizes_t sizes = {0};
    zloom_sizes_add (&sizes, 10, 9000, 77777);
    zloom_buf_t buf = {0};
    zloom_sizes_encode (&sizes, &buf);
    zloom_sizes_t back = {0};
    zloom_sizes_add (&back, 10, 9000, 0);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_int_equal (zloom_sizes_decode (&back, &cursor), ZLOOM_OK);
    assert_int_equal (back.bytes, 77777);
    assert_int_equal (zloom_sizes_mean (&back, 5000), zloom_sizes_mean (&sizes, 5000));
    zloom_sizes_fini (&back);
    zloom_sizes_fini (&sizes);
    zloom_buf_fini (&buf);
}

static void
ages_are_exact_for_few_and_near_for_many (void **state)
{
    (void) state;
    zloom_ages_t *ages = calloc (1, sizeof *ages);
    assert_non_null (ages);
    assert_int_equal (zloom_ages_at (ages, 1), 0);
    zloom_ages_add (ages, 1, 100);
    zloom_ages_add (ages, 2, 100);
    zloom_ages_add (ages, 3, 200);
    assert_int_equal (ages->count, 2);
    assert_int_equal (zloom_ages_at (ages, 2), 100);
    assert_int_equal (zloom_ages_at (ages, 7), 200);
    for (uint64_t seq = 4; seq < 1000000; seq++) {
        zloom_ages_add (ages, seq, (int64_t) seq * 100);
    }
    assert_true (ages->count <= ZLOOM_AGES_MARKS);
    for (uint64_t seq = 5000; seq < 1000000; seq += 997) {
        assert_in_range (zloom_ages_at (ages, seq), seq * 100 - 400000, seq * 100);
    }
    zloom_ages_drop (ages, 999000);
    assert_in_range (zloom_ages_at (ages, 999500), 999500 * 100 - 400000, 999500 * 100);
    zloom_buf_t buf = {0};
    zloom_ages_encode (ages, &buf);
    memset (ages, 0, sizeof *ages);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_int_equal (zloom_ages_decode (ages, &cursor), ZLOOM_OK);
    assert_in_range (zloom_ages_at (ages, 999500), 999500 * 100 - 400000, 999500 * 100);
    for (uint64_t seq = 1000000; seq < 1000100; seq++) { /* a short span is exact again */
        zloom_ages_add (ages, seq, (int64_t) seq * 100);
    }
    assert_int_equal (zloom_ages_at (ages, 1000099), 1000099 * 100);
    zloom_buf_fini (&buf);
    free (ages);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (sizes_are_exact_by_chunk_and_zero_when_empty),
      cmocka_unit_test (sizes_return_to_zero_in_any_order),
      cmocka_unit_test (sizes_come_back_from_a_snapshot),
      cmocka_unit_test (ages_are_exact_for_few_and_near_for_many),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
