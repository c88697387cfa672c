/* SPDX-License-Identifier: MPL-2.0 */
/* reader.c - see reader.h. */
#include "journal/reader.h"
#include "base/crc32c.h"
#include "base/memory.h"

#include <stdlib.h>

/* A cold group of this size comes whole: of 512 KiB, or of one large pack. */
#define WHOLE_BYTES (2u * 1024 * 1024)

/*
 * The entries of the flow from the one with `seq` on, as far as their payloads take no more than
 * `most` bytes together.
 */
static bool
s_choose (const zloom_fetch_t *self, const zloom_group_header_t *header, zloom_bytes_t group,
          uint64_t most, zloom_entry_t **entries_p, size_t *count_p)
{
    zloom_record_reader_t directory = zloom_group_directory (header, group);
    zloom_entry_t entry;
    zloom_entry_t *entries = NULL;
    size_t capacity = 0;
    size_t count = 0;
    while (zloom_entry_next (&directory, &entry)) {
        if (entry.type != ZLOOM_RECORD_PACK || entry.flow != self->flow || entry.count == 0 ||
            entry.seq + entry.count <= self->seq) {
            continue;
        }
        bool wanted = count > 0 || entry.seq <= self->seq;
        bool fits =
          count == 0 ||
          (uint64_t) entry.payload_offset + entry.payload_bytes - entries[0].payload_offset <= most;
        if (!wanted || !fits) {
            break;
        }
        zloom_grow (&entries, &capacity, count + 1, sizeof *entries);
        entries[count++] = entry;
    }
    *entries_p = entries;
    *count_p = count;
    return count > 0;
}

static void
s_add_chunk (zloom_fetch_t *self, const zloom_entry_t *entry, const uint8_t *head,
             const uint8_t *payload, zloom_blob_t *blob)
{
    zloom_grow (&self->chunks, &self->capacity, self->count + 1, sizeof *self->chunks);
    self->chunks[self->count++] = (zloom_chunk_t){
      .seq = entry->seq,
      .count = entry->count,
      .head = zloom_bytes (head, entry->head.size),
      .payload = zloom_bytes (payload, entry->payload_bytes),
      .blob = zloom_blob_ref (blob),
    };
}

/* Read the span of these entries into one blob and make the chunks. */
static zloom_err_t
s_read_span (zloom_fetch_t *self, zloom_file_t *file, const zloom_group_header_t *header,
             const zloom_entry_t *entries, size_t count)
{
    uint64_t from = entries[0].payload_offset;
    uint64_t to = (uint64_t) entries[count - 1].payload_offset + entries[count - 1].payload_bytes;
    uint64_t front = (uint64_t) ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes;
    size_t heads = 0;
    for (size_t i = 0; i < count; i++) {
        heads += entries[i].head.size;
    }
    if (to < from || front + to > header->total_bytes) {
        return zloom_fail (ZLOOM_DAMAGED, "group %llu: payload outside",
                           (unsigned long long) header->number);
    }
    uint8_t *data;
    size_t got = 0;
    zloom_blob_t *blob = zloom_blob_new_empty (heads + (size_t) (to - from), &data);
    zloom_err_t err = self->vfs->read (self->vfs, file, self->place.offset + front + from,
                                       data + heads, (size_t) (to - from), &got);
    size_t head_at = 0;
    for (size_t i = 0; i < count && !err; i++) {
        const zloom_entry_t *entry = &entries[i];
        size_t at = (size_t) (entry->payload_offset - from);
        uint8_t *payload = data + heads + at;
        if (entry->payload_offset < from || at + entry->payload_bytes > got ||
            zloom_crc32c (0, payload, entry->payload_bytes) != entry->payload_crc) {
            break;
        }
        if (entry->head.size > 0) {
            memcpy (data + head_at, entry->head.data, entry->head.size);
        }
        s_add_chunk (self, entry, data + head_at, payload, blob);
        head_at += entry->head.size;
    }
    zloom_blob_unref (&blob);
    return err;
}

/* The directory first, then what is wanted of the payloads. */
static zloom_err_t
s_read_parts (zloom_fetch_t *self, zloom_file_t *file, zloom_group_header_t *header)
{
    zloom_buf_t buf = {0};
    zloom_entry_t *entries = NULL;
    size_t count = 0;
    zloom_err_t err = zloom_group_load (self->vfs, file, &self->key, &self->place, &buf, header);
    if (!err &&
        s_choose (self, header, zloom_buf_bytes (&buf), ZLOOM_AHEAD_BYTES, &entries, &count)) {
        err = s_read_span (self, file, header, entries, count);
        self->found = true;
    }
    free (entries);
    zloom_buf_fini (&buf);
    return err;
}

