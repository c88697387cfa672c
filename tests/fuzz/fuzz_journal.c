/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A log whose bytes were changed, with checksums that hold again: only so do changes reach what
 * lies behind the checksums. The input:
 *
 *   1 byte    what is made to hold again: 1 payloads, 2 group headers, 4 superblock slots
 *   n edits   file (u8, by name), offset (u24), length (u8, to 31; over 0x80: cut the file there),
 *             bytes
 *
 * The log opens, or says why not. One that opened takes a message, gives back what it can read, and
 * opens again; the verifier can look at each.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "fuzz.h"
#include "journal/doctor.h"
#include "journal/format.h"
#include "journal/slot.h"
#include "support/journal_model.h"
#include "support/simdisk.h"

#define SEGMENT_BYTES (32u * 1024)
#define FLOWS_MOST 64u
#define FETCHES_MOST 8u

enum { HOLD_PAYLOADS = 1, HOLD_GROUPS = 2, HOLD_SLOTS = 4 };
enum { CUT = 0x80, EDIT_HEAD_BYTES = 5, EDIT_MOST_BYTES = 31, SLOT_HEAD_BYTES = 64 };

typedef struct {
    char *items[64];
    size_t count;
} files_t;

/* An owner that takes what it gets and needs all messages. */
typedef struct {
    uint64_t end[FLOWS_MOST];
} owner_t;

static zloom_simdisk_t *s_good;
static files_t s_files;

/* ---- the owner ------------------------------------------------------------------------------- */

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    (void) arg;
    zloom_assert (flow > 0 && flow < ZLOOM_FLOWS_MOST);
    zloom_assert (name && strlen (name) <= ZLOOM_FLOW_NAME_BYTES);
    return ZLOOM_OK;
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    (void) arg;
    (void) flow;
    return zloom_crc32c (0, snapshot.data, snapshot.size) == 1 ? ZLOOM_DAMAGED : ZLOOM_OK;
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    owner_t *self = arg;
    uint32_t crc = zloom_crc32c (0, record->head.data, record->head.size);
    (void) zloom_crc32c (crc, record->payload.data, record->payload.size);
    if (record->flow < FLOWS_MOST && record->seq + record->count > self->end[record->flow]) {
        self->end[record->flow] = record->seq + record->count;
    }
    return ZLOOM_OK;
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    (void) arg;
    zloom_buf_add (out, &flow, sizeof flow);
}

static bool
s_next_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    (void) arg;
    (void) flow;
    *run = (zloom_range_t){from, last};
    return true;
}

static void
s_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    (void) arg;
    (void) err;
    if (chunk) {
        zloom_assert (chunk->seq <= cookie && cookie - chunk->seq < chunk->count);
        (void) zloom_crc32c (0, chunk->payload.data, chunk->payload.size);
        zloom_blob_unref (&chunk->blob);
    }
}

/* ---- a good log ------------------------------------------------------------------------------ */

static zloom_journal_config_t
s_config (zloom_simdisk_t *disk)
{
    return (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (disk),
                                    .directory = "j",
                                    .segment_bytes = SEGMENT_BYTES,
                                    .hot_bytes = 4 * SEGMENT_BYTES,
                                    .tail_cache_bytes = 1,
                                    .manual = true,
                                    .seed = 7};
}

static void
s_add_file (void *arg, const char *name)
{
    files_t *files = arg;
    if (files->count < sizeof files->items / sizeof *files->items) {
        files->items[files->count++] = zloom_format ("j/%s", name);
    }
}

