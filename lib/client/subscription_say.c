/* SPDX-License-Identifier: MPL-2.0 */
/* subscription_say.c - what a subscription says in a session: SUBSCRIBE, settlements, credit. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "client/subscription.h"

/* Runs in one verb: far below the protocol's limit, so that verbs stay small. */
#define RUNS_A_VERB 1024
/* How long nothing is held before all credit is told: at fifty frames a second quarters are. */
#define REST_NS (20 * ZLOOM_NS_PER_MS)

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
        const size_t n =
          zloom_client_lease_is_leased (lease)
            ? zloom_client_lease_holding (lease, runs + used, ZLOOM_LIMIT_RUNS - used)
            : 0;
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
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    zloom_holding_t *holding = zloom_realloc (NULL, ZLOOM_LIMIT_HOLDINGS, sizeof *holding);
    zloom_run_t *runs = zloom_realloc (NULL, ZLOOM_LIMIT_RUNS, sizeof *runs);
    zloom_bytes_t patterns[ZLOOM_LIMIT_PATTERNS];
    for (size_t i = 0; i < self->pattern_count; i++) {
        patterns[i] = zloom_bytes_text (self->patterns[i]);
    }
    const bool again = self->next_seq > 0;
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBE,
      .subscribe = {.handle = self->handle,
                    .flow = zloom_bytes_text (self->flow),
                    .group = zloom_bytes_text (self->group),
                    .mode = self->mode,
                    .patterns = patterns,
                    .pattern_count = self->pattern_count,
                    .from = again ? ZLOOM_FROM_SEQ : self->from,
                    .from_value = again ? (int64_t) self->next_seq : self->from_value,
                    .durable = self->durable,
                    .on_slow = self->on_slow,
                    .on_slow_value = self->on_slow_value,
                    .holding = holding,
                    .holding_count = s_holding (self, holding, runs)}};
    zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
    free (holding);
    free (runs);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        if (zloom_client_lease_is_leased (lease)) {
            s_say_started (self, lease, ZLOOM_ITEM_TAKEN, out);
            s_say_started (self, lease, ZLOOM_ITEM_STEPPED, out);
            s_say_settlements (self, lease, out);
        }
    }
}

void
zloom_subscription_begun (zloom_subscription_t *self, uint64_t lease_ms, uint64_t next)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    self->lease_ms = lease_ms;
    if (self->next_seq == 0) {
        self->next_seq = next;
    }
}

void
zloom_subscription_lost (zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    self->subscribed = false;
    self->delivery_no = 0;
    self->delivered = (zloom_amount_t){0};
    self->granted = (zloom_amount_t){0};
    self->extend_at_ns = ZLOOM_NEVER;
    self->told_all_at_ns = ZLOOM_NEVER;
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

/*
 * Nothing is held any more, and some credit is used: the rest is told when that lasts. More comes
 * in a moment where much comes, and a CREDIT for each delivery would cost as much as the delivery.
 */
static bool
s_rests (zloom_subscription_t *self, bool more, int64_t mono_ns)
{
    if (!more || self->held.messages > 0) {
        self->told_all_at_ns = ZLOOM_NEVER;
        return false;
    }
    if (self->told_all_at_ns == ZLOOM_NEVER) {
        self->told_all_at_ns = zloom_time_add (mono_ns, REST_NS);
    }
    return mono_ns >= self->told_all_at_ns;
}

static void
s_say_credit (zloom_subscription_t *self, int64_t mono_ns, zloom_frames_t *out)
{
    if (self->on_hold) {
        self->told_all_at_ns = ZLOOM_NEVER;
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
    if (!s_rests (self, more, mono_ns) &&
        !s_worth_telling (total.messages, was->messages, self->prefetch.messages) &&
        !s_worth_telling (total.bytes, was->bytes, self->prefetch.bytes) &&
        !s_worth_telling (total.frames, was->frames, self->prefetch.frames)) {
        return;
    }
    self->granted = total;
    self->told_all_at_ns = ZLOOM_NEVER;
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_CREDIT,
                               .credit = {.target = ZLOOM_CREDIT_HANDLE,
                                          .id = self->handle,
                                          .messages = total.messages,
                                          .bytes = total.bytes,
                                          .frames = total.frames}};
    zloom_frames_push (out, &verb, NULL, ZLOOM_BYTES_NULL);
}

static bool
s_extends (const zloom_subscription_t *self)
{
    return self->subscribed && self->lease_ms > 0 && self->mode == ZLOOM_MODE_CONSUME;
}

bool
zloom_subscription_is_idle (const zloom_subscription_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    return !self->first && self->told_all_at_ns == ZLOOM_NEVER && !s_extends (self);
}

int64_t
zloom_subscription_tick (zloom_subscription_t *self, int64_t mono_ns, zloom_frames_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_SUBSCRIPTION_TAG);
    for (zloom_client_lease_t *lease = self->first; lease; lease = lease->next) {
        s_say_settlements (self, lease, out);
    }
    if (self->subscribed) {
        s_say_credit (self, mono_ns, out);
    } else {
        self->told_all_at_ns = ZLOOM_NEVER; /* it was ended meanwhile */
    }
    if (!s_extends (self)) {
        return self->told_all_at_ns;
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
    return self->told_all_at_ns < self->extend_at_ns ? self->told_all_at_ns : self->extend_at_ns;
}
