/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/tag.h"
#include "base/units.h"
#include "recipe/cases.h"
#include "recipe/params.h"
#include "recipe/quote.h"
#include "recipe/schema_parts.h"
#include "recipe/secrets.h"

typedef struct {
    const zloom_registry_t *registry;
    zloom_buf_t *out;
    int depth;
    bool comma;       /* something stands before in this level */
    const char *ends; /* the pattern whose `to` may be a map; NULL: a list */
} writer_t;

/* ---- writing ------------------------------------------------------------------------------- */

static void
s_line (writer_t *self)
{
    zloom_buf_printf (self->out, "%s\n%*s", self->comma ? "," : "", self->depth, "");
    self->comma = true;
}

/* `"key": ` on a line of its own; the value follows. */
static void
s_key (writer_t *self, const char *key)
{
    s_line (self);
    zloom_quote_json (self->out, key);
    zloom_buf_add_text (self->out, ": ");
}

static void
s_open (writer_t *self, const char *key)
{
    s_key (self, key);
    zloom_buf_add_text (self->out, "{");
    self->depth++;
    self->comma = false;
}

static void
s_close (writer_t *self)
{
    self->depth--;
    zloom_buf_printf (self->out, "\n%*s}", self->depth, "");
    self->comma = true;
}

static void
s_raw (writer_t *self, const char *key, const char *json)
{
    s_key (self, key);
    zloom_buf_add_text (self->out, json);
}

static void
s_text (writer_t *self, const char *key, const char *text)
{
    s_key (self, key);
    zloom_quote_json (self->out, text);
}

/* ---- fields -------------------------------------------------------------------------------- */

static void s_fields (writer_t *self, zloom_field_table_t fields, zloom_field_table_t common,
                      bool partial);

/* `{"enum": [...]}` of some words. */
static void
s_choices (zloom_buf_t *out, const zloom_choice_t *choices, size_t count)
{
    zloom_buf_add_text (out, "{\"enum\": [");
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        zloom_quote_json (out, choices[i].name);
    }
    zloom_buf_add_text (out, "]}");
}

static void
s_int (zloom_buf_t *out, const zloom_field_t *field)
{
    zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/int\"");
    zloom_buf_printf (out, field->least ? ", \"minimum\": %s" : "%s",
                      field->least ? field->least : "");
    zloom_buf_printf (out, field->most ? ", \"maximum\": %s" : "%s",
                      field->most ? field->most : "");
    zloom_buf_add_text (out, "}");
}

/* What one value of the field's type is. */
static void
s_type (zloom_buf_t *out, const zloom_field_t *field)
{
    switch (field->type) {
    case ZLOOM_FIELD_INT:
        s_int (out, field);
        break;
    case ZLOOM_FIELD_BOOL:
        zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/bool\"}");
        break;
    case ZLOOM_FIELD_DURATION:
        zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/duration\"}");
        break;
    case ZLOOM_FIELD_SIZE:
        zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/size\"}");
        break;
    case ZLOOM_FIELD_PERCENT:
        zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/percent\"}");
        break;
    case ZLOOM_FIELD_CHOICE:
        s_choices (out, field->choices, field->choice_count);
        break;
    case ZLOOM_FIELD_PROGRAM:
        zloom_buf_printf (out,
                          "{\"type\": \"array\", \"minItems\": 1, \"maxItems\": %d, "
                          "\"prefixItems\": [{\"$ref\": \"#/$defs/word\"}], \"items\": "
                          "{\"$ref\": \"#/$defs/text\"}}",
                          ZLOOM_FIELD_ITEMS_MAX);
        break;
    case ZLOOM_FIELD_DURATIONS:
        zloom_buf_printf (
          out,
          "{\"$ref\": \"#/$defs/duration\"}, {\"type\": \"array\", \"minItems\": 1, "
          "\"maxItems\": %zu, \"items\": {\"anyOf\": [{\"$ref\": "
          "\"#/$defs/duration\"}, {\"$ref\": \"#/$defs/replaced\"}]}}",
          field->count_max);
        break;
    case ZLOOM_FIELD_PAIRS:
        zloom_buf_add_text (out, "{\"type\": \"object\", \"additionalProperties\": {\"type\": "
                                 "[\"string\", \"number\", \"boolean\", \"null\"]}}");
        break;
    case ZLOOM_FIELD_NUMBERS:
        zloom_buf_add_text (out, "{\"type\": \"object\", \"additionalProperties\": {\"anyOf\": [");
        s_int (out, field);
        zloom_buf_add_text (out, ", {\"$ref\": \"#/$defs/replaced\"}]}}");
        break;
    case ZLOOM_FIELD_TEXTS:
        zloom_buf_add_text (out,
                            "{\"$ref\": \"#/$defs/word\"}, {\"type\": \"array\", \"minItems\": "
                            "1, \"items\": {\"$ref\": \"#/$defs/text\"}}");
        break;
    case ZLOOM_FIELD_SECRETS:
        zloom_buf_add_text (out,
                            "{\"$ref\": \"#/$defs/name\"}, {\"type\": \"array\", \"minItems\": "
                            "1, \"items\": {\"$ref\": \"#/$defs/text\"}}");
        break;
    default:
        zloom_buf_add_text (out, "{\"$ref\": \"#/$defs/word\"}");
        break;
    }
}

