/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_dlq.c - `dlq`: dead letters looked at, put back, deleted. */
#include "commands.h"

#include "base/clock.h"
#include "base/units.h"
#include "routers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages of one request: the router answers in pages. */
#define PAGE 500
/* A requeue at a low rate takes its time: long enough, and Ctrl-C ends the waiting. */
#define MOVE_MS (INT64_C (7) * 24 * 3600 * 1000)

typedef struct {
    const zloom_cli_t *cli;
    zloom_client_t *client;
    const zloom_endpoints_t *endpoints; /* of all routers */
    const char *flow;
    zloom_output_t output;
    int64_t max; /* INT64_MAX: all */
    int64_t rate;
} s_dlq_t;

/* What every request names; `from` and `page` where they are not negative. */
static void
s_args (const s_dlq_t *self, zloom_ask_args_t *args, int64_t from, int64_t page)
{
    zloom_ask_text (args, "flow", self->flow[0] ? self->flow : NULL);
    zloom_ask_text (args, "id", zloom_cli_option (self->cli, "id"));
    zloom_ask_text (args, "reason", zloom_cli_option (self->cli, "reason"));
    if (from >= 0) {
        zloom_ask_number (args, "from", from);
    }
    if (page >= 0) {
        zloom_ask_number (args, "max", page);
    }
}

/* ---- ls ------------------------------------------------------------------------------------- */

static void
s_ls_text (zloom_buf_t *out, const json_t *flows)
{
    size_t index = 0;
    json_t *flow = NULL;
    zloom_buf_printf (out, "%-20s %9s  %s\n", "flow", "letters", "by reason");
    json_array_foreach (flows, index, flow)
    {
        zloom_buf_printf (out, "%-20s %9lld ", zloom_print_string (flow, "name"),
                          (long long) zloom_print_int (flow, "messages"));
        const char *reason = NULL;
        json_t *count = NULL;
        json_object_foreach (json_object_get (flow, "reasons"), reason, count)
        {
            zloom_buf_printf (out, " %s %lld", reason, (long long) json_integer_value (count));
        }
        zloom_buf_add_text (out,
                            json_object_size (json_object_get (flow, "reasons")) ? "\n" : " -\n");
    }
}

static int
s_ls (s_dlq_t *self)
{
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "flow", self->flow[0] ? self->flow : NULL);
    json_t *answer = NULL;
    zloom_routers_t routers = {.cli = self->cli};
    int code = ZLOOM_EXIT_OK;
    int left_out = ZLOOM_EXIT_OK;
    if (self->flow[0]) {
        code = zloom_ask (self->cli, self->client, "dlq ls", &args, ZLOOM_CLI_WAIT_MS, &answer);
    } else {
        code = zloom_routers_open (self->cli, self->endpoints, ZLOOM_CLI_WAIT_MS, &routers);
        code = code ? code : zloom_routers_ask (&routers, "dlq ls", &args, &answer);
        left_out = zloom_routers_left_out (&routers);
        zloom_routers_close (&routers);
    }
    zloom_ask_clear (&args);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    json_t *flows = json_object_get (answer, "flows");
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_t out = {0};
        zloom_print_flatten (flows);
        s_ls_text (&out, flows);
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
    } else if (self->output == ZLOOM_OUTPUT_JSON) {
        code = zloom_print_json (self->cli, json_incref (flows), true);
    } else {
        size_t index = 0;
        json_t *flow = NULL;
        json_array_foreach (flows, index, flow)
        {
            code = code ? code : zloom_print_json (self->cli, json_incref (flow), false);
        }
    }
    json_decref (answer);
    return code ? code : left_out;
}

/* ---- none ----------------------------------------------------------------------------------- */

/* One list of what the router answers of the flow; NULL: it does not let this key look. */
static json_t *
s_look (const s_dlq_t *self, const char *command)
{
    zloom_ask_args_t args = {.count = 0};
    json_t *answer = NULL;
    zloom_ask_text (&args, "flow", self->flow);
    (void) zloom_ask_only (self->client, command, &args, ZLOOM_CLI_WAIT_MS, &answer);
    zloom_ask_clear (&args);
    json_t *row = json_incref (json_array_get (json_object_get (answer, "flows"), 0));
    json_decref (answer);
    return row;
}

/* For people: nothing was found, and where it may be. */
static void
s_tell_none (const s_dlq_t *self)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return;
    }
    json_t *row = s_look (self, "dlq ls");
    json_t *stats = s_look (self, "stats");
    const long long messages = (long long) zloom_print_int (row, "messages");
    zloom_print_flatten (stats);
    const char *other = zloom_print_string (stats, "dead_letter");
    if (messages > 0) {
        (void) zloom_cli_say (self->cli, ZLOOM_EXIT_OK,
                              "none of the %lld in %s is one of those; zloom dlq ls %s", messages,
                              self->flow, self->flow);
    } else if (other[0]) {
        (void) zloom_cli_say (self->cli, ZLOOM_EXIT_OK,
                              "%s holds no dead letters: what it gives up goes to %s", self->flow,
                              other);
    } else {
        (void) zloom_cli_say (self->cli, ZLOOM_EXIT_OK, "%s holds no dead letters", self->flow);
    }
    json_decref (row);
    json_decref (stats);
}

