/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trail_watch.c - what the trail hears of: each event that a flow is fed and the effects that it
 * had, before they are carried out. Only flows that hold something traced come here, and offers
 * that bring it: others pay one look at a pointer (zloom_trail_concerns).
 *
 * Traced is what was sent with the flag TRACE, and what came of a traced message: its emits, its
 * dead letter, the dead letter that was put back. Where an offer comes from stands in engine->hop
 * while it is fed.
 */
#include "engine/trail_watch.h"

#include "base/tag.h"
#include "patterns/common/records.h"
#include "wire/encode.h"

typedef struct {
    zloom_engine_t *engine;
    zloom_hosted_t *flow;
    const zloom_event_t *event; /* NULL: a call */
    const zloom_effects_t *effects;
} watch_t;

static const char *
s_node (const zloom_engine_t *self, zloom_consumer_id_t id)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, id);
    return consumer ? consumer->session->name : NULL;
}

static void
s_note (const watch_t *watch, zloom_stay_t *stay, zloom_trail_kind_t kind, int64_t number,
        zloom_consumer_id_t consumer, zloom_bytes_t text)
{
    zloom_trail_note (watch->engine->trail, stay, kind, watch->engine->now.wall_ns, number,
                      s_node (watch->engine, consumer), text);
}

/* Whether it was handed to this node, and has not come back. */
static bool
s_holds (const watch_t *watch, const zloom_stay_t *stay, zloom_consumer_id_t consumer)
{
    const char *node = s_node (watch->engine, consumer);
    for (size_t i = stay->row_count; node && i > 0; i--) {
        const zloom_trail_row_t *row = &stay->rows[i - 1];
        if (row->kind == ZLOOM_TRAIL_RESTARTED) {
            return false;
        }
        if (row->node && strcmp (row->node, node) == 0) {
            return row->kind == ZLOOM_TRAIL_HANDED || row->kind == ZLOOM_TRAIL_BEGUN;
        }
    }
    return false;
}

/* Stays with numbers in [seq, seq + n): the next one, from index *at on; NULL: no more. */
static zloom_stay_t *
s_next (const watch_t *watch, uint64_t seq, uint64_t n, size_t *at)
{
    const zloom_track_t *track = watch->flow->track;
    if (!track) {
        return NULL;
    }
    *at = *at == SIZE_MAX ? zloom_track_find (track, seq) : *at + 1;
    return *at < track->end && track->stays[*at]->seq - seq < n ? track->stays[*at] : NULL;
}

/* ---- events -------------------------------------------------------------------------------- */

static void
s_begun (const watch_t *watch)
{
    const zloom_event_t *event = watch->event;
    for (size_t i = 0; i < event->mark.count; i++) {
        const zloom_run_t *run = &event->mark.runs[i];
        zloom_stay_t *stay;
        for (size_t at = SIZE_MAX; (stay = s_next (watch, run->seq, run->n, &at));) {
            if (s_holds (watch, stay, event->consumer)) {
                s_note (watch, stay, ZLOOM_TRAIL_BEGUN, 0, event->consumer, ZLOOM_BYTES_NULL);
            }
        }
    }
}

/* What the pattern said to the settlement of one message. */
static zloom_err_t
s_code (const watch_t *watch, uint64_t seq)
{
    const size_t count = zloom_effects_count (watch->effects);
    for (size_t i = 0; i < count; i++) {
        const zloom_effect_t *effect = zloom_effects_at (watch->effects, i);
        for (size_t j = 0; effect->type == ZLOOM_EFFECT_SETTLED && j < effect->settled.count; j++) {
            const zloom_settled_run_t *run = &effect->settled.runs[j];
            if (seq >= run->first && seq - run->first < run->n) {
                return (zloom_err_t) run->code;
            }
        }
    }
    return ZLOOM_STALE;
}

static void
s_verdicts (const watch_t *watch)
{
    const zloom_event_t *event = watch->event;
    for (size_t i = 0; i < event->settle.count; i++) {
        const zloom_settle_run_t *run = &event->settle.runs[i];
        const zloom_bytes_t text = run->cause.text.size > 0 ? run->cause.text : run->cause.reason;
        zloom_stay_t *stay;
        for (size_t at = SIZE_MAX; (stay = s_next (watch, run->first, run->n, &at));) {
            if (s_code (watch, stay->seq) == ZLOOM_OK) {
                s_note (watch, stay, ZLOOM_TRAIL_VERDICT, run->verdict, event->consumer, text);
            }
        }
    }
}

