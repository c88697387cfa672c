/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/supervisor_state.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/control.h"
#include "recipe/registry.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How a node's process ends when the recipe does not fit its state (nodes/node.h). */
#define RECIPE_EXIT 78
/* A poll never sleeps longer than this, so that a clock that was stopped does no harm. */
#define LONGEST_SLEEP_MS 60000
/* Before the descriptors of processes: stop, watch, the control socket's. */
#define METRICS_FDS (2 + ZLOOM_CONTROL_FDS)
#define FIRST_FDS (METRICS_FDS + ZLOOM_HTTP_FDS)
/* How soon the watch is asked again whether work is left. */
#define IDLE_ASK_NS (20 * ZLOOM_NS_PER_MS)

static void
s_drain (zloom_supervisor_t *self, int64_t mono_ns, const char *why)
{
    if (self->phase == ZLOOM_PHASE_DRAINING) {
        return;
    }
    zloom_log (ZLOOM_LOG_INFO, "drain", "why=\"%s\"", why);
    self->phase = ZLOOM_PHASE_DRAINING;
    self->rank = self->highest_rank;
    self->kill_at_ns = zloom_time_add (mono_ns, self->config.grace_ns);
}

/* A node that cannot be kept running takes the topology down when others cannot do without it. */
static void
s_check_failed (zloom_supervisor_t *self, int64_t mono_ns)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        zloom_proc_t *proc = self->procs[i];
        if (zloom_proc_state (proc) != ZLOOM_UNIT_FAILED || self->result != ZLOOM_OK) {
            continue;
        }
        const zloom_plan_unit_t *plan = zloom_proc_plan (proc);
        bool needed = plan->rank == ZLOOM_ROUTER_RANK || self->phase == ZLOOM_PHASE_STARTING ||
                      self->config.until_idle;
        if (needed) {
            self->result = zloom_proc_exit (proc) == RECIPE_EXIT ? ZLOOM_RECIPE : ZLOOM_CHILD;
            (void) snprintf (self->reason, sizeof self->reason,
                             "node '%s' could not be kept running: %s", plan->name,
                             zloom_proc_end_text (proc));
            if (self->config.obituary) {
                (void) snprintf (self->config.obituary->unit, sizeof self->config.obituary->unit,
                                 "%s", plan->name);
                zloom_proc_words (proc, &self->config.obituary->words);
            }
            s_drain (self, mono_ns, self->reason);
        }
    }
}

/* Start the next rank once all of the current one serve (or are done already). */
static void
s_start_ranks (zloom_supervisor_t *self, int64_t mono_ns)
{
    while (self->phase == ZLOOM_PHASE_STARTING) {
        bool settled = true;
        for (size_t i = 0; i < self->proc_count; i++) {
            if (zloom_proc_plan (self->procs[i])->rank == self->rank) {
                zloom_proc_start (self->procs[i], mono_ns);
                zloom_unit_state_t state = zloom_proc_state (self->procs[i]);
                settled = settled && (state == ZLOOM_UNIT_READY || state == ZLOOM_UNIT_DONE);
            }
        }
        if (!settled) {
            return;
        }
        if (self->rank == self->highest_rank) {
            self->phase = ZLOOM_PHASE_RUNNING;
            zloom_log (ZLOOM_LOG_INFO, "ready", "topology=%s %s=%zu",
                       zloom_recipe_name (self->config.recipe),
                       self->config.threads ? "threads" : "processes", self->proc_count);
            zloom_ready_tell (self->config.ready_fd);
            if (self->config.watch) {
                self->config.watch->ready (self->config.watch->arg, mono_ns);
                self->watch_at_ns = mono_ns;
            }
            return;
        }
        self->rank++;
    }
}

/* Stop rank after rank; true when nothing is left. */
static bool
s_drain_ranks (zloom_supervisor_t *self, int64_t mono_ns)
{
    while (self->rank >= 0) {
        bool alive = false;
        for (size_t i = 0; i < self->proc_count; i++) {
            if (zloom_proc_plan (self->procs[i])->rank == self->rank || self->stop_requests > 1) {
                zloom_proc_stop (self->procs[i], self->stop_requests > 1 ? 0 : self->kill_at_ns);
                alive = alive || zloom_proc_alive (self->procs[i]);
            }
        }
        if (alive) {
            return false;
        }
        self->rank--;
        int64_t least_ns = zloom_time_add (mono_ns, ZLOOM_RANK_GRACE_NS);
        self->kill_at_ns = self->kill_at_ns > least_ns ? self->kill_at_ns : least_ns;
    }
    return true;
}

