/* SPDX-License-Identifier: MPL-2.0 */
/*
 * group.h - a group being built: its directory grows in one buffer, its payloads stay where they
 * are (one reference a blob) and are gathered when the group is written.
 */
#ifndef ZLOOM_JOURNAL_GROUP_H
#define ZLOOM_JOURNAL_GROUP_H

#include "journal/format.h"

typedef struct {
    uint64_t number;
    zloom_buf_t directory; /* with room for the header in front, once anything is added */
    zloom_bytes_t *parts;  /* [0] header and directory, then payloads, then padding */
    size_t part_count;
    size_t part_capacity;
    zloom_blob_t **blobs;
    size_t blob_count;
    size_t blob_capacity;
    uint64_t payload_bytes;
    uint32_t records;
} zloom_group_t; /* zero-initialised is empty and ready */

/* Header, directory and payloads so far, not rounded up. */
static inline uint64_t
zloom_group_bytes (const zloom_group_t *self)
{
    uint64_t front = self->directory.size;
    return (front > 0 ? front : ZLOOM_GROUP_HEADER_BYTES) + self->payload_bytes;
}

/* What `records` records with `bytes` bytes of heads and payloads add at most. */
static inline uint64_t
zloom_group_cost (uint32_t records, uint64_t bytes)
{
    return (uint64_t) records * ZLOOM_ENTRY_BYTES + bytes;
}

/* The record's head is copied, its payload stays in `blob`. */
void zloom_group_add (zloom_group_t *self, const zloom_record_t *record, zloom_blob_t *blob);
/* As zloom_group_add for a payload whose checksum is known. */
void zloom_group_add_checked (zloom_group_t *self, const zloom_record_t *record, zloom_blob_t *blob,
                              uint32_t payload_crc);
/*
 * Complete header and padding for this place; sizes and crc are set in *header. The result is
 * zloom_blocks (total_bytes) long and valid until the group is cleared.
 */
zloom_gather_t zloom_group_finish (zloom_group_t *self, const zloom_log_key_t *key,
                                   zloom_group_header_t *header);
/* Step through what was added. */
zloom_record_reader_t zloom_group_entries (const zloom_group_t *self);
/* Drop all records, keep the memory. */
void zloom_group_clear (zloom_group_t *self);
void zloom_group_fini (zloom_group_t *self);

#endif
