/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reader.c - one buffer over the file: [0, at) was handed out (the last bytes of it are kept for
 * the place's tail), [at, end) was read and not handed out, `searched` says how far no newline
 * stands. buffer[0] is the file's byte `base`.
 */
#include "nodes/poller/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

#define READER_TAG 0x5A507264u
#define READ_BYTES (256u * 1024)

struct zloom_reader {
    uint32_t tag;
    char *path;
    bool follow;
    size_t line_bytes;
    int fd; /* -1: the file is not there yet */
    uint64_t inode;
    bool moved; /* another file has its path: read to the end, then that one */
    bool resumed;
    uint64_t files;
    uint8_t *buffer;
    size_t capacity;
    size_t at, searched, end;
    uint64_t base;
    uint64_t line;
    bool stepping_over; /* a line that is too long: up to its newline */
};

/* ---- opening -------------------------------------------------------------------------------- */

static zloom_err_t
s_open_error (const char *path)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return zloom_fail_errno (ZLOOM_NOT_FOUND,
                                 "%s: correct `path`, or say `follow: true` to wait for it", path);
    case EACCES:
    case EPERM:
        return zloom_fail_errno (ZLOOM_FORBIDDEN, "%s: give this user the right to read it", path);
    default:
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s", path);
    }
}

/* A descriptor of the regular file at `path`, and its inode. */
static zloom_err_t
s_open_file (const char *path, int *fd, uint64_t *inode)
{
    /* Not to wait for the other end of a pipe. */
    *fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        return s_open_error (path);
    }
    struct stat now;
    zloom_err_t err = ZLOOM_OK;
    if (fstat (*fd, &now) != 0) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "%s", path);
    } else if (!S_ISREG (now.st_mode)) {
        err = zloom_fail (ZLOOM_INVALID,
                          "%s is no regular file, so there is no place in it to go on from", path);
    }
    if (err != ZLOOM_OK) {
        close (*fd);
        *fd = -1;
        return err;
    }
    *inode = (uint64_t) now.st_ino;
    return ZLOOM_OK;
}

/* From its start on. */
static void
s_begin (zloom_reader_t *self, int fd, uint64_t inode)
{
    if (self->fd >= 0 && self->fd != fd) {
        close (self->fd);
    }
    self->fd = fd;
    self->inode = inode;
    self->moved = false;
    self->files++;
    self->at = self->searched = self->end = 0;
    self->base = 0;
    self->line = 0;
    self->stepping_over = false;
}

/* Behind the place: the bytes of its tail are read again, so that the next place has a tail too. */
static void
s_resume (zloom_reader_t *self, const zloom_place_t *from)
{
    self->base = from->offset - from->tail_size;
    const ssize_t got = pread (self->fd, self->buffer, from->tail_size, (off_t) self->base);
    if (got != (ssize_t) from->tail_size) {
        self->base = from->offset;
    } else {
        self->at = self->searched = self->end = from->tail_size;
    }
    self->line = from->line;
    self->resumed = true;
}

/* A file that was renamed while nobody read it is mostly still in its folder: by its inode. */
static int
s_find_renamed (const char *path, const zloom_place_t *from)
{
    const char *slash = strrchr (path, '/');
    char *folder =
      slash ? zloom_memdup_text (path, (size_t) (slash - path) + 1) : zloom_strdup (".");
    DIR *entries = opendir (folder);
    free (folder);
    int found = -1;
    const struct dirent *entry;
    while (entries && found < 0 && (entry = readdir (entries))) {
        if ((uint64_t) entry->d_ino != from->inode) {
            continue;
        }
        const int fd =
          openat (dirfd (entries), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0 && zloom_place_is_in (from, fd)) {
            found = fd;
        } else if (fd >= 0) {
            close (fd);
        }
    }
    if (entries) {
        closedir (entries);
    }
    return found;
}

