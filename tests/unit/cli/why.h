/* SPDX-License-Identifier: MPL-2.0 */
/*
 * why.h - a small topology in numbers, one second apart, and what has to be said of it: for the
 * tests of flows and of nodes.
 */
#ifndef ZLOOM_TESTS_CLI_WHY_H
#define ZLOOM_TESTS_CLI_WHY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "nodes/zloom/why.h"

/* One flow "orders", taken from by "charge", given to by "shop"; two looks a second apart. */
typedef struct {
    zloom_view_t before, now;
    zloom_view_flow_t flow_before, flow;
    zloom_view_router_t routers[2];
    zloom_view_node_t nodes_before[3], nodes[3];
    char takes[1][ZLOOM_VIEW_NAME];
    char gives[1][ZLOOM_VIEW_NAME];
    zloom_why_t why;
} s_rig_t;

static inline void
s_node (zloom_view_node_t *node, const char *name, const char *role)
{
    *node = (zloom_view_node_t){.connected = true, .reports = true, .next_ms = -1};
    (void) snprintf (node->name, sizeof node->name, "%s", name);
    (void) snprintf (node->role, sizeof node->role, "%s", role);
}

static inline void
s_open (s_rig_t *rig)
{
    memset (rig, 0, sizeof *rig);
    (void) snprintf (rig->flow.name, sizeof rig->flow.name, "orders");
    (void) snprintf (rig->takes[0], sizeof rig->takes[0], "orders");
    (void) snprintf (rig->gives[0], sizeof rig->gives[0], "orders");
    rig->flow.consumers = 1;
    rig->flow.credit = 64;
    rig->flow.due_ms = -1;
    rig->flow.limit_messages = 1000;
    s_node (&rig->nodes[0], "charge", "worker");
    s_node (&rig->nodes[1], "shop", "poller");
    s_node (&rig->nodes[2], "router", "router");
    rig->nodes[0].takes = rig->takes;
    rig->nodes[0].take_count = 1;
    rig->nodes[1].gives = rig->gives;
    rig->nodes[1].give_count = 1;
    memcpy (&rig->flow_before, &rig->flow, sizeof rig->flow);
    memcpy (rig->nodes_before, rig->nodes, sizeof rig->nodes);
    rig->before = (zloom_view_t){.at_ns = 5 * ZLOOM_NS_PER_S,
                                 .flows = &rig->flow_before,
                                 .flow_count = 1,
                                 .nodes = rig->nodes_before,
                                 .node_count = 3};
    rig->now = (zloom_view_t){.at_ns = 6 * ZLOOM_NS_PER_S,
                              .flows = &rig->flow,
                              .flow_count = 1,
                              .nodes = rig->nodes,
                              .node_count = 3};
    rig->now.routers = rig->routers;
    rig->now.router_count = 1;
    (void) snprintf (rig->routers[0].name, sizeof rig->routers[0].name, "router");
}

/* What is said of the subject has to be this cause, and to have these words. */
static inline void
s_says (s_rig_t *rig, bool flow, const char *name, zloom_why_cause_t cause, const char *words)
{
    zloom_why_fini (&rig->why);
    assert_true (flow ? zloom_why_flow (&rig->before, &rig->now, name, &rig->why)
                      : zloom_why_node (&rig->before, &rig->now, name, &rig->why));
    const char *sentence = zloom_buf_text (&rig->why.sentence);
    if (rig->why.cause != cause || !strstr (sentence, words)) {
        fail_msg ("cause %s: %s", zloom_why_name (rig->why.cause), sentence);
    }
    /* Whoever says that something is wrong says what to do about it; waiting needs no hand. */
    if (!zloom_why_is_well (cause) && cause != ZLOOM_WHY_DELAYED) {
        assert_true (rig->why.advice.size > 0);
    }
}

static inline void
s_flow_says (s_rig_t *rig, zloom_why_cause_t cause, const char *words)
{
    s_says (rig, true, "orders", cause, words);
}

static inline void
s_node_says (s_rig_t *rig, const char *name, zloom_why_cause_t cause, const char *words)
{
    s_says (rig, false, name, cause, words);
}

#endif
