/* SPDX-License-Identifier: MPL-2.0 */
/*
 * main.c - worlds with a bus: one router that loses its power and comes again, publishers, durable
 * groups, and listeners of every policy that are slow, die and come back. truth.h says what must
 * hold. A seed is a run:
 *
 *     simbus --seeds 40           worlds from seed 1 on
 *     simbus --seed 7 --trace     one world again, with all that happens
 */
#include "events.h"
#include "peer.h"
#include "seeds.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PEERS 16
#define DRAIN_NS (180 * SIM_S)
/* P7: a subscriber that takes nothing may make publishing slower by so much at most. */
#define SLOWER_PERCENT 5
#define P7_SEEDS 60
/* What the two want that share. */
#define POOL "a.* c"

typedef struct {
    sim_ground_t ground;
    bus_truth_t truth;
    bus_stage_t stage;
    sim_net_t *net;
    bus_hub_t hub;
    int64_t chaos_ns;
    bool chaos;
    bus_peer_t *peers[PEERS];
    bus_knows_t pool;
    size_t count;
} world_t;

/* ---- the world ------------------------------------------------------------------------------- */

static void
s_add (world_t *self, const bus_peer_options_t *options)
{
    zloom_assert (self->count < PEERS);
    self->peers[self->count++] = bus_peer_new (&self->stage, options);
}

static void
s_populate (world_t *self, bool listeners, bool one_more, bool stalled)
{
    static const char *const s_names[] = {"w0", "w1", "w2"};
    static const char *const s_ears[] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6"};
    static const char *const s_pool[] = {"p0", "p1"};
    static const char *const s_patterns[] = {"", "a.*", "*.x b.>", "c", "a.x c *.y.*", ">", ""};
    for (uint32_t i = 0; i < 3; i++) {
        s_add (
          self,
          &(bus_peer_options_t){
            .kind = BUS_PUBLISHER, .number = i, .name = s_names[i], .patterns = "", .events = 300});
    }
    s_add (self, &(bus_peer_options_t){
                   .kind = BUS_MEMBER, .name = "m0", .group = "ledger", .patterns = ""});
    s_add (self, &(bus_peer_options_t){
                   .kind = BUS_MEMBER, .name = "m1", .group = "mail", .patterns = BUS_MAIL});
    for (size_t i = 0; listeners && i < 6; i++) {
        static const zloom_from_t s_from[] = {ZLOOM_FROM_NOW, ZLOOM_FROM_START};
        s_add (self,
               &(bus_peer_options_t){.kind = BUS_LISTENER,
                                     .name = s_ears[i],
                                     .patterns = s_patterns[sim_below (&self->ground, 6)],
                                     .on_slow = (zloom_on_slow_t) sim_below (&self->ground, 6),
                                     .on_slow_value = (int64_t) sim_below (&self->ground, 120),
                                     .from = s_from[sim_below (&self->ground, 2)]});
    }
    for (size_t i = 0; listeners && i < 2; i++) {
        s_add (self, &(bus_peer_options_t){
                       .kind = BUS_LISTENER, .name = s_pool[i], .group = "pool", .patterns = POOL});
    }
    if (one_more) {
        s_add (self, &(bus_peer_options_t){.kind = BUS_LISTENER,
                                           .name = s_ears[6],
                                           .patterns = "",
                                           .on_slow_value = 10,
                                           .stalled = stalled});
    }
}

static void
s_new (world_t *self, uint64_t seed, bool trace, bool listeners, bool one_more, bool stalled)
{
    *self = (world_t){0};
    sim_ground_init (&self->ground, seed, trace);
    sim_ground_aside (&self->ground, false);
    self->truth = (bus_truth_t){.ground = &self->ground, .next_seq = 1, .drops = seed % 4 == 1};
    self->net = sim_net_new (&self->ground, NULL);
    const bus_host_t host = bus_events_host (&self->truth);
    bus_hub_init (&self->hub, &self->ground, self->net, &host);
    self->stage = (bus_stage_t){.ground = &self->ground,
                                .truth = &self->truth,
                                .net = self->net,
                                .pool = &self->pool,
                                .alone = true};
    self->chaos_ns = self->ground.mono_ns + 100 * SIM_MS;
    s_populate (self, listeners, one_more, stalled);
}

