/* SPDX-License-Identifier: MPL-2.0 */
/* The log of a topology: its lines, its rotation, and what was lost to a full disk. */
#include "launch/logfile.h"

#include "support/folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STAMP "2026-11-28T14:05:00.123Z "

typedef struct {
    char folder[ZLOOM_FOLDER_BYTES];
    int stderr_fd; /* kept: an open log has descriptor 2 */
    zloom_logfile_t *log;
} s_fixture_t;

static int
s_setup (void **state)
{
    s_fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    assert_true (zloom_folder_make (self->folder));
    self->stderr_fd = dup (STDERR_FILENO);
    assert_int_equal (zloom_logfile_open (self->folder, ZLOOM_LOGFILE_LEAST_BYTES, &self->log),
                      ZLOOM_OK);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    s_fixture_t *self = *state;
    zloom_logfile_close (&self->log);
    (void) dup2 (self->stderr_fd, STDERR_FILENO);
    close (self->stderr_fd);
    assert_true (zloom_folder_remove (self->folder));
    free (self);
    return 0;
}

/* The file of that age, 0 is the youngest; "" when there is none. */
static const char *
s_file (const s_fixture_t *self, int age)
{
    static char text[65536];
    char path[256];
    char number[16] = "";
    if (age > 0) {
        (void) snprintf (number, sizeof number, ".%d", age);
    }
    (void) snprintf (path, sizeof path, "%s/logs/topology.log%s", self->folder, number);
    FILE *in = fopen (path, "re");
    size_t size = in ? fread (text, 1, sizeof text - 1, in) : 0;
    text[size] = 0;
    if (in) {
        (void) fclose (in);
    }
    return text;
}

static void
logfile_writes_time_unit_and_text (void **state)
{
    s_fixture_t *self = *state;
    zloom_logfile_line (self->log, "charge.1", zloom_bytes_text ("no such card"), false);
    const char *text = s_file (self, 0);
    assert_int_equal (zloom_logfile_stamp (zloom_bytes_text (text)), strlen (STAMP));
    assert_string_equal (text + strlen (STAMP), "charge.1   | no such card\n");
}

/* A line that has a time keeps it, and has it once. */
static void
logfile_takes_over_a_line_s_own_time (void **state)
{
    s_fixture_t *self = *state;
    zloom_logfile_line (self->log, "router", zloom_bytes_text (STAMP "info x"), true);
    zloom_logfile_line (self->log, "a-node-with-a-long-name", zloom_bytes_text (STAMP), false);
    assert_string_equal (s_file (self, 0),
                         STAMP "router     | info x …\n" STAMP "a-node-with-a-long-name | \n");
    assert_int_equal (zloom_logfile_stamp (zloom_bytes_text ("2026-11-28T14:05:00.123Z")), 0);
    assert_int_equal (zloom_logfile_stamp (zloom_bytes_text ("2026-11-28 14:05:00.123Z x")), 0);
}

static void
logfile_rotates_before_its_limit_and_keeps_four (void **state)
{
    s_fixture_t *self = *state;
    char line[512];
    for (int i = 0; i < 100; i++) {
        memset (line, 'x', sizeof line);
        (void) snprintf (line, sizeof line, "line %03d ", i);
        line[strlen (line)] = 'x';
        line[sizeof line - 1] = 0;
        zloom_logfile_line (self->log, "u", zloom_bytes_text (line), false);
    }
    assert_non_null (strstr (s_file (self, 0), "line 099"));
    int next = 99;
    for (int age = 0; age <= ZLOOM_LOGFILE_KEPT; age++) {
        const char *text = s_file (self, age);
        assert_true (strlen (text) > 0 && strlen (text) <= ZLOOM_LOGFILE_LEAST_BYTES);
        int count = 0;
        for (const char *at = text; (at = strstr (at, "line ")); at++) {
            count++;
        }
        /* Whole lines, none lost between two files. */
        assert_int_equal (strtol (strstr (text, "line ") + 5, NULL, 10), next - count + 1);
        next -= count;
    }
    assert_string_equal (s_file (self, ZLOOM_LOGFILE_KEPT + 1), "");
}

/* What others write to stderr stands in the file, also after a rotation. */
static void
logfile_is_descriptor_two (void **state)
{
    s_fixture_t *self = *state;
    char line[ZLOOM_LOGFILE_LEAST_BYTES];
    memset (line, 'y', sizeof line - 1);
    line[sizeof line - 1] = 0;
    zloom_logfile_line (self->log, "u", zloom_bytes_text (line), false);
    zloom_logfile_line (self->log, "u", zloom_bytes_text (line), false);
    assert_int_equal (write (STDERR_FILENO, "raw\n", 4), 4);
    assert_non_null (strstr (s_file (self, 0), "raw\n"));
    assert_null (strstr (s_file (self, 1), "raw\n"));
}

/* A limit of the file size stands for the full disk: the write fails, and later it works again. */
static void
logfile_says_what_was_lost (void **state)
{
    s_fixture_t *self = *state;
    struct rlimit old;
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &old), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_true (signal (SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &none), 0);
    for (int i = 0; i < 3; i++) {
        zloom_logfile_line (self->log, "u", zloom_bytes_text ("lost"), false);
    }
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &old), 0);
    zloom_logfile_sink (ZLOOM_LOG_WARN, "id", "key=1", self->log);
    zloom_logfile_line (self->log, "u", zloom_bytes_text ("on"), false);
    const char *text = s_file (self, 0);
    assert_null (strstr (text, "| lost\n"));
    const char *told = strstr (text, "supervisor | warn log-lost lines=3\n");
    assert_non_null (told);
    assert_non_null (strstr (told, "supervisor | warn id key=1\n"));
    assert_null (strstr (told + strlen ("supervisor | warn log-lost"), "log-lost"));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      TEST (logfile_writes_time_unit_and_text),
      TEST (logfile_takes_over_a_line_s_own_time),
      TEST (logfile_rotates_before_its_limit_and_keeps_four),
      TEST (logfile_is_descriptor_two),
      TEST (logfile_says_what_was_lost),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
