/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/tag.h"

#define VALUE "'%.60s'"
/* A value grows at most to this by replacing. */
#define EXPANDED_MAX 65536

typedef struct {
    const char *name;
    const char *value; /* NULL: none, or a wrong one */
    const zloom_tree_node_t *tree;
    zloom_field_t field; /* type and range of its values */
    bool used;
    bool wrong; /* has been reported: say no more */
} param_t;

typedef struct {
    zloom_reader_t *reader;
    zloom_tree_t *tree;
    param_t *params;
    size_t count;
} apply_t;

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
  ZLOOM_F_CHOICE ("type", type, "text", s_types, "what values it takes", "type: int")
    ZLOOM_F_SHAPE ("default", false, "its value when --set gives none; without one it must be set",
                   "default: 4")
      ZLOOM_F_SHAPE ("min", false, "the least value (numbers only)", "min: 1")
        ZLOOM_F_SHAPE ("max", false, "the greatest value (numbers only)", "max: 64")
          ZLOOM_F_SHAPE ("enum", false, "the only values that it takes", "enum: [small, large]")
            ZLOOM_F_SHAPE ("help", false, "what it is for", "help: how many workers")};
#undef ZLOOM_STRUCT

zloom_field_table_t
zloom_params_fields (void)
{
    return (zloom_field_table_t){s_fields, ZLOOM_COUNT (s_fields)};
}

/* ---- params -------------------------------------------------------------------------------- */

static param_t *
s_find (apply_t *self, const char *name, size_t size)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strlen (self->params[i].name) == size && !memcmp (self->params[i].name, name, size)) {
            return &self->params[i];
        }
    }
    return NULL;
}

/* Whether a value has the param's type, range and choice; `node` is where it stands. */
static bool
s_accept (apply_t *self, const param_t *param, const zloom_tree_node_t *node)
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
s_bound (apply_t *self, param_t *param, const char *key)
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

static void
s_define (apply_t *self, param_t *param, const zloom_tree_node_t *tree)
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
    if (value && !param->wrong) {
        param->wrong = !s_accept (self, param, value);
        param->value = param->wrong ? NULL : value->text;
    }
}

/* One "name=value" from outside. It has no place in the recipe. */
static void
s_set (apply_t *self, const char *text)
{
    zloom_reader_t *reader = self->reader;
    const char *equals = strchr (text, '=');
    if (!equals) {
        zloom_reader_error (reader, "Z0212", NULL, "as in --set workers=8",
                            "--set takes name=value, not " VALUE, text);
        return;
    }
    param_t *param = s_find (self, text, (size_t) (equals - text));
    if (!param) {
        char *name = zloom_pool_text (reader->pool, text, (size_t) (equals - text));
        zloom_suggest_t suggest = zloom_reader_suggest (reader, name);
        for (size_t i = 0; i < self->count; i++) {
            zloom_suggest_offer (&suggest, self->params[i].name);
        }
        zloom_reader_error (reader, "Z0212", NULL, zloom_reader_did_you_mean (reader, &suggest),
                            "--set " VALUE ": the recipe has no such param", name);
        return;
    }
    zloom_tree_node_t node = {
      .kind = ZLOOM_TREE_SCALAR,
      .style = ZLOOM_STYLE_DOUBLE,
      .text = zloom_pool_text (reader->pool, equals + 1, strlen (equals + 1)),
    };
    if (param->wrong) {
        return;
    }
    param->wrong = !s_accept (self, param, &node);
    param->value = param->wrong ? NULL : node.text;
}

/* ---- replacing ----------------------------------------------------------------------------- */

static void
s_unknown (apply_t *self, const zloom_tree_node_t *node, const char *name)
{
    zloom_reader_t *reader = self->reader;
    const char *hint = "write ${param.name} or ${env.NAME:-default}; $${ is a plain ${";
    if (strncmp (name, "secret.", 7) == 0) {
        zloom_reader_error (reader, "Z0209", node, "use ${env.NAME}",
                            "secrets are not in this version");
        return;
    }
    if (strncmp (name, "param.", 6) == 0) {
        zloom_suggest_t suggest = zloom_reader_suggest (reader, name + 6);
        for (size_t i = 0; i < self->count; i++) {
            zloom_suggest_offer (&suggest, self->params[i].name);
        }
        hint = zloom_reader_did_you_mean (reader, &suggest);
    }
    zloom_reader_error (reader, "Z0211", node, hint, "'${%.60s}' stands for nothing", name);
}

