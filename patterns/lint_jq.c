/* SPDX-License-Identifier: MPL-2.0 */
/* lint_jq.c - expressions of jq are compiled where the library of jq is at hand. */
#include "io/jq.h"
#include "lints.h"
#include "registry.h"

/* The next worker with an expression. */
static const zloom_recipe_node_t *
s_next (const zloom_linter_t *linter, size_t *cursor)
{
    const zloom_recipe_node_t *node;
    do {
        node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, cursor);
    } while (node && !((const zloom_worker_config_t *) node->config)->jq);
    return node;
}

void
zloom_check_jq_expression (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    const zloom_jq_module_t *module = NULL;
    for (size_t i = 0; (node = s_next (linter, &i));) {
        const zloom_worker_config_t *config = node->config;
        zloom_jq_mistake_t mistake;
        if (zloom_jq_module (&module) != ZLOOM_OK) {
            return; /* Z0510 says so, where the machine is asked for */
        }
        zloom_jq_t *jq = module->compile (config->jq, &mistake);
        if (!jq) {
            zloom_linter_inside (linter, node, "jq", mistake.offset, NULL,
                                 "the expression of worker '%s': %s", node->name, mistake.text);
        }
        module->destroy (jq);
    }
}

void
zloom_check_jq_there (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    const zloom_jq_module_t *module = NULL;
    for (size_t i = 0;
         zloom_linter_options (linter)->environment && (node = s_next (linter, &i));) {
        if (zloom_jq_module (&module) != ZLOOM_OK) {
            zloom_linter_node (linter, node, "jq", "on Debian: install libjq1", "%s",
                               zloom_note ());
        }
    }
}
