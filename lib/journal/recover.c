/* SPDX-License-Identifier: MPL-2.0 */
/*
 * recover.c - opening a log: lock, slot, snapshots, groups (replay.c), tail, new boot.
 *
 * The tail: the last good group was perhaps never synced (after a failed sync the page cache shows
 * what the disk does not have), so it is written again where it stands and synced before anything
 * is answered. There is only one such group, since each attests all before it.
 */
#include "journal/recover.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/mover.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#define LEAST_SEGMENT_BYTES (32u * 1024)
/* Much free disk at opening: writing may begin while the reserve is still being filled. */
#define HEADROOM_SEGMENTS 16u

/* A new log: its first slot names a segment that is about to be made. */
static zloom_err_t
s_create (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    zloom_buf_t buf = {0};
    zloom_slot_segment_t segment = {.number = 1, .bytes = log->segment_bytes, .first_group = 1};
    zloom_slot_flow_t whole = {.border_segment = 1};
    zloom_slot_t slot = {.generation = 2,
                         .segment_bytes = log->segment_bytes,
                         .start = 1,
                         .segments = &segment,
                         .segment_count = 1,
                         .flows = &whole,
                         .flow_count = 1};
    for (size_t i = 0; i < sizeof slot.key.id; i++) {
        slot.key.id[i] = (uint8_t) (zloom_random_next (&log->random) >> 8);
    }
    slot.key.secret = zloom_random_next (&log->random);
    zloom_slot_encode (&slot, &buf);
    zloom_err_t err = zloom_slot_write (log->vfs, log->directory, 0, zloom_buf_bytes (&buf));
    if (!err) {
        zloom_slot_fini (&self->slots[0]);
        err = zloom_slot_decode (zloom_buf_bytes (&buf), &self->slots[0]);
        self->slot_errs[0] = err;
    }
    zloom_buf_fini (&buf);
    return err;
}

/* Read both slots; make a new log when there is none. */
static zloom_err_t
s_read_slots (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    for (unsigned i = 0; i < 2; i++) {
        self->slot_errs[i] = zloom_slot_read (log->vfs, log->directory, i, &self->slots[i]);
        if (self->slot_errs[i] == ZLOOM_VERSION || self->slot_errs[i] == ZLOOM_DISK) {
            return self->slot_errs[i];
        }
    }
    if (!self->slot_errs[0] || !self->slot_errs[1]) {
        return ZLOOM_OK;
    }
    if (self->names.hot_count == 0 && self->names.cold_count == 0) {
        return s_create (self);
    }
    return zloom_fail (ZLOOM_DAMAGED, "%s: neither superblock slot can be read", log->directory);
}

/* Open every hot segment, also those only held for their live packs. */
static zloom_err_t
s_open_segments (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    for (size_t i = 0; i < self->names.hot_count; i++) {
        char *path = zloom_hot_path (log->directory, self->names.hot[i]);
        zloom_segment_t segment = {.number = self->names.hot[i]};
        zloom_err_t err = log->vfs->open (log->vfs, path, false, &segment.file);
        free (path);
        if (err) {
            return err;
        }
        zloom_grow (&log->segments, &log->segment_capacity, log->segment_count + 1,
                    sizeof *log->segments);
        log->segments[log->segment_count++] = segment;
        err = log->vfs->size (log->vfs, segment.file, &log->segments[i].bytes);
        if (err) {
            return err;
        }
        log->next_segment = segment.number + 1;
    }
    if (log->next_segment == 0) {
        log->next_segment = 1;
    }
    return ZLOOM_OK;
}

/* Read all snapshots that a slot names; DAMAGED when one of them can not be read. */
static zloom_err_t
s_load_snapshots (zloom_recovery_t *self, const zloom_slot_t *slot)
{
    zloom_log_t *log = self->log;
    zloom_err_t worst = ZLOOM_OK;
    for (size_t i = 0; self->snapshots && self->slot && i < self->slot->flow_count; i++) {
        zloom_buf_fini (&self->snapshots[i]);
    }
    free (self->snapshots);
    free (self->lost);
    self->slot = slot;
    self->snapshots = zloom_alloc (slot->flow_count * sizeof *self->snapshots);
    self->lost = zloom_alloc (slot->flow_count * sizeof *self->lost);
    for (size_t i = 0; i < slot->flow_count; i++) {
        zloom_err_t err =
          zloom_snapshot_load (log->vfs, &slot->key, log->segments, log->segment_count,
                               &slot->flows[i], &self->snapshots[i]);
        if (err == ZLOOM_DAMAGED) {
            zloom_log (ZLOOM_LOG_ERROR, "journal-snapshot-damaged", "%s", zloom_note ());
            self->lost[i] = true;
            worst = err;
        } else if (err) {
            return err;
        }
    }
    return worst;
}

