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
 * that the seed says.
 */
#include "bus/peer.h"
#include "ferry.h"
#include "shores.h"

#include "base/memory.h"
#include "base/tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS 16
#define DRAIN_NS (180 * SIM_S)
/* Disk calls at which the power goes in the small worlds, one after the other. */
#define SMALL_CALLS 400

enum { SOURCE, FAR, SHORES };

typedef struct {
    sim_ground_t ground;
    bus_truth_t truths[SHORES][SHORE_FLOWS];
    bus_stage_t stages[SHORES][SHORE_FLOWS];
    shore_t shores[SHORES];
    sim_net_t *nets[SHORES];
    bus_hub_t hubs[SHORES];
    ferry_t *ferries[SHORE_FLOWS];
    bus_peer_t *peers[PEERS];
    size_t count;
    bool chaos;
    int64_t chaos_ns;
} world_t;

typedef struct {
    uint64_t crashes, deaths, cuts, carried, taken;
} sums_t;

/* ---- the world ------------------------------------------------------------------------------- */

static void
s_add (world_t *self, int shore, int flow, bus_peer_options_t options)
{
    zloom_assert (self->count < PEERS);
    options.flow = options.flow ? options.flow : shore_flows[flow];
    self->peers[self->count++] = bus_peer_new (&self->stages[shore][flow], &options);
}

static void
s_populate (world_t *self, uint64_t events, bool thieves)
{
    static const char *const s_names[] = {"w0", "w1", "w2", "w3"};
    for (uint32_t i = 0; i < BUS_PUBLISHERS; i++) {
        s_add (self, SOURCE, i < 2 ? SHORE_EVENTS : SHORE_JOBS,
               (bus_peer_options_t){.kind = BUS_PUBLISHER,
                                    .number = i,
                                    .name = s_names[i],
                                    .patterns = "",
                                    .events = events});
    }
    s_add (
      self, FAR, SHORE_EVENTS,
      (bus_peer_options_t){.kind = BUS_MEMBER, .name = "m0", .group = "ledger", .patterns = ""});
    s_add (self, FAR, SHORE_EVENTS,
           (bus_peer_options_t){.kind = BUS_MEMBER, .name = "m1", .group = "mail", .patterns = ""});
    s_add (self, FAR, SHORE_JOBS,
           (bus_peer_options_t){.kind = BUS_MEMBER, .name = "m2", .patterns = ""});
    s_add (self, FAR, SHORE_EVENTS,
           (bus_peer_options_t){.kind = BUS_LISTENER,
                                .name = "e0",
                                .patterns = "a.* c",
                                .on_slow_value = 20,
                                .from = ZLOOM_FROM_START});
    for (int flow = 0; flow < SHORE_FLOWS && thieves; flow++) {
        s_add (self, SOURCE, flow,
               (bus_peer_options_t){.kind = BUS_THIEF,
                                    .name = flow == SHORE_JOBS ? "t1" : "t0",
                                    .flow = shore_outboxes[flow],
                                    .patterns = ""});
    }
}

static void
s_new (world_t *self, uint64_t seed, bool trace)
{
    *self = (world_t){0};
    sim_ground_init (&self->ground, seed, trace);
    sim_ground_aside (&self->ground, false);
    for (int shore = 0; shore < SHORES; shore++) {
        self->nets[shore] = sim_net_new (&self->ground, NULL);
        self->shores[shore].ground = &self->ground;
        for (int flow = 0; flow < SHORE_FLOWS; flow++) {
            bus_truth_t *truth = &self->truths[shore][flow];
            truth->ground = &self->ground;
            truth->next_seq = 1;
            truth->origin = shore == FAR ? &self->truths[SOURCE][flow] : NULL;
            self->shores[shore].truths[flow] = truth;
            self->stages[shore][flow] =
              (bus_stage_t){.ground = &self->ground, .truth = truth, .net = self->nets[shore]};
        }
        const bus_host_t host =
          shore == FAR ? shore_far (&self->shores[FAR]) : shore_source (&self->shores[SOURCE]);
        bus_hub_init (&self->hubs[shore], &self->ground, self->nets[shore], &host);
    }
    for (int flow = 0; flow < SHORE_FLOWS; flow++) {
        self->ferries[flow] =
          ferry_new (&self->ground, shore_flows[flow], self->nets[SOURCE], self->nets[FAR]);
    }
}

