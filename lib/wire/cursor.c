/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/cursor.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire/head.h"
#include "wire/limits.h"
#include "wire/scan.h"

static const char *const s_type_names[] = {
  [ZLOOM_TYPE_NONE] = "nothing", [ZLOOM_TYPE_NIL] = "nil",     [ZLOOM_TYPE_BOOL] = "bool",
  [ZLOOM_TYPE_INT] = "integer",  [ZLOOM_TYPE_FLOAT] = "float", [ZLOOM_TYPE_STR] = "str",
  [ZLOOM_TYPE_BIN] = "bin",      [ZLOOM_TYPE_ARRAY] = "array", [ZLOOM_TYPE_MAP] = "map",
  [ZLOOM_TYPE_BAD] = "ext",
};

void
zloom_cursor_fail (zloom_cursor_t *self, zloom_err_t err, const char *format, ...)
{
    if (self->err != ZLOOM_OK) {
        return;
    }
    char text[256];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->err = zloom_fail (err, "%s", text);
}

zloom_type_t
zloom_cursor_type (const zloom_cursor_t *self)
{
    zloom_head_t head;
    if (self->err != ZLOOM_OK || !zloom_head_read (self->at, zloom_cursor_left (self), &head)) {
        return ZLOOM_TYPE_NONE;
    }
    return head.type;
}

/* Read the head of a value of one of two types; false sets err. */
static bool
s_read (zloom_cursor_t *self, zloom_type_t type, zloom_type_t other, zloom_head_t *head)
{
    if (self->err != ZLOOM_OK) {
        return false;
    }
    if (!zloom_head_read (self->at, zloom_cursor_left (self), head)) {
        zloom_cursor_fail (self, ZLOOM_TRUNCATED, "ends where %s should stand", s_type_names[type]);
        return false;
    }
    if (head->type != type && head->type != other) {
        zloom_cursor_fail (self, ZLOOM_MALFORMED, "%s where %s should stand",
                           s_type_names[head->type], s_type_names[type]);
        return false;
    }
    return true;
}

uint64_t
zloom_cursor_any_uint (zloom_cursor_t *self, uint64_t max)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_INT, ZLOOM_TYPE_INT, &head)) {
        return 0;
    }
    if (head.negative || head.number > max) {
        zloom_cursor_fail (self, ZLOOM_MALFORMED, "integer is not in 0 to %llu",
                           (unsigned long long) max);
        return 0;
    }
    self->at += head.size;
    return head.number;
}

int64_t
zloom_cursor_int (zloom_cursor_t *self)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_INT, ZLOOM_TYPE_INT, &head)) {
        return 0;
    }
    if (!head.negative && head.number > INT64_MAX) {
        zloom_cursor_fail (self, ZLOOM_MALFORMED, "integer has more than 63 bits");
        return 0;
    }
    self->at += head.size;
    return (int64_t) head.number;
}

bool
zloom_cursor_bool (zloom_cursor_t *self)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_BOOL, ZLOOM_TYPE_BOOL, &head)) {
        return false;
    }
    self->at += head.size;
    return head.number != 0;
}

double
zloom_cursor_float (zloom_cursor_t *self)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_FLOAT, ZLOOM_TYPE_INT, &head)) {
        return 0;
    }
    self->at += head.size;
    if (head.type == ZLOOM_TYPE_INT) {
        return head.negative ? (double) (int64_t) head.number : (double) head.number;
    }
    if (head.size == 5) {
        const uint32_t bits = (uint32_t) head.number;
        float value;
        memcpy (&value, &bits, sizeof value);
        return (double) value;
    }
    double value;
    memcpy (&value, &head.number, sizeof value);
    return value;
}

/* The content behind the head of a str or bin. */
static zloom_bytes_t
s_content (zloom_cursor_t *self, const zloom_head_t *head, size_t max)
{
    if (head->number > zloom_cursor_left (self) - head->size) {
        zloom_cursor_fail (self, ZLOOM_TRUNCATED, "ends within %s", s_type_names[head->type]);
        return ZLOOM_BYTES_NULL;
    }
    if (head->number > max) {
        zloom_cursor_fail (self, ZLOOM_TOO_BIG, "%llu bytes, limit %zu",
                           (unsigned long long) head->number, max);
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t content = zloom_bytes (self->at + head->size, (size_t) head->number);
    self->at += head->size + content.size;
    return content;
}

zloom_bytes_t
zloom_cursor_text (zloom_cursor_t *self, size_t max)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_STR, ZLOOM_TYPE_STR, &head)) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t text = s_content (self, &head, max);
    if (text.data && !zloom_bytes_is_utf8 (text)) {
        zloom_cursor_fail (self, ZLOOM_MALFORMED, "str is not UTF-8");
        return ZLOOM_BYTES_NULL;
    }
    return text;
}

zloom_bytes_t
zloom_cursor_bytes (zloom_cursor_t *self, size_t max)
{
    zloom_head_t head;
    if (!s_read (self, ZLOOM_TYPE_BIN, ZLOOM_TYPE_STR, &head)) {
        return ZLOOM_BYTES_NULL;
    }
    return s_content (self, &head, max);
}

/* The head of an array or map: `each` values an element. */
static uint32_t
s_header (zloom_cursor_t *self, zloom_type_t type, uint32_t max, uint32_t each)
{
    zloom_head_t head;
    if (!s_read (self, type, type, &head)) {
        return 0;
    }
    if (head.number * each > zloom_cursor_left (self) - head.size) {
        zloom_cursor_fail (self, ZLOOM_TRUNCATED, "%s of %llu elements in %zu bytes",
                           s_type_names[type], (unsigned long long) head.number,
                           zloom_cursor_left (self) - head.size);
        return 0;
    }
    if (head.number > max) {
        zloom_cursor_fail (self, ZLOOM_TOO_BIG, "%s of %llu elements, limit %u", s_type_names[type],
                           (unsigned long long) head.number, max);
        return 0;
    }
    self->at += head.size;
    return (uint32_t) head.number;
}

uint32_t
zloom_cursor_any_array (zloom_cursor_t *self, uint32_t max)
{
    return s_header (self, ZLOOM_TYPE_ARRAY, max, 1);
}

uint32_t
zloom_cursor_map (zloom_cursor_t *self, uint32_t max)
{
    return s_header (self, ZLOOM_TYPE_MAP, max, 2);
}

zloom_bytes_t
zloom_cursor_raw (zloom_cursor_t *self)
{
    size_t length;
    if (self->err != ZLOOM_OK) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t rest = zloom_bytes (self->at, zloom_cursor_left (self));
    self->err = zloom_scan_value (rest, ZLOOM_LIMIT_VERB_NODES, &length);
    if (self->err != ZLOOM_OK) {
        return ZLOOM_BYTES_NULL;
    }
    self->at += length;
    return zloom_bytes (rest.data, length);
}

zloom_err_t
zloom_cursor_end (zloom_cursor_t *self)
{
    if (self->at != self->end) {
        zloom_cursor_fail (self, ZLOOM_TRAILING, "%zu bytes after the end",
                           zloom_cursor_left (self));
    }
    return self->err;
}
