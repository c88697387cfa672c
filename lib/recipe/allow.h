/* SPDX-License-Identifier: MPL-2.0 */
/*
 * allow.h - `allow:` of a recipe, a node or a flow: warnings that are meant, each with a reason.
 *
 *     allow: {Z0402: "losing some of these is fine"}
 *
 * Every warning is said through here, so that each is allowed in the same way, `lint --all` shows
 * all of them, and an `allow:` that allows nothing (any more) is a warning itself.
 */
#ifndef ZLOOM_RECIPE_ALLOW_H
#define ZLOOM_RECIPE_ALLOW_H

#include "recipe/diag.h"
#include "recipe/pool.h"
#include "recipe/recipe.h"
#include "recipe/tree.h"

typedef struct zloom_allow zloom_allow_t;

/* In `pool`; all of these must outlive it. */
zloom_allow_t *zloom_allow_new (zloom_pool_t *pool, const zloom_registry_t *registry,
                                const zloom_recipe_options_t *options, zloom_diags_t *diags);
/* The recipe's own: allows warnings about anything. May be NULL. */
void zloom_allow_root (zloom_allow_t *self, const zloom_tree_node_t *root);
/*
 * Take in the `allow:` of a node or flow (or of the root), if it has one, and report what is wrong
 * with it: codes that are none, errors, missing reasons.
 */
void zloom_allow_take (zloom_allow_t *self, const zloom_tree_node_t *owner);
/* Add a diagnostic, unless it is a warning that `owner` (may be NULL) or the root allows. */
void zloom_allow_say (zloom_allow_t *self, const char *code, zloom_severity_t severity,
                      const zloom_tree_node_t *owner, zloom_span_t at, const char *hint,
                      const char *message);
/* Everything was said: what allowed nothing is a warning (Z0409). */
void zloom_allow_end (zloom_allow_t *self);

#endif
