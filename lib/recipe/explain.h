/* SPDX-License-Identifier: MPL-2.0 */
/*
 * explain.h - answers to `zloom explain`: a code, a key, a kind or pattern, or a flow of a recipe.
 */
#ifndef ZLOOM_RECIPE_EXPLAIN_H
#define ZLOOM_RECIPE_EXPLAIN_H

#include "recipe/registry.h"

/* A code ("Z0203"): what it means, what to do, a sample and its repair. NOT_FOUND if none. */
zloom_err_t zloom_explain_code (const zloom_registry_t *registry, const char *code,
                                zloom_buf_t *out);
/*
 * A key by its path ("flows.*.lease", "nodes.charge.restart.budget", "params") or by its name alone
 * ("lease"): each place where it may stand, with type, default, range and example. NOT_FOUND with a
 * note that suggests a near one.
 */
zloom_err_t zloom_explain_key (const zloom_registry_t *registry, const char *path,
                               zloom_buf_t *out);
/* A kind of node or a pattern by its name: what it is, an example, its keys; of one that a later
 * version brings, that it does. NOT_FOUND if none. */
zloom_err_t zloom_explain_kind (const zloom_registry_t *registry, const char *name,
                                zloom_buf_t *out);
/* A flow of a recipe: its promises in plain words. NOT_FOUND if there is no such flow. */
zloom_err_t zloom_explain_flow (const zloom_recipe_t *recipe, const char *name, zloom_buf_t *out);
/*
 * Whatever `word` is: a flow of the recipe (which may be NULL), a code, a kind or pattern, a key,
 * or what other systems call one of these.
 * NOT_FOUND with a note when it is none of them.
 */
zloom_err_t zloom_explain (const zloom_registry_t *registry, const zloom_recipe_t *recipe,
                           const char *word, zloom_buf_t *out);

/* Every field with its dotted path, in order; for explain and the reference page. */
typedef void (zloom_field_visit_fn) (void *arg, const char *path, const zloom_kind_t *kind,
                                     const zloom_field_t *field);
void zloom_fields_visit (const zloom_registry_t *registry, zloom_field_visit_fn *visit, void *arg);

#endif
