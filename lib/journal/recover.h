/* SPDX-License-Identifier: MPL-2.0 */
/* recover.h - what recover.c (files, slots, order) and replay.c (groups, records) share. */
#ifndef ZLOOM_JOURNAL_RECOVER_H
#define ZLOOM_JOURNAL_RECOVER_H

#include "journal/log.h"

typedef struct {
    zloom_log_t *log;
    zloom_names_t names;
    zloom_slot_t slots[2];
    zloom_err_t slot_errs[2];
    const zloom_slot_t *slot; /* the one that is used */
    zloom_buf_t *snapshots;   /* one a flow of the slot */
    bool *lost;               /* flows whose snapshot could not be read */
    zloom_walk_t walk;
    uint64_t last_group;
    zloom_place_t last_place; /* of the last good group */
    uint32_t last_bytes;
    uint64_t attested;
    bool *unsure; /* by flow: groups are missing, numbers may be */
    size_t unsure_count;
    zloom_range_t *holes; /* flow-wise, to be written down again by this boot */
    uint32_t *hole_flows;
    size_t hole_count;
    size_t hole_capacity;
    size_t hole_flow_capacity;
    zloom_range_t *lost_groups; /* gaps and damaged groups, to be written down, too */
    size_t lost_count;
    size_t lost_capacity;
} zloom_recovery_t;

/* Go through the log from the slot's start on and replay. */
zloom_err_t zloom_recovery_replay (zloom_recovery_t *self);
/*
 * Numbers [first, end) of the flow are lost: tell the owner, remember it for the boot's group. What
 * is counted as a hole is the place that was damaged, once, however many flows had numbers in it.
 */
zloom_err_t zloom_recovery_hole (zloom_recovery_t *self, uint32_t flow, uint64_t first,
                                 uint64_t end);
/* Groups [first, last] are damaged: counted, and remembered for the boot's group. */
void zloom_recovery_lose_groups (zloom_recovery_t *self, uint64_t first, uint64_t last);
/* Groups [first, last] of the log are lost (last < first: it is not known how many). */
zloom_err_t zloom_recovery_gap (zloom_recovery_t *self, uint64_t first, uint64_t last);
/* Keep these bytes of a hot segment in damaged/; failing to is only logged. */
void zloom_recovery_keep (zloom_recovery_t *self, const zloom_segment_t *segment, uint64_t offset,
                          uint64_t bytes);

/* ---- settle.c, in this order ---------------------------------------------------------------- */

/* How long a segment's file has to be: each was filled before it got its name. */
uint64_t zloom_recovery_full_bytes (const zloom_recovery_t *self, uint64_t number);
zloom_err_t zloom_recovery_settle_segments (zloom_recovery_t *self);
zloom_err_t zloom_recovery_rewrite_tail (zloom_recovery_t *self);
zloom_err_t zloom_recovery_settle_index (zloom_recovery_t *self, zloom_log_flow_t *flow);
zloom_err_t zloom_recovery_settle_cold (zloom_recovery_t *self);
zloom_err_t zloom_recovery_new_boot (zloom_recovery_t *self);

#endif
