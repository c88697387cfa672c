/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nodes/poller/reader.h"
#include "support/folder.h"
#include "wire/encode.h"

#define LINE_BYTES 1000u

static char s_directory[ZLOOM_FOLDER_BYTES];
static char s_path[64];
static char s_old[64];
static zloom_reader_t *s_reader;

static int
s_setup (void **state)
{
    (void) state;
    assert_true (zloom_folder_make (s_directory));
    snprintf (s_path, sizeof s_path, "%s/in", s_directory);
    snprintf (s_old, sizeof s_old, "%s/in.1", s_directory);
    return 0;
}

static int
s_teardown (void **state)
{
    (void) state;
    zloom_reader_destroy (&s_reader);
    (void) unlink (s_path);
    (void) unlink (s_old);
    assert_true (zloom_folder_remove (s_directory));
    return 0;
}

static void
s_put (const char *path, const char *mode, const char *text)
{
    FILE *file = fopen (path, mode);
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static zloom_err_t
s_open (bool follow, const zloom_place_t *from)
{
    zloom_reader_destroy (&s_reader);
    const zloom_reader_config_t config = {.follow = follow, .line_bytes = LINE_BYTES, .from = from};
    return zloom_reader_open (s_path, &config, &s_reader);
}

static void
s_expect_err (zloom_err_t want)
{
    zloom_bytes_t line;
    assert_int_equal (zloom_reader_next (s_reader, &line), want);
    assert_null (line.data);
}

static void
s_expect (const char *want)
{
    zloom_bytes_t line;
    assert_int_equal (zloom_reader_next (s_reader, &line), ZLOOM_OK);
    char *got = zloom_memdup_text (line.data, line.size);
    assert_string_equal (got, want);
    free (got);
}

static void
test_reads_lines_once (void **state)
{
    (void) state;
    s_put (s_path, "w", "one\n\nthree\nlast");
    assert_int_equal (s_open (false, NULL), ZLOOM_OK);
    assert_false (zloom_reader_resumed (s_reader));
    s_expect ("one");
    s_expect ("");
    assert_int_equal (zloom_reader_line (s_reader), 2);
    assert_int_equal (zloom_reader_place (s_reader).offset, 5);
    s_expect ("three");
    s_expect ("last");
    assert_int_equal (zloom_reader_line (s_reader), 4);
    s_expect_err (ZLOOM_CLOSED);
    s_expect_err (ZLOOM_CLOSED);
}

static void
test_what_cannot_be_read_says_so (void **state)
{
    (void) state;
    assert_int_equal (s_open (false, NULL), ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), s_path));
    assert_non_null (strstr (zloom_note (), "follow: true"));
    const zloom_reader_config_t config = {.line_bytes = LINE_BYTES};
    assert_int_equal (zloom_reader_open (s_directory, &config, &s_reader), ZLOOM_INVALID);
    assert_int_equal (zloom_reader_open ("/dev/null", &config, &s_reader), ZLOOM_INVALID);
    assert_null (s_reader);
}

static void
test_follow_waits_for_the_file_and_for_newlines (void **state)
{
    (void) state;
    assert_int_equal (s_open (true, NULL), ZLOOM_OK);
    s_expect_err (ZLOOM_AGAIN);
    s_put (s_path, "w", "on");
    s_expect_err (ZLOOM_AGAIN);
    s_put (s_path, "a", "e\ntwo\nthr");
    s_expect ("one");
    s_expect ("two");
    s_expect_err (ZLOOM_AGAIN);
    s_put (s_path, "a", "ee\n");
    s_expect ("three");
    assert_int_equal (zloom_reader_line (s_reader), 3);
    assert_int_equal (zloom_reader_files (s_reader), 1);
}

