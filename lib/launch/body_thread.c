/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/body.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLOOM_BODY_THREAD_TAG 0x4C1D0006u

typedef struct {
    zloom_body_t base; /* first */
    uint32_t tag;
    const zloom_thread_port_t *port;
    const zloom_plan_unit_t *plan;
    uint8_t nonce[16]; /* of the one that runs: read by its thread */
    zloom_thread_t *thread;
    bool ended;
    int64_t started_ns;
    unsigned long long number; /* of threads so far */
    char words[ZLOOM_NOTE_BYTES];
} s_thread_t;

static s_thread_t *
s_self (const zloom_body_t *base)
{
    s_thread_t *self = (s_thread_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_BODY_THREAD_TAG);
    return self;
}

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    const s_thread_t *self = arg;
    return self->port->run (self->port->arg, self->plan, self->nonce, ready_fd, stop_fd);
}

static zloom_err_t
s_start (zloom_body_t *base, const uint8_t nonce[16])
{
    s_thread_t *self = s_self (base);
    memcpy (self->nonce, nonce, sizeof self->nonce);
    self->ended = false;
    self->number++;
    self->started_ns = zloom_clock_mono_ns ();
    return zloom_thread_start (s_run, self, &self->thread);
}

static void
s_name (const zloom_body_t *base, char text[32])
{
    (void) snprintf (text, 32, "thread=%llu", s_self (base)->number);
}

static pid_t
s_pid (const zloom_body_t *base)
{
    (void) base;
    return 0;
}

static void
s_ask (zloom_body_t *base)
{
    s_thread_t *self = s_self (base);
    if (self->thread) {
        zloom_thread_ask (self->thread);
    }
}

/*
 * Leave at once is what a node hears as a second request; one that was killed because it was not
 * ready in time has not heard the first.
 */
static void
s_kill (zloom_body_t *base)
{
    s_ask (base);
    s_ask (base);
}

static void
s_fds (const zloom_body_t *base, int fds[3])
{
    const s_thread_t *self = s_self (base);
    fds[0] = self->thread ? zloom_thread_fd (self->thread) : -1;
    fds[1] = -1;
    fds[2] = -1;
}

static bool
s_hear (zloom_body_t *base)
{
    s_thread_t *self = s_self (base);
    const zloom_thread_news_t news =
      self->thread ? zloom_thread_hear (self->thread) : ZLOOM_THREAD_NOTHING;
    self->ended = self->ended || news == ZLOOM_THREAD_ENDED;
    return news == ZLOOM_THREAD_READY;
}

static bool
s_reap (zloom_body_t *base, zloom_child_end_t *end, char text[ZLOOM_BODY_END_BYTES])
{
    s_thread_t *self = s_self (base);
    if (!self->thread || !self->ended) {
        return false;
    }
    const zloom_err_t err = zloom_thread_join (&self->thread);
    *end = (zloom_child_end_t){
      .exit = self->port->exit_code (err),
      .ran_ns = zloom_clock_mono_ns () - self->started_ns,
    };
    (void) snprintf (self->words, sizeof self->words, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    if (err == ZLOOM_OK) {
        (void) snprintf (text, ZLOOM_BODY_END_BYTES, "in good order");
    } else {
        (void) snprintf (text, ZLOOM_BODY_END_BYTES, "%s: %.280s", zloom_err_name (err),
                         *self->words ? self->words : zloom_err_text (err));
    }
    return true;
}

static void
s_words (const zloom_body_t *base, zloom_buf_t *out)
{
    zloom_buf_add_text (out, s_self (base)->words);
}

static void
s_destroy (zloom_body_t *base)
{
    s_thread_t *self = s_self (base);
    if (self->thread) {
        s_kill (base);
        (void) zloom_thread_join (&self->thread);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static const zloom_body_ops_t s_ops = {
  .start = s_start,
  .name = s_name,
  .pid = s_pid,
  .stop = s_ask,
  .kill = s_kill,
  .fds = s_fds,
  .hear = s_hear,
  .reap = s_reap,
  .words = s_words,
  .destroy = s_destroy,
};

zloom_body_t *
zloom_body_thread_new (const zloom_supervisor_config_t *config, const zloom_plan_unit_t *plan)
{
    s_thread_t *self = zloom_alloc (sizeof *self);
    self->base.ops = &s_ops;
    self->tag = ZLOOM_BODY_THREAD_TAG;
    self->port = config->threads;
    self->plan = plan;
    return &self->base;
}
