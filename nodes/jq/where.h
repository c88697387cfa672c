/* SPDX-License-Identifier: MPL-2.0 */
/*
 * where.h - from what jq says of a mistake to the place in the expression. jq 1.6 names no more
 * than a line, so the expression is spread: each token on a line of its own. Pure.
 */
#ifndef ZLOOM_JQ_WHERE_H
#define ZLOOM_JQ_WHERE_H

#include <stddef.h>

/*
 * The same expression with a new line before each token that lies outside of texts and comments;
 * places[i] is where line i begins in the original. Both are the caller's; NULL: out of memory.
 */
char *zloom_jq_where_spread (const char *expression, size_t **places_p, size_t *lines_p);
/* The line (from 1) that a message of jq names; 0: none. */
size_t zloom_jq_where_line (const char *said);
/* The message without jq's own words about shells and places. */
void zloom_jq_where_text (const char *said, char *text, size_t size);

#endif
