/* SPDX-License-Identifier: MPL-2.0 */
/* unlink.c - a segment that nobody points at leaves the disk, behind the loop's back. */
#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

typedef struct {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    char *directory;
    char *path;
    zloom_file_t *file; /* of a hot segment: fetches that were before us may read it */
    bool removed;
} unlink_t;

static bool
s_step (zloom_job_t *job)
{
    unlink_t *self = (unlink_t *) job;
    if (!self->removed) {
        job->err = self->vfs->remove (self->vfs, self->path);
        self->removed = true;
        return !job->err;
    }
    job->err = self->vfs->sync_directory (self->vfs, self->directory);
    return false;
}

static void
s_done (zloom_job_t *job, void *owner)
{
    unlink_t *unlink = (unlink_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        self->working = false;
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
static void
s_begin (zloom_log_t *self, char *path, zloom_file_t *file)
{
    unlink_t *unlink = zloom_alloc (sizeof *unlink);
    *unlink = (unlink_t){.job = {.step = s_step, .done = s_done},
                         .vfs = self->vfs,
                         .directory = zloom_strdup (self->directory),
                         .path = path,
                         .file = file};
    zloom_log_begin (self, &unlink->job);
}

void
zloom_log_unlink_cold (zloom_log_t *self, zloom_log_flow_t *flow, size_t at)
{
    s_begin (self, zloom_cold_path (self->directory, flow->mark.number, flow->cold[at].number),
             NULL);
    flow->cold_count--;
    memmove (&flow->cold[at], &flow->cold[at + 1], (flow->cold_count - at) * sizeof *flow->cold);
}

void
zloom_log_unlink_hot (zloom_log_t *self, const zloom_segment_t *segment)
{
    s_begin (self, zloom_hot_path (self->directory, segment->number), segment->file);
}
