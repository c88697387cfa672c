/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_explain.c - `explain`: a code, a key, a kind, or what a flow of a recipe promises. */
#include "commands.h"

#include "patterns/registry.h"
#include "print.h"
#include "recipe/explain.h"
#include "topology.h"

#include <string.h>
#include <unistd.h>

/* A word that names a file is the recipe, others are what is to be explained. */
static bool
s_is_recipe (const char *word)
{
    const char *dot = strrchr (word, '.');
    return (dot && (strcmp (dot, ".yaml") == 0 || strcmp (dot, ".yml") == 0)) ||
           (strchr (word, '/') && access (word, R_OK) == 0);
}

/* All flows of the recipe, or the one (or the code, the key) that the second word names. */
static zloom_err_t
s_explain_recipe (const zloom_cli_t *cli, const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    if (cli->word_count > 1) {
        return zloom_explain (zloom_registry (), recipe, cli->words[1], out);
    }
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe) && err == ZLOOM_OK; i++) {
        if (i > 0) {
            zloom_buf_add_text (out, "\n");
        }
        err = zloom_explain_flow (recipe, zloom_recipe_flow_at (recipe, i)->name, out);
    }
    return err;
}

static int
s_print (const zloom_cli_t *cli, zloom_buf_t *out, zloom_output_t output)
{
    if (output == ZLOOM_OUTPUT_TEXT) {
        return zloom_cli_print (cli, zloom_buf_bytes (out));
    }
    const char *flow = cli->word_count > 1 ? cli->words[1] : NULL;
    return zloom_print_json (cli,
                             json_pack ("{s:s, s:s?, s:s}", "subject", cli->words[0], "flow", flow,
                                        "text", zloom_buf_text (out)),
                             output == ZLOOM_OUTPUT_JSON);
}

int
zloom_cmd_explain (zloom_cli_t *cli)
{
    const char *word = zloom_cli_word (cli, 0, "CODE, KEY or RECIPE");
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!word || !zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_buf_t out = {0};
    zloom_err_t err = ZLOOM_OK;
    if (s_is_recipe (word)) {
        zloom_topology_t topology;
        int code = zloom_topology_read (cli, false, NULL, &topology);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
        err = s_explain_recipe (cli, topology.recipe, &out);
        zloom_topology_fini (&topology);
    } else {
        err = zloom_explain (zloom_registry (), NULL, word, &out);
    }
    int code = err == ZLOOM_OK ? s_print (cli, &out, output) : zloom_cli_fail (cli, err);
    zloom_buf_fini (&out);
    return code;
}
