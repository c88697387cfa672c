/* SPDX-License-Identifier: MPL-2.0 */
/*
 * graph.h - a recipe as a drawing: nodes, the flows between them, where dead letters go.
 *
 *   text     for a terminal, a flow a line, in the order in which messages come by
 *   dot      for Graphviz
 *   mermaid  for Markdown pages that draw it
 *   json     for programs
 */
#ifndef ZLOOM_RECIPE_GRAPH_H
#define ZLOOM_RECIPE_GRAPH_H

#include "recipe/registry.h"

void zloom_graph_text (const zloom_recipe_t *recipe, zloom_buf_t *out);
void zloom_graph_dot (const zloom_recipe_t *recipe, zloom_buf_t *out);
void zloom_graph_mermaid (const zloom_recipe_t *recipe, zloom_buf_t *out);
/*
 * {"name", "nodes": [{"name", "kind"}], "flows": [{"name", "pattern", "from": [], "to": [],
 * "dead_letter"?}]}; external ends are "external".
 */
void zloom_graph_json (const zloom_recipe_t *recipe, zloom_buf_t *out);

#endif
