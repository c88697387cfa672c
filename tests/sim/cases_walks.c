/* SPDX-License-Identifier: MPL-2.0 */
/* cases_walks.c - scripted: longer ways, thought through step by step. */
#include "cases.h"

#define PRODUCER 0
#define CONSUMER 1

/*
 * A producer has ten thousand pipelined sends out, the disk fills in the middle, space returns:
 * what was confirmed is there, what was refused comes again, in order, once.
 */
bool
sim_case_walk_a (uint64_t seed)
{
    const sim_world_options_t options = {.producers = 1,
                                         .messages = 10000,
                                         .window = 10000,
                                         .burst = 10000,
                                         .consumers = 2,
                                         .prefetch = 500,
                                         .pack = 16,
                                         .only_orders = true,
                                         .careful = true,
                                         .host = {.orders_limit = 20000}};
    sim_world_t *world = sim_world_new (seed, &options, false);
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (sim_world_router (world)));
    sim_peer_hang (sim_world_peer (world, CONSUMER), 5 * SIM_S);
    sim_peer_hang (sim_world_peer (world, CONSUMER + 1), 5 * SIM_S);
    const bool began = sim_case_told (world, 500);
    zloom_simdisk_capacity (disk, zloom_simdisk_used (disk) + seed * 100000);
    sim_world_run (world, 5 * SIM_S);
    const sim_counts_t full = sim_case_counts (world);
    zloom_simdisk_capacity (disk, 0);
    const bool whole = sim_case_told (world, 10000);
    return sim_case_end (&world, began && whole && full.refused > 0 && full.told < 10000,
                         "the disk was not full in the middle, or did not help when it was not");
}

/* A worker with 200 prefetched messages is killed, the router right after; both return. */
bool
sim_case_walk_b (uint64_t seed)
{
    const sim_world_options_t options = {.producers = 1,
                                         .messages = 300,
                                         .window = 300,
                                         .burst = 300,
                                         .consumers = 1,
                                         .prefetch = 200,
                                         .pack = 16,
                                         .work_ns = SIM_S,
                                         .only_orders = true,
                                         .careful = true,
                                         .chaos = {.hands = true},
                                         .host = {.orders_limit = 1000}};
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_peer_t *operator_ = sim_world_peer (world, sim_world_peers (world) - 1);
    const bool many = sim_case_leased (world, 200);
    sim_world_run (world, 5 * SIM_MS);
    zloom_verb_gone_t gone;
    sim_peer_gone (sim_world_peer (world, CONSUMER), &gone);
    sim_operator_report (operator_, &gone); /* many had started: suspects, each at no charge */
    sim_peer_die (sim_world_peer (world, CONSUMER), 200 * SIM_MS, false);
    sim_world_run (world, (int64_t) (seed % 4) * SIM_MS);
    sim_router_kill (sim_world_router (world), seed % 2 == 0, 100 * SIM_MS);
    sim_world_run (world, 2 * SIM_S);
    const bool again = sim_case_counts (world).redelivered >= 150;
    const bool free_of_charge = sim_case_orders (world).failures == 0;
    return sim_case_end (&world, many && again && free_of_charge,
                         "nothing was prefetched, nothing came again, or it was charged");
}

/*
 * Each kind of process is stopped for ten seconds in its turn and goes on with everything that
 * piled up in its sockets. The router's stop makes everybody lay a new road, but is nobody's
 * failure; a consumer's stop ends its leases, which charges what it had started once.
 */
bool
sim_case_walk_k (uint64_t seed)
{
    const sim_world_options_t options = {.producers = 1,
                                         .messages = 400,
                                         .consumers = 2,
                                         .prefetch = 20,
                                         .pack = 8,
                                         .only_orders = true,
                                         .careful = true};
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 40 + seed);
    sim_router_stall (sim_world_router (world), 10 * SIM_S);
    sim_world_run (world, 10 * SIM_S + (int64_t) seed * 20 * SIM_MS);
    const bool router = sim_case_orders (world).failures == 0;
    sim_peer_hang (sim_world_peer (world, CONSUMER), 10 * SIM_S);
    sim_world_run (world, 11 * SIM_S);
    const bool consumer = sim_case_counts (world).dead == 0;
    sim_peer_hang (sim_world_peer (world, PRODUCER), 10 * SIM_S);
    sim_world_run (world, 11 * SIM_S);
    return sim_case_end (&world, router && consumer,
                         "the router's stop was charged, or a consumer's more than once");
}

/*
 * A flood from one peer, a stall of another, liars, all at once: what do the honest ones see? Their
 * sends are confirmed within a quarter of a second all the same, and their flow goes on.
 */
bool
sim_case_walk_l (uint64_t seed)
{
    const sim_world_options_t options = {.producers = 3, /* orders, fast, and the ring's flood */
                                         .messages = 3000,
                                         .window = 3000,
                                         .burst = 3000,
                                         .consumers = 2,
                                         .prefetch = 20,
                                         .pack = 16,
                                         .liars = 4,
                                         .careful = true};
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 100);
    sim_peer_hang (sim_world_peer (world, 3), 4 * SIM_S); /* a consumer, with what it holds */
    sim_world_run (world, 4 * SIM_S);
    const int64_t slowest_ns =
      sim_case_counts (world).slowest_ns + sim_peer_waited (sim_world_peer (world, PRODUCER));
    return sim_case_end (&world, slowest_ns < 250 * SIM_MS, "an honest producer had to wait");
}
