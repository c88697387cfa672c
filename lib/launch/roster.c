/* SPDX-License-Identifier: MPL-2.0 */
/*
 * roster.c - the list of processes as an operator changes it while the topology runs: more or fewer
 * replicas, nodes that are drained and started again. Nothing of it outlives the supervisor: at the
 * next start the recipe decides.
 */
#include "launch/supervisor_state.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/units.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"
#include "recipe/tree.h"

#include <stdio.h>
#include <string.h>

bool
zloom_roster_means (const zloom_proc_t *proc, const char *name)
{
    const zloom_plan_unit_t *plan = zloom_proc_plan (proc);
    return strcmp (plan->name, name) == 0 || strcmp (plan->node->name, name) == 0 ||
           zloom_plan_names (plan->node->name, plan->replica, name);
}

bool
zloom_roster_has (const zloom_supervisor_t *self, const char *name)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], name)) {
            return true;
        }
    }
    return false;
}

/* A process that is on its way out has its name yet: two of one name fence each other. */
static bool
s_is_leaving (const zloom_supervisor_t *self, const char *node)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        if (strcmp (zloom_proc_plan (self->procs[i])->node->name, node) == 0 &&
            zloom_proc_leaves (self->procs[i])) {
            return true;
        }
    }
    return false;
}

static zloom_err_t
s_not_running (const zloom_supervisor_t *self)
{
    return self->phase == ZLOOM_PHASE_DRAINING
             ? zloom_fail (ZLOOM_DRAINING, "the topology is draining")
             : zloom_fail (ZLOOM_AGAIN, "the topology is starting yet");
}

/* A node of that name, while the topology runs. */
static zloom_err_t
s_check_name (const zloom_supervisor_t *self, const char *name)
{
    if (self->phase != ZLOOM_PHASE_RUNNING) {
        return s_not_running (self);
    }
    return zloom_roster_has (self, name)
             ? ZLOOM_OK
             : zloom_fail (ZLOOM_NOT_FOUND, "no node '%.80s' here", name);
}

static bool
s_is_router (const zloom_supervisor_t *self, const char *name)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], name)) {
            return zloom_proc_plan (self->procs[i])->rank == ZLOOM_ROUTER_RANK;
        }
    }
    return false;
}

/* The same, and it may be stopped. */
static zloom_err_t
s_check (const zloom_supervisor_t *self, const char *name)
{
    const zloom_err_t err = s_check_name (self, name);
    if (err == ZLOOM_OK && s_is_router (self, name)) {
        return zloom_fail (ZLOOM_INVALID,
                           "'%.80s' is the router, the others cannot do without "
                           "it: zloom down stops all",
                           name);
    }
    return err;
}

zloom_err_t
zloom_roster_stop (zloom_supervisor_t *self, const char *name, int64_t mono_ns, int64_t *count)
{
    const zloom_err_t err = s_check (self, name);
    for (size_t i = 0; err == ZLOOM_OK && i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], name) && !zloom_proc_leaves (self->procs[i])) {
            *count += zloom_proc_alive (self->procs[i]) ? 1 : 0;
            zloom_proc_stop (self->procs[i], zloom_time_add (mono_ns, self->config.grace_ns));
        }
    }
    return err;
}

zloom_err_t
zloom_roster_start (zloom_supervisor_t *self, const char *name, int64_t mono_ns, int64_t *count)
{
    const zloom_err_t err = s_check_name (self, name);
    for (size_t i = 0; err == ZLOOM_OK && i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], name) &&
            zloom_proc_again (self->procs[i], mono_ns)) {
            (*count)++;
        }
    }
    if (err == ZLOOM_OK && *count == 0 && s_is_router (self, name)) {
        return zloom_fail (ZLOOM_INVALID,
                           "'%.80s' is a router, which is never paused: its flows are, each by its "
                           "name",
                           name);
    }
    return err;
}

/* ---- nodes that come and go ----------------------------------------------------------------- */

bool
zloom_roster_uses (const zloom_supervisor_t *self, const zloom_recipe_t *recipe)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        const zloom_recipe_node_t *node = zloom_proc_plan (self->procs[i])->node;
        if (zloom_recipe_node (recipe, node->name) == node) {
            return true;
        }
    }
    return false;
}

