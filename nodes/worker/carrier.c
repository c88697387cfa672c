/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/carrier.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

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
    const zloom_carrier_t *self = arg;
    zloom_log (ZLOOM_LOG_INFO, "child-says", "node=%s %.*s", self->config->node, (int) line.size,
               (const char *) line.data);
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
