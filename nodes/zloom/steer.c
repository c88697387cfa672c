/* SPDX-License-Identifier: MPL-2.0 */
#include "steer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "launch/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- connections ---------------------------------------------------------------------------- */

/* One list of what the supervisor answers. */
static int
s_ask_list (zloom_steer_t *self, const char *verb, const char *list, json_t **list_p)
{
    json_t *answer = NULL;
    const int code = zloom_control_ask (&self->control, verb, NULL, ZLOOM_CLI_WAIT_MS, &answer);
    if (code == ZLOOM_EXIT_OK) {
        *list_p = json_incref (json_object_get (answer, list));
        json_decref (answer);
    }
    return code;
}

static int
s_open_supervisor (zloom_steer_t *self)
{
    const zloom_err_t err = zloom_control_connect_to (&self->control);
    if (err == ZLOOM_NOT_RUNNING && zloom_paths_running (&self->control.paths) == ZLOOM_OK) {
        return ZLOOM_EXIT_OK; /* a router alone */
    }
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    self->supervised = true;
    const int code = s_ask_list (self, "ps", "nodes", &self->units);
    return code || !self->name ? code : s_ask_list (self, "recipe", "values", &self->values);
}

static int
s_open_routers (zloom_steer_t *self)
{
    zloom_endpoints_t endpoints;
    if (self->open) {
        return ZLOOM_EXIT_OK;
    }
    const zloom_err_t err = zloom_paths_read_endpoints (&self->control.paths, &endpoints);
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (self->cli, err);
    }
    const int code = zloom_routers_open (self->cli, &endpoints, ZLOOM_CLI_WAIT_MS, &self->routers);
    self->open = code == ZLOOM_EXIT_OK;
    return code;
}

/* All flows, as far as the routers let this key look. */
static int
s_read_flows (zloom_steer_t *self)
{
    const zloom_ask_args_t none = {.count = 0};
    json_t *answer = NULL;
    int code = s_open_routers (self);
    code = code ? code : zloom_routers_ask (&self->routers, "flow ls", &none, &answer);
    if (code == ZLOOM_EXIT_OK) {
        self->flows = json_incref (json_object_get (answer, "flows"));
        self->left_out = zloom_routers_left_out (&self->routers);
        json_decref (answer);
    }
    return code;
}

/* ---- what a name means ---------------------------------------------------------------------- */

bool
zloom_steer_means (const zloom_steer_t *self, const json_t *unit)
{
    const char *node = zloom_print_string (unit, "node");
    return strcmp (zloom_print_string (unit, "unit"), self->name) == 0 ||
           strcmp (node, self->name) == 0 ||
           zloom_plan_names (node, zloom_print_int (unit, "replica"), self->name);
}

static bool
s_is_node (const zloom_steer_t *self)
{
    size_t index = 0;
    json_t *unit = NULL;
    json_array_foreach (self->units, index, unit)
    {
        if (zloom_steer_means (self, unit)) {
            return true;
        }
    }
    return false;
}

/* The recipe that runs has it: the supervisor knows, and no router is asked. */
static bool
s_is_planned (const zloom_steer_t *self)
{
    const size_t size = strlen (self->name);
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach (self->values, index, value)
    {
        const char *path = zloom_print_string (value, "path");
        if (strncmp (path, "flows.", 6) == 0 && strncmp (path + 6, self->name, size) == 0 &&
            path[6 + size] == '.') {
            return true;
        }
    }
    return false;
}

/* Whether it is a flow; what no supervisor knows of is asked of the routers. */
static int
s_look_for_flow (zloom_steer_t *self, bool node, bool *flow)
{
    zloom_client_t *client = NULL;
    *flow = s_is_planned (self);
    if (*flow || node) {
        return ZLOOM_EXIT_OK;
    }
    int code = s_open_routers (self);
    code = code ? code : zloom_routers_look (&self->routers, self->name, &client);
    *flow = client != NULL;
    return code;
}

/* What there is instead, as far as the routers let this key look. */
static int
s_tell_unknown (zloom_steer_t *self)
{
    zloom_buf_t names = {0};
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (self->units, index, item)
    {
        if (zloom_print_int (item, "replica") == 1) {
            zloom_buf_printf (&names, " %s", zloom_print_string (item, "node"));
        }
    }
    zloom_buf_add_text (&names, "; flows:");
    (void) s_read_flows (self);
    json_array_foreach (self->flows, index, item)
    {
        zloom_buf_printf (&names, " %s", zloom_print_string (item, "name"));
    }
    const int code =
      zloom_cli_say (self->cli, ZLOOM_EXIT_FAILED, "no node and no flow '%s' here; nodes:%s",
                     self->name, zloom_buf_text (&names));
    zloom_buf_fini (&names);
    return code;
}

