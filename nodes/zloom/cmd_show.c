/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_show.c - what a recipe comes to: `expand`, `graph`; and what one may say: `schema`. */
#include "commands.h"

#include "patterns/registry.h"
#include "print.h"
#include "recipe/expand.h"
#include "recipe/graph.h"
#include "recipe/schema.h"
#include "topology.h"

#include <string.h>

static int
s_finish (const zloom_cli_t *cli, zloom_topology_t *topology, zloom_buf_t *out)
{
    int code = zloom_cli_write (cli, zloom_buf_bytes (out));
    zloom_buf_fini (out);
    zloom_topology_fini (topology);
    return code;
}

int
zloom_cmd_expand (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_topology_t topology;
    int code = zloom_topology_read (cli, false, NULL, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_buf_t out = {0};
    if (output == ZLOOM_OUTPUT_TEXT) {
        zloom_expand_text (topology.recipe, &out);
    } else {
        zloom_expand_json (topology.recipe, output == ZLOOM_OUTPUT_JSON, &out);
    }
    return s_finish (cli, &topology, &out);
}

int
zloom_cmd_graph (zloom_cli_t *cli)
{
    static const struct {
        const char *name;
        void (*draw) (const zloom_recipe_t *recipe, zloom_buf_t *out);
    } forms[] = {
      {"text", zloom_graph_text}, {"dot", zloom_graph_dot},    {"mermaid", zloom_graph_mermaid},
      {"json", zloom_graph_json}, {"jsonl", zloom_graph_json},
    };
    const char *name = zloom_cli_option (cli, "output");
    size_t form = 0;
    while (name && form < sizeof forms / sizeof *forms && strcmp (forms[form].name, name) != 0) {
        form++;
    }
    if (form == sizeof forms / sizeof *forms) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "--output is text, dot, mermaid, json or jsonl, not '%s'", name);
    }
    zloom_topology_t topology;
    int code = zloom_topology_read (cli, false, NULL, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_buf_t out = {0};
    forms[form].draw (topology.recipe, &out);
    if (strcmp (forms[form].name, "jsonl") == 0) {
        code = zloom_print_json_text (cli, zloom_buf_bytes (&out), ZLOOM_OUTPUT_JSONL);
        zloom_buf_fini (&out);
        zloom_topology_fini (&topology);
        return code;
    }
    return s_finish (cli, &topology, &out);
}

int
zloom_cmd_schema (zloom_cli_t *cli)
{
    bool fragment = zloom_cli_option (cli, "fragment");
    zloom_buf_t out = {0};
    zloom_schema_json (zloom_registry (), fragment ? ZLOOM_SCHEMA_FRAGMENT : ZLOOM_SCHEMA_RECIPE,
                       &out);
    int code = zloom_cli_write (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}
