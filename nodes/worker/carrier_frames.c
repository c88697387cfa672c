/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carrier_frames.c - a long-lived child that speaks frames (frame.h) on descriptors 3 and 4: many
 * messages in flight, marks of what has started, explicit verdicts. Its stdout and stderr are for
 * people.
 */
#include "nodes/worker/carrier.h"

#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdio.h>
#include <stdlib.h>

#define ZLOOM_FRAMES_CARRIER_TAG 0x4652414Du

/* A WORK frame is closed when it has so many bytes. */
#define FRAME_BYTES 262144
/* Bytes that may wait for the child before it gets more. */
#define UNREAD_BYTES 1048576

typedef struct {
    zloom_carrier_t base; /* first */
    uint32_t tag;
    zloom_program_t *program;
    zloom_deframer_t frames;
    zloom_arena_t arena;
    zloom_idmap_t *jobs; /* id → job */
    zloom_buf_t list;    /* messages for the next WORK frame */
    size_t listed;
    size_t most; /* 0: the child has not said READY */
    bool asked;
    bool served;
    char *why; /* set: the child broke the protocol and is being killed */
} s_frames_t;

static s_frames_t *
s_self (const zloom_carrier_t *base)
{
    s_frames_t *self = (s_frames_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_FRAMES_CARRIER_TAG);
    return self;
}

/* ---- what the child says -------------------------------------------------------------------- */

static void
s_broken (s_frames_t *self, const char *what)
{
    if (!self->why) {
        self->why = zloom_strdup (what);
        zloom_program_signal (self->program, SIGKILL);
    }
}

static zloom_worker_job_t *
s_job (s_frames_t *self, uint64_t id, const char *what)
{
    zloom_worker_job_t *job = zloom_idmap_get (self->jobs, id);
    if (!job) {
        char text[128];
        (void) snprintf (text, sizeof text, "it said %s of message %llu, which it does not have",
                         what, (unsigned long long) id);
        s_broken (self, text);
    }
    return job;
}

static void
s_started (s_frames_t *self, zloom_worker_job_t *job)
{
    if (!job->started) {
        job->started = true;
        self->base.host->started (self->base.host->arg, job);
        self->base.host->running (self->base.host->arg, job);
    }
}

static void
s_done (s_frames_t *self, const zloom_frame_verdict_t *verdict)
{
    zloom_worker_job_t *job = s_job (self, verdict->id, "DONE");
    if (!job) {
        return;
    }
    if (verdict->verdict != ZLOOM_VERDICT_ACK && verdict->emit_count > 0) {
        s_broken (self, "it emits with a verdict that is not ack");
        return;
    }
    zloom_idmap_remove (self->jobs, verdict->id);
    s_started (self, job);
    self->served = true;
    for (size_t i = 0; i < verdict->emit_count; i++) {
        if (verdict->emits[i].envelope.body.size > zloom_carrier_answer_bytes (&self->base)) {
            char text[96];
            zloom_carrier_fail (&self->base, job, ZLOOM_VERDICT_RETRY,
                                zloom_carrier_too_long (&self->base, text));
            return;
        }
    }
    zloom_outcome_t outcome = {
      .settlement = {.verdict = verdict->verdict, .delay_ms = verdict->delay_ms},
      .emits = verdict->emits,
      .emit_count = verdict->emit_count,
    };
    if (verdict->verdict == ZLOOM_VERDICT_RETRY || verdict->verdict == ZLOOM_VERDICT_REJECT) {
        outcome.settlement.cause =
          (zloom_cause_t){.reason = zloom_bytes_text (
                            verdict->verdict == ZLOOM_VERDICT_REJECT ? "rejected" : "failures"),
                          .exit = -1,
                          .text = verdict->text};
    }
    self->base.host->done (self->base.host->arg, job, &outcome);
}

static void
s_ready_said (s_frames_t *self, const zloom_frame_t *frame)
{
    if (self->most) {
        s_broken (self, "it said READY twice");
    } else if (frame->version != ZLOOM_FRAME_VERSION) {
        char text[128];
        (void) snprintf (text, sizeof text, "it speaks version %llu of the frames, not %d",
                         (unsigned long long) frame->version, ZLOOM_FRAME_VERSION);
        s_broken (self, text);
    } else {
        size_t most = self->base.config->most;
        self->most = frame->most && frame->most < most ? (size_t) frame->most : most;
    }
}

static void
s_frame (s_frames_t *self, const zloom_frame_t *frame)
{
    if (frame->kind == ZLOOM_FRAME_READY) {
        s_ready_said (self, frame);
        return;
    }
    if (!self->most) {
        s_broken (self, "it spoke before it said READY");
        return;
    }
    for (size_t i = 0; i < frame->id_count && !self->why; i++) {
        bool starts = frame->kind == ZLOOM_FRAME_STARTED;
        zloom_worker_job_t *job = s_job (self, frame->ids[i], starts ? "STARTED" : "PROGRESS");
        if (!job) {
            return;
        }
        s_started (self, job);
        if (!starts) {
            self->base.host->progress (self->base.host->arg, job, frame->extend_ms);
        }
    }
    for (size_t i = 0; i < frame->verdict_count && !self->why; i++) {
        s_done (self, &frame->verdicts[i]);
    }
}

