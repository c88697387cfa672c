/* SPDX-License-Identifier: MPL-2.0 */
/* kinds.h - from a node of a recipe to the function that runs it. */
#ifndef ZLOOM_NODES_EMBED_KINDS_H
#define ZLOOM_NODES_EMBED_KINDS_H

#include "nodes/node.h"

/* Never NULL: a recipe that was loaded has no other kinds. */
zloom_node_run_fn *zloom_node_kind_run (const zloom_recipe_node_t *node);

#endif
