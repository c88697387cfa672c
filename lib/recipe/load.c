/* SPDX-License-Identifier: MPL-2.0 */
/*
 * load.c - a recipe's text into its model: tree, params, fragments, defaults, nodes, flows, lints.
 * Nothing stops at the first mistake but text that is no YAML; what has a mistake is marked as not
 * sound, so that lints do not report what follows from it.
 */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/case_read.h"
#include "recipe/file.h"
#include "recipe/lint.h"
#include "recipe/replace.h"

/* ---- files --------------------------------------------------------------------------------- */

zloom_fragment_t *
zloom_load_fragment (zloom_load_t *self, const zloom_fragment_t *parent, const char *name)
{
    zloom_fragments_t *fragments = &self->recipe->fragments;
    zloom_pool_t *pool = self->recipe->pool;
    zloom_assert (fragments->count < ZLOOM_FRAGMENTS_MAX);
    zloom_fragment_t *fragment = &fragments->items[fragments->count++];
    *fragment = (zloom_fragment_t){.parent = parent, .what = "the recipe", .prefix = ""};
    fragment->number = -1;
    if (parent) {
        fragment->prefix = zloom_pool_format (pool, "%s%s-", parent->prefix, name);
        fragment->what = zloom_pool_format (pool, "fragment '%s%s'", parent->prefix, name);
        fragment->depth = parent->depth + 1;
        fragment->file = parent->file;
        fragment->dir = parent->dir;
    }
    return fragment;
}

bool
zloom_load_parse (zloom_load_t *self, zloom_fragment_t *fragment, const char *file,
                  zloom_bytes_t text)
{
    zloom_diags_t *diags = self->reader.diags;
    fragment->number = zloom_diags_source (diags, file, text);
    fragment->file = zloom_pool_text (self->recipe->pool, file, strlen (file));
    zloom_tree_parse (text, fragment->number, diags, &fragment->tree); /* reports all by itself */
    if (!fragment->tree) {
        return false;
    }
    const zloom_tree_node_t *root = zloom_tree_root (fragment->tree);
    if (root->kind != ZLOOM_TREE_MAP) {
        zloom_diags_add (diags, "Z0204", ZLOOM_SEVERITY_ERROR, zloom_span_top (fragment->number),
                         "begin with 'zloom: 1'", "%s is a map, not %s",
                         fragment->parent ? "a fragment" : "a recipe", zloom_tree_kind_text (root));
        return false;
    }
    fragment->root = root;
    const zloom_tree_node_t *version = zloom_tree_get (root, "zloom");
    if (!version || version->kind != ZLOOM_TREE_SCALAR || strcmp (version->text, "1") != 0) {
        zloom_span_t at = version ? zloom_tree_span (version) : zloom_span_top (fragment->number);
        const char *what = version ? "this build" : fragment->what;
        zloom_diags_add (
          diags, "Z0201", ZLOOM_SEVERITY_ERROR, at, "write 'zloom: 1' as the first line", "%s %s",
          what, version ? "reads version 1 of the recipe language" : "does not say its version");
    }
    return true;
}

/* A file's params may name the environment, and nothing else. */
zloom_params_t *
zloom_load_params (zloom_load_t *self, const zloom_fragment_t *fragment)
{
    zloom_tree_node_t *root = zloom_tree_root (fragment->tree);
    zloom_replace_t replace = {.reader = &self->reader, .tree = fragment->tree};
    for (zloom_tree_node_t *child = root->first; child; child = child->next) {
        if (strcmp (child->key->text, "params") == 0) {
            zloom_replace_below (&replace, child);
        }
    }
    zloom_params_t *params = zloom_params_new (&self->reader, root);
    self->params[fragment - self->recipe->fragments.items] = params;
    return params;
}

/* The map under `nodes`, `flows` or `defaults`, NULL with a report when it is none. */
static const zloom_tree_node_t *
s_section (zloom_load_t *self, const zloom_tree_node_t *root, const char *key)
{
    const zloom_tree_node_t *map = zloom_tree_get (root, key);
    if (!map) {
        return NULL;
    }
    if (map->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (&self->reader, map, key, "a map of names",
                                  "each name with its fields in braces or indented below");
        self->whole = false;
        return NULL;
    }
    if (map->count > ZLOOM_RECIPE_FLOWS_MAX) {
        zloom_reader_error (&self->reader, "Z0206", map, NULL,
                            "'%s' has %zu entries, the most is %d", key, map->count,
                            ZLOOM_RECIPE_FLOWS_MAX);
        self->whole = false;
        return NULL;
    }
    return map;
}

