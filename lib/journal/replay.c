/* SPDX-License-Identifier: MPL-2.0 */
/*
 * replay.c - the second half of an opening: group by group, record by record. The journal's own
 * records are applied here, the others go to the owner. What is damaged becomes a hole and the
 * next record is read.
 */
#include "base/log.h"
#include "base/memory.h"
#include "journal/recover.h"

#include <stdlib.h>

/* Unknown records are carried along up to this many bytes. */
#define CARRIED_MOST_BYTES (4u * 1024 * 1024)
#define KEPT_MOST_BYTES ((uint64_t) ZLOOM_JOURNAL_GROUP_BYTES)

static zloom_err_t
s_tell_hole (zloom_recovery_t *self, uint32_t flow, uint64_t first, uint32_t count)
{
    const zloom_journal_owner_t *owner = &self->log->base.owner;
    zloom_record_t record = {
      .type = ZLOOM_RECORD_HOLE, .critical = true, .flow = flow, .seq = first, .count = count};
    return owner->replay (owner->arg, &record);
}

zloom_err_t
zloom_recovery_hole (zloom_recovery_t *self, uint32_t flow, uint64_t first, uint64_t end)
{
    zloom_log_flow_t *found = self->log->flows[flow];
    zloom_err_t err = ZLOOM_OK;
    zloom_log (ZLOOM_LOG_ERROR, "journal-hole", "flow=%u name=%s first=%llu last=%llu", flow,
               found->mark.name ? found->mark.name : "", (unsigned long long) first,
               (unsigned long long) (end - 1));
    zloom_grow (&self->holes, &self->hole_capacity, self->hole_count + 1, sizeof *self->holes);
    zloom_grow (&self->hole_flows, &self->hole_flow_capacity, self->hole_count + 1,
                sizeof *self->hole_flows);
    self->holes[self->hole_count] = (zloom_range_t){first, end - 1};
    self->hole_flows[self->hole_count++] = flow;
    found->mark.end = end > found->mark.end ? end : found->mark.end;
    while (first < end && !err) {
        uint64_t step = end - first < UINT32_MAX ? end - first : UINT32_MAX;
        err = s_tell_hole (self, flow, first, (uint32_t) step);
        first += step;
    }
    return err;
}

void
zloom_recovery_lose_groups (zloom_recovery_t *self, uint64_t first, uint64_t last)
{
    self->log->stats.holes++;
    if (last < first) {
        return;
    }
    zloom_grow (&self->lost_groups, &self->lost_capacity, self->lost_count + 1,
                sizeof *self->lost_groups);
    self->lost_groups[self->lost_count++] = (zloom_range_t){first, last};
}

zloom_err_t
zloom_recovery_gap (zloom_recovery_t *self, uint64_t first, uint64_t last)
{
    zloom_log_t *log = self->log;
    uint64_t count = last >= first ? last - first + 1 : 0;
    zloom_log (ZLOOM_LOG_ERROR, "journal-gap", "directory=%s first-group=%llu groups=%llu",
               log->directory, (unsigned long long) first, (unsigned long long) count);
    zloom_recovery_lose_groups (self, first, last);
    log->holed = true;
    free (self->unsure);
    self->unsure_count = log->flow_count;
    self->unsure = zloom_alloc (self->unsure_count * sizeof *self->unsure);
    for (size_t i = 0; i < self->unsure_count; i++) {
        self->unsure[i] = true;
    }
    return s_tell_hole (self, 0, first, count < UINT32_MAX ? (uint32_t) count : UINT32_MAX);
}

/* After a gap: the flow is known to reach up to `next`; what is missing below is a hole. */
static zloom_err_t
s_settle_unsure (zloom_recovery_t *self, uint32_t flow, uint64_t next)
{
    if (flow >= self->unsure_count || !self->unsure[flow] ||
        self->walk.header.number <= self->log->flows[flow]->mark.border) {
        return ZLOOM_OK; /* up to its border the snapshot speaks for a flow */
    }
    self->unsure[flow] = false;
    uint64_t end = self->log->flows[flow]->mark.end;
    end = end > 0 ? end : 1; /* numbers begin at 1 */
    return next > end ? zloom_recovery_hole (self, flow, end, next) : ZLOOM_OK;
}

static zloom_err_t
s_too_far (const zloom_recovery_t *self, uint32_t flow)
{
    return zloom_fail (ZLOOM_DAMAGED, "group %llu: numbers of flow %u that cannot be",
                       (unsigned long long) self->walk.header.number, flow);
}

