/* SPDX-License-Identifier: MPL-2.0 */
/*
 * recipe.h - a recipe as a typed model: nodes and flows in the order of the file, each with its
 * kind and a config struct that a registered field table filled.
 *
 * lib/recipe knows the shape of a recipe (names, edges, positions) and no kind or pattern: those
 * come with a zloom_registry_t (patterns/registry.h has zloom's own).
 *
 * Example:
 *     zloom_diags_t *diags = zloom_diags_new ();
 *     zloom_recipe_t *recipe = NULL;
 *     if (zloom_recipe_load (path, zloom_registry (), NULL, diags, &recipe) != ZLOOM_OK) {
 *         zloom_diags_text (diags, false, &buf); // each error with its line and a caret
 *     }
 *     for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) { ... }
 *     zloom_recipe_destroy (&recipe);
 */
#ifndef ZLOOM_RECIPE_RECIPE_H
#define ZLOOM_RECIPE_RECIPE_H

#include "base/bytes.h"
#include "base/error.h"
#include "recipe/diag.h"
#include "recipe/values.h"

/* The word in `from:` and `to:` for programs, the command line and HTTP. */
#define ZLOOM_EXTERNAL "external"

/* Longest name of a recipe, node, flow or param: a-z, 0-9, - and _, a letter or digit first. */
#define ZLOOM_NAME_MAX 63

typedef struct zloom_recipe zloom_recipe_t;
typedef struct zloom_kind zloom_kind_t;           /* recipe/registry.h */
typedef struct zloom_registry zloom_registry_t;   /* recipe/registry.h */
typedef struct zloom_tree_node zloom_tree_node_t; /* recipe/tree.h */

typedef struct zloom_recipe_node {
    const char *name;
    const zloom_kind_t *kind;
    const void *config; /* the struct of the kind, never NULL */
    zloom_span_t at;    /* its name; line 0 for a node that the recipe left implicit */
    bool sound;         /* its fields had no error; always true in a recipe that was loaded */
    const zloom_tree_node_t *tree; /* where it is written; NULL for an implicit node */
    /* The router that it carries from, or of which it is an edge; NULL: it is neither. */
    const struct zloom_recipe_node *of;
} zloom_recipe_node_t;

/* One end of a flow: a node of the recipe, or external (node is NULL). */
typedef struct {
    const char *name;
    const zloom_recipe_node_t *node;
    zloom_span_t at;
    const void *config;            /* what `to` says of it, where its pattern lets it; else NULL */
    const zloom_tree_node_t *tree; /* of config; NULL: all of it are defaults */
    const zloom_recipe_node_t *through; /* the edge that it hears the flow at; NULL: its router */
} zloom_recipe_end_t;

typedef struct {
    const char *name;
    const zloom_kind_t *pattern;
    const void *config;             /* the struct of the pattern, never NULL */
    const zloom_recipe_end_t *from; /* who sends */
    size_t from_count;
    const zloom_recipe_end_t *to; /* who takes */
    size_t to_count;
    const zloom_recipe_node_t *via; /* the router that it lives on; NULL only if it is not sound */
    const zloom_recipe_node_t *mirror; /* the router where it is sent to; NULL: where it lives */
    zloom_span_t at;                   /* its name */
    bool sound;
    const zloom_tree_node_t *tree;
} zloom_recipe_flow_t;

typedef struct {
    const char *const *sets; /* "name=value" for params, as --set gives them */
    size_t set_count;
    bool environment; /* also look for programs, files, folders and secrets (codes Z05xx) */
    /*
     * With environment: where the ipc sockets of a topology of this name will be, into `folder`;
     * false: nobody knows. NULL = not checked.
     */
    bool (*socket_dir) (void *arg, const char *name, char *folder, size_t size);
    void *socket_arg;
    /* With environment: whether a node will run on this machine; NULL: all do. */
    bool (*here) (void *arg, const char *node);
    void *here_arg;
    bool show_allowed; /* report warnings that the recipe allows, too */
    /*
     * The node that this process runs, or "*": its secrets are read, and stand in its config. NULL:
     * no secret is read, and the config has ${secret.NAME} in their place.
     */
    const char *secrets_of;
} zloom_recipe_options_t;

/*
 * Read, check and lint a recipe. Every mistake goes to `diags`, all in one run, sorted by position.
 * ZLOOM_OK: *recipe_p is complete and has no error (there may be warnings). ZLOOM_RECIPE: there
 * are errors in diags, *recipe_p is NULL. ZLOOM_NOT_FOUND, ZLOOM_SYSTEM: the file cannot be read,
 * see zloom_note (). `options` may be NULL.
 */
