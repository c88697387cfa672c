/* SPDX-License-Identifier: MPL-2.0 */
/* simdisk_vfs.c - the vfs calls of the simulated disk; see simdisk.c. */
#include "base/memory.h"
#include "base/tag.h"
#include "simdisk/simdisk_inode.h"

#include <stdlib.h>

struct zloom_file {
    zloom_siminode_t *inode;
    bool lock;
};

static zloom_simdisk_t *
s_self (zloom_vfs_t *vfs)
{
    zloom_simdisk_t *self = (zloom_simdisk_t *) vfs;
    ZLOOM_CHECK (self, ZLOOM_SIMDISK_TAG);
    return self;
}

/* Count a call; the error that it was told to have. */
static zloom_err_t
s_call (zloom_simdisk_t *self, zloom_simdisk_call_t call)
{
    self->calls++;
    if (self->power_off_at > 0 && self->calls >= self->power_off_at) {
        self->off = true;
    }
    if (self->off) {
        return zloom_fail (ZLOOM_DISK, "simulated disk is off");
    }
    if (self->fail_in > 0 && (self->fail_call == ZLOOM_SIMDISK_ANY || self->fail_call == call) &&
        --self->fail_in == 0) {
        return zloom_fail (self->fail_err, "simulated failure");
    }
    return ZLOOM_OK;
}

zloom_simname_t *
zloom_simdisk_find (zloom_simdisk_t *self, const char *path)
{
    for (size_t i = 0; i < self->names.count; i++) {
        if (strcmp (self->names.items[i].path, path) == 0) {
            return &self->names.items[i];
        }
    }
    return NULL;
}

const char *
zloom_simdisk_path (const zloom_simdisk_t *self, const zloom_file_t *file)
{
    for (size_t i = 0; i < self->names.count; i++) {
        if (self->names.items[i].inode == file->inode) {
            return self->names.items[i].path;
        }
    }
    return NULL;
}

void
zloom_simdisk_lose (zloom_simdisk_t *self, const char *path)
{
    const zloom_simname_t *name = zloom_simdisk_find (self, path);
    if (name) {
        zloom_siminode_forget (name->inode);
    }
}

/* Remember the names before they change. */
static void
s_before_name_change (zloom_simdisk_t *self)
{
    zloom_grow (&self->past, &self->past_capacity, self->past_count + 1, sizeof *self->past);
    zloom_simnames_copy (&self->past[self->past_count++], &self->names);
}

void
zloom_simdisk_forget_past (zloom_simdisk_t *self)
{
    for (size_t i = 0; i < self->past_count; i++) {
        zloom_simnames_fini (&self->past[i]);
    }
    self->past_count = 0;
}

static void
s_drop_name (zloom_simdisk_t *self, zloom_simname_t *name)
{
    size_t at = (size_t) (name - self->names.items);
    free (name->path);
    self->names.count--;
    memmove (name, name + 1, (self->names.count - at) * sizeof *name);
}

zloom_siminode_t *
zloom_simdisk_add_inode (zloom_simdisk_t *self, zloom_siminode_t *inode)
{
    zloom_grow (&self->inodes, &self->inode_capacity, self->inode_count + 1, sizeof *self->inodes);
    self->inodes[self->inode_count++] = inode;
    return inode;
}

void
zloom_simdisk_add_name (zloom_simdisk_t *self, const char *path, zloom_siminode_t *inode)
{
    zloom_grow (&self->names.items, &self->names.capacity, self->names.count + 1,
                sizeof *self->names.items);
    self->names.items[self->names.count++] = (zloom_simname_t){zloom_strdup (path), inode};
}

/* ---- the calls ------------------------------------------------------------------------------- */

static zloom_err_t
s_mkdir (zloom_vfs_t *vfs, const char *path)
{
    (void) path;
    return s_call (s_self (vfs), ZLOOM_SIMDISK_NAME);
}

static zloom_err_t
s_open (zloom_vfs_t *vfs, const char *path, bool create, zloom_file_t **file_p)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_simname_t *name = zloom_simdisk_find (self, path);
    zloom_err_t err = s_call (self, create && !name ? ZLOOM_SIMDISK_NAME : ZLOOM_SIMDISK_READ);
    if (err) {
        return err;
    }
    if (!name && !create) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", path);
    }
    zloom_siminode_t *inode = name ? name->inode : NULL;
    if (!inode) {
        s_before_name_change (self);
        inode = zloom_simdisk_add_inode (self, zloom_siminode_new ());
        zloom_simdisk_add_name (self, path, inode);
    }
    *file_p = zloom_alloc (sizeof **file_p);
    (*file_p)->inode = inode;
    return ZLOOM_OK;
}

static void
s_close (zloom_vfs_t *vfs, zloom_file_t **file_p)
{
    (void) s_self (vfs);
    if (*file_p) {
        if ((*file_p)->lock) {
            (*file_p)->inode->locked = false;
        }
        free (*file_p);
        *file_p = NULL;
    }
}

static zloom_err_t
s_read (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, void *data, size_t size, size_t *got)
{
    *got = 0;
    zloom_err_t err = s_call (s_self (vfs), ZLOOM_SIMDISK_READ);
    if (err) {
        return err;
    }
    const zloom_simbytes_t *seen = file->inode->seen;
    if (offset < seen->size) {
        *got = seen->size - (size_t) offset < size ? seen->size - (size_t) offset : size;
        if (*got > 0) {
            memcpy (data, seen->data + offset, *got);
        }
    }
    return ZLOOM_OK;
}

/* A hint takes no part in what can fail. */
static void
s_expect (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, size_t size)
{
    (void) vfs;
    (void) file;
    (void) offset;
    (void) size;
}

