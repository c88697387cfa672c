/* SPDX-License-Identifier: MPL-2.0 */
/*
 * router.h - the node that hosts flows: the engine with a journal under it and a ROUTER socket on
 * top. It serves at its `listen:` (ipc under the runtime directory unless told otherwise) and keeps
 * its journal in STATE_DIR/NAME/journal.
 */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_H
#define ZLOOM_NODES_ROUTER_ROUTER_H

#include "nodes/node.h"

/*
 * Run the router `args->node` of the recipe until it is told to stop (node.h).
 *   LOCKED    another process has this state directory, or serves at this address
 *   DAMAGED   the journal cannot be opened; the note names the way to look at it (zloom doctor)
 *   VERSION   the journal is of a later version of zloom
 *   DISK      the disk failed: nothing after the last confirm is trusted; starting again reads
 *             what is proven
 *   FAILED    a flow with backlog has left the recipe
 */
zloom_err_t zloom_router_run (const zloom_node_args_t *args);

/* As a czmq actor: zloom_router_actor of zloom.h; what it is given is a zloom_node_args_t. */

#endif
