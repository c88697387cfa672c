/* SPDX-License-Identifier: MPL-2.0 */
/* core_hear.c - what the router says. What it should not say is counted and left alone. */
#include "base/tag.h"
#include "client/core_state.h"

#include <stdlib.h>

#include "base/memory.h"

/* ---- the session ---------------------------------------------------------------------------- */

static void
s_welcome_flows (zloom_client_core_t *self, const zloom_verb_welcome_t *welcome)
{
    for (size_t i = 0; i < welcome->flow_count && self->status != ZLOOM_CORE_ENDED; i++) {
        const zloom_welcome_flow_t *flow = &welcome->flows[i];
        for (size_t j = 0; j < self->flow_count; j++) {
            if (!zloom_bytes_equal (flow->name,
                                    zloom_bytes_text (zloom_outflow_name (self->flows[j])))) {
                continue;
            }
            const uint64_t confirmed = zloom_outflow_hello (self->flows[j]).next - 1;
            zloom_err_t err = zloom_outflow_welcome (self->flows[j], flow, welcome);
            if (err != ZLOOM_OK) {
                zloom_core_end (self, err, zloom_bytes_text (zloom_note ()));
            } else if (flow->code != ZLOOM_OK) {
                const zloom_client_event_t event = {.type = ZLOOM_CLIENT_REFUSED,
                                                    .flow = zloom_outflow_name (self->flows[j]),
                                                    .code = flow->code,
                                                    .text = flow->note};
                zloom_core_tell (self, &event);
            } else if (flow->high > confirmed) {
                const zloom_client_event_t event = {.type = ZLOOM_CLIENT_CONFIRMED,
                                                    .flow = zloom_outflow_name (self->flows[j]),
                                                    .id = flow->high};
                zloom_core_tell (self, &event);
            }
            break;
        }
    }
}

static void
s_welcome (zloom_client_core_t *self, const zloom_verb_welcome_t *welcome)
{
    if (self->status != ZLOOM_CORE_SAID_HELLO) {
        self->stats.malformed_frames++;
        return;
    }
    self->status = ZLOOM_CORE_WELCOMED;
    self->stats.welcomes++;
    free (self->router);
    self->router = zloom_memdup_text (welcome->router.data, welcome->router.size);
    self->retry_ns = ZLOOM_CORE_RETRY_FIRST_NS;
    self->asked_ns = self->now_ns;
    if (welcome->heartbeat_ms > 0) {
        self->heartbeat_ns = (int64_t) welcome->heartbeat_ms * ZLOOM_NS_PER_MS;
    }
    if (welcome->liveness > 0) {
        self->liveness = welcome->liveness;
    }
    s_welcome_flows (self, welcome);
    if (self->status == ZLOOM_CORE_WELCOMED) {
        zloom_core_tell (self, &(zloom_client_event_t){.type = ZLOOM_CLIENT_WELCOME});
        zloom_core_resubscribe (self);
    }
}

static void
s_bye (zloom_client_core_t *self, const zloom_verb_bye_t *bye)
{
    switch ((int) bye->code) {
    case ZLOOM_FENCED:
    case ZLOOM_VERSION:
    case ZLOOM_FORBIDDEN:
        zloom_core_end (self, bye->code, bye->text);
        break;
    default: /* the router leaves, does not know this road, or lost patience with it */
        zloom_core_lose (self);
        break;
    }
}

/* The router's beats say what it has delivered: what did not come by now never will. */
static void
s_ping (zloom_client_core_t *self, const zloom_verb_ping_t *ping)
{
    for (size_t i = 0; i < ping->beat_count; i++) {
        const zloom_subscription_t *subscription =
          zloom_core_subscription (self, ping->beats[i].handle);
        if (subscription && subscription->delivery_no < ping->beats[i].delivery_no) {
            zloom_core_lose (self);
            return;
        }
    }
    zloom_beat_t beats[ZLOOM_LIMIT_HANDLES];
    size_t count = 0;
    for (; count < self->subscription_count; count++) { /* no more than there may be handles */
        const zloom_subscription_t *it = self->subscriptions[count];
        beats[count] = (zloom_beat_t){it->handle, it->delivery_no};
    }
    zloom_buf_t report = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_PONG,
      .pong = {.beats = beats, .beat_count = count, .report = zloom_core_report (self, &report)}};
    zloom_frames_push (&self->out, &verb, NULL, ZLOOM_BYTES_NULL);
    zloom_buf_fini (&report);
}

/* ---- sending -------------------------------------------------------------------------------- */

static zloom_outflow_t *
s_by_index (const zloom_client_core_t *self, uint32_t index)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        if (zloom_outflow_has_index (self->flows[i], index)) {
            return self->flows[i];
        }
    }
    return NULL;
}

