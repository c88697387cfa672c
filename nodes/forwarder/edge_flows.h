/* SPDX-License-Identifier: MPL-2.0 */
/* edge_flows.h - the buses that are heard at an edge, as its engine hosts them. */
#ifndef ZLOOM_NODES_FORWARDER_EDGE_FLOWS_H
#define ZLOOM_NODES_FORWARDER_EDGE_FLOWS_H

#include "engine/engine.h"
#include "recipe/recipe.h"

typedef struct {
    zloom_engine_flow_t *flows;
    size_t count;
} zloom_edge_flows_t;

/* Texts stay the recipe's; fini. */
void zloom_edge_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *edge,
                       zloom_edge_flows_t *self);
void zloom_edge_flows_fini (zloom_edge_flows_t *self);

#endif
