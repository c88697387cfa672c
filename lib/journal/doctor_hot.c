/* SPDX-License-Identifier: MPL-2.0 */
/* doctor_hot.c - the verifier's way through the hot segments. */
#include "base/memory.h"
#include "journal/log.h"
#include "journal/report.h"

#include <stdlib.h>

char *
zloom_doctor_hot_name (uint64_t number)
{
    return zloom_format ("hot-%010llu", (unsigned long long) number);
}

void
zloom_doctor_point (zloom_doctor_t *self, uint32_t flow, const zloom_extent_t *extent)
{
    if (extent->cold) {
        zloom_grow (&self->pointers, &self->pointer_capacity, self->pointer_count + 1,
                    sizeof *self->pointers);
        self->pointers[self->pointer_count].flow = flow;
        self->pointers[self->pointer_count++].extent = *extent;
    }
}

static void
s_look_at_move (zloom_doctor_t *self, const zloom_entry_t *entry, zloom_bytes_t payload)
{
    zloom_record_reader_t cursor = zloom_record_reader (payload);
    zloom_extent_t extent;
    while (cursor.at < cursor.size && zloom_extent_decode (&cursor, &extent)) {
        zloom_doctor_point (self, entry->flow, &extent);
    }
}

/* What an earlier opening wrote down. */
static void
s_look_at_hole (zloom_doctor_t *self, const zloom_group_header_t *header,
                const zloom_entry_t *entry)
{
    if (entry->count > 0) {
        zloom_grow (&self->known, &self->known_capacity, self->known_count + 1,
                    sizeof *self->known);
        self->known[self->known_count].flow = entry->flow;
        self->known[self->known_count++].lost =
          (zloom_range_t){entry->seq, entry->seq + entry->count - 1};
    }
    if (entry->flow == 0) {
        return;
    }
    zloom_finding_t *finding = zloom_report_find (
      self->report, ZLOOM_FINDING_NOTE, zloom_doctor_hot_name (header->place.segment),
      header->place.offset, "flow %u: numbers %llu to %llu are a known hole", entry->flow,
      (unsigned long long) entry->seq,
      (unsigned long long) (entry->seq + entry->count - (entry->count > 0)));
    finding->flow = entry->flow;
    finding->first = entry->seq;
    finding->count = entry->count;
}

static void
s_look_at_record (zloom_doctor_t *self, const zloom_walk_t *walk, const zloom_entry_t *entry)
{
    const zloom_group_header_t *header = &walk->header;
    zloom_bytes_t group = zloom_buf_bytes (&walk->bytes);
    zloom_doctor_flow_t *flow = zloom_report_flow (self->report, entry->flow);
    char text[16];
    self->report->records++;
    if (entry->type == ZLOOM_RECORD_PACK || entry->type == ZLOOM_RECORD_HOLE) {
        uint64_t end = entry->seq + entry->count;
        flow->end = end > flow->end ? end : flow->end;
    }
    if (walk->damaged && !zloom_entry_holds (entry, header, group)) {
        zloom_finding_t *finding = zloom_report_find (
          self->report, ZLOOM_FINDING_DAMAGE, zloom_doctor_hot_name (header->place.segment),
          (uint64_t) header->place.offset + ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes +
            entry->payload_offset,
          "group %llu: payload of a %s record of flow %u, numbers %llu to %llu, is damaged",
          (unsigned long long) header->number, zloom_record_text (entry->type, text), entry->flow,
          (unsigned long long) entry->seq,
          (unsigned long long) (entry->seq + entry->count - (entry->count > 0)));
        finding->record = true;
        finding->bytes = entry->payload_bytes;
        finding->first_group = header->number;
        finding->last_group = header->number;
        finding->flow = entry->flow;
        finding->first = entry->seq;
        finding->count = entry->count;
        return;
    }
    if (entry->type == ZLOOM_RECORD_PACK) {
        flow->packs++;
        flow->first = entry->seq < flow->first ? entry->seq : flow->first;
    } else if (entry->type == ZLOOM_RECORD_FLOW && entry->head.size > 0) {
        zloom_report_name_flow (flow, entry->head);
    } else if (entry->type == ZLOOM_RECORD_MOVE) {
        s_look_at_move (self, entry, zloom_entry_payload (entry, header, group));
    } else if (entry->type == ZLOOM_RECORD_HOLE) {
        s_look_at_hole (self, header, entry);
    }
}

