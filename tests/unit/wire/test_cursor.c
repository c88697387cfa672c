/* SPDX-License-Identifier: MPL-2.0 */
/* Reading what encode.h wrote, and what it never would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/cursor.h"
#include "wire/encode.h"
#include "wire/limits.h"

#define CURSOR(text) zloom_cursor (zloom_bytes ((text), sizeof (text) - 1))

static void
test_integers_have_the_shortest_form (void **state)
{
    static const struct {
        int64_t value;
        size_t size;
    } cases[] = {
      {0, 1},
      {127, 1},
      {128, 2},
      {255, 2},
      {256, 3},
      {65535, 3},
      {65536, 5},
      {4294967295, 5},
      {4294967296, 9},
      {INT64_MAX, 9},
      {-1, 1},
      {-32, 1},
      {-33, 2},
      {-128, 2},
      {-129, 3},
      {-32768, 3},
      {-32769, 5},
      {INT32_MIN, 5},
      {(int64_t) INT32_MIN - 1, 9},
      {INT64_MIN, 9},
    };
    zloom_buf_t buf = {0};
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_buf_clear (&buf);
        zloom_encode_int (&buf, cases[i].value);
        assert_int_equal (buf.size, cases[i].size);
        zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
        assert_true (zloom_cursor_int (&cursor) == cases[i].value);
        assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    }
    zloom_buf_clear (&buf);
    zloom_encode_uint (&buf, UINT64_MAX);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_true (zloom_cursor_uint (&cursor, UINT64_MAX) == UINT64_MAX);
    cursor = zloom_cursor (zloom_buf_bytes (&buf));
    zloom_cursor_int (&cursor);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    zloom_buf_fini (&buf);
}

static void
test_every_type_comes_back (void **state)
{
    zloom_buf_t buf = {0};
    (void) state;
    zloom_encode_map (&buf, 1);
    zloom_encode_string (&buf, "k");
    zloom_encode_array (&buf, 7);
    zloom_encode_bool (&buf, true);
    zloom_encode_float (&buf, 0.5);
    zloom_encode_bytes (&buf, zloom_bytes ("\xff", 1));
    zloom_encode_bytes (&buf, ZLOOM_BYTES_NULL);
    zloom_encode_text (&buf, zloom_bytes ("", 0));
    zloom_encode_code (&buf, ZLOOM_FULL);
    zloom_encode_code (&buf, ZLOOM_OK);
    zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&buf));
    assert_int_equal (zloom_cursor_map (&cursor, 1), 1);
    assert_int_equal (zloom_cursor_text (&cursor, 1).size, 1);
    assert_int_equal (zloom_cursor_array (&cursor, 7), 7);
    assert_int_equal (zloom_cursor_type (&cursor), ZLOOM_TYPE_BOOL);
    assert_true (zloom_cursor_bool (&cursor));
    assert_true (zloom_cursor_float (&cursor) == 0.5);
    assert_int_equal (zloom_cursor_bytes (&cursor, 1).data[0], 0xff);
    assert_true (zloom_cursor_nil (&cursor));
    const zloom_bytes_t empty = zloom_cursor_text (&cursor, 10);
    assert_non_null (empty.data);
    assert_int_equal (empty.size, 0);
    assert_memory_equal (zloom_cursor_text (&cursor, 10).data, "FULL", 4);
    assert_true (zloom_cursor_nil (&cursor));
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    zloom_buf_fini (&buf);
    cursor = CURSOR ("\xca\x3f\x80\x00\x00\xfb\x05");
    assert_true (zloom_cursor_float (&cursor) == 1.0);
    assert_true (zloom_cursor_float (&cursor) == -5.0);
    assert_true (zloom_cursor_float (&cursor) == 5.0);
}

static void
test_the_first_error_sticks (void **state)
{
    zloom_cursor_t cursor = CURSOR ("\xa1x\x05");
    (void) state;
    assert_int_equal (zloom_cursor_uint (&cursor, 10), 0);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "str where integer should stand");
    assert_null (zloom_cursor_text (&cursor, 10).data);
    assert_null (zloom_cursor_bytes (&cursor, 10).data);
    assert_null (zloom_cursor_raw (&cursor).data);
    assert_false (zloom_cursor_nil (&cursor));
    assert_int_equal (zloom_cursor_array (&cursor, 10), 0);
    zloom_cursor_fail (&cursor, ZLOOM_TOO_BIG, "never heard");
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "str where integer should stand");
}

static void
test_limits_and_ends (void **state)
{
    zloom_cursor_t cursor = CURSOR ("\xa3xyz");
    (void) state;
    zloom_cursor_text (&cursor, 2);
    assert_int_equal (cursor.err, ZLOOM_TOO_BIG);
    cursor = CURSOR ("\xa3xy");
    zloom_cursor_text (&cursor, 10);
    assert_int_equal (cursor.err, ZLOOM_TRUNCATED);
    cursor = CURSOR ("\xa2\xff\xff");
    zloom_cursor_text (&cursor, 10);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    cursor = CURSOR ("\xa2\xff\xff");
    assert_int_equal (zloom_cursor_bytes (&cursor, 10).size, 2);
    cursor = CURSOR ("\xdd\xff\xff\xff\xff");
    zloom_cursor_array (&cursor, UINT32_MAX);
    assert_int_equal (cursor.err, ZLOOM_TRUNCATED);
    cursor = CURSOR ("\x82\x01\x02\x03");
    zloom_cursor_map (&cursor, 10);
    assert_int_equal (cursor.err, ZLOOM_TRUNCATED);
    cursor = CURSOR ("\x93\x01\x02\x03");
    zloom_cursor_array (&cursor, 2);
    assert_int_equal (cursor.err, ZLOOM_TOO_BIG);
    cursor = CURSOR ("\x0b");
    zloom_cursor_uint (&cursor, 10);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    cursor = CURSOR ("\x01\x02");
    zloom_cursor_uint (&cursor, 10);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_TRAILING);
    cursor = zloom_cursor (ZLOOM_BYTES_NULL);
    assert_int_equal (zloom_cursor_type (&cursor), ZLOOM_TYPE_NONE);
    zloom_cursor_bool (&cursor);
    assert_int_equal (cursor.err, ZLOOM_TRUNCATED);
}

static void
test_raw_steps_over_anything (void **state)
{
    zloom_cursor_t cursor = CURSOR ("\x82\xa1x\x93\x01\x02\xc0\x02\xc4\x01z\x2a");
    (void) state;
    assert_int_equal (zloom_cursor_raw (&cursor).size, 11);
    assert_int_equal (zloom_cursor_uint (&cursor, 100), 42);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
}

static void
test_fields_follow_the_evolution_rule (void **state)
{
    zloom_cursor_t cursor = CURSOR ("\x94\x01\xc0\x02\x81\x05\x06");
    zloom_fields_t fields = zloom_fields_open (&cursor);
    (void) state;
    assert_int_equal (zloom_fields_uint (&fields, ZLOOM_NEED, 10, 0), 1);
    assert_int_equal (zloom_fields_uint (&fields, ZLOOM_MAY, 10, 7), 7);
    assert_int_equal (zloom_fields_int (&fields, ZLOOM_MAY, 0), 2);
    zloom_fields_close (&fields);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    cursor = CURSOR ("\x91\xc3");
    fields = zloom_fields_open (&cursor);
    assert_true (zloom_fields_bool (&fields));
    assert_false (zloom_fields_bool (&fields));
    assert_null (zloom_fields_text (&fields, ZLOOM_MAY, 10).data);
    assert_null (zloom_fields_bytes (&fields, ZLOOM_MAY, 10).data);
    assert_null (zloom_fields_raw (&fields, ZLOOM_MAY).data);
    assert_int_equal (zloom_fields_array (&fields, ZLOOM_MAY, 10), 0);
    zloom_fields_close (&fields);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_OK);
    zloom_fields_text (&fields, ZLOOM_NEED, 10);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "field 7: missing");
}

static void
test_fields_name_the_place (void **state)
{
    zloom_cursor_t cursor = CURSOR ("\x92\x01\xa1x");
    zloom_fields_t fields = zloom_fields_open (&cursor);
    (void) state;
    zloom_fields_uint (&fields, ZLOOM_NEED, 10, 0);
    zloom_fields_uint (&fields, ZLOOM_NEED, 10, 0);
    zloom_fields_close (&fields);
    assert_int_equal (zloom_cursor_end (&cursor), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "field 2: str where integer should stand");
    cursor = CURSOR ("\x92\x01\xc1");
    fields = zloom_fields_open (&cursor);
    zloom_fields_close (&fields);
    assert_int_equal (cursor.err, ZLOOM_MALFORMED);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_integers_have_the_shortest_form),
      cmocka_unit_test (test_every_type_comes_back),
      cmocka_unit_test (test_the_first_error_sticks),
      cmocka_unit_test (test_limits_and_ends),
      cmocka_unit_test (test_raw_steps_over_anything),
      cmocka_unit_test (test_fields_follow_the_evolution_rule),
      cmocka_unit_test (test_fields_name_the_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
