/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "patterns/common/producers.h"
#include "wire/limits.h"

#define DAY (INT64_C (24) * 3600 * ZLOOM_NS_PER_S)

static zloom_producer_t *
s_use (zloom_producers_t *producers, const char *name, zloom_session_id_t session, int64_t wall_ns)
{
    return zloom_producers_use (producers, zloom_bytes_text (name), session, wall_ns);
}

static void
producers_admit_each_id_once (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    zloom_producer_t *shop = s_use (producers, "shop", 1, 0);
    uint32_t trimmed;
    assert_int_equal (zloom_producer_admit (shop, 1, 5, &trimmed), ZLOOM_ADMIT_TAKE);
    zloom_producer_taken (shop, 5);
    assert_int_equal (zloom_producer_admit (shop, 4, 2, &trimmed), ZLOOM_ADMIT_DUPLICATE);
    assert_int_equal (zloom_producer_admit (shop, 4, 5, &trimmed), ZLOOM_ADMIT_TAKE);
    assert_int_equal (trimmed, 2);
    assert_int_equal (zloom_producer_admit (shop, 7, 1, &trimmed), ZLOOM_ADMIT_GAP);
    assert_int_equal (zloom_producer_admit (shop, 8, 1, &trimmed), ZLOOM_ADMIT_DROP);
    assert_int_equal (zloom_producer_admit (shop, 6, 1, &trimmed), ZLOOM_ADMIT_TAKE);
    zloom_producer_taken (shop, 6);
    assert_int_equal (zloom_producer_admit (shop, 8, 1, &trimmed), ZLOOM_ADMIT_GAP);
    assert_int_equal (zloom_producer_admit (shop, 0, 1, &trimmed), ZLOOM_ADMIT_INVALID);
    assert_int_equal (zloom_producer_admit (shop, INT64_MAX, 1, &trimmed), ZLOOM_ADMIT_INVALID);
    /* A new session begins at what it was told: it is not behind a refusal. */
    assert_ptr_equal (s_use (producers, "shop", 2, 0), shop);
    assert_int_equal (zloom_producer_admit (shop, 9, 1, &trimmed), ZLOOM_ADMIT_GAP);
    zloom_producers_destroy (&producers);
}

static void
producers_without_a_name_live_as_long_as_their_session (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    zloom_producer_t *one = s_use (producers, NULL, 1, 0);
    zloom_producer_taken (one, 9);
    assert_ptr_equal (s_use (producers, NULL, 1, 0), one);
    assert_int_equal (s_use (producers, NULL, 2, 0)->high, 0);
    zloom_producers_end (producers, 1);
    assert_int_equal (s_use (producers, NULL, 1, 0)->high, 0);
    assert_int_equal (zloom_producers_count (producers), 0);
    zloom_producers_destroy (&producers);
}

static void
producers_are_forgotten_by_age_but_not_while_they_are_there (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    zloom_producer_taken (s_use (producers, "gone", 1, 100 * DAY), 3);
    zloom_producer_taken (s_use (producers, "here", 2, 100 * DAY), 4);
    zloom_producers_end (producers, 1);
    assert_false (zloom_producers_age (producers, 130 * DAY));
    assert_true (zloom_producers_age (producers, 131 * DAY));
    assert_null (zloom_producers_get (producers, zloom_bytes_text ("gone")));
    assert_int_equal (zloom_producers_get (producers, zloom_bytes_text ("here"))->high, 4);
    zloom_producers_destroy (&producers);
}

/* Names drawn for one session are kept long enough to come back, and then make no list longer. */
static void
producers_that_only_pass_are_soon_forgotten (void **state)
{
    (void) state;
    const int64_t minute = 60 * ZLOOM_NS_PER_S;
    zloom_producers_t *producers = zloom_producers_new ();
    s_use (producers, "lasting", 1, 100 * DAY);
    zloom_producer_taken (s_use (producers, "~passing", 2, 100 * DAY), 7);
    s_use (producers, "~still here", 3, 100 * DAY);
    zloom_producers_end (producers, 1);
    zloom_producers_end (producers, 2);
    assert_false (zloom_producers_age (producers, 100 * DAY + 10 * minute));
    assert_int_equal (zloom_producers_get (producers, zloom_bytes_text ("~passing"))->high, 7);
    assert_true (zloom_producers_age (producers, 100 * DAY + 11 * minute));
    assert_null (zloom_producers_get (producers, zloom_bytes_text ("~passing")));
    assert_non_null (zloom_producers_get (producers, zloom_bytes_text ("~still here")));
    assert_non_null (zloom_producers_get (producers, zloom_bytes_text ("lasting")));
    assert_int_equal (zloom_producers_count (producers), 2);
    zloom_producers_destroy (&producers);
}