/* ---- show ----------------------------------------------------------------------------------- */

/* "key "c-7"" behind what stands there; returns what stands before the next one. */
static const char *
s_add_value (zloom_buf_t *out, const char *before, const char *name, const json_t *value)
{
    char *text = value ? json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (text) {
        zloom_buf_printf (out, "%s%s %s", before, name, text);
    }
    free (text);
    return value ? ", " : before;
}

/* The same of a time: "due 10m after it was sent". */
static const char *
s_add_span (zloom_buf_t *out, const char *before, const char *name, const json_t *ms)
{
    char text[48];
    if (!ms) {
        return before;
    }
    const int64_t most = INT64_MAX / ZLOOM_NS_PER_MS;
    const int64_t span = json_integer_value (ms) < most ? json_integer_value (ms) : most;
    zloom_buf_printf (out, "%s%s %s after it was sent", before, name,
                      zloom_duration_text (span * ZLOOM_NS_PER_MS, text));
    return ", ";
}

/* A line of what the sender asked for; none if it asked for nothing. */
static void
s_asked_text (zloom_buf_t *out, const json_t *message)
{
    const char *before = "\n  ";
    before = s_add_value (out, before, "key", json_object_get (message, "key"));
    before = s_add_value (out, before, "id", json_object_get (message, "own_id"));
    before = s_add_value (out, before, "priority", json_object_get (message, "priority"));
    before = s_add_span (out, before, "due", json_object_get (message, "delay_ms"));
    (void) s_add_span (out, before, "expires", json_object_get (message, "expires_ms"));
}

static void
s_show_text (zloom_buf_t *out, const json_t *message)
{
    zloom_print_flatten (json_object_get (message, "id"));
    zloom_buf_printf (out, "%s", zloom_print_string (message, "id"));
    int64_t requeued = zloom_print_int (message, "requeued");
    if (requeued) {
        zloom_buf_printf (out, " (requeued %lld time%s)", (long long) requeued,
                          requeued == 1 ? "" : "s");
    }
    s_asked_text (out, message);
    size_t index = 0;
    json_t *cause = NULL;
    json_array_foreach (json_object_get (message, "causes"), index, cause)
    {
        int64_t count = zloom_print_int (cause, "count");
        zloom_buf_printf (out, "\n  %s in %s", zloom_print_string (cause, "reason"),
                          zloom_print_string (cause, "flow"));
        if (count > 1) {
            zloom_buf_printf (out, ", %lld times", (long long) count);
        }
        const char *text = zloom_print_string (cause, "text");
        if (*text) {
            zloom_buf_printf (out, ": %.*s", (int) strcspn (text, "\n"), text);
        }
    }
    char *body = json_dumps (json_object_get (message, "body"), JSON_ENCODE_ANY | JSON_COMPACT);
    zloom_buf_printf (out, "\n  %s\n", body ? body : "");
    free (body);
}

static int
s_show_page (const s_dlq_t *self, json_t *messages)
{
    size_t index = 0;
    json_t *message = NULL;
    int code = ZLOOM_EXIT_OK;
    zloom_buf_t out = {0};
    json_array_foreach (messages, index, message)
    {
        if (self->output == ZLOOM_OUTPUT_TEXT) {
            s_show_text (&out, message);
        } else {
            code = code ? code : zloom_print_json (self->cli, json_incref (message), false);
        }
    }
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    }
    zloom_buf_fini (&out);
    return code;
}

static int
s_show (s_dlq_t *self)
{
    json_t *all = json_array (); /* for -o json: one array */
    int64_t from = 0;
    int64_t left = self->max;
    int code = ZLOOM_EXIT_OK;
    while (left > 0 && code == ZLOOM_EXIT_OK && from >= 0) {
        zloom_ask_args_t args = {.count = 0};
        s_args (self, &args, from, left < PAGE ? left : PAGE);
        json_t *answer = NULL;
        code = zloom_ask (self->cli, self->client, "dlq show", &args, ZLOOM_CLI_WAIT_MS, &answer);
        zloom_ask_clear (&args);
        if (code != ZLOOM_EXIT_OK) {
            break;
        }
        json_t *messages = json_object_get (answer, "messages");
        size_t index = 0;
        json_t *message = NULL;
        json_array_foreach (messages, index, message)
        {
            zloom_print_history (message);
        }
        left -= (int64_t) json_array_size (messages);
        if (self->output == ZLOOM_OUTPUT_JSON) {
            json_array_extend (all, messages);
        } else {
            code = s_show_page (self, messages);
        }
        /* A page ends at its count or its size; one without a message is the end. */
        from = json_array_size (messages) > 0 ? zloom_print_int (answer, "next") : -1;
        json_decref (answer);
    }
    if (code == ZLOOM_EXIT_OK && left == self->max) {
        s_tell_none (self);
    }
    if (code == ZLOOM_EXIT_OK && self->output == ZLOOM_OUTPUT_JSON) {
        return zloom_print_json (self->cli, all, true);
    }
    json_decref (all);
    return code;
}

