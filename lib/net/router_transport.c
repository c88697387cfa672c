/* SPDX-License-Identifier: MPL-2.0 */
#include "net/router_transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/message.h"

#define TRANSPORT_TAG 0x5A4E7274u
/* What libzmq gives: a zero byte and a number. Others are a peer's own, which nobody may have. */
#define ROUTING_ID_BYTES 5
#define ROUTING_ID_MAX 255

typedef struct {
    uint64_t number;
    size_t size;
    uint8_t routing_id[ROUTING_ID_MAX];
    char key[ZLOOM_KEY_CHARS + 1]; /* "": none, it came by a plain endpoint */
} route_t;

struct zloom_router_transport {
    uint32_t tag;
    zloom_socket_t *socket;
    zloom_map_t *by_routing_id;
    zloom_idmap_t *by_number;
    uint64_t next_number;
    route_t *last;        /* whose frame came last; NULL: nobody's */
    zmq_msg_t routing_id; /* of the message received last */
    zmq_msg_t verb;
    zloom_socket_t *monitor;                     /* NULL: a router without keys */
    uint64_t untold[ZLOOM_HANDSHAKE_BROKEN + 1]; /* failed handshakes that were not logged */
    int64_t told_ns;
    zloom_router_transport_stats_t stats;
};

zloom_err_t
zloom_router_transport_open (const char *endpoint, const zloom_socket_config_t *config,
                             zloom_router_transport_t **self_p)
{
    *self_p = NULL;
    zloom_socket_t *socket = NULL;
    zloom_err_t err = zloom_socket_open (ZLOOM_SOCKET_ROUTER, config, &socket);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_socket_t *monitor = NULL;
    if (config && config->curve) {
        err = zloom_socket_watch_handshakes (socket, &monitor);
    }
    if (err == ZLOOM_OK) {
        err = zloom_socket_bind (socket, endpoint);
    }
    if (err != ZLOOM_OK) {
        zloom_socket_close (&socket);
        zloom_socket_close (&monitor);
        return err;
    }
    zloom_router_transport_t *self = zloom_alloc (sizeof *self);
    self->tag = TRANSPORT_TAG;
    self->socket = socket;
    self->monitor = monitor;
    self->by_routing_id = zloom_map_new ();
    self->by_number = zloom_idmap_new ();
    self->next_number = 1;
    zloom_assert (zmq_msg_init (&self->routing_id) == 0);
    zloom_assert (zmq_msg_init (&self->verb) == 0);
    *self_p = self;
    return ZLOOM_OK;
}

zloom_err_t
zloom_router_transport_bind (zloom_router_transport_t *self, const char *endpoint)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    return zloom_socket_bind (self->socket, endpoint);
}

zloom_err_t
zloom_router_transport_bind_keyed (zloom_router_transport_t *self, const char *endpoint)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    return zloom_socket_bind_keyed (self->socket, endpoint);
}

void
zloom_router_transport_close (zloom_router_transport_t **self_p, int64_t linger_ns)
{
    zloom_assert (self_p);
    zloom_router_transport_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    *self_p = NULL;
    route_t *route = NULL;
    for (size_t i = 0; zloom_idmap_next (self->by_number, &i, NULL, (void **) &route);) {
        free (route);
    }
    zloom_idmap_destroy (&self->by_number);
    zloom_map_destroy (&self->by_routing_id);
    zmq_msg_close (&self->routing_id);
    zmq_msg_close (&self->verb);
    zloom_socket_linger (self->socket, linger_ns);
    zloom_socket_close (&self->socket);
    zloom_socket_close (&self->monitor);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

const zloom_socket_t *
zloom_router_transport_socket (const zloom_router_transport_t *self)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    return self->socket;
}

const zloom_socket_t *
zloom_router_transport_monitor (const zloom_router_transport_t *self)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    return self->monitor;
}

