/* SPDX-License-Identifier: MPL-2.0 */
/*
 * step.c - STEP: settle the input and emit the outputs in one group, or change nothing. All that
 * could refuse it is asked first; from then on nothing can fail.
 */
#include <stdio.h>

#include "base/memory.h"
#include "engine/names.h"
#include "engine/trail_watch.h"

/* In the journal, beside the pack: one emit's record. */
#define EMIT_BYTES 1024

typedef struct {
    zloom_session_t *session;
    const zloom_verb_step_t *step;
    zloom_consumer_t *consumer; /* NULL: a step without input */
    zloom_sender_t **senders;   /* one an emit */
    zloom_bytes_t *packs;       /* one an emit */
    zloom_event_t settle;
    zloom_blob_t *pack;
    zloom_cost_t cost; /* of the emits, beside the pack */
} work_t;

/* The runs stand in the answer, each with the step's code: by them the peer knows its step. */
static void
s_answer (zloom_engine_t *self, const work_t *work, zloom_err_t code, uint64_t group)
{
    const zloom_verb_step_t *step = work->step;
    const char *note = zloom_note ();
    zloom_settled_run_t *runs = zloom_arena_take (&self->arena, step->settle_count, sizeof *runs);
    for (size_t i = 0; i < step->settle_count; i++) {
        runs[i] =
          (zloom_settled_run_t){step->settles[i].first, step->settles[i].n, (uint16_t) code};
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLED,
      .settled = {.has_handle = step->has_handle,
                  .handle = step->handle,
                  .token = step->token,
                  .runs = runs,
                  .run_count = step->settle_count,
                  .is_step = true,
                  .step = code,
                  .text = code == ZLOOM_OK ? ZLOOM_BYTES_NULL : zloom_bytes_text (note)}};
    zloom_engine_say (self, work->session, &verb, group);
}

/* ---- may it be done? ----------------------------------------------------------------------- */

/* Cut the pack into one for each emit. */
static void
s_cut (zloom_engine_t *self, work_t *work)
{
    const zloom_verb_step_t *step = work->step;
    work->packs = zloom_arena_take (&self->arena, step->emit_count, sizeof *work->packs);
    if (!work->pack) {
        return;
    }
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_blob_bytes (work->pack));
    for (size_t i = 0; i < step->emit_count; i++) {
        const uint8_t *begin = iter.rest.data;
        zloom_pack_skip (&iter, step->emits[i].n);
        work->packs[i] = zloom_bytes (begin, (size_t) (iter.rest.data - begin));
    }
}

static zloom_err_t
s_check_emit (zloom_engine_t *self, work_t *work, size_t index)
{
    const zloom_emit_t *emit = &work->step->emits[index];
    zloom_sender_t *sender = zloom_engine_sender (work->session, emit->flow);
    if (!sender || !sender->flow->configured) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "STEP: this session has no flow %u", emit->flow);
    }
    const char *name = zloom_hosted_name (sender->flow);
    if (!zloom_engine_allows (self, work->session, ZLOOM_RIGHT_PUBLISH, name)) {
        return zloom_fail (ZLOOM_FORBIDDEN, "flow '%s': '%s' may not publish", name,
                           work->session->name);
    }
    const zloom_err_t err = zloom_hosted_check (sender->flow, emit->flags, work->packs[index]);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_engine_begin_sending (self, sender);
    work->senders[index] = sender;
    work->cost.bytes += work->step->has_handle ? 0 : zloom_engine_bind_bytes (self, sender);
    zloom_offer_t offer = {.n = emit->n,
                           .pack = work->packs[index],
                           .flags = zloom_hosted_flags (sender->flow, emit->flags),
                           .wall_ns = self->now.wall_ns};
    for (size_t i = 0; i < index; i++) {
        offer.shared = offer.shared || work->senders[i]->flow == sender->flow;
    }
    return sender->flow->pattern->check_offer (sender->flow->core, &offer, &work->cost);
}

