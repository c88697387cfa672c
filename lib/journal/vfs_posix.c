/* SPDX-License-Identifier: MPL-2.0 */
/* vfs_posix.c - the vfs over the real file system. */
#include "base/memory.h"
#include "journal/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* Parts handed to the kernel in one call. */
#define PARTS_A_CALL 256
/*
 * A part that is no longer than this is copied beside the ones before it: a message of its own
 * costs the kernel 37 ns as a part of 110 bytes, and 8 when it is copied first; at 1,100 bytes the
 * second copy costs more than it saves.
 */
#define SMALL_BYTES 512u
#define SMALL_ROOM (32u * 1024)

/* What goes around the system's cache in one call, and what it is aligned to. */
#define ROOM_BYTES (512u * 1024)
#define ALIGNMENT 4096u

struct zloom_file {
    int fd;
    bool direct;   /* whole blocks go around the system's cache */
    uint8_t *room; /* aligned, for what is written so; NULL: nothing was */
};

static zloom_err_t
s_fail (const char *what, const char *path)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
        return zloom_fail_errno (ZLOOM_DISK_FULL, "%s %s", what, path);
    case ENOENT:
        return zloom_fail_errno (ZLOOM_NOT_FOUND, "%s %s", what, path);
    default:
        return zloom_fail_errno (ZLOOM_DISK, "%s %s", what, path);
    }
}

static zloom_err_t
s_sync_directory (zloom_vfs_t *self, const char *path)
{
    (void) self;
    int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return s_fail ("open", path);
    }
    int rc = fsync (fd);
    zloom_err_t err = rc == 0 ? ZLOOM_OK : s_fail ("fsync", path);
    close (fd);
    return err;
}

static zloom_err_t
s_mkdir (zloom_vfs_t *self, const char *path)
{
    if (mkdir (path, 0700) == 0) {
        /* The new name itself has to survive: sync what it stands in. */
        char *parent = zloom_format ("%s/..", path);
        zloom_err_t err = s_sync_directory (self, parent);
        free (parent);
        return err;
    }
    return errno == EEXIST ? ZLOOM_OK : s_fail ("mkdir", path);
}

static zloom_err_t
s_open (zloom_vfs_t *self, const char *path, bool create, zloom_file_t **file_p)
{
    (void) self;
    int fd = open (path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0) {
        return s_fail ("open", path);
    }
    *file_p = zloom_alloc (sizeof **file_p);
    (*file_p)->fd = fd;
    return ZLOOM_OK;
}

static void
s_close (zloom_vfs_t *self, zloom_file_t **file_p)
{
    (void) self;
    if (*file_p) {
        close ((*file_p)->fd);
        free ((*file_p)->room);
        free (*file_p);
        *file_p = NULL;
    }
}

