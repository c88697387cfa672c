/* SPDX-License-Identifier: MPL-2.0 */
#include "io/json.h"

#include <jansson.h>

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
    /* Integers as reals: one of twenty digits is JSON all the same. */
    json_t *value = json_loadb (text.size > 0 ? (const char *) text.data : "", text.size,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!value) {
        return zloom_fail (ZLOOM_MALFORMED, "not JSON: %s (byte %d)", error.text, error.position);
    }
    json_decref (value);
    return ZLOOM_OK;
}
