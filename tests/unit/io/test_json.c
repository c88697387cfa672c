/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/json.h"

static void
test_takes_every_kind_of_value (void **state)
{
    (void) state;
    static const char *const good[] = {
      "{\"id\": 1}",
      " [1, 2.5, -3e7]\r",
      "\"text\"",
      "null",
      "true",
      "0",
      "{\"a\": {\"b\": []}}",
      "123456789012345678901234567890",
      "\"a\\u0000b\"",
      "{\"k\": 1, \"k\": 2}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (zloom_json_check (zloom_bytes_text (good[i])) != ZLOOM_OK) {
            fail_msg ("%s: %s", good[i], zloom_note ());
        }
    }
}

static void
test_says_what_is_wrong_and_where (void **state)
{
    (void) state;
    static const char *const bad[] = {
      "", " ", "{", "{\"id\": }", "{'id': 1}", "1 2", "[1,]", "\"\xff\"", "nul", "{\"a\": 1} x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (zloom_json_check (zloom_bytes_text (bad[i])) != ZLOOM_MALFORMED) {
            fail_msg ("%s was taken", bad[i]);
        }
        assert_non_null (strstr (zloom_note (), "not JSON: "));
    }
    assert_int_equal (zloom_json_check (zloom_bytes_text ("{\"id\": nope}")), ZLOOM_MALFORMED);
    assert_non_null (strstr (zloom_note (), "nope"));
    assert_non_null (strstr (zloom_note (), "byte 11"));
}

static void
test_is_not_thrown_by_depth_or_a_nul (void **state)
{
    (void) state;
    char *deep = malloc (100000);
    assert_non_null (deep);
    memset (deep, '[', 100000);
    assert_int_equal (zloom_json_check (zloom_bytes (deep, 100000)), ZLOOM_MALFORMED);
    free (deep);
    assert_int_equal (zloom_json_check (zloom_bytes ("1\0", 2)), ZLOOM_MALFORMED);
    assert_int_equal (zloom_json_check (ZLOOM_BYTES_NULL), ZLOOM_MALFORMED);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_takes_every_kind_of_value),
      cmocka_unit_test (test_says_what_is_wrong_and_where),
      cmocka_unit_test (test_is_not_thrown_by_depth_or_a_nul),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
