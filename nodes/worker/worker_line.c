/* SPDX-License-Identifier: MPL-2.0 */
/*
 * worker_line.c - which message is given to the carrier next.
 *
 * Messages of flows without keys wait in the client until there is room for them. Those of flows
 * with keys are taken at once: when a key fails, what is behind it must not be handed to a child by
 * a later look into the client, so all of it stands in line here, where it can be put back.
 */
#include "base/memory.h"
#include "nodes/worker/worker_state.h"

static zloom_worker_job_t *
s_take (zloom_worker_t *self, const zloom_message_t *message)
{
    zloom_worker_job_t *job = zloom_alloc (sizeof *job);
    job->message = message;
    job->id = ++self->next_job;
    job->timer.owner = job;
    zloom_idmap_put (self->jobs, job->id, job);
    self->counters.taken++;
    return job;
}

static void
s_release (zloom_worker_t *self, zloom_worker_job_t *job)
{
    const zloom_settlement_t release = {.verdict = ZLOOM_VERDICT_RELEASE,
                                        .delay_ms = ZLOOM_DELAY_UNSET};
    zloom_worker_settle (self, job, &release);
}

size_t
zloom_worker_given (const zloom_worker_t *self)
{
    return zloom_idmap_count (self->jobs) - self->ready.count -
           zloom_worker_keys_waiting (self->keys);
}

void
zloom_worker_line_up (zloom_worker_t *self)
{
    const zloom_message_t *message = NULL;
    for (size_t i = 0; i < self->in_count; i++) {
        while (self->keyed[i] && zloom_client_take (self->client, self->handles[i], &message)) {
            zloom_worker_job_t *job = s_take (self, message);
            if (zloom_worker_keys_enter (self->keys, job)) {
                zloom_worker_jobs_add (&self->ready, job);
            }
        }
    }
}

/* Of those in line; one that was recalled meanwhile goes, and takes its key's others with it. */
static zloom_worker_job_t *
s_next_ready (zloom_worker_t *self)
{
    zloom_worker_job_t *job;
    while ((job = zloom_worker_jobs_take (&self->ready))) {
        if (!zloom_client_core_stale (self->core, job->message)) {
            return job;
        }
        s_release (self, job);
    }
    return NULL;
}

/* Of those in the client. */
static zloom_worker_job_t *
s_next_waiting (zloom_worker_t *self)
{
    const zloom_message_t *message = NULL;
    for (size_t i = 0; i < self->in_count; i++) {
        if (!self->keyed[i] && zloom_client_take (self->client, self->handles[i], &message)) {
            return s_take (self, message);
        }
    }
    return NULL;
}

zloom_worker_job_t *
zloom_worker_next (zloom_worker_t *self)
{
    zloom_worker_job_t *job = self->ready_was_last ? s_next_waiting (self) : s_next_ready (self);
    self->ready_was_last = !self->ready_was_last;
    if (!job) {
        job = self->ready_was_last ? s_next_waiting (self) : s_next_ready (self);
    }
    return job;
}

bool
zloom_worker_has_next (const zloom_worker_t *self)
{
    return self->ready.count > 0 || zloom_client_core_waiting (self->core, 0) > 0;
}

void
zloom_worker_leave_line (zloom_worker_t *self, zloom_worker_job_t *job, bool acked)
{
    zloom_worker_jobs_t back = {0};
    zloom_worker_job_t *next = zloom_worker_keys_leave (self->keys, job, acked, &back);
    if (next) {
        zloom_worker_jobs_add (&self->ready, next);
    }
    while ((job = zloom_worker_jobs_take (&back))) {
        s_release (self, job);
    }
}

void
zloom_worker_put_back (zloom_worker_t *self)
{
    zloom_worker_jobs_t back = {0};
    zloom_worker_job_t *job;
    zloom_worker_keys_empty (self->keys, &back);
    while ((job = zloom_worker_jobs_take (&back)) ||
           (job = zloom_worker_jobs_take (&self->ready))) {
        s_release (self, job);
    }
}
