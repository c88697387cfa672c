/* SPDX-License-Identifier: MPL-2.0 */
/* doctor.c - see doctor.h. */
#include "journal/doctor.h"
#include "base/memory.h"
#include "journal/index.h"
#include "journal/log.h"
#include "journal/names.h"
#include "journal/slot.h"
#include "journal/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_DAMAGED 65

typedef struct {
    zloom_vfs_t *vfs;
    const char *directory;
    zloom_doctor_report_t *report;
    zloom_file_t *lock;
    zloom_names_t names;
    zloom_slot_t slots[2];
    zloom_err_t slot_errs[2];
    const zloom_slot_t *slot; /* the newest that reads well */
    zloom_segment_t *segments;
    size_t segment_count;
    size_t segment_capacity;
    struct {
        uint32_t flow;
        zloom_extent_t extent;
    } * pointers; /* cold groups that snapshots and MOVE records name */
    size_t pointer_count;
    size_t pointer_capacity;
} doctor_t;

static zloom_finding_t *s_find (doctor_t *self, zloom_finding_kind_t kind, char *file,
                                uint64_t offset, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));

/* Add a finding; takes `file`. A place to fill in more, or a scratch one when there are too many. */
static zloom_finding_t *
s_find (doctor_t *self, zloom_finding_kind_t kind, char *file, uint64_t offset, const char *format,
        ...)
{
    static _Thread_local zloom_finding_t s_scratch;
    zloom_doctor_report_t *report = self->report;
    report->damages += kind == ZLOOM_FINDING_DAMAGE;
    report->notes += kind == ZLOOM_FINDING_NOTE;
    if (report->finding_count == ZLOOM_FINDINGS_MOST) {
        free (file);
        return &s_scratch;
    }
    zloom_grow (&report->findings, &report->finding_capacity, report->finding_count + 1,
                sizeof *report->findings);
    zloom_finding_t *finding = &report->findings[report->finding_count++];
    zloom_buf_t text = {0};
    va_list args;
    va_start (args, format);
    char line[512];
    (void) vsnprintf (line, sizeof line, format, args);
    va_end (args);
    zloom_buf_add_text (&text, line);
    *finding = (zloom_finding_t){
      .kind = kind, .file = file, .offset = offset, .text = zloom_strdup (zloom_buf_text (&text))};
    zloom_buf_fini (&text);
    return finding;
}

static char *
s_hot_name (uint64_t number)
{
    return zloom_format ("hot-%010llu", (unsigned long long) number);
}

static zloom_doctor_flow_t *
s_flow (doctor_t *self, uint32_t number)
{
    zloom_doctor_report_t *report = self->report;
    for (size_t i = 0; i < report->flow_count; i++) {
        if (report->flows[i].number == number) {
            return &report->flows[i];
        }
    }
    report->flows = zloom_realloc (report->flows, report->flow_count + 1, sizeof *report->flows);
    zloom_doctor_flow_t *flow = &report->flows[report->flow_count++];
    *flow = (zloom_doctor_flow_t){.number = number, .name = zloom_strdup (""), .first = UINT64_MAX};
    return flow;
}

static void
s_name_flow (zloom_doctor_flow_t *flow, zloom_bytes_t name)
{
    free (flow->name);
    flow->name = zloom_memdup_text (name.data, name.size);
}

static void
s_point (doctor_t *self, uint32_t flow, const zloom_extent_t *extent)
{
    if (extent->cold) {
        zloom_grow (&self->pointers, &self->pointer_capacity, self->pointer_count + 1,
                    sizeof *self->pointers);
        self->pointers[self->pointer_count].flow = flow;
        self->pointers[self->pointer_count++].extent = *extent;
    }
}

/* ---- superblock and snapshots ---------------------------------------------------------------- */