static void
s_look_at_group (zloom_doctor_t *self, const zloom_walk_t *walk)
{
    const zloom_group_header_t *header = &walk->header;
    zloom_doctor_report_t *report = self->report;
    report->groups++;
    report->bytes += header->total_bytes;
    report->first_group = report->first_group ? report->first_group : header->number;
    report->last_group = header->number;
    report->attested = header->attested > report->attested ? header->attested : report->attested;
    zloom_record_reader_t directory =
      zloom_group_directory (header, zloom_buf_bytes (&walk->bytes));
    zloom_entry_t entry;
    while (zloom_entry_next (&directory, &entry)) {
        s_look_at_record (self, walk, &entry);
    }
}

static void
s_report_gap (zloom_doctor_t *self, const zloom_walk_t *walk)
{
    zloom_finding_t *finding = zloom_report_find (
      self->report, ZLOOM_FINDING_DAMAGE, zloom_doctor_hot_name (walk->gap_from.segment),
      walk->gap_from.offset, "groups %llu to %llu are lost; the log goes on in segment %llu at %u",
      (unsigned long long) walk->gap_first, (unsigned long long) walk->gap_last,
      (unsigned long long) walk->gap_to.segment, walk->gap_to.offset);
    finding->first_group = walk->gap_first;
    finding->last_group = walk->gap_last;
    if (walk->gap_from.segment == walk->gap_to.segment) {
        finding->bytes = walk->gap_to.offset - walk->gap_from.offset;
    }
}

/* What stands at the end of the log: nothing, a torn group, or less than the superblock knows. */
static zloom_err_t
s_look_at_end (zloom_doctor_t *self, const zloom_walk_t *walk)
{
    const zloom_segment_t *segment =
      walk->at < walk->segment_count ? &walk->segments[walk->at] : NULL;
    if (self->slot->durable >= walk->expected) {
        zloom_finding_t *finding = zloom_report_find (
          self->report, ZLOOM_FINDING_DAMAGE,
          zloom_doctor_hot_name (segment ? segment->number : self->slot->start), walk->offset,
          "groups %llu to %llu were durable and are lost", (unsigned long long) walk->expected,
          (unsigned long long) self->slot->durable);
        finding->first_group = walk->expected;
        finding->last_group = self->slot->durable;
        return ZLOOM_OK;
    }
    if (!segment) {
        return ZLOOM_OK;
    }
    uint8_t raw[ZLOOM_GROUP_HEADER_BYTES];
    size_t got = 0;
    zloom_err_t err =
      self->vfs->read (self->vfs, segment->file, walk->offset, raw, sizeof raw, &got);
    zloom_place_t place = {0, segment->number, (uint32_t) walk->offset};
    zloom_group_header_t header;
    if (!err && got == sizeof raw &&
        zloom_group_header_decode (raw, &self->slot->key, &place, &header) &&
        header.number == walk->expected) {
        zloom_finding_t *finding = zloom_report_find (
          self->report, ZLOOM_FINDING_NOTE, zloom_doctor_hot_name (segment->number), walk->offset,
          "torn tail: group %llu was being written; nobody was told of it",
          (unsigned long long) header.number);
        finding->bytes = header.total_bytes;
    }
    return err;
}

static void
s_look_at_sizes (zloom_doctor_t *self, uint64_t last_segment)
{
    for (size_t i = 0; i < self->segment_count && self->segments[i].number <= last_segment; i++) {
        uint64_t full = self->slot->segment_bytes;
        for (size_t k = 0; k < self->slot->segment_count; k++) {
            if (self->slot->segments[k].number == self->segments[i].number) {
                full = self->slot->segments[k].bytes;
            }
        }
        if (self->segments[i].bytes < full) {
            zloom_finding_t *finding = zloom_report_find (
              self->report, ZLOOM_FINDING_DAMAGE, zloom_doctor_hot_name (self->segments[i].number),
              self->segments[i].bytes, "file is cut off: %llu bytes of %llu",
              (unsigned long long) self->segments[i].bytes, (unsigned long long) full);
            finding->bytes = full - self->segments[i].bytes;
        }
    }
}