static void
s_destroy (world_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        bus_peer_destroy (&self->peers[i]);
    }
    bus_hub_fini (&self->hub);
    sim_net_destroy (&self->net);
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
}

static void
s_hurt (world_t *self)
{
    sim_ground_t *ground = &self->ground;
    bus_peer_t *peer = self->peers[sim_below (ground, self->count)];
    const uint64_t lot = sim_below (ground, 20);
    if (lot < 3 && self->hub.engine) {
        sim_disk_stop_after (self->hub.disk, 1 + sim_below (ground, 40));
    } else if (lot < 4 && self->hub.engine) {
        sim_trace (ground, "killed", 0, 0, 0);
        bus_hub_stop (&self->hub, false);
    } else if (lot < 16 && bus_peer_options (peer)->kind == BUS_LISTENER &&
               bus_peer_options (peer)->group) { /* who dies has no place that it comes back to */
        bus_peer_cut (peer);
    } else if (lot < 12) { /* they come and go */
        bus_peer_die (peer, sim_span (ground, 0, 300 * SIM_MS));
    } else {
        bus_peer_hang (peer, sim_span (ground, 10 * SIM_MS, 900 * SIM_MS));
    }
    self->chaos_ns = ground->mono_ns + sim_span (ground, 5 * SIM_MS, 300 * SIM_MS);
}

static bool
s_step (world_t *self, int64_t until_ns)
{
    int64_t next_ns = bus_hub_next (&self->hub);
    size_t who = self->count;
    for (size_t i = 0; i < self->count; i++) {
        const int64_t one_ns = bus_peer_next (self->peers[i]);
        if (one_ns < next_ns) {
            next_ns = one_ns;
            who = i;
        }
    }
    const bool hurts = self->chaos && self->chaos_ns < next_ns;
    next_ns = hurts ? self->chaos_ns : next_ns;
    if (next_ns > until_ns) {
        self->ground.mono_ns = until_ns;
        return false;
    }
    self->ground.mono_ns = next_ns > self->ground.mono_ns ? next_ns : self->ground.mono_ns;
    if (hurts) {
        s_hurt (self);
    } else if (who < self->count) {
        bus_peer_run (self->peers[who]);
    } else {
        bus_hub_run (&self->hub);
    }
    return true;
}

static bool
s_drained (const world_t *self)
{
    bool done = self->hub.engine != NULL;
    for (size_t i = 0; i < self->count && done; i++) {
        done = bus_peer_done (self->peers[i]);
    }
    return done && bus_hub_empty (&self->hub);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void
s_judge (world_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (bus_peer_options (self->peers[i])->kind == BUS_LISTENER) {
            bus_truth_end (&self->truth, bus_peer_ear (self->peers[i]));
        }
        bus_peer_judge (self->peers[i]);
    }
    bus_knows_check (&self->pool, &self->truth, "the pool", POOL, self->truth.next_seq);
    bus_truth_books (&self->truth);
    bus_events_judge (self->hub.engine->flows[0], &self->truth);
}

static bool
s_finish (world_t *self)
{
    self->chaos = false;
    self->stage.calm = true;
    if (!sim_disk_stopped (self->hub.disk)) {
        sim_disk_stop_after (self->hub.disk, 0);
    }
    const int64_t until_ns = self->ground.mono_ns + DRAIN_NS;
    while (!self->ground.failed && !s_drained (self)) {
        if (!s_step (self, until_ns)) {
            sim_fail (&self->ground, "it does not drain");
        }
    }
    const int64_t last_ns = self->ground.mono_ns + 5 * SIM_S; /* what is under way arrives */
    while (!self->ground.failed && s_step (self, last_ns)) {
    }
    if (!self->ground.failed) {
        s_judge (self);
    }
    return !self->ground.failed;
}

typedef struct {
    uint64_t crashes, heard, gaps, missed, acked, dropped;
} sums_t;

