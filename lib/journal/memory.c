/* SPDX-License-Identifier: MPL-2.0 */
/*
 * memory.c - the journal of `memory` flows: the same contract with everything in RAM. What is
 * sealed is durable at once, and nothing outlives the object. Records other than PACK leave no
 * trace: there is nothing to recover.
 */
#include "base/memory.h"
#include "base/map.h"
#include "base/random.h"
#include "base/tag.h"
#include "journal/ops.h"
#include "journal/shelf.h"

#include <stdlib.h>

typedef struct {
    uint32_t flow;
    uint64_t seq;
    uint64_t cookie;
} wish_t;

typedef struct {
    zloom_shelf_t shelf;
    uint64_t end;
} memory_flow_t;

typedef struct {
    zloom_journal_t base;
    zloom_map_t *names; /* -> number as a pointer */
    memory_flow_t **flows;
    size_t flow_count;
    size_t flow_capacity;
    zloom_shelves_t shelves;
    uint64_t open_group;
    bool staged; /* the open group holds something */
    wish_t *wishes;
    size_t wish_count;
    size_t wish_capacity;
    zloom_journal_stats_t stats;
} memory_t;

static memory_t *
s_self (zloom_journal_t *journal)
{
    return (memory_t *) journal;
}

static const memory_t *
s_const (const zloom_journal_t *journal)
{
    return (const memory_t *) journal;
}

static memory_flow_t *
s_flow_of (const memory_t *self, uint32_t flow)
{
    zloom_assert (flow < self->flow_count);
    return self->flows[flow];
}

static void
s_add_flow (memory_t *self)
{
    zloom_grow (&self->flows, &self->flow_capacity, self->flow_count + 1, sizeof *self->flows);
    self->flows[self->flow_count] = zloom_alloc (sizeof **self->flows);
    self->flow_count++;
}

static void
s_close (zloom_journal_t *journal)
{
    memory_t *self = s_self (journal);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_shelf_fini (&self->flows[i]->shelf, &self->shelves);
        free (self->flows[i]);
    }
    free (self->flows);
    free (self->wishes);
    zloom_map_destroy (&self->names);
    journal->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static void
s_attest (zloom_journal_t *journal, zloom_now_t now)
{
    (void) journal; /* there is nothing that could be lost singly */
    (void) now;
}

static uint32_t
s_flow (zloom_journal_t *journal, const char *name)
{
    memory_t *self = s_self (journal);
    zloom_bytes_t key = zloom_bytes_text (name);
    uintptr_t known = (uintptr_t) zloom_map_get (self->names, key);
    if (known == 0) {
        known = self->flow_count;
        s_add_flow (self);
        zloom_map_put (self->names, key, (void *) known);
    }
    return (uint32_t) known;
}

static bool
s_boot_end (const zloom_journal_t *journal, uint64_t random, uint32_t flow, uint64_t *end)
{
    const memory_t *self = s_const (journal);
    if (random != journal->boot.random || flow >= self->flow_count) {
        return false;
    }
    *end = self->flows[flow]->end;
    return true;
}

static bool
s_boot_at (const zloom_journal_t *journal, size_t back, uint64_t *random)
{
    *random = journal->boot.random;
    return back == 0;
}

static zloom_err_t
s_room (const zloom_journal_t *journal, uint32_t records, uint64_t bytes, bool growing)
{
    (void) journal;
    (void) records;
    (void) growing;
    return bytes > ZLOOM_JOURNAL_GROUP_BYTES ? ZLOOM_TOO_BIG : ZLOOM_OK;
}

static void
s_stage (zloom_journal_t *journal, const zloom_record_t *record, zloom_blob_t *blob)
{
    memory_t *self = s_self (journal);
    memory_flow_t *flow = s_flow_of (self, record->flow);
    self->staged = true;
    self->stats.records++;
    if (record->type == ZLOOM_RECORD_PACK && record->count > 0) {
        zloom_assert (record->seq >= flow->end);
        zloom_shelf_add (&flow->shelf, &self->shelves, record, blob, self->open_group);
        flow->end = record->seq + record->count;
    } else if (record->type == ZLOOM_RECORD_HOLE && record->seq + record->count > flow->end) {
        flow->end = record->seq + record->count;
    }
}

