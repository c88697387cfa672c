/* SPDX-License-Identifier: MPL-2.0 */
/* simdisk_inode.h - contents and names of the simulated disk, seen and synced; see simdisk.c. */
#ifndef ZLOOM_TESTS_SUPPORT_SIMDISK_INODE_H
#define ZLOOM_TESTS_SUPPORT_SIMDISK_INODE_H

#include <stdbool.h>

#include "base/random.h"
#include "simdisk.h"

#define ZLOOM_SIMDISK_TAG 0x53494D44u /* SIMD */

typedef struct {
    uint64_t offset;
    size_t size;
    uint8_t *data;
} zloom_simchange_t;

/* A file apart from its names. */
typedef struct {
    uint8_t *seen; /* what reads see */
    size_t seen_size;
    size_t seen_capacity;
    uint8_t *kept; /* what was synced */
    size_t kept_size;
    size_t kept_capacity;
    zloom_simchange_t *changes;
    size_t change_count;
    size_t change_capacity;
    bool locked;
} zloom_siminode_t;

typedef struct {
    char *path;
    zloom_siminode_t *inode;
} zloom_simname_t;

typedef struct {
    zloom_simname_t *items;
    size_t count;
    size_t capacity;
} zloom_simnames_t;

void zloom_simnames_copy (zloom_simnames_t *to, const zloom_simnames_t *from);
void zloom_simnames_fini (zloom_simnames_t *names);
/* Forget the unsynced writes. */
void zloom_siminode_forget (zloom_siminode_t *inode);
/* Put bytes into a content, growing it with zeros. */
void zloom_siminode_put (uint8_t **data, size_t *size, size_t *capacity, uint64_t offset,
                         const uint8_t *bytes, size_t count);
/* One unsynced write at a crash: all, nothing, or some sectors of it reach the disk. */
void zloom_siminode_survive (zloom_siminode_t *inode, zloom_random_t *random,
                             const zloom_simchange_t *change);

struct zloom_simdisk {
    zloom_vfs_t vfs; /* first: the vfs is the disk */
    uint32_t tag;
    zloom_random_t random;
    uint64_t seed;
    zloom_simnames_t names; /* as seen */
    zloom_simnames_t *past; /* before each unsynced operation on names, oldest first */
    size_t past_count;
    size_t past_capacity;
    zloom_siminode_t **inodes; /* all ever made */
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

/* The name's entry or NULL. */
zloom_simname_t *zloom_simdisk_find (zloom_simdisk_t *self, const char *path);
/* All operations on names so far are durable. */
void zloom_simdisk_forget_past (zloom_simdisk_t *self);
zloom_siminode_t *zloom_simdisk_new_inode (zloom_simdisk_t *self);
void zloom_simdisk_add_name (zloom_simdisk_t *self, const char *path, zloom_siminode_t *inode);
/* The table of calls. */
zloom_vfs_t zloom_simdisk_calls_table (void);

#endif
