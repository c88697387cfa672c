/* SPDX-License-Identifier: MPL-2.0 */
/* core_commit.c - sending, steps, and questions to the router. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "client/core_state.h"

/* ---- sending -------------------------------------------------------------------------------- */

static zloom_err_t
s_open (const zloom_client_core_t *self)
{
    if (self->leaving && self->status != ZLOOM_CORE_ENDED) {
        return zloom_fail (ZLOOM_CLOSED, "%s is leaving", self->name);
    }
    return zloom_client_core_ended (self);
}

zloom_err_t
zloom_client_core_send (zloom_client_core_t *self, const char *flow,
                        const zloom_envelope_t *envelope, zloom_bytes_t mark, zloom_now_t now,
                        uint64_t *id_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_err_t err = s_open (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_outflow_t *outflow = zloom_core_flow (self, flow);
    if (!outflow) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow %s is not among those it sends to",
                           flow ? flow : "");
    }
    return zloom_outflow_send (outflow, envelope, mark, now, id_p);
}

zloom_err_t
zloom_client_core_key (zloom_client_core_t *self, const char *flow, zloom_bytes_t body,
                       zloom_bytes_t *key)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_outflow_t *outflow = zloom_core_flow (self, flow);
    return outflow ? zloom_outflow_key (outflow, body, key)
                   : zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow %s is not among those it sends to",
                                 flow ? flow : "");
}

void
zloom_client_core_push (zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_outflow_seal (self->flows[i]);
    }
}

bool
zloom_client_core_flow (const zloom_client_core_t *self, const char *flow,
                        zloom_client_flow_state_t *state)
{
    const zloom_outflow_t *outflow = zloom_core_flow ((void *) self, flow);
    if (outflow) {
        zloom_outflow_state (outflow, state);
    }
    return outflow != NULL;
}

size_t
zloom_client_core_unconfirmed (const zloom_client_core_t *self, const char *flow)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    size_t count = 0;
    for (size_t i = 0; i < self->flow_count; i++) {
        if (!flow || strcmp (zloom_outflow_name (self->flows[i]), flow) == 0) {
            zloom_client_flow_state_t state;
            zloom_outflow_state (self->flows[i], &state);
            count += state.held_messages;
        }
    }
    return count;
}

zloom_err_t
zloom_client_core_flow_error (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_client_flow_state_t state;
        zloom_outflow_state (self->flows[i], &state);
        if (state.held_messages > 0 && state.state != ZLOOM_OK && state.state != ZLOOM_AGAIN) {
            return zloom_fail (state.state, "flow %s: %zu messages cannot go",
                               zloom_outflow_name (self->flows[i]), state.held_messages);
        }
    }
    return ZLOOM_OK;
}

const char *
zloom_client_core_refused (const zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_client_flow_state_t state;
        zloom_outflow_state (self->flows[i], &state);
        if (state.refusal != ZLOOM_OK) {
            return zloom_err_text (state.refusal);
        }
    }
    return "";
}

size_t
zloom_client_core_pending (const zloom_client_core_t *self)
{
    size_t count = zloom_client_core_unconfirmed (self, NULL);
    for (size_t i = 0; i < self->busy_count; i++) {
        count += zloom_subscription_unanswered (self->busy[i]);
    }
    for (const zloom_step_t *it = self->steps; it; it = it->next) {
        count++;
    }
    return count;
}

static void
s_say_send (zloom_client_core_t *self, const zloom_outflow_t *flow, const zloom_batch_t *batch)
{
    zloom_src_t *src = NULL;
    size_t src_count = 0;
    if (batch->origins) {
        zloom_arena_reset (&self->arena);
        src = zloom_arena_take (&self->arena, zloom_origins_count (batch->origins), sizeof *src);
        src_count = zloom_origins_cut (batch->origins, batch->origins_at, batch->n, src);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.flow = zloom_outflow_index (flow),
               .first_id = batch->first_id,
               .n = batch->n,
               .base_time_ns = batch->base_time_ns,
               .flags = batch->blob ? batch->flags : 0,
               .mark = batch->mark ? zloom_blob_bytes (batch->mark) : ZLOOM_BYTES_NULL,
               .src = src,
               .src_count = src_count}};
    zloom_frames_push (&self->out, &verb, batch->blob, batch->pack);
    self->stats.sent_packs++;
    self->stats.sent_messages += batch->n;
    self->stats.sent_bytes += batch->pack.size;
    self->stats.resent_messages += batch->resent ? batch->n : 0;
}

