/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fleet.h - what the command line does with a fleet: which host this is and its key, and the
 * addresses of routers for a program with a key of its own.
 */
#ifndef ZLOOM_CLI_FLEET_H
#define ZLOOM_CLI_FLEET_H

#include "net/address.h"
#include "topology.h"

/*
 * --keys DIR, else $ZLOOM_KEYS, else zloom/keys in the user's folder for settings; to be freed.
 * NULL after a message.
 */
char *zloom_key_folder (const zloom_cli_t *cli);
/*
 * --host: whether the fleet has it, and its key. 0, or an exit code after a message. Without
 * --fleet nothing is done.
 */
int zloom_fleet_here (const zloom_cli_t *cli, zloom_topology_t *topology);
/* Which nodes run on topology->host, for the plan; `arg` is the topology. */
bool zloom_fleet_runs (void *arg, const char *node);
/* Whether a router of the recipe runs on topology->host, and whether all do; without a fleet so. */
bool zloom_fleet_has_router (const zloom_topology_t *topology);
bool zloom_fleet_has_routers (const zloom_topology_t *topology);

/* Leave out the routers of other hosts, and edges, which stand behind all routers. */
void zloom_fleet_keep_routers (const zloom_topology_t *topology, zloom_endpoints_t *endpoints);

/* Whether --fleet (or $ZLOOM_FLEET, unless a topology was `named` or --state given) is to count. */
bool zloom_fleet_is_meant (const zloom_cli_t *cli, bool named);
/* The addresses of the fleet's routers for --as NAME (or $ZLOOM_AS); target->topology must fit. */
int zloom_fleet_target (const zloom_cli_t *cli, zloom_target_t *target);

#endif