/* `all`: also those that follow their file, which have never done. */
static bool
s_pollers_done (const zloom_supervisor_t *self, bool all)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        bool poller = zloom_proc_plan (self->procs[i])->node->kind->id == ZLOOM_NODE_POLLER;
        if (poller && (all || zloom_proc_completes (self->procs[i])) &&
            zloom_proc_state (self->procs[i]) != ZLOOM_UNIT_DONE) {
            return false;
        }
    }
    return true;
}

static void
s_watch (zloom_supervisor_t *self, int64_t mono_ns, bool readable)
{
    const zloom_watch_t *watch = self->config.watch;
    if (!watch || self->phase != ZLOOM_PHASE_RUNNING) {
        return;
    }
    if (readable || mono_ns >= self->watch_at_ns) {
        self->watch_at_ns = watch->dispatch (watch->arg, mono_ns);
    }
    const bool awaited = zloom_waits_for (self, ZLOOM_WAIT_IDLE);
    if (!awaited && !self->config.until_idle) {
        if (self->asks_idle && watch->rest) {
            watch->rest (watch->arg);
        }
        self->asks_idle = false;
        return;
    }
    self->asks_idle = true;
    const bool idle = s_pollers_done (self, false) && watch->idle (watch->arg);
    const char *blind = watch->blind ? watch->blind (watch->arg) : NULL;
    if (awaited && (idle || blind)) {
        zloom_waits_end (self, ZLOOM_WAIT_IDLE, idle ? ZLOOM_OK : ZLOOM_FORBIDDEN,
                         blind ? blind : "");
    }
    if (idle && self->config.until_idle && s_pollers_done (self, true)) {
        s_drain (self, mono_ns, "all work is done");
    } else if (self->watch_at_ns > mono_ns + IDLE_ASK_NS) {
        self->watch_at_ns = mono_ns + IDLE_ASK_NS;
    }
}

void
zloom_supervisor_stop (zloom_supervisor_t *self, int64_t mono_ns, const char *why)
{
    self->stop_requests++;
    s_drain (self, mono_ns, why);
}

static void
s_read_stop (zloom_supervisor_t *self, int64_t mono_ns)
{
    char bytes[16];
    ssize_t got = read (self->config.stop_fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++) {
        zloom_supervisor_stop (self, mono_ns, "asked to stop");
    }
}

static int
s_sleep_ms (const zloom_supervisor_t *self, int64_t mono_ns)
{
    int64_t next_ns = zloom_orphans_next (&self->orphans, mono_ns);
    const int64_t late_ns = zloom_http_next (self->metrics);
    next_ns = late_ns < next_ns ? late_ns : next_ns;
    if (self->phase == ZLOOM_PHASE_RUNNING && self->config.watch && self->watch_at_ns < next_ns) {
        next_ns = self->watch_at_ns;
    }
    for (size_t i = 0; i < self->proc_count; i++) {
        int64_t deadline_ns = zloom_proc_deadline (self->procs[i]);
        next_ns = deadline_ns < next_ns ? deadline_ns : next_ns;
    }
    if (next_ns <= mono_ns) {
        return 0;
    }
    int64_t sleep_ms = (next_ns - mono_ns) / ZLOOM_NS_PER_MS + 1;
    return sleep_ms > LONGEST_SLEEP_MS ? LONGEST_SLEEP_MS : (int) sleep_ms;
}

static bool
s_is_ours (void *arg, pid_t pid)
{
    const zloom_supervisor_t *self = arg;
    for (size_t i = 0; i < self->proc_count; i++) {
        if (zloom_proc_pid (self->procs[i]) == pid) {
            return true;
        }
    }
    return false;
}

