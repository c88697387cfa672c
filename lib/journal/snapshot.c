/* SPDX-License-Identifier: MPL-2.0 */
/*
 * snapshot.c - every flow's state goes into the log again from time to time, so that replay starts
 * late and old segments become free. One flow at a time: at a group's border the owner writes its
 * whole state, the index adds where the messages stand, and the bytes trickle into the following
 * groups, a slice a turn. The snapshot counts when its last slice is durable; records of the flow
 * in groups after the border are replayed on top of it.
 *
 * Bytes of a snapshot: u32 size of the journal's part | end, extents, (flow 0: carried records) |
 * the owner's part.
 */
#include "base/crc32c.h"
#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

#define SLICE_HEAD_BYTES 16u

/* How much of a snapshot goes into one record. */
static size_t
s_slice_bytes (const zloom_log_t *self)
{
    uint32_t quarter = self->segment_bytes / 4;
    return quarter < ZLOOM_SLICE_BYTES ? quarter : ZLOOM_SLICE_BYTES;
}

static void
s_encode_own (const zloom_log_t *self, const zloom_log_flow_t *flow, zloom_buf_t *out)
{
    zloom_buf_add_u32 (out, 0); /* size, set below */
    zloom_buf_add_u64 (out, flow->mark.end);
    zloom_buf_add_u64 (out, flow->index.count);
    for (size_t i = 0; i < flow->index.count; i++) {
        zloom_extent_encode (out, zloom_index_at (&flow->index, i));
    }
    if (flow->mark.number == 0) {
        zloom_buf_add_bytes (out, zloom_buf_bytes (&self->carried));
    }
    zloom_put_u32 (out->data, (uint32_t) (out->size - 4));
}

/*
 * Whether a snapshot from which replay starts in this segment is older than it may be. On a full
 * disk every segment that replay does not need any more counts; but not those that hold snapshots
 * alone, or these would be due for each other without an end. And what was moved out of a segment
 * is waited for, also when there is disk by now: nothing else is given back before that.
 */
static bool
s_is_old (const zloom_log_t *self, uint64_t border_segment)
{
    const uint64_t current = self->segments[self->segment_count - 1].number;
    const bool old = self->disk_full ? border_segment <= self->written_segment
                                     : border_segment + zloom_log_limit (self) / 2 <= current;
    return border_segment < current && (old || border_segment <= self->moved_segment);
}

/* The flow whose snapshot is the oldest, when that is older than it may be. */
static zloom_log_flow_t *
s_due (const zloom_log_t *self)
{
    zloom_log_flow_t *oldest = NULL;
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_log_flow_t *flow = self->flows[i];
        if (s_is_old (self, flow->mark.border_segment) &&
            (!oldest || flow->mark.border_segment < oldest->mark.border_segment)) {
            oldest = flow;
        }
    }
    return oldest;
}

void
zloom_log_take_snapshot (zloom_log_t *self)
{
    if (self->taking.blob || self->failed || self->open.records > 0) {
        return;
    }
    zloom_log_flow_t *flow = s_due (self);
    if (!flow) {
        return;
    }
    zloom_buf_t out = {0};
    s_encode_own (self, flow, &out);
    self->base.owner.snapshot (self->base.owner.arg, flow->mark.number, &out);
    size_t slice = s_slice_bytes (self);
    free (self->taking.mark.slices);
    self->taking = (zloom_taking_t){
      .mark = {.number = flow->mark.number,
               .border = self->open.number - 1,
               .border_segment = self->segments[self->segment_count - 1].number,
               .bytes = out.size},
      .parts = (uint32_t) ((out.size + slice - 1) / slice),
    };
    self->taking.mark.slices = zloom_alloc (self->taking.parts * sizeof *self->taking.mark.slices);
    self->taking.blob = zloom_blob_new_from_buf (&out);
}

void
zloom_log_trickle (zloom_log_t *self)
{
    zloom_taking_t *taking = &self->taking;
    if (!taking->blob || taking->part == taking->parts) {
        return;
    }
    zloom_bytes_t all = zloom_blob_bytes (taking->blob);
    size_t slice = s_slice_bytes (self);
    slice = all.size - taking->at < slice ? all.size - taking->at : slice;
    if (!zloom_log_own_room (self, slice + SLICE_HEAD_BYTES)) {
        return;
    }
    uint8_t head[SLICE_HEAD_BYTES];
    zloom_put_u32 (head, taking->part);
    zloom_put_u32 (head + 4, taking->parts);
    zloom_put_u64 (head + 8, all.size);
    zloom_record_t record = {
      .type = ZLOOM_RECORD_SNAPSHOT,
      .critical = true,
      .flow = taking->mark.number,
      .seq = taking->mark.border,
      .head = zloom_bytes (head, sizeof head),
      .payload = zloom_bytes (all.data + taking->at, slice),
    };
    zloom_log_stage (self, &record, taking->blob);
    taking->at += slice;
    taking->part++;
    if (taking->part == taking->parts) {
        taking->last_group = self->open.number;
    }
    self->seal_wanted = true;
}

void
zloom_log_slice_placed (zloom_log_t *self, const zloom_group_header_t *header)
{
    zloom_slot_flow_t *mark = &self->taking.mark;
    mark->slices[mark->slice_count++] = header->place;
}

