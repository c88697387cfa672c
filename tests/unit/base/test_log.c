/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

typedef struct {
    int lines;
    zloom_log_level_t level;
    char id[64];
    char text[4096];
} seen_t;

static void
s_sink (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    seen_t *seen = arg;
    seen->lines++;
    seen->level = level;
    snprintf (seen->id, sizeof seen->id, "%s", id);
    snprintf (seen->text, sizeof seen->text, "%s", text);
    errno = EIO;
}

static void
test_a_line_reaches_the_sink (void **state)
{
    (void) state;
    seen_t seen = {0};
    zloom_log_set (ZLOOM_LOG_INFO, s_sink, &seen);
    errno = EAGAIN;
    zloom_log (ZLOOM_LOG_WARN, "peer-gone", "peer=%s missed=%u", "shop", 4u);
    assert_int_equal (errno, EAGAIN);
    assert_int_equal (seen.lines, 1);
    assert_int_equal (seen.level, ZLOOM_LOG_WARN);
    assert_string_equal (seen.id, "peer-gone");
    assert_string_equal (seen.text, "peer=shop missed=4");
}

static void
test_below_the_least_level_nothing (void **state)
{
    (void) state;
    seen_t seen = {0};
    zloom_log_set (ZLOOM_LOG_WARN, s_sink, &seen);
    zloom_log (ZLOOM_LOG_DEBUG, "a", "x");
    zloom_log (ZLOOM_LOG_INFO, "b", "x");
    assert_int_equal (seen.lines, 0);
    zloom_log (ZLOOM_LOG_WARN, "c", "x");
    zloom_log (ZLOOM_LOG_ERROR, "d", "x");
    assert_int_equal (seen.lines, 2);
    zloom_log_set (ZLOOM_LOG_DEBUG, NULL, NULL);
    zloom_log (ZLOOM_LOG_ERROR, "e", "x");
    assert_int_equal (seen.lines, 2);
}

static void
test_control_characters_make_no_lines (void **state)
{
    (void) state;
    seen_t seen = {0};
    zloom_log_set (ZLOOM_LOG_DEBUG, s_sink, &seen);
    zloom_log (ZLOOM_LOG_INFO, "hello", "name=%s", "x\ny\x1B[31m\x7F\t\xC3\xA9");
    assert_string_equal (seen.text, "name=x?y?[31m??\xC3\xA9");
}

static void
test_long_texts_are_cut (void **state)
{
    (void) state;
    seen_t seen = {0};
    zloom_log_set (ZLOOM_LOG_DEBUG, s_sink, &seen);
    zloom_log (ZLOOM_LOG_INFO, "long", "%10000d", 1);
    assert_int_equal (seen.lines, 1);
    assert_in_range (strlen (seen.text), 1000, 4000);
}

/* Log to stderr while stderr is a pipe; what came out is in `text`. */
static void
s_capture (char *text, size_t room, zloom_log_level_t level, const char *id, const char *said)
{
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    int kept = dup (STDERR_FILENO);
    dup2 (ends[1], STDERR_FILENO);
    zloom_log (level, id, "%s", said);
    dup2 (kept, STDERR_FILENO);
    close (kept);
    close (ends[1]);
    ssize_t size = read (ends[0], text, room - 1);
    assert_true (size > 0);
    text[size] = 0;
    close (ends[0]);
}

static void
test_stderr_lines (void **state)
{
    (void) state;
    char text[8192];
    zloom_log_set (ZLOOM_LOG_DEBUG, zloom_log_stderr, NULL);
    s_capture (text, sizeof text, ZLOOM_LOG_WARN, "peer-gone", "peer=shop");
    assert_true (strlen (text) > 25);
    assert_int_equal (text[10], 'T');
    assert_int_equal (text[23], 'Z');
    assert_string_equal (text + 24, " warn peer-gone peer=shop\n");
    s_capture (text, sizeof text, ZLOOM_LOG_ERROR, "bare", "");
    assert_string_equal (text + 24, " error bare\n");
    char said[4000];
    memset (said, 'x', sizeof said);
    said[sizeof said - 1] = 0;
    s_capture (text, sizeof text, ZLOOM_LOG_DEBUG, "long", said);
    assert_memory_equal (text + 24, " debug long xxx", 15);
    assert_int_equal (text[strlen (text) - 1], '\n');
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_line_reaches_the_sink),
      cmocka_unit_test (test_below_the_least_level_nothing),
      cmocka_unit_test (test_control_characters_make_no_lines),
      cmocka_unit_test (test_long_texts_are_cut),
      cmocka_unit_test (test_stderr_lines),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
