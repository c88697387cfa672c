/* SPDX-License-Identifier: MPL-2.0 */
/*
 * vfs.h - every byte that the journal reads or writes passes here, so that the simulator can lose,
 * tear (in 512-byte sectors) and reorder what was not synced, and fail or stop at any call.
 * vfs_posix.c is the real one. Idea from SQLite's VFS.
 *
 * Errors: DISK (with a note from errno), DISK_FULL (ENOSPC, EDQUOT), LOCKED, NOT_FOUND.
 * Threads: log.c calls from its owner's thread and its own two; one file never from two at a time
 * for writing.
 */
#ifndef ZLOOM_JOURNAL_VFS_H
#define ZLOOM_JOURNAL_VFS_H

#include "base/bytes.h"
#include "base/error.h"

typedef struct zloom_vfs zloom_vfs_t;
typedef struct zloom_file zloom_file_t;

typedef struct {
    zloom_bytes_t *parts;
    size_t count;
} zloom_gather_t;

struct zloom_vfs {
    /* Make the directory (0700) if missing. */
    zloom_err_t (*mkdir) (zloom_vfs_t *self, const char *path);
    /* Open for reading and writing; `create` makes it if missing (0600). */
    zloom_err_t (*open) (zloom_vfs_t *self, const char *path, bool create, zloom_file_t **file_p);
    void (*close) (zloom_vfs_t *self, zloom_file_t **file_p);
    /* Read exactly up to `size`; *got is less only at the end of the file. */
    zloom_err_t (*read) (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset, void *data,
                         size_t size, size_t *got);
    /*
     * A hint that cannot fail: [offset, offset + size) is read next (size 0: nothing is known), and
     * from now on what follows a read is not wanted only because it follows.
     */
    void (*expect) (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset, size_t size);
    /* Write all parts one behind the other at `offset`. */
    zloom_err_t (*write) (zloom_vfs_t *self, zloom_file_t *file, uint64_t offset,
                          const zloom_gather_t *gather);
    /*
     * A hint that cannot fail: what is read or written here is not wanted again soon, and need not
     * take the system's memory. Whole blocks of ZLOOM_BLOCK_BYTES, read into memory that is aligned
     * to them, then go between it and the disk.
     */
    void (*bypass) (zloom_vfs_t *self, zloom_file_t *file);
    /* fdatasync: what was written before is on the disk when it returns OK. */
    zloom_err_t (*sync) (zloom_vfs_t *self, zloom_file_t *file);
    zloom_err_t (*size) (zloom_vfs_t *self, zloom_file_t *file, uint64_t *size);
    zloom_err_t (*truncate) (zloom_vfs_t *self, zloom_file_t *file, uint64_t size);
    zloom_err_t (*rename) (zloom_vfs_t *self, const char *from, const char *to);
    zloom_err_t (*remove) (zloom_vfs_t *self, const char *path);
    /* fsync of the directory: names made, renamed or removed before are on the disk. */
    zloom_err_t (*sync_directory) (zloom_vfs_t *self, const char *path);
    /* Call `each` with every name in the directory. */
    zloom_err_t (*list) (zloom_vfs_t *self, const char *path,
                         void (*each) (void *arg, const char *name), void *arg);
    /* Exclusive lock on a file in the directory, held until unlock or the process' end: LOCKED. */
    zloom_err_t (*lock) (zloom_vfs_t *self, const char *path, zloom_file_t **lock_p);
    zloom_err_t (*free_bytes) (zloom_vfs_t *self, const char *path, uint64_t *bytes);
};

/* The real file system. Stateless; the one object is shared. */
zloom_vfs_t *zloom_vfs_posix (void);

#endif
