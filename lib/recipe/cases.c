/* SPDX-License-Identifier: MPL-2.0 */
/* cases.c - `tests:`: its cases, and their mocks. Steps are read by case_step.c. */
#include <string.h>

#include "recipe/case_read.h"

/* Of each list: more is a program. */
#define CASE_ITEMS_MAX 1000

static const zloom_field_table_t s_none = {NULL, 0};

/* ---- what several need --------------------------------------------------------------------- */

const zloom_tree_node_t *
zloom_case_list (zloom_load_t *self, const zloom_tree_node_t *map, const char *key, const char *as,
                 bool *good)
{
    const zloom_tree_node_t *list = zloom_tree_get (map, key);
    if (!list) {
        return NULL;
    }
    if (list->kind != ZLOOM_TREE_LIST) {
        *good = zloom_reader_wrong_shape (&self->reader, list, key, "a list", as);
        return NULL;
    }
    if (list->count > CASE_ITEMS_MAX) {
        zloom_reader_error (&self->reader, "Z0206", list, "make several cases of it",
                            "'%s' has %zu entries, the most is %d", key, list->count,
                            CASE_ITEMS_MAX);
        *good = false;
        return NULL;
    }
    return list;
}

bool
zloom_case_only (zloom_load_t *self, const zloom_tree_node_t *map, const char *key, bool allowed,
                 const char *why)
{
    const zloom_tree_node_t *node = zloom_tree_get (map, key);
    if (!node || allowed) {
        return true;
    }
    zloom_reader_error (&self->reader, "Z0218", node->key, "take it out", "'%s' means nothing %s",
                        key, why);
    return false;
}

/* Flows that end, or start, at the node: whether this is one of them. */
static bool
s_has_flow (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node, const char *flow,
            bool takes)
{
    const zloom_recipe_flow_t *at;
    for (size_t i = 0; (at = takes ? zloom_recipe_next_in (recipe, node, &i)
                                   : zloom_recipe_next_out (recipe, node, &i));) {
        if (strcmp (at->name, flow) == 0) {
            return true;
        }
    }
    return false;
}

const zloom_recipe_node_t *
zloom_case_taker (zloom_load_t *self, const zloom_tree_node_t *at, const char *name)
{
    const zloom_recipe_t *recipe = self->recipe;
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name);
    if (!node) {
        zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, name);
        for (size_t i = 0; i < recipe->node_count; i++) {
            zloom_suggest_offer (&suggest, recipe->nodes[i].name);
        }
        zloom_reader_error (&self->reader, "Z0301", at,
                            zloom_reader_did_you_mean (&self->reader, &suggest),
                            "there is no node '%.60s'", name);
        return NULL;
    }
    if (node->kind && !node->kind->takes) {
        zloom_reader_error (&self->reader, "Z0308", at,
                            node->kind->sends ? "a case sends in its place" : NULL,
                            "'%s' is a %s: it takes nothing", name, node->kind->name);
        return NULL;
    }
    return node;
}

/* ---- mocks --------------------------------------------------------------------------------- */

static bool
s_read_emit (zloom_load_t *self, const zloom_recipe_node_t *node, const zloom_tree_node_t *tree,
             zloom_case_emit_t *emit)
{
    zloom_reader_t *reader = &self->reader;
    *emit = (zloom_case_emit_t){.message = {.priority = -1}};
    if (tree->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (reader, tree, "emit", "maps in its list",
                                         "as in [{flow: paid, body: {id: 7}}]");
    }
    const zloom_field_table_t fields = zloom_case_table_at (ZLOOM_CASE_TABLE_EMIT)->fields;
    bool good = zloom_reader_read (reader, fields, s_none, tree, "an emitted message", emit);
    good =
      zloom_case_read_body (reader, zloom_tree_get (tree, "body"), &emit->message.body) && good;
    size_t outs = zloom_recipe_out_count (self->recipe, node);
    if (!good || emit->flow) {
        if (good && !s_has_flow (self->recipe, node, emit->flow, false)) {
            zloom_reader_error (&self->reader, "Z0330", zloom_tree_get (tree, "flow"),
                                "name it in 'from:' of the flow", "'%s' does not send to flow '%s'",
                                node->name, emit->flow);
            return false;
        }
        return good;
    }
    size_t cursor = 0;
    if (outs != 1) {
        zloom_reader_error (&self->reader, "Z0330", tree, outs ? "write 'flow:' with one" : NULL,
                            "'%s' has %zu flows to send to, and the message names none", node->name,
                            outs);
        return false;
    }
    emit->flow = zloom_recipe_next_out (self->recipe, node, &cursor)->name;
    return true;
}

