/* SPDX-License-Identifier: MPL-2.0 */
/* json_compare.c - whether two texts mean the same JSON, or one a part of the other. */
#include <jansson.h>

#include "io/json.h"

#define FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

/* 12 and 12.0 are one number; large integers are compared as what they are. */
static bool
s_same_number (const json_t *a, const json_t *b)
{
    if (json_is_integer (a) && json_is_integer (b)) {
        return json_integer_value (a) == json_integer_value (b);
    }
    return json_number_value (a) >= json_number_value (b) &&
           json_number_value (a) <= json_number_value (b);
}

static bool s_has (const json_t *whole, const json_t *part, bool all);

static bool
s_has_list (const json_t *whole, const json_t *part, bool all) /* NOLINT(misc-no-recursion) */
{
    bool same = json_array_size (whole) == json_array_size (part);
    for (size_t i = 0; same && i < json_array_size (part); i++) {
        same = s_has (json_array_get (whole, i), json_array_get (part, i), all);
    }
    return same;
}

static bool
s_has_map (const json_t *whole, json_t *part, bool all) /* NOLINT(misc-no-recursion) */
{
    bool same = !all || json_object_size (whole) == json_object_size (part);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (part, key, value)
    {
        const json_t *other = json_object_get (whole, key);
        same = same && other && s_has (other, value, all);
    }
    return same;
}

/* jansson nests 2048 deep at most. */
static bool
s_has (const json_t *whole, const json_t *part, bool all) /* NOLINT(misc-no-recursion) */
{
    if (json_is_number (whole) && json_is_number (part)) {
        return s_same_number (whole, part);
    }
    if (json_typeof (whole) != json_typeof (part)) {
        return false;
    }
    if (json_is_object (whole)) {
        return s_has_map (whole, (json_t *) part, all);
    }
    return json_is_array (whole) ? s_has_list (whole, part, all) : json_equal (whole, part);
}

static bool
s_compare (zloom_bytes_t whole, zloom_bytes_t part, bool all)
{
    json_t *a =
      json_loadb (whole.size > 0 ? (const char *) whole.data : "", whole.size, FLAGS, NULL);
    json_t *b = json_loadb (part.size > 0 ? (const char *) part.data : "", part.size, FLAGS, NULL);
    const bool same = a && b && s_has (a, b, all);
    json_decref (a);
    json_decref (b);
    return same;
}

bool
zloom_json_equal (zloom_bytes_t a, zloom_bytes_t b)
{
    return s_compare (a, b, true);
}

bool
zloom_json_contains (zloom_bytes_t whole, zloom_bytes_t part)
{
    return s_compare (whole, part, false);
}
