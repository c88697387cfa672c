/* SPDX-License-Identifier: MPL-2.0 */
/* schema_parts.c - what of the schema does not come from a field's type. */
#include "recipe/schema_parts.h"

#include <string.h>

#include "base/error.h"
#include "base/tag.h"
#include "recipe/fields.h"

#define NAME "^[a-z0-9][a-z0-9_-]{0,62}$"

/* Shared parts, by name. Numbers may be quoted: the field's type reads the text. */
const zloom_schema_part_t zloom_schema_parts[] = {
  {"replaced", "{\"type\": \"string\", \"pattern\": \"\\\\$\\\\{\"}"},
  {"text", "{\"type\": [\"string\", \"number\", \"boolean\"]}"},
  {"word", "{\"type\": [\"string\", \"number\", \"boolean\"], \"minLength\": 1}"},
  {"name", "{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": \"" NAME "\"}"},
  {"int", "{\"type\": [\"integer\", \"string\"], \"pattern\": \"^[+-]?[0-9]+$\"}"},
  {"bool", "{\"enum\": [true, false, \"true\", \"false\"]}"},
  {"duration", "{\"type\": \"string\", \"pattern\": "
               "\"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?$\", "
               "\"minLength\": 1}"},
  {"size", "{\"type\": [\"integer\", \"string\"], \"pattern\": "
           "\"^[0-9]+(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$\"}"},
  {"percent", "{\"type\": \"string\", \"pattern\": \"^[0-9]+([.][0-9]{1,4})?%$\"}"},
  {"ends", "{\"anyOf\": [{\"$ref\": \"#/$defs/text\"}, "
           "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/text\"}}]}"},
  {"allow", "{\"type\": \"object\", \"additionalProperties\": false, \"patternProperties\": "
            "{\"^Z[0-9]{4}$\": {\"type\": \"string\", \"minLength\": 1}}}"},
  {NULL, NULL},
};

/* Fields that lib/recipe reads by itself. */
static const zloom_schema_part_t s_shapes[] = {
  {"zloom", "{\"enum\": [1, \"1\"]}"},
  {"name", "{\"anyOf\": [{\"$ref\": \"#/$defs/name\"}, {\"$ref\": \"#/$defs/replaced\"}]}"},
  {"params", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
             "\"additionalProperties\": {\"$ref\": \"#/$defs/param\"}}"},
  {"secrets", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
              "\"additionalProperties\": {\"$ref\": \"#/$defs/secret\"}}"},
  {"use", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
          "\"additionalProperties\": {\"$ref\": \"#/$defs/use\"}}"},
  {"defaults", "{\"$ref\": \"#/$defs/defaults\"}"},
  {"nodes", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
            "\"additionalProperties\": {\"$ref\": \"#/$defs/node\"}}"},
  {"flows", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
            "\"additionalProperties\": {\"$ref\": \"#/$defs/flow\"}}"},
  {"allow", "{\"$ref\": \"#/$defs/allow\"}"},
  {"with", "{\"type\": \"object\", \"additionalProperties\": {\"$ref\": \"#/$defs/text\"}}"},
  {"kind", "{\"$ref\": \"#/$defs/kind\"}"},
  {"pattern", "{\"$ref\": \"#/$defs/pattern\"}"},
  {"from", "{\"$ref\": \"#/$defs/ends\"}"},
  {"to", "{\"$ref\": \"#/$defs/ends\"}"},
  {"via", "{\"$ref\": \"#/$defs/text\"}"},
  {"mirror", "{\"type\": \"object\", \"required\": [\"from\", \"to\"], "
             "\"additionalProperties\": false, \"properties\": {\"from\": "
             "{\"$ref\": \"#/$defs/text\"}, \"to\": {\"$ref\": \"#/$defs/text\"}}}"},
  {"default", "{\"$ref\": \"#/$defs/text\"}"},
  {"min", "{\"$ref\": \"#/$defs/text\"}"},
  {"max", "{\"$ref\": \"#/$defs/text\"}"},
  {"enum", "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/text\"}}"},
  {"help", "{\"type\": \"string\"}"},
  {"tests", "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"" NAME "\"}, "
            "\"additionalProperties\": {\"$ref\": \"#/$defs/case\"}}"},
  {"mock",
   "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"array\", \"minItems\": 1, "
   "\"items\": {\"$ref\": \"#/$defs/rule\"}}}"},
  {"steps", "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/step\"}}"},
  {"emit", "{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/emit\"}}"},
  {"messages", "{\"type\": \"array\", \"items\": {\"anyOf\": [{\"$ref\": \"#/$defs/text\"}, "
               "{\"$ref\": \"#/$defs/match\"}]}}"},
  {"body", "{}"},
  {"part", "{\"type\": \"object\"}"},
};

const char *
zloom_schema_shape (const char *name)
{
    for (size_t i = 0; i < ZLOOM_COUNT (s_shapes); i++) {
        if (strcmp (s_shapes[i].name, name) == 0) {
            return s_shapes[i].json;
        }
    }
    zloom_assert (!"a field of the recipe's shape without a schema");
    return "{}";
}