static zloom_err_t
s_read_slots (doctor_t *self)
{
    for (unsigned i = 0; i < 2; i++) {
        zloom_err_t err = zloom_slot_read (self->vfs, self->directory, i, &self->slots[i]);
        self->slot_errs[i] = err;
        self->report->slot_good[i] = !err;
        if (err == ZLOOM_VERSION || err == ZLOOM_DISK) {
            return err;
        }
        if (!err && (!self->slot || self->slots[i].generation > self->slot->generation)) {
            self->slot = &self->slots[i];
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        /* A log that was opened once has both; before that the second is not there. */
        if (self->slot_errs[i] == ZLOOM_MALFORMED) {
            (void) s_find (self, self->slot ? ZLOOM_FINDING_NOTE : ZLOOM_FINDING_DAMAGE,
                           zloom_format ("slot.%u", i), 0, "superblock slot %u can not be read%s",
                           i, self->slot ? ", the other one is used" : "");
        }
    }
    if (self->slot) {
        return ZLOOM_OK;
    }
    if (self->names.hot_count + self->names.cold_count == 0 &&
        self->slot_errs[0] == ZLOOM_NOT_FOUND) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s holds no log", self->directory);
    }
    if (self->slot_errs[0] == ZLOOM_NOT_FOUND) {
        (void) s_find (self, ZLOOM_FINDING_DAMAGE, zloom_strdup ("slot.0"), 0,
                       "both superblock slots are missing");
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_open_segments (doctor_t *self)
{
    for (size_t i = 0; i < self->names.hot_count; i++) {
        char *path = zloom_hot_path (self->directory, self->names.hot[i]);
        zloom_segment_t segment = {.number = self->names.hot[i]};
        zloom_err_t err = self->vfs->open (self->vfs, path, false, &segment.file);
        free (path);
        if (!err) {
            err = self->vfs->size (self->vfs, segment.file, &segment.bytes);
        }
        zloom_grow (&self->segments, &self->segment_capacity, self->segment_count + 1,
                    sizeof *self->segments);
        self->segments[self->segment_count++] = segment;
        if (err) {
            return err;
        }
    }
    self->report->hot_segments = self->segment_count;
    return ZLOOM_OK;
}

/* Every snapshot of a slot; damage counts when it is the slot that would be used. */
static zloom_err_t
s_read_snapshots (doctor_t *self, const zloom_slot_t *slot)
{
    zloom_buf_t buf = {0};
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < slot->flow_count && !err; i++) {
        const zloom_slot_flow_t *mark = &slot->flows[i];
        err = zloom_snapshot_load (self->vfs, &slot->key, self->segments, self->segment_count, mark,
                                   &buf);
        if (err == ZLOOM_DAMAGED) {
            bool used = slot == self->slot;
            uint64_t segment = mark->slice_count > 0 ? mark->slices[0].segment : 0;
            (void) s_find (self, used ? ZLOOM_FINDING_DAMAGE : ZLOOM_FINDING_NOTE,
                           s_hot_name (segment), 0, "%s", zloom_note ());
            err = ZLOOM_OK;
            continue;
        }
        zloom_record_reader_t cursor = zloom_record_reader (zloom_buf_bytes (&buf));
        zloom_record_reader_t own = zloom_record_reader (
          zloom_record_reader_bytes (&cursor, zloom_record_reader_u32 (&cursor)));
        (void) zloom_record_reader_u64 (&own);
        uint64_t count = zloom_record_reader_u64 (&own);
        zloom_extent_t extent;
        while (count-- > 0 && zloom_extent_decode (&own, &extent)) {
            s_point (self, mark->number, &extent);
        }
        self->report->bytes += buf.size;
    }
    zloom_buf_fini (&buf);
    return err;
}

static void
s_take_slot (doctor_t *self)
{
    const zloom_slot_t *slot = self->slot;
    memcpy (self->report->log_id, slot->key.id, sizeof self->report->log_id);
    self->report->generation = slot->generation;
    self->report->boots = slot->boot_count;
    for (size_t i = 0; i < slot->flow_count; i++) {
        zloom_doctor_flow_t *flow = s_flow (self, slot->flows[i].number);
        if (slot->flows[i].name) {
            s_name_flow (flow, zloom_bytes_text (slot->flows[i].name));
        }
        flow->end = slot->flows[i].end;
        flow->snapshot_bytes = slot->flows[i].bytes;
    }
}

/* ---- the hot log ----------------------------------------------------------------------------- */

static void
s_look_at_move (doctor_t *self, const zloom_entry_t *entry, zloom_bytes_t payload)
{
    zloom_record_reader_t cursor = zloom_record_reader (payload);
    zloom_extent_t extent;
    while (cursor.at < cursor.size && zloom_extent_decode (&cursor, &extent)) {
        s_point (self, entry->flow, &extent);
    }
}

static void
s_look_at_record (doctor_t *self, const zloom_walk_t *walk, const zloom_entry_t *entry)
{
    const zloom_group_header_t *header = &walk->header;
    zloom_bytes_t group = zloom_buf_bytes (&walk->bytes);
    zloom_doctor_flow_t *flow = s_flow (self, entry->flow);
    char text[16];
    self->report->records++;
    if (entry->type == ZLOOM_RECORD_PACK || entry->type == ZLOOM_RECORD_HOLE) {
        uint64_t end = entry->seq + entry->count;
        flow->end = end > flow->end ? end : flow->end;
    }
    if (walk->damaged && !zloom_entry_holds (entry, header, group)) {
        zloom_finding_t *finding =
          s_find (self, ZLOOM_FINDING_DAMAGE, s_hot_name (header->place.segment),
                  (uint64_t) header->place.offset + ZLOOM_GROUP_HEADER_BYTES +
                    header->directory_bytes + entry->payload_offset,
                  "group %llu: payload of a %s record of flow %u, numbers %llu to %llu, is damaged",
                  (unsigned long long) header->number, zloom_record_text (entry->type, text),
                  entry->flow, (unsigned long long) entry->seq,
                  (unsigned long long) (entry->seq + entry->count - (entry->count > 0)));
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
        s_name_flow (flow, entry->head);
    } else if (entry->type == ZLOOM_RECORD_MOVE) {
        s_look_at_move (self, entry, zloom_entry_payload (entry, header, group));
    } else if (entry->type == ZLOOM_RECORD_HOLE) {
        zloom_finding_t *finding =
          s_find (self, ZLOOM_FINDING_NOTE, s_hot_name (header->place.segment),
                  header->place.offset, "flow %u: numbers %llu to %llu are a known hole",
                  entry->flow, (unsigned long long) entry->seq,
                  (unsigned long long) (entry->seq + entry->count - (entry->count > 0)));
        finding->flow = entry->flow;
        finding->first = entry->seq;
        finding->count = entry->count;
    }
}

static void
s_look_at_group (doctor_t *self, const zloom_walk_t *walk)
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
s_report_gap (doctor_t *self, const zloom_walk_t *walk)
{
    zloom_finding_t *finding = s_find (
      self, ZLOOM_FINDING_DAMAGE, s_hot_name (walk->gap_from.segment), walk->gap_from.offset,
      "groups %llu to %llu are lost; the log goes on in segment %llu at %u",
      (unsigned long long) walk->gap_first, (unsigned long long) walk->gap_last,
      (unsigned long long) walk->gap_to.segment, walk->gap_to.offset);
    finding->first_group = walk->gap_first;
    finding->last_group = walk->gap_last;
    if (walk->gap_from.segment == walk->gap_to.segment) {
        finding->bytes = walk->gap_to.offset - walk->gap_from.offset;
    }
}

/* What stands at the end of the log: nothing, a torn group, or less than the superblock knows. */
static void
s_look_at_end (doctor_t *self, const zloom_walk_t *walk)
{
    const zloom_segment_t *segment =
      walk->at < walk->segment_count ? &walk->segments[walk->at] : NULL;
    char *name = s_hot_name (segment ? segment->number : self->slot->start);
    if (self->slot->durable >= walk->expected) {
        zloom_finding_t *finding =
          s_find (self, ZLOOM_FINDING_DAMAGE, name, walk->offset,
                  "groups %llu to %llu were durable and are lost",
                  (unsigned long long) walk->expected, (unsigned long long) self->slot->durable);
        finding->first_group = walk->expected;
        finding->last_group = self->slot->durable;
        return;
    }
    uint8_t raw[ZLOOM_GROUP_HEADER_BYTES];
    size_t got = 0;
    if (segment &&
        self->vfs->read (self->vfs, segment->file, walk->offset, raw, sizeof raw, &got) ==
          ZLOOM_OK &&
        got == sizeof raw) {
        zloom_place_t place = {0, segment->number, (uint32_t) walk->offset};
        zloom_group_header_t header;
        if (zloom_group_header_decode (raw, &self->slot->key, &place, &header) &&
            header.number == walk->expected) {
            zloom_finding_t *finding =
              s_find (self, ZLOOM_FINDING_NOTE, name, walk->offset,
                      "torn tail: group %llu was being written; nobody was told of it",
                      (unsigned long long) header.number);
            finding->bytes = header.total_bytes;
            return;
        }
    }
    free (name);
}

static void
s_look_at_sizes (doctor_t *self, uint64_t last_segment)
{
    for (size_t i = 0; i < self->segment_count && self->segments[i].number <= last_segment; i++) {
        uint64_t full = self->slot->segment_bytes;
        for (size_t k = 0; k < self->slot->segment_count; k++) {
            if (self->slot->segments[k].number == self->segments[i].number) {
                full = self->slot->segments[k].bytes;
            }
        }
        if (self->segments[i].bytes < full) {
            zloom_finding_t *finding =
              s_find (self, ZLOOM_FINDING_DAMAGE, s_hot_name (self->segments[i].number),
                      self->segments[i].bytes, "file is cut off: %llu bytes of %llu",
                      (unsigned long long) self->segments[i].bytes, (unsigned long long) full);
            finding->bytes = full - self->segments[i].bytes;
        }
    }
}

/* Walk some segments from a known first group on; *next: the group expected at the end. */
static zloom_err_t
s_walk_segments (doctor_t *self, size_t from, size_t count, uint64_t expected, uint32_t previous,
                 bool to_end, uint64_t *next)
{
    zloom_walk_t walk;
    zloom_walk_init (&walk, self->vfs, &self->slot->key, count > 0 ? self->segments + from : NULL,
                     count, expected, previous);
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
        s_look_at_end (self, &walk);
        s_look_at_sizes (self, walk.at < walk.segment_count ? walk.segments[walk.at].number : 0);
    }
    zloom_walk_fini (&walk);
    return err;
}

