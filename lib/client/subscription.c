/* SPDX-License-Identifier: MPL-2.0 */
#include "client/subscription.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

#define SUBSCRIPTION_TAG 0x5A437362u
#define DEFAULT_PREFETCH 100
#define DEFAULT_PREFETCH_BYTES (16u * 1024 * 1024)
/* Runs in one verb: far below the protocol's limit, so that verbs stay small. */
#define RUNS_A_VERB 1024

zloom_subscription_t *
zloom_subscription_new (const zloom_subscription_options_t *options, uint32_t handle)
{
    zloom_subscription_t *self = zloom_alloc (sizeof *self);
    self->tag = SUBSCRIPTION_TAG;
    self->handle = handle;
    self->flow = zloom_strdup (options->flow);
    self->group = zloom_strdup (options->group);
    self->mode = options->mode;
    self->prefetch.messages = options->prefetch ? options->prefetch : DEFAULT_PREFETCH;
    self->prefetch.bytes =
      options->prefetch_bytes ? options->prefetch_bytes : DEFAULT_PREFETCH_BYTES;
    self->prefetch.frames =
      options->prefetch_frames ? options->prefetch_frames : self->prefetch.messages;
    self->extend_at_ns = ZLOOM_NEVER;
    return self;
}

void
zloom_subscription_destroy (zloom_subscription_t **self_p)
{
    zloom_assert (self_p);
    zloom_subscription_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    *self_p = NULL;
    while (self->first) {
        zloom_client_lease_t *lease = self->first;
        self->first = lease->next;
        zloom_client_lease_destroy (&lease);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self->flow);
    free (self->group);
    free (self);
}

/* ---- what is said --------------------------------------------------------------------------- */

static void
s_say_settlements (const zloom_subscription_t *self, zloom_client_lease_t *lease,
                   zloom_frames_t *out)
{
    while (lease->said < lease->settling_count) {
        size_t count = lease->settling_count - lease->said;
        count = count < RUNS_A_VERB ? count : RUNS_A_VERB;
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLE,
                                   .settle = {.handle = self->handle,
                                              .token = lease->token,
                                              .runs = lease->settling + lease->said,
                                              .run_count = count}};
        zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
        lease->said += count;
    }
}

static void
s_say_started (const zloom_subscription_t *self, const zloom_client_lease_t *lease,
               zloom_item_state_t state, zloom_frames_t *out)
{
    zloom_run_t runs[RUNS_A_VERB];
    size_t count;
    for (uint32_t at = 0;
         (count = zloom_client_lease_runs (lease, state, true, &at, runs, RUNS_A_VERB)) > 0;) {
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_STARTED,
          .started = {
            .handle = self->handle, .token = lease->token, .runs = runs, .run_count = count}};
        zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
}

static void
s_say_progress (const zloom_subscription_t *self, const zloom_client_lease_t *lease,
                zloom_item_state_t state, zloom_frames_t *out)
{
    zloom_run_t runs[RUNS_A_VERB];
    size_t count;
    for (uint32_t at = 0;
         (count = zloom_client_lease_runs (lease, state, false, &at, runs, RUNS_A_VERB)) > 0;) {
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_PROGRESS,
          .progress = {
            .handle = self->handle, .token = lease->token, .runs = runs, .run_count = count}};
        zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
}

/* What has no place in the list any more is voided by the router, and comes again. */
static size_t
s_holding (const zloom_subscription_t *self, zloom_holding_t *holding, zloom_run_t *runs)
{
    size_t count = 0;
    size_t used = 0;
    for (zloom_client_lease_t *lease = self->first; lease && count < ZLOOM_LIMIT_HOLDINGS;
         lease = lease->next) {
        const size_t n = zloom_client_lease_holding (lease, runs + used, ZLOOM_LIMIT_RUNS - used);
        if (n > 0) {
            holding[count++] = (zloom_holding_t){lease->token, runs + used, n};
            used += n;
        }
    }
    return count;
}

void
zloom_subscription_say (zloom_subscription_t *self, zloom_frames_t *out)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    zloom_holding_t *holding = zloom_realloc (NULL, ZLOOM_LIMIT_HOLDINGS, sizeof *holding);
    zloom_run_t *runs = zloom_realloc (NULL, ZLOOM_LIMIT_RUNS, sizeof *runs);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                               .subscribe = {.handle = self->handle,
                                             .flow = zloom_bytes_text (self->flow),
                                             .group = zloom_bytes_text (self->group),
                                             .mode = self->mode,
                                             .holding = holding,
                                             .holding_count = s_holding (self, holding, runs)}};
    zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
    free (holding);
    free (runs);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        s_say_started (self, lease, ZLOOM_ITEM_TAKEN, out);
        s_say_started (self, lease, ZLOOM_ITEM_STEPPED, out);
        s_say_settlements (self, lease, out);
    }
}

