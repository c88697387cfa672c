/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router_flows.h"

#include "base/memory.h"
#include "patterns/queue/queue.h"
#include "patterns/registry.h"
#include "wire/fingerprint.h"

static uint64_t
s_fingerprint (const zloom_flow_config_t *config)
{
    const zloom_fingerprint_t fingerprint = {.pattern = zloom_bytes_text (config->pattern),
                                             .key = zloom_bytes_text (config->key),
                                             .confirm = config->confirm};
    return zloom_fingerprint_number (&fingerprint);
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
        if (flow->pattern->id != ZLOOM_PATTERN_QUEUE) {
            return zloom_fail (ZLOOM_UNSUPPORTED, "flow %s: this router hosts no %s", flow->name,
                               flow->pattern->name);
        }
        const zloom_flow_config_t *config = zloom_flow_config (flow);
        flows[(*count)++] = (zloom_engine_flow_t){
          .config = *config,
          .pattern = &zloom_queue_pattern,
          .fingerprint = s_fingerprint (config),
        };
    }
    return ZLOOM_OK;
}
