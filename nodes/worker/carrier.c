/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/carrier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- jobs ----------------------------------------------------------------------------------- */

void
zloom_worker_jobs_add (zloom_worker_jobs_t *self, zloom_worker_job_t *job)
{
    job->next = NULL;
    job->prev = self->last;
    if (self->last) {
        self->last->next = job;
    } else {
        self->first = job;
    }
    self->last = job;
    self->count++;
}

void
zloom_worker_jobs_remove (zloom_worker_jobs_t *self, zloom_worker_job_t *job)
{
    zloom_assert (self->count > 0);
    if (job->prev) {
        job->prev->next = job->next;
    } else {
        self->first = job->next;
    }
    if (job->next) {
        job->next->prev = job->prev;
    } else {
        self->last = job->prev;
    }
    job->next = NULL;
    job->prev = NULL;
    self->count--;
}

zloom_worker_job_t *
zloom_worker_jobs_take (zloom_worker_jobs_t *self)
{
    zloom_worker_job_t *job = self->first;
    if (job) {
        zloom_worker_jobs_remove (self, job);
    }
    return job;
}

/* ---- what carriers share -------------------------------------------------------------------- */

zloom_err_t
zloom_carrier_init (zloom_carrier_t *self, const zloom_carrier_ops_t *ops,
                    const zloom_carrier_config_t *config, const zloom_carrier_host_t *host)
{
    self->ops = ops;
    self->config = config;
    self->host = host;
    zloom_rate_init (&self->said, config->limits.stderr_bytes, zloom_clock_mono_ns ());
    self->fd = epoll_create1 (EPOLL_CLOEXEC);
    return self->fd >= 0 ? ZLOOM_OK
                         : zloom_fail_errno (ZLOOM_SYSTEM, "cannot make an epoll descriptor");
}

void
zloom_carrier_destroy (zloom_carrier_t **self_p)
{
    zloom_carrier_t *self = *self_p;
    if (!self) {
        return;
    }
    *self_p = NULL;
    int fd = self->fd;
    self->ops->destroy (self);
    if (fd >= 0) {
        close (fd);
    }
}

void
zloom_carrier_said (void *arg, zloom_bytes_t line)
{
    zloom_carrier_t *self = arg;
    if (!zloom_rate_take (&self->said, line.size + 1, zloom_clock_mono_ns ())) {
        return;
    }
    zloom_carrier_tell_dropped (self);
    zloom_log (ZLOOM_LOG_INFO, "child-says", "node=%s %.*s", self->config->node, (int) line.size,
               (const char *) line.data);
}

void
zloom_carrier_tell_dropped (zloom_carrier_t *self)
{
    char most[48];
    if (self->said.dropped_lines == 0) {
        return;
    }
    zloom_log (ZLOOM_LOG_WARN, "child-dropped", "node=%s lines=%llu bytes=%llu limit=%s (a second)",
               self->config->node, (unsigned long long) self->said.dropped_lines,
               (unsigned long long) self->said.dropped_bytes,
               zloom_size_text (self->said.most, most));
    self->said.dropped_lines = 0;
    self->said.dropped_bytes = 0;
}

zloom_child_limits_t
zloom_carrier_child_limits (const zloom_carrier_t *self)
{
    return (zloom_child_limits_t){.memory_bytes = self->config->limits.memory_bytes,
                                  .descriptors = self->config->limits.descriptors};
}

size_t
zloom_carrier_answer_bytes (const zloom_carrier_t *self)
{
    const int64_t most = self->config->limits.answer_bytes;
    return most > 0 && most < ZLOOM_CARRIER_BODY_BYTES ? (size_t) most : ZLOOM_CARRIER_BODY_BYTES;
}

const char *
zloom_carrier_too_long (const zloom_carrier_t *self, char text[96])
{
    char most[48];
    const size_t bytes = zloom_carrier_answer_bytes (self);
    if (bytes == ZLOOM_CARRIER_BODY_BYTES) {
        return "its answer is longer than a message may be";
    }
    (void) snprintf (text, 96, "its answer is longer than %s (limits.answer)",
                     zloom_size_text ((int64_t) bytes, most));
    return text;
}

