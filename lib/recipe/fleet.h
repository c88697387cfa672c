/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fleet.h - fleet.yaml: on which host each node of a recipe runs, where routers listen, and which
 * keys may do what there. A recipe names no address; a fleet names nothing else.
 *
 *     zloom: 1
 *     recipe: orders.yaml
 *     hosts:
 *       hub: {address: 10.0.0.1, public: "…"}
 *       b:   {address: 10.0.0.2, public: "…"}
 *     place: {router: hub, charge: b}
 *     keys:
 *       shop: {public: "…", may: [{flow: orders, rights: [publish]}]}
 *
 * Public keys are in it, secret ones never. What is not granted is denied: a program's key may do
 * what its `may:` says; a host's key what the nodes that are placed there need, and what its own
 * `may:` adds.
 */
#ifndef ZLOOM_RECIPE_FLEET_H
#define ZLOOM_RECIPE_FLEET_H

#include "recipe/fields.h"
#include "recipe/recipe.h"

typedef struct zloom_fleet zloom_fleet_t;

/* Rights, as bits. */
enum {
    ZLOOM_FLEET_PUBLISH = 1,
    ZLOOM_FLEET_CONSUME = 2,
    ZLOOM_FLEET_READ = 4,
    ZLOOM_FLEET_ADMINISTER = 8,
    ZLOOM_FLEET_SUPERVISE = 16, /* of hosts alone; never written */
};

/* In `may:`, every flow, and the router as a whole. */
#define ZLOOM_FLEET_ALL "*"

typedef struct {
    const char *flow; /* or ZLOOM_FLEET_ALL */
    unsigned rights;
} zloom_fleet_grant_t;

/* Whoever may come in by a key: a host, or a program or person. */
typedef struct {
    const char *name;
    const char *public_key;
    bool is_host;
    zloom_fleet_grant_t *grants;
    size_t grant_count;
    const zloom_tree_node_t *tree;
} zloom_fleet_key_t;

typedef struct {
    const char *name;
    const char *address; /* that others use; NULL: nobody needs one */
    const char *listen;  /* that its routers bind; NULL: the address if it is numeric, else all */
    int64_t port;
    const zloom_fleet_key_t *key;
    const zloom_tree_node_t *tree;
} zloom_fleet_host_t;

/*
 * Read a fleet and the recipe that it names (or the one at `recipe_path`, if that is not NULL), and
 * check both; mistakes of either go to `diags`. `host`: only the nodes that are placed there are
 * looked for on this machine (options->environment); NULL: all. Both are the caller's. Errors as
 * zloom_recipe_load; then neither is there.
 */
zloom_err_t zloom_fleet_load (const char *path, const char *recipe_path, const char *host,
                              const zloom_registry_t *registry,
                              const zloom_recipe_options_t *options, zloom_diags_t *diags,
                              zloom_fleet_t **fleet_p, zloom_recipe_t **recipe_p);
/* A fleet from text, for a recipe that is there already. The fleet outlives it. */
zloom_err_t zloom_fleet_load_text (const char *file, zloom_bytes_t text,
                                   const zloom_recipe_t *recipe, zloom_diags_t *diags,
                                   zloom_fleet_t **fleet_p);
void zloom_fleet_destroy (zloom_fleet_t **self_p);

size_t zloom_fleet_host_count (const zloom_fleet_t *self);
const zloom_fleet_host_t *zloom_fleet_host_at (const zloom_fleet_t *self, size_t index);
/* By name; NULL when there is none. */
const zloom_fleet_host_t *zloom_fleet_host (const zloom_fleet_t *self, const char *name);
/* Where a node of the recipe runs; NULL: nowhere (never in a fleet that was loaded). */
const zloom_fleet_host_t *zloom_fleet_place (const zloom_fleet_t *self, const char *node);
/* The port of a router. */
int64_t zloom_fleet_port (const zloom_fleet_t *self, const char *router);

/* Keys of hosts, in the order of the file, then the others. */
size_t zloom_fleet_key_count (const zloom_fleet_t *self);
const zloom_fleet_key_t *zloom_fleet_key_at (const zloom_fleet_t *self, size_t index);
/* By its public key; NULL: a stranger's. */
const zloom_fleet_key_t *zloom_fleet_key (const zloom_fleet_t *self, const char *public_key);
/* Whether it may; `flow` NULL: as to the router as a whole. */
bool zloom_fleet_may (const zloom_fleet_key_t *key, unsigned right, const char *flow);

/* What may stand in a fleet, for the reference page. */
zloom_field_table_t zloom_fleet_top_fields (void);
zloom_field_table_t zloom_fleet_host_fields (void);
zloom_field_table_t zloom_fleet_key_fields (void);
zloom_field_table_t zloom_fleet_grant_fields (void);

#endif
