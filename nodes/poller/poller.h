/* SPDX-License-Identifier: MPL-2.0 */
/*
 * poller.h - the node that reads the outside and sends it to a flow: each line of a file is a
 * message.
 *
 * Where it stands in the file is kept by the router, in the same group as the lines themselves. So
 * a poller that was killed, or whose router was, goes on exactly behind the last line that was
 * taken: no line is lost, none is sent twice.
 *
 * `follow` outlives rotation: a file that was renamed is read to its end (also when it was renamed
 * while no poller ran, if it is still in its folder), then the one that has its path now is read
 * from the start; a file that was cut is read from the start.
 */
#ifndef ZLOOM_NODES_POLLER_POLLER_H
#define ZLOOM_NODES_POLLER_POLLER_H

#include "nodes/node.h"

/*
 * Run the poller `args->node` of the recipe. Without `follow` it returns OK once every line of the
 * file is confirmed; else it runs until it is told to stop (node.h).
 *   NOT_FOUND, FORBIDDEN, INVALID   the file is not there (without `follow`), or cannot be read
 *   FENCED                          another process runs under this name
 *   others                          the router refuses the session or the flow
 */
zloom_err_t zloom_poller_run (const zloom_node_args_t *args);

/* As a czmq actor: zloom_poller_actor of zloom.h; what it is given is a zloom_node_args_t. */

#endif
