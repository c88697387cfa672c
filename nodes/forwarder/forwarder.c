/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/forwarder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/client.h"
#include "net/control.h"
#include "net/socket.h"
#include "nodes/forwarder/bridge.h"
#include "nodes/node.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

/* How long a goodbye may take. */
#define LEAVE_NS (500 * ZLOOM_NS_PER_MS)
/* A router that does not answer for so long is worth a word. */
#define WAITS_NS (2 * ZLOOM_NS_PER_S)

/* The session with one of the two routers. */
typedef struct {
    zloom_client_t *client; /* NULL: none yet */
    const char *router;
    int64_t away_ns; /* since when it does not answer; 0: it does */
    bool told;       /* that was said */
} side_t;

/* One outbox, between its router and that of its flow. */
typedef struct {
    const zloom_recipe_flow_t *flow;
    char *name; /* of the session with the source: NODE/FLOW */
    zloom_bridge_t *bridge;
    side_t source;
    side_t far;
} lane_t;

typedef struct {
    const zloom_node_args_t *args;
    const zloom_recipe_node_t *router; /* that it carries from */
    lane_t *lanes;
    size_t lane_count;
    zloom_stop_t stop;
} forwarder_t;

static int64_t
s_now (void)
{
    return zloom_clock_mono_ns ();
}

/* ---- opening -------------------------------------------------------------------------------- */

static void
s_report (void *arg, zloom_report_t *report)
{
    const lane_t *lane = arg;
    const side_t *away = lane->source.told ? &lane->source : &lane->far;
    report->in_hand = zloom_bridge_held (lane->bridge);
    if (away->told) {
        (void) snprintf (report->waits_for, sizeof report->waits_for, "%s", away->router);
    }
}

/* Without waiting for it: it may be on another host, which is away, and nobody here is to blame. */
static zloom_err_t
s_open_source (forwarder_t *self, lane_t *lane)
{
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    zloom_client_options_t options = {
      .name = lane->name, .role = "forwarder", .report = s_report, .report_arg = lane};
    if (self->args->nonce) {
        memcpy (options.nonce, self->args->nonce, sizeof options.nonce);
    }
    const zloom_err_t err = zloom_node_reach (self->args, NULL, endpoint);
    return err == ZLOOM_OK ? zloom_client_begin (endpoint, &options, zloom_bridge_source_event,
                                                 lane->bridge, &lane->source.client)
                           : err;
}

static zloom_err_t
s_open (forwarder_t *self)
{
    const zloom_recipe_t *recipe = self->args->recipe;
    self->router = zloom_recipe_home (recipe, self->args->node);
    self->lanes = zloom_alloc ((zloom_recipe_flow_count (recipe) + 1) * sizeof *self->lanes);
    if (!self->router) {
        return zloom_fail (ZLOOM_INVALID, "it has no router");
    }
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe) && err == ZLOOM_OK; i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        if (!zloom_recipe_carries (recipe, self->router, flow)) {
            continue;
        }
        lane_t *lane = &self->lanes[self->lane_count++];
        lane->flow = flow;
        lane->name = zloom_format ("%s/%s", self->args->name, flow->name);
        lane->bridge = zloom_bridge_new (self->args->name, flow->name);
        lane->source.router = self->router->name;
        lane->far.router = flow->via->name;
        err = s_open_source (self, lane);
    }
    return err;
}

static zloom_err_t
s_open_far (forwarder_t *self, lane_t *lane, zloom_client_options_t *options)
{
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    zloom_err_t err = zloom_node_reach (self->args, lane->far.router, endpoint);
    options->report = s_report;
    options->report_arg = lane;
    if (lane->far.client) {
        zloom_client_kill (&lane->far.client);
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_begin (endpoint, options, zloom_bridge_far_event, lane->bridge,
                                  &lane->far.client);
    }
    if (err == ZLOOM_OK) {
        zloom_bridge_far_is_new (lane->bridge);
    }
    return err;
}

