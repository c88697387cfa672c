/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carrier_exec.c - a process a message: the body on its stdin, what it writes on stdout is the
 * emit, its exit code the verdict.
 */
#include "nodes/worker/carrier.h"

#include "base/memory.h"
#include "base/tag.h"
#include "nodes/worker/environment.h"
#include "wire/source.h"

#include <stdio.h>
#include <stdlib.h>

#define ZLOOM_EXEC_CARRIER_TAG 0x45584543u

/* Processes side by side in one node; more come from `replicas`. */
#define PARALLEL 4

#define EXIT_RETRY 75
#define EXIT_REJECT 65

typedef struct s_exec s_exec_t;

typedef struct {
    s_exec_t *carrier;
    zloom_worker_job_t *job; /* NULL: free */
    zloom_program_t *program;
    zloom_buf_t output;
    bool too_long;
} s_slot_t;

struct s_exec {
    zloom_carrier_t base; /* first */
    uint32_t tag;
    bool closing;
    s_slot_t slots[PARALLEL];
};

static s_exec_t *
s_self (const zloom_carrier_t *base)
{
    s_exec_t *self = (s_exec_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_EXEC_CARRIER_TAG);
    return self;
}

static void
s_output (void *arg, zloom_bytes_t chunk)
{
    s_slot_t *slot = arg;
    if (slot->too_long) {
        return;
    }
    if (slot->output.size + chunk.size > zloom_carrier_answer_bytes (&slot->carrier->base)) {
        slot->too_long = true;
        zloom_program_signal (slot->program, SIGKILL);
        return;
    }
    zloom_buf_add_bytes (&slot->output, chunk);
}

static void
s_said (void *arg, zloom_bytes_t line)
{
    const s_slot_t *slot = arg;
    zloom_carrier_said (&slot->carrier->base, line);
}

/* ---- how a process ended -------------------------------------------------------------------- */

static void
s_failed (s_slot_t *slot, zloom_worker_job_t *job, const zloom_child_end_t *end)
{
    zloom_buf_t words = {0};
    char long_text[96];
    zloom_program_tail (slot->program, &words);
    if (!slot->too_long && words.size + 128 < ZLOOM_LIMIT_TEXT_BYTES) {
        zloom_carrier_add_memory (&slot->carrier->base, end, &words);
    }
    bool reject = end->exit == EXIT_REJECT;
    zloom_outcome_t outcome = {
      .settlement = {.verdict = reject ? ZLOOM_VERDICT_REJECT : ZLOOM_VERDICT_RETRY,
                     .delay_ms = ZLOOM_DELAY_UNSET,
                     .cause = {.reason = zloom_bytes_text (reject ? "rejected" : "failures"),
                               .exit = end->exit,
                               .signal = end->signal,
                               .text = words.size ? zloom_buf_bytes (&words) : ZLOOM_BYTES_NULL}}};
    if (slot->too_long) {
        outcome.settlement.cause.text =
          zloom_bytes_text (zloom_carrier_too_long (&slot->carrier->base, long_text));
    }
    const zloom_carrier_host_t *host = slot->carrier->base.host;
    host->done (host->arg, job, &outcome);
    zloom_buf_fini (&words);
}

static void
s_acked (s_slot_t *slot, zloom_worker_job_t *job)
{
    const zloom_carrier_t *base = &slot->carrier->base;
    zloom_emission_t emit = {.envelope = {.body = zloom_buf_bytes (&slot->output)}};
    zloom_outcome_t outcome = {.settlement = {.delay_ms = ZLOOM_DELAY_UNSET},
                               .emits = &emit,
                               .emit_count =
                                 emit.envelope.body.size && base->config->out_count ? 1 : 0};
    base->host->done (base->host->arg, job, &outcome);
}

static void
s_ended (s_slot_t *slot)
{
    zloom_carrier_t *base = &slot->carrier->base;
    zloom_worker_job_t *job = slot->job;
    zloom_child_end_t end;
    zloom_program_end (slot->program, &end);
    slot->job = NULL;
    if (!job->expired && zloom_carrier_unrunnable (base, slot->program, &end)) {
        zloom_carrier_fail (base, job, ZLOOM_VERDICT_RELEASE, NULL);
    } else if (end.exit == 0 && !slot->too_long && !job->expired) {
        s_acked (slot, job);
    } else {
        s_failed (slot, job, &end);
    }
    zloom_program_destroy (&slot->program);
    zloom_buf_fini (&slot->output);
    zloom_carrier_tell_dropped (base);
}

/* ---- operations ----------------------------------------------------------------------------- */

static zloom_err_t
s_start (zloom_carrier_t *base)
{
    (void) base;
    return ZLOOM_OK;
}

static bool
s_ready (const zloom_carrier_t *base)
{
    (void) base;
    return true;
}

static size_t
s_room (const zloom_carrier_t *base)
{
    const s_exec_t *self = s_self (base);
    size_t busy = 0;
    for (size_t i = 0; i < PARALLEL; i++) {
        busy += self->slots[i].job != NULL;
    }
    size_t most = base->config->most < PARALLEL ? base->config->most : PARALLEL;
    return self->closing || busy >= most ? 0 : most - busy;
}