static void
s_confirm (zloom_client_core_t *self, const zloom_verb_confirm_t *confirm)
{
    zloom_outflow_t *flow = s_by_index (self, confirm->flow);
    const size_t count = flow ? zloom_outflow_confirm (flow, confirm->upto_id) : 0;
    if (count > 0) {
        self->stats.confirmed_messages += count;
        const zloom_client_event_t event = {.type = ZLOOM_CLIENT_CONFIRMED,
                                            .flow = zloom_outflow_name (flow),
                                            .id = confirm->upto_id,
                                            .n = count};
        zloom_core_tell (self, &event);
    }
}

static void
s_refuse (zloom_client_core_t *self, const zloom_verb_refuse_t *refuse)
{
    zloom_outflow_t *flow = refuse->has_flow ? s_by_index (self, refuse->flow) : NULL;
    if (!flow) {
        self->stats.refused++;
        const zloom_client_event_t event = {
          .type = ZLOOM_CLIENT_REFUSED, .code = refuse->code, .text = refuse->text};
        zloom_core_tell (self, &event);
        return;
    }
    uint64_t failed_id = 0;
    if (zloom_outflow_refuse (flow, refuse->code, refuse->from_id, &failed_id) == 0) {
        return;
    }
    self->stats.refused++;
    self->stats.failed_messages += failed_id > 0;
    const zloom_client_event_t event = {.type = failed_id > 0 ? ZLOOM_CLIENT_FAILED
                                                              : ZLOOM_CLIENT_REFUSED,
                                        .flow = zloom_outflow_name (flow),
                                        .id = failed_id > 0 ? failed_id : refuse->from_id,
                                        .code = refuse->code,
                                        .text = refuse->text};
    zloom_core_tell (self, &event);
}

static void
s_credit (zloom_client_core_t *self, const zloom_verb_credit_t *credit)
{
    zloom_outflow_t *flow =
      credit->target == ZLOOM_CREDIT_FLOW ? s_by_index (self, credit->id) : NULL;
    if (flow) {
        const zloom_amount_t totals = {credit->messages, credit->bytes, credit->frames};
        zloom_outflow_raise (flow, &totals);
    }
}

/* ---- consuming ------------------------------------------------------------------------------ */

static void
s_subscribed (zloom_client_core_t *self, const zloom_verb_subscribed_t *subscribed)
{
    zloom_subscription_t *subscription = zloom_core_subscription (self, subscribed->handle);
    if (!subscription) {
        return;
    }
    subscription->subscribed = subscribed->code == ZLOOM_OK;
    subscription->over = subscribed->code;
    free (subscription->over_text);
    subscription->over_text = zloom_memdup_text (subscribed->text.data, subscribed->text.size);
    zloom_subscription_begun (subscription, subscribed->lease_ms, subscribed->next);
    zloom_core_wake (self, subscription);
    const zloom_client_event_t event = {.type = ZLOOM_CLIENT_SUBSCRIBED,
                                        .flow = subscription->flow,
                                        .handle = subscribed->handle,
                                        .code = subscribed->code,
                                        .text = subscribed->text,
                                        .lease_ms = subscribed->lease_ms};
    zloom_core_tell (self, &event);
}

static void
s_deliver (zloom_client_core_t *self, const zloom_verb_deliver_t *deliver, zloom_blob_t *pack)
{
    zloom_subscription_t *subscription = zloom_core_subscription (self, deliver->handle);
    if (!subscription) {
        return; /* unsubscribed meanwhile: the router takes them back */
    }
    zloom_core_wake (self, subscription);
    if (!zloom_subscription_deliver (subscription, deliver, pack)) {
        zloom_core_lose (self);
        return;
    }
    self->stats.received_messages += zloom_runs_total (deliver->runs, deliver->run_count);
}

static void
s_stale (zloom_client_core_t *self, const zloom_verb_stale_t *stale)
{
    zloom_subscription_t *subscription = zloom_core_subscription (self, stale->handle);
    for (size_t i = 0; subscription && i < stale->run_count; i++) {
        const uint64_t hit = zloom_subscription_stale (subscription, stale->token, &stale->runs[i]);
        const zloom_client_event_t event = {.type = ZLOOM_CLIENT_STALE,
                                            .flow = subscription->flow,
                                            .handle = stale->handle,
                                            .token = stale->token,
                                            .seq = stale->runs[i].seq,
                                            .n = stale->runs[i].n};
        self->stats.stale_messages += hit;
        if (hit > 0) {
            zloom_core_tell (self, &event);
        }
    }
}

