/* SPDX-License-Identifier: MPL-2.0 */
/*
 * main.c - worlds with an edge: a router with the bus `events` on disk, publishers and durable
 * groups there, and an edge, where listeners of each policy hear it. The router loses its power or
 * is killed, the edge dies, connections break, listeners are slow, die and come late. What holds of
 * a listener at a router (bus/truth.h) has to hold here, under the router's numbers; besides, each
 * hole is told with a reason that can be, nobody is given more than he asked for, and when all is
 * calm what is published then comes to everybody who wants it.
 *
 *     simedge --seeds 40          worlds from seed 1 on
 *     simedge --seed 7 --trace    one world again, with all that happens
 */
#include "bus/events.h"
#include "bus/peer.h"
#include "rim.h"
#include "seeds.h"

#include "base/memory.h"
#include "base/tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS 16
#define EVENTS 300
#define LAST_WORDS 12
#define DRAIN_NS (180 * SIM_S)

typedef struct {
    sim_ground_t ground;
    bus_truth_t truth;
    bus_stage_t far;  /* at the router */
    bus_stage_t near; /* at the edge */
    sim_net_t *nets[2];
    bus_hub_t hub;
    rim_t *rim;
    bus_peer_t *peers[PEERS];
    size_t count;
    bool chaos;
    int64_t chaos_ns;
} world_t;

typedef struct {
    uint64_t crashes, edges, cuts, heard, gaps, missed;
} sums_t;

/* ---- what an edge may say ------------------------------------------------------------------- */

/* Which words a listener may be told why it has lost something. */
static void
s_gap (const bus_peer_options_t *options, const zloom_client_event_t *gap, sim_ground_t *ground)
{
    static const char *const own[] = {[ZLOOM_ON_SLOW_DROP_OLDEST] = "drop-oldest",
                                      [ZLOOM_ON_SLOW_DROP_NEWEST] = "drop-newest",
                                      [ZLOOM_ON_SLOW_LATEST] = "latest",
                                      [ZLOOM_ON_SLOW_DISCONNECT] = "disconnect"};
    const bool all = options->patterns[0] == '\0';
    const bool may = zloom_bytes_equal (gap->text, zloom_bytes_text ("edge")) ||
                     zloom_bytes_equal (gap->text, zloom_bytes_text ("limit")) ||
                     zloom_bytes_equal (gap->text, zloom_bytes_text (own[options->on_slow]));
    if (!may) {
        sim_fail (ground, "P4: %s is told that it is for '%.*s'", options->name,
                  (int) gap->text.size, (const char *) gap->text.data);
    } else if (all && gap->n != gap->last - gap->seq + 1) {
        sim_fail (ground,
                  "P4: %s hears all, and is told of %" PRIu64 " of [%" PRIu64 ", %" PRIu64 "]",
                  options->name, gap->n, gap->seq, gap->last);
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

static void
s_add (world_t *self, bus_peer_options_t options)
{
    zloom_assert (self->count < PEERS);
    self->peers[self->count++] =
      bus_peer_new (options.kind == BUS_LISTENER ? &self->near : &self->far, &options);
}

static void
s_publisher (world_t *self, uint32_t number, uint64_t events)
{
    static const char *const s_names[] = {"w0", "w1", "w2", "w3"};
    s_add (self, (bus_peer_options_t){.kind = BUS_PUBLISHER,
                                      .number = number,
                                      .name = s_names[number],
                                      .patterns = "",
                                      .events = events});
}

static void
s_populate (world_t *self)
{
    static const char *const s_ears[] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};
    static const char *const s_patterns[] = {"", "", "a.*", "*.x b.>", "c", "a.x c *.y.*"};
    static const zloom_on_slow_t s_slow[] = {ZLOOM_ON_SLOW_DROP_OLDEST, ZLOOM_ON_SLOW_DROP_NEWEST,
                                             ZLOOM_ON_SLOW_LATEST, ZLOOM_ON_SLOW_DISCONNECT};
    for (uint32_t i = 0; i < 3; i++) {
        s_publisher (self, i, EVENTS);
    }
    s_add (self, (bus_peer_options_t){
                   .kind = BUS_MEMBER, .name = "m0", .group = "ledger", .patterns = ""});
    s_add (self, (bus_peer_options_t){
                   .kind = BUS_MEMBER, .name = "m1", .group = "mail", .patterns = BUS_MAIL});
    for (size_t i = 0; i < 8; i++) { /* the first two are never slow by themselves */
        s_add (self, (bus_peer_options_t){
                       .kind = BUS_LISTENER,
                       .name = s_ears[i],
                       .patterns = i < 2 ? "" : s_patterns[sim_below (&self->ground, 6)],
                       .on_slow = i < 2 ? ZLOOM_ON_SLOW_DROP_OLDEST : s_slow[i % 4],
                       .on_slow_value = i < 2 ? 0 : (int64_t) sim_below (&self->ground, 120),
                       .stalled = i == 7});
    }
}

static void
s_new (world_t *self, uint64_t seed, bool trace)
{
    *self = (world_t){0};
    sim_ground_init (&self->ground, seed, trace);
    sim_ground_aside (&self->ground, false);
    self->truth = (bus_truth_t){.ground = &self->ground, .next_seq = 1};
    self->nets[0] = sim_net_new (&self->ground, NULL);
    self->nets[1] = sim_net_new (&self->ground, NULL);
    const bus_host_t host = bus_events_host (&self->truth);
    bus_hub_init (&self->hub, &self->ground, self->nets[0], &host);
    self->rim = rim_new (&self->ground, self->nets[0], self->nets[1]);
    self->far = (bus_stage_t){
      .ground = &self->ground, .truth = &self->truth, .net = self->nets[0], .alone = true};
    self->near = (bus_stage_t){
      .ground = &self->ground, .truth = &self->truth, .net = self->nets[1], .gap = s_gap};
    self->chaos_ns = self->ground.mono_ns + 100 * SIM_MS;
    s_populate (self);
}

static void
s_destroy (world_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        bus_peer_destroy (&self->peers[i]);
    }
    rim_destroy (&self->rim);
    bus_hub_fini (&self->hub);
    sim_net_destroy (&self->nets[0]);
    sim_net_destroy (&self->nets[1]);
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
}