/* A segment before the start of replay: it is there for the packs in it, its neighbours may not. */
static zloom_err_t
s_walk_held (doctor_t *self, const zloom_slot_segment_t *known, const zloom_slot_segment_t *behind)
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
        zloom_finding_t *finding = s_find (
          self, ZLOOM_FINDING_DAMAGE, s_hot_name (known->number), 0, "groups %llu to %llu are lost",
          (unsigned long long) next, (unsigned long long) (behind->first_group - 1));
        finding->first_group = next;
        finding->last_group = behind->first_group - 1;
    }
    return err;
}

static zloom_err_t
s_walk_hot (doctor_t *self)
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
    return s_walk_segments (self, from, self->segment_count - from, expected, previous, true,
                            &next);
}

/* ---- cold segments --------------------------------------------------------------------------- */

/* All packs of one cold group that something points at. */
static zloom_err_t
s_look_at_cold (doctor_t *self, uint32_t flow, const zloom_extent_t *extent)
{
    char *path = zloom_cold_path (self->directory, flow, extent->segment);
    zloom_place_t place = {flow, extent->segment, extent->offset};
    zloom_file_t *file = NULL;
    zloom_group_header_t header = {0};
    zloom_buf_t buf = {0};
    bool holds = false;
    size_t got = 0;
    zloom_err_t err = self->vfs->open (self->vfs, path, false, &file);
    if (!err) {
        err = zloom_group_load (self->vfs, file, &self->slot->key, &place, &buf, &header);
        holds = !err;
        err = err == ZLOOM_MALFORMED ? ZLOOM_OK : err;
    }
    if (!err && holds) {
        zloom_buf_clear (&buf);
        uint8_t *data = zloom_buf_reserve (&buf, header.total_bytes);
        err = self->vfs->read (self->vfs, file, place.offset, data, header.total_bytes, &got);
        buf.size = got;
        holds = got == header.total_bytes;
    }
    if (!err && holds) {
        zloom_record_reader_t directory = zloom_group_directory (&header, zloom_buf_bytes (&buf));
        zloom_entry_t entry;
        while (holds && zloom_entry_next (&directory, &entry)) {
            holds = zloom_entry_holds (&entry, &header, zloom_buf_bytes (&buf));
        }
        self->report->bytes += header.total_bytes;
    }
    if (!err && !holds) {
        zloom_finding_t *finding =
          s_find (self, ZLOOM_FINDING_DAMAGE, zloom_strdup (strrchr (path, '/') + 1),
                  extent->offset, "cold group with numbers %llu to %llu of flow %u is damaged",
                  (unsigned long long) extent->first, (unsigned long long) extent->last, flow);
        finding->bytes = header.total_bytes;
        finding->flow = flow;
        finding->first = extent->first;
        finding->count = extent->last - extent->first + 1;
    }
    self->report->cold_groups++;
    self->vfs->close (self->vfs, &file);
    zloom_buf_fini (&buf);
    free (path);
    return err;
}

