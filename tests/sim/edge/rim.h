/* SPDX-License-Identifier: MPL-2.0 */
/*
 * rim.h - the process of an edge: the real relay between a real client core, on the router's
 * network, and a real engine with a copy of the bus, on a network of its own, where those come who
 * hear it there. It dies and comes again without a memory, hangs, and loses its road to the router.
 */
#ifndef ZLOOM_TESTS_SIM_EDGE_RIM_H
#define ZLOOM_TESTS_SIM_EDGE_RIM_H

#include "net.h"

typedef struct rim rim_t;

/* `hub` is the network of the router of the bus `events`, `near` its own. */
rim_t *rim_new (sim_ground_t *ground, sim_net_t *hub, sim_net_t *near);
void rim_destroy (rim_t **self_p);
int64_t rim_next (const rim_t *self);
void rim_run (rim_t *self);
void rim_die (rim_t *self, int64_t off_ns);
void rim_hang (rim_t *self, int64_t for_ns);
/* Its connection to the router breaks and comes again. */
void rim_cut (rim_t *self);
/* The number that its copy goes on with; 0: it has none yet, or there is no process. */
uint64_t rim_place (const rim_t *self);

#endif