static void
s_hurt (world_t *self, sums_t *sums)
{
    sim_ground_t *ground = &self->ground;
    bus_peer_t *peer = self->peers[sim_below (ground, self->count)];
    const uint64_t lot = sim_below (ground, 24);
    if (lot < 2 && self->hub.engine) {
        sim_disk_stop_after (self->hub.disk, 1 + sim_below (ground, 40));
    } else if (lot < 3 && self->hub.engine) {
        sim_trace (ground, "killed", 0, 0, 0);
        bus_hub_stop (&self->hub, false);
    } else if (lot < 6) {
        rim_die (self->rim, sim_span (ground, 0, 400 * SIM_MS));
        sums->edges++;
    } else if (lot < 8) {
        rim_hang (self->rim, sim_span (ground, 10 * SIM_MS, 900 * SIM_MS));
    } else if (lot < 11) {
        rim_cut (self->rim);
        sums->cuts++;
    } else if (lot < 15) {
        bus_peer_cut (peer);
        sums->cuts++;
    } else if (lot < 18) { /* who comes again then, comes late */
        bus_peer_die (peer, sim_span (ground, 0, 300 * SIM_MS));
    } else {
        bus_peer_hang (peer, sim_span (ground, 10 * SIM_MS, 900 * SIM_MS));
    }
    self->chaos_ns = ground->mono_ns + sim_span (ground, 5 * SIM_MS, 200 * SIM_MS);
}

static bool
s_step (world_t *self, int64_t until_ns, sums_t *sums)
{
    const int64_t hub_ns = bus_hub_next (&self->hub);
    const int64_t rim_ns = rim_next (self->rim);
    int64_t next_ns = hub_ns < rim_ns ? hub_ns : rim_ns;
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
        s_hurt (self, sums);
    } else if (who < self->count) {
        bus_peer_run (self->peers[who]);
    } else if (rim_ns <= hub_ns) {
        rim_run (self->rim);
    } else {
        bus_hub_run (&self->hub);
    }
    return true;
}

