/* SPDX-License-Identifier: MPL-2.0 */
/*
 * registry.h - all that a recipe of this build may use: node kinds, patterns, words of later
 * versions, lints. The one place where lib/recipe's mechanism meets zloom's meaning.
 */
#ifndef ZLOOM_PATTERNS_REGISTRY_H
#define ZLOOM_PATTERNS_REGISTRY_H

#include "common/pattern.h"
#include "node_config.h"
#include "recipe/registry.h"

/* zloom_kind_t.id of patterns. */
typedef enum {
    ZLOOM_PATTERN_QUEUE = 1,
    ZLOOM_PATTERN_BUS,
} zloom_pattern_kind_t;

/* The tables; const, any thread. */
const zloom_registry_t *zloom_registry (void);

/* What the recipe says of a flow, for the engine. */
const zloom_flow_config_t *zloom_flow_config (const zloom_recipe_flow_t *flow);
/* What `to` of a bus says of a node; NULL: nothing, or the flow is no bus. */
const zloom_subscriber_config_t *zloom_flow_subscriber (const zloom_recipe_flow_t *flow,
                                                        const zloom_recipe_node_t *node);

/*
 * How long a worker's handler may take for one message: its `timeout`, or a little less than the
 * lease of what it takes (0: not known), so that it is over first. INT64_MAX: for ever.
 */
int64_t zloom_worker_limit_ns (const zloom_worker_config_t *config, int64_t lease_ns);

#endif