/* The newest slot whose snapshots are whole; failing that the newest, with holes. */
static zloom_err_t
s_choose_slot (zloom_recovery_t *self)
{
    const zloom_slot_t *slots = self->slots;
    bool whole[2] = {!self->slot_errs[0], !self->slot_errs[1]};
    int newest = !whole[0] || (whole[1] && slots[1].generation > slots[0].generation) ? 1 : 0;
    zloom_err_t err = s_load_snapshots (self, &slots[newest]);
    if (err == ZLOOM_DAMAGED && whole[1 - newest]) {
        err = s_load_snapshots (self, &slots[1 - newest]);
        if (err == ZLOOM_DAMAGED) {
            err = s_load_snapshots (self, &slots[newest]);
        }
    }
    self->log->generation = slots[newest].generation;
    return err == ZLOOM_DAMAGED ? ZLOOM_OK : err;
}

/* Flows by name and number, boots; then each flow's snapshot. */
static zloom_err_t
s_restore_flows (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    const zloom_journal_owner_t *owner = &log->base.owner;
    log->key = self->slot->key;
    memcpy (log->base.log_id, log->key.id, sizeof log->base.log_id);
    for (size_t i = 0; i < self->slot->boot_count; i++) {
        const zloom_slot_boot_t *boot = &self->slot->boots[i];
        zloom_flow_end_t *ends = zloom_alloc (boot->end_count * sizeof *ends);
        if (boot->end_count > 0) {
            memcpy (ends, boot->ends, boot->end_count * sizeof *ends);
        }
        zloom_log_add_boot (log, boot->boot, ends, boot->end_count);
    }
    for (size_t i = 0; i < self->slot->flow_count; i++) {
        const zloom_slot_flow_t *mark = &self->slot->flows[i];
        zloom_log_flow_t *flow = zloom_log_flow_at (log, mark->number, mark->border_segment);
        if (mark->name && !flow->mark.name) {
            zloom_log_name_flow (log, mark->number, mark->name);
            zloom_err_t err = owner->flow (owner->arg, mark->number, mark->name);
            if (err) {
                return err;
            }
        }
        flow->mark.border = mark->border;
        flow->mark.border_segment = mark->border_segment;
        flow->mark.bytes = mark->bytes;
        flow->mark.slice_count = mark->slice_count;
        flow->mark.slices = zloom_alloc (mark->slice_count * sizeof *mark->slices);
        if (mark->slice_count > 0) {
            memcpy (flow->mark.slices, mark->slices, mark->slice_count * sizeof *mark->slices);
        }
        log->snapshot_cost -= zloom_snapshot_cost (0);
        log->snapshot_cost += zloom_snapshot_cost (mark->bytes);
    }
    self->unsure_count = log->flow_count;
    self->unsure = zloom_alloc (self->unsure_count * sizeof *self->unsure);
    for (size_t i = 0; i < self->slot->flow_count; i++) {
        const zloom_slot_flow_t *mark = &self->slot->flows[i];
        zloom_err_t err = ZLOOM_OK;
        if (self->lost[i]) {
            /* Its next pack tells how far the numbers had come; see s_settle_lost. */
            log->holed = true;
            self->unsure[mark->number] = true;
        } else if (mark->bytes > 0) {
            err = zloom_log_restore (log, log->flows[mark->number],
                                     zloom_buf_bytes (&self->snapshots[i]));
        }
        if (err) {
            return err;
        }
    }
    return ZLOOM_OK;
}

void
zloom_recovery_keep (zloom_recovery_t *self, const zloom_segment_t *segment, uint64_t offset,
                     uint64_t bytes)
{
    char *name = zloom_format ("hot-%010llu", (unsigned long long) segment->number);
    zloom_keep_damaged (self->log->vfs, self->log->directory, name, segment->file, offset, bytes);
    free (name);
}

/* How long a segment's file has to be: each was filled before it got its name. */
static uint64_t
s_full_bytes (const zloom_recovery_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->slot->segment_count; i++) {
        if (self->slot->segments[i].number == number) {
            return self->slot->segments[i].bytes;
        }
    }
    return self->slot->segment_bytes;
}

