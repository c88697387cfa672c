/* SPDX-License-Identifier: MPL-2.0 */
#include "lints.h"
#include "registry.h"

const zloom_lint_t zloom_lints[ZLOOM_LINTS] = {
#define ZLOOM_LINT(code, severity, name, check, why, fix, bad, good) \
    {code, ZLOOM_SEVERITY_##severity, name, zloom_check_##check, why, fix, bad, good},
#include "bus/lints.def"
#include "lints.def"
#include "queue/lints.def"
#undef ZLOOM_LINT
};

const zloom_recipe_node_t *
zloom_linter_next_node (const zloom_linter_t *self, unsigned kind, size_t *cursor)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (self);
    while (*cursor < zloom_recipe_node_count (recipe)) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, (*cursor)++);
        if (node->sound && (kind == 0 || node->kind->id == kind)) {
            return node;
        }
    }
    return NULL;
}

const zloom_recipe_flow_t *
zloom_linter_next_flow (const zloom_linter_t *self, unsigned pattern, size_t *cursor)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (self);
    while (*cursor < zloom_recipe_flow_count (recipe)) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, (*cursor)++);
        if (flow->sound && (pattern == 0 || flow->pattern->id == pattern)) {
            return flow;
        }
    }
    return NULL;
}
