/* SPDX-License-Identifier: MPL-2.0 */
/*
 * journal.c - the log alone, as a router drives it: groups of so many messages, one being written
 * while the next is staged.
 *
 *     bench-journal FOLDER GROUPS MESSAGES BYTES HOT-MIB
 *
 * One tenth of the groups is needed until four times the hot log has gone by, all others until a
 * quarter of it has: so segments are turned over and live packs moved to cold ones all the time,
 * and cold ones die. The hot log is filled once before the clock starts. Prints one JSON object:
 * {"groups", "seconds", "group_bytes", "reclaimed", "moved_bytes"}; group_bytes is what a group
 * took on the disk on average.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "journal/format.h"
#include "journal/journal.h"

#define SEGMENTS 8u /* of a hot log, as by default */
#define FILL_MESSAGES 1024u
#define FILL_BYTES 1024u
#define GROUP_BYTES_MOST (8u * 1024 * 1024)
#define LATE_ONE_OF 10u

/* Groups of messages in the order in which they can be settled. */
typedef struct {
    zloom_range_t *items;
    uint64_t *staged_bytes; /* all that was staged when it was */
    size_t head, count, capacity;
    uint64_t keep_bytes; /* settled when so much was staged after it */
} backlog_t;

typedef struct {
    zloom_journal_t *journal;
    uint32_t flow;
    zloom_ranges_t live;
    uint64_t end;
    uint64_t staged_bytes;
    uint64_t groups;
    uint32_t hot_bytes;
    backlog_t early, late;
} bench_t;

static void
s_check (zloom_err_t err)
{
    if (err != ZLOOM_OK) {
        fprintf (stderr, "bench-journal: %s: %s\n", zloom_err_text (err), zloom_note ());
        exit (1);
    }
}

/* ---- the owner ------------------------------------------------------------------------------ */

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    (void) arg;
    return zloom_fail (ZLOOM_EXISTS, "flow %u, %s: the folder is not empty", flow, name);
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    (void) arg;
    (void) snapshot;
    return zloom_fail (ZLOOM_EXISTS, "a snapshot of flow %u", flow);
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    (void) arg;
    return zloom_fail (ZLOOM_EXISTS, "a record of flow %u", record->flow);
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    bench_t *self = arg;
    (void) flow;
    zloom_buf_add_u64 (out, self->end);
    for (size_t i = 0; i < self->live.count; i++) {
        zloom_buf_add_u64 (out, zloom_ranges_at (&self->live, i)->first);
        zloom_buf_add_u64 (out, zloom_ranges_at (&self->live, i)->last);
    }
}

static bool
s_next_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    const bench_t *self = arg;
    (void) flow;
    if (!zloom_ranges_find (&self->live, from, run) || run->first > last) {
        return false;
    }
    run->last = run->last < last ? run->last : last;
    return true;
}

static void
s_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    (void) arg;
    (void) cookie;
    (void) chunk;
    s_check (zloom_fail (err, "nobody fetches here"));
}

/* ---- what is needed, and for how long ------------------------------------------------------- */

static void
s_push (backlog_t *self, zloom_range_t range, uint64_t staged_bytes)
{
    if (self->head + self->count == self->capacity && self->head > self->count) {
        memmove (self->items, self->items + self->head, self->count * sizeof *self->items);
        memmove (self->staged_bytes, self->staged_bytes + self->head,
                 self->count * sizeof *self->staged_bytes);
        self->head = 0;
    }
    if (self->head + self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 1024;
        self->items = zloom_realloc (self->items, self->capacity, sizeof *self->items);
        self->staged_bytes =
          zloom_realloc (self->staged_bytes, self->capacity, sizeof *self->staged_bytes);
    }
    self->items[self->head + self->count] = range;
    self->staged_bytes[self->head + self->count] = staged_bytes;
    self->count++;
}

/* At most `most` ranges, so that settling keeps pace and never comes in one lump. */
static void
s_settle (bench_t *self, backlog_t *backlog, size_t most)
{
    while (most-- > 0 && backlog->count > 0 &&
           backlog->staged_bytes[backlog->head] + backlog->keep_bytes < self->staged_bytes) {
        const zloom_range_t range = backlog->items[backlog->head];
        uint8_t head[16];
        memcpy (head, &range.first, 8);
        memcpy (head + 8, &range.last, 8);
        const zloom_record_t record = {.type = ZLOOM_RECORD_SETTLE,
                                       .critical = true,
                                       .flow = self->flow,
                                       .seq = range.first,
                                       .count = (uint32_t) (range.last - range.first + 1),
                                       .head = zloom_bytes (head, sizeof head)};
        if (zloom_journal_room (self->journal, 1, sizeof head, false) != ZLOOM_OK) {
            return;
        }
        zloom_journal_stage (self->journal, &record, NULL);
        zloom_ranges_remove (&self->live, range.first, range.last);
        zloom_journal_forget (self->journal, self->flow, range.first, range.last);
        backlog->head++;
        backlog->count--;
    }
}

/* ---- groups --------------------------------------------------------------------------------- */

static void
s_wait (bench_t *self)
{
    const zloom_now_t now = zloom_clock_now ();
    struct pollfd item = {.fd = zloom_journal_fd (self->journal), .events = POLLIN};
    const int64_t left_ns = zloom_journal_deadline (self->journal) - now.mono_ns;
    const int64_t left_ms = left_ns < 0 ? 0 : left_ns / ZLOOM_NS_PER_MS + 1;
    (void) poll (&item, 1, left_ms < 100 ? (int) left_ms : 100);
    zloom_journal_poll (self->journal, zloom_clock_now ());
    s_check (zloom_journal_failed (self->journal));
}

