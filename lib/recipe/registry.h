/* SPDX-License-Identifier: MPL-2.0 */
/*
 * registry.h - how node kinds, patterns and lints come to a recipe that knows none of them: const
 * tables, joined in one zloom_registry_t.
 */
#ifndef ZLOOM_RECIPE_REGISTRY_H
#define ZLOOM_RECIPE_REGISTRY_H

#include "recipe/diag.h"
#include "recipe/fields.h"
#include "recipe/lint.h"
#include "recipe/recipe.h"
#include "recipe/suggest.h"

/* A node kind or a pattern: what its config struct is, and how a recipe fills it. */
struct zloom_kind {
    unsigned id;
    const char *name;
    const char *what; /* "a worker", for messages */
    const char *help;
    const zloom_field_t *fields;
    size_t field_count;
    size_t config_size;
    const char *example; /* a node or flow of this kind, as YAML with two spaces before it */
    /* The rest of a config that fields cannot say (its name); may be NULL. */
    void (*finish) (void *config, const char *name);
    /* Whether a field means anything beside what the config has; NULL: all do, always. */
    bool (*applies) (const void *config, const zloom_field_t *field);
    /* Patterns: a flow's promises in plain words; NULL for nodes. */
    void (*explain) (const zloom_recipe_t *recipe, const zloom_recipe_flow_t *flow,
                     zloom_buf_t *out);
    /*
     * Patterns whose `to` may say more of each taker: what. A struct of end_size that begins with
     * the name; for every node in `to` there is one in an array that the config points to.
     */
    const zloom_field_t *end_fields;
    size_t end_field_count; /* 0: `to` is a list of names */
    size_t end_size;
    size_t ends_offset; /* of the pointer in the config */
    size_t end_count_offset;
    void (*finish_end) (void *end);
    bool (*end_applies) (const void *end, const zloom_field_t *field); /* as applies, of an end */
    /* Nodes: whether flows may end there, and start there. */
    bool takes;
    bool sends;
    bool listens; /* nodes: others connect to it */
};

/* A word that the design knows and this version does not do. */
typedef struct {
    const char *word;
    const char *help;
} zloom_later_t;

struct zloom_registry {
    const zloom_kind_t *nodes;
    size_t node_count;
    const zloom_kind_t *patterns;
    size_t pattern_count;
    const zloom_later_t *later_nodes;
    size_t later_node_count;
    const zloom_later_t *later_patterns;
    size_t later_pattern_count;
    /*
     * The kind of node that flows live on (`via:`). One is there even if the recipe names none;
     * NULL = no such kind.
     */
    const zloom_kind_t *implicit;
    const char *implicit_name;
    /*
     * The kind of node that carries from one of them to others: there is one for each that needs
     * it, NAME-bridge. NULL = no such kind.
     */
    const zloom_kind_t *carrier;
    /*
     * The kind of node that is an edge of a router (`of:`), where takers hear flows (`through:` of
     * an end). NULL = no such kind.
     */
    const zloom_kind_t *edge;
    const zloom_synonym_t *synonyms;
    size_t synonym_count;
    const char *const *counters; /* of flows, as `stats` names them */
    size_t counter_count;
    const zloom_lint_t *lints; /* beside those of lib/recipe itself */
    size_t lint_count;
};

/* Keys that every recipe, fragment, `use:` entry, node and flow may have; read by lib/recipe. */
zloom_field_table_t zloom_recipe_top_fields (void);
zloom_field_table_t zloom_recipe_fragment_fields (void);
zloom_field_table_t zloom_recipe_use_fields (void);
zloom_field_table_t zloom_recipe_node_fields (void);
zloom_field_table_t zloom_recipe_flow_fields (void);

#endif
