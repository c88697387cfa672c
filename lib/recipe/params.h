/* SPDX-License-Identifier: MPL-2.0 */
/*
 * params.h - ${param.x} and ${env.X:-default} in a recipe's values, replaced after parsing: what
 * comes in can be a value only, never a key or more YAML.
 *
 *     params:
 *       workers: {type: int, default: 4, min: 1, max: 64}
 *     nodes:
 *       charge: {kind: worker, replicas: "${param.workers}"}
 *
 * A param has a type, and its value (default or --set) is checked against it before it is used.
 * $${ stands for ${ itself.
 */
#ifndef ZLOOM_RECIPE_PARAMS_H
#define ZLOOM_RECIPE_PARAMS_H

#include "recipe/reader.h"

/*
 * Read `params:` of the tree's root, set them from "name=value" texts, and replace in the whole
 * tree. Mistakes go to the reader's diags, params that nothing uses as warnings.
 */
void zloom_params_apply (zloom_reader_t *reader, zloom_tree_t *tree, const char *const *sets,
                         size_t set_count);

/* The keys of one param, for `explain` and the reference page. */
zloom_field_table_t zloom_params_fields (void);

#endif
