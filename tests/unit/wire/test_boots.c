/* SPDX-License-Identifier: MPL-2.0 */
/* What two histories of a log have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/boots.h"
#include "wire/limits.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

static void
test_the_same_log_a_boot_later (void **state)
{
    (void) state;
    const zloom_boot_first_t before[] = {{7, 1}, {8, 100}};
    const zloom_boot_first_t now[] = {{7, 1}, {8, 100}, {9, 250}};
    /* What boot 8 gave ends at 249; nothing above it was ever told. */
    assert_int_equal (zloom_boots_common (before, 2, now, 3), 249);
    assert_int_equal (zloom_boots_common (before, 2, before, 2), INT64_MAX);
    assert_int_equal (zloom_boots_common (NULL, 0, now, 3), INT64_MAX);
    assert_int_equal (zloom_boots_common (before, 2, NULL, 0), INT64_MAX);
}

static void
test_a_copy_from_an_earlier_boot (void **state)
{
    (void) state;
    const zloom_boot_first_t before[] = {{7, 1}, {8, 100}, {9, 250}};
    const zloom_boot_first_t now[] = {{7, 1}, {10, 60}, {11, 90}};
    assert_int_equal (zloom_boots_common (before, 3, now, 3), 59);
}

static void
test_nothing_in_common (void **state)
{
    (void) state;
    const zloom_boot_first_t before[] = {{7, 1}, {8, 100}};
    const zloom_boot_first_t now[] = {{20, 80}, {21, 90}};
    assert_int_equal (zloom_boots_common (before, 2, now, 2), 79);
}

static void
test_to_bytes_and_back (void **state)
{
    (void) state;
    zloom_boot_first_t boots[ZLOOM_LIMIT_BOOTS + 1];
    for (size_t i = 0; i < COUNT (boots); i++) {
        boots[i] = (zloom_boot_first_t){UINT64_MAX - i, 1 + i / 2};
    }
    zloom_arena_t arena = {0};
    zloom_buf_t buf = {0};
    size_t count = 0;
    zloom_boots_encode (boots, ZLOOM_LIMIT_BOOTS, &buf);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    const zloom_boot_first_t *back = zloom_boots_decode (&cursor, &arena, &count);
    assert_non_null (back);
    assert_int_equal (count, ZLOOM_LIMIT_BOOTS);
    assert_memory_equal (back, boots, ZLOOM_LIMIT_BOOTS * sizeof *boots);
    /* One too many, and numbers that fall. */
    zloom_buf_clear (&buf);
    zloom_boots_encode (boots, COUNT (boots), &buf);
    cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_null (zloom_boots_decode (&cursor, &arena, &count));
    assert_int_equal (cursor.err, ZLOOM_TOO_BIG);
    boots[1].first = 0;
    zloom_buf_clear (&buf);
    zloom_boots_encode (boots, 2, &buf);
    cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_null (zloom_boots_decode (&cursor, &arena, &count));
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    zloom_arena_fini (&arena);
    zloom_buf_fini (&buf);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_same_log_a_boot_later),
      cmocka_unit_test (test_a_copy_from_an_earlier_boot),
      cmocka_unit_test (test_nothing_in_common),
      cmocka_unit_test (test_to_bytes_and_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
