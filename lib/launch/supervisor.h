/* SPDX-License-Identifier: MPL-2.0 */
/*
 * supervisor.h - a recipe's nodes as supervised processes: started in the plan's order when those
 * they need are ready, watched by pidfd, restarted with backoff and budget, buried with an
 * obituary, drained in the opposite order.
 *
 * A node process is `EXE node RECIPE NAME --replica N --state DIR …` with a pipe on descriptor 3
 * that takes one newline when it serves, its stderr in a pipe of the supervisor (each line goes on
 * with the node's name before it), and SIGTERM as parent-death signal: nodes of a supervisor that
 * was killed drain by themselves.
 *
 * Nodes may be threads of this process instead; then a second request to stop asks them to leave
 * at once, since nothing can kill a thread.
 *
 * Threads: runs in the caller's thread until everything has stopped.
 */
#ifndef ZLOOM_LAUNCH_SUPERVISOR_H
#define ZLOOM_LAUNCH_SUPERVISOR_H

#include "io/child.h"
#include "launch/logfile.h"
#include "launch/paths.h"
#include "launch/plan.h"
#include "recipe/recipe.h"

/* Bytes of a node's last words that an obituary keeps. */
#define ZLOOM_OBITUARY_BYTES 4096

/*
 * Who looks into the running topology for the supervisor: a client of its router (watch.c). All
 * calls come from the supervisor's loop.
 */
typedef struct {
    void *arg;
    /* A descriptor to poll for reading, or -1. */
    int (*fd) (void *arg);
    /* Called when fd is readable or the deadline has come; returns the next deadline (mono ns). */
    int64_t (*dispatch) (void *arg, int64_t mono_ns);
    /* Every unit is ready: from here on the router can be asked. */
    void (*ready) (void *arg, int64_t mono_ns);
    /* A node process ended unasked: tell the router at once, so that its leases come back. */
    void (*gone) (void *arg, const char *unit, const uint8_t nonce[16],
                  const zloom_child_end_t *end, const char *last_words);
    /*
     * Nothing waits, nothing is leased, in any flow that some node takes from. It asks the router
     * from the first call on, until nobody wants to know any more (rest; NULL: never).
     */
    bool (*idle) (void *arg);
    void (*rest) (void *arg);
    /*
     * The routers' answers to `stats`, msgpack maps in a row, and when they came (mono); false: one
     * does not answer. From the first call on they are asked every second. NULL: not to be had.
     */
    bool (*stats) (void *arg, zloom_bytes_t *answers, int64_t *mono_ns);
    /* Another recipe counts from now on; it lives until the next one. NULL: no matter. */
    void (*adopt) (void *arg, const zloom_recipe_t *recipe);
    /*
     * Why `idle` will never be true: a router does not let this supervisor look. NULL: it may, or
     * has not answered yet. The text stays until the next call of the port. NULL: never.
     */
    const char *(*blind) (void *arg);
} zloom_watch_t;

/*
 * Nodes as threads of this process. `run` is called on a thread of its own and returns when the
 * node has ended; its descriptors are those of net/control.h. `exit_code` says how a process with
 * that result would have ended: restarts depend on it.
 */
typedef struct {
    void *arg;
    zloom_err_t (*run) (void *arg, const zloom_plan_unit_t *unit, const uint8_t nonce[16],
                        int ready_fd, int stop_fd);
    int (*exit_code) (zloom_err_t err);
} zloom_thread_port_t;

/* The node that a topology ended for, and what it said last. */
typedef struct {
    char unit[ZLOOM_NAME_MAX + 24];
    zloom_buf_t words;
} zloom_obituary_t;

typedef struct {
    const zloom_recipe_t *recipe;
    const zloom_paths_t *paths;
    const zloom_plan_here_t *here;      /* NULL: all nodes run here */
    const zloom_thread_port_t *threads; /* NULL: processes, for which the next three are */
    const char *exe;                    /* the zloom binary */
    const char *recipe_path;            /* as the nodes shall load it; absolute */
    const char *const *extra; /* further arguments for each node (--set …), NULL-terminated */
    const char *const *place; /* the same of the fleet (--fleet …), which never change; or NULL */
    int ready_fd;             /* takes a newline once all serve; -1: nobody waits */
    int stop_fd;              /* each byte is one request: drain, then stop at once */
    int64_t ready_limit_ns;   /* a node's time from start to ready; default 10 s */
    int64_t grace_ns;         /* a drain's time before SIGKILL; default 30 s */
    bool until_idle;          /* drain once pollers are done and the watch says idle */
    bool controlled;          /* take orders at the runtime folder's socket (orders.c) */
    bool adopts;              /* end what killed nodes leave behind (orphans.h) */
    const char *metrics;      /* where /metrics is answered (metrics_http.h); NULL: nowhere */
    const char *version;      /* for its build info */
    const zloom_watch_t *watch; /* NULL: none */
    zloom_logfile_t *log;       /* where lines of nodes go; NULL: to stderr */
    zloom_obituary_t *obituary; /* filled when a node could not be kept running; NULL: no use */
} zloom_supervisor_config_t;

/*
 * Start everything, serve, stop everything. OK: stopped as asked, or idle. CHILD: a node could not
 * be kept running (the note says which and why), RECIPE: because of the recipe; the others were
 * drained. TIMED_OUT: stopped, but some had to be killed at the end of their grace.
 */
zloom_err_t zloom_supervisor_run (const zloom_supervisor_config_t *config);

#endif
