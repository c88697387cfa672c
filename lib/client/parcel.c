/* SPDX-License-Identifier: MPL-2.0 */
#include "client/parcel.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

/* ---- its own copies ------------------------------------------------------------------------- */

/* Append; returns where the copy begins. The pieces that come first need the widest alignment. */
static void *
s_put (uint8_t **at, const void *data, size_t size)
{
    void *copy = *at;
    if (size > 0) {
        memcpy (copy, data, size);
    }
    *at += size;
    return copy;
}

/* What the DELIVER says of its messages lives as long as the lease, in one piece of memory. */
static void
s_own_verb (zloom_client_lease_t *self, const zloom_verb_deliver_t *deliver)
{
    const size_t run_bytes = deliver->run_count * sizeof *deliver->runs;
    const size_t src_bytes = deliver->src_count * sizeof *deliver->src;
    const size_t fact_bytes = deliver->fact_count * sizeof *deliver->facts;
    size_t bytes = run_bytes + src_bytes + fact_bytes + self->count * sizeof *self->marks;
    for (size_t i = 0; i < deliver->src_count; i++) {
        bytes += deliver->src[i].producer.size;
    }
    self->verb = zloom_alloc (bytes);
    uint8_t *at = self->verb;
    self->runs = s_put (&at, deliver->runs, run_bytes);
    self->run_count = deliver->run_count;
    self->src = s_put (&at, deliver->src, src_bytes);
    self->src_count = deliver->src_count;
    self->facts = s_put (&at, deliver->facts, fact_bytes);
    self->fact_count = deliver->fact_count;
    self->marks = (zloom_mark_t *) at;
    at += self->count * sizeof *self->marks;
    for (size_t i = 0; i < deliver->src_count; i++) {
        zloom_bytes_t *producer = &self->src[i].producer;
        producer->data = s_put (&at, producer->data, producer->size);
    }
}

zloom_client_lease_t *
zloom_client_lease_new (const zloom_verb_deliver_t *deliver, zloom_blob_t *pack, void *subscription)
{
    zloom_client_lease_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PARCEL_TAG;
    self->subscription = subscription;
    self->handle = deliver->handle;
    self->token = deliver->token;
    self->blob = zloom_blob_ref (pack);
    self->count = (uint32_t) zloom_runs_total (deliver->runs, deliver->run_count);
    self->unsettled = self->count;
    self->bytes = zloom_blob_bytes (pack).size;
    s_own_verb (self, deliver);
    self->next_waiting.iter = zloom_pack_iter (zloom_blob_bytes (self->blob));
    return self;
}

zloom_client_lease_t *
zloom_client_lease_new_gap (const zloom_verb_gap_t *gap, void *subscription)
{
    zloom_client_lease_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PARCEL_TAG;
    self->subscription = subscription;
    self->is_gap = true;
    self->gap_from = gap->from;
    self->gap_to = gap->to;
    self->gap_count = gap->count;
    self->gap_reason = zloom_memdup_text (gap->reason.data, gap->reason.size);
    return self;
}

static void
s_free_cause (zloom_settle_run_t *run)
{
    free ((void *) run->cause.reason.data);
    free ((void *) run->cause.text.data);
}

void
zloom_client_lease_destroy (zloom_client_lease_t **self_p)
{
    zloom_assert (self_p);
    zloom_client_lease_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    *self_p = NULL;
    for (size_t i = 0; i < self->settling_count; i++) {
        s_free_cause (&self->settling[i]);
    }
    zloom_blob_unref (&self->blob);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->settling);
    free (self->verb);
    free (self->gap_reason);
    free (self);
}

/* ---- finding -------------------------------------------------------------------------------- */