void
zloom_load_replace (zloom_load_t *self, zloom_fragment_t *fragment)
{
    zloom_tree_node_t *root = zloom_tree_root (fragment->tree);
    zloom_replace_t replace = {
      .reader = &self->reader,
      .tree = fragment->tree,
      .params = self->params[fragment - self->recipe->fragments.items],
    };
    for (zloom_tree_node_t *child = root->first; child; child = child->next) {
        if (strcmp (child->key->text, "params") != 0) {
            zloom_replace_below (&replace, child);
        }
    }
    fragment->nodes = s_section (self, root, "nodes");
    fragment->flows = s_section (self, root, "flows");
    fragment->defaults = s_section (self, root, "defaults");
}

/* ---- the recipe itself --------------------------------------------------------------------- */

static void
s_read_head (zloom_load_t *self, const zloom_tree_node_t *root)
{
    zloom_reader_t *reader = &self->reader;
    const zloom_tree_node_t *name = zloom_tree_get (root, "name");
    const zloom_tree_node_t *hosts = zloom_tree_get (root, "hosts");
    if (hosts && zloom_tree_get (root, "recipe")) {
        self->whole = false;
        zloom_reader_error (reader, "Z0203", hosts->key, "name it with --fleet FILE",
                            "unknown key 'hosts' in the recipe: this is a fleet");
        return;
    }
    if (!name) {
        zloom_reader_error (reader, "Z0202", root, "as in name: orders",
                            "the recipe has no 'name'");
    } else if (zloom_reader_is_short (reader, name, "name") &&
               zloom_build_check_name (self, name, name->text, "a recipe")) {
        self->recipe->name = name->text;
    }
    if (!zloom_tree_get (root, "flows") && !zloom_tree_get (root, "use")) {
        self->whole = false;
        zloom_reader_error (reader, "Z0202", root,
                            "as in flows: {orders: {pattern: queue, from: external, to: charge}}",
                            "the recipe has no 'flows'");
    }
    zloom_field_table_t none = {NULL, 0};
    zloom_reader_check_keys (reader, zloom_recipe_top_fields (), none, root, "the recipe");
}

static void
s_read_model (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    for (size_t i = 0; i < recipe->fragments.count; i++) { /* each may bring more */
        zloom_use_read (self, &recipe->fragments.items[i]);
    }
    zloom_defaults_check (self);
    zloom_build_nodes (self);
    zloom_build_flows (self);
    zloom_cases_read (self);
    for (size_t i = 0; i < recipe->flow_count; i++) {
        self->whole = self->whole && recipe->flows[i].sound;
    }
    if (recipe->flow_count == 0 && self->whole && !zloom_diags_errors (self->reader.diags)) {
        zloom_reader_error (&self->reader, "Z0202", recipe->fragments.items[0].root,
                            "as in flows: {orders: {pattern: queue, from: external, to: charge}}",
                            "the recipe has no flow");
    }
}

/* All that can be said about it, once it is read. */
static void
s_end (zloom_load_t *self)
{
    const zloom_recipe_t *recipe = self->recipe;
    bool whole = self->whole && !zloom_diags_errors (self->reader.diags);
    /* What is of no use is seen only when nothing is missing. */
    for (size_t i = 0; whole && i < recipe->fragments.count; i++) {
        zloom_params_end (self->params[i]);
    }
    if (whole) {
        zloom_secrets_end (recipe->secrets);
        zloom_defaults_end (self);
    }
    /* On one host of several each node looks for its own when it starts. */
    if (self->options->environment && !self->options->here) {
        zloom_secrets_check (recipe->secrets);
    }
    zloom_lint_run (recipe, self->registry, self->options, self->whole, self->reader.allow);
    if (self->whole && !zloom_diags_errors (self->reader.diags)) {
        zloom_allow_end (self->reader.allow);
    }
}

