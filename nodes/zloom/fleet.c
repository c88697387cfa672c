/* SPDX-License-Identifier: MPL-2.0 */
#include "fleet.h"

#include "base/memory.h"
#include "nodes/node.h"
#include "patterns/registry.h"
#include "recipe/diag.h"
#include "recipe/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ----------------------------------------------------------------------------------- */

char *
zloom_key_folder (const zloom_cli_t *cli)
{
    const char *given = zloom_cli_option (cli, "keys");
    given = given ? given : getenv ("ZLOOM_KEYS");
    if (given && *given) {
        return zloom_strdup (given);
    }
    const char *settings = getenv ("XDG_CONFIG_HOME");
    if (settings && settings[0] == '/') {
        return zloom_format ("%s/zloom/keys", settings);
    }
    const char *home = getenv ("HOME");
    if (home && home[0] == '/') {
        return zloom_format ("%s/.config/zloom/keys", home);
    }
    zloom_cli_say (cli, 0, "neither $HOME nor $XDG_CONFIG_HOME says where keys are: --keys DIR");
    return NULL;
}

/* KEYS/NAME.secret, absolute, and its public key; NULL after a message, with the exit code. */
static char *
s_key_file (const zloom_cli_t *cli, const char *name, char public_key[ZLOOM_KEY_CHARS + 1],
            int *code)
{
    char *folder = zloom_key_folder (cli);
    char *file = folder ? zloom_format ("%s/%s.secret", folder, name) : NULL;
    zloom_keypair_t keys;
    zloom_err_t err = file ? zloom_keypair_read (file, &keys) : ZLOOM_INVALID;
    char *whole = err == ZLOOM_OK ? realpath (file, NULL) : NULL;
    if (whole) {
        memcpy (public_key, keys.public_key, sizeof keys.public_key);
    }
    if (!folder) {
        *code = ZLOOM_EXIT_USAGE;
    } else if (err != ZLOOM_OK) {
        *code = zloom_cli_fail (cli, err);
    } else if (!whole) {
        *code = zloom_cli_say (cli, ZLOOM_EXIT_FAILED, "cannot find %s", file);
    }
    zloom_keypair_wipe (&keys);
    free (file);
    free (folder);
    return whole;
}

/* ---- this host ------------------------------------------------------------------------------ */

static int
s_no_host (const zloom_cli_t *cli, const zloom_topology_t *topology)
{
    zloom_buf_t names = {0};
    for (size_t i = 0; i < zloom_fleet_host_count (topology->fleet); i++) {
        zloom_buf_printf (&names, " %s", zloom_fleet_host_at (topology->fleet, i)->name);
    }
    zloom_cli_say (cli, 0,
                   topology->host ? "no host '%s' in the fleet; there are:%s"
                                  : "which host of the fleet is this?%s Say --host NAME, of:%s",
                   topology->host ? topology->host : "", zloom_buf_text (&names));
    zloom_buf_fini (&names);
    return ZLOOM_EXIT_USAGE;
}

int
zloom_fleet_here (const zloom_cli_t *cli, zloom_topology_t *topology)
{
    if (!topology->fleet) {
        return topology->host ? zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                                               "--host is a host of a fleet: --fleet FILE")
                              : ZLOOM_EXIT_OK;
    }
    const zloom_fleet_host_t *host =
      topology->host ? zloom_fleet_host (topology->fleet, topology->host) : NULL;
    if (!host) {
        return s_no_host (cli, topology);
    }
    int code = ZLOOM_EXIT_OK;
    char public_key[ZLOOM_KEY_CHARS + 1];
    topology->key_file = s_key_file (cli, host->name, public_key, &code);
    if (!topology->key_file) {
        return code;
    }
    if (strcmp (public_key, host->key->public_key) != 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_PERMISSION,
                              "the key '%s' that is here is not the one that the fleet has for "
                              "that host: put what zloom keys pub %s prints into the fleet",
                              host->name, host->name);
    }
    topology->fleet_path = realpath (zloom_cli_option (cli, "fleet"), NULL);
    topology->key_folder = zloom_strdup (topology->key_file);
    *strrchr (topology->key_folder, '/') = 0;
    return topology->fleet_path ? ZLOOM_EXIT_OK
                                : zloom_cli_say (cli, ZLOOM_EXIT_FAILED, "cannot find the fleet");
}

bool
zloom_fleet_runs (void *arg, const char *node)
{
    const zloom_topology_t *topology = arg;
    const zloom_fleet_host_t *host = zloom_fleet_place (topology->fleet, node);
    return host && strcmp (host->name, topology->host) == 0;
}

