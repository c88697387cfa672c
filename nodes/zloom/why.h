/* SPDX-License-Identifier: MPL-2.0 */
/*
 * why.h - what holds a flow or a node back, in one sentence with the numbers that prove it, and
 * what to do. Judged from two looks at the topology (view.h) and from nothing else.
 *
 * Causes stand in the order in which they are asked, so the first that holds is the answer: what
 * somebody has decided first, then what nothing can go on without, then what is broken, then what
 * is merely slow.
 */
#ifndef ZLOOM_CLI_WHY_H
#define ZLOOM_CLI_WHY_H

#include "view.h"

/* cause, name, what it means */
#define ZLOOM_WHY_MAP(X)                                                                   \
    X (PAUSED, "paused", "somebody has paused the flow, or its takers")                    \
    X (DISK_FULL, "disk_full", "the router's disk is full")                                \
    X (NOT_RUNNING, "not_running", "the node does not run")                                \
    X (ROUTER_SILENT, "router_silent", "the router does not answer in time")               \
    X (RESTARTING, "restarting", "a node ends again and again")                            \
    X (NO_ROUTER, "no_router", "the node runs, and waits for its router")                  \
    X (CHILD_RESTARTS, "child_restarts", "the program of a worker is being started again") \
    X (NO_TAKERS, "no_takers", "nobody takes from the flow")                               \
    X (BUFFERED, "buffered", "a program reads and its answers stay in its buffer")         \
    X (CHILD_QUIET, "child_quiet", "a program has not answered for a while")               \
    X (BLOCKED, "blocked", "a node waits for room in another flow")                        \
    X (STUCK, "stuck", "keys wait for a hand")                                             \
    X (FAILING, "failing", "everything that is tried fails")                               \
    X (RETRY, "retry", "what is there waits for its next try")                             \
    X (DELAYED, "delayed", "what is there is not due yet")                                 \
    X (DISK_SLOW, "disk_slow", "the router's disk is slow")                                \
    X (DRAINING, "draining", "the flow takes no new messages from outside")                \
    X (NO_CREDIT, "no_credit", "its takers hold as many as they may, and settle none")     \
    X (SLOW, "slow", "less goes out than comes in")                                        \
    X (CATCHING_UP, "catching_up", "a backlog becomes smaller")                            \
    X (WELL, "well", "it works")                                                           \
    X (IDLE, "idle", "there is nothing to do")

typedef enum {
#define ZLOOM_WHY_ENUM(cause, name, text) ZLOOM_WHY_##cause,
    ZLOOM_WHY_MAP (ZLOOM_WHY_ENUM)
#undef ZLOOM_WHY_ENUM
      ZLOOM_WHY_COUNT
} zloom_why_cause_t;

typedef struct {
    zloom_why_cause_t cause;
    zloom_buf_t sentence;
    zloom_buf_t advice; /* empty: nothing to do */
} zloom_why_t;          /* zero-initialised is empty */

const char *zloom_why_name (zloom_why_cause_t cause);
/* Whether nothing need be done. */
bool zloom_why_is_well (zloom_why_cause_t cause);
/* Judge a flow of `now`, or a node; replicas answer to their node's name. False: there is none. */
bool zloom_why_flow (const zloom_view_t *before, const zloom_view_t *now, const char *flow,
                     zloom_why_t *why);
bool zloom_why_node (const zloom_view_t *before, const zloom_view_t *now, const char *node,
                     zloom_why_t *why);
/* A flow that the recipe puts on a router that does not answer. False: it is not so. */
bool zloom_why_unseen (const zloom_view_t *now, const char *flow, zloom_why_t *why);
void zloom_why_fini (zloom_why_t *self);

/* ---- for its own files ---------------------------------------------------------------------- */

/* A child that owes an answer for so long is worth a word; so long without credit, too. */
#define ZLOOM_WHY_QUIET_MS 2000
/* A sync that takes so long is slow; that one was says something of the disk for so long. */
#define ZLOOM_WHY_SYNC_MS 100
#define ZLOOM_WHY_SYNC_AGE_MS 10000

/* Whether a router's disk is slow: its newest sync was, and recently, or one that is under way. */
bool zloom_why_disk_is_slow (const zloom_view_router_t *router);
/* By which sync it is judged: "`last` took 250ms, 2.0s ago", or "`running` has taken 12s". */
void zloom_why_add_sync (const zloom_view_router_t *router, const char *last, const char *running,
                         zloom_buf_t *out);
/* Of a router; false: it is none, or its supervisor knows more of it. */
bool zloom_why_router (const zloom_view_t *now, const zloom_view_node_t *node, zloom_why_t *why);
/* "far has not answered for 1.0s". */
void zloom_why_add_silent (const zloom_view_t *now, zloom_buf_t *out);
/*
 * The durable subscriber of a bus for whom most waits, of those that nobody is there for; NULL:
 * none. What is said of it, behind the sentence's beginning.
 */
const zloom_view_group_t *zloom_why_group (const zloom_view_t *now, const char *flow);
void zloom_why_add_group (const zloom_view_t *now, const zloom_view_flow_t *flow,
                          const zloom_view_group_t *group, zloom_why_t *why);
/* That a flow holds dead letters, behind the same; false: it does not. */
bool zloom_why_dead_letters (const zloom_view_t *now, const zloom_view_flow_t *flow,
                             zloom_why_t *why);
/* What is wrong with this node by its session and its own report; false: nothing. */
bool zloom_why_report (const zloom_view_node_t *node, zloom_why_t *why);

#endif
