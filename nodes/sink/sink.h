/* SPDX-License-Identifier: MPL-2.0 */
/*
 * sink.h - the node that takes messages and writes them to the outside: each body is a line on
 * standard output or at the end of a file.
 *
 * A message is settled only once its line is where `fsync:` says. After a crash, what was written
 * and not settled comes again; a file sink then knows it by the receipts that it keeps in
 * STATE_DIR/NAME (receipts.h) and does not write it twice. Only where there are none (standard
 * output, a pipe, after a power cut, in a file that was moved away) may a line stand twice.
 *
 * At the start a last line without its newline is cut off: a crash tore it, and its message comes
 * again whole. When the disk is full or fails, what was not safe is cut off again, the messages go
 * back at no cost, and the sink tries again by itself.
 */
#ifndef ZLOOM_NODES_SINK_SINK_H
#define ZLOOM_NODES_SINK_SINK_H

#include "nodes/node.h"

/*
 * Run the sink `args->node` of the recipe until it is told to stop (node.h).
 *   NOT_FOUND, FORBIDDEN, INVALID   the file cannot be opened, or holds something else than lines
 *   GONE                            standard output was closed by its reader
 *   FENCED                          another process runs under this name
 *   others                          the router refuses the session or a flow
 */
zloom_err_t zloom_sink_run (const zloom_node_args_t *args);

/* As a czmq actor: zloom_sink_actor of zloom.h; what it is given is a zloom_node_args_t. */

#endif
