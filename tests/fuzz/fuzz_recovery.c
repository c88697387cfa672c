/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Recovery over segments with any groups, records and order, all of which look like this log's own:
 * what a disk shows after writes to the wrong place, and what a broken writer would have left. The
 * input tells what is written into the files hot-1, hot-2 and cold-1-1, block by block:
 *
 *   1 byte    the group up to which the superblock knows the log to be durable
 *   n items   1 byte: low 3 bits what it is, high 5 bits an argument; see the functions below
 *
 * The log opens, or says why not; nobody gets a payload whose checksum is wrong; what is stored
 * then is there at the next opening; the verifier can look at each.
 */
#include "base/crc32c.h"
#include "journal/slot.h"
#include "log_life.h"

enum { ITEM_GROUP, ITEM_DIRECTORY, ITEM_SKIP, ITEM_BYTES, ITEM_REPEAT, ITEM_CUT, ITEM_FILE };
/* Arguments of a group. */
enum { GROUP_TORN = 1, GROUP_NUMBER = 2, GROUP_CHAIN = 4, GROUP_ATTESTS = 8, GROUP_BOOT = 16 };
/* Bits of a record's type. */
enum { RECORD_CRITICAL = 0x80, RECORD_WRONG = 0x40, RECORD_LONG = 0x20, RECORD_TYPES = 0x1f };
/* This byte stands for a number of full width that follows. */
enum { WIDE = 0xff };

#define FILES 3u
#define RECORDS_MOST 16u
#define GROUPS_MOST 32u
#define LONG_BYTES 5000u

static const char *const s_paths[FILES] = {"j/hot-0000000001", "j/hot-0000000002",
                                           "j/cold-1-0000000001"};
static const zloom_log_key_t s_key = {.id = {1, 2, 3, 4}, .secret = 0x5ec4e7};

typedef struct {
    zloom_simdisk_t *disk;
    zloom_record_reader_t input;
    unsigned file;
    size_t offset;
    uint64_t number; /* of the last group */
    uint32_t crc;    /* of the last group */
    uint64_t boot;
    struct {
        unsigned file;
        size_t offset;
        size_t bytes;
    } groups[GROUPS_MOST];
    size_t group_count;
    bool lies; /* a group told a number, predecessor or attestation that is not its own */
} writer_t;

/* ---- the disk before ------------------------------------------------------------------------- */

static void
s_make_file (zloom_simdisk_t *disk, const char *path)
{
    static const uint8_t zeros[ZLOOM_LIFE_SEGMENT_BYTES];
    zloom_vfs_t *vfs = zloom_simdisk_vfs (disk);
    zloom_bytes_t part = zloom_bytes (zeros, sizeof zeros);
    const zloom_gather_t gather = {&part, 1};
    zloom_file_t *file = NULL;
    zloom_assert (vfs->open (vfs, path, true, &file) == ZLOOM_OK);
    zloom_assert (vfs->write (vfs, file, 0, &gather) == ZLOOM_OK);
    zloom_assert (vfs->sync (vfs, file) == ZLOOM_OK);
    vfs->close (vfs, &file);
}

/* A log of two segments with nothing in them, and a flow's cold one. */
static zloom_simdisk_t *
s_make_disk (uint8_t durable)
{
    zloom_simdisk_t *disk = zloom_simdisk_new (3);
    zloom_vfs_t *vfs = zloom_simdisk_vfs (disk);
    zloom_slot_segment_t segments[2] = {{1, ZLOOM_LIFE_SEGMENT_BYTES, 1, 0},
                                        {2, ZLOOM_LIFE_SEGMENT_BYTES, 0, 0}};
    zloom_slot_flow_t whole = {.border_segment = 1};
    const zloom_slot_t slot = {.key = s_key,
                               .generation = 2,
                               .durable = durable,
                               .segment_bytes = ZLOOM_LIFE_SEGMENT_BYTES,
                               .start = 1,
                               .segments = segments,
                               .segment_count = 2,
                               .flows = &whole,
                               .flow_count = 1};
    zloom_buf_t bytes = {0};
    zloom_assert (vfs->mkdir (vfs, ZLOOM_LIFE_DIRECTORY) == ZLOOM_OK);
    zloom_slot_encode (&slot, &bytes);
    zloom_assert (zloom_slot_write (vfs, ZLOOM_LIFE_DIRECTORY, 0, zloom_buf_bytes (&bytes)) ==
                  ZLOOM_OK);
    zloom_buf_fini (&bytes);
    for (size_t i = 0; i < FILES; i++) {
        s_make_file (disk, s_paths[i]);
    }
    zloom_assert (vfs->sync_directory (vfs, ZLOOM_LIFE_DIRECTORY) == ZLOOM_OK);
    return disk;
}

