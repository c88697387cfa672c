/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_flow.c - `flow`: keys of a keyed flow that do not go on, looked at and released. */
#include "commands.h"

#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys of one request: the router answers in pages. */
#define PAGE 500

typedef struct {
    const zloom_cli_t *cli;
    zloom_client_t *client;
    const char *flow;
    zloom_output_t output;
    int64_t max; /* INT64_MAX: all */
} s_flow_t;

/* ---- parked --------------------------------------------------------------------------------- */

static void
s_parked_row (zloom_buf_t *out, const json_t *row)
{
    json_t *key = json_object_get (row, "key");
    zloom_print_flatten (key);
    char *binary = json_is_string (key) ? NULL : json_dumps (key, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *reason = zloom_print_string (row, "reason");
    zloom_buf_printf (
      out, "%-24s %-8s %8lld %8lld  %.*s\n", binary ? binary : json_string_value (key),
      zloom_print_string (row, "state"), (long long) zloom_print_int (row, "behind"),
      (long long) zloom_print_int (row, "failures"), (int) strcspn (reason, "\n"), reason);
    free (binary);
}

static int
s_parked_page (const s_flow_t *self, const json_t *rows, bool first)
{
    size_t index = 0;
    json_t *row = NULL;
    int code = ZLOOM_EXIT_OK;
    zloom_buf_t out = {0};
    if (first && self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_printf (&out, "%-24s %-8s %8s %8s  %s\n", "key", "state", "behind", "failures",
                          "last cause");
    }
    json_array_foreach (rows, index, row)
    {
        if (self->output == ZLOOM_OUTPUT_TEXT) {
            s_parked_row (&out, row);
        } else {
            code = code ? code : zloom_print_json (self->cli, json_incref (row), false);
        }
    }
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    }
    zloom_buf_fini (&out);
    return code;
}

static int
s_parked (s_flow_t *self)
{
    json_t *all = json_array (); /* for -o json: one array */
    int64_t from = 0;
    int64_t left = self->max;
    int code = ZLOOM_EXIT_OK;
    while (left > 0 && from >= 0 && code == ZLOOM_EXIT_OK) {
        zloom_ask_args_t args = {.count = 0};
        zloom_ask_text (&args, "flow", self->flow);
        zloom_ask_number (&args, "from", from);
        zloom_ask_number (&args, "max", left < PAGE ? left : PAGE);
        json_t *answer = NULL;
        code =
          zloom_ask (self->cli, self->client, "flow parked", &args, ZLOOM_CLI_WAIT_MS, &answer);
        zloom_ask_clear (&args);
        if (code != ZLOOM_EXIT_OK) {
            break;
        }
        json_t *rows = json_object_get (answer, "keys");
        left -= (int64_t) json_array_size (rows);
        if (self->output == ZLOOM_OUTPUT_JSON) {
            json_array_extend (all, rows);
        } else {
            code = s_parked_page (self, rows, from == 0);
        }
        /* A page ends at its count or its size; the last one, or one without a key, is the end. */
        from = json_array_size (rows) > 0 ? zloom_print_int (answer, "next") : -1;
        json_decref (answer);
    }
    if (code == ZLOOM_EXIT_OK && self->output == ZLOOM_OUTPUT_JSON) {
        return zloom_print_json (self->cli, all, true);
    }
    json_decref (all);
    return code;
}

/* ---- release -------------------------------------------------------------------------------- */

static int
s_release (s_flow_t *self)
{
    const bool skip = zloom_cli_option (self->cli, "skip") != NULL;
    const char *key = zloom_cli_option (self->cli, "key");
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "flow", self->flow);
    zloom_ask_bytes (&args, "key", zloom_bytes_text (key));
    zloom_ask_flag (&args, "skip", skip);
    json_t *answer = NULL;
    int code =
      zloom_ask (self->cli, self->client, "flow release", &args, ZLOOM_CLI_WAIT_MS, &answer);
    zloom_ask_clear (&args);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (self->cli, answer, self->output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "key %s goes on%s\n", key,
                      skip ? " without the message that failed" : "");
    code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    json_decref (answer);
    return code;
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run) (s_flow_t *self);
    bool key; /* --key must be given; else it may not */
} s_verbs[] = {{"parked", s_parked, false}, {"release", s_release, true}};

/* What the words and options have to be for this verb; 0, or USAGE after a message. */
static int
s_check (const zloom_cli_t *cli, bool needs_key)
{
    const bool key = zloom_cli_option (cli, "key") != NULL;
    const bool retry = zloom_cli_option (cli, "retry") != NULL;
    const bool skip = zloom_cli_option (cli, "skip") != NULL;
    if (!zloom_cli_word (cli, 1, "FLOW")) {
        return ZLOOM_EXIT_USAGE;
    }
    if (needs_key && !key) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                              "release needs --key KEY (zloom flow parked %s lists them)",
                              cli->words[1]);
    }
    if (retry && skip) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "give either --retry or --skip");
    }
    if (!needs_key && (key || retry || skip)) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--key, --retry and --skip are for release");
    }
    return ZLOOM_EXIT_OK;
}

int
zloom_cmd_flow (zloom_cli_t *cli)
{
    s_flow_t self = {.cli = cli};
    const char *verb = zloom_cli_word (cli, 0, "parked or release");
    if (!verb || !zloom_cli_output (cli, &self.output) ||
        !zloom_cli_int (cli, "max", 1, INT64_MAX, INT64_MAX, &self.max)) {
        return ZLOOM_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof s_verbs / sizeof *s_verbs; i++) {
        if (strcmp (s_verbs[i].name, verb) != 0) {
            continue;
        }
        int code = s_check (cli, s_verbs[i].key);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
        zloom_target_t target;
        code = zloom_session_open (cli, cli->words[1], NULL, false, &target, &self.client);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
        self.flow = target.flow;
        code = s_verbs[i].run (&self);
        (void) zloom_client_close (&self.client, zloom_deadline (1000));
        return code;
    }
    return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "'%s' is none of parked, release", verb);
}
