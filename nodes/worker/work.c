/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/memory.h"
#include "base/tag.h"
#include "client/client.h"
#include "wire/limits.h"

#define WORK_TAG 0x5A576F72u
/* STARTED, DONE, and a PROGRESS that is read while the next one leaves. */
#define WORDS_A_WORK 4
#define WORDS_BESIDE 16

/* ---- words ---------------------------------------------------------------------------------- */

zloom_socket_config_t
zloom_word_config (size_t most)
{
    const int words = (int) (most * WORDS_A_WORK + WORDS_BESIDE);
    return (zloom_socket_config_t){.send_hwm = words, .receive_hwm = words};
}

void
zloom_word_send (const zloom_socket_t *socket, zloom_word_kind_t kind, zloom_work_t *work)
{
    const zloom_word_t word = {.kind = kind, .work = work};
    void *handle = zloom_socket_handle (socket);
    bool looked = false;
    int sent = -1;
    for (;;) {
        sent = zmq_send (handle, &word, sizeof word, ZMQ_DONTWAIT);
        if (sent < 0 && errno == EAGAIN && !looked) {
            /* libzmq asks at most once in a millisecond what the other side has read: a flood meets
             * a socket that only looks full. Asking for its events makes it look. */
            int events;
            size_t size = sizeof events;
            (void) zmq_getsockopt (handle, ZMQ_EVENTS, &events, &size);
            looked = true;
        } else if (sent >= 0 || errno != EINTR) {
            break;
        }
    }
    zloom_assert (sent == (int) sizeof word);
}

