/* SPDX-License-Identifier: MPL-2.0 */
/* log_life.c - see log_life.h. */
#include "log_life.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "journal/doctor.h"
#include "support/journal_model.h"

#define FETCHES_MOST 8u
#define SLOT_HEAD_BYTES 64u
#define SNAPSHOT_BYTES 16u

/* What is stored to be found again: (text, in a flow of this name). */
static const char s_name[] = "stored by the fuzzer";
static const char s_text[] = "this was confirmed and may not be lost";

/* An owner that takes what it gets and needs all messages. */
typedef struct {
    zloom_life_t *life;
    bool named[ZLOOM_LIFE_FLOWS_MOST];
    uint32_t stored_flow; /* 0: the log has none */
    uint64_t found;       /* packs of that flow */
    bool reads_stored;    /* nothing but what was stored is fetched now */
} owner_t;

/* ---- the owner ------------------------------------------------------------------------------- */

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    owner_t *self = arg;
    zloom_assert (flow > 0 && flow < ZLOOM_FLOWS_MOST);
    zloom_assert (name && strlen (name) > 0 && strlen (name) <= ZLOOM_FLOW_NAME_BYTES);
    self->life->last_flow = flow > self->life->last_flow ? flow : self->life->last_flow;
    if (flow < ZLOOM_LIFE_FLOWS_MOST) {
        self->named[flow] = true;
    }
    if (strcmp (name, s_name) == 0) {
        self->stored_flow = flow;
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    owner_t *self = arg;
    if (flow == self->stored_flow && snapshot.size == SNAPSHOT_BYTES) {
        self->life->end[flow] = zloom_get_u64 (snapshot.data);
        self->found = zloom_get_u64 (snapshot.data + 8);
    }
    return zloom_crc32c (0, snapshot.data, snapshot.size) == 1 ? ZLOOM_DAMAGED : ZLOOM_OK;
}

/* Read all of it, for the sanitizers. */
static void
s_read (zloom_bytes_t head, zloom_bytes_t payload)
{
    (void) zloom_crc32c (zloom_crc32c (0, head.data, head.size), payload.data, payload.size);
    zloom_assert (!zloom_life_is_wrong (payload));
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    owner_t *self = arg;
    const uint64_t end = record->seq + record->count;
    s_read (record->head, record->payload);
    if (record->flow < ZLOOM_LIFE_FLOWS_MOST && end > self->life->end[record->flow]) {
        self->life->end[record->flow] = end;
    }
    if (record->flow == self->stored_flow && record->type == ZLOOM_RECORD_PACK) {
        self->found++;
    }
    return ZLOOM_OK;
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    const owner_t *self = arg;
    zloom_buf_add_u64 (out, flow < ZLOOM_LIFE_FLOWS_MOST ? self->life->end[flow] : 0);
    zloom_buf_add_u64 (out, self->found);
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
    const owner_t *self = arg;
    zloom_assert (!err || !self->reads_stored);
    if (!chunk) {
        return;
    }
    zloom_assert (chunk->seq <= cookie && cookie - chunk->seq < chunk->count);
    s_read (chunk->head, chunk->payload);
    if (self->reads_stored) {
        zloom_assert (chunk->payload.size == sizeof s_text);
        zloom_assert (memcmp (chunk->payload.data, s_text, sizeof s_text) == 0);
    }
    zloom_blob_unref (&chunk->blob);
}

/* ---- a good log ------------------------------------------------------------------------------ */

static zloom_journal_config_t
s_config (zloom_simdisk_t *disk)
{
    return (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (disk),
                                    .directory = ZLOOM_LIFE_DIRECTORY,
                                    .segment_bytes = ZLOOM_LIFE_SEGMENT_BYTES,
                                    .hot_bytes = 4 * ZLOOM_LIFE_SEGMENT_BYTES,
                                    .tail_cache_bytes = 1,
                                    .manual = true,
                                    .seed = 7};
}

static void
s_add_file (void *arg, const char *name)
{
    zloom_life_files_t *files = arg;
    if (files->count < sizeof files->items / sizeof *files->items) {
        files->items[files->count++] = zloom_format ("%s/%s", ZLOOM_LIFE_DIRECTORY, name);
    }
}

