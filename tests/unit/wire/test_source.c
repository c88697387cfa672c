/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/encode.h"
#include "wire/source.h"

#define BASE INT64_C (1764000000000000000)

static void
s_runs (zloom_src_t runs[3])
{
    runs[0] = (zloom_src_t){3, zloom_bytes_text ("shop"), 42, BASE};
    runs[1] = (zloom_src_t){1, zloom_bytes_text ("shop"), 45, BASE + 1};
    runs[2] = (zloom_src_t){4, zloom_bytes_text ("log/orders"), 7, -5};
}

static void
test_runs_come_back (void **state)
{
    zloom_src_t runs[3];
    zloom_buf_t buf = {0};
    zloom_arena_t arena = {0};
    size_t count = 0;
    (void) state;
    s_runs (runs);
    zloom_src_encode (runs, 3, &buf);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    const zloom_src_t *found = zloom_src_decode (&cursor, &arena, &count);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    assert_int_equal (count, 3);
    assert_int_equal (zloom_src_total (found, count), 8);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal (found[i].n, runs[i].n);
        assert_int_equal (found[i].first_id, runs[i].first_id);
        assert_true (found[i].base_time_ns == runs[i].base_time_ns);
        assert_true (zloom_bytes_equal (found[i].producer, runs[i].producer));
    }
    runs[2].n = 0;
    zloom_buf_clear (&buf);
    zloom_src_encode (runs, 3, &buf);
    cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_null (zloom_src_decode (&cursor, &arena, &count));
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    assert_int_equal (count, 0);
    zloom_arena_fini (&arena);
    zloom_buf_fini (&buf);
}

/* Every cut names the same origin for every message as the whole does. */
static void
test_cuts_keep_the_origin (void **state)
{
    zloom_src_t runs[3];
    zloom_src_t cut[3];
    (void) state;
    s_runs (runs);
    for (uint64_t first = 0; first <= 9; first++) {
        for (uint64_t count = 0; count <= 10; count++) {
            const size_t n = zloom_src_cut (runs, 3, first, count, cut);
            const uint64_t rest = first < 8 ? 8 - first : 0;
            assert_int_equal (zloom_src_total (cut, n), count < rest ? count : rest);
            for (uint64_t i = 0; i < zloom_src_total (cut, n); i++) {
                zloom_origin_t whole;
                zloom_origin_t part;
                assert_true (zloom_src_origin (runs, 3, first + i, &whole));
                assert_true (zloom_src_origin (cut, n, i, &part));
                assert_int_equal (whole.id, part.id);
                assert_true (whole.base_time_ns == part.base_time_ns);
                assert_true (zloom_bytes_equal (whole.producer, part.producer));
            }
        }
    }
    zloom_origin_t none;
    assert_false (zloom_src_origin (runs, 3, 8, &none));
}

static void
test_runs_join_when_they_continue (void **state)
{
    zloom_src_t runs[8];
    size_t count = 0;
    const zloom_src_t all[] = {
      {2, zloom_bytes_text ("p"), 1, BASE},     {3, zloom_bytes_text ("p"), 3, BASE},
      {1, zloom_bytes_text ("p"), 7, BASE},     {1, zloom_bytes_text ("p"), 8, BASE + 1},
      {1, zloom_bytes_text ("q"), 9, BASE + 1}, {UINT32_MAX, zloom_bytes_text ("q"), 10, BASE + 1},
    };
    (void) state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        zloom_src_join (runs, &count, &all[i]);
    }
    assert_int_equal (count, 5);
    assert_int_equal (runs[0].n, 5);
    assert_int_equal (zloom_src_total (runs, count), UINT64_C (8) + UINT32_MAX);
}

static void
test_text_form (void **state)
{
    char text[ZLOOM_ORIGIN_TEXT_BYTES];
    zloom_origin_t origin = {zloom_bytes_text ("0a1b/orders"), INT64_MAX, 0};
    zloom_origin_t found;
    (void) state;
    assert_string_equal (zloom_origin_text (&origin, text), "0a1b/orders/9223372036854775807");
    assert_int_equal (zloom_origin_parse (text, &found), ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.producer, origin.producer));
    assert_true (found.id == origin.id);
    assert_int_equal (zloom_origin_parse ("orders", &found), ZLOOM_INVALID);
    assert_int_equal (zloom_origin_parse ("/1", &found), ZLOOM_INVALID);
    assert_int_equal (zloom_origin_parse ("p/", &found), ZLOOM_INVALID);
    assert_int_equal (zloom_origin_parse ("p/1x", &found), ZLOOM_INVALID);
    assert_int_equal (zloom_origin_parse ("p/-1", &found), ZLOOM_INVALID);
    assert_int_equal (zloom_origin_parse ("p/9223372036854775808", &found), ZLOOM_INVALID);
    char longest[ZLOOM_LIMIT_PRODUCER_BYTES];
    memset (longest, 'p', sizeof longest);
    origin.producer = zloom_bytes (longest, sizeof longest);
    zloom_origin_text (&origin, text);
    assert_int_equal (zloom_origin_parse (text, &found), ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.producer, origin.producer));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_runs_come_back),
      cmocka_unit_test (test_cuts_keep_the_origin),
      cmocka_unit_test (test_runs_join_when_they_continue),
      cmocka_unit_test (test_text_form),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
