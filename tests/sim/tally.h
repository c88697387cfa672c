/* SPDX-License-Identifier: MPL-2.0 */
/* tally.h - what was run, summed over worlds; one table makes text and JSON. */
#ifndef ZLOOM_TESTS_SIM_TALLY_H
#define ZLOOM_TESTS_SIM_TALLY_H

#include "world.h"

#define SIM_TALLY_MAP(X)                 \
    X (runs, "worlds")                   \
    X (crash_points, "crash points")     \
    X (crashes, "of them lived on")      \
    X (in_open, "of them while opening") \
    X (probes, "of them asked aside")    \
    X (kills, "kills")                   \
    X (failures, "failed disks")         \
    X (drains, "drains")                 \
    X (stalls, "stalls")                 \
    X (lives, "lives")                   \
    X (reclaimed, "segments used again") \
    X (moved_bytes, "bytes moved")       \
    X (attempts, "messages")             \
    X (told, "confirmed")                \
    X (delivered, "deliveries")          \
    X (redelivered, "of them again")     \
    X (acked, "acked")                   \
    X (dead, "dead")                     \
    X (emitted, "emitted")               \
    X (dropped, "dropped")               \
    X (phantoms, "hand-outs without bytes")

typedef struct {
#define SIM_TALLY_FIELD(name, help) uint64_t name;
    SIM_TALLY_MAP (SIM_TALLY_FIELD)
#undef SIM_TALLY_FIELD
} sim_tally_t;

/* Add what happened in a world so far. */
void sim_tally_add (sim_tally_t *self, sim_world_t *world);
/* Of these seeds; as one JSON object in one line, or as text. */
void sim_tally_print (const sim_tally_t *self, uint64_t first_seed, uint64_t last_seed, bool ok,
                      bool json);

#endif