int64_t
zloom_core_tick_flows (zloom_client_core_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->flow_count; i++) {
        const int64_t due_ns = zloom_outflow_seal_due (self->flows[i], self->now_ns);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
        const zloom_batch_t *batch;
        while ((batch = zloom_outflow_next (self->flows[i]))) {
            s_say_send (self, self->flows[i], batch);
        }
    }
    return next_ns;
}

/* ---- steps ---------------------------------------------------------------------------------- */

zloom_step_t *
zloom_client_core_step (zloom_client_core_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    return zloom_step_new (zloom_core_flow, self);
}

zloom_err_t
zloom_client_core_commit (zloom_client_core_t *self, zloom_step_t **step_p, uint64_t *id_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_err_t err = s_open (self);
    zloom_step_t *step = *step_p;
    if (err == ZLOOM_OK && !step->lease) {
        err = zloom_fail (ZLOOM_INVALID, "a step without a message");
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    *step_p = NULL;
    zloom_step_seal (step);
    step->id = self->next_step++;
    *id_p = step->id;
    if (self->last_step) {
        self->last_step->next = step;
    } else {
        self->steps = step;
    }
    self->last_step = step;
    return ZLOOM_OK;
}

/* The committed steps of the first one's lease that can be said with it now. */
static void
s_gather (zloom_step_t *first, int64_t now_ns, zloom_step_group_t *group)
{
    group->count = 0;
    for (zloom_step_t *step = first; step; step = step->next) {
        if (step->lease != first->lease) {
            continue;
        }
        if (step->not_before_ns > now_ns || !zloom_step_fits (group, step)) {
            return;
        }
        group->steps[group->count++] = step;
    }
}

/* Those of a lease that were said and have no answer. */
static void
s_gather_said (const zloom_client_core_t *self, const zloom_client_lease_t *lease,
               zloom_step_group_t *group)
{
    group->count = 0;
    for (zloom_step_t *step = self->steps; step && group->count < ZLOOM_STEPS_A_VERB;
         step = step->next) {
        if (step->lease == lease && step->status == ZLOOM_STEP_SAID) {
            group->steps[group->count++] = step;
        }
    }
}

/*
 * In order, lease by lease: one that waits for credit holds back those behind it, as SENDs do.
 * SUBSCRIBED, CREDIT and SETTLED wake us; only a rest after a refusal has a time.
 */
int64_t
zloom_core_tick_steps (zloom_client_core_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    zloom_step_group_t group;
    zloom_core_tick_unleased (self);
    for (zloom_step_t *step = self->steps, *next; step; step = next) {
        next = step->next;
        if (step->lease->steps_said > 0 || !zloom_client_lease_is_leased (step->lease)) {
            continue;
        }
        const zloom_subscription_t *subscription = zloom_core_subscription (self, step->handle);
        if (subscription->over != ZLOOM_OK) { /* what it leased is free again */
            zloom_core_step_done (self, step, ZLOOM_STALE,
                                  zloom_bytes_text ("the router has ended the subscription"));
            continue;
        }
        if (step->not_before_ns > self->now_ns) {
            next_ns = step->not_before_ns < next_ns ? step->not_before_ns : next_ns;
            continue;
        }
        if (!subscription->subscribed) {
            return next_ns;
        }
        s_gather (step, self->now_ns, &group);
        /* As many of them as there is credit for: it may never be enough for all. */
        while (!zloom_step_say (&group, &self->out)) {
            if (--group.count == 0) {
                return next_ns;
            }
        }
    }
    return next_ns;
}

static void
s_unlink (zloom_client_core_t *self, zloom_step_t *step)
{
    zloom_step_t *before = NULL;
    for (zloom_step_t *it = self->steps; it != step; it = it->next) {
        before = it;
    }
    if (before) {
        before->next = step->next;
    } else {
        self->steps = step->next;
    }
    if (self->last_step == step) {
        self->last_step = before;
    }
}

void
zloom_core_step_done (zloom_client_core_t *self, zloom_step_t *step, zloom_err_t code,
                      zloom_bytes_t text)
{
    const bool consumed = code == ZLOOM_OK || code == ZLOOM_STALE || code == ZLOOM_SETTLED;
    for (size_t i = 0; code == ZLOOM_STALE && i < step->item_count; i++) {
        zloom_subscription_key_failed (step->lease->subscription, step->items[i]);
    }
    for (size_t i = 0; consumed && i < step->item_count; i++) {
        zloom_subscription_drop (step->lease->subscription, step->items[i]);
        step->items[i] = NULL;
    }
    self->stats.settled_messages += code == ZLOOM_OK ? step->item_count : 0;
    self->stats.stale_messages += consumed && code != ZLOOM_OK ? step->item_count : 0;
    const zloom_client_event_t event = {.type = ZLOOM_CLIENT_STEP,
                                        .handle = step->handle,
                                        .token = step->lease->token,
                                        .id = step->id,
                                        .code = code,
                                        .text = text};
    s_unlink (self, step);
    zloom_step_destroy (&step);
    zloom_core_tell (self, &event);
}

static void
s_said_to (const zloom_client_core_t *self, const zloom_verb_settled_t *settled,
           zloom_step_group_t *group)
{
    group->count = 0;
    for (const zloom_step_t *step = self->steps; step; step = step->next) {
        if (step->status == ZLOOM_STEP_SAID && step->handle == settled->handle &&
            step->lease->token.boot == settled->token.boot &&
            step->lease->token.number == settled->token.number) {
            s_gather_said (self, step->lease, group);
            return;
        }
    }
}

/*
 * A group that was refused is said again one by one, so that one bad step spoils no other. One that
 * is refused for now rests.
 */
void
zloom_core_step_answered (zloom_client_core_t *self, const zloom_verb_settled_t *settled)
{
    zloom_step_group_t group;
    s_said_to (self, settled, &group);
    const zloom_err_t code = settled->step;
    const bool later = zloom_err_retryable (code) || code == ZLOOM_NO_CREDIT;
    for (size_t i = 0; i < group.count; i++) {
        zloom_step_t *step = group.steps[i];
        step->lease->steps_said--;
        if (code == ZLOOM_OK || (group.count == 1 && !later)) {
            zloom_core_step_done (self, step, code, settled->text);
            continue;
        }
        step->status = ZLOOM_STEP_WAITS;
        step->alone = true;
        step->not_before_ns =
          group.count == 1 ? zloom_time_add (self->now_ns, ZLOOM_CORE_STEP_REST_NS) : 0;
    }
}

void
zloom_core_drop_steps (zloom_client_core_t *self)
{
    while (self->steps) {
        zloom_step_t *step = self->steps;
        self->steps = step->next;
        zloom_step_destroy (&step);
    }
    self->last_step = NULL;
}

/* ---- questions ------------------------------------------------------------------------------ */

zloom_err_t
zloom_client_core_admin (zloom_client_core_t *self, const char *command, zloom_bytes_t args,
                         uint64_t *request_p)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_err_t err = s_open (self);
    if (err == ZLOOM_OK && self->status != ZLOOM_CORE_WELCOMED) {
        err = zloom_fail (ZLOOM_AGAIN, "the router has not answered yet");
    }
    if (err == ZLOOM_OK && (!command || strlen (command) > ZLOOM_LIMIT_NAME_BYTES)) {
        err = zloom_fail (ZLOOM_INVALID, "no command, or one of over %d bytes",
                          (int) ZLOOM_LIMIT_NAME_BYTES);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    *request_p = self->next_request++;
    zloom_grow (&self->requests, &self->request_capacity, self->request_count + 1,
                sizeof *self->requests);
    self->requests[self->request_count++] = *request_p;
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_ADMIN,
      .admin = {.request = *request_p, .command = zloom_bytes_text (command), .args = args}};
    zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    return ZLOOM_OK;
}

