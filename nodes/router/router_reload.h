/* SPDX-License-Identifier: MPL-2.0 */
/*
 * router_reload.h - a changed recipe for a router that runs. The engine is in the middle of a turn
 * when it is asked (ADMIN reload), so the request waits (AGAIN), the recipe is read and taken over
 * between two turns, and the request, which comes again with the next one, has its answer then. It
 * is that asker's alone: others wait, and are served in turn, also when it does not come for it.
 */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_RELOAD_H
#define ZLOOM_NODES_ROUTER_ROUTER_RELOAD_H

#include "base/bytes.h"
#include "engine/engine.h"
#include "nodes/node.h"
#include "nodes/router/router_door.h"

typedef struct {
    const zloom_node_args_t *args;
    zloom_router_door_t *door; /* of a router with a fleet, which is read again, too */
    enum { ZLOOM_RELOAD_NONE, ZLOOM_RELOAD_ASKED, ZLOOM_RELOAD_DONE } state;
    uint64_t asker; /* whose it is */
    char *sets;     /* --set values, a newline behind each */
    zloom_err_t err;
    char note[ZLOOM_NOTE_BYTES];
} zloom_router_reload_t;

/* zloom_engine_config_t.reload; `arg` is the reload. */
zloom_err_t zloom_router_reload_ask (void *arg, uint64_t asker, zloom_bytes_t sets);
/* Between two turns: true when the next one shall come at once, for those who wait. */
bool zloom_router_reload_turn (zloom_router_reload_t *self, zloom_engine_t *engine);
void zloom_router_reload_fini (zloom_router_reload_t *self);

#endif
