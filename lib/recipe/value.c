/* SPDX-License-Identifier: MPL-2.0 */
/*
 * value.c - reader.h's part about values: how a field's type reads what stands in the recipe.
 * The type decides, never YAML's guess: `on`, `1e3` and `0x10` mean nothing here.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/tag.h"
#include "base/units.h"
#include "recipe/hint.h"
#include "recipe/reader.h"
#include "recipe/secrets.h"

/* As much of a wrong value as a message shows. */
#define VALUE "'%.60s'"

/* ---- single values ------------------------------------------------------------------------- */

static zloom_err_t
s_parse_number (zloom_field_type_t type, const char *text, int64_t *number)
{
    switch (type) {
    case ZLOOM_FIELD_INT:
    case ZLOOM_FIELD_NUMBERS:
        return zloom_parse_int (text, number);
    case ZLOOM_FIELD_DURATION:
    case ZLOOM_FIELD_DURATIONS:
        return zloom_parse_duration (text, number);
    case ZLOOM_FIELD_SIZE:
        return zloom_parse_size (text, number);
    case ZLOOM_FIELD_PERCENT:
        return zloom_parse_percent (text, number);
    case ZLOOM_FIELD_BOOL:
        *number = strcmp (text, "true") == 0;
        if (!*number && strcmp (text, "false") != 0) {
            return zloom_fail (ZLOOM_INVALID, VALUE " is not true or false", text);
        }
        return ZLOOM_OK;
    default:
        zloom_assert (!"a type of one number");
    }
    return ZLOOM_FAILED;
}

bool
zloom_reader_number (zloom_reader_t *self, const zloom_field_t *field,
                     const zloom_tree_node_t *node, int64_t *number)
{
    if (!zloom_reader_is_short (self, node, field->name)) {
        return false;
    }
    if (s_parse_number (field->type, node->text, number) != ZLOOM_OK) {
        char why[256];
        snprintf (why, sizeof why, "%s", zloom_note ());
        zloom_reader_error (self, "Z0205", node,
                            zloom_hint_number (self->pool, field->type, node->text), "'%s': %s",
                            field->name, why);
        return false;
    }
    int64_t bound = 0;
    if (field->least && s_parse_number (field->type, field->least, &bound) == ZLOOM_OK &&
        *number < bound) {
        zloom_reader_error (self, "Z0206", node, NULL, "'%s' is %.60s, the least is %s",
                            field->name, node->text, field->least);
        return false;
    }
    if (field->most && s_parse_number (field->type, field->most, &bound) == ZLOOM_OK &&
        *number > bound) {
        zloom_reader_error (self, "Z0206", node, NULL, "'%s' is %.60s, the most is %s", field->name,
                            node->text, field->most);
        return false;
    }
    return true;
}

static bool
s_read_choice (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
               unsigned *value)
{
    if (!zloom_reader_is_short (self, node, field->name)) {
        return false;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (self, node->text);
    for (size_t i = 0; i < field->choice_count; i++) {
        if (strcmp (field->choices[i].name, node->text) == 0) {
            *value = field->choices[i].value;
            return true;
        }
        zloom_suggest_offer (&suggest, field->choices[i].name);
    }
    zloom_buf_t takes = {0};
    zloom_field_type_text (field, &takes);
    zloom_reader_error (self, "Z0207", node, zloom_reader_did_you_mean (self, &suggest),
                        "'%s' is " VALUE ", but takes %s", field->name, node->text,
                        zloom_buf_text (&takes));
    zloom_buf_fini (&takes);
    return false;
}

/* An absolute form of a path; relative ones start at the folder of the file where it stands. */
static const char *
s_absolute (const zloom_reader_t *self, const zloom_tree_node_t *node, const char *path)
{
    const char *dir = zloom_reader_home (self, node)->dir;
    if (path[0] == '/') {
        return zloom_pool_text (self->pool, path, strlen (path));
    }
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn (path, "/");
    }
    if (path[0] == '\0' || strcmp (path, ".") == 0) {
        return zloom_pool_text (self->pool, dir, strlen (dir));
    }
    bool root = strcmp (dir, "/") == 0;
    return zloom_pool_format (self->pool, "%s/%s", root ? "" : dir, path);
}

