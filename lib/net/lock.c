/* SPDX-License-Identifier: MPL-2.0 */
#include "net/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tag.h"

#define LOCK_TAG 0x5A4E6C6Bu

struct zloom_path_lock {
    uint32_t tag;
    int fd;
    char *path;
    bool bound;
    dev_t device;
    ino_t inode;
};

static zloom_err_t
s_locked (int fd, const char *path)
{
    char text[24];
    ssize_t size = pread (fd, text, sizeof text - 1, 0);
    size_t digits = 0;
    while (size > 0 && digits < (size_t) size && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    text[digits] = 0;
    return zloom_fail (ZLOOM_LOCKED, "%s is served by another process (%s): stop it first", path,
                       digits > 0 ? text : "unknown");
}

/* What stands there now may only be the socket of a dead process. */
static zloom_err_t
s_check_path (const char *path)
{
    struct stat info;
    if (lstat (path, &info) != 0) {
        return errno == ENOENT ? ZLOOM_OK
                               : zloom_fail_errno (ZLOOM_SYSTEM, "cannot look at %s", path);
    }
    if (!S_ISSOCK (info.st_mode)) {
        return zloom_fail (ZLOOM_EXISTS, "%s is there and is no socket: move it away", path);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_path_lock_take (const char *path, zloom_path_lock_t **self_p)
{
    char *name = zloom_format ("%s.lock", path);
    int fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    zloom_err_t err = ZLOOM_OK;
    if (fd < 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot open %s", name);
    } else if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? s_locked (fd, path)
                                   : zloom_fail_errno (ZLOOM_SYSTEM, "cannot lock %s", name);
    } else {
        err = s_check_path (path);
    }
    free (name);
    if (err != ZLOOM_OK) {
        if (fd >= 0) {
            close (fd);
        }
        return err;
    }
    /* The process id is for people only: not being able to write it changes nothing. */
    char text[24];
    int size = snprintf (text, sizeof text, "%ld\n", (long) getpid ());
    if (ftruncate (fd, 0) == 0) {
        ssize_t written = pwrite (fd, text, (size_t) size, 0);
        (void) written;
    }
    zloom_path_lock_t *self = zloom_alloc (sizeof *self);
    self->tag = LOCK_TAG;
    self->fd = fd;
    self->path = zloom_strdup (path);
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_path_lock_bound (zloom_path_lock_t *self)
{
    ZLOOM_CHECK (self, LOCK_TAG);
    struct stat info;
    if (lstat (self->path, &info) == 0) {
        self->bound = true;
        self->device = info.st_dev;
        self->inode = info.st_ino;
    }
}

static bool
s_is_ours (const zloom_path_lock_t *self)
{
    struct stat info;
    return self->bound && lstat (self->path, &info) == 0 && info.st_dev == self->device &&
           info.st_ino == self->inode;
}

void
zloom_path_lock_drop (zloom_path_lock_t **self_p)
{
    zloom_assert (self_p);
    zloom_path_lock_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, LOCK_TAG);
    *self_p = NULL;
    if (s_is_ours (self)) {
        (void) unlink (self->path);
    }
    close (self->fd);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->path);
    free (self);
}
