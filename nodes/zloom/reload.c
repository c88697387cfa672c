/* SPDX-License-Identifier: MPL-2.0 */
#include "reload.h"

#include "base/clock.h"
#include "fleet.h"
#include "launch/plan.h"
#include "recipe/expand.h"
#include "recipe/registry.h"
#include "reload_changes.h"
#include "routers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    zloom_control_t *control;
    const zloom_topology_t *topology;
    int64_t until_ns;
    zloom_changes_t changes;
    json_t *were; /* object: node that was scaled, to its replicas before */
} s_reload_t;

/* ---- what runs, and what shall run ---------------------------------------------------------- */

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
    self->changes.old = s_by_path (json_object_get (answer, "values"));
    size_t index = 0;
    json_t *open = NULL;
    json_array_foreach (json_object_get (answer, "open"), index, open)
    {
        json_object_set_new (self->changes.open, json_string_value (open), json_true ());
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
    self->changes.new = s_by_path (values);
    json_decref (values);
    zloom_buf_fini (&text);
    return ZLOOM_EXIT_OK;
}

/* ---- taking it over ------------------------------------------------------------------------- */

/*
 * The routers of this host read the file by themselves. The first one that refuses ends it: what
 * those before it have taken over is open until the same recipe, or another one, is taken over by
 * all.
 */
static int
s_tell_routers (const s_reload_t *self)
{
    const zloom_cli_t *cli = self->control->cli;
    zloom_endpoints_t endpoints;
    zloom_routers_t routers = {.cli = cli};
    zloom_err_t err = zloom_paths_read_endpoints (&self->topology->paths, &endpoints);
    if (err != ZLOOM_OK) {
        return zloom_cli_fail (cli, err);
    }
    zloom_fleet_keep_routers (self->topology, &endpoints);
    int code = zloom_routers_open (cli, &endpoints, ZLOOM_CLI_WAIT_MS, &routers);
    zloom_routers_all (&routers);
    if (code == ZLOOM_EXIT_OK && routers.count < endpoints.count) {
        code = zloom_cli_say (cli, ZLOOM_EXIT_NOT_RUNNING,
                              "a changed recipe needs all routers, and one does not answer");
    }
    zloom_buf_t sets = {0};
    for (size_t i = 0; i < self->topology->set_count; i++) {
        zloom_buf_printf (&sets, "%s\n", self->topology->sets[i]);
    }
    zloom_ask_args_t args = {.count = 0};
    zloom_ask_text (&args, "sets", zloom_buf_text (&sets));
    for (size_t i = 0; code == ZLOOM_EXIT_OK && i < routers.count; i++) {
        json_t *answer = NULL;
        code = zloom_ask (cli, routers.clients[i], "reload", &args, ZLOOM_CLI_WAIT_MS, &answer);
        if (code == ZLOOM_EXIT_OK) {
            json_decref (answer);
        }
    }
    zloom_ask_clear (&args);
    zloom_buf_fini (&sets);
    zloom_routers_close (&routers);
    return code;
}