bool
zloom_core_answered (zloom_client_core_t *self, uint64_t request, bool more)
{
    for (size_t i = 0; i < self->request_count; i++) {
        if (self->requests[i] == request) {
            if (!more) {
                self->requests[i] = self->requests[--self->request_count];
            }
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_client_core_gone (zloom_client_core_t *self, const zloom_verb_gone_t *gone)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_err_t err = s_open (self);
    if (err == ZLOOM_OK && self->status != ZLOOM_CORE_WELCOMED) {
        err = zloom_fail (ZLOOM_AGAIN, "the router has not answered yet");
    }
    if (err == ZLOOM_OK) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_GONE, .gone = *gone};
        zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    }
    return err;
}

void
zloom_core_forget_road (zloom_client_core_t *self)
{
    for (zloom_step_t *step = self->steps, *next; step; step = next) {
        next = step->next;
        step->status = ZLOOM_STEP_WAITS;
        step->not_before_ns = 0;
        step->lease->steps_said = 0;
        if (zloom_step_is_stale (step)) {
            zloom_core_step_done (self, step, ZLOOM_STALE,
                                  zloom_bytes_text ("the lease was lost, and then the session"));
        }
    }
    while (self->request_count > 0) {
        const zloom_client_event_t event = {.type = ZLOOM_CLIENT_ANSWER,
                                            .id = self->requests[--self->request_count],
                                            .code = ZLOOM_GONE,
                                            .text = zloom_bytes_text ("the session was lost")};
        zloom_core_tell (self, &event);
    }
}
