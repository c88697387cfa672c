/* SPDX-License-Identifier: MPL-2.0 */
/* mover.c - see mover.h. */
#include "journal/mover.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

#define COLD_GROUP_BYTES (256u * 1024)

zloom_move_t *
zloom_move_new (zloom_log_t *log, uint32_t source_flow, uint64_t source)
{
    zloom_move_t *self = zloom_alloc (sizeof *self);
    self->job.step = zloom_move_step;
    self->vfs = log->vfs;
    self->directory = zloom_strdup (log->directory);
    self->key = log->key;
    self->boot = log->base.boot;
    self->wall_ns = log->now.wall_ns;
    self->segment_bytes = log->segment_bytes;
    self->group_most = log->group_most;
    self->source_flow = source_flow;
    self->source = source;
    return self;
}

void
zloom_move_add (zloom_move_t *self, uint32_t flow, uint32_t offset, zloom_range_t *runs,
                size_t run_count)
{
    zloom_grow (&self->items, &self->item_capacity, self->item_count + 1, sizeof *self->items);
    self->items[self->item_count++] = (zloom_move_item_t){flow, offset, runs, run_count, false};
}

void
zloom_move_add_target (zloom_move_t *self, uint32_t flow, const zloom_cold_t *cold)
{
    zloom_grow (&self->targets, &self->target_capacity, self->target_count + 1,
                sizeof *self->targets);
    self->targets[self->target_count++] = (zloom_move_target_t){.flow = flow,
                                                                .number = cold->number,
                                                                .bytes = cold->bytes,
                                                                .groups = cold->groups,
                                                                .last_crc = cold->last_crc,
                                                                .fresh = cold->bytes == 0};
}

