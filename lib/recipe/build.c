/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/build.h"

#include <string.h>

#include "base/tag.h"
#include "recipe/lint.h"

#define VALUE "'%.60s'"

/* ---- tables of the shape ------------------------------------------------------------------- */

static const zloom_field_t s_top_fields[] = {
  ZLOOM_F_SHAPE ("zloom", true, "the version of the recipe language", "zloom: 1")
    ZLOOM_F_SHAPE ("name", true, "the topology's name", "name: orders") ZLOOM_F_SHAPE (
      "params", false, "values that --set can change", "params: {workers: {type: int, default: 4}}")
      ZLOOM_F_SHAPE ("nodes", false, "who does the work",
                     "nodes: {charge: {kind: worker, run: [python3, charge.py]}}")
        ZLOOM_F_SHAPE ("flows", true, "how messages travel",
                       "flows: {orders: {pattern: queue, from: external, to: charge}}")
          ZLOOM_F_SHAPE ("allow", false, "warnings that are meant, each with a reason",
                         "allow: {Z0402: \"shown on purpose\"}")
            ZLOOM_F_LATER ("secrets", "use ${env.NAME} until then")
              ZLOOM_F_LATER ("defaults", "write the fields out until then")
                ZLOOM_F_LATER ("use", "write the nodes and flows out until then")};

static const zloom_field_t s_node_fields[] = {
  ZLOOM_F_SHAPE ("kind", true, "what the node is", "kind: worker")
    ZLOOM_F_SHAPE ("allow", false, "warnings that are meant, each with a reason",
                   "allow: {Z0402: \"shown on purpose\"}")
      ZLOOM_F_LATER ("secrets", "use ${env.NAME} until then")
        ZLOOM_F_LATER ("use", "write the fields out until then")};

static const zloom_field_t s_flow_fields[] = {
  ZLOOM_F_SHAPE ("pattern", true, "how its messages travel", "pattern: queue")
    ZLOOM_F_SHAPE ("from", false, "who sends: nodes, or external for programs and the command line",
                   "from: [shop, external]")
      ZLOOM_F_SHAPE ("to", false, "who takes: nodes, or external for programs and the command line",
                     "to: charge")
        ZLOOM_F_SHAPE ("allow", false, "warnings that are meant, each with a reason",
                       "allow: {Z0402: \"shown on purpose\"}")
          ZLOOM_F_LATER ("via", "every flow lives on the recipe's one router")
            ZLOOM_F_LATER ("mirror", "every flow lives on the recipe's one router")};

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
zloom_build_check_name (zloom_load_t *self, const zloom_tree_node_t *node, const char *what)
{
    if (zloom_reader_is_name (node->text) && strcmp (node->text, ZLOOM_EXTERNAL) != 0) {
        return true;
    }
    bool taken = strcmp (node->text, ZLOOM_EXTERNAL) == 0;
    zloom_reader_error (&self->reader, "Z0210", node,
                        taken ? "it stands for programs outside the recipe" : ZLOOM_NAME_HINT,
                        taken ? "%s cannot be named " VALUE : "%s has a bad name: " VALUE, what,
                        node->text);
    return false;
}

/* ---- kinds --------------------------------------------------------------------------------- */

static const zloom_kind_t *
s_find_kind (const zloom_kind_t *kinds, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
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
        zloom_reader_error (&self->reader, "Z0202", owner->key,
                            is_node ? "as in kind: worker" : "as in pattern: queue",
                            "%s has no '%s'", what, key);
        return NULL;
    }
    if (!zloom_reader_is_short (&self->reader, node, key)) {
        return NULL;
    }
    const zloom_kind_t *kind = s_find_kind (kinds, count, node->text);
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

