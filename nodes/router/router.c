/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "engine/engine.h"
#include "net/control.h"
#include "net/endpoint.h"
#include "nodes/port.h"
#include "nodes/router/router_door.h"
#include "nodes/router/router_flows.h"
#include "nodes/router/router_reload.h"
#include "patterns/registry.h"

/* How long the last words to peers may take to leave. */
#define GOODBYE_NS (500 * ZLOOM_NS_PER_MS)
/* The log writes whole blocks of 4 KiB: a segment has no part of one. */
#define BLOCK_MASK INT64_C (4095)

typedef struct {
    const zloom_node_args_t *args;
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    char *directory; /* the journal's */
    zloom_router_flows_t flows;
    zloom_router_transport_t *sockets;
    zloom_transport_t port;
    zloom_engine_t *engine;
    zloom_journal_t *journal;
    zloom_stop_t stop;
    zloom_router_reload_t reload;
    zloom_router_door_t door;
} router_t;

/* ---- opening -------------------------------------------------------------------------------- */

static zloom_err_t
s_new_engine (router_t *self)
{
    zloom_err_t err = zloom_router_flows (self->args->recipe, self->args->node, &self->flows);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_router_config_t *config = self->args->node->config;
    const zloom_engine_config_t engine = {
      .name = self->args->name,
      .flows = self->flows.flows,
      .flow_count = self->flows.count,
      .heartbeat_ns = config->heartbeat_ns,
      .liveness = (uint32_t) config->liveness,
      .rights = self->door.door ? zloom_router_door_may : NULL,
      .rights_arg = &self->door,
      .key = self->door.door ? self->door.curve.own.public_key : NULL,
      .reload = zloom_router_reload_ask,
      .reload_arg = &self->reload,
    };
    self->port = zloom_node_port (&self->sockets);
    self->engine = zloom_engine_new (&engine, &self->port);
    return ZLOOM_OK;
}

/* The note says what happened; this adds where, and the way out. */
static zloom_err_t
s_explain (const router_t *self, zloom_err_t err)
{
    const char *name = self->args->name;
    switch ((int) err) {
    case ZLOOM_OK:
        break;
    case ZLOOM_LOCKED:
        zloom_note_prefix ("router %s: %s is in use by another process", name, self->directory);
        break;
    case ZLOOM_DAMAGED:
        zloom_note_prefix ("router %s: the journal is damaged; see what is left with 'zloom doctor "
                           "%s'",
                           name, self->directory);
        break;
    default:
        zloom_note_prefix ("router %s", name);
        break;
    }
    return err;
}

static zloom_err_t
s_open_journal (router_t *self)
{
    const zloom_router_config_t *config = self->args->node->config;
    char *state = zloom_format ("%s/%s", self->args->state_dir, self->args->node->name);
    self->directory = zloom_format ("%s/journal", state);
    zloom_err_t err = zloom_private_directory (state);
    free (state);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_journal_config_t journal = {
      .vfs = zloom_vfs_posix (),
      .directory = self->directory,
      .hot_bytes = (uint64_t) config->journal_hot_bytes,
      .segment_bytes = (uint32_t) (config->journal_segment_bytes & ~BLOCK_MASK),
    };
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    return zloom_log_open (&journal, &owner, zloom_clock_now (), &self->journal);
}

/* The plain endpoints first: what is bound behind a keyed one would be keyed, too. */
static zloom_err_t
s_bind (router_t *self)
{
    const zloom_socket_config_t config = {.curve = self->door.door ? &self->door.curve : NULL};
    zloom_err_t err = zloom_router_transport_open (self->endpoint, &config, &self->sockets);
    char inner[ZLOOM_ENDPOINT_BYTES];
    if (err == ZLOOM_OK && self->args->inner) {
        err = zloom_node_reach (self->args, self->args->node->name, inner);
        err = err ? err : zloom_router_transport_bind (self->sockets, inner);
    }
    if (err == ZLOOM_OK && self->door.door) {
        err = zloom_router_transport_bind_keyed (self->sockets, self->door.endpoint);
    }
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("router %s", self->args->name);
    }
    return err;
}

