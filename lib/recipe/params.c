/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/params.h"

#include <string.h>

#include "base/tag.h"

#define VALUE "'%.60s'"
typedef struct {
    const char *name;
    const char *value; /* NULL: none, or a wrong one */
    const char *via;   /* where the value comes from */
    const zloom_tree_node_t *tree;
    zloom_field_t field; /* type and range of its values */
    bool used;
    bool wrong; /* has been reported: say no more */
} param_t;

struct zloom_params {
    zloom_reader_t *reader;
    param_t *items;
    size_t count;
};

typedef struct {
    unsigned type;
} spec_t;

static const zloom_choice_t s_types[] = {
  {"int", ZLOOM_FIELD_INT, "a whole number"},  {"text", ZLOOM_FIELD_TEXT, "any text"},
  {"bool", ZLOOM_FIELD_BOOL, "true or false"}, {"duration", ZLOOM_FIELD_DURATION, "as in 30s"},
  {"size", ZLOOM_FIELD_SIZE, "as in 64MiB"},   {"percent", ZLOOM_FIELD_PERCENT, "as in 10%"},
};

#define ZLOOM_STRUCT spec_t
static const zloom_field_t s_fields[] = {
#include "recipe/param.def"
};
#undef ZLOOM_STRUCT

zloom_field_table_t
zloom_params_fields (void)
{
    return (zloom_field_table_t){s_fields, ZLOOM_COUNT (s_fields)};
}

/* ---- params -------------------------------------------------------------------------------- */

static param_t *
s_find (const zloom_params_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp (self->items[i].name, name) == 0) {
            return &self->items[i];
        }
    }
    return NULL;
}

/* Whether a value has the param's type, range and choice; `node` is where it stands. */
static bool
s_accept (zloom_params_t *self, const param_t *param, const zloom_tree_node_t *node)
{
    int64_t number = 0;
    if (param->field.type == ZLOOM_FIELD_TEXT) {
        if (node->kind != ZLOOM_TREE_SCALAR) {
            return zloom_reader_wrong_shape (self->reader, node, param->name, "one value", NULL);
        }
    } else if (!zloom_reader_number (self->reader, &param->field, node, &number)) {
        return false;
    }
    const zloom_tree_node_t *choices = zloom_tree_get (param->tree, "enum");
    if (!choices || choices->kind != ZLOOM_TREE_LIST) {
        return true;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (self->reader, node->text);
    for (const zloom_tree_node_t *choice = choices->first; choice; choice = choice->next) {
        if (choice->kind == ZLOOM_TREE_SCALAR && strcmp (choice->text, node->text) == 0) {
            return true;
        }
        zloom_suggest_offer (&suggest, choice->kind == ZLOOM_TREE_SCALAR ? choice->text : "");
    }
    zloom_reader_error (
      self->reader, "Z0207", node, zloom_reader_did_you_mean (self->reader, &suggest),
      "param '%s' is " VALUE ", which is not in its 'enum'", param->name, node->text);
    return false;
}

static const char *
s_bound (zloom_params_t *self, param_t *param, const char *key)
{
    const zloom_tree_node_t *node = zloom_tree_get (param->tree, key);
    int64_t number = 0;
    if (!node) {
        return NULL;
    }
    if (param->field.type == ZLOOM_FIELD_TEXT || param->field.type == ZLOOM_FIELD_BOOL) {
        zloom_reader_error (self->reader, "Z0212", node->key, NULL,
                            "param '%s' is no number: '%s' means nothing", param->name, key);
        param->wrong = true;
        return NULL;
    }
    zloom_field_t plain = {.name = key, .type = param->field.type};
    if (!zloom_reader_number (self->reader, &plain, node, &number)) {
        param->wrong = true;
        return NULL;
    }
    return node->text;
}

/* "param workers (default in orders.yaml:3)" */
static const char *
s_via (zloom_params_t *self, const param_t *param, const char *what, const zloom_tree_node_t *node)
{
    return zloom_pool_format (self->reader->pool, "param %s (%s in %s:%d)", param->name, what,
                              zloom_diags_file (self->reader->diags, node->at.file), node->at.line);
}

static void
s_define (zloom_params_t *self, param_t *param, const zloom_tree_node_t *tree)
{
    zloom_reader_t *reader = self->reader;
    *param = (param_t){.name = tree->key->text, .tree = tree};
    if (!zloom_reader_is_name (param->name)) {
        zloom_reader_error (reader, "Z0210", tree->key, ZLOOM_NAME_HINT,
                            "a param has a bad name: " VALUE, param->name);
        param->wrong = true;
        return;
    }
    if (tree->kind != ZLOOM_TREE_MAP) {
        param->wrong = !zloom_reader_wrong_shape (reader, tree, param->name, "a map",
                                                  "as in {type: int, default: 4}");
        return;
    }
    spec_t spec = {ZLOOM_FIELD_TEXT};
    char *what = zloom_pool_format (reader->pool, "param '%.60s'", param->name);
    param->wrong = !zloom_reader_read (reader, zloom_params_fields (),
                                       (zloom_field_table_t){NULL, 0}, tree, what, &spec);
    param->field = (zloom_field_t){.name = param->name, .type = (zloom_field_type_t) spec.type};
    param->field.least = s_bound (self, param, "min");
    param->field.most = s_bound (self, param, "max");
    const zloom_tree_node_t *choices = zloom_tree_get (tree, "enum");
    if (choices && choices->kind != ZLOOM_TREE_LIST) {
        param->wrong = !zloom_reader_wrong_shape (reader, choices, "enum", "a list", NULL);
    }
    const zloom_tree_node_t *value = zloom_tree_get (tree, "default");
    if (value && value->spoilt) {
        param->wrong = true;
    } else if (value && !param->wrong) {
        param->wrong = !s_accept (self, param, value);
        param->value = param->wrong ? NULL : value->text;
        param->via = s_via (self, param, "default", value);
    }
}

zloom_params_t *
zloom_params_new (zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    zloom_params_t *self = zloom_pool_alloc (reader->pool, sizeof *self);
    self->reader = reader;
    const zloom_tree_node_t *block = zloom_tree_get (root, "params");
    if (block && block->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, block, "params", "a map", "as in {workers: {type: int}}");
        block = NULL;
    }
    self->items = zloom_pool_alloc (reader->pool, (block ? block->count : 0) * sizeof (param_t));
    for (const zloom_tree_node_t *child = block ? block->first : NULL; child; child = child->next) {
        s_define (self, &self->items[self->count], child);
        self->count++;
    }
    return self;
}

