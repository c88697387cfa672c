/* SPDX-License-Identifier: MPL-2.0 */
/*
 * settle.c - the end of an opening, once all is replayed: which segments are in use and which are
 * ready, the tail written again, the index without what nobody needs, cold files without what
 * nobody points at, and the new boot's first group.
 */
#include "base/memory.h"
#include "base/tag.h"
#include "journal/recover.h"

#include <stdlib.h>

/* How long a segment's file has to be: each was filled before it got its name. */
uint64_t
zloom_recovery_full_bytes (const zloom_recovery_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->slot->segment_count; i++) {
        if (self->slot->segments[i].number == number) {
            return self->slot->segments[i].bytes;
        }
    }
    return self->slot->segment_bytes;
}

/* Split the segments into those in use and those ready to be written; mend a shortened one. */
zloom_err_t
zloom_recovery_settle_segments (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    bool walked = self->walk.segment_count > 0;
    size_t used = log->segment_count - self->walk.segment_count + (walked ? self->walk.at + 1 : 0);
    for (size_t i = used; i < log->segment_count; i++) {
        zloom_segment_t *segment = &log->segments[i];
        if (segment->bytes == log->segment_bytes) {
            segment->first_group = 0;
            zloom_grow (&log->ready, &log->ready_capacity, log->ready_count + 1,
                        sizeof *log->ready);
            log->ready[log->ready_count++] = *segment;
            continue;
        }
        /* Another size than this opening asks for: given back, a new one is made. */
        char *path = zloom_hot_path (log->directory, segment->number);
        log->vfs->close (log->vfs, &segment->file);
        zloom_err_t err = log->vfs->remove (log->vfs, path);
        free (path);
        if (err) {
            log->segment_count = used;
            return err;
        }
    }
    log->segment_count = used;
    if (!walked) {
        zloom_err_t err = log->ready_count == 0 ? zloom_log_fill_now (log) : ZLOOM_OK;
        if (err) {
            return err;
        }
        zloom_grow (&log->segments, &log->segment_capacity, used + 1, sizeof *log->segments);
        log->segments[log->segment_count++] = log->ready[0];
        log->ready_count--;
        memmove (log->ready, log->ready + 1, log->ready_count * sizeof *log->ready);
        log->offset = 0;
    }
    /* What is not whole blocks to the full size is not written: the next group opens a new one. */
    zloom_segment_t *current = &log->segments[log->segment_count - 1];
    if (log->offset > current->bytes ||
        current->bytes < zloom_recovery_full_bytes (self, current->number)) {
        log->offset = current->bytes;
    }
    return ZLOOM_OK;
}

/* The last good group again, so that what was read is what is on the disk. */
zloom_err_t
zloom_recovery_rewrite_tail (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    if (self->last_bytes == 0 || self->last_group <= self->attested) {
        return ZLOOM_OK;
    }
    for (size_t i = 0; i < log->segment_count; i++) {
        zloom_segment_t *segment = &log->segments[i];
        if (segment->number != self->last_place.segment) {
            continue;
        }
        zloom_buf_t buf = {0};
        size_t got = 0;
        uint64_t bytes = zloom_blocks (self->last_bytes);
        zloom_err_t err =
          log->vfs->read (log->vfs, segment->file, self->last_place.offset,
                          zloom_buf_reserve (&buf, (size_t) bytes), (size_t) bytes, &got);
        if (!err) {
            zloom_bytes_t part = zloom_bytes (buf.data, got);
            zloom_gather_t gather = {&part, 1};
            err = log->vfs->write (log->vfs, segment->file, self->last_place.offset, &gather);
        }
        if (!err) {
            err = log->vfs->sync (log->vfs, segment->file);
        }
        zloom_buf_fini (&buf);
        return err;
    }
    return ZLOOM_OK;
}

typedef struct {
    zloom_log_t *log;
    uint32_t flow;
} live_of_t;

static uint64_t
s_live_of (void *arg, uint64_t first, uint64_t last)
{
    live_of_t *of = arg;
    return zloom_log_live (of->log, of->flow, first, last);
}

/* Whether the file that an extent stands in is there. */
static bool
s_has_file (const zloom_recovery_t *self, uint32_t flow, const zloom_extent_t *extent)
{
    const zloom_log_t *log = self->log;
    for (size_t i = 0; !extent->cold && i < log->segment_count; i++) {
        if (log->segments[i].number == extent->segment) {
            return true;
        }
    }
    return extent->cold && zloom_names_has_cold (&self->names, flow, extent->segment);
}

/*
 * After groups were lost: numbers that the owner needs (again) and that stand nowhere any more, for
 * example because a settlement was lost and their bytes had gone with it.
 */
static zloom_err_t
s_find_bare (zloom_recovery_t *self, zloom_log_flow_t *flow)
{
    const zloom_journal_owner_t *owner = &self->log->base.owner;
    uint64_t from = 0;
    zloom_range_t run;
    while (from < flow->mark.end &&
           owner->next_live (owner->arg, flow->mark.number, from, flow->mark.end - 1, &run)) {
        size_t place = zloom_index_place (&flow->index, run.first);
        uint64_t stored = UINT64_MAX;
        if (place < flow->index.count) {
            const zloom_extent_t *extent = zloom_index_at (&flow->index, place);
            stored = extent->first;
            if (extent->first <= run.first) {
                from = extent->last + 1;
                continue;
            }
        }
        uint64_t end = run.last < stored ? run.last + 1 : stored;
        self->log->stats.holes++;
        zloom_err_t err = zloom_recovery_hole (self, flow->mark.number, run.first, end);
        if (err) {
            return err;
        }
        from = end;
    }
    return ZLOOM_OK;
}

