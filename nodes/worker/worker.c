/* SPDX-License-Identifier: MPL-2.0 */
/*
 * worker.c - a worker's life: join the router, subscribe, start the child, loop, drain.
 *
 * One turn: what the router said; what the children said; who is late; who may be started again;
 * new messages as far as there is room; what goes out. Then sleep until one of four descriptors or
 * the next deadline.
 */
#include "nodes/worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/socket.h"
#include "nodes/join.h"
#include "nodes/worker/worker_state.h"

#define JOIN_NS (30 * ZLOOM_NS_PER_S)
#define SUBSCRIBE_NS (10 * ZLOOM_NS_PER_S)
/* Nothing came back for so long while work was in hand: say what may be wrong. */
#define QUIET_NS (10 * ZLOOM_NS_PER_S)
/* How long a child may take to end by itself, then after SIGTERM. */
#define CLOSE_NS (2 * ZLOOM_NS_PER_S)
/* How long the client may take to say the last settlements. */
#define LEAVE_NS (2 * ZLOOM_NS_PER_S)

/* ---- the router ----------------------------------------------------------------------------- */

/* No calls back into the client from here: keep what came. */
static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_worker_t *self = arg;
    if (event->type == ZLOOM_CLIENT_STEP) {
        zloom_grow (&self->answers, &self->answer_capacity, self->answer_count + 1,
                    sizeof *self->answers);
        zloom_worker_answer_t *answer = &self->answers[self->answer_count++];
        answer->id = event->id;
        answer->code = event->code;
        (void) snprintf (answer->text, sizeof answer->text, "%.*s", (int) event->text.size,
                         event->text.size ? (const char *) event->text.data : "");
    } else if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code == ZLOOM_OK) {
        int64_t lease_ns = (int64_t) event->lease_ms * ZLOOM_NS_PER_MS;
        if (lease_ns > 0 && (self->lease_ns == 0 || lease_ns < self->lease_ns)) {
            self->lease_ns = lease_ns;
        }
    } else if (event->type == ZLOOM_CLIENT_SUBSCRIBED) {
        char note[256];
        (void) snprintf (note, sizeof note, "%.*s", (int) event->text.size,
                         event->text.size ? (const char *) event->text.data : "");
        zloom_worker_fail (self, event->code, note);
    } else if (event->type == ZLOOM_CLIENT_GAP) {
        zloom_node_gap (&self->gaps, self->args->name, event);
    } else if (event->type == ZLOOM_CLIENT_LOST) {
        zloom_log (ZLOOM_LOG_WARN, "router-lost", "node=%s", self->args->name);
    } else if (event->type == ZLOOM_CLIENT_WELCOME) {
        zloom_log (ZLOOM_LOG_DEBUG, "welcomed", "node=%s", self->args->name);
    }
}

static zloom_err_t
s_join (zloom_worker_t *self)
{
    zloom_client_flow_t *flows = zloom_alloc ((self->out_count + 1) * sizeof *flows);
    for (size_t i = 0; i < self->out_count; i++) {
        flows[i] = (zloom_client_flow_t){.name = self->outs[i]};
    }
    const zloom_client_options_t options = {.role = "worker",
                                            .flows = flows,
                                            .flow_count = self->out_count,
                                            .report = zloom_worker_report,
                                            .report_arg = self};
    zloom_err_t err =
      zloom_node_join (self->args, &options, s_event, self, &self->stop, JOIN_NS, &self->client);
    free (flows);
    if (err != ZLOOM_OK) {
        return err;
    }
    self->core = zloom_client_core (self->client);
    self->handles = zloom_alloc ((self->in_count + 1) * sizeof *self->handles);
    const int64_t deadline_ns = zloom_time_add (zloom_clock_mono_ns (), SUBSCRIBE_NS);
    return zloom_node_subscribe (self->client, self->args, self->config->prefetch, deadline_ns,
                                 self->handles);
}

