/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_group.c - `group`: who hears a bus, and the end of a durable subscriber that is no more. */
#include "commands.h"

#include "routers.h"
#include "subscribers.h"

#include <string.h>

typedef struct {
    const zloom_cli_t *cli;
    zloom_routers_t routers;
    const char *flow; /* "": all, of all routers */
    zloom_output_t output;
} s_group_t;

static int
s_ask (s_group_t *self, const char *command, const char *group, json_t **answer)
{
    zloom_ask_args_t args = {.count = 0};
    zloom_client_t *client = NULL;
    int code = ZLOOM_EXIT_OK;
    zloom_ask_text (&args, "flow", self->flow[0] ? self->flow : NULL);
    zloom_ask_text (&args, "group", group);
    if (self->flow[0]) {
        code = zloom_routers_find (&self->routers, self->flow, &client);
        code =
          code ? code : zloom_ask (self->cli, client, command, &args, ZLOOM_CLI_WAIT_MS, answer);
    } else {
        code = zloom_routers_ask (&self->routers, command, &args, answer);
    }
    zloom_ask_clear (&args);
    return code;
}

static int
s_print (const s_group_t *self, zloom_buf_t *text)
{
    const int code = zloom_cli_print (self->cli, zloom_buf_bytes (text));
    zloom_buf_fini (text);
    return code;
}

static int
s_ls (s_group_t *self)
{
    json_t *answer = NULL;
    int code = s_ask (self, "group ls", NULL, &answer);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    json_t *rows = json_object_get (answer, "subscribers");
    if (self->output == ZLOOM_OUTPUT_JSON) {
        code = zloom_print_json (self->cli, json_incref (rows), true);
    } else if (self->output == ZLOOM_OUTPUT_JSONL) {
        size_t index = 0;
        json_t *row = NULL;
        json_array_foreach (rows, index, row)
        {
            code = code ? code : zloom_print_json (self->cli, json_incref (row), false);
        }
    } else {
        zloom_buf_t out = {0};
        zloom_print_flatten (rows);
        zloom_subscribers_text (&out, rows);
        if (out.size == 0 && self->flow[0]) {
            zloom_buf_printf (&out, "nobody hears %s; only a bus is heard\n", self->flow);
        } else if (out.size == 0) {
            zloom_buf_add_text (&out, "nobody hears a bus here\n");
        }
        code = s_print (self, &out);
    }
    json_decref (answer);
    return code || self->flow[0] ? code : zloom_routers_left_out (&self->routers);
}

static int
s_drop (s_group_t *self)
{
    const char *group = self->cli->words[2];
    json_t *answer = NULL;
    const int code = s_ask (self, "group drop", group, &answer);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (self->cli, answer, self->output == ZLOOM_OUTPUT_JSON);
    }
    json_decref (answer);
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "%s/%s is forgotten, and what waited for it\n", self->flow, group);
    return s_print (self, &out);
}

int
zloom_cmd_group (zloom_cli_t *cli)
{
    s_group_t self = {.cli = cli};
    const char *verb = zloom_cli_word (cli, 0, "ls or drop");
    if (!verb || !zloom_cli_output (cli, &self.output)) {
        return ZLOOM_EXIT_USAGE;
    }
    const bool drops = strcmp (verb, "drop") == 0;
    if (!drops && strcmp (verb, "ls") != 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "'%s' is none of ls, drop", verb);
    }
    if (drops && (!zloom_cli_word (cli, 1, "FLOW") || !zloom_cli_word (cli, 2, "GROUP"))) {
        return ZLOOM_EXIT_USAGE;
    }
    if (drops && !zloom_cli_option (cli, "yes")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "what waits for '%s' is lost with it; say --yes if that is meant",
                              cli->words[2]);
    }
    zloom_target_t target;
    int code = zloom_target_find (cli, cli->word_count > 1 ? cli->words[1] : NULL, &target);
    code =
      code ? code : zloom_routers_open (cli, &target.endpoints, ZLOOM_CLI_WAIT_MS, &self.routers);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    self.flow = target.flow;
    code = drops ? s_drop (&self) : s_ls (&self);
    zloom_routers_close (&self.routers);
    return code;
}
