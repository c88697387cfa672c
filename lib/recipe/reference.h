/* SPDX-License-Identifier: MPL-2.0 */
/* reference.h - the recipe's reference page (docs/recipe.md), written from the tables. */
#ifndef ZLOOM_RECIPE_REFERENCE_H
#define ZLOOM_RECIPE_REFERENCE_H

#include "recipe/registry.h"

/* Markdown: shape, keys of nodes and flows, words of later versions, codes. */
void zloom_reference_markdown (const zloom_registry_t *registry, zloom_buf_t *out);

#endif
