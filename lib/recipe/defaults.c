/* SPDX-License-Identifier: MPL-2.0 */
/*
 * defaults.c - `defaults:`, by kind of node and pattern: fields that all of these have unless they
 * say otherwise.
 *
 *     defaults:
 *       queue:  {lease: 1m, retry: {failures: 3}, dead_letter: failed}
 *       worker: {restart: {budget: 3}}
 *
 * They are joined with what is written of a node before it is read, as if they stood there, but
 * with their own places. Maps are joined key by key. Three things a default does not do: stand for
 * a field that every node has to say by itself (`run`); bring in a part that the node does not have
 * (a sink that writes to stdout gets no `file:`); send a flow's dead letters to that flow itself.
 */
#include <string.h>

#include "base/tag.h"
#include "recipe/build.h"

struct zloom_defaults {
    zloom_defaults_t *next; /* in the order of the files, latest first */
    const zloom_fragment_t *fragment;
    const zloom_kind_t *kind;
    const zloom_tree_node_t *tree;
    bool used;
};

/* ---- checking ------------------------------------------------------------------------------ */

static const zloom_kind_t *
s_find_any (const zloom_registry_t *registry, const char *name)
{
    const zloom_kind_t *kind = zloom_build_find_kind (registry->nodes, registry->node_count, name);
    return kind ? kind : zloom_build_find_kind (registry->patterns, registry->pattern_count, name);
}

/* Whether it is a word of a later version; reports it then. */
static bool
s_is_later (zloom_load_t *self, const zloom_tree_node_t *key, const zloom_later_t *later,
            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (later[i].word, key->text) == 0) {
            zloom_reader_error (&self->reader, "Z0209", key, NULL,
                                "'%s' is not in this version: %s", key->text, later[i].help);
            return true;
        }
    }
    return false;
}

static void
s_report_kind (zloom_load_t *self, const zloom_tree_node_t *key)
{
    const zloom_registry_t *registry = self->registry;
    if (s_is_later (self, key, registry->later_nodes, registry->later_node_count) ||
        s_is_later (self, key, registry->later_patterns, registry->later_pattern_count)) {
        return;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (&self->reader, key->text);
    for (size_t i = 0; i < registry->node_count; i++) {
        zloom_suggest_offer (&suggest, registry->nodes[i].name);
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        zloom_suggest_offer (&suggest, registry->patterns[i].name);
    }
    const char *near = zloom_reader_did_you_mean (&self->reader, &suggest);
    zloom_reader_error (&self->reader, "Z0203", key,
                        near ? near : "defaults stand under a kind of node or a pattern",
                        "there is no kind of node and no pattern '%.60s'", key->text);
}

/* Fields that have no default must not get one here. */
static bool
s_check_required (zloom_load_t *self, zloom_field_table_t fields, const zloom_tree_node_t *map)
{
    bool good = true;
    for (size_t i = 0; i < fields.count; i++) {
        const zloom_field_t *field = &fields.fields[i];
        const zloom_tree_node_t *node = zloom_tree_get (map, field->name);
        if (node && zloom_field_is_own (field)) {
            zloom_reader_error (&self->reader, "Z0217", node->key, "write it there",
                                "'%s' is what each one says by itself", field->name);
            good = false;
        } else if (node && field->type == ZLOOM_FIELD_GROUP) {
            zloom_field_table_t group = {field->group, field->group_count};
            good = s_check_required (self, group, node) && good;
        }
    }
    return good;
}

static void
s_check (zloom_load_t *self, const zloom_fragment_t *fragment, const zloom_tree_node_t *tree)
{
    zloom_reader_t *reader = &self->reader;
    const zloom_kind_t *kind = s_find_any (self->registry, tree->key->text);
    if (!kind) {
        s_report_kind (self, tree->key);
        return;
    }
    if (tree->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, tree, kind->name, "a map of fields",
                                  "as in queue: {lease: 1m}");
        return;
    }
    char *what = zloom_pool_format (reader->pool, "the defaults of '%s'", kind->name);
    zloom_field_table_t fields = {kind->fields, kind->field_count};
    void *nobody = zloom_pool_alloc (reader->pool, kind->config_size);
    reader->partial = true;
    bool good =
      zloom_reader_read (reader, fields, (zloom_field_table_t){NULL, 0}, tree, what, nobody);
    reader->partial = false;
    if (s_check_required (self, fields, tree) && good) {
        zloom_defaults_t *entry = zloom_pool_alloc (reader->pool, sizeof *entry);
        *entry = (zloom_defaults_t){self->defaults, fragment, kind, tree, false};
        self->defaults = entry;
    }
}

