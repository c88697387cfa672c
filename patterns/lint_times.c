/* SPDX-License-Identifier: MPL-2.0 */
/* lint_times.c - lints about times that do not fit together, and about work done one by one. */
#include "base/units.h"
#include "lints.h"
#include "registry.h"

#define TEXT_BYTES 48

/*
 * All waits of a message that fails as often as it may: after each failure but the last. A flow of
 * strict order has no last failure; then it is the longest wait.
 */
static int64_t
s_retry_ns (const zloom_flow_config_t *config)
{
    const size_t last = config->backoff_count - 1;
    int64_t sum = 0;
    for (int64_t i = 0; i + 1 < config->failures_max; i++) {
        sum += config->backoff_ns[(size_t) i < last ? (size_t) i : last];
    }
    return config->order == ZLOOM_ORDER_STRICT && config->key ? config->backoff_ns[last] : sum;
}

void
zloom_check_retry_expiry (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char wait[TEXT_BYTES];
    char expires[TEXT_BYTES];
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_QUEUE, &i));) {
        const zloom_flow_config_t *config = flow->config;
        const int64_t retry_ns = s_retry_ns (config);
        if (config->expires_ns > 0 && retry_ns > config->expires_ns) {
            zloom_linter_flow (linter, flow, "expires", "make it longer, or 'retry' shorter",
                               "messages of flow '%s' expire after %s, but wait %s for all their "
                               "retries",
                               flow->name, zloom_duration_text (config->expires_ns, expires),
                               zloom_duration_text (retry_ns, wait));
        }
    }
}

/* Of the flow itself, and of those whose takers send to it: the one that retries longest. */
static const zloom_recipe_flow_t *
s_longest (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow)
{
    const zloom_recipe_flow_t *longest = flow;
    for (size_t i = 0; i < flow->from_count; i++) {
        const zloom_recipe_node_t *node = flow->from[i].node;
        const zloom_recipe_flow_t *in;
        for (size_t j = 0; node && (in = zloom_recipe_next_in (recipe, node, &j));) {
            if (in->sound && in->pattern->id == ZLOOM_PATTERN_QUEUE &&
                s_retry_ns (in->config) > s_retry_ns (longest->config)) {
                longest = in;
            }
        }
    }
    return longest;
}

void
zloom_check_dedup_retry (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_flow_t *flow;
    char window[TEXT_BYTES];
    char wait[TEXT_BYTES];
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_QUEUE, &i));) {
        const zloom_flow_config_t *config = flow->config;
        if (!config->dedup) {
            continue;
        }
        const zloom_recipe_flow_t *longest = s_longest (recipe, flow);
        const int64_t retry_ns = s_retry_ns (longest->config);
        if (retry_ns > config->dedup_window_ns) {
            zloom_linter_flow (linter, flow, "dedup.window", "make it longer than all retries",
                               "flow '%s' forgets ids after %s, but a message of flow '%s' may be "
                               "retried for %s",
                               flow->name, zloom_duration_text (config->dedup_window_ns, window),
                               longest->name, zloom_duration_text (retry_ns, wait));
        }
    }
}

void
zloom_check_priority_key (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_QUEUE, &i));) {
        const zloom_flow_config_t *config = flow->config;
        if (config->key && zloom_tree_said (flow->tree, "priority")) {
            zloom_linter_flow (linter, flow, "priority", "take one of the two out",
                               "flow '%s' has a key, so none of its messages overtakes another",
                               flow->name);
        }
    }
}

/* ---- one by one ---------------------------------------------------------------------------- */

/* A poller that reads its whole file at once and sends it to the flow; NULL when there is none. */
static const zloom_recipe_node_t *
s_whole_reader (const zloom_recipe_flow_t *flow)
{
    for (size_t i = 0; i < flow->from_count; i++) {
        const zloom_recipe_node_t *node = flow->from[i].node;
        if (node && node->sound && node->kind->id == ZLOOM_NODE_POLLER) {
            const zloom_poller_config_t *config = node->config;
            if (config->file.set && !config->file.follow) {
                return node;
            }
        }
    }
    return NULL;
}

/* The same, also where workers stand between, a flow at a time. */
static const zloom_recipe_node_t *
s_source (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow, size_t steps)
{
    const zloom_recipe_node_t *reader = s_whole_reader (flow);
    for (size_t i = 0; !reader && steps > 0 && i < flow->from_count; i++) {
        const zloom_recipe_node_t *node = flow->from[i].node;
        const zloom_recipe_flow_t *in;
        for (size_t j = 0; !reader && node && (in = zloom_recipe_next_in (recipe, node, &j));) {
            reader = s_source (recipe, in, steps - 1);
        }
    }
    return reader;
}

/* Behind so many workers nobody speaks of the file any more. */
#define STEPS_MAX 3

void
zloom_check_one_by_one (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        const zloom_sink_config_t *config = node->config;
        if (!node->sound || node->kind->id != ZLOOM_NODE_SINK ||
            config->file.fsync != ZLOOM_FSYNC_ALWAYS) {
            continue;
        }
        const zloom_recipe_node_t *reader = NULL;
        const zloom_recipe_flow_t *flow;
        for (size_t j = 0; !reader && (flow = zloom_recipe_next_in (recipe, node, &j));) {
            reader = s_source (recipe, flow, STEPS_MAX);
        }
        if (reader) {
            zloom_linter_node (
              linter, node, "file.fsync", "'fsync: batch' promises the same for fewer syncs",
              "sink '%s' syncs each message alone, but poller '%s' reads its whole "
              "file at once",
              node->name, reader->name);
        }
    }
}
