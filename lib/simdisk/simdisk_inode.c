/* SPDX-License-Identifier: MPL-2.0 */
/* simdisk_inode.c - see simdisk_inode.h. */
#include "simdisk/simdisk_inode.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512u

void
zloom_simnames_copy (zloom_simnames_t *to, const zloom_simnames_t *from)
{
    *to = (zloom_simnames_t){0};
    zloom_grow (&to->items, &to->capacity, from->count + 1, sizeof *to->items);
    for (size_t i = 0; i < from->count; i++) {
        to->items[to->count++] =
          (zloom_simname_t){zloom_strdup (from->items[i].path), from->items[i].inode};
    }
}

void
zloom_simnames_fini (zloom_simnames_t *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free (names->items[i].path);
    }
    free (names->items);
    *names = (zloom_simnames_t){0};
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void
s_drop (zloom_simbytes_t **bytes_p)
{
    zloom_simbytes_t *bytes = *bytes_p;
    if (bytes && --bytes->refs == 0) {
        free (bytes->data);
        free (bytes);
    }
    *bytes_p = NULL;
}

void
zloom_simbytes_share (zloom_simbytes_t **to_p, zloom_simbytes_t *from)
{
    from->refs++;
    s_drop (to_p);
    *to_p = from;
}

void
zloom_simbytes_own (zloom_simbytes_t **bytes_p)
{
    zloom_simbytes_t *shared = *bytes_p;
    if (shared->refs == 1) {
        return;
    }
    zloom_simbytes_t *own = zloom_alloc (sizeof *own);
    own->refs = 1;
    own->size = shared->size;
    own->capacity = shared->capacity;
    own->data = zloom_realloc (NULL, own->capacity + 1, 1);
    if (own->size > 0) {
        memcpy (own->data, shared->data, own->size);
    }
    s_drop (bytes_p);
    *bytes_p = own;
}

void
zloom_simbytes_put (zloom_simbytes_t **bytes_p, uint64_t offset, const uint8_t *data, size_t size)
{
    zloom_simbytes_own (bytes_p);
    zloom_simbytes_t *bytes = *bytes_p;
    const size_t end = (size_t) offset + size;
    zloom_grow (&bytes->data, &bytes->capacity, end + 1, 1);
    if (offset > bytes->size) {
        memset (bytes->data + bytes->size, 0, (size_t) offset - bytes->size);
    }
    if (size > 0) {
        memcpy (bytes->data + offset, data, size);
    }
    bytes->size = end > bytes->size ? end : bytes->size;
}

void
zloom_simbytes_cut (zloom_simbytes_t **bytes_p, size_t size)
{
    if (size < (*bytes_p)->size) {
        zloom_simbytes_own (bytes_p);
        (*bytes_p)->size = size;
    }
}

/* ---- inodes ---------------------------------------------------------------------------------- */

zloom_siminode_t *
zloom_siminode_new (void)
{
    zloom_siminode_t *inode = zloom_alloc (sizeof *inode);
    inode->seen = zloom_alloc (sizeof *inode->seen);
    inode->seen->refs = 1;
    zloom_simbytes_share (&inode->kept, inode->seen);
    return inode;
}

zloom_siminode_t *
zloom_siminode_fork (const zloom_siminode_t *inode)
{
    zloom_siminode_t *fork = zloom_alloc (sizeof *fork);
    zloom_simbytes_share (&fork->seen, inode->seen);
    zloom_simbytes_share (&fork->kept, inode->kept);
    zloom_grow (&fork->changes, &fork->change_capacity, inode->change_count + 1,
                sizeof *fork->changes);
    for (size_t i = 0; i < inode->change_count; i++) {
        const zloom_simchange_t *from = &inode->changes[i];
        uint8_t *data = zloom_realloc (NULL, from->size + 1, 1);
        memcpy (data, from->data, from->size);
        fork->changes[fork->change_count++] = (zloom_simchange_t){from->offset, from->size, data};
    }
    return fork;
}

void
zloom_siminode_destroy (zloom_siminode_t **inode_p)
{
    zloom_siminode_t *inode = *inode_p;
    if (inode) {
        zloom_siminode_forget (inode);
        s_drop (&inode->seen);
        s_drop (&inode->kept);
        free (inode->changes);
        free (inode);
        *inode_p = NULL;
    }
}

void
zloom_siminode_forget (zloom_siminode_t *inode)
{
    for (size_t i = 0; i < inode->change_count; i++) {
        free (inode->changes[i].data);
    }
    inode->change_count = 0;
}

/* One unsynced write at a crash: all, nothing, or some sectors of it reach the disk. */
void
zloom_siminode_survive (zloom_siminode_t *inode, zloom_random_t *random,
                        const zloom_simchange_t *change)
{
    uint64_t chance = zloom_random_below (random, 4);
    if (chance == 0) {
        return;
    }
    for (size_t at = 0; at < change->size;) {
        uint64_t sector_end = ((change->offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES;
        size_t size = (size_t) (sector_end - (change->offset + at));
        size = change->size - at < size ? change->size - at : size;
        if (chance == 1 || zloom_random_below (random, 2) == 0) {
            zloom_simbytes_put (&inode->kept, change->offset + at, change->data + at, size);
        }
        at += size;
    }
}
