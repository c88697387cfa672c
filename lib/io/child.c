/* SPDX-License-Identifier: MPL-2.0 */
#include "io/child.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "io/install.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ZLOOM_CHILD_TAG 0x4C1D0001u

/* Descriptors are first moved up here, so that dup2 in the child cannot overwrite one it needs. */
#define HIGH_FD 100
/* Of a child that somebody else has reaped: as if it had ended with exit code 1. */
#define LOST_STATUS (1 << 8)

/* What zloom-spawn is told before the folder and the program. */
#define NUMBERS 5

extern char **environ;

struct zloom_child {
    uint32_t tag;
    pid_t pid;
    int pidfd;
    int status_fd; /* zloom-spawn writes an errno here when it cannot run the program */
    bool reaped;
    bool start_known; /* what came of it was read from status_fd */
    int start_errno;
    int64_t started_ns;
    zloom_child_end_t end;
};

zloom_err_t
zloom_spawner_path (char *path, size_t size)
{
    const char *named = getenv ("ZLOOM_SPAWN");
    if (named && *named) {
        (void) snprintf (path, size, "%s", named);
        return ZLOOM_OK;
    }
    if (zloom_install_find (ZLOOM_LIBEXEC_PLACE, "zloom-spawn", true, path, size)) {
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_NO_PROGRAM,
                       "zloom-spawn is neither beside this program nor where zloom is installed; "
                       "set ZLOOM_SPAWN");
}

/* The parent's environment with `added` put over it: an array on the heap, its strings borrowed. */
static char **
s_environment (const char *const *added)
{
    size_t own = 0;
    size_t more = 0;
    while (environ && environ[own]) {
        own++;
    }
    while (added && added[more]) {
        more++;
    }
    char **env = zloom_alloc ((own + more + 1) * sizeof *env);
    size_t count = 0;
    for (size_t i = 0; i < own; i++) {
        bool replaced = false;
        for (size_t j = 0; j < more && !replaced; j++) {
            size_t name = strcspn (added[j], "=");
            replaced = strncmp (environ[i], added[j], name + 1) == 0;
        }
        if (!replaced) {
            env[count++] = environ[i];
        }
    }
    for (size_t j = 0; j < more; j++) {
        env[count++] = (char *) (uintptr_t) added[j];
    }
    env[count] = NULL;
    return env;
}

/* The helper's own arguments, then the program's. The array is the caller's to free. */
static char **
s_arguments (const zloom_child_config_t *config, char numbers[NUMBERS][24])
{
    size_t count = 0;
    while (config->argv[count]) {
        count++;
    }
    char **argv = zloom_alloc ((count + NUMBERS + 3) * sizeof *argv);
    (void) snprintf (numbers[0], sizeof numbers[0], "%zu", config->fd_count);
    (void) snprintf (numbers[1], sizeof numbers[1], "%d", (int) getpid ());
    (void) snprintf (numbers[2], sizeof numbers[2], "%d",
                     config->death_signal ? config->death_signal : SIGKILL);
    (void) snprintf (numbers[3], sizeof numbers[3], "%lld",
                     (long long) config->limits.memory_bytes);
    (void) snprintf (numbers[4], sizeof numbers[4], "%lld", (long long) config->limits.descriptors);
    size_t at = 0;
    argv[at++] = (char *) (uintptr_t) "zloom-spawn";
    for (int i = 0; i < NUMBERS; i++) {
        argv[at++] = numbers[i];
    }
    argv[at++] = (char *) (uintptr_t) (config->cwd ? config->cwd : ".");
    for (size_t i = 0; i < count; i++) {
        argv[at++] = (char *) (uintptr_t) config->argv[i];
    }
    return argv;
}

