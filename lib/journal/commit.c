/* SPDX-License-Identifier: MPL-2.0 */
/*
 * commit.c - the way of a group to the disk: room is asked for, records are staged into the open
 * group, the group is handed to the committer as soon as that is free, written, synced, durable.
 *
 * One group is written and synced at any time. So each group attests all before it, recovery has
 * exactly one group to be unsure about, and a group is as large as the disk is slow.
 *
 * The committer may have a second one, which it begins when the first is durable, without waiting
 * for the loop to hear of that and to answer: with large groups the disk would idle for two
 * wake-ups between any two. Three rules keep all that is said of groups as it is with one:
 *
 *   - the second attests the first, which is true by the time that its first byte is written; when
 *     the first fails, not one byte of the second is written (`broken`), nor of any behind it;
 *   - it stands in the segment of the first: what all other segments hold is durable, so that they
 *     can be moved, reused and left out of a superblock;
 *   - it is large. Small ones gather in the open group, where they share one sync.
 */
#include "base/memory.h"
#include "base/tag.h"
#include "journal/log.h"

#include <stdlib.h>

/* For snapshots and moves, with as much again for what is left empty at the ends of segments. */
static uint64_t
s_own_reserve (const zloom_log_t *self)
{
    return 2 * self->snapshot_cost + 16 * ZLOOM_BLOCK_BYTES;
}

uint64_t
zloom_log_reserve (const zloom_log_t *self)
{
    return 2 * (uint64_t) self->segment_bytes + s_own_reserve (self);
}

bool
zloom_log_is_drained (const zloom_log_t *self)
{
    return self->segment_count == 1 &&
           (uint64_t) self->ready_count * self->segment_bytes >= zloom_log_reserve (self);
}

/* Whether a group of that many bytes finds a place, and what can be written behind it. */
static bool
s_place (const zloom_log_t *self, uint64_t bytes, uint64_t *left)
{
    const zloom_segment_t *current = &self->segments[self->segment_count - 1];
    uint64_t total = zloom_blocks (bytes);
    uint64_t rest = current->bytes - self->offset;
    uint64_t ready = (uint64_t) self->ready_count * self->segment_bytes;
    if (total <= rest) {
        *left = rest - total + ready;
        return true;
    }
    *left = ready - total; /* the rest of the segment stays empty */
    return self->ready_count > 0;
}

zloom_err_t
zloom_log_room (const zloom_log_t *self, uint32_t records, uint64_t bytes, bool growing)
{
    if (self->failed) {
        return zloom_fail (self->failed, "%s", self->failed_note);
    }
    uint64_t cost = zloom_group_cost (records, bytes);
    if (ZLOOM_GROUP_HEADER_BYTES + cost > self->group_most) {
        return zloom_fail (ZLOOM_TOO_BIG, "%llu bytes do not fit a group of %llu",
                           (unsigned long long) cost, (unsigned long long) self->group_most);
    }
    uint64_t total = zloom_group_bytes (&self->open) + cost;
    if (total > self->group_most) {
        return ZLOOM_AGAIN;
    }
    /*
     * Settlements may use two segments: with the rest of the one being written they fill at least
     * one that holds nothing else, and that can be given back when all packs have to stay.
     */
    uint64_t keep = growing ? zloom_log_reserve (self) : s_own_reserve (self);
    uint64_t left = 0;
    bool place = s_place (self, total, &left);
    if (self->headroom && !self->disk_full) {
        /* There was plenty of disk at opening: what will be filled counts as there. */
        uint64_t most = zloom_log_limit (self) + zloom_log_ready_wanted (self);
        uint64_t have = self->segment_count + self->ready_count;
        left += (most > have ? most - have : 0) * self->segment_bytes;
    }
    if (place && left >= keep) {
        return ZLOOM_OK;
    }
    if (self->disk_full) {
        return zloom_fail (ZLOOM_DISK_FULL, "%s: no disk left for new segments", self->directory);
    }
    return ZLOOM_AGAIN;
}

bool
zloom_log_own_room (const zloom_log_t *self, uint64_t bytes)
{
    uint64_t total = zloom_group_bytes (&self->open) + zloom_group_cost (1, bytes);
    uint64_t left;
    return !self->failed && total <= self->group_most && s_place (self, total, &left);
}

