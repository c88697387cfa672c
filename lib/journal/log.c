/* SPDX-License-Identifier: MPL-2.0 */
/* log.c - the segmented log behind journal.h: lookup, poll, close. See log.h for the rest. */
#include "journal/log.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/mover.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * A group of so many bytes goes to the committer behind another: its sync costs little beside them,
 * and so does the rest of its last block. A smaller one gathers more meanwhile.
 */
#define SECOND_BYTES (64u * 1024)

static zloom_log_t *
s_self (zloom_journal_t *journal)
{
    return (zloom_log_t *) journal;
}

static const zloom_log_t *
s_const (const zloom_journal_t *journal)
{
    return (const zloom_log_t *) journal;
}

static uint32_t
s_flow (zloom_journal_t *journal, const char *name)
{
    zloom_log_t *self = s_self (journal);
    zloom_bytes_t key = zloom_bytes_text (name);
    zloom_log_flow_t *known = zloom_map_get (self->names, key);
    if (known) {
        return known->mark.number;
    }
    zloom_assert (key.size > 0 && key.size <= ZLOOM_FLOW_NAME_BYTES);
    zloom_assert (self->flow_count < ZLOOM_FLOWS_MOST);
    uint32_t number = (uint32_t) self->flow_count;
    (void) zloom_log_flow_at (self, number, self->segments[self->segment_count - 1].number);
    zloom_log_name_flow (self, number, name);
    zloom_record_t record = {
      .type = ZLOOM_RECORD_FLOW, .critical = true, .flow = number, .head = key};
    zloom_log_stage (self, &record, NULL);
    self->slot_wanted = true;
    self->slot_after = self->open.number;
    return number;
}

static bool
s_boot_end (const zloom_journal_t *journal, uint64_t random, uint32_t flow, uint64_t *end)
{
    const zloom_log_t *self = s_const (journal);
    for (size_t i = 0; i < self->boot_count; i++) {
        if (self->boots[i].boot.random != random) {
            continue;
        }
        *end = 0;
        if (i + 1 == self->boot_count) {
            *end = flow < self->flow_count ? self->flows[flow]->mark.end : 0;
            return true;
        }
        const zloom_slot_boot_t *next = &self->boots[i + 1];
        for (size_t k = 0; k < next->end_count; k++) {
            if (next->ends[k].flow == flow) {
                *end = next->ends[k].end;
            }
        }
        return true;
    }
    return false;
}

static bool
s_boot_at (const zloom_journal_t *journal, size_t back, uint64_t *random)
{
    const zloom_log_t *self = s_const (journal);
    if (back >= self->boot_count) {
        return false;
    }
    *random = self->boots[self->boot_count - 1 - back].boot.random;
    return true;
}

static zloom_err_t
s_room (const zloom_journal_t *journal, uint32_t records, uint64_t bytes, bool growing)
{
    return zloom_log_room (s_const (journal), records, bytes, growing);
}

static void
s_stage (zloom_journal_t *journal, const zloom_record_t *record, zloom_blob_t *blob)
{
    zloom_log_stage (s_self (journal), record, blob);
}

static uint64_t
s_group (const zloom_journal_t *journal)
{
    return s_const (journal)->open.number;
}

/* Hand the open group over; the border after it is where a snapshot can be taken. */
static void
s_hand_over (zloom_log_t *self)
{
    self->seal_wanted = self->open.records > 0;
    if (zloom_log_hand_over (self)) {
        zloom_log_take_snapshot (self);
    }
}

static uint64_t
s_seal (zloom_journal_t *journal, zloom_now_t now)
{
    zloom_log_t *self = s_self (journal);
    self->now = now;
    s_hand_over (self);
    return zloom_log_staged (self);
}

static void
s_attest (zloom_journal_t *journal, zloom_now_t now)
{
    zloom_log_t *self = s_self (journal);
    self->now = now;
    zloom_log_attest (self);
}

static uint64_t
s_durable (const zloom_journal_t *journal)
{
    return s_const (journal)->durable;
}

static zloom_err_t
s_failed (const zloom_journal_t *journal)
{
    const zloom_log_t *self = s_const (journal);
    return self->failed ? zloom_fail (self->failed, "%s", self->failed_note) : ZLOOM_OK;
}

static zloom_err_t
s_lookup (zloom_journal_t *journal, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk)
{
    zloom_log_t *self = s_self (journal);
    zloom_assert (flow < self->flow_count);
    if (zloom_shelf_find (&self->flows[flow]->shelf, seq, chunk) ||
        zloom_log_ahead_find (self, flow, seq, chunk)) {
        return ZLOOM_OK;
    }
    return zloom_index_find (&self->flows[flow]->index, seq) ? ZLOOM_AGAIN : ZLOOM_NOT_FOUND;
}

static void
s_fetch (zloom_journal_t *journal, uint32_t flow, uint64_t seq, uint64_t cookie)
{
    zloom_log_t *self = s_self (journal);
    zloom_assert (flow < self->flow_count);
    zloom_log_fetch (self, flow, seq, cookie);
}

