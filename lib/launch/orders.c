/* SPDX-License-Identifier: MPL-2.0 */
/*
 * orders.c - what a running supervisor is asked and told over its control socket: one table of
 * verbs. docs/operations.md describes them.
 *
 *   verb    takes            answers
 *   ps      -                {topology, phase, since_ms, pid, threads, nodes [{unit, node, kind,
 *                            replica, state, pid, up_ms, starts, restarts, next_ms, last_end,
 *                            ended_ms, memory_bytes}…]}; what is not known is null
 *   down    grace_ms?, now?  {limit_ms}, how long it takes at most, with more; then, when all has
 *                            stopped, {topology, by_force, text}, or the supervisor's own error
 *   wait    for, node?       {} once it is so: "ready" (all nodes, or only this one, serve or have
 *                            done their work), "running" (all have been ready once), "idle" (all
 *                            are, and no work is left), "still" (no process of this node runs);
 *                            DRAINING, CHILD: it will not be
 *   stop    node             {processes}: the node drains, and is left alone (node: also a unit, or
 *                            NODE.N: the first replica may be called as its node is)
 *   start   node             {processes}: what was stopped, is done, has failed or waits for its
 *                            restart is started now, with its whole budget (INVALID: a router of
 *                            which nothing is to be started)
 *   scale   node, replicas   {were}: a worker runs so often from now on
 *   add     node             {processes}: a node of the recipe that was adopted is started, on
 *                            whatever host the fleet has placed it; 0: it runs already
 *   remove  node             {processes}: one that is not in it drains and is forgotten
 *   recipe  -                {path, values [{path, value, source, …}…], open [path…]}: the recipe
 *                            that is taken over whole, and what is of a later one in part
 *   adopt   sets, changed?   {adopted}: read the recipe's file again; what is started from now on
 *                            gets these --set values (what runs is not touched); the paths in
 *                            "changed" are open until it is settled (without: it is at once)
 *   settle  adopted          {settled}: what was adopted with this answer is taken over whole
 */
#include "launch/supervisor_state.h"

#include "base/log.h"
#include "launch/memory_of.h"
#include "recipe/registry.h"

#include <string.h>
#include <unistd.h>

/* A day: what is asked for beyond is a mistake. */
#define LONGEST_GRACE_MS INT64_C (86400000)

/* One request while it is worked on. */
typedef struct {
    zloom_supervisor_t *self;
    zloom_control_ticket_t ticket;
    const json_t *request;
    int64_t mono_ns;
} s_order_t;

/* ---- what comes with a request -------------------------------------------------------------- */

/* A whole number in [0, most]; `otherwise` when it is not there; false after an answer. */
static bool
s_number (const s_order_t *order, const char *name, int64_t most, int64_t otherwise,
          int64_t *number)
{
    const json_t *value = json_object_get (order->request, name);
    *number = value ? json_integer_value (value) : otherwise;
    if (value && (!json_is_integer (value) || *number < 0 || *number > most)) {
        zloom_control_socket_fail (order->self->control, order->ticket, ZLOOM_INVALID,
                                   "\"%s\" is a whole number from 0 to %lld", name,
                                   (long long) most);
        return false;
    }
    return true;
}

static bool
s_flag (const s_order_t *order, const char *name)
{
    return json_is_true (json_object_get (order->request, name));
}

/* ---- ps ------------------------------------------------------------------------------------- */

static const char *
s_phase_text (zloom_phase_t phase)
{
    static const char *const texts[] = {
      [ZLOOM_PHASE_STARTING] = "starting",
      [ZLOOM_PHASE_RUNNING] = "running",
      [ZLOOM_PHASE_DRAINING] = "draining",
    };
    return texts[phase];
}

/* A number that is known, or null. */
static json_t *
s_known (bool known, int64_t number)
{
    return known ? json_integer (number) : json_null ();
}

