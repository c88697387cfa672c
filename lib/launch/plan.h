/* SPDX-License-Identifier: MPL-2.0 */
/*
 * plan.h - from a recipe to the processes to start, in the order to start them: routers, then
 * takers before givers, so that nothing is sent before somebody can work on it. Nodes in a circle
 * come in the recipe's order. Stopping goes the other way round, routers last.
 *
 * Everything borrowed lives as long as the recipe.
 */
#ifndef ZLOOM_LAUNCH_PLAN_H
#define ZLOOM_LAUNCH_PLAN_H

#include "recipe/recipe.h"

typedef struct {
    const zloom_recipe_node_t *node;
    int64_t replica;  /* 1 .. replicas */
    int64_t replicas; /* of this node */
    int rank;         /* units of one rank start together, when all lower ranks are ready */
    char name[ZLOOM_NAME_MAX + 24]; /* "ledger", or "charge.2" where there are several */
} zloom_plan_unit_t;

typedef struct {
    zloom_plan_unit_t *units;
    size_t count;
} zloom_plan_t;

/* Which nodes run on this host, of a recipe that runs on several. */
typedef struct {
    bool (*runs) (void *arg, const char *node);
    void *arg;
} zloom_plan_here_t;

/* `here` NULL: all nodes. */
void zloom_plan_init (zloom_plan_t *self, const zloom_recipe_t *recipe,
                      const zloom_plan_here_t *here);
bool zloom_plan_is_here (const zloom_plan_here_t *here, const char *node);
void zloom_plan_fini (zloom_plan_t *self);
/*
 * The name of one replica of a node, as in the plan; one beyond what the recipe says (`zloom
 * scale`) has its number, too.
 */
void zloom_plan_unit_name (const zloom_recipe_node_t *node, int64_t replica, char *name,
                           size_t size);
/*
 * Whether the name is NODE.N of this replica: also of the first one, that may be called as its node
 * is, which means all of them.
 */
bool zloom_plan_names (const char *node, int64_t replica, const char *name);
/* The most replicas that a worker may have. */
#define ZLOOM_REPLICAS_MAX 256
/* How many processes the node is, by the recipe. */
int64_t zloom_plan_replicas (const zloom_recipe_node_t *node);

#endif