/* What an editor shows: the help, the range, the words. */
static void
s_describe (writer_t *self, const zloom_field_t *field)
{
    zloom_buf_t text = {0};
    if (field->type == ZLOOM_FIELD_LATER) {
        zloom_buf_add_text (&text, "not in this version: ");
    }
    zloom_buf_printf (&text, "%s.", field->help);
    if (field->least || field->most) {
        zloom_buf_printf (&text, " From %s to %s.", field->least ? field->least : "any",
                          field->most ? field->most : "any");
    }
    for (size_t i = 0; i < field->choice_count; i++) {
        zloom_buf_printf (&text, "%s%s: %s", i ? "; " : " ", field->choices[i].name,
                          field->choices[i].help);
    }
    s_text (self, "description", zloom_buf_text (&text));
    zloom_buf_fini (&text);
    if (field->fallback) {
        s_text (self, "default", field->fallback);
    }
    if (field->example) {
        s_key (self, "examples");
        zloom_buf_add_text (self->out, "[");
        zloom_quote_json (self->out, field->example);
        zloom_buf_add_text (self->out, "]");
    }
}

static void
s_field (writer_t *self, const zloom_field_t *field, bool partial)
{
    s_open (self, field->name);
    s_describe (self, field);
    if (field->type == ZLOOM_FIELD_LATER || (partial && zloom_field_is_own (field))) {
        s_raw (self, "not", "{}");
    } else if (field->type == ZLOOM_FIELD_GROUP) {
        s_fields (self, (zloom_field_table_t){field->group, field->group_count},
                  (zloom_field_table_t){NULL, 0}, partial);
    } else if (field->type == ZLOOM_FIELD_SHAPE && self->ends && strcmp (field->name, "to") == 0) {
        s_key (self, "anyOf");
        zloom_buf_printf (self->out,
                          "[%s, {\"type\": \"object\", \"additionalProperties\": {\"anyOf\": "
                          "[{\"$ref\": \"#/$defs/to-%s\"}, {\"type\": \"null\"}]}}]",
                          zloom_schema_shape (field->name), self->ends);
    } else if (field->type == ZLOOM_FIELD_SHAPE) {
        s_key (self, "allOf");
        zloom_buf_printf (self->out, "[%s]", zloom_schema_shape (field->name));
    } else {
        s_key (self, "anyOf");
        zloom_buf_add_text (self->out, "[");
        s_type (self->out, field);
        zloom_buf_add_text (self->out, ", {\"$ref\": \"#/$defs/replaced\"}]");
    }
    s_close (self);
}

