/* SPDX-License-Identifier: MPL-2.0 */
#include "reload.h"

#include "ask.h"
#include "base/clock.h"
#include "patterns/node_config.h"
#include "recipe/expand.h"
#include "recipe/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_SHOWN 12

/* What becomes of a value that has changed. */
typedef enum {
    HOW_NOT,      /* only a new start takes it over */
    HOW_NOTHING,  /* nobody who runs looks at it */
    HOW_ROUTER,   /* the router takes it over */
    HOW_REPLICAS, /* processes are added or leave */
    HOW_AGAIN,    /* the node's processes are started again, one after the other */
} s_how_t;

typedef struct {
    zloom_control_t *control;
    const zloom_topology_t *topology;
    int64_t until_ns;
    json_t *old;      /* path: value */
    json_t *new;      /* path: value */
    json_t *open;     /* object of paths that an earlier one has taken over in part */
    json_t *changed;  /* array of paths */
    json_t *again;    /* object of node names */
    json_t *replicas; /* object: node to number */
    bool router;
    zloom_buf_t refused; /* lines of what cannot be taken over, of the first few */
    size_t refused_count;
} s_reload_t;

/* ---- what has changed ----------------------------------------------------------------------- */

/* An array of {path, value} as one object. */
static json_t *
s_by_path (const json_t *values)
{
    json_t *object = json_object ();
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (values, index, item)
    {
        json_object_set (object, zloom_print_string (item, "path"),
                         json_object_get (item, "value"));
    }
    return object;
}

/* "nodes.charge.run": "charge" into `name`; what follows it, or NULL when it is not below `top`. */
static const char *
s_below (const char *path, const char *top, char name[ZLOOM_NAME_MAX + 1])
{
    const size_t size = strlen (top);
    if (strncmp (path, top, size) != 0 || path[size] != '.') {
        return NULL;
    }
    const char *at = path + size + 1;
    const size_t length = strcspn (at, ".");
    (void) snprintf (name, ZLOOM_NAME_MAX + 1, "%.*s", (int) length, at);
    return at[length] ? at + length + 1 : "";
}

static bool
s_has (const json_t *values, const char *top, const char *name, const char *key)
{
    char path[2 * ZLOOM_NAME_MAX + 32];
    (void) snprintf (path, sizeof path, "%s.%s.%s", top, name, key);
    return json_object_get (values, path) != NULL;
}

static bool
s_is (const char *rest, const char *key)
{
    const size_t size = strlen (key);
    return strncmp (rest, key, size) == 0 && (rest[size] == 0 || strchr (".[", rest[size]));
}

/* All that run beside a flow that is new: they find it when they are started again. */
static void
s_attach (s_reload_t *self, const zloom_recipe_flow_t *flow)
{
    for (size_t i = 0; i < flow->from_count + flow->to_count; i++) {
        const zloom_recipe_end_t *end =
          i < flow->from_count ? &flow->from[i] : &flow->to[i - flow->from_count];
        if (end->node) {
            json_object_set_new (self->again, end->node->name, json_true ());
        }
    }
}

static s_how_t
s_how_flow (s_reload_t *self, const char *name, const char *rest)
{
    static const char *const fixed[] = {"pattern", "confirm",  "key",  "weights",
                                        "dedup",   "priority", "from", "to"};
    const bool was = s_has (self->old, "flows", name, "pattern");
    if (!s_has (self->new, "flows", name, "pattern")) {
        return HOW_NOT; /* it is gone, and somebody may hang on it */
    }
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (self->topology->recipe, name);
    if (!was && flow) {
        s_attach (self, flow);
        return HOW_ROUTER;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (s_is (rest, fixed[i])) {
            return HOW_NOT;
        }
    }
    return HOW_ROUTER;
}

static s_how_t
s_how_node (s_reload_t *self, const char *name, const char *rest)
{
    const zloom_recipe_node_t *node = zloom_recipe_node (self->topology->recipe, name);
    if (!node || !s_has (self->old, "nodes", name, "kind") || s_is (rest, "kind") ||
        s_is (rest, "restart") || node->kind->id == ZLOOM_NODE_ROUTER) {
        return HOW_NOT;
    }
    if (s_is (rest, "replicas")) {
        const int64_t replicas = ((const zloom_worker_config_t *) node->config)->replicas;
        json_object_set_new (self->replicas, name, json_integer (replicas));
        return HOW_REPLICAS;
    }
    json_object_set_new (self->again, name, json_true ());
    return HOW_AGAIN;
}

