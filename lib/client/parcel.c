/* SPDX-License-Identifier: MPL-2.0 */
#include "client/parcel.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/pack.h"

#define PARCEL_TAG 0x5A436C65u
#define ITEM_TAG 0x5A436974u

static void
s_item_init (zloom_client_lease_t *self, uint32_t i, uint64_t seq, const zloom_src_t *src,
             uint32_t nth)
{
    zloom_item_t *item = &self->items[i];
    item->tag = ITEM_TAG;
    item->lease = self;
    item->message.seq = seq;
    item->message.producer = (const char *) src->producer.data;
    item->message.producer_size = src->producer.size;
    item->message.id = src->first_id + nth;
    item->message.sent_wall_ns = src->base_time_ns;
}

/* The verb was checked: runs, src and pack hold the same number of messages. */
static void
s_fill (zloom_client_lease_t *self, const zloom_verb_deliver_t *deliver)
{
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_blob_bytes (self->blob));
    size_t run = 0;
    uint32_t in_run = 0;
    size_t src = 0;
    uint32_t in_src = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        s_item_init (self, i, deliver->runs[run].seq + in_run, &deliver->src[src], in_src);
        zloom_assert (zloom_pack_next (&iter, &self->items[i].envelope));
        if (++in_run == deliver->runs[run].n) {
            run++;
            in_run = 0;
        }
        if (++in_src == deliver->src[src].n) {
            src++;
            in_src = 0;
        }
    }
    for (size_t i = 0; i < deliver->fact_count; i++) {
        const zloom_fact_t *fact = &deliver->facts[i];
        if (fact->i < self->count) {
            zloom_message_t *message = &self->items[fact->i].message;
            message->attempt = fact->attempt;
            message->redelivered = fact->redelivered;
            message->replayed = fact->replayed;
        }
    }
}

/* Producers of the verb move into memory of the lease's own, one copy a run. */
static zloom_src_t *
s_own_src (zloom_client_lease_t *self, const zloom_verb_deliver_t *deliver)
{
    size_t bytes = 0;
    for (size_t i = 0; i < deliver->src_count; i++) {
        bytes += deliver->src[i].producer.size;
    }
    self->verb = zloom_alloc (bytes + 1);
    zloom_src_t *src = zloom_alloc ((deliver->src_count + 1) * sizeof *src);
    uint8_t *at = self->verb;
    for (size_t i = 0; i < deliver->src_count; i++) {
        src[i] = deliver->src[i];
        if (src[i].producer.size > 0) {
            memcpy (at, src[i].producer.data, src[i].producer.size);
        }
        src[i].producer.data = at;
        at += src[i].producer.size;
    }
    return src;
}

zloom_client_lease_t *
zloom_client_lease_new (const zloom_verb_deliver_t *deliver, zloom_blob_t *pack, const char *flow,
                        void *subscription)
{
    zloom_client_lease_t *self = zloom_alloc (sizeof *self);
    self->tag = PARCEL_TAG;
    self->subscription = subscription;
    self->token = deliver->token;
    self->blob = zloom_blob_ref (pack);
    self->count = (uint32_t) zloom_runs_total (deliver->runs, deliver->run_count);
    self->unsettled = self->count;
    self->bytes = zloom_blob_bytes (pack).size;
    self->items = zloom_alloc (self->count * sizeof *self->items);
    zloom_verb_deliver_t own = *deliver;
    zloom_src_t *src = s_own_src (self, deliver);
    own.src = src;
    s_fill (self, &own);
    free (src);
    for (uint32_t i = 0; i < self->count; i++) {
        self->items[i].message.flow = flow;
        self->items[i].message.handle = deliver->handle;
    }
    return self;
}

zloom_client_lease_t *
zloom_client_lease_new_gap (const zloom_verb_gap_t *gap, void *subscription)
{
    zloom_client_lease_t *self = zloom_alloc (sizeof *self);
    self->tag = PARCEL_TAG;
    self->subscription = subscription;
    self->is_gap = true;
    self->gap_from = gap->from;
    self->gap_to = gap->to;
    self->gap_count = gap->count;
    self->gap_reason = zloom_memdup_text (gap->reason.data, gap->reason.size);
    return self;
}

bool
zloom_client_lease_is_leased (const zloom_client_lease_t *self)
{
    ZLOOM_CHECK (self, PARCEL_TAG);
    return self->token.number > 0;
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
    ZLOOM_CHECK (self, PARCEL_TAG);
    *self_p = NULL;
    for (size_t i = 0; i < self->settling_count; i++) {
        s_free_cause (&self->settling[i]);
    }
    zloom_blob_unref (&self->blob);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->settling);
    free (self->items);
    free (self->verb);
    free (self->gap_reason);
    free (self);
}