static zloom_err_t
s_open (router_t *self)
{
    zloom_err_t err = zloom_node_endpoint (self->args, self->args->node->name, self->endpoint);
    if (err == ZLOOM_OK) {
        err = zloom_router_door_init (&self->door, self->args);
    }
    if (err == ZLOOM_OK) {
        err = s_new_engine (self);
    }
    if (err == ZLOOM_OK) {
        err = s_open_journal (self);
    }
    if (err == ZLOOM_OK) {
        err = zloom_engine_start (self->engine, self->journal, zloom_clock_now ());
    }
    if (err == ZLOOM_OK) {
        err = s_bind (self);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    return s_explain (self, err);
}

/* The engine goes first: what it still says goes to the socket, what it staged to the journal. */
static void
s_close (router_t *self)
{
    zloom_engine_destroy (&self->engine);
    if (self->journal) {
        zloom_journal_close (&self->journal);
    }
    zloom_router_transport_close (&self->sockets, GOODBYE_NS);
    zloom_router_door_fini (&self->door);
    zloom_router_flows_fini (&self->flows);
    zloom_router_reload_fini (&self->reload);
    free (self->directory);
}

/* ---- running -------------------------------------------------------------------------------- */

/* One turn, then sleep until there is a reason for the next, or until `until_ns`. */
static zloom_err_t
s_turn (router_t *self, int64_t until_ns)
{
    const int64_t due_ns = zloom_engine_turn (self->engine, zloom_clock_now ());
    const int64_t wake_ns = due_ns < until_ns ? due_ns : until_ns;
    zloom_err_t err = zloom_engine_failed (self->engine);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (zloom_router_reload_turn (&self->reload, self->engine)) {
        return ZLOOM_OK; /* whoever asked for it has the answer in the next turn, which is due */
    }
    zloom_router_transport_hear (self->sockets);
    zloom_poll_item_t items[] = {
      {.socket = zloom_router_transport_socket (self->sockets), .fd = -1},
      {.socket = zloom_router_transport_monitor (self->sockets), .fd = -1},
      {.fd = zloom_journal_fd (self->journal)},
      {.fd = zloom_stop_fd (&self->stop)},
    };
    return zloom_poll (items, sizeof items / sizeof *items, wake_ns);
}

/* Work off what is out, until the deadline or a second request to stop. */
static zloom_err_t
s_drain (router_t *self)
{
    const int64_t deadline_ns = zloom_time_add (zloom_clock_mono_ns (), self->args->drain_ns);
    zloom_log (ZLOOM_LOG_INFO, "router-drain", "router=%s", self->args->name);
    zloom_engine_drain (self->engine, deadline_ns);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && !zloom_engine_drained (self->engine) &&
           zloom_stop_read (&self->stop) != ZLOOM_STOP_NOW &&
           zloom_clock_mono_ns () < deadline_ns) {
        err = s_turn (self, deadline_ns);
    }
    return err;
}

static zloom_err_t
s_serve (router_t *self)
{
    zloom_log (ZLOOM_LOG_INFO, "router-ready", "router=%s endpoint=%s%s%s journal=%s flows=%zu",
               self->args->name, self->endpoint, self->door.door ? " keyed=" : "",
               self->door.endpoint, self->directory, self->flows.count);
    zloom_ready_tell (self->args->ready_fd);
    zloom_err_t err = ZLOOM_OK;
    while (err == ZLOOM_OK && zloom_stop_read (&self->stop) == ZLOOM_STOP_NO) {
        err = s_turn (self, ZLOOM_NEVER);
    }
    if (err == ZLOOM_OK && self->stop.state == ZLOOM_STOP_DRAIN) {
        err = s_drain (self);
    }
    return s_explain (self, err);
}

zloom_err_t
zloom_router_run (const zloom_node_args_t *args)
{
    if (!args->recipe || !args->node || args->node->kind->id != ZLOOM_NODE_ROUTER) {
        return zloom_fail (ZLOOM_INVALID, "this node is not a router");
    }
    router_t self = {.args = args, .reload = {.args = args}};
    self.reload.door = args->fleet ? &self.door : NULL;
    zloom_stop_init (&self.stop, args->stop_fd);
    zloom_err_t err = s_open (&self);
    if (err == ZLOOM_OK) {
        err = s_serve (&self);
    }
    char note[ZLOOM_NOTE_BYTES];
    snprintf (note, sizeof note, "%s", err == ZLOOM_OK ? "" : zloom_note ());
    s_close (&self);
    return err == ZLOOM_OK ? ZLOOM_OK : zloom_fail (err, "%s", note);
}
