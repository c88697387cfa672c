/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carrier_lines.c - a long-lived child that reads a line and writes a line, in order. Its n-th line
 * answers the n-th message; an empty one means: done, nothing to emit.
 *
 * What has started? Nobody says. But the kernel knows how much of the pipe was read: a message of
 * which the child has not read a byte cannot have started, so a child that dies before it reads
 * charges nobody.
 */
#include "nodes/worker/carrier.h"

#include "base/memory.h"
#include "base/tag.h"
#include "io/lines.h"

#include <stdlib.h>

#define ZLOOM_LINES_CARRIER_TAG 0x4C494E43u

/* Messages that may be in the child's pipe: enough to keep it busy, few to suspect in a crash. */
#define DEPTH 16
/* Bytes that may wait for the child before it gets another message. */
#define UNREAD_BYTES 65536

typedef struct {
    zloom_carrier_t base; /* first */
    uint32_t tag;
    zloom_program_t *program;
    zloom_lines_t answers;
    zloom_worker_jobs_t jobs; /* in the order of the child's input */
    bool asked;               /* its end is ours */
    bool served;
    const char *why;
} s_lines_t;

static s_lines_t *
s_self (const zloom_carrier_t *base)
{
    s_lines_t *self = (s_lines_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_LINES_CARRIER_TAG);
    return self;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* The child broke the rule of one line for one line: nothing it says can be trusted. */
static void
s_broken (s_lines_t *self, const char *why)
{
    if (!self->why) {
        self->why = why;
        zloom_program_signal (self->program, SIGKILL);
    }
}

static void
s_answer (void *arg, zloom_bytes_t line, bool cut)
{
    s_lines_t *self = arg;
    zloom_worker_job_t *job = self->why ? NULL : self->jobs.first;
    if (!job) {
        s_broken (self, "it wrote a line that no message had asked for (io: lines is one line out "
                        "for one line in; print what is for people to stderr)");
        return;
    }
    zloom_worker_jobs_remove (&self->jobs, job);
    self->served = true;
    if (!job->started) {
        job->started = true;
        self->base.host->started (self->base.host->arg, job);
    }
    if (cut) {
        char text[96];
        zloom_carrier_fail (&self->base, job, ZLOOM_VERDICT_RETRY,
                            zloom_carrier_too_long (&self->base, text));
        return;
    }
    zloom_emission_t emit = {.envelope = {.body = line}};
    zloom_outcome_t outcome = {.settlement = {.delay_ms = ZLOOM_DELAY_UNSET},
                               .emits = &emit,
                               .emit_count = line.size && self->base.config->out_count ? 1 : 0};
    self->base.host->done (self->base.host->arg, job, &outcome);
}

static void
s_output (void *arg, zloom_bytes_t chunk)
{
    s_lines_t *self = arg;
    zloom_lines_feed (&self->answers, chunk.data, chunk.size, s_answer, self);
}

/* ---- operations ----------------------------------------------------------------------------- */

static zloom_err_t
s_start (zloom_carrier_t *base)
{
    s_lines_t *self = s_self (base);
    zloom_assert (!self->program);
    zloom_program_config_t config = {
      .argv = base->config->argv,
      .env = base->config->env,
      .cwd = base->config->cwd,
      .input_fd = 0,
      .output_fd = 1,
      .limits = zloom_carrier_child_limits (base),
      .tty = base->config->tty,
      .output = s_output,
      .said = zloom_carrier_said,
      .arg = self,
    };
    zloom_lines_fini (&self->answers);
    zloom_lines_init (&self->answers, zloom_carrier_answer_bytes (base), 0);
    self->asked = false;
    self->served = false;
    self->why = NULL;
    return zloom_program_start (&config, base->fd, &self->program);
}

static bool
s_ready (const zloom_carrier_t *base)
{
    const s_lines_t *self = s_self (base);
    return self->program && zloom_program_begun (self->program);
}

static size_t
s_room (const zloom_carrier_t *base)
{
    const s_lines_t *self = s_self (base);
    size_t most = base->config->most < DEPTH ? base->config->most : DEPTH;
    if (!self->program || self->asked || self->why || self->jobs.count >= most ||
        (self->jobs.count > 0 && zloom_program_unread (self->program) > UNREAD_BYTES)) {
        return 0;
    }
    /* One at a time where bodies are long: the next look counts what is unread anew. */
    return self->jobs.count > 0 ? 1 : most;
}

static void
s_give (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    s_lines_t *self = s_self (base);
    const zloom_message_t *message = job->message;
    /* A newline at the end, as echo writes it, is the line's own. */
    const uint8_t *body = message->body;
    const bool ended = message->body_size > 0 && body[message->body_size - 1] == '\n';
    const size_t size = message->body_size - (ended ? 1 : 0);
    if (size > 0 && memchr (body, '\n', size)) {
        zloom_carrier_fail (base, job, ZLOOM_VERDICT_REJECT,
                            "its body has a newline, which io: lines cannot carry (send JSON "
                            "without line breaks, or use io: frames or exec)");
        return;
    }
    zloom_worker_jobs_add (&self->jobs, job);
    job->begin = zloom_program_written (self->program);
    zloom_program_write (self->program, zloom_bytes (body, size));
    zloom_program_write (self->program, zloom_bytes ("\n", 1));
    job->end = zloom_program_written (self->program);
}

/* Mark what the child has begun to read. */
static void
s_mark (s_lines_t *self)
{
    uint64_t read = zloom_program_written (self->program) - zloom_program_unread (self->program);
    for (zloom_worker_job_t *job = self->jobs.first; job && job->begin < read; job = job->next) {
        if (!job->started) {
            job->started = true;
            self->base.host->started (self->base.host->arg, job);
        }
    }
}

/* The clock runs for the first in line alone: the others wait for it. */
static void
s_run_first (s_lines_t *self)
{
    zloom_worker_job_t *first = self->jobs.first;
    if (first && !first->running) {
        self->base.host->running (self->base.host->arg, first);
    }
}

static void
s_flush (zloom_carrier_t *base)
{
    s_lines_t *self = s_self (base);
    if (self->program) {
        s_mark (self);
        s_run_first (self);
    }
}

static void
s_ended (s_lines_t *self)
{
    zloom_worker_jobs_t started = {0};
    zloom_worker_jobs_t waiting = {0};
    for (zloom_worker_job_t *job; (job = zloom_worker_jobs_take (&self->jobs));) {
        zloom_worker_jobs_add (job->started ? &started : &waiting, job);
    }
    zloom_carrier_ended (&self->base, &self->program, &started, &waiting, self->why, self->asked,
                         self->served);
}

static void
s_pump (zloom_carrier_t *base)
{
    s_lines_t *self = s_self (base);
    if (!self->program) {
        return;
    }
    bool over = zloom_program_pump (self->program);
    s_mark (self);
    if (over) {
        s_ended (self);
    } else {
        s_run_first (self);
    }
}

static void
s_signal (zloom_carrier_t *base, int signal)
{
    s_lines_t *self = s_self (base);
    if (self->program) {
        self->asked = true;
        zloom_program_signal (self->program, signal);
    }
}

static void
s_abort (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    (void) job;
    s_signal (base, SIGKILL);
}

static pid_t
s_pid (const zloom_carrier_t *base, const zloom_worker_job_t *job)
{
    const s_lines_t *self = s_self (base);
    (void) job;
    return self->program ? zloom_program_pid (self->program) : -1;
}

static void
s_close (zloom_carrier_t *base)
{
    s_lines_t *self = s_self (base);
    if (self->program && !self->asked) {
        self->asked = true;
        zloom_program_close_input (self->program);
    }
}

static bool
s_closed (const zloom_carrier_t *base)
{
    return s_self (base)->program == NULL;
}

static const char *
s_hint (const zloom_carrier_t *base)
{
    const s_lines_t *self = s_self (base);
    if (!self->program || !self->jobs.first) {
        return NULL;
    }
    if (!self->jobs.first->started) {
        return "it does not read its standard input";
    }
    return self->served ? "no line came back for the oldest message: is it still at work?"
                        : "it read lines and wrote none: is its output buffered? (flush it, or set "
                          "tty: true)";
}

static void
s_destroy (zloom_carrier_t *base)
{
    s_lines_t *self = s_self (base);
    zloom_program_destroy (&self->program);
    zloom_lines_fini (&self->answers);
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
zloom_carrier_lines_new (const zloom_carrier_config_t *config, const zloom_carrier_host_t *host,
                         zloom_carrier_t **self_p)
{
    s_lines_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_LINES_CARRIER_TAG;
    *self_p = &self->base;
    return zloom_carrier_init (&self->base, &s_ops, config, host);
}
