/* SPDX-License-Identifier: MPL-2.0 */
/*
 * outflow_carry.c - messages of others on their way to a flow, for bridges. Their ids are numbers
 * of an outbox, so they come in that order, and a number that holds no message any more is skipped.
 */
#include "client/outflow_state.h"

#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/encode.h"

/* What the head of an envelope in a pack takes at most. */
#define HEAD_BYTES 5

void
zloom_outflow_carry_from (zloom_outflow_t *self, const zloom_client_flow_t *flow)
{
    if (flow->first_id == 0) {
        return;
    }
    self->carries = true;
    self->confirmed = flow->first_id - 1;
    self->went = self->confirmed;
    self->next_id = flow->first_id;
    self->boot_count = flow->boot_count;
    self->boots = zloom_alloc ((flow->boot_count + 1) * sizeof *self->boots);
    if (flow->boot_count > 0) {
        memcpy (self->boots, flow->boots, flow->boot_count * sizeof *self->boots);
    }
}

static zloom_err_t
s_may (const zloom_outflow_t *self)
{
    if (!self->carries) {
        return zloom_fail (ZLOOM_INVALID, "flow %s: nothing is carried there", self->name);
    }
    if (!self->ever_welcomed || (self->state != ZLOOM_OK && self->state != ZLOOM_AGAIN)) {
        return zloom_fail (ZLOOM_AGAIN, "flow %s: the router has not let it in", self->name);
    }
    const size_t held = self->batches.messages + self->open_n;
    if (held >= self->limits.window_messages ||
        self->batches.bytes + self->open.size >= self->limits.window_bytes) {
        return zloom_fail (ZLOOM_AGAIN, "flow %s: %zu messages wait for their confirm", self->name,
                           held);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_outflow_carry (zloom_outflow_t *self, const zloom_carried_t *message, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    const zloom_err_t err = s_may (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    const size_t most =
      self->limits.pack_bytes < self->pack_bytes ? self->limits.pack_bytes : self->pack_bytes;
    if (self->open_n > 0 && self->open.size + message->envelope.size + HEAD_BYTES > most) {
        zloom_outflow_seal (self);
    }
    if (self->open_n == 0) {
        self->open_first = self->next_id;
        self->open_base_ns = message->origin.base_time_ns;
        self->open_due_ns =
          self->limits.linger_ns < 0 ? 0 : zloom_time_add (now.mono_ns, self->limits.linger_ns);
    }
    zloom_encode_bytes (&self->open, message->envelope);
    zloom_origin_list_add (&self->open_origins, &message->origin);
    self->open_n++;
    self->open_flags |= message->flags;
    self->next_id++;
    if (self->open_n >= self->limits.pack_messages || self->open.size >= most ||
        self->limits.linger_ns < 0) {
        zloom_outflow_seal (self);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_outflow_skip (zloom_outflow_t *self, uint32_t n)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    const zloom_err_t err = s_may (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_outflow_seal (self);
    zloom_buf_t nothing = {0};
    zloom_batch_t *batch = zloom_batches_new (&self->batches, &nothing);
    batch->first_id = self->next_id;
    batch->n = n;
    zloom_batches_empty (&self->batches, batch);
    zloom_batches_append (&self->batches, batch);
    self->next_id += n;
    return ZLOOM_OK;
}