bool
zloom_word_receive (const zloom_socket_t *socket, zloom_word_t *word)
{
    void *handle = zloom_socket_handle (socket);
    int got = -1;
    do {
        got = zmq_recv (handle, word, sizeof *word, ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    zloom_assert (got < 0 || got == (int) sizeof *word);
    return got > 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

zloom_work_t *
zloom_work_new (const zloom_carrier_config_t *config, zloom_worker_job_t *job)
{
    zloom_work_t *self = zloom_alloc (sizeof *self);
    self->tag = WORK_TAG;
    self->config = config;
    self->job = job;
    self->message = job->message;
    self->delay_ms = ZLOOM_DELAY_UNSET;
    atomic_init (&self->late, false);
    atomic_init (&self->progressed, false);
    atomic_init (&self->extend_ms, 0);
    return self;
}

void
zloom_work_destroy (zloom_work_t **self_p)
{
    zloom_work_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, WORK_TAG);
    *self_p = NULL;
    zloom_arena_fini (&self->arena);
    free (self->emits);
    free (self->text);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static void
s_say (zloom_work_t *self, const char *text)
{
    free (self->text);
    self->text = zloom_strdup (text);
}

void
zloom_work_handle (zloom_work_t *self, const zloom_socket_t *socket)
{
    ZLOOM_CHECK (self, WORK_TAG);
    const zloom_node_actor_t *actor = self->config->actor;
    self->socket = socket;
    const zloom_work_verdict_t verdict = actor->handle (actor->arg, self, self->message);
    switch ((int) verdict) {
    case ZLOOM_WORK_ACK:
        self->verdict = ZLOOM_VERDICT_ACK;
        break;
    case ZLOOM_WORK_RETRY:
        self->verdict = ZLOOM_VERDICT_RETRY;
        break;
    case ZLOOM_WORK_REJECT:
        self->verdict = ZLOOM_VERDICT_REJECT;
        break;
    default: {
        char text[80];
        (void) snprintf (text, sizeof text, "the handler returned %d, which is no verdict",
                         (int) verdict);
        self->verdict = ZLOOM_VERDICT_RETRY;
        s_say (self, text);
        break;
    }
    }
    self->socket = NULL;
}

/* ---- what a handler may call ---------------------------------------------------------------- */

static zloom_err_t
s_check_flow (const zloom_work_t *self, const char *flow)
{
    const zloom_carrier_config_t *config = self->config;
    for (size_t i = 0; i < config->out_count; i++) {
        if (flow ? strcmp (config->outs[i], flow) == 0 : config->out_count == 1) {
            return ZLOOM_OK;
        }
    }
    return flow
             ? zloom_fail (ZLOOM_UNKNOWN_FLOW, "node '%s' does not send to flow '%s'", config->node,
                           flow)
             : zloom_fail (ZLOOM_UNKNOWN_FLOW, "node '%s' sends to %zu flows: name one to emit to",
                           config->node, config->out_count);
}

static zloom_bytes_t
s_copy (zloom_work_t *self, zloom_bytes_t bytes)
{
    if (!bytes.data) {
        return ZLOOM_BYTES_NULL;
    }
    uint8_t *copy = zloom_arena_take (&self->arena, bytes.size + 1, 1);
    memcpy (copy, bytes.data, bytes.size);
    return zloom_bytes (copy, bytes.size);
}

zloom_err_t
zloom_work_emit (zloom_work_t *work, const char *flow, const zloom_outgoing_t *message)
{
    ZLOOM_CHECK (work, WORK_TAG);
    zloom_assert (work->socket); /* else nobody is in the handler */
    zloom_envelope_t envelope = {0};
    zloom_err_t err = s_check_flow (work, flow);
    if (err == ZLOOM_OK) {
        err = zloom_outgoing_envelope (message, &envelope);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    const size_t bytes = envelope.body.size + envelope.key.size + envelope.attrs.size +
                         envelope.id.size + envelope.topic.size;
    if (bytes > ZLOOM_LIMIT_MESSAGE_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "a message of %zu bytes, the most is %zu", bytes,
                           (size_t) ZLOOM_LIMIT_MESSAGE_BYTES);
    }
    if (work->emit_count == ZLOOM_LIMIT_EMITS || work->bytes + bytes > ZLOOM_LIMIT_STEP_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG,
                           "one step emits at most %zu messages of %zu bytes together",
                           (size_t) ZLOOM_LIMIT_EMITS, (size_t) ZLOOM_LIMIT_STEP_BYTES);
    }
    zloom_grow (&work->emits, &work->emit_capacity, work->emit_count + 1, sizeof *work->emits);
    envelope.body = s_copy (work, envelope.body);
    envelope.topic = s_copy (work, envelope.topic);
    envelope.key = s_copy (work, envelope.key);
    envelope.attrs = s_copy (work, envelope.attrs);
    envelope.id = s_copy (work, envelope.id);
    work->emits[work->emit_count++] =
      (zloom_emission_t){.flow = s_copy (work, zloom_bytes_text (flow)), .envelope = envelope};
    work->bytes += bytes;
    return ZLOOM_OK;
}

zloom_work_verdict_t
zloom_work_retry (zloom_work_t *work, int64_t delay_ms, const char *text)
{
    ZLOOM_CHECK (work, WORK_TAG);
    work->delay_ms = delay_ms < 0 ? ZLOOM_DELAY_UNSET : delay_ms;
    s_say (work, text);
    return ZLOOM_WORK_RETRY;
}

zloom_work_verdict_t
zloom_work_reject (zloom_work_t *work, const char *text)
{
    ZLOOM_CHECK (work, WORK_TAG);
    s_say (work, text);
    return ZLOOM_WORK_REJECT;
}

void
zloom_work_progress (zloom_work_t *work, int64_t extend_ms)
{
    ZLOOM_CHECK (work, WORK_TAG);
    zloom_assert (work->socket);
    atomic_store (&work->extend_ms, extend_ms > 0 ? extend_ms : 0);
    if (!atomic_exchange (&work->progressed, true)) {
        zloom_word_send (work->socket, ZLOOM_WORD_PROGRESS, work);
    }
}

bool
zloom_work_late (const zloom_work_t *work)
{
    ZLOOM_CHECK (work, WORK_TAG);
    return atomic_load (&work->late);
}