static bool
s_read_emits (zloom_load_t *self, const zloom_recipe_node_t *node, const zloom_tree_node_t *tree,
              zloom_case_rule_t *rule)
{
    bool good = true;
    const zloom_tree_node_t *list =
      zloom_case_list (self, tree, "emit", "as in [{flow: paid, body: {id: 7}}]", &good);
    if (!list) {
        return good;
    }
    zloom_case_emit_t *emits =
      zloom_pool_alloc (self->recipe->pool, (list->count + 1) * sizeof *emits);
    for (const zloom_tree_node_t *item = list->first; item; item = item->next) {
        good = s_read_emit (self, node, item, &emits[rule->emit_count++]) && good;
    }
    rule->emits = emits;
    return good;
}

/* What the verdict has no use for. */
static bool
s_check_rule (zloom_load_t *self, const zloom_tree_node_t *tree, const zloom_case_rule_t *rule)
{
    bool fails = rule->verdict == ZLOOM_CASE_RETRY || rule->verdict == ZLOOM_CASE_REJECT ||
                 rule->verdict == ZLOOM_CASE_CRASH;
    bool good = zloom_case_only (self, tree, "emit", rule->verdict == ZLOOM_CASE_ACK,
                                 "with this 'do': only who acks emits");
    good = zloom_case_only (self, tree, "text", fails, "with this 'do': nothing failed") && good;
    good = zloom_case_only (self, tree, "delay", rule->verdict == ZLOOM_CASE_RETRY,
                            "with this 'do': it is for 'retry'") &&
           good;
    return zloom_case_only (self, tree, "takes", rule->verdict != ZLOOM_CASE_HANG,
                            "with 'do: hang', which never ends") &&
           good;
}

static bool
s_read_rule (zloom_load_t *self, const zloom_recipe_node_t *node, const zloom_tree_node_t *tree,
             zloom_case_rule_t *rule)
{
    zloom_reader_t *reader = &self->reader;
    *rule = (zloom_case_rule_t){.delay_ns = -1, .at = zloom_tree_span (tree)};
    if (tree->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (reader, tree, node->name, "rules, each a map",
                                         "as in [{do: retry, times: 2}, {emit: [{}]}]");
    }
    const zloom_field_table_t fields = zloom_case_table_at (ZLOOM_CASE_TABLE_RULE)->fields;
    bool good = zloom_reader_read (reader, fields, s_none, tree, "a rule", rule);
    good = zloom_case_read_body (reader, zloom_tree_get (tree, "body"), &rule->body) && good;
    if (good && rule->flow && !s_has_flow (self->recipe, node, rule->flow, true)) {
        zloom_reader_error (reader, "Z0330", zloom_tree_get (tree, "flow"), NULL,
                            "'%s' takes nothing from flow '%s'", node->name, rule->flow);
        good = false;
    }
    good = s_read_emits (self, node, tree, rule) && good;
    return good && s_check_rule (self, tree, rule);
}

static bool
s_read_mock (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_mock_t *mock)
{
    mock->node = zloom_case_taker (self, tree->key, tree->key->text);
    if (!mock->node) {
        return false;
    }
    if (tree->kind != ZLOOM_TREE_LIST || tree->count == 0 || tree->count > CASE_ITEMS_MAX) {
        return zloom_reader_wrong_shape (&self->reader, tree, tree->key->text, "a list of rules",
                                         "as in [{do: retry, times: 2}, {emit: [{}]}]");
    }
    zloom_case_rule_t *rules = zloom_pool_alloc (self->recipe->pool, tree->count * sizeof *rules);
    bool good = true;
    for (const zloom_tree_node_t *item = tree->first; item; item = item->next) {
        good = s_read_rule (self, mock->node, item, &rules[mock->rule_count++]) && good;
    }
    mock->rules = rules;
    return good;
}

