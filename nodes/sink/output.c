/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/sink/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "nodes/sink/quiet.h"

#define OUTPUT_TAG 0x5A534F75u
/* What a pipe that is ready takes without waiting. */
#define STREAM_CHUNK PIPE_BUF
/* How much is read at a time when the last newline is looked for. */
#define LOOK_BYTES (64u * 1024)

struct zloom_output {
    uint32_t tag;
    int fd;
    char *path; /* NULL: a descriptor that somebody handed over */
    bool file;  /* a regular file with a path: can be cut */
    bool regular;
    bool sync;
    dev_t device;
    ino_t inode;
    zloom_buf_t lines;
    size_t written; /* of `lines` */
    bool begun;     /* `base` is of this batch */
    bool dirty;     /* bytes behind `base` have to be cut off first */
    off_t base;     /* where the file ended before the batch */
    size_t torn;
};

/* ---- opening -------------------------------------------------------------------------------- */

static zloom_err_t
s_open_error (const char *path)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return zloom_fail_errno (ZLOOM_NOT_FOUND, "%s: make its folder, or correct `path`", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return zloom_fail_errno (ZLOOM_FORBIDDEN, "%s: give this user the right to write it", path);
    case ENOSPC:
    case EDQUOT:
        return zloom_fail_errno (ZLOOM_DISK_FULL, "%s", path);
    case ENXIO:
        return zloom_fail_errno (ZLOOM_NOT_FOUND, "%s: nobody reads this pipe", path);
    case EISDIR:
        return zloom_fail_errno (ZLOOM_INVALID, "%s: name a file", path);
    default:
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s", path);
    }
}

/* Where the last line ends: the offset behind the last newline, 0 for none; -1 with errno. */
static off_t
s_last_line_end (int fd, off_t size)
{
    uint8_t *chunk = zloom_alloc (LOOK_BYTES);
    off_t end = size;
    off_t found = 0;
    while (end > 0 && found == 0 && size - end <= (off_t) ZLOOM_OUTPUT_LINE_BYTES) {
        const size_t want = end < (off_t) LOOK_BYTES ? (size_t) end : LOOK_BYTES;
        const ssize_t got = pread (fd, chunk, want, end - (off_t) want);
        if (got != (ssize_t) want) {
            errno = got < 0 ? errno : EIO;
            found = -1;
            break;
        }
        const uint8_t *newline = memrchr (chunk, '\n', want);
        end -= (off_t) want;
        if (newline) {
            found = end + (newline - chunk) + 1;
        }
    }
    free (chunk);
    return found;
}

static zloom_err_t
s_cut_torn (zloom_output_t *self, off_t size)
{
    const off_t end = s_last_line_end (self->fd, size);
    if (end < 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s: cannot be read", self->path);
    }
    if (size - end > (off_t) ZLOOM_OUTPUT_LINE_BYTES) {
        return zloom_fail (ZLOOM_INVALID,
                           "%s does not hold lines: it ends with more than %u bytes without a "
                           "newline. Move it away, or write to another file",
                           self->path, ZLOOM_OUTPUT_LINE_BYTES);
    }
    if (end == size) {
        return ZLOOM_OK;
    }
    if (ftruncate (self->fd, end) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s: the torn last line cannot be cut off",
                                 self->path);
    }
    self->torn = (size_t) (size - end);
    zloom_log (ZLOOM_LOG_WARN, "sink-torn-line",
               "file=%s bytes=%zu what=\"cut off a last line that a crash tore; its message comes "
               "again\"",
               self->path, self->torn);
    return ZLOOM_OK;
}

/* A new file is not safe before its name is. */
static zloom_err_t
s_sync_folder (const char *path)
{
    const char *slash = strrchr (path, '/');
    char *folder = slash ? zloom_memdup_text (path, slash == path ? 1 : (size_t) (slash - path))
                         : zloom_strdup (".");
    const int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    zloom_err_t err = ZLOOM_OK;
    /* A folder that may be entered and not read cannot be synced: the file system's word stands. */
    if (fd >= 0 && fsync (fd) != 0 && errno != EINVAL) {
        err = zloom_fail_errno (ZLOOM_DISK, "%s: cannot be synced", folder);
    }
    if (fd >= 0) {
        close (fd);
    }
    free (folder);
    return err;
}