/* While no child is there to work, messages go to others. */
static void
s_hold (zloom_worker_t *self, bool hold)
{
    if (self->on_hold != hold) {
        self->on_hold = hold;
        for (size_t i = 0; i < self->in_count; i++) {
            (void) zloom_client_core_hold (self->core, self->handles[i], hold);
        }
        if (hold) {
            zloom_worker_put_back (self);
        }
    }
}

/* ---- the turn ------------------------------------------------------------------------------- */

static size_t
s_room (const zloom_worker_t *self)
{
    if (self->phase != ZLOOM_WORKER_SERVES || self->on_hold) {
        return 0;
    }
    if (self->careful > 0 && zloom_worker_given (self) > 0) {
        return 0;
    }
    return self->carrier->ops->room (self->carrier);
}

static void
s_take (zloom_worker_t *self)
{
    zloom_worker_job_t *job = NULL;
    bool idle = zloom_worker_given (self) == 0;
    if (self->phase == ZLOOM_WORKER_SERVES && !self->on_hold) {
        zloom_worker_line_up (self);
    }
    while (s_room (self) > 0 && (job = zloom_worker_next (self))) {
        if (idle) {
            self->quiet_ns = self->now.mono_ns;
            self->hinted = false;
            idle = false;
        }
        self->counters.given++;
        self->carrier->ops->give (self->carrier, job);
    }
    self->carrier->ops->flush (self->carrier);
}

/* Leases of what waits in children are extended; of what runs, the handler says. */
static void
s_extend (zloom_worker_t *self)
{
    if (self->lease_ns == 0 || self->now.mono_ns < self->extend_ns) {
        return;
    }
    self->extend_ns = zloom_time_add (self->now.mono_ns, self->lease_ns / 3);
    zloom_worker_job_t *job = NULL;
    for (size_t i = 0; zloom_idmap_next (self->jobs, &i, NULL, (void **) &job);) {
        if (!job->running) {
            (void) zloom_client_core_progress (self->core, job->message, 0);
        }
    }
}

/* When to wonder aloud why nothing comes back; ZLOOM_NEVER: nothing is waited for. */
static int64_t
s_wonder_ns (const zloom_worker_t *self)
{
    bool waits = zloom_worker_given (self) > 0 || !self->told_ready;
    return waits && !self->hinted ? zloom_time_add (self->quiet_ns, QUIET_NS) : ZLOOM_NEVER;
}

static void
s_look_for_quiet (zloom_worker_t *self)
{
    if (self->now.mono_ns < s_wonder_ns (self)) {
        return;
    }
    const char *hint = self->carrier->ops->hint (self->carrier);
    if (hint) {
        zloom_log (ZLOOM_LOG_WARN, "child-quiet", "node=%s in_hand=%zu %s", self->args->name,
                   zloom_worker_given (self), hint);
    }
    self->hinted = true;
}

static void
s_start (zloom_worker_t *self)
{
    if (self->restart_ns > self->now.mono_ns || self->phase != ZLOOM_WORKER_SERVES) {
        return;
    }
    self->restart_ns = ZLOOM_NEVER;
    zloom_err_t err = self->carrier->ops->start (self->carrier);
    if (err != ZLOOM_OK) {
        zloom_worker_fail (self, err, zloom_note ());
        return;
    }
    self->counters.starts++;
    self->counters.given = self->counters.begun = self->counters.answered = 0;
    self->quiet_ns = self->now.mono_ns;
    self->hinted = false;
}

static void
s_timers (zloom_worker_t *self)
{
    zloom_timer_t *timer = NULL;
    while ((timer = zloom_timers_pop_due (self->timers, self->now.mono_ns))) {
        zloom_worker_time (self, timer->owner);
    }
    s_extend (self);
    s_look_for_quiet (self);
    s_start (self);
    bool ready = self->restart_ns == ZLOOM_NEVER && self->carrier->ops->ready (self->carrier);
    if (self->phase == ZLOOM_WORKER_SERVES) {
        s_hold (self, !ready);
    }
    if (ready && !self->told_ready) {
        self->told_ready = true;
        zloom_ready_tell (self->args->ready_fd);
    }
}

