/* SPDX-License-Identifier: MPL-2.0 */
/*
 * simdisk.c - see simdisk.h. A file has two contents: what reads see and what a crash leaves. A
 * write changes the first and is remembered; a sync makes them equal. At a crash each remembered
 * write, in any order, is kept, dropped, or kept in some of its sectors. Names work the same way:
 * an operation on a name is remembered until the directory is synced, and a crash undoes some
 * suffix of what was remembered.
 */
#include "simdisk.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/tag.h"

#include <stdlib.h>

#define SIMDISK_TAG 0x53494D44u /* SIMD */
#define SECTOR_BYTES 512u

typedef struct {
    uint64_t offset;
    size_t size;
    uint8_t *data;
} change_t;

/* A file apart from its names. */
typedef struct inode {
    uint8_t *seen; /* what reads see */
    size_t seen_size;
    size_t seen_capacity;
    uint8_t *kept; /* what was synced */
    size_t kept_size;
    size_t kept_capacity;
    change_t *changes;
    size_t change_count;
    size_t change_capacity;
    bool locked;
} inode_t;

typedef struct {
    char *path;
    inode_t *inode;
} name_t;

typedef struct {
    name_t *items;
    size_t count;
    size_t capacity;
} names_t;

struct zloom_file {
    inode_t *inode;
    bool lock;
};

struct zloom_simdisk {
    zloom_vfs_t vfs; /* first: the vfs is the disk */
    uint32_t tag;
    zloom_random_t random;
    uint64_t seed;
    names_t names; /* as seen */
    names_t *past; /* before each unsynced operation on names, oldest first */
    size_t past_count;
    size_t past_capacity;
    inode_t **inodes; /* all ever made */
    size_t inode_count;
    size_t inode_capacity;
    uint64_t calls;
    uint64_t power_off_at;
    bool off;
    zloom_simdisk_call_t fail_call;
    uint64_t fail_in;
    zloom_err_t fail_err;
    uint64_t capacity;
};

static zloom_simdisk_t *
s_self (zloom_vfs_t *vfs)
{
    zloom_simdisk_t *self = (zloom_simdisk_t *) vfs;
    ZLOOM_CHECK (self, SIMDISK_TAG);
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

static void
s_names_copy (names_t *to, const names_t *from)
{
    *to = (names_t){0};
    zloom_grow (&to->items, &to->capacity, from->count + 1, sizeof *to->items);
    for (size_t i = 0; i < from->count; i++) {
        to->items[to->count++] = (name_t){zloom_strdup (from->items[i].path), from->items[i].inode};
    }
}

static void
s_names_fini (names_t *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free (names->items[i].path);
    }
    free (names->items);
    *names = (names_t){0};
}

static name_t *
s_find (zloom_simdisk_t *self, const char *path)
{
    for (size_t i = 0; i < self->names.count; i++) {
        if (strcmp (self->names.items[i].path, path) == 0) {
            return &self->names.items[i];
        }
    }
    return NULL;
}

/* Remember the names before they change. */
static void
s_before_name_change (zloom_simdisk_t *self)
{
    zloom_grow (&self->past, &self->past_capacity, self->past_count + 1, sizeof *self->past);
    s_names_copy (&self->past[self->past_count++], &self->names);
}

static void
s_forget_past (zloom_simdisk_t *self)
{
    for (size_t i = 0; i < self->past_count; i++) {
        s_names_fini (&self->past[i]);
    }
    self->past_count = 0;
}

static void
s_drop_name (zloom_simdisk_t *self, name_t *name)
{
    size_t at = (size_t) (name - self->names.items);
    free (name->path);
    self->names.count--;
    memmove (name, name + 1, (self->names.count - at) * sizeof *name);
}

static inode_t *
s_new_inode (zloom_simdisk_t *self)
{
    zloom_grow (&self->inodes, &self->inode_capacity, self->inode_count + 1, sizeof *self->inodes);
    inode_t *inode = zloom_alloc (sizeof *inode);
    self->inodes[self->inode_count++] = inode;
    return inode;
}

static void
s_add_name (zloom_simdisk_t *self, const char *path, inode_t *inode)
{
    zloom_grow (&self->names.items, &self->names.capacity, self->names.count + 1,
                sizeof *self->names.items);
    self->names.items[self->names.count++] = (name_t){zloom_strdup (path), inode};
}

static void
s_forget_changes (inode_t *inode)
{
    for (size_t i = 0; i < inode->change_count; i++) {
        free (inode->changes[i].data);
    }
    inode->change_count = 0;
}