/* Drop what nobody needs from a flow's index; what is needed but has no file is a hole. */
zloom_err_t
zloom_recovery_settle_index (zloom_recovery_t *self, zloom_log_flow_t *flow)
{
    live_of_t of = {self->log, flow->mark.number};
    zloom_index_recount (&flow->index, s_live_of, &of);
    size_t kept = 0;
    for (size_t i = 0; i < flow->index.count; i++) {
        zloom_extent_t *extent = zloom_index_at (&flow->index, i);
        if (s_has_file (self, flow->mark.number, extent)) {
            *zloom_index_at (&flow->index, kept++) = *extent;
            continue;
        }
        self->log->stats.holes++;
        zloom_err_t err =
          zloom_recovery_hole (self, flow->mark.number, extent->first, extent->last + 1);
        if (err) {
            return err;
        }
    }
    flow->index.count = kept;
    return self->log->holed ? s_find_bare (self, flow) : ZLOOM_OK;
}

/* Cold files in use are kept, the others are left over from a move that did not end. */
zloom_err_t
zloom_recovery_settle_cold (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    for (size_t i = 0; i < self->names.cold_count; i++) {
        zloom_cold_name_t name = self->names.cold[i];
        if (name.flow >= log->flow_count && log->holed) {
            continue; /* a lost flow's: for the verifier to look at */
        }
        zloom_log_flow_t *flow = name.flow < log->flow_count ? log->flows[name.flow] : NULL;
        bool used = log->holed;
        for (size_t k = 0; flow && k < flow->index.count && !used; k++) {
            const zloom_extent_t *extent = zloom_index_at (&flow->index, k);
            used = extent->cold && extent->segment == name.number;
        }
        if (flow) {
            flow->cold_next = name.number + 1;
        }
        char *path = zloom_cold_path (log->directory, name.flow, name.number);
        zloom_err_t err = ZLOOM_OK;
        if (used) {
            zloom_assert (flow);
            zloom_file_t *file = NULL;
            zloom_cold_t cold = {.number = name.number};
            err = log->vfs->open (log->vfs, path, false, &file);
            if (!err) {
                err = log->vfs->size (log->vfs, file, &cold.bytes);
            }
            log->vfs->close (log->vfs, &file);
            zloom_grow (&flow->cold, &flow->cold_capacity, flow->cold_count + 1,
                        sizeof *flow->cold);
            flow->cold[flow->cold_count++] = cold;
        } else {
            err = log->vfs->remove (log->vfs, path);
        }
        free (path);
        if (err) {
            return err;
        }
    }
    return ZLOOM_OK;
}

/* A HOLE record, if the boot's group has room: of a flow's numbers, or (flow 0) of groups. */
static void
s_write_down (zloom_log_t *log, uint32_t flow, const zloom_range_t *lost)
{
    uint64_t count = lost->last - lost->first + 1;
    if (!zloom_log_own_room (log, 0) || count > UINT32_MAX) {
        return;
    }
    zloom_record_t record = {.type = ZLOOM_RECORD_HOLE,
                             .critical = true,
                             .flow = flow,
                             .seq = lost->first,
                             .count = (uint32_t) count};
    zloom_log_stage (log, &record, NULL);
}

/* The first group of the new boot: who it is, where every flow ended, what was found lost. */
zloom_err_t
zloom_recovery_new_boot (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    uint64_t counter = self->walk.boot_counter;
    if (log->boot_count > 0 && log->boots[log->boot_count - 1].boot.counter > counter) {
        counter = log->boots[log->boot_count - 1].boot.counter;
    }
    log->base.boot = (zloom_boot_t){counter + 1, zloom_random_next (&log->random)};
    log->open.number = self->last_group + 1;
    log->durable = self->last_group;
    zloom_buf_t head = {0};
    zloom_flow_end_t *ends = zloom_alloc (log->flow_count * sizeof *ends);
    zloom_buf_add_u64 (&head, log->base.boot.counter);
    zloom_buf_add_u64 (&head, log->base.boot.random);
    for (size_t i = 0; i < log->flow_count; i++) {
        ends[i] = (zloom_flow_end_t){log->flows[i]->mark.number, log->flows[i]->mark.end};
        zloom_buf_add_u32 (&head, ends[i].flow);
        zloom_buf_add_u64 (&head, ends[i].end);
    }
    zloom_log_add_boot (log, log->base.boot, ends, log->flow_count);
    if (zloom_group_bytes (&log->open) + zloom_group_cost (1, head.size) > log->group_most) {
        zloom_buf_fini (&head);
        return zloom_fail (ZLOOM_DAMAGED, "%zu flows are more than a group of this log can tell of",
                           log->flow_count);
    }
    zloom_record_t record = {
      .type = ZLOOM_RECORD_BOOT, .critical = true, .head = zloom_buf_bytes (&head)};
    zloom_log_stage (log, &record, NULL);
    zloom_buf_fini (&head);
    for (size_t i = 0; i < self->hole_count; i++) {
        s_write_down (log, self->hole_flows[i], &self->holes[i]);
    }
    for (size_t i = 0; i < self->lost_count; i++) {
        s_write_down (log, 0, &self->lost_groups[i]);
    }
    if (!zloom_log_hand_over (log)) {
        zloom_err_t err = zloom_log_fill_now (log);
        if (err) {
            return err;
        }
        (void) zloom_log_hand_over (log);
    }
    zloom_jobs_finish (log->commits);
    zloom_log_take_commits (log);
    return log->failed ? zloom_fail (log->failed, "%s", log->failed_note) : ZLOOM_OK;
}
