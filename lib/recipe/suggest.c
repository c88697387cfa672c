/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/suggest.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/tag.h"

static char
s_lower (char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static size_t
s_least (size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
zloom_suggest_distance (const char *a, const char *b)
{
    size_t a_size = strlen (a);
    size_t b_size = strlen (b);
    if (a_size > ZLOOM_SUGGEST_MAX || b_size > ZLOOM_SUGGEST_MAX) {
        return a_size > b_size ? a_size : b_size;
    }
    /* Three rows are enough: a swap reaches back two. */
    size_t rows[3][ZLOOM_SUGGEST_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            char x = s_lower (a[i - 1]);
            char y = s_lower (b[j - 1]);
            row[j] = s_least (above[j] + 1, row[j - 1] + 1);
            row[j] = s_least (row[j], above[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == s_lower (b[j - 2]) && s_lower (a[i - 2]) == y) {
                row[j] = s_least (row[j], above_that[j - 2] + 1);
            }
        }
    }
    return rows[a_size % 3][b_size];
}

void
zloom_suggest_init (zloom_suggest_t *self, const char *word)
{
    zloom_assert (self && word);
    *self = (zloom_suggest_t){.word = word};
}

void
zloom_suggest_synonyms (zloom_suggest_t *self, const zloom_synonym_t *table, size_t count)
{
    self->synonyms = table;
    self->synonym_count = count;
}

static bool
s_is_synonym (const zloom_suggest_t *self, const char *candidate)
{
    for (size_t i = 0; i < self->synonym_count; i++) {
        if (strcmp (self->synonyms[i].means, candidate) == 0 &&
            strcasecmp (self->synonyms[i].word, self->word) == 0) {
            return true;
        }
    }
    return false;
}

void
zloom_suggest_offer (zloom_suggest_t *self, const char *candidate)
{
    size_t size = strlen (self->word);
    /* One edit in three letters: further away it would be a guess, not a slip. */
    size_t allowed = (size + 2) / 3;
    size_t distance = zloom_suggest_distance (self->word, candidate);
    /* A longer word that begins alike is a slip as well: 'dead' for 'dead_letter'. */
    if (distance > allowed && size >= 3 && strncasecmp (self->word, candidate, size) == 0) {
        distance = allowed;
    }
    /* So is a name without that of its fragment: 'charge' for 'eu-charge'. */
    size_t more = strlen (candidate);
    if (distance > allowed && size >= 3 && more > size && candidate[more - size - 1] == '-' &&
        strcasecmp (candidate + more - size, self->word) == 0) {
        distance = allowed;
    }
    if (s_is_synonym (self, candidate)) {
        distance = 0;
    }
    if (distance <= allowed && (!self->best || distance < self->distance)) {
        self->best = candidate;
        self->distance = distance;
    }
}