void
zloom_carrier_add_memory (const zloom_carrier_t *self, const zloom_child_end_t *end,
                          zloom_buf_t *text)
{
    char held[48];
    char most[48];
    if (self->config->limits.memory_bytes > 0 && end->memory_bytes > 0) {
        zloom_buf_add_text (text, text->size ? "; " : "");
        zloom_buf_printf (text, "it held %s and may hold %s (limits.memory)",
                          zloom_size_text (end->memory_bytes, held),
                          zloom_size_text (self->config->limits.memory_bytes, most));
    }
}

void
zloom_carrier_fail (zloom_carrier_t *self, zloom_worker_job_t *job, zloom_verdict_t verdict,
                    const char *text)
{
    const char *reason = verdict == ZLOOM_VERDICT_REJECT ? "rejected" : "failures";
    zloom_outcome_t outcome = {.settlement = {.verdict = verdict,
                                              .delay_ms = ZLOOM_DELAY_UNSET,
                                              .cause = {.reason = zloom_bytes_text (reason),
                                                        .exit = -1,
                                                        .text = zloom_bytes_text (text)}}};
    self->host->done (self->host->arg, job, &outcome);
}

bool
zloom_carrier_unrunnable (zloom_carrier_t *self, const zloom_program_t *program,
                          const zloom_child_end_t *end)
{
    if (!end->start_errno && end->exit != 126 && end->exit != 127) {
        return false;
    }
    zloom_buf_t note = {0};
    char text[128];
    zloom_buf_printf (&note, "'%s' %s", self->config->argv[0], zloom_child_end_text (end, text));
    if (!end->start_errno) {
        zloom_buf_add_text (&note, end->exit == 127 ? " (not found)" : " (cannot be run)");
        zloom_buf_add_text (&note, ": ");
        zloom_program_tail (program, &note);
    }
    zloom_buf_printf (&note, "; check `run:` and `cwd:` of node '%s' (%s)", self->config->node,
                      self->config->cwd ? self->config->cwd : ".");
    self->host->fatal (self->host->arg, ZLOOM_NO_PROGRAM, zloom_buf_text (&note));
    zloom_buf_fini (&note);
    return true;
}

void
zloom_carrier_ended (zloom_carrier_t *self, zloom_program_t **program_p,
                     zloom_worker_jobs_t *started, zloom_worker_jobs_t *waiting, const char *why,
                     bool asked, bool served)
{
    zloom_ending_t ending = {.asked = asked, .served = served};
    zloom_program_end (*program_p, &ending.end);
    zloom_buf_t words = {0};
    zloom_buf_t text = {0};
    char how[128];
    zloom_program_tail (*program_p, &words);
    zloom_buf_printf (&text, "%s%s%s", why ? why : "", why ? "; ended with " : "",
                      zloom_child_end_text (&ending.end, how));
    zloom_carrier_add_memory (self, &ending.end, &text);
    zloom_carrier_tell_dropped (self);
    if (words.size > 0) {
        /* The whole has ZLOOM_LIMIT_TEXT_BYTES: of the last words the last. */
        size_t room = ZLOOM_LIMIT_TEXT_BYTES - text.size - 2;
        size_t skip = words.size > room ? words.size - room : 0;
        zloom_buf_add_text (&text, ": ");
        zloom_buf_add (&text, words.data + skip, words.size - skip);
    }
    ending.text = zloom_buf_text (&text);
    if (!asked) {
        (void) zloom_carrier_unrunnable (self, *program_p, &ending.end);
    }
    zloom_program_destroy (program_p);
    self->host->crashed (self->host->arg, started, waiting, &ending);
    zloom_assert (started->count == 0 && waiting->count == 0);
    zloom_buf_fini (&words);
    zloom_buf_fini (&text);
}
