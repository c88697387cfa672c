/* SPDX-License-Identifier: MPL-2.0 */
/*
 * slot.h - the superblock: two files, slot.0 and slot.1, written in turn. The one with the higher
 * generation that reads well counts; a torn one leaves the other. A slot tells who the log is,
 * which segments there are, and where each flow's last whole snapshot stands: replay starts there.
 */
#ifndef ZLOOM_JOURNAL_SLOT_H
#define ZLOOM_JOURNAL_SLOT_H

#include "journal/format.h"

/* A slot file is this long at least, so that writing it again needs no new disk. */
#define ZLOOM_SLOT_FILE_BYTES (64u * 1024)
/* Boots that are remembered, for tokens and bridges. */
#define ZLOOM_BOOTS_MOST 32u

typedef struct {
    uint32_t number;
    char *name;              /* NULL for flow 0 */
    uint64_t end;            /* first number never given, when the slot was written */
    uint64_t border;         /* the snapshot holds everything up to this group */
    uint64_t border_segment; /* where to start replaying for this flow */
    uint64_t bytes;          /* of the snapshot; 0 = none yet */
    zloom_place_t *slices;   /* groups that hold its slices, in order */
    size_t slice_count;
} zloom_slot_flow_t;

typedef struct {
    uint32_t flow;
    uint64_t end;
} zloom_flow_end_t;

/* A boot, and where every flow ended when it began. */
typedef struct {
    zloom_boot_t boot;
    zloom_flow_end_t *ends;
    size_t end_count;
} zloom_slot_boot_t;

typedef struct {
    uint64_t number;
    uint64_t bytes;
    uint64_t first_group;  /* the number of its first group, 0 = nothing written yet */
    uint32_t previous_crc; /* checksum of the group before that */
} zloom_slot_segment_t;

typedef struct {
    zloom_log_key_t key;
    uint64_t generation;
    uint64_t durable; /* newest group known durable when it was written */
    uint64_t segment_bytes;
    uint64_t start;                 /* the segment where replay starts */
    zloom_slot_segment_t *segments; /* all in use, oldest first */
    size_t segment_count;
    zloom_slot_flow_t *flows; /* by number: 0 is the whole log, and always there */
    size_t flow_count;
    zloom_slot_boot_t *boots; /* oldest first */
    size_t boot_count;
} zloom_slot_t;

void zloom_slot_encode (const zloom_slot_t *self, zloom_buf_t *out);
/* MALFORMED or VERSION; *self is to be finished in each case. */
zloom_err_t zloom_slot_decode (zloom_bytes_t bytes, zloom_slot_t *self);
void zloom_slot_fini (zloom_slot_t *self);

/* "DIRECTORY/slot.N"; free it. */
char *zloom_slot_path (const char *directory, unsigned which);
/* Read slot `which`. NOT_FOUND, MALFORMED, VERSION, DISK; to be finished in each case. */
zloom_err_t zloom_slot_read (zloom_vfs_t *vfs, const char *directory, unsigned which,
                             zloom_slot_t *self);
/* Write and sync these bytes as slot `which`; the file only ever grows, ahead of need. */
zloom_err_t zloom_slot_write (zloom_vfs_t *vfs, const char *directory, unsigned which,
                              zloom_bytes_t bytes);

#endif
