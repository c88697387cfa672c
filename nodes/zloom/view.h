/* SPDX-License-Identifier: MPL-2.0 */
/*
 * view.h - one look at a running topology: its flows, its nodes, its router's disk, as plain
 * numbers. Two looks give rates. `top` shows them, `why` judges them; neither asks anybody, so both
 * can be tested without a topology. view_read.c makes a look out of what router and supervisor say.
 */
#ifndef ZLOOM_CLI_VIEW_H
#define ZLOOM_CLI_VIEW_H

#include "base/bytes.h"
#include "client/report.h"

#define ZLOOM_VIEW_NAME 129
#define ZLOOM_VIEW_TEXT 320

/* Numbers of a flow, named as the router names them (docs/operations.md). */
#define ZLOOM_VIEW_FLOW_MAP(X) \
    X (ready)                  \
    X (leased)                 \
    X (waiting)                \
    X (moving)                 \
    X (bytes)                  \
    X (consumers)              \
    X (senders)                \
    X (credit)                 \
    X (stuck)                  \
    X (appended)               \
    X (acked)                  \
    X (dead)                   \
    X (requeued)               \
    X (expired)                \
    X (purged)                 \
    X (dropped)                \
    X (lost)                   \
    X (acquired)               \
    X (failures)               \
    X (refused)                \
    X (oldest_ms)              \
    X (due_ms)                 \
    X (due_failures)           \
    X (limit_messages)         \
    X (limit_bytes)

typedef struct {
    char name[ZLOOM_VIEW_NAME];
    char router[ZLOOM_VIEW_NAME]; /* "": there is only one */
#define ZLOOM_VIEW_FLOW_FIELD(name) int64_t name;
    ZLOOM_VIEW_FLOW_MAP (ZLOOM_VIEW_FLOW_FIELD)
#undef ZLOOM_VIEW_FLOW_FIELD
    char dead_letter[ZLOOM_VIEW_NAME]; /* where what it gives up goes; "": nowhere */
    bool paused;
    bool draining;
} zloom_view_flow_t;

/* A durable subscriber of a bus. */
typedef struct {
    char flow[ZLOOM_VIEW_NAME];
    char name[ZLOOM_VIEW_NAME];
    int64_t lag; /* what waits for it */
    int64_t consumers;
} zloom_view_group_t;

/* A node, as its session and its supervisor tell of it; either may know nothing. */
typedef struct {
    char name[ZLOOM_VIEW_NAME];
    char role[ZLOOM_VIEW_NAME]; /* its kind, where a supervisor knows it */
    bool connected;             /* it has a session with the router */
    bool paused;                /* by hand: it is handed nothing */
    bool reports;
    int64_t report_age_ms;
    zloom_report_t report;
    char (*takes)[ZLOOM_VIEW_NAME]; /* flows */
    size_t take_count;
    char (*gives)[ZLOOM_VIEW_NAME];
    size_t give_count;
    int64_t give_credit; /* messages that it may send now, to all of them together */

    bool supervised;           /* the rest is known */
    char state[32];            /* starting, ready, backoff, ... */
    char end[ZLOOM_VIEW_TEXT]; /* how it ended last; "": it never did */
    int64_t restarts;          /* since the supervisor began */
    int64_t next_ms;           /* until its next start; -1: none is due */
    int64_t pid;               /* 0: none */
} zloom_view_node_t;

/* A router that has answered, and its disk. */
typedef struct {
    char name[ZLOOM_VIEW_NAME];
    bool disk_full;
    int64_t last_sync_ns;
    int64_t last_sync_age_ms; /* since its end */
    int64_t syncing_ms;       /* for how long one is under way; 0: none is */
    int64_t syncs;
    int64_t group;
    int64_t durable;
} zloom_view_router_t;

/* A flow as the recipe has it: looked up only where a router is left out. */
typedef struct {
    char flow[ZLOOM_VIEW_NAME];
    char router[ZLOOM_VIEW_NAME];
} zloom_view_plan_t;

typedef struct {
    int64_t at_ns; /* mono */
    zloom_view_router_t *routers;
    size_t router_count;
    size_t silent;     /* routers that have not answered */
    int64_t waited_ms; /* for them */
    zloom_view_plan_t *plans;
    size_t plan_count;
    zloom_view_flow_t *flows;
    size_t flow_count;
    zloom_view_group_t *groups;
    size_t group_count;
    zloom_view_node_t *nodes;
    size_t node_count;
} zloom_view_t; /* zero-initialised is empty */

void zloom_view_fini (zloom_view_t *self);
/* NULL: none of this name. */
const zloom_view_flow_t *zloom_view_flow (const zloom_view_t *self, const char *name);
const zloom_view_node_t *zloom_view_node (const zloom_view_t *self, const char *name);
/* "": the first. */
const zloom_view_router_t *zloom_view_router (const zloom_view_t *self, const char *name);
const zloom_view_plan_t *zloom_view_plan (const zloom_view_t *self, const char *flow);
/* Of all routers together: a disk is full; the slowest last sync; how many. */
typedef struct {
    bool disk_full;
    int64_t last_sync_ns;
    int64_t syncs;
} zloom_view_disks_t;
zloom_view_disks_t zloom_view_disks (const zloom_view_t *self);
/* Whether the node takes from the flow, or sends to it. */
bool zloom_view_takes (const zloom_view_node_t *node, const char *flow);
bool zloom_view_gives (const zloom_view_node_t *node, const char *flow);
/* Whether it is one of the recipe's nodes, not a program or a supervisor that is connected, too. */
bool zloom_view_is_node (const zloom_view_node_t *node);
/*
 * A node in one of these two states of its supervisor's, and without a session; no poller. NULL:
 * none.
 */
const zloom_view_node_t *zloom_view_away (const zloom_view_t *self, const char *state,
                                          const char *other);
/* Messages that have not left the flow. */
int64_t zloom_view_depth (const zloom_view_flow_t *flow);
/* Whether it takes no more: by messages or by bytes. */
bool zloom_view_full (const zloom_view_flow_t *flow);

/* A second between two looks: what came in, went out for good, failed; of a flow. */
typedef struct {
    double seconds;
    double in;
    double out;
    double failing;
} zloom_view_rates_t;

/* Zero where the looks are one, or the flow stands in one of them only. */
zloom_view_rates_t zloom_view_rates (const zloom_view_t *before, const zloom_view_t *now,
                                     const char *flow);
/* Messages that a node has done a second, between its reports; of one that only gives: sent. */
double zloom_view_done (const zloom_view_t *before, const zloom_view_t *now, const char *node);

/* "350ms", "5.2s", "1m12s": as exact as it is worth. */
const char *zloom_view_time (int64_t ms, char text[48]);
/* The same of what may be short: "0.5ms", "12ms", "1.25s". */
const char *zloom_view_span (int64_t ns, char text[48]);
/* "0", "0.5", "12", "1.2k", "3.4M": three digits at most. */
const char *zloom_view_short (double number, char text[24]);

#endif
