/* SPDX-License-Identifier: MPL-2.0 */
/*
 * suggest.h - "did you mean": the closest of some words, by Damerau-Levenshtein distance with
 * adjacent transpositions, or by a table of other systems' words.
 */
#ifndef ZLOOM_RECIPE_SUGGEST_H
#define ZLOOM_RECIPE_SUGGEST_H

#include <stddef.h>

/* Words longer than this are compared to nothing. */
#define ZLOOM_SUGGEST_MAX 64

/* A word that people know from elsewhere, and zloom's word for it. */
typedef struct {
    const char *word;
    const char *means;
} zloom_synonym_t;

typedef struct {
    const char *word; /* what was written */
    const zloom_synonym_t *synonyms;
    size_t synonym_count;
    const char *best; /* the closest so far, NULL when none is close enough */
    size_t distance;
} zloom_suggest_t;

/* Edits (insert, delete, replace, swap neighbours) from a to b; ASCII case is ignored. */
size_t zloom_suggest_distance (const char *a, const char *b);

void zloom_suggest_init (zloom_suggest_t *self, const char *word);
/* Words from elsewhere, too; the table must outlive self. Before the first offer. */
void zloom_suggest_synonyms (zloom_suggest_t *self, const zloom_synonym_t *table, size_t count);
/*
 * Offer a candidate; it must outlive self. The first of equally close ones stays; one that the
 * synonyms give for the word is closest of all.
 */
void zloom_suggest_offer (zloom_suggest_t *self, const char *candidate);

#endif
