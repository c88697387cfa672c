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
/* So long what the others know is not shown, so that all of it stands together. */
#define TOGETHER_MS 1000
/* Every router. */
#define EACH SIZE_MAX

typedef struct {
    const zloom_cli_t *cli;
    zloom_output_t output;
    zloom_routers_t routers;
    bool asked[ZLOOM_ROUTERS_MAX]; /* by place */
    const char *id;                /* NULL: by flow and number */
    const char *flow;
    int64_t seq;
    json_t *part;   /* what is not shown yet */
    json_t *answer; /* of all; NULL: nobody has answered */
} s_trace_t;

/* Of an answer: those of several are put together. */
static const char *const s_lists[] = {"messages", "taken", "trail"};
#define LIST_COUNT (sizeof s_lists / sizeof *s_lists)

/* ---- asking --------------------------------------------------------------------------------- */

static int
s_put (s_trace_t *self, const zloom_ask_args_t *const each[], json_t *answers[])
{
    const zloom_ask_t ask = {.command = "trace", .wait_ms = WALK_MS};
    return zloom_routers_put (&self->routers, &ask, each, answers);
}

static void
s_number_args (const char *flow, int64_t seq, zloom_ask_args_t *args)
{
    zloom_ask_text (args, "flow", flow);
    zloom_ask_number (args, "seq", seq);
}

/*
 * "LOG/FLOW/NUMBER" is what a worker has emitted into FLOW there: so its number there is known,
 * even when it has left. The flow is copied; false: the id is no such one, or not of this router.
 */
static bool
s_is_emitted (const s_trace_t *self, const json_t *answer, char flow[ZLOOM_VIEW_NAME], int64_t *seq)
{
    zloom_origin_t origin;
    const char *log = zloom_print_string (answer, "log");
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

/* It stands in its own flow, or has left it: what is found there already is not said twice. */
static bool
s_is_found (const json_t *answer, const char *flow)
{
    size_t index = 0;
    const json_t *message = NULL;
    json_array_foreach (json_object_get (answer, "messages"), index, message)
    {
        if (strcmp (zloom_print_string (message, "flow"), flow) == 0) {
            return true;
        }
    }
    return json_array_size (json_object_get (answer, "trail")) > 0;
}

/* The router whose worker has emitted it is asked by its number, too. */
static int
s_ask_emitted (s_trace_t *self, json_t *const answers[])
{
    char flow[ZLOOM_VIEW_NAME];
    int64_t seq = 0;
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < self->routers.each_count && code == ZLOOM_EXIT_OK; i++) {
        if (answers[i] && s_is_emitted (self, answers[i], flow, &seq) &&
            !s_is_found (answers[i], flow)) {
            zloom_ask_args_t args = {.count = 0};
            const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {[0] = NULL};
            json_t *more[ZLOOM_ROUTERS_MAX] = {NULL};
            s_number_args (flow, seq, &args);
            each[i] = &args;
            code = s_put (self, each, more);
            zloom_ask_clear (&args);
            json_array_extend (json_object_get (answers[i], "messages"),
                               json_object_get (more[i], "messages"));
            json_decref (more[i]);
        }
    }
    return code;
}

/* Put what one router said to what others have said. */
static void
s_join (json_t *whole, const json_t *answer)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        json_t *list = json_object_get (answer, s_lists[i]);
        if (list && !json_object_get (whole, s_lists[i])) {
            json_object_set_new (whole, s_lists[i], json_copy (list));
        } else if (list) {
            json_array_extend (json_object_get (whole, s_lists[i]), list);
        }
    }
    json_object_set_new (
      whole, "scanned",
      json_integer (zloom_print_int (whole, "scanned") + zloom_print_int (answer, "scanned")));
}

/* The same, into a new one where there is none yet. */
static void
s_add (json_t **whole_p, json_t *answer)
{
    if (!*whole_p) {
        *whole_p = json_copy (answer);
        for (size_t i = 0; i < LIST_COUNT; i++) {
            (void) json_object_del (*whole_p, s_lists[i]);
        }
        json_object_set_new (*whole_p, "scanned", json_integer (0));
    }
    s_join (*whole_p, answer);
}