/* Credit and limits of one flow for all emits to it; `index` is the first of them. */
static zloom_err_t
s_check_flow (zloom_engine_t *self, const work_t *work, size_t index)
{
    zloom_sender_t *sender = work->senders[index];
    const zloom_hosted_t *flow = sender->flow;
    zloom_credit_t credit = sender->credit;
    bool covered = true;
    uint64_t n = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < work->step->emit_count; i++) {
        if (work->senders[i] != sender) {
            continue;
        }
        if (i < index) {
            return ZLOOM_OK;
        }
        covered =
          covered && zloom_credit_covers (&credit, work->step->emits[i].n, work->packs[i].size);
        zloom_credit_use (&credit, work->step->emits[i].n, work->packs[i].size);
        n += work->step->emits[i].n;
        bytes += work->packs[i].size;
    }
    const zloom_err_t err = zloom_engine_fits (self, flow, n, bytes);
    if (err == ZLOOM_FULL || (err == ZLOOM_OK && !covered)) {
        /* A smaller grant would only bring it here again. */
        sender->want_messages = n;
        sender->want_bytes = bytes;
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (!covered) {
        return zloom_fail (ZLOOM_NO_CREDIT, "flow '%s': no credit for %llu messages",
                           flow->config.name, (unsigned long long) n);
    }
    return ZLOOM_OK;
}

/* The highest id that the flow took from this session's name. */
static uint64_t
s_high (const work_t *work, const zloom_hosted_t *flow)
{
    uint64_t high = 0;
    zloom_bytes_t mark;
    const zloom_bytes_t producer = zloom_bytes_text (work->session->name);
    return flow->pattern->producer (flow->core, producer, &high, &mark, NULL) ? high : 0;
}

/* A step without input: the emits carry on the session's own numbers. */
static zloom_err_t
s_check_ids (const work_t *work, size_t index)
{
    const zloom_emit_t *emit = &work->step->emits[index];
    const zloom_hosted_t *flow = work->senders[index]->flow;
    uint64_t high = s_high (work, flow);
    for (size_t i = 0; i < index; i++) {
        if (work->senders[i]->flow == flow) {
            const uint64_t last = work->step->emits[i].first_id + work->step->emits[i].n - 1;
            high = last > high ? last : high;
        }
    }
    if (emit->first_id > high + 1) {
        return zloom_fail (ZLOOM_OUT_OF_ORDER, "flow '%s': id %llu comes after %llu",
                           flow->config.name, (unsigned long long) emit->first_id,
                           (unsigned long long) high);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_check_emits (zloom_engine_t *self, work_t *work)
{
    const size_t count = work->step->emit_count;
    work->senders = zloom_arena_take (&self->arena, count, sizeof (zloom_sender_t *));
    zloom_err_t err = ZLOOM_OK;
    s_cut (self, work);
    for (size_t i = 0; i < count && err == ZLOOM_OK; i++) {
        err = s_check_emit (self, work, i);
    }
    return err;
}

/* Credit, limits and ids of the emits; the input is known by now. */
static zloom_err_t
s_check_output (zloom_engine_t *self, work_t *work)
{
    const size_t count = work->step->emit_count;
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < count && err == ZLOOM_OK; i++) {
        err = s_check_flow (self, work, i);
    }
    for (size_t i = 0; i < count && err == ZLOOM_OK && !work->consumer; i++) {
        err = s_check_ids (work, i);
    }
    if (err == ZLOOM_OK && count > 0 && self->draining && !work->consumer) {
        err = zloom_fail (ZLOOM_DRAINING, "router '%s' is leaving", self->name);
    }
    return err;
}

static zloom_err_t
s_check_input (zloom_engine_t *self, work_t *work)
{
    const zloom_verb_step_t *step = work->step;
    if (step->state_count > 0) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "STEP: no pattern here keeps a worker's state");
    }
    if (!step->has_handle) {
        return ZLOOM_OK;
    }
    if (step->token.number == 0) {
        return zloom_fail (ZLOOM_STALE, "STEP: what came without a lease cannot be settled");
    }
    work->consumer = zloom_engine_consumer (work->session, step->handle);
    if (!work->consumer || work->consumer->mode != ZLOOM_MODE_CONSUME) {
        return zloom_fail (ZLOOM_STALE, "STEP: handle %u is not subscribed", step->handle);
    }
    const zloom_hosted_t *flow = work->consumer->flow;
    zloom_engine_settle_event (self, flow, &work->settle, work->consumer->id, step->token,
                               step->settles, step->settle_count);
    const zloom_err_t err =
      flow->pattern->check_settle (flow->core, work->consumer->id, &work->settle);
    return err == ZLOOM_OK
             ? err
             : zloom_fail (err, "flow '%s': %s", flow->config.name, zloom_err_text (err));
}

