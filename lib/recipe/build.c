/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/build.h"

#include <string.h>

#include "base/tag.h"
#include "recipe/lint.h"

#define VALUE "'%.60s'"

/* ---- tables of the shape ------------------------------------------------------------------- */

static const zloom_field_t s_top_fields[] = {
#include "recipe/top.def"
};
static const zloom_field_t s_node_fields[] = {
#include "recipe/node.def"
};
static const zloom_field_t s_flow_fields[] = {
#include "recipe/flow.def"
};

zloom_field_table_t
zloom_recipe_top_fields (void)
{
    return (zloom_field_table_t){s_top_fields, ZLOOM_COUNT (s_top_fields)};
}

zloom_field_table_t
zloom_recipe_node_fields (void)
{
    return (zloom_field_table_t){s_node_fields, ZLOOM_COUNT (s_node_fields)};
}

zloom_field_table_t
zloom_recipe_flow_fields (void)
{
    return (zloom_field_table_t){s_flow_fields, ZLOOM_COUNT (s_flow_fields)};
}

/* ---- names --------------------------------------------------------------------------------- */

bool
zloom_build_check_name (zloom_load_t *self, const zloom_tree_node_t *node, const char *name,
                        const char *what)
{
    if (zloom_reader_is_name (name) && strcmp (name, ZLOOM_EXTERNAL) != 0) {
        return true;
    }
    bool taken = strcmp (name, ZLOOM_EXTERNAL) == 0;
    zloom_reader_error (&self->reader, "Z0210", node,
                        taken ? "it stands for programs outside the recipe" : ZLOOM_NAME_HINT,
                        taken ? "%s cannot be named " VALUE : "%s has a bad name: " VALUE, what,
                        name);
    return false;
}

/* The name that a node or flow of a file has in the recipe. */
static const char *
s_full_name (zloom_load_t *self, const zloom_fragment_t *fragment, const zloom_tree_node_t *tree)
{
    return fragment->prefix[0]
             ? zloom_pool_format (self->recipe->pool, "%s%s", fragment->prefix, tree->key->text)
             : tree->key->text;
}

/* Whether the name is free; reports where it is taken. Names of one file cannot meet. */
static bool
s_is_free (zloom_load_t *self, const zloom_tree_node_t *key, const char *name, const char *what,
           bool taken, zloom_span_t at)
{
    if (taken) {
        zloom_reader_error (&self->reader, "Z0210", key, "rename one of them",
                            "%s '%.60s' is there already, in line %d of %s", what, name, at.line,
                            zloom_diags_file (self->reader.diags, at.file));
    }
    return !taken;
}

/* A name that is a field's is mostly a field that is indented too little. */
static const char *
s_shape_hint (zloom_load_t *self, const zloom_tree_node_t *tree, const char *otherwise)
{
    return zloom_reader_owner_of (&self->reader, tree->key->text)
             ? "is this line indented too little? it would be a name here, not a key"
             : otherwise;
}

/* ---- kinds --------------------------------------------------------------------------------- */

const zloom_kind_t *
zloom_build_find_kind (const zloom_kind_t *kinds, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Without it nothing is known of the other keys; but one of them may be meant. */
static void
s_report_no_kind (zloom_load_t *self, const zloom_tree_node_t *owner, const char *key,
                  const char *what)
{
    for (const zloom_tree_node_t *child = owner->first; child; child = child->next) {
        zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, child->key->text);
        zloom_suggest_offer (&suggest, key);
        if (suggest.best) {
            zloom_reader_error (&self->reader, "Z0203", child->key,
                                zloom_reader_did_you_mean (&self->reader, &suggest),
                                "unknown key " VALUE " in %s", child->key->text, what);
            return;
        }
    }
    zloom_reader_error (&self->reader, "Z0202", owner->key,
                        strcmp (key, "kind") == 0 ? "as in kind: worker" : "as in pattern: queue",
                        "%s has no '%s'", what, key);
}