static zloom_err_t
s_open (zloom_reader_t *self, const zloom_place_t *from)
{
    int fd = -1;
    uint64_t inode = 0;
    zloom_err_t err = s_open_file (self->path, &fd, &inode);
    if (err != ZLOOM_OK && !(self->follow && err == ZLOOM_NOT_FOUND)) {
        return err;
    }
    if (from && !(fd >= 0 && zloom_place_is_in (from, fd)) && self->follow) {
        const int renamed = s_find_renamed (self->path, from);
        if (renamed >= 0) {
            if (fd >= 0) {
                close (fd);
            }
            fd = renamed;
            inode = from->inode;
        }
    }
    if (fd < 0) {
        return ZLOOM_OK;
    }
    s_begin (self, fd, inode);
    if (from && zloom_place_is_in (from, fd)) {
        s_resume (self, from);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_reader_open (const char *path, const zloom_reader_config_t *config, zloom_reader_t **self_p)
{
    zloom_reader_t *self = zloom_alloc (sizeof *self);
    self->tag = READER_TAG;
    self->path = zloom_strdup (path);
    self->follow = config->follow;
    self->line_bytes = config->line_bytes;
    self->fd = -1;
    self->capacity = READ_BYTES + ZLOOM_PLACE_TAIL_BYTES;
    self->buffer = zloom_alloc (self->capacity);
    const zloom_err_t err = s_open (self, config->from);
    *self_p = self;
    if (err != ZLOOM_OK) {
        zloom_reader_destroy (self_p);
    }
    return err;
}

void
zloom_reader_destroy (zloom_reader_t **self_p)
{
    zloom_assert (self_p);
    zloom_reader_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, READER_TAG);
    *self_p = NULL;
    if (self->fd >= 0) {
        close (self->fd);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self->buffer);
    free (self->path);
    free (self);
}

bool
zloom_reader_resumed (const zloom_reader_t *self)
{
    ZLOOM_CHECK (self, READER_TAG);
    return self->resumed;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Room for one more read: what was handed out leaves, but for the tail. */
static void
s_make_room (zloom_reader_t *self)
{
    const size_t keep = self->at < ZLOOM_PLACE_TAIL_BYTES ? self->at : ZLOOM_PLACE_TAIL_BYTES;
    const size_t drop = self->at - keep;
    memmove (self->buffer, self->buffer + drop, self->end - drop);
    self->base += drop;
    self->at -= drop;
    self->searched -= drop;
    self->end -= drop;
    if (self->capacity - self->end < READ_BYTES) {
        /* Bounded: no more than line_bytes stand behind `at`. */
        self->capacity = 2 * self->capacity;
        self->buffer = zloom_realloc (self->buffer, self->capacity, 1);
    }
}

/* How many bytes came: 0 at the end of the file. */
static zloom_err_t
s_fill (zloom_reader_t *self, size_t *came)
{
    s_make_room (self);
    ssize_t got;
    do {
        got =
          pread (self->fd, self->buffer + self->end, READ_BYTES, (off_t) (self->base + self->end));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "%s: cannot be read behind line %llu", self->path,
                                 (unsigned long long) self->line);
    }
    *came = (size_t) got;
    self->end += (size_t) got;
    return ZLOOM_OK;
}

/* A line of `size` bytes stands at `at`, and `gap` bytes behind it that belong to none. */
static zloom_err_t
s_hand_out (zloom_reader_t *self, size_t size, size_t gap, zloom_bytes_t *line)
{
    const bool whole = !self->stepping_over && size <= self->line_bytes;
    *line = whole ? zloom_bytes (self->buffer + self->at, size) : ZLOOM_BYTES_NULL;
    self->at += size + gap;
    self->searched = self->at;
    self->line++;
    self->stepping_over = false;
    return whole ? ZLOOM_OK : ZLOOM_TOO_BIG;
}

/* Followed, at the end: has it been cut, or has another file taken its path? OK: look again. */
static zloom_err_t
s_look_around (zloom_reader_t *self)
{
    struct stat named, open_file;
    if (fstat (self->fd, &open_file) == 0 &&
        (uint64_t) open_file.st_size < self->base + self->end) {
        zloom_log (ZLOOM_LOG_WARN, "poller-file-cut",
                   "file=%s size=%llu read=%llu what=\"the file was cut; reading it from its "
                   "start\"",
                   self->path, (unsigned long long) open_file.st_size,
                   (unsigned long long) self->base + self->end);
        s_begin (self, self->fd, self->inode);
        return ZLOOM_OK;
    }
    if (stat (self->path, &named) != 0 || (uint64_t) named.st_ino == self->inode) {
        return ZLOOM_AGAIN;
    }
    /* What was written before the renaming is there by now. */
    self->moved = true;
    return ZLOOM_OK;
}

/* At the end of a file that has lost its path. OK: the next file is open. */
static zloom_err_t
s_go_on (zloom_reader_t *self)
{
    int fd = -1;
    uint64_t inode = 0;
    const zloom_err_t err = s_open_file (self->path, &fd, &inode);
    if (err == ZLOOM_NOT_FOUND) {
        self->moved = false; /* gone again meanwhile: the old one may still grow */
        return ZLOOM_AGAIN;
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_log (ZLOOM_LOG_INFO, "poller-file-rotated", "file=%s lines=%llu", self->path,
               (unsigned long long) self->line);
    s_begin (self, fd, inode);
    return ZLOOM_OK;
}

/* OK: look again. */
static zloom_err_t
s_open_late (zloom_reader_t *self)
{
    int fd = -1;
    uint64_t inode = 0;
    const zloom_err_t err = s_open_file (self->path, &fd, &inode);
    if (err != ZLOOM_OK) {
        return err == ZLOOM_NOT_FOUND ? ZLOOM_AGAIN : err;
    }
    s_begin (self, fd, inode);
    return ZLOOM_OK;
}

zloom_err_t
zloom_reader_next (zloom_reader_t *self, zloom_bytes_t *line)
{
    ZLOOM_CHECK (self, READER_TAG);
    *line = ZLOOM_BYTES_NULL;
    zloom_err_t err = self->fd < 0 ? s_open_late (self) : ZLOOM_OK;
    while (err == ZLOOM_OK) {
        const uint8_t *newline =
          self->end > self->searched
            ? memchr (self->buffer + self->searched, '\n', self->end - self->searched)
            : NULL;
        if (newline) {
            return s_hand_out (self, (size_t) (newline - (self->buffer + self->at)), 1, line);
        }
        self->searched = self->end;
        if (self->end - self->at > self->line_bytes) {
            self->stepping_over = true;
            self->at = self->end;
        }
        size_t came = 0;
        err = s_fill (self, &came);
        if (err != ZLOOM_OK || came > 0) {
            continue;
        }
        if (self->follow && !self->moved) {
            err = s_look_around (self);
        } else if (self->at < self->end || self->stepping_over) {
            return s_hand_out (self, self->end - self->at, 0, line);
        } else {
            err = self->follow ? s_go_on (self) : ZLOOM_CLOSED;
        }
    }
    return err;
}

zloom_place_t
zloom_reader_place (const zloom_reader_t *self)
{
    ZLOOM_CHECK (self, READER_TAG);
    const size_t tail = self->at < ZLOOM_PLACE_TAIL_BYTES ? self->at : ZLOOM_PLACE_TAIL_BYTES;
    return (zloom_place_t){
      .inode = self->inode,
      .offset = self->base + self->at,
      .line = self->line,
      .tail_size = (uint32_t) tail,
      .tail_crc = zloom_crc32c (0, self->buffer + self->at - tail, tail),
    };
}

uint64_t
zloom_reader_line (const zloom_reader_t *self)
{
    ZLOOM_CHECK (self, READER_TAG);
    return self->line;
}

uint64_t
zloom_reader_files (const zloom_reader_t *self)
{
    ZLOOM_CHECK (self, READER_TAG);
    return self->files;
}
