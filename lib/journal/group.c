/* SPDX-License-Identifier: MPL-2.0 */
/* group.c - see group.h. */
#include "journal/group.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

static const uint8_t s_zeros[ZLOOM_BLOCK_BYTES];

static void
s_add_part (zloom_group_t *self, zloom_bytes_t part)
{
    if (self->part_count > 1) {
        zloom_bytes_t *last = &self->parts[self->part_count - 1];
        if (last->data + last->size == part.data) {
            last->size += part.size;
            return;
        }
    }
    zloom_grow (&self->parts, &self->part_capacity, self->part_count + 1, sizeof *self->parts);
    self->parts[self->part_count++] = part;
}

void
zloom_group_add_checked (zloom_group_t *self, const zloom_record_t *record, zloom_blob_t *blob,
                         uint32_t payload_crc)
{
    if (self->directory.size == 0) {
        zloom_buf_reserve (&self->directory, ZLOOM_GROUP_HEADER_BYTES);
        self->directory.size = ZLOOM_GROUP_HEADER_BYTES;
        s_add_part (self, ZLOOM_BYTES_NULL); /* the directory's, set when it stops moving */
    }
    zloom_entry_t entry = {
      .type = (uint16_t) record->type,
      .critical = record->critical,
      .flow = record->flow,
      .group = record->group,
      .count = record->count,
      .seq = record->seq,
      .payload_offset = (uint32_t) self->payload_bytes,
      .payload_bytes = (uint32_t) record->payload.size,
      .payload_crc = payload_crc,
      .head = record->head,
    };
    zloom_entry_encode (&self->directory, &entry);
    self->records++;
    if (record->payload.size > 0) {
        s_add_part (self, record->payload);
        self->payload_bytes += record->payload.size;
    }
    if (blob && (self->blob_count == 0 || self->blobs[self->blob_count - 1] != blob)) {
        zloom_grow (&self->blobs, &self->blob_capacity, self->blob_count + 1, sizeof *self->blobs);
        self->blobs[self->blob_count++] = zloom_blob_ref (blob);
    }
    zloom_assert (zloom_group_bytes (self) <= ZLOOM_JOURNAL_GROUP_BYTES);
}

void
zloom_group_add (zloom_group_t *self, const zloom_record_t *record, zloom_blob_t *blob)
{
    zloom_group_add_checked (self, record, blob,
                             zloom_crc32c (0, record->payload.data, record->payload.size));
}

zloom_gather_t
zloom_group_finish (zloom_group_t *self, const zloom_log_key_t *key, zloom_group_header_t *header)
{
    zloom_assert (self->records > 0);
    zloom_bytes_t directory = zloom_bytes (self->directory.data + ZLOOM_GROUP_HEADER_BYTES,
                                           self->directory.size - ZLOOM_GROUP_HEADER_BYTES);
    header->number = self->number;
    header->directory_bytes = (uint32_t) directory.size;
    header->records = self->records;
    header->total_bytes = (uint32_t) zloom_group_bytes (self);
    zloom_group_header_encode (header, key, directory, self->directory.data);
    self->parts[0] = zloom_buf_bytes (&self->directory);
    uint64_t padding = zloom_blocks (header->total_bytes) - header->total_bytes;
    if (padding > 0) {
        s_add_part (self, zloom_bytes (s_zeros, padding));
    }
    return (zloom_gather_t){.parts = self->parts, .count = self->part_count};
}

zloom_record_reader_t
zloom_group_entries (const zloom_group_t *self)
{
    if (self->directory.size == 0) {
        return zloom_record_reader (ZLOOM_BYTES_NULL);
    }
    return zloom_record_reader (zloom_bytes (self->directory.data + ZLOOM_GROUP_HEADER_BYTES,
                                             self->directory.size - ZLOOM_GROUP_HEADER_BYTES));
}

void
zloom_group_clear (zloom_group_t *self)
{
    for (size_t i = 0; i < self->blob_count; i++) {
        zloom_blob_unref (&self->blobs[i]);
    }
    self->blob_count = 0;
    self->part_count = 0;
    self->payload_bytes = 0;
    self->records = 0;
    zloom_buf_clear (&self->directory);
}

void
zloom_group_fini (zloom_group_t *self)
{
    zloom_group_clear (self);
    free (self->blobs);
    free (self->parts);
    zloom_buf_fini (&self->directory);
    *self = (zloom_group_t){0};
}
