/* SPDX-License-Identifier: MPL-2.0 */
/* via.c - which routers a flow is sent to at and lives on, and what is carried between them. */
#include <string.h>

#include "recipe/build.h"

/* Without a word of it a flow lives on the first router: a recipe with one need not name it. */
static const zloom_recipe_node_t *
s_first (const zloom_recipe_t *recipe)
{
    size_t cursor = 0;
    return zloom_recipe_next_router (recipe, &cursor);
}

/* The router that the value of this key names; NULL with a report. */
static const zloom_recipe_node_t *
s_router (zloom_load_t *self, const zloom_tree_node_t *tree, const char *key)
{
    zloom_recipe_t *recipe = self->recipe;
    if (!zloom_reader_is_short (&self->reader, tree, key)) {
        return NULL;
    }
    const zloom_fragment_t *home = zloom_reader_home (&self->reader, tree);
    const char *name =
      zloom_fragments_find (&recipe->fragments, home, ZLOOM_SIDE_NODES, tree->text, recipe->pool);
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name ? name : tree->text);
    if (!node) {
        zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, tree->text);
        size_t cursor = 0;
        const zloom_recipe_node_t *router;
        while ((router = zloom_recipe_next_router (recipe, &cursor))) {
            zloom_suggest_offer (&suggest, router->name);
        }
        zloom_reader_error (&self->reader, "Z0301", tree,
                            zloom_reader_did_you_mean (&self->reader, &suggest),
                            "there is no router '%.60s'", tree->text);
        return NULL;
    }
    if (node->kind && node->kind != self->registry->implicit) {
        zloom_reader_error (&self->reader, "Z0308", tree, "name a node of kind: router",
                            "'%s' is a %s: flows live on routers", tree->text, node->kind->name);
        return NULL;
    }
    return node;
}

/* {from: a, to: b}, both routers and not the same. */
static bool
s_mirror (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_recipe_flow_t *flow)
{
    const bool map = tree->kind == ZLOOM_TREE_MAP;
    const zloom_tree_node_t *from = map ? zloom_tree_get (tree, "from") : NULL;
    const zloom_tree_node_t *to = map ? zloom_tree_get (tree, "to") : NULL;
    if (!from || !to || tree->count > 2) {
        return zloom_reader_wrong_shape (&self->reader, tree, "mirror", "a map of from and to",
                                         "as in mirror: {from: edge, to: hub}");
    }
    flow->mirror = s_router (self, from, "from");
    const zloom_recipe_node_t *there = s_router (self, to, "to");
    if (!flow->mirror || !there) {
        return false;
    }
    if (flow->mirror == there || (zloom_tree_get (flow->tree, "via") && flow->via != there)) {
        zloom_reader_error (&self->reader, "Z0329", to,
                            flow->mirror == there ? "name another router" : "leave `via` out",
                            flow->mirror == there ? "'%s' is carried from a router to itself"
                                                  : "'%s' lives on one router by `via`, and on "
                                                    "another by `mirror`",
                            flow->name);
        return false;
    }
    flow->via = there;
    return true;
}

bool
zloom_build_via (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_recipe_flow_t *flow)
{
    const zloom_tree_node_t *via = zloom_tree_get (tree, "via");
    const zloom_tree_node_t *mirror = zloom_tree_get (tree, "mirror");
    flow->via = via ? s_router (self, via, "via") : s_first (self->recipe);
    return flow->via && (!mirror || s_mirror (self, mirror, flow));
}

/* ---- edges --------------------------------------------------------------------------------- */

void
zloom_build_edges (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    for (size_t i = 0; i < recipe->node_count; i++) {
        zloom_recipe_node_t *node = &recipe->nodes[i];
        if (!node->kind || node->kind != self->registry->edge) {
            continue;
        }
        const zloom_tree_node_t *of = zloom_tree_get (node->tree, "of");
        node->of = of ? s_router (self, of, "of") : s_first (recipe);
        node->sound = node->sound && node->of;
        if (node->of) { /* the default is written down, and a fragment's name stands before it */
            const zloom_field_t *field =
              zloom_field_find (node->kind->fields, node->kind->field_count, "of");
            char *config = (char *) (uintptr_t) node->config;
            *(const char **) (void *) (config + field->offset) = node->of->name;
        }
    }
}

bool
zloom_build_through (zloom_load_t *self, const zloom_tree_node_t *map, zloom_recipe_end_t *end)
{
    const zloom_recipe_t *recipe = self->recipe;
    const zloom_tree_node_t *tree = map ? zloom_tree_get (map, "through") : NULL;
    if (!tree || tree->kind != ZLOOM_TREE_SCALAR) {
        return true; /* nothing, or nothing that its field takes: reported */
    }
    const zloom_fragment_t *home = zloom_reader_home (&self->reader, tree);
    const char *name =
      zloom_fragments_find (&recipe->fragments, home, ZLOOM_SIDE_NODES, tree->text, recipe->pool);
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name ? name : tree->text);
    if (node && node->kind && node->kind == self->registry->edge) {
        end->through = node;
        return true;
    }
    if (node && node->kind) {
        zloom_reader_error (&self->reader, "Z0308", tree, "name a node of kind: forwarder",
                            "'%s' is a %s: a bus is heard through a forwarder", tree->text,
                            node->kind->name);
        return false;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, tree->text);
    size_t cursor = 0;
    const zloom_recipe_node_t *edge;
    while ((edge = zloom_recipe_next_edge (recipe, &cursor))) {
        zloom_suggest_offer (&suggest, edge->name);
    }
    if (!node) {
        zloom_reader_error (&self->reader, "Z0301", tree,
                            zloom_reader_did_you_mean (&self->reader, &suggest),
                            "there is no forwarder '%.60s'", tree->text);
    }
    return false; /* or its kind was reported */
}

/* ---- carriers ------------------------------------------------------------------------------ */

static bool
s_carries (const zloom_recipe_t *recipe, const zloom_recipe_node_t *router)
{
    for (size_t i = 0; i < recipe->flow_count; i++) {
        if (recipe->flows[i].sound && zloom_recipe_carries (recipe, router, &recipe->flows[i])) {
            return true;
        }
    }
    return false;
}

void
zloom_build_carriers (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    const size_t count = recipe->node_count;
    for (size_t i = 0; self->registry->carrier && i < count; i++) {
        const zloom_recipe_node_t *router = &recipe->nodes[i];
        if (router->kind != self->registry->implicit || !s_carries (recipe, router)) {
            continue;
        }
        const char *name = zloom_pool_format (recipe->pool, "%s-bridge", router->name);
        const zloom_recipe_node_t *other = zloom_recipe_node (recipe, name);
        if (other) {
            zloom_reader_error (&self->reader, "Z0210", other->tree->key, "choose another name",
                                "'%s' is the name of the node that carries from router '%s'", name,
                                router->name);
            continue;
        }
        zloom_build_add_node (self, self->registry->carrier, name)->of = router;
    }
}
