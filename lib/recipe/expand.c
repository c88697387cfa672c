/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/expand.h"

#include <stdio.h>
#include <string.h>

#include "recipe/model.h"
#include "recipe/quote.h"
#include "recipe/show.h"

/* Comments stand in this column, or two behind what is longer. */
#define COMMENT_COLUMN 40
#define PATH_BYTES 256
#define DEPTH_MAX 8

typedef enum {
    AS_TEXT,
    AS_LINES, /* JSON */
    AS_ARRAY,
} form_t;

typedef struct {
    const zloom_recipe_t *recipe;
    form_t form;
    zloom_buf_t *out;
    const char *path[DEPTH_MAX];
    int depth;
    size_t count; /* JSON: values so far */
} expand_t;

/* ---- one line ------------------------------------------------------------------------------ */

/* Where a value comes from: "" when it stands as it is at its place. */
typedef struct {
    const char *source;
    const zloom_tree_node_t *node; /* NULL: it stands nowhere */
} origin_t;

static const char *
s_file (const expand_t *self, const zloom_tree_node_t *node)
{
    const zloom_fragment_t *fragment =
      zloom_fragments_at (&self->recipe->fragments, zloom_tree_span (node).file);
    return fragment ? fragment->file : zloom_recipe_file (self->recipe);
}

static origin_t
s_origin (const zloom_tree_node_t *node, bool joined)
{
    if (!node) {
        return (origin_t){"default", NULL};
    }
    const char *via = node->kind == ZLOOM_TREE_SCALAR ? node->via : NULL;
    return (origin_t){via ? via : joined || node->joined ? "defaults" : "", node};
}

static void
s_add_text_line (expand_t *self, const char *key, const char *value, origin_t origin)
{
    zloom_buf_t line = {0};
    zloom_buf_printf (&line, "%*s%s:%s%s", self->depth * 2, "", key, value[0] ? " " : "", value);
    zloom_buf_printf (self->out, "%-*s  # ", COMMENT_COLUMN, zloom_buf_text (&line));
    zloom_buf_fini (&line);
    zloom_buf_add_text (self->out, origin.source);
    if (origin.node) {
        zloom_buf_printf (self->out, "%s%s:%d", origin.source[0] ? ", " : "",
                          s_file (self, origin.node), zloom_tree_span (origin.node).line);
    }
    zloom_buf_add_text (self->out, "\n");
}

static void
s_add_json_line (expand_t *self, const char *key, const char *value, origin_t origin)
{
    char path[PATH_BYTES] = "";
    size_t size = 0;
    for (int i = 0; i < self->depth && size < sizeof path; i++) {
        size += (size_t) snprintf (path + size, sizeof path - size, "%s.", self->path[i]);
    }
    if (size < sizeof path) {
        snprintf (path + size, sizeof path - size, "%s", key);
    }
    bool first = self->count++ == 0;
    zloom_buf_add_text (self->out, self->form == AS_LINES ? "" : first ? "\n  " : ",\n  ");
    zloom_buf_add_text (self->out, "{\"path\": ");
    zloom_quote_json (self->out, path);
    zloom_buf_add_text (self->out, ", \"value\": ");
    zloom_quote_json (self->out, value);
    zloom_buf_add_text (self->out, ", \"source\": ");
    zloom_quote_json (self->out, origin.source[0] ? origin.source : "recipe");
    if (origin.node) {
        zloom_buf_add_text (self->out, ", \"file\": ");
        zloom_quote_json (self->out, s_file (self, origin.node));
        zloom_buf_printf (self->out, ", \"line\": %d", zloom_tree_span (origin.node).line);
    }
    zloom_buf_add_text (self->out, self->form == AS_LINES ? "}\n" : "}");
}

static void
s_add (expand_t *self, const char *key, const char *value, origin_t origin)
{
    if (self->form == AS_TEXT) {
        s_add_text_line (self, key, value, origin);
    } else {
        s_add_json_line (self, key, value, origin);
    }
}

/* A map begins; its keys follow one deeper. */
static void
s_open (expand_t *self, const char *key, const zloom_tree_node_t *node, bool joined)
{
    if (self->form == AS_TEXT && node) {
        s_add_text_line (self, key, "", s_origin (node, joined));
    } else if (self->form == AS_TEXT) {
        zloom_buf_printf (self->out, "%*s%s:\n", self->depth * 2, "", key);
    }
    self->path[self->depth++] = key;
}

static void
s_close (expand_t *self)
{
    self->depth--;
}