/* ---- requeue, purge ------------------------------------------------------------------------- */

static void
s_sum (json_t *whole, const json_t *answer)
{
    static const char *const names[] = {"matched", "moved", "refused", "capped"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t sum = zloom_print_int (whole, names[i]) + zloom_print_int (answer, names[i]);
        json_object_set_new (whole, names[i], json_integer (sum));
    }
}

static int
s_report (const s_dlq_t *self, const char *done, json_t *whole, bool dry)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (self->cli, whole, self->output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    zloom_buf_printf (&out, "%lld matched, %lld %s%s",
                      (long long) zloom_print_int (whole, "matched"),
                      (long long) zloom_print_int (whole, "moved"), dry ? "would be " : "", done);
    if (zloom_print_int (whole, "capped")) {
        zloom_buf_printf (&out, ", %lld stay: requeued too often",
                          (long long) zloom_print_int (whole, "capped"));
    }
    if (zloom_print_int (whole, "refused")) {
        zloom_buf_printf (&out, ", %lld stay: their flow did not take them",
                          (long long) zloom_print_int (whole, "refused"));
    }
    zloom_buf_add_text (&out, "\n");
    int code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    json_decref (whole);
    return code;
}

static int
s_move (s_dlq_t *self, const char *command, const char *done)
{
    bool dry = zloom_cli_option (self->cli, "dry-run") != NULL;
    json_t *whole = json_object ();
    zloom_ask_args_t args = {.count = 0};
    s_args (self, &args, -1, self->max == INT64_MAX ? -1 : self->max);
    if (dry) {
        zloom_ask_number (&args, "dry_run", 1);
    }
    if (self->rate > 0) {
        zloom_ask_number (&args, "rate", self->rate);
    }
    json_t *answer = NULL;
    int code = zloom_ask (self->cli, self->client, command, &args, MOVE_MS, &answer);
    zloom_ask_clear (&args);
    if (code != ZLOOM_EXIT_OK) {
        json_decref (whole);
        return code;
    }
    s_sum (whole, answer);
    json_decref (answer);
    if (dry) {
        int64_t would = zloom_print_int (whole, "matched") - zloom_print_int (whole, "capped");
        json_object_set_new (whole, "moved", json_integer (would));
    }
    if (zloom_print_int (whole, "matched") == 0) {
        s_tell_none (self);
    }
    return s_report (self, done, whole, dry);
}

static int
s_purge (s_dlq_t *self)
{
    if (!zloom_cli_option (self->cli, "yes") && !zloom_cli_option (self->cli, "dry-run")) {
        if (!isatty (STDIN_FILENO)) {
            return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE,
                                  "purge deletes dead letters for good: add --yes, or look first "
                                  "with --dry-run");
        }
        char answer[16] = "";
        fprintf (stderr, "Delete dead letters of %s for good? [y/N] ", self->flow);
        if (!fgets (answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
            return zloom_cli_say (self->cli, ZLOOM_EXIT_FAILED, "nothing was deleted");
        }
    }
    return s_move (self, "dlq purge", "deleted");
}

static int
s_requeue (s_dlq_t *self)
{
    return s_move (self, "dlq requeue", "requeued");
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool flow; /* must be named */
    int (*run) (s_dlq_t *self);
} s_verbs[] = {{"ls", false, s_ls},
               {"show", true, s_show},
               {"requeue", true, s_requeue},
               {"purge", true, s_purge}};

int
zloom_cmd_dlq (zloom_cli_t *cli)
{
    s_dlq_t self = {.cli = cli};
    const char *verb = zloom_cli_word (cli, 0, "ls, show, requeue or purge");
    if (!verb || !zloom_cli_output (cli, &self.output) ||
        !zloom_cli_int (cli, "max", 1, INT64_MAX, INT64_MAX, &self.max) ||
        !zloom_cli_int (cli, "rate", 1, 1000000, 0, &self.rate)) {
        return ZLOOM_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof s_verbs / sizeof *s_verbs; i++) {
        if (strcmp (s_verbs[i].name, verb) != 0) {
            continue;
        }
        if (s_verbs[i].flow && !zloom_cli_word (cli, 1, "FLOW")) {
            return ZLOOM_EXIT_USAGE;
        }
        zloom_target_t target;
        int code = zloom_session_open (cli, cli->word_count > 1 ? cli->words[1] : NULL, NULL, false,
                                       &target, &self.client);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
        self.flow = target.flow;
        self.endpoints = &target.endpoints;
        code = s_verbs[i].run (&self);
        (void) zloom_client_close (&self.client, zloom_deadline (1000));
        return code;
    }
    return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "'%s' is none of ls, show, requeue, purge", verb);
}
