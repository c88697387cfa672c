/* SPDX-License-Identifier: MPL-2.0 */
/*
 * router_door.h - what a router of a fleet has beside one that serves its own host alone: a keyed
 * endpoint for the others, a door that lets in the fleet's keys, and their rights.
 */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_DOOR_H
#define ZLOOM_NODES_ROUTER_ROUTER_DOOR_H

#include "base/map.h"
#include "engine/engine.h"
#include "net/door.h"
#include "net/socket.h"
#include "nodes/node.h"

typedef struct {
    zloom_door_t *door; /* NULL: a router without a fleet */
    zloom_curve_t curve;
    zloom_fleet_t *own;  /* read again; NULL: it is still that of the start */
    zloom_map_t *by_key; /* public key to zloom_fleet_key_t */
    char endpoint[ZLOOM_ENDPOINT_BYTES];
} zloom_router_door_t;

/* Nothing when args->fleet is NULL. The socket that uses self->curve goes before fini. */
zloom_err_t zloom_router_door_init (zloom_router_door_t *self, const zloom_node_args_t *args);
void zloom_router_door_fini (zloom_router_door_t *self);
/* These keys and rights from now on; takes the fleet. Sessions are the engine's to look at anew. */
zloom_err_t zloom_router_door_change (zloom_router_door_t *self, zloom_fleet_t **fleet_p);
/* zloom_engine_config_t.rights; `arg` is the door. Who came without a key is of this very user. */
bool zloom_router_door_may (void *arg, const char *key, zloom_right_t right, const char *flow);

#endif