/* Descriptors 0 .. fd_count - 1 as asked, and the status pipe right behind them. */
static zloom_err_t
s_file_actions (const zloom_child_config_t *config, int status_fd, int *high,
                posix_spawn_file_actions_t *actions)
{
    for (size_t i = 0; i <= config->fd_count; i++) {
        int fd = i == config->fd_count ? status_fd : config->fds[i];
        int failed = 0;
        if (fd < 0) {
            failed = posix_spawn_file_actions_addopen (actions, (int) i, "/dev/null", O_RDWR, 0);
        } else {
            high[i] = fcntl (fd, F_DUPFD_CLOEXEC, HIGH_FD);
            if (high[i] < 0) {
                return zloom_fail_errno (ZLOOM_SYSTEM, "cannot hand descriptor %d to a child", fd);
            }
            failed = posix_spawn_file_actions_adddup2 (actions, high[i], (int) i);
        }
        if (failed) {
            errno = failed;
            return zloom_fail_errno (ZLOOM_SYSTEM, "cannot prepare a child's descriptors");
        }
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_spawn (const char *spawner, const zloom_child_config_t *config, int status_fd, pid_t *pid)
{
    int high[ZLOOM_CHILD_FDS + 1];
    for (size_t i = 0; i <= ZLOOM_CHILD_FDS; i++) {
        high[i] = -1;
    }
    char numbers[NUMBERS][24];
    char **argv = s_arguments (config, numbers);
    char **env = s_environment (config->env);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset (&none);
    sigfillset (&all);
    posix_spawn_file_actions_init (&actions);
    posix_spawnattr_init (&attributes);
    posix_spawnattr_setsigmask (&attributes, &none);
    posix_spawnattr_setsigdefault (&attributes, &all);
    posix_spawnattr_setpgroup (&attributes, 0);
    posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    zloom_err_t err = s_file_actions (config, status_fd, high, &actions);
    if (err == ZLOOM_OK) {
        int failed = posix_spawn (pid, spawner, &actions, &attributes, argv, env);
        if (failed) {
            errno = failed;
            err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot start %s", spawner);
        }
    }
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    for (size_t i = 0; i <= ZLOOM_CHILD_FDS; i++) {
        if (high[i] >= 0) {
            close (high[i]);
        }
    }
    free (argv);
    free (env);
    return err;
}

/* The end of a child is lost to a process that ignores SIGCHLD: the kernel reaps it. */
static zloom_err_t
s_check_reaping (void)
{
    struct sigaction action;
    if (sigaction (SIGCHLD, NULL, &action) == 0 &&
        (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0)) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "this process ignores SIGCHLD, so it cannot learn how a program ended");
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_child_start (const zloom_child_config_t *config, zloom_child_t **child_p)
{
    zloom_assert (config->fd_count >= 3 && config->fd_count <= ZLOOM_CHILD_FDS);
    zloom_assert (config->argv && config->argv[0]);
    char spawner[4096 + 16];
    zloom_err_t err = s_check_reaping ();
    if (err == ZLOOM_OK) {
        err = zloom_spawner_path (spawner, sizeof spawner);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    int status[2];
    if (pipe2 (status, O_CLOEXEC | O_NONBLOCK) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot make a pipe for a child");
    }
    pid_t pid = -1;
    err = s_spawn (spawner, config, status[1], &pid);
    close (status[1]);
    if (err != ZLOOM_OK) {
        close (status[0]);
        return err;
    }
    int pidfd = pidfd_open (pid, 0);
    if (pidfd < 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot watch a child");
        kill (-pid, SIGKILL);
        waitpid (pid, NULL, 0);
        close (status[0]);
        return err;
    }
    zloom_child_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_CHILD_TAG;
    self->pid = pid;
    self->pidfd = pidfd;
    self->status_fd = status[0];
    self->started_ns = zloom_clock_mono_ns ();
    *child_p = self;
    return ZLOOM_OK;
}

pid_t
zloom_child_pid (const zloom_child_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    return self->pid;
}

int
zloom_child_fd (const zloom_child_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    return self->pidfd;
}

int
zloom_child_start_fd (const zloom_child_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    return self->status_fd;
}

zloom_err_t
zloom_child_begun (zloom_child_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    if (!self->start_known) {
        int error = 0;
        const ssize_t got = read (self->status_fd, &error, sizeof error);
        if (got < 0) {
            return ZLOOM_AGAIN;
        }
        /* Closed without a word: by exec, or with a zloom-spawn that was killed. */
        self->start_known = true;
        self->start_errno = got == (ssize_t) sizeof error ? error : 0;
    }
    return self->start_errno == 0 ? ZLOOM_OK : ZLOOM_NO_PROGRAM;
}

void
zloom_child_signal (zloom_child_t *self, int signal)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    if (!self->reaped) {
        kill (-self->pid, signal);
    }
}

/* Keep how the child ended. */
static void
s_ended (zloom_child_t *self, int status)
{
    (void) zloom_child_begun (self);
    self->end.exit = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
    self->end.signal = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
    self->end.start_errno = self->start_errno;
    self->end.ran_ns = zloom_clock_mono_ns () - self->started_ns;
    self->reaped = true;
}

bool
zloom_child_reap (zloom_child_t *self, zloom_child_end_t *end)
{
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    if (!self->reaped) {
        siginfo_t info = {0};
        const bool known =
          waitid (P_PID, (id_t) self->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
        if (known ? info.si_pid != self->pid : errno != ECHILD) {
            return false;
        }
        /* What it left in its group ends too; before it is reaped, and its number is another's. */
        kill (-self->pid, SIGKILL);
        int status = 0;
        struct rusage used = {0};
        if (wait4 (self->pid, &status, 0, &used) != self->pid) {
            status = LOST_STATUS; /* the host program has reaped it */
        }
        self->end.memory_bytes = (int64_t) used.ru_maxrss * 1024;
        s_ended (self, status);
    }
    *end = self->end;
    return true;
}

void
zloom_child_destroy (zloom_child_t **self_p)
{
    zloom_child_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_CHILD_TAG);
    if (!self->reaped) {
        int status = 0;
        kill (-self->pid, SIGKILL);
        /* The group may not be there yet if the helper has not run: the child itself surely is. */
        kill (self->pid, SIGKILL);
        while (waitpid (self->pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close (self->pidfd);
    close (self->status_fd);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

const char *
zloom_child_end_text (const zloom_child_end_t *end, char text[128])
{
    if (end->start_errno) {
        (void) snprintf (text, 128, "cannot be run: %s", strerror (end->start_errno));
    } else if (end->signal) {
        (void) snprintf (text, 128, "signal %d (%s)", end->signal, strsignal (end->signal));
    } else {
        (void) snprintf (text, 128, "exit code %d", end->exit);
    }
    return text;
}