static void
s_close (forwarder_t *self)
{
    for (size_t i = 0; i < self->lane_count; i++) {
        lane_t *lane = &self->lanes[i];
        (void) zloom_client_close (&lane->source.client, zloom_time_add (s_now (), LEAVE_NS));
        (void) zloom_client_close (&lane->far.client, zloom_time_add (s_now (), LEAVE_NS));
        zloom_bridge_destroy (&lane->bridge);
        free (lane->name);
    }
    free (self->lanes);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Say once who does not answer, and once that it does again. */
static void
s_watch (const forwarder_t *self, const lane_t *lane, side_t *side, int64_t now_ns, int64_t *due_ns)
{
    if (!side->client) {
        return;
    }
    if (zloom_client_core_welcomed (zloom_client_core (side->client))) {
        if (side->told) {
            zloom_log (ZLOOM_LOG_INFO, "bridge-goes-on", "node=%s flow=%s router=%s",
                       self->args->name, lane->flow->name, side->router);
        }
        side->away_ns = 0;
        side->told = false;
        return;
    }
    side->away_ns = side->away_ns ? side->away_ns : now_ns;
    const int64_t tell_ns = zloom_time_add (side->away_ns, WAITS_NS);
    if (!side->told && now_ns >= tell_ns) {
        zloom_log (ZLOOM_LOG_WARN, "bridge-waits",
                   "node=%s flow=%s router=%s what=\"it does not answer: it is tried again\"",
                   self->args->name, lane->flow->name, side->router);
        side->told = true;
    } else if (!side->told) {
        *due_ns = tell_ns < *due_ns ? tell_ns : *due_ns;
    }
}

static zloom_err_t
s_dispatch (lane_t *lane)
{
    const zloom_err_t err = zloom_client_dispatch (lane->source.client);
    return err == ZLOOM_OK && lane->far.client ? zloom_client_dispatch (lane->far.client) : err;
}

static zloom_err_t
s_turn_lane (forwarder_t *self, lane_t *lane, int64_t *due_ns)
{
    zloom_client_options_t options = {.flow_count = 0};
    zloom_err_t err = s_dispatch (lane);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_now_t now = zloom_clock_now ();
    s_watch (self, lane, &lane->source, now.mono_ns, due_ns);
    s_watch (self, lane, &lane->far, now.mono_ns, due_ns);
    zloom_client_t *far = lane->far.client;
    const int64_t next_ns =
      zloom_bridge_turn (lane->bridge, zloom_client_core (lane->source.client),
                         far ? zloom_client_core (far) : NULL, now);
    *due_ns = next_ns < *due_ns ? next_ns : *due_ns;
    if (zloom_bridge_wants_far (lane->bridge, &options)) {
        *due_ns = s_now ();
        return s_open_far (self, lane, &options);
    }
    err = zloom_client_say (lane->source.client); /* what the turn said */
    return err == ZLOOM_OK && far ? zloom_client_say (far) : err;
}

static zloom_err_t
s_turn (forwarder_t *self, int64_t until_ns)
{
    zloom_poll_item_t *items = zloom_alloc ((2 * self->lane_count + 1) * sizeof *items);
    int64_t due_ns = until_ns;
    size_t count = 0;
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < self->lane_count && err == ZLOOM_OK; i++) {
        lane_t *lane = &self->lanes[i];
        err = s_turn_lane (self, lane, &due_ns);
        items[count++] = (zloom_poll_item_t){.fd = zloom_client_fd (lane->source.client)};
        if (lane->far.client) {
            items[count++] = (zloom_poll_item_t){.fd = zloom_client_fd (lane->far.client)};
        }
    }
    items[count++] = (zloom_poll_item_t){.fd = zloom_stop_fd (&self->stop)};
    if (err == ZLOOM_OK) {
        err = zloom_poll (items, count, due_ns);
    }
    free (items);
    return err;
}

static bool
s_is_empty (const forwarder_t *self)
{
    for (size_t i = 0; i < self->lane_count; i++) {
        if (zloom_bridge_held (self->lanes[i].bridge) > 0) {
            return false;
        }
    }
    return true;
}

/* What is under way arrives if the other routers are there; the rest stays in its outbox. */
static zloom_err_t
s_drain (forwarder_t *self)
{
    const int64_t deadline_ns = zloom_time_add (s_now (), self->args->drain_ns);
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < self->lane_count; i++) {
        zloom_bridge_stop (self->lanes[i].bridge, zloom_client_core (self->lanes[i].source.client));
    }
    while (err == ZLOOM_OK && !s_is_empty (self) && s_now () < deadline_ns &&
           zloom_stop_read (&self->stop) != ZLOOM_STOP_NOW) {
        err = s_turn (self, deadline_ns);
    }
    return err;
}

zloom_err_t
zloom_forwarder_run (const zloom_node_args_t *args)
{
    if (!args->recipe || !args->node || args->node->kind->id != ZLOOM_NODE_FORWARDER) {
        return zloom_fail (ZLOOM_INVALID, "this node is not a forwarder");
    }
    forwarder_t self = {.args = args};
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_err_t err = s_open (&self);
    if (err == ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_INFO, "forwarder-ready", "node=%s router=%s outboxes=%zu", args->name,
                   self.router->name, self.lane_count);
        zloom_ready_tell (args->ready_fd);
    }
    while (err == ZLOOM_OK && zloom_stop_read (&self.stop) == ZLOOM_STOP_NO) {
        err = s_turn (&self, ZLOOM_NEVER);
    }
    if (err == ZLOOM_OK && self.stop.state == ZLOOM_STOP_DRAIN) {
        err = s_drain (&self);
    }
    s_close (&self);
    return err;
}
