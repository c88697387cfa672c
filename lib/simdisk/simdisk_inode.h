/* SPDX-License-Identifier: MPL-2.0 */
/* simdisk_inode.h - contents and names of the simulated disk, seen and synced; see simdisk.c. */
#ifndef ZLOOM_SIMDISK_INODE_H
#define ZLOOM_SIMDISK_INODE_H

#include <stdbool.h>

#include "base/random.h"
#include "simdisk/simdisk.h"

#define ZLOOM_SIMDISK_TAG 0x53494D44u /* SIMD */

typedef struct {
    uint64_t offset;
    size_t size;
    uint8_t *data;
} zloom_simchange_t;

/* The bytes of a file: shared by all who have the same ones, until one of them writes. */
typedef struct {
    size_t refs;
    size_t size;
    size_t capacity;
    uint8_t *data;
} zloom_simbytes_t;

/* A file apart from its names. */
typedef struct {
    zloom_simbytes_t *seen;     /* what reads see */
    zloom_simbytes_t *kept;     /* what was synced */
    zloom_simchange_t *changes; /* written since then, oldest first */
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
zloom_siminode_t *zloom_siminode_new (void);
/* The same content, the same unsynced writes; nobody has it open. */
zloom_siminode_t *zloom_siminode_fork (const zloom_siminode_t *inode);
void zloom_siminode_destroy (zloom_siminode_t **inode_p);
/* Forget the unsynced writes. */
void zloom_siminode_forget (zloom_siminode_t *inode);
/* Another holder of the same bytes, instead of those that are in `*to_p`. */
void zloom_simbytes_share (zloom_simbytes_t **to_p, zloom_simbytes_t *from);
/* Make the bytes nobody else's, to write into them. */
void zloom_simbytes_own (zloom_simbytes_t **bytes_p);
/* Put bytes into a content, growing it with zeros. */
void zloom_simbytes_put (zloom_simbytes_t **bytes_p, uint64_t offset, const uint8_t *data,
                         size_t size);
/* Cut it to at most so many bytes. */
void zloom_simbytes_cut (zloom_simbytes_t **bytes_p, size_t size);
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
    bool fail_short;
    zloom_err_t fail_err;
    uint64_t capacity;
};

/* The name's entry or NULL. */
zloom_simname_t *zloom_simdisk_find (zloom_simdisk_t *self, const char *path);
/* All operations on names so far are durable. */
void zloom_simdisk_forget_past (zloom_simdisk_t *self);
/* Takes the inode. */
zloom_siminode_t *zloom_simdisk_add_inode (zloom_simdisk_t *self, zloom_siminode_t *inode);
void zloom_simdisk_add_name (zloom_simdisk_t *self, const char *path, zloom_siminode_t *inode);
/* The table of calls. */
zloom_vfs_t zloom_simdisk_calls_table (void);

#endif