void
zloom_subscription_lost (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    self->subscribed = false;
    self->delivery_no = 0;
    self->delivered = (zloom_amount_t){0};
    self->granted = (zloom_amount_t){0};
    self->extend_at_ns = ZLOOM_NEVER;
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        zloom_client_lease_unsay (lease);
    }
}

/* ---- credit --------------------------------------------------------------------------------- */

static uint64_t
s_total (uint64_t delivered, uint64_t prefetch, uint64_t held, uint64_t granted)
{
    const uint64_t total = delivered + (prefetch > held ? prefetch - held : 0);
    return total > granted ? total : granted;
}

static bool
s_worth_telling (uint64_t total, uint64_t granted, uint64_t prefetch)
{
    return total > granted && total - granted >= (prefetch + 3) / 4;
}

static void
s_say_credit (zloom_subscription_t *self, zloom_frames_t *out)
{
    if (self->on_hold) {
        return;
    }
    const zloom_amount_t *was = &self->granted;
    const zloom_amount_t total = {
      s_total (self->delivered.messages, self->prefetch.messages, self->held.messages,
               was->messages),
      s_total (self->delivered.bytes, self->prefetch.bytes, self->held.bytes, was->bytes),
      s_total (self->delivered.frames, self->prefetch.frames, self->held.frames, was->frames),
    };
    const bool more =
      total.messages > was->messages || total.bytes > was->bytes || total.frames > was->frames;
    if (!(more && self->held.messages == 0) &&
        !s_worth_telling (total.messages, was->messages, self->prefetch.messages) &&
        !s_worth_telling (total.bytes, was->bytes, self->prefetch.bytes) &&
        !s_worth_telling (total.frames, was->frames, self->prefetch.frames)) {
        return;
    }
    self->granted = total;
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                               .credit = {.target = ZLOOM_CREDIT_HANDLE,
                                          .id = self->handle,
                                          .messages = total.messages,
                                          .bytes = total.bytes,
                                          .frames = total.frames}};
    zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
}

int64_t
zloom_subscription_tick (zloom_subscription_t *self, int64_t mono_ns, zloom_frames_t *out)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        s_say_settlements (self, lease, out);
    }
    if (self->subscribed) {
        s_say_credit (self, out);
    }
    if (!self->subscribed || self->lease_ms == 0 || self->mode != ZLOOM_MODE_CONSUME) {
        return ZLOOM_NEVER;
    }
    const int64_t interval_ns = (int64_t) (self->lease_ms / 3 + 1) * ZLOOM_NS_PER_MS;
    if (self->extend_at_ns == ZLOOM_NEVER) {
        self->extend_at_ns = zloom_time_add (mono_ns, interval_ns);
    }
    if (mono_ns >= self->extend_at_ns) {
        self->extend_at_ns = zloom_time_add (mono_ns, interval_ns);
        for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
            s_say_progress (self, lease, ZLOOM_ITEM_WAITING, out);
            s_say_progress (self, lease, ZLOOM_ITEM_STEPPED, out);
        }
    }
    return self->extend_at_ns;
}

/* ---- deliveries ----------------------------------------------------------------------------- */

bool
zloom_subscription_deliver (zloom_subscription_t *self, const zloom_verb_deliver_t *deliver,
                            zloom_blob_t *pack)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    if (deliver->delivery_no != self->delivery_no + 1) {
        return false;
    }
    self->delivery_no = deliver->delivery_no;
    zloom_client_lease_t *lease = zloom_client_lease_new (deliver, pack, self->flow, self);
    self->delivered.messages += lease->count;
    self->delivered.bytes += lease->bytes;
    self->delivered.frames++;
    self->held.messages += lease->count;
    self->held.bytes += lease->bytes;
    self->held.frames++;
    self->waiting += lease->count;
    if (self->last) {
        self->last->next = lease;
    } else {
        self->first = lease;
    }
    self->last = lease;
    self->taking = self->taking ? self->taking : lease;
    if (self->on_hold) {
        zloom_subscription_release_waiting (self);
    }
    return true;
}

/* One message of the lease left the caller's hands. */
static void
s_left (zloom_subscription_t *self, const zloom_client_lease_t *lease)
{
    self->held.messages--;
    if (lease->unsettled == 0) {
        self->held.bytes -= lease->bytes;
        self->held.frames--;
    }
}

void
zloom_subscription_drop (zloom_subscription_t *self, zloom_item_t *item)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    self->waiting -= item->state == ZLOOM_ITEM_WAITING;
    zloom_client_lease_drop (item->lease, item);
    s_left (self, item->lease);
}