static bool
s_read_flow_name (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                  const char **value)
{
    const zloom_fragment_t *home = zloom_reader_home (self, node);
    const char *name =
      zloom_fragments_find (self->fragments, home, ZLOOM_SIDE_FLOWS, node->text, self->pool);
    if (name) {
        *value = zloom_pool_text (self->pool, name, strlen (name));
        return true;
    }
    if (zloom_fragments_failed (self->fragments, home, node->text)) {
        return false;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (self, node->text);
    zloom_fragments_offer (self->fragments, home, ZLOOM_SIDE_FLOWS, &suggest, self->pool);
    zloom_reader_error (self, "Z0302", node, zloom_reader_did_you_mean (self, &suggest),
                        "'%s' names " VALUE ", but there is no such flow", field->name, node->text);
    return false;
}

/* A copy in the config; one with secrets in it waits for them. */
static void
s_keep_text (zloom_reader_t *self, const zloom_tree_node_t *node, const char **slot)
{
    *slot = zloom_pool_text (self->pool, node->text, strlen (node->text));
    if (node->pieces) {
        zloom_secrets_keep (self->secrets, self->owner, slot, node);
    }
}

static bool
s_read_text (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
             const char **value)
{
    /* What is checked has to be known; nothing that is checked today is a secret. */
    bool secret = field->type == ZLOOM_FIELD_TEXT && !field->check && !field->lines;
    if (field->lines && node->kind == ZLOOM_TREE_SCALAR && node->style == ZLOOM_STYLE_LITERAL &&
        !node->pieces && !node->spoilt) {
        *value = zloom_pool_text (self->pool, node->text, strlen (node->text));
        return true;
    }
    if (secret ? !zloom_reader_is_text (self, node, field->name)
               : !zloom_reader_is_short (self, node, field->name)) {
        return false;
    }
    if (node->text[0] == '\0') {
        zloom_reader_error (self, "Z0205", node, NULL, "'%s' is an empty text", field->name);
        return false;
    }
    if (field->type == ZLOOM_FIELD_PATH) {
        if (node->text[0] == '~') {
            zloom_reader_error (self, "Z0205", node, "write \"${env.HOME}/…\"",
                                "'%s': '~' is not replaced in recipes", field->name);
            return false;
        }
        *value = s_absolute (self, node, node->text);
        return true;
    }
    if (field->type == ZLOOM_FIELD_FLOW) {
        return s_read_flow_name (self, field, node, value);
    }
    const char *wrong = field->check ? field->check (node->text) : NULL;
    if (wrong) {
        zloom_reader_error (self, "Z0205", node, NULL, "'%s': " VALUE " %s", field->name,
                            node->text, wrong);
        return false;
    }
    s_keep_text (self, node, value);
    return true;
}

/* ---- lists and maps of values -------------------------------------------------------------- */

static bool
s_fits (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
        size_t most)
{
    if (node->count > most) {
        zloom_reader_error (self, "Z0206", node, NULL, "'%s' has %zu entries, the most is %zu",
                            field->name, node->count, most);
        return false;
    }
    return true;
}

static bool
s_read_program (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                zloom_strings_t *value)
{
    if (node->kind != ZLOOM_TREE_LIST || node->count == 0) {
        bool dash = node->kind == ZLOOM_TREE_SCALAR && node->text[0] == '-';
        return zloom_reader_wrong_shape (self, node, field->name, "a list: program and arguments",
                                         dash ? "put a blank behind each '-'"
                                              : "there is no shell: write [python3, worker.py]");
    }
    if (!s_fits (self, field, node, ZLOOM_FIELD_ITEMS_MAX)) {
        return false;
    }
    const char **items = zloom_pool_alloc (self->pool, (node->count + 1) * sizeof *items);
    size_t count = 0;
    for (const zloom_tree_node_t *item = node->first; item; item = item->next) {
        if (item->spoilt) {
            return false;
        }
        if (item->pieces) {
            zloom_reader_error (self, "Z0215", item, "give it in 'env:' or 'secrets:'",
                                "a secret in '%s' is shown to everybody by ps", field->name);
            return false;
        }
        if (item->kind != ZLOOM_TREE_SCALAR || zloom_tree_is_empty (item)) {
            return zloom_reader_wrong_shape (self, item, field->name, "texts in its list",
                                             "quote an argument that contains ': ' or is empty");
        }
        items[count++] = zloom_pool_text (self->pool, item->text, strlen (item->text));
    }
    if (items[0][0] == '\0') {
        return zloom_reader_wrong_shape (self, node->first, field->name, "a program first", NULL);
    }
    if (strchr (items[0], '/')) {
        items[0] = s_absolute (self, node->first, items[0]);
    }
    *value = (zloom_strings_t){items, count};
    return true;
}

static bool
s_read_durations (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                  void *config)
{
    bool list = node->kind == ZLOOM_TREE_LIST;
    if (node->kind == ZLOOM_TREE_MAP || (list && node->count == 0)) {
        return zloom_reader_wrong_shape (self, node, field->name, "a list of durations",
                                         "as in [1s, 5s]");
    }
    if (!s_fits (self, field, node, field->count_max)) {
        return false;
    }
    size_t count = list ? node->count : 1;
    bool array = field->count_offset != SIZE_MAX;
    int64_t *items = array ? (int64_t *) (void *) ((char *) config + field->offset)
                           : zloom_pool_alloc (self->pool, count * sizeof *items);
    const zloom_tree_node_t *item = list ? node->first : node;
    bool good = true;
    for (size_t i = 0; i < count; i++, item = item->next) {
        good = zloom_reader_number (self, field, item, &items[i]) && good;
    }
    if (array) {
        *(size_t *) (void *) ((char *) config + field->count_offset) = count;
    } else {
        *(zloom_ints_t *) (void *) ((char *) config + field->offset) = (zloom_ints_t){items, count};
    }
    return good;
}

static bool
s_read_texts (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
              void *config)
{
    bool list = node->kind == ZLOOM_TREE_LIST;
    if (node->kind == ZLOOM_TREE_MAP || (list && node->count == 0)) {
        return zloom_reader_wrong_shape (
          self, node, field->name, "a text or a list of texts",
          zloom_pool_format (self->pool, "as in %s", field->example));
    }
    if (!s_fits (self, field, node, field->count_max)) {
        return false;
    }
    size_t count = list ? node->count : 1;
    const char **items = zloom_pool_alloc (self->pool, count * sizeof *items);
    const zloom_tree_node_t *item = list ? node->first : node;
    bool good = true;
    for (size_t i = 0; i < count; i++, item = item->next) {
        good = s_read_text (self, field, item, &items[i]) && good;
    }
    *(const char *const **) (void *) ((char *) config + field->offset) = items;
    *(size_t *) (void *) ((char *) config + field->count_offset) = count;
    return good;
}

static bool
s_read_pairs (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
              zloom_pairs_t *value)
{
    if (node->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (self, node, field->name, "a map of names and texts",
                                         "as in {NAME: value}");
    }
    if (!s_fits (self, field, node, ZLOOM_FIELD_ITEMS_MAX)) {
        return false;
    }
    zloom_pair_t *items = zloom_pool_alloc (self->pool, (node->count + 1) * sizeof *items);
    size_t count = 0;
    bool good = true;
    for (const zloom_tree_node_t *item = node->first; item; item = item->next) {
        const char *name = item->key->text;
        if (item->spoilt) {
            good = false;
        } else if (item->kind != ZLOOM_TREE_SCALAR) {
            good = zloom_reader_wrong_shape (self, item, name, "a text", NULL);
        } else if (strchr (name, '=')) {
            zloom_reader_error (self, "Z0210", item->key, NULL, "a name in '%s' has no '='",
                                field->name);
            good = false;
        } else {
            items[count].name = zloom_pool_text (self->pool, name, strlen (name));
            s_keep_text (self, item, &items[count++].value);
        }
    }
    *value = (zloom_pairs_t){items, count};
    return good;
}

/* A list of secrets' names; the values are kept apart. */
static bool
s_read_secrets (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                zloom_pairs_t *value)
{
    bool list = node->kind == ZLOOM_TREE_LIST;
    if (node->kind == ZLOOM_TREE_MAP || (list && node->count == 0)) {
        return zloom_reader_wrong_shape (self, node, field->name, "a list of secrets",
                                         "as in [psp_key]");
    }
    if (!s_fits (self, field, node, ZLOOM_FIELD_ITEMS_MAX)) {
        return false;
    }
    size_t count = list ? node->count : 1;
    zloom_pair_t *items = zloom_pool_alloc (self->pool, count * sizeof *items);
    const zloom_tree_node_t *item = list ? node->first : node;
    bool good = true;
    for (size_t i = 0; i < count; i++, item = item->next) {
        if (!zloom_reader_is_short (self, item, field->name) ||
            !zloom_secrets_use (self->secrets, item, item->text)) {
            good = false;
            continue;
        }
        items[i].name = zloom_pool_text (self->pool, item->text, strlen (item->text));
        items[i].value = zloom_pool_format (self->pool, "${secret.%s}", item->text);
        zloom_secrets_keep_whole (self->secrets, self->owner, &items[i].value, item);
    }
    *value = (zloom_pairs_t){items, count};
    return good;
}

static bool
s_read_numbers (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                void *config)
{
    if (node->kind != ZLOOM_TREE_MAP) {
        return zloom_reader_wrong_shape (self, node, field->name,
                                         "a map of names and whole numbers", "as in {NAME: 4}");
    }
    if (!s_fits (self, field, node, field->count_max)) {
        return false;
    }
    bool good = true;
    size_t count = 0;
    for (const zloom_tree_node_t *item = node->first; item; item = item->next, count++) {
        const size_t at = count * field->item_size;
        const char *name = item->key->text;
        int64_t *value = (int64_t *) (void *) ((char *) config + field->value_offset + at);
        if (item->spoilt) {
            return false;
        }
        *(const char **) (void *) ((char *) config + field->offset + at) =
          zloom_pool_text (self->pool, name, strlen (name));
        good = zloom_reader_number (self, field, item, value) && good;
    }
    *(size_t *) (void *) ((char *) config + field->count_offset) = count;
    return good;
}

/* ---- by type ------------------------------------------------------------------------------- */

bool
zloom_reader_value (zloom_reader_t *self, const zloom_field_t *field, const zloom_tree_node_t *node,
                    void *config)
{
    char *at = (char *) config + field->offset;
    int64_t number = 0;
    switch (field->type) {
    case ZLOOM_FIELD_TEXT:
    case ZLOOM_FIELD_PATH:
    case ZLOOM_FIELD_FLOW:
        return s_read_text (self, field, node, (const char **) (void *) at);
    case ZLOOM_FIELD_BOOL: {
        bool good = zloom_reader_number (self, field, node, &number);
        *(bool *) (void *) at = number != 0;
        return good;
    }
    case ZLOOM_FIELD_INT:
    case ZLOOM_FIELD_DURATION:
    case ZLOOM_FIELD_SIZE:
    case ZLOOM_FIELD_PERCENT:
        return zloom_reader_number (self, field, node, (int64_t *) (void *) at);
    case ZLOOM_FIELD_CHOICE:
        return s_read_choice (self, field, node, (unsigned *) (void *) at);
    case ZLOOM_FIELD_PROGRAM:
        return s_read_program (self, field, node, (zloom_strings_t *) (void *) at);
    case ZLOOM_FIELD_DURATIONS:
        return s_read_durations (self, field, node, config);
    case ZLOOM_FIELD_TEXTS:
        return s_read_texts (self, field, node, config);
    case ZLOOM_FIELD_NUMBERS:
        return s_read_numbers (self, field, node, config);
    case ZLOOM_FIELD_PAIRS:
        return s_read_pairs (self, field, node, (zloom_pairs_t *) (void *) at);
    case ZLOOM_FIELD_SECRETS:
        return s_read_secrets (self, field, node, (zloom_pairs_t *) (void *) at);
    case ZLOOM_FIELD_GROUP:
    case ZLOOM_FIELD_LATER:
    case ZLOOM_FIELD_SHAPE:
        break; /* read elsewhere: reader.c, recipe.c */
    }
    return true;
}
