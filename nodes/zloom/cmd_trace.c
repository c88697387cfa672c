/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_trace.c - `trace`: where one message is, and what it has been through. */
#include "commands.h"

#include "base/units.h"
#include "base/when.h"
#include "routers.h"
#include "subscribers.h"
#include "trail.h"
#include "view.h"
#include "wire/source.h"

#include <stdlib.h>
#include <string.h>

/* A walk over all that is stored may read it from the disk. */
#define WALK_MS 60000

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    zloom_client_t *client;
    const char *id; /* NULL: by flow and number */
    const char *flow;
    int64_t seq;
    json_t *answer;
} s_trace_t;

/* ---- asking --------------------------------------------------------------------------------- */

/* Append what the router says to what is known already. */
static int
s_ask (s_trace_t *self, const char *id, const char *flow, int64_t seq)
{
    zloom_ask_args_t args = {.count = 0};
    json_t *answer = NULL;
    if (id) {
        zloom_ask_text (&args, "id", id);
    } else {
        zloom_ask_text (&args, "flow", flow);
        zloom_ask_number (&args, "seq", seq);
    }
    const int code = zloom_ask (self->cli, self->client, "trace", &args, WALK_MS, &answer);
    zloom_ask_clear (&args);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const bool receipts = zloom_cli_option (self->cli, "receipts") != NULL;
    const int asked =
      receipts ? zloom_receipts_ask (self->cli, self->client, json_object_get (answer, "messages"))
               : ZLOOM_EXIT_OK;
    if (asked != ZLOOM_EXIT_OK) {
        json_decref (answer);
        return asked;
    }
    if (!self->answer) {
        self->answer = answer;
        return ZLOOM_EXIT_OK;
    }
    json_array_extend (json_object_get (self->answer, "messages"),
                       json_object_get (answer, "messages"));
    json_decref (answer);
    return ZLOOM_EXIT_OK;
}

/*
 * "LOG/FLOW/NUMBER" is what a worker has emitted into FLOW here: so its number there is known, even
 * when it has left. The flow is copied; false: the id is no such one.
 */
static bool
s_is_emitted (const s_trace_t *self, char flow[ZLOOM_VIEW_NAME], int64_t *seq)
{
    zloom_origin_t origin;
    const char *log = zloom_print_string (self->answer, "log");
    const size_t size = strlen (log);
    if (!self->id || size == 0 || zloom_origin_parse (self->id, &origin) != ZLOOM_OK ||
        origin.producer.size <= size + 1 || origin.producer.size - size - 1 >= ZLOOM_VIEW_NAME ||
        memcmp (origin.producer.data, log, size) != 0 || origin.producer.data[size] != '/') {
        return false;
    }
    (void) snprintf (flow, ZLOOM_VIEW_NAME, "%.*s", (int) (origin.producer.size - size - 1),
                     (const char *) origin.producer.data + size + 1);
    *seq = (int64_t) origin.id;
    return origin.id <= INT64_MAX;
}

static int
s_ask_all (s_trace_t *self)
{
    char flow[ZLOOM_VIEW_NAME];
    int64_t seq = 0;
    int code = s_ask (self, self->id, self->flow, self->seq);
    if (code != ZLOOM_EXIT_OK || !s_is_emitted (self, flow, &seq)) {
        return code;
    }
    /* It stands in its own flow, or has left it: what is found there already is not said twice. */
    size_t index = 0;
    const json_t *message = NULL;
    if (json_array_size (json_object_get (self->answer, "trail")) > 0) {
        return ZLOOM_EXIT_OK;
    }
    json_array_foreach (json_object_get (self->answer, "messages"), index, message)
    {
        if (strcmp (zloom_print_string (message, "flow"), flow) == 0) {
            return ZLOOM_EXIT_OK;
        }
    }
    return s_ask (self, NULL, flow, seq);
}

/* Put what one router said to what others have said. */
static void
s_join (json_t *whole, const json_t *answer)
{
    static const char *const lists[] = {"messages", "taken", "trail"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        json_t *list = json_object_get (answer, lists[i]);
        if (list && !json_object_get (whole, lists[i])) {
            json_object_set (whole, lists[i], list);
        } else if (list) {
            json_array_extend (json_object_get (whole, lists[i]), list);
        }
    }
    json_object_set_new (
      whole, "scanned",
      json_integer (zloom_print_int (whole, "scanned") + zloom_print_int (answer, "scanned")));
}

