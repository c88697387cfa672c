/* SPDX-License-Identifier: MPL-2.0 */
#include "print.h"

#include "base/memory.h"
#include "wire/limits.h"

#include <stdlib.h>
#include <string.h>

/* Deeper values are shown as null: answers of the router are not that deep. */
#define DEPTH_MAX 16

static json_t *
s_base64 (zloom_bytes_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    zloom_buf_t text = {0};
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t) bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t) bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t) bytes.data[i + 2] : 0;
        char four[4] = {digits[group >> 18], digits[(group >> 12) & 63],
                        left > 1 ? digits[(group >> 6) & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};
        zloom_buf_add (&text, four, sizeof four);
    }
    json_t *value = json_pack ("{s:s}", "base64", zloom_buf_text (&text));
    zloom_buf_fini (&text);
    return value;
}

json_t *
zloom_print_text (zloom_bytes_t bytes)
{
    if (!bytes.data) {
        return json_null ();
    }
    json_t *text = json_stringn ((const char *) bytes.data, bytes.size);
    return text ? text : s_base64 (bytes);
}

json_t *
zloom_print_body (zloom_bytes_t bytes)
{
    if (bytes.data && bytes.size) {
        json_t *value = json_loadb ((const char *) bytes.data, bytes.size, JSON_DECODE_ANY, NULL);
        if (value) {
            return value;
        }
    }
    return zloom_print_text (bytes);
}

static json_t *s_value (zloom_cursor_t *cursor, int depth);

static json_t *
s_array (zloom_cursor_t *cursor, int depth)
{
    uint32_t count = zloom_cursor_array (cursor, UINT32_MAX);
    json_t *array = json_array ();
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        json_array_append_new (array, s_value (cursor, depth + 1));
    }
    return array;
}

static json_t *
s_map (zloom_cursor_t *cursor, int depth)
{
    uint32_t count = zloom_cursor_map (cursor, UINT32_MAX);
    json_t *object = json_object ();
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_bytes_t name = zloom_cursor_text (cursor, ZLOOM_LIMIT_NAME_BYTES);
        json_t *value = s_value (cursor, depth + 1);
        char *key = zloom_memdup_text (name.data ? (const void *) name.data : "", name.size);
        json_object_set_new (object, key, value);
        free (key);
    }
    return object;
}

static json_t *
s_value (zloom_cursor_t *cursor, int depth)
{
    if (depth > DEPTH_MAX) {
        zloom_cursor_raw (cursor);
        return json_null ();
    }
    switch (zloom_cursor_type (cursor)) {
    case ZLOOM_TYPE_NIL:
        zloom_cursor_nil (cursor);
        return json_null ();
    case ZLOOM_TYPE_BOOL:
        return json_boolean (zloom_cursor_bool (cursor));
    case ZLOOM_TYPE_INT:
        return json_integer (zloom_cursor_int (cursor));
    case ZLOOM_TYPE_FLOAT:
        return json_real (zloom_cursor_float (cursor));
    case ZLOOM_TYPE_STR:
    case ZLOOM_TYPE_BIN:
        return zloom_print_text (zloom_cursor_bytes (cursor, SIZE_MAX));
    case ZLOOM_TYPE_ARRAY:
        return s_array (cursor, depth);
    case ZLOOM_TYPE_MAP:
        return s_map (cursor, depth);
    case ZLOOM_TYPE_NONE:
    case ZLOOM_TYPE_BAD:
        break;
    }
    zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "a value of an unknown type");
    return json_null ();
}

json_t *
zloom_print_value (zloom_cursor_t *cursor)
{
    return s_value (cursor, 0);
}

json_t *
zloom_print_bytes_value (zloom_bytes_t bytes)
{
    if (!bytes.data || !bytes.size) {
        return json_null ();
    }
    zloom_cursor_t cursor = zloom_cursor (bytes);
    json_t *value = zloom_print_value (&cursor);
    if (cursor.err != ZLOOM_OK) {
        json_decref (value);
        return json_null ();
    }
    return value;
}

