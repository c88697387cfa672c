/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "peer/inbox.h"

static void
test_frames_keep_their_order_over_growth (void **state)
{
    (void) state;
    zloom_inbox_t inbox = {0};
    uint32_t next = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal (zloom_inbox_push (&inbox, zloom_bytes (&i, sizeof i), NULL, i % 2),
                          ZLOOM_OK);
        if (i % 3 == 0) {
            const zloom_inbox_item_t *item = zloom_inbox_front (&inbox);
            assert_memory_equal (zloom_blob_bytes (item->verb).data, &next, sizeof next);
            assert_int_equal (item->malformed, next % 2);
            zloom_inbox_pop (&inbox);
            next++;
        }
    }
    for (; next < 1000; next++) {
        assert_memory_equal (zloom_blob_bytes (zloom_inbox_front (&inbox)->verb).data, &next,
                             sizeof next);
        zloom_inbox_pop (&inbox);
    }
    assert_null (zloom_inbox_front (&inbox));
    assert_int_equal (inbox.bytes, 0);
    zloom_inbox_fini (&inbox);
}

static void
test_packs_are_kept_not_copied (void **state)
{
    (void) state;
    zloom_inbox_t inbox = {0};
    zloom_blob_t *pack = zloom_blob_new ("abc", 3);
    const uint8_t *bytes = zloom_blob_bytes (pack).data;
    assert_int_equal (zloom_inbox_push (&inbox, zloom_bytes ("x", 1), pack, false), ZLOOM_OK);
    zloom_blob_unref (&pack);
    assert_ptr_equal (zloom_blob_bytes (zloom_inbox_front (&inbox)->pack).data, bytes);
    assert_int_equal (inbox.bytes, 4);
    zloom_inbox_fini (&inbox);
}

static void
test_it_has_a_limit (void **state)
{
    (void) state;
    zloom_inbox_t inbox = {0};
    for (uint32_t i = 0; i < ZLOOM_INBOX_FRAMES_MAX; i++) {
        assert_int_equal (zloom_inbox_push (&inbox, zloom_bytes ("x", 1), NULL, false), ZLOOM_OK);
    }
    assert_int_equal (zloom_inbox_push (&inbox, zloom_bytes ("x", 1), NULL, false), ZLOOM_TOO_MANY);
    zloom_inbox_fini (&inbox);

    uint8_t *data;
    zloom_blob_t *big = zloom_blob_new_empty (ZLOOM_INBOX_BYTES_MAX, &data);
    assert_int_equal (zloom_inbox_push (&inbox, zloom_bytes ("x", 1), big, false), ZLOOM_TOO_MANY);
    zloom_blob_unref (&big);
    zloom_inbox_fini (&inbox);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_frames_keep_their_order_over_growth),
      cmocka_unit_test (test_packs_are_kept_not_copied),
      cmocka_unit_test (test_it_has_a_limit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