static zloom_err_t
s_open (zloom_output_t *self)
{
    /* Reading is for the last line. What can only be written (pipes, some devices) has none. */
    const int flags = O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat before;
    const bool fresh = stat (self->path, &before) != 0;
    const bool regular = fresh || S_ISREG (before.st_mode);
    self->fd = open (self->path, (regular ? O_RDWR | O_CREAT : O_WRONLY) | flags, 0600);
    if (self->fd < 0) {
        return s_open_error (self->path);
    }
    struct stat now;
    if (fstat (self->fd, &now) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s", self->path);
    }
    self->device = now.st_dev;
    self->inode = now.st_ino;
    self->regular = S_ISREG (now.st_mode);
    self->file = self->regular;
    if (!self->file) {
        return ZLOOM_OK;
    }
    zloom_err_t err = s_cut_torn (self, now.st_size);
    /* What stands in it may count as written from now on, so it has to be as safe as the rest. */
    if (err == ZLOOM_OK && self->sync && fdatasync (self->fd) != 0) {
        err = zloom_fail_errno (ZLOOM_DISK, "%s: cannot be synced", self->path);
    }
    return err == ZLOOM_OK && self->sync && fresh ? s_sync_folder (self->path) : err;
}

static void
s_close (zloom_output_t *self)
{
    if (self->path && self->fd >= 0) {
        close (self->fd);
    }
    self->fd = -1;
}

zloom_err_t
zloom_output_open (const char *path, bool sync, zloom_output_t **self_p)
{
    zloom_output_t *self = zloom_alloc (sizeof *self);
    self->tag = OUTPUT_TAG;
    self->path = zloom_strdup (path);
    self->sync = sync;
    const zloom_err_t err = s_open (self);
    *self_p = self;
    if (err != ZLOOM_OK) {
        zloom_output_destroy (self_p);
    }
    return err;
}

zloom_output_t *
zloom_output_new (int fd)
{
    zloom_output_t *self = zloom_alloc (sizeof *self);
    self->tag = OUTPUT_TAG;
    self->fd = fd;
    struct stat now;
    self->regular = fstat (fd, &now) == 0 && S_ISREG (now.st_mode);
    return self;
}

void
zloom_output_destroy (zloom_output_t **self_p)
{
    zloom_assert (self_p);
    zloom_output_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, OUTPUT_TAG);
    *self_p = NULL;
    s_close (self);
    zloom_buf_fini (&self->lines);
    free (self->path);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

/* ---- adding --------------------------------------------------------------------------------- */

zloom_err_t
zloom_output_add (zloom_output_t *self, zloom_bytes_t body)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    const zloom_bytes_t line = zloom_output_line (body);
    const uint8_t *newline = line.size > 0 ? memchr (line.data, '\n', line.size) : NULL;
    if (newline) {
        return zloom_fail (ZLOOM_MALFORMED,
                           "the body has a newline at byte %zu, and a message is one line here",
                           (size_t) (newline - line.data));
    }
    zloom_buf_reserve (&self->lines, line.size + 1);
    zloom_buf_add_bytes (&self->lines, line);
    zloom_buf_add (&self->lines, "\n", 1);
    return ZLOOM_OK;
}

size_t
zloom_output_pending (const zloom_output_t *self)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    return self->lines.size - self->written;
}

bool
zloom_output_is_file (const zloom_output_t *self)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    return self->file;
}

int
zloom_output_fd (const zloom_output_t *self)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    return self->fd;
}

size_t
zloom_output_torn (const zloom_output_t *self)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    return self->torn;
}

/* ---- writing -------------------------------------------------------------------------------- */

static zloom_err_t
s_write_error (const zloom_output_t *self, const char *what)
{
    const char *name = self->path ? self->path : "standard output";
    switch (errno) {
    case EAGAIN:
        return ZLOOM_AGAIN;
    case EPIPE:
        return zloom_fail (ZLOOM_GONE, "%s: its reader is gone", name);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return zloom_fail_errno (ZLOOM_DISK_FULL, "%s: %s", name, what);
    default:
        return zloom_fail_errno (ZLOOM_DISK, "%s: %s", name, what);
    }
}

