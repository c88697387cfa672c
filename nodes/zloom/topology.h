/* SPDX-License-Identifier: MPL-2.0 */
/*
 * topology.h - from the words of a command line to a recipe and its folders, and to a running
 * topology and its routers.
 */
#ifndef ZLOOM_CLI_TOPOLOGY_H
#define ZLOOM_CLI_TOPOLOGY_H

#include "cli.h"
#include "launch/paths.h"
#include "nodes/node.h"
#include "recipe/fleet.h"
#include "recipe/recipe.h"

#define ZLOOM_CLI_SETS 32

typedef struct {
    zloom_recipe_t *recipe;
    char *path; /* the recipe's file, absolute */
    zloom_paths_t paths;
    const char *sets[ZLOOM_CLI_SETS + 1]; /* --set values, NULL-terminated */
    size_t set_count;
    /* With --fleet; else all NULL. */
    zloom_fleet_t *fleet;
    char *fleet_path; /* absolute */
    const char *host; /* --host; NULL: not given */
    char *key_folder; /* absolute */
    char *key_file;   /* of the host's secret key */
} zloom_topology_t;

/*
 * Load the recipe that the first word names, with --set and --state; diagnostics go to stderr.
 * 0, or an exit code after a message. `environment`: also look for programs and folders.
 * `secrets_of`: the node whose secrets this process needs, NULL: none. With --fleet the recipe is
 * the fleet's unless a word names it, and --host must name one of its hosts, whose key is here.
 */
int zloom_topology_load (const zloom_cli_t *cli, bool environment, const char *secrets_of,
                         zloom_topology_t *self);
/* The --set values, NULL-terminated. */
int zloom_topology_sets (const zloom_cli_t *cli, const char *sets[ZLOOM_CLI_SETS + 1],
                         size_t *count);
/* The recipe alone: what needs no folders. */
int zloom_topology_read (const zloom_cli_t *cli, bool environment, const char *secrets_of,
                         zloom_topology_t *self);
/* zloom_recipe_options_t.socket_dir by --state and the environment; `arg` is the command line. */
bool zloom_topology_sockets (void *arg, const char *name, char *folder, size_t size);
void zloom_topology_fini (zloom_topology_t *self);
/* What a node has to know to find the routers; it lives as long as the topology. */
zloom_node_args_t zloom_topology_args (const zloom_topology_t *self);
/*
 * The file `endpoint` of the runtime folder: the addresses of all routers, and behind them those of
 * this host's edges.
 */
zloom_err_t zloom_topology_write_doors (const zloom_topology_t *self);

/* A flow of a running topology, as the command line names it: FLOW or TOPOLOGY/FLOW. */
typedef struct {
    char topology[ZLOOM_NAME_MAX + 1];
    char flow[ZLOOM_NAME_MAX + 1]; /* "" when the words named none */
    zloom_paths_t paths;
    zloom_endpoints_t endpoints; /* of its routers */
} zloom_target_t;

/*
 * Where `word` is: FLOW (the one topology that runs, or --state) or TOPOLOGY/FLOW; NULL: no flow,
 * the topology alone. 0, or an exit code after a message when nothing runs there.
 */
int zloom_target_find (const zloom_cli_t *cli, const char *word, zloom_target_t *self);

#endif
