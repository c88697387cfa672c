/* SPDX-License-Identifier: MPL-2.0 */
/*
 * net.h - the network between peers and the router. As ZeroMQ: on one road frames keep their order
 * and are whole; a road that breaks loses what was under way, goes on under another route, and
 * only the router is told (by its next send); pipes are bounded.
 */
#ifndef ZLOOM_TESTS_SIM_NET_H
#define ZLOOM_TESTS_SIM_NET_H

#include "engine/engine.h"
#include "ground.h"

typedef struct sim_net sim_net_t;
typedef struct sim_road sim_road_t; /* one DEALER; lives as long as the net */

/* What passes the router's mouth, for who checks it. `pack` is unset when there is none. */
typedef struct {
    void *arg;
    void (*heard) (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_bytes_t pack);
    void (*said) (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_bytes_t pack);
    /* It wanted to say something, and nobody was there. */
    void (*unsaid) (void *arg, zloom_route_t route, zloom_bytes_t verb);
    /* The router knows, or was told now, that nobody is there any more. */
    void (*ended) (void *arg, zloom_route_t route);
} sim_mouth_t;

/* `mouth` is copied; NULL: nobody listens. */
sim_net_t *sim_net_new (sim_ground_t *ground, const sim_mouth_t *mouth);
void sim_net_destroy (sim_net_t **self_p);
/* The router's end; its functions work while the router is up. */
zloom_transport_t sim_net_transport (sim_net_t *self);

/* ---- the peer's end -------------------------------------------------------------------------- */

sim_road_t *sim_net_connect (sim_net_t *self);
/* Whether the pipe takes one more frame. */
bool sim_road_can_send (const sim_road_t *road);
void sim_road_send (sim_net_t *self, sim_road_t *road, zloom_bytes_t verb, zloom_blob_t *blob,
                    zloom_bytes_t pack);
/* The next frame that has arrived; the caller unrefs both blobs. */
bool sim_road_receive (sim_net_t *self, sim_road_t *road, zloom_blob_t **verb_p,
                       zloom_blob_t **pack_p);
/* The longest that a frame has waited at the router's door. */
int64_t sim_road_waited (const sim_road_t *road);
/* When the next frame arrives, or ZLOOM_NEVER. */
int64_t sim_road_next (const sim_road_t *road);
/* The peer closes its socket: what it sent may still arrive. */
void sim_road_leave (sim_net_t *self, sim_road_t **road_p);

/* ---- the world's end ------------------------------------------------------------------------- */

/* When the next frame reaches the router, or ZLOOM_NEVER. */
int64_t sim_net_next (const sim_net_t *self);
/* The connection breaks and comes again. */
void sim_net_cut (sim_net_t *self, sim_road_t *road);
/* The router stops: every connection breaks, nothing is heard or said until up. */
void sim_net_down (sim_net_t *self);
void sim_net_up (sim_net_t *self);
/* Faults of the network itself (long delays) on or off. */
void sim_net_rough (sim_net_t *self, bool rough);
/* The newest DELIVER that went down any road. Unset: none yet. */
zloom_bytes_t sim_net_leaked (const sim_net_t *self);
/* The newest frame that came up any road, for those who mimic others. Unset: none yet. */
zloom_bytes_t sim_net_overheard (const sim_net_t *self);

#endif
