/* SPDX-License-Identifier: MPL-2.0 */
/*
 * edge.h - a forwarder that a recipe names (`edge: {kind: forwarder, of: hub}`): buses of a router
 * heard near to their subscribers. It takes each event from the router once (relay.h) and serves
 * those who hear it here from an engine of its own, in memory, at its own endpoint.
 */
#ifndef ZLOOM_NODES_FORWARDER_EDGE_H
#define ZLOOM_NODES_FORWARDER_EDGE_H

#include "nodes/node.h"

/*
 * Run the edge `args->node` of the recipe until it is told to stop (node.h). It serves once the
 * router has told it where each bus stands: until then nobody could be told what he has missed.
 *   LOCKED  another process serves at this address
 *   FENCED  another edge of this name has taken over
 *   FAILED  the router was set back: started anew, the edge follows it
 */
zloom_err_t zloom_edge_run (const zloom_node_args_t *args);

#endif
