/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bridge.h - one outbox carried to its flow on another router, as a state machine between two
 * sessions: the source, where it takes, and the far one, where it sends. No socket and no clock:
 * the node gives it clients, the tests cores on a network of their own.
 *
 *   take      the outbox's messages, each under its number
 *   carry     them on under that number, with who made them, in that order and without gaps: a
 *             number is skipped only when the outbox says that it is settled
 *   settle    them once the far router has confirmed them
 *
 * So each is there once, whoever dies: what was not settled comes again, and the far router knows
 * its number. What that one will never take (too large for the flow, say) is rejected in the
 * outbox, which counts it as dead, and logged.
 *
 * When the source comes back, the bridge asks for the boots of its log, and begins anew at the far
 * router if there is one that it did not know: that is how the far router learns of a log that was
 * restored from a copy (lib/wire/boots.h).
 */
#ifndef ZLOOM_NODES_FORWARDER_BRIDGE_H
#define ZLOOM_NODES_FORWARDER_BRIDGE_H

#include "client/client_core.h"

typedef struct zloom_bridge zloom_bridge_t;

/* `flow` is what it is called at both ends; `node` is for the log. */
zloom_bridge_t *zloom_bridge_new (const char *node, const char *flow);
void zloom_bridge_destroy (zloom_bridge_t **self_p);
/* zloom_client_event_fn of the two clients; `bridge` is the argument. */
void zloom_bridge_source_event (void *bridge, const zloom_client_event_t *event);
void zloom_bridge_far_event (void *bridge, const zloom_client_event_t *event);
/*
 * Take, carry, settle. `far` is NULL while there is none. Returns when the next turn is due at the
 * latest; what was said goes out with the clients' next tick.
 */
int64_t zloom_bridge_turn (zloom_bridge_t *self, zloom_client_core_t *source,
                           zloom_client_core_t *far, zloom_now_t now);
/*
 * A (new) client is wanted at the far router, with these options (name, flow, role; borrowed until
 * the next turn); the one before is of no use any more. The caller says when it is there.
 */
bool zloom_bridge_wants_far (const zloom_bridge_t *self, zloom_client_options_t *options);
void zloom_bridge_far_is_new (zloom_bridge_t *self);
/* Take no more; what is under way is carried on. */
void zloom_bridge_stop (zloom_bridge_t *self, zloom_client_core_t *source);
/* Messages that it has taken and not settled. */
size_t zloom_bridge_held (const zloom_bridge_t *self);

#endif
