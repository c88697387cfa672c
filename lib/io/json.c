/* SPDX-License-Identifier: MPL-2.0 */
#include "io/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/memory.h"

/* More than jansson needs for a byte of text: a value in a map takes two bytes at least. */
#define BYTES_A_BYTE 128u

/* Integers as reals: one of twenty digits is JSON all the same. */
static bool
s_is_json (zloom_bytes_t text, json_error_t *error)
{
    json_t *value = json_loadb (text.size > 0 ? (const char *) text.data : "", text.size,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, error);
    json_decref (value);
    return value != NULL;
}

zloom_err_t
zloom_json_check (zloom_bytes_t text)
{
    /* jansson takes a NUL between values for the end. */
    const uint8_t *nul = text.size > 0 ? memchr (text.data, 0, text.size) : NULL;
    if (nul) {
        return zloom_fail (ZLOOM_MALFORMED, "not JSON: a NUL (byte %zu)",
                           (size_t) (nul - text.data) + 1);
    }
    json_error_t error;
    if (s_is_json (text, &error)) {
        return ZLOOM_OK;
    }
    /*
     * jansson does not tell a want of memory from a mistake in the text. So what it refuses is read
     * again once it is known that there is memory; else this aborts, as everywhere.
     */
    free (zloom_alloc (BYTES_A_BYTE * (text.size + 64)));
    if (s_is_json (text, &error)) {
        return ZLOOM_OK;
    }
    return zloom_fail (ZLOOM_MALFORMED, "not JSON: %s (byte %d)", error.text, error.position);
}
