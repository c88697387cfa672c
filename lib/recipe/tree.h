/* SPDX-License-Identifier: MPL-2.0 */
/*
 * tree.h - YAML text as zloom's own tree of maps, lists and scalars, each with its place.
 *
 * A recipe needs little of YAML, and what it does not need is refused
 * with a reason: anchors, aliases, tags, merge keys, several documents, keys that are not plain
 * words. So there is nothing to expand, and a tree is never bigger than its text.
 */
#ifndef ZLOOM_RECIPE_TREE_H
#define ZLOOM_RECIPE_TREE_H

#include "base/bytes.h"
#include "base/error.h"
#include "recipe/diag.h"
#include "recipe/values.h"

#define ZLOOM_TREE_BYTES_MAX (1024 * 1024)
#define ZLOOM_TREE_DEPTH_MAX 64
#define ZLOOM_TREE_NODES_MAX 100000

typedef enum {
    ZLOOM_TREE_SCALAR,
    ZLOOM_TREE_MAP,
    ZLOOM_TREE_LIST,
} zloom_tree_kind_t;

typedef enum {
    ZLOOM_STYLE_PLAIN,
    ZLOOM_STYLE_SINGLE,  /* 'quoted' */
    ZLOOM_STYLE_DOUBLE,  /* "quoted" */
    ZLOOM_STYLE_LITERAL, /* | block */
    ZLOOM_STYLE_FOLDED,  /* > block */
} zloom_tree_style_t;

/* A piece of a scalar with secrets in it: plain text, or the name of a secret. */
typedef struct zloom_tree_piece zloom_tree_piece_t;
struct zloom_tree_piece {
    const char *text;
    const char *secret; /* NULL: `text` counts */
    zloom_tree_piece_t *next;
};

typedef struct zloom_tree_node zloom_tree_node_t; /* also in recipe/recipe.h */
struct zloom_tree_node {
    zloom_tree_kind_t kind;
    zloom_tree_style_t style; /* scalars */
    const char *text;         /* scalars: never NULL, never with a NUL inside */
    const char *written;      /* scalars: as it stood before ${…} was replaced; else NULL */
    const char *via;          /* scalars: what replaced them, "param workers"; else NULL */
    bool spoilt;              /* scalars: ${…} in it was reported; say no more of it */
    bool joined;              /* in a map: it comes from `defaults:` */
    /* Scalars with ${secret.…}: the pieces; `text` has the names then, never the secrets. */
    const zloom_tree_piece_t *pieces;
    zloom_span_t at;              /* of a scalar with its quotes */
    const zloom_tree_node_t *key; /* in a map: the scalar before the colon */
    zloom_tree_node_t *first;     /* maps and lists: the children, in order */
    zloom_tree_node_t *next;      /* the next child of the same parent */
    size_t count;                 /* children */
};

typedef struct zloom_tree zloom_tree_t;

/*
 * Parse the text that is `file` of `diags`; what is wrong goes there (codes Z01xx). ZLOOM_RECIPE
 * when something was; *tree_p is NULL then, but for duplicate keys: those leave the first one
 * standing and a tree to go on with.
 */
zloom_err_t zloom_tree_parse (zloom_bytes_t text, int file, zloom_diags_t *diags,
                              zloom_tree_t **tree_p);
void zloom_tree_destroy (zloom_tree_t **self_p);
zloom_tree_node_t *zloom_tree_root (const zloom_tree_t *self);
/* Replace a scalar's text by what `via` tells of; the old one stays in `written`. */
void zloom_tree_replace (zloom_tree_t *self, zloom_tree_node_t *node, const char *text,
                         const char *via);

/* The child of a map under this key, NULL when there is none (or no map). */
const zloom_tree_node_t *zloom_tree_get (const zloom_tree_node_t *map, const char *key);
/* The same, unless it comes from `defaults:`: what the writer said of this very node or flow. */
const zloom_tree_node_t *zloom_tree_said (const zloom_tree_node_t *map, const char *key);
/* The same down a path with dots ("retry.backoff"). */
const zloom_tree_node_t *zloom_tree_find (const zloom_tree_node_t *map, const char *path);
/* `key:` with nothing behind it. */
bool zloom_tree_is_empty (const zloom_tree_node_t *node);
/* Where to point: at a value that can be seen, else at its key. Node may be NULL: nowhere. */
zloom_span_t zloom_tree_span (const zloom_tree_node_t *node);
/*
 * Where the byte `offset` of a scalar's text stands; the scalar itself where that cannot be told
 * (replaced and folded texts).
 */
zloom_span_t zloom_tree_place (const zloom_tree_node_t *node, size_t offset);
/* "a map", "a list", "a text". */
const char *zloom_tree_kind_text (const zloom_tree_node_t *node);

#endif
