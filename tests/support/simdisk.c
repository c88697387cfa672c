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
#include "base/tag.h"
#include "simdisk_inode.h"

#include <stdlib.h>

zloom_simdisk_t *
zloom_simdisk_new (uint64_t seed)
{
    zloom_simdisk_t *self = zloom_alloc (sizeof *self);
    self->vfs = zloom_simdisk_calls_table ();
    self->tag = ZLOOM_SIMDISK_TAG;
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
    ZLOOM_CHECK (self, ZLOOM_SIMDISK_TAG);
    zloom_simdisk_forget_past (self);
    zloom_simnames_fini (&self->names);
    for (size_t i = 0; i < self->inode_count; i++) {
        zloom_siminode_forget (self->inodes[i]);
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
    ZLOOM_CHECK (self, ZLOOM_SIMDISK_TAG);
    for (size_t i = 0; i < self->inode_count; i++) {
        zloom_siminode_t *inode = self->inodes[i];
        while (inode->change_count > 0) {
            size_t pick = (size_t) zloom_random_below (&self->random, inode->change_count);
            zloom_siminode_survive (inode, &self->random, &inode->changes[pick]);
            free (inode->changes[pick].data);
            inode->changes[pick] = inode->changes[--inode->change_count];
        }
        inode->seen_size = 0;
        zloom_siminode_put (&inode->seen, &inode->seen_size, &inode->seen_capacity, 0, inode->kept,
                            inode->kept_size);
    }
    /* Some of the last operations on names never happened. */
    uint64_t undone = zloom_random_below (&self->random, self->past_count + 1);
    if (undone > 0) {
        zloom_simnames_fini (&self->names);
        zloom_simnames_copy (&self->names, &self->past[self->past_count - undone]);
    }
    zloom_simdisk_forget_past (self);
    s_power_back (self);
}

void
zloom_simdisk_kill (zloom_simdisk_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SIMDISK_TAG);
    s_power_back (self);
}

uint8_t *
zloom_simdisk_content (zloom_simdisk_t *self, const char *path, size_t *size)
{
    zloom_simname_t *name = zloom_simdisk_find (self, path);
    if (!name) {
        return NULL;
    }
    *size = name->inode->seen_size;
    return name->inode->seen;
}

void
zloom_simdisk_cut (zloom_simdisk_t *self, const char *path, size_t size)
{
    zloom_simname_t *name = zloom_simdisk_find (self, path);
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
        const zloom_siminode_t *from = self->names.items[i].inode;
        zloom_siminode_t *to = zloom_simdisk_new_inode (copy);
        zloom_siminode_put (&to->seen, &to->seen_size, &to->seen_capacity, 0, from->seen,
                            from->seen_size);
        zloom_siminode_put (&to->kept, &to->kept_size, &to->kept_capacity, 0, from->seen,
                            from->seen_size);
        zloom_simdisk_add_name (copy, self->names.items[i].path, to);
    }
    return copy;
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