static void
s_forget (zloom_journal_t *journal, uint32_t flow, uint64_t first, uint64_t last)
{
    zloom_log_t *self = s_self (journal);
    zloom_assert (flow < self->flow_count);
    zloom_log_flow_t *found = self->flows[flow];
    zloom_shelf_forget (&found->shelf, &self->shelves, first, last);
    zloom_index_forget (&found->index, first, last);
    found->suspect = true;
    self->tend = true;
}

typedef struct {
    zloom_log_t *log;
    uint32_t flow;
} live_of_t;

static uint64_t
s_live_of (void *arg, uint64_t first, uint64_t last)
{
    live_of_t *of = arg;
    return zloom_log_live (of->log, of->flow, first, last);
}

static void
s_tidy_flows (zloom_log_t *self)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_log_flow_t *flow = self->flows[i];
        if (flow->suspect) {
            live_of_t of = {self, flow->mark.number};
            flow->suspect = false;
            zloom_index_tidy (&flow->index, s_live_of, &of);
        }
    }
}

/* Take in what jobs have done, but for commits. */
static void
s_take_jobs (zloom_log_t *self)
{
    zloom_jobs_t *const all[] = {self->reads, self->background};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        zloom_job_t *job;
        while ((job = zloom_jobs_take (all[i]))) {
            job->done (job, self);
        }
    }
}

static void
s_poll (zloom_journal_t *journal, zloom_now_t now)
{
    zloom_log_t *self = s_self (journal);
    self->now = now;
    if (self->event_fd >= 0) {
        uint64_t count;
        ssize_t got = read (self->event_fd, &count, sizeof count);
        (void) got; /* empty is fine: poll is called every turn */
    }
    zloom_log_take_commits (self);
    if (self->seal_wanted && !self->failed && !self->disk_full) {
        /*
         * The disk first: what follows gives memory back, and that takes a while. Where space is
         * short, what jobs have to tell goes with this group and not with one of its own.
         */
        zloom_log_snapshot_durable (self);
        s_hand_over (self);
    }
    for (size_t i = 0; i < ZLOOM_COMMITS; i++) {
        zloom_group_clear (&self->written[i]);
    }
    s_take_jobs (self);
    zloom_log_grant_wishes (self);
    zloom_shelves_trim (&self->shelves, self->tail_cache_bytes, self->durable);
    if (self->failed) {
        return;
    }
    zloom_log_snapshot_durable (self);
    if (self->seal_wanted) {
        s_hand_over (self);
    } else if (self->open.records == 0) {
        zloom_log_take_snapshot (self);
    }
    zloom_log_trickle (self);
    s_tidy_flows (self);
    zloom_log_plan (self);
    if (now.mono_ns >= self->attest_at_ns) {
        zloom_log_attest (self);
    }
    if (self->seal_wanted) {
        s_hand_over (self);
    }
}

static int
s_fd (const zloom_journal_t *journal)
{
    return s_const (journal)->event_fd;
}

static int64_t
s_deadline (const zloom_journal_t *journal)
{
    const zloom_log_t *self = s_const (journal);
    if (self->failed) {
        return self->wish_count > 0 ? self->now.mono_ns : ZLOOM_NEVER;
    }
    if (self->wish_count > 0 || (self->taking.blob && self->under_way == 0)) {
        return self->now.mono_ns;
    }
    const int64_t timers[] = {self->under_way > 0 ? ZLOOM_NEVER : self->attest_at_ns,
                              self->retry_at_ns, self->fill_at_ns, self->move_at_ns,
                              self->tend ? self->tend_at_ns : ZLOOM_NEVER};
    int64_t deadline = ZLOOM_NEVER;
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
        bool attest = i == 0; /* due until it is done; the others when they come */
        if (timers[i] < deadline && (attest || timers[i] > self->now.mono_ns)) {
            deadline = timers[i];
        }
    }
    return deadline;
}

bool
zloom_log_work (zloom_log_t *self, const zloom_jobs_t *asleep)
{
    zloom_assert (self->manual);
    /* As with threads, none waits for another: the seed decides who is first. */
    zloom_jobs_t *const all[] = {self->commits, self->reads, self->background};
    const size_t count = sizeof all / sizeof *all;
    const size_t first = (size_t) zloom_random_below (&self->random, count);
    bool worked = false;
    for (size_t i = 0; i < count && !worked; i++) {
        zloom_jobs_t *jobs = all[(first + i) % count];
        worked = jobs != asleep && zloom_jobs_step (jobs);
    }
    return worked;
}

static bool
s_work (zloom_journal_t *journal)
{
    return zloom_log_work (s_self (journal), NULL);
}

