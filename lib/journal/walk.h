/* SPDX-License-Identifier: MPL-2.0 */
/*
 * walk.h - go through the hot log group by group and tell damage from the torn tail. Recovery and
 * the offline verifier are built on it.
 *
 * A group follows the one before when its number, the checksum it names and its place say so. What
 * does not is searched past: when a group behind it attests that it was durable, it is damage (a
 * gap, or a group with bad payloads); when there is none, it is the tail that was being written
 * when the power went, and the log ends before it. The search looks at every block of the rest of
 * the segment and of the next ones: silence must not depend on luck. A torn group may stay where it
 * is when the next boot's first one did not fit behind its predecessor; that one has the same
 * number and the same predecessor, and counts.
 */
#ifndef ZLOOM_JOURNAL_WALK_H
#define ZLOOM_JOURNAL_WALK_H

#include "journal/format.h"

/* A hot segment: numbers rise by one, the file is renamed when its space is used again. */
typedef struct {
    uint64_t number;
    uint64_t bytes;
    zloom_file_t *file;
    uint64_t first_group;  /* 0 = nothing written yet */
    uint32_t previous_crc; /* checksum of the group before the first */
} zloom_segment_t;

typedef enum {
    ZLOOM_WALK_GROUP, /* header and bytes are set; `damaged`: payloads have to be checked singly */
    ZLOOM_WALK_GAP,   /* groups [gap_first, gap_last] are lost */
    ZLOOM_WALK_END,   /* nothing durable stands behind this */
} zloom_walk_kind_t;

typedef struct {
    zloom_vfs_t *vfs;
    const zloom_log_key_t *key;
    const zloom_segment_t *segments; /* sorted by number */
    size_t segment_count;
    /* Where the next group is looked for, and what it has to be. */
    size_t at;
    uint64_t offset;
    uint64_t expected;
    uint32_t previous_crc;
    uint64_t boot_counter;
    uint64_t durable; /* groups up to this one are known to have been durable; 0 at first */
    bool unchained;   /* the next group may have any number and any predecessor */
    /* What was found. */
    zloom_group_header_t header;
    zloom_buf_t bytes; /* the whole group */
    bool damaged;
    uint64_t gap_first;
    uint64_t gap_last;
    zloom_place_t gap_from; /* where the lost bytes begin */
    zloom_place_t gap_to;   /* where the next good group begins */
    zloom_buf_t probe;
} zloom_walk_t;

/* Start at the first segment's begin. `expected` 0: whatever group comes first. */
void zloom_walk_init (zloom_walk_t *self, zloom_vfs_t *vfs, const zloom_log_key_t *key,
                      const zloom_segment_t *segments, size_t segment_count, uint64_t expected,
                      uint32_t previous_crc);
/* The next finding. Errors: DISK, VERSION. After END it stays at the end. */
zloom_err_t zloom_walk_next (zloom_walk_t *self, zloom_walk_kind_t *kind);
void zloom_walk_fini (zloom_walk_t *self);

/* Whether an entry's payload stands in the group as it was written. */
bool zloom_entry_holds (const zloom_entry_t *entry, const zloom_group_header_t *header,
                        zloom_bytes_t group);
/* A loaded group's directory. */
zloom_record_reader_t zloom_group_directory (const zloom_group_header_t *header,
                                             zloom_bytes_t group);

#endif
