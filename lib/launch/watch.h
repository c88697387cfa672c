/* SPDX-License-Identifier: MPL-2.0 */
/*
 * watch.h - the supervisor's eyes: a session with each of the topology's routers. Tells them at
 * once which process died (GONE), and asks them now and then whether any work is left.
 */
#ifndef ZLOOM_LAUNCH_WATCH_H
#define ZLOOM_LAUNCH_WATCH_H

#include "launch/supervisor.h"

typedef struct zloom_topology_watch zloom_topology_watch_t;

#define ZLOOM_SUPERVISOR_NAME "supervisor"
/*
 * A watch of one router, at `endpoint`, whose session is called `name` (each host of a fleet has a
 * supervisor of its own). Both are copied; the recipe is borrowed until destroy.
 */
zloom_topology_watch_t *zloom_topology_watch_new (const zloom_recipe_t *recipe, const char *name,
                                                  const char *endpoint);
void zloom_topology_watch_destroy (zloom_topology_watch_t **self_p);
/* The port to give to the supervisor. */
zloom_watch_t zloom_topology_watch_port (zloom_topology_watch_t *self);
/* How often it was answered whether work is left, and all that its flows have ever taken in. */
uint64_t zloom_topology_watch_rounds (const zloom_topology_watch_t *self, uint64_t *appended);

/*
 * Watches of all routers (lines, as in RUNTIME/endpoint) as one. With several, nothing is idle
 * until all of them have said so twice and nothing has come in between: what goes from one router
 * to another may be with neither when each is asked.
 */
typedef struct zloom_watches zloom_watches_t;

zloom_watches_t *zloom_watches_new (const zloom_recipe_t *recipe, const char *name,
                                    const char *endpoints);
void zloom_watches_destroy (zloom_watches_t **self_p);
zloom_watch_t zloom_watches_port (zloom_watches_t *self);

#endif
