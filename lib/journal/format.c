/* SPDX-License-Identifier: MPL-2.0 */
/* format.c - see format.h. */
#include "journal/format.h"
#include "base/crc32c.h"

#include <stdio.h>

static const uint8_t s_magic[4] = {'Z', 'L', 'G', '1'};

#define CRC_AT 124u
/* One read brings the header and most directories. */
#define FIRST_READ_BYTES (16u * 1024)

zloom_record_reader_t
zloom_record_reader (zloom_bytes_t bytes)
{
    return (zloom_record_reader_t){.data = bytes.data, .size = bytes.size};
}

/* Where `size` bytes start, or NULL. */
static const uint8_t *
s_take (zloom_record_reader_t *self, size_t size)
{
    if (self->bad || size > self->size - self->at) {
        self->bad = true;
        return NULL;
    }
    const uint8_t *at = self->data + self->at;
    self->at += size;
    return at;
}

uint8_t
zloom_record_reader_u8 (zloom_record_reader_t *self)
{
    const uint8_t *at = s_take (self, 1);
    return at ? *at : 0;
}

uint16_t
zloom_record_reader_u16 (zloom_record_reader_t *self)
{
    const uint8_t *at = s_take (self, 2);
    return at ? zloom_get_u16 (at) : 0;
}

uint32_t
zloom_record_reader_u32 (zloom_record_reader_t *self)
{
    const uint8_t *at = s_take (self, 4);
    return at ? zloom_get_u32 (at) : 0;
}

uint64_t
zloom_record_reader_u64 (zloom_record_reader_t *self)
{
    const uint8_t *at = s_take (self, 8);
    return at ? zloom_get_u64 (at) : 0;
}

zloom_bytes_t
zloom_record_reader_bytes (zloom_record_reader_t *self, size_t size)
{
    const uint8_t *at = s_take (self, size);
    return at ? zloom_bytes (at, size) : ZLOOM_BYTES_NULL;
}

void
zloom_buf_add_u16 (zloom_buf_t *buf, uint16_t value)
{
    zloom_put_u16 (zloom_buf_reserve (buf, 2), value);
    buf->size += 2;
}

void
zloom_buf_add_u32 (zloom_buf_t *buf, uint32_t value)
{
    zloom_put_u32 (zloom_buf_reserve (buf, 4), value);
    buf->size += 4;
}

void
zloom_buf_add_u64 (zloom_buf_t *buf, uint64_t value)
{
    zloom_put_u64 (zloom_buf_reserve (buf, 8), value);
    buf->size += 8;
}

void
zloom_group_header_encode (zloom_group_header_t *header, const zloom_log_key_t *key,
                           zloom_bytes_t directory, uint8_t *out)
{
    memset (out, 0, ZLOOM_GROUP_HEADER_BYTES);
    memcpy (out, s_magic, sizeof s_magic);
    zloom_put_u16 (out + 4, ZLOOM_FORMAT_VERSION);
    zloom_put_u16 (out + 6, ZLOOM_GROUP_HEADER_BYTES);
    memcpy (out + 8, key->id, sizeof key->id);
    zloom_put_u64 (out + 24, key->secret);
    zloom_put_u64 (out + 32, header->boot.counter);
    zloom_put_u64 (out + 40, header->boot.random);
    zloom_put_u64 (out + 48, header->number);
    zloom_put_u64 (out + 56, header->place.segment);
    zloom_put_u32 (out + 64, header->place.flow);
    zloom_put_u32 (out + 68, header->place.offset);
    zloom_put_u32 (out + 72, header->total_bytes);
    zloom_put_u32 (out + 76, header->directory_bytes);
    zloom_put_u32 (out + 80, header->records);
    zloom_put_u32 (out + 84, header->previous_crc);
    zloom_put_u64 (out + 88, header->attested);
    zloom_put_u64 (out + 96, (uint64_t) header->wall_ns);
    uint32_t crc = zloom_crc32c (0, out, CRC_AT);
    header->crc = zloom_crc32c (crc, directory.data, directory.size);
    header->version = ZLOOM_FORMAT_VERSION;
    zloom_put_u32 (out + CRC_AT, header->crc);
}