/* What a recipe may say and this one does not: for people. */
static void
s_add_unset (expand_t *self, const char *key)
{
    if (self->form == AS_TEXT) {
        zloom_buf_t line = {0};
        zloom_buf_printf (&line, "%*s# %s:", self->depth * 2, "", key);
        zloom_buf_printf (self->out, "%-*s  # none\n", COMMENT_COLUMN, zloom_buf_text (&line));
        zloom_buf_fini (&line);
    }
}

/* ---- fields -------------------------------------------------------------------------------- */

/* Whether a field means anything beside what the config has; NULL: all do. */
typedef bool (applies_fn) (const void *config, const zloom_field_t *field);

static void s_fields (expand_t *self, applies_fn *applies, zloom_field_table_t fields,
                      const zloom_tree_node_t *map, const void *config, bool joined);

/* A map of names and values, a line each. */
static void
s_pairs (expand_t *self, const zloom_field_t *field, const zloom_tree_node_t *node, bool joined)
{
    zloom_buf_t text = {0};
    s_open (self, field->name, node, joined);
    for (const zloom_tree_node_t *item = node->first; item; item = item->next) {
        zloom_buf_t key = {0};
        zloom_quote_yaml (&key, item->key->text);
        zloom_buf_clear (&text);
        zloom_show_scalar (item, &text);
        s_add (self, zloom_buf_text (&key), zloom_buf_text (&text),
               s_origin (item, joined || node->joined));
        zloom_buf_fini (&key);
    }
    s_close (self);
    zloom_buf_fini (&text);
}

static bool
s_is_map (const zloom_field_t *field)
{
    return field->type == ZLOOM_FIELD_PAIRS || field->type == ZLOOM_FIELD_NUMBERS;
}

static void
s_group (expand_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
         const void *config, bool joined)
{
    bool optional = field->set_offset != SIZE_MAX;
    if (optional && !*(const bool *) (const void *) ((const char *) config + field->set_offset)) {
        s_add_unset (self, field->name);
        return;
    }
    s_open (self, field->name, node, joined);
    s_fields (self, NULL, (zloom_field_table_t){field->group, field->group_count}, node, config,
              joined || (node && node->joined));
    s_close (self);
}

static void
s_fields (expand_t *self, applies_fn *applies, zloom_field_table_t fields,
          const zloom_tree_node_t *map, const void *config, bool joined)
{
    for (size_t i = 0; i < fields.count; i++) {
        const zloom_field_t *field = &fields.fields[i];
        const zloom_tree_node_t *node = zloom_tree_get (map, field->name);
        if (applies && !applies (config, field)) {
            continue;
        }
        zloom_buf_t text = {0};
        if (field->type == ZLOOM_FIELD_GROUP) {
            s_group (self, field, node, config, joined);
        } else if (s_is_map (field) && node && node->count > 0) {
            s_pairs (self, field, node, joined);
        } else if (zloom_show_field (field, node, config, &text)) {
            s_add (self, field->name, zloom_buf_text (&text), s_origin (node, joined));
        } else if (field->type != ZLOOM_FIELD_LATER && field->type != ZLOOM_FIELD_SHAPE) {
            s_add_unset (self, field->name);
        }
        zloom_buf_fini (&text);
    }
}

/* ---- nodes and flows ----------------------------------------------------------------------- */

static void
s_allow (expand_t *self, const zloom_tree_node_t *owner)
{
    const zloom_tree_node_t *allow = zloom_tree_get (owner, "allow");
    zloom_buf_t text = {0};
    if (!allow) {
        return;
    }
    s_open (self, "allow", allow, false);
    for (const zloom_tree_node_t *entry = allow->first; entry; entry = entry->next) {
        zloom_buf_clear (&text);
        zloom_show_scalar (entry, &text);
        s_add (self, entry->key->text, zloom_buf_text (&text), s_origin (entry, false));
    }
    s_close (self);
    zloom_buf_fini (&text);
}

static void
s_node (expand_t *self, const zloom_recipe_node_t *node)
{
    const zloom_kind_t *kind = node->kind;
    bool written = node->at.line > 0;
    s_open (self, node->name, written ? node->tree : NULL, false);
    origin_t origin = s_origin (written ? zloom_tree_get (node->tree, "kind") : NULL, false);
    s_add (self, "kind", kind->name, origin);
    s_fields (self, kind->applies, (zloom_field_table_t){kind->fields, kind->field_count},
              node->tree, node->config, false);
    s_allow (self, node->tree);
    s_close (self);
}

static void
s_ends (expand_t *self, const zloom_recipe_flow_t *flow, const char *side,
        const zloom_recipe_end_t *ends, size_t count)
{
    zloom_buf_t text = {0};
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        zloom_buf_printf (&text, "%s%s", i ? ", " : count > 1 ? "[" : "", ends[i].name);
    }
    zloom_buf_add_text (&text, count > 1 ? "]" : "");
    s_add (self, side, zloom_buf_text (&text), s_origin (zloom_tree_get (flow->tree, side), false));
    zloom_buf_fini (&text);
}

