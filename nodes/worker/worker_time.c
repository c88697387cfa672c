/* SPDX-License-Identifier: MPL-2.0 */
/*
 * worker_time.c - how long a handler may take, and how much processor time it may use meanwhile.
 * The latter is looked at no earlier than it can be over: all processors at once at work.
 */
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/units.h"
#include "nodes/worker/worker_state.h"
#include "patterns/registry.h"

/* Between two looks at a child's processor time, at least. */
#define LOOK_NS (5 * ZLOOM_NS_PER_MS)

/* How long a handler has: its timeout, or as long as the lease lasts, a little less. */
static int64_t
s_limit_ns (const zloom_worker_t *self)
{
    return zloom_worker_limit_ns (self->config, self->lease_ns);
}

/* The processor time that the program which has the job ever used; 0: not known. */
static int64_t
s_used_ns (const zloom_worker_t *self, const zloom_worker_job_t *job)
{
    struct timespec used;
    clockid_t clock;
    const pid_t pid =
      self->carrier->ops->pid ? self->carrier->ops->pid (self->carrier, job) : (pid_t) -1;
    if (pid <= 0 || clock_getcpuclockid (pid, &clock) != 0 || clock_gettime (clock, &used) != 0) {
        return 0;
    }
    return (int64_t) used.tv_sec * ZLOOM_NS_PER_S + used.tv_nsec;
}

/* Wake up when its time is over, or when it may have used too much. */
static void
s_arm (zloom_worker_t *self, zloom_worker_job_t *job, int64_t left_ns)
{
    int64_t wake_ns = job->end_ns;
    if (self->config->limits.cpu_ns > 0) {
        const long processors = sysconf (_SC_NPROCESSORS_ONLN);
        int64_t look_ns = left_ns / (processors > 0 ? processors : 1);
        look_ns = zloom_time_add (self->now.mono_ns, look_ns > LOOK_NS ? look_ns : LOOK_NS);
        wake_ns = look_ns < wake_ns ? look_ns : wake_ns;
    }
    zloom_timers_arm (self->timers, &job->timer, wake_ns);
}

static void
s_ends_at (zloom_worker_t *self, zloom_worker_job_t *job, int64_t more_ns)
{
    job->end_ns =
      more_ns == ZLOOM_NEVER ? ZLOOM_NEVER : zloom_time_add (self->now.mono_ns, more_ns);
}

void
zloom_worker_begin_time (zloom_worker_t *self, zloom_worker_job_t *job)
{
    s_ends_at (self, job, s_limit_ns (self));
    job->used_ns = self->config->limits.cpu_ns > 0 ? s_used_ns (self, job) : 0;
    s_arm (self, job, self->config->limits.cpu_ns);
}

void
zloom_worker_extend_time (zloom_worker_t *self, zloom_worker_job_t *job, uint64_t extend_ms)
{
    if (self->config->timeout_ns > 0 || self->lease_ns == 0) {
        return;
    }
    s_ends_at (self, job,
               extend_ms > 0 ? (int64_t) extend_ms * ZLOOM_NS_PER_MS : s_limit_ns (self));
    s_arm (self, job, 0);
}

static void
s_expire (zloom_worker_t *self, zloom_worker_job_t *job)
{
    char text[48];
    zloom_log (
      ZLOOM_LOG_WARN, "handler-late", "node=%s flow=%s seq=%llu limit=%s%s", self->args->name,
      job->message->flow, (unsigned long long) job->message->seq,
      zloom_duration_text (job->used_up ? self->config->limits.cpu_ns : s_limit_ns (self), text),
      job->used_up ? " (limits.cpu)" : "");
    job->expired = true;
    self->late_hint = job->used_up ? NULL : self->carrier->ops->hint (self->carrier);
    self->counters.expired++;
    self->carrier->ops->abort (self->carrier, job);
}

void
zloom_worker_time (zloom_worker_t *self, zloom_worker_job_t *job)
{
    const int64_t limit_ns = self->config->limits.cpu_ns;
    if (limit_ns > 0 && self->now.mono_ns < job->end_ns) {
        const int64_t used_ns = s_used_ns (self, job) - job->used_ns;
        if (used_ns < limit_ns) {
            s_arm (self, job, limit_ns - used_ns);
            return;
        }
        job->used_up = true;
    }
    s_expire (self, job);
}

char *
zloom_worker_late_text (const zloom_worker_t *self, const zloom_worker_job_t *job)
{
    char limit[48];
    const char *hint = self->late_hint;
    const zloom_node_actor_t *actor = self->carrier_config.actor;
    if (job->used_up) {
        return zloom_format ("used more than %s of processor time (limits.cpu) and was ended",
                             zloom_duration_text (self->config->limits.cpu_ns, limit));
    }
    if (actor && actor->interrupt) {
        hint = NULL;
    }
    return zloom_format ("took longer than %s and %s%s%s",
                         zloom_duration_text (s_limit_ns (self), limit),
                         actor && !actor->interrupt ? "answered too late" : "was ended",
                         hint ? "; " : "", hint ? hint : "");
}
