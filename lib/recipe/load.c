/* SPDX-License-Identifier: MPL-2.0 */
/*
 * load.c - a recipe's text into its model: tree, params, nodes, flows, ends, lints. Nothing stops
 * at the first mistake but text that is no YAML; what has a mistake is marked as not sound, so that
 * lints do not report what follows from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/build.h"
#include "recipe/lint.h"
#include "recipe/params.h"

/* As many flows as a session can name; as many nodes. */
#define FLOWS_MAX 1024

static void
s_read_head (zloom_load_t *self, const zloom_tree_node_t *root)
{
    zloom_reader_t *reader = &self->reader;
    const zloom_tree_node_t *version = zloom_tree_get (root, "zloom");
    if (!version || version->kind != ZLOOM_TREE_SCALAR || strcmp (version->text, "1") != 0) {
        zloom_span_t at = version ? zloom_tree_span (version) : (zloom_span_t){1, 1, 1, 2};
        zloom_diags_add (reader->diags, "Z0201", ZLOOM_SEVERITY_ERROR, at,
                         "write 'zloom: 1' as the first line", "%s",
                         version ? "this build reads version 1 of the recipe language"
                                 : "the recipe does not say its version");
    }
    const zloom_tree_node_t *name = zloom_tree_get (root, "name");
    if (!name) {
        zloom_reader_error (reader, "Z0202", root, "as in name: orders",
                            "the recipe has no 'name'");
    } else if (zloom_reader_is_short (reader, name, "name") &&
               zloom_build_check_name (self, name, "a recipe")) {
        self->recipe->name = name->text;
    }
    if (!zloom_tree_get (root, "flows")) {
        zloom_reader_error (reader, "Z0202", root,
                            "as in flows: {orders: {pattern: queue, from: external, to: charge}}",
                            "the recipe has no 'flows'");
    }
    zloom_lint_check_allow (self->registry, root, reader->diags);
    zloom_field_table_t none = {NULL, 0};
    zloom_reader_check_keys (reader, zloom_recipe_top_fields (), none, root, "the recipe");
}

/* The map under `nodes` or `flows`, NULL with a report when it is none. */
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
    if (map->count > FLOWS_MAX) {
        zloom_reader_error (&self->reader, "Z0206", map, NULL,
                            "'%s' has %zu entries, the most is %d", key, map->count, FLOWS_MAX);
        self->whole = false;
        return NULL;
    }
    return map;
}

static void
s_load (zloom_load_t *self, const zloom_recipe_options_t *options)
{
    zloom_recipe_t *recipe = self->recipe;
    zloom_params_apply (&self->reader, recipe->tree, options->sets, options->set_count);
    const zloom_tree_node_t *root = zloom_tree_root (recipe->tree);
    s_read_head (self, root);
    const zloom_tree_node_t *nodes = s_section (self, root, "nodes");
    const zloom_tree_node_t *flows = s_section (self, root, "flows");
    self->reader.flows = flows;
    zloom_build_nodes (self, nodes);
    zloom_build_flows (self, flows);
    for (size_t i = 0; i < recipe->flow_count; i++) {
        self->whole = self->whole && recipe->flows[i].sound;
    }
    zloom_lint_run (recipe, self->registry, options, self->whole, self->reader.diags);
}

static zloom_err_t
s_load_text (const char *file, const char *dir, zloom_bytes_t text, zloom_load_t *load,
             const zloom_recipe_options_t *options, zloom_recipe_t **recipe_p)
{
    zloom_diags_t *diags = load->reader.diags;
    zloom_recipe_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_RECIPE_TAG;
    self->pool = zloom_pool_new ();
    self->registry = load->registry;
    self->file = zloom_pool_text (self->pool, file, strlen (file));
    self->dir = zloom_pool_text (self->pool, dir, strlen (dir));
    zloom_diags_source (diags, file, text);
    size_t before = zloom_diags_errors (diags);
    zloom_tree_parse (text, diags, &self->tree); /* reports all by itself */
    if (self->tree && zloom_tree_root (self->tree)->kind != ZLOOM_TREE_MAP) {
        zloom_diags_add (diags, "Z0204", ZLOOM_SEVERITY_ERROR, (zloom_span_t){1, 1, 1, 2},
                         "begin with 'zloom: 1'", "a recipe is a map, not %s",
                         zloom_tree_kind_text (zloom_tree_root (self->tree)));
    } else if (self->tree) {
        load->recipe = self;
        load->whole = true;
        load->reader.pool = self->pool;
        load->reader.dir = self->dir;
        s_load (load, options);
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
    zloom_load_t load = {
      .registry = registry,
      .reader =
        {
          .diags = diags,
          .synonyms = registry->synonyms,
          .synonym_count = registry->synonym_count,
        },
    };
    char *here = dir ? zloom_strdup (dir) : getcwd (NULL, 0);
    if (!here) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "the current folder");
    }
    zloom_err_t err =
      s_load_text (file, here, text, &load, options ? options : &defaults, recipe_p);
    free (here);
    return err;
}

/* At most one byte more than a recipe may have, so that too big a file is told from a full one. */
static zloom_err_t
s_read_file (const char *path, zloom_buf_t *text)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zloom_fail_errno (errno == ENOENT ? ZLOOM_NOT_FOUND : ZLOOM_SYSTEM, "%s", path);
    }
    ssize_t size = 1;
    while (size > 0 && text->size <= ZLOOM_TREE_BYTES_MAX) {
        size_t room = ZLOOM_TREE_BYTES_MAX + 1 - text->size;
        room = room < 65536 ? room : 65536;
        size = read (fd, zloom_buf_reserve (text, room), room);
        if (size < 0 && errno == EINTR) {
            size = 1;
            continue;
        }
        text->size += size > 0 ? (size_t) size : 0;
    }
    zloom_err_t err = size < 0 ? zloom_fail_errno (ZLOOM_SYSTEM, "%s", path) : ZLOOM_OK;
    close (fd);
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
    zloom_err_t err = s_read_file (path, &text);
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
