/* SPDX-License-Identifier: MPL-2.0 */
#include "client/step.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/pack.h"

#define STEP_TAG 0x5A437374u
/* From above: the verb's head, and one settlement, emit or state beside its bytes. */
#define HEAD_BYTES 64
#define PART_BYTES 64

zloom_step_t *
zloom_step_new (zloom_step_flow_fn *find, void *find_arg)
{
    zloom_step_t *self = zloom_alloc (sizeof *self);
    self->tag = STEP_TAG;
    self->find = find;
    self->find_arg = find_arg;
    self->frame_bytes = HEAD_BYTES;
    return self;
}

/* Items of a step that is thrown away are the caller's again. */
void
zloom_step_destroy (zloom_step_t **self_p)
{
    zloom_assert (self_p);
    zloom_step_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, STEP_TAG);
    *self_p = NULL;
    for (size_t i = 0; i < self->item_count; i++) {
        free ((void *) self->settles[i].cause.reason.data);
        free ((void *) self->settles[i].cause.text.data);
        if (self->items[i]) {
            self->items[i]->mark->state = ZLOOM_ITEM_TAKEN;
        }
    }
    for (size_t i = 0; i < self->state_count; i++) {
        free ((void *) self->state[i].key.data);
        free ((void *) self->state[i].value.data);
    }
    if (self->lease) {
        self->lease->steps--;
    }
    zloom_buf_fini (&self->pack);
    zloom_blob_unref (&self->blob);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->items);
    free (self->settles);
    free (self->emits);
    free (self->state);
    free (self);
}

static zloom_bytes_t
s_own (zloom_bytes_t bytes, size_t most)
{
    const size_t size = bytes.size < most ? bytes.size : most;
    return bytes.data ? zloom_bytes (zloom_memdup_text (bytes.data, size), size) : bytes;
}

