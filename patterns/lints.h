/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lints.h - the checks behind lints.def, queue/lints.def and bus/lints.def. Each looks at the whole
 * recipe and reports through its linter.
 */
#ifndef ZLOOM_PATTERNS_LINTS_H
#define ZLOOM_PATTERNS_LINTS_H

#include "recipe/lint.h"

#define ZLOOM_LINT(code, severity, name, check, why, fix, bad, good) \
    void zloom_check_##check (zloom_linter_t *linter);
#include "bus/lints.def"
#include "lints.def"
#include "queue/lints.def"
#undef ZLOOM_LINT

enum {
    ZLOOM_LINTS = 0
#define ZLOOM_LINT(code, severity, name, check, why, fix, bad, good) +1
#include "bus/lints.def"
#include "lints.def"
#include "queue/lints.def"
#undef ZLOOM_LINT
};

extern const zloom_lint_t zloom_lints[ZLOOM_LINTS];

/* The next node whose fields are good, of a kind (0: any); NULL at the end. *cursor begins at 0. */
const zloom_recipe_node_t *zloom_linter_next_node (const zloom_linter_t *self, unsigned kind,
                                                   size_t *cursor);
/* The next one that others connect to (a router, an edge), and where it listens. */
const zloom_recipe_node_t *zloom_linter_next_listener (const zloom_linter_t *self, size_t *cursor,
                                                       const char **listen);
/* The next flow whose fields are good, of a pattern (0: any); NULL at the end. */
const zloom_recipe_flow_t *zloom_linter_next_flow (const zloom_linter_t *self, unsigned pattern,
                                                   size_t *cursor);

#endif
