/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reader.h - the reading itself, behind the loop: one job reads the group's directory, then the
 * pack that was asked for and what follows it of the same flow in the same group, up to a quarter
 * of a MiB.
 *
 * Cold groups that are read in order come whole. A backlog is read once and in order, and systems
 * answer that with reading ahead as far as they were told to, often 8 MiB: a small group that
 * somebody waits for is written and synced behind all that, and what is read takes the memory of
 * what is needed again. So while anybody appends (`beside`), these groups are read around the
 * system's cache, and of others no more is read than was asked for. While all who append wait for
 * small groups, they come piece by piece, and no piece is begun while such a group is written.
 */
#ifndef ZLOOM_JOURNAL_READER_H
#define ZLOOM_JOURNAL_READER_H

#include "journal/group.h"
#include "journal/jobs.h"
#include "journal/log.h"

typedef struct zloom_fetch {
    zloom_job_t job;
    /* What to do, set by the owner. */
    zloom_vfs_t *vfs;
    zloom_log_key_t key;
    zloom_file_t *file; /* a hot segment's, or NULL: open `path` */
    char *path;
    zloom_place_t place;
    uint32_t flow;
    uint64_t seq;
    uint64_t cookie;
    uint64_t last;   /* of the extent that it stands in */
    uint64_t wanted; /* the number that was asked for */
    bool asked;      /* somebody waits for `wanted`, under the cookie */
    struct zloom_fetch
      *looking;   /* the one of its flow that was begun before, and nobody has asked for */
    bool follows; /* a cold one, and the one before it was read last: they are read in order */
    size_t extent_bytes; /* of a cold group */
    bool beside;         /* others append: the disk is not to be filled with reads */
    bool in_pieces;      /* ... and wait for small groups: see zloom_log_is_awaited () */
    /* What was read. */
    bool found; /* something of the flow stands there from `seq` on */
    zloom_chunk_t *chunks;
    size_t count;
    size_t capacity;
    /* Where it stands with a group that comes whole. */
    zloom_blob_t *blob;
    uint8_t *room; /* in it */
    size_t bytes;
    size_t got;
} zloom_fetch_t;

bool zloom_fetch_step (zloom_job_t *job);
void zloom_fetch_free (zloom_fetch_t **self_p);

#endif