/* A config of the kind, read from the map (NULL: all defaults). */
static void *
s_read_config (zloom_load_t *self, const zloom_kind_t *kind, zloom_field_table_t common,
               const zloom_tree_node_t *map, const char *what, const char *name, bool *sound)
{
    void *config = zloom_pool_alloc (self->recipe->pool, kind->config_size);
    zloom_field_table_t fields = {kind->fields, kind->field_count};
    *sound = zloom_reader_read (&self->reader, fields, common, map, what, config) && *sound;
    if (kind->finish) {
        kind->finish (config, name);
    }
    return config;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static void
s_read_node (zloom_load_t *self, const zloom_tree_node_t *tree)
{
    zloom_recipe_t *recipe = self->recipe;
    zloom_recipe_node_t *node = &recipe->nodes[recipe->node_count++];
    char *what = zloom_pool_format (recipe->pool, "node " VALUE, tree->key->text);
    *node = (zloom_recipe_node_t){.name = tree->key->text, .at = tree->key->at, .tree = tree};
    node->sound = zloom_build_check_name (self, tree->key, "a node");
    if (tree->kind != ZLOOM_TREE_MAP) {
        node->sound = zloom_reader_wrong_shape (&self->reader, tree, node->name, "a map",
                                                "as in {kind: worker, run: [python3, work.py]}");
        return;
    }
    zloom_lint_check_allow (self->registry, tree, self->reader.diags);
    node->kind = s_read_kind (self, tree, "kind", what);
    if (!node->kind) {
        node->sound = false;
        return;
    }
    node->config = s_read_config (self, node->kind, zloom_recipe_node_fields (), tree, what,
                                  node->name, &node->sound);
    const char *implicit = self->registry->implicit_name;
    if (implicit && node->kind != self->registry->implicit && !strcmp (node->name, implicit)) {
        zloom_reader_error (&self->reader, "Z0210", tree->key, "choose another name",
                            "'%s' is the name of the recipe's own %s", implicit,
                            self->registry->implicit->name);
        node->sound = false;
    }
    for (size_t i = 0; node->kind->single && i + 1 < recipe->node_count; i++) {
        if (recipe->nodes[i].kind == node->kind) {
            zloom_reader_error (&self->reader, "Z0209", tree->key, "leave one",
                                "a second %s is not in this version", node->kind->name);
        }
    }
}

static void
s_add_implicit (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    const zloom_kind_t *kind = self->registry->implicit;
    for (size_t i = 0; i < recipe->node_count; i++) {
        if (!kind || recipe->nodes[i].kind == kind) {
            return;
        }
    }
    if (!kind) {
        return;
    }
    bool sound = true;
    void *config = s_read_config (self, kind, zloom_recipe_node_fields (), NULL, kind->name,
                                  self->registry->implicit_name, &sound);
    zloom_assert (sound); /* a table whose defaults do not pass is a bug that any test shows */
    recipe->nodes[recipe->node_count++] = (zloom_recipe_node_t){
      .name = self->registry->implicit_name,
      .kind = kind,
      .config = config,
      .sound = true,
    };
}

/* ---- flows --------------------------------------------------------------------------------- */

static void
s_report_end (zloom_load_t *self, const zloom_tree_node_t *tree)
{
    zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, tree->text);
    for (size_t i = 0; i < self->recipe->node_count; i++) {
        if (self->recipe->nodes[i].tree) {
            zloom_suggest_offer (&suggest, self->recipe->nodes[i].name);
        }
    }
    zloom_suggest_offer (&suggest, ZLOOM_EXTERNAL);
    const char *hint = zloom_tree_get (self->reader.flows, tree->text)
                         ? "that is a flow; a flow goes from node to node"
                         : zloom_reader_did_you_mean (&self->reader, &suggest);
    zloom_reader_error (&self->reader, "Z0301", tree, hint, "there is no node " VALUE, tree->text);
}

