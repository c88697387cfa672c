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
    return strcmp (plan->name, name) == 0 || strcmp (plan->node->name, name) == 0;
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

static zloom_err_t
s_check (const zloom_supervisor_t *self, const char *name)
{
    if (self->phase != ZLOOM_PHASE_RUNNING) {
        return zloom_fail (self->phase == ZLOOM_PHASE_DRAINING ? ZLOOM_DRAINING : ZLOOM_AGAIN,
                           self->phase == ZLOOM_PHASE_DRAINING ? "the topology is draining"
                                                               : "the topology is starting yet");
    }
    for (size_t i = 0; i < self->proc_count; i++) {
        if (!zloom_roster_means (self->procs[i], name)) {
            continue;
        }
        if (zloom_proc_plan (self->procs[i])->rank == ZLOOM_ROUTER_RANK) {
            return zloom_fail (ZLOOM_INVALID,
                               "'%.80s' is the router, the others cannot do without "
                               "it: zloom down stops all",
                               name);
        }
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_NOT_FOUND, "no node '%.80s' here", name);
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
    const zloom_err_t err = s_check (self, name);
    for (size_t i = 0; err == ZLOOM_OK && i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], name) &&
            zloom_proc_again (self->procs[i], mono_ns)) {
            (*count)++;
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

/* A replica that is on its way out has its name yet: two processes of one name fence each other. */
static bool
s_is_leaving (const zloom_supervisor_t *self, const zloom_recipe_node_t *node)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        if (zloom_proc_plan (self->procs[i])->node == node && zloom_proc_leaves (self->procs[i])) {
            return true;
        }
    }
    return false;
}

static void
s_add (zloom_supervisor_t *self, const zloom_plan_unit_t *like, int64_t replica, int64_t mono_ns)
{
    zloom_plan_unit_t plan = *like;
    plan.replica = replica;
    zloom_plan_unit_name (plan.node, replica, plan.name, sizeof plan.name);
    zloom_grow (&self->procs, &self->proc_capacity, self->proc_count + 1, sizeof (zloom_proc_t *));
    zloom_proc_t *proc = zloom_proc_new (&self->config, &plan);
    self->procs[self->proc_count++] = proc;
    zloom_proc_start (proc, mono_ns);
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
    const zloom_recipe_node_t *now = zloom_recipe_node (zloom_recipes_latest (self), node->name);
    const zloom_tree_node_t *at = zloom_tree_get (now ? now->tree : node->tree, "replicas");
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
    const zloom_recipe_node_t *node = zloom_recipe_node (self->config.recipe, name);
    if (!node || node->kind->id != ZLOOM_NODE_WORKER) {
        return zloom_fail (ZLOOM_INVALID, "'%.80s' is no worker: only those have replicas", name);
    }
    if (s_check_limits (self, node, replicas) != ZLOOM_OK) {
        return ZLOOM_INVALID;
    }
    if (s_is_leaving (self, node)) {
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
        s_add (self, &like, replica, mono_ns);
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
}
