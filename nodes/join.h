/* SPDX-License-Identifier: MPL-2.0 */
/*
 * join.h - how workers, sinks and pollers come to their router: with the process's name and nonce,
 * asking again until the router is there.
 */
#ifndef ZLOOM_NODES_JOIN_H
#define ZLOOM_NODES_JOIN_H

#include "client/client.h"
#include "net/control.h"
#include "nodes/node.h"

/*
 * Open a session with the router of the node's flows. `options` may leave name and nonce to this
 * function. A router on another host is waited for until told to stop. Errors: NOT_RUNNING (none
 * answered within `wait_ns`), CLOSED (told to stop meanwhile), and as zloom_client_open_with.
 */
zloom_err_t zloom_node_join (const zloom_node_args_t *args, const zloom_client_options_t *options,
                             zloom_client_event_fn *event, void *event_arg, zloom_stop_t *stop,
                             int64_t wait_ns, zloom_client_t **client_p);

#endif
