/* SPDX-License-Identifier: MPL-2.0 */
/*
 * replace.h - ${param.x}, ${env.X:-default} and ${secret.x} in a file's values, replaced after
 * parsing: what comes in can be a value only, never a key or more YAML. $${ stands for ${ itself.
 * Keys that begin with x- belong to the writer: nothing is replaced below them.
 */
#ifndef ZLOOM_RECIPE_REPLACE_H
#define ZLOOM_RECIPE_REPLACE_H

#include "recipe/params.h"
#include "recipe/secrets.h"

typedef struct {
    zloom_reader_t *reader;
    zloom_tree_t *tree;
    zloom_params_t *params; /* NULL: there are none yet, `params:` itself is read */
} zloom_replace_t;

/* Replace in all that stands below `node`. Mistakes go to the reader's diags. */
void zloom_replace_below (const zloom_replace_t *self, zloom_tree_node_t *node);

#endif
