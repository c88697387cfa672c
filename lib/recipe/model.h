/* SPDX-License-Identifier: MPL-2.0 */
/*
 * model.h - what a recipe is made of; shared by recipe.c (which answers questions), load.c (which
 * fills it) and expand.c (which tells where all of it comes from). Nobody else includes it.
 */
#ifndef ZLOOM_RECIPE_MODEL_H
#define ZLOOM_RECIPE_MODEL_H

#include "recipe/cases.h"
#include "recipe/fragment.h"
#include "recipe/pool.h"
#include "recipe/recipe.h"
#include "recipe/secrets.h"
#include "recipe/tree.h"

#define ZLOOM_RECIPE_TAG 0x2EC19E01u

struct zloom_recipe {
    uint32_t tag;
    zloom_pool_t *pool;          /* configs and names */
    zloom_fragments_t fragments; /* the files; the first is the recipe's own */
    zloom_secrets_t *secrets;
    const zloom_registry_t *registry;
    const char *name;
    zloom_recipe_node_t *nodes;
    size_t node_count;
    zloom_recipe_flow_t *flows;
    size_t flow_count;
    zloom_case_t *cases;
    size_t case_count;
};

#endif
