/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/router/router_flows.h"

#include <stdlib.h>

#include "base/clock.h"
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

/* No flow has so many failures: what a bridge cannot carry waits. */
#define OUTBOX_FAILURES INT32_MAX
/* A bridge that is there says so with its heartbeats, and one that is gone has lost its leases. */
#define OUTBOX_LEASE_NS (INT64_C (366) * 24 * 3600 * ZLOOM_NS_PER_S)

/*
 * What is sent here to a flow of another router: kept on disk in the order of its coming, as much
 * as the flow itself may hold, and handed to the bridge alone. Names with @ are of no recipe.
 */
static zloom_engine_flow_t
s_outbox (const zloom_recipe_flow_t *flow, const zloom_flow_config_t *config, char **name_p)
{
    *name_p = zloom_format ("%s@%s", flow->name, flow->via->name);
    return (zloom_engine_flow_t){
      .config =
        {
          .name = *name_p,
          .pattern = config->pattern,
          .confirm = ZLOOM_CONFIRM_DISK,
          .lease_ns = OUTBOX_LEASE_NS,
          .failures_max = OUTBOX_FAILURES,
          .limit_messages = config->limit_messages,
          .limit_bytes = config->limit_bytes,
          .on_full = ZLOOM_ON_FULL_BLOCK,
          .exceptions_max = config->exceptions_max,
          .topics = config->topics,
          .topic_count = config->topic_count,
        },
      .pattern = &zloom_queue_pattern,
      .fingerprint = s_fingerprint (config),
      .flow = flow->name,
      .key = config->key,
      .events = flow->pattern->id == ZLOOM_PATTERN_BUS,
    };
}

void
zloom_router_flows_fini (zloom_router_flows_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->names[i]);
    }
    free (self->flows);
    free (self->names);
    *self = (zloom_router_flows_t){0};
}

zloom_err_t
zloom_router_flows (const zloom_recipe_t *recipe, const zloom_recipe_node_t *router,
                    zloom_router_flows_t *self)
{
    const size_t all = zloom_recipe_flow_count (recipe);
    *self = (zloom_router_flows_t){.flows = zloom_alloc ((all + 1) * sizeof *self->flows),
                                   .names = zloom_alloc ((all + 1) * sizeof *self->names)};
    for (size_t i = 0; i < all; i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        const bool carries = router && zloom_recipe_carries (recipe, router, flow);
        if (router && flow->via != router && !carries) {
            continue;
        }
        if (!s_pattern (flow->pattern)) {
            return zloom_fail (ZLOOM_UNSUPPORTED, "flow %s: this router hosts no %s", flow->name,
                               flow->pattern->name);
        }
        const zloom_flow_config_t *config = zloom_flow_config (flow);
        self->flows[self->count] = carries ? s_outbox (flow, config, &self->names[self->count])
                                           : (zloom_engine_flow_t){
                                               .config = *config,
                                               .pattern = s_pattern (flow->pattern),
                                               .fingerprint = s_fingerprint (config),
                                             };
        self->count++;
    }
    return ZLOOM_OK;
}