static const zloom_plan_unit_t *
s_planned (const zloom_plan_t *plan, const char *node)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp (plan->units[i].node->name, node) == 0) {
            return &plan->units[i];
        }
    }
    return NULL;
}

/*
 * All nodes of the recipe that counts. Which of them run on this host says the fleet, as it was at
 * the start; of one that came since then, whoever orders it has looked.
 */
static void
s_plan (const zloom_supervisor_t *self, zloom_plan_t *plan)
{
    zloom_plan_init (plan, zloom_recipes_latest (self), NULL);
}

void
zloom_roster_adopt (zloom_supervisor_t *self)
{
    zloom_plan_t plan;
    s_plan (self, &plan);
    for (size_t i = 0; i < self->proc_count; i++) {
        zloom_proc_t *proc = self->procs[i];
        const zloom_plan_unit_t *unit = s_planned (&plan, zloom_proc_plan (proc)->node->name);
        if (unit && !zloom_proc_leaves (proc)) {
            zloom_proc_adopt (proc, unit->node, unit->rank);
        }
        const int rank = zloom_proc_plan (proc)->rank;
        self->highest_rank = rank > self->highest_rank ? rank : self->highest_rank;
    }
    zloom_plan_fini (&plan);
}

static void
s_add (zloom_supervisor_t *self, const zloom_plan_unit_t *plan, int64_t mono_ns)
{
    zloom_grow (&self->procs, &self->proc_capacity, self->proc_count + 1, sizeof (zloom_proc_t *));
    zloom_proc_t *proc = zloom_proc_new (&self->config, zloom_recipes_latest (self), plan);
    self->procs[self->proc_count++] = proc;
    self->highest_rank = plan->rank > self->highest_rank ? plan->rank : self->highest_rank;
    zloom_proc_start (proc, mono_ns);
}

zloom_err_t
zloom_roster_add (zloom_supervisor_t *self, const char *name, int64_t mono_ns, int64_t *count)
{
    if (zloom_roster_has (self, name)) {
        const zloom_err_t err = s_check (self, name);
        if (err == ZLOOM_OK && s_is_leaving (self, name)) {
            return zloom_fail (ZLOOM_AGAIN, "'%.80s' is leaving yet; try again when it has", name);
        }
        return err;
    }
    if (self->phase != ZLOOM_PHASE_RUNNING) {
        return s_not_running (self);
    }
    zloom_plan_t plan;
    s_plan (self, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        if (strcmp (plan.units[i].node->name, name) == 0) {
            s_add (self, &plan.units[i], mono_ns);
            (*count)++;
        }
    }
    zloom_plan_fini (&plan);
    return *count > 0 ? ZLOOM_OK
                      : zloom_fail (ZLOOM_NOT_FOUND, "the recipe has no node '%.80s'", name);
}

zloom_err_t
zloom_roster_remove (zloom_supervisor_t *self, const char *name, int64_t mono_ns, int64_t *count)
{
    if (self->phase == ZLOOM_PHASE_RUNNING && !zloom_roster_has (self, name)) {
        return ZLOOM_OK;
    }
    const zloom_err_t err = s_check (self, name);
    if (err == ZLOOM_OK && zloom_recipe_node (zloom_recipes_latest (self), name)) {
        return zloom_fail (ZLOOM_INVALID, "'%.80s' stands in the recipe; to stop it: zloom drain",
                           name);
    }
    for (size_t i = 0; err == ZLOOM_OK && i < self->proc_count; i++) {
        zloom_proc_t *proc = self->procs[i];
        if (strcmp (zloom_proc_plan (proc)->node->name, name) == 0 && !zloom_proc_leaves (proc)) {
            *count += zloom_proc_alive (proc) ? 1 : 0;
            zloom_proc_leave (proc, zloom_time_add (mono_ns, self->config.grace_ns));
        }
    }
    return err;
}

/* ---- scale ---------------------------------------------------------------------------------- */

static zloom_proc_t *
s_replica (const zloom_supervisor_t *self, const zloom_recipe_node_t *node, int64_t replica)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        const zloom_plan_unit_t *plan = zloom_proc_plan (self->procs[i]);
        if (plan->node == node && plan->replica == replica && !zloom_proc_leaves (self->procs[i])) {
            return self->procs[i];
        }
    }
    return NULL;
}