static void
s_output (void *arg, zloom_bytes_t chunk)
{
    s_frames_t *self = arg;
    if (self->why) {
        return;
    }
    zloom_deframer_feed (&self->frames, chunk);
    zloom_bytes_t bytes;
    zloom_err_t err = ZLOOM_OK;
    while (!self->why && (err = zloom_deframer_next (&self->frames, &bytes)) == ZLOOM_OK) {
        zloom_frame_t frame;
        zloom_arena_reset (&self->arena);
        err = zloom_frame_decode (bytes, &self->arena, &frame);
        if (err != ZLOOM_OK) {
            break;
        }
        s_frame (self, &frame);
    }
    if (!self->why && err != ZLOOM_OK && err != ZLOOM_AGAIN) {
        char *text =
          zloom_format ("it wrote a frame that cannot be read on descriptor 4: %s", zloom_note ());
        s_broken (self, text);
        free (text);
    }
}

/* ---- operations ----------------------------------------------------------------------------- */

static zloom_err_t
s_start (zloom_carrier_t *base)
{
    s_frames_t *self = s_self (base);
    zloom_assert (!self->program && zloom_idmap_count (self->jobs) == 0);
    zloom_program_config_t config = {
      .argv = base->config->argv,
      .env = base->config->env,
      .cwd = base->config->cwd,
      .input_fd = 3,
      .output_fd = 4,
      .limits = zloom_carrier_child_limits (base),
      .output = s_output,
      .said = zloom_carrier_said,
      .arg = self,
    };
    zloom_deframer_clear (&self->frames);
    self->most = 0;
    self->asked = false;
    self->served = false;
    free (self->why);
    self->why = NULL;
    zloom_err_t err = zloom_program_start (&config, base->fd, &self->program);
    if (err == ZLOOM_OK) {
        zloom_buf_t hello = {0};
        const zloom_carrier_config_t *told = base->config;
        zloom_frame_put_hello (&hello, told->node, told->ins, told->in_count, told->outs,
                               told->out_count, told->most);
        zloom_program_write (self->program, zloom_buf_bytes (&hello));
        zloom_buf_fini (&hello);
    }
    return err;
}

static bool
s_ready (const zloom_carrier_t *base)
{
    return s_self (base)->most > 0;
}

static size_t
s_room (const zloom_carrier_t *base)
{
    const s_frames_t *self = s_self (base);
    size_t busy = zloom_idmap_count (self->jobs);
    if (!self->program || self->asked || self->why || busy >= self->most ||
        (busy > 0 && zloom_program_unread (self->program) > UNREAD_BYTES)) {
        return 0;
    }
    return self->most - busy;
}

static void
s_flush (zloom_carrier_t *base)
{
    s_frames_t *self = s_self (base);
    if (self->listed == 0) {
        return;
    }
    zloom_buf_t frame = {0};
    zloom_frame_put_work (&frame, &self->list, self->listed);
    zloom_program_write (self->program, zloom_buf_bytes (&frame));
    zloom_buf_fini (&frame);
    zloom_buf_clear (&self->list);
    self->listed = 0;
}

static void
s_give (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    s_frames_t *self = s_self (base);
    zloom_idmap_put (self->jobs, job->id, job);
    zloom_frame_add_message (&self->list, job->id, job->message);
    self->listed++;
    if (self->list.size >= FRAME_BYTES) {
        s_flush (base);
    }
}

static void
s_ended (s_frames_t *self)
{
    zloom_worker_jobs_t started = {0};
    zloom_worker_jobs_t waiting = {0};
    zloom_worker_job_t *job = NULL;
    for (size_t i = 0; zloom_idmap_next (self->jobs, &i, NULL, (void **) &job);) {
        zloom_idmap_remove (self->jobs, job->id);
        zloom_worker_jobs_add (job->started ? &started : &waiting, job);
    }
    self->most = 0;
    self->listed = 0;
    zloom_buf_clear (&self->list);
    zloom_carrier_ended (&self->base, &self->program, &started, &waiting, self->why, self->asked,
                         self->served);
}

static void
s_pump (zloom_carrier_t *base)
{
    s_frames_t *self = s_self (base);
    if (self->program && zloom_program_pump (self->program)) {
        s_ended (self);
    }
}

static void
s_signal (zloom_carrier_t *base, int signal)
{
    s_frames_t *self = s_self (base);
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
    const s_frames_t *self = s_self (base);
    (void) job;
    return self->program ? zloom_program_pid (self->program) : -1;
}

static void
s_close (zloom_carrier_t *base)
{
    s_frames_t *self = s_self (base);
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
    const s_frames_t *self = s_self (base);
    if (!self->program) {
        return NULL;
    }
    if (!self->most) {
        return "it has not said READY on descriptor 4: does it speak frames? (with its "
               "language's helper: zloom.run)";
    }
    return zloom_idmap_count (self->jobs) > 0 ? "no verdict came back for a while" : NULL;
}

static void
s_destroy (zloom_carrier_t *base)
{
    s_frames_t *self = s_self (base);
    zloom_program_destroy (&self->program);
    zloom_deframer_fini (&self->frames);
    zloom_arena_fini (&self->arena);
    zloom_idmap_destroy (&self->jobs);
    zloom_buf_fini (&self->list);
    free (self->why);
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
zloom_carrier_frames_new (const zloom_carrier_config_t *config, const zloom_carrier_host_t *host,
                          zloom_carrier_t **self_p)
{
    s_frames_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_FRAMES_CARRIER_TAG;
    self->jobs = zloom_idmap_new ();
    *self_p = &self->base;
    return zloom_carrier_init (&self->base, &s_ops, config, host);
}
