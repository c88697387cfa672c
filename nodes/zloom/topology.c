/* SPDX-License-Identifier: MPL-2.0 */
#include "topology.h"

#include "base/memory.h"
#include "fleet.h"
#include "patterns/registry.h"
#include "recipe/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
s_colour (void)
{
    const char *no = getenv ("NO_COLOR");
    return (!no || !*no) && isatty (STDERR_FILENO);
}

static const char *
s_state (const zloom_cli_t *cli)
{
    const char *state = zloom_cli_option (cli, "state");
    return state ? state : getenv ("ZLOOM_STATE");
}

bool
zloom_topology_sockets (void *arg, const char *name, char *folder, size_t size)
{
    zloom_paths_t paths;
    if (zloom_paths_find (name, s_state (arg), &paths) != ZLOOM_OK) {
        return false;
    }
    int length = snprintf (folder, size, "%s", paths.runtime);
    return length > 0 && (size_t) length < size;
}

int
zloom_topology_sets (const zloom_cli_t *cli, const char *sets[ZLOOM_CLI_SETS + 1], size_t *count)
{
    const char *set = NULL;
    *count = 0;
    for (size_t i = 0; (set = zloom_cli_next (cli, "set", &i));) {
        if (*count == ZLOOM_CLI_SETS) {
            return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "more than %d --set", ZLOOM_CLI_SETS);
        }
        sets[(*count)++] = set;
    }
    sets[*count] = NULL;
    return ZLOOM_EXIT_OK;
}

static zloom_err_t
s_load (const zloom_cli_t *cli, const zloom_recipe_options_t *options, zloom_diags_t *diags,
        zloom_topology_t *self)
{
    const char *fleet = zloom_cli_option (cli, "fleet");
    const char *path = cli->word_count > 0 ? cli->words[0] : NULL;
    self->host = zloom_cli_option (cli, "host");
    return fleet ? zloom_fleet_load (fleet, path, self->host, zloom_registry (), options, diags,
                                     &self->fleet, &self->recipe)
                 : zloom_recipe_load (path, zloom_registry (), options, diags, &self->recipe);
}

int
zloom_topology_read (const zloom_cli_t *cli, bool environment, const char *secrets_of,
                     zloom_topology_t *self)
{
    *self = (zloom_topology_t){.recipe = NULL};
    if (!zloom_cli_option (cli, "fleet") && !zloom_cli_word (cli, 0, "RECIPE")) {
        return ZLOOM_EXIT_USAGE;
    }
    if (zloom_topology_sets (cli, self->sets, &self->set_count) != ZLOOM_EXIT_OK) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_recipe_options_t options = {
      .sets = self->sets,
      .set_count = self->set_count,
      .environment = environment,
      .socket_dir = zloom_topology_sockets,
      .socket_arg = (void *) (uintptr_t) cli,
      .secrets_of = secrets_of,
    };
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_err_t err = s_load (cli, &options, diags, self);
    zloom_buf_t text = {0};
    zloom_diags_text (diags, s_colour (), &text);
    /* A node's warnings were shown when the topology was started. */
    if (text.size && (environment || err != ZLOOM_OK)) {
        fputs (zloom_buf_text (&text), stderr);
    }
    zloom_buf_fini (&text);
    zloom_diags_destroy (&diags);
    if (err == ZLOOM_RECIPE) {
        return ZLOOM_EXIT_RECIPE;
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}

int
zloom_topology_load (const zloom_cli_t *cli, bool environment, const char *secrets_of,
                     zloom_topology_t *self)
{
    int code = zloom_topology_read (cli, environment, secrets_of, self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const char *path = zloom_recipe_file (self->recipe);
    code = zloom_fleet_here (cli, self);
    if (code != ZLOOM_EXIT_OK) {
        zloom_topology_fini (self);
        return code;
    }
    zloom_err_t err =
      zloom_paths_find (zloom_recipe_name (self->recipe), s_state (cli), &self->paths);
    if (err != ZLOOM_OK) {
        code = zloom_cli_fail (cli, err);
        zloom_topology_fini (self);
        return code;
    }
    self->path = realpath (path, NULL);
    if (!self->path) {
        zloom_topology_fini (self);
        return zloom_cli_say (cli, ZLOOM_EXIT_FAILED, "cannot find %s", path);
    }
    return ZLOOM_EXIT_OK;
}

void
zloom_topology_fini (zloom_topology_t *self)
{
    zloom_recipe_destroy (&self->recipe);
    zloom_fleet_destroy (&self->fleet);
    free (self->path);
    free (self->fleet_path);
    free (self->key_folder);
    free (self->key_file);
    self->path = self->fleet_path = self->key_folder = self->key_file = NULL;
}

zloom_node_args_t
zloom_topology_args (const zloom_topology_t *self)
{
    return (zloom_node_args_t){
      .recipe = self->recipe,
      .runtime_dir = self->paths.runtime,
      .fleet = self->fleet,
      .host = self->host,
      .key_file = self->key_file,
    };
}

zloom_err_t
zloom_topology_write_doors (const zloom_topology_t *self)
{
    const zloom_node_args_t args = zloom_topology_args (self);
    char *doors = NULL;
    zloom_err_t err = zloom_node_doors (&args, &doors);
    if (err == ZLOOM_OK) {
        err = zloom_paths_write_endpoint (&self->paths, doors);
    }
    free (doors);
    return err;
}

int
zloom_target_find (const zloom_cli_t *cli, const char *word, zloom_target_t *self)
{
    *self = (zloom_target_t){.flow = ""};
    const char *slash = word ? strchr (word, '/') : NULL;
    const char *flow = slash ? slash + 1 : word;
    size_t name_size = slash ? (size_t) (slash - word) : 0;
    if ((flow && strlen (flow) > ZLOOM_NAME_MAX) || name_size > ZLOOM_NAME_MAX) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "a name has at most %d characters: %s",
                              ZLOOM_NAME_MAX, word);
    }
    if (flow) {
        (void) snprintf (self->flow, sizeof self->flow, "%s", flow);
    }
    if (slash) {
        (void) snprintf (self->topology, sizeof self->topology, "%.*s", (int) name_size, word);
    }
    if (zloom_fleet_is_meant (cli, slash != NULL)) {
        return zloom_fleet_target (cli, self);
    }
    /* A name that is given wins over the environment. */
    const char *state = slash ? NULL : s_state (cli);
    if (slash && zloom_cli_option (cli, "state")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either TOPOLOGY/FLOW or --state");
    }
    if (!slash && !state) {
        zloom_err_t err =
          zloom_paths_only (self->topology, sizeof self->topology, " as TOPOLOGY/FLOW");
        if (err != ZLOOM_OK) {
            return zloom_cli_fail (cli, err);
        }
    }
    zloom_err_t err = zloom_paths_find (self->topology, state, &self->paths);
    if (err == ZLOOM_OK) {
        err = zloom_paths_read_endpoints (&self->paths, &self->endpoints);
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}
