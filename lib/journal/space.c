/* SPDX-License-Identifier: MPL-2.0 */
/*
 * space.c - the hot log's space. New segments are filled with zeros ahead of need, so a commit
 * never allocates and a full disk shows here. The oldest segment is used again when its live packs
 * have been moved, the record of that is durable, and neither superblock slot needs it to replay.
 *
 * zloom_log_plan () looks at what is there and begins at most one job; it is called every turn.
 */
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/log.h"

#include <stdlib.h>

#define FILL_STEP_BYTES (1024u * 1024)
#define ZERO_BYTES (64u * 1024)

static const uint8_t s_zeros[ZERO_BYTES];

typedef enum { FILL_OPEN, FILL_WRITE, FILL_SYNC, FILL_RENAME, FILL_SYNC_NAME } fill_stage_t;

/* Makes a ready segment: from nothing, or (`file` set at the start) from a segment used before. */
typedef struct {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    const char *directory; /* the log's */
    char *from;
    char *to;
    zloom_segment_t segment;
    uint64_t filled;
    fill_stage_t stage;
    bool fresh;
} fill_t;

static zloom_err_t
s_write_zeros (fill_t *self)
{
    uint64_t left = self->segment.bytes - self->filled;
    uint64_t step = left < FILL_STEP_BYTES ? left : FILL_STEP_BYTES;
    zloom_bytes_t parts[FILL_STEP_BYTES / ZERO_BYTES];
    zloom_gather_t gather = {parts, 0};
    for (uint64_t done = 0; done < step; done += ZERO_BYTES) {
        uint64_t size = step - done < ZERO_BYTES ? step - done : ZERO_BYTES;
        parts[gather.count++] = zloom_bytes (s_zeros, (size_t) size);
    }
    zloom_err_t err = self->vfs->write (self->vfs, self->segment.file, self->filled, &gather);
    self->filled += step;
    return err;
}

static bool
s_fill_step (zloom_job_t *job)
{
    fill_t *self = (fill_t *) job;
    switch (self->stage) {
    case FILL_OPEN:
        job->err = self->vfs->open (self->vfs, self->from, true, &self->segment.file);
        self->stage = FILL_WRITE;
        break;
    case FILL_WRITE:
        job->err = s_write_zeros (self);
        self->stage = self->filled < self->segment.bytes ? FILL_WRITE : FILL_SYNC;
        break;
    case FILL_SYNC:
        job->err = self->vfs->sync (self->vfs, self->segment.file);
        self->stage = FILL_RENAME;
        break;
    case FILL_RENAME:
        job->err = self->vfs->rename (self->vfs, self->from, self->to);
        self->stage = FILL_SYNC_NAME;
        break;
    case FILL_SYNC_NAME:
        job->err = self->vfs->sync_directory (self->vfs, self->directory);
        return false;
    }
    if (job->err && self->fresh && self->segment.file) {
        /* Give the space back; the error that counts is the first. */
        char *note = zloom_strdup (zloom_note ());
        self->vfs->close (self->vfs, &self->segment.file);
        (void) self->vfs->remove (self->vfs, self->from);
        (void) zloom_fail (job->err, "%s", note);
        free (note);
    }
    return !job->err;
}

/* There is no disk for something; the thread's note says what. */
static void
s_say_full (zloom_log_t *self)
{
    if (!self->disk_full) {
        zloom_log (ZLOOM_LOG_WARN, "journal-disk-full", "directory=%s why=%s", self->directory,
                   zloom_note ());
    }
    self->disk_full = true;
}

bool
zloom_log_disk_has (zloom_log_t *self, uint64_t bytes, const char *what)
{
    uint64_t left = zloom_log_disk_left (self);
    if (bytes <= left || zloom_log_is_drained (self)) {
        return bytes <= left;
    }
    (void) zloom_fail (ZLOOM_DISK_FULL, "%s takes %llu bytes, %llu are left", what,
                       (unsigned long long) bytes, (unsigned long long) left);
    s_say_full (self);
    return false;
}

