/* SPDX-License-Identifier: MPL-2.0 */
/* fleet_model.h - what a fleet is made of; fleet.c asks it, fleet_read.c fills it. */
#ifndef ZLOOM_RECIPE_FLEET_MODEL_H
#define ZLOOM_RECIPE_FLEET_MODEL_H

#include "recipe/fleet.h"
#include "recipe/reader.h"

#define ZLOOM_FLEET_TAG 0x2EC19E02u
/* Hosts and keys together. */
#define ZLOOM_FLEET_KEYS_MAX 1024

typedef struct {
    const char *node;
    const zloom_fleet_host_t *host;
    const zloom_tree_node_t *tree;
} zloom_fleet_place_t;

typedef struct {
    const char *router;
    int64_t port;
    const zloom_tree_node_t *tree;
} zloom_fleet_port_t;

struct zloom_fleet {
    uint32_t tag;
    zloom_pool_t *pool;
    zloom_tree_t *tree;
    const zloom_recipe_t *recipe; /* while it is read */
    zloom_fleet_host_t *hosts;
    size_t host_count;
    zloom_fleet_key_t *keys; /* those of hosts first */
    size_t key_count;
    zloom_fleet_place_t *places;
    size_t place_count;
    zloom_fleet_port_t *ports;
    size_t port_count;
};

/* Fill it from the root of its tree, for its recipe, and check it; mistakes go to the reader. */
void zloom_fleet_read (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root);
/* The same of `place:` and `ports:` alone (fleet_place.c); hosts and keys are there. */
void zloom_fleet_read_places (zloom_fleet_t *self, zloom_reader_t *reader,
                              const zloom_tree_node_t *root);
/* The map under `key`; NULL when it is not there, or none (reported). */
const zloom_tree_node_t *zloom_fleet_map (zloom_reader_t *reader, const zloom_tree_node_t *root,
                                          const char *key, const char *hint);
/* Add rights; a key has room for two grants a flow, and one for all. `flow` is borrowed. */
void zloom_fleet_grant (zloom_fleet_key_t *key, const char *flow, unsigned rights);

#endif