/* O_DIRECT on or off; false when the file system does not know it. */
static bool
s_set_direct (const zloom_file_t *file, bool on)
{
    const int flags = fcntl (file->fd, F_GETFL);
    return flags >= 0 && fcntl (file->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

static void
s_bypass (zloom_vfs_t *self, zloom_file_t *file)
{
    (void) self;
    file->direct = file->direct || s_set_direct (file, true);
}

/* Through the system's cache from here on. */
static void
s_end_bypass (zloom_file_t *file)
{
    if (file->direct) {
        (void) s_set_direct (file, false);
        file->direct = false;
    }
}

static bool
s_is_aligned (uint64_t number)
{
    return number % ALIGNMENT == 0;
}

static zloom_err_t
s_read (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset, void *data, size_t size,
        size_t *got)
{
    (void) self;
    *got = 0;
    if (!s_is_aligned (offset) || !s_is_aligned (size) || !s_is_aligned ((uintptr_t) data)) {
        s_end_bypass (file);
    }
    while (*got < size) {
        ssize_t n = pread (file->fd, (uint8_t *) data + *got, size - *got, (off_t) (offset + *got));
        if (n == 0) {
            break;
        }
        if (n > 0) {
            *got += (size_t) n;
            if (!s_is_aligned (*got)) {
                s_end_bypass (file); /* the end of the file, or somebody is in our way */
            }
        } else if (errno == EINVAL && file->direct) {
            s_end_bypass (file); /* the file system takes the flag but not the call */
        } else if (errno != EINTR) {
            return s_fail ("read", "a journal file");
        }
    }
    return ZLOOM_OK;
}

/*
 * The kernel reads up to read_ahead_kb (8 MiB are usual on servers) behind what looks like reading
 * in order, and a small write and its sync wait behind all that.
 */
static void
s_expect (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset, size_t size)
{
    (void) self;
    (void) posix_fadvise (file->fd, 0, 0, POSIX_FADV_RANDOM);
    if (size > 0) {
        (void) posix_fadvise (file->fd, (off_t) offset, (off_t) size, POSIX_FADV_WILLNEED);
    }
}

/* Write these parts wholly; the array is used up. */
static zloom_err_t
s_write_parts (int fd, uint64_t offset, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t n = pwritev (fd, parts, count, (off_t) offset);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return s_fail ("write", "a journal file");
        }
        offset += (uint64_t) n;
        size_t left = (size_t) n;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (uint8_t *) parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return ZLOOM_OK;
}

/* What goes to the kernel in one call. */
typedef struct {
    struct iovec parts[PARTS_A_CALL];
    int count;
    uint64_t bytes;
    size_t used; /* of small */
    uint8_t small[SMALL_ROOM];
} batch_t;

/* Take this part in; false when it does not fit any more. */
static bool
s_take_part (batch_t *self, zloom_bytes_t part)
{
    const bool small = part.size <= SMALL_BYTES;
    struct iovec *last = self->count > 0 ? &self->parts[self->count - 1] : NULL;
    uint8_t *behind = self->small + self->used;
    const bool joins = small && last && (uint8_t *) last->iov_base + last->iov_len == behind;
    if ((!joins && self->count == PARTS_A_CALL) || (small && SMALL_ROOM - self->used < part.size)) {
        return false;
    }
    if (small && part.size > 0) {
        memcpy (behind, part.data, part.size);
        self->used += part.size;
    }
    if (joins) {
        last->iov_len += part.size;
    } else {
        self->parts[self->count++] = (struct iovec){
          .iov_base = small ? behind : (void *) (uintptr_t) part.data, .iov_len = part.size};
    }
    self->bytes += part.size;
    return true;
}

static bool
s_has_room (zloom_file_t *file)
{
    void *room = NULL;
    if (!file->room && posix_memalign (&room, ALIGNMENT, ROOM_BYTES) == 0) {
        file->room = room;
    }
    return file->room != NULL;
}

/* The next bytes of a gather, copied to one place. */
typedef struct {
    const zloom_gather_t *gather;
    size_t at;
    size_t taken; /* of the part at `at` */
} pourer_t;

static size_t
s_pour (pourer_t *self, uint8_t *room)
{
    size_t used = 0;
    while (self->at < self->gather->count && used < ROOM_BYTES) {
        const zloom_bytes_t part = self->gather->parts[self->at];
        const size_t left = part.size - self->taken;
        const size_t n = left < ROOM_BYTES - used ? left : ROOM_BYTES - used;
        if (n > 0) {
            memcpy (room + used, part.data + self->taken, n);
        }
        used += n;
        self->taken += n;
        if (self->taken == part.size) {
            self->at++;
            self->taken = 0;
        }
    }
    return used;
}

/* Write whole blocks around the cache, from aligned memory. */
static zloom_err_t
s_write_around (zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    pourer_t pourer = {.gather = gather};
    size_t size;
    while ((size = s_pour (&pourer, file->room)) > 0) {
        struct iovec part = {.iov_base = file->room, .iov_len = size};
        zloom_err_t err = s_write_parts (file->fd, offset, &part, 1);
        if (err && errno == EINVAL && file->direct) {
            s_end_bypass (file); /* the file system takes the flag but not the call */
            part = (struct iovec){.iov_base = file->room, .iov_len = size};
            err = s_write_parts (file->fd, offset, &part, 1);
        }
        if (err) {
            return err;
        }
        offset += size;
    }
    return ZLOOM_OK;
}

static bool
s_is_whole_blocks (uint64_t offset, const zloom_gather_t *gather)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < gather->count; i++) {
        bytes += gather->parts[i].size;
    }
    return s_is_aligned (offset) && s_is_aligned (bytes);
}

