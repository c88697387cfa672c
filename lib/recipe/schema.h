/* SPDX-License-Identifier: MPL-2.0 */
/*
 * schema.h - the recipe language as JSON Schema (2020-12), written from the field tables, for
 * editors: completion, help under the pointer, most mistakes while typing.
 *
 * It takes whatever zloom takes. The other way round it cannot know names that refer to each other,
 * ranges of durations and sizes, and lints: those stay with `zloom lint`.
 */
#ifndef ZLOOM_RECIPE_SCHEMA_H
#define ZLOOM_RECIPE_SCHEMA_H

#include "recipe/registry.h"

typedef enum {
    ZLOOM_SCHEMA_RECIPE,
    ZLOOM_SCHEMA_FRAGMENT, /* a file that `use:` takes in */
} zloom_schema_root_t;

/* JSON, indented by one blank a level. */
void zloom_schema_json (const zloom_registry_t *registry, zloom_schema_root_t root,
                        zloom_buf_t *out);

#endif
