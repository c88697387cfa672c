/* SPDX-License-Identifier: MPL-2.0 */
/* lint_edge.c - lints about edges, and who hears buses through them. */
#include <stdio.h>
#include <string.h>

#include "lints.h"
#include "registry.h"

/* "to.out.topics" */
static const char *
s_path (const zloom_recipe_end_t *end, const char *key, char path[2 * ZLOOM_NAME_MAX])
{
    (void) snprintf (path, 2 * ZLOOM_NAME_MAX, "to.%s.%s", end->name, key);
    return path;
}

/* The next end of a bus that is heard through an edge; NULL: there is none. */
static const zloom_recipe_end_t *
s_next (const zloom_linter_t *linter, size_t *flow_at, size_t *end_at,
        const zloom_recipe_flow_t **flow_p)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = *flow_at; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_BUS, &i));) {
        while (*end_at < flow->to_count) {
            const zloom_recipe_end_t *end = &flow->to[(*end_at)++];
            if (end->through) {
                *flow_p = flow;
                return end;
            }
        }
        *flow_at = i;
        *end_at = 0;
    }
    return NULL;
}

/* What it says that an edge cannot promise; NULL: nothing. */
static const char *
s_too_much (const zloom_recipe_end_t *end)
{
    const zloom_subscriber_config_t *config = end->config;
    const zloom_tree_node_t *durable = end->tree ? zloom_tree_get (end->tree, "durable") : NULL;
    if (!config) {
        return NULL;
    }
    if (durable && durable->kind == ZLOOM_TREE_SCALAR && strcmp (durable->text, "true") == 0) {
        return "durable";
    }
    if (config->from != ZLOOM_FROM_NOW) {
        return "from";
    }
    return config->on_slow == ZLOOM_ON_SLOW_BLOCK || config->on_slow == ZLOOM_ON_SLOW_SPILL
             ? "on_slow"
             : NULL;
}

void
zloom_check_edge_keeps (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    const zloom_recipe_end_t *end;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0, j = 0; (end = s_next (linter, &i, &j, &flow));) {
        const char *key = s_too_much (end);
        if (key) {
            zloom_linter_flow (linter, flow, s_path (end, key, path),
                               "take it out, or take 'through' out",
                               "'%s' hears bus '%s' through edge '%s', which cannot promise that",
                               end->name, flow->name, end->through->name);
        }
    }
}

void
zloom_check_edge_router (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    const zloom_recipe_end_t *end;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0, j = 0; (end = s_next (linter, &i, &j, &flow));) {
        const zloom_recipe_node_t *of = end->through->of;
        if (of && flow->via && of != flow->via) {
            zloom_linter_flow (linter, flow, s_path (end, "through", path), NULL,
                               "bus '%s' lives on router '%s', and '%s' is an edge of '%s'",
                               flow->name, flow->via->name, end->through->name, of->name);
        }
    }
}

/* Another flow that the node has to do with, beside what it hears at this edge; NULL: none. */
static const zloom_recipe_flow_t *
s_other (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node,
         const zloom_recipe_node_t *edge)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_recipe_next_in (recipe, node, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            if (flow->to[j].node == node && flow->to[j].through != edge) {
                return flow;
            }
        }
    }
    size_t cursor = 0;
    return zloom_recipe_next_out (recipe, node, &cursor);
}

void
zloom_check_edge_alone (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    const zloom_recipe_end_t *end;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0, j = 0; (end = s_next (linter, &i, &j, &flow));) {
        const zloom_recipe_flow_t *other =
          end->node ? s_other (zloom_linter_recipe (linter), end->node, end->through) : NULL;
        if (other) {
            zloom_linter_flow (linter, flow, s_path (end, "through", path),
                               "take it out, or let another node do the rest",
                               "'%s' hears bus '%s' through edge '%s', and needs a router for "
                               "flow '%s'",
                               end->name, flow->name, end->through->name, other->name);
        }
    }
}

void
zloom_check_edge_unused (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_EDGE, &i));) {
        bool heard = !zloom_linter_whole (linter);
        for (size_t j = 0; j < zloom_recipe_flow_count (recipe) && !heard; j++) {
            heard = zloom_recipe_hears (zloom_recipe_flow_at (recipe, j), node);
        }
        if (!heard) {
            zloom_linter_node (linter, node, "", "say 'through: NAME' where a bus names it",
                               "no bus is heard through '%s'", node->name);
        }
    }
}