/* Ask those that answer and were not asked yet; `only`: this place of them. */
static int
s_ask (s_trace_t *self, size_t only)
{
    zloom_ask_args_t args = {.count = 0};
    const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {NULL};
    json_t *answers[ZLOOM_ROUTERS_MAX] = {NULL};
    if (self->id) {
        zloom_ask_text (&args, "id", self->id);
    } else {
        s_number_args (self->flow, self->seq, &args);
    }
    for (size_t i = 0; i < self->routers.each_count; i++) {
        const bool meant = only == EACH || only == i;
        each[i] = meant && self->routers.each[i].open && !self->asked[i] ? &args : NULL;
        self->asked[i] = self->asked[i] || each[i];
    }
    int code = s_put (self, each, answers);
    zloom_ask_clear (&args);
    code = code ? code : s_ask_emitted (self, answers);
    if (code == ZLOOM_EXIT_OK && zloom_cli_option (self->cli, "receipts")) {
        code = zloom_receipts_ask (&self->routers, answers);
    }
    for (size_t i = 0; i < self->routers.each_count; i++) {
        if (answers[i]) {
            s_add (&self->part, answers[i]);
            json_decref (answers[i]);
        }
    }
    return code;
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
        zloom_buf_add_text (out, self->routers.silent > 0
                                   ? "no flow of the routers that answer knows this producer\n"
                                   : "no flow knows this producer: it never sent anything here, or "
                                     "not for a long time\n");
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

static bool
s_is_empty (const json_t *answer)
{
    return json_array_size (json_object_get (answer, "messages")) == 0 &&
           json_array_size (json_object_get (answer, "trail")) == 0;
}

/* The way, if it was traced; then what stands somewhere and is not on it. */
static void
s_text (const json_t *answer, zloom_buf_t *out)
{
    const json_t *messages = json_object_get (answer, "messages");
    const json_t *trail = json_object_get (answer, "trail");
    const int64_t more = zloom_print_int (answer, "trail_more");
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
}

/* What has come since the last time. */
static int
s_show (s_trace_t *self)
{
    int code = ZLOOM_EXIT_OK;
    size_t index = 0;
    json_t *message = NULL;
    if (!self->part) {
        return code;
    }
    json_array_foreach (json_object_get (self->part, "messages"), index, message)
    {
        zloom_print_history (message);
    }
    json_array_foreach (json_object_get (self->part, "trail"), index, message)
    {
        zloom_print_history (message);
    }
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        zloom_buf_t out = {0};
        zloom_print_flatten (self->part);
        s_text (self->part, &out);
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
    }
    s_add (&self->answer, self->part);
    json_decref (self->part);
    self->part = NULL;
    return code;
}

/* What is left to say of the whole, and what it means. */
static int
s_finish (s_trace_t *self, const zloom_origin_t *origin)
{
    /* By its number it is asked of one router: whether others answer is nothing to it. */
    const int missed =
      self->id || !self->answer ? zloom_routers_left_out (&self->routers) : ZLOOM_EXIT_OK;
    if (!self->answer) {
        return missed ? missed : ZLOOM_EXIT_PERMISSION;
    }
    const bool known = s_is_known (self, origin);
    int code = ZLOOM_EXIT_OK;
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        json_object_set_new (self->answer, "known", json_boolean (known));
        code = zloom_print_json (self->cli, json_incref (self->answer),
                                 self->output == ZLOOM_OUTPUT_JSON);
    } else if (s_is_empty (self->answer)) {
        zloom_buf_t out = {0};
        s_absent_text (self, origin, &out);
        code = zloom_cli_print (self->cli, zloom_buf_bytes (&out));
        zloom_buf_fini (&out);
    }
    return code ? code : missed ? missed : known ? ZLOOM_EXIT_OK : ZLOOM_EXIT_FAILED;
}

/*
 * An id may be known to any of the routers, and each knows what its own workers have emitted. What
 * those know that answer is shown before the others are waited for.
 */
static int
s_ask_each (s_trace_t *self)
{
    zloom_routers_t *routers = &self->routers;
    int code = s_ask (self, EACH);
    if (code == ZLOOM_EXIT_OK && !zloom_routers_are_all (routers)) {
        zloom_routers_more (routers, TOGETHER_MS);
        code = s_ask (self, EACH);
    }
    if (code == ZLOOM_EXIT_OK && !zloom_routers_are_all (routers)) {
        code = s_show (self);
        zloom_routers_all (routers);
        code = code ? code : s_ask (self, EACH);
    }
    return code;
}

static int
s_ask_one (s_trace_t *self)
{
    zloom_routers_t *routers = &self->routers;
    zloom_client_t *client = NULL;
    int code = zloom_routers_find (routers, self->flow, &client);
    for (size_t i = 0; i < routers->count && code == ZLOOM_EXIT_OK; i++) {
        code = routers->clients[i] == client ? s_ask (self, routers->places[i]) : code;
    }
    return code;
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
    int code = zloom_target_find (cli, by_number ? word : NULL, &target);
    code =
      code ? code : zloom_routers_open (cli, &target.endpoints, ZLOOM_CLI_WAIT_MS, &self.routers);
    self.id = by_number ? NULL : word;
    self.flow = target.flow;
    if (code == ZLOOM_EXIT_OK) {
        code = by_number ? s_ask_one (&self) : s_ask_each (&self);
    }
    code = code ? code : s_show (&self);
    code = code ? code : s_finish (&self, &origin);
    json_decref (self.part);
    json_decref (self.answer);
    zloom_routers_close (&self.routers);
    return code;
}
