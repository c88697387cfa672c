/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fragment.h - the files that a recipe is made of: its own, and the fragments that `use:` takes in.
 *
 *     use:
 *       eu: {file: parts/region.yaml, with: {workers: 4, dead: failed}}
 *
 * A fragment is a file with `zloom: 1`, `params:`, `defaults:`, `nodes:` and `flows:`. What it
 * defines is named USE-NAME in the recipe (eu-charge), so that one file can be used several times.
 * Inside a fragment a name means first what stands in the same file, then what the file defines
 * that uses it, and so on up to the recipe. Fragments may use fragments, to a small depth, and
 * never themselves. Relative paths start at the folder of the file that they stand in.
 */
#ifndef ZLOOM_RECIPE_FRAGMENT_H
#define ZLOOM_RECIPE_FRAGMENT_H

#include "recipe/fields.h"
#include "recipe/pool.h"
#include "recipe/suggest.h"
#include "recipe/tree.h"

/* All files of one recipe together. */
#define ZLOOM_FRAGMENTS_MAX 64
/* Fragments in fragments. */
#define ZLOOM_FRAGMENT_DEPTH_MAX 4

typedef struct zloom_fragment zloom_fragment_t;
struct zloom_fragment {
    const zloom_fragment_t *parent; /* NULL: the recipe itself */
    const char *what;               /* "the recipe", "fragment 'eu'" */
    const char *prefix;             /* "", "eu-", "eu-tax-" */
    const char *file;               /* as diagnostics show it */
    const char *path;               /* where it was read, without links; NULL: from a text */
    const char *dir;                /* its folder, absolute */
    int number;                     /* zloom_span_t.file of all that stands in it */
    size_t depth;
    bool failed; /* it could not be read: names that begin with its prefix are not doubted */
    zloom_tree_t *tree;
    const zloom_tree_node_t *root;  /* NULL: it is no map, or not there */
    const zloom_tree_node_t *nodes; /* maps, or NULL */
    const zloom_tree_node_t *flows;
    const zloom_tree_node_t *defaults;
};

/* Which names are asked for. */
typedef enum {
    ZLOOM_SIDE_NODES,
    ZLOOM_SIDE_FLOWS,
} zloom_side_t;

/* All files, the recipe first. */
typedef struct {
    zloom_fragment_t *items;
    size_t count;
} zloom_fragments_t;

/* The file with this number, NULL when there is none. */
const zloom_fragment_t *zloom_fragments_at (const zloom_fragments_t *self, int number);
/*
 * The full name that `name` has where `from` says it; NULL when nothing has it. In `pool`, unless
 * it is `name` itself.
 */
const char *zloom_fragments_find (const zloom_fragments_t *self, const zloom_fragment_t *from,
                                  zloom_side_t side, const char *name, zloom_pool_t *pool);
/* Offer all names of a side as they are from there, nearest files first. */
void zloom_fragments_offer (const zloom_fragments_t *self, const zloom_fragment_t *from,
                            zloom_side_t side, zloom_suggest_t *suggest, zloom_pool_t *pool);
/* Whether the name may be one of a fragment that could not be read. */
bool zloom_fragments_failed (const zloom_fragments_t *self, const zloom_fragment_t *from,
                             const char *name);

#endif
