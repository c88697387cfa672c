/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/allow.h"

#include <string.h>

#include "recipe/lint.h"

/* One entry of one `allow:`. */
typedef struct entry {
    struct entry *next;
    const zloom_tree_node_t *tree; /* key: the code; text: the reason */
    bool good;                     /* may be judged */
    bool used;
} entry_t;

struct zloom_allow {
    zloom_pool_t *pool;
    const zloom_registry_t *registry;
    const zloom_recipe_options_t *options;
    zloom_diags_t *diags;
    const zloom_tree_node_t *root;
    entry_t *entries; /* the newest first */
};

zloom_allow_t *
zloom_allow_new (zloom_pool_t *pool, const zloom_registry_t *registry,
                 const zloom_recipe_options_t *options, zloom_diags_t *diags)
{
    zloom_allow_t *self = zloom_pool_alloc (pool, sizeof *self);
    self->pool = pool;
    self->registry = registry;
    self->options = options;
    self->diags = diags;
    return self;
}

void
zloom_allow_root (zloom_allow_t *self, const zloom_tree_node_t *root)
{
    self->root = root;
    zloom_allow_take (self, root);
}

/* ---- what is allowed ----------------------------------------------------------------------- */

/* Whether the code is a warning's and a reason stands behind it; reports if not. */
static bool
s_check (zloom_allow_t *self, const zloom_tree_node_t *tree)
{
    const char *code = tree->key->text;
    const zloom_lint_t *lint = zloom_lint_find (self->registry, code);
    bool good = true;
    if (!lint) {
        zloom_diags_add (self->diags, "Z0214", ZLOOM_SEVERITY_ERROR, tree->key->at,
                         "the code stands in the warning, as in Z0402",
                         "'allow' names '%.40s', but there is no such code", code);
        good = false;
    } else if (lint->severity == ZLOOM_SEVERITY_ERROR) {
        zloom_diags_add (self->diags, "Z0214", ZLOOM_SEVERITY_ERROR, tree->key->at, NULL,
                         "%s is an error: only warnings can be allowed", code);
        good = false;
    }
    if (tree->kind != ZLOOM_TREE_SCALAR || tree->text[strspn (tree->text, " ")] == '\0') {
        zloom_diags_add (self->diags, "Z0214", ZLOOM_SEVERITY_ERROR, zloom_tree_span (tree), NULL,
                         "'allow' wants a reason: {%.40s: \"why it is meant\"}", code);
        good = false;
    }
    return good;
}

void
zloom_allow_take (zloom_allow_t *self, const zloom_tree_node_t *owner)
{
    const zloom_tree_node_t *allow = zloom_tree_get (owner, "allow");
    if (!allow) {
        return;
    }
    if (allow->kind != ZLOOM_TREE_MAP) {
        zloom_diags_add (self->diags, "Z0214", ZLOOM_SEVERITY_ERROR, zloom_tree_span (allow),
                         "as in {Z0402: \"why it is meant\"}",
                         "'allow' takes a map of codes and reasons, not %s",
                         zloom_tree_kind_text (allow));
        return;
    }
    for (const zloom_tree_node_t *tree = allow->first; tree; tree = tree->next) {
        entry_t *entry = zloom_pool_alloc (self->pool, sizeof *entry);
        *entry = (entry_t){self->entries, tree, s_check (self, tree), false};
        self->entries = entry;
    }
}

/* ---- saying -------------------------------------------------------------------------------- */

/* The reason that `owner` gives for this code, NULL when it does not allow it; marks it as used. */
static const char *
s_reason (zloom_allow_t *self, const zloom_tree_node_t *owner, const char *code)
{
    const zloom_tree_node_t *tree = zloom_tree_get (zloom_tree_get (owner, "allow"), code);
    for (entry_t *entry = self->entries; tree && entry; entry = entry->next) {
        entry->used = entry->used || entry->tree == tree;
    }
    return tree && tree->kind == ZLOOM_TREE_SCALAR ? tree->text : NULL;
}

void
zloom_allow_say (zloom_allow_t *self, const char *code, zloom_severity_t severity,
                 const zloom_tree_node_t *owner, zloom_span_t at, const char *hint,
                 const char *message)
{
    const char *reason = NULL;
    if (severity == ZLOOM_SEVERITY_WARNING) {
        const char *own = s_reason (self, owner, code);
        const char *general = s_reason (self, self->root, code);
        reason = own ? own : general;
    }
    if (!reason) {
        zloom_diags_add (self->diags, code, severity, at, hint, "%s", message);
    } else if (self->options->show_allowed) {
        zloom_diags_add (self->diags, code, severity, at, NULL, "%s (allowed: %.200s)", message,
                         reason);
    }
}

void
zloom_allow_end (zloom_allow_t *self)
{
    for (const entry_t *entry = self->entries; entry; entry = entry->next) {
        const char *code = entry->tree->key->text;
        /* Warnings about the machine come only when somebody asks for them. */
        bool asked = strncmp (code, "Z05", 3) != 0 || self->options->environment;
        if (entry->good && !entry->used && asked) {
            zloom_diags_add (self->diags, "Z0409", ZLOOM_SEVERITY_WARNING, entry->tree->key->at,
                             "take it out", "nothing here would be a %s: this allows nothing",
                             code);
        }
    }
}