void
zloom_log_step_failed (zloom_log_t *self, const zloom_job_t *job)
{
    (void) zloom_fail (job->err, "%s", job->note ? job->note : "");
    if (job->err != ZLOOM_DISK_FULL) {
        zloom_log_stop (self, ZLOOM_DISK);
        return;
    }
    s_say_full (self);
    self->retry_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_RETRY_SPACE_NS);
}

static void
s_fill_done (zloom_job_t *job, void *owner)
{
    fill_t *fill = (fill_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        self->working = false;
    }
    if (self && !job->err) {
        zloom_grow (&self->ready, &self->ready_capacity, self->ready_count + 1,
                    sizeof *self->ready);
        self->ready[self->ready_count++] = fill->segment;
        self->next_segment = fill->segment.number + 1;
        self->stats.reclaimed_segments += !fill->fresh;
        self->disk_full &= !fill->fresh;
    } else {
        if (self) {
            zloom_log_step_failed (self, job);
        }
        fill->vfs->close (fill->vfs, &fill->segment.file);
    }
    free (fill->from);
    free (fill->to);
    free (job->note);
    free (fill);
}

static fill_t *
s_new_fill (zloom_log_t *self)
{
    fill_t *fill = zloom_alloc (sizeof *fill);
    fill->job = (zloom_job_t){.step = s_fill_step, .done = s_fill_done};
    fill->vfs = self->vfs;
    fill->directory = self->directory;
    fill->from = zloom_format ("%s/fill.new", self->directory);
    fill->to = zloom_hot_path (self->directory, self->next_segment);
    fill->segment = (zloom_segment_t){.number = self->next_segment, .bytes = self->segment_bytes};
    fill->fresh = true;
    return fill;
}

/* Nothing in the segment is needed any more: it leaves the log. */
static zloom_segment_t
s_let_go (zloom_log_t *self, uint64_t number)
{
    size_t at = 0;
    while (self->segments[at].number != number) {
        at++;
    }
    zloom_segment_t segment = self->segments[at];
    self->segment_count--;
    memmove (self->segments + at, self->segments + at + 1,
             (self->segment_count - at) * sizeof *self->segments);
    self->moved_segment = 0;
    return segment;
}

/* Make a used segment the next ready one: it gets a new name, what it holds is not believed. */
static fill_t *
s_new_reuse (zloom_log_t *self, const zloom_segment_t *used)
{
    fill_t *fill = s_new_fill (self);
    free (fill->from);
    fill->from = zloom_hot_path (self->directory, used->number);
    fill->segment.file = used->file;
    fill->filled = used->bytes;
    fill->stage = used->bytes < fill->segment.bytes ? FILL_WRITE : FILL_RENAME;
    fill->fresh = false;
    return fill;
}

/*
 * Use the segment again; or remove it, when the disk is full and a little of its space lets the
 * next one go, too.
 */
static void
s_give_back (zloom_log_t *self, uint64_t number)
{
    zloom_segment_t segment = s_let_go (self, number);
    if (self->disk_full && self->ready_count > 0 && zloom_log_wants_slack (self)) {
        zloom_log_unlink_hot (self, &segment);
    } else {
        zloom_log_begin (self, &s_new_reuse (self, &segment)->job);
    }
}

zloom_err_t
zloom_log_fill_now (zloom_log_t *self)
{
    fill_t *fill = s_new_fill (self);
    while (s_fill_step (&fill->job)) {
    }
    zloom_err_t err = fill->job.err;
    if (err) {
        fill->job.note = zloom_strdup (zloom_note ());
    }
    s_fill_done (&fill->job, err ? NULL : self);
    return err;
}

/* ---- the plan -------------------------------------------------------------------------------- */

uint64_t
zloom_log_ready_wanted (const zloom_log_t *self)
{
    return (zloom_log_reserve (self) + self->segment_bytes - 1) / self->segment_bytes + 1;
}

uint64_t
zloom_log_limit (const zloom_log_t *self)
{
    uint64_t least = 4 + 4 * (self->snapshot_cost / self->segment_bytes);
    return self->hot_segments > least ? self->hot_segments : least;
}

