/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/socket.h"
#include "nodes/worker/worker_state.h"

struct zloom_trial {
    zloom_worker_t worker; /* its flows, environment and carrier; it has no session */
    zloom_node_args_t args;
    char *name;
    bool up;                /* its program was started, or needs not to be */
    zloom_worker_job_t job; /* what it has in hand */
    bool given;
    bool done;
    zloom_trial_fn *tell;
    void *tell_arg;
    zloom_err_t err;
    char note[ZLOOM_NOTE_BYTES];
};

/* ---- what the carrier says ------------------------------------------------------------------ */

static void
s_fail (zloom_trial_t *self, zloom_err_t err, const char *note)
{
    if (self->err == ZLOOM_OK) {
        self->err = err;
        (void) snprintf (self->note, sizeof self->note, "%s", note);
    }
}

/* Time stands still: nobody has to be told that it goes on. */
static void
s_started (void *arg, zloom_worker_job_t *job)
{
    (void) arg;
    (void) job;
}

static void
s_progress (void *arg, zloom_worker_job_t *job, uint64_t extend_ms)
{
    (void) arg;
    (void) job;
    (void) extend_ms;
}

static void
s_done (void *arg, zloom_worker_job_t *job, const zloom_outcome_t *outcome)
{
    zloom_trial_t *self = arg;
    (void) job;
    self->done = true;
    if (self->err == ZLOOM_OK) { /* else it is handed back because nothing can be run */
        self->tell (self->tell_arg, outcome);
    }
}

static void
s_crashed (void *arg, zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting,
           const zloom_ending_t *ending)
{
    zloom_trial_t *self = arg;
    self->up = false;
    if (zloom_worker_jobs_take (started)) {
        const zloom_outcome_t outcome = {
          .settlement = {.verdict = ZLOOM_VERDICT_CRASH,
                         .delay_ms = ZLOOM_DELAY_UNSET,
                         .cause = {.reason = zloom_bytes_text ("crash"),
                                   .exit = ending->end.exit,
                                   .signal = ending->end.signal,
                                   .text = zloom_bytes_text (ending->text)}}};
        s_done (self, &self->job, &outcome);
        return;
    }
    (void) zloom_worker_jobs_take (waiting);
    if (!ending->asked) {
        char *note =
          zloom_format ("its program ended before it took the message: %s", ending->text);
        s_fail (self, ZLOOM_CHILD, note);
        free (note);
    }
}

static void
s_fatal (void *arg, zloom_err_t err, const char *note)
{
    s_fail (arg, err, note);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void
s_free (zloom_trial_t *self)
{
    zloom_worker_t *worker = &self->worker;
    zloom_carrier_destroy (&worker->carrier);
    zloom_environment_destroy (&worker->env);
    zloom_expression_destroy (&worker->expression);
    free (worker->ins);
    free (worker->keyed);
    free (worker->outs);
    free (self->name);
    free (self);
}

zloom_err_t
zloom_trial_new (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node, uint32_t replica,
                 zloom_trial_t **self_p)
{
    zloom_trial_t *self = zloom_alloc (sizeof *self);
    const zloom_worker_config_t *config = node->config;
    self->name = config->replicas > 1 ? zloom_format ("%s.%u", node->name, replica)
                                      : zloom_strdup (node->name);
    self->args = (zloom_node_args_t){.recipe = recipe, .node = node, .name = self->name};
    self->worker.args = &self->args;
    self->worker.config = config;
    zloom_err_t err = zloom_worker_setup (&self->worker);
    if (err != ZLOOM_OK) {
        s_free (self);
        return err;
    }
    self->worker.carrier_config.most = 1;
    self->worker.host = (zloom_carrier_host_t){
      .arg = self,
      .started = s_started,
      .running = s_started,
      .progress = s_progress,
      .done = s_done,
      .crashed = s_crashed,
      .fatal = s_fatal,
    };
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_trial_destroy (zloom_trial_t **self_p)
{
    zloom_trial_t *self = *self_p;
    if (self) {
        *self_p = NULL;
        s_free (self);
    }
}

/* ---- a message ------------------------------------------------------------------------------ */

static void
s_start (zloom_trial_t *self)
{
    zloom_carrier_t *carrier = self->worker.carrier;
    if (!self->up) {
        zloom_err_t err = carrier->ops->start (carrier);
        if (err != ZLOOM_OK) {
            s_fail (self, err, zloom_note ());
        }
        self->up = true;
    }
}

/* Hand it over once the program takes messages. */
static void
s_give (zloom_trial_t *self)
{
    zloom_carrier_t *carrier = self->worker.carrier;
    if (!self->given && carrier->ops->ready (carrier) && carrier->ops->room (carrier) > 0) {
        self->given = true;
        carrier->ops->give (carrier, &self->job);
        carrier->ops->flush (carrier);
    }
}

static void
s_wait (zloom_trial_t *self, int64_t limit_ms)
{
    zloom_carrier_t *carrier = self->worker.carrier;
    const int64_t end_ns = zloom_time_add (zloom_clock_mono_ns (), limit_ms * ZLOOM_NS_PER_MS);
    for (;;) {
        carrier->ops->pump (carrier);
        if (!self->done && self->err == ZLOOM_OK) {
            s_give (self);
        }
        if (self->done || self->err != ZLOOM_OK) {
            return;
        }
        if (zloom_clock_mono_ns () >= end_ns) {
            const char *hint = carrier->ops->hint (carrier);
            char *note = zloom_format ("no answer within %lld s%s%s", (long long) limit_ms / 1000,
                                       hint ? "; " : "", hint ? hint : "");
            s_fail (self, ZLOOM_TIMED_OUT, note);
            free (note);
            return;
        }
        zloom_poll_item_t items[] = {{.fd = carrier->fd}, {.socket = carrier->socket, .fd = -1}};
        if (zloom_poll (items, sizeof items / sizeof *items, end_ns) != ZLOOM_OK) {
            s_fail (self, ZLOOM_SYSTEM, zloom_note ());
            return;
        }
    }
}

zloom_err_t
zloom_trial_work (zloom_trial_t *self, const zloom_message_t *message, int64_t limit_ms,
                  zloom_trial_fn *tell, void *arg)
{
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    self->job = (zloom_worker_job_t){.message = message, .id = self->job.id + 1};
    self->given = false;
    self->done = false;
    self->tell = tell;
    self->tell_arg = arg;
    s_start (self);
    s_wait (self, limit_ms);
    zloom_sigpipe_restore (&mask);
    return self->err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (self->err, "%s", self->note);
}