/* ---- items ----------------------------------------------------------------------------------- */

static uint64_t
s_number (writer_t *self)
{
    const uint8_t low = zloom_record_reader_u8 (&self->input);
    return low == WIDE ? zloom_record_reader_u64 (&self->input) : low;
}

/* As many of these bytes as there are from here to the end of the file. */
static size_t
s_put (writer_t *self, zloom_bytes_t bytes)
{
    size_t size = 0;
    uint8_t *content = zloom_simdisk_content (self->disk, s_paths[self->file], &size);
    const size_t left = self->offset < size ? size - self->offset : 0;
    const size_t count = bytes.size < left ? bytes.size : left;
    if (count > 0) {
        memcpy (content + self->offset, bytes.data, count);
    }
    return count;
}

/* type, flow, group, count, seq, size of the head and the head, size of the payload and that. */
static void
s_add_record (writer_t *self, zloom_buf_t *directory, zloom_buf_t *payloads)
{
    const uint8_t type = zloom_record_reader_u8 (&self->input);
    zloom_entry_t entry = {
      .type = type & RECORD_TYPES,
      .critical = (type & RECORD_CRITICAL) != 0,
      .flow = (uint32_t) s_number (self),
      .group = (uint32_t) s_number (self),
      .count = (uint32_t) s_number (self),
      .seq = s_number (self),
      .payload_offset = (uint32_t) payloads->size,
    };
    entry.head =
      zloom_record_reader_bytes (&self->input, zloom_record_reader_u8 (&self->input) % 128);
    const zloom_bytes_t given =
      zloom_record_reader_bytes (&self->input, zloom_record_reader_u8 (&self->input) % 128);
    const size_t size = type & RECORD_LONG ? LONG_BYTES : given.size;
    uint8_t *payload = zloom_buf_reserve (payloads, size);
    if (size > 0) {
        memset (payload, type & RECORD_WRONG ? ZLOOM_LIFE_WRONG_BYTE : 0, size);
    }
    if (given.size > 0 && !(type & RECORD_WRONG)) {
        memcpy (payload, given.data, given.size);
    }
    payloads->size += size;
    entry.payload_bytes = (uint32_t) size;
    const bool wrong = (type & RECORD_WRONG) || zloom_life_is_wrong (zloom_bytes (payload, size));
    entry.payload_crc = zloom_crc32c (0, payload, size) ^ (wrong ? 1 : 0);
    zloom_entry_encode (directory, &entry);
}

/* The group that this directory and these payloads make, at the next block. */
static void
s_put_group (writer_t *self, uint8_t how, uint32_t records, const zloom_buf_t *directory,
             const zloom_buf_t *payloads)
{
    if (how & GROUP_BOOT) {
        self->boot++;
    }
    self->lies |= (how & (GROUP_NUMBER | GROUP_CHAIN | GROUP_ATTESTS)) != 0;
    zloom_group_header_t header = {
      .place = {self->file == 2 ? 1 : 0, self->file == 1 ? 2 : 1, (uint32_t) self->offset},
      .boot = {self->boot, 7},
      .number = how & GROUP_NUMBER ? s_number (self) : self->number + 1,
      .total_bytes = (uint32_t) (ZLOOM_GROUP_HEADER_BYTES + directory->size + payloads->size),
      .directory_bytes = (uint32_t) directory->size,
      .records = records,
      .previous_crc = self->crc ^ (how & GROUP_CHAIN ? 1 : 0),
    };
    header.attested = how & GROUP_ATTESTS ? s_number (self) : header.number - 1;
    zloom_buf_t group = {0};
    uint8_t *raw = zloom_buf_reserve (&group, ZLOOM_GROUP_HEADER_BYTES);
    zloom_group_header_encode (&header, &s_key, zloom_buf_bytes (directory), raw);
    raw[ZLOOM_GROUP_HEADER_BYTES - 1] ^= how & GROUP_TORN;
    group.size = ZLOOM_GROUP_HEADER_BYTES;
    zloom_buf_add_bytes (&group, zloom_buf_bytes (directory));
    zloom_buf_add_bytes (&group, zloom_buf_bytes (payloads));
    if (self->group_count < GROUPS_MOST) {
        self->groups[self->group_count].file = self->file;
        self->groups[self->group_count].offset = self->offset;
        self->groups[self->group_count++].bytes = group.size;
    }
    self->offset += zloom_blocks (s_put (self, zloom_buf_bytes (&group)));
    if (self->file != 2) { /* copies are no part of the chain */
        self->number = header.number;
        self->crc = header.crc;
    }
    zloom_buf_fini (&group);
}

