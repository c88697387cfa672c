/* SPDX-License-Identifier: MPL-2.0 */
/* kinds.h - the tables that registry.c joins: kinds.c, flow_kinds.c, lints.h. */
#ifndef ZLOOM_PATTERNS_KINDS_H
#define ZLOOM_PATTERNS_KINDS_H

#include "recipe/registry.h"

enum {
    ZLOOM_NODE_KINDS = 5,
    ZLOOM_FLOW_KINDS = 2,
};

extern const zloom_kind_t zloom_forwarder_kind; /* not for recipes to name */
extern const zloom_kind_t zloom_node_kinds[ZLOOM_NODE_KINDS];
extern const zloom_kind_t zloom_flow_kinds[ZLOOM_FLOW_KINDS];

/* flow_explain.c: kinds' explain (). */
void zloom_flow_explain_queue (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow,
                               zloom_buf_t *out);
void zloom_flow_explain_bus (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow,
                             zloom_buf_t *out);

#endif
