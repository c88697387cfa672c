/* SPDX-License-Identifier: MPL-2.0 */
#include "net/zap.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/control.h"
#include "net/message.h"
#include "net/socket.h"

#define ENDPOINT "inproc://zeromq.zap.01"
/* Version, request id, domain, address, identity, mechanism, and the key of CURVE. */
#define FRAMES_LEAST 6
#define FRAMES_MOST 7
#define START_NS (10 * ZLOOM_NS_PER_S)

struct zloom_zap {
    zloom_zap_fn *ask;
    void *arg;
    zloom_thread_t *thread;
};

/* ---- one question --------------------------------------------------------------------------- */

/* All frames of a request; those beyond what is known are read and dropped. Returns how many. */
static size_t
s_receive (void *socket, zmq_msg_t frames[FRAMES_MOST])
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zloom_assert (zmq_msg_init (&frame) == 0);
        while (zmq_msg_recv (&frame, socket, ZMQ_DONTWAIT) < 0) {
            if (errno != EINTR) {
                zmq_msg_close (&frame);
                return 0; /* nothing there: parts of one message come together */
            }
        }
        more = zmq_msg_more (&frame);
        if (count < FRAMES_MOST) {
            zloom_assert (zmq_msg_init (&frames[count]) == 0);
            zmq_msg_move (&frames[count], &frame);
        }
        count++;
        zmq_msg_close (&frame);
    }
    return count;
}

static void
s_send (void *socket, zloom_bytes_t part, bool more)
{
    zmq_msg_t frame;
    zloom_message_copy (&frame, part);
    while (zmq_msg_send (&frame, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0) {
        if (errno != EINTR) {
            zmq_msg_close (&frame); /* whoever asked is gone */
            return;
        }
    }
}

/* The user id of who is let in is its public key as text: frames carry it from then on. */
static void
s_answer (void *socket, zloom_bytes_t request, const char *code, const char *text, const char *user)
{
    s_send (socket, zloom_bytes_text ("1.0"), true);
    s_send (socket, request, true);
    s_send (socket, zloom_bytes_text (code), true);
    s_send (socket, zloom_bytes_text (text), true);
    s_send (socket, zloom_bytes_text (user), true);
    s_send (socket, zloom_bytes (NULL, 0), false);
}

static void
s_decide (const zloom_zap_t *self, void *socket, zmq_msg_t frames[FRAMES_MOST], size_t count)
{
    const zloom_bytes_t request =
      count > 1 ? zloom_message_bytes (&frames[1]) : zloom_bytes (NULL, 0);
    if (count < FRAMES_LEAST || count > FRAMES_MOST ||
        !zloom_bytes_equal (zloom_message_bytes (&frames[0]), zloom_bytes_text ("1.0"))) {
        s_answer (socket, request, "500", "no question that is known", "");
        return;
    }
    const zloom_zap_question_t question = {
      .domain = zloom_message_bytes (&frames[2]),
      .address = zloom_message_bytes (&frames[3]),
      .mechanism = zloom_message_bytes (&frames[5]),
      .key = count > FRAMES_LEAST ? zloom_message_bytes (&frames[6]) : zloom_bytes (NULL, 0),
    };
    if (!zloom_bytes_equal (question.mechanism, zloom_bytes_text ("CURVE")) ||
        question.key.size != ZLOOM_KEY_BYTES || !self->ask (self->arg, &question)) {
        s_answer (socket, request, "400", "this key is not known here", "");
        return;
    }
    char user[ZLOOM_KEY_CHARS + 1];
    zloom_assert (zmq_z85_encode (user, question.key.data, ZLOOM_KEY_BYTES));
    s_answer (socket, request, "200", "", user);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void
s_serve (const zloom_zap_t *self, const zloom_socket_t *socket)
{
    void *handle = zloom_socket_handle (socket);
    zmq_msg_t frames[FRAMES_MOST];
    size_t count;
    while ((count = s_receive (handle, frames)) > 0) {
        s_decide (self, handle, frames, count);
        for (size_t i = 0; i < count && i < FRAMES_MOST; i++) {
            zmq_msg_close (&frames[i]);
        }
    }
}

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    const zloom_zap_t *self = arg;
    zloom_socket_t *socket = NULL;
    zloom_err_t err = zloom_socket_open (ZLOOM_SOCKET_REP, NULL, &socket);
    if (err == ZLOOM_OK) {
        err = zloom_socket_bind (socket, ENDPOINT);
    }
    zloom_stop_t stop;
    zloom_stop_init (&stop, stop_fd);
    if (err == ZLOOM_OK) {
        zloom_ready_tell (ready_fd);
    }
    while (err == ZLOOM_OK && zloom_stop_read (&stop) == ZLOOM_STOP_NO) {
        zloom_poll_item_t items[] = {{.socket = socket, .fd = -1}, {.fd = zloom_stop_fd (&stop)}};
        err = zloom_poll (items, 2, ZLOOM_NEVER);
        s_serve (self, socket);
    }
    if (err != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_ERROR, "zap-failed", "%s", zloom_note ());
    }
    zloom_socket_close (&socket);
    return err;
}

static zloom_err_t
s_await (zloom_zap_t *self)
{
    const int64_t end_ns = zloom_time_add (zloom_clock_mono_ns (), START_NS);
    for (;;) {
        switch (zloom_thread_hear (self->thread)) {
        case ZLOOM_THREAD_READY:
            return ZLOOM_OK;
        case ZLOOM_THREAD_ENDED:
            return zloom_thread_join (&self->thread);
        case ZLOOM_THREAD_NOTHING:
            break;
        }
        if (zloom_clock_mono_ns () >= end_ns) {
            return zloom_fail (ZLOOM_TIMED_OUT, "the thread that knows keys does not come up");
        }
        zloom_poll_item_t item = {.fd = zloom_thread_fd (self->thread)};
        const zloom_err_t err = zloom_poll (&item, 1, end_ns);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
}

zloom_err_t
zloom_zap_start (zloom_zap_fn *ask, void *arg, zloom_zap_t **self_p)
{
    *self_p = NULL;
    zloom_zap_t *self = zloom_alloc (sizeof *self);
    self->ask = ask;
    self->arg = arg;
    zloom_err_t err = zloom_thread_start (s_run, self, &self->thread);
    if (err == ZLOOM_OK) {
        err = s_await (self);
    }
    if (err != ZLOOM_OK) {
        zloom_zap_stop (&self);
        return err;
    }
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_zap_stop (zloom_zap_t **self_p)
{
    zloom_zap_t *self = *self_p;
    if (!self) {
        return;
    }
    *self_p = NULL;
    if (self->thread) {
        zloom_thread_ask (self->thread);
        (void) zloom_thread_join (&self->thread); /* what failed was logged */
    }
    free (self);
}
