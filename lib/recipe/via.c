/* SPDX-License-Identifier: MPL-2.0 */
/* via.c - which router a flow lives on. */
#include <string.h>

#include "recipe/build.h"

/* Without a word of it a flow lives on the first router: a recipe with one need not name it. */
static const zloom_recipe_node_t *
s_first (const zloom_recipe_t *recipe)
{
    size_t cursor = 0;
    return zloom_recipe_next_router (recipe, &cursor);
}

const zloom_recipe_node_t *
zloom_build_via (zloom_load_t *self, const zloom_tree_node_t *flow)
{
    zloom_recipe_t *recipe = self->recipe;
    const zloom_tree_node_t *tree = zloom_tree_get (flow, "via");
    if (!tree) {
        return s_first (recipe);
    }
    if (!zloom_reader_is_short (&self->reader, tree, "via")) {
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
