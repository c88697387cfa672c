/* SPDX-License-Identifier: MPL-2.0 */
/* lint_queue.c - lints about a queue's promises. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "lints.h"
#include "registry.h"

/* Where a flow's dead letters go; NULL when it has none. */
static const zloom_recipe_flow_t *
s_dead_letter (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow)
{
    const zloom_flow_config_t *config = flow->config;
    return config && config->dead_letter ? zloom_recipe_flow (recipe, config->dead_letter) : NULL;
}

void
zloom_check_dead_letter_self (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, 0, &i));) {
        if (s_dead_letter (recipe, flow) == flow) {
            zloom_linter_flow (linter, flow, "dead_letter", "name another flow",
                               "flow '%s' is its own dead letters", flow->name);
        }
    }
}

void
zloom_check_dead_letter_circle (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    size_t count = zloom_recipe_flow_count (recipe);
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, 0, &i));) {
        const zloom_recipe_flow_t *next = s_dead_letter (recipe, flow);
        if (next == flow) {
            continue; /* Z0305 */
        }
        /* Back where it began, and nowhere before it in the file: one report a circle. */
        bool first = true;
        for (size_t steps = 0; next && next != flow && steps < count; steps++) {
            first = first && next > flow;
            next = s_dead_letter (recipe, next);
        }
        if (next == flow && first) {
            zloom_linter_flow (linter, flow, "dead_letter", "let the last one have none",
                               "the dead letters of flow '%s' come back to it", flow->name);
        }
    }
}

static bool
s_says_confirm (const zloom_recipe_flow_t *flow, unsigned confirm)
{
    const zloom_flow_config_t *config = flow->config;
    return config && config->confirm == confirm && zloom_tree_get (flow->tree, "confirm");
}

/* Flows that the takers of `flow` send to. */
static void
s_check_emits (zloom_linter_t *linter, const zloom_recipe_flow_t *flow)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    for (size_t i = 0; i < flow->to_count; i++) {
        const zloom_recipe_node_t *node = flow->to[i].node;
        const zloom_recipe_flow_t *next;
        for (size_t j = 0; node && (next = zloom_recipe_next_out (recipe, node, &j));) {
            if (next->sound && s_says_confirm (next, ZLOOM_CONFIRM_MEMORY)) {
                zloom_linter_flow (linter, next, "confirm", "use 'confirm: disk' here too",
                                   "flow '%s' is confirmed on disk, but what '%s' makes of it "
                                   "goes on in memory",
                                   flow->name, node->name);
            }
        }
    }
}

void
zloom_check_weaker_downstream (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, 0, &i));) {
        const zloom_flow_config_t *config = flow->config;
        const zloom_recipe_flow_t *dead = s_dead_letter (recipe, flow);
        const zloom_flow_config_t *dead_config = dead && dead->sound ? dead->config : NULL;
        if (dead_config && config->confirm == ZLOOM_CONFIRM_DISK &&
            dead_config->confirm == ZLOOM_CONFIRM_MEMORY) {
            zloom_linter_flow (linter, dead, "confirm", "use 'confirm: disk' here too",
                               "flow '%s' is on disk, but its dead letters are in memory",
                               flow->name);
        }
        if (s_says_confirm (flow, ZLOOM_CONFIRM_DISK)) {
            s_check_emits (linter, flow);
        }
    }
}

void
zloom_check_order_without_key (zloom_linter_t *linter)
{
    static const char *const words[] = {"order", "weights"};
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_QUEUE, &i));) {
        const zloom_flow_config_t *config = flow->config;
        for (size_t j = 0; config && !config->key && j < ZLOOM_COUNT (words); j++) {
            if (zloom_tree_said (flow->tree, words[j])) {
                zloom_linter_flow (linter, flow, words[j], "add 'key: /NAME', or leave it out",
                                   "flow '%s' has '%s', but no key to keep in order", flow->name,
                                   words[j]);
            }
        }
    }
}

void
zloom_check_park_without_dead (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, ZLOOM_PATTERN_QUEUE, &i));) {
        const zloom_flow_config_t *config = flow->config;
        /* Flows of dead letters have their word from `defaults:` like others, and none needs it. */
        const bool meant = flow->from_count > 0 || zloom_tree_said (flow->tree, "order");
        if (meant && config && config->key && config->order == ZLOOM_ORDER_PARK &&
            !config->dead_letter) {
            zloom_linter_flow (linter, flow, "order", "add 'dead_letter:', or say 'order: skip'",
                               "flow '%s' parks keys behind their dead messages, but has no dead "
                               "letters to park them in",
                               flow->name);
        }
    }
}

void
zloom_check_lease_timeout (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    char lease[48];
    char timeout[48];
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, 0, &i));) {
        const zloom_flow_config_t *config = flow->config;
        for (size_t j = 0; j < flow->to_count; j++) {
            const zloom_recipe_node_t *node = flow->to[j].node;
            if (!node || !node->sound || node->kind->id != ZLOOM_NODE_WORKER) {
                continue;
            }
            const zloom_worker_config_t *worker = node->config;
            if (worker->timeout_ns > config->lease_ns) {
                zloom_linter_flow (linter, flow, "lease", "make the lease longer",
                                   "a lease of %s ends before the timeout of worker '%s' (%s)",
                                   zloom_duration_text (config->lease_ns, lease), node->name,
                                   zloom_duration_text (worker->timeout_ns, timeout));
            }
        }
    }
}

