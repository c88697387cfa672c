/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/edge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/client.h"
#include "net/control.h"
#include "nodes/forwarder/edge_flows.h"
#include "nodes/forwarder/relay.h"
#include "nodes/join.h"
#include "nodes/port.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

/* How long the last words to peers, and to the router, may take to leave. */
#define GOODBYE_NS (500 * ZLOOM_NS_PER_MS)

typedef struct {
    const zloom_node_args_t *args;
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    zloom_edge_flows_t flows;
    zloom_relay_t **relays; /* one a flow */
    zloom_client_t *client; /* of the router */
    zloom_router_transport_t *sockets;
    zloom_transport_t port;
    zloom_engine_t *engine;
    zloom_journal_t *journal; /* in memory: there is nothing to come back to */
    zloom_stop_t stop;
} edge_t;

/* ---- opening -------------------------------------------------------------------------------- */

static void
s_client_event (void *arg, const zloom_client_event_t *event)
{
    const edge_t *self = arg;
    for (size_t i = 0; i < self->flows.count; i++) {
        zloom_relay_event (self->relays[i], event);
    }
}

/*
 * ADMIN reload. What an edge has of its recipe is which buses are heard here and by whom; where
 * that changes it is started again, and nothing else concerns it.
 */
static zloom_err_t
s_reload (void *arg, uint64_t asker, zloom_bytes_t sets)
{
    (void) arg;
    (void) asker;
    (void) sets;
    return ZLOOM_OK;
}

static zloom_err_t
s_open_engine (edge_t *self)
{
    const zloom_edge_config_t *config = self->args->node->config;
    zloom_edge_flows (self->args->recipe, self->args->node, &self->flows);
    self->relays = zloom_alloc ((self->flows.count + 1) * sizeof (zloom_relay_t *));
    for (size_t i = 0; i < self->flows.count; i++) {
        self->relays[i] = zloom_relay_new (self->args->name, self->flows.flows[i].config.name);
    }
    const zloom_engine_config_t engine = {
      .name = self->args->name,
      .flows = self->flows.flows,
      .flow_count = self->flows.count,
      .heartbeat_ns = config->heartbeat_ns,
      .liveness = (uint32_t) config->liveness,
      .reload = s_reload,
    };
    self->port = zloom_node_port (&self->sockets);
    self->engine = zloom_engine_new (&engine, &self->port);
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    self->journal = zloom_memory_journal_new (&owner, 0);
    return zloom_engine_start (self->engine, self->journal, zloom_clock_now ());
}

static zloom_err_t
s_join (edge_t *self)
{
    const zloom_client_options_t options = {.role = "forwarder"};
    return zloom_node_join (self->args, &options, s_client_event, self, &self->stop, ZLOOM_NEVER,
                            &self->client);
}

static zloom_err_t
s_bind (edge_t *self)
{
    const zloom_socket_config_t config = {.curve = NULL};
    char inner[ZLOOM_ENDPOINT_BYTES];
    zloom_err_t err = zloom_router_transport_open (self->endpoint, &config, &self->sockets);
    if (err == ZLOOM_OK && self->args->inner) {
        err = zloom_node_reach (self->args, self->args->node->name, inner);
        err = err ? err : zloom_router_transport_bind (self->sockets, inner);
    }
    return err;
}

/* The engine goes first: what it still says goes to the socket. */
static void
s_close (edge_t *self)
{
    zloom_engine_destroy (&self->engine);
    if (self->journal) {
        zloom_journal_close (&self->journal);
    }
    zloom_router_transport_close (&self->sockets, GOODBYE_NS);
    (void) zloom_client_close (&self->client, zloom_time_add (zloom_clock_mono_ns (), GOODBYE_NS));
    for (size_t i = 0; self->relays && i < self->flows.count; i++) {
        zloom_relay_destroy (&self->relays[i]);
    }
    free (self->relays);
    zloom_edge_flows_fini (&self->flows);
}

/* ---- running -------------------------------------------------------------------------------- */

