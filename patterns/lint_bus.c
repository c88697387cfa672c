/* SPDX-License-Identifier: MPL-2.0 */
/* lint_bus.c - lints about a bus's promises. */
#include <stdio.h>
#include <string.h>

#include "common/topics.h"
#include "lints.h"
#include "recipe/suggest.h"
#include "registry.h"

static const zloom_recipe_flow_t *
s_next_bus (const zloom_linter_t *linter, size_t *cursor)
{
    return zloom_linter_next_flow (linter, ZLOOM_PATTERN_BUS, cursor);
}

static bool
s_has_durable (const zloom_flow_config_t *config)
{
    for (size_t i = 0; i < config->subscriber_count; i++) {
        if (config->subscribers[i].durable) {
            return true;
        }
    }
    return false;
}

static bool
s_spills (const zloom_flow_config_t *config)
{
    for (size_t i = 0; i < config->subscriber_count; i++) {
        const zloom_subscriber_config_t *one = &config->subscribers[i];
        if (!one->durable && one->on_slow == ZLOOM_ON_SLOW_SPILL) {
            return true;
        }
    }
    return false;
}

/* "to.out.topics" */
static const char *
s_path (const zloom_recipe_end_t *end, const char *key, char path[2 * ZLOOM_NAME_MAX])
{
    (void) snprintf (path, 2 * ZLOOM_NAME_MAX, "to.%s.%s", end->name, key);
    return path;
}

/* ---- topics --------------------------------------------------------------------------------- */

/* Whether some topic matches both patterns. */
static bool
s_meet (zloom_bytes_t a, zloom_bytes_t b)
{
    zloom_bytes_t one;
    zloom_bytes_t other;
    for (;;) {
        const bool some = zloom_topic_token (&a, &one);
        const bool more = zloom_topic_token (&b, &other);
        if (!some || !more) {
            return some == more;
        }
        const zloom_bytes_t rest = zloom_bytes_text (">");
        const zloom_bytes_t any = zloom_bytes_text ("*");
        if (zloom_bytes_equal (one, rest) || zloom_bytes_equal (other, rest)) {
            return true;
        }
        if (!zloom_bytes_equal (one, other) && !zloom_bytes_equal (one, any) &&
            !zloom_bytes_equal (other, any)) {
            return false;
        }
    }
}

static void
s_check_wanted (zloom_linter_t *linter, const zloom_recipe_flow_t *flow,
                const zloom_recipe_end_t *end, const char *pattern)
{
    const zloom_flow_config_t *config = flow->config;
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, pattern);
    for (size_t i = 0; i < config->topic_count; i++) {
        if (s_meet (zloom_bytes_text (pattern), zloom_bytes_text (config->topics[i]))) {
            return;
        }
        zloom_suggest_offer (&suggest, config->topics[i]);
    }
    char hint[320];
    char path[2 * ZLOOM_NAME_MAX];
    (void) snprintf (hint, sizeof hint, "did you mean '%.255s'?", suggest.best ? suggest.best : "");
    zloom_linter_flow (linter, flow, s_path (end, "topics", path), suggest.best ? hint : NULL,
                       "nobody may publish '%s' on bus '%s'", pattern, flow->name);
}

void
zloom_check_bus_topics (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        const zloom_flow_config_t *config = flow->config;
        for (size_t j = 0; config->topic_count > 0 && j < flow->to_count; j++) {
            const zloom_subscriber_config_t *subscriber = flow->to[j].config;
            for (size_t k = 0; subscriber && k < subscriber->pattern_count; k++) {
                s_check_wanted (linter, flow, &flow->to[j], subscriber->patterns[k]);
            }
        }
    }
}

/* Whether it cannot say what an event of its is about. */
static bool
s_names_no_topic (const zloom_recipe_node_t *node)
{
    if (node->kind->id == ZLOOM_NODE_POLLER) {
        return true;
    }
    const zloom_worker_config_t *worker = node->config;
    return node->kind->id == ZLOOM_NODE_WORKER && worker->run.count > 0 &&
           worker->io != ZLOOM_IO_FRAMES;
}

void
zloom_check_bus_sender (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        const bool one = zloom_flow_config_topic (zloom_flow_config (flow)) != NULL;
        for (size_t j = 0; !one && j < flow->from_count; j++) {
            const zloom_recipe_node_t *node = flow->from[j].node;
            if (node && node->sound && s_names_no_topic (node)) {
                zloom_linter_flow (linter, flow, "from", "as in topics: order.paid",
                                   "%s '%s' cannot say what topic an event of bus '%s' has",
                                   node->kind->name, node->name, flow->name);
            }
        }
    }
}

/* ---- what lasts, and what does not ---------------------------------------------------------- */