void
zloom_defaults_check (zloom_load_t *self)
{
    const zloom_fragments_t *fragments = &self->recipe->fragments;
    for (size_t i = 0; i < fragments->count; i++) {
        const zloom_fragment_t *fragment = &fragments->items[i];
        const zloom_tree_node_t *map = fragment->defaults;
        self->reader.fragment = fragment;
        for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
            s_check (self, fragment, tree);
        }
    }
}

/* ---- joining ------------------------------------------------------------------------------- */

/* A map of its own with the same children; those are shared until one is replaced. */
static zloom_tree_node_t *
s_copy (zloom_pool_t *pool, const zloom_tree_node_t *map)
{
    zloom_tree_node_t *copy = zloom_pool_alloc (pool, sizeof *copy);
    *copy = *map;
    zloom_tree_node_t **link = &copy->first;
    for (const zloom_tree_node_t *child = map->first; child; child = child->next) {
        *link = zloom_pool_alloc (pool, sizeof **link);
        **link = *child;
        link = &(*link)->next;
    }
    *link = NULL;
    return copy;
}

static void
s_append (zloom_pool_t *pool, zloom_tree_node_t *map, const zloom_tree_node_t *child)
{
    zloom_tree_node_t **link = &map->first;
    while (*link) {
        link = &(*link)->next;
    }
    *link = zloom_pool_alloc (pool, sizeof **link);
    **link = *child;
    (*link)->next = NULL;
    (*link)->joined = true;
    map->count++;
}

/* Whether the default names the very flow that it would be for. */
static bool
s_names_itself (zloom_load_t *self, const zloom_field_t *field, const zloom_tree_node_t *value,
                const char *full)
{
    if (field->type != ZLOOM_FIELD_FLOW || value->kind != ZLOOM_TREE_SCALAR) {
        return false;
    }
    const zloom_fragment_t *home = zloom_reader_home (&self->reader, value);
    const char *name = zloom_fragments_find (&self->recipe->fragments, home, ZLOOM_SIDE_FLOWS,
                                             value->text, self->recipe->pool);
    return name && strcmp (name, full) == 0;
}

/* Whether what stands in it is joined key by key; `field` is NULL inside a map of names. */
static bool
s_is_map (const zloom_field_t *field)
{
    return !field || field->type == ZLOOM_FIELD_GROUP || field->type == ZLOOM_FIELD_PAIRS ||
           field->type == ZLOOM_FIELD_NUMBERS;
}

/* `own` with what only `more` has; `fields` describe both. */
static zloom_tree_node_t *
s_join (zloom_load_t *self, zloom_field_table_t fields, const zloom_tree_node_t *own,
        const zloom_tree_node_t *more, const char *full)
{
    zloom_pool_t *pool = self->recipe->pool;
    zloom_tree_node_t *joined = s_copy (pool, own);
    for (const zloom_tree_node_t *value = more->first; value; value = value->next) {
        const zloom_field_t *field =
          zloom_field_find (fields.fields, fields.count, value->key->text);
        zloom_tree_node_t *there = joined->first;
        while (there && strcmp (there->key->text, value->key->text) != 0) {
            there = there->next;
        }
        bool maps = there && there->kind == ZLOOM_TREE_MAP && value->kind == ZLOOM_TREE_MAP;
        if (maps && s_is_map (field)) {
            zloom_field_table_t group = {field ? field->group : NULL,
                                         field ? field->group_count : 0};
            zloom_tree_node_t *next = there->next;
            *there = *s_join (self, group, there, value, full);
            there->next = next;
        }
        bool optional = field && field->type == ZLOOM_FIELD_GROUP && field->set_offset != SIZE_MAX;
        bool free = strncmp (value->key->text, "x-", 2) == 0;
        if (!there && !optional && !free && !(field && s_names_itself (self, field, value, full))) {
            s_append (pool, joined, value);
        }
    }
    return joined;
}

const zloom_tree_node_t *
zloom_defaults_join (zloom_load_t *self, const zloom_fragment_t *fragment, const zloom_kind_t *kind,
                     const zloom_tree_node_t *tree, const char *full)
{
    zloom_field_table_t fields = {kind->fields, kind->field_count};
    for (; fragment; fragment = fragment->parent) {
        for (zloom_defaults_t *entry = self->defaults; entry; entry = entry->next) {
            if (entry->fragment == fragment && entry->kind == kind) {
                static const zloom_tree_node_t nothing = {.kind = ZLOOM_TREE_MAP};
                tree = s_join (self, fields, tree ? tree : &nothing, entry->tree, full);
                entry->used = true;
            }
        }
    }
    return tree;
}

void
zloom_defaults_end (zloom_load_t *self)
{
    for (const zloom_defaults_t *entry = self->defaults; entry; entry = entry->next) {
        if (!entry->used) {
            zloom_reader_warning (
              &self->reader, "Z0408", entry->tree->key, "take it out",
              "nothing is of kind or pattern '%s', so these defaults do nothing",
              entry->kind->name);
        }
    }
}
