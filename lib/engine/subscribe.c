/* SPDX-License-Identifier: MPL-2.0 */
/* subscribe.c - SUBSCRIBE and UNSUBSCRIBE: who takes, hears or looks, and how that ends. */
#include <stdlib.h>

#include "base/memory.h"
#include "engine/core.h"
#include "patterns/common/topics.h"

zloom_consumer_t *
zloom_engine_consumer (const zloom_session_t *session, uint32_t handle)
{
    zloom_consumer_t *consumer = zloom_idmap_get (zloom_engine_part (session)->consumers, handle);
    return consumer && !consumer->over ? consumer : NULL;
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
    free (consumer->patterns);
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
    if (zloom_idmap_get (part->consumers, subscribe->handle)) {
        return zloom_fail (ZLOOM_EXISTS, "handle %u is in use", subscribe->handle);
    }
    if (zloom_idmap_count (part->consumers) >= ZLOOM_LIMIT_HANDLES ||
        part->sender_count >= ZLOOM_LIMIT_FLOWS) {
        return zloom_fail (ZLOOM_TOO_MANY, "a session has at most %d handles and %d flows",
                           ZLOOM_LIMIT_HANDLES, ZLOOM_LIMIT_FLOWS);
    }
    if (subscribe->pattern_count > 0 && !flow->pattern->next_subscriber) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s' is a %s: it has no topics", name,
                           flow->config.pattern);
    }
    for (size_t i = 0; i < subscribe->pattern_count; i++) {
        const zloom_err_t err = zloom_topic_check_pattern (subscribe->patterns[i]);
        if (err != ZLOOM_OK) {
            zloom_note_prefix ("flow '%s'", name);
            return err;
        }
    }
    const bool from_known =
      consumes || subscribe->from == ZLOOM_FROM_GROUP ||
      (subscribe->mode == ZLOOM_MODE_TAP && subscribe->from == ZLOOM_FROM_NOW) ||
      (subscribe->mode == ZLOOM_MODE_BROWSE &&
       (subscribe->from == ZLOOM_FROM_START || subscribe->from == ZLOOM_FROM_SEQ));
    if (!from_known) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s': a %s cannot be read from there", name,
                           flow->config.pattern);
    }
    if (subscribe->from == ZLOOM_FROM_SEQ && subscribe->from_value < 0) {
        return zloom_fail (ZLOOM_INVALID, "flow '%s': no message has the number %lld", name,
                           (long long) subscribe->from_value);
    }
    return ZLOOM_OK;
}

static void
s_say_refused (zloom_engine_t *self, zloom_session_t *session, uint32_t handle, zloom_err_t code)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBED,
      .subscribed = {.handle = handle, .code = code, .text = zloom_bytes_text (zloom_note ())}};
    zloom_engine_say (self, session, &verb, 0);
}

static void
s_keep_patterns (zloom_consumer_t *consumer, const zloom_verb_subscribe_t *subscribe)
{
    size_t bytes = subscribe->pattern_count * sizeof *consumer->patterns;
    for (size_t i = 0; i < subscribe->pattern_count; i++) {
        bytes += subscribe->patterns[i].size;
    }
    consumer->patterns = zloom_alloc (bytes + 1);
    uint8_t *at = (uint8_t *) (consumer->patterns + subscribe->pattern_count);
    for (size_t i = 0; i < subscribe->pattern_count; i++) {
        const zloom_bytes_t pattern = subscribe->patterns[i];
        memcpy (at, pattern.data, pattern.size);
        consumer->patterns[consumer->pattern_count++] = zloom_bytes (at, pattern.size);
        at += pattern.size;
    }
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
        s_keep_patterns (consumer, subscribe);
        consumer->next_watcher = flow->watchers;
        flow->watchers = consumer;
    }
    zloom_idmap_put (self->consumers, consumer->id, consumer);
    zloom_idmap_put (zloom_engine_part (session)->consumers, consumer->handle, consumer);
    return consumer;
}

/* The leases that a returning consumer names, as arrays side by side. */
static void
s_flatten (zloom_engine_t *self, const zloom_hosted_t *flow,
           const zloom_verb_subscribe_t *subscribe, zloom_event_t *event)
{
    size_t count = 0;
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        count += subscribe->holding[i].run_count;
    }
    zloom_token_t *tokens = zloom_arena_take (&self->arena, count, sizeof *tokens);
    zloom_run_t *runs = zloom_arena_take (&self->arena, count, sizeof *runs);
    uint64_t *ends = zloom_arena_take (&self->arena, count, sizeof *ends);
    size_t at = 0;
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        const zloom_holding_t *holding = &subscribe->holding[i];
        uint64_t end = 0;
        if (flow->port->disk) {
            (void) zloom_journal_boot_end (flow->port->journal, holding->token.boot, flow->number,
                                           &end);
        }
        for (size_t j = 0; j < holding->run_count; j++, at++) {
            ends[at] = end;
            tokens[at] = zloom_engine_token_in (self, holding->token);
            runs[at] = holding->runs[j];
        }
    }
    event->subscribe.holding_tokens = tokens;
    event->subscribe.holding_runs = runs;
    event->subscribe.holding_ends = ends;
    event->subscribe.holding_count = count;
}