static zloom_err_t
s_room (const zloom_step_t *self, size_t more)
{
    const size_t size = self->frame_bytes + self->pack.size;
    if (more > ZLOOM_LIMIT_STEP_BYTES || size > ZLOOM_LIMIT_STEP_BYTES - more) {
        return zloom_fail (ZLOOM_TOO_BIG, "step of more than %d bytes: emit less in one",
                           (int) ZLOOM_LIMIT_STEP_BYTES);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_step_settle (zloom_step_t *self, const zloom_message_t *message,
                   const zloom_settlement_t *settlement)
{
    ZLOOM_CHECK (self, STEP_TAG);
    zloom_item_t *item = zloom_item (message);
    if (item->mark->state != ZLOOM_ITEM_TAKEN) {
        return zloom_fail (ZLOOM_INVALID, "message %llu is in a step already, or settled",
                           (unsigned long long) message->seq);
    }
    if (item->mark->stale) {
        return zloom_fail (ZLOOM_STALE, "message %llu: its lease was lost",
                           (unsigned long long) message->seq);
    }
    if (self->lease && self->lease != item->lease) {
        return zloom_fail (ZLOOM_INVALID, "message %llu is of another delivery",
                           (unsigned long long) message->seq);
    }
    if (self->item_count >= ZLOOM_LIMIT_RUNS) {
        return zloom_fail (ZLOOM_TOO_BIG, "step of more than %d messages", (int) ZLOOM_LIMIT_RUNS);
    }
    zloom_err_t err = s_room (self, PART_BYTES + settlement->cause.text.size);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (!self->lease) {
        self->lease = item->lease;
        self->lease->steps++;
        self->handle = message->handle;
    }
    zloom_grow (&self->items, &self->item_capacity, self->item_count + 1, sizeof *self->items);
    zloom_grow (&self->settles, &self->settle_capacity, self->item_count + 1,
                sizeof *self->settles);
    self->items[self->item_count] = item;
    self->settles[self->item_count++] = (zloom_settle_run_t){
      .first = message->seq,
      .n = 1,
      .verdict = settlement->verdict,
      .delay_ms = settlement->delay_ms,
      .cause = {.reason = s_own (settlement->cause.reason, ZLOOM_LIMIT_NAME_BYTES),
                .exit = settlement->cause.exit,
                .signal = settlement->cause.signal,
                .text = s_own (settlement->cause.text, ZLOOM_LIMIT_TEXT_BYTES)},
    };
    item->mark->state = ZLOOM_ITEM_STEPPED;
    self->frame_bytes += PART_BYTES + settlement->cause.text.size;
    return ZLOOM_OK;
}

zloom_err_t
zloom_step_emit (zloom_step_t *self, const char *flow, const zloom_envelope_t *envelope,
                 zloom_now_t now)
{
    ZLOOM_CHECK (self, STEP_TAG);
    zloom_outflow_t *outflow = self->find (self->find_arg, flow);
    if (!outflow) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow %s is not among those it sends to", flow);
    }
    zloom_envelope_t ready = {0};
    zloom_err_t err = zloom_outflow_admit (outflow, envelope, &ready);
    if (err == ZLOOM_OK) {
        err = s_room (self, 2 * PART_BYTES + ready.body.size + ready.attrs.size + ready.key.size +
                              ready.topic.size + ready.id.size);
    }
    zloom_step_emit_t *last = self->emit_count > 0 ? &self->emits[self->emit_count - 1] : NULL;
    const uint32_t flags = zloom_envelope_flags (&ready);
    if (err == ZLOOM_OK && (!last || last->flow != outflow || last->from != self->from ||
                            ((last->flags ^ flags) & ZLOOM_FLAG_TRACE))) {
        if (self->emit_count >= ZLOOM_LIMIT_EMITS) {
            return zloom_fail (ZLOOM_TOO_BIG, "step of more than %d emits",
                               (int) ZLOOM_LIMIT_EMITS);
        }
        zloom_grow (&self->emits, &self->emit_capacity, self->emit_count + 1, sizeof *self->emits);
        last = &self->emits[self->emit_count++];
        *last = (zloom_step_emit_t){.flow = outflow, .from = self->from};
        self->frame_bytes += PART_BYTES;
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (self->pack.size == 0) {
        self->base_time_ns = now.wall_ns;
    }
    zloom_envelope_rebase (&ready, now.wall_ns, self->base_time_ns);
    const size_t before = self->pack.size;
    zloom_pack_add (&self->pack, &ready);
    last->n++;
    last->bytes += self->pack.size - before;
    last->flags |= flags;
    return ZLOOM_OK;
}

void
zloom_step_from (zloom_step_t *self, const zloom_message_t *message)
{
    ZLOOM_CHECK (self, STEP_TAG);
    self->from = message ? message->seq : 0;
}

bool
zloom_step_is_hopeless (zloom_err_t err)
{
    return err == ZLOOM_UNKNOWN_FLOW || err == ZLOOM_TOO_BIG || err == ZLOOM_NO_KEY ||
           err == ZLOOM_MALFORMED;
}

zloom_err_t
zloom_step_state (zloom_step_t *self, zloom_bytes_t key, zloom_bytes_t value)
{
    ZLOOM_CHECK (self, STEP_TAG);
    zloom_err_t err = s_room (self, PART_BYTES + key.size + value.size);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (key.size > ZLOOM_LIMIT_KEY_BYTES || self->state_count >= ZLOOM_LIMIT_STATES) {
        return zloom_fail (ZLOOM_TOO_BIG, "state key of %zu bytes (limit %d), %zu keys (limit %d)",
                           key.size, (int) ZLOOM_LIMIT_KEY_BYTES, self->state_count,
                           (int) ZLOOM_LIMIT_STATES);
    }
    zloom_grow (&self->state, &self->state_capacity, self->state_count + 1, sizeof *self->state);
    self->state[self->state_count++] =
      (zloom_state_t){s_own (key, key.size), s_own (value, value.size)};
    self->frame_bytes += PART_BYTES + key.size + value.size;
    return ZLOOM_OK;
}

bool
zloom_step_is_stale (const zloom_step_t *self)
{
    for (size_t i = 0; i < self->item_count; i++) {
        if (self->items[i]->mark->stale) {
            return true;
        }
    }
    return false;
}

void
zloom_step_seal (zloom_step_t *self)
{
    ZLOOM_CHECK (self, STEP_TAG);
    if (self->pack.size > 0) {
        self->blob = zloom_blob_new_from_buf (&self->pack);
    }
}

/* ---- saying --------------------------------------------------------------------------------- */

/* Use up credit for what the group emits to a flow, an emit at a time, as the router does. */
static bool
s_use (const zloom_step_group_t *group, const zloom_outflow_t *flow, zloom_credit_t *credit)
{
    for (size_t i = 0; i < group->count; i++) {
        for (size_t j = 0; j < group->steps[i]->emit_count; j++) {
            const zloom_step_emit_t *emit = &group->steps[i]->emits[j];
            if (emit->flow != flow) {
                continue;
            }
            if (!zloom_credit_covers (credit, emit->n, emit->bytes)) {
                return false;
            }
            zloom_credit_use (credit, emit->n, emit->bytes);
        }
    }
    return true;
}

/* The flows of the group's emits, each once; at most `most`. */
static size_t
s_flows (const zloom_step_group_t *group, zloom_outflow_t **flows, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        for (size_t j = 0; j < group->steps[i]->emit_count; j++) {
            zloom_outflow_t *flow = group->steps[i]->emits[j].flow;
            size_t at = 0;
            while (at < count && flows[at] != flow) {
                at++;
            }
            if (at == count && count < most) {
                flows[count++] = flow;
            }
        }
    }
    return count;
}

/* A flow that has no credit for all that the group emits to it; NULL: all have. */
static const zloom_outflow_t *
s_lacks_credit (const zloom_step_group_t *group)
{
    zloom_outflow_t *flows[ZLOOM_LIMIT_FLOWS];
    const size_t count = s_flows (group, flows, ZLOOM_LIMIT_FLOWS);
    for (size_t i = 0; i < count; i++) {
        zloom_credit_t credit = *zloom_outflow_credit (flows[i]);
        if (zloom_outflow_blocked (flows[i]) || !s_use (group, flows[i], &credit)) {
            return flows[i];
        }
    }
    return NULL;
}

static bool
s_use_credit (const zloom_step_group_t *group)
{
    zloom_outflow_t *flows[ZLOOM_LIMIT_FLOWS];
    if (s_lacks_credit (group)) {
        return false;
    }
    const size_t count = s_flows (group, flows, ZLOOM_LIMIT_FLOWS);
    for (size_t i = 0; i < count; i++) {
        s_use (group, flows[i], zloom_outflow_credit (flows[i]));
    }
    return true;
}

const zloom_outflow_t *
zloom_step_waits_for (const zloom_step_t *self, int64_t now_ns)
{
    ZLOOM_CHECK (self, STEP_TAG);
    if (self->lease->steps_said > 0 || self->not_before_ns > now_ns) {
        return NULL;
    }
    const zloom_step_group_t group = {.steps = {(zloom_step_t *) (uintptr_t) self}, .count = 1};
    return s_lacks_credit (&group); /* only looks */
}

bool
zloom_step_fits (const zloom_step_group_t *group, const zloom_step_t *step)
{
    size_t bytes = step->frame_bytes + (step->blob ? zloom_blob_bytes (step->blob).size : 0);
    size_t items = step->item_count;
    size_t emits = step->emit_count;
    size_t states = step->state_count;
    for (size_t i = 0; i < group->count; i++) {
        const zloom_step_t *other = group->steps[i];
        bytes += other->frame_bytes + (other->blob ? zloom_blob_bytes (other->blob).size : 0);
        items += other->item_count;
        emits += other->emit_count;
        states += other->state_count;
        if (other->alone) {
            return false;
        }
    }
    return group->count == 0 || (!step->alone && group->count < ZLOOM_STEPS_A_VERB &&
                                 items <= ZLOOM_LIMIT_RUNS && emits <= ZLOOM_LIMIT_EMITS &&
                                 states <= ZLOOM_LIMIT_STATES && bytes <= ZLOOM_LIMIT_STEP_BYTES);
}

/* One pack of all emits in their order; a single step's is shared and not copied. */
static zloom_blob_t *
s_join_packs (const zloom_step_group_t *group)
{
    if (group->count == 1) {
        return group->steps[0]->blob ? zloom_blob_ref (group->steps[0]->blob) : NULL;
    }
    zloom_buf_t joined = {0};
    for (size_t i = 0; i < group->count; i++) {
        if (group->steps[i]->blob) {
            zloom_buf_add_bytes (&joined, zloom_blob_bytes (group->steps[i]->blob));
        }
    }
    return joined.size > 0 ? zloom_blob_new_from_buf (&joined) : NULL;
}

/* Append one; a plain verdict that continues the run before makes it longer. */
static void
s_join_settle (zloom_settle_run_t *runs, size_t *count, const zloom_settle_run_t *run)
{
    zloom_settle_run_t *last = *count > 0 ? &runs[*count - 1] : NULL;
    if (last && !last->cause.reason.data && !run->cause.reason.data &&
        last->verdict == run->verdict && last->delay_ms == run->delay_ms &&
        last->first + last->n == run->first) {
        last->n += run->n;
    } else {
        runs[(*count)++] = *run;
    }
}

static void
s_push (const zloom_step_group_t *group, zloom_verb_t *verb, zloom_settle_run_t *settles,
        zloom_emit_t *emits, zloom_state_t *states)
{
    zloom_verb_step_t *said = &verb->step;
    for (size_t i = 0; i < group->count; i++) {
        const zloom_step_t *step = group->steps[i];
        for (size_t j = 0; j < step->item_count; j++) {
            s_join_settle (settles, &said->settle_count, &step->settles[j]);
        }
        /* A step with one message says what its emits came of only where it goes in a group. */
        const uint64_t only =
          group->count > 1 && step->item_count == 1 ? step->settles[0].first : 0;
        for (size_t j = 0; j < step->emit_count; j++) {
            const zloom_step_emit_t *emit = &step->emits[j];
            emits[said->emit_count++] = (zloom_emit_t){.flow = zloom_outflow_index (emit->flow),
                                                       .n = emit->n,
                                                       .flags = emit->flags,
                                                       .base_time_ns = step->base_time_ns,
                                                       .from = emit->from > 0 ? emit->from : only};
        }
        for (size_t j = 0; j < step->state_count; j++) {
            states[said->state_count++] = step->state[j];
        }
    }
    said->settles = settles;
    said->emits = emits;
    said->state = states;
}

bool
zloom_step_say (const zloom_step_group_t *group, zloom_frames_t *out)
{
    if (!s_use_credit (group)) {
        return false;
    }
    size_t items = 1;
    size_t emits = 1;
    size_t states = 1;
    for (size_t i = 0; i < group->count; i++) {
        ZLOOM_CHECK (group->steps[i], STEP_TAG);
        items += group->steps[i]->item_count;
        emits += group->steps[i]->emit_count;
        states += group->steps[i]->state_count;
        group->steps[i]->status = ZLOOM_STEP_SAID;
        group->steps[i]->lease->steps_said++;
    }
    zloom_settle_run_t *settle_room = zloom_alloc (items * sizeof *settle_room);
    zloom_emit_t *emit_room = zloom_alloc (emits * sizeof *emit_room);
    zloom_state_t *state_room = zloom_alloc (states * sizeof *state_room);
    const zloom_step_t *first = group->steps[0];
    zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STEP,
      .step = {.has_handle = true, .handle = first->handle, .token = first->lease->token}};
    s_push (group, &verb, settle_room, emit_room, state_room);
    zloom_blob_t *blob = s_join_packs (group);
    zloom_frames_push (out, &verb, blob, blob ? zloom_blob_bytes (blob) : ZLOOM_BYTES_NULL);
    zloom_blob_unref (&blob);
    free (settle_room);
    free (emit_room);
    free (state_room);
    return true;
}