uint64_t
zloom_log_disk_left (const zloom_log_t *self)
{
    uint64_t left;
    if (self->vfs->free_bytes (self->vfs, self->directory, &left)) {
        left = UINT64_MAX; /* who cannot say will fail in writing */
    }
    if (self->disk_limit_bytes == 0) {
        return left;
    }
    uint64_t used = 2 * ZLOOM_SLOT_FILE_BYTES + (uint64_t) self->ready_count * self->segment_bytes;
    for (size_t i = 0; i < self->segment_count; i++) {
        used += self->segments[i].bytes;
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        for (size_t k = 0; k < self->flows[i]->cold_count; k++) {
            used += self->flows[i]->cold[k].bytes;
        }
    }
    uint64_t allowed = self->disk_limit_bytes > used ? self->disk_limit_bytes - used : 0;
    return allowed < left ? allowed : left;
}

void
zloom_log_begin (zloom_log_t *self, zloom_job_t *job)
{
    self->working = true;
    zloom_jobs_put (self->background, job, ZLOOM_JOB_NORMAL);
}

/* Whether a segment should be given back. */
static bool
s_reclaim_wanted (const zloom_log_t *self)
{
    return self->segment_count > 1 &&
           (self->segment_count > zloom_log_limit (self) ||
            (self->disk_full && self->ready_count < zloom_log_ready_wanted (self)));
}

/* Whether a new segment is to be made, and there is disk for it. */
static bool
s_fill_due (zloom_log_t *self, uint64_t wanted)
{
    if (self->ready_count >= wanted || self->now.mono_ns < self->fill_at_ns ||
        self->segment_count + self->ready_count >= zloom_log_limit (self) + wanted) {
        return false;
    }
    if (zloom_log_disk_has (self, self->segment_bytes + zloom_log_slack (self), "a new segment")) {
        return true;
    }
    self->fill_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_RETRY_SPACE_NS);
    return false;
}

static bool
s_slot_due (const zloom_log_t *self, bool reclaim, uint64_t target)
{
    if (self->slot_wanted && self->durable >= self->slot_after) {
        return true;
    }
    bool stale = self->slot_needs[0] <= target || self->slot_needs[1] <= target;
    return reclaim && stale && zloom_log_oldest_needed (self) > target;
}

void
zloom_log_moved (zloom_log_t *self, uint64_t number)
{
    self->moved_segment = number;
    self->moved_after = zloom_log_staged (self);
    self->moved_fetches = self->fetches_begun;
}

/* Whether the segment that was moved can be used again. */
static bool
s_is_free (const zloom_log_t *self)
{
    return self->durable >= self->moved_after && self->fetches_ended >= self->moved_fetches &&
           self->slot_needs[0] > self->moved_segment && self->slot_needs[1] > self->moved_segment;
}

void
zloom_log_plan (zloom_log_t *self)
{
    if (self->failed) {
        return;
    }
    zloom_log_land (self);
    int64_t now = self->now.mono_ns;
    uint64_t wanted = zloom_log_ready_wanted (self);
    if (self->working) {
        return;
    }
    if (self->ready_count >= wanted) {
        self->headroom = false;
        self->disk_full &=
          now < self->retry_at_ns || now < self->fill_at_ns || now < self->move_at_ns;
    }
    self->disk_full &= !zloom_log_is_drained (self);
    bool reclaim = s_reclaim_wanted (self);
    bool moved = self->moved_segment > 0;
    uint64_t target = moved ? self->moved_segment : self->segments[0].number;
    if (reclaim && moved && s_is_free (self)) {
        s_give_back (self, target);
    } else if (now < self->retry_at_ns) {
        return;
    } else if (self->landing) {
        /* What has been moved finds no room to be told in: a new segment has some. */
        if (s_fill_due (self, wanted)) {
            zloom_log_begin (self, &s_new_fill (self)->job);
        }
    } else if (s_slot_due (self, reclaim, target)) {
        zloom_log_write_slot (self);
    } else if (s_fill_due (self, wanted)) {
        zloom_log_begin (self, &s_new_fill (self)->job);
    } else if (reclaim && !moved && now >= self->move_at_ns) {
        zloom_log_clear_segment (self);
    } else {
        (void) zloom_log_tend_cold (self);
    }
}
