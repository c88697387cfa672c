/* SPDX-License-Identifier: MPL-2.0 */
/*
 * params.h - the params of one file: what they take, and the values that they have.
 *
 *     params:
 *       workers: {type: int, default: 4, min: 1, max: 64}
 *     nodes:
 *       charge: {kind: worker, replicas: "${param.workers}"}
 *
 * A param has a type, and its value is checked against it before it is used. The recipe's params
 * are set by --set, those of a fragment by `with:`. replace.h puts them where they are named.
 */
#ifndef ZLOOM_RECIPE_PARAMS_H
#define ZLOOM_RECIPE_PARAMS_H

#include "recipe/reader.h"

typedef struct zloom_params zloom_params_t;

/* Read `params:` of a file's root; in the reader's pool. Mistakes go to its diags. */
zloom_params_t *zloom_params_new (zloom_reader_t *reader, const zloom_tree_node_t *root);
/* One "name=value" from outside. */
void zloom_params_set (zloom_params_t *self, const char *text);
/*
 * The values that a `use:` entry gives, from its `with:` (NULL: none). What is missing is reported
 * there.
 */
void zloom_params_give (zloom_params_t *self, const zloom_tree_node_t *use,
                        const zloom_tree_node_t *with);
/*
 * The value of a param for the place `node`; NULL when it was reported. `via` is where it comes
 * from ("param workers (--set)").
 */
const char *zloom_params_value (zloom_params_t *self, const zloom_tree_node_t *node,
                                const char *name, const char **via);
/* Everything was replaced: warn of what nothing uses. */
void zloom_params_end (zloom_params_t *self);

/* The keys of one param, for `explain` and the reference page. */
zloom_field_table_t zloom_params_fields (void);

#endif
