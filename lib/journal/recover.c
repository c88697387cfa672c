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

/* Groups that the superblock knows to be durable but that nothing shows any more. */
static zloom_err_t
s_lost_tail (zloom_recovery_t *self)
{
    zloom_log_t *log = self->log;
    const zloom_walk_t *walk = &self->walk;
    uint64_t next = walk->expected;
    bool cut = false;
    for (size_t i = 0; i < walk->segment_count && i <= walk->at; i++) {
        cut |= walk->segments[i].bytes < zloom_recovery_full_bytes (self, walk->segments[i].number);
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

/*
 * Flows of which a snapshot or groups are lost and no later record tells how far they had come: the
 * superblock knows their end.
 */
static zloom_err_t
s_settle_lost (zloom_recovery_t *self)
{
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < self->slot->flow_count && !err; i++) {
        const zloom_slot_flow_t *mark = &self->slot->flows[i];
        uint64_t end = self->log->flows[mark->number]->mark.end;
        uint64_t from = self->lost[i] || end == 0 ? 1 : end;
        if (mark->number < self->unsure_count && self->unsure[mark->number] && mark->end > end) {
            self->log->stats.holes += self->lost[i]; /* else the gap was counted */
            err = zloom_recovery_hole (self, mark->number, from, mark->end);
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
    const zloom_segment_t *first = log->segment_count > 0 ? &log->segments[from] : NULL;
    zloom_walk_init (&self->walk, log->vfs, &log->key, first, log->segment_count - from, expected,
                     previous);
    self->walk.durable = self->slot->durable;
    zloom_err_t err = zloom_recovery_replay (self);
    if (self->last_group + 1 < self->walk.expected) {
        self->last_group = self->walk.expected - 1; /* a gap before the tail: not used again */
    }
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
        err = zloom_recovery_settle_segments (self);
    }
    if (!err) {
        err = zloom_recovery_rewrite_tail (self);
    }
    for (size_t i = 0; i < log->flow_count && !err; i++) {
        err = zloom_recovery_settle_index (self, log->flows[i]);
    }
    if (!err) {
        err = zloom_recovery_settle_cold (self);
    }
    if (!err) {
        err = zloom_recovery_new_boot (self);
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
    free (self->lost_groups);
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
    log->reads = log->commits ? zloom_jobs_new (!log->manual, log->event_fd) : NULL;
    log->background = log->reads ? zloom_jobs_new (!log->manual, log->event_fd) : NULL;
    if (!log->background) {
        return ZLOOM_SYSTEM;
    }
    zloom_jobs_give_way (log->reads, log->commits);
    return ZLOOM_OK;
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
