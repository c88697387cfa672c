/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/show.h"

#include <string.h>

#include "base/units.h"
#include "recipe/quote.h"

/* ${ stands for itself only as $${. */
static void
s_add_escaped (zloom_buf_t *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        zloom_buf_add_text (out, at[0] == '$' && at[1] == '{' ? "$" : "");
        zloom_buf_add (out, at, 1);
    }
}

static void
s_add_quoted (zloom_buf_t *out, const char *text)
{
    zloom_buf_t escaped = {0};
    s_add_escaped (&escaped, text);
    zloom_quote_yaml (out, zloom_buf_text (&escaped));
    zloom_buf_fini (&escaped);
}

void
zloom_show_scalar (const zloom_tree_node_t *node, zloom_buf_t *out)
{
    if (!node->pieces) {
        s_add_quoted (out, node->text ? node->text : "");
        return;
    }
    zloom_buf_t text = {0};
    for (const zloom_tree_piece_t *piece = node->pieces; piece; piece = piece->next) {
        if (piece->secret) {
            zloom_buf_printf (&text, "${secret.%s}", piece->secret);
        } else {
            s_add_escaped (&text, piece->text);
        }
    }
    zloom_quote_yaml (out, zloom_buf_text (&text));
    zloom_buf_fini (&text);
}

static void
s_add_number (zloom_field_type_t type, int64_t number, zloom_buf_t *out)
{
    char text[48];
    switch (type) {
    case ZLOOM_FIELD_DURATION:
    case ZLOOM_FIELD_DURATIONS:
        zloom_buf_add_text (out, zloom_duration_text (number, text));
        break;
    case ZLOOM_FIELD_SIZE:
        zloom_buf_add_text (out, zloom_size_text (number, text));
        break;
    case ZLOOM_FIELD_PERCENT:
        zloom_buf_add_text (out, zloom_percent_text (number, text));
        break;
    default:
        zloom_buf_printf (out, "%lld", (long long) number);
        break;
    }
}

static bool
s_add_durations (const zloom_field_t *field, const void *config, zloom_buf_t *out)
{
    const char *at = (const char *) config + field->offset;
    const zloom_ints_t *list = (const void *) at;
    bool array = field->count_offset != SIZE_MAX;
    const size_t *array_count = (const void *) ((const char *) config + field->count_offset);
    size_t count = array ? *array_count : list->count;
    const int64_t *items = array ? (const void *) at : list->items;
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        s_add_number (field->type, items[i], out);
    }
    zloom_buf_add_text (out, "]");
    return count > 0;
}

static bool
s_add_choice (const zloom_field_t *field, unsigned value, zloom_buf_t *out)
{
    for (size_t i = 0; i < field->choice_count; i++) {
        if (field->choices[i].value == value) {
            zloom_buf_add_text (out, field->choices[i].name);
            return true;
        }
    }
    return false;
}

static bool
s_add_program (const zloom_strings_t *program, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < program->count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        s_add_quoted (out, program->items[i]);
    }
    zloom_buf_add_text (out, "]");
    return program->count > 0;
}

static bool
s_add_texts (const zloom_field_t *field, const void *config, zloom_buf_t *out)
{
    const char *at = (const char *) config;
    const char *const *items = *(const char *const *const *) (const void *) (at + field->offset);
    const size_t count = *(const size_t *) (const void *) (at + field->count_offset);
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < count; i++) {
        zloom_buf_add_text (out, i ? ", " : "");
        s_add_quoted (out, items[i]);
    }
    zloom_buf_add_text (out, "]");
    return count > 0;
}

static bool
s_add_names (const zloom_pairs_t *pairs, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < pairs->count; i++) {
        zloom_buf_printf (out, "%s%s", i ? ", " : "", pairs->items[i].name);
    }
    zloom_buf_add_text (out, "]");
    return pairs->count > 0;
}

static bool
s_add_text (const zloom_tree_node_t *node, const char *text, zloom_buf_t *out)
{
    if (text && node && node->pieces) {
        zloom_show_scalar (node, out);
    } else if (text) {
        s_add_quoted (out, text);
    }
    return text;
}

bool
zloom_show_field (const zloom_field_t *field, const zloom_tree_node_t *node, const void *config,
                  zloom_buf_t *out)
{
    const void *at = (const char *) config + field->offset;
    switch (field->type) {
    case ZLOOM_FIELD_TEXT:
    case ZLOOM_FIELD_PATH:
    case ZLOOM_FIELD_FLOW:
        return s_add_text (node, *(const char *const *) at, out);
    case ZLOOM_FIELD_BOOL:
        zloom_buf_add_text (out, *(const bool *) at ? "true" : "false");
        return true;
    case ZLOOM_FIELD_INT:
    case ZLOOM_FIELD_DURATION:
    case ZLOOM_FIELD_SIZE:
    case ZLOOM_FIELD_PERCENT:
        s_add_number (field->type, *(const int64_t *) at, out);
        return node || field->fallback || *(const int64_t *) at != 0;
    case ZLOOM_FIELD_CHOICE:
        return s_add_choice (field, *(const unsigned *) at, out);
    case ZLOOM_FIELD_PROGRAM:
        return s_add_program (at, out);
    case ZLOOM_FIELD_DURATIONS:
        return s_add_durations (field, config, out);
    case ZLOOM_FIELD_TEXTS:
        return s_add_texts (field, config, out);
    case ZLOOM_FIELD_SECRETS:
        return s_add_names (at, out);
    case ZLOOM_FIELD_PAIRS: /* a line each, by expand.c; none here */
    case ZLOOM_FIELD_NUMBERS:
    case ZLOOM_FIELD_GROUP:
    case ZLOOM_FIELD_LATER:
    case ZLOOM_FIELD_SHAPE:
        break;
    }
    return false;
}
