/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/attrs.h"

#include "wire/encode.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* Values in a map at its limits, each with a name, and room for nested ones carried through. */
#define ATTRS_VALUES 1024u

void
zloom_attrs_put_text (zloom_attrs_t *self, const char *name, zloom_bytes_t text)
{
    zloom_encode_string (&self->map, name);
    zloom_encode_text (&self->map, text);
    self->count++;
}

void
zloom_attrs_put_bytes (zloom_attrs_t *self, const char *name, zloom_bytes_t bytes)
{
    zloom_encode_string (&self->map, name);
    zloom_encode_bytes (&self->map, bytes);
    self->count++;
}

void
zloom_attrs_put_int (zloom_attrs_t *self, const char *name, int64_t value)
{
    zloom_encode_string (&self->map, name);
    zloom_encode_int (&self->map, value);
    self->count++;
}

zloom_bytes_t
zloom_attrs_bytes (zloom_attrs_t *self)
{
    if (self->count == 0) {
        return ZLOOM_BYTES_NULL;
    }
    zloom_buf_clear (&self->whole);
    zloom_encode_map (&self->whole, self->count);
    zloom_buf_add_bytes (&self->whole, zloom_buf_bytes (&self->map));
    return zloom_buf_bytes (&self->whole);
}

void
zloom_attrs_clear (zloom_attrs_t *self)
{
    zloom_buf_clear (&self->map);
    zloom_buf_clear (&self->whole);
    self->count = 0;
}

void
zloom_attrs_fini (zloom_attrs_t *self)
{
    zloom_buf_fini (&self->map);
    zloom_buf_fini (&self->whole);
    self->count = 0;
}

zloom_err_t
zloom_attrs_check (zloom_bytes_t map)
{
    if (map.size > ZLOOM_LIMIT_ATTRS_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "attributes: %zu bytes, limit %d", map.size,
                           ZLOOM_LIMIT_ATTRS_BYTES);
    }
    const zloom_err_t err = zloom_scan_whole (map, ATTRS_VALUES);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_cursor_t cursor = zloom_cursor (map);
    uint32_t left = zloom_cursor_map (&cursor, ZLOOM_LIMIT_ATTRS);
    for (; left > 0 && cursor.err == ZLOOM_OK; left--) {
        zloom_cursor_text (&cursor, ZLOOM_LIMIT_NAME_BYTES);
        zloom_cursor_raw (&cursor);
    }
    return zloom_cursor_end (&cursor);
}

zloom_attrs_iter_t
zloom_attrs_iter (zloom_bytes_t map)
{
    zloom_attrs_iter_t iter = {zloom_cursor (map), 0};
    if (map.data) {
        iter.left = zloom_cursor_map (&iter.cursor, ZLOOM_LIMIT_ATTRS);
    }
    return iter;
}

static void
s_read_value (zloom_cursor_t *cursor, zloom_attr_t *value)
{
    zloom_cursor_t ahead = *cursor;
    *value = (zloom_attr_t){.type = zloom_cursor_type (cursor)};
    switch (value->type) {
    case ZLOOM_TYPE_BOOL:
        value->number = zloom_cursor_bool (cursor) ? 1 : 0;
        break;
    case ZLOOM_TYPE_INT:
        value->number = zloom_cursor_int (&ahead);
        if (ahead.err == ZLOOM_OK) {
            *cursor = ahead;
        } else { /* past 2^63: carried, and nothing to reckon with */
            value->type = ZLOOM_TYPE_BAD;
            value->bytes = zloom_cursor_raw (cursor);
        }
        break;
    case ZLOOM_TYPE_STR:
    case ZLOOM_TYPE_BIN:
        value->bytes = zloom_cursor_bytes (cursor, ZLOOM_LIMIT_ATTRS_BYTES);
        break;
    case ZLOOM_TYPE_NONE:
    case ZLOOM_TYPE_NIL:
    case ZLOOM_TYPE_FLOAT:
    case ZLOOM_TYPE_ARRAY:
    case ZLOOM_TYPE_MAP:
    case ZLOOM_TYPE_BAD:
        value->bytes = zloom_cursor_raw (cursor);
        break;
    }
}

bool
zloom_attrs_next (zloom_attrs_iter_t *iter, zloom_bytes_t *name, zloom_attr_t *value)
{
    if (iter->left == 0) {
        return false;
    }
    iter->left--;
    *name = zloom_cursor_text (&iter->cursor, ZLOOM_LIMIT_NAME_BYTES);
    s_read_value (&iter->cursor, value);
    if (iter->cursor.err != ZLOOM_OK) {
        iter->left = 0;
        return false;
    }
    return true;
}

bool
zloom_attrs_find (zloom_bytes_t map, const char *name, zloom_attr_t *value)
{
    zloom_attrs_iter_t iter = zloom_attrs_iter (map);
    zloom_bytes_t found;
    while (zloom_attrs_next (&iter, &found, value)) {
        if (zloom_bytes_equal (found, zloom_bytes_text (name))) {
            return true;
        }
    }
    return false;
}
