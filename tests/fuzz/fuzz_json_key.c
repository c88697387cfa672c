/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The key in a body: a pointer, a NUL, the body. Where jansson's own tree leads to a string or an
 * integer along the same way, the key is that.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "io/json_key.h"

/* A pointer of names without escapes, followed in the tree; NULL: not that simple, or not there. */
static const json_t *
s_follow (const json_t *value, const char *pointer)
{
    char name[256];
    while (value && *pointer == '/') {
        const size_t size = strcspn (pointer + 1, "/");
        if (size >= sizeof name || memchr (pointer, '~', size + 1)) {
            return NULL;
        }
        memcpy (name, pointer + 1, size);
        name[size] = 0;
        value = json_object_get (value, name);
        pointer += size + 1;
    }
    return *pointer ? NULL : value;
}

static void
s_compare (const char *pointer, zloom_bytes_t body, zloom_err_t err, zloom_bytes_t key)
{
    json_t *tree =
      json_loadb ((const char *) body.data, body.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const json_t *value = s_follow (tree, pointer);
    if (json_is_string (value)) {
        const zloom_bytes_t text =
          zloom_bytes (json_string_value (value), json_string_length (value));
        zloom_assert (err == ZLOOM_OK && zloom_bytes_equal (key, text));
    } else if (json_is_integer (value)) {
        char digits[32];
        snprintf (digits, sizeof digits, "%lld", (long long) json_integer_value (value));
        /* jansson knows no negative zero. */
        zloom_assert (err == ZLOOM_OK && (zloom_bytes_equal (key, zloom_bytes_text (digits)) ||
                                          zloom_bytes_equal (key, zloom_bytes_text ("-0"))));
    } else if (value && !json_is_boolean (value)) {
        zloom_assert (err == ZLOOM_NO_KEY);
    }
    json_decref (tree);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr (data, 0, size) : NULL;
    if (!nul) {
        return 0;
    }
    const char *pointer = (const char *) data;
    const zloom_bytes_t body = zloom_bytes (nul + 1, size - (size_t) (nul + 1 - data));
    zloom_buf_t key = {0};
    const zloom_err_t err = zloom_json_key (body, zloom_bytes_text (pointer), &key);
    zloom_assert (err == ZLOOM_OK || (err == ZLOOM_NO_KEY && key.size == 0));
    zloom_assert (key.size <= body.size);
    /* What jansson takes and the check does not: a body that ends in a NUL. */
    if (!(body.size > 0 && memchr (body.data, 0, body.size))) {
        s_compare (pointer, body, err, zloom_buf_bytes (&key));
    }
    zloom_buf_fini (&key);
    return 0;
}