void
zloom_log_stage (zloom_log_t *self, const zloom_record_t *record, zloom_blob_t *blob)
{
    if (self->failed) {
        return; /* the owner stops; nothing more becomes durable */
    }
    zloom_assert (record->flow < self->flow_count);
    zloom_log_flow_t *flow = self->flows[record->flow];
    if (record->type == ZLOOM_RECORD_PACK) {
        zloom_assert (record->count > 0 && record->seq >= flow->mark.end);
    }
    if (record->type == ZLOOM_RECORD_PACK ||
        (record->type == ZLOOM_RECORD_HOLE && record->flow > 0)) {
        uint64_t end = record->seq + record->count;
        flow->mark.end = end > flow->mark.end ? end : flow->mark.end;
        flow->touched = self->open.number;
    }
    zloom_group_add (&self->open, record, blob);
    zloom_assert (zloom_group_bytes (&self->open) <= self->group_most);
    self->stats.records++;
    if (record->type == ZLOOM_RECORD_PACK) {
        self->appended_ns = self->now.mono_ns;
        zloom_shelf_add (&flow->shelf, &self->shelves, record, blob, self->open.number);
    }
}

static bool
s_commit_step (zloom_job_t *job)
{
    zloom_commit_t *self = (zloom_commit_t *) job;
    if (*self->broken) {
        job->err = zloom_fail (ZLOOM_DISK, "the group before it was not written");
        return false;
    }
    bool more = !self->written;
    job->err = more ? self->vfs->write (self->vfs, self->file, self->offset, &self->gather)
                    : self->vfs->sync (self->vfs, self->file);
    self->written = true;
    *self->broken = job->err != ZLOOM_OK;
    return more && !job->err;
}

static void
s_commit_done (zloom_job_t *job, void *owner)
{
    zloom_commit_t *commit = (zloom_commit_t *) job;
    zloom_log_t *self = owner;
    if (!self) {
        return; /* the log frees what it embeds */
    }
    if (job->err) {
        (void) zloom_fail (job->err, "group %llu: %s", (unsigned long long) commit->number,
                           job->note ? job->note : "");
        zloom_log_stop (self, ZLOOM_DISK);
    } else {
        zloom_assert (commit->number == self->durable + 1);
        self->durable = commit->number;
        self->stats.syncs++;
        self->stats.last_sync_ns = self->now.mono_ns - commit->began_ns;
        self->stats.last_sync_at_ns = self->now.mono_ns;
        self->commit[(commit->number + 1) % ZLOOM_COMMITS].began_ns = self->now.mono_ns;
        zloom_group_t *written = &self->written[commit->number % ZLOOM_COMMITS];
        zloom_group_clear (written);
        zloom_group_t empty = *written;
        *written = commit->group;
        commit->group = empty;
        self->under_way--;
    }
    free (job->note);
    job->note = NULL;
}

/* The segment with room for `bytes`, opened for writing; false when none is ready. */
static bool
s_turn_segment (zloom_log_t *self, uint64_t bytes)
{
    zloom_segment_t *current = &self->segments[self->segment_count - 1];
    if (bytes <= current->bytes - self->offset) {
        return true;
    }
    if (self->ready_count == 0) {
        return false;
    }
    zloom_grow (&self->segments, &self->segment_capacity, self->segment_count + 1,
                sizeof *self->segments);
    zloom_segment_t *next = &self->segments[self->segment_count++];
    *next = self->ready[0];
    self->ready_count--;
    memmove (self->ready, self->ready + 1, self->ready_count * sizeof *self->ready);
    next->first_group = self->open.number;
    next->previous_crc = self->last_crc;
    self->offset = 0;
    return true;
}

/* The group has its place: the index learns of its packs, the snapshot of its slices. */
static void
s_index_group (zloom_log_t *self, const zloom_group_header_t *header)
{
    zloom_record_reader_t directory = zloom_group_entries (&self->open);
    zloom_entry_t entry;
    uint32_t slices = 0;
    while (zloom_entry_next (&directory, &entry)) {
        if (entry.type == ZLOOM_RECORD_PACK) {
            zloom_extent_t extent = {
              .first = entry.seq,
              .last = entry.seq + entry.count - 1,
              .segment = header->place.segment,
              .offset = header->place.offset,
              .bytes = ZLOOM_ENTRY_BYTES + (uint32_t) entry.head.size + entry.payload_bytes,
              .needed = entry.count,
            };
            zloom_index_append (&self->flows[entry.flow]->index, &extent);
        } else if (entry.type == ZLOOM_RECORD_SNAPSHOT) {
            zloom_log_slice_placed (self, header);
            slices++;
        }
    }
    if (header->records > self->repeats + slices) {
        self->written_segment = header->place.segment;
    }
    self->attests = header->records == self->repeats;
    self->quiet = self->attests && !self->more;
    self->repeats = 0;
}

