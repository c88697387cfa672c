/* SPDX-License-Identifier: MPL-2.0 */
/*
 * build.h - the nodes and flows of a recipe's model from its tree; a part of load.c, which alone
 * uses it.
 */
#ifndef ZLOOM_RECIPE_BUILD_H
#define ZLOOM_RECIPE_BUILD_H

#include "recipe/model.h"
#include "recipe/reader.h"
#include "recipe/registry.h"

typedef struct {
    zloom_recipe_t *recipe;
    const zloom_registry_t *registry;
    zloom_reader_t reader;
    bool whole; /* nothing is missing from the model */
} zloom_load_t;

/* Check a name of a recipe, node or flow; `what` is "a node". Reports if it is bad. */
bool zloom_build_check_name (zloom_load_t *self, const zloom_tree_node_t *node, const char *what);
/* Read all nodes (NULL: none) and add the implicit one. */
void zloom_build_nodes (zloom_load_t *self, const zloom_tree_node_t *map);
/* Read all flows, once the nodes are there. */
void zloom_build_flows (zloom_load_t *self, const zloom_tree_node_t *map);

#endif