/* The kind that `key` of a node or flow names, or NULL with a report. */
static const zloom_kind_t *
s_read_kind (zloom_load_t *self, const zloom_tree_node_t *owner, const char *key, const char *what)
{
    bool is_node = strcmp (key, "kind") == 0;
    const zloom_registry_t *registry = self->registry;
    const zloom_kind_t *kinds = is_node ? registry->nodes : registry->patterns;
    size_t count = is_node ? registry->node_count : registry->pattern_count;
    const zloom_later_t *later = is_node ? registry->later_nodes : registry->later_patterns;
    size_t later_count = is_node ? registry->later_node_count : registry->later_pattern_count;
    const zloom_tree_node_t *node = zloom_tree_get (owner, key);
    if (!node) {
        s_report_no_kind (self, owner, key, what);
        return NULL;
    }
    if (!zloom_reader_is_short (&self->reader, node, key)) {
        return NULL;
    }
    const zloom_kind_t *kind = zloom_build_find_kind (kinds, count, node->text);
    if (kind) {
        return kind;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, node->text);
    for (size_t i = 0; i < later_count; i++) {
        if (strcmp (later[i].word, node->text) == 0) {
            zloom_reader_error (&self->reader, "Z0209", node, NULL,
                                "%s '%s' is not in this version: %s", key, node->text,
                                later[i].help);
            return NULL;
        }
        zloom_suggest_offer (&suggest, later[i].word);
    }
    for (size_t i = 0; i < count; i++) {
        zloom_suggest_offer (&suggest, kinds[i].name);
    }
    const char *hint = zloom_reader_did_you_mean (&self->reader, &suggest);
    for (size_t i = 0; suggest.best && i < later_count; i++) {
        if (strcmp (later[i].word, suggest.best) == 0) {
            hint = zloom_pool_format (self->recipe->pool, "that is a '%s', not in this version: %s",
                                      later[i].word, later[i].help);
        }
    }
    zloom_reader_error (&self->reader, "Z0207", node, hint, "there is no %s " VALUE,
                        is_node ? "kind of node" : "pattern", node->text);
    return NULL;
}

