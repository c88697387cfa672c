/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_node.c - `node`: one node of a recipe alone, in this process. */
#include "commands.h"

#include "base/log.h"
#include "fleet.h"
#include "launch/plan.h"
#include "nodes/embed/kinds.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT_BYTES (ZLOOM_NAME_MAX + 24)

/* The supervisor's nonce, "ZLOOM_NONCE=<32 hex digits>"; false when there is none. */
static bool
s_nonce (uint8_t nonce[16])
{
    const char *text = getenv ("ZLOOM_NONCE");
    if (!text || strlen (text) != 32 || strspn (text, "0123456789abcdef") != 32) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        char pair[3] = {text[i * 2], text[i * 2 + 1], 0};
        nonce[i] = (uint8_t) strtoul (pair, NULL, 16);
    }
    return true;
}

/* A supervisor may run more workers than the recipe says (`zloom scale`). */
static int64_t
s_replicas (const zloom_recipe_node_t *node)
{
    return node->kind->id == ZLOOM_NODE_WORKER ? ZLOOM_REPLICAS_MAX : 1;
}

/* The node that the words name, and which replica of it; NULL after a message. */
static const zloom_recipe_node_t *
s_pick (const zloom_cli_t *cli, const zloom_recipe_t *recipe, int64_t *replica)
{
    const char *name = cli->words[1];
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name);
    if (!node) {
        zloom_buf_t names = {0};
        for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
            zloom_buf_printf (&names, " %s", zloom_recipe_node_at (recipe, i)->name);
        }
        zloom_cli_say (cli, 0, "no node '%s' in %s; there are:%s", name, zloom_recipe_file (recipe),
                       zloom_buf_text (&names));
        zloom_buf_fini (&names);
        return NULL;
    }
    return zloom_cli_int (cli, "replica", 1, s_replicas (node), 1, replica) ? node : NULL;
}

/*
 * A router that runs alone (one unit a node) is its topology for those who look for it; of several
 * the first that comes speaks for all. Under a supervisor, that holds the lock and has said so.
 * Returns the lock, or -1.
 */
static int
s_announce (const zloom_paths_t *paths, const zloom_node_args_t *args)
{
    int lock = -1;
    char *endpoints = NULL;
    if (args->node->kind->id != ZLOOM_NODE_ROUTER || zloom_paths_lock (paths, &lock) != ZLOOM_OK) {
        return -1;
    }
    if (zloom_node_doors (args, &endpoints) != ZLOOM_OK ||
        zloom_paths_write_endpoint (paths, endpoints) != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_WARN, "endpoint", "%s", zloom_note ());
    }
    free (endpoints);
    return lock;
}

/*
 * What a supervisor calls it counts, and not what the recipe would by now: it may have had one
 * replica when the supervisor began, and several today.
 */
static int
s_unit (const zloom_cli_t *cli, const zloom_recipe_node_t *node, int64_t replica,
        char name[UNIT_BYTES])
{
    const char *unit = zloom_cli_option (cli, "unit");
    if (!unit) {
        zloom_plan_unit_name (node, replica, name, UNIT_BYTES);
        return ZLOOM_EXIT_OK;
    }
    if (!*unit || strlen (unit) >= UNIT_BYTES) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--unit is a name of 1 to %d characters",
                              UNIT_BYTES - 1);
    }
    (void) snprintf (name, UNIT_BYTES, "%s", unit);
    return ZLOOM_EXIT_OK;
}

static zloom_err_t
s_run_node (const zloom_cli_t *cli, const zloom_topology_t *topology,
            const zloom_recipe_node_t *node, const char *name, int ready_fd)
{
    zloom_paths_t paths = topology->paths;
    const char *runtime = zloom_cli_option (cli, "runtime");
    if (runtime) {
        (void) snprintf (paths.runtime, sizeof paths.runtime, "%s", runtime);
    }
    zloom_err_t err = zloom_paths_make (&paths);
    if (err != ZLOOM_OK) {
        return err;
    }
    uint8_t nonce[16];
    zloom_node_args_t args = {
      .recipe = topology->recipe,
      .recipe_path = topology->path,
      .node = node,
      .name = name,
      .nonce = s_nonce (nonce) ? nonce : NULL,
      .state_dir = paths.state,
      .runtime_dir = paths.runtime,
      .ready_fd = ready_fd,
      .stop_fd = zloom_cli_stop_fd (),
      .drain_ns = ZLOOM_NODE_DRAIN_NS,
      .fleet = topology->fleet,
      .fleet_path = topology->fleet_path,
      .host = topology->host,
      .key_file = topology->key_file,
    };
    int lock = s_announce (&paths, &args);
    err = args.stop_fd < 0 ? ZLOOM_SYSTEM : zloom_node_kind_run (node) (&args);
    if (lock >= 0) {
        close (lock);
    }
    return err;
}

int
zloom_cmd_node (zloom_cli_t *cli)
{
    int64_t ready_fd = -1;
    if (!zloom_cli_int (cli, "ready-fd", 3, 1024, -1, &ready_fd)) {
        return ZLOOM_EXIT_USAGE;
    }
    const char *name = zloom_cli_word (cli, 1, "NAME");
    if (!name) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_topology_t topology;
    int code = zloom_topology_load (cli, false, name, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    int64_t replica = 1;
    char unit[UNIT_BYTES];
    const zloom_recipe_node_t *node = s_pick (cli, topology.recipe, &replica);
    if (!node || s_unit (cli, node, replica, unit) != ZLOOM_EXIT_OK) {
        zloom_topology_fini (&topology);
        return ZLOOM_EXIT_USAGE;
    }
    zloom_recipe_hide_secrets (topology.recipe);
    zloom_err_t err = s_run_node (cli, &topology, node, unit, (int) ready_fd);
    if (err != ZLOOM_OK) {
        const char *note = zloom_note ();
        zloom_log (ZLOOM_LOG_ERROR, "node-failed", "node=%s error=%s %s", node->name,
                   zloom_err_name (err), *note ? note : zloom_err_text (err));
    }
    zloom_topology_fini (&topology);
    return zloom_node_exit_code (err);
}
