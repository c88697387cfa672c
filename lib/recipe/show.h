/* SPDX-License-Identifier: MPL-2.0 */
/* show.h - values as a recipe would have them, from the config that they were read into. */
#ifndef ZLOOM_RECIPE_SHOW_H
#define ZLOOM_RECIPE_SHOW_H

#include "recipe/fields.h"

/* A scalar of the tree: quoted where needed, ${ doubled, secrets by name. */
void zloom_show_scalar (const zloom_tree_node_t *node, zloom_buf_t *out);
/*
 * The value of a field in its config; `node` is where it is written, NULL where it is not. False
 * when it has none. Not for GROUP, LATER, SHAPE (false).
 */
bool zloom_show_field (const zloom_field_t *field, const zloom_tree_node_t *node,
                       const void *config, zloom_buf_t *out);

#endif