static bool
s_read_end (zloom_load_t *self, const zloom_tree_node_t *tree, bool takes, zloom_recipe_end_t *end)
{
    const char *side = takes ? "to" : "from";
    if (!zloom_reader_is_short (&self->reader, tree, side)) {
        return false;
    }
    *end = (zloom_recipe_end_t){.name = tree->text, .at = tree->at};
    if (strcmp (tree->text, ZLOOM_EXTERNAL) == 0) {
        return true;
    }
    end->node = zloom_recipe_node (self->recipe, tree->text);
    if (!end->node) {
        s_report_end (self, tree);
        return false;
    }
    const zloom_kind_t *kind = end->node->kind;
    if (kind && !(takes ? kind->takes : kind->sends)) {
        zloom_reader_error (&self->reader, "Z0308", tree, NULL,
                            takes ? "'%s' is a %s: it takes nothing"
                                  : "'%s' is a %s: it sends nothing",
                            tree->text, kind->name);
        return false;
    }
    return true;
}

/* The ends of one side: a name or a list of names. False when one was wrong. */
static bool
s_read_ends (zloom_load_t *self, const zloom_tree_node_t *tree, bool takes,
             const zloom_recipe_end_t **ends_p, size_t *count_p)
{
    if (!tree) {
        return true;
    }
    if (tree->kind == ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (&self->reader, tree, takes ? "to" : "from",
                                         "a node or a list of nodes", "as in [charge, email]");
    }
    bool list = tree->kind == ZLOOM_TREE_LIST;
    size_t most = list ? tree->count : 1;
    zloom_recipe_end_t *ends = zloom_pool_alloc (self->recipe->pool, most * sizeof *ends);
    size_t count = 0;
    bool good = true;
    const zloom_tree_node_t *item = list ? tree->first : tree;
    for (size_t i = 0; i < most; i++, item = item->next) {
        bool taken = s_read_end (self, item, takes, &ends[count]);
        for (size_t j = 0; taken && j < count; j++) {
            if (ends[j].node == ends[count].node) {
                zloom_reader_error (&self->reader, "Z0316", item, NULL, "'%s' stands here twice",
                                    item->text);
                taken = false;
            }
        }
        count += taken ? 1 : 0;
        good = taken && good;
    }
    *ends_p = ends;
    *count_p = count;
    return good;
}

static void
s_read_flow (zloom_load_t *self, const zloom_tree_node_t *tree)
{
    zloom_recipe_t *recipe = self->recipe;
    zloom_recipe_flow_t *flow = &recipe->flows[recipe->flow_count++];
    char *what = zloom_pool_format (recipe->pool, "flow " VALUE, tree->key->text);
    *flow = (zloom_recipe_flow_t){.name = tree->key->text, .at = tree->key->at, .tree = tree};
    flow->sound = zloom_build_check_name (self, tree->key, "a flow");
    if (tree->kind != ZLOOM_TREE_MAP) {
        flow->sound = zloom_reader_wrong_shape (&self->reader, tree, flow->name, "a map",
                                                "as in {pattern: queue, from: shop, to: charge}");
        return;
    }
    zloom_lint_check_allow (self->registry, tree, self->reader.diags);
    bool from =
      s_read_ends (self, zloom_tree_get (tree, "from"), false, &flow->from, &flow->from_count);
    bool to = s_read_ends (self, zloom_tree_get (tree, "to"), true, &flow->to, &flow->to_count);
    flow->sound = flow->sound && from && to;
    flow->pattern = s_read_kind (self, tree, "pattern", what);
    if (!flow->pattern) {
        flow->sound = false;
        return;
    }
    flow->config = s_read_config (self, flow->pattern, zloom_recipe_flow_fields (), tree, what,
                                  flow->name, &flow->sound);
}

void
zloom_build_nodes (zloom_load_t *self, const zloom_tree_node_t *map)
{
    zloom_recipe_t *recipe = self->recipe;
    size_t count = (map ? map->count : 0) + 1; /* and the implicit one */
    recipe->nodes = zloom_pool_alloc (recipe->pool, count * sizeof *recipe->nodes);
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        s_read_node (self, tree);
    }
    s_add_implicit (self);
}

void
zloom_build_flows (zloom_load_t *self, const zloom_tree_node_t *map)
{
    zloom_recipe_t *recipe = self->recipe;
    size_t count = map ? map->count : 0;
    recipe->flows = zloom_pool_alloc (recipe->pool, count * sizeof *recipe->flows);
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        s_read_flow (self, tree);
    }
}
