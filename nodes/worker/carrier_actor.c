/* SPDX-License-Identifier: MPL-2.0 */
/*
 * carrier_actor.c - a function of this process: it runs on a thread of its own, so that it may wait
 * for what it likes while the worker's loop keeps the session alive. Between the two a PAIR socket
 * in zloom's own context carries works to the handler and words back (work.h).
 *
 * The thread cannot be interrupted: a work whose time is over is marked, and its answer comes too
 * late, unless the handler knows how to be interrupted (expression.c). The carrier ends when the
 * handler has returned.
 */
#include "nodes/worker/carrier.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/control.h"
#include "net/thread.h"
#include "nodes/worker/work.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ZLOOM_ACTOR_CARRIER_TAG 0x41435452u

typedef struct {
    zloom_carrier_t base; /* first */
    uint32_t tag;
    zloom_socket_t *socket;
    char endpoint[64];
    zloom_thread_t *thread;
    bool up;
    bool closing;
    zloom_work_t *works; /* in hand, newest first */
    size_t count;
} s_actor_t;

static s_actor_t *
s_self (const zloom_carrier_t *base)
{
    s_actor_t *self = (s_actor_t *) (uintptr_t) base;
    ZLOOM_CHECK (self, ZLOOM_ACTOR_CARRIER_TAG);
    return self;
}

/* ---- the handler's thread ------------------------------------------------------------------- */

/* One work after the other, until asked to stop: what waits then is not begun. */
static zloom_err_t
s_handle_all (const zloom_socket_t *socket, int stop_fd)
{
    zloom_stop_t stop;
    zloom_stop_init (&stop, stop_fd);
    zloom_word_send (socket, ZLOOM_WORD_UP, NULL);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && zloom_stop_read (&stop) == ZLOOM_STOP_NO) {
        zloom_word_t word;
        if (zloom_word_receive (socket, &word)) {
            zloom_word_send (socket, ZLOOM_WORD_STARTED, word.work);
            zloom_work_handle (word.work, socket);
            zloom_word_send (socket, ZLOOM_WORD_DONE, word.work);
            continue;
        }
        zloom_poll_item_t items[] = {{.socket = socket, .fd = -1}, {.fd = zloom_stop_fd (&stop)}};
        err = zloom_poll (items, 2, ZLOOM_NEVER);
    }
    return err;
}

static zloom_err_t
s_thread (void *arg, int ready_fd, int stop_fd)
{
    const s_actor_t *self = arg;
    (void) ready_fd;
    const zloom_socket_config_t config = zloom_word_config (self->base.config->most);
    zloom_socket_t *socket = NULL;
    zloom_err_t err = zloom_socket_open (ZLOOM_SOCKET_PAIR, &config, &socket);
    if (err == ZLOOM_OK) {
        err = zloom_socket_connect (socket, self->endpoint);
    }
    if (err == ZLOOM_OK) {
        err = s_handle_all (socket, stop_fd);
    }
    zloom_socket_close (&socket);
    return err;
}

/* ---- the worker's thread -------------------------------------------------------------------- */

static zloom_err_t
s_start (zloom_carrier_t *base)
{
    s_actor_t *self = s_self (base);
    zloom_err_t err = zloom_thread_start (s_thread, self, &self->thread);
    if (err != ZLOOM_OK) {
        return err;
    }
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl (base->fd, EPOLL_CTL_ADD, zloom_thread_fd (self->thread), &event) == 0
             ? ZLOOM_OK
             : zloom_fail_errno (ZLOOM_SYSTEM, "cannot watch a handler's thread");
}

static bool
s_ready (const zloom_carrier_t *base)
{
    return s_self (base)->up;
}

static size_t
s_room (const zloom_carrier_t *base)
{
    const s_actor_t *self = s_self (base);
    return self->closing || !self->up ? 0 : base->config->most - self->count;
}

static void
s_give (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    s_actor_t *self = s_self (base);
    zloom_work_t *work = zloom_work_new (base->config, job);
    work->next = self->works;
    self->works = work;
    self->count++;
    zloom_word_send (self->socket, ZLOOM_WORD_WORK, work);
}

static void
s_flush (zloom_carrier_t *base)
{
    (void) base;
}

static void
s_remove (s_actor_t *self, zloom_work_t *work)
{
    zloom_work_t **at = &self->works;
    while (*at != work) {
        at = &(*at)->next;
    }
    *at = work->next;
    self->count--;
}