/* Numbers of this flow may be missing below the next that is heard of. */
static void
s_doubt (zloom_recovery_t *self, uint32_t flow)
{
    if (flow >= self->unsure_count) {
        bool *unsure = zloom_alloc (((size_t) flow + 1) * sizeof *unsure);
        if (self->unsure_count > 0) {
            memcpy (unsure, self->unsure, self->unsure_count * sizeof *unsure);
        }
        free (self->unsure);
        self->unsure = unsure;
        self->unsure_count = (size_t) flow + 1;
    }
    self->unsure[flow] = true;
}

/* A flow whose FLOW record was lost still needs a name that nobody else has. */
static zloom_err_t
s_know_flow (zloom_recovery_t *self, uint32_t flow, bool naming)
{
    if (flow >= ZLOOM_FLOWS_MOST) {
        return zloom_fail (ZLOOM_DAMAGED, "flow number %u", flow);
    }
    zloom_log_flow_t *found = zloom_log_flow_at (self->log, flow, self->walk.header.place.segment);
    if (naming || flow == 0 || found->mark.name) {
        return ZLOOM_OK;
    }
    char *name = zloom_format ("lost-%u", flow);
    zloom_log_name_flow (self->log, flow, name);
    s_doubt (self, flow);
    zloom_err_t err = self->log->base.owner.flow (self->log->base.owner.arg, flow, name);
    free (name);
    return err;
}

/* Ends of flows as ATTEST and BOOT list them. */
static zloom_err_t
s_ends (zloom_recovery_t *self, zloom_bytes_t bytes, zloom_flow_end_t **ends_p, size_t *count_p)
{
    zloom_record_reader_t cursor = zloom_record_reader (bytes);
    size_t count = bytes.size / 12;
    zloom_flow_end_t *ends = zloom_alloc (count * sizeof *ends);
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < count; i++) {
        ends[i].flow = zloom_record_reader_u32 (&cursor);
        ends[i].end = zloom_record_reader_u64 (&cursor);
        if (!err && ends[i].end > ZLOOM_NUMBERS_MOST) {
            err = s_too_far (self, ends[i].flow);
        }
        err = err ? err : s_know_flow (self, ends[i].flow, false);
        err = err ? err : s_settle_unsure (self, ends[i].flow, ends[i].end);
    }
    *ends_p = ends;
    *count_p = count;
    return err;
}

static zloom_err_t
s_pack (zloom_recovery_t *self, const zloom_entry_t *entry, const zloom_record_t *record)
{
    zloom_log_flow_t *flow = self->log->flows[entry->flow];
    const zloom_group_header_t *header = &self->walk.header;
    zloom_err_t err = s_settle_unsure (self, entry->flow, entry->seq);
    if (err) {
        return err;
    }
    if (entry->count == 0 || entry->seq < flow->mark.end) {
        return zloom_fail (ZLOOM_DAMAGED, "group %llu: flow %u goes back to %llu",
                           (unsigned long long) header->number, entry->flow,
                           (unsigned long long) entry->seq);
    }
    if (self->walk.damaged &&
        !zloom_entry_holds (entry, header, zloom_buf_bytes (&self->walk.bytes))) {
        return zloom_recovery_hole (self, entry->flow, entry->seq, entry->seq + entry->count);
    }
    zloom_extent_t extent = {
      .first = entry->seq,
      .last = entry->seq + entry->count - 1,
      .segment = header->place.segment,
      .offset = header->place.offset,
      .bytes = ZLOOM_ENTRY_BYTES + (uint32_t) entry->head.size + entry->payload_bytes,
      .needed = entry->count,
    };
    zloom_index_append (&flow->index, &extent);
    flow->mark.end = entry->seq + entry->count;
    zloom_record_t without = *record;
    without.payload = ZLOOM_BYTES_NULL;
    without.stored_bytes = entry->payload_bytes;
    return self->log->base.owner.replay (self->log->base.owner.arg, &without);
}

