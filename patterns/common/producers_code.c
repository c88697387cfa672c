/* SPDX-License-Identifier: MPL-2.0 */
/* producers_code.c - producers to bytes and back, for records and snapshots. See producers.h. */
#include "patterns/common/producers_state.h"
#include "wire/encode.h"
#include "wire/limits.h"

void
zloom_producer_encode (const zloom_producer_t *self, zloom_buf_t *out)
{
    const zloom_producer_entry_t *entry = (const zloom_producer_entry_t *) (const void *) self;
    zloom_encode_array (out, entry->owner ? 5 : 4);
    zloom_encode_bytes (out, zloom_producer_name (self));
    zloom_encode_uint (out, self->high);
    zloom_encode_bytes (out, zloom_producer_mark (self));
    zloom_encode_int (out, entry->used_wall_ns);
    if (entry->owner) {
        zloom_encode_string (out, entry->owner);
    }
}

zloom_err_t
zloom_producers_decode (zloom_producers_t *self, zloom_cursor_t *cursor)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_fields_t fields = zloom_fields_open (cursor);
    zloom_bytes_t name = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_PRODUCER_BYTES);
    uint64_t high = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    zloom_bytes_t mark = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MARK_BYTES);
    int64_t wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    zloom_bytes_t owner = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    zloom_fields_close (&fields);
    if (cursor->err != ZLOOM_OK) {
        return cursor->err;
    }
    zloom_producer_t *known = zloom_producers_get (self, name);
    if (known && known->high > high) {
        return ZLOOM_OK;
    }
    zloom_producer_t *producer = zloom_producers_use (self, name, 0, wall_ns);
    if (!producer) {
        zloom_cursor_fail (cursor, ZLOOM_TOO_MANY, "more producers than the limit allows");
        return cursor->err;
    }
    producer->high = high;
    zloom_producers_set_mark (self, producer, mark);
    (void) zloom_producers_set_owner (self, producer, owner, false);
    zloom_producers_moved (self, producer, 0);
    return ZLOOM_OK;
}

void
zloom_producers_encode_all (const zloom_producers_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_PRODUCERS_TAG);
    zloom_encode_array (out, zloom_map_count (self->named));
    for (int i = 0; i < ZLOOM_PRODUCERS_LISTS; i++) {
        for (const zloom_producer_entry_t *entry = self->lists[i].oldest; entry;
             entry = entry->newer) {
            zloom_producer_encode (&entry->producer, out);
        }
    }
}

zloom_err_t
zloom_producers_decode_all (zloom_producers_t *self, zloom_cursor_t *cursor)
{
    uint32_t count = zloom_cursor_array (cursor, ZLOOM_LIMIT_PRODUCERS);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_producers_decode (self, cursor);
    }
    while (zloom_producers_tell (self, UINT64_MAX)) {
        /* A snapshot says it for good. */
    }
    return cursor->err;
}