static void
s_done (s_actor_t *self, zloom_work_t *work)
{
    const zloom_carrier_host_t *host = self->base.host;
    const bool acked = work->verdict == ZLOOM_VERDICT_ACK;
    zloom_outcome_t outcome = {
      .settlement = {.verdict = work->verdict, .delay_ms = work->delay_ms},
      .emits = work->emits,
      .emit_count = acked ? work->emit_count : 0,
    };
    if (acked) {
        outcome.settlement.delay_ms = ZLOOM_DELAY_UNSET;
    } else {
        const char *reason = work->verdict == ZLOOM_VERDICT_REJECT ? "rejected" : "failures";
        outcome.settlement.cause = (zloom_cause_t){
          .reason = zloom_bytes_text (reason), .exit = -1, .text = zloom_bytes_text (work->text)};
    }
    s_remove (self, work);
    host->done (host->arg, work->job, &outcome);
    zloom_work_destroy (&work);
}

static void
s_hear (s_actor_t *self, const zloom_word_t *word)
{
    const zloom_carrier_host_t *host = self->base.host;
    switch (word->kind) {
    case ZLOOM_WORD_WORK:
        break;
    case ZLOOM_WORD_UP:
        self->up = true;
        break;
    case ZLOOM_WORD_STARTED:
        word->work->job->started = true;
        host->started (host->arg, word->work->job);
        host->running (host->arg, word->work->job);
        break;
    case ZLOOM_WORD_PROGRESS:
        atomic_store (&word->work->progressed, false);
        host->progress (host->arg, word->work->job,
                        (uint64_t) atomic_load (&word->work->extend_ms));
        break;
    case ZLOOM_WORD_DONE:
        s_done (self, word->work);
        break;
    }
}

static void
s_pump (zloom_carrier_t *base)
{
    s_actor_t *self = s_self (base);
    zloom_word_t word;
    while (zloom_word_receive (self->socket, &word)) {
        s_hear (self, &word);
    }
    if (self->thread && zloom_thread_hear (self->thread) == ZLOOM_THREAD_ENDED) {
        const zloom_err_t err = zloom_thread_join (&self->thread);
        self->up = false;
        if (err != ZLOOM_OK) {
            base->host->fatal (base->host->arg, err, zloom_note ());
        }
    }
}

/*
 * Its handler may look, and its answer does not count any more; an expression is interrupted. The
 * work is this thread's again only after DONE, so it is there for both.
 */
static void
s_make_late (const s_actor_t *self, zloom_work_t *work)
{
    const zloom_node_actor_t *actor = self->base.config->actor;
    atomic_store (&work->late, true);
    if (actor->interrupt) {
        actor->interrupt (actor->arg, work);
    }
}

static void
s_abort (zloom_carrier_t *base, zloom_worker_job_t *job)
{
    for (zloom_work_t *work = s_self (base)->works; work; work = work->next) {
        if (work->job == job) {
            s_make_late (s_self (base), work);
        }
    }
}

static void
s_close (zloom_carrier_t *base)
{
    s_actor_t *self = s_self (base);
    self->closing = true;
    if (self->thread) {
        zloom_thread_ask (self->thread);
    }
}

static void
s_signal (zloom_carrier_t *base, int signal)
{
    (void) base;
    (void) signal;
}

static bool
s_closed (const zloom_carrier_t *base)
{
    return s_self (base)->thread == NULL;
}

static const char *
s_hint (const zloom_carrier_t *base)
{
    return s_self (base)->count == 0 ? NULL : "its handler has not returned yet";
}

/* The handler's thread first: it may have a work in its hands. */
static void
s_destroy (zloom_carrier_t *base)
{
    s_actor_t *self = s_self (base);
    /* Asked before it can see that it is late: then it begins nothing more. */
    if (self->thread) {
        zloom_thread_ask (self->thread);
    }
    for (zloom_work_t *work = self->works; work; work = work->next) {
        s_make_late (self, work);
    }
    if (self->thread) {
        (void) zloom_thread_join (&self->thread);
    }
    while (self->works) {
        zloom_work_t *work = self->works;
        self->works = work->next;
        zloom_work_destroy (&work);
    }
    zloom_socket_close (&self->socket);
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
  .close = s_close,
  .signal = s_signal,
  .closed = s_closed,
  .hint = s_hint,
  .destroy = s_destroy,
};

zloom_err_t
zloom_carrier_actor_new (const zloom_carrier_config_t *config, const zloom_carrier_host_t *host,
                         zloom_carrier_t **self_p)
{
    static atomic_uint s_count;
    s_actor_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_ACTOR_CARRIER_TAG;
    (void) snprintf (self->endpoint, sizeof self->endpoint, "inproc://zloom-actor-%u",
                     atomic_fetch_add (&s_count, 1) + 1);
    *self_p = &self->base;
    zloom_err_t err = zloom_carrier_init (&self->base, &s_ops, config, host);
    const zloom_socket_config_t words = zloom_word_config (config->most);
    if (err == ZLOOM_OK) {
        err = zloom_socket_open (ZLOOM_SOCKET_PAIR, &words, &self->socket);
    }
    if (err == ZLOOM_OK) {
        err = zloom_socket_bind (self->socket, self->endpoint);
    }
    self->base.socket = self->socket;
    return err;
}
