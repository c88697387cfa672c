/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/history.h"

#include "wire/cursor.h"
#include "wire/encode.h"

static zloom_bytes_t
s_cut (zloom_bytes_t bytes, size_t max)
{
    return zloom_bytes (bytes.data, bytes.size < max ? bytes.size : max);
}

/* A text's end says most: keep that. */
static zloom_bytes_t
s_tail (zloom_bytes_t bytes, size_t max)
{
    if (bytes.size <= max) {
        return bytes;
    }
    return zloom_bytes (bytes.data + (bytes.size - max), max);
}

static void
s_decode_cause (zloom_cursor_t *cursor, zloom_history_cause_t *cause)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    cause->flow = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    cause->reason = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    cause->count = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    cause->first_wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    cause->last_wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    int64_t code = zloom_fields_int (&fields, ZLOOM_MAY, -1);
    int64_t signal = zloom_fields_int (&fields, ZLOOM_MAY, 0);
    cause->text = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
    zloom_fields_close (&fields);
    if (code < INT32_MIN || code > INT32_MAX || signal < INT32_MIN || signal > INT32_MAX) {
        zloom_cursor_fail (cursor, ZLOOM_MALFORMED, "history: exit or signal out of range");
        return;
    }
    cause->exit = (int32_t) code;
    cause->signal = (int32_t) signal;
}

zloom_err_t
zloom_history_decode (zloom_bytes_t bytes, zloom_history_t *history)
{
    history->requeued = 0;
    history->count = 0;
    if (!bytes.data) {
        return ZLOOM_OK;
    }
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    history->requeued = (uint32_t) zloom_fields_uint (&fields, ZLOOM_MAY, UINT32_MAX, 0);
    uint32_t count = zloom_fields_array (&fields, ZLOOM_MAY, ZLOOM_HISTORY_CAUSES);
    for (uint32_t i = 0; i < count && cursor.err == ZLOOM_OK; i++) {
        s_decode_cause (&cursor, &history->causes[i]);
    }
    zloom_fields_close (&fields);
    zloom_err_t err = zloom_cursor_end (&cursor);
    if (err != ZLOOM_OK) {
        history->requeued = 0;
        return err;
    }
    history->count = count;
    return ZLOOM_OK;
}

void
zloom_history_encode (const zloom_history_t *history, zloom_buf_t *out)
{
    zloom_encode_array (out, 2);
    zloom_encode_uint (out, history->requeued);
    zloom_encode_array (out, history->count);
    for (uint32_t i = 0; i < history->count; i++) {
        const zloom_history_cause_t *cause = &history->causes[i];
        bool newest = i + 1 == history->count;
        zloom_encode_array (out, 8);
        zloom_encode_bytes (out, s_cut (cause->flow, ZLOOM_LIMIT_NAME_BYTES));
        zloom_encode_bytes (out, s_cut (cause->reason, ZLOOM_LIMIT_NAME_BYTES));
        zloom_encode_uint (out, cause->count);
        zloom_encode_int (out, cause->first_wall_ns);
        zloom_encode_int (out, cause->last_wall_ns);
        if (cause->exit == -1) {
            zloom_encode_nil (out);
        } else {
            zloom_encode_int (out, cause->exit);
        }
        if (cause->signal == 0) {
            zloom_encode_nil (out);
        } else {
            zloom_encode_int (out, cause->signal);
        }
        zloom_encode_bytes (
          out, s_tail (cause->text, newest ? ZLOOM_LIMIT_TEXT_BYTES : ZLOOM_HISTORY_TEXT_BYTES));
    }
}

/* Take the cause in as the newest; one of the same flow and reason moves to the end. */
static void
s_take (zloom_history_t *history, zloom_history_cause_t cause)
{
    uint32_t at = 0;
    while (at < history->count && (!zloom_bytes_equal (history->causes[at].flow, cause.flow) ||
                                   !zloom_bytes_equal (history->causes[at].reason, cause.reason))) {
        at++;
    }
    if (at < history->count) {
        const zloom_history_cause_t *old = &history->causes[at];
        uint64_t room = INT64_MAX - cause.count;
        cause.count += old->count < room ? old->count : room;
        cause.first_wall_ns = old->first_wall_ns;
    } else if (history->count < ZLOOM_HISTORY_CAUSES) {
        at = history->count++;
    } else {
        at = 0;
    }
    for (; at + 1 < history->count; at++) {
        history->causes[at] = history->causes[at + 1];
    }
    history->causes[at] = cause;
}

void
zloom_history_add (zloom_history_t *history, zloom_bytes_t flow, const zloom_cause_t *cause,
                   int64_t wall_ns)
{
    s_take (history,
            (zloom_history_cause_t){.flow = s_cut (flow, ZLOOM_LIMIT_NAME_BYTES),
                                    .reason = s_cut (cause->reason, ZLOOM_LIMIT_NAME_BYTES),
                                    .count = 1,
                                    .first_wall_ns = wall_ns,
                                    .last_wall_ns = wall_ns,
                                    .exit = cause->exit,
                                    .signal = cause->signal,
                                    .text = cause->text});
}

void
zloom_history_fold (zloom_history_t *history, const zloom_history_t *later)
{
    uint64_t requeued = (uint64_t) history->requeued + later->requeued;
    history->requeued = requeued < UINT32_MAX ? (uint32_t) requeued : UINT32_MAX;
    for (uint32_t i = 0; i < later->count; i++) {
        s_take (history, later->causes[i]);
    }
}
