/* SPDX-License-Identifier: MPL-2.0 */
/*
 * world.h - one world with bridges: two routers, a process for each outbox between them, and all
 * who talk to them; the scheduler, and what goes wrong.
 */
#ifndef ZLOOM_TESTS_SIM_BRIDGE_WORLD_H
#define ZLOOM_TESTS_SIM_BRIDGE_WORLD_H

#include "bus/peer.h"
#include "ferry.h"
#include "shores.h"

#define WORLD_PEERS 16

enum { SOURCE, FAR, SHORES };

typedef struct {
    sim_ground_t ground;
    bus_truth_t truths[SHORES][SHORE_FLOWS];
    bus_stage_t stages[SHORES][SHORE_FLOWS];
    shore_t shores[SHORES];
    sim_net_t *nets[SHORES];
    bus_hub_t hubs[SHORES];
    ferry_t *ferries[SHORE_FLOWS];
    bus_peer_t *peers[WORLD_PEERS];
    size_t count;
    bool chaos;
    int64_t chaos_ns;
} world_t;

typedef struct {
    uint64_t crashes, deaths, cuts, restored, carried;
} sums_t;

/* With nobody in it yet. */
void world_init (world_t *self, uint64_t seed, bool trace);
void world_fini (world_t *self);
/* Publishers of so many events, who takes them, and maybe who steals, and who listens. */
void world_populate (world_t *self, uint64_t events, bool thieves, bool listener);
/* What happens next; false: nothing does until then, and it is then. */
bool world_step (world_t *self, int64_t until_ns, sums_t *sums);
/* So long. */
void world_pass (world_t *self, int64_t for_ns, sums_t *sums);
/* All that was sent has come to its end. */
bool world_drained (const world_t *self);

#endif
