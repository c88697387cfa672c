/* SPDX-License-Identifier: MPL-2.0 */
#include "client/outflow_state.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "io/json_key.h"
#include "wire/pack.h"

/* What an envelope takes beside its parts that have a length: heads and numbers. */
#define ENVELOPE_OVERHEAD 80

zloom_outflow_t *
zloom_outflow_new (const zloom_client_flow_t *flow, const zloom_outflow_limits_t *limits)
{
    zloom_outflow_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_OUTFLOW_TAG;
    self->name = zloom_strdup (flow->name);
    self->has_fingerprint = flow->has_fingerprint;
    self->fingerprint = flow->fingerprint;
    self->limits = *limits;
    self->state = ZLOOM_AGAIN;
    zloom_outflow_carry_from (self, flow);
    return self;
}

void
zloom_outflow_destroy (zloom_outflow_t **self_p)
{
    zloom_assert (self_p);
    zloom_outflow_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    *self_p = NULL;
    zloom_batches_fini (&self->batches);
    zloom_buf_fini (&self->open);
    zloom_origin_list_fini (&self->open_origins);
    free (self->boots);
    zloom_blob_unref (&self->open_mark);
    zloom_blob_unref (&self->mark);
    zloom_buf_fini (&self->key_pointer);
    zloom_buf_fini (&self->key);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->name);
    zloom_buf_fini (&self->topic);
    free (self);
}

const char *
zloom_outflow_name (const zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return self->name;
}

/* A process that knows no ids yet asks from 1 on: that claims nothing, WELCOME tells the rest. */
zloom_hello_flow_t
zloom_outflow_hello (const zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return (zloom_hello_flow_t){
      .name = zloom_bytes_text (self->name),
      .has_fingerprint = self->has_fingerprint,
      .fingerprint = self->fingerprint,
      .next = self->confirmed + 1,
      .boots = self->boots,
      .boot_count = self->boot_count,
    };
}

uint32_t
zloom_outflow_index (const zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return self->index;
}

bool
zloom_outflow_has_index (const zloom_outflow_t *self, uint32_t index)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return self->state == ZLOOM_OK && self->index == index;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static void
s_first_welcome (zloom_outflow_t *self, const zloom_welcome_flow_t *flow)
{
    if (!self->ever_welcomed) {
        self->ever_welcomed = true;
        self->confirmed = flow->high;
        self->went = flow->high;
        self->next_id = flow->high + 1;
    }
}

zloom_err_t
zloom_outflow_welcome (zloom_outflow_t *self, const zloom_welcome_flow_t *flow,
                       const zloom_verb_welcome_t *welcome)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    self->state = flow->code;
    if (flow->code != ZLOOM_OK) {
        return ZLOOM_OK;
    }
    s_first_welcome (self, flow);
    if (flow->high > self->went) {
        return zloom_fail (ZLOOM_FENCED,
                           "flow %s: the router has message %llu of this name, which this process "
                           "never sent: another one uses its name",
                           self->name, (unsigned long long) flow->high);
    }
    self->index = flow->index;
    self->level = flow->confirm;
    self->keyed = flow->key.data != NULL;
    zloom_buf_clear (&self->key_pointer);
    zloom_buf_add_bytes (&self->key_pointer, flow->key);
    zloom_buf_clear (&self->topic);
    zloom_buf_add_bytes (&self->topic, flow->topic);
    self->message_bytes = welcome->message_bytes;
    self->pack_bytes = welcome->pack_bytes;
    zloom_blob_unref (&self->mark);
    if (flow->mark.data) {
        self->mark = zloom_blob_new (flow->mark.data, flow->mark.size);
    }
    self->credit = (zloom_credit_t){0};
    self->blocked = false;
    self->refusal = ZLOOM_OK;
    zloom_outflow_confirm (self, flow->high);
    zloom_batches_rewind (&self->batches, self->batches.first);
    return ZLOOM_OK;
}

void
zloom_outflow_lost (zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    self->state = ZLOOM_AGAIN;
    self->credit = (zloom_credit_t){0};
    zloom_batches_rewind (&self->batches, self->batches.first);
}

/* ---- the open pack -------------------------------------------------------------------------- */

/* Of an envelope, from above. */
static size_t
s_size (const zloom_envelope_t *envelope)
{
    return envelope->body.size + envelope->attrs.size + envelope->topic.size + envelope->key.size +
           envelope->id.size + ENVELOPE_OVERHEAD;
}

zloom_err_t
zloom_outflow_key (zloom_outflow_t *self, zloom_bytes_t body, zloom_bytes_t *key)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    *key = ZLOOM_BYTES_NULL;
    if (!self->keyed) {
        return ZLOOM_OK;
    }
    zloom_buf_clear (&self->key);
    zloom_err_t err = zloom_json_key (body, zloom_buf_bytes (&self->key_pointer), &self->key);
    if (err == ZLOOM_OK && self->key.size > ZLOOM_LIMIT_KEY_BYTES) {
        err = zloom_fail (ZLOOM_TOO_BIG, "a key of %zu bytes at \"%s\", limit %d", self->key.size,
                          zloom_buf_text (&self->key_pointer), ZLOOM_LIMIT_KEY_BYTES);
    }
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("flow %s is keyed", self->name);
        return err;
    }
    /* An empty key is one. */
    *key = self->key.size > 0 ? zloom_buf_bytes (&self->key) : zloom_bytes ("", 0);
    return ZLOOM_OK;
}