/* A map of takers, each with what is said of it. */
static void
s_takers (expand_t *self, const zloom_recipe_flow_t *flow)
{
    const zloom_kind_t *kind = flow->pattern;
    s_open (self, "to", zloom_tree_get (flow->tree, "to"), false);
    for (size_t i = 0; i < flow->to_count; i++) {
        const zloom_recipe_end_t *end = &flow->to[i];
        if (!end->config && end->through) {
            s_open (self, end->name, end->tree, false);
            s_add (self, "through", end->through->name,
                   s_origin (zloom_tree_get (end->tree, "through"), false));
            s_close (self);
            continue;
        }
        if (!end->config) {
            s_add (self, end->name, "{}", s_origin (zloom_tree_get (flow->tree, "to"), false));
            continue;
        }
        s_open (self, end->name, end->tree, false);
        s_fields (self, kind->end_applies,
                  (zloom_field_table_t){kind->end_fields, kind->end_field_count}, end->tree,
                  end->config, false);
        s_close (self);
    }
    s_close (self);
}

static void
s_routers (expand_t *self, const zloom_recipe_flow_t *flow)
{
    const zloom_tree_node_t *mirror = zloom_tree_get (flow->tree, "mirror");
    s_add (self, "via", flow->via->name, s_origin (zloom_tree_get (flow->tree, "via"), false));
    if (flow->mirror) {
        s_open (self, "mirror", mirror, false);
        s_add (self, "from", flow->mirror->name, s_origin (mirror, false));
        s_add (self, "to", flow->via->name, s_origin (mirror, false));
        s_close (self);
    }
}

static void
s_flow (expand_t *self, const zloom_recipe_flow_t *flow)
{
    const zloom_kind_t *kind = flow->pattern;
    s_open (self, flow->name, flow->tree, false);
    s_add (self, "pattern", kind->name, s_origin (zloom_tree_get (flow->tree, "pattern"), false));
    s_ends (self, flow, "from", flow->from, flow->from_count);
    if (kind->end_field_count > 0) {
        s_takers (self, flow);
    } else {
        s_ends (self, flow, "to", flow->to, flow->to_count);
    }
    s_routers (self, flow);
    s_fields (self, kind->applies, (zloom_field_table_t){kind->fields, kind->field_count},
              flow->tree, flow->config, false);
    s_allow (self, flow->tree);
    s_close (self);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void
s_secrets (expand_t *self)
{
    const zloom_secrets_t *secrets = self->recipe->secrets;
    zloom_buf_t text = {0};
    if (zloom_secrets_count (secrets) == 0) {
        return;
    }
    s_open (self, "secrets", NULL, false);
    for (size_t i = 0; i < zloom_secrets_count (secrets); i++) {
        const zloom_tree_node_t *tree = NULL;
        zloom_buf_clear (&text);
        zloom_secrets_tell (secrets, i, &tree, &text);
        s_add (self, tree->key->text, zloom_buf_text (&text), s_origin (tree, false));
    }
    s_close (self);
    zloom_buf_fini (&text);
}

static void
s_expand (const zloom_recipe_t *recipe, form_t form, zloom_buf_t *out)
{
    expand_t self = {.recipe = recipe, .form = form, .out = out};
    const zloom_tree_node_t *root = zloom_recipe_tree (recipe);
    s_add (&self, "zloom", "1", s_origin (zloom_tree_get (root, "zloom"), false));
    s_add (&self, "name", zloom_recipe_name (recipe),
           s_origin (zloom_tree_get (root, "name"), false));
    s_allow (&self, root);
    s_secrets (&self);
    s_open (&self, "nodes", NULL, false);
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        s_node (&self, zloom_recipe_node_at (recipe, i));
    }
    s_close (&self);
    s_open (&self, "flows", NULL, false);
    for (size_t i = 0; i < zloom_recipe_flow_count (recipe); i++) {
        s_flow (&self, zloom_recipe_flow_at (recipe, i));
    }
    s_close (&self);
}

void
zloom_expand_text (const zloom_recipe_t *recipe, zloom_buf_t *out)
{
    s_expand (recipe, AS_TEXT, out);
}

void
zloom_expand_json (const zloom_recipe_t *recipe, bool array, zloom_buf_t *out)
{
    zloom_buf_add_text (out, array ? "[" : "");
    s_expand (recipe, array ? AS_ARRAY : AS_LINES, out);
    zloom_buf_add_text (out, array ? "\n]\n" : "");
}