static void
s_bypass (zloom_vfs_t *vfs, zloom_file_t *file)
{
    (void) vfs;
    (void) file;
}

static zloom_err_t
s_write (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_WRITE);
    zloom_siminode_t *inode = file->inode;
    uint64_t end = offset;
    for (size_t i = 0; i < gather->count; i++) {
        end += gather->parts[i].size;
    }
    if (!err && self->capacity > 0 && end > inode->seen->size &&
        zloom_simdisk_used (self) + end - inode->seen->size > self->capacity) {
        err = zloom_fail (ZLOOM_DISK_FULL, "simulated disk is full");
    }
    if (err && self->off && zloom_random_below (&self->random, 2) == 0) {
        return err;
    }
    /* The write during which the power goes, or that fails, may have reached the disk in part. */
    if (err && !self->off && !self->fail_short) {
        return err;
    }
    const uint64_t most = err && !self->off ? (end - offset) / 2 : end - offset;
    end = offset + most;
    for (size_t i = 0; i < gather->count; i++) {
        size_t size = gather->parts[i].size;
        size = size < end - offset ? size : (size_t) (end - offset);
        if (size == 0) {
            continue;
        }
        zloom_simbytes_put (&inode->seen, offset, gather->parts[i].data, size);
        zloom_grow (&inode->changes, &inode->change_capacity, inode->change_count + 1,
                    sizeof *inode->changes);
        uint8_t *copy = zloom_realloc (NULL, size, 1);
        memcpy (copy, gather->parts[i].data, size);
        inode->changes[inode->change_count++] = (zloom_simchange_t){offset, size, copy};
        offset += size;
    }
    return err;
}

static zloom_err_t
s_sync (zloom_vfs_t *vfs, zloom_file_t *file)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_SYNC);
    zloom_siminode_t *inode = file->inode;
    if (err && !self->off) {
        /*
         * As Linux does it: the pages that could not be written count as clean. Reads still show
         * them, no later sync will bring them to the disk.
         */
        zloom_siminode_forget (inode);
    }
    if (err) {
        return err;
    }
    for (size_t i = 0; i < inode->change_count; i++) {
        zloom_simbytes_put (&inode->kept, inode->changes[i].offset, inode->changes[i].data,
                            inode->changes[i].size);
    }
    zloom_siminode_forget (inode);
    return ZLOOM_OK;
}

static zloom_err_t
s_size (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t *size)
{
    *size = file->inode->seen->size;
    return s_call (s_self (vfs), ZLOOM_SIMDISK_READ);
}

static zloom_err_t
s_truncate (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t size)
{
    zloom_err_t err = s_call (s_self (vfs), ZLOOM_SIMDISK_WRITE);
    if (!err) {
        zloom_siminode_t *inode = file->inode;
        if (size > inode->seen->size) {
            zloom_simbytes_put (&inode->seen, size, NULL, 0);
        }
        zloom_simbytes_cut (&inode->seen, (size_t) size);
        zloom_simbytes_cut (&inode->kept, (size_t) size);
    }
    return err;
}

static zloom_err_t
s_rename (zloom_vfs_t *vfs, const char *from, const char *to)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_NAME);
    if (err) {
        return err;
    }
    if (!zloom_simdisk_find (self, from)) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", from);
    }
    s_before_name_change (self);
    if (zloom_simdisk_find (self, to)) {
        s_drop_name (self, zloom_simdisk_find (self, to));
    }
    zloom_simname_t *name = zloom_simdisk_find (self, from);
    free (name->path);
    name->path = zloom_strdup (to);
    return ZLOOM_OK;
}

static zloom_err_t
s_remove (zloom_vfs_t *vfs, const char *path)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_NAME);
    if (err) {
        return err;
    }
    zloom_simname_t *name = zloom_simdisk_find (self, path);
    if (!name) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", path);
    }
    s_before_name_change (self);
    s_drop_name (self, zloom_simdisk_find (self, path));
    return ZLOOM_OK;
}

static zloom_err_t
s_sync_directory (zloom_vfs_t *vfs, const char *path)
{
    (void) path;
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_NAME);
    if (!err) {
        zloom_simdisk_forget_past (self);
    }
    return err;
}

static zloom_err_t
s_list (zloom_vfs_t *vfs, const char *path, void (*each) (void *arg, const char *name), void *arg)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_READ);
    size_t length = strlen (path);
    for (size_t i = 0; i < self->names.count && !err; i++) {
        const char *name = self->names.items[i].path;
        if (strncmp (name, path, length) == 0 && name[length] == '/' &&
            !strchr (name + length + 1, '/')) {
            each (arg, name + length + 1);
        }
    }
    return err;
}

static zloom_err_t
s_lock (zloom_vfs_t *vfs, const char *path, zloom_file_t **lock_p)
{
    zloom_err_t err = s_open (vfs, path, true, lock_p);
    if (!err && (*lock_p)->inode->locked) {
        s_close (vfs, lock_p);
        err = zloom_fail (ZLOOM_LOCKED, "%s is held by another process", path);
    }
    if (!err) {
        zloom_assert (*lock_p);
        (*lock_p)->lock = true;
        (*lock_p)->inode->locked = true;
    }
    return err;
}

static zloom_err_t
s_free_bytes (zloom_vfs_t *vfs, const char *path, uint64_t *bytes)
{
    (void) path;
    zloom_simdisk_t *self = s_self (vfs);
    uint64_t used = zloom_simdisk_used (self);
    *bytes = self->capacity == 0 ? UINT64_C (1) << 40
                                 : (self->capacity > used ? self->capacity - used : 0);
    return s_call (self, ZLOOM_SIMDISK_READ);
}

zloom_vfs_t
zloom_simdisk_calls_table (void)
{
    return (zloom_vfs_t){
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
}