zloom_err_t zloom_recipe_load (const char *path, const zloom_registry_t *registry,
                               const zloom_recipe_options_t *options, zloom_diags_t *diags,
                               zloom_recipe_t **recipe_p);
/*
 * The same from text. `file` names it in diagnostics; relative paths start at `dir` (absolute;
 * NULL = the current folder).
 */
zloom_err_t zloom_recipe_load_text (const char *file, const char *dir, zloom_bytes_t text,
                                    const zloom_registry_t *registry,
                                    const zloom_recipe_options_t *options, zloom_diags_t *diags,
                                    zloom_recipe_t **recipe_p);
void zloom_recipe_destroy (zloom_recipe_t **self_p);

/* The topology's name (`name:`). */
const char *zloom_recipe_name (const zloom_recipe_t *self);
/*
 * Take the variables that secrets come from out of this process's environment, so that its children
 * get those that their node lists and no other. Before there are threads.
 */
void zloom_recipe_hide_secrets (const zloom_recipe_t *self);
/* As given to load. */
const char *zloom_recipe_file (const zloom_recipe_t *self);
/* The recipe's folder, absolute: relative paths start here. */
const char *zloom_recipe_dir (const zloom_recipe_t *self);
const zloom_registry_t *zloom_recipe_registry (const zloom_recipe_t *self);

/* The root of the tree that it was read from: a map. */
const zloom_tree_node_t *zloom_recipe_tree (const zloom_recipe_t *self);

size_t zloom_recipe_node_count (const zloom_recipe_t *self);
const zloom_recipe_node_t *zloom_recipe_node_at (const zloom_recipe_t *self, size_t index);
size_t zloom_recipe_flow_count (const zloom_recipe_t *self);
const zloom_recipe_flow_t *zloom_recipe_flow_at (const zloom_recipe_t *self, size_t index);
/* By name; NULL when there is none. */
const zloom_recipe_node_t *zloom_recipe_node (const zloom_recipe_t *self, const char *name);
const zloom_recipe_flow_t *zloom_recipe_flow (const zloom_recipe_t *self, const char *name);

/*
 * The flows of a node, in the order of the file: stepping, *cursor starts at 0, NULL at the end.
 *     for (size_t i = 0; (flow = zloom_recipe_next_in (recipe, node, &i));) { ... }
 */
const zloom_recipe_flow_t *zloom_recipe_next_in (const zloom_recipe_t *self,
                                                 const zloom_recipe_node_t *node, size_t *cursor);
const zloom_recipe_flow_t *zloom_recipe_next_out (const zloom_recipe_t *self,
                                                  const zloom_recipe_node_t *node, size_t *cursor);
size_t zloom_recipe_in_count (const zloom_recipe_t *self, const zloom_recipe_node_t *node);
size_t zloom_recipe_out_count (const zloom_recipe_t *self, const zloom_recipe_node_t *node);
/*
 * The router that a node comes to: that of the flows that it takes from, or sends to when it takes
 * from none; NULL when no flow uses it. Itself for a router.
 */
const zloom_recipe_node_t *zloom_recipe_home (const zloom_recipe_t *self,
                                              const zloom_recipe_node_t *node);
/* Where its sessions are: at its home, or at the edge that it hears flows through. */
const zloom_recipe_node_t *zloom_recipe_gate (const zloom_recipe_t *self,
                                              const zloom_recipe_node_t *node);
/* Whether one of those who take from the flow hears it at this edge. */
bool zloom_recipe_hears (const zloom_recipe_flow_t *flow, const zloom_recipe_node_t *edge);
/* Stepping over the edges, as with next_in. */
const zloom_recipe_node_t *zloom_recipe_next_edge (const zloom_recipe_t *self, size_t *cursor);
/* Whether somebody at this router sends to the flow, which lives on another: it is carried. */
bool zloom_recipe_carries (const zloom_recipe_t *self, const zloom_recipe_node_t *router,
                           const zloom_recipe_flow_t *flow);
/* Stepping over the nodes of that kind which flows live on (routers), as with next_in. */
const zloom_recipe_node_t *zloom_recipe_next_router (const zloom_recipe_t *self, size_t *cursor);
/* Whether external is among the ends that send to (from) or take (to) the flow. */
bool zloom_recipe_from_external (const zloom_recipe_flow_t *flow);
bool zloom_recipe_to_external (const zloom_recipe_flow_t *flow);

#endif
