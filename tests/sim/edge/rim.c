/* SPDX-License-Identifier: MPL-2.0 */
#include "rim.h"

#include "base/memory.h"
#include "carry.h"
#include "engine/core.h"
#include "nodes/forwarder/relay.h"
#include "patterns/bus/bus.h"

#include <stdlib.h>

#define TURN_NS (SIM_MS / 20)
/* What may wait at the edge, so little that slow ones come to lose some of it. */
#define EDGE_BYTES 6000

struct rim {
    sim_ground_t *ground;
    sim_net_t *hub;
    sim_net_t *near;
    sim_road_t *road;
    zloom_client_core_t *core; /* of the router; NULL: no process */
    zloom_relay_t *relay;
    zloom_engine_t *engine;
    zloom_journal_t *journal;
    bool open;
    int64_t next_ns;
    int64_t hung_ns;
    int64_t reborn_ns;
};

rim_t *
rim_new (sim_ground_t *ground, sim_net_t *hub, sim_net_t *near)
{
    rim_t *self = zloom_alloc (sizeof *self);
    *self = (rim_t){.ground = ground,
                    .hub = hub,
                    .near = near,
                    .next_ns = ground->mono_ns,
                    .reborn_ns = ground->mono_ns};
    return self;
}

static void
s_bury (rim_t *self)
{
    sim_net_down (self->near);
    self->open = false;
    zloom_engine_destroy (&self->engine);
    if (self->journal) {
        zloom_journal_close (&self->journal);
    }
    zloom_relay_destroy (&self->relay);
    zloom_client_core_destroy (&self->core);
    sim_road_leave (self->hub, &self->road);
}

void
rim_destroy (rim_t **self_p)
{
    s_bury (*self_p);
    free (*self_p);
    *self_p = NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    rim_t *self = arg;
    if (event->type == ZLOOM_CLIENT_GAP) {
        sim_trace (self->ground, "edge-gap", event->seq, event->last, event->n);
    }
    zloom_relay_event (self->relay, event);
}

static bool
s_join (rim_t *self)
{
    zloom_client_options_t options = {
      .name = "edge", .role = "forwarder", .seed = 1 + sim_below (self->ground, UINT32_MAX)};
    for (size_t i = 0; i < sizeof options.nonce; i++) {
        options.nonce[i] = (uint8_t) sim_below (self->ground, 256);
    }
    if (zloom_client_core_new (&options, s_event, self, &self->core) != ZLOOM_OK) {
        sim_fail (self->ground, "edge: no core: %s", zloom_note ());
        return false;
    }
    self->road = sim_net_connect (self->hub);
    zloom_client_core_connected (self->core, sim_now (self->ground));
    return true;
}

/* As nodes/forwarder/edge_flows.c makes of the router's flow, with less room. */
static void
s_born (rim_t *self)
{
    const zloom_engine_flow_t copy = {.pattern = &zloom_bus_pattern,
                                      .fingerprint = 1,
                                      .config = {.name = "events",
                                                 .pattern = "bus",
                                                 .confirm = ZLOOM_CONFIRM_MEMORY,
                                                 .lease_ns = 2 * SIM_S,
                                                 .failures_max = 1,
                                                 .limit_bytes = EDGE_BYTES,
                                                 .on_full = ZLOOM_ON_FULL_DROP_OLDEST,
                                                 .exceptions_max = 1000,
                                                 .copy_of = "sim"}};
    const zloom_engine_config_t config = {.name = "edge",
                                          .flows = &copy,
                                          .flow_count = 1,
                                          .max_message_bytes = 8192,
                                          .seed = 1 + sim_below (self->ground, UINT32_MAX)};
    const zloom_transport_t transport = sim_net_transport (self->near);
    sim_trace (self->ground, "edge-born", 0, 0, 0);
    if (!s_join (self)) {
        return;
    }
    self->relay = zloom_relay_new ("edge", "events");
    self->engine = zloom_engine_new (&config, &transport);
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    self->journal = zloom_memory_journal_new (&owner, config.seed);
    if (zloom_engine_start (self->engine, self->journal, sim_now (self->ground)) != ZLOOM_OK) {
        sim_fail (self->ground, "edge: it does not start: %s", zloom_note ());
    }
}

static int64_t
s_carry (rim_t *self)
{
    const int64_t next_ns = sim_carry (self->core, self->ground, self->hub, &self->road, true);
    if (zloom_client_core_ended (self->core) != ZLOOM_OK) {
        sim_fail (self->ground, "edge: its session is over: %s", zloom_note ());
    }
    return next_ns;
}

static void
s_sooner (int64_t *next_ns, int64_t one_ns)
{
    *next_ns = one_ns < *next_ns ? one_ns : *next_ns;
}

/* As nodes/forwarder/edge.c does: its door is open once it has a place. */
static void
s_turn (rim_t *self)
{
    const zloom_now_t now = sim_now (self->ground);
    self->next_ns = ZLOOM_NEVER;
    (void) s_carry (self);
    if (zloom_relay_turn (self->relay, self->core, self->engine, now, &self->next_ns) != ZLOOM_OK) {
        sim_fail (self->ground, "edge: %s", zloom_note ());
        return;
    }
    if (!self->open && zloom_relay_is_placed (self->relay)) {
        sim_trace (self->ground, "edge-open", rim_place (self), 0, 0);
        sim_net_up (self->near);
        self->open = true;
    }
    s_sooner (&self->next_ns, zloom_engine_turn (self->engine, now));
    s_sooner (&self->next_ns, s_carry (self));
    if (!zloom_bus_check (self->engine->flows[0]->core)) {
        sim_fail (self->ground, "the books of the edge do not balance");
    }
}

int64_t
rim_next (const rim_t *self)
{
    if (self->hung_ns > self->ground->mono_ns) {
        return self->hung_ns;
    }
    int64_t next_ns = self->next_ns;
    s_sooner (&next_ns, self->road ? sim_road_next (self->road) : ZLOOM_NEVER);
    s_sooner (&next_ns, self->open ? sim_net_next (self->near) : ZLOOM_NEVER);
    return next_ns;
}

void
rim_run (rim_t *self)
{
    const int64_t now_ns = self->ground->mono_ns;
    if (!self->core && self->reborn_ns > now_ns) {
        self->next_ns = self->reborn_ns;
        return;
    }
    if (!self->core) {
        s_born (self);
    }
    if (!self->ground->failed) {
        s_turn (self);
    }
    self->next_ns = self->next_ns <= now_ns ? now_ns + TURN_NS : self->next_ns;
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

void
rim_die (rim_t *self, int64_t off_ns)
{
    sim_trace (self->ground, "edge-dies", rim_place (self), 0, 0);
    s_bury (self);
    self->hung_ns = 0;
    self->reborn_ns = self->ground->mono_ns + off_ns;
    self->next_ns = self->reborn_ns;
}

void
rim_hang (rim_t *self, int64_t for_ns)
{
    sim_trace (self->ground, "edge-hangs", (uint64_t) for_ns, 0, 0);
    self->hung_ns = self->ground->mono_ns + for_ns;
}

void
rim_cut (rim_t *self)
{
    sim_trace (self->ground, "edge-cut", 0, 0, 0);
    if (self->road) {
        sim_net_cut (self->hub, self->road);
    }
}

uint64_t
rim_place (const rim_t *self)
{
    if (!self->engine || !zloom_relay_is_placed (self->relay)) {
        return 0;
    }
    const zloom_hosted_t *flow = self->engine->flows[0];
    return flow->pattern->next_seq (flow->core);
}
