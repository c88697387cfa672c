/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/scan.h"

#include "wire/head.h"
#include "wire/limits.h"

/* One open array or map a level: how many values it still wants. */
typedef struct {
    uint64_t left[ZLOOM_LIMIT_DEPTH];
    unsigned depth;
} s_levels_t;

/* Check what follows a head; *skip is how many bytes of it are content. */
static zloom_err_t
s_check_content (const zloom_head_t *head, const uint8_t *content, size_t left, size_t *skip)
{
    *skip = 0;
    switch (head->type) {
    case ZLOOM_TYPE_STR:
    case ZLOOM_TYPE_BIN:
        if (head->number > left) {
            return zloom_fail (ZLOOM_TRUNCATED, "msgpack: %llu bytes wanted, %zu left",
                               (unsigned long long) head->number, left);
        }
        *skip = (size_t) head->number;
        if (head->type == ZLOOM_TYPE_STR && !zloom_bytes_is_utf8 (zloom_bytes (content, *skip))) {
            return zloom_fail (ZLOOM_MALFORMED, "msgpack: str is not UTF-8");
        }
        return ZLOOM_OK;
    case ZLOOM_TYPE_ARRAY:
    case ZLOOM_TYPE_MAP: {
        const uint64_t values = head->number * (head->type == ZLOOM_TYPE_MAP ? 2u : 1u);
        if (values > left) {
            return zloom_fail (ZLOOM_TRUNCATED, "msgpack: %llu values wanted, %zu bytes left",
                               (unsigned long long) values, left);
        }
        return ZLOOM_OK;
    }
    case ZLOOM_TYPE_NIL:
    case ZLOOM_TYPE_BOOL:
    case ZLOOM_TYPE_INT:
    case ZLOOM_TYPE_FLOAT:
        return ZLOOM_OK;
    case ZLOOM_TYPE_NONE:
    case ZLOOM_TYPE_BAD:
        break;
    }
    return zloom_fail (ZLOOM_MALFORMED, "msgpack: 0xc1 or an ext type");
}

/* Go into an array or map that has content; then close those that are full. */
static inline void
s_levels_close (s_levels_t *levels)
{
    while (levels->depth > 0 && --levels->left[levels->depth - 1] == 0) {
        levels->depth--;
    }
}

static zloom_err_t
s_levels_move (s_levels_t *levels, const zloom_head_t *head)
{
    const bool opens = head->type == ZLOOM_TYPE_ARRAY || head->type == ZLOOM_TYPE_MAP;
    if (opens && levels->depth == ZLOOM_LIMIT_DEPTH) {
        return zloom_fail (ZLOOM_TOO_DEEP, "msgpack: more than %d levels", ZLOOM_LIMIT_DEPTH);
    }
    if (opens && head->number > 0) {
        const unsigned each = head->type == ZLOOM_TYPE_MAP ? 2u : 1u;
        levels->left[levels->depth++] = head->number * each;
        return ZLOOM_OK;
    }
    s_levels_close (levels);
    return ZLOOM_OK;
}

zloom_err_t
zloom_scan_value (zloom_bytes_t bytes, uint32_t max_values, size_t *length)
{
    s_levels_t levels = {.depth = 0};
    size_t at = 0;
    uint32_t values = 0;
    do {
        /* nil, false, true, numbers below 128: most of a verb. */
        const uint8_t byte = at < bytes.size ? bytes.data[at] : 0xc1;
        if (values < max_values &&
            (byte <= 0x7f || (byte >= 0xc0 && byte <= 0xc3 && byte != 0xc1))) {
            values++;
            at++;
            s_levels_close (&levels);
            continue;
        }
        zloom_head_t head;
        if (bytes.size == at || !zloom_head_read (bytes.data + at, bytes.size - at, &head)) {
            return zloom_fail (ZLOOM_TRUNCATED, "msgpack: ends within a value");
        }
        if (values++ == max_values) {
            return zloom_fail (ZLOOM_TOO_BIG, "msgpack: more than %u values", max_values);
        }
        at += head.size;
        size_t skip;
        zloom_err_t err = s_check_content (&head, bytes.data + at, bytes.size - at, &skip);
        if (err == ZLOOM_OK) {
            err = s_levels_move (&levels, &head);
        }
        if (err != ZLOOM_OK) {
            return err;
        }
        at += skip;
    } while (levels.depth > 0);
    *length = at;
    return ZLOOM_OK;
}

zloom_err_t
zloom_scan_whole (zloom_bytes_t bytes, uint32_t max_values)
{
    size_t length = 0;
    const zloom_err_t err = zloom_scan_value (bytes, max_values, &length);
    if (err == ZLOOM_OK && length != bytes.size) {
        return zloom_fail (ZLOOM_TRAILING, "msgpack: %zu bytes after the value",
                           bytes.size - length);
    }
    return err;
}
