/* SPDX-License-Identifier: MPL-2.0 */
/*
 * forwarder.h - the node that carries what a router's workers and mirrors send to flows of other
 * routers: a bridge for each of its outboxes (bridge.h). A recipe that needs it has one for each
 * source router, named ROUTER-bridge.
 */
#ifndef ZLOOM_NODES_FORWARDER_FORWARDER_H
#define ZLOOM_NODES_FORWARDER_FORWARDER_H

#include "nodes/node.h"

/*
 * Run the forwarder `args->node` until it is told to stop (node.h). It serves once its router has
 * welcomed it; those that it carries to may come later.
 *   FENCED  another forwarder of this router has taken over
 */
zloom_err_t zloom_forwarder_run (const zloom_node_args_t *args);

#endif
