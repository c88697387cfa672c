/* SPDX-License-Identifier: MPL-2.0 */
/* The fields of an array, by the protocol's evolution rule: declared in cursor.h. */
#include "wire/cursor.h"
#include "wire/limits.h"

/* An error that the field's reader set gets the field's number in front. */
static void
s_place (const zloom_fields_t *self)
{
    if (self->cursor->err != ZLOOM_OK) {
        zloom_note_prefix ("field %u", self->index);
    }
}

zloom_fields_t
zloom_fields_open (zloom_cursor_t *cursor)
{
    return (zloom_fields_t){cursor, zloom_cursor_array (cursor, UINT32_MAX), 0};
}

static void __attribute__ ((cold)) s_missing (const zloom_fields_t *self)
{
    zloom_cursor_fail (self->cursor, ZLOOM_MALFORMED, "field %u: missing", self->index);
}

/* Inline in each reader below: they run a dozen times a message. */
static inline bool
s_next (zloom_fields_t *self, zloom_need_t need)
{
    zloom_cursor_t *cursor = self->cursor;
    if (cursor->err != ZLOOM_OK) {
        return false;
    }
    self->index++;
    if (self->left > 0) {
        self->left--;
        if (!zloom_cursor_nil (cursor)) {
            return true;
        }
    }
    if (need == ZLOOM_NEED) {
        s_missing (self);
    }
    return false;
}

bool
zloom_fields_next (zloom_fields_t *self, zloom_need_t need)
{
    return s_next (self, need);
}

void
zloom_fields_close (zloom_fields_t *self)
{
    while (self->left > 0 && self->cursor->err == ZLOOM_OK) {
        self->left--;
        self->index++;
        zloom_cursor_raw (self->cursor);
        s_place (self);
    }
}

uint64_t
zloom_fields_uint (zloom_fields_t *self, zloom_need_t need, uint64_t max, uint64_t fallback)
{
    if (!s_next (self, need)) {
        return fallback;
    }
    const uint64_t value = zloom_cursor_uint (self->cursor, max);
    s_place (self);
    return value;
}

int64_t
zloom_fields_int (zloom_fields_t *self, zloom_need_t need, int64_t fallback)
{
    if (!s_next (self, need)) {
        return fallback;
    }
    const int64_t value = zloom_cursor_int (self->cursor);
    s_place (self);
    return value;
}

bool
zloom_fields_bool (zloom_fields_t *self)
{
    if (!s_next (self, ZLOOM_MAY)) {
        return false;
    }
    const bool value = zloom_cursor_bool (self->cursor);
    s_place (self);
    return value;
}

zloom_bytes_t
zloom_fields_text (zloom_fields_t *self, zloom_need_t need, size_t max)
{
    if (!s_next (self, need)) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t value = zloom_cursor_text (self->cursor, max);
    s_place (self);
    return value;
}

zloom_bytes_t
zloom_fields_bytes (zloom_fields_t *self, zloom_need_t need, size_t max)
{
    if (!s_next (self, need)) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t value = zloom_cursor_bytes (self->cursor, max);
    s_place (self);
    return value;
}

zloom_bytes_t
zloom_fields_raw (zloom_fields_t *self, zloom_need_t need)
{
    if (!s_next (self, need)) {
        return ZLOOM_BYTES_NULL;
    }
    const zloom_bytes_t value = zloom_cursor_raw (self->cursor);
    s_place (self);
    return value;
}

uint32_t
zloom_fields_array (zloom_fields_t *self, zloom_need_t need, uint32_t max)
{
    if (!s_next (self, need)) {
        return 0;
    }
    const uint32_t count = zloom_cursor_array (self->cursor, max);
    s_place (self);
    return count;
}
