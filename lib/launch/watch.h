/* SPDX-License-Identifier: MPL-2.0 */
/*
 * watch.h - the supervisor's eyes: a session with the topology's router. Tells it at once which
 * process died (GONE), and asks it now and then whether any work is left.
 */
#ifndef ZLOOM_LAUNCH_WATCH_H
#define ZLOOM_LAUNCH_WATCH_H

#include "launch/supervisor.h"

typedef struct zloom_topology_watch zloom_topology_watch_t;

/* A watch of the router at `endpoint` (copied); the recipe is borrowed until destroy. */
zloom_topology_watch_t *zloom_topology_watch_new (const zloom_recipe_t *recipe,
                                                  const char *endpoint);
void zloom_topology_watch_destroy (zloom_topology_watch_t **self_p);
/* The port to give to the supervisor. */
zloom_watch_t zloom_topology_watch_port (zloom_topology_watch_t *self);

#endif
