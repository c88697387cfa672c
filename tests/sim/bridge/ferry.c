/* SPDX-License-Identifier: MPL-2.0 */
#include "ferry.h"

#include "base/memory.h"
#include "carry.h"
#include "nodes/forwarder/bridge.h"

#include <stdlib.h>

#define TURN_NS (SIM_MS / 10)

typedef struct {
    sim_net_t *net;
    sim_road_t *road;
    zloom_client_core_t *core; /* NULL: none yet */
} end_t;

struct ferry {
    sim_ground_t *ground;
    const char *flow;
    zloom_bridge_t *bridge; /* NULL: no process */
    end_t source;
    end_t far;
    int64_t next_ns;
    int64_t hung_ns;
    int64_t reborn_ns;
};

ferry_t *
ferry_new (sim_ground_t *ground, const char *flow, sim_net_t *source, sim_net_t *far)
{
    ferry_t *self = zloom_alloc (sizeof *self);
    *self = (ferry_t){.ground = ground,
                      .flow = flow,
                      .source = {.net = source},
                      .far = {.net = far},
                      .next_ns = ground->mono_ns,
                      .reborn_ns = ground->mono_ns};
    return self;
}

static void
s_leave (end_t *end)
{
    zloom_client_core_destroy (&end->core);
    sim_road_leave (end->net, &end->road);
}

static void
s_bury (ferry_t *self)
{
    s_leave (&self->source);
    s_leave (&self->far);
    zloom_bridge_destroy (&self->bridge);
}

void
ferry_destroy (ferry_t **self_p)
{
    s_bury (*self_p);
    free (*self_p);
    *self_p = NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
s_join (ferry_t *self, end_t *end, zloom_client_options_t *options, zloom_client_event_fn *event)
{
    options->seed = 1 + sim_below (self->ground, UINT32_MAX);
    for (size_t i = 0; i < sizeof options->nonce; i++) {
        options->nonce[i] = (uint8_t) sim_below (self->ground, 256);
    }
    s_leave (end);
    if (zloom_client_core_new (options, event, self->bridge, &end->core) != ZLOOM_OK) {
        sim_fail (self->ground, "bridge of %s: no core: %s", self->flow, zloom_note ());
        return;
    }
    end->road = sim_net_connect (end->net);
    zloom_client_core_connected (end->core, sim_now (self->ground));
}

static void
s_born (ferry_t *self)
{
    char *name = zloom_format ("bridge/%s", self->flow);
    zloom_client_options_t options = {.name = name, .role = "forwarder"};
    sim_trace (self->ground, "bridge-born", 0, 0, 0);
    self->bridge = zloom_bridge_new ("bridge", self->flow);
    s_join (self, &self->source, &options, zloom_bridge_source_event);
    free (name);
}

static int64_t
s_carry (ferry_t *self, end_t *end)
{
    if (!end->core) {
        return ZLOOM_NEVER;
    }
    const int64_t next_ns = sim_carry (end->core, self->ground, end->net, &end->road, true);
    if (zloom_client_core_ended (end->core) != ZLOOM_OK) {
        sim_fail (self->ground, "bridge of %s: it is over: %s", self->flow, zloom_note ());
    }
    return next_ns;
}

static int64_t
s_earlier (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void
s_turn (ferry_t *self)
{
    zloom_client_options_t options = {.flow_count = 0};
    (void) s_carry (self, &self->source);
    (void) s_carry (self, &self->far);
    self->next_ns =
      zloom_bridge_turn (self->bridge, self->source.core, self->far.core, sim_now (self->ground));
    if (zloom_bridge_wants_far (self->bridge, &options)) {
        sim_trace (self->ground, "bridge-far", options.flows->first_id, options.flows->boot_count,
                   0);
        s_join (self, &self->far, &options, zloom_bridge_far_event);
        zloom_bridge_far_is_new (self->bridge);
        self->next_ns = self->ground->mono_ns;
    }
    self->next_ns = s_earlier (self->next_ns, s_carry (self, &self->source));
    self->next_ns = s_earlier (self->next_ns, s_carry (self, &self->far));
}

int64_t
ferry_next (const ferry_t *self)
{
    if (self->hung_ns > self->ground->mono_ns) {
        return self->hung_ns;
    }
    int64_t next_ns = self->next_ns;
    next_ns = s_earlier (next_ns, self->source.road ? sim_road_next (self->source.road) : next_ns);
    return s_earlier (next_ns, self->far.road ? sim_road_next (self->far.road) : next_ns);
}

void
ferry_run (ferry_t *self)
{
    const int64_t now_ns = self->ground->mono_ns;
    if (!self->bridge && self->reborn_ns > now_ns) {
        self->next_ns = self->reborn_ns;
        return;
    }
    if (!self->bridge) {
        s_born (self);
    }
    s_turn (self);
    self->next_ns = self->next_ns <= now_ns ? now_ns + TURN_NS : self->next_ns;
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

void
ferry_die (ferry_t *self, int64_t off_ns)
{
    sim_trace (self->ground, "bridge-dies", self->bridge ? zloom_bridge_held (self->bridge) : 0, 0,
               0);
    s_bury (self);
    self->hung_ns = 0;
    self->reborn_ns = self->ground->mono_ns + off_ns;
    self->next_ns = self->reborn_ns;
}

void
ferry_hang (ferry_t *self, int64_t for_ns)
{
    sim_trace (self->ground, "bridge-hangs", (uint64_t) for_ns, 0, 0);
    self->hung_ns = self->ground->mono_ns + for_ns;
}

void
ferry_cut (ferry_t *self, bool far)
{
    end_t *end = far ? &self->far : &self->source;
    sim_trace (self->ground, "bridge-cut", far, 0, 0);
    if (end->road) {
        sim_net_cut (end->net, end->road);
    }
}

bool
ferry_done (const ferry_t *self)
{
    return self->bridge && self->far.core && zloom_bridge_held (self->bridge) == 0 &&
           zloom_client_core_pending (self->source.core) == 0 &&
           zloom_client_core_unconfirmed (self->far.core, NULL) == 0;
}