static void
producers_have_a_limit (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    char name[32];
    for (int i = 0; i < ZLOOM_LIMIT_PRODUCERS; i++) {
        snprintf (name, sizeof name, "p%d", i);
        assert_non_null (s_use (producers, name, 0, 100 * DAY));
    }
    assert_null (s_use (producers, "one more", 0, 101 * DAY));
    assert_non_null (s_use (producers, "p7", 0, 101 * DAY));
    assert_non_null (s_use (producers, "one more", 0, 140 * DAY)); /* the idle make room */
    zloom_producers_destroy (&producers);
}

static void
producers_come_back_from_records (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    zloom_producer_t *shop = s_use (producers, "shop", 1, 5);
    zloom_producer_taken (shop, 7);
    zloom_producers_set_mark (producers, shop, zloom_bytes_text ("line 7"));
    zloom_buf_t older = {0};
    zloom_producer_encode (shop, &older);
    zloom_producer_taken (shop, 9);
    zloom_producers_set_mark (producers, shop, zloom_bytes_text ("line 9"));
    zloom_producer_taken (s_use (producers, "web", 1, 6), 1);
    zloom_buf_t all = {0};
    zloom_producers_encode_all (producers, &all);
    zloom_producers_destroy (&producers);

    producers = zloom_producers_new ();
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&all));
    assert_int_equal (zloom_producers_decode_all (producers, &cursor), ZLOOM_OK);
    cursor = zloom_cursor (zloom_buf_bytes (&older)); /* what is older changes nothing */
    assert_int_equal (zloom_producers_decode (producers, &cursor), ZLOOM_OK);
    zloom_producer_t *back = zloom_producers_get (producers, zloom_bytes_text ("shop"));
    assert_int_equal (back->high, 9);
    assert_true (zloom_bytes_equal (zloom_producer_mark (back), zloom_bytes_text ("line 9")));
    assert_int_equal (zloom_producers_count (producers), 2);
    zloom_producers_destroy (&producers);
    zloom_buf_fini (&older);
    zloom_buf_fini (&all);
}

static bool
s_owned (const zloom_producers_t *producers, const char *name, const char *owner)
{
    return zloom_bytes_equal (
      zloom_producer_owner (zloom_producers_get (producers, zloom_bytes_text (name))),
      zloom_bytes_text (owner));
}

static void
producers_belong_to_a_key_until_they_are_forgotten (void **state)
{
    (void) state;
    zloom_producers_t *producers = zloom_producers_new ();
    zloom_producer_t *shop = s_use (producers, "shop", 1, 5);
    zloom_producer_t *passing = s_use (producers, "~client-1", 2, 5);
    s_use (producers, "web", 3, 5);
    assert_true (s_owned (producers, "shop", NULL));
    (void) zloom_producers_set_owner (producers, shop, zloom_bytes_text ("key"), true);
    (void) zloom_producers_set_owner (producers, shop, zloom_bytes_text ("weak"), true);
    (void) zloom_producers_set_owner (producers, shop, ZLOOM_BYTES_NULL, false);
    (void) zloom_producers_set_owner (producers, passing, zloom_bytes_text ("key"), false);
    zloom_buf_t all = {0};
    zloom_producers_encode_all (producers, &all);
    zloom_producers_destroy (&producers);

    producers = zloom_producers_new ();
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&all));
    assert_int_equal (zloom_producers_decode_all (producers, &cursor), ZLOOM_OK);
    assert_true (s_owned (producers, "shop", "key"));
    assert_true (s_owned (producers, "web", NULL));
    assert_true (s_owned (producers, "~client-1", NULL));
    zloom_producers_destroy (&producers);
    zloom_buf_fini (&all);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (producers_admit_each_id_once),
      cmocka_unit_test (producers_without_a_name_live_as_long_as_their_session),
      cmocka_unit_test (producers_are_forgotten_by_age_but_not_while_they_are_there),
      cmocka_unit_test (producers_that_only_pass_are_soon_forgotten),
      cmocka_unit_test (producers_have_a_limit),
      cmocka_unit_test (producers_come_back_from_records),
      cmocka_unit_test (producers_belong_to_a_key_until_they_are_forgotten),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
