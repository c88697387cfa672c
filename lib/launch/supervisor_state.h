/* SPDX-License-Identifier: MPL-2.0 */
/*
 * supervisor_state.h - what the files of the supervisor share: its loop (supervisor.c), what it is
 * told over its control socket (orders.c, waits.c), and what it tells who watches
 * (metrics_supervisor.c).
 */
#ifndef ZLOOM_LAUNCH_SUPERVISOR_STATE_H
#define ZLOOM_LAUNCH_SUPERVISOR_STATE_H

#include "launch/control_socket.h"
#include "launch/metrics_http.h"
#include "launch/orphans.h"
#include "launch/proc.h"
#include "launch/supervisor.h"

/* The rank of routers: the others cannot do without. */
#define ZLOOM_ROUTER_RANK 0

/*
 * What each rank gets at least, also when those before it have used up the grace: what was settled
 * just now must still be written and synced.
 */
#define ZLOOM_RANK_GRACE_NS (5 * ZLOOM_NS_PER_S)

/* What the whole topology is about. */
typedef enum {
    ZLOOM_PHASE_STARTING, /* rank after rank */
    ZLOOM_PHASE_RUNNING,
    ZLOOM_PHASE_DRAINING, /* rank after rank, the other way round */
} zloom_phase_t;

/* What one may wait for. */
typedef enum {
    ZLOOM_WAIT_READY = 1, /* all nodes serve, or have done their work */
    ZLOOM_WAIT_RUNNING,   /* all have served once: orders are taken, whatever became of a node */
    ZLOOM_WAIT_IDLE,      /* no work is left */
    ZLOOM_WAIT_STILL,     /* no process of this node runs */
    ZLOOM_WAIT_DOWN,      /* all has stopped */
} zloom_wait_t;

/* Who waits for something that will come; as many as there are connections. */
typedef struct {
    zloom_control_ticket_t ticket; /* 0: free */
    zloom_wait_t what;
    char node[ZLOOM_NAME_MAX + 24]; /* READY, STILL: of this node or unit alone; "": of all */
} zloom_waiter_t;

typedef struct {
    zloom_supervisor_config_t config;
    zloom_proc_t **procs; /* in the order of the plan */
    size_t proc_count, proc_capacity;
    size_t poll_room;        /* processes that polls has room for */
    struct pollfd *polls;    /* stop, watch, the control socket's, metrics', then three a process */
    zloom_recipe_t *adopted; /* the recipe that counts from now on, NULL: config.recipe */
    zloom_recipe_t **old;    /* adopted before; those that leave are yet of one of them */
    size_t old_count, old_capacity;
    int64_t adoptions; /* how often one was adopted */
    json_t *settled;   /* values of what is taken over whole, NULL: config.recipe's */
    json_t *open;      /* object of paths that are taken over in part, NULL: none */
    char **extra;      /* its --set values, as config.extra */
    zloom_orphans_t orphans;
    zloom_control_socket_t *control; /* NULL: none */
    zloom_http_t *metrics;           /* NULL: none */
    zloom_waiter_t waiters[ZLOOM_CONTROL_PEERS];
    zloom_phase_t phase;
    int rank; /* that is being started or drained */
    int highest_rank;
    int64_t kill_at_ns;
    int64_t watch_at_ns;
    bool asks_idle; /* the watch was asked whether work is left */
    int stop_requests;
    int64_t started_ns; /* wall */
    zloom_err_t result;
    char reason[512];
} zloom_supervisor_t;

/* One request more to stop: drain, or with the second one stop at once. */
void zloom_supervisor_stop (zloom_supervisor_t *self, int64_t mono_ns, const char *why);

/* Answer at config.metrics. INVALID, SYSTEM. */
zloom_err_t zloom_supervisor_open_metrics (zloom_supervisor_t *self);
/*
 * What an operator does to single nodes; `name` is a node's or a unit's. NOT_FOUND, INVALID,
 * DRAINING (the whole topology is) with a note. The router is not stopped: nobody can do without.
 */
