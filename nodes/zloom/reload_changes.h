/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reload_changes.h - what a recipe says now and did not say when it was started, and what becomes
 * of each difference: who takes it over, or that only a new start does.
 */
#ifndef ZLOOM_CLI_RELOAD_CHANGES_H
#define ZLOOM_CLI_RELOAD_CHANGES_H

#include "base/bytes.h"
#include "recipe/recipe.h"

#include <jansson.h>

typedef struct {
    json_t *old;         /* path: value */
    json_t *new;         /* path: value */
    json_t *open;        /* object of paths that an earlier one has taken over in part */
    json_t *changed;     /* array of paths */
    json_t *again;       /* object of nodes that are started again, one process after the other */
    json_t *added;       /* ... that are new */
    json_t *removed;     /* ... that are gone */
    json_t *replicas;    /* object: node to number */
    bool router;         /* it takes something over */
    zloom_buf_t refused; /* lines of what cannot be taken over, of the first few */
    size_t refused_count;
} zloom_changes_t;

#define ZLOOM_CHANGES_SHOWN 12

void zloom_changes_init (zloom_changes_t *self);
/* `changed` is the caller's by then. */
void zloom_changes_fini (zloom_changes_t *self);
/* `old`, `new` and `open` are set: find the rest. `recipe` is what says the new. */
void zloom_changes_find (zloom_changes_t *self, const zloom_recipe_t *recipe);
/* Whether it is the path that says who hears what durably, and by these values it is so. */
bool zloom_changes_is_durable (const char *path, const json_t *values,
                               char flow[ZLOOM_NAME_MAX + 1], char node[ZLOOM_NAME_MAX + 1]);

#endif