void
zloom_log_snapshot_durable (zloom_log_t *self)
{
    zloom_taking_t *taking = &self->taking;
    if (!taking->blob || taking->last_group == 0 || self->durable < taking->last_group) {
        return;
    }
    zloom_slot_flow_t *mark = &self->flows[taking->mark.number]->mark;
    self->snapshot_cost -= zloom_snapshot_cost (mark->bytes);
    self->snapshot_cost += zloom_snapshot_cost (taking->mark.bytes);
    mark->border = taking->mark.border;
    mark->border_segment = taking->mark.border_segment;
    mark->bytes = taking->mark.bytes;
    free (mark->slices);
    mark->slices = taking->mark.slices;
    mark->slice_count = taking->mark.slice_count;
    taking->mark.slices = NULL;
    zloom_blob_unref (&taking->blob);
}

/* Add the slice `part` of the flow, from the group loaded at its place, to `out`. */
static zloom_err_t
s_load_slice (zloom_vfs_t *vfs, zloom_file_t *file, const zloom_group_header_t *header,
              zloom_bytes_t group, const zloom_slot_flow_t *mark, uint32_t part, zloom_buf_t *out)
{
    zloom_record_reader_t directory = zloom_group_directory (header, group);
    zloom_entry_t entry;
    while (zloom_entry_next (&directory, &entry)) {
        if (entry.type != ZLOOM_RECORD_SNAPSHOT || entry.flow != mark->number ||
            entry.seq != mark->border || entry.head.size != SLICE_HEAD_BYTES ||
            zloom_get_u32 (entry.head.data) != part) {
            continue;
        }
        uint64_t from = (uint64_t) header->place.offset + ZLOOM_GROUP_HEADER_BYTES +
                        header->directory_bytes + entry.payload_offset;
        size_t got = 0;
        if (entry.payload_bytes > header->total_bytes) {
            break;
        }
        uint8_t *data = zloom_buf_reserve (out, entry.payload_bytes);
        zloom_err_t err = vfs->read (vfs, file, from, data, entry.payload_bytes, &got);
        if (err) {
            return err;
        }
        if (got < entry.payload_bytes || zloom_crc32c (0, data, got) != entry.payload_crc) {
            break;
        }
        out->size += got;
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_DAMAGED, "snapshot of flow %u: slice %u in segment %llu is damaged",
                       mark->number, part, (unsigned long long) header->place.segment);
}

zloom_err_t
zloom_snapshot_load (zloom_vfs_t *vfs, const zloom_log_key_t *key, const zloom_segment_t *segments,
                     size_t segment_count, const zloom_slot_flow_t *mark, zloom_buf_t *out)
{
    zloom_buf_t buf = {0};
    zloom_err_t err = ZLOOM_OK;
    zloom_buf_clear (out);
    for (size_t i = 0; i < mark->slice_count && !err; i++) {
        zloom_group_header_t header;
        zloom_file_t *file = NULL;
        for (size_t k = 0; k < segment_count; k++) {
            if (segments[k].number == mark->slices[i].segment) {
                file = segments[k].file;
            }
        }
        if (!file) {
            err = zloom_fail (ZLOOM_DAMAGED, "snapshot of flow %u: segment %llu is missing",
                              mark->number, (unsigned long long) mark->slices[i].segment);
            break;
        }
        err = zloom_group_load (vfs, file, key, &mark->slices[i], &buf, &header);
        if (!err) {
            err =
              s_load_slice (vfs, file, &header, zloom_buf_bytes (&buf), mark, (uint32_t) i, out);
        } else if (err == ZLOOM_MALFORMED) {
            zloom_note_prefix ("snapshot of flow %u", mark->number);
            err = ZLOOM_DAMAGED;
        }
    }
    zloom_buf_fini (&buf);
    if (!err && out->size != mark->bytes) {
        err = zloom_fail (ZLOOM_DAMAGED, "snapshot of flow %u: %zu bytes of %llu", mark->number,
                          out->size, (unsigned long long) mark->bytes);
    }
    return err;
}

zloom_err_t
zloom_log_restore (zloom_log_t *self, zloom_log_flow_t *flow, zloom_bytes_t snapshot)
{
    zloom_record_reader_t cursor = zloom_record_reader (snapshot);
    zloom_record_reader_t own =
      zloom_record_reader (zloom_record_reader_bytes (&cursor, zloom_record_reader_u32 (&cursor)));
    uint64_t end = zloom_record_reader_u64 (&own);
    uint64_t count = zloom_record_reader_u64 (&own);
    flow->mark.end = end > flow->mark.end ? end : flow->mark.end;
    for (uint64_t i = 0; i < count && !own.bad; i++) {
        zloom_extent_t extent;
        if (!zloom_extent_decode (&own, &extent) || extent.last >= end ||
            extent.first < zloom_index_end (&flow->index)) {
            own.bad = true;
            break;
        }
        zloom_index_append (&flow->index, &extent);
    }
    if (cursor.bad || own.bad || end > ZLOOM_NUMBERS_MOST) {
        return zloom_fail (ZLOOM_DAMAGED, "snapshot of flow %u makes no sense", flow->mark.number);
    }
    if (flow->mark.number == 0) {
        zloom_buf_add (&self->carried, own.data + own.at, own.size - own.at);
    }
    return self->base.owner.restore (
      self->base.owner.arg, flow->mark.number,
      zloom_bytes (cursor.data + cursor.at, cursor.size - cursor.at));
}