/* One world; *hash is the run's. */
static bool
s_world (uint64_t seed, bool trace, void *arg, uint64_t *hash)
{
    sums_t *sums = arg;
    world_t *world = zloom_alloc (sizeof *world);
    s_new (world, seed, trace, true, seed % 2 == 0, true);
    world->chaos = true;
    const int64_t until_ns =
      world->ground.mono_ns + sim_span (&world->ground, 3 * SIM_S, 9 * SIM_S);
    while (!world->ground.failed && s_step (world, until_ns)) {
    }
    const bool ok = s_finish (world);
    if (!ok) {
        fprintf (stderr,
                 "simbus: BROKEN at %.6f s: %s\nsimbus: replay: simbus --seed %" PRIu64
                 " --trace\n",
                 (double) (world->ground.mono_ns - 1000 * SIM_S) / (double) SIM_S,
                 world->ground.why, seed);
    }
    sums->crashes += world->hub.crashes;
    *hash = world->ground.hash;
    sums->heard += world->truth.heard;
    sums->gaps += world->truth.gaps;
    sums->missed += world->truth.missed;
    sums->acked += world->truth.acked;
    sums->dropped += world->truth.dropped;
    s_destroy (world);
    free (world);
    return ok;
}

static bool
s_all_published (const world_t *self)
{
    bool done = true;
    for (size_t i = 0; i < self->count && done; i++) {
        const bus_peer_options_t *options = bus_peer_options (self->peers[i]);
        done = options->kind != BUS_PUBLISHER || bus_peer_done (self->peers[i]);
    }
    return done;
}

/* P7: how long publishing takes when nothing goes wrong, with a subscriber that does its part, or
 * that takes nothing; ZLOOM_NEVER when it does not end. */
static int64_t
s_published_in (uint64_t seed, bool stalled)
{
    world_t *world = zloom_alloc (sizeof *world);
    s_new (world, seed, false, false, true, stalled);
    const int64_t begin_ns = world->ground.mono_ns;
    bool done = false;
    while (!world->ground.failed && !done && s_step (world, begin_ns + DRAIN_NS)) {
        done = s_all_published (world);
    }
    const int64_t took_ns = world->ground.mono_ns - begin_ns;
    if (!done) {
        printf ("simbus: P7: seed %" PRIu64 "%s: publishing does not end: %s\n", seed,
                stalled ? ", beside a subscriber that takes nothing" : "",
                world->ground.failed ? world->ground.why : "it waits");
    }
    s_destroy (world);
    free (world);
    return done ? took_ns : ZLOOM_NEVER;
}

static bool
s_slow_one_slows_nobody (void)
{
    int64_t without_ns = 0;
    int64_t with_ns = 0;
    for (uint64_t seed = 1; seed <= P7_SEEDS; seed++) {
        const int64_t one_ns = s_published_in (seed, false);
        const int64_t other_ns = s_published_in (seed, true);
        if (one_ns == ZLOOM_NEVER || other_ns == ZLOOM_NEVER) {
            return false;
        }
        without_ns += one_ns;
        with_ns += other_ns;
    }
    fprintf (stderr,
             "simbus: publishing takes %.3f s; beside a subscriber that takes nothing, %.3f s\n",
             (double) without_ns / (double) SIM_S, (double) with_ns / (double) SIM_S);
    return with_ns <= without_ns + without_ns * SLOWER_PERCENT / 100;
}

int
main (int argc, char **argv)
{
    sim_seeds_t seeds;
    sums_t sums = {0};
    if (!sim_seeds_read (&seeds, "simbus", argc, argv)) {
        return 2;
    }
    bool ok = sim_seeds_run (&seeds, s_world, &sums);
    ok = ok && (seeds.seeds == 1 || s_slow_one_slows_nobody ());
    if (seeds.json) {
        printf ("{\"ok\": %s, \"first_seed\": %" PRIu64 ", \"last_seed\": %" PRIu64
                ", \"crash_points\": %" PRIu64 ", \"heard\": %" PRIu64 ", \"gaps\": %" PRIu64
                ", \"acked\": %" PRIu64 "}\n",
                ok ? "true" : "false", seeds.from, seeds.last, sums.crashes, sums.heard, sums.gaps,
                sums.acked);
    } else {
        printf ("simbus: seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64 " crashes, %" PRIu64
                " heard, %" PRIu64 " gaps of %" PRIu64 ", %" PRIu64 " acked, %" PRIu64
                " dropped: %s\n",
                seeds.from, seeds.last, sums.crashes, sums.heard, sums.gaps, sums.missed,
                sums.acked, sums.dropped, ok ? "ok" : "BROKEN");
    }
    return ok ? 0 : 1;
}