static zloom_err_t
s_walk_cold (doctor_t *self)
{
    self->report->cold_segments = self->names.cold_count;
    for (size_t i = 0; i < self->pointer_count; i++) {
        uint32_t flow = self->pointers[i].flow;
        const zloom_extent_t *extent = &self->pointers[i].extent;
        bool again = false;
        for (size_t k = 0; k < i && !again; k++) {
            again = self->pointers[k].flow == flow &&
                    self->pointers[k].extent.segment == extent->segment &&
                    self->pointers[k].extent.offset == extent->offset;
        }
        /* What is not there was unlinked when nobody needed it; only the owner can tell. */
        if (again || !zloom_names_has_cold (&self->names, flow, extent->segment)) {
            continue;
        }
        zloom_err_t err = s_look_at_cold (self, flow, extent);
        if (err) {
            return err;
        }
    }
    return ZLOOM_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static zloom_err_t
s_examine (doctor_t *self)
{
    zloom_err_t err = zloom_names_list (&self->names, self->vfs, self->directory);
    if (!err) {
        err = s_read_slots (self);
    }
    if (!err) {
        err = s_open_segments (self);
    }
    if (err || !self->slot) {
        return err;
    }
    s_take_slot (self);
    for (unsigned i = 0; i < 2 && !err; i++) {
        if (!self->slot_errs[i]) {
            err = s_read_snapshots (self, &self->slots[i]);
        }
    }
    if (!err) {
        err = s_walk_hot (self);
    }
    return err ? err : s_walk_cold (self);
}

zloom_err_t
zloom_doctor_examine (zloom_vfs_t *vfs, const char *directory, zloom_doctor_report_t *report)
{
    *report = (zloom_doctor_report_t){0};
    doctor_t self = {.vfs = vfs, .directory = directory, .report = report};
    /* The lock file is only there where a log is: a wrong path is not littered with one. */
    char *path = zloom_format ("%s/lock", directory);
    zloom_file_t *probe = NULL;
    zloom_err_t err = vfs->open (vfs, path, false, &probe);
    vfs->close (vfs, &probe);
    if (err == ZLOOM_NOT_FOUND) {
        err = zloom_fail (ZLOOM_NOT_FOUND, "%s holds no log", directory);
    }
    if (!err) {
        err = vfs->lock (vfs, path, &self.lock);
    }
    if (!err) {
        err = s_examine (&self);
    }
    char *note = err ? zloom_strdup (zloom_note ()) : NULL;
    for (size_t i = 0; i < self.segment_count; i++) {
        vfs->close (vfs, &self.segments[i].file);
    }
    vfs->close (vfs, &self.lock);
    zloom_names_fini (&self.names);
    zloom_slot_fini (&self.slots[0]);
    zloom_slot_fini (&self.slots[1]);
    free (self.segments);
    free (self.pointers);
    free (path);
    if (err) {
        (void) zloom_fail (err, "%s", note);
        free (note);
    }
    return err;
}

int
zloom_doctor_exit_code (const zloom_doctor_report_t *report)
{
    return report->damages > 0 ? EXIT_DAMAGED : 0;
}

void
zloom_doctor_fini (zloom_doctor_report_t *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        free (report->findings[i].file);
        free (report->findings[i].text);
    }
    for (size_t i = 0; i < report->flow_count; i++) {
        free (report->flows[i].name);
    }
    free (report->findings);
    free (report->flows);
    *report = (zloom_doctor_report_t){0};
}
