/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/fleet.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/file.h"
#include "recipe/fleet_model.h"
#include "recipe/registry.h"

/* ---- what it says --------------------------------------------------------------------------- */

size_t
zloom_fleet_host_count (const zloom_fleet_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    return self->host_count;
}

const zloom_fleet_host_t *
zloom_fleet_host_at (const zloom_fleet_t *self, size_t index)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    zloom_assert (index < self->host_count);
    return &self->hosts[index];
}

const zloom_fleet_host_t *
zloom_fleet_host (const zloom_fleet_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    for (size_t i = 0; i < self->host_count; i++) {
        if (strcmp (self->hosts[i].name, name) == 0) {
            return &self->hosts[i];
        }
    }
    return NULL;
}

const zloom_fleet_host_t *
zloom_fleet_place (const zloom_fleet_t *self, const char *node)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    for (size_t i = 0; i < self->place_count; i++) {
        if (strcmp (self->places[i].node, node) == 0) {
            return self->places[i].host;
        }
    }
    return NULL;
}

int64_t
zloom_fleet_port (const zloom_fleet_t *self, const char *router)
{
    const zloom_fleet_host_t *host = zloom_fleet_place (self, router);
    for (size_t i = 0; i < self->port_count; i++) {
        if (strcmp (self->ports[i].router, router) == 0) {
            return self->ports[i].port;
        }
    }
    return host ? host->port : 0;
}

size_t
zloom_fleet_key_count (const zloom_fleet_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    return self->key_count;
}

const zloom_fleet_key_t *
zloom_fleet_key_at (const zloom_fleet_t *self, size_t index)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    zloom_assert (index < self->key_count);
    return &self->keys[index];
}

const zloom_fleet_key_t *
zloom_fleet_key (const zloom_fleet_t *self, const char *public_key)
{
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    for (size_t i = 0; i < self->key_count; i++) {
        if (strcmp (self->keys[i].public_key, public_key) == 0) {
            return &self->keys[i];
        }
    }
    return NULL;
}

bool
zloom_fleet_may (const zloom_fleet_key_t *key, unsigned right, const char *flow)
{
    for (size_t i = 0; i < key->grant_count; i++) {
        const zloom_fleet_grant_t *grant = &key->grants[i];
        if ((grant->rights & right) != 0 && (strcmp (grant->flow, ZLOOM_FLEET_ALL) == 0 ||
                                             (flow && strcmp (grant->flow, flow) == 0))) {
            return true;
        }
    }
    return false;
}

/* ---- reading it ----------------------------------------------------------------------------- */

void
zloom_fleet_destroy (zloom_fleet_t **self_p)
{
    zloom_assert (self_p);
    zloom_fleet_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_FLEET_TAG);
    *self_p = NULL;
    self->tag = ZLOOM_TAG_DEAD;
    zloom_tree_destroy (&self->tree);
    zloom_pool_destroy (&self->pool);
    free (self);
}

static zloom_fleet_t *
s_new (void)
{
    zloom_fleet_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_FLEET_TAG;
    self->pool = zloom_pool_new ();
    return self;
}

/* The text into a tree that is a map of this version; NULL after a report. */
static const zloom_tree_node_t *
s_parse (zloom_fleet_t *self, const char *file, zloom_bytes_t text, zloom_diags_t *diags)
{
    const int number = zloom_diags_source (diags, file, text);
    zloom_tree_parse (text, number, diags, &self->tree);
    if (!self->tree) {
        return NULL;
    }
    const zloom_tree_node_t *root = zloom_tree_root (self->tree);
    if (root->kind != ZLOOM_TREE_MAP) {
        zloom_diags_add (diags, "Z0204", ZLOOM_SEVERITY_ERROR, zloom_span_top (number),
                         "begin with 'zloom: 1'", "a fleet is a map, not %s",
                         zloom_tree_kind_text (root));
        return NULL;
    }
    const zloom_tree_node_t *version = zloom_tree_get (root, "zloom");
    if (!version || version->kind != ZLOOM_TREE_SCALAR || strcmp (version->text, "1") != 0) {
        zloom_diags_add (diags, "Z0201", ZLOOM_SEVERITY_ERROR,
                         version ? zloom_tree_span (version) : zloom_span_top (number),
                         "write 'zloom: 1' as the first line",
                         version ? "this build reads version 1 of the recipe language"
                                 : "the fleet does not say its version");
    }
    return root;
}

static void
s_read (zloom_fleet_t *self, const zloom_tree_node_t *root, zloom_diags_t *diags)
{
    static const zloom_recipe_options_t none = {.sets = NULL};
    zloom_reader_t *reader = zloom_alloc (sizeof *reader);
    const zloom_registry_t *registry = zloom_recipe_registry (self->recipe);
    reader->pool = self->pool;
    reader->diags = diags;
    reader->registry = registry;
    reader->allow = zloom_allow_new (self->pool, registry, &none, diags);
    zloom_allow_root (reader->allow, root);
    zloom_fleet_read (self, reader, root);
    if (zloom_diags_errors (diags) == 0) {
        zloom_allow_end (reader->allow);
    }
    free (reader);
}