void
zloom_router_transport_hear (zloom_router_transport_t *self)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    zloom_handshake_t what;
    while (self->monitor &&
           (what = zloom_handshake_read (self->monitor)) != ZLOOM_HANDSHAKE_NOTHING) {
        /* The door has told of those that it refused. */
        if (what != ZLOOM_HANDSHAKE_REFUSED) {
            self->untold[what]++;
            self->stats.broken_handshakes++;
        }
    }
    const uint64_t plain = self->untold[ZLOOM_HANDSHAKE_PLAIN];
    const uint64_t other = self->untold[ZLOOM_HANDSHAKE_OTHER_KEY];
    const uint64_t broken = self->untold[ZLOOM_HANDSHAKE_BROKEN];
    const int64_t now_ns = zloom_clock_mono_ns ();
    if (plain + other + broken == 0 ||
        (self->told_ns != 0 && now_ns - self->told_ns < ZLOOM_NS_PER_S)) {
        return;
    }
    zloom_log (ZLOOM_LOG_WARN, "handshakes",
               "plain=%llu other_key=%llu broken=%llu: peers without CURVE, peers that expect "
               "another key of this router, and such as went away or spoke something else",
               (unsigned long long) plain, (unsigned long long) other, (unsigned long long) broken);
    memset (self->untold, 0, sizeof self->untold);
    self->told_ns = now_ns;
}

/* Read from a body frame: on the one with the routing id it may be missing. */
static void
s_read_key (route_t *route, zmq_msg_t *verb)
{
    const char *user = zmq_msg_gets (verb, "User-Id");
    (void) snprintf (route->key, sizeof route->key, "%s", user ? user : "");
}

static route_t *
s_route (zloom_router_transport_t *self, zloom_bytes_t routing_id)
{
    if (self->last &&
        zloom_bytes_equal (zloom_bytes (self->last->routing_id, self->last->size), routing_id)) {
        return self->last;
    }
    route_t *route = zloom_map_get (self->by_routing_id, routing_id);
    if (route) {
        self->last = route;
        return route;
    }
    zloom_assert (routing_id.size <= ROUTING_ID_MAX);
    route = zloom_alloc (sizeof *route);
    route->number = self->next_number++;
    route->size = routing_id.size;
    memcpy (route->routing_id, routing_id.data, routing_id.size);
    s_read_key (route, &self->verb);
    zloom_map_put (self->by_routing_id, routing_id, route);
    zloom_idmap_put (self->by_number, route->number, route);
    return route;
}

bool
zloom_router_transport_receive (zloom_router_transport_t *self, zloom_router_frame_t *frame)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    void *socket = zloom_socket_handle (self->socket);
    while (zmq_msg_recv (&self->routing_id, socket, ZMQ_DONTWAIT) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    /* A ROUTER always gives the routing id and at least one frame behind it. */
    zloom_err_t err = zloom_message_receive (socket, &self->verb, &frame->pack);
    zloom_bytes_t routing_id = zloom_message_bytes (&self->routing_id);
    frame->verb = zloom_message_bytes (&self->verb);
    const route_t *route = s_route (self, routing_id);
    frame->route = route->number;
    frame->key = route->key[0] ? route->key : NULL;
    frame->malformed =
      err != ZLOOM_OK || routing_id.size != ROUTING_ID_BYTES || routing_id.data[0] != 0;
    self->stats.frames_in++;
    self->stats.bytes_in += frame->verb.size;
    self->stats.bytes_in += frame->pack ? zloom_blob_bytes (frame->pack).size : 0;
    self->stats.malformed += frame->malformed;
    return true;
}

zloom_err_t
zloom_router_transport_send (zloom_router_transport_t *self, uint64_t number, zloom_bytes_t verb,
                             zloom_blob_t *blob, zloom_bytes_t pack)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    const route_t *route = zloom_idmap_get (self->by_number, number);
    if (!route) {
        self->stats.gone++;
        return ZLOOM_GONE;
    }
    void *socket = zloom_socket_handle (self->socket);
    while (zmq_send (socket, route->routing_id, route->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        if (errno == EAGAIN) {
            self->stats.full++;
            return ZLOOM_AGAIN;
        }
        if (errno != EINTR) {
            self->stats.gone++;
            return ZLOOM_GONE;
        }
    }
    self->stats.frames_out++;
    self->stats.bytes_out += verb.size + (blob ? pack.size : 0);
    return zloom_message_send (socket, verb, blob, pack);
}

void
zloom_router_transport_forget (zloom_router_transport_t *self, uint64_t number)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    route_t *route = zloom_idmap_remove (self->by_number, number);
    if (route) {
        self->last = self->last == route ? NULL : self->last;
        zloom_map_remove (self->by_routing_id, zloom_bytes (route->routing_id, route->size));
        free (route);
    }
}

void
zloom_router_transport_stats (const zloom_router_transport_t *self,
                              zloom_router_transport_stats_t *stats)
{
    ZLOOM_CHECK (self, TRANSPORT_TAG);
    *stats = self->stats;
    stats->routes = zloom_idmap_count (self->by_number);
}
