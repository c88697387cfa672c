/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/tag.h"
#include "recipe/registry.h"

/* As much of a wrong value as a message shows. */
#define VALUE "'%.60s'"

/* ---- reporting ----------------------------------------------------------------------------- */

void
zloom_reader_error (zloom_reader_t *self, const char *code, const zloom_tree_node_t *node,
                    const char *hint, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    bool replaced = node && node->kind == ZLOOM_TREE_SCALAR && node->written;
    zloom_diags_add (self->diags, code, ZLOOM_SEVERITY_ERROR, zloom_tree_span (node), hint,
                     replaced ? "%s (from %.80s)" : "%s", message, replaced ? node->written : "");
}

void
zloom_reader_warning (zloom_reader_t *self, const char *code, const zloom_tree_node_t *node,
                      const char *hint, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    zloom_allow_say (self->allow, code, ZLOOM_SEVERITY_WARNING, NULL, zloom_tree_span (node), hint,
                     message);
}

const zloom_fragment_t *
zloom_reader_home (const zloom_reader_t *self, const zloom_tree_node_t *node)
{
    const zloom_fragment_t *home =
      node->at.line > 0 ? zloom_fragments_at (self->fragments, node->at.file) : NULL;
    return home ? home : self->fragment;
}

static const char *
s_owner_among (const zloom_kind_t *kinds, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        const zloom_field_t *field = zloom_field_find (kinds[i].fields, kinds[i].field_count, key);
        if (field && field->type != ZLOOM_FIELD_LATER) {
            return kinds[i].what;
        }
    }
    return NULL;
}

const char *
zloom_reader_owner_of (const zloom_reader_t *self, const char *key)
{
    const zloom_registry_t *registry = self->registry;
    zloom_field_table_t node = zloom_recipe_node_fields ();
    zloom_field_table_t flow = zloom_recipe_flow_fields ();
    if (!registry) {
        return NULL;
    }
    if (zloom_field_find (flow.fields, flow.count, key)) {
        return "a flow";
    }
    if (zloom_field_find (node.fields, node.count, key)) {
        return "a node";
    }
    const char *owner = s_owner_among (registry->nodes, registry->node_count, key);
    return owner ? owner : s_owner_among (registry->patterns, registry->pattern_count, key);
}

zloom_suggest_t
zloom_reader_suggest (const zloom_reader_t *self, const char *word)
{
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, word);
    if (self->registry) {
        zloom_suggest_synonyms (&suggest, self->registry->synonyms, self->registry->synonym_count);
    }
    return suggest;
}

const char *
zloom_reader_did_you_mean (zloom_reader_t *self, const zloom_suggest_t *suggest)
{
    return suggest->best ? zloom_pool_format (self->pool, "did you mean '%s'?", suggest->best)
                         : NULL;
}

static bool
s_is_block (const zloom_tree_node_t *node)
{
    return node->style == ZLOOM_STYLE_LITERAL || node->style == ZLOOM_STYLE_FOLDED;
}

bool
zloom_reader_wrong_shape (zloom_reader_t *self, const zloom_tree_node_t *node, const char *name,
                          const char *wanted, const char *hint)
{
    zloom_reader_error (self, "Z0204", node, hint, "'%s' takes %s, not %s", name, wanted,
                        zloom_tree_kind_text (node));
    return false;
}

bool
zloom_reader_is_short (zloom_reader_t *self, const zloom_tree_node_t *node, const char *what)
{
    if (node->pieces) {
        zloom_reader_error (self, "Z0215", node, "a worker takes it in 'env:' or 'secrets:'",
                            "'%s' does not take a secret", what);
        return false;
    }
    return zloom_reader_is_text (self, node, what);
}