static void
s_load (zloom_load_t *self)
{
    zloom_recipe_t *recipe = self->recipe;
    zloom_fragment_t *own = &recipe->fragments.items[0];
    self->reader.allow =
      zloom_allow_new (recipe->pool, self->registry, self->options, self->reader.diags);
    zloom_allow_root (self->reader.allow, own->root);
    recipe->secrets = zloom_secrets_new (&self->reader, own->root);
    self->reader.secrets = recipe->secrets;
    zloom_params_t *params = zloom_load_params (self, own);
    for (size_t i = 0; i < self->options->set_count; i++) {
        zloom_params_set (params, self->options->sets[i]);
    }
    zloom_load_replace (self, own);
    zloom_secrets_define (recipe->secrets);
    s_read_head (self, own->root);
    s_read_model (self);
    s_end (self);
    if (self->options->secrets_of && zloom_diags_errors (self->reader.diags) == 0) {
        zloom_secrets_fill (recipe->secrets, self->options->secrets_of);
    }
}

/* ---- from outside -------------------------------------------------------------------------- */

static zloom_recipe_t *
s_new (const zloom_registry_t *registry)
{
    zloom_recipe_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_RECIPE_TAG;
    self->pool = zloom_pool_new ();
    self->registry = registry;
    self->fragments.items =
      zloom_pool_alloc (self->pool, ZLOOM_FRAGMENTS_MAX * sizeof *self->fragments.items);
    return self;
}

static zloom_err_t
s_load_text (const char *file, const char *dir, zloom_bytes_t text, zloom_load_t *load,
             zloom_recipe_t **recipe_p)
{
    zloom_diags_t *diags = load->reader.diags;
    zloom_recipe_t *self = s_new (load->registry);
    size_t before = zloom_diags_errors (diags);
    load->recipe = self;
    load->whole = true;
    load->reader.pool = self->pool;
    load->reader.fragments = &self->fragments;
    zloom_fragment_t *own = zloom_load_fragment (load, NULL, NULL);
    own->dir = zloom_pool_text (self->pool, dir, strlen (dir));
    load->reader.fragment = own;
    if (zloom_load_parse (load, own, file, text)) {
        s_load (load);
    }
    size_t errors = zloom_diags_errors (diags) - before;
    if (errors > 0) {
        zloom_recipe_destroy (&self);
        return zloom_fail (ZLOOM_RECIPE, "%s: %zu error%s", file, errors, errors == 1 ? "" : "s");
    }
    *recipe_p = self;
    return ZLOOM_OK;
}

zloom_err_t
zloom_recipe_load_text (const char *file, const char *dir, zloom_bytes_t text,
                        const zloom_registry_t *registry, const zloom_recipe_options_t *options,
                        zloom_diags_t *diags, zloom_recipe_t **recipe_p)
{
    zloom_assert (file && registry && diags && recipe_p);
    static const zloom_recipe_options_t defaults = {.sets = NULL};
    *recipe_p = NULL;
    char *here = dir ? zloom_strdup (dir) : getcwd (NULL, 0);
    if (!here) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "the current folder");
    }
    zloom_load_t *load = zloom_alloc (sizeof *load);
    load->registry = registry;
    load->options = options ? options : &defaults;
    load->reader.diags = diags;
    load->reader.registry = registry;
    zloom_err_t err = s_load_text (file, here, text, load, recipe_p);
    free (load);
    free (here);
    return err;
}

zloom_err_t
zloom_recipe_load (const char *path, const zloom_registry_t *registry,
                   const zloom_recipe_options_t *options, zloom_diags_t *diags,
                   zloom_recipe_t **recipe_p)
{
    zloom_assert (path && recipe_p);
    *recipe_p = NULL;
    zloom_buf_t text = {0};
    zloom_err_t err = zloom_file_read (path, ZLOOM_TREE_BYTES_MAX, &text);
    char *real = err ? NULL : realpath (path, NULL);
    if (!err && !real) {
        err = zloom_fail_errno (ZLOOM_SYSTEM, "%s", path);
    }
    if (!err) {
        err = zloom_recipe_load_text (path, dirname (real), zloom_buf_bytes (&text), registry,
                                      options, diags, recipe_p);
    }
    free (real);
    zloom_buf_fini (&text);
    return err;
}
