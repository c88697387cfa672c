/* SPDX-License-Identifier: MPL-2.0 */
/* router_flows.h - what the recipe says of its flows, as the engine hosts them. */
#ifndef ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H
#define ZLOOM_NODES_ROUTER_ROUTER_FLOWS_H

#include "engine/engine.h"
#include "recipe/recipe.h"

/*
 * All flows in the recipe's order; texts stay the recipe's, the array is to be freed, also after an
 * error. UNSUPPORTED: a pattern that this build does not run.
 */
zloom_err_t zloom_router_flows (const zloom_recipe_t *recipe, zloom_engine_flow_t **flows_p,
                                size_t *count);

#endif
