/* SPDX-License-Identifier: MPL-2.0 */
/* consume.c - SUBSCRIBE, CREDIT, SETTLE, STARTED, PROGRESS, UNSUBSCRIBE. */
#include <stdlib.h>

#include "base/memory.h"
#include "engine/core.h"

/* Room for events that write little. */
#define SMALL_RECORDS 16
#define SMALL_BYTES 16384
/* In the journal: a run that was acked; a message that failed, with the causes of before that it
 * keeps, beside the newest; those that died. */
#define ACKED_BYTES 32
#define FAILED_BYTES 4096
#define DEAD_BYTES (256u * 1024)

zloom_consumer_t *
zloom_engine_consumer (const zloom_session_t *session, uint32_t handle)
{
    return zloom_idmap_get (zloom_engine_part (session)->consumers, handle);
}

void
zloom_engine_drop_consumer (zloom_engine_t *self, zloom_consumer_t *consumer)
{
    zloom_idmap_remove (self->consumers, consumer->id);
    zloom_idmap_remove (zloom_engine_part (consumer->session)->consumers, consumer->handle);
    for (zloom_consumer_t **at = &consumer->flow->watchers; *at; at = &(*at)->next_watcher) {
        if (*at == consumer) {
            *at = consumer->next_watcher;
            break;
        }
    }
    free (consumer);
}

/* ---- subscribe ----------------------------------------------------------------------------- */

static zloom_err_t
s_check_subscribe (const zloom_engine_t *self, const zloom_session_t *session,
                   const zloom_verb_subscribe_t *subscribe, const zloom_hosted_t *flow)
{
    const zloom_part_t *part = zloom_engine_part (session);
    if (!flow) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "router '%s' has no flow '%.*s'", self->name,
                           (int) subscribe->flow.size, (const char *) subscribe->flow.data);
    }
    const char *name = flow->config.name;
    const bool consumes = subscribe->mode == ZLOOM_MODE_CONSUME;
    if (!zloom_engine_allows (self, session, consumes ? ZLOOM_RIGHT_CONSUME : ZLOOM_RIGHT_READ,
                              name)) {
        return zloom_fail (ZLOOM_FORBIDDEN, "flow '%s': '%s' may not %s", name, session->name,
                           consumes ? "consume" : "read");
    }
    if (zloom_engine_consumer (session, subscribe->handle)) {
        return zloom_fail (ZLOOM_EXISTS, "handle %u is in use", subscribe->handle);
    }
    if (zloom_idmap_count (part->consumers) >= ZLOOM_LIMIT_HANDLES ||
        part->sender_count >= ZLOOM_LIMIT_FLOWS) {
        return zloom_fail (ZLOOM_TOO_MANY, "a session has at most %d handles and %d flows",
                           ZLOOM_LIMIT_HANDLES, ZLOOM_LIMIT_FLOWS);
    }
    if (subscribe->pattern_count > 0) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s' is a %s: it has no topics", name,
                           flow->config.pattern);
    }
    const bool from_known =
      subscribe->from == ZLOOM_FROM_GROUP ||
      (subscribe->mode == ZLOOM_MODE_TAP && subscribe->from == ZLOOM_FROM_NOW) ||
      (subscribe->mode == ZLOOM_MODE_BROWSE &&
       (subscribe->from == ZLOOM_FROM_START || subscribe->from == ZLOOM_FROM_SEQ));
    if (!from_known) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s': a %s cannot be read from there", name,
                           flow->config.pattern);
    }
    return ZLOOM_OK;
}

static void
s_say_subscribed (zloom_engine_t *self, zloom_session_t *session, uint32_t handle, zloom_err_t code,
                  const zloom_sender_t *sender)
{
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBED,
                         .subscribed = {.handle = handle, .code = code}};
    if (code != ZLOOM_OK) {
        verb.subscribed.text = zloom_bytes_text (zloom_note ());
    } else {
        verb.subscribed.flow = sender->index;
        verb.subscribed.lease_ms = (uint64_t) (sender->flow->config.lease_ns / ZLOOM_NS_PER_MS);
        verb.subscribed.key = zloom_bytes_text (sender->flow->config.key);
    }
    zloom_engine_say (self, session, &verb, 0);
}

static zloom_consumer_t *
s_new_consumer (zloom_engine_t *self, zloom_session_t *session, zloom_hosted_t *flow,
                const zloom_verb_subscribe_t *subscribe)
{
    zloom_consumer_t *consumer = zloom_alloc (sizeof *consumer);
    consumer->id = self->next_consumer++;
    consumer->session = session;
    consumer->flow = flow;
    consumer->handle = subscribe->handle;
    consumer->mode = subscribe->mode;
    if (subscribe->mode == ZLOOM_MODE_TAP) {
        consumer->next_seq = flow->durable_seq + 1;
    } else if (subscribe->mode == ZLOOM_MODE_BROWSE) {
        consumer->next_seq = subscribe->from == ZLOOM_FROM_SEQ && subscribe->from_value > 0
                               ? (uint64_t) subscribe->from_value
                               : 0;
    }
    if (subscribe->mode != ZLOOM_MODE_CONSUME) {
        consumer->next_watcher = flow->watchers;
        flow->watchers = consumer;
    }
    zloom_idmap_put (self->consumers, consumer->id, consumer);
    zloom_idmap_put (zloom_engine_part (session)->consumers, consumer->handle, consumer);
    return consumer;
}