static int64_t
s_left_ms (const s_reload_t *self)
{
    const int64_t left_ms = (self->until_ns - zloom_clock_mono_ns ()) / ZLOOM_NS_PER_MS;
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
    const int code =
      zloom_control_ask (self->control, "adopt",
                         json_pack ("{s:o, s:O}", "sets", sets, "changed", self->changes.changed),
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

static int
s_wait_still (const s_reload_t *self, const char *unit)
{
    return s_order (self, "wait", json_pack ("{s:s, s:s}", "for", "still", "node", unit));
}

/* This process, and not the others of its node. */
static int
s_start_unit (const s_reload_t *self, const char *node, int64_t replica)
{
    char unit[ZLOOM_NAME_MAX + 24];
    (void) snprintf (unit, sizeof unit, "%s.%lld", node, (long long) replica);
    int code = s_order (self, "stop", json_pack ("{s:s}", "node", unit));
    code = code ? code : s_wait_still (self, unit);
    code = code ? code : s_order (self, "start", json_pack ("{s:s}", "node", unit));
    return code ? code : s_wait_ready (self, unit);
}

/* It has come with this change, and knows all of it. */
static bool
s_is_new (const s_reload_t *self, const json_t *unit)
{
    const json_t *were = json_object_get (self->were, zloom_print_string (unit, "node"));
    return were && zloom_print_int (unit, "replica") > json_integer_value (were);
}

/*
 * Edges alone, or those that are no edges. One process after the other, so that the others of the
 * node work meanwhile.
 */
static int
s_start_again (const s_reload_t *self, bool edges)
{
    json_t *answer = NULL;
    int code = ZLOOM_EXIT_OK;
    if (json_object_size (self->changes.again) > 0) {
        code = zloom_control_ask (self->control, "ps", NULL, ZLOOM_CLI_WAIT_MS, &answer);
    }
    size_t index = 0;
    json_t *unit = NULL;
    json_array_foreach (json_object_get (answer, "nodes"), index, unit)
    {
        const char *name = zloom_print_string (unit, "node");
        const zloom_recipe_node_t *node = zloom_recipe_node (self->topology->recipe, name);
        if (code || !json_object_get (self->changes.again, name) ||
            (node && node->kind->listens) != edges || s_is_new (self, unit)) {
            continue;
        }
        code = s_start_unit (self, name, zloom_print_int (unit, "replica"));
        if (edges) {
            json_object_del (self->changes.again, name);
        }
    }
    json_decref (answer);
    return code;
}

static int
s_scale (const s_reload_t *self)
{
    int code = ZLOOM_EXIT_OK;
    const char *node = NULL;
    json_t *number = NULL;
    json_object_foreach (self->changes.replicas, node, number)
    {
        json_t *answer = NULL;
        code = code ? code
                    : zloom_control_ask (self->control, "scale",
                                         json_pack ("{s:s, s:O}", "node", node, "replicas", number),
                                         s_left_ms (self), &answer);
        code = code ? code : s_wait_ready (self, node);
        json_object_set (self->were, node, json_object_get (answer, "were"));
        json_decref (answer);
    }
    return code;
}

/* What changes on other hosts is theirs to take over. */
static void
s_keep_here (const s_reload_t *self, json_t *nodes)
{
    const char *node = NULL;
    void *next = NULL;
    json_t *unused = NULL;
    json_object_foreach_safe (nodes, next, node, unused)
    {
        if (self->topology->fleet && zloom_recipe_node (self->topology->recipe, node) &&
            !zloom_fleet_runs ((void *) (uintptr_t) self->topology, node)) {
            json_object_del (nodes, node);
        }
    }
}

/* They work off what they hold first, and nothing of them is left. */
static int
s_remove (const s_reload_t *self)
{
    int code = ZLOOM_EXIT_OK;
    const char *node = NULL;
    json_t *unused = NULL;
    json_object_foreach (self->changes.removed, node, unused)
    {
        code = code ? code : s_order (self, "remove", json_pack ("{s:s}", "node", node));
        code = code ? code : s_wait_still (self, node);
    }
    return code;
}

/* In the plan's order: who takes is there before who sends. */
static int
s_add (const s_reload_t *self)
{
    const zloom_plan_here_t here = {zloom_fleet_runs, (void *) (uintptr_t) self->topology};
    zloom_plan_t plan;
    zloom_plan_init (&plan, self->topology->recipe, self->topology->fleet ? &here : NULL);
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; i < plan.count && code == ZLOOM_EXIT_OK; i++) {
        const char *node = plan.units[i].node->name;
        if (plan.units[i].replica > 1 || !json_object_get (self->changes.added, node)) {
            continue;
        }
        json_t *answer = NULL;
        code = zloom_control_ask (self->control, "add", json_pack ("{s:s}", "node", node),
                                  s_left_ms (self), &answer);
        if (code == ZLOOM_EXIT_OK && zloom_print_int (answer, "processes") == 0) {
            /* It is there since an earlier take-over, which ended half-way. */
            json_object_set_new (self->changes.again, node, json_true ());
            code = s_start_again (self, true);
        } else if (code == ZLOOM_EXIT_OK) {
            code = s_wait_ready (self, node);
        }
        json_decref (answer);
    }
    zloom_plan_fini (&plan);
    return code;
}

/* Programs and commands find edges that came, and none that has left. */
static int
s_tell_doors (const s_reload_t *self)
{
    const zloom_err_t err = zloom_topology_write_doors (self->topology);
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (self->control->cli, err);
}

static int
s_take_over (const s_reload_t *self)
{
    const bool routers = self->changes.router && zloom_fleet_has_router (self->topology);
    /* With a fleet they were told already. */
    int code = routers && !self->topology->fleet ? s_tell_routers (self) : ZLOOM_EXIT_OK;
    int64_t adoption = 0;
    s_keep_here (self, self->changes.again);
    s_keep_here (self, self->changes.added);
    s_keep_here (self, self->changes.replicas);
    code = code ? code : s_adopt (self, &adoption);
    code = code ? code : s_remove (self);
    /* An edge refuses who comes for a bus that it does not know yet. */
    code = code ? code : s_start_again (self, true);
    code = code ? code : s_add (self);
    code = code ? code : s_scale (self);
    code = code ? code : s_start_again (self, false);
    code = code ? code : s_tell_doors (self);
    return code ? code
                : s_order (self, "settle", json_pack ("{s:I}", "adopted", (json_int_t) adoption));
}

/* ---- what stays ----------------------------------------------------------------------------- */

/* Of a subscriber that was durable: what it was promised is its until that is ended by hand. */
static void
s_tell_durable (const s_reload_t *self, const char *path)
{
    char flow[ZLOOM_NAME_MAX + 1];
    char node[ZLOOM_NAME_MAX + 1];
    const zloom_cli_t *cli = self->control->cli;
    if (!zloom_changes_is_durable (path, self->changes.old, flow, node) ||
        zloom_changes_is_durable (path, self->changes.new, flow, node)) {
        return;
    }
    if (json_object_get (self->changes.new, path)) {
        zloom_cli_say (cli, 0,
                       "'%s' misses nothing of %s yet: zloom drain %s, zloom group drop %s %s "
                       "--yes and zloom resume %s end that",
                       node, flow, node, flow, node, node);
    } else if (zloom_recipe_flow (self->topology->recipe, flow)) {
        zloom_cli_say (cli, 0,
                       "what '%s' has not heard of %s is kept until zloom group drop %s %s --yes",
                       node, flow, flow, node);
    }
}

/* Of a node that the fleet has moved the rights are elsewhere at once, and the processes stay. */
static void
s_tell_moved (const s_reload_t *self)
{
    static const char advice[] = "when this host is started again (zloom down, then zloom up)";
    const zloom_cli_t *cli = self->control->cli;
    const zloom_topology_t *topology = self->topology;
    json_t *answer = NULL;
    if (!topology->fleet ||
        zloom_control_ask (self->control, "ps", NULL, ZLOOM_CLI_WAIT_MS, &answer)) {
        return;
    }
    for (size_t i = 0; i < zloom_recipe_node_count (topology->recipe); i++) {
        const char *name = zloom_recipe_node_at (topology->recipe, i)->name;
        const bool placed = zloom_fleet_runs ((void *) (uintptr_t) topology, name);
        bool here = false;
        size_t index = 0;
        json_t *unit = NULL;
        json_array_foreach (json_object_get (answer, "nodes"), index, unit)
        {
            here = here || strcmp (zloom_print_string (unit, "node"), name) == 0;
        }
        if (placed && !here) {
            zloom_cli_say (cli, 0, "the fleet places '%s' here now: it comes %s", name, advice);
        } else if (here && !placed) {
            zloom_cli_say (cli, 0, "the fleet places '%s' on host %s now: here it goes %s", name,
                           zloom_fleet_place (topology->fleet, name)->name, advice);
        }
    }
    json_decref (answer);
}

static void
s_tell_what_stays (const s_reload_t *self)
{
    size_t index = 0;
    json_t *path = NULL;
    json_array_foreach (self->changes.changed, index, path)
    {
        s_tell_durable (self, json_string_value (path));
    }
    s_tell_moved (self);
}

int
zloom_reload (zloom_control_t *control, const zloom_topology_t *topology, int64_t until_mono_ns,
              json_t **changed_p)
{
    s_reload_t self = {
      .control = control, .topology = topology, .until_ns = until_mono_ns, .were = json_object ()};
    zloom_changes_t *changes = &self.changes;
    zloom_changes_init (changes);
    int code = s_read (&self);
    if (code == ZLOOM_EXIT_OK) {
        zloom_changes_find (changes, topology->recipe);
    }
    if (changes->refused.size > 0) {
        const char *name = zloom_recipe_name (topology->recipe);
        code = zloom_cli_say (control->cli, ZLOOM_EXIT_FAILED,
                              "'%s' goes on as it was; this does not change while it runs:%s%s\n"
                              "to have it: zloom down %s && zloom up %s",
                              name, zloom_buf_text (&changes->refused),
                              changes->refused_count > ZLOOM_CHANGES_SHOWN ? "\n  and more" : "",
                              name, topology->path);
    } else if (code == ZLOOM_EXIT_OK) {
        /* Who may do what stands in the fleet: that is read again, whatever the recipe says. */
        code = topology->fleet && zloom_fleet_has_router (topology) ? s_tell_routers (&self) : code;
        if (code == ZLOOM_EXIT_OK && json_array_size (changes->changed) > 0) {
            code = s_take_over (&self);
        }
        if (code == ZLOOM_EXIT_OK) {
            s_tell_what_stays (&self);
        }
    }
    *changed_p = changes->changed;
    zloom_changes_fini (changes);
    json_decref (self.were);
    return code;
}