/* Walk some segments from a known first group on; *next: the group expected at the end. */
static zloom_err_t
s_walk_segments (zloom_doctor_t *self, size_t from, size_t count, uint64_t expected,
                 uint32_t previous, bool to_end, uint64_t *next)
{
    zloom_walk_t walk;
    zloom_walk_init (&walk, self->vfs, &self->slot->key, count > 0 ? self->segments + from : NULL,
                     count, expected, previous);
    walk.durable = self->slot->durable;
    zloom_walk_kind_t kind = ZLOOM_WALK_GROUP;
    zloom_err_t err = ZLOOM_OK;
    while (!err && kind != ZLOOM_WALK_END) {
        err = zloom_walk_next (&walk, &kind);
        if (!err && kind == ZLOOM_WALK_GROUP) {
            s_look_at_group (self, &walk);
        } else if (!err && kind == ZLOOM_WALK_GAP) {
            s_report_gap (self, &walk);
        }
    }
    *next = walk.expected;
    if (!err && to_end) {
        err = s_look_at_end (self, &walk);
        s_look_at_sizes (self, walk.at < walk.segment_count ? walk.segments[walk.at].number : 0);
    }
    zloom_walk_fini (&walk);
    return err;
}

/* A segment before the start of replay: it is there for the packs in it, its neighbours may not. */
static zloom_err_t
s_walk_held (zloom_doctor_t *self, const zloom_slot_segment_t *known,
             const zloom_slot_segment_t *behind)
{
    size_t at = 0;
    while (at < self->segment_count && self->segments[at].number != known->number) {
        at++;
    }
    if (at == self->segment_count) {
        return ZLOOM_OK; /* given back since: nobody needed it, or recovery tells a hole */
    }
    uint64_t next = 0;
    zloom_err_t err =
      s_walk_segments (self, at, 1, known->first_group, known->previous_crc, false, &next);
    if (!err && behind->number == known->number + 1 && next < behind->first_group) {
        zloom_finding_t *finding = zloom_report_find (
          self->report, ZLOOM_FINDING_DAMAGE, zloom_doctor_hot_name (known->number), 0,
          "groups %llu to %llu are lost", (unsigned long long) next,
          (unsigned long long) (behind->first_group - 1));
        finding->first_group = next;
        finding->last_group = behind->first_group - 1;
    }
    return err;
}

static bool
s_is_known (const zloom_doctor_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < self->known_count; i++) {
        if (self->known[i].flow == flow && self->known[i].lost.first <= first &&
            last <= self->known[i].lost.last) {
            return true;
        }
    }
    return false;
}

/*
 * What an earlier opening found, too, is no news: its numbers are a hole, and all has gone on.
 * Lost groups are known as such, a pack by its numbers; a damaged record without numbers is told
 * again and again, for nothing says that it is the one of before.
 */
static void
s_settle_known (zloom_doctor_t *self)
{
    zloom_doctor_report_t *report = self->report;
    for (size_t i = 0; i < report->finding_count; i++) {
        zloom_finding_t *finding = &report->findings[i];
        if (finding->kind != ZLOOM_FINDING_DAMAGE || finding->first_group == 0) {
            continue;
        }
        finding->known = s_is_known (self, 0, finding->first_group, finding->last_group);
        if (finding->record) {
            finding->known &=
              finding->count > 0 &&
              s_is_known (self, finding->flow, finding->first, finding->first + finding->count - 1);
        }
        if (finding->known) {
            finding->kind = ZLOOM_FINDING_NOTE;
            report->damages--;
            report->notes++;
        }
    }
}

zloom_err_t
zloom_doctor_walk_hot (zloom_doctor_t *self)
{
    const zloom_slot_t *slot = self->slot;
    uint64_t expected = 1;
    uint32_t previous = 0;
    uint64_t next;
    for (size_t i = 0; i < slot->segment_count; i++) {
        const zloom_slot_segment_t *known = &slot->segments[i];
        if (known->number == slot->start) {
            expected = known->first_group;
            previous = known->previous_crc;
        } else if (known->number < slot->start && i + 1 < slot->segment_count) {
            zloom_err_t err = s_walk_held (self, known, known + 1);
            if (err) {
                return err;
            }
        }
    }
    size_t from = 0;
    while (from < self->segment_count && self->segments[from].number < slot->start) {
        from++;
    }
    zloom_err_t err =
      s_walk_segments (self, from, self->segment_count - from, expected, previous, true, &next);
    s_settle_known (self);
    return err;
}