/* Groups that the superblock knows to be durable but that nothing shows any more. */
static zloom_err_t
s_lost_tail (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    const zloom_walk_t *walk = &self->walk;
    uint64_t next = walk->expected;
    bool cut = false;
    for (size_t i = 0; i < walk->segment_count && i <= walk->at; i++) {
        cut |= walk->segments[i].bytes < s_full_bytes (self, walk->segments[i].number);
    }
    if (self->slot->durable < next && !cut) {
        return ZLOOM_OK;
    }
    if (walk->at < walk->segment_count && walk->offset < walk->segments[walk->at].bytes) {
        uint64_t left = walk->segments[walk->at].bytes - walk->offset;
        zloom_recovery_keep (self, &walk->segments[walk->at], walk->offset,
                             left < ZLOOM_JOURNAL_GROUP_BYTES ? left : ZLOOM_JOURNAL_GROUP_BYTES);
    }
    zloom_err_t err =
      zloom_recovery_gap (self, next, self->slot->durable >= next ? self->slot->durable : next - 1);
    self->last_group =
      self->slot->durable > self->last_group ? self->slot->durable : self->last_group;
    for (size_t i = 0; i < self->slot->flow_count && !err; i++) {
        const zloom_slot_flow_t *mark = &self->slot->flows[i];
        uint64_t end = log->flows[mark->number]->mark.end;
        end = end > 0 ? end : 1;
        if (mark->end > end) {
            err = zloom_recovery_hole (self, mark->number, end, mark->end);
        }
    }
    return err;
}

/* Flows whose snapshot is lost and of which no pack came later: the superblock knows their end. */
static zloom_err_t
s_settle_lost (zloom_recovery_t *self)
{
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < self->slot->flow_count && !err; i++) {
        const zloom_slot_flow_t *mark = &self->slot->flows[i];
        if (self->lost[i] && self->unsure[mark->number] &&
            mark->end > self->log->flows[mark->number]->mark.end) {
            err = zloom_recovery_hole (self, mark->number, 1, mark->end);
        }
    }
    return err;
}

static zloom_err_t
s_walk (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    size_t from = 0;
    while (from < log->segment_count && log->segments[from].number < self->slot->start) {
        from++;
    }
    uint64_t expected = 1;
    uint32_t previous = 0;
    for (size_t i = 0; i < self->slot->segment_count; i++) {
        const zloom_slot_segment_t *known = &self->slot->segments[i];
        if (known->number == self->slot->start) {
            expected = known->first_group;
            previous = known->previous_crc;
        }
        for (size_t k = 0; k < log->segment_count; k++) {
            if (log->segments[k].number == known->number && i + 1 < self->slot->segment_count) {
                log->segments[k].first_group = known->first_group;
                log->segments[k].previous_crc = known->previous_crc;
            }
        }
    }
    self->last_group = expected - 1;
    /* The array may not move under the walk: nothing is added to it before the walk ends. */
    zloom_walk_init (&self->walk, log->vfs, &log->key, log->segments + from,
                     log->segment_count - from, expected, previous);
    zloom_err_t err = zloom_recovery_replay (self);
    if (!err) {
        err = s_settle_lost (self);
    }
    if (!err) {
        err = s_lost_tail (self);
    }
    log->last_crc = self->walk.previous_crc;
    log->offset = self->walk.offset;
    return err;
}

/* Split the segments into those in use and those ready to be written; mend a shortened one. */
static zloom_err_t
s_settle_segments (zloom_recovery_t *self)
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
    if (log->offset > current->bytes || current->bytes < s_full_bytes (self, current->number)) {
        log->offset = current->bytes;
    }
    return ZLOOM_OK;
}

/* The last good group again, so that what was read is what is on the disk. */
static zloom_err_t
s_rewrite_tail (zloom_recovery_t *self)
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
        zloom_err_t err = zloom_recovery_hole (self, flow->mark.number, run.first, end);
        if (err) {
            return err;
        }
        from = end;
    }
    return ZLOOM_OK;
}

/* Drop what nobody needs from a flow's index; what is needed but has no file is a hole. */
static zloom_err_t
s_settle_index (zloom_recovery_t *self, zloom_log_flow_t *flow)
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
static zloom_err_t
s_settle_cold (zloom_recovery_t *self)
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

