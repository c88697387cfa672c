/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/leftovers.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONGEST_SLEEP_MS 60000

/* The first bytes of a small file; NUL behind them. */
static size_t
s_read (const char *path, char *text, size_t size)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read (fd, text, size - 1);
    if (fd >= 0) {
        close (fd);
    }
    text[got > 0 ? got : 0] = 0;
    return got > 0 ? (size_t) got : 0;
}

/* Numbers are used again: it is a node of this topology only if its words say so. */
static bool
s_is_node (pid_t pid, const char *runtime)
{
    char path[64];
    char words[8192];
    (void) snprintf (path, sizeof path, "/proc/%d/cmdline", (int) pid);
    const size_t size = s_read (path, words, sizeof words);
    bool follows = false;
    for (size_t at = 0; at < size; at += strlen (words + at) + 1) {
        if (follows && strcmp (words + at, runtime) == 0) {
            return true;
        }
        follows = strcmp (words + at, "--runtime") == 0;
    }
    return false;
}

/* Wait for one; its pidfd keeps it apart from a later process of the same number. */
static zloom_err_t
s_wait (pid_t pid, const char *name, const zloom_paths_t *paths, int stop_fd, int64_t until_mono_ns)
{
    const int fd = (int) syscall (SYS_pidfd_open, pid, 0);
    if (fd < 0 || !s_is_node (pid, paths->runtime)) {
        if (fd >= 0) {
            close (fd);
        }
        return ZLOOM_OK;
    }
    zloom_log (ZLOOM_LOG_WARN, "leftover", "pid-file=%s pid=%d: waiting for its end", name,
               (int) pid);
    zloom_err_t err = ZLOOM_AGAIN;
    while (err == ZLOOM_AGAIN) {
        struct pollfd items[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        const int64_t left_ms = (until_mono_ns - zloom_clock_mono_ns ()) / ZLOOM_NS_PER_MS;
        if (left_ms <= 0) {
            err = zloom_fail (ZLOOM_LOCKED,
                              "is not free: process %d (%s) of an earlier run does not end",
                              (int) pid, name);
            break;
        }
        (void) poll (items, 2, left_ms < LONGEST_SLEEP_MS ? (int) left_ms : LONGEST_SLEEP_MS);
        if (items[0].revents) {
            err = ZLOOM_OK;
        } else if (items[1].revents) {
            err = zloom_fail (ZLOOM_CLOSED, "asked to stop before it was started");
        }
    }
    close (fd);
    return err;
}

zloom_err_t
zloom_leftovers_wait (const zloom_paths_t *paths, int stop_fd, int64_t until_mono_ns)
{
    DIR *folder = opendir (paths->runtime);
    zloom_err_t err = ZLOOM_OK;
    struct dirent *entry = NULL;
    while (folder && err == ZLOOM_OK && (entry = readdir (folder))) {
        const size_t size = strlen (entry->d_name);
        if (size < 5 || strcmp (entry->d_name + size - 4, ".pid") != 0) {
            continue;
        }
        char path[PATH_MAX + 260];
        char text[32];
        (void) snprintf (path, sizeof path, "%s/%s", paths->runtime, entry->d_name);
        (void) s_read (path, text, sizeof text);
        const long pid = strtol (text, NULL, 10);
        if (pid > 0 && pid < INT32_MAX) {
            err = s_wait ((pid_t) pid, entry->d_name, paths, stop_fd, until_mono_ns);
        }
        if (err == ZLOOM_OK) {
            (void) unlink (path);
        }
    }
    if (folder) {
        closedir (folder);
    }
    return err;
}
