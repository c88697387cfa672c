/* SPDX-License-Identifier: MPL-2.0 */
/* slot.c - see slot.h. */
#include "journal/slot.h"
#include "base/crc32c.h"
#include "base/memory.h"

#include <stdlib.h>

#define SLOT_HEADER_BYTES 64u
#define SLOT_CRC_AT 60u
/* Longer is damage: bounds what is read before the checksum is known. */
#define SLOT_MOST_BYTES (256u * 1024 * 1024)

static const uint8_t s_magic[4] = {'Z', 'L', 'S', '1'};

static void
s_encode_flow (zloom_buf_t *out, const zloom_slot_flow_t *flow)
{
    size_t length = flow->name ? strlen (flow->name) : 0;
    zloom_buf_add_u32 (out, flow->number);
    zloom_buf_add_u16 (out, (uint16_t) length);
    zloom_buf_add (out, flow->name, length);
    zloom_buf_add_u64 (out, flow->end);
    zloom_buf_add_u64 (out, flow->border);
    zloom_buf_add_u64 (out, flow->border_segment);
    zloom_buf_add_u64 (out, flow->bytes);
    zloom_buf_add_u32 (out, (uint32_t) flow->slice_count);
    for (size_t i = 0; i < flow->slice_count; i++) {
        zloom_buf_add_u64 (out, flow->slices[i].segment);
        zloom_buf_add_u32 (out, flow->slices[i].offset);
    }
}

void
zloom_slot_encode (const zloom_slot_t *self, zloom_buf_t *out)
{
    zloom_buf_clear (out);
    zloom_buf_reserve (out, SLOT_HEADER_BYTES);
    out->size = SLOT_HEADER_BYTES;
    zloom_buf_add_u64 (out, self->durable);
    zloom_buf_add_u64 (out, self->segment_bytes);
    zloom_buf_add_u64 (out, self->start);
    zloom_buf_add_u32 (out, (uint32_t) self->segment_count);
    for (size_t i = 0; i < self->segment_count; i++) {
        zloom_buf_add_u64 (out, self->segments[i].number);
        zloom_buf_add_u64 (out, self->segments[i].bytes);
        zloom_buf_add_u64 (out, self->segments[i].first_group);
        zloom_buf_add_u32 (out, self->segments[i].previous_crc);
    }
    zloom_buf_add_u32 (out, (uint32_t) self->flow_count);
    for (size_t i = 0; i < self->flow_count; i++) {
        s_encode_flow (out, &self->flows[i]);
    }
    zloom_buf_add_u32 (out, (uint32_t) self->boot_count);
    for (size_t i = 0; i < self->boot_count; i++) {
        const zloom_slot_boot_t *boot = &self->boots[i];
        zloom_buf_add_u64 (out, boot->boot.counter);
        zloom_buf_add_u64 (out, boot->boot.random);
        zloom_buf_add_u32 (out, (uint32_t) boot->end_count);
        for (size_t k = 0; k < boot->end_count; k++) {
            zloom_buf_add_u32 (out, boot->ends[k].flow);
            zloom_buf_add_u64 (out, boot->ends[k].end);
        }
    }
    uint8_t *raw = out->data;
    memset (raw, 0, SLOT_HEADER_BYTES);
    memcpy (raw, s_magic, sizeof s_magic);
    zloom_put_u16 (raw + 4, ZLOOM_FORMAT_VERSION);
    zloom_put_u16 (raw + 6, SLOT_HEADER_BYTES);
    memcpy (raw + 8, self->key.id, sizeof self->key.id);
    zloom_put_u64 (raw + 24, self->key.secret);
    zloom_put_u64 (raw + 32, self->generation);
    zloom_put_u32 (raw + 40, (uint32_t) (out->size - SLOT_HEADER_BYTES));
    uint32_t crc = zloom_crc32c (0, raw, SLOT_CRC_AT);
    zloom_put_u32 (raw + SLOT_CRC_AT,
                   zloom_crc32c (crc, raw + SLOT_HEADER_BYTES, out->size - SLOT_HEADER_BYTES));
}