static void
s_destroy (world_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        bus_peer_destroy (&self->peers[i]);
    }
    for (int flow = 0; flow < SHORE_FLOWS; flow++) {
        ferry_destroy (&self->ferries[flow]);
    }
    for (int shore = 0; shore < SHORES; shore++) {
        bus_hub_fini (&self->hubs[shore]);
        sim_net_destroy (&self->nets[shore]);
    }
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void
s_hurt_ferry (world_t *self, sums_t *sums)
{
    sim_ground_t *ground = &self->ground;
    ferry_t *ferry = self->ferries[sim_below (ground, SHORE_FLOWS)];
    const uint64_t lot = sim_below (ground, 4);
    if (lot == 0) {
        ferry_die (ferry, sim_span (ground, 0, 300 * SIM_MS));
        sums->deaths++;
    } else if (lot == 1) {
        ferry_hang (ferry, sim_span (ground, 10 * SIM_MS, 900 * SIM_MS));
    } else {
        ferry_cut (ferry, lot == 2);
        sums->cuts++;
    }
}

static void
s_hurt (world_t *self, sums_t *sums)
{
    sim_ground_t *ground = &self->ground;
    const uint64_t lot = sim_below (ground, 20);
    bus_hub_t *hub = &self->hubs[sim_below (ground, SHORES)];
    bus_peer_t *peer = self->peers[sim_below (ground, self->count)];
    if (lot < 5 && hub->engine) {
        sim_disk_stop_after (hub->disk, 1 + sim_below (ground, 60));
    } else if (lot < 6 && hub->engine) {
        sim_trace (ground, "killed", 0, 0, 0);
        bus_hub_stop (hub, false);
    } else if (lot < 14) {
        s_hurt_ferry (self, sums);
    } else if (lot < 16) {
        bus_peer_die (peer, sim_span (ground, 0, 300 * SIM_MS));
    } else if (lot < 18) {
        bus_peer_cut (peer);
        sums->cuts++;
    } else {
        bus_peer_hang (peer, sim_span (ground, 10 * SIM_MS, 900 * SIM_MS));
    }
    self->chaos_ns = ground->mono_ns + sim_span (ground, 5 * SIM_MS, 300 * SIM_MS);
}

/* ---- time ------------------------------------------------------------------------------------ */

typedef struct {
    enum { CHAOS, A_HUB, A_FERRY, A_PEER } kind;
    size_t which;
    int64_t at_ns;
} turn_t;

static void
s_sooner (turn_t *first, turn_t one)
{
    *first = one.at_ns < first->at_ns ? one : *first;
}

static turn_t
s_first (const world_t *self)
{
    turn_t first = {.kind = CHAOS, .at_ns = self->chaos ? self->chaos_ns : ZLOOM_NEVER};
    for (size_t i = 0; i < SHORES; i++) {
        s_sooner (&first, (turn_t){A_HUB, i, bus_hub_next (&self->hubs[i])});
    }
    for (size_t i = 0; i < SHORE_FLOWS; i++) {
        s_sooner (&first, (turn_t){A_FERRY, i, ferry_next (self->ferries[i])});
    }
    for (size_t i = 0; i < self->count; i++) {
        s_sooner (&first, (turn_t){A_PEER, i, bus_peer_next (self->peers[i])});
    }
    return first;
}

/* The next thing that happens; false: nothing does until then. */
static bool
s_step (world_t *self, int64_t until_ns, sums_t *sums)
{
    const turn_t turn = s_first (self);
    if (turn.at_ns > until_ns) {
        self->ground.mono_ns = until_ns;
        return false;
    }
    self->ground.mono_ns = turn.at_ns > self->ground.mono_ns ? turn.at_ns : self->ground.mono_ns;
    switch (turn.kind) {
    case CHAOS:
        s_hurt (self, sums);
        break;
    case A_HUB:
        bus_hub_run (&self->hubs[turn.which]);
        break;
    case A_FERRY:
        ferry_run (self->ferries[turn.which]);
        break;
    case A_PEER:
        bus_peer_run (self->peers[turn.which]);
        break;
    }
    return true;
}