/* JSON escapes C0 by itself; DEL and C1, which terminals obey as well, are escaped here. */
static void
s_add_json (zloom_buf_t *out, const char *text)
{
    const char *from = text;
    for (const char *at = text; *at; at++) {
        const unsigned char c = (unsigned char) at[0];
        const unsigned char next = (unsigned char) at[1];
        const bool wide = c == 0xC2 && next < 0xA0;
        if (wide || c == 0x7F) {
            zloom_buf_add (out, from, (size_t) (at - from));
            zloom_buf_printf (out, "\\u%04x", wide ? next : c);
            at += wide ? 1 : 0;
            from = at + 1;
        }
    }
    zloom_buf_add_text (out, from);
}

int
zloom_print_json (const zloom_cli_t *cli, json_t *value, bool indented)
{
    char *text = json_dumps (value, JSON_ENCODE_ANY | (indented ? JSON_INDENT (2) : JSON_COMPACT));
    json_decref (value);
    if (!text) {
        return zloom_cli_say (cli, ZLOOM_EXIT_BUG, "cannot print an answer as JSON");
    }
    zloom_buf_t line = {0};
    s_add_json (&line, text);
    zloom_buf_add_text (&line, "\n");
    int code = zloom_cli_write (cli, zloom_buf_bytes (&line));
    zloom_buf_fini (&line);
    free (text);
    return code;
}

int
zloom_print_list (const zloom_cli_t *cli, json_t *array, zloom_output_t output)
{
    if (output == ZLOOM_OUTPUT_JSON) {
        return zloom_print_json (cli, array, true);
    }
    int code = ZLOOM_EXIT_OK;
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach (array, index, item)
    {
        code = code ? code : zloom_print_json (cli, json_incref (item), false);
    }
    json_decref (array);
    return code;
}

int
zloom_print_json_text (const zloom_cli_t *cli, zloom_bytes_t text, zloom_output_t output)
{
    if (output == ZLOOM_OUTPUT_JSON) {
        return zloom_cli_write (cli, text);
    }
    json_t *value = json_loadb ((const char *) text.data, text.size, JSON_DECODE_ANY, NULL);
    if (!value) {
        return zloom_cli_say (cli, ZLOOM_EXIT_BUG, "what it says is no JSON");
    }
    return json_is_array (value) ? zloom_print_list (cli, value, output)
                                 : zloom_print_json (cli, value, false);
}

void
zloom_print_history (json_t *message)
{
    static const char *const names[] = {"flow",         "reason", "count",  "first_wall_ns",
                                        "last_wall_ns", "exit",   "signal", "text"};
    const json_t *history = json_object_get (message, "history");
    json_t *causes = json_array ();
    size_t index = 0;
    json_t *cause = NULL;
    json_array_foreach (json_array_get (history, 1), index, cause)
    {
        json_t *named = json_object ();
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            json_t *value = json_array_get (cause, i);
            if (value && !json_is_null (value)) {
                json_object_set (named, names[i], value);
            }
        }
        json_array_append_new (causes, named);
    }
    json_object_set_new (message, "requeued",
                         json_integer (json_integer_value (json_array_get (history, 0))));
    json_object_set_new (message, "causes", causes);
    json_object_del (message, "history");
}

static bool
s_is_long (const char *name)
{
    static const char *const names[] = {"text", "reason", "body"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp (name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void
zloom_print_flatten (json_t *value)
{
    size_t index = 0;
    const char *name = NULL;
    json_t *item = NULL;
    if (json_is_string (value)) {
        zloom_buf_t line = {0};
        zloom_buf_add_plain_line (
          &line, zloom_bytes (json_string_value (value), json_string_length (value)));
        json_string_setn (value, (const char *) line.data, line.size);
        zloom_buf_fini (&line);
    }
    json_array_foreach (value, index, item)
    {
        zloom_print_flatten (item);
    }
    json_object_foreach (value, name, item)
    {
        if (!s_is_long (name)) {
            zloom_print_flatten (item);
        }
    }
}

int64_t
zloom_print_int (const json_t *object, const char *name)
{
    return json_integer_value (json_object_get (object, name));
}

const char *
zloom_print_string (const json_t *object, const char *name)
{
    const char *text = json_string_value (json_object_get (object, name));
    return text ? text : "";
}