/* What a process is told beside the body. */
static void
s_describe (zloom_environment_t *env, const zloom_message_t *message)
{
    char name[ZLOOM_ORIGIN_TEXT_BYTES];
    char attempt[16];
    const zloom_origin_t origin = {
      .producer = zloom_bytes (message->producer, message->producer_size), .id = message->id};
    (void) snprintf (attempt, sizeof attempt, "%u", message->attempt + 1);
    zloom_environment_set (env, "ZLOOM_FLOW", zloom_bytes_text (message->flow));
    zloom_environment_set (env, "ZLOOM_KEY", zloom_bytes (message->key, message->key_size));
    zloom_environment_set (env, "ZLOOM_TOPIC", zloom_bytes (message->topic, message->topic_size));
    zloom_environment_set (env, "ZLOOM_ATTEMPT", zloom_bytes_text (attempt));
    zloom_environment_set (env, "ZLOOM_ID", zloom_bytes_text (zloom_origin_text (&origin, name)));
}

static void
s_run (s_slot_t *slot, zloom_worker_job_t *job)
{
    const zloom_carrier_t *base = &slot->carrier->base;
    zloom_environment_t *env = zloom_environment_new (base->config->env);
    s_describe (env, job->message);
    zloom_program_config_t config = {
      .argv = base->config->argv,
      .env = zloom_environment_items (env),
      .cwd = base->config->cwd,
      .input_fd = 0,
      .output_fd = 1,
      .limits = zloom_carrier_child_limits (base),
      .output = s_output,
      .said = s_said,
      .arg = slot,
    };
    slot->too_long = false;
    zloom_err_t err = zloom_program_start (&config, base->fd, &slot->program);
    zloom_environment_destroy (&env);
    if (err != ZLOOM_OK) {
        zloom_carrier_fail (&slot->carrier->base, job, ZLOOM_VERDICT_RELEASE, NULL);
        base->host->fatal (base->host->arg, err, zloom_note ());
        return;
    }
    slot->job = job;
    job->started = true;
    base->host->started (base->host->arg, job);
    base->host->running (base->host->arg, job);
    if (job->message->body_size > 0) {
        zloom_program_write (slot->program,
                             zloom_bytes (job->message->body, job->message->body_size));
    }
    zloom_program_close_input (slot->program);
}

static void
s_give (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (!self->slots[i].job) {
            s_run (&self->slots[i], job);
            return;
        }
    }
    zloom_assert (!"given more than there was room for");
}

static void
s_flush (zloom_carrier_t *base)
{
    (void) base;
}

static void
s_pump (zloom_carrier_t *base)
{
    s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (self->slots[i].job && zloom_program_pump (self->slots[i].program)) {
            s_ended (&self->slots[i]);
        }
    }
}

static void
s_abort (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (self->slots[i].job == job) {
            zloom_program_signal (self->slots[i].program, SIGKILL);
        }
    }
}

static pid_t
s_pid (const zloom_carrier_t *base, const zloom_worker_job_t *job)
{
    const s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (self->slots[i].job == job) {
            return zloom_program_pid (self->slots[i].program);
        }
    }
    return -1;
}

static void
s_close (zloom_carrier_t *base)
{
    s_self (base)->closing = true;
}

static void
s_signal (zloom_carrier_t *base, int signal)
{
    s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (self->slots[i].job) {
            zloom_program_signal (self->slots[i].program, signal);
        }
    }
}

static bool
s_closed (const zloom_carrier_t *base)
{
    const s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        if (self->slots[i].job) {
            return false;
        }
    }
    return true;
}

static const char *
s_hint (const zloom_carrier_t *base)
{
    return s_closed (base) ? NULL : "the process of the oldest message has not ended yet";
}

static void
s_destroy (zloom_carrier_t *base)
{
    s_exec_t *self = s_self (base);
    for (size_t i = 0; i < PARALLEL; i++) {
        zloom_program_destroy (&self->slots[i].program);
        zloom_buf_fini (&self->slots[i].output);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static const zloom_carrier_ops_t s_ops = {
  .start = s_start,
  .ready = s_ready,
  .room = s_room,
  .give = s_give,
  .flush = s_flush,
  .pump = s_pump,
  .abort = s_abort,
  .pid = s_pid,
  .close = s_close,
  .signal = s_signal,
  .closed = s_closed,
  .hint = s_hint,
  .destroy = s_destroy,
};

zloom_err_t
zloom_carrier_exec_new (const zloom_carrier_config_t *config, const zloom_carrier_host_t *host,
                        zloom_carrier_t **self_p)
{
    s_exec_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_EXEC_CARRIER_TAG;
    for (size_t i = 0; i < PARALLEL; i++) {
        self->slots[i].carrier = self;
    }
    *self_p = &self->base;
    return zloom_carrier_init (&self->base, &s_ops, config, host);
}