zloom_err_t zloom_roster_scale (zloom_supervisor_t *self, const char *name, int64_t replicas,
                                int64_t mono_ns, int64_t *were);
/* Drain it and let it be; the number of processes that are stopped into *count. */
zloom_err_t zloom_roster_stop (zloom_supervisor_t *self, const char *name, int64_t mono_ns,
                               int64_t *count);
/* Start again what was stopped, has done its work or could not be kept running. */
zloom_err_t zloom_roster_start (zloom_supervisor_t *self, const char *name, int64_t mono_ns,
                                int64_t *count);
/*
 * A node of the recipe that was adopted last which does not run yet: its processes are started.
 * *count: how many; 0: they are there already. NOT_FOUND, AGAIN (one of that name is leaving yet).
 */
zloom_err_t zloom_roster_add (zloom_supervisor_t *self, const char *name, int64_t mono_ns,
                              int64_t *count);
/*
 * One that has left the recipe drains and is taken off the list. *count 0: it is not there, for it
 * has left already or ran on another host. INVALID: it stands in the recipe.
 */
zloom_err_t zloom_roster_remove (zloom_supervisor_t *self, const char *name, int64_t mono_ns,
                                 int64_t *count);
/* Another recipe was adopted: processes are of its nodes from now on, as far as they are in it. */
void zloom_roster_adopt (zloom_supervisor_t *self);
/* Whether a process is one of this recipe's nodes. */
bool zloom_roster_uses (const zloom_supervisor_t *self, const zloom_recipe_t *recipe);
/* Whether the name means this process: its own, that of its node, or NODE.N. */
bool zloom_roster_means (const zloom_proc_t *proc, const char *name);
/* Whether there is a process of this node or unit. */
bool zloom_roster_has (const zloom_supervisor_t *self, const char *name);
/* Take those off the list that were to leave and have. */
void zloom_roster_sweep (zloom_supervisor_t *self);

/* What was last read: limits and what is started from now on are by it. */
const zloom_recipe_t *zloom_recipes_latest (const zloom_supervisor_t *self);
/*
 * The recipe that is taken over whole: {path, values [{path, value, …}…], open [path…]}, see
 * zloom_expand_json; `open`: what differs from it in part, since a take-over has begun.
 */
json_t *zloom_recipes_show (const zloom_supervisor_t *self);
/*
 * Read the recipe's file again with these --set values. The paths in `changed` are open until it is
 * settled; NULL: it is at once. RECIPE, INVALID, UNSUPPORTED.
 */
zloom_err_t zloom_recipes_adopt (zloom_supervisor_t *self, const json_t *sets,
                                 const json_t *changed);
/* The recipe of this adoption is taken over whole. AGAIN: another one was adopted since. */
zloom_err_t zloom_recipes_settle (zloom_supervisor_t *self, int64_t adoption);
/* Let go of those that nothing is of any more. */
void zloom_recipes_sweep (zloom_supervisor_t *self);
void zloom_recipes_fini (zloom_supervisor_t *self);

/* A zloom_control_fn; `arg` is the supervisor. */
zloom_control_fn zloom_orders_take;

/* `node`: the node or unit that is meant; "": all. */
void zloom_waits_add (zloom_supervisor_t *self, zloom_control_ticket_t ticket, zloom_wait_t what,
                      const char *node);
/* Whether anybody waits for it. */
bool zloom_waits_for (const zloom_supervisor_t *self, zloom_wait_t what);
/* It has come (OK), or will not: tell all who wait for it. */
void zloom_waits_end (zloom_supervisor_t *self, zloom_wait_t what, zloom_err_t err,
                      const char *text);
/* Whether it has come can be seen from the nodes' states. */
void zloom_waits_turn (zloom_supervisor_t *self);
/* All has stopped with this result: tell who waits for it. */
void zloom_waits_finish (zloom_supervisor_t *self, zloom_err_t result, const char *note);

#endif
