/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/pack_head.h"

#include "patterns/common/history.h"
#include "wire/encode.h"

void
zloom_pack_head_encode (const zloom_effect_t *append, zloom_buf_t *out)
{
    zloom_encode_array (out, 4);
    zloom_encode_uint (out, append->append.flags);
    zloom_encode_bool (out, append->append.own);
    zloom_src_encode (append->append.src, append->append.src_count, out);
    if (!append->append.past) {
        zloom_encode_nil (out);
        return;
    }
    zloom_encode_array (out, append->append.n);
    for (uint32_t i = 0; i < append->append.n; i++) {
        zloom_encode_bytes (out, append->append.past[i].history);
    }
}

zloom_err_t
zloom_pack_head_decode (zloom_bytes_t bytes, zloom_arena_t *arena, zloom_pack_head_t *head)
{
    *head = (zloom_pack_head_t){0};
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    head->flags = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    head->own = zloom_fields_bool (&fields);
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        head->src = zloom_src_decode (&cursor, arena, &head->src_count);
    }
    head->past = zloom_fields_raw (&fields, ZLOOM_MAY);
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

zloom_bytes_t
zloom_pack_head_past (const zloom_pack_head_t *head, uint32_t index)
{
    if (!head->past.data) {
        return ZLOOM_BYTES_NULL;
    }
    zloom_cursor_t cursor = zloom_cursor (head->past);
    uint32_t count = zloom_cursor_array (&cursor, ZLOOM_LIMIT_PACK_MESSAGES);
    for (uint32_t i = 0; i < index && i < count; i++) {
        zloom_cursor_raw (&cursor);
    }
    if (index >= count || zloom_cursor_nil (&cursor)) {
        return ZLOOM_BYTES_NULL;
    }
    zloom_bytes_t history = zloom_cursor_bytes (&cursor, ZLOOM_HISTORY_BYTES_MAX);
    return cursor.err == ZLOOM_OK ? history : ZLOOM_BYTES_NULL;
}
