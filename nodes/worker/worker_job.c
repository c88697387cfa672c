/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/worker_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

/* After a crash that nobody in particular can be blamed for: so many messages one by one. */
#define CAREFUL 32

void
zloom_worker_fail (zloom_worker_t *self, zloom_err_t err, const char *note)
{
    if (self->err == ZLOOM_OK) {
        self->err = err;
        (void) snprintf (self->note, sizeof self->note, "%s", note);
    }
}

/* ---- in hand -------------------------------------------------------------------------------- */

static void
s_let_go (zloom_worker_t *self, zloom_worker_job_t *job, bool acked)
{
    zloom_timers_cancel (self->timers, &job->timer);
    zloom_idmap_remove (self->jobs, job->id);
    zloom_worker_leave_line (self, job, acked);
    free (job);
}

void
zloom_worker_settle (zloom_worker_t *self, zloom_worker_job_t *job,
                     const zloom_settlement_t *settlement)
{
    switch (settlement->verdict) {
    case ZLOOM_VERDICT_ACK:
        self->counters.acked++;
        break;
    case ZLOOM_VERDICT_RETRY:
        self->counters.retried++;
        break;
    case ZLOOM_VERDICT_REJECT:
        self->counters.rejected++;
        break;
    case ZLOOM_VERDICT_RELEASE:
        self->counters.released++;
        break;
    case ZLOOM_VERDICT_CRASH:
        self->counters.crashed++;
        break;
    }
    const bool stale =
      zloom_client_core_settle (self->core, &job->message, settlement) == ZLOOM_STALE;
    self->counters.stale += stale;
    s_let_go (self, job, settlement->verdict == ZLOOM_VERDICT_ACK && !stale);
}

static void
s_settle_plain (zloom_worker_t *self, zloom_worker_job_t *job, zloom_verdict_t verdict,
                const char *text)
{
    zloom_settlement_t settlement = {.verdict = verdict, .delay_ms = ZLOOM_DELAY_UNSET};
    if (verdict != ZLOOM_VERDICT_RELEASE) {
        const char *reason = verdict == ZLOOM_VERDICT_REJECT ? "rejected" : "failures";
        settlement.cause = (zloom_cause_t){
          .reason = zloom_bytes_text (reason), .exit = -1, .text = zloom_bytes_text (text)};
    }
    zloom_worker_settle (self, job, &settlement);
}

static void
s_settle_expired (zloom_worker_t *self, zloom_worker_job_t *job)
{
    char *text = zloom_worker_late_text (self, job);
    s_settle_plain (self, job, ZLOOM_VERDICT_RETRY, text);
    free (text);
}

/* ---- what the carrier says ------------------------------------------------------------------ */

static void
s_started (void *arg, zloom_worker_job_t *job)
{
    zloom_worker_t *self = arg;
    self->counters.begun++;
    (void) zloom_client_core_started (self->core, job->message);
}

static void
s_running (void *arg, zloom_worker_job_t *job)
{
    zloom_worker_t *self = arg;
    job->running = true;
    /* It may have waited here for a while: the whole lease is the handler's. */
    (void) zloom_client_core_progress (self->core, job->message, 0);
    zloom_worker_begin_time (self, job);
}

static void
s_progress (void *arg, zloom_worker_job_t *job, uint64_t extend_ms)
{
    zloom_worker_t *self = arg;
    (void) zloom_client_core_progress (self->core, job->message, extend_ms);
    self->quiet_ns = self->now.mono_ns;
    zloom_worker_extend_time (self, job, extend_ms);
}

/* Emits of a handler: which flow, and may it be sent there? */
static zloom_err_t
s_emit (zloom_worker_t *self, zloom_step_t *step, const zloom_emission_t *emit)
{
    char flow[ZLOOM_LIMIT_NAME_BYTES + 1];
    if (emit->flow.data) {
        (void) snprintf (flow, sizeof flow, "%.*s", (int) emit->flow.size,
                         (const char *) emit->flow.data);
    } else if (self->out_count == 1) {
        (void) snprintf (flow, sizeof flow, "%s", self->outs[0]);
    } else {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW,
                           self->out_count ? "node '%s' has %zu flows to send to: the handler must "
                                             "name one"
                                           : "node '%s' has no flow to send to, but its handler "
                                             "emits (%zu flows)",
                           self->args->node->name, self->out_count);
    }
    zloom_envelope_t envelope = emit->envelope;
    if (!envelope.body.data) {
        envelope.body = zloom_bytes ("", 0);
    }
    return zloom_step_emit (step, flow, &envelope, self->now);
}