/* Whether the committer has room for the open group, and the segment. */
static bool
s_taken (zloom_log_t *self)
{
    uint64_t bytes = zloom_group_bytes (&self->open);
    if (self->under_way == 0) {
        return s_turn_segment (self, zloom_blocks (bytes));
    }
    const zloom_segment_t *current = &self->segments[self->segment_count - 1];
    return self->under_way < ZLOOM_COMMITS && bytes >= self->second_bytes &&
           zloom_blocks (bytes) <= current->bytes - self->offset;
}

bool
zloom_log_hand_over (zloom_log_t *self)
{
    if (self->failed || self->open.records == 0 || !s_taken (self)) {
        return false;
    }
    zloom_segment_t *current = &self->segments[self->segment_count - 1];
    if (current->first_group == 0) {
        current->first_group = self->open.number;
        current->previous_crc = self->last_crc;
    }
    zloom_group_header_t header = {
      .place = {0, current->number, (uint32_t) self->offset},
      .boot = self->base.boot,
      .attested = self->open.number - 1, /* durable before the first byte of this one is written */
      .previous_crc = self->last_crc,
      .wall_ns = self->now.wall_ns,
    };
    zloom_gather_t gather = zloom_group_finish (&self->open, &self->key, &header);
    s_index_group (self, &header);
    zloom_commit_t *commit = &self->commit[self->open.number % ZLOOM_COMMITS];
    zloom_group_t empty = commit->group;
    const bool quick = header.total_bytes <= ZLOOM_QUICK_BYTES;
    self->large_ns = quick ? self->large_ns : self->now.mono_ns;
    *commit = (zloom_commit_t){
      .job = {.step = s_commit_step, .done = s_commit_done, .quick = quick},
      .vfs = self->vfs,
      .file = current->file,
      .offset = self->offset,
      .gather = gather,
      .group = self->open,
      .number = self->open.number,
      .broken = &self->broken,
      .began_ns = self->now.mono_ns,
    };
    self->offset += zloom_blocks (header.total_bytes);
    self->last_crc = header.crc;
    self->stats.groups++;
    self->stats.bytes_written += zloom_blocks (header.total_bytes);
    if (self->quiet) {
        self->attest_at_ns = ZLOOM_NEVER;
    } else if (self->more) {
        self->attest_at_ns = self->now.mono_ns;
    } else if (self->attest_at_ns == ZLOOM_NEVER) {
        self->attest_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_ATTEST_AFTER_NS);
    }
    self->seal_wanted = false;
    self->under_way++;
    self->open = empty;
    self->open.number = commit->number + 1;
    zloom_jobs_put (self->commits, &commit->job, ZLOOM_JOB_NORMAL);
    return true;
}

void
zloom_log_attest (zloom_log_t *self)
{
    if (self->quiet || self->failed) {
        return;
    }
    const zloom_journal_owner_t *owner = &self->base.owner;
    uint32_t before = self->open.records;
    self->more = owner->repeat && owner->repeat (owner->arg);
    if (self->more && self->attests && self->open.records == before) {
        /* What is to be repeated finds no room. Groups without it would take what is left, which
         * moves need to make some. */
        self->attest_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_ATTEST_AFTER_NS);
        return;
    }
    zloom_buf_t ends = {0};
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_log_flow_t *flow = self->flows[i];
        if (flow->touched > 0 && zloom_log_own_room (self, ends.size + 12)) {
            zloom_buf_add_u32 (&ends, flow->mark.number);
            zloom_buf_add_u64 (&ends, flow->mark.end);
            /* What stands in this very group would be lost with it: told again in the next. */
            flow->touched = flow->touched < self->open.number ? 0 : flow->touched;
        }
    }
    if (zloom_log_own_room (self, ends.size)) {
        zloom_record_t record = {.type = ZLOOM_RECORD_ATTEST, .head = zloom_buf_bytes (&ends)};
        zloom_log_stage (self, &record, NULL);
        self->attest_at_ns = ZLOOM_NEVER;
        self->seal_wanted = true;
    }
    self->repeats += self->open.records - before;
    zloom_buf_fini (&ends);
}

void
zloom_log_take_commits (zloom_log_t *self)
{
    zloom_job_t *job;
    while ((job = zloom_jobs_take (self->commits))) {
        job->done (job, self);
    }
}
