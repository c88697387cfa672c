/* SPDX-License-Identifier: MPL-2.0 */
/*
 * build.h - how a recipe's model grows from its files: load.c leads, use.c brings the fragments,
 * defaults.c joins what stands in `defaults:`, build.c makes nodes and flows, build_ends.c reads
 * who sends and who takes. Nobody else uses it.
 */
#ifndef ZLOOM_RECIPE_BUILD_H
#define ZLOOM_RECIPE_BUILD_H

#include "recipe/model.h"
#include "recipe/params.h"
#include "recipe/reader.h"
#include "recipe/registry.h"

/* Nodes, and flows, of one recipe; a session can name as many flows. */
#define ZLOOM_RECIPE_FLOWS_MAX 1024

typedef struct zloom_defaults zloom_defaults_t; /* one entry of one `defaults:` */

typedef struct {
    zloom_recipe_t *recipe;
    const zloom_registry_t *registry;
    const zloom_recipe_options_t *options;
    zloom_reader_t reader;
    zloom_params_t *params[ZLOOM_FRAGMENTS_MAX]; /* of each file */
    zloom_defaults_t *defaults;                  /* those without a mistake */
    bool whole;                                  /* nothing is missing from the model */
} zloom_load_t;

/* ---- load.c -------------------------------------------------------------------------------- */

/*
 * A new file of the recipe, with nothing read yet; `parent` and `name` (of its `use:`) are NULL for
 * the recipe itself. There is room for ZLOOM_FRAGMENTS_MAX.
 */
zloom_fragment_t *zloom_load_fragment (zloom_load_t *self, const zloom_fragment_t *parent,
                                       const char *name);
/* Parse a file's text, under this name in diagnostics; false when it is no map, reported. */
bool zloom_load_parse (zloom_load_t *self, zloom_fragment_t *fragment, const char *file,
                       zloom_bytes_t text);
/* Read its `params:`, with no values from outside yet; they are self->params of the file. */
zloom_params_t *zloom_load_params (zloom_load_t *self, const zloom_fragment_t *fragment);
/* Its params have their values: replace ${…}, and find its sections. */
void zloom_load_replace (zloom_load_t *self, zloom_fragment_t *fragment);

/* ---- use.c --------------------------------------------------------------------------------- */

/* Read the fragments that this file uses, behind all that are there already. */
void zloom_use_read (zloom_load_t *self, const zloom_fragment_t *user);

/* ---- defaults.c ---------------------------------------------------------------------------- */

/* Check the `defaults:` of all files. */
void zloom_defaults_check (zloom_load_t *self);
/*
 * What is written of a node or flow (`full` is its name) and, for what is not written, the defaults
 * for its kind: first those of its own file, then of the file that uses it, up to the recipe.
 */
const zloom_tree_node_t *zloom_defaults_join (zloom_load_t *self, const zloom_fragment_t *fragment,
                                              const zloom_kind_t *kind,
                                              const zloom_tree_node_t *tree, const char *full);
/* Everything is read: warn of what was of no use. */
void zloom_defaults_end (zloom_load_t *self);

/* ---- build.c ------------------------------------------------------------------------------- */

/* Check a name of a recipe, node or flow; `what` is "a node". Reports it at `node` if it is bad. */
bool zloom_build_check_name (zloom_load_t *self, const zloom_tree_node_t *node, const char *name,
                             const char *what);
/* The kind of this name, NULL when there is none. */
const zloom_kind_t *zloom_build_find_kind (const zloom_kind_t *kinds, size_t count,
                                           const char *name);
/* A node that no file names, with all defaults. */
zloom_recipe_node_t *zloom_build_add_node (zloom_load_t *self, const zloom_kind_t *kind,
                                           const char *name);

/* ---- via.c --------------------------------------------------------------------------------- */

/* The routers that a flow's `via:` and `mirror:` name, or the first one; false with a report. */
bool zloom_build_via (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_recipe_flow_t *flow);
/* Once the nodes are there: the router of each edge. */
void zloom_build_edges (zloom_load_t *self);
/* The edge that `through:` of a taker names; false with a report. */
bool zloom_build_through (zloom_load_t *self, const zloom_tree_node_t *map,
                          zloom_recipe_end_t *end);
/* Once the flows are there: a node for each router that something is carried from. */
void zloom_build_carriers (zloom_load_t *self);

/* Make all nodes of all files, and the implicit one. */
void zloom_build_nodes (zloom_load_t *self);
/* Make all flows, once the nodes are there. */
void zloom_build_flows (zloom_load_t *self);

/* ---- build_ends.c -------------------------------------------------------------------------- */

/* Read `from` and `to` of a flow, whose pattern is known or NULL; false when one was wrong. */
bool zloom_ends_read (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_recipe_flow_t *flow);
/* Let the flow's config point to what `to` says of each taker. */
void zloom_ends_join (const zloom_recipe_flow_t *flow, void *config);

#endif
