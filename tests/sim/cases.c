/* SPDX-License-Identifier: MPL-2.0 */
/* cases.c - the worlds that seeds make, and the scripted cases. */
#include "cases.h"

#include <inttypes.h>
#include <stdio.h>

/* A part of the seed for each question, so that one answer does not decide another. */
static uint64_t
s_pick (uint64_t seed, uint64_t question, uint64_t bound)
{
    zloom_random_t random;
    zloom_random_init (&random, seed * 1000003 + question);
    return zloom_random_below (&random, bound);
}

/*
 * Every third world has keys, and a third of those lets its oldest orders go when it is full; every
 * fourth has what is due, expires, and is said under an id.
 */
static void
s_vary (uint64_t seed, sim_world_options_t *options)
{
    options->host.keyed = s_pick (seed, 20, 3) == 0;
    options->host.order = (zloom_order_t) s_pick (seed, 21, 3);
    options->host.drops = options->host.keyed && s_pick (seed, 23, 3) == 0;
    options->host.timed = !options->only_orders && s_pick (seed, 22, 4) == 0;
    if (options->host.timed && options->producers < 3) {
        options->producers = 3;
    }
    if (options->host.keyed && options->host.order == ZLOOM_ORDER_STRICT) {
        options->chaos.hands = true; /* somebody has to free what is stuck */
    }
}

/* Groups wait for those before them in the loop; or with the committer; or only large ones do. */
static uint32_t
s_second (uint64_t seed)
{
    static const uint32_t s_bytes[] = {0, 2048, 1};
    return s_bytes[s_pick (seed, 17, 3)];
}

/* Threads of the journal sleep: the router lives for long enough that it matters. */
static void
s_sleepy (uint64_t seed, sim_world_options_t *options)
{
    if (s_pick (seed, 18, 9) == 0) {
        options->chaos.sleeps = true;
        options->chaos.power = false;
        options->chaos.kills = false;
        options->chaos.drains = false;
        options->producers = 3 + s_pick (seed, 19, 2);
        options->messages += 400;
        options->host.segment_bytes = 32768;
    }
}

void
sim_wild_world (uint64_t seed, sim_world_options_t *options)
{
    *options = (sim_world_options_t){
      .producers = 1 + s_pick (seed, 1, 4),
      .messages = 20 + s_pick (seed, 2, s_pick (seed, 16, 4) == 0 ? 600 : 120),
      .consumers = 1 + s_pick (seed, 3, 3),
      .prefetch = 1 + s_pick (seed, 4, 60),
      .pack = 1 + s_pick (seed, 5, 16),
      .liars = s_pick (seed, 6, 3),
      .host = {.segment_bytes = s_pick (seed, 15, 3) == 0 ? 65536 : 32768,
               .second_bytes = s_second (seed)},
      .chaos = {.power = true,
                .kills = s_pick (seed, 7, 2) == 0,
                .stalls = s_pick (seed, 8, 2) == 0,
                .drains = s_pick (seed, 9, 2) == 0,
                .disk_errors = s_pick (seed, 10, 2) == 0,
                .network = s_pick (seed, 11, 2) == 0,
                .peers = s_pick (seed, 12, 2) == 0,
                .hands = s_pick (seed, 13, 2) == 0,
                .clock = s_pick (seed, 14, 2) == 0}};
    s_sleepy (seed, options);
    s_vary (seed, options);
}

void
sim_small_world (uint64_t seed, sim_world_options_t *options)
{
    *options =
      (sim_world_options_t){.producers = 1 + s_pick (seed, 1, 2),
                            .messages = 8 + s_pick (seed, 2, 20),
                            .consumers = 1 + s_pick (seed, 3, 2),
                            .prefetch = 1 + s_pick (seed, 4, 10),
                            .pack = 1 + s_pick (seed, 5, 8),
                            .host = {.segment_bytes = 32768, .second_bytes = s_second (seed)},
                            .only_orders = s_pick (seed, 6, 2) == 0,
                            .careful = s_pick (seed, 7, 4) == 0};
    s_vary (seed, options);
}

bool
sim_case_end (sim_world_t **world_p, bool did, const char *why)
{
    bool ok = sim_world_finish (*world_p);
    if (ok && !did) {
        sim_fail (sim_world_ground (*world_p), "the case is not about its subject: %s", why);
        ok = false;
    }
    if (!ok) {
        fprintf (stderr, "sim: %s\n", sim_world_ground (*world_p)->why);
    }
    sim_world_destroy (world_p);
    return ok;
}

sim_counts_t
sim_case_counts (sim_world_t *world)
{
    sim_counts_t counts;
    sim_checker_counts (sim_world_checker (world), &counts);
    return counts;
}

zloom_flow_stats_t
sim_case_orders (sim_world_t *world)
{
    zloom_flow_stats_t stats = {0};
    const zloom_engine_t *engine = sim_router_engine (sim_world_router (world));
    const zloom_hosted_t *orders =
      engine ? zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name (SIM_ORDERS))) : NULL;
    if (orders) {
        orders->pattern->stats (orders->core, sim_now (sim_world_ground (world)), &stats);
    }
    return stats;
}

static bool
s_are_leased (sim_world_t *world, void *arg)
{
    return sim_case_orders (world).leased >= *(uint64_t *) arg;
}

bool
sim_case_leased (sim_world_t *world, uint64_t messages)
{
    return sim_world_run_until (world, s_are_leased, &messages, 20 * SIM_S);
}

static bool
s_are_told (sim_world_t *world, void *arg)
{
    return sim_case_counts (world).told >= *(uint64_t *) arg;
}

bool
sim_case_told (sim_world_t *world, uint64_t messages)
{
    return sim_world_run_until (world, s_are_told, &messages, 20 * SIM_S);
}

static bool
s_are_delivered (sim_world_t *world, void *arg)
{
    return sim_case_counts (world).delivered >= *(uint64_t *) arg;
}

bool
sim_case_delivered (sim_world_t *world, uint64_t messages)
{
    return sim_world_run_until (world, s_are_delivered, &messages, 20 * SIM_S);
}

int
sim_cases (const char *name, uint64_t step)
{
    static const struct {
        const char *name;
        bool (*run) (uint64_t seed);
        uint64_t seeds;
    } s_cases[] = {
#define SIM_CASE(name, seeds) {#name, sim_case_##name, seeds},
      SIM_CASES (SIM_CASE)
#undef SIM_CASE
    };
    int broken = 0;
    bool found = false;
    for (size_t i = 0; i < sizeof s_cases / sizeof *s_cases; i++) {
        if (name && strcmp (name, s_cases[i].name) != 0) {
            continue;
        }
        uint64_t seed = 1;
        found = true;
        while (seed <= s_cases[i].seeds && s_cases[i].run (seed)) {
            seed += step;
        }
        const bool ok = seed > s_cases[i].seeds;
        printf ("sim: case %s: %s\n", s_cases[i].name, ok ? "ok" : "BROKEN");
        if (!ok) {
            fprintf (stderr, "sim: case %s broke with seed %" PRIu64 "\n", s_cases[i].name, seed);
            broken++;
        }
    }
    if (!found) {
        fprintf (stderr, "sim: no case is called %s\n", name);
    }
    return found ? broken : 2;
}
