/* SPDX-License-Identifier: MPL-2.0 */
#include "io/json_key.h"

#include <jansson.h>

#include "io/json.h"

/*
 * Two steps: the whole body is checked, then the text is walked along the pointer. A tree of values
 * would have lost how an integer was written, and those of more than 64 bits altogether.
 */
typedef struct {
    const uint8_t *at; /* inside JSON that was checked */
    const uint8_t *end;
} s_walk_t;

/* Checked JSON has no NUL, which strchr would find in every text. */
static bool
s_is_one_of (const char *bytes, uint8_t c)
{
    return strchr (bytes, c) != NULL;
}

static void
s_space (s_walk_t *walk)
{
    while (walk->at < walk->end && s_is_one_of (" \t\r\n", *walk->at)) {
        walk->at++;
    }
}

/* Over one string, quotes included. */
static zloom_bytes_t
s_string (s_walk_t *walk)
{
    const uint8_t *start = walk->at++;
    while (walk->at < walk->end && *walk->at != '"') {
        walk->at += *walk->at == '\\' ? 2 : 1;
    }
    walk->at++;
    return zloom_bytes (start, (size_t) (walk->at - start));
}

/* Over one value of any kind; depth is counted, not called. */
static zloom_bytes_t
s_value (s_walk_t *walk)
{
    size_t depth = 0;
    s_space (walk);
    const uint8_t *start = walk->at;
    do {
        s_space (walk);
        const uint8_t c = *walk->at;
        if (c == '"') {
            (void) s_string (walk);
        } else if (s_is_one_of ("[]{},:", c)) {
            depth += c == '[' || c == '{';
            depth -= c == ']' || c == '}';
            walk->at++;
        } else {
            while (walk->at < walk->end && !s_is_one_of (" \t\r\n,:]}", *walk->at)) {
                walk->at++;
            }
        }
    } while (depth > 0 && walk->at < walk->end);
    return zloom_bytes (start, (size_t) (walk->at - start));
}

/* ---- strings -------------------------------------------------------------------------------- */

/* What a string with its quotes stands for, appended. */
static void
s_unquote (zloom_bytes_t quoted, zloom_buf_t *out)
{
    if (!memchr (quoted.data, '\\', quoted.size)) {
        zloom_buf_add (out, quoted.data + 1, quoted.size - 2);
        return;
    }
    json_t *value =
      json_loadb ((const char *) quoted.data, quoted.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    zloom_buf_add (out, json_string_value (value), json_string_length (value));
    json_decref (value);
}

static bool
s_is (zloom_bytes_t quoted, zloom_bytes_t name)
{
    zloom_buf_t text = {0};
    s_unquote (quoted, &text);
    const bool equal = zloom_bytes_equal (zloom_buf_bytes (&text), name);
    zloom_buf_fini (&text);
    return equal;
}

/* ---- one step ------------------------------------------------------------------------------- */

static zloom_bytes_t
s_member (zloom_bytes_t object, zloom_bytes_t name)
{
    s_walk_t walk = {object.data + 1, object.data + object.size};
    zloom_bytes_t found = ZLOOM_BYTES_NULL;
    for (s_space (&walk); *walk.at != '}'; s_space (&walk)) {
        walk.at += *walk.at == ',';
        s_space (&walk);
        const zloom_bytes_t quoted = s_string (&walk);
        s_space (&walk);
        walk.at++; /* the colon */
        const zloom_bytes_t value = s_value (&walk);
        found = s_is (quoted, name) ? value : found;
    }
    return found;
}

/* An index has no leading zero; "-", the element behind the last one, is never there. */
static zloom_bytes_t
s_element (zloom_bytes_t array, zloom_bytes_t index)
{
    if (index.size == 0 || index.size > 9 || (index.size > 1 && index.data[0] == '0')) {
        return ZLOOM_BYTES_NULL;
    }
    size_t left = 0;
    for (size_t i = 0; i < index.size; i++) {
        if (index.data[i] < '0' || index.data[i] > '9') {
            return ZLOOM_BYTES_NULL;
        }
        left = left * 10 + (size_t) (index.data[i] - '0');
    }
    s_walk_t walk = {array.data + 1, array.data + array.size};
    for (s_space (&walk); *walk.at != ']'; s_space (&walk)) {
        walk.at += *walk.at == ',';
        const zloom_bytes_t value = s_value (&walk);
        if (left-- == 0) {
            return value;
        }
    }
    return ZLOOM_BYTES_NULL;
}

/* ---- the pointer ---------------------------------------------------------------------------- */

/* The next part of the pointer, with ~1 and ~0 resolved; false: it is malformed. */
static bool
s_part (zloom_bytes_t pointer, size_t *at, zloom_buf_t *part)
{
    zloom_buf_clear (part);
    if (pointer.data[(*at)++] != '/') {
        return false;
    }
    for (; *at < pointer.size && pointer.data[*at] != '/'; (*at)++) {
        uint8_t c = pointer.data[*at];
        if (c == '~') {
            (*at)++;
            if (*at == pointer.size || (pointer.data[*at] != '0' && pointer.data[*at] != '1')) {
                return false;
            }
            c = pointer.data[*at] == '0' ? '~' : '/';
        }
        zloom_buf_add (part, &c, 1);
    }
    return true;
}

/* NULL: *value is what the pointer leads to; else why there is none. */
static const char *
s_follow (zloom_bytes_t pointer, zloom_bytes_t *value)
{
    const char *why = NULL;
    zloom_buf_t part = {0};
    for (size_t at = 0; at < pointer.size && !why;) {
        if (!s_part (pointer, &at, &part)) {
            why = "that is no JSON pointer (/name, ~1 for a slash and ~0 for a tilde in a name)";
        } else if (value->data[0] == '{') {
            *value = s_member (*value, zloom_buf_bytes (&part));
        } else if (value->data[0] == '[') {
            *value = s_element (*value, zloom_buf_bytes (&part));
        } else {
            *value = ZLOOM_BYTES_NULL;
        }
        if (!why && !value->data) {
            why = "the body has nothing there";
        }
    }
    zloom_buf_fini (&part);
    return why;
}

/* NULL: the key is appended; else why the value makes none. */
static const char *
s_take (zloom_bytes_t value, zloom_buf_t *key)
{
    switch (value.data[0]) {
    case '{':
        return "an object makes no key";
    case '[':
        return "an array makes no key";
    case 'n':
        return "null makes no key";
    case '"':
        s_unquote (value, key);
        return NULL;
    default:
        break;
    }
    for (size_t i = 0; i < value.size && value.data[0] != 't' && value.data[0] != 'f'; i++) {
        if (s_is_one_of (".eE", value.data[i])) {
            return "a number with a fraction or an exponent makes no key";
        }
    }
    zloom_buf_add_bytes (key, value);
    return NULL;
}

zloom_err_t
zloom_json_key (zloom_bytes_t body, zloom_bytes_t pointer, zloom_buf_t *key)
{
    const char *why = zloom_json_check (body) == ZLOOM_OK ? NULL : zloom_note ();
    if (!why) {
        s_walk_t walk = {body.data, body.data + body.size};
        zloom_bytes_t value = s_value (&walk);
        why = s_follow (pointer, &value);
        why = why ? why : s_take (value, key);
    }
    if (!why) {
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_NO_KEY, "no key at \"%.*s\": %s", (int) pointer.size,
                       pointer.size > 0 ? (const char *) pointer.data : "", why);
}