/* A SUBSCRIBE under work: what the pattern says of it, and what is answered. */
typedef struct {
    const zloom_verb_subscribe_t *subscribe;
    zloom_consumer_t *consumer;
    const zloom_sender_t *sender;
    zloom_err_t result;
    bool leased;
    uint64_t next; /* the lowest number that may come; 0: not known */
} entry_t;

static void
s_say_subscribed (zloom_engine_t *self, const entry_t *entry)
{
    const zloom_flow_config_t *config = &entry->consumer->flow->config;
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SUBSCRIBED,
      .subscribed = {.handle = entry->consumer->handle,
                     .flow = entry->sender->index,
                     .lease_ms =
                       entry->leased ? (uint64_t) (config->lease_ns / ZLOOM_NS_PER_MS) : 0,
                     .key = zloom_bytes_text (config->key),
                     .next = entry->leased ? 0 : entry->next}};
    zloom_engine_say (self, entry->consumer->session, &verb, 0);
}

/* Before what comes of it: the answer stands in front of the first GAP, STALE or DELIVER. */
static void
s_decided (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    const entry_t *entry = arg;
    zloom_engine_t *self = flow->engine;
    (void) turn;
    if (entry->result == ZLOOM_OK) {
        s_say_subscribed (self, entry);
    } else {
        s_say_refused (self, entry->consumer->session, entry->consumer->handle, entry->result);
    }
}

static void
s_enter (zloom_engine_t *self, entry_t *entry)
{
    const zloom_verb_subscribe_t *subscribe = entry->subscribe;
    zloom_hosted_t *flow = entry->consumer->flow;
    zloom_event_t event = {.type = ZLOOM_EVENT_SUBSCRIBE,
                           .consumer = entry->consumer->id,
                           .session = entry->consumer->session->id,
                           .subscribe = {.group = subscribe->group,
                                         .durable = subscribe->durable,
                                         .patterns = subscribe->patterns,
                                         .pattern_count = subscribe->pattern_count,
                                         .from = subscribe->from,
                                         .from_value = subscribe->from_value,
                                         .on_slow = subscribe->on_slow,
                                         .on_slow_value = subscribe->on_slow_value,
                                         .result = &entry->result,
                                         .leased = &entry->leased}};
    entry->leased = !flow->pattern->next_subscriber || subscribe->durable;
    const uint64_t end = flow->pattern->next_seq (flow->core);
    if (subscribe->from == ZLOOM_FROM_NOW || subscribe->from == ZLOOM_FROM_GROUP) {
        entry->next = end;
    } else if (subscribe->from == ZLOOM_FROM_SEQ) {
        entry->next =
          (uint64_t) subscribe->from_value < end ? (uint64_t) subscribe->from_value : end;
    }
    s_flatten (self, flow, subscribe, &event);
    zloom_engine_feed_then (self, flow, &event, s_decided, entry);
}

/* What is journaled of it at most: a durable group and the topics that it wants. */
static uint64_t
s_cost (const zloom_verb_subscribe_t *subscribe)
{
    uint64_t bytes = ZLOOM_ENGINE_SMALL_BYTES;
    for (size_t i = 0; i < subscribe->pattern_count; i++) {
        bytes += subscribe->patterns[i].size + 5;
    }
    return bytes;
}

zloom_err_t
zloom_engine_subscribe (zloom_engine_t *self, zloom_session_t *session,
                        const zloom_verb_subscribe_t *subscribe)
{
    zloom_hosted_t *flow = zloom_engine_flow (self, subscribe->flow);
    const zloom_err_t err = s_check_subscribe (self, session, subscribe, flow);
    if (err != ZLOOM_OK) {
        s_say_refused (self, session, subscribe->handle, err);
        return ZLOOM_OK;
    }
    if (zloom_engine_room (self, flow, ZLOOM_ENGINE_SMALL_RECORDS, s_cost (subscribe), false) !=
        ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    entry_t entry = {.subscribe = subscribe,
                     .sender = zloom_engine_sender_for (session, flow),
                     .consumer = s_new_consumer (self, session, flow, subscribe)};
    if (entry.consumer->mode != ZLOOM_MODE_CONSUME) {
        s_say_subscribed (self, &entry);
        return ZLOOM_OK;
    }
    s_enter (self, &entry);
    if (entry.result != ZLOOM_OK) {
        zloom_engine_drop_consumer (self, entry.consumer);
    }
    return ZLOOM_OK;
}

void
zloom_engine_end_consumer (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_err_t code)
{
    s_say_refused (self, consumer->session, consumer->handle, code);
    consumer->over = true;
    zloom_grow (&self->over, &self->over_capacity, self->over_count + 1, sizeof *self->over);
    self->over[self->over_count++] = consumer->id;
}

void
zloom_engine_drop_over (zloom_engine_t *self)
{
    for (size_t i = 0; i < self->over_count; i++) {
        zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, self->over[i]);
        if (consumer) {
            zloom_engine_drop_consumer (self, consumer);
        }
    }
    self->over_count = 0;
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
        if (zloom_engine_room (self, consumer->flow, ZLOOM_ENGINE_SMALL_RECORDS,
                               ZLOOM_ENGINE_SMALL_BYTES, false) != ZLOOM_OK) {
            return ZLOOM_AGAIN;
        }
        const zloom_event_t event = {.type = ZLOOM_EVENT_UNSUBSCRIBE, .consumer = consumer->id};
        zloom_engine_feed (self, consumer->flow, &event);
    }
    zloom_engine_drop_consumer (self, consumer);
    return ZLOOM_OK;
}
