/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/forwarder/edge_flows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/bus.h"
#include "patterns/registry.h"

/* What may wait for slow ones at an edge, of each bus: memory, whatever the router's disk is. */
#define EDGE_BYTES (INT64_C (64) << 20)

/* Those who hear the bus here, in an array of their own. */
static const zloom_subscriber_config_t *
s_subscribers (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *edge, size_t *count)
{
    zloom_subscriber_config_t *subscribers =
      zloom_alloc ((flow->to_count + 1) * sizeof *subscribers);
    *count = 0;
    for (size_t i = 0; i < flow->to_count; i++) {
        if (flow->to[i].through == edge && flow->to[i].config) {
            subscribers[(*count)++] = *(const zloom_subscriber_config_t *) flow->to[i].config;
        }
    }
    return subscribers;
}

/* What the router promises beyond handing events over stays with the router. */
static zloom_engine_flow_t
s_copy (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *edge)
{
    const zloom_flow_config_t *config = zloom_flow_config (flow);
    zloom_flow_config_t copy = {
      .name = config->name,
      .pattern = config->pattern,
      .key = config->key,
      .confirm = ZLOOM_CONFIRM_MEMORY,
      .lease_ns = config->lease_ns,
      .failures_max = 1,
      .limit_bytes = config->limit_bytes < EDGE_BYTES ? config->limit_bytes : EDGE_BYTES,
      .on_full = ZLOOM_ON_FULL_DROP_OLDEST, /* nobody waits for those who hear it here */
      .exceptions_max = config->exceptions_max,
      .copy_of = flow->via->name,
      .copy_of_memory = config->confirm == ZLOOM_CONFIRM_MEMORY,
    };
    copy.subscribers = s_subscribers (flow, edge, &copy.subscriber_count);
    return (zloom_engine_flow_t){.config = copy, .pattern = &zloom_bus_pattern};
}

void
zloom_edge_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *edge,
                  zloom_edge_flows_t *self)
{
    const size_t all = zloom_recipe_flow_count (recipe);
    *self = (zloom_edge_flows_t){.flows = zloom_alloc ((all + 1) * sizeof *self->flows)};
    for (size_t i = 0; i < all; i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        if (zloom_recipe_hears (flow, edge)) {
            self->flows[self->count++] = s_copy (flow, edge);
        }
    }
}

void
zloom_edge_flows_fini (zloom_edge_flows_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free ((void *) self->flows[i].config.subscribers);
    }
    free (self->flows);
    *self = (zloom_edge_flows_t){0};
}
