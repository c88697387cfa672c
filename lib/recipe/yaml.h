/* SPDX-License-Identifier: MPL-2.0 */
/*
 * yaml.h - the one file that knows libfyaml: events of its parser become zloom's own tree.
 *
 * libfyaml sees text only (UTF-8, no control characters, at most 1 MiB) and is asked for events,
 * never for documents: so depth and count are checked as they grow, nothing is expanded, and it
 * prints nothing.
 */
#ifndef ZLOOM_RECIPE_YAML_H
#define ZLOOM_RECIPE_YAML_H

#include "recipe/pool.h"
#include "recipe/tree.h"

/* The root, in `pool`; NULL when no tree can come of it, with the reasons in `diags`. */
zloom_tree_node_t *zloom_yaml_parse (zloom_pool_t *pool, zloom_bytes_t text, int file,
                                     zloom_diags_t *diags);

#endif