/* The first group of the new boot: who it is, where every flow ended, what was found lost. */
static zloom_err_t
s_new_boot (zloom_recovery_t *self)
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
    zloom_record_t record = {
      .type = ZLOOM_RECORD_BOOT, .critical = true, .head = zloom_buf_bytes (&head)};
    zloom_log_stage (log, &record, NULL);
    zloom_buf_fini (&head);
    for (size_t i = 0; i < self->hole_count; i++) {
        uint64_t numbers = self->holes[i].last - self->holes[i].first + 1;
        if (!zloom_log_own_room (log, 0) || numbers > UINT32_MAX) {
            continue;
        }
        record = (zloom_record_t){.type = ZLOOM_RECORD_HOLE,
                                  .critical = true,
                                  .flow = self->hole_flows[i],
                                  .seq = self->holes[i].first,
                                  .count = (uint32_t) numbers};
        zloom_log_stage (log, &record, NULL);
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

static zloom_err_t
s_recover (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    zloom_err_t err = zloom_names_list (&self->names, log->vfs, log->directory);
    if (!err) {
        err = s_read_slots (self);
    }
    if (!err) {
        err = s_open_segments (self);
    }
    if (!err) {
        err = s_choose_slot (self);
    }
    if (!err) {
        err = s_restore_flows (self);
    }
    if (!err) {
        err = s_walk (self);
    }
    if (!err) {
        err = s_settle_segments (self);
    }
    if (!err) {
        err = s_rewrite_tail (self);
    }
    for (size_t i = 0; i < log->flow_count && !err; i++) {
        err = s_settle_index (self, log->flows[i]);
    }
    if (!err) {
        err = s_settle_cold (self);
    }
    if (!err) {
        err = s_new_boot (self);
    }
    if (!err) {
        err = zloom_log_slot_now (log);
    }
    return err;
}

static void
s_recovery_fini (zloom_recovery_t *self)
{
    for (size_t i = 0; self->slot && i < self->slot->flow_count; i++) {
        zloom_buf_fini (&self->snapshots[i]);
    }
    zloom_walk_fini (&self->walk);
    zloom_slot_fini (&self->slots[0]);
    zloom_slot_fini (&self->slots[1]);
    free (self->snapshots);
    free (self->lost);
    free (self->unsure);
    free (self->holes);
    free (self->hole_flows);
    zloom_names_fini (&self->names);
}

static zloom_err_t
s_lock (zloom_log_t *log)
{
    zloom_err_t err = log->vfs->mkdir (log->vfs, log->directory);
    if (!err) {
        char *path = zloom_format ("%s/lock", log->directory);
        err = log->vfs->lock (log->vfs, path, &log->lock);
        free (path);
    }
    return err;
}

/* Threads and what wakes the owner. */
static zloom_err_t
s_start_jobs (zloom_log_t *log)
{
    if (!log->manual) {
        log->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (log->event_fd < 0) {
            return zloom_fail_errno (ZLOOM_SYSTEM, "eventfd");
        }
    }
    log->commits = zloom_jobs_new (!log->manual, log->event_fd);
    log->background = log->commits ? zloom_jobs_new (!log->manual, log->event_fd) : NULL;
    return log->background ? ZLOOM_OK : ZLOOM_SYSTEM;
}

zloom_err_t
zloom_log_open (const zloom_journal_config_t *config, const zloom_journal_owner_t *owner,
                zloom_now_t now, zloom_journal_t **journal_p)
{
    *journal_p = NULL;
    uint32_t segment = config->segment_bytes;
    if (segment != 0 && (segment < LEAST_SEGMENT_BYTES || segment % ZLOOM_BLOCK_BYTES != 0 ||
                         segment > INT32_MAX)) {
        return zloom_fail (ZLOOM_INVALID, "segment size %u: whole %u, from %u to 2 GiB", segment,
                           ZLOOM_BLOCK_BYTES, LEAST_SEGMENT_BYTES);
    }
    zloom_log_t *log = zloom_log_new (config, owner, now);
    zloom_recovery_t recovery = {.log = log};
    uint64_t free_bytes = 0;
    zloom_err_t err = s_lock (log);
    if (!err) {
        err = s_start_jobs (log);
    }
    if (!err) {
        err = log->vfs->free_bytes (log->vfs, log->directory, &free_bytes);
    }
    if (!err) {
        err = s_recover (&recovery);
    }
    s_recovery_fini (&recovery);
    if (err) {
        char *note = zloom_strdup (zloom_note ());
        zloom_log_destroy (log);
        (void) zloom_fail (err, "%s", note);
        free (note);
        return err;
    }
    log->headroom = free_bytes / HEADROOM_SEGMENTS > log->segment_bytes &&
                    (log->disk_limit_bytes == 0 ||
                     log->disk_limit_bytes / HEADROOM_SEGMENTS > log->segment_bytes);
    *journal_p = &log->base;
    return ZLOOM_OK;
}
