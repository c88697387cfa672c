/* SPDX-License-Identifier: MPL-2.0 */
#include "view_read.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"
#include "net/address.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* For who asks to be told soon: a router that is well needs a part of it. */
#define SOON_MS 1000
#define SOON_FAR_MS 3000

static void
s_flow (const json_t *object, zloom_view_flow_t *flow)
{
    (void) snprintf (flow->name, sizeof flow->name, "%s", zloom_print_string (object, "name"));
    (void) snprintf (flow->router, sizeof flow->router, "%s",
                     zloom_print_string (object, "router"));
#define READ_NUMBER(name) flow->name = zloom_print_int (object, #name);
    ZLOOM_VIEW_FLOW_MAP (READ_NUMBER)
#undef READ_NUMBER
    (void) snprintf (flow->dead_letter, sizeof flow->dead_letter, "%s",
                     zloom_print_string (object, "dead_letter"));
    flow->paused = json_is_true (json_object_get (object, "paused"));
    flow->draining = json_is_true (json_object_get (object, "draining"));
}

/* A report comes from a peer: numbers below zero are none of ours. */
static uint64_t
s_number (const json_t *object, const char *name)
{
    const int64_t number = zloom_print_int (object, name);
    return number > 0 ? (uint64_t) number : 0;
}