/* The consumer gives back what it has, or is gone with it. */
static void
s_given_back (const watch_t *watch)
{
    const zloom_event_t *event = watch->event;
    const char *why = event->type == ZLOOM_EVENT_UNSUBSCRIBE ? "it left"
                      : event->gone.crashed                  ? "its process ended"
                                                             : "it is gone";
    zloom_stay_t *stay;
    for (size_t at = SIZE_MAX; (stay = s_next (watch, 0, UINT64_MAX, &at));) {
        if (s_holds (watch, stay, event->consumer)) {
            s_note (watch, stay, ZLOOM_TRAIL_BACK, 0, event->consumer, zloom_bytes_text (why));
        }
    }
}

static void
s_event (const watch_t *watch)
{
    if (!watch->event) {
        return;
    }
    switch ((int) watch->event->type) {
    case ZLOOM_EVENT_STARTED:
        s_begun (watch);
        break;
    case ZLOOM_EVENT_SETTLE:
        s_verdicts (watch);
        break;
    case ZLOOM_EVENT_UNSUBSCRIBE:
    case ZLOOM_EVENT_GONE:
        s_given_back (watch);
        break;
    default:
        break;
    }
}

/* ---- effects ------------------------------------------------------------------------------- */

static void
s_stored (const watch_t *watch, const zloom_effect_t *effect)
{
    zloom_engine_t *self = watch->engine;
    const zloom_hop_t *hop = &self->hop;
    const bool from = hop->flow && hop->seq > 0;
    if (!(effect->append.flags & ZLOOM_FLAG_TRACE) && !hop->traced) {
        return;
    }
    char text[ZLOOM_ORIGIN_TEXT_BYTES];
    for (uint32_t i = 0; i < effect->append.n; i++) {
        zloom_origin_t origin = {0};
        zloom_src_origin (effect->append.src, effect->append.src_count, i, &origin);
        const zloom_trail_begin_t begin = {
          .flow = zloom_bytes_text (watch->flow->config.name),
          .seq = effect->append.seq + i,
          .wall_ns = self->now.wall_ns,
          .way = hop->way,
          .id = zloom_bytes_text (zloom_origin_text (&origin, text)),
          .base_time_ns = origin.base_time_ns,
          .from_flow = from ? zloom_bytes_text (hop->flow->config.name) : ZLOOM_BYTES_NULL,
          .from_seq = from ? hop->seq : 0};
        zloom_trail_begin (self->trail, &begin);
    }
    watch->flow->track =
      zloom_trail_track (self->trail, zloom_bytes_text (watch->flow->config.name));
}

static uint32_t
s_attempt (const zloom_effect_t *effect, uint32_t index)
{
    for (size_t i = 0; i < effect->deliver.fact_count; i++) {
        if (effect->deliver.facts[i].i == index) {
            return effect->deliver.facts[i].attempt + 1;
        }
    }
    return 1;
}

static void
s_handed (const watch_t *watch, const zloom_effect_t *effect)
{
    uint32_t begin = 0;
    for (size_t i = 0; i < effect->deliver.run_count; i++) {
        const zloom_run_t *run = &effect->deliver.runs[i];
        zloom_stay_t *stay;
        for (size_t at = SIZE_MAX; (stay = s_next (watch, run->seq, run->n, &at));) {
            const uint32_t index = begin + (uint32_t) (stay->seq - run->seq);
            s_note (watch, stay, ZLOOM_TRAIL_HANDED, s_attempt (effect, index),
                    effect->deliver.consumer, ZLOOM_BYTES_NULL);
        }
        begin += run->n;
    }
}

static void
s_taken_back (const watch_t *watch, const zloom_effect_t *effect)
{
    for (size_t i = 0; i < effect->deliver.run_count; i++) {
        const zloom_run_t *run = &effect->deliver.runs[i];
        zloom_stay_t *stay;
        for (size_t at = SIZE_MAX; (stay = s_next (watch, run->seq, run->n, &at));) {
            if (s_holds (watch, stay, effect->deliver.consumer)) {
                s_note (watch, stay, ZLOOM_TRAIL_BACK, 0, effect->deliver.consumer,
                        zloom_bytes_text ("its lease ended"));
            }
        }
    }
}