static s_how_t
s_how (s_reload_t *self, const char *path)
{
    char name[ZLOOM_NAME_MAX + 1];
    const char *rest = s_below (path, "flows", name);
    if (rest) {
        return s_how_flow (self, name, rest);
    }
    rest = s_below (path, "nodes", name);
    if (rest) {
        return s_how_node (self, name, rest);
    }
    /* Params stand in the values that they gave. */
    return s_is (path, "params") || s_is (path, "tests") ? HOW_NOTHING : HOW_NOT;
}

static const char *
s_value (const json_t *values, const char *path)
{
    const char *text = json_string_value (json_object_get (values, path));
    return text ? text : "-";
}

static void
s_change (s_reload_t *self, const char *path)
{
    const s_how_t how = s_how (self, path);
    json_array_append_new (self->changed, json_string (path));
    self->router = self->router || how == HOW_ROUTER;
    if (how == HOW_NOT && ++self->refused_count <= REFUSED_SHOWN) {
        const bool part = json_object_get (self->open, path) != NULL;
        zloom_buf_printf (&self->refused, "\n  %s: %s%s → %s", path, s_value (self->old, path),
                          part ? " (in part already another)" : "", s_value (self->new, path));
    }
}

static void
s_compare (s_reload_t *self)
{
    const char *path = NULL;
    json_t *value = NULL;
    json_object_foreach (self->new, path, value)
    {
        if (!json_equal (value, json_object_get (self->old, path)) ||
            json_object_get (self->open, path)) {
            s_change (self, path);
        }
    }
    json_object_foreach (self->open, path, value)
    {
        if (!json_object_get (self->new, path) && !json_object_get (self->old, path)) {
            s_change (self, path);
        }
    }
    json_object_foreach (self->old, path, value)
    {
        if (!json_object_get (self->new, path)) {
            s_change (self, path);
        }
    }
}

static int
s_read (s_reload_t *self)
{
    const zloom_cli_t *cli = self->control->cli;
    json_t *answer = NULL;
    const int code = zloom_control_ask (self->control, "recipe", NULL, ZLOOM_CLI_WAIT_MS, &answer);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    char path[PATH_MAX];
    (void) snprintf (path, sizeof path, "%s", zloom_print_string (answer, "path"));
    self->old = s_by_path (json_object_get (answer, "values"));
    size_t index = 0;
    json_t *open = NULL;
    json_array_foreach (json_object_get (answer, "open"), index, open)
    {
        json_object_set_new (self->open, json_string_value (open), json_true ());
    }
    json_decref (answer);
    if (strcmp (path, self->topology->path) != 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_CREATE,
                              "'%s' runs already, from %s; to run this one: zloom down, then "
                              "zloom up",
                              zloom_recipe_name (self->topology->recipe),
                              path[0] ? path : "a program that embeds it");
    }
    zloom_buf_t text = {0};
    zloom_expand_json (self->topology->recipe, true, &text);
    json_t *values = json_loadb ((const char *) text.data, text.size, 0, NULL);
    self->new = s_by_path (values);
    json_decref (values);
    zloom_buf_fini (&text);
    return ZLOOM_EXIT_OK;
}

/* ---- taking it over ------------------------------------------------------------------------- */

/* The router reads the file by itself; it may refuse, and then nothing has happened. */
static int
s_tell_router (const s_reload_t *self)
{
    const zloom_cli_t *cli = self->control->cli;
    char endpoint[128];
    zloom_client_t *client = NULL;
    const zloom_client_options_t options = {.role = "cli"};
    zloom_err_t err = zloom_paths_read_endpoint (&self->topology->paths, endpoint, sizeof endpoint);
    if (err == ZLOOM_OK) {
        err = zloom_client_open_with (endpoint, &options, NULL, NULL,
                                      zloom_deadline (ZLOOM_CLI_WAIT_MS), &client);
    }
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (cli, err);
    }
    zloom_buf_t sets = {0};
    for (size_t i = 0; i < self->topology->set_count; i++) {
        zloom_buf_printf (&sets, "%s\n", self->topology->sets[i]);
    }
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "sets", zloom_buf_text (&sets));
    json_t *answer = NULL;
    const int code = zloom_ask (cli, client, "reload", &args, ZLOOM_CLI_WAIT_MS, &answer);
    if (code == ZLOOM_EXIT_OK) {
        json_decref (answer);
    }
    zloom_ask_clear (&args);
    zloom_buf_fini (&sets);
    (void) zloom_client_close (&client, zloom_deadline (1000));
    return code;
}