static void
s_add_required (writer_t *self, zloom_field_table_t fields, size_t *count)
{
    for (size_t i = 0; i < fields.count; i++) {
        if (fields.fields[i].required) {
            zloom_buf_add_text (self->out, (*count)++ ? ", " : "");
            zloom_quote_json (self->out, fields.fields[i].name);
        }
    }
}

/* A map with these keys, with free ones that begin with x-, and with no other. */
static void
s_fields (writer_t *self, zloom_field_table_t fields, zloom_field_table_t common, bool partial)
{
    size_t required = 0;
    s_raw (self, "type", "\"object\"");
    if (!partial) {
        s_key (self, "required");
        zloom_buf_add_text (self->out, "[");
        s_add_required (self, common, &required);
        s_add_required (self, fields, &required);
        zloom_buf_add_text (self->out, "]");
    }
    s_open (self, "properties");
    for (size_t i = 0; i < common.count; i++) {
        s_field (self, &common.fields[i], partial);
    }
    for (size_t i = 0; i < fields.count; i++) {
        s_field (self, &fields.fields[i], partial);
    }
    s_close (self);
    s_raw (self, "patternProperties", "{\"^x-\": {}}");
    s_raw (self, "additionalProperties", "false");
}

/* ---- definitions --------------------------------------------------------------------------- */

/* `kind` or `pattern`: one of those that this version has. */
static void
s_kind_words (writer_t *self, const char *key, const zloom_kind_t *kinds, size_t count)
{
    s_key (self, key);
    zloom_buf_add_text (self->out, "{\"anyOf\": [{\"enum\": [");
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (self->out, i ? ", " : "");
        zloom_quote_json (self->out, kinds[i].name);
    }
    zloom_buf_add_text (self->out, "]}, {\"$ref\": \"#/$defs/replaced\"}]}");
}

/* A node (or flow): whatever its kind has. */
static void
s_by_kind (writer_t *self, const char *key, const char *word, const zloom_kind_t *kinds,
           size_t count)
{
    s_open (self, key);
    s_raw (self, "type", "\"object\"");
    s_key (self, "required");
    zloom_buf_printf (self->out, "[\"%s\"]", word);
    s_key (self, "properties");
    zloom_buf_printf (self->out, "{\"%s\": {\"$ref\": \"#/$defs/%s\"}}", word, word);
    s_key (self, "allOf");
    zloom_buf_add_text (self->out, "[");
    for (size_t i = 0; i < count; i++) {
        zloom_buf_printf (self->out,
                          "%s\n%*s{\"if\": {\"properties\": {\"%s\": {\"const\": \"%s\"}}, "
                          "\"required\": [\"%s\"]}, \"then\": {\"$ref\": \"#/$defs/%s-%s\"}}",
                          i ? "," : "", self->depth + 1, "", word, kinds[i].name, word, key,
                          kinds[i].name);
    }
    zloom_buf_add_text (self->out, "]");
    s_close (self);
}

static void
s_kinds (writer_t *self, const char *what, const zloom_kind_t *kinds, size_t count,
         zloom_field_table_t common, bool partial)
{
    char key[80];
    for (size_t i = 0; i < count; i++) {
        snprintf (key, sizeof key, "%s%s%s", what, what[0] ? "-" : "", kinds[i].name);
        s_open (self, key);
        zloom_buf_t help = {0};
        zloom_buf_printf (&help, "%s.", kinds[i].help);
        s_text (self, "description", zloom_buf_text (&help));
        zloom_buf_fini (&help);
        self->ends = kinds[i].end_field_count > 0 ? kinds[i].name : NULL;
        s_fields (self, (zloom_field_table_t){kinds[i].fields, kinds[i].field_count}, common,
                  partial);
        self->ends = NULL;
        s_close (self);
    }
}

static void
s_table (writer_t *self, const char *key, zloom_field_table_t fields)
{
    s_open (self, key);
    s_fields (self, fields, (zloom_field_table_t){NULL, 0}, false);
    s_close (self);
}

