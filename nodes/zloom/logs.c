/* SPDX-License-Identifier: MPL-2.0 */
#include "logs.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

void
zloom_logs_init (zloom_logs_t *self, const char *state)
{
    *self = (zloom_logs_t){.fd = -1};
    self->path = zloom_format ("%s/%s/%s", state, ZLOOM_LOGFILE_FOLDER, ZLOOM_LOGFILE_NAME);
}

void
zloom_logs_fini (zloom_logs_t *self)
{
    if (self->fd >= 0) {
        close (self->fd);
    }
    free (self->path);
    zloom_buf_fini (&self->rest);
    *self = (zloom_logs_t){.fd = -1};
}

zloom_log_line_t
zloom_log_line (zloom_bytes_t whole)
{
    const size_t stamp = zloom_logfile_stamp (whole);
    /* What somebody else wrote to descriptor 2: a sanitizer, a library. */
    zloom_log_line_t line = {
      .whole = whole, .unit = zloom_bytes_text (ZLOOM_LOGFILE_OWN), .text = whole};
    if (stamp == 0) {
        return line;
    }
    line.time = zloom_bytes (whole.data, stamp - 1);
    zloom_bytes_t rest = zloom_bytes (whole.data + stamp, whole.size - stamp);
    line.text = rest;
    const uint8_t *bar = memchr (rest.data, '|', rest.size);
    if (!bar) {
        return line;
    }
    size_t unit = (size_t) (bar - rest.data);
    while (unit > 0 && rest.data[unit - 1] == ' ') {
        unit--;
    }
    if (memchr (rest.data, ' ', unit)) {
        return line; /* the bar is one of the text */
    }
    const size_t head = (size_t) (bar - rest.data) + 2;
    line.unit = zloom_bytes (rest.data, unit);
    line.text = head <= rest.size ? zloom_bytes (rest.data + head, rest.size - head)
                                  : zloom_bytes (rest.data, 0);
    return line;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The file `age` steps older than the youngest; -1 when there is none. */
static int
s_open (const zloom_logs_t *self, int age, struct stat *info)
{
    char *path = age > 0 ? zloom_format ("%s.%d", self->path, age) : zloom_strdup (self->path);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    free (path);
    if (fd >= 0 && fstat (fd, info) != 0) {
        close (fd);
        fd = -1;
    }
    return fd;
}

static bool
s_lines (zloom_logs_t *self, zloom_log_line_fn *each, void *arg)
{
    size_t at = 0;
    bool more = true;
    const uint8_t *end = NULL;
    while (more && at < self->rest.size &&
           (end = memchr (self->rest.data + at, '\n', self->rest.size - at))) {
        const size_t size = (size_t) (end - (self->rest.data + at));
        const zloom_log_line_t line = zloom_log_line (zloom_bytes (self->rest.data + at, size));
        more = each (arg, &line);
        at += size + 1;
    }
    self->rest.size -= at;
    if (at > 0) {
        memmove (self->rest.data, self->rest.data + at, self->rest.size);
    }
    return more;
}

/* Up to the end of the file, as it is now. */
static bool
s_read_file (zloom_logs_t *self, zloom_log_line_fn *each, void *arg)
{
    for (;;) {
        const ssize_t got =
          read (self->fd, zloom_buf_reserve (&self->rest, READ_BYTES), READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return true;
        }
        self->rest.size += (size_t) got;
        if (!s_lines (self, each, arg)) {
            return false;
        }
    }
}

/*
 * Step to the file that follows the one that is read (the oldest, when none is): rotation renames,
 * so what was read is found again by its inode. If it has gone, what is there is all younger.
 * False: there is none, or it is enough.
 */
static bool
s_next (zloom_logs_t *self, zloom_log_line_fn *each, void *arg)
{
    int found = -1;
    struct stat info;
    struct stat best = {0};
    for (int age = 0; age <= ZLOOM_LOGFILE_KEPT; age++) {
        int fd = s_open (self, age, &info);
        if (fd < 0) {
            continue;
        }
        if (self->fd >= 0 && info.st_dev == self->device && info.st_ino == self->inode) {
            close (fd);
            break;
        }
        if (found >= 0) {
            close (found);
        }
        found = fd;
        best = info;
    }
    if (found < 0) {
        return false;
    }
    if (self->fd >= 0) {
        /* What was written before the rotation is all there by now. */
        const bool more = s_read_file (self, each, arg);
        close (self->fd);
        if (!more) {
            self->fd = -1;
            close (found);
            return false;
        }
    }
    self->fd = found;
    self->device = best.st_dev;
    self->inode = best.st_ino;
    return true;
}

zloom_err_t
zloom_logs_read (zloom_logs_t *self, zloom_log_line_fn *each, void *arg)
{
    if (self->fd < 0 && !s_next (self, each, arg)) {
        return zloom_fail (ZLOOM_NOT_FOUND, "there is no log at %s", self->path);
    }
    while (s_read_file (self, each, arg) && s_next (self, each, arg)) {
    }
    return ZLOOM_OK;
}