/* Put bytes into a content, growing it with zeros. */
static void
s_put (uint8_t **data, size_t *size, size_t *capacity, uint64_t offset, const uint8_t *bytes,
       size_t count)
{
    size_t end = (size_t) offset + count;
    zloom_grow (data, capacity, end + 1, 1);
    if (end > *size) {
        memset (*data + *size, 0, end - *size);
        *size = end;
    }
    if (count > 0) {
        memcpy (*data + offset, bytes, count);
    }
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
    name_t *name = s_find (self, path);
    zloom_err_t err = s_call (self, create && !name ? ZLOOM_SIMDISK_NAME : ZLOOM_SIMDISK_READ);
    if (err) {
        return err;
    }
    if (!name && !create) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", path);
    }
    inode_t *inode = name ? name->inode : NULL;
    if (!inode) {
        s_before_name_change (self);
        inode = s_new_inode (self);
        s_add_name (self, path, inode);
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
    const inode_t *inode = file->inode;
    if (offset < inode->seen_size) {
        *got =
          inode->seen_size - (size_t) offset < size ? inode->seen_size - (size_t) offset : size;
        if (*got > 0) {
            memcpy (data, inode->seen + offset, *got);
        }
    }
    return ZLOOM_OK;
}

uint64_t
zloom_simdisk_used (const zloom_simdisk_t *self)
{
    uint64_t used = 0;
    for (size_t i = 0; i < self->names.count; i++) {
        used += self->names.items[i].inode->seen_size;
    }
    return used;
}

static zloom_err_t
s_write (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_WRITE);
    inode_t *inode = file->inode;
    uint64_t end = offset;
    for (size_t i = 0; i < gather->count; i++) {
        end += gather->parts[i].size;
    }
    if (!err && self->capacity > 0 && end > inode->seen_size &&
        zloom_simdisk_used (self) + end - inode->seen_size > self->capacity) {
        err = zloom_fail (ZLOOM_DISK_FULL, "simulated disk is full");
    }
    if (err && self->off && zloom_random_below (&self->random, 2) == 0) {
        return err;
    }
    /* The write during which the power goes, or that fails, may have reached the disk in part. */
    if (err && !self->off) {
        return err;
    }
    for (size_t i = 0; i < gather->count; i++) {
        size_t size = gather->parts[i].size;
        if (size == 0) {
            continue;
        }
        s_put (&inode->seen, &inode->seen_size, &inode->seen_capacity, offset,
               gather->parts[i].data, size);
        zloom_grow (&inode->changes, &inode->change_capacity, inode->change_count + 1,
                    sizeof *inode->changes);
        uint8_t *copy = zloom_alloc (size);
        memcpy (copy, gather->parts[i].data, size);
        inode->changes[inode->change_count++] = (change_t){offset, size, copy};
        offset += size;
    }
    return err;
}

static zloom_err_t
s_sync (zloom_vfs_t *vfs, zloom_file_t *file)
{
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_SYNC);
    inode_t *inode = file->inode;
    if (err && !self->off) {
        /*
         * As Linux does it: the pages that could not be written count as clean. Reads still show
         * them, no later sync will bring them to the disk.
         */
        s_forget_changes (inode);
    }
    if (err) {
        return err;
    }
    for (size_t i = 0; i < inode->change_count; i++) {
        s_put (&inode->kept, &inode->kept_size, &inode->kept_capacity, inode->changes[i].offset,
               inode->changes[i].data, inode->changes[i].size);
    }
    s_forget_changes (inode);
    return ZLOOM_OK;
}

static zloom_err_t
s_size (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t *size)
{
    *size = file->inode->seen_size;
    return s_call (s_self (vfs), ZLOOM_SIMDISK_READ);
}

static zloom_err_t
s_truncate (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t size)
{
    zloom_err_t err = s_call (s_self (vfs), ZLOOM_SIMDISK_WRITE);
    if (!err) {
        inode_t *inode = file->inode;
        if (size > inode->seen_size) {
            s_put (&inode->seen, &inode->seen_size, &inode->seen_capacity, size, NULL, 0);
        }
        inode->seen_size = (size_t) size;
        inode->kept_size = inode->kept_size < size ? inode->kept_size : (size_t) size;
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
    if (!s_find (self, from)) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", from);
    }
    s_before_name_change (self);
    if (s_find (self, to)) {
        s_drop_name (self, s_find (self, to));
    }
    name_t *name = s_find (self, from);
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
    name_t *name = s_find (self, path);
    if (!name) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s is not there", path);
    }
    s_before_name_change (self);
    s_drop_name (self, s_find (self, path));
    return ZLOOM_OK;
}