/* ---- warnings ------------------------------------------------------------------------------ */

/* A subscriber of a bus that is not durable fails in vain: nothing comes again. */
static bool
s_goes_to_worker (const zloom_recipe_flow_t *flow)
{
    for (size_t i = 0; i < flow->to_count; i++) {
        const zloom_recipe_node_t *node = flow->to[i].node;
        const zloom_subscriber_config_t *subscriber = flow->to[i].config;
        if (node && node->sound && node->kind->id == ZLOOM_NODE_WORKER &&
            (!subscriber || subscriber->durable)) {
            return true;
        }
    }
    return false;
}

static bool
s_holds_dead_letters (const zloom_linter_t *linter, const zloom_recipe_flow_t *flow)
{
    const zloom_recipe_flow_t *other;
    for (size_t i = 0; (other = zloom_linter_next_flow (linter, 0, &i));) {
        if (s_dead_letter (zloom_linter_recipe (linter), other) == flow) {
            return true;
        }
    }
    return false;
}

void
zloom_check_unseen_failures (zloom_linter_t *linter)
{
    const zloom_recipe_flow_t *flow;
    for (size_t i = 0; (flow = zloom_linter_next_flow (linter, 0, &i));) {
        const zloom_flow_config_t *config = flow->config;
        if (config->dead_letter) {
            continue;
        }
        if (config->on_full == ZLOOM_ON_FULL_DROP_OLDEST) {
            zloom_linter_flow (
              linter, flow, "limit.on_full", "add 'dead_letter:'",
              "flow '%s' drops its oldest messages when it is full, and nobody sees them",
              flow->name);
        }
        bool retries = s_goes_to_worker (flow) || zloom_tree_said (flow->tree, "retry");
        if (retries && !s_holds_dead_letters (linter, flow)) {
            zloom_linter_flow (
              linter, flow, "retry", "add 'dead_letter:'",
              "a message of flow '%s' that fails %lld time%s is dropped, and nobody sees it",
              flow->name, (long long) config->failures_max, config->failures_max == 1 ? "" : "s");
        }
    }
}

/* ---- circles ------------------------------------------------------------------------------- */

/*
 * A walk over nodes and flows, depth first, each entered once: an edge to one that is still open
 * closes a circle. Flows that do not block when they are full are no edges.
 */
typedef enum {
    NEW,
    OPEN,
    DONE,
} mark_t;

typedef struct {
    zloom_linter_t *linter;
    const zloom_recipe_t *recipe;
    mark_t *nodes;
    mark_t *flows;
} walk_t;

static void s_walk_flow (walk_t *self, const zloom_recipe_flow_t *flow);

static void
s_report_circle (walk_t *self, const zloom_recipe_flow_t *flow)
{
    zloom_linter_flow (self->linter, flow, "from", "let it have 'limit: {on_full: reject}'",
                       "flow '%s' closes a circle of flows that all block: once they are full, "
                       "nothing moves",
                       flow->name);
}

static void
s_walk_node (walk_t *self, const zloom_recipe_node_t *node)
{
    mark_t *mark = &self->nodes[node - zloom_recipe_node_at (self->recipe, 0)];
    const zloom_recipe_flow_t *flow;
    *mark = OPEN;
    for (size_t i = 0; (flow = zloom_recipe_next_out (self->recipe, node, &i));) {
        s_walk_flow (self, flow);
    }
    *mark = DONE;
}

static void
s_walk_flow (walk_t *self, const zloom_recipe_flow_t *flow)
{
    mark_t *mark = &self->flows[flow - zloom_recipe_flow_at (self->recipe, 0)];
    const zloom_flow_config_t *config = flow->sound ? flow->config : NULL;
    if (!config || config->on_full != ZLOOM_ON_FULL_BLOCK) {
        return;
    }
    if (*mark == OPEN) {
        s_report_circle (self, flow);
    }
    if (*mark != NEW) {
        return;
    }
    *mark = OPEN;
    for (size_t i = 0; i < flow->to_count; i++) {
        const zloom_recipe_node_t *node = flow->to[i].node;
        mark_t seen = node ? self->nodes[node - zloom_recipe_node_at (self->recipe, 0)] : DONE;
        if (seen == OPEN) {
            s_report_circle (self, flow);
        } else if (seen == NEW) {
            s_walk_node (self, node);
        }
    }
    *mark = DONE;
}

void
zloom_check_blocking_circle (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    size_t nodes = zloom_recipe_node_count (recipe);
    walk_t walk = {
      .linter = linter,
      .recipe = recipe,
      .nodes = zloom_alloc (nodes * sizeof (mark_t)),
      .flows = zloom_alloc (zloom_recipe_flow_count (recipe) * sizeof (mark_t)),
    };
    for (size_t i = 0; i < nodes; i++) {
        if (walk.nodes[i] == NEW) {
            s_walk_node (&walk, zloom_recipe_node_at (recipe, i));
        }
    }
    free (walk.nodes);
    free (walk.flows);
}
