/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carry.c - what a pattern decided becomes records in the open group, answers tagged with it, and
 * sends. Effects of one event are carried out in order; all records land in one group, because room
 * for the worst case was there before the event was fed.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/tag.h"
#include "engine/core.h"
#include "engine/trail_watch.h"

/* No group is too small for this. */
#define LEAST_BYTES 65536

/* ---- room and staging ---------------------------------------------------------------------- */

void
zloom_engine_seal (zloom_engine_t *self, zloom_port_t *port)
{
    zloom_engine_close_bundle (self);
    if (port->staged >= zloom_journal_group (port->journal)) {
        zloom_journal_seal (port->journal, self->now);
    }
    if (port->staged < zloom_journal_group (port->journal)) {
        port->seal_at_ns = ZLOOM_NEVER;
    }
}

static zloom_err_t
s_port_room (zloom_engine_t *self, zloom_port_t *port, uint32_t records, uint64_t bytes,
             bool growing)
{
    if (self->bundle.flow) {
        if (zloom_journal_room (port->journal, records + 1,
                                bytes + zloom_bundle_bytes (&self->bundle), growing) == ZLOOM_OK) {
            return ZLOOM_OK;
        }
        /* The room that its messages were taken in with is still there. */
        zloom_engine_close_bundle (self);
    }
    zloom_err_t err = zloom_journal_room (port->journal, records, bytes, growing);
    if (err == ZLOOM_AGAIN) {
        zloom_engine_seal (self, port);
        err = zloom_journal_room (port->journal, records, bytes, growing);
    }
    /* Small segments make small groups: what need not be refused asks for what there can be. */
    while (err == ZLOOM_TOO_BIG && !growing && bytes > LEAST_BYTES) {
        bytes /= 2;
        err = zloom_journal_room (port->journal, records, bytes, growing);
    }
    return err;
}

zloom_err_t
zloom_engine_room (zloom_engine_t *self, const zloom_hosted_t *flow, uint32_t records,
                   uint64_t bytes, bool growing)
{
    bool disk = false;
    bool memory = false;
    for (unsigned i = 0; flow && i < ZLOOM_ENGINE_DEPTH; i++, flow = flow->dead_letter) {
        disk = disk || flow->port->disk;
        memory = memory || !flow->port->disk;
    }
    zloom_err_t err = ZLOOM_OK;
    if (disk) {
        err = s_port_room (self, &self->disk, records, bytes, growing);
    }
    if (memory && err == ZLOOM_OK) {
        err = s_port_room (self, &self->memory, records, bytes, growing);
    }
    return err;
}

uint64_t
zloom_engine_group (const zloom_engine_t *self, const zloom_hosted_t *flow)
{
    return flow->port->disk ? self->disk.staged : self->step.group;
}

void
zloom_engine_stage (zloom_engine_t *self, zloom_hosted_t *flow, zloom_record_t *record,
                    zloom_blob_t *blob, bool lazy)
{
    zloom_engine_close_bundle (self);
    zloom_port_t *port = flow->port;
    record->flow = flow->number;
    record->critical = true;
    zloom_journal_stage (port->journal, record, blob);
    zloom_engine_staged (self, port, lazy);
}

void
zloom_engine_staged (zloom_engine_t *self, zloom_port_t *port, bool lazy)
{
    port->staged = zloom_journal_group (port->journal);
    const int64_t by_ns = self->now.mono_ns + (lazy ? ZLOOM_ENGINE_LAZY_NS : 0);
    if (by_ns < port->seal_at_ns) {
        port->seal_at_ns = by_ns;
    }
}

/* ---- effects ------------------------------------------------------------------------------- */

/*
 * A pack stays in memory as long as the journal likes. One that is a small part of its blob (a dead
 * letter, one of thousands that came in one frame) would keep all the others there, too.
 */
static zloom_blob_t *
s_own_part (zloom_bytes_t *pack, zloom_blob_t *blob)
{
    if (pack->size > zloom_blob_bytes (blob).size / 2) {
        return zloom_blob_ref (blob);
    }
    zloom_blob_t *own = zloom_blob_new (pack->data, pack->size);
    *pack = zloom_blob_bytes (own);
    return own;
}

void
zloom_engine_append (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *effect,
                     zloom_blob_t *blob)
{
    zloom_engine_close_bundle (self); /* before it, and with the same buffer for its head */
    zloom_buf_clear (&self->head);
    zloom_pack_head_encode (effect, &self->head);
    zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                             .seq = effect->append.seq,
                             .count = effect->append.n,
                             .head = zloom_buf_bytes (&self->head),
                             .payload = effect->append.pack};
    zloom_blob_t *part = s_own_part (&record.payload, blob);
    zloom_engine_stage (self, flow, &record, part, false);
    zloom_blob_unref (&part);
    const uint64_t last = effect->append.seq + effect->append.n - 1;
    zloom_hosted_mark (flow, flow->port->disk ? self->disk.staged : self->step.group, last);
}

