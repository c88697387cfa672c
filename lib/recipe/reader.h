/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reader.h - a map of the recipe's tree into a struct, by a field table: defaults, types, ranges,
 * unknown keys. Every mistake is reported and reading goes on.
 */
#ifndef ZLOOM_RECIPE_READER_H
#define ZLOOM_RECIPE_READER_H

#include "recipe/allow.h"
#include "recipe/diag.h"
#include "recipe/fields.h"
#include "recipe/fragment.h"
#include "recipe/pool.h"
#include "recipe/recipe.h"
#include "recipe/suggest.h"
#include "recipe/tree.h"

typedef struct zloom_secrets zloom_secrets_t; /* recipe/secrets.h */

/* A key that was reported as a slip for this field: the field is then not reported as missing. */
typedef struct {
    const zloom_tree_node_t *map;
    const zloom_field_t *field;
} zloom_slip_t;

/* More slips than this are said twice. */
#define ZLOOM_SLIPS_MAX 64

typedef struct {
    zloom_pool_t *pool; /* where values live */
    zloom_diags_t *diags;
    zloom_allow_t *allow;               /* warnings go through it */
    zloom_secrets_t *secrets;           /* what ${secret.…} may name; NULL: nothing */
    const zloom_fragments_t *fragments; /* for the names of flows and the folders of paths */
    const zloom_fragment_t *fragment;   /* the file that is read; defaults count as written there */
    const char *owner;                  /* the node that is read, for its secrets; else NULL */
    bool partial;                       /* what is read are defaults: nothing is required */
    const zloom_registry_t *registry; /* whose words are known; NULL in tests of the reader alone */
    zloom_slip_t slips[ZLOOM_SLIPS_MAX];
    size_t slip_count;
} zloom_reader_t;

/*
 * Fill `config` from `map` and the defaults. `common` are keys that somebody else reads: known
 * here, not read. `what` says what the map is ("flow 'orders'"). `x-…` keys are free.
 * Returns false when there was a mistake.
 */
bool zloom_reader_read (zloom_reader_t *self, zloom_field_table_t fields,
                        zloom_field_table_t common, const zloom_tree_node_t *map, const char *what,
                        void *config);
/* Only the check of keys: each must be in one of the tables. */
bool zloom_reader_check_keys (zloom_reader_t *self, zloom_field_table_t fields,
                              zloom_field_table_t common, const zloom_tree_node_t *map,
                              const char *what);
/* Whether it is a scalar with a value on one line, and no secret; reports if not. */
bool zloom_reader_is_short (zloom_reader_t *self, const zloom_tree_node_t *node, const char *what);
/* The same, where a secret may stand. */
bool zloom_reader_is_text (zloom_reader_t *self, const zloom_tree_node_t *node, const char *what);
/* One value of a scalar type (INT, DURATION, SIZE, PERCENT, BOOL) as a number, within its range. */
bool zloom_reader_number (zloom_reader_t *self, const zloom_field_t *field,
                          const zloom_tree_node_t *node, int64_t *number);
/* The value of a field into its place in `config`; not for GROUP, LATER and SHAPE. */
bool zloom_reader_value (zloom_reader_t *self, const zloom_field_t *field,
                         const zloom_tree_node_t *node, void *config);
/* "'name' takes WANTED, not a list"; returns false. */
bool zloom_reader_wrong_shape (zloom_reader_t *self, const zloom_tree_node_t *node,
                               const char *name, const char *wanted, const char *hint);
/* Reports ZLOOM_SEVERITY_ERROR at the node; NULL node = no place. */
void zloom_reader_error (zloom_reader_t *self, const char *code, const zloom_tree_node_t *node,
                         const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));
/* A warning about the recipe as a whole, which its `allow:` may allow. */
void zloom_reader_warning (zloom_reader_t *self, const char *code, const zloom_tree_node_t *node,
                           const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));
/* The file in which a value stands: its names and paths are meant from there. */
const zloom_fragment_t *zloom_reader_home (const zloom_reader_t *self,
                                           const zloom_tree_node_t *node);
#define ZLOOM_NAME_HINT "use 1 to 63 of a-z, 0-9, - and _, a letter or digit first"
/* Whether it may name a recipe, a node, a flow or a param. */
bool zloom_reader_is_name (const char *text);
/* Who has a key of this name, as in "a worker"; NULL when nobody has. */
const char *zloom_reader_owner_of (const zloom_reader_t *self, const char *key);
/* A suggestion for a word, with the reader's synonyms. */
zloom_suggest_t zloom_reader_suggest (const zloom_reader_t *self, const char *word);
/* "did you mean 'x'?" in the reader's pool, NULL when there is no word to offer. */
const char *zloom_reader_did_you_mean (zloom_reader_t *self, const zloom_suggest_t *suggest);

#endif
