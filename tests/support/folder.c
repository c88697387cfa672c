/* SPDX-License-Identifier: MPL-2.0 */
/*
 * folder.c - see folder.h. A program's folders lie in one, which it holds locked as long as it
 * lives. So whoever finds one that is not locked knows that its program is gone.
 */
#include "folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MOST 16
/* A parent may lose a race with a program that takes it for left behind. */
#define TRIES 100

static char s_parent[ZLOOM_FOLDER_BYTES];
static int s_parent_fd = -1;
static pid_t s_owner; /* a fork holds the lock, but has no folders */
static unsigned s_made;

static int
s_remove (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void) status;
    (void) kind;
    (void) walk;
    return remove (path);
}

/* Open and lock a parent; -1 when it is gone or somebody's. */
static int
s_lock (const char *path)
{
    const int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    struct stat status;
    if (flock (fd, LOCK_EX | LOCK_NB) != 0 || stat (path, &status) != 0) {
        close (fd);
        return -1;
    }
    return fd;
}

static void
s_remove_parent (void)
{
    if (s_owner == getpid ()) {
        (void) zloom_folder_remove (s_parent);
        close (s_parent_fd);
        s_owner = 0;
    }
}

/* What programs left that were killed, or that a sanitizer ended. */
static void
s_remove_left (void)
{
    glob_t found;
    if (glob ("/tmp/zloom-unit-??????", GLOB_NOSORT, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const int fd = s_lock (found.gl_pathv[i]);
        if (fd >= 0) {
            (void) zloom_folder_remove (found.gl_pathv[i]);
            close (fd);
        }
    }
    globfree (&found);
}

static bool
s_make_parent (void)
{
    s_remove_left ();
    for (int i = 0; i < TRIES; i++) {
        (void) snprintf (s_parent, sizeof s_parent, "/tmp/zloom-unit-XXXXXX");
        if (!mkdtemp (s_parent)) {
            return false;
        }
        s_parent_fd = s_lock (s_parent);
        if (s_parent_fd >= 0) {
            s_owner = getpid ();
            return atexit (s_remove_parent) == 0;
        }
    }
    return false;
}

bool
zloom_folder_make (char folder[ZLOOM_FOLDER_BYTES])
{
    if (s_owner != getpid () && !s_make_parent ()) {
        return false;
    }
    s_made++;
    const int size = snprintf (folder, ZLOOM_FOLDER_BYTES, "%s/%u", s_parent, s_made);
    return size < (int) ZLOOM_FOLDER_BYTES && mkdir (folder, 0700) == 0;
}

bool
zloom_folder_remove (const char *folder)
{
    return nftw (folder, s_remove, OPEN_MOST, FTW_DEPTH | FTW_PHYS) == 0;
}
