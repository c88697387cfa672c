/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_lint.c - `lint`: everything that is wrong with a recipe, at once. */
#include "commands.h"

#include "patterns/registry.h"
#include "print.h"
#include "recipe/diag.h"
#include "recipe/fleet.h"
#include "topology.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Print the list in the form asked for; text ends with a line that counts. */
static int
s_print (const zloom_cli_t *cli, const zloom_diags_t *diags, const char *path,
         zloom_output_t output)
{
    zloom_buf_t out = {0};
    size_t errors = zloom_diags_errors (diags);
    size_t warnings = zloom_diags_warnings (diags);
    const char *no_colour = getenv ("NO_COLOR");
    if (output == ZLOOM_OUTPUT_TEXT) {
        zloom_diags_text (diags, (!no_colour || !*no_colour) && isatty (STDOUT_FILENO), &out);
        zloom_buf_printf (&out, "%s: %zu error%s, %zu warning%s\n", path, errors,
                          errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    } else {
        zloom_diags_json (diags, &out);
        json_t *list = json_loadb ((const char *) out.data, out.size, 0, NULL);
        zloom_buf_clear (&out);
        size_t index = 0;
        json_t *item = NULL;
        if (output == ZLOOM_OUTPUT_JSON) {
            char *text = json_dumps (list, JSON_INDENT (2));
            zloom_buf_printf (&out, "%s\n", text);
            free (text);
        }
        json_array_foreach (list, index, item)
        {
            char *text = output == ZLOOM_OUTPUT_JSONL ? json_dumps (item, JSON_COMPACT) : NULL;
            if (text) {
                zloom_buf_printf (&out, "%s\n", text);
                free (text);
            }
        }
        json_decref (list);
    }
    int code = zloom_cli_write (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_lint (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    const char *fleet_path = zloom_cli_option (cli, "fleet");
    const char *path = fleet_path ? fleet_path : zloom_cli_word (cli, 0, "RECIPE");
    const char *sets[ZLOOM_CLI_SETS + 1];
    size_t set_count = 0;
    if (!path || !zloom_cli_output (cli, &output) ||
        zloom_topology_sets (cli, sets, &set_count) != ZLOOM_EXIT_OK) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_recipe_options_t options = {.sets = sets,
                                      .set_count = set_count,
                                      .environment = zloom_cli_option (cli, "env") != NULL,
                                      .show_allowed = zloom_cli_option (cli, "all") != NULL,
                                      .socket_dir = zloom_topology_sockets,
                                      .socket_arg = cli};
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    zloom_fleet_t *fleet = NULL;
    const char *recipe_path = cli->word_count > 0 ? cli->words[0] : NULL;
    zloom_err_t err = fleet_path
                        ? zloom_fleet_load (fleet_path, recipe_path, NULL, zloom_registry (),
                                            &options, diags, &fleet, &recipe)
                        : zloom_recipe_load (path, zloom_registry (), &options, diags, &recipe);
    int code = ZLOOM_EXIT_OK;
    if (err == ZLOOM_OK || err == ZLOOM_RECIPE) {
        code = s_print (cli, diags, path, output);
        code = err == ZLOOM_RECIPE ? ZLOOM_EXIT_RECIPE : code;
    } else {
        code = zloom_cli_fail (cli, err);
    }
    zloom_fleet_destroy (&fleet);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
    return code;
}