static void
s_stats (const zloom_journal_t *journal, zloom_journal_stats_t *stats)
{
    const zloom_log_t *self = s_const (journal);
    *stats = self->stats;
    stats->disk_full = self->disk_full;
    stats->sync_since_ns =
      self->under_way > 0 ? self->commit[(self->durable + 1) % ZLOOM_COMMITS].began_ns : 0;
    stats->hot_bytes = 0;
    for (size_t i = 0; i < self->segment_count; i++) {
        stats->hot_bytes += self->segments[i].bytes;
    }
    stats->cold_bytes = 0;
    stats->live_bytes = 0;
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_log_flow_t *flow = self->flows[i];
        for (size_t k = 0; k < flow->cold_count; k++) {
            stats->cold_bytes += flow->cold[k].bytes;
        }
        for (size_t k = 0; k < flow->index.count; k++) {
            stats->live_bytes += zloom_index_at (&flow->index, k)->bytes;
        }
    }
}

/* Write what is staged, attest it, and leave a superblock that tells the end. */
static void
s_finish (zloom_log_t *self)
{
    for (int attempt = 0; attempt < 8 && !self->failed; attempt++) {
        zloom_jobs_finish (self->commits);
        zloom_log_take_commits (self);
        if (self->open.records == 0 && self->quiet) {
            break;
        }
        if (self->open.records == 0) {
            zloom_log_attest (self);
        } else if (!zloom_log_hand_over (self)) {
            /* No segment is ready: let the one under way be finished. */
            zloom_log_plan (self);
            zloom_jobs_finish (self->reads);
            zloom_jobs_finish (self->background);
            s_take_jobs (self);
        }
    }
    zloom_jobs_destroy (&self->reads);
    zloom_jobs_destroy (&self->background);
    if (!self->failed && zloom_log_slot_now (self)) {
        zloom_log (ZLOOM_LOG_WARN, "journal-close", "directory=%s why=%s", self->directory,
                   zloom_note ());
    }
}

/* While closing the owner may be gone: what it last said it needs is taken for all there is. */
static bool
s_all_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    (void) arg;
    (void) flow;
    *run = (zloom_range_t){from, last};
    return from <= last;
}

static void
s_drop_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    (void) arg;
    (void) cookie;
    if (err == ZLOOM_OK) {
        zloom_blob_unref (&chunk->blob);
    }
}

static void
s_close (zloom_journal_t *journal)
{
    zloom_log_t *self = s_self (journal);
    self->base.owner = (zloom_journal_owner_t){.next_live = s_all_live, .fetched = s_drop_fetched};
    s_finish (self);
    zloom_log_destroy (self);
}

zloom_log_t *
zloom_log_new (const zloom_journal_config_t *config, const zloom_journal_owner_t *owner,
               zloom_now_t now)
{
    static const zloom_journal_ops_t s_ops = {
      .close = s_close,
      .attest = s_attest,
      .flow = s_flow,
      .boot_end = s_boot_end,
      .boot_at = s_boot_at,
      .room = s_room,
      .stage = s_stage,
      .group = s_group,
      .seal = s_seal,
      .durable = s_durable,
      .failed = s_failed,
      .lookup = s_lookup,
      .fetch = s_fetch,
      .forget = s_forget,
      .poll = s_poll,
      .fd = s_fd,
      .deadline = s_deadline,
      .work = s_work,
      .stats = s_stats,
    };
    zloom_log_t *self = zloom_alloc (sizeof *self);
    self->base.tag = ZLOOM_JOURNAL_TAG;
    self->base.ops = &s_ops;
    self->base.owner = *owner;
    self->vfs = config->vfs;
    self->directory = zloom_strdup (config->directory);
    self->manual = config->manual;
    self->now = now;
    self->event_fd = -1;
    self->attest_at_ns = ZLOOM_NEVER;
    self->names = zloom_map_new ();
    self->boots = zloom_alloc (ZLOOM_BOOTS_MOST * sizeof *self->boots);
    uint64_t seed = config->seed;
    if (seed == 0) {
        zloom_random_system (&seed, sizeof seed);
    }
    zloom_random_init (&self->random, seed);
    self->segment_bytes = config->segment_bytes ? config->segment_bytes : 64u * 1024 * 1024;
    uint64_t hot = config->hot_bytes ? config->hot_bytes : UINT64_C (512) * 1024 * 1024;
    self->hot_segments = hot / self->segment_bytes > 4 ? hot / self->segment_bytes : 4;
    self->tail_cache_bytes =
      config->tail_cache_bytes ? config->tail_cache_bytes : UINT64_C (64) * 1024 * 1024;
    self->disk_limit_bytes = config->disk_limit_bytes;
    /* A group that does not fit the rest of a segment leaves it empty: never more than half. */
    self->group_most = self->segment_bytes / 2 < ZLOOM_JOURNAL_GROUP_BYTES
                         ? self->segment_bytes / 2
                         : ZLOOM_JOURNAL_GROUP_BYTES;
    self->second_bytes = config->second_bytes ? config->second_bytes : SECOND_BYTES;
    return self;
}
