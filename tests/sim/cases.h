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

#endif