static void
s_group (writer_t *self, uint8_t how)
{
    zloom_buf_t directory = {0};
    zloom_buf_t payloads = {0};
    const uint32_t records = zloom_record_reader_u8 (&self->input) % RECORDS_MOST;
    for (uint32_t i = 0; i < records && !self->input.bad; i++) {
        s_add_record (self, &directory, &payloads);
    }
    s_put_group (self, how, records, &directory, &payloads);
    zloom_buf_fini (&directory);
    zloom_buf_fini (&payloads);
}

/* A group whose directory is any bytes: how many records it says, how many bytes, these. */
static void
s_directory (writer_t *self, uint8_t how)
{
    zloom_buf_t directory = {0};
    const zloom_buf_t payloads = {0};
    const uint32_t records = zloom_record_reader_u8 (&self->input);
    const size_t size = zloom_record_reader_u8 (&self->input);
    zloom_buf_add_bytes (&directory, zloom_record_reader_bytes (&self->input, size));
    s_put_group (self, how, records, &directory, &payloads);
    zloom_buf_fini (&directory);
}

/* A group that was written before stands here once more, as it was. */
static void
s_repeat (writer_t *self, uint8_t which)
{
    if (which >= self->group_count) {
        return;
    }
    size_t size = 0;
    const uint8_t *content =
      zloom_simdisk_content (self->disk, s_paths[self->groups[which].file], &size);
    const size_t from = self->groups[which].offset;
    size_t bytes = self->groups[which].bytes;
    if (from >= size) {
        return;
    }
    bytes = bytes < size - from ? bytes : size - from;
    zloom_buf_t copy = {0};
    zloom_buf_add (&copy, content + from, bytes);
    self->offset += zloom_blocks (s_put (self, zloom_buf_bytes (&copy)));
    zloom_buf_fini (&copy);
}

static void
s_cut (writer_t *self, uint8_t steps)
{
    size_t size = 0;
    (void) zloom_simdisk_content (self->disk, s_paths[self->file], &size);
    const size_t at = self->offset + (size_t) steps * 128;
    if (at < size) {
        zloom_simdisk_cut (self->disk, s_paths[self->file], at);
    }
}

static void
s_item (writer_t *self)
{
    const uint8_t byte = zloom_record_reader_u8 (&self->input);
    const uint8_t argument = byte >> 3;
    switch (byte & 7) {
    case ITEM_GROUP:
        s_group (self, argument);
        break;
    case ITEM_DIRECTORY:
        s_directory (self, argument);
        break;
    case ITEM_SKIP:
        self->offset += (1 + (size_t) argument) * ZLOOM_BLOCK_BYTES;
        break;
    case ITEM_BYTES:
        (void) s_put (self, zloom_record_reader_bytes (&self->input, argument));
        break;
    case ITEM_REPEAT:
        s_repeat (self, argument);
        break;
    case ITEM_CUT:
        s_cut (self, argument);
        break;
    case ITEM_FILE:
        self->file = argument % FILES;
        self->offset = 0;
        break;
    default: /* back, over what was written */
        self->lies = true;
        self->offset = (size_t) argument * ZLOOM_BLOCK_BYTES;
        break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zloom_life_t life;
    if (size < 1) {
        return 0;
    }
    writer_t writer = {.disk = s_make_disk (data[0]),
                       .input = zloom_record_reader (zloom_bytes (data + 1, size - 1)),
                       .boot = 1};
    while (!writer.input.bad && writer.input.at < writer.input.size) {
        s_item (&writer);
    }
    (void) zloom_life_try (writer.disk, !writer.lies, &life);
    zloom_simdisk_destroy (&writer.disk);
    return 0;
}