bool
zloom_reader_is_text (zloom_reader_t *self, const zloom_tree_node_t *node, const char *what)
{
    if (node->kind != ZLOOM_TREE_SCALAR) {
        return zloom_reader_wrong_shape (self, node, what, "one value", NULL);
    }
    if (node->spoilt) {
        return false;
    }
    if (zloom_tree_is_empty (node)) {
        return zloom_reader_wrong_shape (self, node, what, "a value",
                                         "write one, or leave the key out");
    }
    if (s_is_block (node)) {
        zloom_reader_error (self, "Z0208", node->key ? node->key : node,
                            "write the value on the key's line, in quotes if it is '>' or '|'",
                            "'%s' takes a short value, but '%c' takes the lines below it as text",
                            what, node->style == ZLOOM_STYLE_LITERAL ? '|' : '>');
        return false;
    }
    if (node->at.end_line > node->at.line) {
        zloom_reader_error (self, "Z0208", node, "write the value on one line",
                            "'%s' takes a short value, but this one goes on in the next line",
                            what);
        return false;
    }
    return true;
}

bool
zloom_reader_is_name (const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = strlen (text);
    return size > 0 && size <= ZLOOM_NAME_MAX && text[0] != '-' && text[0] != '_' &&
           strspn (text, letters) == size;
}

/* ---- fields -------------------------------------------------------------------------------- */

/* A default as if it stood in the recipe: a scalar, or "[a, b]" as a list of them. */
static const zloom_tree_node_t *
s_default_node (zloom_reader_t *self, const char *text)
{
    zloom_tree_node_t *node = zloom_pool_alloc (self->pool, sizeof *node);
    node->text = text;
    if (text[0] != '[') {
        return node;
    }
    node->kind = ZLOOM_TREE_LIST;
    zloom_tree_node_t **link = &node->first;
    for (text++; *text && *text != ']'; text += strspn (text, ", ")) {
        size_t size = strcspn (text, ",]");
        *link = zloom_pool_alloc (self->pool, sizeof **link);
        (*link)->text = zloom_pool_text (self->pool, text, size);
        link = &(*link)->next;
        node->count++;
        text += size;
    }
    return node;
}

/* Whether an unknown key of the map was reported as meaning this field. */
static bool
s_is_misspelt (const zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *map)
{
    for (size_t i = 0; map && i < self->slip_count; i++) {
        if (self->slips[i].map == map && self->slips[i].field == field) {
            return true;
        }
    }
    return false;
}

static bool s_read_all (zloom_reader_t *self, zloom_field_table_t fields,
                        const zloom_tree_node_t *map, const char *what, void *config);

static bool
s_read_group (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
              const char *what, void *config)
{
    zloom_field_table_t fields = {field->group, field->group_count};
    bool optional = field->set_offset != SIZE_MAX;
    if (optional) {
        *(bool *) (void *) ((char *) config + field->set_offset) = node != NULL;
    }
    if (node && node->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (
          self, node, field->name, "a map",
          zloom_pool_format (self->pool, "as in %s", field->example));
    }
    if (!node && optional) {
        return true;
    }
    char *inside = zloom_pool_format (self->pool, "'%s' of %s", field->name, what);
    bool good =
      !node || zloom_reader_check_keys (self, fields, (zloom_field_table_t){NULL, 0}, node, inside);
    return s_read_all (self, fields, node, inside, config) && good;
}

static bool
s_read_all (zloom_reader_t *self, zloom_field_table_t fields, const zloom_tree_node_t *map,
            const char *what, void *config)
{
    bool good = true;
    for (size_t i = 0; i < fields.count; i++) {
        const zloom_field_t *field = &fields.fields[i];
        const zloom_tree_node_t *node = zloom_tree_get (map, field->name);
        if (field->type == ZLOOM_FIELD_GROUP) {
            good = s_read_group (self, field, node, what, config) && good;
            continue;
        }
        bool required = field->required && !self->partial;
        if (!node && required && s_is_misspelt (self, field, map)) {
            good = false; /* "did you mean" has said it */
        } else if (!node && required) {
            zloom_reader_error (self, "Z0202", map,
                                zloom_pool_format (self->pool, "as in %s", field->example),
                                "%s has no '%s'", what, field->name);
            good = false;
        }
        if (!node && field->fallback) {
            node = s_default_node (self, field->fallback);
        }
        good = (!node || zloom_reader_value (self, field, node, config)) && good;
    }
    return good;
}

