/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/node.h"

#include <stdio.h>
#include <string.h>

#include "net/endpoint.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

static const zloom_recipe_node_t *
s_router (const zloom_recipe_t *recipe, const char *name)
{
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (node->kind->id == ZLOOM_NODE_ROUTER && (!name || strcmp (node->name, name) == 0)) {
            return node;
        }
    }
    return NULL;
}

zloom_err_t
zloom_node_endpoint (const zloom_node_args_t *args, const char *router, char *endpoint)
{
    const zloom_recipe_node_t *node = s_router (args->recipe, router);
    if (!node) {
        return zloom_fail (ZLOOM_NOT_FOUND, "recipe %s has no router %s",
                           zloom_recipe_name (args->recipe), router ? router : "");
    }
    if (args->resolve) {
        return args->resolve (args->resolve_arg, node->name, endpoint);
    }
    const zloom_router_config_t *config = node->config;
    if (strcmp (config->listen, "ipc") == 0) {
        return zloom_endpoint_ipc (args->runtime_dir, node->name, endpoint, ZLOOM_ENDPOINT_BYTES);
    }
    zloom_err_t err = zloom_endpoint_check (config->listen);
    if (err == ZLOOM_OK &&
        snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "%s", config->listen) >= ZLOOM_ENDPOINT_BYTES) {
        err = zloom_fail (ZLOOM_TOO_BIG, "router %s: listen is longer than %d bytes", node->name,
                          ZLOOM_ENDPOINT_BYTES - 1);
    }
    return err;
}
