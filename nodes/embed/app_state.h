/* SPDX-License-Identifier: MPL-2.0 */
/*
 * app_state.h - an app, for the files of this folder:
 *   app.c        the recipe: params, diagnostics, handlers
 *   app_run.c    its life as threads: start, waits, drain
 *   app_node.c   its nodes one by one, for zactors
 */
#ifndef ZLOOM_NODES_EMBED_APP_STATE_H
#define ZLOOM_NODES_EMBED_APP_STATE_H

#include "net/thread.h"
#include "nodes/embed/threads.h"
#include "recipe/diag.h"

#define ZLOOM_APP_TAG 0x5A417070u

/* What one zactor is given. */
typedef struct zloom_app_node zloom_app_node_t;

struct zloom_app {
    uint32_t tag;
    char *state_dir; /* NULL: by name */
    int64_t grace_ns;
    bool until_idle;

    char **sets; /* "name=value" */
    size_t set_count;
    size_t set_capacity;
    zloom_diags_t *diags; /* NULL: nothing was loaded yet */
    zloom_recipe_t *recipe;
    zloom_node_actor_t *actors; /* names are copies */
    size_t actor_count;
    size_t actor_capacity;

    zloom_paths_t paths;
    bool placed; /* the folders are there */
    int lock;    /* -1: this app does not hold the topology */
    zloom_app_node_t *nodes;

    char inner[ZLOOM_ENDPOINT_BYTES]; /* "": not started */
    zloom_threads_config_t threads;
    zloom_thread_t *thread; /* NULL: not started, or over */
    int fd;                 /* -1: not started */
    bool ready;
    bool asked; /* to drain */
    bool ended;
    zloom_err_t result; /* once ended */
    char note[ZLOOM_NOTE_BYTES];
};

/* INVALID with a note until a recipe is loaded. */
zloom_err_t zloom_app_need_recipe (const zloom_app_t *self);
/* NOT_FOUND with a note if the node is a worker whose actor nobody registered. */
zloom_err_t zloom_app_need_actor (const zloom_app_t *self, const zloom_recipe_node_t *node);
/* Where the folders of a topology of this name are. */
zloom_err_t zloom_app_paths (const zloom_app_t *self, const char *name, zloom_paths_t *paths);
/* Find and make the folders. */
zloom_err_t zloom_app_place (zloom_app_t *self);
/* Hold the topology for this process: LOCKED. */
zloom_err_t zloom_app_lock (zloom_app_t *self);
void zloom_app_free_nodes (zloom_app_t *self);

#endif