/* Room for all of it in one group of each journal that it touches. */
static zloom_err_t
s_check_room (zloom_engine_t *self, const work_t *work)
{
    const size_t count = work->step->emit_count;
    uint64_t bytes = work->pack ? zloom_blob_bytes (work->pack).size : 0;
    bytes += EMIT_BYTES * (uint64_t) count + work->cost.bytes;
    for (size_t i = 0; i < count; i++) {
        bytes += work->step->emits[i].mark.size;
    }
    if (work->consumer) {
        bytes += zloom_engine_settle_cost (work->consumer->flow, work->step->settles,
                                           work->step->settle_count);
    }
    const uint32_t records = ZLOOM_ENGINE_EVENT_RECORDS + 2 * (uint32_t) count + work->cost.records;
    if (bytes + 128 * (uint64_t) records > ZLOOM_JOURNAL_GROUP_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "STEP: does not fit one commit: settle less in a step");
    }
    zloom_err_t err = ZLOOM_OK;
    if (work->consumer) {
        err = zloom_engine_room (self, work->consumer->flow, records, bytes, count > 0);
    }
    for (size_t i = 0; i < count && err == ZLOOM_OK; i++) {
        err = zloom_engine_room (self, work->senders[i]->flow, records, bytes, true);
    }
    if (err == ZLOOM_DISK_FULL) {
        return zloom_fail (err, "the disk under the journal is full");
    }
    return err;
}

/* ---- doing it ------------------------------------------------------------------------------ */

/* The input that an emit came of: as the peer says, or the only one; 0: not known. */
static uint64_t
s_cause (const work_t *work, const zloom_emit_t *emit)
{
    const zloom_verb_step_t *step = work->step;
    const bool only = step->settle_count == 1 && step->settles[0].n == 1;
    return emit->from || !only ? emit->from : step->settles[0].first;
}

static void
s_emit (zloom_engine_t *self, const work_t *work, size_t index)
{
    const zloom_emit_t *emit = &work->step->emits[index];
    zloom_sender_t *sender = work->senders[index];
    zloom_hosted_t *flow = sender->flow;
    char producer[sizeof self->log_text + ZLOOM_LIMIT_NAME_BYTES + 2];
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER,
                           .offer = {.n = emit->n,
                                     .pack = work->packs[index],
                                     .blob = work->pack,
                                     .flags = zloom_hosted_flags (flow, emit->flags),
                                     .base_time_ns = emit->base_time_ns,
                                     .mark = emit->mark,
                                     .admitted = true}};
    zloom_src_t src = {.n = emit->n, .base_time_ns = emit->base_time_ns};
    if (work->consumer) {
        snprintf (producer, sizeof producer, "%s/%s", self->log_text, flow->config.name);
        src.producer = zloom_bytes_text (producer);
        src.first_id = flow->pattern->next_seq (flow->core);
        event.offer.src = &src;
        event.offer.src_count = 1;
    } else {
        event.session = work->session->id;
        event.offer.producer = zloom_bytes_text (work->session->name);
        event.offer.owner = zloom_engine_name_owner (self, work->session);
        event.offer.keyless = work->session->key == NULL;
        event.offer.first_id = emit->first_id;
    }
    const zloom_hop_t before =
      work->consumer
        ? zloom_trail_hop (self, ZLOOM_TRAIL_EMITTED, work->consumer->flow, s_cause (work, emit))
        : self->hop;
    /* All of it came of one message: the flag says so wherever it goes on, other routers too. */
    event.offer.flags |= self->hop.traced ? (uint32_t) ZLOOM_FLAG_TRACE : 0u;
    zloom_engine_feed (self, flow, &event);
    self->hop = before;
}

