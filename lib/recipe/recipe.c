/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/model.h"
#include "recipe/registry.h"

void
zloom_recipe_destroy (zloom_recipe_t **self_p)
{
    zloom_assert (self_p);
    zloom_recipe_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    for (size_t i = 0; i < self->fragments.count; i++) {
        zloom_tree_destroy (&self->fragments.items[i].tree);
    }
    zloom_pool_destroy (&self->pool);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

const char *
zloom_recipe_name (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->name;
}

void
zloom_recipe_hide_secrets (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    zloom_secrets_hide (self->secrets);
}

const char *
zloom_recipe_file (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->fragments.items[0].file;
}

const char *
zloom_recipe_dir (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->fragments.items[0].dir;
}

const zloom_registry_t *
zloom_recipe_registry (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->registry;
}

const zloom_tree_node_t *
zloom_recipe_tree (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->fragments.items[0].root;
}

size_t
zloom_recipe_node_count (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->node_count;
}

const zloom_recipe_node_t *
zloom_recipe_node_at (const zloom_recipe_t *self, size_t index)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    zloom_assert (index < self->node_count);
    return &self->nodes[index];
}

size_t
zloom_recipe_flow_count (const zloom_recipe_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    return self->flow_count;
}

const zloom_recipe_flow_t *
zloom_recipe_flow_at (const zloom_recipe_t *self, size_t index)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    zloom_assert (index < self->flow_count);
    return &self->flows[index];
}

const zloom_recipe_node_t *
zloom_recipe_node (const zloom_recipe_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp (self->nodes[i].name, name) == 0) {
            return &self->nodes[i];
        }
    }
    return NULL;
}

const zloom_recipe_flow_t *
zloom_recipe_flow (const zloom_recipe_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    for (size_t i = 0; i < self->flow_count; i++) {
        if (strcmp (self->flows[i].name, name) == 0) {
            return &self->flows[i];
        }
    }
    return NULL;
}

/* ---- edges --------------------------------------------------------------------------------- */

/* Whether one of the ends is this node; NULL looks for external. */
static bool
s_has_end (const zloom_recipe_end_t *ends, size_t count, const zloom_recipe_node_t *node)
{
    for (size_t i = 0; i < count; i++) {
        if (ends[i].node == node) {
            return true;
        }
    }
    return false;
}

const zloom_recipe_flow_t *
zloom_recipe_next_in (const zloom_recipe_t *self, const zloom_recipe_node_t *node, size_t *cursor)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    while (*cursor < self->flow_count) {
        const zloom_recipe_flow_t *flow = &self->flows[(*cursor)++];
        if (s_has_end (flow->to, flow->to_count, node)) {
            return flow;
        }
    }
    return NULL;
}

const zloom_recipe_flow_t *
zloom_recipe_next_out (const zloom_recipe_t *self, const zloom_recipe_node_t *node, size_t *cursor)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    while (*cursor < self->flow_count) {
        const zloom_recipe_flow_t *flow = &self->flows[(*cursor)++];
        if (s_has_end (flow->from, flow->from_count, node)) {
            return flow;
        }
    }
    return NULL;
}

size_t
zloom_recipe_in_count (const zloom_recipe_t *self, const zloom_recipe_node_t *node)
{
    size_t count = 0;
    for (size_t i = 0; zloom_recipe_next_in (self, node, &i);) {
        count++;
    }
    return count;
}

size_t
zloom_recipe_out_count (const zloom_recipe_t *self, const zloom_recipe_node_t *node)
{
    size_t count = 0;
    for (size_t i = 0; zloom_recipe_next_out (self, node, &i);) {
        count++;
    }
    return count;
}

const zloom_recipe_node_t *
zloom_recipe_home (const zloom_recipe_t *self, const zloom_recipe_node_t *node)
{
    size_t cursor = 0;
    if (node->of || node->kind == self->registry->implicit) {
        return node->of ? node->of : node;
    }
    const zloom_recipe_flow_t *in = zloom_recipe_next_in (self, node, &cursor);
    cursor = 0;
    const zloom_recipe_flow_t *out = zloom_recipe_next_out (self, node, &cursor);
    return in ? in->via : !out ? NULL : out->mirror ? out->mirror : out->via;
}

const zloom_recipe_node_t *
zloom_recipe_gate (const zloom_recipe_t *self, const zloom_recipe_node_t *node)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_recipe_next_in (self, node, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            if (flow->to[j].node == node && flow->to[j].through) {
                return flow->to[j].through;
            }
        }
    }
    return zloom_recipe_home (self, node);
}

bool
zloom_recipe_hears (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *edge)
{
    for (size_t i = 0; i < flow->to_count; i++) {
        if (flow->to[i].through == edge) {
            return true;
        }
    }
    return false;
}

const zloom_recipe_node_t *
zloom_recipe_next_edge (const zloom_recipe_t *self, size_t *cursor)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    while (*cursor < self->node_count) {
        const zloom_recipe_node_t *node = &self->nodes[(*cursor)++];
        if (node->kind && node->kind == self->registry->edge) {
            return node;
        }
    }
    return NULL;
}

bool
zloom_recipe_carries (const zloom_recipe_t *self, const zloom_recipe_node_t *router,
                      const zloom_recipe_flow_t *flow)
{
    if (!flow->via || flow->via == router) {
        return false;
    }
    bool carries = flow->mirror == router;
    for (size_t i = 0; i < flow->from_count && !carries; i++) {
        const zloom_recipe_node_t *node = flow->from[i].node;
        carries =
          node && node->kind && node->kind->takes && zloom_recipe_home (self, node) == router;
    }
    return carries;
}

const zloom_recipe_node_t *
zloom_recipe_next_router (const zloom_recipe_t *self, size_t *cursor)
{
    ZLOOM_CHECK (self, ZLOOM_RECIPE_TAG);
    while (*cursor < self->node_count) {
        const zloom_recipe_node_t *node = &self->nodes[(*cursor)++];
        if (node->kind && node->kind == self->registry->implicit) {
            return node;
        }
    }
    return NULL;
}

bool
zloom_recipe_from_external (const zloom_recipe_flow_t *flow)
{
    return s_has_end (flow->from, flow->from_count, NULL);
}

bool
zloom_recipe_to_external (const zloom_recipe_flow_t *flow)
{
    return s_has_end (flow->to, flow->to_count, NULL);
}