/* A count of items of at least `item_bytes` each that the rest of the bytes can hold. */
static size_t
s_count (zloom_record_reader_t *body, size_t item_bytes)
{
    size_t count = zloom_record_reader_u32 (body);
    if (count > (body->size - body->at) / item_bytes) {
        body->bad = true;
        return 0;
    }
    return count;
}

/* A number that is counted up. */
static uint64_t
s_number (zloom_record_reader_t *body)
{
    const uint64_t number = zloom_record_reader_u64 (body);
    body->bad |= number > ZLOOM_NUMBERS_MOST;
    return body->bad ? 0 : number;
}

static void
s_decode_segments (zloom_record_reader_t *body, zloom_slot_t *self)
{
    size_t count = s_count (body, 28);
    self->segments = zloom_alloc (count * sizeof *self->segments);
    self->segment_count = count;
    for (size_t i = 0; i < count; i++) {
        self->segments[i].number = s_number (body);
        self->segments[i].bytes = s_number (body);
        self->segments[i].first_group = s_number (body);
        self->segments[i].previous_crc = zloom_record_reader_u32 (body);
    }
}

static void
s_decode_flow (zloom_record_reader_t *body, size_t place, zloom_slot_flow_t *flow)
{
    flow->number = zloom_record_reader_u32 (body);
    body->bad |= flow->number >= ZLOOM_FLOWS_MOST || flow->number != place;
    zloom_bytes_t name = zloom_record_reader_bytes (body, zloom_record_reader_u16 (body));
    body->bad |= name.size > 0 && (place == 0 || !zloom_flow_name_good (name));
    flow->name = name.size > 0 ? zloom_memdup_text (name.data, name.size) : NULL;
    flow->end = s_number (body);
    flow->border = s_number (body);
    flow->border_segment = s_number (body);
    flow->bytes = zloom_record_reader_u64 (body);
    flow->slice_count = s_count (body, 12);
    flow->slices = zloom_alloc (flow->slice_count * sizeof *flow->slices);
    for (size_t i = 0; i < flow->slice_count; i++) {
        flow->slices[i].segment = zloom_record_reader_u64 (body);
        flow->slices[i].offset = zloom_record_reader_u32 (body);
    }
}

static void
s_decode_boots (zloom_record_reader_t *body, zloom_slot_t *self)
{
    size_t count = s_count (body, 20);
    self->boots = zloom_alloc (count * sizeof *self->boots);
    self->boot_count = count;
    for (size_t i = 0; i < count; i++) {
        zloom_slot_boot_t *boot = &self->boots[i];
        boot->boot.counter = s_number (body);
        boot->boot.random = zloom_record_reader_u64 (body);
        boot->end_count = s_count (body, 12);
        boot->ends = zloom_alloc (boot->end_count * sizeof *boot->ends);
        for (size_t k = 0; k < boot->end_count; k++) {
            boot->ends[k].flow = zloom_record_reader_u32 (body);
            boot->ends[k].end = s_number (body);
        }
    }
}

