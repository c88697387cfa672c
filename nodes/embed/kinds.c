/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/embed/kinds.h"

#include "base/tag.h"
#include "nodes/forwarder/edge.h"
#include "nodes/forwarder/forwarder.h"
#include "nodes/poller/poller.h"
#include "nodes/router/router.h"
#include "nodes/sink/sink.h"
#include "nodes/worker/worker.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

zloom_node_run_fn *
zloom_node_kind_run (const zloom_recipe_node_t *node)
{
    switch ((zloom_node_kind_t) node->kind->id) {
    case ZLOOM_NODE_ROUTER:
        return zloom_router_run;
    case ZLOOM_NODE_WORKER:
        return zloom_worker_run;
    case ZLOOM_NODE_SINK:
        return zloom_sink_run;
    case ZLOOM_NODE_POLLER:
        return zloom_poller_run;
    case ZLOOM_NODE_FORWARDER:
        return zloom_forwarder_run;
    case ZLOOM_NODE_EDGE:
        return zloom_edge_run;
    }
    zloom_assert (!"a kind of node that nobody runs");
    return NULL;
}