/* Make chunks of what came whole. */
static void
s_cut_whole (zloom_fetch_t *self, const zloom_group_header_t *header, zloom_bytes_t group,
             zloom_blob_t *blob)
{
    zloom_entry_t *entries = NULL;
    size_t count = 0;
    self->found = s_choose (self, header, group, UINT64_MAX, &entries, &count);
    for (size_t i = 0; i < count && zloom_entry_holds (&entries[i], header, group); i++) {
        zloom_bytes_t payload = zloom_entry_payload (&entries[i], header, group);
        s_add_chunk (self, &entries[i], entries[i].head.data, payload.data, blob);
    }
    free (entries);
}

/*
 * Room for a group that comes whole. It is aligned by hand: of what posix_memalign gives back
 * nothing is used again that is as large, so a long backlog would cost tens of MiB.
 */
static void
s_make_room (zloom_fetch_t *self, size_t bytes)
{
    self->blob = zloom_blob_new_empty (bytes + ZLOOM_BLOCK_BYTES, &self->room);
    self->room += -(uintptr_t) self->room % ZLOOM_BLOCK_BYTES;
    self->bytes = bytes;
    if (self->beside) {
        self->vfs->bypass (self->vfs, self->file);
    }
}

static zloom_err_t
s_open (zloom_fetch_t *self)
{
    zloom_err_t err = ZLOOM_OK;
    if (self->path) {
        err = self->vfs->open (self->vfs, self->path, false, &self->file);
    } else if (!self->file) {
        err = zloom_fail (ZLOOM_DAMAGED, "segment %llu is not there",
                          (unsigned long long) self->place.segment);
    }
    const size_t bytes = (size_t) zloom_blocks (ZLOOM_GROUP_HEADER_BYTES + self->extent_bytes);
    if (!err && self->follows && bytes <= WHOLE_BYTES) {
        s_make_room (self, bytes);
    } else if (!err && self->beside) {
        self->vfs->expect (self->vfs, self->file, 0, 0);
    }
    return err;
}

/* The next piece of a group that comes whole; *more: there are others behind it. */
static zloom_err_t
s_read_piece (zloom_fetch_t *self, bool *more)
{
    size_t size = self->bytes - self->got;
    size = self->in_pieces && size > ZLOOM_PIECE_BYTES ? ZLOOM_PIECE_BYTES : size;
    size_t got = 0;
    zloom_err_t err = self->vfs->read (self->vfs, self->file, self->place.offset + self->got,
                                       self->room + self->got, size, &got);
    self->got += got;
    *more = !err && got == size && self->got < self->bytes;
    return err;
}

/* The group is here: cut it; as by parts when it is larger than was known. */
static zloom_err_t
s_take_whole (zloom_fetch_t *self, zloom_group_header_t *header)
{
    const zloom_bytes_t group = zloom_bytes (self->room, self->got);
    zloom_err_t err = zloom_group_check (group, &self->key, &self->place, header);
    if (!err && header->total_bytes > self->got) {
        return s_read_parts (self, self->file, header);
    }
    if (!err) {
        s_cut_whole (self, header, group, self->blob);
    }
    return err;
}

/* All was read: what came of it. */
static zloom_err_t
s_judge (const zloom_fetch_t *self, zloom_err_t err, const zloom_group_header_t *header)
{
    if (err == ZLOOM_MALFORMED || (self->path && err == ZLOOM_NOT_FOUND)) {
        return ZLOOM_DAMAGED; /* the index says that something stands there */
    }
    if (!err && !self->found) {
        return zloom_fail (ZLOOM_NOT_FOUND, "flow %u: nothing stored under %llu", self->flow,
                           (unsigned long long) self->seq);
    }
    if (!err && self->count == 0) {
        return zloom_fail (ZLOOM_DAMAGED, "group %llu: payload checksum of %llu",
                           (unsigned long long) header->number, (unsigned long long) self->seq);
    }
    return err;
}

static void
s_let_go (zloom_fetch_t *self)
{
    zloom_blob_unref (&self->blob);
    if (self->path) {
        self->vfs->close (self->vfs, &self->file);
    }
}

bool
zloom_fetch_step (zloom_job_t *job)
{
    zloom_fetch_t *self = (zloom_fetch_t *) job;
    zloom_group_header_t header = {0};
    zloom_err_t err = self->blob ? ZLOOM_OK : s_open (self);
    if (!err && self->blob) {
        bool more = false;
        err = s_read_piece (self, &more);
        if (more) {
            return true;
        }
        err = err ? err : s_take_whole (self, &header);
    } else if (!err) {
        err = s_read_parts (self, self->file, &header);
    }
    job->err = s_judge (self, err, &header);
    s_let_go (self);
    return false;
}

void
zloom_fetch_free (zloom_fetch_t **self_p)
{
    zloom_fetch_t *self = *self_p;
    for (size_t i = 0; i < self->count; i++) {
        zloom_blob_unref (&self->chunks[i].blob);
    }
    s_let_go (self);
    free (self->chunks);
    free (self->path);
    free (self->job.note);
    free (self);
    *self_p = NULL;
}
