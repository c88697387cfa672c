/* SPDX-License-Identifier: MPL-2.0 */
/*
 * mover.h - the copying itself, behind the loop: the messages of a segment that are still needed
 * go, in order, to the cold segments of their flows, in groups of about half a MiB, synced
 * at the end. What is needed is cut out of its pack, so that the copies are as small as that; a
 * pack of which all is needed keeps its checksum. Bytes that do not hold are kept aside, and what
 * is needed of them becomes a hole (an extent in cold segment 0, which does not exist).
 */
#ifndef ZLOOM_JOURNAL_MOVER_H
#define ZLOOM_JOURNAL_MOVER_H

#include "base/ranges.h"
#include "journal/group.h"
#include "journal/index.h"
#include "journal/jobs.h"
#include "journal/log.h"

/* One group of the source and the numbers of one flow that are needed from it. */
typedef struct {
    uint32_t flow;
    uint32_t offset;
    zloom_range_t *runs; /* sorted */
    size_t run_count;
    bool apart; /* numbers before it stand elsewhere: no copy's extent may span them */
} zloom_move_item_t;

/* A cold segment that is written to. */
typedef struct {
    uint32_t flow;
    uint64_t number;
    uint64_t bytes;
    uint64_t groups;
    uint32_t last_crc;
    bool fresh; /* made by this move */
    bool dirty;
    zloom_file_t *file;
} zloom_move_target_t;

typedef struct {
    uint32_t flow;
    zloom_extent_t extent;
} zloom_moved_t;

struct zloom_move {
    zloom_job_t job;
    /* What to do, set by the owner. */
    zloom_vfs_t *vfs;
    char *directory;
    zloom_log_key_t key;
    zloom_boot_t boot;
    int64_t wall_ns;
    uint64_t segment_bytes;
    uint64_t group_most;
    bool (*cut) (const zloom_chunk_t *pack, uint64_t first, uint32_t count, zloom_buf_t *head,
                 zloom_bytes_t *payload); /* the owner's */
    uint32_t source_flow;                 /* 0: a hot segment */
    uint64_t source;
    zloom_file_t *file;       /* of a hot segment; a cold one is opened by the move */
    zloom_move_item_t *items; /* flow by flow, in order of numbers */
    size_t item_count;
    size_t item_capacity;
    uint64_t expected_bytes;      /* of disk that the copies take, about */
    zloom_move_target_t *targets; /* in the order they were written */
    size_t target_count;
    size_t target_capacity;
    /* What was done. */
    zloom_moved_t *moved; /* flow by flow, in order of numbers */
    size_t moved_count;
    size_t moved_capacity;
    uint64_t moved_bytes;
    uint64_t holes;
    /* Where it stands. */
    size_t at;
    uint64_t expected_to; /* so far the disk was told what is read next */
    zloom_group_t building;
    uint32_t building_flow;
    zloom_extent_t extent;
    size_t syncing;
    /* While the owner records it. */
    size_t landed; /* moved[] that are in MOVE records */
};

zloom_move_t *zloom_move_new (zloom_log_t *log, uint32_t source_flow, uint64_t source);
/* An item; takes `runs`. */
void zloom_move_add (zloom_move_t *self, uint32_t flow, uint32_t offset, zloom_range_t *runs,
                     size_t run_count);
/* The cold segment that the flow's packs go to first; each flow of the items needs one. */
void zloom_move_add_target (zloom_move_t *self, uint32_t flow, const zloom_cold_t *cold);
/* Remove the files that this move made, after it failed. */
void zloom_move_undo (zloom_move_t *self);
void zloom_move_free (zloom_move_t **self_p);
bool zloom_move_step (zloom_job_t *job);

#endif
