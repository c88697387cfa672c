/* SPDX-License-Identifier: MPL-2.0 */
/*
 * build_ends.c - who sends to a flow and who takes from it: names, lists of names and, where the
 * pattern has something to say of each taker, a map of them.
 */
#include <string.h>

#include "recipe/build.h"

#define VALUE "'%.60s'"

/* ---- one end ------------------------------------------------------------------------------- */

static void
s_report_end (zloom_load_t *self, const zloom_tree_node_t *tree)
{
    const zloom_fragments_t *fragments = &self->recipe->fragments;
    const zloom_fragment_t *home = zloom_reader_home (&self->reader, tree);
    if (zloom_fragments_failed (fragments, home, tree->text)) {
        return; /* it would be there if the fragment could be read */
    }
    zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, tree->text);
    zloom_fragments_offer (fragments, home, ZLOOM_SIDE_NODES, &suggest, self->recipe->pool);
    zloom_suggest_offer (&suggest, ZLOOM_EXTERNAL);
    const char *hint =
      zloom_fragments_find (fragments, home, ZLOOM_SIDE_FLOWS, tree->text, self->recipe->pool)
        ? "that is a flow; a flow goes from node to node"
      : strpbrk (tree->text, ", ") ? "several stand in brackets: [a, b]"
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
    const char *name =
      zloom_fragments_find (&self->recipe->fragments, zloom_reader_home (&self->reader, tree),
                            ZLOOM_SIDE_NODES, tree->text, self->recipe->pool);
    end->name = name ? name : tree->text; /* the implicit node stands in no file */
    end->node = zloom_recipe_node (self->recipe, end->name);
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

/* What `to` says of one taker, into a struct at *config. */
static bool
s_read_taker (zloom_load_t *self, const zloom_kind_t *kind, const zloom_tree_node_t *map,
              zloom_recipe_end_t *end, char *config)
{
    const zloom_field_table_t fields = {kind->end_fields, kind->end_field_count};
    const zloom_field_table_t none = {NULL, 0};
    const char *what = zloom_pool_format (self->recipe->pool, "'to.%s'", end->name);
    if (map && map->kind != ZLOOM_TREE_MAP && !zloom_tree_is_empty (map)) {
        return zloom_reader_wrong_shape (&self->reader, map, end->name, "a map",
                                         "as in to: {email: {topics: order.paid}}");
    }
    map = map && map->kind == ZLOOM_TREE_MAP ? map : NULL;
    const zloom_field_t *through =
      zloom_field_find (kind->end_fields, kind->end_field_count, "through");
    bool good = !through || zloom_build_through (self, map, end);
    if (!end->node) { /* of programs a recipe says where they hear, they say the rest */
        const zloom_field_table_t where = {through, through ? 1 : 0};
        end->tree = map;
        return (!map || zloom_reader_check_keys (&self->reader, where, none, map,
                                                 "what programs outside the recipe say "
                                                 "themselves")) &&
               good;
    }
    good = zloom_reader_read (&self->reader, fields, none, map, what, config) && good;
    *(const char **) (void *) config = end->name;
    if (through && end->through) { /* with its fragment's name before it */
        *(const char **) (void *) (config + through->offset) = end->through->name;
    }
    end->config = config;
    end->tree = map;
    if (kind->finish_end) {
        kind->finish_end (config);
    }
    return good;
}

/* ---- one side ------------------------------------------------------------------------------ */

/* The ends of one side, without what is said of each: false when one was wrong. */
static bool
s_read_side (zloom_load_t *self, const zloom_tree_node_t *tree, bool takes,
             zloom_recipe_end_t *ends, size_t *count_p)
{
    size_t count = 0;
    bool good = true;
    bool single = tree->kind == ZLOOM_TREE_SCALAR;
    for (const zloom_tree_node_t *item = single ? tree : tree->first; item;
         item = single ? NULL : item->next) {
        const zloom_tree_node_t *name = tree->kind == ZLOOM_TREE_MAP ? item->key : item;
        bool taken = s_read_end (self, name, takes, &ends[count]);
        for (size_t j = 0; taken && j < count; j++) {
            if (ends[j].node == ends[count].node) {
                zloom_reader_error (&self->reader, "Z0316", name, NULL, "'%s' stands here twice",
                                    name->text);
                taken = false;
            }
        }
        ends[count].tree = tree->kind == ZLOOM_TREE_MAP ? item : NULL;
        count += taken ? 1 : 0;
        good = taken && good;
    }
    *count_p = count;
    return good;
}

static bool
s_read_ends (zloom_load_t *self, const zloom_tree_node_t *tree, bool takes,
             const zloom_kind_t *kind, const zloom_recipe_end_t **ends_p, size_t *count_p)
{
    bool maps = takes && (!kind || kind->end_field_count > 0);
    if (!tree) {
        return true;
    }
    if (tree->kind == ZLOOM_TREE_MAP && !maps) {
        return zloom_reader_wrong_shape (&self->reader, tree, takes ? "to" : "from",
                                         "a node or a list of nodes", "as in [charge, email]");
    }
    size_t most = tree->kind == ZLOOM_TREE_SCALAR ? 1 : tree->count;
    zloom_recipe_end_t *ends = zloom_pool_alloc (self->recipe->pool, (most + 1) * sizeof *ends);
    bool good = s_read_side (self, tree, takes, ends, count_p);
    *ends_p = ends;
    if (takes && kind && kind->end_field_count > 0) {
        char *configs = zloom_pool_alloc (self->recipe->pool, (most + 1) * kind->end_size);
        for (size_t i = 0; i < *count_p; i++) {
            const zloom_tree_node_t *map = ends[i].tree;
            ends[i].tree = NULL;
            good = s_read_taker (self, kind, map, &ends[i], configs) && good;
            configs += ends[i].node ? kind->end_size : 0;
        }
    }
    return good;
}

bool
zloom_ends_read (zloom_load_t *self, const zloom_tree_node_t *tree, zloom_recipe_flow_t *flow)
{
    const bool from = s_read_ends (self, zloom_tree_get (tree, "from"), false, flow->pattern,
                                   &flow->from, &flow->from_count);
    const bool to = s_read_ends (self, zloom_tree_get (tree, "to"), true, flow->pattern, &flow->to,
                                 &flow->to_count);
    return from && to;
}

void
zloom_ends_join (const zloom_recipe_flow_t *flow, void *config)
{
    const zloom_kind_t *kind = flow->pattern;
    const void *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < flow->to_count && kind->end_field_count > 0; i++) {
        if (flow->to[i].config) {
            first = first ? first : flow->to[i].config;
            count++;
        }
    }
    if (kind->end_field_count > 0) {
        *(const void **) (void *) ((char *) config + kind->ends_offset) = first;
        *(size_t *) (void *) ((char *) config + kind->end_count_offset) = count;
    }
}