/* A descriptor that others share may be blocking: write only what it takes without waiting. */
static size_t
s_room (const zloom_output_t *self, size_t left)
{
    if (self->regular) {
        return left;
    }
    struct pollfd ready = {.fd = self->fd, .events = POLLOUT};
    if (poll (&ready, 1, 0) <= 0) {
        return 0;
    }
    return left < STREAM_CHUNK ? left : STREAM_CHUNK;
}

static zloom_err_t
s_push (zloom_output_t *self)
{
    while (self->written < self->lines.size) {
        const size_t room = s_room (self, self->lines.size - self->written);
        if (room == 0) {
            return ZLOOM_AGAIN;
        }
        const ssize_t wrote =
          zloom_write_quietly (self->fd, self->lines.data + self->written, room);
        if (wrote < 0 && errno != EINTR) {
            return s_write_error (self, "cannot be written");
        }
        self->written += wrote > 0 ? (size_t) wrote : 0;
    }
    if (self->file && self->sync && fdatasync (self->fd) != 0) {
        return s_write_error (self, "cannot be synced");
    }
    return ZLOOM_OK;
}

static void
s_forget (zloom_output_t *self)
{
    zloom_buf_clear (&self->lines);
    self->written = 0;
    self->begun = false;
}

/*
 * Take back what is not safe. After a failed sync nobody knows what is on the disk, not even the
 * kernel: its pages count as clean, so the same bytes are written anew, never synced again.
 */
static zloom_err_t
s_cut_back (zloom_output_t *self)
{
    self->dirty = ftruncate (self->fd, self->base) != 0;
    return self->dirty ? s_write_error (self, "cannot be cut back") : ZLOOM_OK;
}

/* The file may have been moved away, as log rotation does: go on in the one that has its path. */
static zloom_err_t
s_follow_path (zloom_output_t *self)
{
    struct stat now;
    if (self->fd >= 0 && stat (self->path, &now) == 0 && now.st_ino == self->inode &&
        now.st_dev == self->device) {
        return ZLOOM_OK;
    }
    if (self->fd >= 0) {
        zloom_log (ZLOOM_LOG_INFO, "sink-file-moved", "file=%s what=\"going on in a new file\"",
                   self->path);
    }
    s_close (self);
    self->dirty = false;
    const zloom_err_t err = s_open (self);
    if (err != ZLOOM_OK) {
        s_close (self);
        return err == ZLOOM_DISK_FULL ? err : ZLOOM_DISK;
    }
    return ZLOOM_OK;
}

/* Know where the file ends before the batch, with nothing torn in front of it. */
static zloom_err_t
s_begin (zloom_output_t *self)
{
    zloom_err_t err = s_follow_path (self);
    if (err == ZLOOM_OK && self->dirty) {
        err = s_cut_back (self);
    }
    if (err != ZLOOM_OK || !self->file) {
        return err;
    }
    struct stat now;
    if (fstat (self->fd, &now) != 0) {
        return s_write_error (self, "cannot be asked for its size");
    }
    self->base = now.st_size;
    return ZLOOM_OK;
}

zloom_err_t
zloom_output_begin (zloom_output_t *self, uint64_t *inode, uint64_t *base)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    *inode = 0;
    *base = 0;
    if (self->path && !self->begun) {
        const zloom_err_t err = s_begin (self);
        if (err != ZLOOM_OK) {
            if (self->file) {
                s_forget (self);
            }
            return err;
        }
        self->begun = true;
    }
    if (self->file) {
        *inode = (uint64_t) self->inode;
        *base = (uint64_t) self->base;
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_output_write (zloom_output_t *self)
{
    ZLOOM_CHECK (self, OUTPUT_TAG);
    if (self->lines.size == 0) {
        return ZLOOM_OK;
    }
    uint64_t inode, base;
    zloom_err_t err = zloom_output_begin (self, &inode, &base);
    if (err != ZLOOM_OK) {
        return err;
    }
    err = s_push (self);
    if (err != ZLOOM_OK && err != ZLOOM_AGAIN && self->file) {
        char note[ZLOOM_NOTE_BYTES];
        snprintf (note, sizeof note, "%s", zloom_note ());
        (void) s_cut_back (self);
        (void) zloom_fail (err, "%s", note);
    }
    if (err == ZLOOM_OK || (self->file && err != ZLOOM_AGAIN)) {
        s_forget (self);
    }
    return err;
}
