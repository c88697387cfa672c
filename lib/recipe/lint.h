/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lint.h - what can be said about a recipe from the recipe alone: a table of lints, each with a
 * code, an explanation, a fix, a sample that fires and one that must not.
 *
 * Codes are stable: Z01xx syntax, Z02xx fields, Z03xx references and the graph, Z04xx the field's
 * mistakes (warnings), Z05xx the machine (programs, files, paths), Z06xx fleets. Entries without a
 * check are found while a recipe is read; they stand here for `explain` and for their samples.
 */
#ifndef ZLOOM_RECIPE_LINT_H
#define ZLOOM_RECIPE_LINT_H

#include "recipe/allow.h"
#include "recipe/diag.h"
#include "recipe/recipe.h"
#include "recipe/tree.h"

typedef struct zloom_linter zloom_linter_t;

typedef struct {
    const char *code;
    zloom_severity_t severity;
    const char *name;                       /* "dead-letter-circle" */
    void (*check) (zloom_linter_t *linter); /* NULL: found while reading */
    const char *why;                        /* what is wrong with it */
    const char *fix;                        /* what to do */
    /*
     * A recipe (Z06xx: a fleet) that fires this code, and the same repaired: without errors, and
     * this code does not fire. Both lack `zloom: 1` and `name:`, unless they begin with one of
     * these or with #.
     */
    const char *bad;
    const char *good;
} zloom_lint_t;

/* The recipe at hand; nodes and flows that are not `sound` may have any values. */
const zloom_recipe_t *zloom_linter_recipe (const zloom_linter_t *self);
/* The options of the load, never NULL; lints Z05xx look at `environment`. */
const zloom_recipe_options_t *zloom_linter_options (const zloom_linter_t *self);
/* Whether the recipe could be read as a whole: a lint may doubt what is missing only then. */
bool zloom_linter_whole (const zloom_linter_t *self);

/*
 * Report the lint whose check is running, at `path` below a node or flow ("retry.failures"; the
 * closest that is written; "" = its name). `hint` may be NULL. A warning that the node, the flow or
 * the recipe allows is dropped.
 */
void zloom_linter_node (zloom_linter_t *self, const zloom_recipe_node_t *node, const char *path,
                        const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));
/* The same inside of a text: at the byte `offset` of what stands at `path`. */
void zloom_linter_inside (zloom_linter_t *self, const zloom_recipe_node_t *node, const char *path,
                          size_t offset, const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 6, 7)));
void zloom_linter_flow (zloom_linter_t *self, const zloom_recipe_flow_t *flow, const char *path,
                        const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));

/* Run the registry's lints; recipe.c calls it. */
void zloom_lint_run (const zloom_recipe_t *recipe, const zloom_registry_t *registry,
                     const zloom_recipe_options_t *options, bool whole, zloom_allow_t *allow);

/* The codes of lib/recipe itself and the registry's, by index and by code; NULL when there is no
 * such one. */
const zloom_lint_t *zloom_lint_at (const zloom_registry_t *registry, size_t index);
const zloom_lint_t *zloom_lint_find (const zloom_registry_t *registry, const char *code);

#endif