static int
s_by_name (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Two boots with three flows, small packs, snapshots and cold segments, closed in order. */
static void
s_make_good (void)
{
    zloom_model_t model;
    s_good = zloom_simdisk_new (11);
    zloom_journal_config_t config = s_config (s_good);
    zloom_model_init (&model, 11);
    for (int boot = 0; boot < 2; boot++) {
        zloom_assert (zloom_model_open (&model, &config) == ZLOOM_OK);
        zloom_assert (zloom_journal_flow (model.journal, "flow-1") == 1);
        zloom_assert (zloom_journal_flow (model.journal, "flow-2") == 2);
        zloom_assert (zloom_journal_flow (model.journal, "flow-3") == 3);
        for (uint32_t i = 0; i < 48; i++) {
            const uint32_t flow = 1 + i % 3;
            const uint64_t end = model.state[flow].end;
            zloom_assert (zloom_model_send (&model, flow, 1 + i % 4, 20 + i) == ZLOOM_OK);
            if (i % 5 == 4) {
                zloom_assert (zloom_model_settle (&model, flow, end - 1, end - 1) == ZLOOM_OK);
            }
            zloom_assert (zloom_model_flush (&model));
            zloom_model_turn (&model, 4, 0);
        }
        zloom_journal_close (&model.journal);
    }
    zloom_model_fini (&model);
    zloom_vfs_t *vfs = zloom_simdisk_vfs (s_good);
    zloom_assert (vfs->list (vfs, "j", s_add_file, &s_files) == ZLOOM_OK);
    qsort (s_files.items, s_files.count, sizeof *s_files.items, s_by_name);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void
s_edit (zloom_simdisk_t *disk, zloom_bytes_t input)
{
    size_t at = 1;
    while (input.size - at >= EDIT_HEAD_BYTES) {
        const uint8_t *edit = input.data + at;
        const char *path = s_files.items[edit[0] % s_files.count];
        size_t offset = edit[1] | (size_t) edit[2] << 8 | (size_t) edit[3] << 16;
        size_t count = edit[4] % (EDIT_MOST_BYTES + 1);
        size_t size = 0;
        at += EDIT_HEAD_BYTES;
        uint8_t *content = zloom_simdisk_content (disk, path, &size);
        if (size == 0) {
            continue;
        }
        if (edit[4] >= CUT) {
            zloom_simdisk_cut (disk, path, offset % size);
            continue;
        }
        for (size_t i = 0; i < count && at < input.size; i++) {
            content[(offset + i) % size] = input.data[at++];
        }
    }
}

static void
s_hold_group (uint8_t *group, size_t size, uint8_t what)
{
    size_t directory_bytes = zloom_get_u32 (group + 76);
    if (directory_bytes > size - ZLOOM_GROUP_HEADER_BYTES) {
        return;
    }
    uint8_t *directory = group + ZLOOM_GROUP_HEADER_BYTES;
    zloom_record_reader_t reader = zloom_record_reader (zloom_bytes (directory, directory_bytes));
    zloom_entry_t entry;
    for (size_t at = 0; (what & HOLD_PAYLOADS) && zloom_entry_next (&reader, &entry);
         at = reader.at) {
        uint64_t from = (uint64_t) directory_bytes + entry.payload_offset;
        if (from + entry.payload_bytes <= size - ZLOOM_GROUP_HEADER_BYTES) {
            zloom_put_u32 (directory + at + 32,
                           zloom_crc32c (0, directory + from, entry.payload_bytes));
        }
    }
    if (what & HOLD_GROUPS) {
        uint32_t crc = zloom_crc32c (0, group, ZLOOM_GROUP_HEADER_BYTES - 4);
        zloom_put_u32 (group + ZLOOM_GROUP_HEADER_BYTES - 4,
                       zloom_crc32c (crc, directory, directory_bytes));
    }
}

/* Make the checksums right that the edits broke. */
static void
s_hold (zloom_simdisk_t *disk, uint8_t what)
{
    for (size_t i = 0; i < s_files.count; i++) {
        size_t size = 0;
        uint8_t *content = zloom_simdisk_content (disk, s_files.items[i], &size);
        for (size_t at = 0; at + ZLOOM_GROUP_HEADER_BYTES <= size; at += ZLOOM_BLOCK_BYTES) {
            if (memcmp (content + at, "ZLG1", 4) == 0) {
                s_hold_group (content + at, size - at, what);
            }
        }
        if (!(what & HOLD_SLOTS) || size < SLOT_HEAD_BYTES || memcmp (content, "ZLS1", 4) != 0) {
            continue;
        }
        size_t body = zloom_get_u32 (content + 40);
        if (body <= size - SLOT_HEAD_BYTES) {
            uint32_t crc = zloom_crc32c (0, content, SLOT_HEAD_BYTES - 4);
            zloom_put_u32 (content + SLOT_HEAD_BYTES - 4,
                           zloom_crc32c (crc, content + SLOT_HEAD_BYTES, body));
        }
    }
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void
s_turn (zloom_journal_t *journal, zloom_now_t *now)
{
    while (zloom_journal_work (journal)) {
    }
    now->mono_ns += 10 * ZLOOM_NS_PER_MS;
    zloom_journal_poll (journal, *now);
}

/* Open the log, live with it for a while, close it. False when it does not open. */
static bool
s_live (zloom_simdisk_t *disk)
{
    owner_t owned = {.end = {0}};
    const zloom_journal_owner_t owner = {.arg = &owned,
                                         .flow = s_flow,
                                         .restore = s_restore,
                                         .replay = s_replay,
                                         .snapshot = s_snapshot,
                                         .next_live = s_next_live,
                                         .fetched = s_fetched};
    const zloom_journal_config_t config = s_config (disk);
    zloom_now_t now = {ZLOOM_NS_PER_S, 1700000000 * ZLOOM_NS_PER_S};
    zloom_journal_t *journal = NULL;
    zloom_err_t err = zloom_log_open (&config, &owner, now, &journal);
    zloom_assert ((err == ZLOOM_OK) == (journal != NULL));
    if (err) {
        return false;
    }
    for (uint32_t flow = 1; flow < FLOWS_MOST; flow++) {
        uint64_t end = owned.end[flow];
        for (uint64_t seq = end > FETCHES_MOST ? end - FETCHES_MOST : 1; seq < end; seq++) {
            zloom_journal_fetch (journal, flow, seq, seq);
        }
    }
    for (int i = 0; i < 8; i++) {
        s_turn (journal, &now);
    }
    zloom_journal_close (&journal);
    return true;
}

static void
s_examine (zloom_simdisk_t *disk)
{
    zloom_doctor_report_t report;
    (void) zloom_doctor_examine (zloom_simdisk_vfs (disk), "j", &report);
    zloom_doctor_fini (&report);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!s_good) {
        s_make_good ();
    }
    if (size < 1) {
        return 0;
    }
    zloom_simdisk_t *disk = zloom_simdisk_copy (s_good);
    s_edit (disk, zloom_bytes (data, size));
    s_hold (disk, data[0]);
    s_examine (disk);
    if (s_live (disk)) {
        s_examine (disk);
        zloom_assert (s_live (disk));
    }
    zloom_simdisk_destroy (&disk);
    return 0;
}
