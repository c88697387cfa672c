/* SPDX-License-Identifier: MPL-2.0 */
/*
 * simdisk.h - a disk in memory that behaves as badly as real ones may: what was not synced can be
 * lost, torn at 512-byte sectors or written out of order; names that were not synced can vanish or
 * come back; calls fail when they are told to. One seed, one behaviour.
 *
 * Example:
 *     zloom_simdisk_t *disk = zloom_simdisk_new (seed);
 *     zloom_simdisk_power_off_after (disk, 17);       // the 17th call from now and all later fail
 *     ... run on zloom_simdisk_vfs (disk) ...
 *     zloom_simdisk_crash (disk);                     // decide what survived; power is back
 */
#ifndef ZLOOM_SIMDISK_H
#define ZLOOM_SIMDISK_H

#include "journal/vfs.h"

typedef struct zloom_simdisk zloom_simdisk_t;

typedef enum {
    ZLOOM_SIMDISK_ANY, /* every call counts */
    ZLOOM_SIMDISK_WRITE,
    ZLOOM_SIMDISK_SYNC,
    ZLOOM_SIMDISK_READ,
    ZLOOM_SIMDISK_NAME, /* rename, remove, sync_directory, create */
} zloom_simdisk_call_t;

zloom_simdisk_t *zloom_simdisk_new (uint64_t seed);
void zloom_simdisk_destroy (zloom_simdisk_t **self_p);
zloom_vfs_t *zloom_simdisk_vfs (zloom_simdisk_t *self);

/* Calls made so far (all kinds). */
uint64_t zloom_simdisk_calls (const zloom_simdisk_t *self);
/* The n-th call from now (1 = the next) of that kind fails once with `err`. 0 = none does. */
void zloom_simdisk_fail (zloom_simdisk_t *self, zloom_simdisk_call_t call, uint64_t nth,
                         zloom_err_t err);
/* The same, and when it is a write then half of its bytes are written before it fails. */
void zloom_simdisk_fail_short (zloom_simdisk_t *self, uint64_t nth, zloom_err_t err);
/* Whether the failure that was asked for is still to come. */
bool zloom_simdisk_fails (const zloom_simdisk_t *self);
/* The n-th call from now and all after it fail with DISK until the next crash. 0 = never. */
void zloom_simdisk_power_off_after (zloom_simdisk_t *self, uint64_t nth);
/* No more than this many bytes in all files together; 0 = no limit. */
void zloom_simdisk_capacity (zloom_simdisk_t *self, uint64_t bytes);
/* Bytes in all files together. */
uint64_t zloom_simdisk_used (const zloom_simdisk_t *self);

/* The machine stops: unsynced content and names survive by chance; locks are gone. */
void zloom_simdisk_crash (zloom_simdisk_t *self);
/* The process stops, the machine does not: everything written stays readable, nothing is synced. */
void zloom_simdisk_kill (zloom_simdisk_t *self);

/* For damaging files on purpose: content as it stands, durable and readable. NULL: no such file. */
uint8_t *zloom_simdisk_content (zloom_simdisk_t *self, const char *path, size_t *size);
void zloom_simdisk_cut (zloom_simdisk_t *self, const char *path, size_t size);
/* A copy of the whole disk, with nothing open, for trying many things from one state. */
zloom_simdisk_t *zloom_simdisk_copy (const zloom_simdisk_t *self);
/*
 * The same machine once more, with all that is not synced yet and chance of its own: what would a
 * crash now leave? Cheap, bytes are shared until somebody writes. Nothing is open in the fork.
 */
zloom_simdisk_t *zloom_simdisk_fork (const zloom_simdisk_t *self, uint64_t seed);
/* The path of an open file; NULL when it has no name any more. */
const char *zloom_simdisk_path (const zloom_simdisk_t *self, const zloom_file_t *file);
/* As after a failed sync: what is not synced in this file stays readable, and never will be. */
void zloom_simdisk_lose (zloom_simdisk_t *self, const char *path);

#endif