void
zloom_client_lease_stretch (const zloom_client_lease_t *self, zloom_place_t *place)
{
    const uint32_t index = place->index;
    while (index - place->run_begin >= self->runs[place->run].n) {
        place->run_begin += self->runs[place->run++].n;
    }
    while (index - place->src_begin >= self->src[place->src_at].n) {
        place->src_begin += self->src[place->src_at++].n;
    }
    while (place->fact_at < self->fact_count && self->facts[place->fact_at].i < index) {
        place->fact_at++;
    }
    const zloom_run_t *const run = &self->runs[place->run];
    place->src = &self->src[place->src_at];
    place->seq = run->seq + (index - place->run_begin);
    place->nth = index - place->src_begin;
    place->fact = NULL;
    const uint32_t run_end = place->run_begin + run->n;
    const uint32_t src_end = place->src_begin + place->src->n;
    place->until = run_end < src_end ? run_end : src_end;
    if (place->fact_at < self->fact_count) {
        const zloom_fact_t *const fact = &self->facts[place->fact_at];
        place->fact = fact->i == index ? fact : NULL;
        const uint64_t end = fact->i == index ? (uint64_t) index + 1 : fact->i;
        place->until = end < place->until ? (uint32_t) end : place->until;
    }
}

uint64_t
zloom_client_lease_last_seq (const zloom_client_lease_t *self)
{
    const zloom_run_t *last = &self->runs[self->run_count - 1];
    return last->seq + last->n - 1;
}

bool
zloom_client_lease_in_run (const zloom_client_lease_t *self, const zloom_run_t *run, uint32_t *at)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    uint32_t first = 0;
    for (size_t i = 0; i < self->run_count; first += self->runs[i++].n) {
        for (; *at < first + self->runs[i].n; ++*at) {
            const uint64_t seq = self->runs[i].seq + (*at - first);
            if (seq >= run->seq && seq - run->seq < run->n) {
                return true;
            }
        }
    }
    return false;
}

/* ---- settling ------------------------------------------------------------------------------- */

static zloom_bytes_t
s_own (zloom_bytes_t bytes, size_t most)
{
    const size_t size = bytes.size < most ? bytes.size : most;
    /* False: a run that is cut is copied before it is freed. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return bytes.data ? zloom_bytes (zloom_memdup_text (bytes.data, size), size) : bytes;
}

/* Equal plain verdicts in a row are one run on the wire. */
static bool
s_continues (const zloom_client_lease_t *self, uint64_t seq, const zloom_settlement_t *settlement)
{
    if (self->settling_count == self->said || settlement->cause.reason.data) {
        return false;
    }
    const zloom_settle_run_t *last = &self->settling[self->settling_count - 1];
    return last->first + last->n == seq && last->verdict == settlement->verdict &&
           last->delay_ms == settlement->delay_ms && !last->cause.reason.data;
}

void
zloom_client_lease_settle (zloom_client_lease_t *self, uint32_t index, uint64_t seq,
                           const zloom_settlement_t *settlement)
{
    zloom_client_lease_drop (self, index);
    if (s_continues (self, seq, settlement)) {
        self->settling[self->settling_count - 1].n++;
        return;
    }
    zloom_grow (&self->settling, &self->settling_capacity, self->settling_count + 1,
                sizeof *self->settling);
    self->settling[self->settling_count++] = (zloom_settle_run_t){
      .first = seq,
      .n = 1,
      .verdict = settlement->verdict,
      .delay_ms = settlement->delay_ms,
      .cause = {.reason = s_own (settlement->cause.reason, ZLOOM_LIMIT_NAME_BYTES),
                .exit = settlement->cause.exit,
                .signal = settlement->cause.signal,
                .text = s_own (settlement->cause.text, ZLOOM_LIMIT_TEXT_BYTES)},
    };
}

/* Take [first, end) out of one run. True when nothing is left of it; *tail_p: what lay behind. */
static bool
s_cut_run (zloom_settle_run_t *run, uint64_t first, uint64_t end, zloom_settle_run_t *tail)
{
    const uint64_t run_end = run->first + run->n;
    tail->n = 0;
    if (run->first >= end || run_end <= first) {
        return false;
    }
    if (run_end > end) {
        *tail = *run;
        tail->first = end;
        tail->n = (uint32_t) (run_end - end);
        tail->cause.reason = s_own (run->cause.reason, ZLOOM_LIMIT_NAME_BYTES);
        tail->cause.text = s_own (run->cause.text, ZLOOM_LIMIT_TEXT_BYTES);
    }
    run->n = run->first < first ? (uint32_t) (first - run->first) : 0;
    return run->n == 0;
}

void
zloom_client_lease_answered (zloom_client_lease_t *self, uint64_t first, uint64_t n)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    for (size_t i = 0; i < self->said;) {
        zloom_settle_run_t tail;
        const bool gone = s_cut_run (&self->settling[i], first, first + n, &tail);
        if (gone && tail.n > 0) {
            s_free_cause (&self->settling[i]);
            self->settling[i++] = tail;
        } else if (gone) {
            s_free_cause (&self->settling[i]);
            memmove (&self->settling[i], &self->settling[i + 1],
                     (self->settling_count - i - 1) * sizeof *self->settling);
            self->settling_count--;
            self->said--;
        } else if (tail.n > 0) {
            zloom_grow (&self->settling, &self->settling_capacity, self->settling_count + 1,
                        sizeof *self->settling);
            memmove (&self->settling[i + 2], &self->settling[i + 1],
                     (self->settling_count - i - 1) * sizeof *self->settling);
            self->settling[i + 1] = tail;
            self->settling_count++;
            self->said++;
            i += 2;
        } else {
            i++;
        }
    }
}

