/* SPDX-License-Identifier: MPL-2.0 */
/* client_calls.c - the calls of zloom.h and client.h that send, take, settle and ask. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "client/shell.h"

/* While messages wait here, frames move at least this often. */
#define PUMP_NS ZLOOM_NS_PER_MS

/* ---- opening -------------------------------------------------------------------------------- */

zloom_err_t
zloom_client_open (const zloom_client_config_t *config, int64_t deadline_ns,
                   zloom_client_t **client_p)
{
    zloom_client_flow_t *flows = zloom_alloc ((config->send_flow_count + 1) * sizeof *flows);
    for (size_t i = 0; i < config->send_flow_count; i++) {
        flows[i].name = config->send_flows[i];
    }
    const zloom_client_options_t options = {
      .name = config->name,
      .role = config->role,
      .flows = flows,
      .flow_count = config->send_flow_count,
      .window_messages = config->window_messages,
      .window_bytes = config->window_bytes,
      .pack_messages = config->pack_messages,
      .pack_bytes = config->pack_bytes,
      .linger_ns =
        config->linger_ms < 0 ? -1 : zloom_time_add (0, config->linger_ms * ZLOOM_NS_PER_MS),
    };
    zloom_err_t err =
      zloom_client_open_with (config->endpoint, &options, NULL, NULL, deadline_ns, client_p);
    free (flows);
    return err;
}

/* ---- sending -------------------------------------------------------------------------------- */

static zloom_err_t
s_send (zloom_client_t *self, const char *flow, const zloom_envelope_t *envelope,
        zloom_bytes_t mark, zloom_now_t now, uint64_t *id_p)
{
    const zloom_err_t err = zloom_client_core_send (self->core, flow, envelope, mark, now, id_p);
    if (err == ZLOOM_OK) {
        if (self->prompt || now.mono_ns - self->pumped_ns >= PUMP_NS) {
            zloom_client_pump (self);
        }
        zloom_client_touch (self);
    }
    return err;
}

/* What was said with AGAIN is in the note. */
static zloom_err_t
s_wait_for_room (zloom_client_t *self, int64_t deadline_ns)
{
    if (zloom_client_expired (deadline_ns)) {
        char why[256];
        snprintf (why, sizeof why, "%s", zloom_note ());
        return zloom_fail (ZLOOM_TIMED_OUT, "%s", why);
    }
    return zloom_client_wait (self, deadline_ns);
}

zloom_err_t
zloom_client_send_envelope (zloom_client_t *self, const char *flow,
                            const zloom_envelope_t *envelope, zloom_bytes_t mark,
                            int64_t deadline_ns, uint64_t *id_p)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_now_t now = zloom_glance (&self->glance);
    const int64_t asked_ns = now.wall_ns;
    zloom_err_t err = s_send (self, flow, envelope, mark, now, id_p);
    if (err == ZLOOM_AGAIN) {
        /* What is taken in here is often the confirm that there would be to wait for. */
        zloom_client_core_push (self->core);
        zloom_client_pump (self);
        err = s_send (self, flow, envelope, mark, now, id_p);
    }
    while (err == ZLOOM_AGAIN) {
        err = s_wait_for_room (self, deadline_ns);
        if (err == ZLOOM_OK) {
            /* Its times count from the call, however long it waits for room. */
            now = zloom_glance (&self->glance);
            zloom_envelope_t timed = *envelope;
            zloom_envelope_rebase (&timed, asked_ns, now.wall_ns);
            err = s_send (self, flow, &timed, mark, now, id_p);
        }
    }
    return err;
}

zloom_err_t
zloom_outgoing_envelope (const zloom_outgoing_t *message, zloom_envelope_t *envelope)
{
    if (message->delay_ms < 0 || message->expires_ms < 0) {
        return zloom_fail (ZLOOM_INVALID, "delay_ms and expires_ms count from now: 0 or more");
    }
    if (message->priority < 0 || message->priority > ZLOOM_LIMIT_PRIORITY ||
        (message->priority > 0 && !message->has_priority)) {
        return zloom_fail (ZLOOM_INVALID, "priority %d%s: 0 to %d, and has_priority with it",
                           message->priority, message->has_priority ? "" : " without has_priority",
                           ZLOOM_LIMIT_PRIORITY);
    }
    *envelope = (zloom_envelope_t){
      .topic = zloom_bytes_text (message->topic),
      .key = zloom_bytes (message->key, message->key_size),
      .has_due = message->delay_ms > 0,
      .has_expires = message->expires_ms > 0,
      .has_priority = message->has_priority,
      .priority = (uint8_t) message->priority,
      .trace = message->trace,
      .due_ms = message->delay_ms,
      .expires_ms = message->expires_ms,
      .id = zloom_bytes (message->id, message->id_size),
      .attrs = zloom_bytes (message->attrs, message->attrs_size),
      .body = zloom_bytes (message->body, message->body_size),
    };
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_send (zloom_client_t *self, const char *flow, const zloom_outgoing_t *message,
                   int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_envelope_t envelope = {0};
    zloom_err_t err = zloom_outgoing_envelope (message, &envelope);
    if (err != ZLOOM_OK) {
        return err;
    }
    return zloom_client_send_envelope (self, flow, &envelope, ZLOOM_BYTES_NULL, deadline_ns, NULL);
}

size_t
zloom_client_unconfirmed (const zloom_client_t *self, const char *flow)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return zloom_client_core_unconfirmed (self->core, flow);
}