/* ---- values from outside ------------------------------------------------------------------- */

/* "did you mean" one of the params; NULL when none is near. */
static const char *
s_near (zloom_params_t *self, const char *name)
{
    zloom_suggest_t suggest = zloom_reader_suggest (self->reader, name);
    for (size_t i = 0; i < self->count; i++) {
        zloom_suggest_offer (&suggest, self->items[i].name);
    }
    return zloom_reader_did_you_mean (self->reader, &suggest);
}

/* A value for a param: checked, and kept unless it is wrong. */
static void
s_take (zloom_params_t *self, param_t *param, const zloom_tree_node_t *node, const char *via)
{
    if (!param->wrong) {
        param->wrong = !s_accept (self, param, node);
        param->value = param->wrong ? NULL : node->text;
        param->via = via;
    }
}

/* It has no place in the recipe. */
void
zloom_params_set (zloom_params_t *self, const char *text)
{
    zloom_reader_t *reader = self->reader;
    const char *equals = strchr (text, '=');
    if (!equals) {
        zloom_reader_error (reader, "Z0212", NULL, "as in --set workers=8",
                            "--set takes name=value, not " VALUE, text);
        return;
    }
    char *name = zloom_pool_text (reader->pool, text, (size_t) (equals - text));
    param_t *param = s_find (self, name);
    if (!param) {
        zloom_reader_error (reader, "Z0212", NULL, s_near (self, name),
                            "--set " VALUE ": the recipe has no such param", name);
        return;
    }
    zloom_tree_node_t *node = zloom_pool_alloc (reader->pool, sizeof *node);
    *node = (zloom_tree_node_t){
      .kind = ZLOOM_TREE_SCALAR,
      .style = ZLOOM_STYLE_DOUBLE,
      .text = zloom_pool_text (reader->pool, equals + 1, strlen (equals + 1)),
    };
    s_take (self, param, node, zloom_pool_format (reader->pool, "param %s (--set)", name));
}

void
zloom_params_give (zloom_params_t *self, const zloom_tree_node_t *use,
                   const zloom_tree_node_t *with)
{
    zloom_reader_t *reader = self->reader;
    for (const zloom_tree_node_t *node = with ? with->first : NULL; node; node = node->next) {
        param_t *param = s_find (self, node->key->text);
        if (!param) {
            zloom_reader_error (reader, "Z0212", node->key, s_near (self, node->key->text),
                                "the fragment has no param " VALUE, node->key->text);
        } else if (node->spoilt || node->pieces) {
            param->wrong = true;
            if (node->pieces) {
                zloom_reader_error (reader, "Z0215", node, "name it in the fragment: ${secret.…}",
                                    "a param cannot be a secret");
            }
        } else {
            s_take (self, param, node, s_via (self, param, "with", node));
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        param_t *param = &self->items[i];
        if (!param->value && !param->wrong) {
            zloom_reader_error (
              reader, "Z0212", use->key,
              zloom_pool_format (reader->pool, "as in with: {%s: …}", param->name),
              "the fragment wants a value for its param '%s'", param->name);
            param->wrong = true;
        }
    }
}

const char *
zloom_params_value (zloom_params_t *self, const zloom_tree_node_t *node, const char *name,
                    const char **via)
{
    param_t *param = s_find (self, name);
    if (!param) {
        zloom_reader_error (self->reader, "Z0211", node, s_near (self, name),
                            "'${param.%.60s}' stands for nothing", name);
        return NULL;
    }
    param->used = true;
    if (!param->value && !param->wrong) {
        zloom_reader_error (self->reader, "Z0212", param->tree->key,
                            "give it a default, or --set it", "param '%s' has no value",
                            param->name);
        param->wrong = true;
    }
    *via = param->via;
    return param->value;
}

void
zloom_params_end (zloom_params_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const param_t *param = &self->items[i];
        if (!param->used && !param->wrong) {
            zloom_reader_warning (self->reader, "Z0405", param->tree->key,
                                  "write ${param.name} where it counts", "nothing uses param '%s'",
                                  param->name);
        }
    }
}
