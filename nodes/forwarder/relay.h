/* SPDX-License-Identifier: MPL-2.0 */
/*
 * relay.h - one bus of a router brought to its copy in an engine near to those who hear it, as a
 * state machine between a session with the router and that engine. No socket and no clock: the node
 * gives it a client, the tests a core on a network of their own.
 *
 *   take    every event of the bus, without a lease, once for all who hear it here
 *   bring   them to the copy, under the numbers that they have at the router
 *   tell    of a hole between the two: the copy passes it on to everybody, in its place
 *
 * What is lost on the way is no matter of the router's: it hands the edge what it has credit for,
 * and lets it lose the oldest beyond that, as any subscriber.
 */
#ifndef ZLOOM_NODES_FORWARDER_RELAY_H
#define ZLOOM_NODES_FORWARDER_RELAY_H

#include "client/client_core.h"
#include "engine/engine.h"

typedef struct zloom_relay zloom_relay_t;

/* `flow` is what it is called at both ends; `node` is for the log. */
zloom_relay_t *zloom_relay_new (const char *node, const char *flow);
void zloom_relay_destroy (zloom_relay_t **self_p);
/* An event of the client: those of other subscriptions do not matter. */
void zloom_relay_event (zloom_relay_t *self, const zloom_client_event_t *event);
/*
 * Take what has come, and hand it to the engine, which is due for a turn then. *due_ns: not later
 * than that again; at once where it has just got its place. FAILED: the router's numbers went back,
 * so it has lost some; only a copy made anew can follow.
 */
zloom_err_t zloom_relay_turn (zloom_relay_t *self, zloom_client_core_t *core,
                              zloom_engine_t *engine, zloom_now_t now, int64_t *due_ns);
/* The copy stands where the router does: whoever comes now can be told what it has missed. */
bool zloom_relay_is_placed (const zloom_relay_t *self);

#endif