static size_t
s_count_routers (const zloom_topology_t *topology, bool here)
{
    const zloom_recipe_node_t *router = NULL;
    size_t count = 0;
    for (size_t i = 0; (router = zloom_recipe_next_router (topology->recipe, &i));) {
        count += !here || !topology->fleet ||
                     zloom_fleet_runs ((void *) (uintptr_t) topology, router->name)
                   ? 1
                   : 0;
    }
    return count;
}

bool
zloom_fleet_has_router (const zloom_topology_t *topology)
{
    return !topology->fleet || s_count_routers (topology, true) > 0;
}

bool
zloom_fleet_has_routers (const zloom_topology_t *topology)
{
    return !topology->fleet ||
           s_count_routers (topology, true) == s_count_routers (topology, false);
}

void
zloom_fleet_keep_routers (const zloom_topology_t *topology, zloom_endpoints_t *endpoints)
{
    const size_t here = s_count_routers (topology, true);
    size_t kept = 0;
    for (size_t i = 0; i < endpoints->count && kept < here; i++) {
        if (!zloom_address_is_far (endpoints->items[i])) {
            memmove (endpoints->items[kept++], endpoints->items[i], sizeof endpoints->items[i]);
        }
    }
    endpoints->count = kept;
}

/* ---- from another host ---------------------------------------------------------------------- */

bool
zloom_fleet_is_meant (const zloom_cli_t *cli, bool named)
{
    const char *variable = getenv ("ZLOOM_FLEET");
    return zloom_cli_option (cli, "fleet") ||
           (variable && *variable && !named && !zloom_cli_option (cli, "state"));
}

/* To the router of the flow, or to all where none is named, or one that the recipe has not. */
static int
s_find_addresses (const zloom_cli_t *cli, const zloom_fleet_t *fleet, const zloom_recipe_t *recipe,
                  const char *file, zloom_target_t *target)
{
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (recipe, target->flow);
    const zloom_recipe_node_t *router = NULL;
    zloom_endpoints_t *endpoints = &target->endpoints;
    endpoints->count = 0;
    for (size_t i = 0; (router = zloom_recipe_next_router (recipe, &i));) {
        if ((flow && flow->via != router) || endpoints->count == ZLOOM_ROUTERS_MAX) {
            continue;
        }
        const zloom_err_t err =
          zloom_fleet_address (fleet, router->name, file, endpoints->items[endpoints->count++]);
        if (err != ZLOOM_OK) {
            return zloom_cli_fail (cli, err);
        }
    }
    return ZLOOM_EXIT_OK;
}

static int
s_take_road (const zloom_cli_t *cli, const zloom_fleet_t *fleet, const zloom_recipe_t *recipe,
             zloom_target_t *target)
{
    const char *name = zloom_cli_option (cli, "as");
    name = name ? name : getenv ("ZLOOM_AS");
    if (!name || !*name) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "a fleet needs a key: --as NAME, or $ZLOOM_AS");
    }
    if (target->topology[0] && strcmp (target->topology, zloom_recipe_name (recipe)) != 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "the fleet runs '%s', not '%s'",
                              zloom_recipe_name (recipe), target->topology);
    }
    (void) snprintf (target->topology, sizeof target->topology, "%s", zloom_recipe_name (recipe));
    int code = ZLOOM_EXIT_OK;
    char public_key[ZLOOM_KEY_CHARS + 1];
    char *file = s_key_file (cli, name, public_key, &code);
    code = file ? s_find_addresses (cli, fleet, recipe, file, target) : code;
    free (file);
    return code;
}

int
zloom_fleet_target (const zloom_cli_t *cli, zloom_target_t *target)
{
    if (zloom_cli_option (cli, "state")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either --fleet or --state");
    }
    const char *given = zloom_cli_option (cli, "fleet");
    const char *path = given ? given : getenv ("ZLOOM_FLEET");
    static const zloom_recipe_options_t options = {.sets = NULL};
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_fleet_t *fleet = NULL;
    zloom_recipe_t *recipe = NULL;
    const zloom_err_t err =
      zloom_fleet_load (path, NULL, NULL, zloom_registry (), &options, diags, &fleet, &recipe);
    int code = ZLOOM_EXIT_OK;
    if (err == ZLOOM_RECIPE) {
        code = zloom_cli_say (cli, ZLOOM_EXIT_RECIPE, "%s has errors; see: zloom lint --fleet %s",
                              path, path);
    } else if (err != ZLOOM_OK) {
        code = zloom_cli_fail (cli, err);
    } else {
        code = s_take_road (cli, fleet, recipe, target);
    }
    zloom_fleet_destroy (&fleet);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
    return code;
}
