/* SPDX-License-Identifier: MPL-2.0 */
/* mover.c - see mover.h. */
#include "journal/mover.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

/* A pack that is larger is a group of its own. */
#define COLD_GROUP_BYTES (512u * 1024)
/* So many numbers between two needed ones are copied along: a record of their own costs more. */
#define GAP_MOST 2u

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
    self->cut = log->base.owner.cut;
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
        if (!err) {
            /* Read when all before it has been taken: not worth the system's memory until then. */
            self->vfs->bypass (self->vfs, target->file);
        }
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

/* Add a pack of `needed` messages and others to the group under construction; `entry`: whose. */
static zloom_err_t
s_add_pack (zloom_move_t *self, const zloom_entry_t *entry, const zloom_chunk_t *pack,
            uint32_t needed)
{
    uint64_t more = zloom_group_cost (1, pack->head.size + pack->payload.size);
    const uint64_t most = self->group_most < COLD_GROUP_BYTES ? self->group_most : COLD_GROUP_BYTES;
    if (self->building.records > 0 && zloom_group_bytes (&self->building) + more > most) {
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
      .seq = pack->seq,
      .count = pack->count,
      .head = pack->head,
      .payload = pack->payload,
    };
    if (self->building.records == 0) {
        self->building_flow = entry->flow;
        self->extent = (zloom_extent_t){.first = pack->seq};
    }
    self->extent.last = pack->seq + pack->count - 1;
    self->extent.bytes += (uint32_t) more;
    self->extent.needed += needed;
    if (pack->count == entry->count) {
        zloom_group_add_checked (&self->building, &record, pack->blob, entry->payload_crc);
    } else {
        zloom_group_add (&self->building, &record, pack->blob);
    }
    return ZLOOM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Numbers that are needed but whose bytes do not hold. */
static zloom_err_t
s_hole (zloom_move_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    zloom_err_t err = s_flush (self);
    if (!err) {
        uint64_t numbers = last - first + 1;
        zloom_extent_t extent = {.first = first, .last = last, .cold = true};
        extent.needed = numbers < UINT32_MAX ? (uint32_t) numbers : UINT32_MAX;
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

/* A part of a pack that is copied in one piece. */
typedef struct {
    uint64_t first;
    uint64_t last;
    uint32_t needed;
} part_t;

/*
 * The next part of the pack, from `from` on; *at is the place in the item's runs, which rises with
 * `from`.
 */
static bool
s_next_part (const zloom_move_item_t *item, size_t *at, const zloom_entry_t *entry, uint64_t from,
             part_t *part)
{
    uint64_t last = entry->seq + entry->count - 1;
    while (*at < item->run_count && item->runs[*at].last < from) {
        (*at)++;
    }
    *part = (part_t){0};
    for (size_t i = *at; i < item->run_count && item->runs[i].first <= last; i++) {
        zloom_range_t run = item->runs[i];
        run.first = run.first > from ? run.first : from;
        run.last = run.last < last ? run.last : last;
        if (part->needed > 0 && run.first > part->last + 1 + GAP_MOST) {
            break;
        }
        part->first = part->needed > 0 ? part->first : run.first;
        part->last = run.last;
        part->needed += (uint32_t) (run.last - run.first + 1);
    }
    return part->needed > 0;
}

static zloom_err_t
s_copy_whole (zloom_move_t *self, const zloom_move_item_t *item, size_t at,
              const zloom_entry_t *entry, const zloom_chunk_t *pack)
{
    uint32_t needed = 0;
    part_t part;
    for (uint64_t from = entry->seq; s_next_part (item, &at, entry, from, &part);
         from = part.last + 1) {
        needed += part.needed;
    }
    return s_add_pack (self, entry, pack, needed);
}

/* Copy what is needed of a pack that reads well, cut out of it or, if that cannot be, whole. */
static zloom_err_t
s_copy_parts (zloom_move_t *self, const zloom_move_item_t *item, size_t at,
              const zloom_entry_t *entry, const zloom_chunk_t *pack)
{
    zloom_buf_t head = {0};
    zloom_err_t err = ZLOOM_OK;
    part_t part;
    uint64_t from = entry->seq;
    for (; !err && s_next_part (item, &at, entry, from, &part); from = part.last + 1) {
        zloom_chunk_t cut = *pack;
        cut.seq = part.first;
        cut.count = (uint32_t) (part.last - part.first + 1);
        zloom_buf_clear (&head);
        if (cut.count == entry->count) {
            err = s_add_pack (self, entry, pack, part.needed);
        } else if (self->cut && self->cut (pack, cut.seq, cut.count, &head, &cut.payload)) {
            cut.head = zloom_buf_bytes (&head);
            err = s_add_pack (self, entry, &cut, part.needed);
        } else if (from > entry->seq) {
            err = s_hole (self, entry->flow, part.first, part.last); /* less than it says */
        } else {
            err = s_copy_whole (self, item, at, entry, pack);
            break;
        }
    }
    zloom_buf_fini (&head);
    return err;
}

/* The parts of a pack whose bytes do not hold. */
static zloom_err_t
s_lose_parts (zloom_move_t *self, const zloom_move_item_t *item, size_t at,
              const zloom_entry_t *entry)
{
    zloom_err_t err = ZLOOM_OK;
    part_t part;
    uint64_t from = entry->seq;
    for (; !err && s_next_part (item, &at, entry, from, &part); from = part.last + 1) {
        err = s_hole (self, entry->flow, part.first, part.last);
    }
    return err;
}

/* A pack of the item; *at: as in s_next_part. */
static zloom_err_t
s_copy_pack (zloom_move_t *self, const zloom_move_item_t *item, size_t *at,
             const zloom_group_header_t *header, const zloom_entry_t *entry)
{
    part_t part;
    if (!s_next_part (item, at, entry, entry->seq, &part)) {
        return ZLOOM_OK;
    }
    uint64_t from =
      (uint64_t) ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes + entry->payload_offset;
    uint8_t *data;
    size_t got = 0;
    size_t size = from + entry->payload_bytes <= header->total_bytes ? entry->payload_bytes : 0;
    zloom_blob_t *blob = zloom_blob_new_empty (size, &data);
    zloom_err_t err =
      self->vfs->read (self->vfs, self->file, header->place.offset + from, data, size, &got);
    if (!err && got == entry->payload_bytes && zloom_crc32c (0, data, got) == entry->payload_crc) {
        zloom_chunk_t pack = {.seq = entry->seq,
                              .count = entry->count,
                              .head = entry->head,
                              .payload = zloom_blob_bytes (blob),
                              .blob = blob};
        err = s_copy_parts (self, item, *at, entry, &pack);
    } else if (!err) {
        s_keep (self, header->place.offset, header->total_bytes);
        err = s_lose_parts (self, item, *at, entry);
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
    size_t at = 0;
    if (item->offset >= self->expected_to) {
        /* Moving has time: half a MiB at once, not as much as the system reads ahead. */
        self->vfs->expect (self->vfs, self->file, item->offset, COLD_GROUP_BYTES);
        self->expected_to = item->offset + COLD_GROUP_BYTES;
    }
    zloom_err_t err = zloom_group_load (self->vfs, self->file, &self->key, &place, &buf, &header);
    if (err == ZLOOM_MALFORMED) {
        s_keep (self, item->offset, ZLOOM_BLOCK_BYTES);
        err = ZLOOM_OK;
        for (size_t i = 0; i < item->run_count && !err; i++) {
            err = s_hole (self, item->flow, item->runs[i].first, item->runs[i].last);
        }
    } else if (!err) {
        zloom_record_reader_t directory = zloom_group_directory (&header, zloom_buf_bytes (&buf));
        zloom_entry_t entry;
        while (!err && zloom_entry_next (&directory, &entry)) {
            if (entry.type == ZLOOM_RECORD_PACK && entry.flow == item->flow && entry.count > 0) {
                err = s_copy_pack (self, item, &at, &header, &entry);
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