/* Which of the two it is, or what there is instead. */
static int
s_tell (zloom_steer_t *self, bool only_node)
{
    bool flow = false;
    bool node = s_is_node (self);
    const int code = s_look_for_flow (self, node, &flow);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    node = node && !zloom_cli_option (self->cli, "flow");
    flow = flow && !zloom_cli_option (self->cli, "node") && !(only_node && node);
    if (node && flow) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_USAGE,
                              "'%s' is a node and a flow: say --node or --flow", self->name);
    }
    self->is_flow = flow;
    return node || flow ? ZLOOM_EXIT_OK : s_tell_unknown (self);
}

/* ---- the opening ----------------------------------------------------------------------------- */

static int
s_find (zloom_steer_t *self)
{
    const char *word = self->cli->word_count ? self->cli->words[0] : NULL;
    const char *slash = word ? strrchr (word, '/') : NULL;
    self->name = slash ? slash + 1 : word;
    self->name = self->name && *self->name ? self->name : NULL;
    char *topology = slash ? zloom_memdup_text (word, (size_t) (slash - word)) : NULL;
    const int code = zloom_control_find (self->cli, topology, &self->control);
    free (topology);
    return code;
}

int
zloom_steer_open (const zloom_cli_t *cli, zloom_steer_what_t what, zloom_steer_t *self)
{
    const bool whole = what == ZLOOM_STEER_WHOLE;
    *self = (zloom_steer_t){.cli = cli, .control = {.fd = -1}};
    int64_t timeout_ns = 0;
    if (!zloom_cli_output (cli, &self->output) ||
        !zloom_cli_duration (cli, "timeout", ZLOOM_NEVER, &timeout_ns) ||
        (!whole && !zloom_cli_word (cli, 0, "NODE or FLOW"))) {
        return ZLOOM_EXIT_USAGE;
    }
    self->timeout_ms = timeout_ns / ZLOOM_NS_PER_MS;
    int code = s_find (self);
    if (code == ZLOOM_EXIT_OK && !self->name && !whole) {
        code = zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "name a node or a flow behind the slash");
    }
    code = code ? code : s_open_supervisor (self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    return self->name ? s_tell (self, what == ZLOOM_STEER_NODE) : s_read_flows (self);
}

void
zloom_steer_close (zloom_steer_t *self)
{
    json_decref (self->units);
    json_decref (self->values);
    json_decref (self->flows);
    zloom_routers_close (&self->routers);
    zloom_control_close (&self->control);
}

/* ---- orders --------------------------------------------------------------------------------- */

static int
s_ask (const zloom_steer_t *self, zloom_client_t *client, const char *command, const char *name,
       const char *value)
{
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, name, value);
    json_t *answer = NULL;
    const int code = zloom_ask (self->cli, client, command, &args, ZLOOM_CLI_WAIT_MS, &answer);
    zloom_ask_clear (&args);
    if (code == ZLOOM_EXIT_OK) {
        json_decref (answer);
    }
    return code;
}

int
zloom_steer_client (zloom_steer_t *self, const char *flow, zloom_client_t **client_p)
{
    const int code = s_open_routers (self);
    return code ? code : zloom_routers_find (&self->routers, flow, client_p);
}

int
zloom_steer_flow (zloom_steer_t *self, const char *command, const char *flow)
{
    zloom_client_t *client = NULL;
    const int code = zloom_steer_client (self, flow, &client);
    return code ? code : s_ask (self, client, command, "flow", flow);
}

/* Nobody has obeyed: which router may have its session, and what it says; 0: it has none. */
static int
s_tell_nobody (const zloom_steer_t *self, const char *unit, const char *denied, const char *reason)
{
    if (denied) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_PERMISSION,
                              "no router that this key may ask has a session with '%s', and router "
                              "'%s' does not let it: %s",
                              unit, denied, reason);
    }
    if (self->routers.silent > 0) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_NOT_RUNNING,
                              "no router that answers has a session with '%s'; try again once all "
                              "of them do",
                              unit);
    }
    return ZLOOM_EXIT_OK;
}

/* What became of one order to all routers. */
typedef struct {
    int64_t sessions;
    const char *denied; /* the first router that does not let this key */
    char reason[256];
} s_obeyed_t;

static bool
s_is_obeyed_or_not (zloom_err_t err)
{
    return err == ZLOOM_OK || err == ZLOOM_FORBIDDEN;
}