zloom_err_t
zloom_slot_decode (zloom_bytes_t bytes, zloom_slot_t *self)
{
    *self = (zloom_slot_t){0};
    if (bytes.size < SLOT_HEADER_BYTES || memcmp (bytes.data, s_magic, sizeof s_magic) != 0) {
        return zloom_fail (ZLOOM_MALFORMED, "not a superblock slot");
    }
    const uint8_t *raw = bytes.data;
    size_t size = zloom_get_u32 (raw + 40);
    if (size > bytes.size - SLOT_HEADER_BYTES) {
        return zloom_fail (ZLOOM_MALFORMED, "superblock slot is cut off");
    }
    uint32_t crc = zloom_crc32c (0, raw, SLOT_CRC_AT);
    if (zloom_crc32c (crc, raw + SLOT_HEADER_BYTES, size) != zloom_get_u32 (raw + SLOT_CRC_AT)) {
        return zloom_fail (ZLOOM_MALFORMED, "superblock slot: checksum");
    }
    if (zloom_get_u16 (raw + 4) != ZLOOM_FORMAT_VERSION) {
        return zloom_fail (ZLOOM_VERSION, "superblock has format version %u, this is version %u",
                           zloom_get_u16 (raw + 4), ZLOOM_FORMAT_VERSION);
    }
    memcpy (self->key.id, raw + 8, sizeof self->key.id);
    self->key.secret = zloom_get_u64 (raw + 24);
    self->generation = zloom_get_u64 (raw + 32);
    zloom_record_reader_t body = zloom_record_reader (zloom_bytes (raw + SLOT_HEADER_BYTES, size));
    body.bad = self->generation > ZLOOM_NUMBERS_MOST;
    self->durable = s_number (&body);
    self->segment_bytes = s_number (&body);
    self->start = s_number (&body);
    s_decode_segments (&body, self);
    size_t flows = s_count (&body, 42);
    self->flows = zloom_alloc (flows * sizeof *self->flows);
    self->flow_count = flows;
    for (size_t i = 0; i < flows && !body.bad; i++) {
        s_decode_flow (&body, i, &self->flows[i]);
    }
    s_decode_boots (&body, self);
    if (body.bad || self->segment_count == 0 || self->flow_count == 0) {
        return zloom_fail (ZLOOM_MALFORMED, "superblock slot makes no sense");
    }
    return ZLOOM_OK;
}

void
zloom_slot_fini (zloom_slot_t *self)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        free (self->flows[i].name);
        free (self->flows[i].slices);
    }
    for (size_t i = 0; i < self->boot_count; i++) {
        free (self->boots[i].ends);
    }
    free (self->segments);
    free (self->flows);
    free (self->boots);
    *self = (zloom_slot_t){0};
}

char *
zloom_slot_path (const char *directory, unsigned which)
{
    return zloom_format ("%s/slot.%u", directory, which);
}

zloom_err_t
zloom_slot_read (zloom_vfs_t *vfs, const char *directory, unsigned which, zloom_slot_t *self)
{
    *self = (zloom_slot_t){0};
    char *path = zloom_slot_path (directory, which);
    zloom_file_t *file = NULL;
    zloom_buf_t buf = {0};
    uint64_t size = 0;
    size_t got = 0;
    zloom_err_t err = vfs->open (vfs, path, false, &file);
    if (!err) {
        err = vfs->size (vfs, file, &size);
    }
    if (!err && size > SLOT_MOST_BYTES) {
        err = zloom_fail (ZLOOM_MALFORMED, "%s is too long", path);
    }
    if (!err) {
        err = vfs->read (vfs, file, 0, zloom_buf_reserve (&buf, size + 1), size, &got);
    }
    if (!err) {
        err = zloom_slot_decode (zloom_bytes (buf.data, got), self);
    }
    vfs->close (vfs, &file);
    zloom_buf_fini (&buf);
    free (path);
    return err;
}

zloom_err_t
zloom_slot_write (zloom_vfs_t *vfs, const char *directory, unsigned which, zloom_bytes_t bytes)
{
    char *path = zloom_slot_path (directory, which);
    zloom_file_t *file = NULL;
    uint64_t size = 0;
    zloom_err_t err = vfs->open (vfs, path, true, &file);
    if (!err) {
        err = vfs->size (vfs, file, &size);
    }
    if (!err) {
        uint64_t want = ZLOOM_SLOT_FILE_BYTES;
        while (want < 2 * (uint64_t) bytes.size) {
            want *= 2;
        }
        uint64_t behind = want > size && want > bytes.size ? want - bytes.size : 0;
        uint8_t *zeros = zloom_alloc (behind);
        zloom_bytes_t parts[2] = {bytes, zloom_bytes (zeros, behind)};
        zloom_gather_t gather = {parts, behind > 0 ? 2 : 1};
        err = vfs->write (vfs, file, 0, &gather);
        free (zeros);
    }
    if (!err) {
        err = vfs->sync (vfs, file);
    }
    vfs->close (vfs, &file);
    if (!err && size == 0) {
        err = vfs->sync_directory (vfs, directory);
    }
    free (path);
    return err;
}
