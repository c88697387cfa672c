/* SPDX-License-Identifier: MPL-2.0 */
/* cases.h - the worlds that seeds make, and the scripted cases. */
#ifndef ZLOOM_TESTS_SIM_CASES_H
#define ZLOOM_TESTS_SIM_CASES_H

#include "world.h"

/* Everything goes wrong. */
void sim_wild_world (uint64_t seed, sim_world_options_t *options);
/* A few messages, for a crash at every call to the disk. */
void sim_small_world (uint64_t seed, sim_world_options_t *options);
/* Run the scripted cases (or the one of that name), each `step`th seed; the number that broke. */
int sim_cases (const char *name, uint64_t step);

/* ---- for the cases' files -------------------------------------------------------------------- */

/* Finish and destroy the world; `did` is whether the case came to what it is about, else `why`. */
bool sim_case_end (sim_world_t **world_p, bool did, const char *why);
sim_counts_t sim_case_counts (sim_world_t *world);
/* What orders says of itself; nothing while there is no router. */
zloom_flow_stats_t sim_case_orders (sim_world_t *world);
/* Run until somebody holds so many orders; at most 20 s; whether they are. */
bool sim_case_leased (sim_world_t *world, uint64_t messages);
/* Run until so many messages are confirmed, or delivered; at most 20 s; whether they are. */
bool sim_case_told (sim_world_t *world, uint64_t messages);
bool sim_case_delivered (sim_world_t *world, uint64_t messages);

/* Name, and with how many seeds it is run: the script is the same, the times are not. */
#define SIM_CASES(X)        \
    X (refused, 20)         \
    X (prefetched, 20)      \
    X (late_ack, 20)        \
    X (across_restart, 20)  \
    X (stall, 20)           \
    X (short_stall, 20)     \
    X (crashed, 20)         \
    X (keyed_restart, 30)   \
    X (keyed_suspects, 30)  \
    X (fenced, 20)          \
    X (purged, 20)          \
    X (restored_source, 20) \
    X (failed_sync, 20)     \
    X (older_slot, 20)      \
    X (flipped_byte, 20)    \
    X (remembered, 12)      \
    X (restored_backup, 20) \
    X (early_answer, 20)    \
    X (settled_copy, 4)     \
    X (walk_a, 2)           \
    X (walk_b, 8)           \
    X (walk_k, 8)           \
    X (walk_l, 4)

#define SIM_CASE(name, seeds) bool sim_case_##name (uint64_t seed);
SIM_CASES (SIM_CASE)
#undef SIM_CASE

#endif
