/* SPDX-License-Identifier: MPL-2.0 */
/* cases_life.c - scripted: what peers and routers do to each other. */
#include "cases.h"

static const sim_world_options_t s_plain = {.producers = 1,
                                            .messages = 80,
                                            .consumers = 2,
                                            .prefetch = 60,
                                            .pack = 4,
                                            .only_orders = true,
                                            .careful = true};

static sim_counts_t
s_counts (sim_world_t *world)
{
    sim_counts_t counts;
    sim_checker_counts (sim_world_checker (world), &counts);
    return counts;
}

static bool
s_are_delivered (sim_world_t *world, void *arg)
{
    return s_counts (world).delivered >= *(uint64_t *) arg;
}

/* The disk fills up under a pipelined producer: refused whole, sent again once there is space. */
bool
sim_case_refused (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 300;
    options.host.segment_bytes = 32768;
    sim_world_t *world = sim_world_new (seed, &options, false);
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (sim_world_router (world)));
    sim_peer_hang (sim_world_peer (world, 1), 20 * SIM_S);
    sim_peer_hang (sim_world_peer (world, 2), 20 * SIM_S);
    sim_world_run (world, 60 * SIM_MS);
    zloom_simdisk_capacity (disk, zloom_simdisk_used (disk) + seed * 4096);
    sim_world_run (world, 10 * SIM_S);
    return sim_case_end (&world, true, NULL);
}

/* A consumer dies with all of its prefetched messages, the router right after it; both return. */
bool
sim_case_prefetched (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    sim_world_t *world = sim_world_new (seed, &options, false);
    uint64_t enough = 50;
    sim_world_run_until (world, s_are_delivered, &enough, 20 * SIM_S);
    const bool many = s_counts (world).delivered >= 50;
    sim_peer_die (sim_world_peer (world, 1), 300 * SIM_MS, false);
    sim_router_crash_after (sim_world_router (world), 1 + seed % 5);
    sim_world_run (world, SIM_S);
    return sim_case_end (&world, many, "nothing was prefetched");
}

/* A consumer hangs until its messages went to another one, and settles then. */
bool
sim_case_late_ack (uint64_t seed)
{
    sim_world_t *world = sim_world_new (seed, &s_plain, false);
    uint64_t enough = 10;
    sim_world_run_until (world, s_are_delivered, &enough, 20 * SIM_S);
    sim_peer_hang (sim_world_peer (world, 1), 8 * SIM_S);
    sim_world_run (world, 9 * SIM_S);
    return sim_case_end (&world, true, NULL);
}

/* Only one consumer, and the router restarts: what it holds is its own after that, too. */
bool
sim_case_across_restart (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    sim_world_t *world = sim_world_new (seed, &options, false);
    uint64_t enough = 20 + seed;
    sim_world_run_until (world, s_are_delivered, &enough, 20 * SIM_S);
    sim_router_kill (sim_world_router (world), seed % 2 == 0, 50 * SIM_MS);
    return sim_case_end (&world, true, NULL);
}

/* The router is not scheduled for ten seconds, with settlements in its sockets: they all count. */
bool
sim_case_stall (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    sim_world_t *world = sim_world_new (seed, &options, false);
    uint64_t enough = 20 + seed;
    sim_world_run_until (world, s_are_delivered, &enough, 20 * SIM_S);
    sim_router_stall (sim_world_router (world), 10 * SIM_S);
    sim_world_run (world, 12 * SIM_S);
    return sim_case_end (&world, true, NULL);
}