static zloom_err_t
s_write (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    (void) self;
    if (file->direct && s_is_whole_blocks (offset, gather) && s_has_room (file)) {
        return s_write_around (file, offset, gather);
    }
    s_end_bypass (file);
    batch_t batch;
    size_t at = 0;
    while (at < gather->count) {
        batch.count = 0;
        batch.bytes = 0;
        batch.used = 0;
        while (at < gather->count && s_take_part (&batch, gather->parts[at])) {
            at++;
        }
        zloom_err_t err = s_write_parts (file->fd, offset, batch.parts, batch.count);
        if (err) {
            return err;
        }
        offset += batch.bytes;
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_sync (zloom_vfs_t *self, zloom_file_t *file)
{
    (void) self;
    return fdatasync (file->fd) == 0 ? ZLOOM_OK : s_fail ("fdatasync", "a journal file");
}

static zloom_err_t
s_size (zloom_vfs_t *self, zloom_file_t *file, uint64_t *size)
{
    (void) self;
    struct stat stat;
    if (fstat (file->fd, &stat) != 0) {
        return s_fail ("fstat", "a journal file");
    }
    *size = (uint64_t) stat.st_size;
    return ZLOOM_OK;
}

static zloom_err_t
s_truncate (zloom_vfs_t *self, zloom_file_t *file, uint64_t size)
{
    (void) self;
    return ftruncate (file->fd, (off_t) size) == 0 ? ZLOOM_OK
                                                   : s_fail ("ftruncate", "a journal file");
}

static zloom_err_t
s_rename (zloom_vfs_t *self, const char *from, const char *to)
{
    (void) self;
    return rename (from, to) == 0 ? ZLOOM_OK : s_fail ("rename", from);
}

static zloom_err_t
s_remove (zloom_vfs_t *self, const char *path)
{
    (void) self;
    return unlink (path) == 0 ? ZLOOM_OK : s_fail ("unlink", path);
}

static zloom_err_t
s_list (zloom_vfs_t *self, const char *path, void (*each) (void *arg, const char *name), void *arg)
{
    (void) self;
    DIR *directory = opendir (path);
    if (!directory) {
        return s_fail ("opendir", path);
    }
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir (directory))) {
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0) {
            each (arg, entry->d_name);
        }
        errno = 0;
    }
    zloom_err_t err = errno == 0 ? ZLOOM_OK : s_fail ("readdir", path);
    closedir (directory);
    return err;
}

static zloom_err_t
s_lock (zloom_vfs_t *self, const char *path, zloom_file_t **lock_p)
{
    zloom_err_t err = s_open (self, path, true, lock_p);
    if (err) {
        return err;
    }
    /* flock belongs to the open file: it also holds against a second opening in this process. */
    if (flock ((*lock_p)->fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK
                ? zloom_fail (ZLOOM_LOCKED, "%s is held by another process", path)
                : s_fail ("flock", path);
        s_close (self, lock_p);
    }
    return err;
}

static zloom_err_t
s_free_bytes (zloom_vfs_t *self, const char *path, uint64_t *bytes)
{
    (void) self;
    struct statvfs stat;
    if (statvfs (path, &stat) != 0) {
        return s_fail ("statvfs", path);
    }
    *bytes = (uint64_t) stat.f_bavail * stat.f_frsize;
    return ZLOOM_OK;
}

zloom_vfs_t *
zloom_vfs_posix (void)
{
    static zloom_vfs_t s_vfs = {
      .mkdir = s_mkdir,
      .open = s_open,
      .close = s_close,
      .read = s_read,
      .expect = s_expect,
      .bypass = s_bypass,
      .write = s_write,
      .sync = s_sync,
      .size = s_size,
      .truncate = s_truncate,
      .rename = s_rename,
      .remove = s_remove,
      .sync_directory = s_sync_directory,
      .list = s_list,
      .lock = s_lock,
      .free_bytes = s_free_bytes,
    };
    return &s_vfs;
}