/* A SETTLE record, [reason, [first, n, first, n…], by hand]: these leave the flow. */
static void
s_left (const watch_t *watch, const zloom_effect_t *effect)
{
    zloom_cursor_t cursor = zloom_cursor (effect->record.head);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t reason = zloom_fields_uint (&fields, ZLOOM_NEED, UINT8_MAX, 0);
    const uint32_t count = zloom_fields_array (&fields, ZLOOM_NEED, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        const uint64_t first = zloom_cursor_uint (&cursor, UINT64_MAX);
        const uint64_t n = zloom_cursor_uint (&cursor, UINT64_MAX);
        zloom_assert (cursor.err == ZLOOM_OK); /* the pattern has just made it */
        zloom_stay_t *stay;
        for (size_t at = SIZE_MAX; (stay = s_next (watch, first, n, &at));) {
            s_note (watch, stay, ZLOOM_TRAIL_LEFT, (int64_t) reason, 0, ZLOOM_BYTES_NULL);
        }
    }
}

static void
s_effect (const watch_t *watch, const zloom_effect_t *effect)
{
    switch ((int) effect->type) {
    case ZLOOM_EFFECT_APPEND:
        s_stored (watch, effect);
        break;
    case ZLOOM_EFFECT_DELIVER:
        s_handed (watch, effect);
        break;
    case ZLOOM_EFFECT_STALE:
        s_taken_back (watch, effect);
        break;
    case ZLOOM_EFFECT_RECORD:
        if (effect->record.type == ZLOOM_STORED_SETTLE && effect->record.group == 0) {
            s_left (watch, effect);
        }
        break;
    default:
        break;
    }
}

void
zloom_trail_watch (zloom_engine_t *self, zloom_hosted_t *flow, const zloom_event_t *event,
                   const zloom_effects_t *effects)
{
    const watch_t watch = {self, flow, event, effects};
    s_event (&watch);
    const size_t count = zloom_effects_count (effects);
    for (size_t i = 0; i < count; i++) {
        s_effect (&watch, zloom_effects_at (effects, i));
    }
    zloom_trail_trim (self->trail);
}

/* ---- where an offer comes from ------------------------------------------------------------- */

zloom_hop_t
zloom_trail_hop (zloom_engine_t *self, zloom_trail_way_t way, const zloom_hosted_t *flow,
                 uint64_t seq)
{
    const zloom_hop_t before = self->hop;
    const bool traced =
      flow->track && zloom_trail_stay (self->trail, zloom_bytes_text (flow->config.name), seq);
    self->hop = (zloom_hop_t){.way = way, .flow = flow, .seq = seq, .traced = traced};
    return before;
}

/* ---- the turn's part ----------------------------------------------------------------------- */

void
zloom_trail_store (zloom_engine_t *self)
{
    const size_t bytes = zloom_trail_pending (self->trail);
    if (bytes == 0) {
        return;
    }
    zloom_engine_close_bundle (self);
    zloom_journal_t *journal = self->disk.journal;
    const zloom_err_t err = zloom_journal_room (journal, 1, bytes, true);
    if (err == ZLOOM_AGAIN) {
        return; /* later: the committer wakes us */
    }
    if (err != ZLOOM_OK) {
        zloom_trail_take (self->trail, NULL); /* the trail is worth no refused message */
        return;
    }
    zloom_buf_t head = {0};
    zloom_trail_take (self->trail, &head);
    const zloom_record_t record = {.type = ZLOOM_RECORD_TRACE, .head = zloom_buf_bytes (&head)};
    zloom_journal_stage (journal, &record, NULL);
    zloom_engine_staged (self, &self->disk, true);
    zloom_buf_fini (&head);
}

/* Leases are void after a start: whoever had a traced message has it no more. */
void
zloom_trail_resume (zloom_engine_t *self)
{
    for (zloom_stay_t *stay = zloom_trail_first (self->trail); stay; stay = stay->next) {
        const zloom_trail_row_t *last =
          stay->row_count > 0 ? &stay->rows[stay->row_count - 1] : NULL;
        if (!stay->left && last &&
            (last->kind == ZLOOM_TRAIL_HANDED || last->kind == ZLOOM_TRAIL_BEGUN)) {
            zloom_trail_note (self->trail, stay, ZLOOM_TRAIL_RESTARTED, self->now.wall_ns, 0, NULL,
                              ZLOOM_BYTES_NULL);
        }
    }
}
