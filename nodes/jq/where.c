/* SPDX-License-Identifier: MPL-2.0 */
#include "where.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WORDS ", line "

/* ---- tokens --------------------------------------------------------------------------------- */

/* The end of a text that begins at `at`, with what is interpolated in it. */
static const char *
s_text_end (const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if (at[0] != '\\' || !at[1]) {
            continue;
        }
        at++;
        if (*at != '(') {
            continue;
        }
        size_t depth = 1;
        for (at++; *at && depth > 0; at++) {
            if (*at == '"') {
                at = s_text_end (at) - 1;
            } else if (*at == '(' || *at == ')') {
                depth += *at == '(' ? 1 : (size_t) -1;
            }
        }
        at--;
    }
    return *at ? at + 1 : at;
}

static bool
s_is_word (char c)
{
    return isalnum ((unsigned char) c) || c == '_' || c == '.' || c == '$' || c == '@' ||
           (unsigned char) c >= 0x80;
}

static bool
s_is_operator (char c)
{
    return c && strchr ("+-*/%=<>!|?", c);
}

/* The end of the token, or of the white space or comment, that begins at `at`. */
static const char *
s_token_end (const char *at)
{
    const char *begin = at;
    if (*at == '"') {
        return s_text_end (at);
    }
    if (*at == '#') {
        return at + strcspn (at, "\n");
    }
    if (s_is_word (*at)) {
        while (s_is_word (*at) ||
               /* 1e-5 */
               ((*at == '-' || *at == '+') && at - begin > 1 && (at[-1] == 'e' || at[-1] == 'E') &&
                isdigit ((unsigned char) *begin))) {
            at++;
        }
        return at;
    }
    while (s_is_operator (*at)) {
        at++;
    }
    return at > begin ? at : at + 1;
}

char *
zloom_jq_where_spread (const char *expression, size_t **places_p, size_t *lines_p)
{
    const size_t size = strlen (expression);
    char *out = malloc (2 * size + 2);
    size_t *places = calloc (2 * size + 2, sizeof *places);
    if (!out || !places) {
        free (out);
        free (places);
        return NULL;
    }
    size_t lines = 0;
    size_t filled = 0;
    places[lines++] = 0;
    for (const char *at = expression; *at;) {
        const char *end = s_token_end (at);
        if (isspace ((unsigned char) *at)) {
            at++;
            continue;
        }
        if (at > expression) {
            out[filled++] = '\n';
            places[lines++] = (size_t) (at - expression);
        }
        for (; at < end; at++) {
            out[filled++] = *at;
            if (*at == '\n') { /* inside a text */
                places[lines++] = (size_t) (at + 1 - expression);
            }
        }
    }
    out[filled] = '\0';
    *places_p = places;
    *lines_p = lines;
    return out;
}

/* ---- what jq says --------------------------------------------------------------------------- */

size_t
zloom_jq_where_line (const char *said)
{
    const char *line = strstr (said, LINE_WORDS);
    return line ? strtoul (line + strlen (LINE_WORDS), NULL, 10) : 0;
}

static void
s_cut (char *text, const char *from)
{
    char *at = strstr (text, from);
    if (at) {
        *at = '\0';
    }
}

static void
s_replace (char *text, const char *what, const char *with)
{
    char *at = strstr (text, what);
    if (at) { /* never longer than it was */
        const char *rest = at + strlen (what);
        while (*with) {
            *at++ = *with++;
        }
        memmove (at, rest, strlen (rest) + 1);
    }
}

void
zloom_jq_where_text (const char *said, char *text, size_t size)
{
    static const char prefix[] = "jq: error: ";
    const bool named = strncmp (said, prefix, strlen (prefix)) == 0;
    (void) snprintf (text, size, "%s", named ? said + strlen (prefix) : said);
    s_cut (text, " (Unix shell quoting issues?)");
    s_cut (text, " at <top-level>");
    s_cut (text, ", expecting QQSTRING");
    s_cut (text, "\n");
    s_replace (text, "unexpected INVALID_CHARACTER", "unexpected character");
    s_replace (text, "unexpected $end", "unexpected end");
    s_replace (text, "expecting $end", "expecting end");
}
