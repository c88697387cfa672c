/* SPDX-License-Identifier: MPL-2.0 */
/*
 * superblock.c - what a slot tells is put together and written behind the loop, in turn to the one
 * and the other; while opening and closing here and now. slot.c has the bytes.
 */
#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

typedef struct {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    const char *directory;
    zloom_buf_t bytes;
    uint64_t generation;
    uint64_t needs;
    uint64_t durable;
} slot_job_t;

uint64_t
zloom_log_oldest_needed (const zloom_log_t *self)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < self->flow_count; i++) {
        uint64_t needed = self->flows[i]->mark.border_segment;
        oldest = needed < oldest ? needed : oldest;
    }
    return oldest;
}

/*
 * The segments in use. One in which no group was ever seen begins with the group that comes next
 * behind it: that is the open one if it is the last segment. Else all that it held is lost, and
 * replay, when it starts there, has to go on with what is left.
 */
static void
s_list_segments (const zloom_log_t *self, zloom_slot_segment_t *list)
{
    uint64_t first_group = self->open.number;
    uint32_t previous_crc = self->last_crc;
    for (size_t i = self->segment_count; i > 0; i--) {
        const zloom_segment_t *segment = &self->segments[i - 1];
        if (segment->first_group > 0) {
            first_group = segment->first_group;
            previous_crc = segment->previous_crc;
        }
        list[i - 1] =
          (zloom_slot_segment_t){segment->number, segment->bytes, first_group, previous_crc};
    }
}

static void
s_encode_slot (zloom_log_t *self, slot_job_t *job)
{
    zloom_slot_t slot = {
      .key = self->key,
      .generation = self->generation + 1,
      .durable = self->durable,
      .segment_bytes = self->segment_bytes,
      .start = zloom_log_oldest_needed (self),
      .segments = zloom_alloc (self->segment_count * sizeof *slot.segments),
      .segment_count = self->segment_count,
      .flows = zloom_alloc (self->flow_count * sizeof *slot.flows),
      .flow_count = self->flow_count,
      .boots = self->boots,
      .boot_count = self->boot_count,
    };
    s_list_segments (self, slot.segments);
    for (size_t i = 0; i < self->flow_count; i++) {
        slot.flows[i] = self->flows[i]->mark;
    }
    zloom_slot_encode (&slot, &job->bytes);
    job->generation = slot.generation;
    job->needs = slot.start;
    job->durable = slot.durable;
    free (slot.segments);
    free (slot.flows);
}

static bool
s_slot_step (zloom_job_t *job)
{
    slot_job_t *self = (slot_job_t *) job;
    job->err = zloom_slot_write (self->vfs, self->directory, (unsigned) (self->generation & 1),
                                 zloom_buf_bytes (&self->bytes));
    return false;
}

static void
s_slot_done (zloom_job_t *job, void *owner)
{
    slot_job_t *slot = (slot_job_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        self->working = false;
        if (job->err) {
            /* The same slot is tried again: the other one is whole. */
            self->slot_needs[slot->generation & 1] = 0;
            zloom_log_step_failed (self, job);
        } else {
            self->generation = slot->generation;
            self->slot_needs[slot->generation & 1] = slot->needs;
            if (slot->durable >= self->slot_after) {
                self->slot_wanted = false;
            }
        }
    }
    zloom_buf_fini (&slot->bytes);
    free (job->note);
    free (slot);
}

static slot_job_t *
s_new_slot (zloom_log_t *self)
{
    slot_job_t *slot = zloom_alloc (sizeof *slot);
    slot->job = (zloom_job_t){.step = s_slot_step, .done = s_slot_done};
    slot->vfs = self->vfs;
    slot->directory = self->directory;
    s_encode_slot (self, slot);
    return slot;
}

zloom_err_t
zloom_log_slot_now (zloom_log_t *self)
{
    slot_job_t *slot = s_new_slot (self);
    (void) s_slot_step (&slot->job);
    zloom_err_t err = slot->job.err;
    s_slot_done (&slot->job, err ? NULL : self);
    return err;
}

void
zloom_log_write_slot (zloom_log_t *self)
{
    zloom_log_begin (self, &s_new_slot (self)->job);
}
