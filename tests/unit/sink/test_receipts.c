/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "nodes/sink/receipts.h"
#include "support/folder.h"

static char s_directory[ZLOOM_FOLDER_BYTES];
static char s_path[64];
static char s_kept[64];
static zloom_receipts_t *s_receipts;

static void
s_restart (void)
{
    zloom_receipts_destroy (&s_receipts);
    s_receipts = zloom_receipts_open (s_directory, s_path);
}

static int
s_setup (void **state)
{
    (void) state;
    assert_true (zloom_folder_make (s_directory));
    snprintf (s_path, sizeof s_path, "%s/out", s_directory);
    snprintf (s_kept, sizeof s_kept, "%s/written", s_directory);
    s_restart ();
    return 0;
}

static int
s_teardown (void **state)
{
    (void) state;
    zloom_receipts_destroy (&s_receipts);
    (void) unlink (s_path);
    (void) unlink (s_kept);
    assert_true (zloom_folder_remove (s_directory));
    return 0;
}

static zloom_message_t
s_message (uint64_t seq, const char *body)
{
    return (zloom_message_t){
      .flow = "lines", .seq = seq, .sent_wall_ns = 1000, .body = body, .body_size = strlen (body)};
}

static bool
s_has (uint64_t seq)
{
    const zloom_message_t message = s_message (seq, "");
    return zloom_receipts_has (s_receipts, &message);
}

static void
s_write (const char *mode, const char *text)
{
    FILE *file = fopen (s_path, mode);
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

/* A receipt for `count` messages from `first` on, whose bodies are "a", "b", … */
static void
s_keep (uint64_t first, unsigned count, uint64_t base)
{
    static const char bodies[][2] = {"a", "b", "c", "d"};
    for (unsigned i = 0; i < count; i++) {
        const zloom_message_t message = s_message (first + i, bodies[i]);
        zloom_receipts_add (s_receipts, &message);
    }
    struct stat file;
    assert_int_equal (stat (s_path, &file), 0);
    assert_int_equal (zloom_receipts_keep (s_receipts, (uint64_t) file.st_ino, base), ZLOOM_OK);
}

static void
test_knows_what_it_wrote (void **state)
{
    (void) state;
    s_write ("w", "");
    assert_false (s_has (5));
    s_keep (5, 2, 0);
    assert_false (s_has (5)); /* not before it is done */
    zloom_receipts_done (s_receipts, true);
    assert_true (s_has (5));
    assert_true (s_has (6));
    assert_false (s_has (4));
    assert_false (s_has (7));
    zloom_message_t message = s_message (5, "");
    message.sent_wall_ns = 1001; /* the same number of another journal */
    assert_false (zloom_receipts_has (s_receipts, &message));
    message = s_message (5, "");
    message.flow = "others";
    assert_false (zloom_receipts_has (s_receipts, &message));
    s_keep (8, 1, 4);
    zloom_receipts_done (s_receipts, false);
    assert_false (s_has (8));
}

/* Killed after the receipt: what the file holds decides, line by line. */
static void
test_a_receipt_counts_as_far_as_the_lines_stand (void **state)
{
    (void) state;
    static const char *const written[] = {"", "a\n", "a\nb\n", "a\nb\nc\n", "a\nX\nc\n", "a\nb"};
    static const unsigned stand[] = {0, 1, 2, 3, 1, 1};
    for (size_t i = 0; i < sizeof stand / sizeof *stand; i++) {
        s_write ("w", "before\n");
        s_keep (10, 3, 7);
        s_write ("a", written[i]);
        for (unsigned times = 0; times < 2; times++) {
            s_restart ();
            for (unsigned j = 0; j < 3; j++) {
                assert_int_equal (s_has (10 + j), j < stand[i]);
            }
        }
        zloom_receipts_destroy (&s_receipts);
        assert_int_equal (unlink (s_kept), 0);
        s_restart ();
    }
}

/* A batch was cut off again, and a like one of other messages took its place. */
static void
test_what_was_cut_off_does_not_count (void **state)
{
    (void) state;
    s_write ("w", "");
    s_keep (1, 2, 0);
    zloom_receipts_done (s_receipts, false);
    s_keep (7, 2, 0);
    s_write ("a", "a\nb\n");
    zloom_receipts_done (s_receipts, true);
    s_restart ();
    assert_false (s_has (1));
    assert_false (s_has (2));
    assert_true (s_has (7));
    assert_true (s_has (8));
}

static void
test_another_file_does_not_count (void **state)
{
    (void) state;
    char moved[80];
    snprintf (moved, sizeof moved, "%s.1", s_path);
    s_write ("w", "");
    s_keep (1, 2, 0);
    s_write ("a", "a\nb\n");
    assert_int_equal (rename (s_path, moved), 0);
    s_write ("w", "a\nb\n");
    s_restart ();
    assert_false (s_has (1));
    assert_int_equal (unlink (moved), 0);
}

/* Torn anywhere: the receipts before it count, and the next ones are found behind it. */
static void
test_a_torn_receipt_is_cut_off (void **state)
{
    (void) state;
    s_write ("w", "");
    s_keep (1, 1, 0);
    s_write ("a", "a\n");
    zloom_receipts_done (s_receipts, true);
    struct stat one, two;
    assert_int_equal (stat (s_kept, &one), 0);
    s_keep (2, 1, 2);
    zloom_receipts_done (s_receipts, true);
    assert_int_equal (stat (s_kept, &two), 0);
    for (off_t size = two.st_size - 1; size > one.st_size; size--) {
        zloom_receipts_destroy (&s_receipts);
        assert_int_equal (truncate (s_kept, size), 0);
        s_restart ();
        assert_true (s_has (1));
        assert_false (s_has (2));
        struct stat now;
        assert_int_equal (stat (s_kept, &now), 0);
        assert_int_equal (now.st_size, one.st_size);
        s_keep (2, 1, 2);
        s_write ("w", "a\na\n");
        s_restart ();
        assert_true (s_has (2));
        s_write ("w", "a\n");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
      TEST (test_knows_what_it_wrote),
      TEST (test_a_receipt_counts_as_far_as_the_lines_stand),
      TEST (test_what_was_cut_off_does_not_count),
      TEST (test_another_file_does_not_count),
      TEST (test_a_torn_receipt_is_cut_off),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
