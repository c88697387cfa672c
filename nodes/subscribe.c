/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/subscribe.h"

#include "base/log.h"
#include "patterns/registry.h"

#include <stdio.h>
#include <string.h>

/* All of it is borrowed from the recipe. */
static zloom_subscription_options_t
s_subscription (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *node, int64_t prefetch)
{
    const zloom_subscriber_config_t *subscriber = zloom_flow_subscriber (flow, node);
    zloom_subscription_options_t options = {.flow = flow->name, .prefetch = (size_t) prefetch};
    if (subscriber) {
        options.group = node->name; /* its replicas share */
        options.patterns = subscriber->patterns;
        options.pattern_count = subscriber->pattern_count;
        options.durable = subscriber->durable;
        options.from = subscriber->from;
        options.from_value = subscriber->from_value;
        options.on_slow = subscriber->on_slow;
        options.on_slow_value = subscriber->on_slow_value;
    }
    return options;
}

zloom_err_t
zloom_node_subscribe (zloom_client_t *client, const zloom_node_args_t *args, int64_t prefetch,
                      int64_t deadline_ns, uint32_t *handles)
{
    const zloom_recipe_flow_t *flow;
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0;
         err == ZLOOM_OK && (flow = zloom_recipe_next_in (args->recipe, args->node, &i));) {
        const zloom_subscription_options_t options = s_subscription (flow, args->node, prefetch);
        err = zloom_client_subscribe_with (client, &options, deadline_ns, handles++);
    }
    return err;
}

void
zloom_node_gap_at (zloom_node_gaps_t *self, const char *node, const zloom_client_event_t *event,
                   int64_t now_ns)
{
    char why[sizeof self->reasons->why];
    (void) snprintf (why, sizeof why, "%.*s", (int) event->text.size,
                     event->text.size ? (const char *) event->text.data : "");
    size_t at = 0; /* more reasons than there are share the last place */
    while (at + 1 < ZLOOM_NODE_REASONS && self->reasons[at].next_ns > 0 &&
           strcmp (self->reasons[at].why, why) != 0) {
        at++;
    }
    memcpy (self->reasons[at].why, why, sizeof why);
    self->reasons[at].missed += event->n;
    if (now_ns < self->reasons[at].next_ns) {
        return;
    }
    zloom_log (ZLOOM_LOG_WARN, "missed", "node=%s flow=%s events=%llu from=%llu to=%llu why=%s",
               node, event->flow ? event->flow : "-", (unsigned long long) self->reasons[at].missed,
               (unsigned long long) event->seq, (unsigned long long) event->last, why);
    self->reasons[at].missed = 0;
    self->reasons[at].next_ns = zloom_time_add (now_ns, ZLOOM_NS_PER_S);
}

void
zloom_node_gap (zloom_node_gaps_t *self, const char *node, const zloom_client_event_t *event)
{
    zloom_node_gap_at (self, node, event, zloom_clock_mono_ns ());
}
