/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_stats.c - `stats`: what the router counts, as a table for people or as JSON. */
#include "commands.h"

#include "base/units.h"
#include "routers.h"
#include "subscribers.h"
#include "view.h"

#include <stdlib.h>

static void
s_flow_line (zloom_buf_t *out, const json_t *flow)
{
    char age[48] = "-";
    const char *router = zloom_print_string (flow, "router"); /* "" where there is only one */
    int64_t oldest_ms = zloom_print_int (flow, "oldest_ms");
    if (oldest_ms > 0) {
        zloom_view_time (oldest_ms, age);
    }
    zloom_buf_printf (
      out, "%-16s %-7s %9lld %7lld %8lld %10lld %8lld %7lld %10s%s%s%s%s",
      zloom_print_string (flow, "name"), zloom_print_string (flow, "confirm"),
      (long long) zloom_print_int (flow, "ready"), (long long) zloom_print_int (flow, "leased"),
      (long long) zloom_print_int (flow, "waiting"), (long long) zloom_print_int (flow, "acked"),
      (long long) zloom_print_int (flow, "failures"), (long long) zloom_print_int (flow, "dead"),
      age, router[0] ? " on " : "", router,
      json_is_true (json_object_get (flow, "paused")) ? " paused" : "",
      json_is_true (json_object_get (flow, "draining")) ? " draining" : "");
    int64_t lost = zloom_print_int (flow, "lost");
    if (lost > 0) {
        zloom_buf_printf (out, " %lld LOST", (long long) lost);
    }
    zloom_buf_add_text (out, "\n");
}

/* One flow in full: every counter with its name. */
static void
s_flow_whole (zloom_buf_t *out, json_t *flow)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (flow, name, value)
    {
        char *text = json_is_string (value) ? NULL : json_dumps (value, JSON_ENCODE_ANY);
        zloom_buf_printf (out, "%-16s %s\n", name, text ? text : zloom_print_string (flow, name));
        free (text);
    }
}

static void
s_session_lines (zloom_buf_t *out, const json_t *sessions)
{
    size_t index = 0;
    json_t *session = NULL;
    zloom_buf_printf (out, "\n%-24s %-10s  %s\n", "session", "role", "takes from");
    json_array_foreach (sessions, index, session)
    {
        zloom_buf_printf (out, "%-24s %-10s ", zloom_print_string (session, "name"),
                          zloom_print_string (session, "role"));
        if (json_array_size (json_object_get (session, "consumes")) == 0) {
            zloom_buf_add_text (out, " -");
        }
        size_t at = 0;
        json_t *pair = NULL;
        json_array_foreach (json_object_get (session, "consumes"), at, pair)
        {
            zloom_buf_printf (out, " %s", json_string_value (json_array_get (pair, 0)));
        }
        zloom_buf_add_text (out, "\n");
    }
}

static void
s_journal_line (zloom_buf_t *out, const char *router, const json_t *stats)
{
    const json_t *journal = json_object_get (stats, "journal");
    char sync[48];
    char hot[48];
    char cold[48];
    if (zloom_print_int (journal, "hot_bytes") == 0) {
        return; /* an edge has none: it hands on from memory */
    }
    zloom_buf_printf (
      out, "\n%s%sjournal: boot %lld, %lld groups, last sync %s, hot %s, cold %s, holes %lld%s\n",
      router, router[0] ? "'s " : "", (long long) zloom_print_int (stats, "boot"),
      (long long) zloom_print_int (journal, "groups"),
      zloom_view_span (zloom_print_int (journal, "last_sync_ns"), sync),
      zloom_size_text (zloom_print_int (journal, "hot_bytes"), hot),
      zloom_size_text (zloom_print_int (journal, "cold_bytes"), cold),
      (long long) zloom_print_int (journal, "holes"),
      json_is_true (json_object_get (journal, "disk_full")) ? ", DISK FULL" : "");
}

static void
s_text (zloom_buf_t *out, json_t *stats, bool one)
{
    json_t *flows = json_object_get (stats, "flows");
    if (one && json_array_size (flows) == 1) {
        s_flow_whole (out, json_array_get (flows, 0));
        zloom_subscribers_text (out, json_object_get (stats, "subscribers"));
        return;
    }
    zloom_buf_printf (out, "%-16s %-7s %9s %7s %8s %10s %8s %7s %10s\n", "flow", "confirm", "ready",
                      "leased", "waiting", "acked", "failures", "dead", "oldest");
    size_t index = 0;
    json_t *flow = NULL;
    json_array_foreach (flows, index, flow)
    {
        s_flow_line (out, flow);
    }
    zloom_subscribers_text (out, json_object_get (stats, "subscribers"));
    s_session_lines (out, json_object_get (stats, "sessions"));
    /* Of several routers each has one. */
    const json_t *routers = json_object_get (stats, "routers");
    const json_t *router = NULL;
    if (!routers) {
        s_journal_line (out, "", stats);
    }
    json_array_foreach (routers, index, router)
    {
        s_journal_line (out, zloom_print_string (router, "router"), router);
    }
}

static int
s_print (const zloom_cli_t *cli, json_t *stats, zloom_output_t output, bool one)
{
    if (output == ZLOOM_OUTPUT_JSON) {
        return zloom_print_json (cli, json_incref (stats), true);
    }
    if (output == ZLOOM_OUTPUT_JSONL) {
        int code = ZLOOM_EXIT_OK;
        size_t index = 0;
        json_t *flow = NULL;
        json_array_foreach (json_object_get (stats, "flows"), index, flow)
        {
            code = code ? code : zloom_print_json (cli, json_incref (flow), false);
        }
        return code;
    }
    zloom_buf_t out = {0};
    zloom_print_flatten (stats);
    s_text (&out, stats, one);
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_stats (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_target_t target;
    zloom_routers_t routers = {.cli = cli};
    int code = zloom_target_find (cli, cli->word_count ? cli->words[0] : NULL, &target);
    code = code ? code : zloom_routers_open (cli, &target.endpoints, ZLOOM_CLI_WAIT_MS, &routers);
    const bool one = target.flow[0] != 0;
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "flow", one ? target.flow : NULL);
    json_t *stats = NULL;
    zloom_client_t *client = NULL;
    if (code == ZLOOM_EXIT_OK && one) {
        code = zloom_routers_find (&routers, target.flow, &client);
        code = code ? code : zloom_ask (cli, client, "stats", &args, ZLOOM_CLI_WAIT_MS, &stats);
    } else if (code == ZLOOM_EXIT_OK) {
        code = zloom_routers_ask (&routers, "stats", &args, &stats);
    }
    if (code == ZLOOM_EXIT_OK) {
        code = s_print (cli, stats, output, one);
        code = code || one ? code : zloom_routers_left_out (&routers);
        json_decref (stats);
    }
    zloom_ask_clear (&args);
    zloom_routers_close (&routers);
    return code;
}
