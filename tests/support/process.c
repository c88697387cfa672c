/* SPDX-License-Identifier: MPL-2.0 */
/* process.c - see process.h. */
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Above all that a child is given. */
#define HIGH_FD 100
#define READY_MS 20000
/* In the environment of who was started. A program whose main does not know the words that it is
 * given runs its tests, which start it again: a chain that no end of a test would stop. */
#define STARTED "ZLOOM_TEST_STARTED"

extern char **environ;

static void
s_await_ready (int fd, const char *log)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char byte = 0;
    if (poll (&readable, 1, READY_MS) != 1 || read (fd, &byte, 1) != 1) {
        fail_msg ("a process did not start, see %s", log ? log : "above");
    }
    assert_int_equal (byte, '\n');
}

zloom_process_t
zloom_process_start (char *const argv[], const char *log, bool wait)
{
    if (getenv (STARTED)) {
        fail_msg (
          "%s was started by a test and starts no process itself: does main know this word?",
          argv[1]);
    }
    int ready[2];
    int stop[2];
    assert_int_equal (pipe2 (ready, O_CLOEXEC), 0);
    assert_int_equal (pipe2 (stop, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    assert_int_equal (posix_spawn_file_actions_init (&actions), 0);
    /* Above the targets first, so that neither dup2 treads on the other's source. */
    const int high_ready = fcntl (ready[1], F_DUPFD_CLOEXEC, HIGH_FD);
    const int high_stop = fcntl (stop[0], F_DUPFD_CLOEXEC, HIGH_FD);
    posix_spawn_file_actions_adddup2 (&actions, high_ready, ZLOOM_READY_FD);
    posix_spawn_file_actions_adddup2 (&actions, high_stop, ZLOOM_STOP_FD);
    if (log) {
        posix_spawn_file_actions_addopen (&actions, STDERR_FILENO, log,
                                          O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    zloom_process_t self = {.stop_fd = stop[1]};
    assert_int_equal (setenv (STARTED, "1", 1), 0);
    assert_int_equal (posix_spawn (&self.pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    assert_int_equal (unsetenv (STARTED), 0);
    posix_spawn_file_actions_destroy (&actions);
    close (ready[1]);
    close (stop[0]);
    close (high_ready);
    close (high_stop);
    if (wait) {
        s_await_ready (ready[0], log);
    }
    close (ready[0]);
    return self;
}

static int
s_reap (zloom_process_t *self)
{
    int status = 0;
    assert_int_equal (waitpid (self->pid, &status, 0), self->pid);
    close (self->stop_fd);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

void
zloom_process_kill (zloom_process_t *self)
{
    assert_int_equal (kill (self->pid, SIGKILL), 0);
    (void) s_reap (self);
}

int
zloom_process_join (zloom_process_t *self)
{
    return s_reap (self);
}

int
zloom_process_stop (zloom_process_t *self)
{
    assert_int_equal (write (self->stop_fd, "\n", 1), 1);
    return s_reap (self);
}
