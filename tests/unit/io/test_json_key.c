/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/json_key.h"

typedef struct {
    const char *body;
    const char *pointer;
    const char *key; /* or, where there is none, words of the note */
} s_case_t;

static zloom_err_t
s_key (const s_case_t *it, zloom_buf_t *key)
{
    zloom_buf_clear (key);
    return zloom_json_key (zloom_bytes_text (it->body), zloom_bytes_text (it->pointer), key);
}

static void
s_expect (const s_case_t *cases, size_t count)
{
    zloom_buf_t key = {0};
    for (size_t i = 0; i < count; i++) {
        if (s_key (&cases[i], &key) != ZLOOM_OK) {
            fail_msg ("%s at %s: %s", cases[i].body, cases[i].pointer, zloom_note ());
        }
        assert_string_equal (zloom_buf_text (&key), cases[i].key);
    }
    zloom_buf_fini (&key);
}

static void
s_expect_none (const s_case_t *cases, size_t count)
{
    zloom_buf_t key = {0};
    for (size_t i = 0; i < count; i++) {
        if (s_key (&cases[i], &key) != ZLOOM_NO_KEY) {
            fail_msg ("%s at %s: taken", cases[i].body, cases[i].pointer);
        }
        assert_int_equal (key.size, 0);
        if (!strstr (zloom_note (), cases[i].pointer) || !strstr (zloom_note (), cases[i].key)) {
            fail_msg ("%s at %s: \"%s\" does not say \"%s\"", cases[i].body, cases[i].pointer,
                      zloom_note (), cases[i].key);
        }
    }
    zloom_buf_fini (&key);
}

static void
test_takes_strings_integers_and_bools (void **state)
{
    (void) state;
    static const s_case_t cases[] = {
      {"{\"customer_id\": \"c-7\"}", "/customer_id", "c-7"},
      {"{\"customer_id\": 42, \"cents\": 1}", "/customer_id", "42"},
      {"{\"customer_id\":-7}", "/customer_id", "-7"},
      {"{\"customer_id\":0}", "/customer_id", "0"},
      {"{\"a\":true}", "/a", "true"},
      {"{\"a\":false}", "/a", "false"},
      {"{\"a\":\"\"}", "/a", ""},
      {" \"whole\" ", "", "whole"},
      {"17", "", "17"},
    };
    s_expect (cases, sizeof cases / sizeof *cases);
}

/* 20 digits fit no integer of C; they are a key all the same, here and beside it. */
static void
test_integers_are_as_they_are_written (void **state)
{
    (void) state;
    static const s_case_t cases[] = {
      {"{\"id\":18446744073709551616}", "/id", "18446744073709551616"},
      {"{\"hash\":18446744073709551616,\"id\":5}", "/id", "5"},
    };
    s_expect (cases, sizeof cases / sizeof *cases);
}

static void
test_goes_down_into_objects_and_arrays (void **state)
{
    (void) state;
    static const s_case_t cases[] = {
      {"{\"a\":{\"a\":{\"b\":\"x\"}},\"b\":\"y\"}", "/a/a/b", "x"},
      {"{\"a\":{\"b\":\"x\"},\"b\":\"y\"}", "/b", "y"},
      {"{\"a\":[\"zero\", [1, \"one\"] ,{\"c\":\"d\"}]}", "/a/0", "zero"},
      {"{\"a\":[\"zero\", [1, \"one\"] ,{\"c\":\"d\"}]}", "/a/1/1", "one"},
      {"{\"a\":[\"zero\", [1, \"one\"] ,{\"c\":\"d\"}]}", "/a/2/c", "d"},
      {"{\"0\":\"by name\"}", "/0", "by name"},
      {"{\"x\":[{}, [], \"}]\"],\"k\":\"behind\"}", "/k", "behind"},
      {"{ \"n\" : null , \"k\"\n:\t\"spaced\" }", "/k", "spaced"},
    };
    s_expect (cases, sizeof cases / sizeof *cases);
}

/* The examples of RFC 6901, section 5, as far as they make keys. */
static void
test_follows_the_pointers_of_rfc_6901 (void **state)
{
    (void) state;
    static const char body[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
                               "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const s_case_t cases[] = {
      {body, "/foo/0", "bar"}, {body, "/", "0"},     {body, "/a~1b", "1"}, {body, "/c%d", "2"},
      {body, "/e^f", "3"},     {body, "/g|h", "4"},  {body, "/i\\j", "5"}, {body, "/k\"l", "6"},
      {body, "/ ", "7"},       {body, "/m~0n", "8"},
    };
    s_expect (cases, sizeof cases / sizeof *cases);
}