static bool
s_read_mocks (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_t *one)
{
    const zloom_tree_node_t *map = zloom_tree_get (tree, "mock");
    if (!map) {
        return true;
    }
    if (map->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (&self->reader, map, "mock", "a map of nodes and rules",
                                         "as in {charge: [{do: reject}]}");
    }
    zloom_case_mock_t *mocks =
      zloom_pool_alloc (self->recipe->pool, (map->count + 1) * sizeof *mocks);
    bool good = true;
    for (const zloom_tree_node_t *item = map->first; item; item = item->next) {
        good = s_read_mock (self, item, &mocks[one->mock_count++]) && good;
    }
    one->mocks = mocks;
    return good;
}

/* ---- cases --------------------------------------------------------------------------------- */

static bool
s_read_steps (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_t *one)
{
    bool good = true;
    const zloom_tree_node_t *list = zloom_case_list (
      self, tree, "steps", "as in [{send: orders, body: a}, {expect: paid, count: 1}]", &good);
    if (!list) {
        return good;
    }
    zloom_case_step_t *steps =
      zloom_pool_alloc (self->recipe->pool, (list->count + 1) * sizeof *steps);
    bool judges = false;
    for (const zloom_tree_node_t *item = list->first; item; item = item->next) {
        zloom_case_step_t *step = &steps[one->step_count++];
        good = zloom_case_read_step (self, item, step) && good;
        judges = judges || step->verb == ZLOOM_CASE_EXPECT || step->verb == ZLOOM_CASE_HANDLED;
    }
    one->steps = steps;
    if (good && !judges) {
        zloom_reader_warning (&self->reader, "Z0410", tree->key,
                              "end it with a step 'expect' or 'handled'",
                              "case '%s' expects nothing, so it cannot fail", one->name);
    }
    return good;
}

static void
s_read_case (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_case_t *one)
{
    *one = (zloom_case_t){.name = tree->key->text, .at = tree->key->at};
    if (!zloom_build_check_name (self, tree->key, one->name, "a case")) {
        return;
    }
    if (tree->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (
          &self->reader, tree, one->name, "a map",
          "as in {steps: [{send: orders, body: a}, {expect: paid, count: 1}]}");
        return;
    }
    char *what = zloom_pool_format (self->recipe->pool, "case '%.60s'", one->name);
    const zloom_field_table_t fields = zloom_case_table_at (ZLOOM_CASE_TABLE_CASE)->fields;
    (void) zloom_reader_read (&self->reader, fields, s_none, tree, what, one);
    (void) s_read_mocks (self, tree, one);
    (void) s_read_steps (self, tree, one);
}

void
zloom_cases_read (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    const zloom_tree_node_t *map = zloom_tree_get (recipe->fragments.items[0].root, "tests");
    if (!map) {
        return;
    }
    self->reader.fragment = &recipe->fragments.items[0];
    if (map->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (&self->reader, map, "tests", "a map of cases by name",
                                  "as in {paid: {steps: [{send: orders, body: a}]}}");
        return;
    }
    if (map->count > CASE_ITEMS_MAX) {
        zloom_reader_error (&self->reader, "Z0206", map, NULL,
                            "'tests' has %zu entries, the most is %d", map->count, CASE_ITEMS_MAX);
        return;
    }
    recipe->cases = zloom_pool_alloc (recipe->pool, (map->count + 1) * sizeof *recipe->cases);
    for (const zloom_tree_node_t *item = map->first; item; item = item->next) {
        s_read_case (self, item, &recipe->cases[recipe->case_count++]);
    }
}

size_t
zloom_recipe_case_count (const zloom_recipe_t *self)
{
    return self->case_count;
}

const zloom_case_t *
zloom_recipe_case_at (const zloom_recipe_t *self, size_t index)
{
    return &self->cases[index];
}
