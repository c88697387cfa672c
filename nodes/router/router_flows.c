/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router_flows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/bus.h"
#include "patterns/queue/queue.h"
#include "patterns/registry.h"
#include "wire/fingerprint.h"

static uint64_t
s_fingerprint (const zloom_flow_config_t *config)
{
    zloom_bytes_t *topics = zloom_alloc ((config->topic_count + 1) * sizeof *topics);
    for (size_t i = 0; i < config->topic_count; i++) {
        topics[i] = zloom_bytes_text (config->topics[i]);
    }
    const zloom_fingerprint_t fingerprint = {.pattern = zloom_bytes_text (config->pattern),
                                             .key = zloom_bytes_text (config->key),
                                             .confirm = config->confirm,
                                             .topics = topics,
                                             .topic_count = config->topic_count};
    const uint64_t number = zloom_fingerprint_number (&fingerprint);
    free (topics);
    return number;
}

/* NULL: this build has none. */
static const zloom_pattern_t *
s_pattern (const zloom_kind_t *kind)
{
    switch ((zloom_pattern_kind_t) kind->id) {
    case ZLOOM_PATTERN_QUEUE:
        return &zloom_queue_pattern;
    case ZLOOM_PATTERN_BUS:
        return &zloom_bus_pattern;
    }
    return NULL;
}

zloom_err_t
zloom_router_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *router,
                    zloom_engine_flow_t **flows_p, size_t *count)
{
    const size_t all = zloom_recipe_flow_count (recipe);
    zloom_engine_flow_t *flows = zloom_alloc ((all + 1) * sizeof *flows);
    *flows_p = flows;
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        if (router && flow->via != router) {
            continue;
        }
        if (!s_pattern (flow->pattern)) {
            return zloom_fail (ZLOOM_UNSUPPORTED, "flow %s: this router hosts no %s", flow->name,
                               flow->pattern->name);
        }
        const zloom_flow_config_t *config = zloom_flow_config (flow);
        flows[(*count)++] = (zloom_engine_flow_t){
          .config = *config,
          .pattern = s_pattern (flow->pattern),
          .fingerprint = s_fingerprint (config),
        };
    }
    return ZLOOM_OK;
}
