/* SPDX-License-Identifier: MPL-2.0 */
#include "seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
sim_seeds_read (sim_seeds_t *self, const char *program, int argc, char **argv)
{
    *self = (sim_seeds_t){.program = program, .from = 1, .seeds = 40};
    for (int i = 1; i < argc; i++) {
        const bool value = i + 1 < argc;
        if (strcmp (argv[i], "--trace") == 0) {
            self->trace = true;
        } else if (strcmp (argv[i], "--json") == 0) {
            self->json = true;
        } else if (strcmp (argv[i], "--seeds") == 0 && value) {
            self->seeds = strtoull (argv[++i], NULL, 10);
        } else if (strcmp (argv[i], "--from") == 0 && value) {
            self->from = strtoull (argv[++i], NULL, 10);
        } else if (strcmp (argv[i], "--seed") == 0 && value) {
            self->from = strtoull (argv[++i], NULL, 10);
            self->seeds = 1;
        } else {
            printf ("%s [--from SEED] [--seeds N] [--seed SEED] [--trace] [--json]\n", program);
            return false;
        }
    }
    return true;
}

bool
sim_seeds_run (sim_seeds_t *self, sim_world_fn *world, void *arg)
{
    uint64_t hash = 0;
    uint64_t again = 0;
    bool ok = true;
    for (uint64_t seed = self->from; ok && seed < self->from + self->seeds; seed++) {
        self->last = seed;
        ok = world (seed, self->trace, arg, &hash);
        if (ok && seed % 16 == 1) { /* one seed, one run */
            ok = world (seed, false, arg, &again) && hash == again;
            if (!ok) {
                fprintf (stderr, "%s: seed %" PRIu64 " has two different runs\n", self->program,
                         seed);
            }
        }
    }
    return ok;
}
