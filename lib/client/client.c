/* SPDX-License-Identifier: MPL-2.0 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/tag.h"
#include "client/shell.h"
#include "net/address.h"

/* Frames taken in before the core gets its turn. */
#define BURST 256
#define RENEW_REST_NS (200 * ZLOOM_NS_PER_MS)
/* How long BYE may take to leave. */
#define BYE_LINGER_NS (500 * ZLOOM_NS_PER_MS)

int64_t
zloom_deadline (int64_t ms)
{
    return zloom_time_add (zloom_clock_mono_ns (), ms > 0 ? ms * ZLOOM_NS_PER_MS : 0);
}

bool
zloom_client_expired (int64_t deadline_ns)
{
    return deadline_ns != ZLOOM_NEVER && zloom_clock_mono_ns () >= deadline_ns;
}

/* ---- events --------------------------------------------------------------------------------- */

static void
s_keep (char text[256], zloom_bytes_t from)
{
    snprintf (text, 256, "%.*s", (int) (from.size < 255 ? from.size : 255),
              from.size > 0 ? (const char *) from.data : "");
}

static void
s_answer (zloom_client_question_t *question, const zloom_client_event_t *event)
{
    if (question->done) {
        return;
    }
    question->err = event->code;
    s_keep (question->text, event->text);
    if (event->code == ZLOOM_OK && question->answer) {
        question->err = question->answer (question->arg, event->result, event->pack);
        s_keep (question->text, zloom_bytes_text (question->err ? zloom_note () : ""));
    }
    question->done = !event->more || question->err != ZLOOM_OK;
}

void
zloom_client_forget_over (zloom_client_t *self, uint32_t handle)
{
    if (self->over_handle == handle) {
        self->over = ZLOOM_OK;
    }
}

static void
s_subscribed (zloom_client_t *self, const zloom_client_event_t *event)
{
    zloom_client_forget_over (self, event->handle);
    if (event->handle == self->awaited) {
        self->awaited_done = true;
        self->awaited_err = event->code;
        s_keep (self->awaited_text, event->text);
    } else if (event->code != ZLOOM_OK) {
        self->over_handle = event->handle;
        self->over = event->code;
        s_keep (self->over_text, event->text);
    }
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_client_t *self = arg;
    if (event->type == ZLOOM_CLIENT_ANSWER && event->id == self->question.request) {
        s_answer (&self->question, event);
        return;
    }
    if (event->type == ZLOOM_CLIENT_FAILED && self->failed == ZLOOM_OK) {
        self->failed = event->code;
        snprintf (self->failed_text, sizeof self->failed_text, "flow %s, message %llu: %.*s",
                  event->flow, (unsigned long long) event->id,
                  (int) (event->text.size < 160 ? event->text.size : 160),
                  event->text.size > 0 ? (const char *) event->text.data : "");
    }
    if (event->type == ZLOOM_CLIENT_SUBSCRIBED) {
        s_subscribed (self, event);
    }
    if (self->event) {
        self->event (self->event_arg, event);
    }
}

/* ---- the descriptor ------------------------------------------------------------------------- */

