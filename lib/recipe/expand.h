/* SPDX-License-Identifier: MPL-2.0 */
/*
 * expand.h - a recipe with nothing left out: fragments and params in place, every default written,
 * and behind each value where it comes from.
 *
 *     flows:
 *       orders:                      # orders.yaml:11
 *         pattern: queue             # orders.yaml:12
 *         lease: 1m                  # defaults, orders.yaml:4
 *         requeues: 3                # default
 *
 * The text is a recipe of one file that does the same. Paths are absolute, secrets stay names, and
 * keys that begin with x- are left out.
 */
#ifndef ZLOOM_RECIPE_EXPAND_H
#define ZLOOM_RECIPE_EXPAND_H

#include "recipe/registry.h"

void zloom_expand_text (const zloom_recipe_t *recipe, zloom_buf_t *out);
/*
 * One JSON object a line for each value that the text has: {"path": "flows.orders.lease", "value":
 * "1m", "source": "defaults", "file": "orders.yaml", "line": 4}; without file and line where it
 * stands in none. With `array` they are joined to one array.
 */
void zloom_expand_json (const zloom_recipe_t *recipe, bool array, zloom_buf_t *out);

#endif