/* What `to` says of each taker, for patterns that have something to say of it. */
static void
s_takers (writer_t *self)
{
    char key[80];
    for (size_t i = 0; i < self->registry->pattern_count; i++) {
        const zloom_kind_t *kind = &self->registry->patterns[i];
        if (kind->end_field_count > 0) {
            snprintf (key, sizeof key, "to-%s", kind->name);
            s_table (self, key, (zloom_field_table_t){kind->end_fields, kind->end_field_count});
        }
    }
}

/* What `tests:` is made of; a step is one of those that begin with step-, with its verb in it. */
static void
s_cases (writer_t *self)
{
    const zloom_case_table_t *table;
    for (size_t i = 0; (table = zloom_case_table_at (i)); i++) {
        s_table (self, table->part, table->fields);
    }
    s_key (self, "step");
    zloom_buf_add_text (self->out, "{\"anyOf\": [");
    for (size_t i = ZLOOM_CASE_TABLE_VERBS; (table = zloom_case_table_at (i)); i++) {
        const char *verb = strchr (table->part, '-') + 1;
        zloom_buf_printf (self->out, "%s{\"required\": [\"%s\"], \"$ref\": \"#/$defs/%s\"}",
                          i > ZLOOM_CASE_TABLE_VERBS ? ", " : "", verb, table->part);
    }
    zloom_buf_add_text (self->out, "]}");
}

static void
s_definitions (writer_t *self)
{
    const zloom_registry_t *registry = self->registry;
    const zloom_field_table_t none = {NULL, 0};
    s_open (self, "$defs");
    for (const zloom_schema_part_t *part = zloom_schema_parts; part->name; part++) {
        s_raw (self, part->name, part->json);
    }
    s_kind_words (self, "kind", registry->nodes, registry->node_count);
    s_kind_words (self, "pattern", registry->patterns, registry->pattern_count);
    s_table (self, "param", zloom_params_fields ());
    s_open (self, "secret");
    s_fields (self, zloom_secrets_fields (), none, false);
    s_raw (self, "oneOf", "[{\"required\": [\"file\"]}, {\"required\": [\"env\"]}]");
    s_close (self);
    s_table (self, "use", zloom_recipe_use_fields ());
    s_cases (self);
    s_open (self, "defaults");
    s_raw (self, "type", "\"object\"");
    s_open (self, "properties");
    s_kinds (self, "", registry->nodes, registry->node_count, none, true);
    s_kinds (self, "", registry->patterns, registry->pattern_count, none, true);
    s_close (self);
    s_raw (self, "additionalProperties", "false");
    s_close (self);
    s_by_kind (self, "node", "kind", registry->nodes, registry->node_count);
    s_kinds (self, "node", registry->nodes, registry->node_count, zloom_recipe_node_fields (),
             false);
    s_by_kind (self, "flow", "pattern", registry->patterns, registry->pattern_count);
    s_kinds (self, "flow", registry->patterns, registry->pattern_count, zloom_recipe_flow_fields (),
             false);
    s_takers (self);
    s_close (self);
}

void
zloom_schema_json (const zloom_registry_t *registry, zloom_schema_root_t root, zloom_buf_t *out)
{
    writer_t writer = {.registry = registry, .out = out, .depth = 1};
    bool fragment = root == ZLOOM_SCHEMA_FRAGMENT;
    zloom_buf_add_text (out, "{");
    s_raw (&writer, "$schema", "\"https://json-schema.org/draft/2020-12/schema\"");
    s_text (&writer, "title",
            fragment ? "A fragment of a zloom recipe, version 1" : "A zloom recipe, version 1");
    s_fields (&writer, fragment ? zloom_recipe_fragment_fields () : zloom_recipe_top_fields (),
              (zloom_field_table_t){NULL, 0}, false);
    if (!fragment) {
        s_raw (&writer, "anyOf", "[{\"required\": [\"flows\"]}, {\"required\": [\"use\"]}]");
    }
    s_definitions (&writer);
    zloom_buf_add_text (out, "\n}\n");
}