static uint64_t
s_group (const zloom_journal_t *journal)
{
    return s_const (journal)->open_group;
}

static uint64_t
s_seal (zloom_journal_t *journal, zloom_now_t now)
{
    (void) now;
    memory_t *self = s_self (journal);
    if (self->staged) {
        self->staged = false;
        self->open_group++;
        self->stats.groups++;
    }
    return self->open_group - 1;
}

static uint64_t
s_durable (const zloom_journal_t *journal)
{
    return s_const (journal)->open_group - 1;
}

static zloom_err_t
s_failed (const zloom_journal_t *journal)
{
    (void) journal;
    return ZLOOM_OK;
}

static zloom_err_t
s_lookup (zloom_journal_t *journal, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk)
{
    const memory_flow_t *found = s_flow_of (s_self (journal), flow);
    return zloom_shelf_find (&found->shelf, seq, chunk) ? ZLOOM_OK : ZLOOM_NOT_FOUND;
}

static void
s_fetch (zloom_journal_t *journal, uint32_t flow, uint64_t seq, uint64_t cookie)
{
    memory_t *self = s_self (journal);
    zloom_assert (flow < self->flow_count);
    zloom_grow (&self->wishes, &self->wish_capacity, self->wish_count + 1, sizeof *self->wishes);
    self->wishes[self->wish_count++] = (wish_t){flow, seq, cookie};
}

static void
s_forget (zloom_journal_t *journal, uint32_t flow, uint64_t first, uint64_t last)
{
    memory_t *self = s_self (journal);
    zloom_shelf_forget (&s_flow_of (self, flow)->shelf, &self->shelves, first, last);
}

static void
s_poll (zloom_journal_t *journal, zloom_now_t now)
{
    (void) now;
    memory_t *self = s_self (journal);
    /* The owner may wish for more while it takes these: they come with the next poll. */
    size_t count = self->wish_count;
    for (size_t i = 0; i < count; i++) {
        wish_t wish = self->wishes[i];
        zloom_chunk_t chunk;
        zloom_err_t err = s_lookup (journal, wish.flow, wish.seq, &chunk);
        self->stats.fetches++;
        journal->owner.fetched (journal->owner.arg, wish.cookie, err, err ? NULL : &chunk);
    }
    self->wish_count -= count;
    if (self->wish_count > 0) {
        memmove (self->wishes, self->wishes + count, self->wish_count * sizeof *self->wishes);
    }
}

static int
s_fd (const zloom_journal_t *journal)
{
    (void) journal;
    return -1;
}

static int64_t
s_deadline (const zloom_journal_t *journal)
{
    return s_const (journal)->wish_count > 0 ? 0 : ZLOOM_NEVER;
}

static bool
s_work (zloom_journal_t *journal)
{
    (void) journal;
    return false;
}

static void
s_stats (const zloom_journal_t *journal, zloom_journal_stats_t *stats)
{
    const memory_t *self = s_const (journal);
    *stats = self->stats;
    stats->live_bytes = self->shelves.bytes;
}

zloom_journal_t *
zloom_memory_journal_new (const zloom_journal_owner_t *owner, uint64_t boot_seed)
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
    memory_t *self = zloom_alloc (sizeof *self);
    self->base.tag = ZLOOM_JOURNAL_TAG;
    self->base.ops = &s_ops;
    self->base.owner = *owner;
    if (boot_seed == 0) {
        zloom_random_system (&boot_seed, sizeof boot_seed);
    }
    zloom_random_t random;
    zloom_random_init (&random, boot_seed);
    self->base.boot = (zloom_boot_t){.counter = 1, .random = zloom_random_next (&random)};
    for (size_t i = 0; i < sizeof self->base.log_id; i++) {
        self->base.log_id[i] = (uint8_t) zloom_random_next (&random);
    }
    self->names = zloom_map_new ();
    self->open_group = 1;
    s_add_flow (self); /* 0: the whole log */
    return &self->base;
}
