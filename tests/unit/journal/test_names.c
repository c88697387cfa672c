/* SPDX-License-Identifier: MPL-2.0 */
/* The files of a log's folder: which names are its own, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "journal/names.h"
#include "simdisk/simdisk.h"

static void
s_make (zloom_simdisk_t *disk, const char *name)
{
    zloom_vfs_t *vfs = zloom_simdisk_vfs (disk);
    char *path = zloom_format ("j/%s", name);
    zloom_file_t *file = NULL;
    assert_int_equal (vfs->open (vfs, path, true, &file), ZLOOM_OK);
    vfs->close (vfs, &file);
    free (path);
}

static void
test_own_names_are_sorted_by_number (void **state)
{
    (void) state;
    zloom_simdisk_t *disk = zloom_simdisk_new (1);
    zloom_names_t names;
    static const char *const own[] = {
      "hot-0000000010",     "hot-0000000009",    "hot-10000000000",  "cold-2-0000000001",
      "cold-10-0000000001", "cold-2-0000000003", "cold-0-0000000007"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        s_make (disk, own[i]);
    }
    assert_int_equal (zloom_names_list (&names, zloom_simdisk_vfs (disk), "j"), ZLOOM_OK);
    assert_int_equal (names.hot_count, 3);
    assert_int_equal (names.hot[0], 9);
    assert_int_equal (names.hot[1], 10);
    assert_int_equal (names.hot[2], UINT64_C (10000000000));
    static const zloom_cold_name_t cold[] = {{0, 7}, {2, 1}, {2, 3}, {10, 1}};
    assert_int_equal (names.cold_count, 4);
    for (size_t i = 0; i < names.cold_count; i++) {
        assert_int_equal (names.cold[i].flow, cold[i].flow);
        assert_int_equal (names.cold[i].number, cold[i].number);
        assert_true (zloom_names_has_cold (&names, cold[i].flow, cold[i].number));
    }
    assert_false (zloom_names_has_cold (&names, 2, 2));
    assert_false (zloom_names_has_cold (&names, 1, 1));
    zloom_names_fini (&names);
    assert_false (zloom_names_has_cold (&names, 2, 1));
    zloom_simdisk_destroy (&disk);
}

/* Whatever else lies there, a copy made by hand or a file that a tool left, is not touched. */
static void
test_other_names_are_left_alone (void **state)
{
    (void) state;
    zloom_simdisk_t *disk = zloom_simdisk_new (1);
    zloom_names_t names;
    static const char *const others[] = {"slot.0",
                                         "lock",
                                         "hot-",
                                         "hot-x",
                                         "hot--1",
                                         "hot-0000000001.bak",
                                         "hot-9223372036854775807",
                                         "hot-99999999999999999999999",
                                         "cold-",
                                         "cold-x-0000000001",
                                         "cold-1",
                                         "cold-1_0000000001",
                                         "cold-1-",
                                         "cold-1-x",
                                         "cold-1-0000000001~",
                                         "cold-4294967297-0000000001",
                                         "cold-99999999999999999999999-1",
                                         "warm-1-0000000001"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        s_make (disk, others[i]);
    }
    assert_int_equal (zloom_names_list (&names, zloom_simdisk_vfs (disk), "j"), ZLOOM_OK);
    assert_int_equal (names.hot_count, 0);
    assert_int_equal (names.cold_count, 0);
    zloom_names_fini (&names);
    zloom_simdisk_destroy (&disk);
}

static void
test_paths_are_names_again (void **state)
{
    (void) state;
    zloom_simdisk_t *disk = zloom_simdisk_new (1);
    zloom_names_t names;
    char *hot = zloom_hot_path ("j", 42);
    char *cold = zloom_cold_path ("j", 7, 12345678901);
    s_make (disk, hot + 2);
    s_make (disk, cold + 2);
    assert_int_equal (zloom_names_list (&names, zloom_simdisk_vfs (disk), "j"), ZLOOM_OK);
    assert_int_equal (names.hot_count, 1);
    assert_int_equal (names.hot[0], 42);
    assert_true (zloom_names_has_cold (&names, 7, 12345678901));
    zloom_names_fini (&names);
    free (hot);
    free (cold);
    zloom_simdisk_destroy (&disk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_own_names_are_sorted_by_number),
      cmocka_unit_test (test_other_names_are_left_alone),
      cmocka_unit_test (test_paths_are_names_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
