/* SPDX-License-Identifier: MPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nodes/sink/output.h"
#include "support/folder.h"

static char s_directory[ZLOOM_FOLDER_BYTES];
static char s_path[64];
static zloom_output_t *s_output;

static int
s_setup (void **state)
{
    (void) state;
    assert_true (zloom_folder_make (s_directory));
    snprintf (s_path, sizeof s_path, "%s/out", s_directory);
    return 0;
}

static int
s_teardown (void **state)
{
    (void) state;
    zloom_output_destroy (&s_output);
    (void) unlink (s_path);
    assert_true (zloom_folder_remove (s_directory));
    return 0;
}

static void
s_fill (const char *path, const void *data, size_t size)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (data, 1, size, file), size);
    assert_int_equal (fclose (file), 0);
}

static void
s_expect (const char *path, const char *content)
{
    static char got[4096];
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    const size_t size = fread (got, 1, sizeof got - 1, file);
    got[size] = 0;
    (void) fclose (file);
    assert_string_equal (got, content);
}

static void
s_add (const char *line)
{
    assert_int_equal (zloom_output_add (s_output, zloom_bytes_text (line)), ZLOOM_OK);
}

static void
test_appends_lines (void **state)
{
    (void) state;
    assert_int_equal (zloom_output_open (s_path, true, &s_output), ZLOOM_OK);
    struct stat file;
    assert_int_equal (stat (s_path, &file), 0);
    assert_int_equal (file.st_mode & 0777, 0600);
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_add ("one");
    s_add ("");
    s_add ("three");
    assert_int_equal (zloom_output_pending (s_output), 11);
    s_expect (s_path, "");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    assert_int_equal (zloom_output_pending (s_output), 0);
    s_expect (s_path, "one\n\nthree\n");
    zloom_output_destroy (&s_output);
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    assert_int_equal (zloom_output_torn (s_output), 0);
    s_add ("four");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_expect (s_path, "one\n\nthree\nfour\n");
}

static void
test_a_body_of_two_lines_is_malformed (void **state)
{
    (void) state;
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    assert_int_equal (zloom_output_add (s_output, zloom_bytes_text ("a\nb")), ZLOOM_MALFORMED);
    assert_non_null (strstr (zloom_note (), "newline at byte 1"));
    assert_int_equal (zloom_output_add (s_output, zloom_bytes_text ("\n\n")), ZLOOM_MALFORMED);
    assert_int_equal (zloom_output_pending (s_output), 0);
    s_add ("c");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_expect (s_path, "c\n");
}

static void
test_a_newline_at_the_end_is_the_lines_own (void **state)
{
    (void) state;
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    s_add ("echo\n");
    s_add ("\n");
    s_add ("");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_expect (s_path, "echo\n\n\n");
}

static void
test_a_torn_last_line_is_cut_off (void **state)
{
    (void) state;
    s_fill (s_path, "whole\nto", 8);
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    assert_int_equal (zloom_output_torn (s_output), 2);
    s_expect (s_path, "whole\n");
    zloom_output_destroy (&s_output);
    s_fill (s_path, "to", 2);
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    assert_int_equal (zloom_output_torn (s_output), 2);
    s_expect (s_path, "");
}

/* The newline is looked for over the borders of what is read at a time. */
static void
test_a_long_torn_line_is_cut_off (void **state)
{
    (void) state;
    for (size_t torn = 65535; torn <= 65537; torn++) {
        char *content = zloom_alloc (torn + 2);
        memset (content, 'x', torn + 2);
        content[1] = '\n';
        s_fill (s_path, content, torn + 2);
        free (content);
        assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
        assert_int_equal (zloom_output_torn (s_output), torn);
        s_expect (s_path, "x\n");
        zloom_output_destroy (&s_output);
    }
}

static void
test_what_is_no_file_of_lines_is_left_alone (void **state)
{
    (void) state;
    const size_t size = ZLOOM_OUTPUT_LINE_BYTES + 200000u;
    char *content = zloom_alloc (size);
    content[0] = '\n';
    s_fill (s_path, content, size);
    free (content);
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_INVALID);
    assert_non_null (strstr (zloom_note (), "does not hold lines"));
    assert_null (s_output);
    struct stat file;
    assert_int_equal (stat (s_path, &file), 0);
    assert_int_equal (file.st_size, size);
}

static void
test_what_cannot_be_opened_says_what_to_do (void **state)
{
    (void) state;
    char path[96];
    snprintf (path, sizeof path, "%s/no/out", s_directory);
    assert_int_equal (zloom_output_open (path, false, &s_output), ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), path));
    assert_int_equal (zloom_output_open (s_directory, false, &s_output), ZLOOM_INVALID);
    assert_null (s_output);
}

