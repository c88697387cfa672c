/* SPDX-License-Identifier: MPL-2.0 */
/* The ids that came lately: for how long, how many, and what a disk says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patterns/common/ids.h"
#include "wire/encode.h"

static zloom_id_hash_t
s_id (uint32_t number)
{
    return zloom_id_hash (zloom_bytes (&number, sizeof number));
}

/* What is kept, what would be kept once the oldest are forgotten, and what is forgotten. */
static void
ids_are_kept_for_their_time_and_number (void **state)
{
    (void) state;
    enum { MOST = 500, ALL = 4000 };
    zloom_ids_t ids = {0};
    assert_false (zloom_ids_keeps (&ids, s_id (1), 0));
    assert_int_equal (zloom_ids_older (&ids, 100), 0);
    for (uint32_t i = 0; i < ALL; i++) {
        zloom_ids_add (&ids, s_id (i), i, MOST);
        zloom_ids_add (&ids, s_id (i), i, MOST + 1); /* twice is once */
    }
    zloom_ids_add (&ids, s_id (ALL), ALL, 0); /* none is to be remembered */
    assert_false (zloom_ids_has (&ids, s_id (ALL)));
    assert_int_equal (ids.count, MOST);
    assert_int_equal (zloom_ids_older (&ids, ALL - 100), MOST - 100);
    for (uint32_t i = ALL - MOST; i < ALL; i++) {
        assert_true (zloom_ids_has (&ids, s_id (i)));
        assert_int_equal (zloom_ids_keeps (&ids, s_id (i), MOST - 100), i >= ALL - 100);
    }
    assert_false (zloom_ids_has (&ids, s_id (ALL - MOST - 1)));
    zloom_ids_forget (&ids, ALL - 100);
    assert_int_equal (ids.count, 100);
    assert_false (zloom_ids_has (&ids, s_id (ALL - 101)));
    assert_true (zloom_ids_has (&ids, s_id (ALL - 100)));
    zloom_ids_fini (&ids);
}

/* More ids of one moment than a record holds come back; those beyond the window do not. */
static void
ids_come_back_from_the_disk (void **state)
{
    (void) state;
    zloom_ids_t ids = {0};
    zloom_ids_t again = {0};
    zloom_buf_t bytes = {0};
    for (uint32_t i = 0; i < 3000; i++) {
        zloom_ids_add (&ids, s_id (i), i < 500 ? 10 : 1000, 5000);
    }
    zloom_ids_encode (&ids, &bytes);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&bytes));
    zloom_ids_decode (&again, &cursor, 5000, 100);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    assert_int_equal (again.count, 2500);
    assert_false (zloom_ids_has (&again, s_id (499)));
    assert_true (zloom_ids_has (&again, s_id (500)));
    assert_true (zloom_ids_has (&again, s_id (2999)));
    zloom_buf_fini (&bytes);
    zloom_ids_fini (&ids);
    zloom_ids_fini (&again);
}

static void
ids_do_not_believe_half_a_hash (void **state)
{
    (void) state;
    zloom_ids_t ids = {0};
    zloom_buf_t bytes = {0};
    zloom_encode_array (&bytes, 2);
    zloom_encode_int (&bytes, 1000);
    zloom_encode_bytes (&bytes, zloom_bytes ("0123456789abcdef01", 18));
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&bytes));
    zloom_ids_decode_some (&ids, &cursor, 100, 100);
    assert_int_equal (cursor.err, ZLOOM_DAMAGED);
    assert_int_equal (ids.count, 0);
    bytes.size = 3; /* and not a piece of a record */
    cursor = zloom_cursor (zloom_buf_bytes (&bytes));
    zloom_ids_decode_some (&ids, &cursor, 100, 100);
    assert_int_not_equal (cursor.err, ZLOOM_OK);
    zloom_buf_fini (&bytes);
    zloom_ids_fini (&ids);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (ids_are_kept_for_their_time_and_number),
      cmocka_unit_test (ids_come_back_from_the_disk),
      cmocka_unit_test (ids_do_not_believe_half_a_hash),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
