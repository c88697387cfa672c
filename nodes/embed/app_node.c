/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/embed/app_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "launch/plan.h"
#include "patterns/node_config.h"
#include "recipe/registry.h"

/* The args point into the app and to the name here: it stays where it is until the app is gone. */
struct zloom_app_node {
    zloom_node_args_t args; /* first: what the actor functions take */
    zloom_app_node_t *next;
    char name[ZLOOM_NAME_MAX + 24];
};

void
zloom_app_free_nodes (zloom_app_t *self)
{
    while (self->nodes) {
        zloom_app_node_t *node = self->nodes;
        self->nodes = node->next;
        free (node);
    }
}

/* The node whose unit has this name, and the unit's name as the plan has it. */
static const zloom_recipe_node_t *
s_find (const zloom_app_t *self, const char *name, char *unit, size_t size)
{
    for (size_t i = 0; i < zloom_recipe_node_count (self->recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (self->recipe, i);
        for (int64_t replica = 1; replica <= zloom_plan_replicas (node); replica++) {
            zloom_plan_unit_name (node, replica, unit, size);
            if (strcmp (unit, name) == 0 || (replica == 1 && strcmp (node->name, name) == 0)) {
                return node;
            }
        }
    }
    (void) zloom_fail (ZLOOM_NOT_FOUND, "recipe %s has no node '%s'",
                       zloom_recipe_name (self->recipe), name);
    return NULL;
}

/* A router is its topology for those who look for it; each speaks for all of the recipe. */
static zloom_err_t
s_announce (zloom_app_t *self, const zloom_node_args_t *args)
{
    char *endpoints = NULL;
    zloom_err_t err = zloom_app_lock (self);
    if (err == ZLOOM_OK) {
        err = zloom_node_doors (args, &endpoints);
    }
    err = err == ZLOOM_OK ? zloom_paths_write_endpoint (&self->paths, endpoints) : err;
    free (endpoints);
    return err;
}

static zloom_err_t
s_prepare (zloom_app_t *self, const zloom_node_args_t *args)
{
    zloom_err_t err = zloom_app_need_actor (self, args->node);
    if (err == ZLOOM_OK) {
        err = zloom_app_place (self);
    }
    if (err == ZLOOM_OK && args->node->kind->id == ZLOOM_NODE_ROUTER) {
        err = s_announce (self, args);
    }
    return err;
}

void *
zloom_app_node (zloom_app_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_APP_TAG);
    if (zloom_app_need_recipe (self) != ZLOOM_OK) {
        return NULL;
    }
    zloom_app_node_t *node = zloom_alloc (sizeof *node);
    node->args = (zloom_node_args_t){
      .recipe = self->recipe,
      .node = s_find (self, name, node->name, sizeof node->name),
      .name = node->name,
      .state_dir = self->paths.state,
      .runtime_dir = self->paths.runtime,
      .actors = self->actors,
      .actor_count = self->actor_count,
      .ready_fd = -1,
      .stop_fd = -1,
      .drain_ns = ZLOOM_NODE_DRAIN_NS,
    };
    if (!node->args.node || s_prepare (self, &node->args) != ZLOOM_OK) {
        free (node);
        return NULL;
    }
    node->next = self->nodes;
    self->nodes = node;
    return &node->args;
}
