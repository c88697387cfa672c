/* SPDX-License-Identifier: MPL-2.0 */
/*
 * child.h - one child process, started through the helper program zloom-spawn: an argument vector
 * and never a shell, its own process group, a parent-death signal, no inherited descriptors but
 * those that are named, default signal handling.
 *
 * Never fork in a process with a live ZeroMQ context: posix_spawn of an installed helper is safe,
 * and the helper, which has one thread and no locks, does what has to happen between fork and exec.
 *
 * Ownership: descriptors in `fds` stay the caller's; close them after start. The parent-death
 * signal follows the thread that called start: start from one that lives as long as the child may.
 * Threads: one child, one thread.
 *
 * Example:
 *     const char *const argv[] = {"python3", "charge.py", NULL};
 *     const int fds[] = {-1, out, err};          // stdin is /dev/null
 *     zloom_child_config_t config = {.argv = argv, .fds = fds, .fd_count = 3};
 *     if (zloom_child_start (&config, &child) == ZLOOM_OK) {
 *         ... poll zloom_child_fd (child) ...
 *         if (zloom_child_reap (child, &end)) { ... end.exit, end.signal ... }
 *     }
 *     zloom_child_destroy (&child); // kills the group if it is still there
 */
#ifndef ZLOOM_IO_CHILD_H
#define ZLOOM_IO_CHILD_H

#include "base/error.h"

#include <sys/types.h>

/* Most descriptors a child can be given. */
#define ZLOOM_CHILD_FDS 8

/* What a child, and each process that it starts, may have; 0: as much as this process. */
typedef struct {
    int64_t memory_bytes; /* written pages of its own (RLIMIT_DATA): what it reserves is free */
    int64_t descriptors;
} zloom_child_limits_t;

typedef struct {
    const char *const *argv; /* ends with NULL; a program without a slash is looked up in PATH */
    const char *const *env;  /* "NAME=value" put over the parent's environment; NULL: none */
    const char *cwd;         /* NULL: the parent's */
    const int *fds;          /* fds[i] becomes the child's descriptor i; -1: /dev/null */
    size_t fd_count;         /* at least 3, at most ZLOOM_CHILD_FDS */
    zloom_child_limits_t limits;
    int death_signal; /* sent to the child when the starting thread ends; 0: SIGKILL */
} zloom_child_config_t;

/* How a child ended. */
typedef struct {
    int exit;        /* exit code; -1: ended by a signal */
    int signal;      /* 0: none */
    int start_errno; /* not 0: the program could not be run at all, and why */
    int64_t ran_ns;
    int64_t memory_bytes; /* the most that it held in memory at a time */
} zloom_child_end_t;

typedef struct zloom_child zloom_child_t;

/*
 * NO_PROGRAM: zloom-spawn is not where it should be. SYSTEM: the kernel refused. A program that
 * does not exist is not an error here: the child ends at once with start_errno set.
 */
zloom_err_t zloom_child_start (const zloom_child_config_t *config, zloom_child_t **child_p);
/* Kill the whole group if it may still be there, reap, free. */
void zloom_child_destroy (zloom_child_t **self_p);
pid_t zloom_child_pid (const zloom_child_t *self);
/* A pidfd: readable when the child has ended. */
int zloom_child_fd (const zloom_child_t *self);
/* Readable once zloom_child_begun has something new to tell. */
int zloom_child_start_fd (const zloom_child_t *self);
/*
 * Whether the program has taken the place of zloom-spawn. AGAIN: not yet; NO_PROGRAM: it could not,
 * and the child's end will say why.
 */
zloom_err_t zloom_child_begun (zloom_child_t *self);
/* Send a signal to the child's process group; nothing happens once it was reaped. */
void zloom_child_signal (zloom_child_t *self, int signal);
/* Without waiting: true once the child has ended; what is left of its group is killed then. */
bool zloom_child_reap (zloom_child_t *self, zloom_child_end_t *end);
/* "exit code 3" or "signal 9 (Killed)" or "cannot be run: No such file or directory". */
const char *zloom_child_end_text (const zloom_child_end_t *end, char text[128]);

/* Where zloom-spawn is: $ZLOOM_SPAWN, beside this executable, or the installed libexec folder. */
zloom_err_t zloom_spawner_path (char *path, size_t size);

#endif