static zloom_err_t
s_carry (zloom_recovery_t *self, const zloom_entry_t *entry, zloom_bytes_t payload)
{
    char text[16];
    if (entry->critical) {
        return zloom_fail (ZLOOM_VERSION,
                           "group %llu holds a record of %s, written by a later version of zloom "
                           "(this one reads format version %u)",
                           (unsigned long long) self->walk.header.number,
                           zloom_record_text (entry->type, text), ZLOOM_FORMAT_VERSION);
    }
    zloom_buf_t *carried = &self->log->carried;
    if (carried->size + ZLOOM_ENTRY_BYTES + entry->head.size + payload.size > CARRIED_MOST_BYTES) {
        zloom_log (ZLOOM_LOG_WARN, "journal-carry", "dropped=%s",
                   zloom_record_text (entry->type, text));
        return ZLOOM_OK;
    }
    zloom_entry_encode (carried, entry);
    zloom_buf_add_bytes (carried, payload);
    return ZLOOM_OK;
}

/*
 * What was moved had been there before. Numbers of which no pack told went with lost groups (which
 * a later opening may not miss any more), and may not be given again; how far the flow had come is
 * still to be heard.
 */
static zloom_err_t
s_move (zloom_recovery_t *self, const zloom_entry_t *entry, zloom_bytes_t payload)
{
    zloom_log_flow_t *flow = self->log->flows[entry->flow];
    if (!zloom_log_apply_move (self->log, flow, entry->head, payload)) {
        return zloom_fail (ZLOOM_DAMAGED, "a MOVE record makes no sense");
    }
    const uint64_t end = flow->mark.end > 0 ? flow->mark.end : 1;
    const uint64_t moved = zloom_index_end (&flow->index);
    return moved > end ? zloom_recovery_hole (self, entry->flow, end, moved) : ZLOOM_OK;
}

/* The journal's own records and those that it does not know. */
static zloom_err_t
s_own (zloom_recovery_t *self, const zloom_entry_t *entry, zloom_bytes_t payload)
{
    zloom_log_t *log = self->log;
    zloom_flow_end_t *ends = NULL;
    size_t count = 0;
    zloom_err_t err = ZLOOM_OK;
    switch (entry->type) {
    case ZLOOM_RECORD_SNAPSHOT:
        return ZLOOM_OK; /* whole ones are reached through the superblock */
    case ZLOOM_RECORD_ATTEST:
        err = s_ends (self, entry->head, &ends, &count);
        free (ends);
        return err;
    case ZLOOM_RECORD_BOOT:
        if (entry->head.size < 16 ||
            zloom_get_u64 (entry->head.data) > self->walk.header.boot.counter) {
            return zloom_fail (ZLOOM_DAMAGED, "a BOOT record makes no sense");
        }
        err =
          s_ends (self, zloom_bytes (entry->head.data + 16, entry->head.size - 16), &ends, &count);
        zloom_log_add_boot (
          log,
          (zloom_boot_t){zloom_get_u64 (entry->head.data), zloom_get_u64 (entry->head.data + 8)},
          ends, count);
        return err;
    case ZLOOM_RECORD_FLOW:
        if (entry->flow == 0 || !zloom_flow_name_good (entry->head)) {
            return zloom_fail (ZLOOM_DAMAGED, "a FLOW record makes no sense");
        }
        if (!log->flows[entry->flow]->mark.name) {
            char *name = zloom_memdup_text (entry->head.data, entry->head.size);
            zloom_log_name_flow (log, entry->flow, name);
            err = log->base.owner.flow (log->base.owner.arg, entry->flow, name);
            free (name);
        }
        return err;
    case ZLOOM_RECORD_MOVE:
        return s_move (self, entry, payload);
    default:
        return s_carry (self, entry, payload);
    }
}

static bool
s_is_own (uint16_t type)
{
    return !zloom_record_known (type) || type == ZLOOM_RECORD_SNAPSHOT ||
           type == ZLOOM_RECORD_ATTEST || type == ZLOOM_RECORD_BOOT || type == ZLOOM_RECORD_FLOW ||
           type == ZLOOM_RECORD_MOVE;
}