static void
s_record (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    zloom_record_t record = {.type = (zloom_record_type_t) effect->record.type,
                             .group = effect->record.group,
                             .seq = effect->record.seq,
                             .count = effect->record.count,
                             .head = effect->record.head};
    const bool lazy = (record.type == ZLOOM_RECORD_SETTLE || record.type == ZLOOM_RECORD_STATE) &&
                      !self->step.is_step;
    zloom_engine_stage (self, flow, &record, NULL, lazy);
}

static zloom_sender_t *
s_sender (const zloom_engine_t *self, const zloom_hosted_t *flow, zloom_session_id_t id)
{
    const zloom_session_t *session = id ? zloom_sessions_by_id (self->sessions, id) : NULL;
    if (!session) {
        return NULL;
    }
    const zloom_part_t *part = zloom_engine_part (session);
    for (size_t i = 0; i < part->sender_count; i++) {
        if (part->senders[i] && part->senders[i]->flow == flow) {
            return part->senders[i];
        }
    }
    return NULL;
}

static void
s_confirm (zloom_engine_t *self, const zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    zloom_sender_t *sender = s_sender (self, flow, effect->answer.session);
    if (!sender || effect->answer.id == 0) {
        return;
    }
    if (sender->confirm_id == 0) {
        sender->next_confirming = self->confirming;
        self->confirming = sender;
    }
    if (effect->answer.id > sender->confirm_id) {
        sender->confirm_id = effect->answer.id;
    }
}

static void
s_refuse (zloom_engine_t *self, const zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    zloom_sender_t *sender = s_sender (self, flow, effect->answer.session);
    if (sender) {
        zloom_fail (effect->answer.err, "flow '%s': %s", flow->config.name,
                    zloom_err_text (effect->answer.err));
        zloom_engine_refuse_send (self, sender, effect->answer.err, effect->answer.id);
    }
}

static void
s_settled (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, effect->settled.consumer);
    if (!consumer || self->step.settles) {
        return;
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLED,
      .settled = {.has_handle = true,
                  .handle = consumer->handle,
                  .token = zloom_engine_token_out (self, effect->settled.token),
                  .runs = effect->settled.runs,
                  .run_count = effect->settled.count}};
    zloom_engine_say (self, consumer->session, &verb, zloom_engine_group (self, flow));
}

static void
s_stale (zloom_engine_t *self, const zloom_effect_t *effect)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, effect->deliver.consumer);
    if (!consumer) {
        return;
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STALE,
      .stale = {.handle = consumer->handle,
                .token = zloom_engine_token_out (self, effect->deliver.token),
                .runs = effect->deliver.runs,
                .run_count = effect->deliver.run_count}};
    zloom_engine_say (self, consumer->session, &verb, 0);
}

static void
s_deliver (zloom_engine_t *self, const zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, effect->deliver.consumer);
    if (consumer && !zloom_engine_deliver (self, consumer, effect->deliver.token,
                                           effect->deliver.runs, effect->deliver.run_count,
                                           effect->deliver.facts, effect->deliver.fact_count)) {
        /* Leased, and counted against its credit, without having been said: a new session of the
         * same process begins without both. */
        char note[ZLOOM_NOTE_BYTES];
        snprintf (note, sizeof note, "%s", zloom_note ());
        zloom_log (ZLOOM_LOG_ERROR, "deliver-bytes", "flow=%s consumer=%s %s", flow->config.name,
                   consumer->session->name, note);
        zloom_engine_bye (self, consumer->session, ZLOOM_NOT_FOUND, note);
    }
}

static void
s_gap (zloom_engine_t *self, const zloom_effect_t *effect)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, effect->gap.consumer);
    if (consumer) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_GAP,
                                   .gap = {.handle = consumer->handle,
                                           .from = effect->gap.from,
                                           .to = effect->gap.to,
                                           .count = effect->gap.count,
                                           .reason = zloom_bytes_text (effect->gap.reason)}};
        zloom_engine_say (self, consumer->session, &verb, 0);
    }
}

/* The pattern has forgotten it already. */
static void
s_end (zloom_engine_t *self, const zloom_hosted_t *flow, const zloom_effect_t *effect)
{
    zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, effect->end.consumer);
    if (consumer && !consumer->over) {
        zloom_fail (effect->end.err, "flow '%s': the subscription is over: %s", flow->config.name,
                    zloom_err_text (effect->end.err));
        zloom_engine_end_consumer (self, consumer, effect->end.err);
    }
}

