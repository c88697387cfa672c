/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ground.h - what everything in a simulated world stands on: one seed, one virtual clock, one trace
 * with its hash, and the first thing that went wrong. Nothing here asks the machine for anything,
 * so one seed has one run.
 */
#ifndef ZLOOM_TESTS_SIM_GROUND_H
#define ZLOOM_TESTS_SIM_GROUND_H

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#include <stdbool.h>

#define SIM_MS ZLOOM_NS_PER_MS
#define SIM_S ZLOOM_NS_PER_S

typedef struct {
    uint64_t seed;
    bool trace; /* print what happens */
    zloom_random_t random;
    int64_t mono_ns;
    int64_t wall_offset_ns;
    uint64_t hash;          /* over all that was traced */
    uint64_t events;        /* traced */
    zloom_log_sink_fn *log; /* who hears what the parts say */
    void *log_arg;
    bool failed;
    char why[1024];
} sim_ground_t;

void sim_ground_init (sim_ground_t *self, uint64_t seed, bool trace);
/* What happens now is a question and no part of the world (probe.h): nobody hears of it. */
void sim_ground_aside (const sim_ground_t *self, bool aside);
zloom_now_t sim_now (const sim_ground_t *self);
/* Uniform in [0, bound). */
uint64_t sim_below (sim_ground_t *self, uint64_t bound);
/* True once in `n`. */
bool sim_once_in (sim_ground_t *self, uint64_t n);
/* Between `least` and `most` nanoseconds. */
int64_t sim_span (sim_ground_t *self, int64_t least_ns, int64_t most_ns);
/* Something happened: into the hash, and onto stdout when the run is traced. */
void sim_trace (sim_ground_t *self, const char *what, uint64_t a, uint64_t b, uint64_t c);
/* A promise is broken. The first one counts. */
void sim_fail (sim_ground_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

#endif
