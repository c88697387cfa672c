/* SPDX-License-Identifier: MPL-2.0 */
/*
 * watch.h - the supervisor's eyes: a session with the topology's router. Tells it at once which
 * process died (GONE), and asks it now and then whether any work is left.
 */
#ifndef ZLOOM_LAUNCH_WATCH_H
#define ZLOOM_LAUNCH_WATCH_H

#include "launch/supervisor.h"

typedef struct zloom_topology_watch zloom_topology_watch_t;

/* Both borrowed until destroy. TOO_BIG: the socket's path is too long. */
zloom_err_t zloom_topology_watch_new (const zloom_recipe_t *recipe, const zloom_paths_t *paths,
                                      zloom_topology_watch_t **self_p);
void zloom_topology_watch_destroy (zloom_topology_watch_t **self_p);
/* The port to give to the supervisor. */
zloom_watch_t zloom_topology_watch_port (zloom_topology_watch_t *self);

#endif
