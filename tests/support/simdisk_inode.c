/* SPDX-License-Identifier: MPL-2.0 */
/* simdisk_inode.c - see simdisk_inode.h. */
#include "simdisk_inode.h"
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

void
zloom_siminode_forget (zloom_siminode_t *inode)
{
    for (size_t i = 0; i < inode->change_count; i++) {
        free (inode->changes[i].data);
    }
    inode->change_count = 0;
}

/* Put bytes into a content, growing it with zeros. */
void
zloom_siminode_put (uint8_t **data, size_t *size, size_t *capacity, uint64_t offset,
                    const uint8_t *bytes, size_t count)
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
            zloom_siminode_put (&inode->kept, &inode->kept_size, &inode->kept_capacity,
                                change->offset + at, change->data + at, size);
        }
        at += size;
    }
}