/* One message, one step: the client says many of them in one verb. */
static void
s_step (zloom_worker_t *self, zloom_worker_job_t *job, const zloom_outcome_t *outcome)
{
    zloom_step_t *step = zloom_client_core_step (self->core);
    zloom_err_t err = zloom_step_settle (step, job->message, &outcome->settlement);
    if (err == ZLOOM_STALE) {
        zloom_step_destroy (&step);
        zloom_worker_settle (self, job, &outcome->settlement);
        return;
    }
    for (size_t i = 0; i < outcome->emit_count && err == ZLOOM_OK; i++) {
        err = s_emit (self, step, &outcome->emits[i]);
    }
    uint64_t id = 0;
    if (err == ZLOOM_OK) {
        err = zloom_client_core_commit (self->core, &step, &id);
    }
    if (err != ZLOOM_OK) {
        char *text = zloom_format ("cannot emit: %s", zloom_note ());
        const bool hopeless = zloom_step_is_hopeless (err);
        zloom_step_destroy (&step);
        s_settle_plain (self, job, hopeless ? ZLOOM_VERDICT_REJECT : ZLOOM_VERDICT_RETRY, text);
        free (text);
        return;
    }
    zloom_timers_cancel (self->timers, &job->timer);
    zloom_idmap_remove (self->jobs, job->id);
    zloom_idmap_put (self->steps, id, job);
    self->counters.emitted += outcome->emit_count;
}

void
zloom_worker_answer (zloom_worker_t *self, const zloom_worker_answer_t *answer)
{
    zloom_worker_job_t *job = zloom_idmap_remove (self->steps, answer->id);
    if (!job) {
        return;
    }
    if (answer->code == ZLOOM_OK) {
        self->counters.acked++;
        zloom_worker_leave_line (self, job, true);
        free (job);
    } else if (answer->code == ZLOOM_STALE || answer->code == ZLOOM_SETTLED) {
        self->counters.stale++;
        zloom_worker_leave_line (self, job, answer->code == ZLOOM_SETTLED);
        free (job);
    } else {
        char *text = zloom_format ("its step was refused: %s: %s", zloom_err_text (answer->code),
                                   answer->text);
        zloom_idmap_put (self->jobs, job->id, job);
        s_settle_plain (self, job,
                        answer->code == ZLOOM_TOO_BIG ? ZLOOM_VERDICT_REJECT : ZLOOM_VERDICT_RETRY,
                        text);
        free (text);
    }
}

static void
s_done (void *arg, zloom_worker_job_t *job, const zloom_outcome_t *outcome)
{
    zloom_worker_t *self = arg;
    self->counters.answered++;
    self->quiet_ns = self->now.mono_ns;
    self->careful -= self->careful > 0;
    if (job->expired) {
        s_settle_expired (self, job);
    } else if (self->phase == ZLOOM_WORKER_ENDED) {
        s_settle_plain (self, job, ZLOOM_VERDICT_RELEASE, NULL);
    } else if (outcome->emit_count > 0) {
        s_step (self, job, outcome);
    } else {
        zloom_worker_settle (self, job, &outcome->settlement);
    }
}

/* ---- a child has ended ---------------------------------------------------------------------- */

static void
s_release_all (zloom_worker_t *self, zloom_worker_jobs_t *jobs)
{
    for (zloom_worker_job_t *job; (job = zloom_worker_jobs_take (jobs));) {
        s_settle_plain (self, job, ZLOOM_VERDICT_RELEASE, NULL);
    }
}

