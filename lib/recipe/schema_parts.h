/* SPDX-License-Identifier: MPL-2.0 */
/* schema_parts.h - the schema's pieces of JSON that no field table has; for schema.c. */
#ifndef ZLOOM_RECIPE_SCHEMA_PARTS_H
#define ZLOOM_RECIPE_SCHEMA_PARTS_H

typedef struct {
    const char *name;
    const char *json;
} zloom_schema_part_t;

/* Shared definitions, by name; ends with a NULL name. */
extern const zloom_schema_part_t zloom_schema_parts[];
/* What a field of the recipe's shape takes. */
const char *zloom_schema_shape (const char *name);

#endif