static void
s_settled (zloom_client_core_t *self, const zloom_verb_settled_t *settled)
{
    if (settled->is_step) {
        zloom_core_step_answered (self, settled);
        return;
    }
    zloom_subscription_t *subscription =
      settled->has_handle ? zloom_core_subscription (self, settled->handle) : NULL;
    for (size_t i = 0; subscription && i < settled->run_count; i++) {
        const zloom_settled_run_t *run = &settled->runs[i];
        zloom_subscription_settled (subscription, settled->token, run);
        const bool stale = run->code == ZLOOM_STALE;
        self->stats.settled_messages += run->code == ZLOOM_OK ? run->n : 0;
        self->stats.stale_messages += stale ? run->n : 0;
        if (stale || run->code == ZLOOM_OK) {
            const zloom_client_event_t event = {.type =
                                                  stale ? ZLOOM_CLIENT_STALE : ZLOOM_CLIENT_SETTLED,
                                                .flow = subscription->flow,
                                                .handle = settled->handle,
                                                .token = settled->token,
                                                .seq = run->first,
                                                .n = run->n};
            zloom_core_tell (self, &event);
        }
    }
}

static void
s_gap (zloom_client_core_t *self, const zloom_verb_gap_t *gap)
{
    zloom_subscription_t *subscription = zloom_core_subscription (self, gap->handle);
    if (subscription) {
        self->stats.missed_messages += gap->count;
        zloom_core_wake (self, subscription);
        zloom_subscription_gap (subscription, gap);
    }
}

static void
s_answer (zloom_client_core_t *self, const zloom_verb_answer_t *answer, zloom_bytes_t pack)
{
    if (!zloom_core_answered (self, answer->request, answer->more)) {
        return;
    }
    const zloom_client_event_t event = {.type = ZLOOM_CLIENT_ANSWER,
                                        .id = answer->request,
                                        .code = answer->code,
                                        .text = answer->text,
                                        .more = answer->more,
                                        .result = answer->result,
                                        .pack = pack};
    zloom_core_tell (self, &event);
}

/* ---- all ------------------------------------------------------------------------------------ */

static void
s_hear (zloom_client_core_t *self, const zloom_verb_t *verb, zloom_blob_t *pack)
{
    switch (verb->kind) {
    case ZLOOM_VERB_PING:
        s_ping (self, &verb->ping);
        break;
    case ZLOOM_VERB_PONG:
        break; /* that it came is all it says */
    case ZLOOM_VERB_CONFIRM:
        s_confirm (self, &verb->confirm);
        break;
    case ZLOOM_VERB_REFUSE:
        s_refuse (self, &verb->refuse);
        break;
    case ZLOOM_VERB_CREDIT:
        s_credit (self, &verb->credit);
        break;
    case ZLOOM_VERB_SUBSCRIBED:
        s_subscribed (self, &verb->subscribed);
        break;
    case ZLOOM_VERB_DELIVER:
        s_deliver (self, &verb->deliver, pack);
        break;
    case ZLOOM_VERB_SETTLED:
        s_settled (self, &verb->settled);
        break;
    case ZLOOM_VERB_STALE:
        s_stale (self, &verb->stale);
        break;
    case ZLOOM_VERB_GAP:
        s_gap (self, &verb->gap);
        break;
    case ZLOOM_VERB_ANSWER:
        s_answer (self, &verb->answer, pack ? zloom_blob_bytes (pack) : ZLOOM_BYTES_NULL);
        break;
    default:
        self->stats.malformed_frames++;
        break;
    }
}

void
zloom_client_core_frame (zloom_client_core_t *self, zloom_bytes_t frame, zloom_blob_t *pack,
                         zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    self->now_ns = now.mono_ns;
    if (self->status == ZLOOM_CORE_NO_ROAD || self->status == ZLOOM_CORE_ENDED) {
        return; /* of a road that was given up */
    }
    self->heard_ns = now.mono_ns;
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    zloom_err_t err = zloom_verb_decode (frame, &self->arena, &verb);
    if (err == ZLOOM_OK) {
        err = zloom_verb_check_pack (&verb, frame.size,
                                     pack ? zloom_blob_bytes (pack) : ZLOOM_BYTES_NULL,
                                     ZLOOM_LIMIT_MESSAGE_BYTES);
    }
    if (err != ZLOOM_OK) {
        self->stats.malformed_frames++;
        return;
    }
    if (verb.kind == ZLOOM_VERB_WELCOME) {
        s_welcome (self, &verb.welcome);
    } else if (verb.kind == ZLOOM_VERB_BYE) {
        s_bye (self, &verb.bye);
    } else if (self->status == ZLOOM_CORE_WELCOMED) {
        s_hear (self, &verb, pack);
    }
}
