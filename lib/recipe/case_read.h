/* SPDX-License-Identifier: MPL-2.0 */
/* case_read.h - how `tests:` is read; for load.c and the files that do it. */
#ifndef ZLOOM_RECIPE_CASE_READ_H
#define ZLOOM_RECIPE_CASE_READ_H

#include "recipe/build.h"
#include "recipe/cases.h"

/* Read `tests:` of the recipe, once nodes and flows are there. */
void zloom_cases_read (zloom_load_t *self);
/* case_step.c: one step; false with a report. */
bool zloom_case_read_step (zloom_load_t *self, const zloom_tree_node_t *tree,
                           zloom_case_step_t *step);
/* A message that is sent or emitted, beyond what its table says; false with a report. */
bool zloom_case_read_body (zloom_reader_t *reader, const zloom_tree_node_t *node,
                           zloom_case_body_t *body);
/* The node of this name, which is to take messages; NULL with a report. */
const zloom_recipe_node_t *zloom_case_taker (zloom_load_t *self, const zloom_tree_node_t *at,
                                             const char *name);
/* `key` stands there and means nothing, because `why`; false with a report if so. */
bool zloom_case_only (zloom_load_t *self, const zloom_tree_node_t *map, const char *key,
                      bool allowed, const char *why);
/* A list of maps under `key` in `map`; NULL with a report, or when it is not there. */
const zloom_tree_node_t *zloom_case_list (zloom_load_t *self, const zloom_tree_node_t *map,
                                          const char *key, const char *as, bool *good);

#endif