static zloom_err_t
s_sync_directory (zloom_vfs_t *vfs, const char *path)
{
    (void) path;
    zloom_simdisk_t *self = s_self (vfs);
    zloom_err_t err = s_call (self, ZLOOM_SIMDISK_NAME);
    if (!err) {
        s_forget_past (self);
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

/* ---- what the tests say ---------------------------------------------------------------------- */

zloom_simdisk_t *
zloom_simdisk_new (uint64_t seed)
{
    zloom_simdisk_t *self = zloom_alloc (sizeof *self);
    self->vfs = (zloom_vfs_t){
      .mkdir = s_mkdir,
      .open = s_open,
      .close = s_close,
      .read = s_read,
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
    self->tag = SIMDISK_TAG;
    self->seed = seed;
    zloom_random_init (&self->random, seed);
    return self;
}

void
zloom_simdisk_destroy (zloom_simdisk_t **self_p)
{
    zloom_simdisk_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, SIMDISK_TAG);
    s_forget_past (self);
    s_names_fini (&self->names);
    for (size_t i = 0; i < self->inode_count; i++) {
        s_forget_changes (self->inodes[i]);
        free (self->inodes[i]->changes);
        free (self->inodes[i]->seen);
        free (self->inodes[i]->kept);
        free (self->inodes[i]);
    }
    free (self->inodes);
    free (self->past);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_vfs_t *
zloom_simdisk_vfs (zloom_simdisk_t *self)
{
    return &self->vfs;
}

uint64_t
zloom_simdisk_calls (const zloom_simdisk_t *self)
{
    return self->calls;
}

void
zloom_simdisk_fail (zloom_simdisk_t *self, zloom_simdisk_call_t call, uint64_t nth, zloom_err_t err)
{
    self->fail_call = call;
    self->fail_in = nth;
    self->fail_err = err;
}

void
zloom_simdisk_power_off_after (zloom_simdisk_t *self, uint64_t nth)
{
    self->power_off_at = nth > 0 ? self->calls + nth : 0;
}

void
zloom_simdisk_capacity (zloom_simdisk_t *self, uint64_t bytes)
{
    self->capacity = bytes;
}

/* One unsynced write at a crash: all, nothing, or some sectors of it reach the disk. */
static void
s_survive (zloom_simdisk_t *self, inode_t *inode, const change_t *change)
{
    uint64_t chance = zloom_random_below (&self->random, 4);
    if (chance == 0) {
        return;
    }
    for (size_t at = 0; at < change->size;) {
        uint64_t sector_end = ((change->offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES;
        size_t size = (size_t) (sector_end - (change->offset + at));
        size = change->size - at < size ? change->size - at : size;
        if (chance == 1 || zloom_random_below (&self->random, 2) == 0) {
            s_put (&inode->kept, &inode->kept_size, &inode->kept_capacity, change->offset + at,
                   change->data + at, size);
        }
        at += size;
    }
}

static void
s_power_back (zloom_simdisk_t *self)
{
    self->off = false;
    self->power_off_at = 0;
    self->fail_in = 0;
    for (size_t i = 0; i < self->inode_count; i++) {
        self->inodes[i]->locked = false;
    }
}

void
zloom_simdisk_crash (zloom_simdisk_t *self)
{
    ZLOOM_CHECK (self, SIMDISK_TAG);
    for (size_t i = 0; i < self->inode_count; i++) {
        inode_t *inode = self->inodes[i];
        while (inode->change_count > 0) {
            size_t pick = (size_t) zloom_random_below (&self->random, inode->change_count);
            s_survive (self, inode, &inode->changes[pick]);
            free (inode->changes[pick].data);
            inode->changes[pick] = inode->changes[--inode->change_count];
        }
        inode->seen_size = 0;
        s_put (&inode->seen, &inode->seen_size, &inode->seen_capacity, 0, inode->kept,
               inode->kept_size);
    }
    /* Some of the last operations on names never happened. */
    uint64_t undone = zloom_random_below (&self->random, self->past_count + 1);
    if (undone > 0) {
        s_names_fini (&self->names);
        s_names_copy (&self->names, &self->past[self->past_count - undone]);
    }
    s_forget_past (self);
    s_power_back (self);
}

void
zloom_simdisk_kill (zloom_simdisk_t *self)
{
    ZLOOM_CHECK (self, SIMDISK_TAG);
    s_power_back (self);
}

uint8_t *
zloom_simdisk_content (zloom_simdisk_t *self, const char *path, size_t *size)
{
    name_t *name = s_find (self, path);
    if (!name) {
        return NULL;
    }
    *size = name->inode->seen_size;
    return name->inode->seen;
}

void
zloom_simdisk_cut (zloom_simdisk_t *self, const char *path, size_t size)
{
    name_t *name = s_find (self, path);
    zloom_assert (name && size <= name->inode->seen_size);
    name->inode->seen_size = size;
    name->inode->kept_size = size < name->inode->kept_size ? size : name->inode->kept_size;
}

zloom_simdisk_t *
zloom_simdisk_copy (const zloom_simdisk_t *self)
{
    zloom_simdisk_t *copy = zloom_simdisk_new (self->seed);
    copy->random = self->random;
    copy->capacity = self->capacity;
    for (size_t i = 0; i < self->names.count; i++) {
        const inode_t *from = self->names.items[i].inode;
        inode_t *to = s_new_inode (copy);
        s_put (&to->seen, &to->seen_size, &to->seen_capacity, 0, from->seen, from->seen_size);
        s_put (&to->kept, &to->kept_size, &to->kept_capacity, 0, from->seen, from->seen_size);
        s_add_name (copy, self->names.items[i].path, to);
    }
    return copy;
}