/* A config of the kind, read from the map (NULL: all defaults); `flow`: of this one, or NULL. */
static void *
s_read_config (zloom_load_t *self, const zloom_recipe_flow_t *flow, const zloom_kind_t *kind,
               zloom_field_table_t common, const zloom_tree_node_t *map, const char *what,
               const char *name, bool *sound)
{
    void *config = zloom_pool_alloc (self->recipe->pool, kind->config_size);
    zloom_field_table_t fields = {kind->fields, kind->field_count};
    self->reader.owner = name;
    *sound = zloom_reader_read (&self->reader, fields, common, map, what, config) && *sound;
    if (flow) {
        zloom_ends_join (flow, config);
    }
    if (kind->finish) {
        kind->finish (config, name);
    }
    return config;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static void
s_read_node (zloom_load_t *self, const zloom_fragment_t *fragment, const zloom_tree_node_t *tree)
{
    zloom_recipe_t *recipe = self->recipe;
    const char *name = s_full_name (self, fragment, tree);
    const zloom_recipe_node_t *other = zloom_recipe_node (recipe, name);
    zloom_recipe_node_t *node = &recipe->nodes[recipe->node_count++];
    char *what = zloom_pool_format (recipe->pool, "node " VALUE, name);
    *node = (zloom_recipe_node_t){.name = name, .at = tree->key->at, .tree = tree};
    node->sound = zloom_build_check_name (self, tree->key, name, "a node") &&
                  s_is_free (self, tree->key, name, "a node", other,
                             other ? other->at : (zloom_span_t){.line = 0});
    if (tree->kind != ZLOOM_TREE_MAP) {
        node->sound = zloom_reader_wrong_shape (
          &self->reader, tree, name, "a map",
          s_shape_hint (self, tree, "as in {kind: worker, run: [python3, work.py]}"));
        return;
    }
    zloom_allow_take (self->reader.allow, tree);
    node->kind = s_read_kind (self, tree, "kind", what);
    if (!node->kind) {
        node->sound = false;
        return;
    }
    node->tree = zloom_defaults_join (self, fragment, node->kind, tree, name);
    node->config = s_read_config (self, NULL, node->kind, zloom_recipe_node_fields (), node->tree,
                                  what, name, &node->sound);
    const char *implicit = self->registry->implicit_name;
    if (implicit && node->kind != self->registry->implicit && !strcmp (name, implicit)) {
        zloom_reader_error (&self->reader, "Z0210", tree->key, "choose another name",
                            "'%s' is the name of the recipe's own %s", implicit,
                            self->registry->implicit->name);
        node->sound = false;
    }
}

zloom_recipe_node_t *
zloom_build_add_node (zloom_load_t *self, const zloom_kind_t *kind, const char *name)
{
    zloom_recipe_t *recipe = self->recipe;
    const zloom_fragment_t *own = &recipe->fragments.items[0];
    zloom_recipe_node_t *node = &recipe->nodes[recipe->node_count++];
    *node = (zloom_recipe_node_t){.name = name, .kind = kind, .sound = true};
    self->reader.fragment = own;
    node->tree = zloom_defaults_join (self, own, kind, NULL, name);
    node->config = s_read_config (self, NULL, kind, zloom_recipe_node_fields (), node->tree,
                                  kind->name, name, &node->sound);
    zloom_assert (
      node->sound); /* a table whose defaults do not pass is a bug that any test shows */
    return node;
}

static void
s_add_implicit (zloom_load_t *self)
{
    const zloom_kind_t *kind = self->registry->implicit;
    for (size_t i = 0; i < self->recipe->node_count; i++) {
        if (!kind || self->recipe->nodes[i].kind == kind) {
            return;
        }
    }
    if (kind) {
        (void) zloom_build_add_node (self, kind, self->registry->implicit_name);
    }
}

/* ---- flows --------------------------------------------------------------------------------- */

static void
s_read_flow (zloom_load_t *self, const zloom_fragment_t *fragment, const zloom_tree_node_t *tree)
{
    zloom_recipe_t *recipe = self->recipe;
    const char *name = s_full_name (self, fragment, tree);
    const zloom_recipe_flow_t *other = zloom_recipe_flow (recipe, name);
    zloom_recipe_flow_t *flow = &recipe->flows[recipe->flow_count++];
    char *what = zloom_pool_format (recipe->pool, "flow " VALUE, name);
    *flow = (zloom_recipe_flow_t){.name = name, .at = tree->key->at, .tree = tree};
    flow->sound = zloom_build_check_name (self, tree->key, name, "a flow") &&
                  s_is_free (self, tree->key, name, "a flow", other,
                             other ? other->at : (zloom_span_t){.line = 0});
    if (tree->kind != ZLOOM_TREE_MAP) {
        flow->sound = zloom_reader_wrong_shape (
          &self->reader, tree, name, "a map",
          s_shape_hint (self, tree, "as in {pattern: queue, from: shop, to: charge}"));
        return;
    }
    zloom_allow_take (self->reader.allow, tree);
    flow->sound = zloom_build_via (self, tree, flow) && flow->sound;
    flow->pattern = s_read_kind (self, tree, "pattern", what);
    flow->sound = zloom_ends_read (self, tree, flow) && flow->sound;
    if (!flow->pattern) {
        flow->sound = false;
        return;
    }
    flow->tree = zloom_defaults_join (self, fragment, flow->pattern, tree, name);
    flow->config = s_read_config (self, flow, flow->pattern, zloom_recipe_flow_fields (),
                                  flow->tree, what, name, &flow->sound);
}

/* ---- all files ----------------------------------------------------------------------------- */

/* How many nodes or flows all files have; reports when it is too many. */
static size_t
s_count (zloom_load_t *self, zloom_side_t side)
{
    const zloom_fragments_t *fragments = &self->recipe->fragments;
    size_t count = 0;
    for (size_t i = 0; i < fragments->count; i++) {
        const zloom_fragment_t *fragment = &fragments->items[i];
        const zloom_tree_node_t *map = side == ZLOOM_SIDE_NODES ? fragment->nodes : fragment->flows;
        count += map ? map->count : 0;
        if (count > ZLOOM_RECIPE_FLOWS_MAX) {
            zloom_reader_error (
              &self->reader, "Z0206", map, NULL, "with %s there are more than %d %s",
              fragment->what, ZLOOM_RECIPE_FLOWS_MAX, side == ZLOOM_SIDE_NODES ? "nodes" : "flows");
            self->whole = false;
            return 0;
        }
    }
    return count;
}

void
zloom_build_nodes (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    size_t count = s_count (self, ZLOOM_SIDE_NODES);
    /* And the implicit one, and for each that may be a router its carrier. */
    recipe->nodes = zloom_pool_alloc (recipe->pool, 2 * (count + 1) * sizeof *recipe->nodes);
    for (size_t i = 0; count > 0 && i < recipe->fragments.count; i++) {
        const zloom_fragment_t *fragment = &recipe->fragments.items[i];
        const zloom_tree_node_t *tree = fragment->nodes ? fragment->nodes->first : NULL;
        self->reader.fragment = fragment;
        for (; tree; tree = tree->next) {
            s_read_node (self, fragment, tree);
        }
    }
    s_add_implicit (self);
    zloom_build_edges (self);
}

void
zloom_build_flows (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    size_t count = s_count (self, ZLOOM_SIDE_FLOWS);
    recipe->flows = zloom_pool_alloc (recipe->pool, count * sizeof *recipe->flows);
    for (size_t i = 0; count > 0 && i < recipe->fragments.count; i++) {
        const zloom_fragment_t *fragment = &recipe->fragments.items[i];
        const zloom_tree_node_t *tree = fragment->flows ? fragment->flows->first : NULL;
        self->reader.fragment = fragment;
        for (; tree; tree = tree->next) {
            s_read_flow (self, fragment, tree);
        }
    }
    zloom_build_carriers (self);
}