static json_t *
s_unit (const zloom_supervisor_t *self, const zloom_proc_t *proc, int64_t mono_ns)
{
    zloom_proc_view_t view;
    zloom_proc_look (proc, &view);
    const zloom_plan_unit_t *plan = zloom_proc_plan (proc);
    const bool waits = view.state == ZLOOM_UNIT_BACKOFF && view.deadline_ns > mono_ns;
    const int64_t memory = view.pid > 0 && !self->config.threads ? zloom_memory_of (view.pid) : -1;
    json_t *unit = json_object ();
    json_object_set_new (unit, "unit", json_string (plan->name));
    json_object_set_new (unit, "node", json_string (plan->node->name));
    json_object_set_new (unit, "kind", json_string (plan->node->kind->name));
    json_object_set_new (unit, "replica", json_integer (plan->replica));
    json_object_set_new (unit, "state", json_string (zloom_unit_state_text (view.state)));
    json_object_set_new (unit, "pid", s_known (view.pid > 0, view.pid));
    json_object_set_new (
      unit, "up_ms", s_known (view.started_ns > 0, (mono_ns - view.started_ns) / ZLOOM_NS_PER_MS));
    json_object_set_new (unit, "starts", json_integer ((json_int_t) view.starts));
    json_object_set_new (unit, "restarts", json_integer (view.restarts));
    json_object_set_new (unit, "next_ms",
                         s_known (waits, (view.deadline_ns - mono_ns) / ZLOOM_NS_PER_MS));
    json_object_set_new (unit, "last_end",
                         view.end_text[0] ? json_string (view.end_text) : json_null ());
    json_object_set_new (unit, "ended_ms",
                         s_known (view.ended_ns > 0, view.ended_ns / ZLOOM_NS_PER_MS));
    json_object_set_new (unit, "memory_bytes", s_known (memory >= 0, memory));
    return unit;
}

static void
s_ps (const s_order_t *order)
{
    const zloom_supervisor_t *self = order->self;
    json_t *answer = json_object ();
    json_object_set_new (answer, "topology", json_string (zloom_recipe_name (self->config.recipe)));
    json_object_set_new (answer, "phase", json_string (s_phase_text (self->phase)));
    json_object_set_new (answer, "since_ms", json_integer (self->started_ns / ZLOOM_NS_PER_MS));
    json_object_set_new (answer, "pid", json_integer (getpid ()));
    json_object_set_new (answer, "threads", json_boolean (self->config.threads != NULL));
    json_t *nodes = json_array ();
    for (size_t i = 0; i < self->proc_count; i++) {
        json_array_append_new (nodes, s_unit (self, self->procs[i], order->mono_ns));
    }
    json_object_set_new (answer, "nodes", nodes);
    zloom_control_socket_answer (order->self->control, order->ticket, answer, false);
}

/* ---- down ----------------------------------------------------------------------------------- */

static void
s_down (const s_order_t *order)
{
    zloom_supervisor_t *self = order->self;
    int64_t grace_ms = 0;
    if (!s_number (order, "grace_ms", LONGEST_GRACE_MS, self->config.grace_ns / ZLOOM_NS_PER_MS,
                   &grace_ms)) {
        return;
    }
    const int64_t grace_ns = grace_ms * ZLOOM_NS_PER_MS;
    zloom_waits_add (self, order->ticket, ZLOOM_WAIT_DOWN, "");
    if (self->phase != ZLOOM_PHASE_DRAINING) {
        self->config.grace_ns = grace_ns;
        zloom_supervisor_stop (self, order->mono_ns, "told to go down");
    } else if (json_object_get (order->request, "grace_ms")) {
        /* A drain that is under way can be given less time, and never more. */
        const int64_t kill_at_ns = zloom_time_add (order->mono_ns, grace_ns);
        self->kill_at_ns = kill_at_ns < self->kill_at_ns ? kill_at_ns : self->kill_at_ns;
    }
    if (s_flag (order, "now") && self->stop_requests < 2) {
        self->stop_requests = 2;
    }
    const int64_t limit_ns = grace_ns + (self->highest_rank + 1) * (int64_t) ZLOOM_RANK_GRACE_NS;
    json_t *answer = json_object ();
    json_object_set_new (answer, "limit_ms", json_integer (limit_ns / ZLOOM_NS_PER_MS));
    zloom_control_socket_answer (self->control, order->ticket, answer, true);
}

/* ---- wait ----------------------------------------------------------------------------------- */

static void
s_wait (const s_order_t *order)
{
    static const struct {
        const char *word;
        zloom_wait_t what;
    } waits[] = {{"ready", ZLOOM_WAIT_READY},
                 {"running", ZLOOM_WAIT_RUNNING},
                 {"idle", ZLOOM_WAIT_IDLE},
                 {"still", ZLOOM_WAIT_STILL}};
    zloom_supervisor_t *self = order->self;
    const char *word = json_string_value (json_object_get (order->request, "for"));
    const json_t *given = json_object_get (order->request, "node");
    const char *node = given ? json_string_value (given) : "";
    zloom_wait_t what = 0;
    for (size_t i = 0; word && i < sizeof waits / sizeof *waits; i++) {
        what = strcmp (waits[i].word, word) == 0 ? waits[i].what : what;
    }
    const bool one = what == ZLOOM_WAIT_READY || what == ZLOOM_WAIT_STILL;
    if (what == 0 || !node || (given && !one) || (!given && what == ZLOOM_WAIT_STILL)) {
        zloom_control_socket_fail (self->control, order->ticket, ZLOOM_INVALID,
                                   "\"for\" is \"ready\", there with a \"node\" or without, "
                                   "\"still\" with a \"node\", \"running\" or \"idle\"");
    } else if (given && what == ZLOOM_WAIT_READY && !zloom_roster_has (self, node)) {
        zloom_control_socket_fail (self->control, order->ticket, ZLOOM_NOT_FOUND,
                                   "no node '%.80s' here", node);
    } else {
        zloom_waits_add (self, order->ticket, what, node);
    }
}

