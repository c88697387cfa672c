/* SPDX-License-Identifier: MPL-2.0 */
/*
 * main.c - worlds with bridges: two routers, each on a disk and a network of its own, and a process
 * for each outbox between them. All of them lose their power or die, and connections break. Of what
 * was sent at the source, each message that was confirmed has to have its effect at the far router
 * exactly once, in its producer's order, and nothing else may be there.
 *
 *     simbridge --seeds 40          worlds from seed 1 on
 *     simbridge --seed 7 --trace    one world again, with all that happens
 *
 * In every fourth world nothing happens but that one router loses its power once, at the disk call
 * that the seed says; in every eighth one of the two logs is put back to a copy that was made while
 * all went wrong: what it has lost may be missing, or come again, and all else must hold.
 */
#include "seeds.h"
#include "world.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_NS (180 * SIM_S)
/* Disk calls at which the power goes in the small worlds, one after the other. */
#define SMALL_CALLS 400

static void
s_drain (world_t *self, sums_t *sums)
{
    const int64_t until_ns = self->ground.mono_ns + DRAIN_NS;
    while (!self->ground.failed && !world_drained (self)) {
        if (!world_step (self, until_ns, sums)) {
            sim_fail (&self->ground, "it does not drain");
        }
    }
    const int64_t last_ns = self->ground.mono_ns + 5 * SIM_S; /* what is under way arrives */
    while (!self->ground.failed && world_step (self, last_ns, sums)) {
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static void
s_judge (world_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (bus_peer_options (self->peers[i])->kind == BUS_LISTENER) {
            bus_truth_end (&self->truths[FAR][SHORE_EVENTS], bus_peer_ear (self->peers[i]));
        }
    }
    for (int flow = 0; flow < SHORE_FLOWS; flow++) {
        bus_truth_t *far = &self->truths[FAR][flow];
        bus_truth_books (&self->truths[SOURCE][flow]);
        memcpy (far->confirmed, self->truths[SOURCE][flow].confirmed, sizeof far->confirmed);
        bus_truth_books (far);
    }
    bus_events_judge (self->hubs[FAR].engine->flows[SHORE_EVENTS],
                      &self->truths[FAR][SHORE_EVENTS]);
}

/* No more faults: all has to drain; then the power goes everywhere, and it must still be so. */
static void
s_finish (world_t *self, sums_t *sums)
{
    self->chaos = false;
    for (int shore = 0; shore < SHORES; shore++) {
        for (int flow = 0; flow < SHORE_FLOWS; flow++) {
            self->stages[shore][flow].calm = true;
        }
        if (!sim_disk_stopped (self->hubs[shore].disk)) {
            sim_disk_stop_after (self->hubs[shore].disk, 0);
        }
    }
    s_drain (self, sums);
    if (!self->ground.failed) {
        s_judge (self);
        bus_hub_stop (&self->hubs[SOURCE], true);
        bus_hub_stop (&self->hubs[FAR], true);
        s_drain (self, sums);
    }
    if (!self->ground.failed) {
        s_judge (self);
    }
}

/* One of the routers comes again on an earlier copy of its log. */
static void
s_restore (world_t *self, sums_t *sums)
{
    sim_ground_t *ground = &self->ground;
    const uint64_t shore = sim_below (ground, SHORES);
    world_pass (self, sim_span (ground, SIM_S / 2, 2 * SIM_S), sums);
    zloom_simdisk_t *copy = bus_hub_copy (&self->hubs[shore]);
    world_pass (self, sim_span (ground, SIM_S / 10, 2 * SIM_S), sums);
    if (shore == SOURCE && sim_once_in (ground, 2)) {
        bus_hub_stop (&self->hubs[FAR], false); /* so the bridge holds what will be lost */
        world_pass (self, sim_span (ground, 10 * SIM_MS, 150 * SIM_MS), sums);
    }
    bus_hub_restore (&self->hubs[shore], &copy);
    for (int flow = 0; flow < SHORE_FLOWS; flow++) {
        self->truths[shore][flow].restored = true;
    }
    for (size_t i = 0; i < self->count && shore == FAR; i++) {
        bus_peer_forget (self->peers[i]);
    }
    sums->restored++;
}

static void
s_live (world_t *self, uint64_t seed, sums_t *sums)
{
    if (seed % 4 == 0) {
        const uint64_t at = seed / 4;
        world_populate (self, 40, false, true);
        sim_disk_stop_after (self->hubs[at % SHORES].disk, 1 + at / SHORES % SMALL_CALLS);
        world_pass (self, 2 * SIM_S, sums);
        return;
    }
    const bool restored = seed % 8 == 2;
    world_populate (self, 300, seed % 3 == 0, !restored);
    self->chaos = true;
    self->chaos_ns = self->ground.mono_ns + 100 * SIM_MS;
    sim_net_rough (self->nets[SOURCE], seed % 2 == 0);
    sim_net_rough (self->nets[FAR], seed % 2 == 0);
    if (restored) {
        s_restore (self, sums);
    }
    world_pass (self, sim_span (&self->ground, 3 * SIM_S, 9 * SIM_S), sums);
    sim_net_rough (self->nets[SOURCE], false);
    sim_net_rough (self->nets[FAR], false);
}

/* One world; *hash is the run's. */
static bool
s_world (uint64_t seed, bool trace, void *arg, uint64_t *hash)
{
    sums_t *sums = arg;
    world_t *world = zloom_alloc (sizeof *world);
    world_init (world, seed, trace);
    s_live (world, seed, sums);
    s_finish (world, sums);
    const bool ok = !world->ground.failed;
    if (!ok) {
        fprintf (stderr,
                 "simbridge: BROKEN at %.6f s: %s\nsimbridge: replay: simbridge --seed %" PRIu64
                 " --trace\n",
                 (double) (world->ground.mono_ns - 1000 * SIM_S) / (double) SIM_S,
                 world->ground.why, seed);
    }
    sums->crashes += world->hubs[SOURCE].crashes + world->hubs[FAR].crashes;
    for (int flow = 0; flow < SHORE_FLOWS; flow++) {
        sums->carried += bus_truth_count (&world->truths[FAR][flow], "");
    }
    *hash = world->ground.hash;
    world_fini (world);
    free (world);
    return ok;
}

/* As tests/sim/run reads it, or for people. */
static void
s_print (const sums_t *sums, uint64_t from, uint64_t last, bool ok, bool json)
{
    if (json) {
        printf ("{\"ok\": %s, \"first_seed\": %" PRIu64 ", \"last_seed\": %" PRIu64
                ", \"crash_points\": %" PRIu64 ", \"bridges_died\": %" PRIu64 ", \"cuts\": %" PRIu64
                ", \"restored\": %" PRIu64 ", \"carried\": %" PRIu64 "}\n",
                ok ? "true" : "false", from, last, sums->crashes, sums->deaths, sums->cuts,
                sums->restored, sums->carried);
        return;
    }
    printf ("simbridge: seeds %" PRIu64 " to %" PRIu64 ", routers lost their power %" PRIu64
            " times, bridges died %" PRIu64 " times, %" PRIu64 " connections broke, %" PRIu64
            " logs were restored; %" PRIu64 " messages carried, each once: %s\n",
            from, last, sums->crashes, sums->deaths, sums->cuts, sums->restored, sums->carried,
            ok ? "ok" : "BROKEN");
}

int
main (int argc, char **argv)
{
    sim_seeds_t seeds;
    sums_t sums = {0};
    if (!sim_seeds_read (&seeds, "simbridge", argc, argv)) {
        return 2;
    }
    const bool ok = sim_seeds_run (&seeds, s_world, &sums);
    s_print (&sums, seeds.from, seeds.last, ok, seeds.json);
    return ok ? 0 : 1;
}
