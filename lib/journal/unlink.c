/* SPDX-License-Identifier: MPL-2.0 */
/*
 * unlink.c - a segment that nobody points at leaves the disk, behind the loop's back: first its
 * name, for good, then its blocks, piece by piece. Where a file system tells the disk at once what
 * is free again (`discard`), the disk does nothing else until it has taken that in: 12 ms for
 * 64 MiB on one that syncs a group in a fifth of a millisecond. Small pieces take it longer in all,
 * so while nobody appends they are larger.
 */
#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

#define PIECE_BYTES (1024u * 1024)
/* While nobody appends. */
#define CALM_BYTES (8u * PIECE_BYTES)

typedef enum { UNLINK_OPEN, UNLINK_NAME, UNLINK_SYNC, UNLINK_BLOCKS } unlink_stage_t;

typedef struct {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    char *directory;
    char *path;
    zloom_file_t *file; /* open from the start if it is a hot segment */
    uint64_t bytes;     /* of it that are left */
    uint64_t piece;
    unlink_stage_t stage;
    bool cold;
} unlink_t;

/* One piece of the blocks; false: that was the last, or the rest goes with the file. */
static bool
s_give_piece (unlink_t *self)
{
    self->bytes -= self->bytes < self->piece ? self->bytes : self->piece;
    if (self->bytes > 0 && !self->vfs->truncate (self->vfs, self->file, self->bytes)) {
        return true;
    }
    self->vfs->close (self->vfs, &self->file);
    return false;
}

static bool
s_step (zloom_job_t *job)
{
    unlink_t *self = (unlink_t *) job;
    switch (self->stage++) {
    case UNLINK_OPEN:
        if (!self->file) {
            job->err = self->vfs->open (self->vfs, self->path, false, &self->file);
        }
        return !job->err;
    case UNLINK_NAME:
        job->err = self->vfs->remove (self->vfs, self->path);
        return !job->err;
    case UNLINK_SYNC:
        job->err = self->vfs->sync_directory (self->vfs, self->directory);
        return !job->err;
    case UNLINK_BLOCKS:
        break;
    }
    self->stage = UNLINK_BLOCKS;
    return s_give_piece (self);
}

static void
s_done (zloom_job_t *job, void *owner)
{
    unlink_t *unlink = (unlink_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        *(unlink->cold ? &self->unlinking : &self->working) = false;
        if (job->err && job->err != ZLOOM_NOT_FOUND) {
            zloom_log_step_failed (self, job);
        }
    }
    unlink->vfs->close (unlink->vfs, &unlink->file);
    free (unlink->directory);
    free (unlink->path);
    free (job->note);
    free (unlink);
}

/* Takes `path` and `file`. */
static unlink_t *
s_new (const zloom_log_t *self, char *path, zloom_file_t *file, uint64_t bytes)
{
    unlink_t *unlink = zloom_alloc (sizeof *unlink);
    *unlink = (unlink_t){.job = {.step = s_step, .done = s_done},
                         .vfs = self->vfs,
                         .directory = zloom_strdup (self->directory),
                         .path = path,
                         .file = file,
                         .bytes = bytes,
                         .piece = zloom_log_is_written (self) ? PIECE_BYTES : CALM_BYTES};
    return unlink;
}

void
zloom_log_unlink_cold (zloom_log_t *self, zloom_log_flow_t *flow, size_t at)
{
    const zloom_cold_t *cold = &flow->cold[at];
    unlink_t *unlink = s_new (
      self, zloom_cold_path (self->directory, flow->mark.number, cold->number), NULL, cold->bytes);
    flow->cold_count--;
    memmove (&flow->cold[at], &flow->cold[at + 1], (flow->cold_count - at) * sizeof *flow->cold);
    unlink->cold = true;
    unlink->job.gives_way = zloom_log_is_written (self);
    self->unlinking = true;
    zloom_jobs_put (self->reads, &unlink->job, ZLOOM_JOB_IDLE);
}

void
zloom_log_unlink_hot (zloom_log_t *self, const zloom_segment_t *segment)
{
    zloom_log_begin (self, &s_new (self, zloom_hot_path (self->directory, segment->number),
                                   segment->file, segment->bytes)
                              ->job);
}
