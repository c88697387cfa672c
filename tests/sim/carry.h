/* SPDX-License-Identifier: MPL-2.0 */
/* carry.h - between a client's core and its connection in the simulated net. */
#ifndef ZLOOM_TESTS_SIM_CARRY_H
#define ZLOOM_TESTS_SIM_CARRY_H

#include "client/client_core.h"
#include "net.h"

/*
 * Frames in, a new connection if the core wants one and `redials`, timers, frames out. Returns
 * when the core wants to be called again.
 */
int64_t sim_carry (zloom_client_core_t *core, sim_ground_t *ground, sim_net_t *net,
                   sim_road_t **road_p, bool redials);

#endif
