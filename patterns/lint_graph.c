/* SPDX-License-Identifier: MPL-2.0 */
/* lint_graph.c - lints about nodes and how flows join them. */
#include <string.h>

#include "lints.h"
#include "registry.h"

static bool
s_is_dead_letter (const zloom_recipe_t *recipe, const char *name)
{
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        const zloom_flow_config_t *config = flow->config;
        if (config && config->dead_letter && strcmp (config->dead_letter, name) == 0) {
            return true;
        }
    }
    return false;
}

void
zloom_check_one_of (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_SINK, &i));) {
        const zloom_sink_config_t *config = node->config;
        if (config->to_stdout == config->file.set) {
            zloom_linter_node (linter, node, config->file.set ? "stdout" : "",
                               "write 'stdout: true' or 'file: {path: …}'",
                               config->file.set ? "sink '%s' writes to two places"
                                                : "sink '%s' does not say where to write",
                               node->name);
        }
    }
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_POLLER, &i));) {
        const zloom_poller_config_t *config = node->config;
        if (!config->file.set) {
            zloom_linter_node (linter, node, "", "write 'file: {path: …}'",
                               "poller '%s' does not say what to read", node->name);
        }
    }
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        const int handlers =
          (config->run.count > 0) + (config->actor != NULL) + (config->jq != NULL);
        if (handlers != 1) {
            const bool many = handlers > 1;
            zloom_linter_node (
              linter, node, many ? config->actor ? "actor" : "jq" : "",
              many ? "leave one" : "write 'run: [program, …]', 'jq: EXPRESSION' or 'actor: NAME'",
              many ? "worker '%s' has more than one of a program, an expression and an actor"
                   : "worker '%s' does not say what handles its messages",
              node->name);
        }
    }
}

/* What is for a worker's program alone: with an actor there is none. */
void
zloom_check_actor_keys (zloom_linter_t *linter)
{
    static const char *const keys[] = {"io", "env", "cwd", "tty", "secrets", "limits"};
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        const char *instead = config->actor ? "an actor" : config->jq ? "an expression" : NULL;
        for (size_t j = 0; instead && j < ZLOOM_COUNT (keys); j++) {
            if (zloom_tree_said (node->tree, keys[j])) { /* defaults are for those with programs */
                zloom_linter_node (linter, node, keys[j], "take it out",
                                   "'%s' is for programs, and worker '%s' has %s", keys[j],
                                   node->name, instead);
            }
        }
    }
}

void
zloom_check_flow_entry (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    for (size_t i = 0; zloom_linter_whole (linter) && i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        if (flow->from_count == 0 && !s_is_dead_letter (recipe, flow->name)) {
            zloom_linter_flow (linter, flow, "from", "add 'from: NODE' or 'from: external'",
                               "nothing sends to flow '%s'", flow->name);
        }
    }
}

void
zloom_check_flow_exit (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        const zloom_recipe_flow_t *flow = zloom_recipe_flow_at (recipe, i);
        if (flow->sound && flow->to_count == 0) {
            zloom_linter_flow (linter, flow, "to", "add 'to: NODE' or 'to: external'",
                               "nothing takes from flow '%s'", flow->name);
        }
    }
}

void
zloom_check_node_unused (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0;
         zloom_linter_whole (linter) && (node = zloom_linter_next_node (linter, 0, &i));) {
        if ((node->kind->takes || node->kind->sends) && zloom_recipe_in_count (recipe, node) == 0 &&
            zloom_recipe_out_count (recipe, node) == 0) {
            zloom_linter_node (linter, node, "",
                               node->kind->takes ? "name it in the 'to:' of a flow"
                                                 : "name it in the 'from:' of a flow",
                               "no flow uses node '%s'", node->name);
        }
    }
}

void
zloom_check_worker_input (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0; zloom_linter_whole (linter) &&
                       (node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        if (zloom_recipe_in_count (recipe, node) == 0 &&
            zloom_recipe_out_count (recipe, node) > 0) {
            zloom_linter_node (linter, node, "", "name it in the 'to:' of a flow",
                               "no flow ends at worker '%s', so it never gets a message",
                               node->name);
        }
    }
}

void
zloom_check_which_flow (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, 0, &i));) {
        size_t in = zloom_recipe_in_count (recipe, node);
        size_t out = zloom_recipe_out_count (recipe, node);
        if (node->kind->id == ZLOOM_NODE_POLLER && out > 1) {
            zloom_linter_node (linter, node, "", "use a poller for each",
                               "poller '%s' sends to %zu flows, but reads for one", node->name,
                               out);
        }
        if (node->kind->id != ZLOOM_NODE_WORKER) {
            continue;
        }
        const zloom_worker_config_t *config = node->config;
        if (config->actor || config->jq) {
            continue;
        }
        if (config->io == ZLOOM_IO_LINES && (in > 1 || out > 1)) {
            zloom_linter_node (
              linter, node, "io", "use 'io: frames', where each message names its flow",
              "worker '%s' has %zu flows in and %zu out, but 'io: lines' knows one each",
              node->name, in, out);
        } else if (config->io == ZLOOM_IO_EXEC && out > 1) {
            zloom_linter_node (
              linter, node, "io", "use 'io: frames', where each emit names its flow",
              "worker '%s' has %zu flows out, but 'io: exec' knows one", node->name, out);
        }
    }
}