/* What may be in an envelope, and how large the router takes it. */
static zloom_err_t
s_check (const zloom_outflow_t *self, const zloom_envelope_t *envelope)
{
    const zloom_err_t err = zloom_envelope_check (envelope);
    if (err != ZLOOM_OK || s_size (envelope) <= self->message_bytes) {
        return err;
    }
    return zloom_fail (ZLOOM_TOO_BIG, "message of %zu bytes, flow %s takes %u",
                       envelope->body.size + envelope->attrs.size, self->name,
                       (unsigned) self->message_bytes);
}

zloom_err_t
zloom_outflow_admit (zloom_outflow_t *self, const zloom_envelope_t *envelope,
                     zloom_envelope_t *ready)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    if (self->state == ZLOOM_AGAIN && !self->ever_welcomed) {
        return zloom_fail (ZLOOM_AGAIN, "flow %s: the router has not answered yet", self->name);
    }
    if (self->state != ZLOOM_OK && self->state != ZLOOM_AGAIN) {
        return zloom_fail (self->state, "flow %s: the router refuses it", self->name);
    }
    *ready = *envelope;
    if (!ready->topic.data && self->topic.size > 0) {
        ready->topic = zloom_buf_bytes (&self->topic);
    }
    zloom_err_t err =
      ready->key.data ? ZLOOM_OK : zloom_outflow_key (self, ready->body, &ready->key);
    return err == ZLOOM_OK ? s_check (self, ready) : err;
}

void
zloom_outflow_seal (zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    if (self->open_n == 0) {
        return;
    }
    self->sealed_bytes = self->open.size;
    zloom_batch_t *batch = zloom_batches_new (&self->batches, &self->open);
    batch->first_id = self->open_first;
    batch->n = self->open_n;
    batch->flags = self->open_flags;
    batch->base_time_ns = self->open_base_ns;
    batch->mark = self->open_mark;
    batch->origins = zloom_origin_list_take (&self->open_origins);
    self->open_mark = NULL;
    self->open_n = 0;
    self->open_flags = 0;
    zloom_batches_append (&self->batches, batch);
}

int64_t
zloom_outflow_seal_due (zloom_outflow_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    if (self->open_n > 0 && mono_ns >= self->open_due_ns) {
        zloom_outflow_seal (self);
    }
    return self->open_n > 0 ? self->open_due_ns : ZLOOM_NEVER;
}

static void
s_add (zloom_outflow_t *self, const zloom_envelope_t *envelope, zloom_now_t now)
{
    if (self->open_n == 0) {
        self->open_first = self->next_id;
        self->open_base_ns = now.wall_ns;
        /* A pack is often as long as the one before: it grows, and is copied, no more than once. */
        (void) zloom_buf_reserve (&self->open, self->sealed_bytes);
        self->open_due_ns =
          self->limits.linger_ns < 0 ? 0 : zloom_time_add (now.mono_ns, self->limits.linger_ns);
    }
    zloom_pack_add (&self->open, envelope);
    self->open_n++;
    self->open_flags |= zloom_envelope_flags (envelope);
    self->next_id++;
}

/* Nothing is to be added to it, neither topic nor key, and its times need no other base. */
static bool
s_is_complete (const zloom_outflow_t *self, const zloom_envelope_t *envelope)
{
    return self->state == ZLOOM_OK && zloom_envelope_is_plain (envelope) &&
           (envelope->topic.data || self->topic.size == 0) && (envelope->key.data || !self->keyed);
}

