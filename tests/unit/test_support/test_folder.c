/* SPDX-License-Identifier: MPL-2.0 */
/* What a test leaves behind: nothing, however it ends; and no process that starts itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/folder.h"
#include "support/process.h"

static bool
s_there (const char *path)
{
    struct stat status;
    return stat (path, &status) == 0;
}

static void
s_put (const char *folder, const char *name, const char *text)
{
    char path[ZLOOM_FOLDER_BYTES + 16];
    (void) snprintf (path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen (path, "we");
    assert_non_null (file);
    fputs (text, file);
    assert_int_equal (fclose (file), 0);
}

/* A process that makes a folder, says which in `place`, serves, and removes nothing. */
static int
s_careless_main (const char *place)
{
    char folder[ZLOOM_FOLDER_BYTES];
    char byte = 0;
    if (!zloom_folder_make (folder)) {
        return 1;
    }
    s_put (folder, "file", "left");
    s_put (place, "said", folder);
    if (write (ZLOOM_READY_FD, "\n", 1) != 1 || read (ZLOOM_STOP_FD, &byte, 1) != 1) {
        return 2;
    }
    return 0;
}

/* A process that a test started and that starts one. */
static int
s_nested_main (const char *place)
{
    char *argv[] = {"test", "--careless", (char *) place, NULL};
    zloom_process_t process = zloom_process_start (argv, NULL, true);
    return zloom_process_stop (&process);
}

/* Start one, and read which folder is its own. */
static zloom_process_t
s_start_careless (const char *place, char folder[ZLOOM_FOLDER_BYTES])
{
    char *argv[] = {"test", "--careless", (char *) place, NULL};
    zloom_process_t process = zloom_process_start (argv, NULL, true);
    char path[ZLOOM_FOLDER_BYTES + 16];
    (void) snprintf (path, sizeof path, "%s/said", place);
    FILE *file = fopen (path, "re");
    assert_non_null (file);
    assert_non_null (fgets (folder, ZLOOM_FOLDER_BYTES, file));
    (void) fclose (file);
    assert_true (s_there (folder));
    return process;
}

static void
test_a_folder_is_made_and_removed (void **state)
{
    (void) state;
    char one[ZLOOM_FOLDER_BYTES];
    char two[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (one));
    assert_true (zloom_folder_make (two));
    assert_string_not_equal (one, two);
    s_put (one, "file", "text");
    assert_true (zloom_folder_remove (one));
    assert_false (s_there (one));
    assert_true (s_there (two));
    assert_true (zloom_folder_remove (two));
    assert_false (zloom_folder_remove (two));
}

static void
test_what_a_program_forgot_goes_at_its_end (void **state)
{
    (void) state;
    char place[ZLOOM_FOLDER_BYTES];
    char folder[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (place));
    zloom_process_t process = s_start_careless (place, folder);
    assert_int_equal (zloom_process_stop (&process), 0);
    assert_false (s_there (folder));
    assert_true (zloom_folder_remove (place));
}

/* A process that is killed removes nothing; the next program that makes a folder does. */
static void
test_what_a_killed_one_left_is_removed_by_the_next (void **state)
{
    (void) state;
    char place[ZLOOM_FOLDER_BYTES];
    char left[ZLOOM_FOLDER_BYTES];
    char folder[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (place));
    zloom_process_t process = s_start_careless (place, left);
    zloom_process_kill (&process);
    process = s_start_careless (place, folder);
    assert_false (s_there (left));
    assert_int_equal (zloom_process_stop (&process), 0);
    /* And what belongs to somebody who lives was left alone. */
    assert_true (s_there (place));
    assert_true (zloom_folder_remove (place));
}

/* A program whose main does not know its words runs its tests, which start it again, for ever. */
static void
test_who_was_started_starts_nobody (void **state)
{
    (void) state;
    char place[ZLOOM_FOLDER_BYTES];
    char log[ZLOOM_FOLDER_BYTES + 16];
    assert_true (zloom_folder_make (place));
    (void) snprintf (log, sizeof log, "%s/log", place);
    char *argv[] = {"test", "--nested", place, NULL};
    zloom_process_t process = zloom_process_start (argv, log, false);
    assert_int_not_equal (zloom_process_join (&process), 0);
    assert_true (zloom_folder_remove (place));
}

int
main (int argc, char **argv)
{
    if (argc == 3 && strcmp (argv[1], "--careless") == 0) {
        return s_careless_main (argv[2]);
    }
    if (argc == 3 && strcmp (argv[1], "--nested") == 0) {
        return s_nested_main (argv[2]);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_folder_is_made_and_removed),
      cmocka_unit_test (test_what_a_program_forgot_goes_at_its_end),
      cmocka_unit_test (test_what_a_killed_one_left_is_removed_by_the_next),
      cmocka_unit_test (test_who_was_started_starts_nobody),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
