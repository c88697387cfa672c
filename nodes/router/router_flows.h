/* SPDX-License-Identifier: MPL-2.0 */
/* router_flows.h - what the recipe says of its flows, as the engine hosts them. */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H
#define ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H

#include "engine/engine.h"
#include "recipe/recipe.h"

/*
 * The flows that live on this router (NULL: on any), in the recipe's order; texts stay the
 * recipe's, the array is to be freed, also after an error. UNSUPPORTED: a pattern that this build
 * does not run.
 */
zloom_err_t zloom_router_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *router,
                                zloom_engine_flow_t **flows_p, size_t *count);

#endif