static void
s_carry (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_effects_t *effects,
         zloom_blob_t *blob)
{
    const size_t count = zloom_effects_count (effects);
    for (size_t i = 0; i < count; i++) {
        const zloom_effect_t *effect = zloom_effects_at (effects, i);
        switch (effect->type) {
        case ZLOOM_EFFECT_APPEND:
            if (!zloom_engine_bundle (self, flow, effect)) {
                zloom_engine_append (self, flow, effect, blob);
            }
            break;
        case ZLOOM_EFFECT_RECORD:
            s_record (self, flow, effect);
            break;
        case ZLOOM_EFFECT_CONFIRM:
            s_confirm (self, flow, effect);
            break;
        case ZLOOM_EFFECT_REFUSE:
            s_refuse (self, flow, effect);
            break;
        case ZLOOM_EFFECT_DELIVER:
            s_deliver (self, flow, effect);
            break;
        case ZLOOM_EFFECT_SETTLED:
            break; /* below */
        case ZLOOM_EFFECT_STALE:
            s_stale (self, effect);
            break;
        case ZLOOM_EFFECT_DEAD:
            zloom_engine_dead (self, flow, effect->dead.seq, effect->dead.history);
            break;
        case ZLOOM_EFFECT_FORGET:
            zloom_engine_close_bundle (self);
            zloom_journal_forget (flow->port->journal, flow->number, effect->forget.first,
                                  effect->forget.last);
            break;
        case ZLOOM_EFFECT_GAP:
            s_gap (self, effect);
            break;
        case ZLOOM_EFFECT_END:
            s_end (self, flow, effect);
            break;
        }
    }
    /* Patterns may gather an event's records for its end: only now the group is known to hold
     * what a SETTLED tells of. */
    for (size_t i = 0; i < count; i++) {
        const zloom_effect_t *effect = zloom_effects_at (effects, i);
        if (effect->type == ZLOOM_EFFECT_SETTLED) {
            s_settled (self, flow, effect);
        }
    }
}

/* ---- feeding ------------------------------------------------------------------------------- */

typedef struct {
    zloom_engine_call_fn *call; /* instead of the event, or behind it */
    void *arg;
    const zloom_event_t *event;
} feed_t;

static void
s_feed (zloom_engine_t *self, zloom_hosted_t *flow, const feed_t *feed, zloom_blob_t *blob)
{
    zloom_assert (self->depth < ZLOOM_ENGINE_DEPTH);
    zloom_effects_t *effects = self->effects[self->depth++];
    const zloom_turn_t turn = {.now = self->now,
                               .group = zloom_journal_group (flow->port->journal),
                               .effects = effects,
                               .store = &flow->store,
                               .random = &self->random,
                               .leaving = self->draining};
    if (feed->event) {
        flow->in_event = true;
        flow->pattern->event (flow->core, feed->event, &turn);
        flow->in_event = false;
    }
    if (feed->call) {
        feed->call (flow, &turn, feed->arg);
    }
    if (zloom_trail_concerns (self, flow, feed->event)) {
        zloom_trail_watch (self, flow, feed->event, effects);
    }
    s_carry (self, flow, effects, blob);
    zloom_effects_clear (effects);
    self->depth--;
}

void
zloom_engine_feed (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event)
{
    zloom_blob_t *blob = event->type == ZLOOM_EVENT_OFFER ? event->offer.blob : NULL;
    s_feed (self, flow, &(feed_t){.event = event}, blob);
}

void
zloom_engine_feed_then (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event,
                        zloom_engine_call_fn *call, void *arg)
{
    s_feed (self, flow, &(feed_t){.event = event, .call = call, .arg = arg}, NULL);
}

void
zloom_engine_call (zloom_engine_t *self, zloom_hosted_t *flow, zloom_engine_call_fn *call,
                   void *arg)
{
    s_feed (self, flow, &(feed_t){.call = call, .arg = arg}, NULL);
}

void
zloom_engine_flush_confirms (zloom_engine_t *self)
{
    zloom_sender_t *sender = self->confirming;
    self->confirming = NULL;
    while (sender) {
        zloom_sender_t *next = sender->next_confirming;
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_CONFIRM,
                                   .confirm = {.flow = sender->index,
                                               .upto_id = sender->confirm_id,
                                               .level = sender->flow->config.confirm}};
        sender->confirm_id = 0;
        sender->next_confirming = NULL;
        zloom_engine_say (self, sender->session, &verb, zloom_engine_group (self, sender->flow));
        sender = next;
    }
}