static void
s_settle (zloom_subscription_t *self, zloom_item_t *item, const zloom_settlement_t *settlement)
{
    self->waiting -= item->state == ZLOOM_ITEM_WAITING;
    zloom_client_lease_settle (item->lease, item, settlement);
    s_left (self, item->lease);
}

static const zloom_settlement_t s_release = {
  .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};

void
zloom_subscription_key_failed (zloom_subscription_t *self, const zloom_item_t *item)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    const zloom_bytes_t key = zloom_bytes (item->message.key, item->message.key_size);
    if (!key.data || self->waiting == 0 || self->mode != ZLOOM_MODE_CONSUME) {
        return;
    }
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        for (uint32_t i = lease->next_waiting; i < lease->count; i++) {
            zloom_envelope_t head;
            if (lease->items[i].state == ZLOOM_ITEM_WAITING &&
                zloom_envelope_decode_head (lease->items[i].envelope, &head) == ZLOOM_OK &&
                head.key.data && zloom_bytes_equal (head.key, key)) {
                s_settle (self, &lease->items[i], &s_release);
            }
        }
    }
}

void
zloom_subscription_settle (zloom_subscription_t *self, zloom_item_t *item,
                           const zloom_settlement_t *settlement)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    if (item->stale || settlement->verdict != ZLOOM_VERDICT_ACK) {
        zloom_subscription_key_failed (self, item);
    }
    if (item->stale || self->mode != ZLOOM_MODE_CONSUME) {
        zloom_subscription_drop (self, item);
    } else {
        s_settle (self, item, settlement);
    }
}

zloom_item_t *
zloom_subscription_take (zloom_subscription_t *self, uint64_t *malformed)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    for (; self->taking && self->waiting > 0; self->taking = self->taking->next) {
        zloom_item_t *item;
        while ((item = zloom_client_lease_next (self->taking))) {
            if (zloom_item_open (item) == ZLOOM_OK) {
                item->state = ZLOOM_ITEM_TAKEN;
                self->waiting--;
                return item;
            }
            const zloom_settlement_t reject = {.verdict = ZLOOM_VERDICT_REJECT,
                                               .delay_ms = ZLOOM_DELAY_UNSET,
                                               .cause = {.reason = zloom_bytes_text ("malformed"),
                                                         .exit = -1,
                                                         .text = zloom_bytes_text (zloom_note ())}};
            zloom_subscription_settle (self, item, &reject);
            (*malformed)++;
        }
    }
    return NULL;
}

void
zloom_subscription_release_waiting (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        zloom_item_t *item;
        while ((item = zloom_client_lease_next (lease))) {
            s_settle (self, item, &s_release);
        }
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static zloom_client_lease_t *
s_find (const zloom_subscription_t *self, zloom_token_t token)
{
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        if (lease->token.boot == token.boot && lease->token.number == token.number) {
            return lease;
        }
    }
    return NULL;
}

uint64_t
zloom_subscription_stale (zloom_subscription_t *self, zloom_token_t token, const zloom_run_t *run)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    zloom_client_lease_t *lease = s_find (self, token);
    uint64_t hit = 0;
    for (uint32_t i = 0; lease && i < lease->count; i++) {
        zloom_item_t *item = &lease->items[i];
        const uint64_t seq = item->message.seq;
        if (seq < run->seq || seq - run->seq >= run->n || item->state == ZLOOM_ITEM_DONE ||
            item->stale) {
            continue;
        }
        item->stale = true;
        hit++;
        if (item->state == ZLOOM_ITEM_WAITING) {
            zloom_subscription_drop (self, item);
        }
    }
    return hit;
}

void
zloom_subscription_settled (zloom_subscription_t *self, zloom_token_t token,
                            const zloom_settled_run_t *run)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    zloom_client_lease_t *lease = s_find (self, token);
    if (lease) {
        zloom_client_lease_answered (lease, run->first, run->n);
    }
}

void
zloom_subscription_sweep (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    zloom_client_lease_t *before = NULL;
    for (zloom_client_lease_t *lease = self->first; lease;) {
        zloom_client_lease_t *next = lease->next;
        if (!zloom_client_lease_over (lease)) {
            before = lease;
            lease = next;
            continue;
        }
        if (before) {
            before->next = next;
        } else {
            self->first = next;
        }
        if (self->last == lease) {
            self->last = before;
        }
        if (self->taking == lease) {
            self->taking = next;
        }
        zloom_client_lease_destroy (&lease);
        lease = next;
    }
}

size_t
zloom_subscription_unanswered (const zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, SUBSCRIPTION_TAG);
    size_t count = 0;
    for (const zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        count += lease->settling_count;
    }
    return count;
}
