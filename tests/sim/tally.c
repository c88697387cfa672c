/* SPDX-License-Identifier: MPL-2.0 */
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

void
sim_tally_add (sim_tally_t *self, sim_world_t *world)
{
    const sim_lives_t *lives = sim_router_lives (sim_world_router (world));
    sim_counts_t counts;
    sim_checker_counts (sim_world_checker (world), &counts);
    self->runs++;
    self->crash_points += lives->crashes + lives->probes;
    self->crashes += lives->crashes;
    self->in_open += lives->in_open;
    self->probes += lives->probes;
    self->kills += lives->kills;
    self->failures += lives->failures;
    self->drains += lives->drains;
    self->stalls += lives->stalls;
    self->lives += counts.lives;
    self->reclaimed += lives->reclaimed;
    self->moved_bytes += lives->moved_bytes;
    self->attempts += counts.attempts;
    self->told += counts.told;
    self->delivered += counts.delivered;
    self->redelivered += counts.redelivered;
    self->acked += counts.acked;
    self->dead += counts.dead;
    self->emitted += counts.emitted;
    self->dropped += counts.dropped;
    self->phantoms += counts.phantoms;
}

void
sim_tally_print (const sim_tally_t *self, uint64_t first_seed, uint64_t last_seed, bool ok,
                 bool json)
{
    const char *const result = json ? (ok ? "true" : "false") : ok ? "ok" : "BROKEN";
    printf (json ? "{\"ok\": %s, \"first_seed\": %" PRIu64 ", \"last_seed\": %" PRIu64
                 : "sim: %s, seeds %" PRIu64 " to %" PRIu64,
            result, first_seed, last_seed);
#define SIM_TALLY_PRINT(name, help) \
    printf (json ? ", \"%s\": %" PRIu64 : ", %s %" PRIu64, json ? #name : help, self->name);
    SIM_TALLY_MAP (SIM_TALLY_PRINT)
#undef SIM_TALLY_PRINT
    printf (json ? "}\n" : "\n");
}
