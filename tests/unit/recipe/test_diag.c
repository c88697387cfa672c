/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recipe/diag.h"

static const char s_source[] = "one: 1\n\ttwo: größer x\nlast";

static zloom_diags_t *
s_new (void)
{
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_diags_source (diags, "r.yaml", zloom_bytes_text (s_source));
    return diags;
}

static void
s_assert_text (zloom_diags_t **diags, bool colour, const char *expected)
{
    zloom_buf_t out = {0};
    zloom_diags_text (*diags, colour, &out);
    assert_string_equal (zloom_buf_text (&out), expected);
    zloom_buf_fini (&out);
    zloom_diags_destroy (diags);
}

static void
s_none_is_nothing (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    zloom_buf_t out = {0};
    zloom_diags_json (diags, &out);
    assert_string_equal (zloom_buf_text (&out), "[]\n");
    zloom_buf_fini (&out);
    s_assert_text (&diags, false, "");
}

static void
s_caret_stands_under_its_word (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    zloom_diags_add (diags, "Z0205", ZLOOM_SEVERITY_ERROR, (zloom_span_t){2, 14, 2, 15, 0},
                     "a hint", "bad %d", 7);
    s_assert_text (&diags, false,
                   "r.yaml:2:14: error[Z0205]: bad 7; a hint\n"
                   "    2 | \ttwo: größer x\n"
                   "      | \t            ^\n");
    diags = s_new ();
    zloom_diags_add (diags, "Z0402", ZLOOM_SEVERITY_WARNING, (zloom_span_t){2, 7, 2, 13, 0}, NULL,
                     "w");
    s_assert_text (&diags, true,
                   "r.yaml:2:7: \033[33mwarning[Z0402]\033[0m: w\n"
                   "    2 | \ttwo: größer x\n"
                   "      | \033[32m\t     ^~~~~~\033[0m\n");
}

static void
s_places_out_of_the_text_do_no_harm (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    zloom_diags_add (diags, "Z0101", ZLOOM_SEVERITY_ERROR, (zloom_span_t){3, 5, 3, 6, 0}, NULL,
                     "end");
    zloom_diags_add (diags, "Z0101", ZLOOM_SEVERITY_ERROR, (zloom_span_t){9, 2, 9, 3, 0}, NULL,
                     "out");
    zloom_diags_add (diags, "Z0212", ZLOOM_SEVERITY_ERROR, (zloom_span_t){0, 0, 0, 0, 0}, NULL,
                     "set");
    s_assert_text (&diags, false,
                   "r.yaml:3:5: error[Z0101]: end\n"
                   "    3 | last\n"
                   "      |     ^\n"
                   "r.yaml:9:2: error[Z0101]: out\n"
                   "r.yaml: error[Z0212]: set\n");
}

static void
s_order_is_by_place_and_repeats_count_once (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    static const zloom_span_t places[] = {
      {3, 1, 3, 2, 0}, {1, 4, 1, 5, 0}, {1, 1, 1, 2, 0}, {3, 1, 3, 2, 0}};
    for (size_t i = 0; i < 4; i++) {
        zloom_diags_add (diags, "Z0203", ZLOOM_SEVERITY_ERROR, places[i], NULL, "same");
    }
    assert_int_equal (zloom_diags_count (diags), 3);
    assert_int_equal (zloom_diags_errors (diags), 3);
    assert_int_equal (zloom_diags_warnings (diags), 0);
    assert_int_equal (zloom_diags_at (diags, 0)->at.column, 1);
    assert_int_equal (zloom_diags_at (diags, 1)->at.column, 4);
    assert_int_equal (zloom_diags_at (diags, 2)->at.line, 3);
    zloom_diags_destroy (&diags);
}

static void
s_too_many_are_counted (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    for (int i = 0; i < ZLOOM_DIAGS_MAX + 5; i++) {
        zloom_diags_add (diags, "Z0203", ZLOOM_SEVERITY_ERROR, (zloom_span_t){0, 0, 0, 0, 0}, NULL,
                         "number %d", i);
    }
    assert_int_equal (zloom_diags_count (diags), ZLOOM_DIAGS_MAX);
    assert_int_equal (zloom_diags_errors (diags), ZLOOM_DIAGS_MAX + 5);
    zloom_buf_t out = {0};
    zloom_diags_text (diags, false, &out);
    assert_non_null (strstr (zloom_buf_text (&out), "r.yaml: 5 more not shown\n"));
    zloom_buf_fini (&out);
    zloom_diags_destroy (&diags);
}

static void
s_json_escapes (void **state)
{
    (void) state;
    zloom_diags_t *diags = s_new ();
    zloom_diags_add (diags, "Z0205", ZLOOM_SEVERITY_ERROR, (zloom_span_t){1, 6, 1, 7, 0},
                     "say \"x\"", "tab\tback\\ ä");
    zloom_buf_t out = {0};
    zloom_diags_json (diags, &out);
    assert_string_equal (
      zloom_buf_text (&out),
      "[\n  {\"file\": \"r.yaml\", \"line\": 1, \"column\": 6, \"end_line\": 1, "
      "\"end_column\": 7, \"code\": \"Z0205\", \"severity\": \"error\", "
      "\"message\": \"tab\\u0009back\\\\ ä\", \"hint\": \"say \\\"x\\\"\"}\n]\n");
    zloom_buf_fini (&out);
    zloom_diags_destroy (&diags);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_none_is_nothing),
      cmocka_unit_test (s_caret_stands_under_its_word),
      cmocka_unit_test (s_places_out_of_the_text_do_no_harm),
      cmocka_unit_test (s_order_is_by_place_and_repeats_count_once),
      cmocka_unit_test (s_too_many_are_counted),
      cmocka_unit_test (s_json_escapes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