static void
s_limit_file_size (rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

/* The signal that the limit raises would end this process. */
static void
test_a_batch_that_does_not_fit_leaves_nothing (void **state)
{
    (void) state;
    assert_int_equal (zloom_output_open (s_path, true, &s_output), ZLOOM_OK);
    s_add ("first");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_limit_file_size (14);
    s_add ("second");
    s_add ("third");
    const zloom_err_t err = zloom_output_write (s_output);
    const size_t pending = zloom_output_pending (s_output);
    s_limit_file_size (RLIM_INFINITY);
    assert_int_equal (err, ZLOOM_DISK_FULL);
    assert_non_null (strstr (zloom_note (), s_path));
    assert_int_equal (pending, 0);
    s_expect (s_path, "first\n");
    s_add ("second");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_expect (s_path, "first\nsecond\n");
    sigset_t waiting;
    assert_int_equal (sigpending (&waiting), 0);
    assert_false (sigismember (&waiting, SIGXFSZ));
}

static void
test_goes_on_in_a_new_file_after_rotation (void **state)
{
    (void) state;
    char moved[96];
    snprintf (moved, sizeof moved, "%s/out.1", s_directory);
    assert_int_equal (zloom_output_open (s_path, false, &s_output), ZLOOM_OK);
    s_add ("old");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    assert_int_equal (rename (s_path, moved), 0);
    s_add ("new");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
    s_expect (moved, "old\n");
    s_expect (s_path, "new\n");
    assert_int_equal (unlink (moved), 0);
}

/* ---- streams -------------------------------------------------------------------------------- */

static void
test_a_stream_is_never_waited_for (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0); /* blocking, as standard output is */
    s_output = zloom_output_new (ends[1]);
    char line[1000];
    memset (line, 'x', sizeof line);
    for (unsigned i = 0; i < 500; i++) {
        line[0] = (char) ('a' + i % 26);
        assert_int_equal (zloom_output_add (s_output, zloom_bytes (line, sizeof line)), ZLOOM_OK);
    }
    assert_int_equal (zloom_output_write (s_output), ZLOOM_AGAIN);
    assert_true (zloom_output_pending (s_output) > 0);
    size_t got = 0;
    zloom_err_t err = ZLOOM_AGAIN;
    while (err == ZLOOM_AGAIN) {
        char chunk[7777];
        const ssize_t size = read (ends[0], chunk, sizeof chunk);
        assert_true (size > 0);
        for (ssize_t i = 0; i < size; i++, got++) {
            const char want = got % 1001 == 0      ? (char) ('a' + got / 1001 % 26)
                              : got % 1001 == 1000 ? '\n'
                                                   : 'x';
            assert_int_equal (chunk[i], want);
        }
        err = zloom_output_write (s_output);
    }
    assert_int_equal (err, ZLOOM_OK);
    assert_int_equal (zloom_output_pending (s_output), 0);
    zloom_output_destroy (&s_output);
    close (ends[1]); /* it was borrowed */
    close (ends[0]);
}

static void
test_a_reader_that_is_gone_is_an_error_and_no_signal (void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    s_output = zloom_output_new (ends[1]);
    close (ends[0]);
    s_add ("line");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_GONE);
    assert_non_null (strstr (zloom_note (), "reader is gone"));
    close (ends[1]);
}

/* A device that is always full: what is left stays, since what went cannot be taken back. */
static void
test_a_full_stream_keeps_its_lines (void **state)
{
    (void) state;
    assert_int_equal (zloom_output_open ("/dev/full", true, &s_output), ZLOOM_OK);
    s_add ("line");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_DISK_FULL);
    assert_int_equal (zloom_output_pending (s_output), 5);
    zloom_output_destroy (&s_output);
    assert_int_equal (zloom_output_open ("/dev/null", true, &s_output), ZLOOM_OK);
    s_add ("line");
    assert_int_equal (zloom_output_write (s_output), ZLOOM_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
      TEST (test_appends_lines),
      TEST (test_a_body_of_two_lines_is_malformed),
      TEST (test_a_newline_at_the_end_is_the_lines_own),
      TEST (test_a_torn_last_line_is_cut_off),
      TEST (test_a_long_torn_line_is_cut_off),
      TEST (test_what_is_no_file_of_lines_is_left_alone),
      TEST (test_what_cannot_be_opened_says_what_to_do),
      TEST (test_a_batch_that_does_not_fit_leaves_nothing),
      TEST (test_goes_on_in_a_new_file_after_rotation),
      TEST (test_a_stream_is_never_waited_for),
      TEST (test_a_reader_that_is_gone_is_an_error_and_no_signal),
      TEST (test_a_full_stream_keeps_its_lines),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
