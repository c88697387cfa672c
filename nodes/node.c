/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/node.h"

#include <stdio.h>
#include <string.h>

#include "net/endpoint.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

const zloom_recipe_node_t *
zloom_node_router (const zloom_recipe_t *recipe)
{
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (node->kind->id == ZLOOM_NODE_ROUTER) {
            return node;
        }
    }
    return NULL;
}

zloom_err_t
zloom_node_endpoint (const zloom_recipe_node_t *router, const char *runtime_dir, char *endpoint)
{
    const zloom_router_config_t *config = router->config;
    if (strcmp (config->listen, "ipc") == 0) {
        return zloom_endpoint_ipc (runtime_dir, router->name, endpoint, ZLOOM_ENDPOINT_BYTES);
    }
    int size = snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "%s", config->listen);
    if (size < 0 || size >= ZLOOM_ENDPOINT_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "address of router '%s' is too long: %s", router->name,
                           config->listen);
    }
    return zloom_endpoint_check (endpoint);
}

zloom_err_t
zloom_node_resolve (const zloom_node_args_t *args, char *endpoint)
{
    const zloom_recipe_node_t *router = zloom_node_router (args->recipe);
    if (!router) {
        return zloom_fail (ZLOOM_NOT_FOUND, "recipe '%s' has no router",
                           zloom_recipe_name (args->recipe));
    }
    if (args->resolve) {
        return args->resolve (args->resolve_arg, router->name, endpoint);
    }
    return zloom_node_endpoint (router, args->runtime_dir, endpoint);
}