static uint8_t s_payload[GROUP_BYTES_MOST];

/* Stage one group and hand it over: returns when the committer has it. */
static void
s_group (bench_t *self, uint32_t messages, uint32_t bytes)
{
    const size_t size = (size_t) messages * bytes;
    zloom_err_t err = size > sizeof s_payload ? ZLOOM_TOO_BIG : ZLOOM_OK;
    s_check (err);
    while ((err = zloom_journal_room (self->journal, 1, size, true)) == ZLOOM_AGAIN) {
        s_wait (self);
    }
    s_check (err);
    /* The bytes are there already, as the yardstick's are: who makes them is not the log. */
    zloom_blob_t *blob = zloom_blob_new_extern (s_payload, size, NULL, NULL);
    const zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                                   .critical = true,
                                   .flow = self->flow,
                                   .seq = self->end,
                                   .count = messages,
                                   .payload = zloom_bytes (s_payload, size)};
    zloom_journal_stage (self->journal, &record, blob);
    zloom_blob_unref (&blob);
    const zloom_range_t range = {self->end, self->end + messages - 1};
    zloom_ranges_add (&self->live, range.first, range.last);
    self->end += messages;
    self->staged_bytes += size;
    s_push (self->groups++ % LATE_ONE_OF == 0 ? &self->late : &self->early, range,
            self->staged_bytes);
    s_settle (self, &self->early, 2);
    s_settle (self, &self->late, 2);
    const uint64_t number = zloom_journal_group (self->journal);
    zloom_journal_seal (self->journal, zloom_clock_now ());
    while (zloom_journal_group (self->journal) == number) {
        s_wait (self);
        zloom_journal_seal (self->journal, zloom_clock_now ());
    }
}

static void
s_finish (bench_t *self)
{
    const uint64_t last = zloom_journal_seal (self->journal, zloom_clock_now ());
    while (zloom_journal_durable (self->journal) < last) {
        s_wait (self);
    }
}

static void
s_run (bench_t *self, uint32_t groups, uint32_t messages, uint32_t bytes)
{
    for (uint32_t filled = 0; filled < self->hot_bytes; filled += FILL_MESSAGES * FILL_BYTES) {
        s_group (self, FILL_MESSAGES, FILL_BYTES);
    }
    s_finish (self);
    zloom_journal_stats_t before;
    zloom_journal_stats_t after;
    zloom_journal_stats (self->journal, &before);
    const int64_t begin_ns = zloom_clock_now ().mono_ns;
    for (uint32_t i = 0; i < groups; i++) {
        s_group (self, messages, bytes);
    }
    s_finish (self);
    const double seconds = (double) (zloom_clock_now ().mono_ns - begin_ns) / 1e9;
    zloom_journal_stats (self->journal, &after);
    const uint64_t written = after.groups - before.groups;
    printf (
      "{\"groups\": %" PRIu64 ", \"seconds\": %.6f, \"group_bytes\": %.0f, "
      "\"reclaimed\": %" PRIu64 ", \"moved_bytes\": %" PRIu64 "}\n",
      written, seconds, (double) (after.bytes_written - before.bytes_written) / (double) written,
      after.reclaimed_segments - before.reclaimed_segments, after.moved_bytes - before.moved_bytes);
}

static uint32_t
s_number (const char *text)
{
    char *end = NULL;
    const uint64_t number = strtoull (text, &end, 10);
    if (end == text || *end || number == 0 || number > UINT32_MAX) {
        fprintf (stderr, "bench-journal: not a number: %s\n", text);
        exit (2);
    }
    return (uint32_t) number;
}

int
main (int argc, char **argv)
{
    if (argc != 6) {
        fprintf (stderr, "see the head of journal.c\n");
        return 2;
    }
    const uint32_t hot_bytes = s_number (argv[5]) * 1024 * 1024;
    memset (s_payload, 0x5a, sizeof s_payload);
    bench_t self = {.end = 1,
                    .hot_bytes = hot_bytes,
                    .early = {.keep_bytes = hot_bytes / 4},
                    .late = {.keep_bytes = 4 * (uint64_t) hot_bytes}};
    const zloom_journal_config_t config = {.vfs = zloom_vfs_posix (),
                                           .directory = argv[1],
                                           .hot_bytes = hot_bytes,
                                           .segment_bytes = hot_bytes / SEGMENTS};
    const zloom_journal_owner_t owner = {.arg = &self,
                                         .flow = s_flow,
                                         .restore = s_restore,
                                         .replay = s_replay,
                                         .snapshot = s_snapshot,
                                         .next_live = s_next_live,
                                         .fetched = s_fetched};
    s_check (zloom_log_open (&config, &owner, zloom_clock_now (), &self.journal));
    self.flow = zloom_journal_flow (self.journal, "bench");
    s_run (&self, s_number (argv[2]), s_number (argv[3]), s_number (argv[4]));
    zloom_journal_close (&self.journal);
    zloom_ranges_fini (&self.live);
    free (self.early.items);
    free (self.early.staged_bytes);
    free (self.late.items);
    free (self.late.staged_bytes);
    return 0;
}
