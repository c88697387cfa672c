/* SPDX-License-Identifier: MPL-2.0 */
/* trail_rows.c - rows of the trail to bytes and back, for the journal. See trail.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "engine/trail_state.h"
#include "wire/encode.h"

/* Rows of one record, or of a snapshot: far more than there are in the largest trail. */
#define RECORD_ROWS (1024u * 1024)
/* Beside the rows, in a record's head. */
#define HEAD_BYTES 32

/* ---- rows, to bytes ------------------------------------------------------------------------ */

static void
s_encode_begin (const zloom_stay_t *stay, zloom_buf_t *out)
{
    zloom_encode_array (out, 10);
    zloom_encode_uint (out, ZLOOM_TRAIL_STORED);
    zloom_encode_string (out, stay->track->flow);
    zloom_encode_uint (out, stay->seq);
    zloom_encode_int (out, stay->wall_ns);
    zloom_encode_uint (out, stay->way);
    zloom_encode_string (out, stay->id);
    zloom_encode_int (out, stay->base_time_ns);
    zloom_encode_string (out, stay->from_flow);
    zloom_encode_uint (out, stay->from_seq);
    zloom_encode_uint (out, stay->left_out);
}

static void
s_encode_row (const zloom_stay_t *stay, const zloom_trail_row_t *row, zloom_buf_t *out)
{
    zloom_encode_array (out, 7);
    zloom_encode_uint (out, row->kind);
    zloom_encode_string (out, stay->track->flow);
    zloom_encode_uint (out, stay->seq);
    zloom_encode_int (out, row->wall_ns);
    zloom_encode_int (out, row->number);
    zloom_encode_string (out, row->node);
    zloom_encode_string (out, row->text);
}

void
zloom_trail_keep (zloom_trail_t *self, zloom_stay_t *stay, zloom_trail_row_t *row)
{
    const size_t before = self->pending.size;
    if (row) {
        s_encode_row (stay, row, &self->pending);
    } else {
        s_encode_begin (stay, &self->pending);
    }
    const size_t bytes = self->pending.size - before;
    if (row) {
        row->bytes = bytes;
    }
    stay->bytes += bytes;
    self->bytes += bytes;
    if (self->replaying) {
        zloom_buf_clear (&self->pending);
        return;
    }
    self->pending_rows++;
    self->next_row++;
}

/* ---- records and snapshots ----------------------------------------------------------------- */

size_t
zloom_trail_pending (const zloom_trail_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    return self->pending_rows > 0 ? self->pending.size + HEAD_BYTES : 0;
}

void
zloom_trail_take (zloom_trail_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    if (out) {
        zloom_encode_array (out, 2);
        zloom_encode_uint (out, self->next_row - self->pending_rows);
        zloom_encode_array (out, self->pending_rows);
        zloom_buf_add_bytes (out, zloom_buf_bytes (&self->pending));
    }
    zloom_buf_clear (&self->pending);
    self->pending_rows = 0;
}

void
zloom_trail_snapshot (const zloom_trail_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    size_t rows = 0;
    for (const zloom_stay_t *stay = self->first; stay; stay = stay->next) {
        rows += 1 + stay->row_count;
    }
    if (self->next_row == 1) {
        return; /* nothing was ever traced: no part in the snapshot */
    }
    zloom_encode_array (out, 2);
    zloom_encode_uint (out, self->next_row - rows);
    zloom_encode_array (out, rows);
    for (const zloom_stay_t *stay = self->first; stay; stay = stay->next) {
        s_encode_begin (stay, out);
        for (size_t i = 0; i < stay->row_count; i++) {
            s_encode_row (stay, &stay->rows[i], out);
        }
    }
}

/* ---- the way back -------------------------------------------------------------------------- */

static void
s_replay_begin (zloom_trail_t *self, zloom_fields_t *fields, zloom_trail_begin_t *begin)
{
    begin->way = (zloom_trail_way_t) zloom_fields_uint (fields, ZLOOM_NEED, UINT8_MAX, 0);
    begin->id = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_ORIGIN_TEXT_BYTES);
    begin->base_time_ns = zloom_fields_int (fields, ZLOOM_NEED, 0);
    begin->from_flow = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    begin->from_seq = zloom_fields_uint (fields, ZLOOM_MAY, INT64_MAX, 0);
    const uint64_t left_out = zloom_fields_uint (fields, ZLOOM_MAY, UINT64_MAX, 0);
    if (fields->cursor->err == ZLOOM_OK) {
        zloom_trail_begin (self, begin);
        self->last->left_out = left_out;
    }
}

static void
s_replay_note (zloom_trail_t *self, zloom_fields_t *fields, const zloom_trail_begin_t *at,
               zloom_trail_kind_t kind)
{
    const int64_t number = zloom_fields_int (fields, ZLOOM_MAY, 0);
    const zloom_bytes_t node = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    const zloom_bytes_t text = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    zloom_stay_t *stay = zloom_trail_stay (self, at->flow, at->seq);
    if (fields->cursor->err == ZLOOM_OK && stay) {
        char *name = node.data ? zloom_memdup_text (node.data, node.size) : NULL;
        zloom_trail_note (self, stay, kind, at->wall_ns, number, name, text);
        free (name);
    }
}

static void
s_replay_row (zloom_trail_t *self, zloom_cursor_t *cursor)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    const uint64_t kind = zloom_fields_uint (&fields, ZLOOM_NEED, UINT8_MAX, 0);
    zloom_trail_begin_t begin = {0};
    begin.flow = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    begin.seq = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    begin.wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    if (kind == ZLOOM_TRAIL_STORED) {
        s_replay_begin (self, &fields, &begin);
    } else if (cursor->err == ZLOOM_OK) {
        s_replay_note (self, &fields, &begin, (zloom_trail_kind_t) kind);
    }
    zloom_fields_close (&fields);
}

zloom_err_t
zloom_trail_replay (zloom_trail_t *self, zloom_bytes_t bytes)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t first = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    const uint32_t count = zloom_fields_array (&fields, ZLOOM_NEED, RECORD_ROWS);
    self->replaying = true;
    for (uint32_t i = 0; i < count && cursor.err == ZLOOM_OK; i++) {
        if (first + i < self->next_row) {
            zloom_cursor_raw (&cursor); /* it stood in the snapshot */
        } else {
            s_replay_row (self, &cursor);
            self->next_row = first + i + 1;
        }
    }
    self->replaying = false;
    zloom_trail_trim (self);
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}