static void
s_arm (zloom_client_t *self, int64_t at_ns)
{
    struct itimerspec when = {0};
    if (at_ns != ZLOOM_NEVER) {
        /* 0 would disarm it. */
        at_ns = at_ns > 0 ? at_ns : 1;
        when.it_value.tv_sec = (time_t) (at_ns / ZLOOM_NS_PER_S);
        when.it_value.tv_nsec = (long) (at_ns % ZLOOM_NS_PER_S);
    }
    zloom_assert (timerfd_settime (self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static int
s_socket_fd (const zloom_client_t *self)
{
    int fd = -1;
    size_t size = sizeof fd;
    void *handle = zloom_socket_handle (zloom_dealer_socket (self->dealer));
    zloom_assert (zmq_getsockopt (handle, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

static bool
s_watch (const zloom_client_t *self, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
s_unwatch (zloom_client_t *self)
{
    if (self->watched_fd >= 0) {
        (void) epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, self->watched_fd, NULL);
        self->watched_fd = -1;
    }
}

static void
s_close_descriptor (zloom_client_t *self)
{
    s_unwatch (self);
    if (self->timer_fd >= 0) {
        close (self->timer_fd);
    }
    if (self->epoll_fd >= 0) {
        close (self->epoll_fd);
    }
    self->timer_fd = -1;
    self->epoll_fd = -1;
}

int
zloom_client_fd (zloom_client_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    if (self->epoll_fd >= 0) {
        return self->epoll_fd;
    }
    self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const int fd = s_socket_fd (self);
    if (self->epoll_fd < 0 || self->timer_fd < 0 || !s_watch (self, self->timer_fd) ||
        !s_watch (self, fd)) {
        (void) zloom_fail_errno (ZLOOM_SYSTEM, "no descriptor to watch");
        s_close_descriptor (self);
        return -1;
    }
    self->watched_fd = fd;
    /* The first look is due at once: the socket's own edge may have passed. */
    s_arm (self, 1);
    return self->epoll_fd;
}

void
zloom_client_touch (zloom_client_t *self)
{
    if (self->epoll_fd >= 0 && !self->soon) {
        self->soon = true;
        s_arm (self, zloom_clock_mono_ns () + ZLOOM_NS_PER_MS);
    }
}

/* ---- frames --------------------------------------------------------------------------------- */

static size_t
s_receive (zloom_client_t *self)
{
    size_t count = 0;
    for (; count < BURST; count++) {
        zloom_bytes_t verb;
        zloom_blob_t *pack = NULL;
        zloom_err_t err = zloom_dealer_receive (self->dealer, &verb, &pack);
        if (err == ZLOOM_AGAIN) {
            break;
        }
        if (err == ZLOOM_OK) {
            zloom_client_core_frame (self->core, verb, pack, zloom_clock_now ());
        }
        zloom_blob_unref (&pack);
    }
    return count;
}

static size_t
s_send (zloom_client_t *self)
{
    size_t count = 0;
    zloom_client_out_t out;
    while (zloom_client_core_peek (self->core, &out) &&
           zloom_dealer_send (self->dealer, out.verb, out.blob, out.pack) == ZLOOM_OK) {
        zloom_client_core_pop (self->core);
        count++;
    }
    return count;
}

static void
s_renew (zloom_client_t *self)
{
    const zloom_now_t now = zloom_clock_now ();
    if (!zloom_client_core_wants_road (self->core) || now.mono_ns < self->renew_ns) {
        return;
    }
    s_unwatch (self);
    if (zloom_dealer_renew (self->dealer) == ZLOOM_OK) {
        zloom_client_core_connected (self->core, now);
    } else {
        self->renew_ns = now.mono_ns + RENEW_REST_NS;
    }
    if (self->epoll_fd >= 0) {
        const int fd = s_socket_fd (self);
        self->watched_fd = s_watch (self, fd) ? fd : -1;
    }
}

/*
 * Ends with a look into the socket that found nothing after the last send: sends take in libzmq's
 * commands, too, so what came meanwhile would not show on its descriptor any more.
 */
void
zloom_client_pump (zloom_client_t *self)
{
    size_t received;
    size_t sent;
    do {
        received = s_receive (self);
        self->next_ns = zloom_client_core_tick (self->core, zloom_clock_now ());
        s_renew (self);
        sent = s_send (self);
    } while (sent > 0 || received == BURST); /* else the last look found nothing */
    self->pumped_ns = zloom_clock_mono_ns ();
    if (self->next_ns < self->renew_ns && zloom_client_core_wants_road (self->core)) {
        self->next_ns = self->renew_ns;
    }
    if (self->epoll_fd >= 0) {
        uint64_t rung;
        while (read (self->timer_fd, &rung, sizeof rung) < 0 && errno == EINTR) {
        }
        self->soon = false;
        s_arm (self, self->next_ns);
    }
}

zloom_err_t
zloom_client_wait (zloom_client_t *self, int64_t deadline_ns)
{
    zloom_client_out_t out;
    const zloom_socket_t *socket = zloom_dealer_socket (self->dealer);
    const bool full = zloom_client_core_peek (self->core, &out);
    zloom_poll_item_t items[] = {
      {.socket = socket, .fd = -1},
      {.socket = full ? socket : NULL, .fd = -1, .write = true},
      {.socket = zloom_dealer_monitor (self->dealer), .fd = -1},
    };
    zloom_err_t err =
      zloom_poll (items, 3, deadline_ns < self->next_ns ? deadline_ns : self->next_ns);
    (void) zloom_dealer_handshake (self->dealer); /* what is readable is read */
    zloom_client_pump (self);
    return err;
}

zloom_err_t
zloom_client_dispatch (zloom_client_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_client_pump (self);
    return zloom_client_core_ended (self->core);
}

zloom_err_t
zloom_client_say (zloom_client_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    self->next_ns = zloom_client_core_tick (self->core, zloom_clock_now ());
    const size_t sent = s_send (self);
    if (self->epoll_fd >= 0) {
        /* A send may have taken what the socket's descriptor would have shown: look at once. */
        s_arm (self, sent > 0 ? 1 : self->next_ns);
    }
    return zloom_client_core_ended (self->core);
}

/* ---- life ----------------------------------------------------------------------------------- */

zloom_client_core_t *
zloom_client_core (zloom_client_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    return self->core;
}

static void
s_free (zloom_client_t **self_p, int64_t linger_ns)
{
    zloom_client_t *self = *self_p;
    *self_p = NULL;
    s_close_descriptor (self);
    zloom_dealer_close (&self->dealer, linger_ns);
    zloom_client_core_destroy (&self->core);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

static zloom_err_t
s_lay_road (zloom_client_t *self, const char *endpoint)
{
    zloom_address_t address;
    zloom_err_t err = zloom_address_parse (endpoint, &address);
    if (err == ZLOOM_OK) {
        const zloom_socket_config_t config = {.curve = address.keyed ? &address.curve : NULL};
        err = zloom_dealer_open (address.endpoint, &config, &self->dealer);
    }
    zloom_keypair_wipe (&address.curve.own);
    return err;
}

zloom_err_t
zloom_client_begin (const char *endpoint, const zloom_client_options_t *options,
                    zloom_client_event_fn *event, void *event_arg, zloom_client_t **client_p)
{
    static const uint8_t no_nonce[ZLOOM_NONCE_BYTES];
    *client_p = NULL;
    zloom_client_options_t drawn = *options;
    if (memcmp (drawn.nonce, no_nonce, sizeof no_nonce) == 0) {
        zloom_random_system (drawn.nonce, sizeof drawn.nonce);
    }
    if (drawn.seed == 0) {
        zloom_random_system (&drawn.seed, sizeof drawn.seed);
    }
    zloom_client_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_CLIENT_TAG;
    self->epoll_fd = -1;
    self->timer_fd = -1;
    self->watched_fd = -1;
    self->event = event;
    self->event_arg = event_arg;
    self->prompt = options->linger_ns < 0;
    zloom_err_t err = zloom_client_core_new (&drawn, s_event, self, &self->core);
    if (err == ZLOOM_OK) {
        err = s_lay_road (self, endpoint);
    }
    if (err == ZLOOM_OK) {
        zloom_client_core_connected (self->core, zloom_clock_now ());
        *client_p = self;
    } else {
        s_free (&self, 0);
    }
    return err;
}

void
zloom_client_kill (zloom_client_t **client_p)
{
    zloom_assert (client_p);
    if (*client_p) {
        ZLOOM_CHECK (*client_p, ZLOOM_CLIENT_TAG);
        s_free (client_p, 0);
    }
}

zloom_err_t
zloom_client_close (zloom_client_t **client_p, int64_t deadline_ns)
{
    zloom_assert (client_p);
    zloom_client_t *self = *client_p;
    if (!self) {
        return ZLOOM_OK;
    }
    ZLOOM_CHECK (self, ZLOOM_CLIENT_TAG);
    zloom_err_t err = zloom_client_settle_all (self, deadline_ns);
    zloom_client_core_leave (self->core);
    (void) s_send (self);
    s_free (client_p, zloom_client_expired (deadline_ns) ? 0 : BYE_LINGER_NS);
    return err;
}
