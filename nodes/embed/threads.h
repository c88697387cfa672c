/* SPDX-License-Identifier: MPL-2.0 */
/*
 * threads.h - a whole topology in one process: each node a plain thread, all wired over inproc in
 * zloom's own ZeroMQ context, under the same supervisor as processes. The router serves at its
 * outer endpoint as well, so that `zloom stats` and other programs find the topology as they
 * would find any.
 */
#ifndef ZLOOM_NODES_EMBED_THREADS_H
#define ZLOOM_NODES_EMBED_THREADS_H

#include "launch/paths.h"
#include "nodes/node.h"

/* All borrowed until the topology has ended. */
typedef struct {
    const zloom_recipe_t *recipe;
    const zloom_paths_t *paths; /* made, and locked by the caller */
    const char *inner;          /* see zloom_threads_endpoint */
    const zloom_node_actor_t *actors;
    size_t actor_count;
    int64_t grace_ns;    /* a drain's time before nodes are asked to leave at once */
    bool controlled;     /* take orders at the runtime folder's socket, as `zloom ps` gives them */
    bool until_idle;     /* drain once all work is done */
    const char *metrics; /* where /metrics is answered; NULL: nowhere */
    const char *version; /* for its build info */
} zloom_threads_config_t;

/* A new inproc endpoint, unique in this process, into `endpoint` of ZLOOM_ENDPOINT_BYTES. */
void zloom_threads_endpoint (char *endpoint);
/*
 * Start everything, serve, stop everything, in the caller's thread: errors and descriptors as
 * zloom_supervisor_run.
 */
zloom_err_t zloom_threads_run (const zloom_threads_config_t *config, int ready_fd, int stop_fd);

#endif
