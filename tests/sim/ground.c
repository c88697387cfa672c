/* SPDX-License-Identifier: MPL-2.0 */
#include "ground.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void
sim_ground_init (sim_ground_t *self, uint64_t seed, bool trace)
{
    *self = (sim_ground_t){.seed = seed,
                           .trace = trace,
                           .mono_ns = 1000 * SIM_S,
                           .wall_offset_ns = INT64_C (1800000000) * SIM_S,
                           .hash = UINT64_C (14695981039346656037)};
    zloom_random_init (&self->random, seed);
}

void
sim_ground_aside (const sim_ground_t *self, bool aside)
{
    zloom_log_set (ZLOOM_LOG_INFO, aside ? NULL : self->log, self->log_arg);
}

zloom_now_t
sim_now (const sim_ground_t *self)
{
    return (zloom_now_t){self->mono_ns, self->mono_ns + self->wall_offset_ns};
}

uint64_t
sim_below (sim_ground_t *self, uint64_t bound)
{
    return zloom_random_below (&self->random, bound);
}

bool
sim_once_in (sim_ground_t *self, uint64_t n)
{
    return sim_below (self, n) == 0;
}

int64_t
sim_span (sim_ground_t *self, int64_t least_ns, int64_t most_ns)
{
    return least_ns + (int64_t) sim_below (self, (uint64_t) (most_ns - least_ns) + 1);
}

static void
s_mix (sim_ground_t *self, uint64_t value)
{
    for (int i = 0; i < 64; i += 16) {
        self->hash = (self->hash ^ ((value >> i) & 0xffff)) * UINT64_C (1099511628211);
    }
}

void
sim_trace (sim_ground_t *self, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
    s_mix (self, (uint64_t) self->mono_ns);
    for (const char *at = what; *at; at++) {
        s_mix (self, (uint64_t) (unsigned char) *at);
    }
    s_mix (self, a);
    s_mix (self, b);
    s_mix (self, c);
    self->events++;
    if (self->trace) {
        printf ("%12.6f %-20s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                (double) (self->mono_ns - 1000 * SIM_S) / (double) SIM_S, what, a, b, c);
    }
}

void
sim_fail (sim_ground_t *self, const char *format, ...)
{
    if (self->failed) {
        return;
    }
    self->failed = true;
    va_list args;
    va_start (args, format);
    /* False right behind va_start. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf (self->why, sizeof self->why, format, args);
    va_end (args);
    if (self->trace) {
        printf ("%12.6f BROKEN: %s\n", (double) (self->mono_ns - 1000 * SIM_S) / (double) SIM_S,
                self->why);
    }
}