void
zloom_check_bus_memory (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        const zloom_flow_config_t *config = flow->config;
        if (config->confirm == ZLOOM_CONFIRM_DISK) {
            continue;
        }
        if (s_has_durable (config)) {
            zloom_linter_flow (linter, flow, "confirm", "leave it out, or say 'durable: false'",
                               "bus '%s' has a durable subscriber, but is in memory", flow->name);
        }
        if (s_spills (config)) {
            zloom_linter_flow (linter, flow, "confirm", "leave it out, or take another 'on_slow'",
                               "bus '%s' has a subscriber that spills to disk, but is in memory",
                               flow->name);
        }
        if (config->retain_age_ns || config->retain_bytes || config->retain_messages) {
            zloom_linter_flow (linter, flow, "confirm", "leave it out, or take 'retain' out",
                               "bus '%s' retains events, but is in memory", flow->name);
        }
    }
}

void
zloom_check_bus_retry (zloom_linter_t *linter)
{
    static const char *const words[] = {"retry", "lease", "dead_letter"};
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        /* Programs may be durable by themselves. */
        if (s_has_durable (flow->config) || zloom_recipe_to_external (flow)) {
            continue;
        }
        for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
            if (zloom_tree_said (flow->tree, words[j])) {
                zloom_linter_flow (linter, flow, words[j], "make a subscriber durable",
                                   "bus '%s' has '%s', but no durable subscriber", flow->name,
                                   words[j]);
            }
        }
    }
}

void
zloom_check_bus_slow (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            const zloom_subscriber_config_t *subscriber = flow->to[j].config;
            if (subscriber && subscriber->durable && zloom_tree_get (flow->to[j].tree, "on_slow")) {
                zloom_linter_flow (linter, flow, s_path (&flow->to[j], "on_slow", path),
                                   "take it out, or say 'durable: false'",
                                   "subscriber '%s' of bus '%s' is durable: it misses nothing",
                                   flow->to[j].name, flow->name);
            }
        }
    }
}

void
zloom_check_bus_last (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            const zloom_subscriber_config_t *subscriber = flow->to[j].config;
            if (subscriber && subscriber->durable && subscriber->from == ZLOOM_FROM_LAST) {
                zloom_linter_flow (linter, flow, s_path (&flow->to[j], "from", path),
                                   "say 'from: start', or 'durable: false'",
                                   "subscriber '%s' of bus '%s' is durable: it cannot begin with "
                                   "the last event of each topic",
                                   flow->to[j].name, flow->name);
            }
        }
    }
}

/* ---- warnings ------------------------------------------------------------------------------- */

void
zloom_check_bus_single (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        const zloom_flow_config_t *config = flow->config;
        if (flow->to_count == 1 && config->subscriber_count == 1 &&
            config->subscribers[0].durable) {
            zloom_linter_flow (linter, flow, "pattern", "'pattern: queue' does it",
                               "bus '%s' has one durable subscriber, '%s', and no other",
                               flow->name, flow->to[0].name);
        }
    }
}

void
zloom_check_bus_past (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        const zloom_flow_config_t *config = flow->config;
        const bool retains =
          config->retain_age_ns > 0 || config->retain_bytes > 0 || config->retain_messages > 0;
        for (size_t j = 0; !retains && j < flow->to_count; j++) {
            const zloom_subscriber_config_t *subscriber = flow->to[j].config;
            if (!subscriber || subscriber->through || subscriber->from == ZLOOM_FROM_NOW ||
                (subscriber->durable && subscriber->from == ZLOOM_FROM_LAST)) {
                continue; /* others say more of these */
            }
            zloom_linter_flow (linter, flow, s_path (&flow->to[j], "from", path),
                               "say 'retain', or take 'from' out",
                               "bus '%s' keeps nothing for those who come later: '%s' begins with "
                               "what is published from then on",
                               flow->name, flow->to[j].name);
        }
    }
}

/* Whether what the node makes of an event stays. */
static bool
s_lasts (const zloom_recipe_t *recipe, const zloom_recipe_node_t *node)
{
    if (node->kind->id == ZLOOM_NODE_SINK) {
        return ((const zloom_sink_config_t *) node->config)->file.set;
    }
    const zloom_recipe_flow_t *next;
    for (size_t i = 0; (next = zloom_recipe_next_out (recipe, node, &i));) {
        const zloom_flow_config_t *config = next->config;
        if (next->sound && config->confirm == ZLOOM_CONFIRM_DISK) {
            return true;
        }
    }
    return false;
}

void
zloom_check_bus_holes (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char path[2 * ZLOOM_NAME_MAX];
    for (size_t i = 0; (flow = s_next_bus (linter, &i));) {
        for (size_t j = 0; j < flow->to_count; j++) {
            const zloom_recipe_end_t *end = &flow->to[j];
            const zloom_subscriber_config_t *subscriber = end->config;
            if (subscriber && !subscriber->durable && end->node->sound &&
                s_lasts (zloom_linter_recipe (linter), end->node)) {
                zloom_linter_flow (linter, flow, s_path (end, "durable", path),
                                   "make it durable, or allow it",
                                   "what '%s' misses of bus '%s' is missing for good in what it "
                                   "writes",
                                   end->name, flow->name);
            }
        }
    }
}