static void
s_pass (world_t *self, int64_t for_ns, sums_t *sums)
{
    const int64_t until_ns = self->ground.mono_ns + for_ns;
    while (!self->ground.failed && s_step (self, until_ns, sums)) {
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool
s_drained (const world_t *self)
{
    bool done = rim_place (self->rim) == self->truth.next_seq && bus_hub_empty (&self->hub);
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
    s_pass (self, 5 * SIM_S, sums); /* what is under way arrives */
}

/* Everybody has heard of all since it began, and of what was published after `last` in any case. */
static void
s_judge (world_t *self, uint64_t last)
{
    for (size_t i = 0; i < self->count; i++) {
        if (bus_peer_options (self->peers[i])->kind == BUS_LISTENER) {
            bus_ear_t ear = *bus_peer_ear (self->peers[i]);
            ear.highest = ear.highest > last ? ear.highest : last;
            bus_truth_end (&self->truth, &ear);
            bus_truth_end (&self->truth, bus_peer_ear (self->peers[i]));
        }
        bus_peer_judge (self->peers[i]);
    }
    bus_truth_books (&self->truth);
    bus_events_judge (self->hub.engine->flows[0], &self->truth);
}

static void
s_finish (world_t *self, sums_t *sums)
{
    self->chaos = false;
    self->far.calm = true;
    self->near.calm = true;
    sim_net_rough (self->nets[0], false);
    sim_net_rough (self->nets[1], false);
    if (!sim_disk_stopped (self->hub.disk)) {
        sim_disk_stop_after (self->hub.disk, 0);
    }
    s_drain (self, sums);
    const uint64_t last = self->truth.next_seq - 1;
    s_publisher (self, 3, LAST_WORDS);
    s_drain (self, sums);
    if (!self->ground.failed) {
        s_judge (self, last);
    }
}

/* One world; *hash is the run's. */
static bool
s_world (uint64_t seed, bool trace, void *arg, uint64_t *hash)
{
    sums_t *sums = arg;
    world_t *world = zloom_alloc (sizeof *world);
    s_new (world, seed, trace);
    world->chaos = true;
    sim_net_rough (world->nets[0], seed % 2 == 0);
    sim_net_rough (world->nets[1], seed % 3 == 0);
    s_pass (world, sim_span (&world->ground, 3 * SIM_S, 9 * SIM_S), sums);
    s_finish (world, sums);
    const bool ok = !world->ground.failed;
    if (!ok) {
        fprintf (stderr,
                 "simedge: BROKEN at %.6f s: %s\nsimedge: replay: simedge --seed %" PRIu64
                 " --trace\n",
                 (double) (world->ground.mono_ns - 1000 * SIM_S) / (double) SIM_S,
                 world->ground.why, seed);
    }
    sums->crashes += world->hub.crashes;
    sums->heard += world->truth.heard;
    sums->gaps += world->truth.gaps;
    sums->missed += world->truth.missed;
    *hash = world->ground.hash;
    s_destroy (world);
    free (world);
    return ok;
}

int
main (int argc, char **argv)
{
    sim_seeds_t seeds;
    sums_t sums = {0};
    if (!sim_seeds_read (&seeds, "simedge", argc, argv)) {
        return 2;
    }
    const bool ok = sim_seeds_run (&seeds, s_world, &sums);
    if (seeds.json) {
        printf ("{\"ok\": %s, \"first_seed\": %" PRIu64 ", \"last_seed\": %" PRIu64
                ", \"crash_points\": %" PRIu64 ", \"edges_died\": %" PRIu64 ", \"cuts\": %" PRIu64
                ", \"heard\": %" PRIu64 ", \"gaps\": %" PRIu64 "}\n",
                ok ? "true" : "false", seeds.from, seeds.last, sums.crashes, sums.edges, sums.cuts,
                sums.heard, sums.gaps);
    } else {
        printf ("simedge: seeds %" PRIu64 " to %" PRIu64 ", the router lost its power %" PRIu64
                " times, the edge died %" PRIu64 " times, %" PRIu64 " connections broke; %" PRIu64
                " heard, %" PRIu64 " gaps of %" PRIu64 ": %s\n",
                seeds.from, seeds.last, sums.crashes, sums.edges, sums.cuts, sums.heard, sums.gaps,
                sums.missed, ok ? "ok" : "BROKEN");
    }
    return ok ? 0 : 1;
}