/* ---- single nodes --------------------------------------------------------------------------- */

typedef zloom_err_t (s_node_fn) (zloom_supervisor_t *self, const char *name, int64_t mono_ns,
                                 int64_t *count);

static void
s_answer_count (const s_order_t *order, zloom_err_t err, const char *name, int64_t count)
{
    if (err != ZLOOM_OK) {
        zloom_control_socket_fail (order->self->control, order->ticket, err, "%s", zloom_note ());
        return;
    }
    json_t *answer = json_object ();
    json_object_set_new (answer, name, json_integer (count));
    zloom_control_socket_answer (order->self->control, order->ticket, answer, false);
}

static void
s_node (const s_order_t *order, s_node_fn *act)
{
    const char *name = json_string_value (json_object_get (order->request, "node"));
    int64_t count = 0;
    const zloom_err_t err = name ? act (order->self, name, order->mono_ns, &count)
                                 : zloom_fail (ZLOOM_INVALID, "\"node\" is missing");
    s_answer_count (order, err, "processes", count);
}

static void
s_stop (const s_order_t *order)
{
    s_node (order, zloom_roster_stop);
}

static void
s_start (const s_order_t *order)
{
    s_node (order, zloom_roster_start);
}

static void
s_add (const s_order_t *order)
{
    s_node (order, zloom_roster_add);
}

static void
s_remove (const s_order_t *order)
{
    s_node (order, zloom_roster_remove);
}

static void
s_scale (const s_order_t *order)
{
    const char *name = json_string_value (json_object_get (order->request, "node"));
    int64_t replicas = 0;
    int64_t were = 0;
    if (!s_number (order, "replicas", ZLOOM_REPLICAS_MAX, 0, &replicas)) {
        return;
    }
    const zloom_err_t err =
      name ? zloom_roster_scale (order->self, name, replicas, order->mono_ns, &were)
           : zloom_fail (ZLOOM_INVALID, "\"node\" is missing");
    s_answer_count (order, err, "were", were);
}

/* ---- the recipe ----------------------------------------------------------------------------- */

static void
s_recipe (const s_order_t *order)
{
    zloom_control_socket_answer (order->self->control, order->ticket,
                                 zloom_recipes_show (order->self), false);
}

static void
s_adopt (const s_order_t *order)
{
    const zloom_err_t err =
      zloom_recipes_adopt (order->self, json_object_get (order->request, "sets"),
                           json_object_get (order->request, "changed"));
    s_answer_count (order, err, "adopted", order->self->adoptions);
}

static void
s_settle (const s_order_t *order)
{
    const json_t *adoption = json_object_get (order->request, "adopted");
    const zloom_err_t err = json_is_integer (adoption)
                              ? zloom_recipes_settle (order->self, json_integer_value (adoption))
                              : zloom_fail (ZLOOM_INVALID, "\"adopted\" is a whole number");
    s_answer_count (order, err, "settled", 1);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct {
    const char *verb;
    void (*run) (const s_order_t *order);
} s_verbs[] = {
  {"ps", s_ps},         {"down", s_down},   {"wait", s_wait},     {"stop", s_stop},
  {"start", s_start},   {"scale", s_scale}, {"add", s_add},       {"remove", s_remove},
  {"recipe", s_recipe}, {"adopt", s_adopt}, {"settle", s_settle},
};

void
zloom_orders_take (void *arg, zloom_control_ticket_t ticket, const char *verb,
                   const json_t *request)
{
    zloom_supervisor_t *self = arg;
    const s_order_t order = {self, ticket, request, zloom_clock_mono_ns ()};
    for (size_t i = 0; i < sizeof s_verbs / sizeof *s_verbs; i++) {
        if (strcmp (s_verbs[i].verb, verb) == 0) {
            s_verbs[i].run (&order);
            return;
        }
    }
    zloom_control_socket_fail (self->control, ticket, ZLOOM_UNSUPPORTED,
                               "this supervisor knows no verb '%.60s'", verb);
}
