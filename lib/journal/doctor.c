/* SPDX-License-Identifier: MPL-2.0 */
/* doctor.c - see doctor.h. */
#include "journal/doctor.h"
#include "base/memory.h"
#include "journal/index.h"
#include "journal/log.h"
#include "journal/names.h"
#include "journal/report.h"
#include "journal/slot.h"
#include "journal/walk.h"

#include <stdlib.h>

/* ---- superblock and snapshots ---------------------------------------------------------------- */

static zloom_err_t
s_read_slots (zloom_doctor_t *self)
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
    /* A log that was opened once has both slots and a segment; what ended while it was made holds
     * at most a first slot that was never written whole. */
    if (!self->slot && self->names.hot_count + self->names.cold_count == 0 &&
        self->slot_errs[1] == ZLOOM_NOT_FOUND) {
        return zloom_fail (ZLOOM_NOT_FOUND, "%s holds no log", self->directory);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (self->slot_errs[i] == ZLOOM_MALFORMED) {
            (void) zloom_report_find (
              self->report, self->slot ? ZLOOM_FINDING_NOTE : ZLOOM_FINDING_DAMAGE,
              zloom_format ("slot.%u", i), 0, "superblock slot %u can not be read%s", i,
              self->slot ? ", the other one is used" : "");
        }
    }
    if (self->slot) {
        return ZLOOM_OK;
    }
    if (self->slot_errs[0] == ZLOOM_NOT_FOUND) {
        (void) zloom_report_find (self->report, ZLOOM_FINDING_DAMAGE, zloom_strdup ("slot.0"), 0,
                                  "both superblock slots are missing");
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_open_segments (zloom_doctor_t *self)
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
s_read_snapshots (zloom_doctor_t *self, const zloom_slot_t *slot)
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
            (void) zloom_report_find (self->report,
                                      used ? ZLOOM_FINDING_DAMAGE : ZLOOM_FINDING_NOTE,
                                      zloom_doctor_hot_name (segment), 0, "%s", zloom_note ());
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
            zloom_doctor_point (self, mark->number, &extent);
        }
        self->report->bytes += buf.size;
    }
    zloom_buf_fini (&buf);
    return err;
}

static void
s_take_slot (zloom_doctor_t *self)
{
    const zloom_slot_t *slot = self->slot;
    memcpy (self->report->log_id, slot->key.id, sizeof self->report->log_id);
    self->report->generation = slot->generation;
    self->report->boots = slot->boot_count;
    for (size_t i = 0; i < slot->flow_count; i++) {
        zloom_doctor_flow_t *flow = zloom_report_flow (self->report, slot->flows[i].number);
        if (slot->flows[i].name) {
            zloom_report_name_flow (flow, zloom_bytes_text (slot->flows[i].name));
        }
        flow->end = slot->flows[i].end;
        flow->snapshot_bytes = slot->flows[i].bytes;
    }
}

/* ---- cold segments --------------------------------------------------------------------------- */

/* All packs of one cold group that something points at. */
static zloom_err_t
s_look_at_cold (zloom_doctor_t *self, uint32_t flow, const zloom_extent_t *extent)
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
        zloom_finding_t *finding = zloom_report_find (
          self->report, ZLOOM_FINDING_DAMAGE, zloom_strdup (strrchr (path, '/') + 1),
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
s_walk_cold (zloom_doctor_t *self)
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
s_examine (zloom_doctor_t *self)
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
        err = zloom_doctor_walk_hot (self);
    }
    return err ? err : s_walk_cold (self);
}

zloom_err_t
zloom_doctor_examine (zloom_vfs_t *vfs, const char *directory, zloom_doctor_report_t *report)
{
    *report = (zloom_doctor_report_t){0};
    zloom_doctor_t self = {.vfs = vfs, .directory = directory, .report = report};
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
    free (self.known);
    free (path);
    if (err) {
        (void) zloom_fail (err, "%s", note);
        free (note);
    }
    return err;
}
