/* SPDX-License-Identifier: MPL-2.0 */
/* quote.h - texts as other languages want them: JSON and YAML strings. */
#ifndef ZLOOM_RECIPE_QUOTE_H
#define ZLOOM_RECIPE_QUOTE_H

#include "base/bytes.h"

/* A JSON string with its quotes; `text` is UTF-8. */
void zloom_quote_json (zloom_buf_t *out, const char *text);
/*
 * A YAML scalar that a recipe reads back as this text: plain where that is safe in braces as well,
 * else in double quotes.
 */
void zloom_quote_yaml (zloom_buf_t *out, const char *text);

#endif
