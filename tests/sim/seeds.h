/* SPDX-License-Identifier: MPL-2.0 */
/*
 * seeds.h - what a program of worlds is told, and one world after the other: the first one that is
 * broken ends it, and one seed in sixteen is run twice, for the same hash.
 */
#ifndef ZLOOM_TESTS_SIM_SEEDS_H
#define ZLOOM_TESTS_SIM_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *program;
    uint64_t from;
    uint64_t seeds;
    bool trace;
    bool json;
    uint64_t last; /* the last seed that was run */
} sim_seeds_t;

/* One world, with what it adds to the sums in `arg`; *hash is the run's. */
typedef bool sim_world_fn (uint64_t seed, bool trace, void *arg, uint64_t *hash);

/* [--from SEED] [--seeds N] [--seed SEED] [--trace] [--json]; false: usage was printed. */
bool sim_seeds_read (sim_seeds_t *self, const char *program, int argc, char **argv);
bool sim_seeds_run (sim_seeds_t *self, sim_world_fn *world, void *arg);

#endif
