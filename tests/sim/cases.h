/* SPDX-License-Identifier: MPL-2.0 */
/* cases.h - the worlds that seeds make, and the scripted cases. */
#ifndef ZLOOM_TESTS_SIM_CASES_H
#define ZLOOM_TESTS_SIM_CASES_H

#include "world.h"

/* Everything goes wrong. */
void sim_wild_world (uint64_t seed, sim_world_options_t *options);
/* A few messages, for a crash at every call to the disk. */
void sim_small_world (uint64_t seed, sim_world_options_t *options);
/* Run the scripted cases (or the one of that name); the number that broke. */
int sim_cases (const char *name);

/* ---- for the cases' files -------------------------------------------------------------------- */

/* Finish and destroy the world; `did` is whether the case came to what it is about, else `why`. */
bool sim_case_end (sim_world_t **world_p, bool did, const char *why);

#define SIM_CASES(X)    \
    X (refused)         \
    X (prefetched)      \
    X (late_ack)        \
    X (across_restart)  \
    X (stall)           \
    X (failed_sync)     \
    X (older_slot)      \
    X (flipped_byte)    \
    X (restored_backup) \
    X (early_answer)

#define SIM_CASE(name) bool sim_case_##name (uint64_t seed);
SIM_CASES (SIM_CASE)
#undef SIM_CASE

#endif