zloom_item_t *
zloom_item (const zloom_message_t *message)
{
    zloom_item_t *item = (zloom_item_t *) message;
    ZLOOM_CHECK (item, ITEM_TAG);
    return item;
}

zloom_item_t *
zloom_client_lease_next (zloom_client_lease_t *self)
{
    ZLOOM_CHECK (self, PARCEL_TAG);
    while (self->next_waiting < self->count) {
        zloom_item_t *item = &self->items[self->next_waiting];
        if (item->state == ZLOOM_ITEM_WAITING) {
            return item;
        }
        self->next_waiting++;
    }
    return NULL;
}

/* A time of the envelope counts from when its pack was made. */
static int64_t
s_after (int64_t base_ns, bool has, int64_t ms)
{
    const int64_t ns = ms > INT64_MAX / ZLOOM_NS_PER_MS ? INT64_MAX : ms * ZLOOM_NS_PER_MS;
    return has ? zloom_time_add (base_ns, ns) : 0;
}

zloom_err_t
zloom_item_open (zloom_item_t *item)
{
    ZLOOM_CHECK (item, ITEM_TAG);
    zloom_envelope_t envelope;
    zloom_err_t err = zloom_envelope_decode (item->envelope, &envelope);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_message_t *message = &item->message;
    message->body = envelope.body.data;
    message->body_size = envelope.body.size;
    message->key = envelope.key.data;
    message->key_size = envelope.key.size;
    message->topic = (const char *) envelope.topic.data;
    message->topic_size = envelope.topic.size;
    message->attrs = envelope.attrs.data;
    message->attrs_size = envelope.attrs.size;
    message->own_id = envelope.id.data;
    message->own_id_size = envelope.id.size;
    message->time_ns = envelope.has_time ? envelope.time_ns : 0;
    message->due_wall_ns = s_after (message->sent_wall_ns, envelope.has_due, envelope.due_ms);
    message->expires_wall_ns =
      s_after (message->sent_wall_ns, envelope.has_expires, envelope.expires_ms);
    message->has_priority = envelope.has_priority;
    message->priority = envelope.priority;
    return ZLOOM_OK;
}

void
zloom_client_lease_drop (zloom_client_lease_t *self, zloom_item_t *item)
{
    ZLOOM_CHECK (self, PARCEL_TAG);
    zloom_assert (item->lease == self && item->state != ZLOOM_ITEM_DONE && self->unsettled > 0);
    item->state = ZLOOM_ITEM_DONE;
    self->unsettled--;
}

static zloom_bytes_t
s_own (zloom_bytes_t bytes, size_t most)
{
    const size_t size = bytes.size < most ? bytes.size : most;
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
zloom_client_lease_settle (zloom_client_lease_t *self, zloom_item_t *item,
                           const zloom_settlement_t *settlement)
{
    zloom_client_lease_drop (self, item);
    const uint64_t seq = item->message.seq;
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
    ZLOOM_CHECK (self, PARCEL_TAG);
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

void
zloom_client_lease_unsay (zloom_client_lease_t *self)
{
    ZLOOM_CHECK (self, PARCEL_TAG);
    self->said = 0;
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

size_t
zloom_client_lease_runs (const zloom_client_lease_t *self, zloom_item_state_t state, bool started,
                         uint32_t *index, zloom_run_t *runs, size_t most)
{
    ZLOOM_CHECK (self, PARCEL_TAG);
    size_t count = 0;
    for (; *index < self->count; (*index)++) {
        const zloom_item_t *item = &self->items[*index];
        if (item->state != state || item->stale || (started && !item->started)) {
            continue;
        }
        if (!s_add_run (runs, &count, most, item->message.seq)) {
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
    ZLOOM_CHECK (self, PARCEL_TAG);
    size_t count = 0;
    bool room = true;
    for (uint32_t i = 0; i < self->count && room; i++) {
        const zloom_item_t *item = &self->items[i];
        room = item->state == ZLOOM_ITEM_DONE || item->stale ||
               s_add_run (runs, &count, most, item->message.seq);
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
    ZLOOM_CHECK (self, PARCEL_TAG);
    return self->unsettled == 0 && self->settling_count == 0 && self->steps == 0 && !self->is_gap;
}
