/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/poller/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/memory.h"

#define CHANGES (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM)

int
zloom_watch_open (const char *path)
{
    const char *slash = strrchr (path, '/');
    char *folder =
      slash ? zloom_memdup_text (path, (size_t) (slash - path) + 1) : zloom_strdup (".");
    int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch (fd, folder, CHANGES) < 0) {
        close (fd);
        fd = -1;
    }
    free (folder);
    return fd;
}

void
zloom_watch_read (int fd)
{
    char events[4096];
    while (read (fd, events, sizeof events) > 0) {
    }
}
