/* SPDX-License-Identifier: MPL-2.0 */
/* lint_routers.c - lints about which router flows live on and nodes come to. */
#include <string.h>

#include "lints.h"
#include "registry.h"

void
zloom_check_dead_letter_elsewhere (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        const zloom_flow_config_t *config = flow->sound ? flow->config : NULL;
        const zloom_recipe_flow_t *dead =
          config && config->dead_letter ? zloom_recipe_flow (recipe, config->dead_letter) : NULL;
        if (dead && dead->sound && dead->via != flow->via) {
            zloom_linter_flow (linter, flow, "dead_letter", "let both live on one router",
                               "flow '%s' lives on router '%s', its dead letters '%s' on '%s'",
                               flow->name, flow->via->name, dead->name, dead->via->name);
        }
    }
}

/* A flow that the node takes from on another router than its home; NULL when there is none. */
static const zloom_recipe_flow_t *
s_elsewhere (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node)
{
    const zloom_recipe_node_t *home = zloom_recipe_home (recipe, node);
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_recipe_next_in (recipe, node, &i));) {
        if (flow->via && flow->via != home) {
            return flow;
        }
    }
    return NULL;
}

void
zloom_check_two_routers (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, 0, &i));) {
        const zloom_recipe_node_t *home = zloom_recipe_home (recipe, node);
        const zloom_recipe_flow_t *flow = home ? s_elsewhere (recipe, node) : NULL;
        if (flow) {
            zloom_linter_node (linter, node, "", "let what it takes from live on one router",
                               "node '%s' takes from router '%s', but flow '%s' lives on '%s'",
                               node->name, home->name, flow->name, flow->via->name);
        }
    }
}

const zloom_recipe_node_t *
zloom_linter_next_listener (const zloom_linter_t *self, size_t *cursor, const char **listen)
{
    const zloom_recipe_node_t *node;
    while ((node = zloom_linter_next_node (self, 0, cursor))) {
        if (node->kind->listens) {
            *listen = node->kind->id == ZLOOM_NODE_ROUTER
                        ? ((const zloom_router_config_t *) node->config)->listen
                        : ((const zloom_edge_config_t *) node->config)->listen;
            return node;
        }
    }
    return NULL;
}

void
zloom_check_one_address (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    const zloom_recipe_node_t *other;
    const char *listen;
    const char *at;
    for (size_t i = 0; (node = zloom_linter_next_listener (linter, &i, &listen));) {
        for (size_t j = 0; (other = zloom_linter_next_listener (linter, &j, &at));) {
            if (other == node) {
                break;
            }
            if (strcmp (listen, "ipc") != 0 && strcmp (listen, at) == 0) {
                zloom_linter_node (linter, node, "listen", "take another port",
                                   "'%s' and '%s' listen at one address", other->name, node->name);
                break;
            }
        }
    }
}

void
zloom_check_too_many_routers (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    const char *listen;
    size_t count = 0;
    for (size_t i = 0; (node = zloom_linter_next_listener (linter, &i, &listen));) {
        if (++count == ZLOOM_RECIPE_ROUTERS_MAX + 1) {
            zloom_linter_node (linter, node, "", "let more flows share a router",
                               "'%s' is one router or edge more than %d", node->name,
                               ZLOOM_RECIPE_ROUTERS_MAX);
        }
    }
}