static zloom_err_t
s_take_failure (zloom_client_t *self)
{
    const zloom_err_t err = self->failed;
    self->failed = ZLOOM_OK;
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "%s", self->failed_text);
}

static size_t
s_sends (const zloom_client_core_t *core)
{
    return zloom_client_core_unconfirmed (core, NULL);
}

/* Wait until `left` of the core is 0. */
static zloom_err_t
s_wait_for (zloom_client_t *self, size_t (*left) (const zloom_client_core_t *), int64_t deadline_ns)
{
    zloom_client_core_push (self->core);
    zloom_client_pump (self);
    while (left (self->core) > 0) {
        zloom_err_t err = zloom_client_core_ended (self->core);
        if (err == ZLOOM_OK) {
            err = zloom_client_core_flow_error (self->core);
        }
        if (err != ZLOOM_OK) {
            return err;
        }
        if (zloom_client_expired (deadline_ns)) {
            const char *refused = zloom_client_core_refused (self->core);
            return zloom_fail (ZLOOM_TIMED_OUT, "%zu not answered by the router%s%s%s",
                               left (self->core),
                               zloom_client_core_welcomed (self->core) ? "" : ", which is away",
                               refused[0] ? ": " : "", refused);
        }
        err = zloom_client_wait (self, deadline_ns);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    return s_take_failure (self);
}

zloom_err_t
zloom_client_flush (zloom_client_t *self, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return s_wait_for (self, s_sends, deadline_ns);
}

zloom_err_t
zloom_client_settle_all (zloom_client_t *self, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return s_wait_for (self, zloom_client_core_pending, deadline_ns);
}

/* ---- taking --------------------------------------------------------------------------------- */

zloom_err_t
zloom_client_subscribe (zloom_client_t *self, const zloom_take_t *take, uint32_t *handle_p)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    const zloom_subscription_options_t options = {.flow = take->flow,
                                                  .group = take->group,
                                                  .prefetch = take->prefetch,
                                                  .prefetch_bytes = take->prefetch_bytes,
                                                  .patterns = take->patterns,
                                                  .pattern_count = take->pattern_count,
                                                  .durable = take->durable,
                                                  .from = take->from,
                                                  .from_value = take->from_value,
                                                  .on_slow = take->on_slow,
                                                  .on_slow_value = take->on_slow_value,
                                                  .gap = take->gap,
                                                  .gap_arg = take->gap_arg};
    zloom_err_t err = zloom_client_core_subscribe (self->core, &options, handle_p);
    if (err == ZLOOM_OK) {
        zloom_client_pump (self);
    }
    return err;
}

zloom_err_t
zloom_client_subscribe_with (zloom_client_t *self, const zloom_subscription_options_t *options,
                             int64_t deadline_ns, uint32_t *handle_p)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_err_t err = zloom_client_core_subscribe (self->core, options, handle_p);
    if (err != ZLOOM_OK) {
        return err;
    }
    self->awaited = *handle_p;
    self->awaited_done = false;
    zloom_client_pump (self);
    while (!self->awaited_done && err == ZLOOM_OK) {
        err = zloom_client_core_ended (self->core);
        if (err == ZLOOM_OK && zloom_client_expired (deadline_ns)) {
            err = zloom_fail (ZLOOM_TIMED_OUT, "flow %s: the router does not answer SUBSCRIBE",
                              options->flow);
        }
        if (err == ZLOOM_OK) {
            err = zloom_client_wait (self, deadline_ns);
        }
    }
    self->awaited = 0;
    if (err == ZLOOM_OK && self->awaited_err != ZLOOM_OK) {
        err = zloom_fail (self->awaited_err, "flow %s: %s", options->flow, self->awaited_text);
    }
    if (err != ZLOOM_OK) {
        char note[256];
        snprintf (note, sizeof note, "%s", zloom_note ());
        (void) zloom_client_core_unsubscribe (self->core, *handle_p);
        return zloom_fail (err, "%s", note);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_client_unsubscribe (zloom_client_t *self, uint32_t handle)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_err_t err = zloom_client_core_unsubscribe (self->core, handle);
    if (err == ZLOOM_OK) {
        zloom_client_forget_over (self, handle);
    }
    zloom_client_pump (self);
    return err;
}

bool
zloom_client_take (zloom_client_t *self, uint32_t handle, const zloom_message_t **message_p)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return zloom_client_core_receive (self->core, handle, message_p);
}

/* NULL in *message_p: none waits. */
static zloom_err_t
s_next (zloom_client_t *self, uint32_t heard, const zloom_message_t **message_p)
{
    if (heard > 0) {
        const zloom_err_t err = zloom_client_core_hear (self->core, heard, message_p);
        if (err != ZLOOM_OK) {
            zloom_client_forget_over (self, heard);
        }
        return err;
    }
    (void) zloom_client_core_receive (self->core, 0, message_p);
    return ZLOOM_OK;
}