static bool
s_drained (const world_t *self)
{
    bool done = bus_hub_empty (&self->hubs[SOURCE]) && bus_hub_empty (&self->hubs[FAR]);
    for (int flow = 0; flow < SHORE_FLOWS && done; flow++) {
        done = ferry_done (self->ferries[flow]);
    }
    for (size_t i = 0; i < self->count && done; i++) {
        done = bus_peer_done (self->peers[i]);
    }
    return done;
}

static void
s_drain (world_t *self, sums_t *sums)
{
    const int64_t until_ns = self->ground.mono_ns + DRAIN_NS;
    while (!self->ground.failed && !s_drained (self)) {
        if (!s_step (self, until_ns, sums)) {
            sim_fail (&self->ground, "it does not drain");
        }
    }
    const int64_t last_ns = self->ground.mono_ns + 5 * SIM_S; /* what is under way arrives */
    while (!self->ground.failed && s_step (self, last_ns, sums)) {
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

static void
s_live (world_t *self, uint64_t seed, sums_t *sums)
{
    if (seed % 4 == 0) {
        const uint64_t at = seed / 4;
        s_populate (self, 40, false);
        sim_disk_stop_after (self->hubs[at % SHORES].disk, 1 + at / SHORES % SMALL_CALLS);
    } else {
        s_populate (self, 300, seed % 3 == 0);
        self->chaos = true;
        self->chaos_ns = self->ground.mono_ns + 100 * SIM_MS;
        sim_net_rough (self->nets[SOURCE], seed % 2 == 0);
        sim_net_rough (self->nets[FAR], seed % 2 == 0);
    }
    const int64_t for_ns = self->chaos ? sim_span (&self->ground, 3 * SIM_S, 9 * SIM_S) : 2 * SIM_S;
    const int64_t until_ns = self->ground.mono_ns + for_ns;
    while (!self->ground.failed && s_step (self, until_ns, sums)) {
    }
    sim_net_rough (self->nets[SOURCE], false);
    sim_net_rough (self->nets[FAR], false);
}

/* One world; *hash is the run's. */
static bool
s_world (uint64_t seed, bool trace, sums_t *sums, uint64_t *hash)
{
    world_t *world = zloom_alloc (sizeof *world);
    s_new (world, seed, trace);
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
    s_destroy (world);
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
                ", \"carried\": %" PRIu64 "}\n",
                ok ? "true" : "false", from, last, sums->crashes, sums->deaths, sums->cuts,
                sums->carried);
        return;
    }
    printf ("simbridge: seeds %" PRIu64 " to %" PRIu64 ", routers lost their power %" PRIu64
            " times, bridges died %" PRIu64 " times, %" PRIu64 " connections broke; %" PRIu64
            " messages carried, each once: %s\n",
            from, last, sums->crashes, sums->deaths, sums->cuts, sums->carried,
            ok ? "ok" : "BROKEN");
}

int
main (int argc, char **argv)
{
    uint64_t from = 1;
    uint64_t seeds = 40;
    bool trace = false;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        const bool value = i + 1 < argc;
        if (strcmp (argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp (argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp (argv[i], "--seeds") == 0 && value) {
            seeds = strtoull (argv[++i], NULL, 10);
        } else if (strcmp (argv[i], "--from") == 0 && value) {
            from = strtoull (argv[++i], NULL, 10);
        } else if (strcmp (argv[i], "--seed") == 0 && value) {
            from = strtoull (argv[++i], NULL, 10);
            seeds = 1;
        } else {
            printf ("simbridge [--from SEED] [--seeds N] [--seed SEED] [--trace] [--json]\n");
            return 2;
        }
    }
    uint64_t hash = 0;
    uint64_t again = 0;
    uint64_t seed = from;
    sums_t sums = {0};
    bool ok = true;
    for (; ok && seed < from + seeds; seed++) {
        ok = s_world (seed, trace, &sums, &hash);
        if (ok && seed % 16 == 1) { /* one seed, one run */
            ok = s_world (seed, false, &sums, &again) && hash == again;
            if (!ok) {
                fprintf (stderr, "simbridge: seed %" PRIu64 " has two different runs\n", seed);
            }
        }
    }
    s_print (&sums, from, seed - 1, ok, json);
    return ok ? 0 : 1;
}
