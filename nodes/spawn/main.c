/* SPDX-License-Identifier: MPL-2.0 */
/*
 * zloom-spawn - what has to happen between fork and exec, in a process of its own, so that a
 * program with threads and a live ZeroMQ context never forks. Started by lib/io/child.c:
 *
 *     zloom-spawn FD_COUNT PARENT_PID DEATH_SIGNAL MEMORY DESCRIPTORS DIRECTORY PROGRAM
 *                 [ARGUMENT...]
 *
 * Descriptors 0 .. FD_COUNT - 1 are the child's; FD_COUNT is a pipe that takes the errno when the
 * program cannot be run. MEMORY (bytes) and DESCRIPTORS are the most that the program may have, 0:
 * as much as its parent. Exit code 127: no such program; 126: it cannot be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A whole decimal number in [0, most], or -1. */
static int
s_number (const char *text, int most)
{
    char *end = NULL;
    errno = 0;
    long number = strtol (text, &end, 10);
    return errno || !end || *end || number < 0 || number > most ? -1 : (int) number;
}

/* A whole decimal number of bytes or descriptors, or -1. */
static long long
s_limit (const char *text)
{
    char *end = NULL;
    errno = 0;
    const long long number = strtoll (text, &end, 10);
    return errno || !end || *end || number < 0 ? -1 : number;
}

/* Never above what the parent may have: that would need rights. */
static bool
s_set_limit (__rlimit_resource_t resource, long long most)
{
    struct rlimit limit;
    if (most == 0) {
        return true;
    }
    if (getrlimit (resource, &limit) != 0) {
        return false;
    }
    if (limit.rlim_max == RLIM_INFINITY || (rlim_t) most < limit.rlim_max) {
        limit.rlim_max = (rlim_t) most;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit (resource, &limit) == 0;
}

static int
s_failed (int status_fd, int error, const char *what, const char *name)
{
    fprintf (stderr, "zloom-spawn: %s '%s': %s\n", what, name, strerror (error));
    if (write (status_fd, &error, sizeof error) != (ssize_t) sizeof error) {
        /* Nobody listens any more: the exit code still tells. */
        return 126;
    }
    return error == ENOENT ? 127 : 126;
}

int
main (int argc, char **argv)
{
    if (argc < 8) {
        fprintf (stderr, "zloom-spawn: started by zloom nodes, not by hand\n");
        return 2;
    }
    int fd_count = s_number (argv[1], 64);
    int parent = s_number (argv[2], 1 << 30);
    int death_signal = s_number (argv[3], 64);
    const long long memory = s_limit (argv[4]);
    const long long descriptors = s_limit (argv[5]);
    if (fd_count < 3 || parent < 0 || death_signal < 1 || memory < 0 || descriptors < 0) {
        fprintf (stderr, "zloom-spawn: malformed arguments\n");
        return 2;
    }
    if (fcntl (fd_count, F_SETFD, FD_CLOEXEC) != 0 ||
        close_range ((unsigned) fd_count + 1, ~0U, 0) != 0) {
        fprintf (stderr, "zloom-spawn: %s\n", strerror (errno));
        return 126;
    }
    if (prctl (PR_SET_PDEATHSIG, death_signal) != 0) {
        return s_failed (fd_count, errno, "cannot follow the parent of", argv[7]);
    }
    /* The parent may have died before the signal was set. */
    if (getppid () != parent) {
        return s_failed (fd_count, ESRCH, "parent is gone, will not run", argv[7]);
    }
    if (chdir (argv[6]) != 0) {
        return s_failed (fd_count, errno, "cannot enter the folder", argv[6]);
    }
    if (!s_set_limit (RLIMIT_DATA, memory) || !s_set_limit (RLIMIT_NOFILE, descriptors)) {
        return s_failed (fd_count, errno, "cannot limit", argv[7]);
    }
    execvp (argv[7], argv + 7);
    return s_failed (fd_count, errno, "cannot run", argv[7]);
}
