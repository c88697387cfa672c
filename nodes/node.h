/* SPDX-License-Identifier: MPL-2.0 */
/*
 * node.h - what every kind of node is started with, and what it gives back: one signature for
 * router, worker, sink and poller, so that the command line, the supervisor and the actors start
 * all of them alike.
 *
 * A node's life
 *   1. `run` is called on a thread of its own. It opens what it needs; until then nothing is told.
 *   2. When it serves (a router is bound, the others are welcomed) it writes one newline to
 *      ready_fd: zloom_ready_tell (args->ready_fd) of net/control.h.
 *   3. It watches stop_fd with zloom_stop_t of net/control.h: the first byte, or the end of the
 *      file, means drain (within drain_ns), a second byte means leave at once.
 *   4. `run` returns: OK after a drain or when its work is done (a poller at the end of its file);
 *      else a code with a note for people. It never exits, prints, or installs a signal handler.
 *
 * Exit codes of a process that runs one node: zloom_node_exit_code (). The supervisor restarts
 * after every code but 0 and those that a restart cannot heal (2, 65, 73, 77, 78, 126, 127).
 */
#ifndef ZLOOM_NODES_NODE_H
#define ZLOOM_NODES_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/address.h"
#include "recipe/fleet.h"
#include "recipe/recipe.h"

/* Room for the address of a router (net/address.h) and its NUL. */
#define ZLOOM_ENDPOINT_BYTES ZLOOM_ADDRESS_BYTES

/*
 * Where the router `router` (a node's name) listens, into `endpoint` of ZLOOM_ENDPOINT_BYTES.
 * Errors: NOT_FOUND, TOO_BIG (the ipc path is too long), each with a note.
 */
typedef zloom_err_t (zloom_resolve_fn) (void *arg, const char *router, char *endpoint);

/* A handler in C that a program registered: workers with `actor: NAME` hand it their messages. */
typedef struct {
    const char *name;
    zloom_handler_fn *handle;
    void *arg;
    /* On the worker's thread: nobody waits for this work any more, end it. NULL: it cannot be. */
    void (*interrupt) (void *arg, const zloom_work_t *work);
} zloom_node_actor_t;

typedef struct {
    const zloom_recipe_t *recipe;
    const zloom_recipe_node_t *node; /* its config struct is node->config (node_config.h) */
    /*
     * The name of this process: the node's, or NODE.N for replica N (from 1) of a node that has
     * several. It stands in HELLO, in `ps` and in logs; a newer process of the same name fences
     * the older one.
     */
    const char *name;
    /*
     * 16 bytes, drawn by whoever starts the process, so that it can tell the router which process
     * ended (GONE); NULL: the node draws its own.
     */
    const uint8_t *nonce;
    /* The file that the recipe came from, to be read again (ADMIN reload); NULL: none. */
    const char *recipe_path;
    const char *state_dir;     /* the topology's; what a node keeps goes to STATE_DIR/NAME */
    const char *runtime_dir;   /* the topology's sockets: ipc://RUNTIME_DIR/ROUTER.sock */
    zloom_resolve_fn *resolve; /* NULL: ipc under runtime_dir, or the router's `listen:` */
    void *resolve_arg;
    /*
     * inproc, for nodes that are threads of one process: the recipe's first router serves there,
     * too, its others at INNER-ROUTER, and nodes connect there. NULL: none.
     */
    const char *inner;
    /* Of a recipe that runs on several hosts; else NULL, and the rest does not count. */
    const zloom_fleet_t *fleet;
    const char *fleet_path;           /* to be read again, with the recipe */
    const char *host;                 /* this one's name in the fleet */
    const char *key_file;             /* this host's secret key */
    const zloom_node_actor_t *actors; /* of the program that embeds the node */
    size_t actor_count;
    int ready_fd;     /* -1: nobody waits */
    int stop_fd;      /* -1: never told to stop */
    int64_t drain_ns; /* how long a drain may take */
} zloom_node_args_t;

/* How long a node's drain may take, unless whoever starts it knows better. */
#define ZLOOM_NODE_DRAIN_NS (20 * INT64_C (1000000000))

/* What each kind exports: zloom_router_run, zloom_worker_run, zloom_sink_run, zloom_edge_run … */
typedef zloom_err_t (zloom_node_run_fn) (const zloom_node_args_t *args);

/*
 * Where the router `router` listens, by what the recipe and args->resolve say, into `endpoint` of
 * ZLOOM_ENDPOINT_BYTES. NULL: the one that args->node comes to. NOT_FOUND, TOO_BIG with a note.
 */
zloom_err_t zloom_node_endpoint (const zloom_node_args_t *args, const char *router, char *endpoint);
/*
 * Where nodes connect to it: there; as threads of one process, at its inner endpoint; when it is on
 * another host, at the address that the fleet says, with keys.
 */
zloom_err_t zloom_node_reach (const zloom_node_args_t *args, const char *router, char *endpoint);

/* A line for each router of the recipe, as zloom_node_reach; *lines_p is to be freed. */
zloom_err_t zloom_node_endpoints (const zloom_node_args_t *args, char **lines_p);
/* The same, and behind them a line for each edge that runs here. */
zloom_err_t zloom_node_doors (const zloom_node_args_t *args, char **lines_p);

/* The address of a router of a fleet for whoever has the secret key in that file. */
zloom_err_t zloom_fleet_address (const zloom_fleet_t *fleet, const char *router,
                                 const char *key_file, char *address);
/* Where that router listens for other hosts: what it binds, into `endpoint`. */
zloom_err_t zloom_fleet_listen (const zloom_fleet_t *fleet, const char *router, char *endpoint);

/* The exit code of a process whose node returned `err` (sysexits where one fits). */
static inline int
zloom_node_exit_code (zloom_err_t err)
{
    switch ((int) err) {
    case ZLOOM_OK:
        return 0;
    case ZLOOM_INVALID:
        return 2;
    case ZLOOM_DAMAGED:
    case ZLOOM_VERSION:
    case ZLOOM_MALFORMED:
        return 65;
    case ZLOOM_NOT_RUNNING:
        return 69;
    case ZLOOM_LOCKED:
    case ZLOOM_EXISTS:
    case ZLOOM_FENCED:
        return 73;
    case ZLOOM_TIMED_OUT:
        return 75;
    case ZLOOM_FORBIDDEN:
        return 77;
    case ZLOOM_RECIPE:
        return 78;
    case ZLOOM_NO_PROGRAM:
        return 127;
    default:
        return 1;
    }
}

#endif
