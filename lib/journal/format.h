/* SPDX-License-Identifier: MPL-2.0 */
/*
 * format.h - the journal's bytes: group header, directory entry, and the places they stand at.
 * docs/journal.md has the tables. All numbers are little-endian.
 *
 * How the format changes: a new record type that old readers may skip gets a number and no
 * critical bit; one that they must not skip gets the critical bit, and they refuse to open the log
 * and name it. A change of the header or of the directory's entry raises
 * ZLOOM_FORMAT_VERSION; magic, version, directory_bytes and the CRC keep their places for ever, so
 * that every reader can tell "later version" from "damage". The reader of the version before
 * stays; golden samples of each version stand in tests/data/journal.
 */
#ifndef ZLOOM_JOURNAL_FORMAT_H
#define ZLOOM_JOURNAL_FORMAT_H

#include "journal/journal.h"

#define ZLOOM_FORMAT_VERSION 1u
/*
 * Groups start at multiples of this, so no page that holds a durable group is ever written again:
 * neither a torn page nor a drive with 4 KiB sectors can hurt what was confirmed before.
 */
#define ZLOOM_BLOCK_BYTES 4096u
#define ZLOOM_GROUP_HEADER_BYTES 128u
#define ZLOOM_ENTRY_BYTES 40u
/* Flow numbers are given out one by one; more than this is damage. A BOOT record tells the end of
 * each, so all of them have to fit a group. */
#define ZLOOM_FLOWS_MOST (1u << 16)
#define ZLOOM_FLOW_NAME_BYTES 255u
/*
 * Groups, segments, boots and messages are counted from 1 and no log ever gets near this (57 years
 * of 5 million messages a second): a greater number is damage. With that sums of numbers on the
 * disk and counts of 32 bits need no check of their own, and a hole is told in a bounded time.
 */
#define ZLOOM_NUMBERS_MOST (UINT64_C (1) << 53)

/* Who the log is. The secret never leaves the disk: nobody can forge a header inside a message. */
typedef struct {
    uint8_t id[16];
    uint64_t secret;
} zloom_log_key_t;

/* Where a group stands: a hot segment (flow 0) or a cold segment of one flow. */
typedef struct {
    uint32_t flow;
    uint64_t segment;
    uint32_t offset;
} zloom_place_t;

typedef struct {
    zloom_place_t place;
    zloom_boot_t boot;
    uint64_t number;
    uint64_t attested; /* every group up to this one was durable before this one was written */
    uint32_t total_bytes;
    uint32_t directory_bytes;
    uint32_t records;
    uint32_t previous_crc;
    int64_t wall_ns;
    uint32_t crc;
    uint16_t version;
} zloom_group_header_t;

/* One record as the directory tells it. */
typedef struct {
    uint16_t type;
    bool critical;
    uint32_t flow;
    uint32_t group;
    uint32_t count;
    uint64_t seq;
    uint32_t payload_offset; /* from the end of the directory */
    uint32_t payload_bytes;
    uint32_t payload_crc;
    zloom_bytes_t head;
} zloom_entry_t;

/* Reads little-endian fields; once it runs over the end, `bad` is set and all reads give 0. */
typedef struct {
    const uint8_t *data;
    size_t size;
    size_t at;
    bool bad;
} zloom_record_reader_t;

zloom_record_reader_t zloom_record_reader (zloom_bytes_t bytes);
uint8_t zloom_record_reader_u8 (zloom_record_reader_t *self);
uint16_t zloom_record_reader_u16 (zloom_record_reader_t *self);
uint32_t zloom_record_reader_u32 (zloom_record_reader_t *self);
uint64_t zloom_record_reader_u64 (zloom_record_reader_t *self);
zloom_bytes_t zloom_record_reader_bytes (zloom_record_reader_t *self, size_t size);

void zloom_buf_add_u16 (zloom_buf_t *buf, uint16_t value);
void zloom_buf_add_u32 (zloom_buf_t *buf, uint32_t value);
void zloom_buf_add_u64 (zloom_buf_t *buf, uint64_t value);

/* `bytes` rounded up to whole blocks. */
static inline uint64_t
zloom_blocks (uint64_t bytes)
{
    return (bytes + ZLOOM_BLOCK_BYTES - 1) / ZLOOM_BLOCK_BYTES * ZLOOM_BLOCK_BYTES;
}

/* Write the header's 128 bytes for this directory to `out`; sets header->crc. */
void zloom_group_header_encode (zloom_group_header_t *header, const zloom_log_key_t *key,
                                zloom_bytes_t directory, uint8_t *out);
/*
 * Take the 128 bytes apart: false when this can not be the header of a group of this log at this
 * place. The checksum comes next, once the directory is there.
 */
bool zloom_group_header_decode (const uint8_t *raw, const zloom_log_key_t *key,
                                const zloom_place_t *place, zloom_group_header_t *header);
/* Whether the header's checksum holds for these bytes and this directory. */
bool zloom_group_header_holds (const uint8_t *raw, zloom_bytes_t directory);

void zloom_entry_encode (zloom_buf_t *directory, const zloom_entry_t *entry);
/* The next entry; false at the end or when the rest makes no sense (then cursor->bad is set). */
bool zloom_entry_next (zloom_record_reader_t *directory, zloom_entry_t *entry);
/* An entry's payload in a whole group's bytes; the NULL view when it does not lie inside. */
zloom_bytes_t zloom_entry_payload (const zloom_entry_t *entry, const zloom_group_header_t *header,
                                   zloom_bytes_t group);
/* Whether the type is one that this version knows. */
bool zloom_record_known (uint16_t type);
/* Whether these bytes can be a flow's name: not empty, not too long, no NUL in them. */
bool zloom_flow_name_good (zloom_bytes_t name);
/* "PACK", or "type 77" for an unknown one, into `text` of 16 bytes. */
const char *zloom_record_text (uint16_t type, char text[16]);

/*
 * Whether these bytes, read at `place`, begin with a whole header and directory; *header: what it
 * says. MALFORMED, VERSION as below.
 */
zloom_err_t zloom_group_check (zloom_bytes_t bytes, const zloom_log_key_t *key,
                               const zloom_place_t *place, zloom_group_header_t *header);
/*
 * Read header and directory of the group at `place` into `buf` (header first) and check them.
 * MALFORMED: no group of this log stands there. VERSION: one of a later version does. DISK.
 */
zloom_err_t zloom_group_load (zloom_vfs_t *vfs, zloom_file_t *file, const zloom_log_key_t *key,
                              const zloom_place_t *place, zloom_buf_t *buf,
                              zloom_group_header_t *header);

#endif