/* What a name stands for; NULL when it was reported. */
static const char *
s_lookup (apply_t *self, const zloom_tree_node_t *node, char *name)
{
    if (strncmp (name, "param.", 6) == 0) {
        param_t *param = s_find (self, name + 6, strlen (name + 6));
        if (param) {
            param->used = true;
            if (!param->value && !param->wrong) {
                zloom_reader_error (self->reader, "Z0212", param->tree->key,
                                    "give it a default, or --set it", "param '%s' has no value",
                                    param->name);
                param->wrong = true;
            }
            return param->value;
        }
    }
    if (strncmp (name, "env.", 4) == 0 && name[4] != '\0') {
        char *other = strstr (name, ":-");
        if (other) {
            *other = '\0';
        }
        const char *value = getenv (name + 4);
        bool unset = !value || (other && value[0] == '\0');
        if (unset && !other) {
            zloom_reader_error (self->reader, "Z0211", node, "give it a default: ${env.NAME:-text}",
                                "the environment has no '%.60s'", name + 4);
        }
        return unset ? (other ? other + 2 : NULL) : value;
    }
    s_unknown (self, node, name);
    return NULL;
}

static bool
s_expand_into (apply_t *self, const zloom_tree_node_t *node, zloom_buf_t *out)
{
    const char *at = node->text;
    const char *dollar;
    while ((dollar = strstr (at, "${"))) {
        bool literal = dollar > at && dollar[-1] == '$';
        const char *end = literal ? dollar + 1 : strchr (dollar, '}');
        zloom_buf_add (out, at, (size_t) (dollar - at) - (literal ? 1 : 0));
        if (!end) {
            zloom_reader_error (self->reader, "Z0211", node, "$${ is a plain ${",
                                "'${' without a '}'");
            return false;
        }
        at = end + 1;
        if (literal) {
            zloom_buf_add_text (out, "${");
            continue;
        }
        char *name = zloom_pool_text (self->reader->pool, dollar + 2, (size_t) (end - dollar) - 2);
        const char *value = s_lookup (self, node, name);
        if (!value) {
            return false;
        }
        if (out->size + strlen (value) > EXPANDED_MAX ||
            !zloom_bytes_is_utf8 (zloom_bytes_text (value))) {
            zloom_reader_error (self->reader, "Z0211", node, NULL,
                                "'${%.60s}' is not text, or makes a value over 64 KiB", name);
            return false;
        }
        zloom_buf_add_text (out, value);
    }
    zloom_buf_add_text (out, at);
    return true;
}

static void
s_expand (apply_t *self, zloom_tree_node_t *node)
{
    if (node->key && strstr (node->key->text, "${")) {
        zloom_reader_error (self->reader, "Z0211", node->key, NULL,
                            "${…} is replaced in values only, not in keys");
    }
    if (node->kind == ZLOOM_TREE_SCALAR && strstr (node->text, "${")) {
        zloom_buf_t out = {0};
        if (s_expand_into (self, node, &out)) {
            zloom_tree_replace (self->tree, node, zloom_buf_text (&out));
        } else {
            node->spoilt = true;
        }
        zloom_buf_fini (&out);
    }
    for (zloom_tree_node_t *child = node->first; child; child = child->next) {
        s_expand (self, child);
    }
}

void
zloom_params_apply (zloom_reader_t *reader, zloom_tree_t *tree, const char *const *sets,
                    size_t set_count)
{
    apply_t self = {.reader = reader, .tree = tree};
    zloom_tree_node_t *root = zloom_tree_root (tree);
    const zloom_tree_node_t *block = zloom_tree_get (root, "params");
    if (block && block->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, block, "params", "a map", "as in {workers: {type: int}}");
        block = NULL;
    }
    self.params = zloom_pool_alloc (reader->pool, (block ? block->count : 0) * sizeof (param_t));
    for (const zloom_tree_node_t *child = block ? block->first : NULL; child; child = child->next) {
        s_define (&self, &self.params[self.count++], child);
    }
    for (size_t i = 0; i < set_count; i++) {
        s_set (&self, sets[i]);
    }
    for (zloom_tree_node_t *child = root->first; child; child = child->next) {
        if (child != block) {
            s_expand (&self, child);
        }
    }
    bool allowed = zloom_tree_get (zloom_tree_get (root, "allow"), "Z0405") != NULL;
    for (size_t i = 0; i < self.count; i++) {
        if (!self.params[i].used && !self.params[i].wrong && !allowed) {
            zloom_diags_add (reader->diags, "Z0405", ZLOOM_SEVERITY_WARNING,
                             self.params[i].tree->key->at, "write ${param.name} where it counts",
                             "nothing uses param '%s'", self.params[i].name);
        }
    }
}
