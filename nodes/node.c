/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/node.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "net/endpoint.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

/* The router or edge of this name; NULL: the one that the node at hand comes to. */
static zloom_err_t
s_router (const zloom_node_args_t *args, const char *name, const zloom_recipe_node_t **node_p)
{
    const zloom_recipe_node_t *node = name ? zloom_recipe_node (args->recipe, name) : NULL;
    size_t cursor = 0;
    if (!name && args->node) {
        node = zloom_recipe_gate (args->recipe, args->node);
    } else if (!node || !node->kind->listens) {
        node = name ? NULL : zloom_recipe_next_router (args->recipe, &cursor);
    }
    *node_p = node;
    return node ? ZLOOM_OK
                : zloom_fail (ZLOOM_NOT_FOUND, "recipe %s has no router %s",
                              zloom_recipe_name (args->recipe), name ? name : "");
}

zloom_err_t
zloom_node_reach (const zloom_node_args_t *args, const char *router, char *endpoint)
{
    const zloom_recipe_node_t *node = NULL;
    size_t cursor = 0;
    zloom_err_t err = s_router (args, router, &node);
    if (err != ZLOOM_OK || !node) {
        return err;
    }
    const zloom_fleet_host_t *host =
      args->fleet ? zloom_fleet_place (args->fleet, node->name) : NULL;
    if (host && strcmp (host->name, args->host) != 0 && node->of) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "edge %s runs on host %s, and serves that host alone",
                           node->name, host->name);
    }
    if (host && strcmp (host->name, args->host) != 0) {
        return zloom_fleet_address (args->fleet, node->name, args->key_file, endpoint);
    }
    if (!args->inner) {
        return zloom_node_endpoint (args, router, endpoint);
    }
    const bool first = zloom_recipe_next_router (args->recipe, &cursor) == node;
    const int size = snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "%s%s%s", args->inner,
                               first ? "" : "-", first ? "" : node->name);
    return size < ZLOOM_ENDPOINT_BYTES
             ? ZLOOM_OK
             : zloom_fail (ZLOOM_TOO_BIG, "router %s: its inner endpoint is too long", node->name);
}

zloom_err_t
zloom_node_endpoint (const zloom_node_args_t *args, const char *router, char *endpoint)
{
    const zloom_recipe_node_t *node = NULL;
    zloom_err_t err = s_router (args, router, &node);
    if (err != ZLOOM_OK || !node) {
        return err;
    }
    if (args->resolve) {
        return args->resolve (args->resolve_arg, node->name, endpoint);
    }
    const char *listen = node->kind->id == ZLOOM_NODE_ROUTER
                           ? ((const zloom_router_config_t *) node->config)->listen
                           : ((const zloom_edge_config_t *) node->config)->listen;
    if (strcmp (listen, "ipc") == 0) {
        return zloom_endpoint_ipc (args->runtime_dir, node->name, endpoint, ZLOOM_ENDPOINT_BYTES);
    }
    err = zloom_endpoint_check (listen);
    if (err == ZLOOM_OK &&
        snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "%s", listen) >= ZLOOM_ENDPOINT_BYTES) {
        err = zloom_fail (ZLOOM_TOO_BIG, "%s: listen is longer than %d bytes", node->name,
                          ZLOOM_ENDPOINT_BYTES - 1);
    }
    return err;
}

static zloom_err_t
s_add_line (const zloom_node_args_t *args, const char *name, zloom_buf_t *lines)
{
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    const zloom_err_t err = zloom_node_reach (args, name, endpoint);
    if (err == ZLOOM_OK) {
        zloom_buf_printf (lines, "%s%s", lines->size ? "\n" : "", endpoint);
    }
    return err;
}

static zloom_err_t
s_give_lines (zloom_buf_t *lines, zloom_err_t err, char **lines_p)
{
    *lines_p = err == ZLOOM_OK ? zloom_memdup_text (lines->data, lines->size) : NULL;
    zloom_buf_fini (lines);
    return err;
}

static zloom_err_t
s_add_routers (const zloom_node_args_t *args, zloom_buf_t *lines)
{
    zloom_err_t err = ZLOOM_OK;
    const zloom_recipe_node_t *router;
    for (size_t i = 0; !err && (router = zloom_recipe_next_router (args->recipe, &i));) {
        err = s_add_line (args, router->name, lines);
    }
    return err;
}

zloom_err_t
zloom_node_endpoints (const zloom_node_args_t *args, char **lines_p)
{
    zloom_buf_t lines = {0};
    const zloom_err_t err = s_add_routers (args, &lines);
    return s_give_lines (&lines, err, lines_p);
}

zloom_err_t
zloom_node_doors (const zloom_node_args_t *args, char **lines_p)
{
    zloom_buf_t lines = {0};
    zloom_err_t err = s_add_routers (args, &lines);
    const zloom_recipe_node_t *edge;
    for (size_t i = 0; !err && (edge = zloom_recipe_next_edge (args->recipe, &i));) {
        const zloom_fleet_host_t *host =
          args->fleet ? zloom_fleet_place (args->fleet, edge->name) : NULL;
        if (!host || strcmp (host->name, args->host) == 0) {
            err = s_add_line (args, edge->name, &lines);
        }
    }
    return s_give_lines (&lines, err, lines_p);
}

/* ---- other hosts ---------------------------------------------------------------------------- */

/* "tcp://HOST:PORT"; a numeric address of IPv6 stands in brackets. */
static zloom_err_t
s_tcp (const char *host, int64_t port, char *endpoint)
{
    const bool six = strchr (host, ':') != NULL;
    const int length = snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "tcp://%s%s%s:%lld",
                                 six ? "[" : "", host, six ? "]" : "", (long long) port);
    return length < ZLOOM_ENDPOINT_BYTES
             ? ZLOOM_OK
             : zloom_fail (ZLOOM_TOO_BIG, "the address %s is too long", host);
}

static bool
s_is_numeric (const char *address)
{
    return strchr (address, ':') || strspn (address, "0123456789.") == strlen (address);
}

zloom_err_t
zloom_fleet_listen (const zloom_fleet_t *fleet, const char *router, char *endpoint)
{
    const zloom_fleet_host_t *host = zloom_fleet_place (fleet, router);
    if (!host) {
        return zloom_fail (ZLOOM_NOT_FOUND, "the fleet places router '%s' nowhere", router);
    }
    const char *own = host->address && s_is_numeric (host->address) ? host->address : "*";
    const char *address = host->listen ? host->listen : own;
    return s_tcp (address, zloom_fleet_port (fleet, router), endpoint);
}

zloom_err_t
zloom_fleet_address (const zloom_fleet_t *fleet, const char *router, const char *key_file,
                     char *address)
{
    const zloom_fleet_host_t *host = zloom_fleet_place (fleet, router);
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    if (!host || !host->address) {
        return zloom_fail (ZLOOM_NOT_FOUND, "the fleet has no address of router '%s'", router);
    }
    const zloom_err_t err = s_tcp (host->address, zloom_fleet_port (fleet, router), endpoint);
    return err == ZLOOM_OK
             ? zloom_address_format (endpoint, host->key->public_key, key_file, address)
             : err;
}
