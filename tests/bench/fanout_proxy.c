/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout_proxy.c - the road "proxy": zmq_proxy between XSUB and XPUB. No socket drops: XPUB_NODROP
 * makes a full pipe hold the sender, back to the publisher. A frame is the topic, a zero and
 * PER_FRAME bodies. With keys it is the road to the subscribers that has them; whoever knows the
 * proxy's public key may hear.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "fanout.h"

#define ENDPOINT_BYTES 128
#define FIRST_PORT 21000

typedef struct {
    void *context, *socket;
    size_t prefix, used, capacity;
    uint8_t *frame;
} publisher_t;

/* All processes of a run have one parent. */
static void
s_endpoint (const fanout_plan_t *plan, bool in, bool parent, char *text)
{
    const int pid = parent ? getppid () : getpid ();
    if (strcmp (plan->where, "ipc") == 0) {
        snprintf (text, ENDPOINT_BYTES, "ipc://@bench-fanout-%d-%s", pid, in ? "in" : "out");
    } else {
        snprintf (text, ENDPOINT_BYTES, "tcp://127.0.0.1:%d",
                  FIRST_PORT + pid % 8000 * 2 + (in ? 0 : 1));
    }
}

static void *
s_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    fanout_check (socket, "socket");
    if (type == ZMQ_XPUB) {
        const int on = 1;
        fanout_check (zmq_setsockopt (socket, ZMQ_XPUB_NODROP, &on, sizeof on) == 0, "option");
    }
    return socket;
}

static void
s_serve_keys (const fanout_plan_t *plan, void *socket)
{
    const int on = 1;
    fanout_check (!plan->keyed || (zmq_setsockopt (socket, ZMQ_CURVE_SERVER, &on, sizeof on) == 0 &&
                                   zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, plan->secret_key,
                                                   sizeof plan->secret_key) == 0),
                  "keys");
}

static void
s_bring_keys (const fanout_plan_t *plan, void *socket)
{
    char public_key[FANOUT_KEY_BYTES], secret_key[FANOUT_KEY_BYTES];
    fanout_check (
      !plan->keyed ||
        (zmq_curve_keypair (public_key, secret_key) == 0 &&
         zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, plan->public_key, sizeof plan->public_key) ==
           0 &&
         zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, public_key, sizeof public_key) == 0 &&
         zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret_key, sizeof secret_key) == 0),
      "keys");
}

static void
s_middle (const fanout_plan_t *plan)
{
    char in[ENDPOINT_BYTES];
    char out[ENDPOINT_BYTES];
    s_endpoint (plan, true, true, in);
    s_endpoint (plan, false, true, out);
    void *context = zmq_ctx_new ();
    void *front = s_socket (context, ZMQ_XSUB);
    void *back = s_socket (context, ZMQ_XPUB);
    s_serve_keys (plan, back);
    fanout_check (zmq_bind (front, in) == 0 && zmq_bind (back, out) == 0, "bind");
    zmq_proxy (front, back, NULL);
}

static void *
s_open (const fanout_plan_t *plan)
{
    char in[ENDPOINT_BYTES];
    publisher_t *self = calloc (1, sizeof *self);
    fanout_check (self, "memory");
    self->prefix = strlen (plan->topic) + 1;
    self->capacity = self->prefix + plan->bytes * plan->per_frame;
    self->frame = malloc (self->capacity);
    fanout_check (self->frame, "memory");
    memcpy (self->frame, plan->topic, self->prefix);
    self->used = self->prefix;
    self->context = zmq_ctx_new ();
    self->socket = s_socket (self->context, ZMQ_XPUB);
    s_endpoint (plan, true, true, in);
    fanout_check (zmq_connect (self->socket, in) == 0, "connect");
    return self;
}

static void
s_flush (void *arg)
{
    publisher_t *self = arg;
    if (self->used > self->prefix) {
        fanout_check (zmq_send (self->socket, self->frame, self->used, 0) >= 0, "send");
        self->used = self->prefix;
    }
}

static void
s_publish (void *arg, const uint8_t *body, size_t size)
{
    publisher_t *self = arg;
    memcpy (self->frame + self->used, body, size);
    self->used += size;
    if (self->used == self->capacity) {
        s_flush (self);
    }
}

static void
s_close (void *arg)
{
    publisher_t *self = arg;
    zmq_close (self->socket);
    zmq_ctx_term (self->context);
    free (self->frame);
    free (self);
}

static void
s_hear (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg)
{
    char out[ENDPOINT_BYTES];
    const size_t prefix = strlen (plan->topic) + 1;
    void *context = zmq_ctx_new ();
    void *socket = s_socket (context, ZMQ_SUB);
    s_bring_keys (plan, socket);
    s_endpoint (plan, false, true, out);
    fanout_check (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, plan->topic, prefix) == 0 &&
                    zmq_connect (socket, out) == 0,
                  "subscribe");
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    for (bool more = true; more;) {
        fanout_check (zmq_msg_recv (&frame, socket, 0) >= 0, "receive");
        const uint8_t *body = (const uint8_t *) zmq_msg_data (&frame) + prefix;
        for (size_t left = zmq_msg_size (&frame) - prefix; left > 0 && more; left -= plan->bytes) {
            more = heard (arg, body, plan->bytes);
            body += plan->bytes;
        }
    }
    zmq_msg_close (&frame);
    zmq_close (socket);
    zmq_ctx_term (context);
}

const fanout_road_t fanout_proxy = {.name = "proxy",
                                    .middle = s_middle,
                                    .open = s_open,
                                    .publish = s_publish,
                                    .flush = s_flush,
                                    .close = s_close,
                                    .hear = s_hear};