static void
test_resolves_escapes_on_both_sides (void **state)
{
    (void) state;
    static const s_case_t cases[] = {
      {"{\"caf\\u00e9\":\"x\"}", "/caf\xc3\xa9", "x"},
      {"{\"k\":\"a\\n\\u00e9\\\\\"}", "/k", "a\n\xc3\xa9\\"},
      {"{\"q\":\"\\\"{\", \"k\":\"after a quote\"}", "/k", "after a quote"},
      {"{\"e\":\"\\\\\", \"k\":\"after a backslash\"}", "/k", "after a backslash"},
    };
    s_expect (cases, sizeof cases / sizeof *cases);
    zloom_buf_t key = {0};
    assert_int_equal (zloom_json_key (zloom_bytes_text ("\"a\\u0000b\""), ZLOOM_BYTES_NULL, &key),
                      ZLOOM_OK);
    assert_int_equal (key.size, 3);
    assert_memory_equal (key.data, "a\0b", 3);
    zloom_buf_fini (&key);
}

static void
test_the_last_of_two_members_counts (void **state)
{
    (void) state;
    static const s_case_t cases[] = {{"{\"k\":\"first\",\"k\":\"last\"}", "/k", "last"}};
    s_expect (cases, 1);
}

static void
test_says_why_there_is_no_key (void **state)
{
    (void) state;
    static const s_case_t cases[] = {
      {"{\"cents\":1}", "/customer_id", "nothing there"},
      {"{\"customer\":1}", "/customer_id", "nothing there"},
      {"\"text\"", "/customer_id", "nothing there"},
      {"{\"a\":\"b\"}", "/a/b", "nothing there"},
      {"{\"a\":null}", "/a", "null makes no key"},
      {"{\"a\":{}}", "/a", "an object makes no key"},
      {"{\"a\":[1]}", "/a", "an array makes no key"},
      {"{\"a\":1.0}", "/a", "a number with a fraction or an exponent makes no key"},
      {"{\"a\":1e3}", "/a", "a number with a fraction or an exponent makes no key"},
      {"{\"a\":-2E+3}", "/a", "a number with a fraction or an exponent makes no key"},
      {"{}", "", "an object makes no key"},
      {"{\"a\":[1]}", "/a/1", "nothing there"},
      {"{\"a\":[1]}", "/a/00", "nothing there"},
      {"{\"a\":[1]}", "/a/-", "nothing there"},
      {"{\"a\":[1]}", "/a/", "nothing there"},
      {"{\"a\":[1]}", "/a/99999999999999999999", "nothing there"},
      {"{\"a\":[]}", "/a/0", "nothing there"},
      {"{\"a\":1", "/a", "not JSON: "},
      {"", "/a", "not JSON: "},
      {"plain text", "/a", "not JSON: "},
      {"{\"a\":1}", "a", "no JSON pointer"},
      {"{\"a~\":1}", "/a~", "no JSON pointer"},
      {"{\"a~2\":1}", "/a~2", "no JSON pointer"},
    };
    s_expect_none (cases, sizeof cases / sizeof *cases);
}

/* Nesting as deep as JSON is taken: the walk does not call itself. */
static void
test_is_not_thrown_by_depth (void **state)
{
    (void) state;
    zloom_buf_t body = {0};
    zloom_buf_add_text (&body, "{\"deep\":");
    for (int i = 0; i < 2000; i++) {
        zloom_buf_add_text (&body, "[");
    }
    for (int i = 0; i < 2000; i++) {
        zloom_buf_add_text (&body, "]");
    }
    zloom_buf_add_text (&body, ",\"k\":\"x\"}");
    const s_case_t it = {zloom_buf_text (&body), "/k", "x"};
    s_expect (&it, 1);
    zloom_buf_fini (&body);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_takes_strings_integers_and_bools),
      cmocka_unit_test (test_integers_are_as_they_are_written),
      cmocka_unit_test (test_goes_down_into_objects_and_arrays),
      cmocka_unit_test (test_follows_the_pointers_of_rfc_6901),
      cmocka_unit_test (test_resolves_escapes_on_both_sides),
      cmocka_unit_test (test_the_last_of_two_members_counts),
      cmocka_unit_test (test_says_why_there_is_no_key),
      cmocka_unit_test (test_is_not_thrown_by_depth),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