zloom_err_t
zloom_outflow_send (zloom_outflow_t *self, const zloom_envelope_t *envelope, zloom_bytes_t mark,
                    zloom_now_t now, uint64_t *id_p)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    zloom_envelope_t admitted; /* a copy is made where something is to be added */
    const zloom_envelope_t *ready = envelope;
    zloom_err_t err;
    if (s_is_complete (self, envelope)) {
        err = s_check (self, envelope);
    } else {
        admitted = (zloom_envelope_t){0};
        ready = &admitted;
        err = zloom_outflow_admit (self, envelope, &admitted);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (mark.size > ZLOOM_LIMIT_MARK_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "mark of %zu bytes, limit %d", mark.size,
                           (int) ZLOOM_LIMIT_MARK_BYTES);
    }
    const size_t held = self->batches.messages + self->open_n;
    const size_t bytes = self->batches.bytes + self->open.size;
    if (held >= self->limits.window_messages || bytes >= self->limits.window_bytes) {
        return zloom_fail (ZLOOM_AGAIN, "flow %s: %zu messages wait for their confirm%s%s",
                           self->name, held, self->refusal ? ", refused: " : "",
                           self->refusal ? zloom_err_text (self->refusal) : "");
    }
    const size_t asked = self->limits.pack_bytes;
    const size_t most = asked < self->pack_bytes ? asked : self->pack_bytes;
    /* What is traced shares its pack only with its like: the flag holds for all of it. */
    const bool alike = ready->trace == ((self->open_flags & ZLOOM_FLAG_TRACE) != 0);
    if (self->open_n > 0 && (self->open.size + s_size (ready) > most || !alike)) {
        zloom_outflow_seal (self);
    }
    if (self->open_n > 0 && ready == &admitted) {
        zloom_envelope_rebase (&admitted, now.wall_ns, self->open_base_ns);
    }
    if (id_p) {
        *id_p = self->next_id;
    }
    s_add (self, ready, now);
    if (mark.data) {
        zloom_blob_unref (&self->open_mark);
        self->open_mark = zloom_blob_new (mark.data, mark.size);
    }
    if (self->open_n >= self->limits.pack_messages || self->open.size >= most ||
        self->limits.linger_ns < 0) {
        zloom_outflow_seal (self);
    }
    return ZLOOM_OK;
}

/* ---- going out ------------------------------------------------------------------------------ */

const zloom_batch_t *
zloom_outflow_next (zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    zloom_batch_t *batch = self->batches.unsent;
    if (self->state != ZLOOM_OK || self->blocked || !batch) {
        return NULL;
    }
    const zloom_amount_t left = zloom_credit_left (&self->credit);
    if (batch->blob && left.messages > 0 && left.messages < batch->n) {
        zloom_batches_cut (&self->batches, batch, (uint32_t) left.messages);
    }
    const uint64_t messages = batch->blob ? batch->n : 0;
    if (!zloom_credit_covers (&self->credit, messages, batch->pack.size)) {
        return NULL;
    }
    zloom_credit_use (&self->credit, messages, batch->pack.size);
    self->batches.unsent = batch->next;
    const uint64_t end = batch->first_id + batch->n - 1;
    batch->resent = end <= self->went;
    self->went = end > self->went ? end : self->went;
    return batch;
}

size_t
zloom_outflow_confirm (zloom_outflow_t *self, uint64_t upto_id)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    /* A confirm of what never went out is a peer's mistake: believing it would lose messages. */
    if (upto_id > self->went) {
        upto_id = self->went;
    }
    if (upto_id <= self->confirmed) {
        return 0;
    }
    self->confirmed = upto_id;
    self->refusal = ZLOOM_OK;
    return zloom_batches_take (&self->batches, upto_id);
}

/* Refusals that the same message meets again for ever. */
static bool
s_is_final (zloom_err_t code)
{
    return !zloom_err_retryable (code) && code != ZLOOM_NO_CREDIT && code != ZLOOM_DISK &&
           code != ZLOOM_FENCED;
}

size_t
zloom_outflow_refuse (zloom_outflow_t *self, zloom_err_t code, uint64_t from_id,
                      uint64_t *failed_id)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    *failed_id = 0;
    if (from_id == 0 || from_id > self->went) {
        return 0;
    }
    zloom_batch_t *batch = zloom_batches_at (&self->batches, from_id);
    if (!batch) {
        return 0;
    }
    zloom_batches_rewind (&self->batches, batch);
    self->blocked = true;
    self->refusal = code;
    if (!s_is_final (code) || !batch->blob) {
        return batch->n;
    }
    if (batch->n > 1) {
        zloom_batches_cut (&self->batches, batch, batch->n / 2);
        return batch->n;
    }
    *failed_id = batch->first_id;
    self->failed++;
    zloom_batches_empty (&self->batches, batch);
    return 1;
}

void
zloom_outflow_raise (zloom_outflow_t *self, const zloom_amount_t *totals)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    if (zloom_credit_raise (&self->credit, totals)) {
        self->blocked = false;
    }
}

zloom_credit_t *
zloom_outflow_credit (zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return &self->credit;
}

bool
zloom_outflow_blocked (const zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return self->blocked;
}

bool
zloom_outflow_waits (const zloom_outflow_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    return self->state == ZLOOM_OK && self->batches.unsent != NULL;
}

void
zloom_outflow_state (const zloom_outflow_t *self, zloom_client_flow_state_t *state)
{
    ZLOOM_CHECK (self, ZLOOM_OUTFLOW_TAG);
    *state = (zloom_client_flow_state_t){
      .state = self->state,
      .refusal = self->refusal,
      .next_id = self->next_id,
      .confirmed = self->confirmed,
      .held_messages = self->batches.messages + self->open_n,
      .held_bytes = self->batches.bytes + self->open.size,
      .failed = self->failed,
      .level = self->level,
      .mark = self->mark ? zloom_blob_bytes (self->mark) : ZLOOM_BYTES_NULL,
      .keyed = self->keyed,
      .message_bytes = self->message_bytes,
    };
}