/* To all that answer, side by side; one that has not answered before is not waited for again. */
static int
s_order (zloom_steer_t *self, const char *command, const char *unit, s_obeyed_t *obeyed)
{
    zloom_routers_t *routers = &self->routers;
    const zloom_ask_t ask = {
      .command = command, .wait_ms = ZLOOM_CLI_WAIT_MS, .is_answer = s_is_obeyed_or_not};
    const zloom_ask_args_t *each[ZLOOM_ROUTERS_MAX] = {NULL};
    json_t *answers[ZLOOM_ROUTERS_MAX] = {NULL};
    zloom_ask_args_t args = {.count = 0};
    *obeyed = (s_obeyed_t){.sessions = 0};
    zloom_ask_text (&args, "peer", unit);
    for (size_t i = 0; i < routers->each_count; i++) {
        each[i] = routers->mute[i] ? NULL : &args;
    }
    const int code = zloom_routers_put (routers, &ask, each, answers);
    zloom_ask_clear (&args);
    for (size_t i = 0; i < routers->each_count; i++) {
        const zloom_several_t *one = &routers->each[i];
        obeyed->sessions += answers[i] ? zloom_print_int (answers[i], "sessions") : 0;
        json_decref (answers[i]);
        if (one->open && each[i] && one->err == ZLOOM_FORBIDDEN && !obeyed->denied) {
            obeyed->denied = zloom_client_core_router (zloom_client_core (one->client));
            (void) snprintf (obeyed->reason, sizeof obeyed->reason, "%s", one->text);
        }
    }
    return code;
}

/* Its session is with one of the routers; to the others it is nobody, or none of this key's. */
static int
s_peer (zloom_steer_t *self, const char *command, const char *unit, int64_t *sessions)
{
    s_obeyed_t obeyed;
    int code = s_order (self, command, unit, &obeyed);
    if (code == ZLOOM_EXIT_OK && obeyed.sessions == 0 && !zloom_routers_are_all (&self->routers)) {
        zloom_routers_all (&self->routers);
        code = s_order (self, command, unit, &obeyed);
    }
    *sessions = obeyed.sessions;
    return code || obeyed.sessions > 0 ? code
                                       : s_tell_nobody (self, unit, obeyed.denied, obeyed.reason);
}

int
zloom_steer_peers (zloom_steer_t *self, const char *command, int64_t *count)
{
    int code = s_open_routers (self);
    size_t index = 0;
    json_t *unit = NULL;
    json_array_foreach (self->units, index, unit)
    {
        if (code == ZLOOM_EXIT_OK && zloom_steer_means (self, unit)) {
            int64_t sessions = 0;
            code = s_peer (self, command, zloom_print_string (unit, "unit"), &sessions);
            *count += sessions > 0 ? 1 : 0;
        }
    }
    return code;
}

bool
zloom_steer_is_edge (const zloom_steer_t *self)
{
    char path[ZLOOM_NAME_MAX + 16];
    (void) snprintf (path, sizeof path, "nodes.%s.of", self->name);
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach (self->values, index, value)
    {
        if (strcmp (zloom_print_string (value, "path"), path) == 0) {
            return true;
        }
    }
    return false;
}

const char *
zloom_steer_kind (const zloom_steer_t *self)
{
    size_t index = 0;
    json_t *unit = NULL;
    json_array_foreach (self->units, index, unit)
    {
        if (zloom_steer_means (self, unit)) {
            return zloom_print_string (unit, "kind");
        }
    }
    return "";
}

int
zloom_steer_node (zloom_steer_t *self, const char *verb, const char *node, int64_t *count)
{
    json_t *answer = NULL;
    const int code = zloom_control_ask (&self->control, verb, json_pack ("{s:s}", "node", node),
                                        ZLOOM_CLI_WAIT_MS, &answer);
    if (code == ZLOOM_EXIT_OK) {
        *count += zloom_print_int (answer, "processes");
        json_decref (answer);
    }
    return code;
}

int
zloom_steer_wait (zloom_steer_t *self, const char *what, const char *node)
{
    const zloom_err_t err = zloom_control_wait (&self->control, what, node, self->timeout_ms);
    if (err == ZLOOM_TIMED_OUT) {
        return zloom_cli_say (self->cli, ZLOOM_EXIT_TIMED_OUT,
                              "not done within the timeout, and it goes on");
    }
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (self->cli, err);
}

int
zloom_steer_done_in_part (const zloom_steer_t *self, const char *word, int64_t number,
                          const char *text)
{
    if (self->output != ZLOOM_OUTPUT_TEXT) {
        (void) zloom_steer_done (self, word, number, text);
    }
    return zloom_cli_say (self->cli, self->left_out,
                          "%s, but for the flows of who is left out: zloom %s again, once all "
                          "routers obey",
                          text, self->cli->command->name);
}

int
zloom_steer_done (const zloom_steer_t *self, const char *word, int64_t number, const char *text)
{
    if (self->output == ZLOOM_OUTPUT_TEXT) {
        const char *name = self->name ? self->name : "the topology";
        return zloom_cli_say (self->cli, ZLOOM_EXIT_OK, "%s %s", name, text);
    }
    json_t *object = json_object ();
    json_object_set_new (object,
                         !self->name     ? "topology"
                         : self->is_flow ? "flow"
                                         : "node",
                         json_string (self->name ? self->name : self->control.topology));
    json_object_set_new (object, word, json_integer (number));
    return zloom_print_json (self->cli, object, self->output == ZLOOM_OUTPUT_JSON);
}