/* The leases that a returning consumer names, as two arrays side by side. */
static void
s_flatten (zloom_engine_t *self, const zloom_verb_subscribe_t *subscribe, zloom_event_t *event)
{
    size_t count = 0;
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        count += subscribe->holding[i].run_count;
    }
    zloom_token_t *tokens = zloom_arena_take (&self->arena, count, sizeof *tokens);
    zloom_run_t *runs = zloom_arena_take (&self->arena, count, sizeof *runs);
    size_t at = 0;
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        const zloom_holding_t *holding = &subscribe->holding[i];
        for (size_t j = 0; j < holding->run_count; j++, at++) {
            tokens[at] = zloom_engine_token_in (self, holding->token);
            runs[at] = holding->runs[j];
        }
    }
    event->subscribe.holding_tokens = tokens;
    event->subscribe.holding_runs = runs;
    event->subscribe.holding_count = count;
}

zloom_err_t
zloom_engine_subscribe (zloom_engine_t *self, zloom_session_t *session,
                        const zloom_verb_subscribe_t *subscribe)
{
    zloom_hosted_t *flow = zloom_engine_flow (self, subscribe->flow);
    const zloom_err_t err = s_check_subscribe (self, session, subscribe, flow);
    if (err != ZLOOM_OK) {
        s_say_subscribed (self, session, subscribe->handle, err, NULL);
        return ZLOOM_OK;
    }
    if (zloom_engine_room (self, flow, SMALL_RECORDS, SMALL_BYTES, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    const zloom_sender_t *sender = zloom_engine_sender_for (session, flow);
    const zloom_consumer_t *consumer = s_new_consumer (self, session, flow, subscribe);
    s_say_subscribed (self, session, subscribe->handle, ZLOOM_OK, sender);
    if (consumer->mode == ZLOOM_MODE_CONSUME) {
        zloom_event_t event = {
          .type = ZLOOM_EVENT_SUBSCRIBE, .consumer = consumer->id, .session = session->id};
        s_flatten (self, subscribe, &event);
        zloom_engine_feed (self, flow, &event);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_engine_unsubscribe (zloom_engine_t *self, zloom_session_t *session,
                          const zloom_verb_unsubscribe_t *unsubscribe)
{
    zloom_consumer_t *consumer = zloom_engine_consumer (session, unsubscribe->handle);
    if (!consumer) {
        return ZLOOM_OK; /* twice is fine */
    }
    if (consumer->mode == ZLOOM_MODE_CONSUME) {
        if (zloom_engine_room (self, consumer->flow, SMALL_RECORDS, SMALL_BYTES, false) !=
            ZLOOM_OK) {
            return ZLOOM_AGAIN;
        }
        const zloom_event_t event = {.type = ZLOOM_EVENT_UNSUBSCRIBE, .consumer = consumer->id};
        zloom_engine_feed (self, consumer->flow, &event);
    }
    zloom_engine_drop_consumer (self, consumer);
    return ZLOOM_OK;
}

zloom_err_t
zloom_engine_credit (zloom_engine_t *self, zloom_session_t *session,
                     const zloom_verb_credit_t *credit)
{
    if (credit->target != ZLOOM_CREDIT_HANDLE) {
        zloom_engine_refuse (self, session, ZLOOM_INVALID,
                             "CREDIT for a flow is for the router to give");
        return ZLOOM_OK;
    }
    zloom_consumer_t *consumer = zloom_engine_consumer (session, credit->id);
    if (!consumer) {
        zloom_engine_refuse (self, session, ZLOOM_NOT_FOUND,
                             "CREDIT for a handle that is not subscribed");
        return ZLOOM_OK;
    }
    if (consumer->mode != ZLOOM_MODE_CONSUME) {
        const zloom_amount_t totals = {credit->messages, credit->bytes, credit->frames};
        zloom_credit_raise (&consumer->credit, &totals);
        return ZLOOM_OK;
    }
    consumer->granted = (zloom_amount_t){credit->messages, credit->bytes, credit->frames};
    if (zloom_engine_paused (self, session)) {
        return ZLOOM_OK; /* it has it when it goes on */
    }
    const zloom_event_t event = {
      .type = ZLOOM_EVENT_CREDIT,
      .consumer = consumer->id,
      .credit = {.messages = credit->messages, .bytes = credit->bytes, .frames = credit->frames}};
    zloom_engine_feed (self, consumer->flow, &event);
    return ZLOOM_OK;
}

/* ---- settle -------------------------------------------------------------------------------- */

void
zloom_engine_settle_event (zloom_engine_t *self, const zloom_hosted_t *flow, zloom_event_t *event,
                           zloom_consumer_id_t consumer, zloom_token_t token,
                           const zloom_settle_run_t *runs, size_t count)
{
    *event = (zloom_event_t){.type = ZLOOM_EVENT_SETTLE, .consumer = consumer};
    event->settle.token = zloom_engine_token_in (self, token);
    event->settle.runs = runs;
    event->settle.count = count;
    if (token.boot != self->boot.random && flow->port->disk) {
        event->settle.earlier_boot = zloom_journal_boot_end (
          flow->port->journal, token.boot, flow->number, &event->settle.earlier_end);
    }
}

uint64_t
zloom_engine_settle_cost (const zloom_hosted_t *flow, const zloom_settle_run_t *runs, size_t count)
{
    uint64_t bytes = SMALL_BYTES + ACKED_BYTES * (uint64_t) count;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].verdict != ZLOOM_VERDICT_ACK) {
            bytes += runs[i].n * (FAILED_BYTES + runs[i].cause.text.size);
            bytes += flow->dead_letter ? DEAD_BYTES : 0;
        }
    }
    return bytes < ZLOOM_ENGINE_EVENT_BYTES ? bytes : ZLOOM_ENGINE_EVENT_BYTES;
}

static void
s_settle_nobody (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_settle_t *settle)
{
    zloom_settled_run_t *runs = zloom_arena_take (&self->arena, settle->run_count, sizeof *runs);
    for (size_t i = 0; i < settle->run_count; i++) {
        runs[i] = (zloom_settled_run_t){settle->runs[i].first, settle->runs[i].n, ZLOOM_STALE};
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLED,
                               .settled = {.has_handle = true,
                                           .handle = settle->handle,
                                           .token = settle->token,
                                           .runs = runs,
                                           .run_count = settle->run_count}};
    zloom_engine_say (self, session, &verb, 0);
}

zloom_err_t
zloom_engine_settle (zloom_engine_t *self, zloom_session_t *session,
                     const zloom_verb_settle_t *settle)
{
    const zloom_consumer_t *consumer = zloom_engine_consumer (session, settle->handle);
    if (!consumer || consumer->mode != ZLOOM_MODE_CONSUME) {
        s_settle_nobody (self, session, settle);
        return ZLOOM_OK;
    }
    zloom_hosted_t *flow = consumer->flow;
    const uint64_t bytes = zloom_engine_settle_cost (flow, settle->runs, settle->run_count);
    if (zloom_engine_room (self, flow, ZLOOM_ENGINE_EVENT_RECORDS, bytes, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    zloom_event_t event;
    zloom_engine_settle_event (self, flow, &event, consumer->id, settle->token, settle->runs,
                               settle->run_count);
    zloom_engine_feed (self, flow, &event);
    return ZLOOM_OK;
}

/* ---- started, progress --------------------------------------------------------------------- */

static zloom_err_t
s_mark (zloom_engine_t *self, zloom_session_t *session, zloom_event_type_t type,
        const zloom_verb_started_t *marked, int64_t extend_ns)
{
    const zloom_consumer_t *consumer = zloom_engine_consumer (session, marked->handle);
    if (!consumer || consumer->mode != ZLOOM_MODE_CONSUME) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_STALE, .stale = *marked};
        zloom_engine_say (self, session, &verb, 0);
        return ZLOOM_OK;
    }
    if (zloom_engine_room (self, consumer->flow, SMALL_RECORDS, SMALL_BYTES, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    const zloom_event_t event = {.type = type,
                                 .consumer = consumer->id,
                                 .mark = {.token = zloom_engine_token_in (self, marked->token),
                                          .runs = marked->runs,
                                          .count = marked->run_count,
                                          .extend_ns = extend_ns}};
    zloom_engine_feed (self, consumer->flow, &event);
    return ZLOOM_OK;
}

zloom_err_t
zloom_engine_started (zloom_engine_t *self, zloom_session_t *session,
                      const zloom_verb_started_t *started)
{
    return s_mark (self, session, ZLOOM_EVENT_STARTED, started, 0);
}

zloom_err_t
zloom_engine_progress (zloom_engine_t *self, zloom_session_t *session,
                       const zloom_verb_progress_t *progress)
{
    /* A day is longer than any lease, and far from an overflow. */
    const uint64_t day_ms = 24u * 3600 * 1000;
    const uint64_t extend_ms = progress->extend_ms < day_ms ? progress->extend_ms : day_ms;
    const zloom_verb_started_t marked = {.handle = progress->handle,
                                         .token = progress->token,
                                         .runs = progress->runs,
                                         .run_count = progress->run_count};
    return s_mark (self, session, ZLOOM_EVENT_PROGRESS, &marked,
                   (int64_t) extend_ms * ZLOOM_NS_PER_MS);
}
