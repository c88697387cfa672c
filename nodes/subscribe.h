/* SPDX-License-Identifier: MPL-2.0 */
/*
 * subscribe.h - what nodes say when they begin to take from a flow, and to send to one, from what
 * the recipe says of the flow and of them: the same for workers, sinks and pollers.
 */
#ifndef ZLOOM_NODES_SUBSCRIBE_H
#define ZLOOM_NODES_SUBSCRIBE_H

#include "client/client.h"
#include "nodes/node.h"

/*
 * Subscribe to all flows that end at the node, in the recipe's order; a handle each into `handles`.
 * As zloom_client_subscribe_with.
 */
zloom_err_t zloom_node_subscribe (zloom_client_t *client, const zloom_node_args_t *args,
                                  int64_t prefetch, int64_t deadline_ns, uint32_t *handles);

#define ZLOOM_NODE_REASONS 8

/* What a node has missed, told in its log: for each reason a line a second at most. */
typedef struct {
    struct {
        char why[24];
        int64_t next_ns; /* not before, mono */
        uint64_t missed; /* since the last line */
    } reasons[ZLOOM_NODE_REASONS];
} zloom_node_gaps_t;

/* A GAP event, now or at `now_ns`. */
void zloom_node_gap (zloom_node_gaps_t *self, const char *node, const zloom_client_event_t *event);
void zloom_node_gap_at (zloom_node_gaps_t *self, const char *node,
                        const zloom_client_event_t *event, int64_t now_ns);

#endif