/*
 * An id may be known to any of the routers, and each knows what its own workers have emitted. One
 * that does not let this key look has said so, and the others tell what they know.
 */
static int
s_ask_each (s_trace_t *self, zloom_routers_t *routers)
{
    json_t *whole = NULL;
    int code = ZLOOM_EXIT_OK;
    zloom_routers_all (routers);
    for (size_t i = 0;
         i < routers->count && (code == ZLOOM_EXIT_OK || code == ZLOOM_EXIT_PERMISSION); i++) {
        self->client = routers->clients[i];
        self->answer = NULL;
        code = s_ask_all (self);
        if (!whole) {
            whole = self->answer;
        } else if (self->answer) {
            s_join (whole, self->answer);
            json_decref (self->answer);
        }
    }
    self->answer = whole;
    return code == ZLOOM_EXIT_PERMISSION && whole ? ZLOOM_EXIT_OK : code;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void
s_place_text (const json_t *message, zloom_buf_t *out)
{
    if (strcmp (zloom_print_string (message, "place"), "gone") == 0) {
        zloom_buf_add_text (out, "has left the flow: acknowledged, dead, expired or purged; which "
                                 "one is kept only of what was sent with --trace");
    } else {
        zloom_place_text (message, out);
    }
}

static void
s_cause_text (const json_t *cause, zloom_buf_t *out)
{
    char when[40];
    const char *text = zloom_print_string (cause, "text");
    zloom_buf_printf (out, "    %lld x %s in %s, last at %s",
                      (long long) zloom_print_int (cause, "count"),
                      zloom_print_string (cause, "reason"), zloom_print_string (cause, "flow"),
                      zloom_local_text (zloom_print_int (cause, "last_wall_ns"), when));
    if (json_is_integer (json_object_get (cause, "exit"))) {
        zloom_buf_printf (out, ", exit code %lld", (long long) zloom_print_int (cause, "exit"));
    }
    if (json_is_integer (json_object_get (cause, "signal"))) {
        zloom_buf_printf (out, ", signal %lld", (long long) zloom_print_int (cause, "signal"));
    }
    zloom_buf_printf (out, "%s%.*s\n", text[0] ? ": " : "", (int) strcspn (text, "\n"), text);
}

static void
s_message_text (const json_t *message, zloom_buf_t *out)
{
    const int64_t failures = zloom_print_int (message, "failures");
    const int64_t requeued = zloom_print_int (message, "requeued");
    size_t index = 0;
    const json_t *cause = NULL;
    char when[40];
    zloom_buf_printf (out, "%s, number %lld: ", zloom_print_string (message, "flow"),
                      (long long) zloom_print_int (message, "seq"));
    s_place_text (message, out);
    zloom_buf_add_text (out, "\n");
    if (json_is_string (json_object_get (message, "id"))) {
        zloom_buf_printf (out, "    %s, sent at %s\n", zloom_print_string (message, "id"),
                          zloom_local_text (zloom_print_int (message, "base_time"), when));
    }
    if (failures > 0) {
        zloom_buf_printf (out, "    %lld failure%s counted in this flow\n", (long long) failures,
                          failures == 1 ? "" : "s");
    }
    json_array_foreach (json_object_get (message, "causes"), index, cause)
    {
        s_cause_text (cause, out);
    }
    if (requeued > 0) {
        zloom_buf_printf (out, "    put back from the dead letters %lld time%s\n",
                          (long long) requeued, requeued == 1 ? "" : "s");
    }
}

/* Nothing of it is there: what can be said from what flows know of its producer. */
static void
s_absent_text (const s_trace_t *self, const zloom_origin_t *origin, zloom_buf_t *out)
{
    const json_t *taken = json_object_get (self->answer, "taken");
    size_t index = 0;
    const json_t *row = NULL;
    json_array_foreach (taken, index, row)
    {
        const int64_t high = zloom_print_int (row, "high");
        if ((int64_t) origin->id <= high) {
            zloom_buf_printf (
              out,
              "%s: taken (it has ids up to %lld of this producer) and not there any "
              "more: acknowledged, expired or purged; which one is kept only of what was sent "
              "with --trace\n",
              zloom_print_string (row, "flow"), (long long) high);
        } else {
            zloom_buf_printf (out, "%s: not taken yet; it has ids up to %lld of this producer\n",
                              zloom_print_string (row, "flow"), (long long) high);
        }
    }
    if (json_array_size (taken) == 0) {
        zloom_buf_add_text (out, "no flow knows this producer: it never sent anything here, or not "
                                 "for a long time\n");
    }
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* Whether anything at all is known of it. */
static bool
s_is_known (const s_trace_t *self, const zloom_origin_t *origin)
{
    size_t index = 0;
    const json_t *row = NULL;
    if (json_array_size (json_object_get (self->answer, "trail")) > 0) {
        return true;
    }
    json_array_foreach (json_object_get (self->answer, "messages"), index, row)
    {
        if (strcmp (zloom_print_string (row, "place"), "never given") != 0) {
            return true;
        }
    }
    json_array_foreach (json_object_get (self->answer, "taken"), index, row)
    {
        if ((int64_t) origin->id <= zloom_print_int (row, "high")) {
            return true;
        }
    }
    return false;
}

/* The way, if it was traced; then what stands somewhere and is not on it. */
static void
s_text (const s_trace_t *self, const zloom_origin_t *origin, zloom_buf_t *out)
{
    const json_t *messages = json_object_get (self->answer, "messages");
    const json_t *trail = json_object_get (self->answer, "trail");
    const int64_t more = zloom_print_int (self->answer, "trail_more");
    size_t index = 0;
    const json_t *message = NULL;
    zloom_trail_text (trail, out);
    if (more > 0) {
        zloom_buf_printf (out, "... and %lld more that came of it\n", (long long) more);
    }
    json_array_foreach (messages, index, message)
    {
        if (!zloom_trail_has (trail, message)) {
            s_message_text (message, out);
        }
    }
    zloom_receipts_text (out, messages);
    if (json_array_size (messages) == 0 && json_array_size (trail) == 0) {
        s_absent_text (self, origin, out);
    }
}

static int
s_print (const s_trace_t *self, const zloom_origin_t *origin)
{
    json_t *messages = json_object_get (self->answer, "messages");
    json_t *trail = json_object_get (self->answer, "trail");
    size_t index = 0;
    json_t *message = NULL;
    json_array_foreach (messages, index, message)
    {
        zloom_print_history (message);
    }
    json_array_foreach (trail, index, message)
    {
        zloom_print_history (message);
    }
    const bool known = s_is_known (self, origin);
    int code = ZLOOM_EXIT_OK;
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        json_object_set_new (self->answer, "known", json_boolean (known));
        code = zloom_print_json (self->cli, json_incref (self->answer),
                                 self->output == ZLOOM_OUTPUT_JSON);
    } else {
        zloom_buf_t out = {0};
        zloom_print_flatten (self->answer);
        s_text (self, origin, &out);
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
    }
    return code == ZLOOM_EXIT_OK && !known ? ZLOOM_EXIT_FAILED : code;
}

int
zloom_cmd_trace (zloom_cli_t *cli)
{
    s_trace_t self = {.cli = cli};
    zloom_origin_t origin = {.id = 0};
    const char *word = zloom_cli_word (cli, 0, "ID, or FLOW and NUMBER");
    const bool by_number = cli->word_count > 1;
    if (!word || !zloom_cli_output (cli, &self.output)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (by_number && (zloom_parse_int (cli->words[1], &self.seq) != ZLOOM_OK || self.seq < 1)) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "NUMBER is a whole number from 1 on, not '%s'",
                              cli->words[1]);
    }
    if (!by_number && zloom_origin_parse (word, &origin) != ZLOOM_OK) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "%s; an ID is PRODUCER/NUMBER", zloom_note ());
    }
    zloom_target_t target;
    zloom_routers_t routers = {.cli = cli};
    int code = zloom_target_find (cli, by_number ? word : NULL, &target);
    code = code ? code : zloom_routers_open (cli, &target.endpoints, ZLOOM_CLI_WAIT_MS, &routers);
    self.id = by_number ? NULL : word;
    self.flow = target.flow;
    if (code == ZLOOM_EXIT_OK && by_number) {
        code = zloom_routers_find (&routers, target.flow, &self.client);
        code = code ? code : s_ask_all (&self);
    } else if (code == ZLOOM_EXIT_OK) {
        code = s_ask_each (&self, &routers);
    }
    if (code == ZLOOM_EXIT_OK) {
        code = s_print (&self, &origin);
    }
    json_decref (self.answer);
    zloom_routers_close (&routers);
    return code;
}