/* Append seq to runs; false when it is full. */
static bool
s_add_run (zloom_run_t *runs, size_t *count, size_t most, uint64_t seq)
{
    if (*count > 0 && runs[*count - 1].seq + runs[*count - 1].n == seq) {
        runs[*count - 1].n++;
        return true;
    }
    if (*count == most) {
        return false;
    }
    runs[(*count)++] = (zloom_run_t){seq, 1};
    return true;
}

/* The number of message `index`; *run and *first (its first index) go on from call to call. */
static uint64_t
s_seq (const zloom_client_lease_t *self, uint32_t index, size_t *run, uint32_t *first)
{
    while (index - *first >= self->runs[*run].n) {
        *first += self->runs[(*run)++].n;
    }
    return self->runs[*run].seq + (index - *first);
}

void
zloom_client_lease_unsay (zloom_client_lease_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    size_t run = 0;
    uint32_t first = 0;
    self->said = self->settling_count;
    for (uint32_t i = 0; i < self->count && self->settling_count > 0; i++) {
        if (self->marks[i].state == ZLOOM_ITEM_DONE && self->marks[i].stale) {
            zloom_client_lease_answered (self, s_seq (self, i, &run, &first), 1);
        }
    }
    self->said = 0;
}

size_t
zloom_client_lease_runs (const zloom_client_lease_t *self, zloom_item_state_t state, bool started,
                         uint32_t *index, zloom_run_t *runs, size_t most)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    size_t count = 0;
    size_t run = 0;
    uint32_t first = 0;
    for (; *index < self->count; (*index)++) {
        const zloom_mark_t *mark = &self->marks[*index];
        if (mark->state != state || mark->stale || (started && !mark->started)) {
            continue;
        }
        if (!s_add_run (runs, &count, most, s_seq (self, *index, &run, &first))) {
            break;
        }
    }
    return count;
}

static int
s_by_number (const void *a, const void *b)
{
    const zloom_run_t *x = a;
    const zloom_run_t *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Runs rise: the router leases no earlier message again behind a later one of the same lease. */
size_t
zloom_client_lease_holding (const zloom_client_lease_t *self, zloom_run_t *runs, size_t most)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    size_t count = 0;
    size_t run = 0;
    uint32_t first = 0;
    bool room = true;
    for (uint32_t i = 0; i < self->count && room; i++) {
        const zloom_mark_t *mark = &self->marks[i];
        room = mark->state == ZLOOM_ITEM_DONE || mark->stale ||
               s_add_run (runs, &count, most, s_seq (self, i, &run, &first));
    }
    for (size_t i = 0; i < self->settling_count && count < most && room; i++) {
        runs[count++] = (zloom_run_t){self->settling[i].first, self->settling[i].n};
    }
    qsort (runs, count, sizeof *runs, s_by_number);
    return count;
}

bool
zloom_client_lease_over (const zloom_client_lease_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    return self->unsettled == 0 && self->settling_count == 0 && self->steps == 0 && !self->is_gap;
}