static void
s_router (zloom_worker_t *self)
{
    zloom_err_t err = zloom_client_dispatch (self->client);
    if (err != ZLOOM_OK) {
        zloom_worker_fail (self, err, zloom_note ());
    }
    for (size_t i = 0; i < self->answer_count; i++) {
        zloom_worker_answer (self, &self->answers[i]);
    }
    self->answer_count = 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Nothing, or nothing more, is in hand: children are asked to end, then told, then made to. */
static void
s_close (zloom_worker_t *self)
{
    if (self->phase != ZLOOM_WORKER_CLOSES) {
        self->phase = ZLOOM_WORKER_CLOSES;
        self->phase_end_ns = zloom_time_add (self->now.mono_ns, CLOSE_NS);
        self->carrier->ops->close (self->carrier);
    } else if (self->now.mono_ns >= self->phase_end_ns) {
        self->carrier->ops->signal (self->carrier, self->signals++ ? SIGKILL : SIGTERM);
        self->phase_end_ns = zloom_time_add (self->now.mono_ns, CLOSE_NS);
    }
    if (self->carrier->ops->closed (self->carrier) || self->signals > 2) {
        self->phase = ZLOOM_WORKER_ENDED;
    }
}

static void
s_phase (zloom_worker_t *self)
{
    zloom_stop_state_t stop = zloom_stop_read (&self->stop);
    if (self->phase == ZLOOM_WORKER_SERVES && stop != ZLOOM_STOP_NO) {
        self->phase = ZLOOM_WORKER_DRAINS;
        self->phase_end_ns = zloom_time_add (self->now.mono_ns, self->args->drain_ns);
        s_hold (self, true);
    }
    size_t in_hand = zloom_idmap_count (self->jobs);
    size_t steps = zloom_idmap_count (self->steps);
    if (self->phase == ZLOOM_WORKER_DRAINS && in_hand + steps == 0) {
        s_close (self);
    } else if (self->phase == ZLOOM_WORKER_CLOSES) {
        s_close (self);
    } else if (self->phase == ZLOOM_WORKER_DRAINS && self->now.mono_ns >= self->phase_end_ns) {
        zloom_log (ZLOOM_LOG_WARN, "drain-over", "node=%s in_hand=%zu unanswered=%zu",
                   self->args->name, in_hand, steps);
        self->phase = ZLOOM_WORKER_ENDED;
    }
    if (stop == ZLOOM_STOP_NOW || self->err != ZLOOM_OK) {
        self->phase = ZLOOM_WORKER_ENDED;
    }
}

static int64_t
s_least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
s_next_ns (const zloom_worker_t *self)
{
    if (self->answer_count > 0 || (s_room (self) > 0 && zloom_worker_has_next (self))) {
        return self->now.mono_ns;
    }
    int64_t next_ns = s_least (zloom_timers_next (self->timers), s_wonder_ns (self));
    if (zloom_idmap_count (self->jobs) > 0 && self->lease_ns > 0) {
        next_ns = s_least (next_ns, self->extend_ns);
    }
    if (self->phase == ZLOOM_WORKER_SERVES) {
        return s_least (next_ns, self->restart_ns);
    }
    return s_least (next_ns, self->phase_end_ns);
}

static void
s_loop (zloom_worker_t *self)
{
    for (;;) {
        self->now = zloom_clock_now ();
        s_router (self);
        self->carrier->ops->pump (self->carrier);
        s_timers (self);
        s_take (self);
        s_phase (self);
        if (self->phase == ZLOOM_WORKER_ENDED) {
            return;
        }
        /* What was settled leaves before we sleep. */
        zloom_err_t err = zloom_client_say (self->client);
        if (err != ZLOOM_OK) {
            zloom_worker_fail (self, err, zloom_note ());
            continue;
        }
        zloom_poll_item_t items[] = {
          {.fd = zloom_client_fd (self->client)},
          {.fd = self->carrier->fd},
          {.fd = zloom_stop_fd (&self->stop)},
          {.socket = self->carrier->socket, .fd = -1},
        };
        err = zloom_poll (items, sizeof items / sizeof *items, s_next_ns (self));
        if (err != ZLOOM_OK) {
            zloom_worker_fail (self, err, zloom_note ());
        }
    }
}

/* What is still in hand goes back; children are killed. */
static void
s_end (zloom_worker_t *self)
{
    self->phase = ZLOOM_WORKER_ENDED;
    zloom_carrier_destroy (&self->carrier);
    zloom_worker_put_back (self);
    zloom_worker_job_t *job = NULL;
    for (size_t i = 0; self->client && zloom_idmap_next (self->jobs, &i, NULL, (void **) &job);) {
        const zloom_settlement_t release = {.verdict = ZLOOM_VERDICT_RELEASE,
                                            .delay_ms = ZLOOM_DELAY_UNSET};
        zloom_worker_settle (self, job, &release);
    }
    for (size_t i = 0; zloom_idmap_next (self->steps, &i, NULL, (void **) &job);) {
        zloom_worker_leave_line (self, job, false);
        free (job);
    }
    if (self->client) {
        const int64_t end_ns = zloom_time_add (zloom_clock_mono_ns (), LEAVE_NS);
        zloom_err_t err = zloom_client_close (&self->client, end_ns);
        if (err != ZLOOM_OK && self->err == ZLOOM_OK) {
            zloom_log (ZLOOM_LOG_WARN, "leave", "node=%s %s", self->args->name, zloom_note ());
        }
    }
}

static void
s_free (zloom_worker_t *self)
{
    const zloom_worker_counters_t *c = &self->counters;
    zloom_log (ZLOOM_LOG_INFO, "worker-ended",
               "node=%s taken=%llu acked=%llu emitted=%llu retried=%llu rejected=%llu "
               "released=%llu crashed=%llu late=%llu stale=%llu starts=%llu",
               self->args->name, (unsigned long long) c->taken, (unsigned long long) c->acked,
               (unsigned long long) c->emitted, (unsigned long long) c->retried,
               (unsigned long long) c->rejected, (unsigned long long) c->released,
               (unsigned long long) c->crashed, (unsigned long long) c->expired,
               (unsigned long long) c->stale, (unsigned long long) c->starts);
    zloom_restart_fini (&self->restart);
    zloom_worker_keys_destroy (&self->keys);
    zloom_idmap_destroy (&self->jobs);
    zloom_idmap_destroy (&self->steps);
    zloom_timers_destroy (&self->timers);
    zloom_environment_destroy (&self->env);
    zloom_expression_destroy (&self->expression);
    free (self->handles);
    free (self->answers);
    free (self->ins);
    free (self->keyed);
    free (self->outs);
}

zloom_err_t
zloom_worker_run (const zloom_node_args_t *args)
{
    zloom_worker_t self = {.args = args, .config = args->node->config};
    sigset_t mask;
    zloom_sigpipe_block (&mask);
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_restart_init (&self.restart, &self.config->common.restart);
    self.jobs = zloom_idmap_new ();
    self.keys = zloom_worker_keys_new ();
    self.steps = zloom_idmap_new ();
    self.timers = zloom_timers_new ();
    self.now = zloom_clock_now ();
    self.quiet_ns = self.now.mono_ns;
    zloom_err_t err = zloom_worker_setup (&self);
    if (err == ZLOOM_OK) {
        err = s_join (&self);
    }
    if (err == ZLOOM_OK) {
        s_loop (&self);
    } else if (err != ZLOOM_CLOSED) {
        zloom_worker_fail (&self, err, zloom_note ());
    }
    s_end (&self);
    s_free (&self);
    zloom_sigpipe_restore (&mask);
    return self.err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (self.err, "%s", self.note);
}
