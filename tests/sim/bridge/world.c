/* SPDX-License-Identifier: MPL-2.0 */
#include "world.h"

#include "base/tag.h"

/* ---- the world ------------------------------------------------------------------------------- */

static void
s_add (world_t *self, int shore, int flow, bus_peer_options_t options)
{
    zloom_assert (self->count < WORLD_PEERS);
    options.flow = options.flow ? options.flow : shore_flows[flow];
    self->peers[self->count++] = bus_peer_new (&self->stages[shore][flow], &options);
}

void
world_populate (world_t *self, uint64_t events, bool thieves, bool listener)
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
    if (listener) { /* of numbers that are given again it knows nothing */
        s_add (self, FAR, SHORE_EVENTS,
               (bus_peer_options_t){.kind = BUS_LISTENER,
                                    .name = "e0",
                                    .patterns = "a.* c",
                                    .on_slow_value = 20,
                                    .from = ZLOOM_FROM_START});
    }
    for (int flow = 0; flow < SHORE_FLOWS && thieves; flow++) {
        s_add (self, SOURCE, flow,
               (bus_peer_options_t){.kind = BUS_THIEF,
                                    .name = flow == SHORE_JOBS ? "t1" : "t0",
                                    .flow = shore_outboxes[flow],
                                    .patterns = ""});
    }
}

void
world_init (world_t *self, uint64_t seed, bool trace)
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

void
world_fini (world_t *self)
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

bool
world_step (world_t *self, int64_t until_ns, sums_t *sums)
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

bool
world_drained (const world_t *self)
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

void
world_pass (world_t *self, int64_t for_ns, sums_t *sums)
{
    const int64_t until_ns = self->ground.mono_ns + for_ns;
    while (!self->ground.failed && world_step (self, until_ns, sums)) {
    }
}