void
zloom_check_journal_sizes (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_ROUTER, &i));) {
        const zloom_router_config_t *config = node->config;
        if (config->journal_hot_bytes / ZLOOM_SEGMENTS_LEAST < config->journal_segment_bytes) {
            zloom_linter_node (linter, node, "journal", "make 'segment' smaller or 'hot' larger",
                               "'hot' is less than %d times 'segment' (64MiB unless told)",
                               ZLOOM_SEGMENTS_LEAST);
        }
    }
}

void
zloom_check_tcp_loopback (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    const char *listen;
    for (size_t i = 0; (node = zloom_linter_next_listener (linter, &i, &listen));) {
        if (strncmp (listen, "tcp://", 6) == 0 && strncmp (listen, "tcp://127.0.0.1:", 16) != 0 &&
            strncmp (listen, "tcp://[::1]:", 12) != 0) {
            zloom_linter_node (
              linter, node, "listen",
              "take ipc or tcp://127.0.0.1:PORT; other hosts come by a fleet (zloom lint --fleet)",
              "'%s' reaches beyond this machine, and has no keys", listen);
        }
    }
}

void
zloom_check_tty_lines (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        if (config->tty && !config->actor && !config->jq && config->io != ZLOOM_IO_LINES) {
            zloom_linter_node (linter, node, "tty", "take it out, or use 'io: lines'",
                               "'tty' is for 'io: lines' only");
        }
    }
}

void
zloom_check_cpu_timeout (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        if (config->timeout_ns > 0 && config->limits.cpu_ns > config->timeout_ns) {
            zloom_linter_node (linter, node, "limits.cpu", "make it shorter than 'timeout'",
                               "'timeout' ends a message of worker '%s' before that", node->name);
        }
    }
}

/* ---- files --------------------------------------------------------------------------------- */

/* The file of a sink or poller, NULL when it has none. */
static const char *
s_file (const zloom_recipe_node_t *node)
{
    if (node->kind->id == ZLOOM_NODE_SINK) {
        const zloom_sink_config_t *config = node->config;
        return config->file.set ? config->file.path : NULL;
    }
    if (node->kind->id == ZLOOM_NODE_POLLER) {
        const zloom_poller_config_t *config = node->config;
        return config->file.set ? config->file.path : NULL;
    }
    return NULL;
}

/* An earlier node of the kind with the same file, NULL when there is none. */
static const zloom_recipe_node_t *
s_same_file (const zloom_linter_t *linter, const zloom_recipe_node_t *node, unsigned kind)
{
    const zloom_recipe_node_t *other;
    for (size_t i = 0; s_file (node) && (other = zloom_linter_next_node (linter, kind, &i));) {
        if (other == node) {
            return NULL;
        }
        if (s_file (other) && strcmp (s_file (other), s_file (node)) == 0) {
            return other;
        }
    }
    return NULL;
}

static const zloom_recipe_flow_t *
s_common_out (const zloom_recipe_t *recipe, const zloom_recipe_node_t *a,
              const zloom_recipe_node_t *b)
{
    const zloom_recipe_flow_t *flow;
    const zloom_recipe_flow_t *other;
    for (size_t i = 0; (flow = zloom_recipe_next_out (recipe, a, &i));) {
        for (size_t j = 0; (other = zloom_recipe_next_out (recipe, b, &j));) {
            if (other == flow) {
                return flow;
            }
        }
    }
    return NULL;
}

void
zloom_check_two_pollers (zloom_linter_t *linter)
{
    const zloom_recipe_t *recipe = zloom_linter_recipe (linter);
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_POLLER, &i));) {
        const zloom_recipe_node_t *other = s_same_file (linter, node, ZLOOM_NODE_POLLER);
        const zloom_recipe_flow_t *flow = other ? s_common_out (recipe, node, other) : NULL;
        if (flow) {
            zloom_linter_node (linter, node, "file.path", "leave one of them",
                               "pollers '%s' and '%s' read one file into flow '%s'", other->name,
                               node->name, flow->name);
        }
    }
}

void
zloom_check_two_sinks (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_SINK, &i));) {
        const zloom_recipe_node_t *other = s_same_file (linter, node, ZLOOM_NODE_SINK);
        if (other) {
            zloom_linter_node (linter, node, "file.path", "let one sink take from both flows",
                               "sinks '%s' and '%s' write one file", other->name, node->name);
        }
    }
}

void
zloom_check_file_circle (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = zloom_linter_next_node (linter, ZLOOM_NODE_POLLER, &i));) {
        const zloom_recipe_node_t *other = s_same_file (linter, node, ZLOOM_NODE_SINK);
        if (other) {
            zloom_linter_node (linter, node, "file.path", "join them by a flow",
                               "poller '%s' reads the file that sink '%s' writes", node->name,
                               other->name);
        }
    }
}