static void
s_add_replica (zloom_supervisor_t *self, const zloom_plan_unit_t *like, int64_t replica,
               int64_t mono_ns)
{
    zloom_plan_unit_t plan = *like;
    plan.replica = replica;
    zloom_plan_unit_name (plan.node, replica, plan.name, sizeof plan.name);
    s_add (self, &plan, mono_ns);
}

/* A limit of the param that the replicas come from, as the recipe says it. */
static void
s_limit_of_param (const zloom_supervisor_t *self, const char *param, const char *word,
                  int64_t *limit)
{
    const zloom_tree_node_t *params =
      zloom_tree_get (zloom_recipe_tree (zloom_recipes_latest (self)), "params");
    const zloom_tree_node_t *at = zloom_tree_get (zloom_tree_get (params, param), word);
    int64_t number = 0;
    if (at && at->kind == ZLOOM_TREE_SCALAR && zloom_parse_int (at->text, &number) == ZLOOM_OK) {
        *limit = number;
    }
}

/*
 * How often it may run: as the field says, or the param that stands there; both may be others in a
 * recipe that was adopted than in that of the start.
 */
static zloom_err_t
s_check_limits (const zloom_supervisor_t *self, const zloom_recipe_node_t *node, int64_t replicas)
{
    static const char by_param[] = "param ";
    int64_t least = 1;
    int64_t most = ZLOOM_REPLICAS_MAX;
    const zloom_tree_node_t *at = zloom_tree_get (node->tree, "replicas");
    char param[ZLOOM_NAME_MAX + 1] = "";
    if (at && at->via && strncmp (at->via, by_param, strlen (by_param)) == 0) {
        const char *name = at->via + strlen (by_param);
        (void) snprintf (param, sizeof param, "%.*s", (int) strcspn (name, " "), name);
        s_limit_of_param (self, param, "min", &least);
        s_limit_of_param (self, param, "max", &most);
    }
    if (replicas >= least && replicas <= most) {
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_INVALID, "'%s' has %lld to %lld replicas%s%s; to stop it: zloom drain",
                       node->name, (long long) least, (long long) most,
                       *param ? ", says its param " : "", param);
}

zloom_err_t
zloom_roster_scale (zloom_supervisor_t *self, const char *name, int64_t replicas, int64_t mono_ns,
                    int64_t *were)
{
    const zloom_err_t err = s_check (self, name);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_recipe_node_t *node = zloom_recipe_node (zloom_recipes_latest (self), name);
    if (!node || node->kind->id != ZLOOM_NODE_WORKER) {
        return zloom_fail (ZLOOM_INVALID, "'%.80s' is no worker: only those have replicas", name);
    }
    if (s_check_limits (self, node, replicas) != ZLOOM_OK) {
        return ZLOOM_INVALID;
    }
    if (s_is_leaving (self, node->name)) {
        return zloom_fail (ZLOOM_AGAIN,
                           "replicas of '%s' are leaving yet; try again when they "
                           "have (zloom wait)",
                           node->name);
    }
    while (s_replica (self, node, *were + 1)) {
        (*were)++;
    }
    const zloom_plan_unit_t like = *zloom_proc_plan (s_replica (self, node, 1));
    for (int64_t replica = *were + 1; replica <= replicas; replica++) {
        s_add_replica (self, &like, replica, mono_ns);
    }
    for (int64_t replica = *were; replica > replicas; replica--) {
        zloom_proc_leave (s_replica (self, node, replica),
                          zloom_time_add (mono_ns, self->config.grace_ns));
    }
    zloom_log (ZLOOM_LOG_INFO, "scale", "node=%s replicas=%lld were=%lld", node->name,
               (long long) replicas, (long long) *were);
    return ZLOOM_OK;
}

void
zloom_roster_sweep (zloom_supervisor_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->proc_count; i++) {
        zloom_proc_t *proc = self->procs[i];
        if (zloom_proc_leaves (proc) && !zloom_proc_alive (proc)) {
            zloom_proc_destroy (&proc);
        } else {
            self->procs[kept++] = proc;
        }
    }
    self->proc_count = kept;
    zloom_recipes_sweep (self);
}
