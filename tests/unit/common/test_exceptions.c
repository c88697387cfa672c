/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "patterns/common/exceptions.h"

static void
exceptions_wait_and_come_due_in_order (void **state)
{
    (void) state;
    zloom_exceptions_t *table = zloom_exceptions_new ();
    assert_null (zloom_exceptions_get (table, 5));
    zloom_exception_t *entry = zloom_exceptions_put (table, 5);
    assert_ptr_equal (zloom_exceptions_put (table, 5), entry);
    zloom_exceptions_wait (table, entry, 200);
    zloom_exceptions_wait (table, zloom_exceptions_put (table, 4), 100);
    zloom_exceptions_wait (table, zloom_exceptions_put (table, 9), 200);
    assert_int_equal (zloom_exceptions_next (table), 100);
    assert_null (zloom_exceptions_due (table, 99));
    assert_int_equal (zloom_exceptions_due (table, 200)->seq, 4);
    assert_int_equal (zloom_exceptions_due (table, 200)->seq, 5);
    assert_int_equal (zloom_exceptions_due (table, 200)->seq, 9);
    assert_null (zloom_exceptions_due (table, 200));
    assert_int_equal (zloom_exceptions_count (table), 3); /* due, but not forgotten */
    zloom_exceptions_wait (table, entry, 300);
    zloom_exceptions_remove (table, 5, 8);
    assert_int_equal (zloom_exceptions_next (table), ZLOOM_NEVER);
    zloom_range_t run;
    assert_true (zloom_exceptions_find (table, 5, 100, &run));
    assert_int_equal (run.first, 9);
    zloom_exceptions_remove (table, 0, 100);
    assert_int_equal (zloom_exceptions_count (table), 0);
    zloom_exceptions_destroy (&table);
    assert_null (table);
}

static void
exceptions_share_histories_and_count_their_bytes (void **state)
{
    (void) state;
    zloom_exceptions_t *table = zloom_exceptions_new ();
    uint64_t room = zloom_exceptions_text_room (table);
    zloom_blob_t *blob = zloom_blob_new ("0123456789", 10);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        zloom_exceptions_set_history (table, zloom_exceptions_put (table, seq),
                                      zloom_blob_ref (blob));
    }
    zloom_blob_unref (&blob);
    assert_int_equal (zloom_exceptions_text_room (table), room - 30);
    zloom_exceptions_set_history (table, zloom_exceptions_get (table, 1), NULL);
    zloom_exceptions_remove (table, 2, 2);
    assert_int_equal (zloom_exceptions_text_room (table), room - 10);
    zloom_exceptions_destroy (&table);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (exceptions_wait_and_come_due_in_order),
      cmocka_unit_test (exceptions_share_histories_and_count_their_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