/* What to do about an unknown key. */
static const char *
s_key_hint (zloom_reader_t *self, const zloom_tree_node_t *child, const zloom_suggest_t *suggest)
{
    const char *key = child->key->text;
    const char *owner = zloom_reader_owner_of (self, key);
    if (strstr (key, "\u00a0")) {
        return "there is a no-break space in it, which looks like a blank and is none";
    }
    if (child->kind == ZLOOM_TREE_SCALAR && s_is_block (child)) {
        bool literal = child->style == ZLOOM_STYLE_LITERAL;
        return zloom_pool_format (self->pool,
                                  "and '%c' takes the lines below it as text: quote it if it is a "
                                  "value%s%s%s",
                                  literal ? '|' : '>', suggest->best ? "; did you mean '" : "",
                                  suggest->best ? suggest->best : "", suggest->best ? "'?" : "");
    }
    if (!suggest->best && owner) {
        return zloom_pool_format (self->pool, "that is a key of %s", owner);
    }
    return zloom_reader_did_you_mean (self, suggest);
}

static bool
s_report_key (zloom_reader_t *self, zloom_field_table_t fields, zloom_field_table_t common,
              const zloom_tree_node_t *map, const zloom_tree_node_t *child, const char *what)
{
    const zloom_tree_node_t *key = child->key;
    zloom_suggest_t suggest = zloom_reader_suggest (self, key->text);
    for (size_t i = 0; i < fields.count + common.count; i++) {
        const zloom_field_t *field =
          i < fields.count ? &fields.fields[i] : &common.fields[i - fields.count];
        if (field->type != ZLOOM_FIELD_LATER) {
            zloom_suggest_offer (&suggest, field->name);
        }
    }
    const zloom_field_t *meant =
      suggest.best ? zloom_field_find (fields.fields, fields.count, suggest.best) : NULL;
    if (meant && self->slip_count < ZLOOM_SLIPS_MAX) {
        self->slips[self->slip_count++] = (zloom_slip_t){map, meant};
    }
    zloom_reader_error (self, "Z0203", key, s_key_hint (self, child, &suggest),
                        "unknown key " VALUE " in %s", key->text, what);
    return false;
}

bool
zloom_reader_check_keys (zloom_reader_t *self, zloom_field_table_t fields,
                         zloom_field_table_t common, const zloom_tree_node_t *map, const char *what)
{
    bool good = true;
    for (const zloom_tree_node_t *child = map->first; child; child = child->next) {
        const char *name = child->key->text;
        if (strncmp (name, "x-", 2) == 0) {
            continue;
        }
        const zloom_field_t *field = zloom_field_find (fields.fields, fields.count, name);
        field = field ? field : zloom_field_find (common.fields, common.count, name);
        if (!field) {
            good = s_report_key (self, fields, common, map, child, what);
        } else if (field->type == ZLOOM_FIELD_LATER) {
            zloom_reader_error (self, "Z0209", child->key, NULL,
                                "'%s' in %s is not in this version: %s", name, what, field->help);
            good = false;
        }
    }
    return good;
}

bool
zloom_reader_read (zloom_reader_t *self, zloom_field_table_t fields, zloom_field_table_t common,
                   const zloom_tree_node_t *map, const char *what, void *config)
{
    zloom_assert (self && config && (!map || map->kind == ZLOOM_TREE_MAP));
    bool good = !map || zloom_reader_check_keys (self, fields, common, map, what);
    return s_read_all (self, fields, map, what, config) && good;
}
