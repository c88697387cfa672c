/* SPDX-License-Identifier: MPL-2.0 */
/* router_flows.h - what the recipe says of its flows, as the engine hosts them. */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H
#define ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H

#include "engine/engine.h"
#include "recipe/recipe.h"

typedef struct {
    zloom_engine_flow_t *flows;
    char **names; /* of outboxes; NULL where the name is the recipe's */
    size_t count;
} zloom_router_flows_t;

/*
 * The flows that live on this router (NULL: on any), and the outboxes of those that are sent to
 * here and live on others, in the recipe's order. Texts stay the recipe's; fini, also after an
 * error. UNSUPPORTED: a pattern that this build does not run.
 */
zloom_err_t zloom_router_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *router,
                                zloom_router_flows_t *self);
void zloom_router_flows_fini (zloom_router_flows_t *self);

#endif
