/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "patterns/common/numbers_chunk.h"

static void
numbers_add_find_remove (void **state)
{
    (void) state;
    zloom_numbers_t set = {0};
    zloom_range_t run;
    assert_false (zloom_numbers_find (&set, 0, UINT64_MAX, &run));
    assert_int_equal (zloom_numbers_add (&set, 10, 19), 10);
    assert_int_equal (zloom_numbers_add (&set, 15, 24), 5);
    assert_int_equal (zloom_numbers_add (&set, 9, 5), 0);
    assert_true (zloom_numbers_has (&set, 24));
    assert_false (zloom_numbers_has (&set, 25));
    assert_true (zloom_numbers_find (&set, 12, UINT64_MAX, &run));
    assert_int_equal (run.first, 12);
    assert_int_equal (run.last, 24);
    assert_true (zloom_numbers_find (&set, 0, 13, &run));
    assert_int_equal (run.last, 13);
    assert_false (zloom_numbers_find (&set, 0, 9, &run));
    assert_true (zloom_numbers_gap (&set, 12, 30, &run));
    assert_int_equal (run.first, 25);
    assert_int_equal (run.last, 30);
    assert_false (zloom_numbers_gap (&set, 12, 24, &run));
    assert_int_equal (zloom_numbers_remove (&set, 12, 14), 3);
    assert_int_equal (set.total, 12);
    assert_true (zloom_numbers_gap (&set, 10, 30, &run));
    assert_int_equal (run.first, 12);
    assert_int_equal (run.last, 14);
    zloom_numbers_fini (&set);
}

static void
numbers_span_any_distance_in_little_memory (void **state)
{
    (void) state;
    zloom_numbers_t set = {0};
    zloom_range_t run;
    uint64_t last = UINT64_C (1) << 50;
    assert_int_equal (zloom_numbers_add (&set, 5, last), last - 4);
    assert_int_equal (set.count, 2); /* the ends; what lies between is full */
    assert_true (zloom_numbers_find (&set, 100000, last, &run));
    assert_true (run.last > last / 2);
    assert_int_equal (zloom_numbers_remove (&set, 65536 * 3 + 7, 65536 * 5 + 1), 65536 * 2 - 5);
    assert_false (zloom_numbers_has (&set, 65536 * 4));
    assert_true (zloom_numbers_has (&set, 65536 * 3 + 6));
    assert_true (zloom_numbers_has (&set, 65536 * 5 + 2));
    assert_int_equal (zloom_numbers_add (&set, 65536 * 3 + 7, 65536 * 5 + 1), 65536 * 2 - 5);
    assert_int_equal (set.count, 2);
    assert_int_equal (zloom_numbers_remove (&set, 0, UINT64_MAX), last - 4);
    assert_int_equal (set.total, 0);
    assert_int_equal (set.count, 0);
    zloom_numbers_fini (&set);
}

static void
numbers_keep_a_ragged_chunk_as_a_bitmap (void **state)
{
    (void) state;
    zloom_numbers_t set = {0};
    for (uint64_t i = 0; i < 65536; i += 2) {
        zloom_numbers_add (&set, i, i);
    }
    assert_int_equal (set.count, 1);
    assert_non_null (set.chunks[set.head].bits);
    zloom_range_t run;
    assert_true (zloom_numbers_find (&set, 1001, 5000, &run));
    assert_int_equal (run.first, 1002);
    assert_int_equal (run.last, 1002);
    for (uint64_t i = 1; i < 65536; i += 2) {
        assert_int_equal (zloom_numbers_add (&set, i, i), 1);
    }
    assert_int_equal (set.count, 0); /* full */
    assert_int_equal (set.total, 65536);
    assert_int_equal (zloom_numbers_remove (&set, 10, 65535), 65526);
    assert_null (set.chunks[set.head].bits);
    zloom_numbers_fini (&set);
}

#define SPACE 300000u

/* Against a byte a number. */
static void
numbers_equal_the_naive_set (void **state)
{
    (void) state;
    uint8_t *naive = calloc (SPACE + 1, 1);
    assert_non_null (naive);
    zloom_numbers_t set = {0};
    zloom_random_t random;
    zloom_random_init (&random, 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t first = zloom_random_below (&random, SPACE);
        uint64_t length = zloom_random_below (&random, 50) ? zloom_random_below (&random, 40)
                                                           : zloom_random_below (&random, 150000);
        uint64_t last = first + length < SPACE ? first + length : SPACE - 1;
        bool add = zloom_random_below (&random, 2);
        uint64_t changed = 0;
        for (uint64_t j = first; j <= last; j++) {
            changed += naive[j] != add;
            naive[j] = add;
        }
        assert_int_equal (add ? zloom_numbers_add (&set, first, last)
                              : zloom_numbers_remove (&set, first, last),
                          changed);
        uint64_t from = zloom_random_below (&random, SPACE);
        assert_int_equal (zloom_numbers_has (&set, from), naive[from]);
        uint64_t next = from;
        while (next < SPACE && !naive[next]) {
            next++;
        }
        zloom_range_t run = {0, 0};
        assert_int_equal (zloom_numbers_find (&set, from, SPACE - 1, &run), next < SPACE);
        assert_true (next == SPACE || run.first == next);
        assert_true (next == SPACE || (naive[run.last] && run.last >= next));
        next = from;
        while (next < SPACE && naive[next]) {
            next++;
        }
        assert_int_equal (zloom_numbers_gap (&set, from, SPACE - 1, &run), next < SPACE);
        assert_true (next == SPACE || run.first == next);
        assert_true (next == SPACE || run.last == SPACE - 1 || naive[run.last + 1]);
    }
    uint64_t total = 0;
    for (uint64_t j = 0; j < SPACE; j++) {
        total += naive[j];
    }
    assert_int_equal (set.total, total);
    zloom_numbers_fini (&set);
    free (naive);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (numbers_add_find_remove),
      cmocka_unit_test (numbers_span_any_distance_in_little_memory),
      cmocka_unit_test (numbers_keep_a_ragged_chunk_as_a_bitmap),
      cmocka_unit_test (numbers_equal_the_naive_set),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