bool
zloom_group_header_decode (const uint8_t *raw, const zloom_log_key_t *key,
                           const zloom_place_t *place, zloom_group_header_t *header)
{
    *header = (zloom_group_header_t){
      .place = {zloom_get_u32 (raw + 64), zloom_get_u64 (raw + 56), zloom_get_u32 (raw + 68)},
      .boot = {zloom_get_u64 (raw + 32), zloom_get_u64 (raw + 40)},
      .number = zloom_get_u64 (raw + 48),
      .attested = zloom_get_u64 (raw + 88),
      .total_bytes = zloom_get_u32 (raw + 72),
      .directory_bytes = zloom_get_u32 (raw + 76),
      .records = zloom_get_u32 (raw + 80),
      .previous_crc = zloom_get_u32 (raw + 84),
      .wall_ns = (int64_t) zloom_get_u64 (raw + 96),
      .crc = zloom_get_u32 (raw + CRC_AT),
      .version = zloom_get_u16 (raw + 4),
    };
    return memcmp (raw, s_magic, sizeof s_magic) == 0 &&
           zloom_get_u16 (raw + 6) == ZLOOM_GROUP_HEADER_BYTES &&
           memcmp (raw + 8, key->id, sizeof key->id) == 0 &&
           zloom_get_u64 (raw + 24) == key->secret && header->place.flow == place->flow &&
           header->place.segment == place->segment && header->place.offset == place->offset &&
           header->total_bytes <= ZLOOM_JOURNAL_GROUP_BYTES &&
           header->total_bytes >= ZLOOM_GROUP_HEADER_BYTES &&
           header->directory_bytes <= header->total_bytes - ZLOOM_GROUP_HEADER_BYTES &&
           header->records <= header->directory_bytes / ZLOOM_ENTRY_BYTES &&
           header->number <= ZLOOM_NUMBERS_MOST && header->attested <= ZLOOM_NUMBERS_MOST &&
           header->boot.counter <= ZLOOM_NUMBERS_MOST;
}

bool
zloom_group_header_holds (const uint8_t *raw, zloom_bytes_t directory)
{
    uint32_t crc = zloom_crc32c (0, raw, CRC_AT);
    return zloom_crc32c (crc, directory.data, directory.size) == zloom_get_u32 (raw + CRC_AT);
}

void
zloom_entry_encode (zloom_buf_t *directory, const zloom_entry_t *entry)
{
    uint8_t *out = zloom_buf_reserve (directory, ZLOOM_ENTRY_BYTES + entry->head.size);
    zloom_put_u16 (out, entry->type);
    out[2] = entry->critical ? 1 : 0;
    out[3] = 0;
    zloom_put_u32 (out + 4, entry->flow);
    zloom_put_u32 (out + 8, entry->group);
    zloom_put_u32 (out + 12, entry->count);
    zloom_put_u64 (out + 16, entry->seq);
    zloom_put_u32 (out + 24, entry->payload_offset);
    zloom_put_u32 (out + 28, entry->payload_bytes);
    zloom_put_u32 (out + 32, entry->payload_crc);
    zloom_put_u32 (out + 36, (uint32_t) entry->head.size);
    if (entry->head.size > 0) {
        memcpy (out + ZLOOM_ENTRY_BYTES, entry->head.data, entry->head.size);
    }
    directory->size += ZLOOM_ENTRY_BYTES + entry->head.size;
}

bool
zloom_entry_next (zloom_record_reader_t *directory, zloom_entry_t *entry)
{
    if (directory->bad || directory->at == directory->size) {
        return false;
    }
    const uint8_t *raw = s_take (directory, ZLOOM_ENTRY_BYTES);
    if (!raw) {
        return false;
    }
    *entry = (zloom_entry_t){
      .type = zloom_get_u16 (raw),
      .critical = (raw[2] & 1) != 0,
      .flow = zloom_get_u32 (raw + 4),
      .group = zloom_get_u32 (raw + 8),
      .count = zloom_get_u32 (raw + 12),
      .seq = zloom_get_u64 (raw + 16),
      .payload_offset = zloom_get_u32 (raw + 24),
      .payload_bytes = zloom_get_u32 (raw + 28),
      .payload_crc = zloom_get_u32 (raw + 32),
    };
    entry->head = zloom_record_reader_bytes (directory, zloom_get_u32 (raw + 36));
    return !directory->bad;
}