static int
s_by_name (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

zloom_simdisk_t *
zloom_life_good_log (zloom_life_files_t *files)
{
    zloom_model_t model;
    zloom_simdisk_t *good = zloom_simdisk_new (11);
    zloom_journal_config_t config = s_config (good);
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
    zloom_vfs_t *vfs = zloom_simdisk_vfs (good);
    zloom_assert (vfs->list (vfs, ZLOOM_LIFE_DIRECTORY, s_add_file, files) == ZLOOM_OK);
    qsort (files->items, files->count, sizeof *files->items, s_by_name);
    return good;
}

/* ---- checksums ------------------------------------------------------------------------------- */

bool
zloom_life_is_wrong (zloom_bytes_t payload)
{
    size_t count = 0;
    while (count < payload.size && payload.data[count] == ZLOOM_LIFE_WRONG_BYTE) {
        count++;
    }
    return count >= ZLOOM_LIFE_WRONG_BYTES;
}

void
zloom_life_hold_group (uint8_t *group, size_t size, unsigned what)
{
    size_t directory_bytes = zloom_get_u32 (group + 76);
    if (directory_bytes > size - ZLOOM_GROUP_HEADER_BYTES) {
        return;
    }
    uint8_t *directory = group + ZLOOM_GROUP_HEADER_BYTES;
    zloom_record_reader_t reader = zloom_record_reader (zloom_bytes (directory, directory_bytes));
    zloom_entry_t entry;
    for (size_t at = 0; zloom_entry_next (&reader, &entry); at = reader.at) {
        uint64_t from = (uint64_t) directory_bytes + entry.payload_offset;
        if (from + entry.payload_bytes > size - ZLOOM_GROUP_HEADER_BYTES) {
            continue;
        }
        const zloom_bytes_t payload = zloom_bytes (directory + from, entry.payload_bytes);
        const bool wrong = zloom_life_is_wrong (payload);
        if ((what & ZLOOM_LIFE_PAYLOADS) || wrong) {
            zloom_put_u32 (directory + at + 32,
                           zloom_crc32c (0, payload.data, payload.size) ^ (wrong ? 1 : 0));
        }
    }
    if (what & ZLOOM_LIFE_GROUPS) {
        uint32_t crc = zloom_crc32c (0, group, ZLOOM_GROUP_HEADER_BYTES - 4);
        zloom_put_u32 (group + ZLOOM_GROUP_HEADER_BYTES - 4,
                       zloom_crc32c (crc, directory, directory_bytes));
    }
}

void
zloom_life_hold_slot (uint8_t *slot, size_t size)
{
    if (size < SLOT_HEAD_BYTES) {
        return;
    }
    size_t body = zloom_get_u32 (slot + 40);
    if (body <= size - SLOT_HEAD_BYTES) {
        uint32_t crc = zloom_crc32c (0, slot, SLOT_HEAD_BYTES - 4);
        zloom_put_u32 (slot + SLOT_HEAD_BYTES - 4,
                       zloom_crc32c (crc, slot + SLOT_HEAD_BYTES, body));
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
s_turn (zloom_journal_t *journal, zloom_now_t *now)
{
    while (zloom_journal_work (journal)) {
    }
    now->mono_ns += 10 * ZLOOM_NS_PER_MS;
    zloom_journal_poll (journal, *now);
}

static void
s_turns (zloom_journal_t *journal, zloom_now_t *now, int count)
{
    for (int i = 0; i < count; i++) {
        s_turn (journal, now);
    }
}

/* What can be read is read; what was stored has to come. */
static void
s_fetch (zloom_journal_t *journal, owner_t *owner, zloom_now_t *now)
{
    for (uint32_t flow = 1; flow < ZLOOM_LIFE_FLOWS_MOST; flow++) {
        const uint64_t end = owner->life->end[flow];
        for (uint64_t seq = end > FETCHES_MOST ? end - FETCHES_MOST : 1; seq < end; seq++) {
            zloom_journal_fetch (journal, flow, seq, seq);
        }
    }
    s_turns (journal, now, 4);
    owner->reads_stored = true;
    for (uint64_t i = 1; i <= owner->life->stored; i++) {
        const uint64_t seq = owner->life->end[owner->stored_flow] - i;
        zloom_journal_fetch (journal, owner->stored_flow, seq, seq);
    }
    s_turns (journal, now, 4);
    owner->reads_stored = false;
}

/* A message of our text in this flow. */
static void
s_stage (zloom_journal_t *journal, uint32_t flow, uint64_t seq)
{
    uint8_t *data = NULL;
    zloom_blob_t *blob = zloom_blob_new_empty (sizeof s_text, &data);
    memcpy (data, s_text, sizeof s_text);
    const zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                                   .critical = true,
                                   .flow = flow,
                                   .seq = seq,
                                   .count = 1,
                                   .payload = zloom_bytes (data, sizeof s_text)};
    zloom_journal_stage (journal, &record, blob);
    zloom_blob_unref (&blob);
}

/*
 * Whatever the log told, the flows that it named take messages. (Where a snapshot is not of this
 * owner only the journal knows how far the flow has come.)
 */
static void
s_store_to_all (zloom_journal_t *journal, owner_t *owner)
{
    const uint64_t boot = zloom_journal_boot (journal).random;
    for (uint32_t flow = 1; flow < ZLOOM_LIFE_FLOWS_MOST; flow++) {
        uint64_t *end = &owner->life->end[flow];
        uint64_t known = 0;
        if (!owner->named[flow] || flow == owner->stored_flow ||
            zloom_journal_room (journal, 1, sizeof s_text, true) != ZLOOM_OK) {
            continue;
        }
        zloom_assert (zloom_journal_boot_end (journal, boot, flow, &known));
        *end = known > *end ? known : *end;
        *end = *end > 0 ? *end : 1;
        if (*end < ZLOOM_NUMBERS_MOST) {
            s_stage (journal, flow, (*end)++);
        }
    }
}

/* One more message of the flow that is looked for; false when there is no room for it. */
static bool
s_store (zloom_journal_t *journal, owner_t *owner, zloom_now_t *now)
{
    if (owner->life->last_flow + 1 >= ZLOOM_LIFE_FLOWS_MOST ||
        zloom_journal_room (journal, 2, sizeof s_text + sizeof s_name, true) != ZLOOM_OK) {
        return false;
    }
    const uint32_t flow = zloom_journal_flow (journal, s_name);
    if (flow >= ZLOOM_LIFE_FLOWS_MOST) {
        return false; /* the input names flows up to here that no owner is told of */
    }
    uint64_t *end = &owner->life->end[flow];
    if (*end > UINT32_MAX) {
        return false; /* the input has found our name, and used its numbers up */
    }
    *end = *end > 0 ? *end : 1;
    owner->stored_flow = flow;
    owner->found++;
    s_stage (journal, flow, (*end)++);
    const uint64_t group = zloom_journal_seal (journal, *now);
    for (int i = 0; i < 64 && zloom_journal_durable (journal) < group; i++) {
        s_turn (journal, now);
    }
    return zloom_journal_durable (journal) >= group;
}

zloom_err_t
zloom_life_live (zloom_simdisk_t *disk, zloom_life_t *life)
{
    const uint64_t stored = life->stored;
    owner_t owned = {.life = life};
    const zloom_journal_owner_t owner = {.arg = &owned,
                                         .flow = s_flow,
                                         .restore = s_restore,
                                         .replay = s_replay,
                                         .snapshot = s_snapshot,
                                         .next_live = s_next_live,
                                         .fetched = s_fetched};
    zloom_journal_config_t config = s_config (disk);
    zloom_now_t now = {ZLOOM_NS_PER_S, 1700000000 * ZLOOM_NS_PER_S};
    zloom_journal_t *journal = NULL;
    zloom_journal_stats_t stats;
    *life = (zloom_life_t){.stored = stored, .boots = life->boots + 1};
    config.seed += life->boots; /* a boot is known by its random number */
    const zloom_err_t err = zloom_log_open (&config, &owner, now, &journal);
    zloom_assert ((err == ZLOOM_OK) == (journal != NULL));
    if (err) {
        return err;
    }
    zloom_assert (owned.found >= stored);
    zloom_journal_stats (journal, &stats);
    life->holes = stats.holes;
    s_fetch (journal, &owned, &now);
    s_store_to_all (journal, &owned);
    life->stored += s_store (journal, &owned, &now);
    zloom_journal_close (&journal);
    return ZLOOM_OK;
}

void
zloom_life_examine (zloom_simdisk_t *disk)
{
    zloom_doctor_report_t report;
    (void) zloom_doctor_examine (zloom_simdisk_vfs (disk), ZLOOM_LIFE_DIRECTORY, &report);
    zloom_doctor_fini (&report);
}

zloom_err_t
zloom_life_try (zloom_simdisk_t *disk, bool honest, zloom_life_t *life)
{
    *life = (zloom_life_t){.boots = 0};
    zloom_life_examine (disk);
    const zloom_err_t err = zloom_life_live (disk, life);
    if (!err) {
        zloom_life_t again = {.stored = honest ? life->stored : 0, .boots = life->boots};
        zloom_life_examine (disk);
        const zloom_err_t second = zloom_life_live (disk, &again);
        zloom_assert (!second || !honest);
    }
    return err;
}
