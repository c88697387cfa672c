/* SPDX-License-Identifier: MPL-2.0 */
/*
 * router_transport.h - the engine's port for transport over a ROUTER socket.
 *
 * Frames are not copied where it pays: a received pack keeps libzmq's memory and frees it with its
 * blob's last reference (any thread); a sent pack keeps a reference to its blob until libzmq is
 * done with it. Small ones are copied, which is cheaper.
 *
 * A peer's routing id is known by the number that stands for it (zloom_route_t). Peers must not
 * choose routing ids of their own, and speak at most two frames: else the frame is `malformed`.
 */
#ifndef ZLOOM_NET_ROUTER_TRANSPORT_H
#define ZLOOM_NET_ROUTER_TRANSPORT_H

#include "base/bytes.h"
#include "net/socket.h"

/* lib/net lies below the engine: its port is filled by nodes/router from these functions. */
typedef struct zloom_router_transport zloom_router_transport_t;

typedef struct {
    uint64_t route;     /* never 0, never used twice */
    zloom_bytes_t verb; /* valid until the next receive */
    zloom_blob_t *pack; /* NULL: none; one reference, the receiver's */
    const char *key;    /* the peer's public key, proven; NULL: by a plain endpoint */
    bool malformed;     /* too many frames, or a routing id of its own */
} zloom_router_frame_t;

typedef struct {
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t malformed, gone, full; /* frames; sends refused because the peer left, or is full */
    uint64_t routes;                /* known now */
    uint64_t broken_handshakes;     /* by peers without CURVE, with another key, or that went */
} zloom_router_transport_stats_t;

/*
 * Bind a ROUTER at `endpoint`, plainly. With config->curve (borrowed) it can serve at keyed ones,
 * too: frames that come by them carry the key of who sent them. Errors as zloom_socket_bind.
 */
zloom_err_t zloom_router_transport_open (const char *endpoint, const zloom_socket_config_t *config,
                                         zloom_router_transport_t **self_p);
/* Serve at one more endpoint. */
zloom_err_t zloom_router_transport_bind (zloom_router_transport_t *self, const char *endpoint);
/* The same with config->curve, after the plain ones but for inproc. */
zloom_err_t zloom_router_transport_bind_keyed (zloom_router_transport_t *self,
                                               const char *endpoint);
/* What is unsent goes out for at most `linger_ns`. */
void zloom_router_transport_close (zloom_router_transport_t **self_p, int64_t linger_ns);
/* The socket to poll. */
const zloom_socket_t *zloom_router_transport_socket (const zloom_router_transport_t *self);
/*
 * A second one, of a router with keys: readable when a handshake failed before the door was asked;
 * zloom_router_transport_hear counts and logs that. NULL: none.
 */
const zloom_socket_t *zloom_router_transport_monitor (const zloom_router_transport_t *self);
void zloom_router_transport_hear (zloom_router_transport_t *self);
/* The next message of any peer, in fair order; false when there is none now. */
bool zloom_router_transport_receive (zloom_router_transport_t *self, zloom_router_frame_t *frame);
/* `pack`: a view into `blob`, which is referenced as long as needed. Never blocks. GONE, AGAIN. */
zloom_err_t zloom_router_transport_send (zloom_router_transport_t *self, uint64_t number,
                                         zloom_bytes_t verb, zloom_blob_t *blob,
                                         zloom_bytes_t pack);
/* The route of that number is not used again; a frame that still comes gets a new one. */
void zloom_router_transport_forget (zloom_router_transport_t *self, uint64_t number);
void zloom_router_transport_stats (const zloom_router_transport_t *self,
                                   zloom_router_transport_stats_t *stats);

#endif