zloom_bytes_t
zloom_entry_payload (const zloom_entry_t *entry, const zloom_group_header_t *header,
                     zloom_bytes_t group)
{
    uint64_t from =
      (uint64_t) ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes + entry->payload_offset;
    if (from + entry->payload_bytes > header->total_bytes ||
        from + entry->payload_bytes > group.size) {
        return ZLOOM_BYTES_NULL;
    }
    return zloom_bytes (group.data + from, entry->payload_bytes);
}

bool
zloom_record_known (uint16_t type)
{
    return type >= ZLOOM_RECORD_PACK && type <= ZLOOM_RECORD_TRACE;
}

bool
zloom_flow_name_good (zloom_bytes_t name)
{
    return name.size > 0 && name.size <= ZLOOM_FLOW_NAME_BYTES &&
           memchr (name.data, 0, name.size) == NULL;
}

const char *
zloom_record_text (uint16_t type, char text[16])
{
    switch (type) {
#define RECORD_TEXT(name, number) \
    case number:                  \
        return #name;
        ZLOOM_RECORD_MAP (RECORD_TEXT)
#undef RECORD_TEXT
    default:
        (void) snprintf (text, 16, "type %u", type);
        return text;
    }
}

zloom_err_t
zloom_group_check (zloom_bytes_t bytes, const zloom_log_key_t *key, const zloom_place_t *place,
                   zloom_group_header_t *header)
{
    if (bytes.size < ZLOOM_GROUP_HEADER_BYTES ||
        !zloom_group_header_decode (bytes.data, key, place, header)) {
        return zloom_fail (ZLOOM_MALFORMED, "no group at offset %u", place->offset);
    }
    if (bytes.size - ZLOOM_GROUP_HEADER_BYTES < header->directory_bytes ||
        !zloom_group_header_holds (bytes.data, zloom_bytes (bytes.data + ZLOOM_GROUP_HEADER_BYTES,
                                                            header->directory_bytes))) {
        return zloom_fail (ZLOOM_MALFORMED, "group at offset %u: checksum", place->offset);
    }
    if (header->version != ZLOOM_FORMAT_VERSION) {
        return zloom_fail (ZLOOM_VERSION, "group %llu has format version %u, this is version %u",
                           (unsigned long long) header->number, header->version,
                           ZLOOM_FORMAT_VERSION);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_group_load (zloom_vfs_t *vfs, zloom_file_t *file, const zloom_log_key_t *key,
                  const zloom_place_t *place, zloom_buf_t *buf, zloom_group_header_t *header)
{
    size_t got = 0;
    zloom_buf_clear (buf);
    uint8_t *data = zloom_buf_reserve (buf, FIRST_READ_BYTES);
    zloom_err_t err = vfs->read (vfs, file, place->offset, data, FIRST_READ_BYTES, &got);
    if (err) {
        return err;
    }
    buf->size = got;
    if (got < ZLOOM_GROUP_HEADER_BYTES || !zloom_group_header_decode (data, key, place, header)) {
        return zloom_fail (ZLOOM_MALFORMED, "no group at offset %u", place->offset);
    }
    size_t need = ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes;
    if (need > got) {
        uint8_t *more = zloom_buf_reserve (buf, need - got);
        size_t rest = 0;
        err = vfs->read (vfs, file, place->offset + got, more, need - got, &rest);
        if (err) {
            return err;
        }
        buf->size += rest;
    }
    err = zloom_group_check (zloom_buf_bytes (buf), key, place, header);
    buf->size = err ? buf->size : need;
    return err;
}