/* One round of the loop; false when everything has stopped. */
static bool
s_round (zloom_supervisor_t *self)
{
    const zloom_watch_t *watch = self->config.watch;
    if (!self->polls || self->proc_count > self->poll_room) {
        self->poll_room = self->proc_count;
        self->polls =
          zloom_realloc (self->polls, FIRST_FDS + self->poll_room * 3, sizeof *self->polls);
    }
    self->polls[0] = (struct pollfd){.fd = self->config.stop_fd, .events = POLLIN};
    bool watching = watch && self->phase == ZLOOM_PHASE_RUNNING;
    self->polls[1] =
      (struct pollfd){.fd = watching ? watch->fd (watch->arg) : -1, .events = POLLIN};
    zloom_control_socket_polls (self->control, &self->polls[2]);
    zloom_http_polls (self->metrics, &self->polls[METRICS_FDS]);
    for (size_t i = 0; i < self->proc_count; i++) {
        int fds[3];
        zloom_proc_fds (self->procs[i], fds);
        for (size_t j = 0; j < 3; j++) {
            self->polls[FIRST_FDS + i * 3 + j] = (struct pollfd){.fd = fds[j], .events = POLLIN};
        }
    }
    int64_t before_ns = zloom_clock_mono_ns ();
    if (poll (self->polls, (nfds_t) (FIRST_FDS + self->proc_count * 3),
              s_sleep_ms (self, before_ns)) < 0 &&
        errno != EINTR) {
        self->result = zloom_fail_errno (ZLOOM_SYSTEM, "poll failed");
        return false;
    }
    int64_t mono_ns = zloom_clock_mono_ns ();
    if (self->polls[0].revents) {
        s_read_stop (self, mono_ns);
    }
    for (size_t i = 0; i < self->proc_count; i++) {
        zloom_proc_turn (self->procs[i], mono_ns);
        if (self->polls[FIRST_FDS + i * 3].revents && zloom_proc_exit (self->procs[i]) < 0) {
            zloom_orphans_expect (&self->orphans, mono_ns); /* it ended by a signal */
        }
    }
    (void) zloom_orphans_bury (&self->orphans);
    zloom_control_socket_turn (self->control, &self->polls[2]);
    zloom_http_turn (self->metrics, &self->polls[METRICS_FDS], mono_ns);
    s_check_failed (self, mono_ns);
    s_start_ranks (self, mono_ns);
    s_watch (self, mono_ns, self->polls[1].revents != 0);
    zloom_roster_sweep (self);
    zloom_waits_turn (self);
    return self->phase != ZLOOM_PHASE_DRAINING || !s_drain_ranks (self, mono_ns);
}

/* ---- life ----------------------------------------------------------------------------------- */

static zloom_err_t
s_init (zloom_supervisor_t *self)
{
    zloom_plan_t plan;
    zloom_plan_init (&plan, self->config.recipe, self->config.here);
    for (size_t i = 0; i < plan.count; i++) {
        const zloom_plan_unit_t *unit = &plan.units[i];
        zloom_grow (&self->procs, &self->proc_capacity, self->proc_count + 1,
                    sizeof (zloom_proc_t *));
        self->procs[self->proc_count++] = zloom_proc_new (&self->config, self->config.recipe, unit);
        self->highest_rank = unit->rank > self->highest_rank ? unit->rank : self->highest_rank;
    }
    zloom_plan_fini (&plan);
    zloom_orphans_init (&self->orphans, self->config.adopts, s_is_ours, self);
    const zloom_err_t err = self->config.metrics ? zloom_supervisor_open_metrics (self) : ZLOOM_OK;
    if (err != ZLOOM_OK) {
        return err;
    }
    return self->config.controlled
             ? zloom_control_socket_open (self->config.paths->runtime, zloom_orders_take, self,
                                          &self->control)
             : ZLOOM_OK;
}

/* How it went, when everything has stopped. */
static zloom_err_t
s_result (const zloom_supervisor_t *self)
{
    size_t killed = 0;
    for (size_t i = 0; i < self->proc_count; i++) {
        killed += zloom_proc_was_killed (self->procs[i]);
    }
    if (self->reason[0]) {
        return zloom_fail (self->result, "%s", self->reason);
    }
    if (self->result == ZLOOM_OK && killed && self->stop_requests < 2) {
        return zloom_fail (ZLOOM_TIMED_OUT,
                           "%zu nodes had not stopped in time and were ended by force; "
                           "nothing confirmed is lost",
                           killed);
    }
    return self->result;
}

zloom_err_t
zloom_supervisor_run (const zloom_supervisor_config_t *config)
{
    const zloom_now_t now = zloom_clock_now ();
    zloom_supervisor_t self = {
      .config = *config, .watch_at_ns = ZLOOM_NEVER, .started_ns = now.wall_ns};
    zloom_err_t err = s_init (&self);
    if (err == ZLOOM_OK) {
        s_start_ranks (&self, now.mono_ns);
        while (s_round (&self)) {
        }
        zloom_orphans_finish (&self.orphans);
        err = s_result (&self);
    }
    char note[ZLOOM_NOTE_BYTES];
    (void) snprintf (note, sizeof note, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    zloom_orphans_fini (&self.orphans);
    for (size_t i = 0; i < self.proc_count; i++) {
        zloom_proc_destroy (&self.procs[i]);
    }
    free (self.procs);
    free (self.polls);
    zloom_recipes_fini (&self);
    zloom_waits_finish (&self, err, note);
    zloom_control_socket_close (&self.control);
    zloom_http_close (&self.metrics);
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "%s", note);
}
