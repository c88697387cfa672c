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
        if (self->items[i]->state == ZLOOM_ITEM_STEPPED) {
            self->items[i]->state = ZLOOM_ITEM_TAKEN;
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
    if (item->state != ZLOOM_ITEM_TAKEN) {
        return zloom_fail (ZLOOM_INVALID, "message %llu is in a step already, or settled",
                           (unsigned long long) message->seq);
    }
    if (item->stale) {
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
    item->state = ZLOOM_ITEM_STEPPED;
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
    zloom_err_t err = zloom_outflow_check (outflow, envelope);
    if (err == ZLOOM_OK) {
        err = s_room (self, 2 * PART_BYTES + envelope->body.size + envelope->attrs.size +
                              envelope->key.size + envelope->topic.size + envelope->id.size);
    }
    zloom_step_emit_t *last = self->emit_count > 0 ? &self->emits[self->emit_count - 1] : NULL;
    if (err == ZLOOM_OK && (!last || last->flow != outflow)) {
        if (self->emit_count >= ZLOOM_LIMIT_EMITS) {
            return zloom_fail (ZLOOM_TOO_BIG, "step of more than %d emits",
                               (int) ZLOOM_LIMIT_EMITS);
        }
        zloom_grow (&self->emits, &self->emit_capacity, self->emit_count + 1, sizeof *self->emits);
        last = &self->emits[self->emit_count++];
        *last = (zloom_step_emit_t){.flow = outflow};
        self->frame_bytes += PART_BYTES;
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (self->pack.size == 0) {
        self->base_time_ns = now.wall_ns;
    }
    const size_t before = self->pack.size;
    zloom_pack_add (&self->pack, envelope);
    last->n++;
    last->bytes += self->pack.size - before;
    last->flags |= zloom_envelope_flags (envelope);
    return ZLOOM_OK;
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

void
zloom_step_seal (zloom_step_t *self)
{
    ZLOOM_CHECK (self, STEP_TAG);
    if (self->pack.size > 0) {
        self->blob = zloom_blob_new_from_buf (&self->pack);
    }
}

/* Use credit emit by emit; on the first without it everything is given back. */
static bool
s_use_credit (const zloom_step_t *self)
{
    for (size_t i = 0; i < self->emit_count; i++) {
        const zloom_step_emit_t *emit = &self->emits[i];
        zloom_credit_t *credit = zloom_outflow_credit (emit->flow);
        if (zloom_outflow_blocked (emit->flow) ||
            !zloom_credit_covers (credit, emit->n, emit->bytes)) {
            for (size_t j = 0; j < i; j++) {
                zloom_amount_t *used = &zloom_outflow_credit (self->emits[j].flow)->used;
                used->messages -= self->emits[j].n;
                used->bytes -= self->emits[j].bytes;
                used->frames--;
            }
            return false;
        }
        zloom_credit_use (credit, emit->n, emit->bytes);
    }
    return true;
}

bool
zloom_step_say (zloom_step_t *self, zloom_frames_t *out)
{
    ZLOOM_CHECK (self, STEP_TAG);
    if (!s_use_credit (self)) {
        return false;
    }
    zloom_emit_t *emits = zloom_alloc ((self->emit_count + 1) * sizeof *emits);
    for (size_t i = 0; i < self->emit_count; i++) {
        emits[i] = (zloom_emit_t){.flow = zloom_outflow_index (self->emits[i].flow),
                                  .n = self->emits[i].n,
                                  .flags = self->emits[i].flags,
                                  .base_time_ns = self->base_time_ns};
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = self->handle,
                                        .token = self->lease->token,
                                        .settles = self->settles,
                                        .settle_count = self->item_count,
                                        .emits = emits,
                                        .emit_count = self->emit_count,
                                        .state = self->state,
                                        .state_count = self->state_count}};
    zloom_frames_push (out, &verb, self->blob,
                       self->blob ? zloom_blob_bytes (self->blob) : ZLOOM_BYTES_NULL);
    free (emits);
    self->status = ZLOOM_STEP_SAID;
    return true;
}

bool
zloom_step_has (const zloom_step_t *self, zloom_token_t token, uint64_t seq)
{
    ZLOOM_CHECK (self, STEP_TAG);
    if (self->lease->token.boot != token.boot || self->lease->token.number != token.number) {
        return false;
    }
    for (size_t i = 0; i < self->item_count; i++) {
        if (self->settles[i].first == seq) {
            return true;
        }
    }
    return false;
}
