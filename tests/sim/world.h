/* SPDX-License-Identifier: MPL-2.0 */
/*
 * world.h - a router, its disk, its network, its peers, and chance: one seed, one run.
 *
 * Safety first: things go wrong, and the checker watches. Then calm: nothing goes wrong any more,
 * and everything must drain in bounded virtual time. Then the power goes once more, and what the
 * router finds again must be what it had.
 *
 * Example:
 *     sim_world_t *world =
 *       sim_world_new (seed, &(sim_world_options_t){.producers = 2, ...}, trace);
 *     sim_world_run (world, 5 * SIM_S);
 *     bool ok = sim_world_finish (world);
 */
#ifndef ZLOOM_TESTS_SIM_WORLD_H
#define ZLOOM_TESTS_SIM_WORLD_H

#include "peers.h"
#include "router.h"

typedef struct sim_world sim_world_t;

/* What may go wrong. */
typedef struct {
    bool power; /* the power goes, at chosen calls to the disk */
    bool kills;
    bool stalls;
    bool sleeps; /* threads of the journal are not scheduled */
    bool drains;
    bool disk_errors; /* calls fail, the disk fills up */
    bool network;
    bool peers; /* hang, die, leave */
    bool hands; /* pause, resume, requeue, GONE */
    bool clock; /* the wall clock steps */
} sim_chaos_t;

typedef struct {
    size_t producers;  /* the n-th sends to orders, fast, ring, orders, ... */
    uint64_t messages; /* of each */
    size_t consumers;  /* of orders */
    size_t prefetch;
    size_t pack;
    size_t liars;
    size_t window;   /* a producer's messages that are not confirmed; 0: 64 */
    size_t burst;    /* what a producer sends at one time; 0: by chance */
    int64_t work_ns; /* what a consumer takes for each message, beside chance */
    sim_host_t host;
    bool only_orders;     /* no memory flow, no ring */
    bool alone;           /* one consumer of orders and nobody else takes anything */
    bool careful;         /* consumers do nothing but ack, some of it in steps */
    uint64_t probe_every; /* one disk call in so many is probed (probe.h); 0: none is */
    sim_chaos_t chaos;
} sim_world_options_t;

sim_world_t *sim_world_new (uint64_t seed, const sim_world_options_t *options, bool trace);
void sim_world_destroy (sim_world_t **self_p);
/* Run for so long; stops at the first broken promise. False then. */
bool sim_world_run (sim_world_t *self, int64_t for_ns);
/* Run until `done` says so, at most so long; false when it never did, or a promise broke. */
typedef bool (sim_world_until_fn) (sim_world_t *self, void *arg);
bool sim_world_run_until (sim_world_t *self, sim_world_until_fn *done, void *arg, int64_t most_ns);
/* Calm, drain, stop, look again. False: a promise is broken, sim_world_ground ()->why has it. */
bool sim_world_finish (sim_world_t *self);

/* The operator (chaos.hands) purges a flow. */
void sim_world_purge (sim_world_t *self, sim_flow_t flow);
/* How often the parts had this to say. */
uint64_t sim_world_logged (const sim_world_t *self, const char *id);
sim_ground_t *sim_world_ground (sim_world_t *self);
sim_router_t *sim_world_router (sim_world_t *self);
sim_checker_t *sim_world_checker (sim_world_t *self);
/* Producers first, then the consumers of orders, then the others. */
sim_peer_t *sim_world_peer (sim_world_t *self, size_t index);
size_t sim_world_peers (const sim_world_t *self);

#endif
