/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shores.h - the two routers of a world with bridges: the source, with an outbox for each of two
 * flows, and the far one, where these live: events, a bus with durable groups, and jobs, a queue.
 */
#ifndef ZLOOM_TESTS_SIM_BRIDGE_SHORES_H
#define ZLOOM_TESTS_SIM_BRIDGE_SHORES_H

#include "bus/events.h"

enum { SHORE_EVENTS, SHORE_JOBS, SHORE_FLOWS };
extern const char *const shore_flows[SHORE_FLOWS];
/* Their outboxes, for who takes from them. */
extern const char *const shore_outboxes[SHORE_FLOWS];

typedef struct {
    sim_ground_t *ground;
    bus_truth_t *truths[SHORE_FLOWS];
} shore_t;

bus_host_t shore_source (shore_t *shore);
bus_host_t shore_far (shore_t *shore);

#endif
