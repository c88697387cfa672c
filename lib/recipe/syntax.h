/* SPDX-License-Identifier: MPL-2.0 */
/* syntax.h - the traps that people fall into: what libfyaml says of a place, and what to do. */
#ifndef ZLOOM_RECIPE_SYNTAX_H
#define ZLOOM_RECIPE_SYNTAX_H

#include "recipe/diag.h"

/* A text that lives for ever, never NULL. */
const char *zloom_syntax_hint (zloom_bytes_t source, zloom_span_t at, const char *message);

#endif