void
zloom_keep_damaged (zloom_vfs_t *vfs, const char *directory, const char *name, zloom_file_t *file,
                    uint64_t offset, uint64_t bytes)
{
    char *folder = zloom_format ("%s/damaged", directory);
    char *path = zloom_format ("%s/%s-%llu", folder, name, (unsigned long long) offset);
    zloom_file_t *copy = NULL;
    zloom_buf_t buf = {0};
    size_t got = 0;
    uint8_t *data = zloom_buf_reserve (&buf, (size_t) bytes);
    zloom_err_t err = vfs->read (vfs, file, offset, data, (size_t) bytes, &got);
    if (!err) {
        err = vfs->mkdir (vfs, folder);
    }
    if (!err) {
        err = vfs->open (vfs, path, true, &copy);
    }
    if (!err) {
        zloom_bytes_t part = zloom_bytes (data, got);
        zloom_gather_t gather = {&part, 1};
        err = vfs->write (vfs, copy, 0, &gather);
    }
    if (!err) {
        err = vfs->sync (vfs, copy);
    }
    vfs->close (vfs, &copy);
    zloom_log (err ? ZLOOM_LOG_WARN : ZLOOM_LOG_INFO, "journal-kept", "path=%s bytes=%zu %s", path,
               got, err ? zloom_note () : "");
    zloom_buf_fini (&buf);
    free (folder);
    free (path);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The cold segment that takes `bytes` more of the flow: the last one, or a new one behind it. */
static zloom_move_target_t *
s_target (zloom_move_t *self, uint32_t flow, uint64_t bytes)
{
    zloom_move_target_t *last = NULL;
    for (size_t i = 0; i < self->target_count; i++) {
        if (self->targets[i].flow == flow) {
            last = &self->targets[i];
        }
    }
    zloom_assert (last);
    if (last->bytes > 0 && last->bytes + bytes > self->segment_bytes) {
        zloom_cold_t next = {.number = last->number + 1};
        zloom_move_add_target (self, flow, &next);
        last = &self->targets[self->target_count - 1];
    }
    return last;
}

static void
s_note_moved (zloom_move_t *self, uint32_t flow, const zloom_extent_t *extent)
{
    zloom_grow (&self->moved, &self->moved_capacity, self->moved_count + 1, sizeof *self->moved);
    self->moved[self->moved_count++] = (zloom_moved_t){flow, *extent};
}

/* Write the group that was built to its flow's cold segment. */
static zloom_err_t
s_flush (zloom_move_t *self)
{
    if (self->building.records == 0) {
        return ZLOOM_OK;
    }
    uint64_t bytes = zloom_blocks (zloom_group_bytes (&self->building));
    zloom_move_target_t *target = s_target (self, self->building_flow, bytes);
    zloom_err_t err = ZLOOM_OK;
    if (!target->file) {
        char *path = zloom_cold_path (self->directory, target->flow, target->number);
        err = self->vfs->open (self->vfs, path, target->fresh, &target->file);
        free (path);
    }
    if (err) {
        return err;
    }
    self->building.number = target->groups + 1;
    zloom_group_header_t header = {
      .place = {target->flow, target->number, (uint32_t) target->bytes},
      .boot = self->boot,
      .attested = target->groups,
      .previous_crc = target->last_crc,
      .wall_ns = self->wall_ns,
    };
    zloom_gather_t gather = zloom_group_finish (&self->building, &self->key, &header);
    target->dirty = true;
    err = self->vfs->write (self->vfs, target->file, target->bytes, &gather);
    if (err) {
        return err;
    }
    self->extent.segment = target->number;
    self->extent.offset = (uint32_t) target->bytes;
    self->extent.cold = true;
    s_note_moved (self, target->flow, &self->extent);
    target->bytes += bytes;
    target->groups++;
    target->last_crc = header.crc;
    self->moved_bytes += header.total_bytes;
    zloom_group_clear (&self->building);
    return ZLOOM_OK;
}

/* Add one pack to the group under construction. */
static zloom_err_t
s_add_pack (zloom_move_t *self, const zloom_entry_t *entry, zloom_blob_t *blob)
{
    zloom_bytes_t payload = zloom_blob_bytes (blob);
    uint64_t more = zloom_group_cost (1, entry->head.size + payload.size);
    if (self->building.records > 0 &&
        (zloom_group_bytes (&self->building) + more > self->group_most ||
         zloom_group_bytes (&self->building) > COLD_GROUP_BYTES)) {
        zloom_err_t err = s_flush (self);
        if (err) {
            return err;
        }
    }
    zloom_record_t record = {
      .type = ZLOOM_RECORD_PACK,
      .critical = entry->critical,
      .flow = entry->flow,
      .group = entry->group,
      .seq = entry->seq,
      .count = entry->count,
      .head = entry->head,
      .payload = payload,
    };
    if (self->building.records == 0) {
        self->building_flow = entry->flow;
        self->extent = (zloom_extent_t){.first = entry->seq};
    }
    self->extent.last = entry->seq + entry->count - 1;
    self->extent.bytes += (uint32_t) (entry->head.size + payload.size);
    zloom_group_add_checked (&self->building, &record, blob, entry->payload_crc);
    return ZLOOM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Numbers that are needed but whose bytes do not hold. */
static zloom_err_t
s_hole (zloom_move_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    zloom_err_t err = s_flush (self);
    if (!err) {
        zloom_extent_t extent = {.first = first, .last = last, .cold = true};
        s_note_moved (self, flow, &extent);
        self->holes++;
        zloom_log (ZLOOM_LOG_ERROR, "journal-hole", "flow=%u first=%llu last=%llu", flow,
                   (unsigned long long) first, (unsigned long long) last);
    }
    return err;
}

static void
s_keep (zloom_move_t *self, uint32_t offset, uint64_t bytes)
{
    char *name =
      self->source_flow == 0
        ? zloom_format ("hot-%010llu", (unsigned long long) self->source)
        : zloom_format ("cold-%u-%010llu", self->source_flow, (unsigned long long) self->source);
    zloom_keep_damaged (self->vfs, self->directory, name, self->file, offset, bytes);
    free (name);
}

static bool
s_needed (const zloom_move_item_t *item, const zloom_entry_t *entry)
{
    if (entry->type != ZLOOM_RECORD_PACK || entry->flow != item->flow || entry->count == 0) {
        return false;
    }
    uint64_t last = entry->seq + entry->count - 1;
    for (size_t i = 0; i < item->run_count; i++) {
        if (item->runs[i].first <= last && item->runs[i].last >= entry->seq) {
            return true;
        }
    }
    return false;
}

static zloom_err_t
s_copy_pack (zloom_move_t *self, const zloom_group_header_t *header, const zloom_entry_t *entry)
{
    uint64_t from =
      (uint64_t) ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes + entry->payload_offset;
    uint8_t *data;
    size_t got = 0;
    size_t size = from + entry->payload_bytes <= header->total_bytes ? entry->payload_bytes : 0;
    zloom_blob_t *blob = zloom_blob_new_empty (size, &data);
    zloom_err_t err =
      self->vfs->read (self->vfs, self->file, header->place.offset + from, data, size, &got);
    if (!err && got == entry->payload_bytes && zloom_crc32c (0, data, got) == entry->payload_crc) {
        err = s_add_pack (self, entry, blob);
    } else if (!err) {
        s_keep (self, header->place.offset, header->total_bytes);
        err = s_hole (self, entry->flow, entry->seq, entry->seq + entry->count - 1);
    }
    zloom_blob_unref (&blob);
    return err;
}

static zloom_err_t
s_copy_item (zloom_move_t *self, const zloom_move_item_t *item)
{
    if (self->building.records > 0 && (self->building_flow != item->flow || item->apart)) {
        zloom_err_t err = s_flush (self);
        if (err) {
            return err;
        }
    }
    zloom_buf_t buf = {0};
    zloom_group_header_t header;
    zloom_place_t place = {self->source_flow, self->source, item->offset};
    zloom_err_t err = zloom_group_load (self->vfs, self->file, &self->key, &place, &buf, &header);
    if (err == ZLOOM_MALFORMED) {
        s_keep (self, item->offset, ZLOOM_BLOCK_BYTES);
        err = s_hole (self, item->flow, item->runs[0].first, item->runs[item->run_count - 1].last);
    } else if (!err) {
        zloom_record_reader_t directory = zloom_group_directory (&header, zloom_buf_bytes (&buf));
        zloom_entry_t entry;
        while (!err && zloom_entry_next (&directory, &entry)) {
            if (s_needed (item, &entry)) {
                err = s_copy_pack (self, &header, &entry);
            }
        }
    }
    zloom_buf_fini (&buf);
    return err;
}

/* ---- the job --------------------------------------------------------------------------------- */

static zloom_err_t
s_open_source (zloom_move_t *self)
{
    char *path = zloom_cold_path (self->directory, self->source_flow, self->source);
    zloom_err_t err = self->vfs->open (self->vfs, path, false, &self->file);
    free (path);
    return err;
}

bool
zloom_move_step (zloom_job_t *job)
{
    zloom_move_t *self = (zloom_move_t *) job;
    if (!self->file) {
        job->err = s_open_source (self);
    } else if (self->at < self->item_count) {
        job->err = s_copy_item (self, &self->items[self->at++]);
    } else if (self->building.records > 0) {
        job->err = s_flush (self);
    } else if (self->syncing < self->target_count) {
        zloom_move_target_t *target = &self->targets[self->syncing++];
        if (target->dirty) {
            job->err = self->vfs->sync (self->vfs, target->file);
        }
    } else {
        /* Their names, too, before anything points at them. */
        job->err = self->vfs->sync_directory (self->vfs, self->directory);
        return false;
    }
    return !job->err;
}

void
zloom_move_undo (zloom_move_t *self)
{
    for (size_t i = 0; i < self->target_count; i++) {
        zloom_move_target_t *target = &self->targets[i];
        if (target->fresh && target->file) {
            char *path = zloom_cold_path (self->directory, target->flow, target->number);
            self->vfs->close (self->vfs, &target->file);
            (void) self->vfs->remove (self->vfs, path);
            free (path);
        }
    }
}

void
zloom_move_free (zloom_move_t **self_p)
{
    zloom_move_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->item_count; i++) {
        free (self->items[i].runs);
    }
    for (size_t i = 0; i < self->target_count; i++) {
        self->vfs->close (self->vfs, &self->targets[i].file);
    }
    if (self->source_flow > 0) {
        self->vfs->close (self->vfs, &self->file);
    }
    zloom_group_fini (&self->building);
    free (self->items);
    free (self->targets);
    free (self->moved);
    free (self->directory);
    free (self->job.note);
    free (self);
    *self_p = NULL;
}