static int64_t
s_left_ms (const s_reload_t *self)
{
    const int64_t left_ms = (self->until_ns - zloom_clock_now ().mono_ns) / ZLOOM_NS_PER_MS;
    return left_ms > ZLOOM_CLI_WAIT_MS ? left_ms : ZLOOM_CLI_WAIT_MS;
}

static int
s_order (const s_reload_t *self, const char *verb, json_t *args)
{
    json_t *answer = NULL;
    const int code = zloom_control_ask (self->control, verb, args, s_left_ms (self), &answer);
    if (code == ZLOOM_EXIT_OK) {
        json_decref (answer);
    }
    return code;
}

/* What has changed is open from now on, and until it is settled with the number in *adoption. */
static int
s_adopt (const s_reload_t *self, int64_t *adoption)
{
    json_t *sets = json_array ();
    for (size_t i = 0; i < self->topology->set_count; i++) {
        json_array_append_new (sets, json_string (self->topology->sets[i]));
    }
    json_t *answer = NULL;
    const int code = zloom_control_ask (
      self->control, "adopt", json_pack ("{s:o, s:O}", "sets", sets, "changed", self->changed),
      s_left_ms (self), &answer);
    if (code == ZLOOM_EXIT_OK) {
        *adoption = zloom_print_int (answer, "adopted");
        json_decref (answer);
    }
    return code;
}

/* Until this node or unit serves: others that are broken are none of its business. */
static int
s_wait_ready (const s_reload_t *self, const char *node)
{
    const zloom_err_t err = zloom_control_wait (self->control, "ready", node, s_left_ms (self));
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (self->control->cli, err);
}

/* One process after the other, so that the others of the node work meanwhile. */
static int
s_start_again (const s_reload_t *self)
{
    json_t *answer = NULL;
    int code = zloom_control_ask (self->control, "ps", NULL, ZLOOM_CLI_WAIT_MS, &answer);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    size_t index = 0;
    json_t *unit = NULL;
    json_array_foreach (json_object_get (answer, "nodes"), index, unit)
    {
        const char *name = zloom_print_string (unit, "unit");
        if (!json_object_get (self->again, zloom_print_string (unit, "node"))) {
            continue;
        }
        code = code ? code : s_order (self, "stop", json_pack ("{s:s}", "node", name));
        /* One that could not be kept running stands still already, and never gets ready. */
        const bool failed = strcmp (zloom_print_string (unit, "state"), "failed") == 0;
        code = code || failed ? code : s_wait_ready (self, name);
        code = code ? code : s_order (self, "start", json_pack ("{s:s}", "node", name));
        code = code ? code : s_wait_ready (self, name);
    }
    json_decref (answer);
    return code;
}

static int
s_take_over (const s_reload_t *self)
{
    int code = self->router ? s_tell_router (self) : ZLOOM_EXIT_OK;
    int64_t adoption = 0;
    code = code ? code : s_adopt (self, &adoption);
    const char *node = NULL;
    json_t *number = NULL;
    json_object_foreach (self->replicas, node, number)
    {
        code = code ? code
                    : s_order (self, "scale",
                               json_pack ("{s:s, s:O}", "node", node, "replicas", number));
        code = code ? code : s_wait_ready (self, node);
    }
    code = code ? code : s_start_again (self);
    return code ? code
                : s_order (self, "settle", json_pack ("{s:I}", "adopted", (json_int_t) adoption));
}

int
zloom_reload (zloom_control_t *control, const zloom_topology_t *topology, int64_t until_mono_ns,
              json_t **changed_p)
{
    s_reload_t self = {.control = control,
                       .topology = topology,
                       .until_ns = until_mono_ns,
                       .changed = json_array (),
                       .open = json_object (),
                       .again = json_object (),
                       .replicas = json_object ()};
    int code = s_read (&self);
    if (code == ZLOOM_EXIT_OK) {
        s_compare (&self);
    }
    if (self.refused.size > 0) {
        code = zloom_cli_say (control->cli, ZLOOM_EXIT_FAILED,
                              "'%s' goes on as it was; this does not change while it runs:%s%s\n"
                              "to have it: zloom down %s && zloom up %s",
                              zloom_recipe_name (topology->recipe), zloom_buf_text (&self.refused),
                              self.refused_count > REFUSED_SHOWN ? "\n  and more" : "",
                              zloom_recipe_name (topology->recipe), topology->path);
    } else if (code == ZLOOM_EXIT_OK && json_array_size (self.changed) > 0) {
        code = s_take_over (&self);
    }
    zloom_buf_fini (&self.refused);
    json_decref (self.old);
    json_decref (self.new);
    json_decref (self.open);
    json_decref (self.again);
    json_decref (self.replicas);
    *changed_p = self.changed;
    return code;
}
