/* SPDX-License-Identifier: MPL-2.0 */
/* One child process: descriptors, environment, folder, how it ended, and that nothing is left. */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
s_wait (zloom_child_t *child, zloom_child_end_t *end)
{
    struct pollfd item = {.fd = zloom_child_fd (child), .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    assert_true (zloom_child_reap (child, end));
}

/* Run a shell line with stdout in `out` (256 bytes); returns how it ended. */
static zloom_child_end_t
s_run (const char *line, const char *const *env, const char *cwd, char *out)
{
    int pipes[2];
    assert_int_equal (pipe2 (pipes, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", line, NULL};
    const int fds[] = {-1, pipes[1], 2};
    zloom_child_config_t config = {.argv = argv, .env = env, .cwd = cwd, .fds = fds, .fd_count = 3};
    zloom_child_t *child = NULL;
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
    close (pipes[1]);
    size_t size = 0;
    ssize_t got = 0;
    while ((got = read (pipes[0], out + size, 255 - size)) > 0) {
        size += (size_t) got;
    }
    out[size] = 0;
    close (pipes[0]);
    zloom_child_end_t end;
    s_wait (child, &end);
    zloom_child_destroy (&child);
    assert_null (child);
    return end;
}

static void
child_writes_and_exits (void **state)
{
    (void) state;
    char out[256];
    zloom_child_end_t end = s_run ("echo hello; exit 3", NULL, NULL, out);
    assert_string_equal (out, "hello\n");
    assert_int_equal (end.exit, 3);
    assert_int_equal (end.signal, 0);
    assert_int_equal (end.start_errno, 0);
    assert_true (end.ran_ns > 0);
}

static void
child_gets_environment_and_folder (void **state)
{
    (void) state;
    char out[256];
    const char *const env[] = {"ZLOOM_FLOW=orders", NULL};
    s_run ("echo $ZLOOM_FLOW; pwd; test -n \"$PATH\" && echo path", env, "/", out);
    assert_string_equal (out, "orders\n/\npath\n");
}

static void
child_inherits_no_other_descriptor (void **state)
{
    (void) state;
    char out[256];
    int leak = open ("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    assert_true (leak >= 0);
    char line[64];
    (void) snprintf (line, sizeof line, "test -e /proc/self/fd/%d && echo leaked", leak);
    s_run (line, NULL, NULL, out);
    close (leak);
    assert_string_equal (out, "");
}

static void
child_that_does_not_exist_says_so (void **state)
{
    (void) state;
    const char *const argv[] = {"/nonexistent/program", NULL};
    int quiet = open ("/dev/null", O_RDWR | O_CLOEXEC);
    const int fds[] = {-1, -1, quiet};
    zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 3};
    zloom_child_t *child = NULL;
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
    zloom_child_end_t end;
    s_wait (child, &end);
    close (quiet);
    assert_int_equal (end.start_errno, ENOENT);
    assert_int_equal (end.exit, 127);
    char text[128];
    assert_string_equal (zloom_child_end_text (&end, text),
                         "cannot be run: No such file or directory");
    zloom_child_destroy (&child);
}

static void
child_killed_by_signal (void **state)
{
    (void) state;
    char out[256];
    zloom_child_end_t end = s_run ("kill -TERM $$", NULL, NULL, out);
    assert_int_equal (end.exit, -1);
    assert_int_equal (end.signal, SIGTERM);
}

/* A child that forked and left: reaping it ends its group, so the pipe closes. */
static void
child_group_is_ended (void **state)
{
    (void) state;
    int pipes[2];
    assert_int_equal (pipe2 (pipes, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c",
                                "(trap '' TERM HUP; while :; do read x; done) <&3 & exit 0", NULL};
    int hold[2];
    assert_int_equal (pipe2 (hold, O_CLOEXEC), 0);
    const int fds[] = {-1, pipes[1], -1, hold[0]};
    zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 4};
    zloom_child_t *child = NULL;
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
    close (pipes[1]);
    zloom_child_end_t end;
    s_wait (child, &end);
    struct pollfd item = {.fd = pipes[0], .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    assert_true (item.revents & POLLHUP);
    zloom_child_destroy (&child);
    close (pipes[0]);
    close (hold[0]);
    close (hold[1]);
}

static void
child_destroy_kills (void **state)
{
    (void) state;
    int pipes[2];
    assert_int_equal (pipe2 (pipes, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", "trap '' TERM; while :; do read x; done </dev/zero",
                                NULL};
    const int fds[] = {-1, pipes[1], 2};
    zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 3};
    zloom_child_t *child = NULL;
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
    close (pipes[1]);
    pid_t pid = zloom_child_pid (child);
    zloom_child_destroy (&child);
    assert_int_equal (kill (pid, 0), -1);
    assert_int_equal (errno, ESRCH);
    close (pipes[0]);
}

/* ---- hosts with habits of their own ---------------------------------------------------------- */

/* Such a process would never hear how a child ended. */
static void
a_process_that_ignores_its_children_is_told (void **state)
{
    (void) state;
    const char *const argv[] = {"true", NULL};
    const int fds[] = {-1, -1, -1};
    const zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 3};
    struct sigaction before;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    zloom_child_t *child = NULL;
    assert_int_equal (sigaction (SIGCHLD, &ignore, &before), 0);
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_UNSUPPORTED);
    assert_non_null (strstr (zloom_note (), "SIGCHLD"));
    assert_int_equal (sigaction (SIGCHLD, &before, NULL), 0);
    assert_null (child);
}

/* Its end is seen all the same, as a failure: nobody knows better. */
static void
a_child_that_others_reaped_has_failed (void **state)
{
    (void) state;
    const char *const argv[] = {"true", NULL};
    const int fds[] = {-1, -1, -1};
    const zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 3};
    zloom_child_t *child = NULL;
    assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
    int status = -1;
    while (waitpid (-1, &status, 0) != zloom_child_pid (child)) {
    }
    assert_int_equal (status, 0);
    zloom_child_end_t end;
    assert_true (zloom_child_reap (child, &end));
    assert_int_equal (end.exit, 1);
    zloom_child_destroy (&child);
}

static void
a_child_has_begun_when_its_program_runs (void **state)
{
    (void) state;
    static const char *const argv[][4] = {{"sh", "-c", "read x; exit 4", NULL},
                                          {"/no/such/program", NULL}};
    for (int i = 0; i < 2; i++) {
        int in[2];
        assert_int_equal (pipe2 (in, O_CLOEXEC), 0);
        const int fds[] = {in[0], -1, -1};
        const zloom_child_config_t config = {.argv = argv[i], .fds = fds, .fd_count = 3};
        zloom_child_t *child = NULL;
        assert_int_equal (zloom_child_start (&config, &child), ZLOOM_OK);
        struct pollfd item = {.fd = zloom_child_start_fd (child), .events = POLLIN};
        assert_int_equal (poll (&item, 1, 10000), 1);
        assert_int_equal (zloom_child_begun (child), i == 0 ? ZLOOM_OK : ZLOOM_NO_PROGRAM);
        assert_int_equal (zloom_child_begun (child), i == 0 ? ZLOOM_OK : ZLOOM_NO_PROGRAM);
        close (in[1]);
        close (in[0]);
        zloom_child_end_t end;
        s_wait (child, &end);
        assert_int_equal (end.exit, i == 0 ? 4 : 127);
        assert_int_equal (end.start_errno, i == 0 ? 0 : ENOENT);
        zloom_child_destroy (&child);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (a_child_has_begun_when_its_program_runs),
      cmocka_unit_test (child_writes_and_exits),
      cmocka_unit_test (child_gets_environment_and_folder),
      cmocka_unit_test (child_inherits_no_other_descriptor),
      cmocka_unit_test (child_that_does_not_exist_says_so),
      cmocka_unit_test (child_killed_by_signal),
      cmocka_unit_test (child_group_is_ended),
      cmocka_unit_test (child_destroy_kills),
      cmocka_unit_test (a_process_that_ignores_its_children_is_told),
      cmocka_unit_test (a_child_that_others_reaped_has_failed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