/* Longer than what is read at a time, so that lines cross every border. */
static void
test_many_lines (void **state)
{
    (void) state;
    FILE *file = fopen (s_path, "w");
    assert_non_null (file);
    for (unsigned i = 0; i < 50000; i++) {
        assert_true (fprintf (file, "%u-%.*s\n", i, (int) (i % 40),
                              "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                              "xxxxxxxxxxxx") > 0);
    }
    assert_int_equal (fclose (file), 0);
    assert_int_equal (s_open (false, NULL), ZLOOM_OK);
    uint64_t offset = 0;
    for (unsigned i = 0; i < 50000; i++) {
        zloom_bytes_t line;
        char want[80];
        assert_int_equal (zloom_reader_next (s_reader, &line), ZLOOM_OK);
        const int size = snprintf (want, sizeof want, "%u-%.*s", i, (int) (i % 40),
                                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        assert_int_equal (line.size, size);
        assert_memory_equal (line.data, want, line.size);
        offset += line.size + 1;
        assert_int_equal (zloom_reader_place (s_reader).offset, offset);
    }
    s_expect_err (ZLOOM_CLOSED);
}

static void
test_a_line_that_is_too_long_is_stepped_over (void **state)
{
    (void) state;
    static const size_t sizes[] = {LINE_BYTES, LINE_BYTES + 1, 300000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *line = zloom_alloc (sizes[i] + 1);
        memset (line, 'x', sizes[i]);
        s_put (s_path, "w", "before\n");
        s_put (s_path, "a", line);
        s_put (s_path, "a", "\nbehind\n");
        assert_int_equal (s_open (false, NULL), ZLOOM_OK);
        s_expect ("before");
        if (i == 0) {
            s_expect (line);
        } else {
            s_expect_err (ZLOOM_TOO_BIG);
        }
        free (line);
        assert_int_equal (zloom_reader_line (s_reader), 2);
        const zloom_place_t place = zloom_reader_place (s_reader);
        assert_int_equal (place.offset, 7 + sizes[i] + 1);
        s_expect ("behind");
        s_expect_err (ZLOOM_CLOSED);
        assert_int_equal (s_open (false, &place), ZLOOM_OK);
        assert_true (zloom_reader_resumed (s_reader));
        s_expect ("behind");
    }
}

/* ---- places --------------------------------------------------------------------------------- */

/* From behind every line, the rest comes, and its places are the same as without the break. */
static void
test_goes_on_at_every_place (void **state)
{
    (void) state;
    s_put (s_path, "w", "a\n\nlonger line\nd\ne");
    for (unsigned stop = 1; stop <= 5; stop++) {
        zloom_bytes_t line;
        assert_int_equal (s_open (false, NULL), ZLOOM_OK);
        for (unsigned i = 0; i < stop; i++) {
            assert_int_equal (zloom_reader_next (s_reader, &line), ZLOOM_OK);
        }
        zloom_place_t place = zloom_reader_place (s_reader);
        place.id = 77;
        zloom_buf_t mark = {0};
        zloom_place_encode (&place, &mark);
        zloom_place_t read;
        assert_int_equal (zloom_place_decode (zloom_buf_bytes (&mark), &read), ZLOOM_OK);
        zloom_buf_fini (&mark);
        assert_memory_equal (&read, &place, sizeof place);
        assert_int_equal (s_open (false, &read), ZLOOM_OK);
        assert_true (zloom_reader_resumed (s_reader));
        place.id = 0;
        const zloom_place_t again = zloom_reader_place (s_reader);
        assert_memory_equal (&again, &place, sizeof place);
        for (unsigned i = stop; i < 5; i++) {
            assert_int_equal (zloom_reader_next (s_reader, &line), ZLOOM_OK);
            assert_int_equal (zloom_reader_line (s_reader), i + 1);
        }
        s_expect_err (ZLOOM_CLOSED);
    }
}

/* The same inode is not enough: a new file often gets the one of the file that was deleted. */
static void
test_another_file_is_read_from_its_start (void **state)
{
    (void) state;
    s_put (s_path, "w", "one\ntwo\n");
    assert_int_equal (s_open (false, NULL), ZLOOM_OK);
    s_expect ("one");
    s_expect ("two");
    const zloom_place_t place = zloom_reader_place (s_reader);
    s_put (s_path, "w", "other one\nother two\n");
    assert_int_equal (s_open (true, &place), ZLOOM_OK);
    assert_false (zloom_reader_resumed (s_reader));
    s_expect ("other one");
    s_put (s_path, "w", "on\n");
    assert_int_equal (s_open (true, &place), ZLOOM_OK);
    assert_false (zloom_reader_resumed (s_reader));
    s_expect ("on");
}

static void
test_marks_are_not_believed (void **state)
{
    (void) state;
    zloom_place_t place = {.inode = 1, .offset = 100, .line = 3, .id = 3, .tail_size = 20};
    zloom_buf_t mark = {0};
    zloom_place_encode (&place, &mark);
    for (size_t size = 0; size < mark.size; size++) {
        assert_int_not_equal (zloom_place_decode (zloom_bytes (mark.data, size), &place), ZLOOM_OK);
    }
    zloom_buf_clear (&mark);
    place.offset = 19;
    place.tail_size = 20;
    zloom_place_encode (&place, &mark);
    assert_int_equal (zloom_place_decode (zloom_buf_bytes (&mark), &place), ZLOOM_MALFORMED);
    zloom_buf_clear (&mark);
    place.offset = 1000;
    place.tail_size = ZLOOM_PLACE_TAIL_BYTES + 1;
    zloom_place_encode (&place, &mark);
    assert_int_not_equal (zloom_place_decode (zloom_buf_bytes (&mark), &place), ZLOOM_OK);
    zloom_buf_clear (&mark);
    zloom_encode_array (&mark, 1);
    zloom_encode_uint (&mark, 2);
    assert_int_equal (zloom_place_decode (zloom_buf_bytes (&mark), &place), ZLOOM_VERSION);
    zloom_buf_fini (&mark);
}

/* ---- rotation ------------------------------------------------------------------------------- */

static void
test_a_renamed_file_is_read_to_its_end (void **state)
{
    (void) state;
    s_put (s_path, "w", "one\n");
    assert_int_equal (s_open (true, NULL), ZLOOM_OK);
    s_expect ("one");
    s_expect_err (ZLOOM_AGAIN);
    assert_int_equal (rename (s_path, s_old), 0);
    s_put (s_old, "a", "two\n");
    s_expect ("two"); /* as long as nobody has its path */
    s_expect_err (ZLOOM_AGAIN);
    s_put (s_old, "a", "three\nfour without an end");
    s_put (s_path, "w", "first\n");
    s_expect ("three");
    assert_int_equal (zloom_reader_files (s_reader), 1);
    s_expect ("four without an end");
    s_expect ("first");
    assert_int_equal (zloom_reader_files (s_reader), 2);
    assert_int_equal (zloom_reader_line (s_reader), 1);
    s_expect_err (ZLOOM_AGAIN);
}

static void
test_a_file_renamed_while_nobody_read_is_found (void **state)
{
    (void) state;
    s_put (s_path, "w", "one\n");
    assert_int_equal (s_open (true, NULL), ZLOOM_OK);
    s_expect ("one");
    const zloom_place_t place = zloom_reader_place (s_reader);
    zloom_reader_destroy (&s_reader);
    s_put (s_path, "a", "two\n");
    assert_int_equal (rename (s_path, s_old), 0);
    s_put (s_path, "w", "first\n");
    assert_int_equal (s_open (true, &place), ZLOOM_OK);
    assert_true (zloom_reader_resumed (s_reader));
    s_expect ("two");
    s_expect ("first");
    assert_int_equal (s_open (false, &place), ZLOOM_OK);
    assert_false (zloom_reader_resumed (s_reader));
    s_expect ("first");
}

static void
test_a_file_that_was_cut_is_read_from_its_start (void **state)
{
    (void) state;
    s_put (s_path, "w", "one\ntwo\npart");
    assert_int_equal (s_open (true, NULL), ZLOOM_OK);
    s_expect ("one");
    s_expect ("two");
    s_expect_err (ZLOOM_AGAIN);
    s_put (s_path, "w", "anew\n");
    s_expect ("anew");
    assert_int_equal (zloom_reader_line (s_reader), 1);
    assert_int_equal (zloom_reader_files (s_reader), 2);
    s_expect_err (ZLOOM_AGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
      TEST (test_reads_lines_once),
      TEST (test_what_cannot_be_read_says_so),
      TEST (test_follow_waits_for_the_file_and_for_newlines),
      TEST (test_many_lines),
      TEST (test_a_line_that_is_too_long_is_stepped_over),
      TEST (test_goes_on_at_every_place),
      TEST (test_another_file_is_read_from_its_start),
      TEST (test_marks_are_not_believed),
      TEST (test_a_renamed_file_is_read_to_its_end),
      TEST (test_a_file_renamed_while_nobody_read_is_found),
      TEST (test_a_file_that_was_cut_is_read_from_its_start),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
