/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/plan.h"

#include "base/memory.h"
#include "base/tag.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t
zloom_plan_replicas (const zloom_recipe_node_t *node)
{
    if (node->kind->id != ZLOOM_NODE_WORKER) {
        return 1;
    }
    return ((const zloom_worker_config_t *) node->config)->replicas;
}

void
zloom_plan_unit_name (const zloom_recipe_node_t *node, int64_t replica, char *name, size_t size)
{
    if (zloom_plan_replicas (node) > 1 || replica > 1) {
        (void) snprintf (name, size, "%s.%lld", node->name, (long long) replica);
    } else {
        (void) snprintf (name, size, "%s", node->name);
    }
}

bool
zloom_plan_names (const char *node, int64_t replica, const char *name)
{
    char own[ZLOOM_NAME_MAX + 24];
    (void) snprintf (own, sizeof own, "%s.%lld", node, (long long) replica);
    return strcmp (own, name) == 0;
}

static size_t
s_index (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node)
{
    size_t i = 0;
    while (zloom_recipe_node_at (recipe, i) != node) {
        i++;
    }
    return i;
}

/*
 * One more than the highest rank of those who take what the node sends; `ranks` holds what is known
 * (0: not yet, -1: under way, which is how a circle is noticed and cut). A chain is as deep as the
 * recipe has nodes, and the recipe's size bounds that.
 */
static int
s_rank (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node, int *ranks)
{
    size_t index = s_index (recipe, node);
    if (ranks[index] != 0) {
        return ranks[index] < 0 ? 0 : ranks[index];
    }
    ranks[index] = -1;
    int highest = 0;
    const zloom_recipe_flow_t *flow = NULL;
    for (size_t i = 0; (flow = zloom_recipe_next_out (recipe, node, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            if (flow->to[j].node) {
                int rank = s_rank (recipe, flow->to[j].node, ranks);
                highest = rank > highest ? rank : highest;
            }
        }
    }
    ranks[index] = highest + 1;
    return ranks[index];
}

/* By rank, then by place in the recipe, then by replica: a stable insertion sort. */
static void
s_sort (zloom_plan_unit_t *units, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        zloom_plan_unit_t unit = units[i];
        size_t at = i;
        while (at > 0 && units[at - 1].rank > unit.rank) {
            units[at] = units[at - 1];
            at--;
        }
        units[at] = unit;
    }
}

bool
zloom_plan_is_here (const zloom_plan_here_t *here, const char *node)
{
    return !here || here->runs (here->arg, node);
}

void
zloom_plan_init (zloom_plan_t *self, const zloom_recipe_t *recipe, const zloom_plan_here_t *here)
{
    *self = (zloom_plan_t){NULL, 0};
    size_t nodes = zloom_recipe_node_count (recipe);
    int *ranks = zloom_alloc ((nodes + 1) * sizeof *ranks);
    size_t capacity = 0;
    for (size_t i = 0; i < nodes; i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        bool router = node->kind->id == ZLOOM_NODE_ROUTER;
        /* Edges behind the routers, before all who may hear through them. */
        bool edge = node->kind->id == ZLOOM_NODE_EDGE;
        int rank = router ? 0 : edge ? 1 : 1 + s_rank (recipe, node, ranks);
        int64_t replicas = zloom_plan_is_here (here, node->name) ? zloom_plan_replicas (node) : 0;
        for (int64_t r = 1; r <= replicas; r++) {
            zloom_grow (&self->units, &capacity, self->count + 1, sizeof *self->units);
            zloom_plan_unit_t *unit = &self->units[self->count++];
            *unit =
              (zloom_plan_unit_t){.node = node, .replica = r, .replicas = replicas, .rank = rank};
            zloom_plan_unit_name (node, r, unit->name, sizeof unit->name);
        }
    }
    free (ranks);
    s_sort (self->units, self->count);
}

void
zloom_plan_fini (zloom_plan_t *self)
{
    free (self->units);
    *self = (zloom_plan_t){NULL, 0};
}