/* What has come from the router goes into the copies; what was said to it goes out. */
static zloom_err_t
s_turn_relays (edge_t *self, int64_t *due_ns)
{
    zloom_err_t err = zloom_client_dispatch (self->client);
    for (size_t i = 0; i < self->flows.count && err == ZLOOM_OK; i++) {
        err = zloom_relay_turn (self->relays[i], zloom_client_core (self->client), self->engine,
                                zloom_clock_now (), due_ns);
    }
    return err == ZLOOM_OK ? zloom_client_say (self->client) : err;
}

/* One turn, then sleep until there is a reason for the next, or until `until_ns`. */
static zloom_err_t
s_turn (edge_t *self, int64_t until_ns)
{
    int64_t due_ns = until_ns;
    zloom_err_t err = s_turn_relays (self, &due_ns);
    if (err != ZLOOM_OK) {
        return err;
    }
    const int64_t wake_ns = zloom_engine_turn (self->engine, zloom_clock_now ());
    due_ns = wake_ns < due_ns ? wake_ns : due_ns;
    zloom_poll_item_t items[3] = {{.fd = zloom_client_fd (self->client)},
                                  {.fd = zloom_stop_fd (&self->stop)}};
    size_t count = 2;
    if (self->sockets) {
        zloom_router_transport_hear (self->sockets);
        items[count++] =
          (zloom_poll_item_t){.socket = zloom_router_transport_socket (self->sockets), .fd = -1};
    }
    return zloom_poll (items, count, due_ns);
}

static bool
s_is_placed (const edge_t *self)
{
    for (size_t i = 0; i < self->flows.count; i++) {
        if (!zloom_relay_is_placed (self->relays[i])) {
            return false;
        }
    }
    return true;
}

static zloom_err_t
s_open (edge_t *self)
{
    zloom_err_t err = zloom_node_endpoint (self->args, self->args->node->name, self->endpoint);
    if (err == ZLOOM_OK) {
        err = s_join (self);
    }
    if (err == ZLOOM_OK) {
        err = s_open_engine (self);
    }
    while (err == ZLOOM_OK && !s_is_placed (self) &&
           zloom_stop_read (&self->stop) == ZLOOM_STOP_NO) {
        err = s_turn (self, ZLOOM_NEVER);
    }
    return err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_NO ? s_bind (self) : err;
}

/* Everybody is told goodbye. */
static zloom_err_t
s_drain (edge_t *self)
{
    const int64_t deadline_ns = zloom_time_add (zloom_clock_mono_ns (), self->args->drain_ns);
    zloom_err_t err = ZLOOM_OK;
    zloom_engine_drain (self->engine, deadline_ns);
    while (err == ZLOOM_OK && !zloom_engine_drained (self->engine) &&
           zloom_stop_read (&self->stop) != ZLOOM_STOP_NOW &&
           zloom_clock_mono_ns () < deadline_ns) {
        err = s_turn (self, deadline_ns);
    }
    return err;
}

static zloom_err_t
s_serve (edge_t *self)
{
    zloom_err_t err = ZLOOM_OK;
    zloom_log (ZLOOM_LOG_INFO, "edge-ready", "edge=%s router=%s endpoint=%s flows=%zu",
               self->args->name, self->args->node->of->name, self->endpoint, self->flows.count);
    zloom_ready_tell (self->args->ready_fd);
    while (err == ZLOOM_OK && zloom_stop_read (&self->stop) == ZLOOM_STOP_NO) {
        err = s_turn (self, ZLOOM_NEVER);
    }
    return err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_DRAIN ? s_drain (self) : err;
}

zloom_err_t
zloom_edge_run (const zloom_node_args_t *args)
{
    if (!args->recipe || !args->node || args->node->kind->id != ZLOOM_NODE_EDGE) {
        return zloom_fail (ZLOOM_INVALID, "this node is not an edge");
    }
    edge_t self = {.args = args};
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_err_t err = s_open (&self);
    if (err == ZLOOM_OK && self.stop.state == ZLOOM_STOP_NO) {
        err = s_serve (&self);
    }
    char note[ZLOOM_NOTE_BYTES];
    snprintf (note, sizeof note, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    s_close (&self);
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "edge %s: %s", args->name, note);
}
