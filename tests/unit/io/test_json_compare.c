/* SPDX-License-Identifier: MPL-2.0 */
/* Whether two texts mean the same JSON, or one a part of the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/json.h"

static bool
s_equal (const char *a, const char *b)
{
    const zloom_bytes_t left = zloom_bytes_text (a);
    const zloom_bytes_t right = zloom_bytes_text (b);
    assert_int_equal (zloom_json_equal (left, right), zloom_json_equal (right, left));
    return zloom_json_equal (left, right);
}

static bool
s_contains (const char *whole, const char *part)
{
    return zloom_json_contains (zloom_bytes_text (whole), zloom_bytes_text (part));
}

static void
s_order_of_keys_and_blanks_do_not_count (void **state)
{
    (void) state;
    assert_true (s_equal ("{\"a\":1,\"b\":[true,null]}", " { \"b\": [true, null], \"a\": 1 } "));
    assert_false (s_equal ("{\"a\":1}", "{\"a\":1,\"b\":2}"));
    assert_false (s_equal ("[1,2]", "[2,1]"));
    assert_false (s_equal ("[1,2]", "[1,2,3]"));
    assert_true (s_equal ("\"x\"", "\"\\u0078\""));
}

static void
s_numbers_are_what_they_are (void **state)
{
    (void) state;
    assert_true (s_equal ("12", "12.0"));
    assert_true (s_equal ("1.5e1", "15"));
    assert_false (s_equal ("12", "\"12\""));
    assert_false (s_equal ("9007199254740993", "9007199254740992"));
    assert_false (s_equal ("1", "true"));
    assert_false (s_equal ("0", "null"));
}

static void
s_what_is_no_json_equals_nothing (void **state)
{
    (void) state;
    assert_false (s_equal ("a", "a"));
    assert_false (s_equal ("", ""));
    assert_false (s_equal ("{\"a\":1,\"a\":1}", "{\"a\":1}"));
    assert_false (zloom_json_equal (ZLOOM_BYTES_NULL, ZLOOM_BYTES_NULL));
}

static void
s_a_part_has_fewer_keys (void **state)
{
    (void) state;
    assert_true (s_contains ("{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"a\":{\"b\":1}}"));
    assert_true (s_contains ("{\"a\":1}", "{}"));
    assert_false (s_contains ("{\"a\":1}", "{\"a\":2}"));
    assert_false (s_contains ("{\"a\":1}", "{\"a\":1,\"b\":2}"));
    assert_false (s_contains ("[{\"a\":1}]", "[]"));
    assert_true (s_contains ("[{\"a\":1}]", "[{}]"));
    assert_false (s_contains ("[]", "{}"));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_order_of_keys_and_blanks_do_not_count),
      cmocka_unit_test (s_numbers_are_what_they_are),
      cmocka_unit_test (s_what_is_no_json_equals_nothing),
      cmocka_unit_test (s_a_part_has_fewer_keys),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