static void
s_report (const json_t *object, zloom_report_t *report)
{
#define READ_NUMBER(name, help) report->name = s_number (object, #name);
#define READ_TEXT(name, help) \
    (void) snprintf (report->name, sizeof report->name, "%s", zloom_print_string (object, #name));
    ZLOOM_REPORT_NUMBER_MAP (READ_NUMBER)
    ZLOOM_REPORT_TEXT_MAP (READ_TEXT)
#undef READ_NUMBER
#undef READ_TEXT
}

/* The first words of pairs. */
static void
s_names (const json_t *pairs, char (**names)[ZLOOM_VIEW_NAME], size_t *count)
{
    size_t index = 0;
    const json_t *pair = NULL;
    *names = zloom_alloc ((json_array_size (pairs) + 1) * ZLOOM_VIEW_NAME);
    json_array_foreach (pairs, index, pair)
    {
        const char *name = json_string_value (json_array_get (pair, 0));
        (void) snprintf ((*names)[(*count)++], ZLOOM_VIEW_NAME, "%s", name ? name : "");
    }
}

static void
s_node (const json_t *object, zloom_view_node_t *node)
{
    const json_t *report = json_object_get (object, "report");
    const json_t *sends = json_object_get (object, "sends");
    (void) snprintf (node->name, sizeof node->name, "%s", zloom_print_string (object, "name"));
    (void) snprintf (node->role, sizeof node->role, "%s", zloom_print_string (object, "role"));
    node->connected = true;
    node->paused = json_is_true (json_object_get (object, "paused"));
    node->next_ms = -1;
    node->reports = json_is_object (report);
    node->report_age_ms = zloom_print_int (object, "report_age_ms");
    s_report (report, &node->report);
    s_names (json_object_get (object, "consumes"), &node->takes, &node->take_count);
    s_names (sends, &node->gives, &node->give_count);
    for (size_t i = 0; i < node->give_count; i++) {
        node->give_credit += json_integer_value (json_array_get (json_array_get (sends, i), 1));
    }
}

/* What a router says of itself and its disk. */
static void
s_router (const json_t *stats, zloom_view_t *view)
{
    const json_t *journal = json_object_get (stats, "journal");
    const char *name = zloom_print_string (stats, "router");
    zloom_view_router_t *router = &view->routers[view->router_count++];
    *router = (zloom_view_router_t){
      .disk_full = json_is_true (json_object_get (journal, "disk_full")),
      .last_sync_ns = zloom_print_int (journal, "last_sync_ns"),
      .last_sync_age_ms = zloom_print_int (journal, "last_sync_age_ms"),
      .syncing_ms = zloom_print_int (journal, "syncing_ms"),
      .syncs = zloom_print_int (journal, "syncs"),
      .group = zloom_print_int (journal, "group"),
      .durable = zloom_print_int (journal, "durable"),
    };
    (void) snprintf (router->name, sizeof router->name, "%s", name);
    /* It has no session with itself. */
    if (name[0] && !zloom_view_node (view, name)) {
        zloom_view_node_t *node = &view->nodes[view->node_count++];
        *node = (zloom_view_node_t){.connected = true, .next_ms = -1};
        (void) snprintf (node->name, sizeof node->name, "%s", name);
        (void) snprintf (node->role, sizeof node->role, "router");
    }
}

/* Those of buses that are durable. */
static void
s_groups (const json_t *subscribers, zloom_view_t *view)
{
    size_t index = 0;
    const json_t *object = NULL;
    view->groups = zloom_alloc ((json_array_size (subscribers) + 1) * sizeof *view->groups);
    json_array_foreach (subscribers, index, object)
    {
        if (json_is_true (json_object_get (object, "durable"))) {
            zloom_view_group_t *group = &view->groups[view->group_count++];
            *group = (zloom_view_group_t){.lag = zloom_print_int (object, "lag"),
                                          .consumers = zloom_print_int (object, "consumers")};
            (void) snprintf (group->flow, sizeof group->flow, "%s",
                             zloom_print_string (object, "flow"));
            (void) snprintf (group->name, sizeof group->name, "%s",
                             zloom_print_string (object, "group"));
        }
    }
}

static void
s_from_stats (const json_t *stats, zloom_view_t *view)
{
    const json_t *flows = json_object_get (stats, "flows");
    const json_t *sessions = json_object_get (stats, "sessions");
    size_t index = 0;
    const json_t *object = NULL;
    const json_t *routers = json_object_get (stats, "routers");
    view->flows = zloom_alloc ((json_array_size (flows) + 1) * sizeof *view->flows);
    json_array_foreach (flows, index, object)
    {
        s_flow (object, &view->flows[view->flow_count++]);
    }
    s_groups (json_object_get (stats, "subscribers"), view);
    view->routers = zloom_alloc ((json_array_size (routers) + 1) * sizeof *view->routers);
    view->nodes = zloom_alloc ((json_array_size (sessions) + json_array_size (routers) + 2) *
                               sizeof *view->nodes);
    json_array_foreach (sessions, index, object)
    {
        /* The supervisor has a session with each router, and so have programs. */
        if (!routers || !zloom_view_node (view, zloom_print_string (object, "name"))) {
            s_node (object, &view->nodes[view->node_count++]);
        }
    }
    if (!routers) {
        s_router (stats, view);
    }
    json_array_foreach (routers, index, object)
    {
        s_router (object, view);
    }
}

/* A node of this name, made when there is none. */
static zloom_view_node_t *
s_find_or_add (zloom_view_t *view, const char *name, size_t *capacity)
{
    for (size_t i = 0; i < view->node_count; i++) {
        if (strcmp (view->nodes[i].name, name) == 0) {
            return &view->nodes[i];
        }
    }
    zloom_grow (&view->nodes, capacity, view->node_count + 1, sizeof *view->nodes);
    zloom_view_node_t *node = &view->nodes[view->node_count++];
    *node = (zloom_view_node_t){.next_ms = -1};
    (void) snprintf (node->name, sizeof node->name, "%s", name);
    return node;
}

static void
s_from_ps (const json_t *answer, zloom_view_t *view)
{
    size_t capacity = view->node_count;
    size_t index = 0;
    const json_t *unit = NULL;
    json_array_foreach (json_object_get (answer, "nodes"), index, unit)
    {
        zloom_view_node_t *node =
          s_find_or_add (view, zloom_print_string (unit, "unit"), &capacity);
        const json_t *next = json_object_get (unit, "next_ms");
        const int64_t starts = zloom_print_int (unit, "starts");
        node->supervised = true;
        (void) snprintf (node->role, sizeof node->role, "%s", zloom_print_string (unit, "kind"));
        (void) snprintf (node->state, sizeof node->state, "%s", zloom_print_string (unit, "state"));
        (void) snprintf (node->end, sizeof node->end, "%s", zloom_print_string (unit, "last_end"));
        node->restarts = starts > 0 ? starts - 1 : 0;
        node->next_ms = json_is_integer (next) ? json_integer_value (next) : -1;
        node->pid = zloom_print_int (unit, "pid");
    }
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The supervisor, too; `code` is what became of the session with the router. */
static int
s_join_supervisor (zloom_looker_t *self, int code)
{
    if (code != ZLOOM_EXIT_OK && code != ZLOOM_EXIT_NOT_RUNNING) {
        return code;
    }
    self->control.cli = self->cli;
    self->control.paths = self->target.paths;
    /* A router that runs alone has no supervisor to ask: so much the less is known. */
    self->supervised = zloom_control_connect_to (&self->control) == ZLOOM_OK;
    if (!self->supervised) {
        zloom_control_close (&self->control);
    }
    return self->supervised ? ZLOOM_EXIT_OK : code;
}

/* A handshake with keys takes several ways to another host and back. */
static void
s_choose_wait (zloom_looker_t *self)
{
    const zloom_endpoints_t *endpoints = &self->target.endpoints;
    bool far = false;
    for (size_t i = 0; i < endpoints->count; i++) {
        far = far || zloom_address_is_far (endpoints->items[i]);
    }
    if (self->wait_ms == ZLOOM_LOOKER_SOON) {
        self->wait_ms = far ? SOON_FAR_MS : SOON_MS;
    }
}

int
zloom_looker_open (const zloom_cli_t *cli, const char *word, int64_t wait_ms, zloom_looker_t *self)
{
    *self = (zloom_looker_t){.cli = cli, .wait_ms = wait_ms, .control = {.fd = -1}};
    int code = zloom_target_find (cli, word, &self->target);
    s_choose_wait (self);
    code = code ? code
                : zloom_routers_open (cli, &self->target.endpoints, self->wait_ms, &self->routers);
    return s_join_supervisor (self, code);
}

int
zloom_looker_open_topology (const zloom_cli_t *cli, const char *word, int64_t wait_ms,
                            zloom_looker_t *self)
{
    *self = (zloom_looker_t){.cli = cli, .wait_ms = wait_ms, .control = {.fd = -1}};
    const int code = zloom_control_find (cli, word, &self->control);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_target_t *target = &self->target;
    target->paths = self->control.paths;
    zloom_err_t err = zloom_paths_read_endpoints (&target->paths, &target->endpoints);
    s_choose_wait (self);
    return s_join_supervisor (
      self, err == ZLOOM_OK
              ? zloom_routers_open (cli, &target->endpoints, self->wait_ms, &self->routers)
              : zloom_cli_fail (cli, err));
}

void
zloom_looker_close (zloom_looker_t *self)
{
    zloom_routers_close (&self->routers);
    if (self->supervised) {
        zloom_control_close (&self->control);
    }
    self->supervised = false;
}

/* What the supervisor says, if it still says anything. */
static void
s_look_at_units (zloom_looker_t *self, zloom_view_t *view)
{
    json_t *answer = NULL;
    zloom_err_t err = zloom_control_send (&self->control, "ps", NULL);
    if (err == ZLOOM_OK) {
        err = zloom_control_receive (&self->control, ZLOOM_CLI_WAIT_MS, &answer);
    }
    if (err != ZLOOM_OK) {
        zloom_control_close (&self->control);
        self->supervised = false;
        return;
    }
    s_from_ps (answer, view);
    json_decref (answer);
}

/* "flows.NAME.KEY": NAME, and what is behind it; NULL: it is none of a flow. */
static const char *
s_flow_of (const char *path, char name[ZLOOM_VIEW_NAME])
{
    const char *dot = strncmp (path, "flows.", 6) == 0 ? strchr (path + 6, '.') : NULL;
    if (!dot || dot - path - 6 >= ZLOOM_VIEW_NAME) {
        return NULL;
    }
    (void) snprintf (name, ZLOOM_VIEW_NAME, "%.*s", (int) (dot - path - 6), path + 6);
    return dot + 1;
}

/* The first router is that of flows that name none. */
static const char *
s_first_router (const zloom_view_t *view)
{
    for (size_t i = 0; i < view->node_count; i++) {
        if (strcmp (view->nodes[i].role, "router") == 0) {
            return view->nodes[i].name;
        }
    }
    return "router";
}

static void
s_from_recipe (const json_t *answer, zloom_view_t *view)
{
    const json_t *values = json_object_get (answer, "values");
    char name[ZLOOM_VIEW_NAME];
    size_t index = 0;
    const json_t *value = NULL;
    view->plans = zloom_alloc ((json_array_size (values) + 1) * sizeof *view->plans);
    json_array_foreach (values, index, value)
    {
        const char *key = s_flow_of (zloom_print_string (value, "path"), name);
        zloom_view_plan_t *last = view->plan_count > 0 ? &view->plans[view->plan_count - 1] : NULL;
        if (key && (!last || strcmp (last->flow, name) != 0)) {
            last = &view->plans[view->plan_count++];
            (void) snprintf (last->flow, sizeof last->flow, "%s", name);
            (void) snprintf (last->router, sizeof last->router, "%s", s_first_router (view));
        }
        if (key && strcmp (key, "via") == 0) {
            (void) snprintf (last->router, sizeof last->router, "%s",
                             zloom_print_string (value, "value"));
        }
    }
}

/* What lives on a router that does not answer, or not to this key, its supervisor knows. */
static void
s_look_at_plan (zloom_looker_t *self, zloom_view_t *view)
{
    json_t *answer = NULL;
    zloom_err_t err = zloom_control_send (&self->control, "recipe", NULL);
    if (err == ZLOOM_OK) {
        err = zloom_control_receive (&self->control, ZLOOM_CLI_WAIT_MS, &answer);
    }
    if (err == ZLOOM_OK) {
        s_from_recipe (answer, view);
        json_decref (answer);
    }
}

int
zloom_looker_look (zloom_looker_t *self, zloom_view_t *view)
{
    int code = ZLOOM_EXIT_OK;
    *view = (zloom_view_t){.at_ns = 0};
    if (self->routers.count > 0) {
        zloom_ask_args_t args = {.count = 0};
        json_t *stats = NULL;
        code = zloom_routers_ask (&self->routers, "stats", &args, &stats);
        zloom_ask_clear (&args);
        if (code == ZLOOM_EXIT_OK) {
            s_from_stats (stats, view);
            json_decref (stats);
        }
    }
    view->at_ns = zloom_clock_mono_ns ();
    if (self->supervised) {
        s_look_at_units (self, view);
    }
    view->silent = self->routers.silent;
    view->waited_ms = self->wait_ms;
    if (self->supervised && zloom_routers_left_out (&self->routers) != ZLOOM_EXIT_OK) {
        s_look_at_plan (self, view);
    }
    return code;
}

size_t
zloom_looker_wait (zloom_looker_t *self, int64_t until_ns, const int *fds, size_t fd_count)
{
    struct pollfd items[ZLOOM_LOOKER_FDS + ZLOOM_ROUTERS_MAX];
    const size_t routers = self->routers.count;
    zloom_assert (fd_count <= ZLOOM_LOOKER_FDS);
    for (size_t i = 0; i < fd_count; i++) {
        items[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    for (;;) {
        /* A session that is lost is noticed by the next question. */
        for (size_t i = 0; i < routers; i++) {
            (void) zloom_client_dispatch (self->routers.clients[i]);
            items[fd_count + i] =
              (struct pollfd){.fd = zloom_client_fd (self->routers.clients[i]), .events = POLLIN};
        }
        const int64_t left_ns = until_ns - zloom_clock_mono_ns ();
        if (left_ns <= 0) {
            return 0;
        }
        const int64_t left_ms = left_ns / ZLOOM_NS_PER_MS + 1;
        (void) poll (items, (nfds_t) (fd_count + routers), left_ms < 1000 ? (int) left_ms : 1000);
        for (size_t i = 0; i < fd_count; i++) {
            if (items[i].revents) {
                return i + 1;
            }
        }
    }
}
