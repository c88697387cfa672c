/* SPDX-License-Identifier: MPL-2.0 */
/*
 * calls.c - each call to the system fails once: what opens, reads, writes, syncs and starts
 * processes. The first word says how: eio, enospc, eintr (whoever is interrupted has to go on or
 * say so), short (half of what a read or a write was asked for). No end of the process is a good
 * one here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call_subjects.h"
#include "harness.h"

/* The names and forms are those of libc and of the linker's --wrap. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */

static long s_left;
static bool s_counts;
static bool s_failed;
static bool s_short; /* fail by half of the bytes */
static bool s_came;  /* its turn did */
static int s_errno;

/* Whether this call is the one. */
static bool
s_fails (void)
{
    if (!s_counts || --s_left != 0) {
        return false;
    }
    s_came = true;
    if (s_short) {
        return false;
    }
    s_failed = true;
    errno = s_errno;
    return true;
}

/* How much of `size` this call gets: half, when it is its turn. */
static size_t
s_share (size_t size)
{
    if (s_counts && s_short && s_left == 0 && size > 1) {
        s_failed = true;
        return size / 2;
    }
    return size;
}

int
open (const char *path, int flags, ...)
{
    va_list args;
    va_start (args, flags);
    const int mode = flags & O_CREAT ? va_arg (args, int) : 0;
    va_end (args);
    return s_fails () ? -1 : (int) syscall (SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t
read (int fd, void *data, size_t size)
{
    return s_fails () ? -1 : syscall (SYS_read, fd, data, s_share (size));
}

ssize_t
pread (int fd, void *data, size_t size, off_t offset)
{
    return s_fails () ? -1 : syscall (SYS_pread64, fd, data, s_share (size), offset);
}

ssize_t
write (int fd, const void *data, size_t size)
{
    return s_fails () ? -1 : syscall (SYS_write, fd, data, s_share (size));
}

ssize_t
pwrite (int fd, const void *data, size_t size, off_t offset)
{
    return s_fails () ? -1 : syscall (SYS_pwrite64, fd, data, s_share (size), offset);
}

int
fsync (int fd)
{
    return s_fails () ? -1 : (int) syscall (SYS_fsync, fd);
}

int
fdatasync (int fd)
{
    return s_fails () ? -1 : (int) syscall (SYS_fdatasync, fd);
}

int
ftruncate (int fd, off_t size)
{
    return s_fails () ? -1 : (int) syscall (SYS_ftruncate, fd, size);
}

int
fstat (int fd, struct stat *stat)
{
    return s_fails () ? -1 : (int) syscall (SYS_newfstatat, fd, "", stat, AT_EMPTY_PATH);
}

int
stat (const char *path, struct stat *stat)
{
    return s_fails () ? -1 : (int) syscall (SYS_newfstatat, AT_FDCWD, path, stat, 0);
}

int
rename (const char *from, const char *to)
{
    return s_fails () ? -1 : (int) syscall (SYS_rename, from, to);
}

off_t
lseek (int fd, off_t offset, int whence)
{
    return s_fails () ? -1 : (off_t) syscall (SYS_lseek, fd, offset, whence);
}

int
pipe2 (int fds[2], int flags)
{
    return s_fails () ? -1 : (int) syscall (SYS_pipe2, fds, flags);
}

int
fcntl (int fd, int command, ...)
{
    va_list args;
    va_start (args, command);
    void *arg = va_arg (args, void *);
    va_end (args);
    return s_fails () ? -1 : (int) syscall (SYS_fcntl, fd, command, arg);
}

int
pidfd_open (pid_t pid, unsigned flags)
{
    return s_fails () ? -1 : (int) syscall (SYS_pidfd_open, pid, flags);
}

int
epoll_ctl (int epoll, int what, int fd, struct epoll_event *event)
{
    return s_fails () ? -1 : (int) syscall (SYS_epoll_ctl, epoll, what, fd, event);
}

/* The one that cannot be made from a system call: only its failing is stood in for. */
int __real_posix_spawn (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);
int __wrap_posix_spawn (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);

int
__wrap_posix_spawn (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
    return s_fails () ? s_errno : __real_posix_spawn (pid, path, actions, attributes, argv, env);
}

/* ---- for the harness ------------------------------------------------------------------------- */

static void
s_arm (long nth)
{
    s_failed = s_came = false;
    s_left = nth;
}

static void
s_count (bool on)
{
    s_counts = on;
}

static bool
s_met (void)
{
    /* A short one whose turn came at a call without bytes was none: the next run goes on. */
    return s_failed || s_came;
}

int
main (int argc, char **argv)
{
    static const harness_t harness = {.subjects = call_subjects,
                                      .subject_count = &call_subject_count,
                                      .arm = s_arm,
                                      .count = s_count,
                                      .met = s_met};
    static const struct {
        const char *name;
        int number;
    } ways[] = {{"eio", EIO}, {"enospc", ENOSPC}, {"eintr", EINTR}, {"short", 0}};
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++) {
        if (strcmp (ways[i].name, argv[1]) == 0) {
            s_errno = ways[i].number;
            s_short = s_errno == 0;
            return harness_main (&harness, argc - 1, argv + 1);
        }
    }
    fprintf (stderr, "usage: %s eio|enospc|eintr|short SUBJECT [FIRST]\n", argv[0]);
    return 2;
}

/* NOLINTEND(bugprone-reserved-identifier) */