static zloom_err_t
s_record (zloom_recovery_t *self, const zloom_entry_t *entry)
{
    const zloom_group_header_t *header = &self->walk.header;
    zloom_err_t err = entry->seq > ZLOOM_NUMBERS_MOST ? s_too_far (self, entry->flow) : ZLOOM_OK;
    err = err ? err : s_know_flow (self, entry->flow, entry->type == ZLOOM_RECORD_FLOW);
    if (err) {
        return err;
    }
    /* Names, boots and ends hold for all; the rest is in the flow's snapshot up to its border. */
    zloom_log_flow_t *flow = self->log->flows[entry->flow];
    if (header->number <= flow->mark.border && entry->type != ZLOOM_RECORD_FLOW &&
        entry->type != ZLOOM_RECORD_BOOT && entry->type != ZLOOM_RECORD_ATTEST) {
        return ZLOOM_OK;
    }
    zloom_bytes_t group = zloom_buf_bytes (&self->walk.bytes);
    zloom_record_t record = {
      .type = (zloom_record_type_t) entry->type,
      .critical = entry->critical,
      .flow = entry->flow,
      .group = entry->group,
      .seq = entry->seq,
      .count = entry->count,
      .head = entry->head,
      .payload = zloom_entry_payload (entry, header, group),
    };
    if (entry->type == ZLOOM_RECORD_PACK) {
        return s_pack (self, entry, &record);
    }
    if (self->walk.damaged && !zloom_entry_holds (entry, header, group)) {
        /* What it said is lost; the owner hears of which flow and numbers. */
        self->log->holed = true;
        return s_tell_hole (self, entry->flow, entry->seq, entry->count);
    }
    if (s_is_own (entry->type)) {
        return s_own (self, entry, record.payload);
    }
    if (entry->type == ZLOOM_RECORD_HOLE && entry->flow == 0) {
        return ZLOOM_OK; /* groups that an earlier opening missed; the owner was told then */
    }
    if (entry->type == ZLOOM_RECORD_HOLE && entry->seq + entry->count > flow->mark.end) {
        flow->mark.end = entry->seq + entry->count;
    }
    return self->log->base.owner.replay (self->log->base.owner.arg, &record);
}

static zloom_err_t
s_group (zloom_recovery_t *self)
{
    const zloom_group_header_t *header = &self->walk.header;
    zloom_log_t *log = self->log;
    for (size_t i = 0; i < log->segment_count; i++) {
        if (log->segments[i].number == header->place.segment && !log->segments[i].first_group) {
            log->segments[i].first_group = header->number;
            log->segments[i].previous_crc = header->previous_crc;
        }
    }
    if (self->walk.damaged) {
        zloom_recovery_lose_groups (self, header->number, header->number);
        zloom_log (ZLOOM_LOG_ERROR, "journal-damaged", "group=%llu",
                   (unsigned long long) header->number);
        zloom_recovery_keep (self, &self->walk.segments[self->walk.at], header->place.offset,
                             header->total_bytes);
    }
    zloom_record_reader_t directory =
      zloom_group_directory (header, zloom_buf_bytes (&self->walk.bytes));
    zloom_entry_t entry;
    while (zloom_entry_next (&directory, &entry)) {
        zloom_err_t err = s_record (self, &entry);
        if (err) {
            return err;
        }
    }
    self->last_group = header->number;
    self->last_place = header->place;
    self->last_bytes = header->total_bytes;
    self->attested = header->attested > self->attested ? header->attested : self->attested;
    return ZLOOM_OK;
}

/* The bytes between two good groups, or up to the end of the segment. */
static void
s_keep_gap (zloom_recovery_t *self)
{
    const zloom_walk_t *walk = &self->walk;
    for (size_t i = 0; i < walk->segment_count; i++) {
        const zloom_segment_t *segment = &walk->segments[i];
        if (segment->number < walk->gap_from.segment || segment->number > walk->gap_to.segment) {
            continue;
        }
        uint64_t from = segment->number == walk->gap_from.segment ? walk->gap_from.offset : 0;
        uint64_t to =
          segment->number == walk->gap_to.segment ? walk->gap_to.offset : segment->bytes;
        if (to > from) {
            to = to - from > KEPT_MOST_BYTES ? from + KEPT_MOST_BYTES : to;
            zloom_recovery_keep (self, segment, from, to - from);
        }
    }
}

zloom_err_t
zloom_recovery_replay (zloom_recovery_t *self)
{
    for (;;) {
        zloom_walk_kind_t kind;
        zloom_err_t err = zloom_walk_next (&self->walk, &kind);
        if (!err && kind == ZLOOM_WALK_END) {
            return ZLOOM_OK;
        }
        if (!err && kind == ZLOOM_WALK_GROUP) {
            err = s_group (self);
        } else if (!err) {
            s_keep_gap (self);
            err = zloom_recovery_gap (self, self->walk.gap_first, self->walk.gap_last);
        }
        if (err) {
            return err;
        }
    }
}
