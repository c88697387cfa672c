/* SPDX-License-Identifier: MPL-2.0 */
/*
 * simdisk.c - see simdisk.h. A file has two contents: what reads see and what a crash leaves. A
 * write changes the first and is remembered; a sync makes them equal. At a crash each remembered
 * write, in any order, is kept, dropped, or kept in some of its sectors. Names work the same way:
 * an operation on a name is remembered until the directory is synced, and a crash undoes some
 * suffix of what was remembered.
 */
#include "simdisk/simdisk.h"
#include "base/memory.h"
#include "base/tag.h"
#include "simdisk/simdisk_inode.h"

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
        zloom_siminode_destroy (&self->inodes[i]);
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
    self->fail_short = false;
}

void
zloom_simdisk_fail_short (zloom_simdisk_t *self, uint64_t nth, zloom_err_t err)
{
    zloom_simdisk_fail (self, ZLOOM_SIMDISK_ANY, nth, err);
    self->fail_short = true;
}

bool
zloom_simdisk_fails (const zloom_simdisk_t *self)
{
    return self->fail_in > 0;
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
        zloom_simbytes_share (&inode->seen, inode->kept);
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
    zloom_simbytes_own (&name->inode->seen);
    *size = name->inode->seen->size;
    return name->inode->seen->data;
}

void
zloom_simdisk_cut (zloom_simdisk_t *self, const char *path, size_t size)
{
    zloom_simname_t *name = zloom_simdisk_find (self, path);
    zloom_assert (name && size <= name->inode->seen->size);
    zloom_simbytes_cut (&name->inode->seen, size);
    zloom_simbytes_cut (&name->inode->kept, size);
}

zloom_simdisk_t *
zloom_simdisk_copy (const zloom_simdisk_t *self)
{
    zloom_simdisk_t *copy = zloom_simdisk_new (self->seed);
    copy->random = self->random;
    copy->capacity = self->capacity;
    for (size_t i = 0; i < self->names.count; i++) {
        const zloom_siminode_t *from = self->names.items[i].inode;
        zloom_siminode_t *to = zloom_simdisk_add_inode (copy, zloom_siminode_new ());
        zloom_simbytes_share (&to->seen, from->seen);
        zloom_simbytes_share (&to->kept, from->seen);
        zloom_simdisk_add_name (copy, self->names.items[i].path, to);
    }
    return copy;
}

/* These names again, of the fork's own inodes: `inodes[i]` stands for the i-th of `self`. */
static void
s_fork_names (const zloom_simdisk_t *self, const zloom_simnames_t *names, zloom_siminode_t **inodes,
              zloom_simnames_t *to)
{
    zloom_simnames_copy (to, names);
    for (size_t i = 0; i < to->count; i++) {
        size_t at = 0;
        while (self->inodes[at] != to->items[i].inode) {
            at++;
        }
        if (!inodes[at]) {
            inodes[at] = zloom_siminode_fork (self->inodes[at]);
        }
        to->items[i].inode = inodes[at];
    }
}

zloom_simdisk_t *
zloom_simdisk_fork (const zloom_simdisk_t *self, uint64_t seed)
{
    zloom_simdisk_t *fork = zloom_simdisk_new (seed);
    zloom_siminode_t **inodes = zloom_alloc ((self->inode_count + 1) * sizeof (zloom_siminode_t *));
    fork->capacity = self->capacity;
    fork->calls = self->calls;
    s_fork_names (self, &self->names, inodes, &fork->names);
    zloom_grow (&fork->past, &fork->past_capacity, self->past_count + 1, sizeof *fork->past);
    for (; fork->past_count < self->past_count; fork->past_count++) {
        s_fork_names (self, &self->past[fork->past_count], inodes, &fork->past[fork->past_count]);
    }
    for (size_t i = 0; i < self->inode_count; i++) {
        if (inodes[i]) {
            zloom_simdisk_add_inode (fork, inodes[i]);
        }
    }
    free (inodes);
    return fork;
}

uint64_t
zloom_simdisk_used (const zloom_simdisk_t *self)
{
    uint64_t used = 0;
    for (size_t i = 0; i < self->names.count; i++) {
        used += self->names.items[i].inode->seen->size;
    }
    return used;
}