/* Of the subscription `heard`, or the next of any (0). */
static zloom_err_t
s_wait_next (zloom_client_t *self, uint32_t heard, const zloom_message_t **message_p,
             int64_t deadline_ns)
{
    if (zloom_glance (&self->glance).mono_ns - self->pumped_ns >= PUMP_NS) {
        zloom_client_pump (self);
    }
    zloom_err_t err = s_next (self, heard, message_p);
    while (err == ZLOOM_OK && !*message_p) {
        err = zloom_client_core_ended (self->core);
        if (err == ZLOOM_OK && heard == 0 && self->over != ZLOOM_OK) {
            err = zloom_fail (self->over, "%s", self->over_text);
            self->over = ZLOOM_OK;
        }
        if (err != ZLOOM_OK) {
            return err;
        }
        if (zloom_client_expired (deadline_ns)) {
            return zloom_fail (ZLOOM_TIMED_OUT, "no message came");
        }
        zloom_client_pump (self);
        if (zloom_client_core_waiting (self->core, heard) == 0) {
            err = zloom_client_wait (self, deadline_ns);
        }
        if (err == ZLOOM_OK) {
            err = s_next (self, heard, message_p);
        }
    }
    return err;
}

zloom_err_t
zloom_client_receive (zloom_client_t *self, const zloom_message_t **message_p, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return s_wait_next (self, 0, message_p, deadline_ns);
}

zloom_err_t
zloom_client_hear (zloom_client_t *self, uint32_t handle, const zloom_message_t **message_p,
                   int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    if (handle == 0) {
        *message_p = NULL;
        return zloom_fail (ZLOOM_NOT_FOUND, "no subscription 0");
    }
    const zloom_err_t err = s_wait_next (self, handle, message_p, deadline_ns);
    zloom_client_touch (self); /* what was heard before is free again */
    return err;
}

/* ---- settling ------------------------------------------------------------------------------- */

static zloom_err_t
s_settle (zloom_client_t *self, const zloom_message_t **message_p,
          const zloom_settlement_t *settlement)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_err_t err = zloom_client_core_settle (self->core, message_p, settlement);
    zloom_client_touch (self);
    return err;
}

zloom_err_t
zloom_client_ack (zloom_client_t *self, const zloom_message_t **message_p)
{
    static const zloom_settlement_t ack = {
      .verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    return s_settle (self, message_p, &ack);
}

zloom_err_t
zloom_client_retry (zloom_client_t *self, const zloom_message_t **message_p, int64_t delay_ms,
                    const char *text)
{
    const zloom_settlement_t retry = {
      .verdict = ZLOOM_VERDICT_RETRY,
      .delay_ms = delay_ms < 0 ? ZLOOM_DELAY_UNSET : delay_ms,
      .cause = {.reason = zloom_bytes_text (text ? "failures" : NULL),
                .exit = -1,
                .text = zloom_bytes_text (text)}};
    return s_settle (self, message_p, &retry);
}

zloom_err_t
zloom_client_reject (zloom_client_t *self, const zloom_message_t **message_p, const char *text)
{
    const zloom_settlement_t reject = {
      .verdict = ZLOOM_VERDICT_REJECT,
      .delay_ms = ZLOOM_DELAY_UNSET,
      .cause = {.reason = zloom_bytes_text (text ? "rejected" : NULL),
                .exit = -1,
                .text = zloom_bytes_text (text)}};
    return s_settle (self, message_p, &reject);
}

zloom_err_t
zloom_client_release (zloom_client_t *self, const zloom_message_t **message_p)
{
    static const zloom_settlement_t release = {
      .verdict = ZLOOM_VERDICT_RELEASE, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    return s_settle (self, message_p, &release);
}

/* ---- asking --------------------------------------------------------------------------------- */

zloom_err_t
zloom_client_ask (zloom_client_t *self, const char *command, zloom_bytes_t args,
                  zloom_client_answer_fn *answer, void *answer_arg, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    uint64_t request = 0;
    zloom_err_t err;
    while ((err = zloom_client_core_admin (self->core, command, args, &request)) == ZLOOM_AGAIN) {
        if (zloom_client_expired (deadline_ns)) {
            return zloom_fail (ZLOOM_NOT_RUNNING, "the router is away");
        }
        err = zloom_client_wait (self, deadline_ns);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    self->question =
      (zloom_client_question_t){.request = request, .answer = answer, .arg = answer_arg};
    zloom_client_pump (self);
    while (!self->question.done && err == ZLOOM_OK) {
        if (zloom_client_expired (deadline_ns)) {
            err = zloom_fail (ZLOOM_TIMED_OUT, "%s: the router does not answer", command);
        } else {
            err = zloom_client_wait (self, deadline_ns);
        }
    }
    if (err == ZLOOM_OK && self->question.err != ZLOOM_OK) {
        err = zloom_fail (self->question.err, "%s", self->question.text);
    }
    self->question.request = 0;
    return err;
}