/* What was said counts, done or refused: one frame an emit, as the peer counts it. */
static void
s_use_credit (zloom_engine_t *self, const work_t *work)
{
    for (size_t i = 0; work->senders && i < work->step->emit_count; i++) {
        if (work->senders[i]) {
            zloom_engine_use_credit (self, work->senders[i], work->step->emits[i].n,
                                     work->packs[i].size);
        }
    }
}

/* Whether an emit will be stored on disk: one of a listing that is repeated is known already. */
static bool
s_emits_to_disk (const work_t *work)
{
    for (size_t i = 0; i < work->step->emit_count; i++) {
        const zloom_emit_t *emit = &work->step->emits[i];
        const zloom_hosted_t *flow = work->senders[i]->flow;
        if (flow->port->disk &&
            (work->consumer || emit->first_id + emit->n - 1 > s_high (work, flow))) {
            return true;
        }
    }
    return false;
}

static void
s_do (zloom_engine_t *self, const work_t *work)
{
    const uint64_t open = zloom_journal_group (self->disk.journal);
    const bool emits_to_disk = s_emits_to_disk (work);
    self->step.is_step = work->step->emit_count > 0;
    if (work->consumer) {
        self->step.settles = true;
        zloom_engine_feed (self, work->consumer->flow, &work->settle);
        self->step.settles = false;
    }
    /* What is emitted to memory flows leaves with the rest of the step: with the group that holds
     * its settlement or its emits to disk flows. */
    self->step.group = emits_to_disk || self->disk.staged >= open ? open : 0;
    uint64_t answer = self->step.group;
    for (size_t i = 0; i < work->step->emit_count; i++) {
        s_emit (self, work, i);
        if (answer == 0 && work->senders[i]->flow->port->disk) {
            answer = self->disk.staged; /* known already: it stands in a group before */
        }
    }
    s_answer (self, work, ZLOOM_OK, answer);
    self->step = (zloom_step_context_t){0};
}

/* All that could refuse the step. That it is settled already counts most: then it is done. */
static zloom_err_t
s_check (zloom_engine_t *self, work_t *work)
{
    const zloom_err_t emits = s_check_emits (self, work);
    char note[ZLOOM_NOTE_BYTES];
    snprintf (note, sizeof note, "%s", zloom_note ());
    zloom_err_t err = s_check_input (self, work);
    if (err == ZLOOM_OK && emits != ZLOOM_OK) {
        return zloom_fail (emits, "%s", note);
    }
    if (err == ZLOOM_OK) {
        err = s_check_output (self, work);
    }
    return err == ZLOOM_OK ? s_check_room (self, work) : err;
}

zloom_err_t
zloom_engine_step (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
                   size_t frame_bytes, zloom_blob_t *pack)
{
    work_t work = {.session = session, .step = &verb->step, .pack = pack};
    zloom_err_t err =
      zloom_verb_check_pack (verb, frame_bytes, pack ? zloom_blob_bytes (pack) : ZLOOM_BYTES_NULL,
                             (size_t) self->max_message_bytes);
    if (err == ZLOOM_OK) {
        err = s_check (self, &work);
    }
    if (err == ZLOOM_AGAIN) {
        return err;
    }
    s_use_credit (self, &work);
    if (err == ZLOOM_OK) {
        s_do (self, &work);
    } else {
        /* "Settled already" tells of state: it waits for the newest group. */
        s_answer (self, &work, err, err == ZLOOM_SETTLED ? self->disk.staged : 0);
    }
    return ZLOOM_OK;
}
