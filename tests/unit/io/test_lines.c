/* SPDX-License-Identifier: MPL-2.0 */
/* Bytes to lines, however they are cut on the way; the tail of what was said. */
#include "io/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lines joined with '|', a cut one marked with '~'. */
static void
s_collect (void *arg, zloom_bytes_t line, bool cut)
{
    zloom_buf_t *out = arg;
    zloom_buf_add_bytes (out, line);
    zloom_buf_add_text (out, cut ? "~|" : "|");
}

static void
lines_are_the_same_however_bytes_arrive (void **state)
{
    (void) state;
    const char *text = "one\n\nthree\nlast";
    for (size_t step = 1; step <= strlen (text); step++) {
        zloom_lines_t lines;
        zloom_buf_t out = {0};
        zloom_lines_init (&lines, 100, 0);
        for (size_t at = 0; at < strlen (text); at += step) {
            size_t left = strlen (text) - at;
            zloom_lines_feed (&lines, text + at, left < step ? left : step, s_collect, &out);
        }
        assert_string_equal (zloom_buf_text (&out), "one||three|");
        zloom_lines_end (&lines, s_collect, &out);
        assert_string_equal (zloom_buf_text (&out), "one||three|last|");
        zloom_lines_fini (&lines);
        zloom_buf_fini (&out);
    }
}

static void
lines_too_long_are_cut_and_skipped (void **state)
{
    (void) state;
    zloom_lines_t lines;
    zloom_buf_t out = {0};
    zloom_lines_init (&lines, 4, 0);
    zloom_lines_feed (&lines, "abcd\nabcde", 10, s_collect, &out);
    zloom_lines_feed (&lines, "fghij\nok\n", 9, s_collect, &out);
    assert_string_equal (zloom_buf_text (&out), "abcd|abcd~|ok|");
    zloom_lines_fini (&lines);
    zloom_buf_fini (&out);
}

static void
lines_keep_the_tail_from_a_line_start (void **state)
{
    (void) state;
    zloom_lines_t lines;
    zloom_buf_t sink = {0};
    zloom_buf_t out = {0};
    zloom_lines_init (&lines, 100, 10);
    zloom_lines_feed (&lines, "short\n", 6, s_collect, &sink);
    zloom_lines_tail (&lines, &out);
    assert_string_equal (zloom_buf_text (&out), "short\n");
    zloom_buf_clear (&out);
    zloom_lines_feed (&lines, "second\nthird", 12, s_collect, &sink);
    zloom_lines_tail (&lines, &out);
    assert_string_equal (zloom_buf_text (&out), "third");
    zloom_buf_clear (&out);
    zloom_lines_feed (&lines, "abcdefghijklmnop", 16, s_collect, &sink);
    zloom_lines_tail (&lines, &out);
    assert_string_equal (zloom_buf_text (&out), "ghijklmnop");
    zloom_lines_fini (&lines);
    zloom_buf_fini (&sink);
    zloom_buf_fini (&out);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (lines_are_the_same_however_bytes_arrive),
      cmocka_unit_test (lines_too_long_are_cut_and_skipped),
      cmocka_unit_test (lines_keep_the_tail_from_a_line_start),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