zloom_err_t
zloom_fleet_load_text (const char *file, zloom_bytes_t text, const zloom_recipe_t *recipe,
                       zloom_diags_t *diags, zloom_fleet_t **fleet_p)
{
    const size_t before = zloom_diags_errors (diags);
    *fleet_p = NULL;
    zloom_fleet_t *self = s_new ();
    self->recipe = recipe;
    const zloom_tree_node_t *root = s_parse (self, file, text, diags);
    if (root) {
        s_read (self, root, diags);
    }
    const size_t errors = zloom_diags_errors (diags) - before;
    if (errors > 0) {
        zloom_fleet_destroy (&self);
        return zloom_fail (ZLOOM_RECIPE, "%s: %zu error%s", file, errors, errors == 1 ? "" : "s");
    }
    *fleet_p = self;
    return ZLOOM_OK;
}

/* The recipe's path as the fleet says it, from its own folder; NULL after a report. */
static char *
s_recipe_path (const char *path, const zloom_tree_node_t *root, zloom_diags_t *diags)
{
    const zloom_tree_node_t *node = zloom_tree_get (root, "recipe");
    if (!node || node->kind != ZLOOM_TREE_SCALAR || !node->text[0]) {
        zloom_diags_add (diags, "Z0202", ZLOOM_SEVERITY_ERROR, zloom_tree_span (node ? node : root),
                         "as in recipe: orders.yaml", "the fleet does not name its recipe");
        return NULL;
    }
    char *copy = zloom_strdup (path);
    const char *folder = dirname (copy);
    char *found = node->text[0] == '/' || strcmp (folder, ".") == 0
                    ? zloom_strdup (node->text)
                    : zloom_format ("%s/%s", folder, node->text);
    free (copy);
    return found;
}

typedef struct {
    const zloom_tree_node_t *place;
    const char *host;
} here_t;

/* Asked before the fleet is checked: what is wrong with it is said later. */
static bool
s_here (void *arg, const char *node)
{
    const here_t *here = arg;
    const zloom_tree_node_t *host = zloom_tree_get (here->place, node);
    return host && host->kind == ZLOOM_TREE_SCALAR && strcmp (host->text, here->host) == 0;
}

/* The recipe first, which the rest of the fleet is about. */
static zloom_err_t
s_load_recipe (zloom_fleet_t *self, const char *path, const char *recipe_path, const char *host,
               const zloom_registry_t *registry, const zloom_recipe_options_t *options,
               zloom_diags_t *diags, zloom_recipe_t **recipe_p)
{
    const zloom_tree_node_t *root = zloom_tree_root (self->tree);
    char *own = recipe_path ? zloom_strdup (recipe_path) : s_recipe_path (path, root, diags);
    if (!own) {
        return zloom_fail (ZLOOM_RECIPE, "%s names no recipe", path);
    }
    here_t here = {zloom_tree_get (root, "place"), host};
    zloom_recipe_options_t narrowed = *options;
    if (host) {
        narrowed.here = s_here;
        narrowed.here_arg = &here;
    }
    const zloom_err_t err = zloom_recipe_load (own, registry, &narrowed, diags, recipe_p);
    if (err != ZLOOM_OK && err != ZLOOM_RECIPE) {
        zloom_note_prefix ("the recipe of %s", path);
    }
    free (own);
    self->recipe = *recipe_p;
    return err;
}

zloom_err_t
zloom_fleet_load (const char *path, const char *recipe_path, const char *host,
                  const zloom_registry_t *registry, const zloom_recipe_options_t *options,
                  zloom_diags_t *diags, zloom_fleet_t **fleet_p, zloom_recipe_t **recipe_p)
{
    *fleet_p = NULL;
    *recipe_p = NULL;
    const size_t before = zloom_diags_errors (diags);
    zloom_buf_t text = {0};
    zloom_err_t err = zloom_file_read (path, ZLOOM_TREE_BYTES_MAX, &text);
    if (err != ZLOOM_OK) {
        zloom_buf_fini (&text);
        return err;
    }
    zloom_fleet_t *self = s_new ();
    const zloom_tree_node_t *root = s_parse (self, path, zloom_buf_bytes (&text), diags);
    err = root ? s_load_recipe (self, path, recipe_path, host, registry, options, diags, recipe_p)
               : ZLOOM_RECIPE;
    if (*recipe_p) {
        s_read (self, root, diags);
    }
    if (err == ZLOOM_OK && zloom_diags_errors (diags) > before) {
        err = zloom_fail (ZLOOM_RECIPE, "%s has errors", path);
    }
    zloom_buf_fini (&text);
    if (err != ZLOOM_OK) {
        zloom_fleet_destroy (&self);
        zloom_recipe_destroy (recipe_p);
        return err;
    }
    *fleet_p = self;
    return ZLOOM_OK;
}