/* Whether two messages came in one delivery: only those can be suspect together. */
static bool
s_together (zloom_worker_t *self, const zloom_worker_job_t *a, const zloom_worker_job_t *b)
{
    if (!a || !b || a->message->handle != b->message->handle) {
        return false;
    }
    zloom_settlement_t settlement = {.delay_ms = ZLOOM_DELAY_UNSET};
    zloom_step_t *probe = zloom_client_core_step (self->core);
    bool together = zloom_step_settle (probe, a->message, &settlement) == ZLOOM_OK &&
                    zloom_step_settle (probe, b->message, &settlement) == ZLOOM_OK;
    zloom_step_destroy (&probe);
    return together;
}

/*
 * Charge what had started. One alone: it was it. Several: those of one delivery are suspect, and
 * the router finds out which one it was. One that is alone in its delivery among several would be
 * charged without proof: it goes back, and for a while messages are given one by one.
 */
static void
s_charge (zloom_worker_t *self, zloom_worker_jobs_t *started, const zloom_ending_t *ending)
{
    zloom_settlement_t crash = {
      .verdict = ZLOOM_VERDICT_CRASH,
      .delay_ms = ZLOOM_DELAY_UNSET,
      .cause = {.reason = zloom_bytes_text ("crash"),
                .exit = ending->end.exit,
                .signal = ending->end.signal,
                .text = zloom_bytes_text (ending->text)},
    };
    bool several = started->count > 1;
    bool with_last = false;
    for (zloom_worker_job_t *job; (job = zloom_worker_jobs_take (started));) {
        bool with_next = several && s_together (self, job, started->first);
        if (several && !with_last && !with_next) {
            self->careful = CAREFUL;
            s_settle_plain (self, job, ZLOOM_VERDICT_RELEASE, NULL);
        } else {
            zloom_worker_settle (self, job, &crash);
        }
        with_last = with_next;
    }
}

/* Those whose time was over: failed if they had started; unread is not the message's fault. */
static bool
s_take_expired (zloom_worker_t *self, zloom_worker_jobs_t *jobs)
{
    bool any = false;
    for (zloom_worker_job_t *job = jobs->first, *next; job; job = next) {
        next = job->next;
        if (!job->expired) {
            continue;
        }
        any = true;
        zloom_worker_jobs_remove (jobs, job);
        if (job->started) {
            s_settle_expired (self, job);
        } else {
            s_settle_plain (self, job, ZLOOM_VERDICT_RELEASE, NULL);
        }
    }
    return any;
}

static void
s_start_again (zloom_worker_t *self, const zloom_ending_t *ending, bool served)
{
    if (zloom_restart_next (&self->restart, served, self->now.mono_ns, &self->restart_ns)) {
        return;
    }
    char *note = zloom_format ("the program of node '%s' ended %lld times without settling a "
                               "message; the last time: %s",
                               self->args->node->name,
                               (long long) self->config->common.restart.budget + 1, ending->text);
    zloom_worker_fail (self, ZLOOM_CHILD, note);
    free (note);
}

static void
s_crashed (void *arg, zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting,
           const zloom_ending_t *ending)
{
    zloom_worker_t *self = arg;
    bool late = s_take_expired (self, started);
    bool unread = s_take_expired (self, waiting);
    size_t charged = ending->asked || self->err != ZLOOM_OK ? 0 : started->count;
    if (charged > 0) {
        s_charge (self, started, ending);
    }
    s_release_all (self, started);
    s_release_all (self, waiting);
    if (self->phase >= ZLOOM_WORKER_CLOSES || self->err != ZLOOM_OK) {
        return;
    }
    zloom_log (ZLOOM_LOG_WARN, "child-ended", "node=%s %s charged=%zu%s", self->args->name,
               ending->text, charged, late || unread ? " (its time was over)" : "");
    /* A message that took too long is charged by itself, as one that was settled. */
    s_start_again (self, ending, ending->served || late);
}

static void
s_fatal (void *arg, zloom_err_t err, const char *note)
{
    zloom_worker_fail (arg, err, note);
}

void
zloom_worker_host (zloom_worker_t *worker)
{
    worker->host = (zloom_carrier_host_t){
      .arg = worker,
      .started = s_started,
      .running = s_running,
      .progress = s_progress,
      .done = s_done,
      .crashed = s_crashed,
      .fatal = s_fatal,
    };
}
