/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/frame.h"

#include "base/clock.h"
#include "wire/attrs.h"
#include "wire/cursor.h"
#include "wire/encode.h"
#include "wire/scan.h"
#include "wire/source.h"

/* Messages that one frame may name. */
#define IDS_MAX 65536

/* ---- from the child ------------------------------------------------------------------------- */

static void
s_ids (zloom_fields_t *fields, zloom_arena_t *arena, zloom_frame_t *frame)
{
    frame->id_count = zloom_fields_array (fields, ZLOOM_NEED, IDS_MAX);
    uint64_t *ids = zloom_arena_take (arena, frame->id_count, sizeof *ids);
    for (size_t i = 0; i < frame->id_count; i++) {
        ids[i] = zloom_cursor_uint (fields->cursor, UINT64_MAX);
    }
    frame->ids = ids;
}

/* A number that may be unset. */
static bool
s_number (zloom_fields_t *fields, int64_t most, int64_t *number)
{
    const uint64_t value = zloom_fields_uint (fields, ZLOOM_MAY, (uint64_t) most, UINT64_MAX);
    const bool set = value != UINT64_MAX;
    *number = set ? (int64_t) value : 0;
    return set;
}

static void
s_emission (zloom_cursor_t *cursor, zloom_emission_t *emit)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    zloom_envelope_t *envelope = &emit->envelope;
    int64_t priority = 0;
    envelope->body = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_MESSAGE_BYTES);
    emit->flow = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_NAME_BYTES);
    envelope->topic = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TOPIC_BYTES);
    envelope->key = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_KEY_BYTES);
    envelope->attrs = zloom_fields_raw (&fields, ZLOOM_MAY);
    if (cursor->err == ZLOOM_OK && envelope->attrs.data &&
        zloom_attrs_check (envelope->attrs) != ZLOOM_OK) {
        cursor->err = ZLOOM_MALFORMED;
    }
    envelope->has_due = s_number (&fields, INT64_MAX / ZLOOM_NS_PER_MS, &envelope->due_ms);
    envelope->has_expires = s_number (&fields, INT64_MAX / ZLOOM_NS_PER_MS, &envelope->expires_ms);
    envelope->has_priority = s_number (&fields, ZLOOM_LIMIT_PRIORITY, &priority);
    envelope->priority = (uint8_t) priority;
    envelope->id = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_ID_BYTES);
    zloom_fields_close (&fields);
}

static void
s_verdict (zloom_cursor_t *cursor, zloom_arena_t *arena, zloom_frame_verdict_t *verdict)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    verdict->id = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    uint64_t code = zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_VERDICT_RELEASE, 0);
    verdict->verdict = (zloom_verdict_t) code;
    if (!s_number (&fields, INT64_MAX / ZLOOM_NS_PER_MS, &verdict->delay_ms)) {
        verdict->delay_ms = ZLOOM_DELAY_UNSET;
    }
    verdict->text = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_FRAME_MAX_BYTES);
    if (verdict->text.size > ZLOOM_LIMIT_TEXT_BYTES) {
        /* The end of a traceback says what happened. */
        verdict->text.data += verdict->text.size - ZLOOM_LIMIT_TEXT_BYTES;
        verdict->text.size = ZLOOM_LIMIT_TEXT_BYTES;
    }
    verdict->emit_count = zloom_fields_array (&fields, ZLOOM_MAY, ZLOOM_LIMIT_EMITS);
    zloom_emission_t *emits = zloom_arena_take (arena, verdict->emit_count, sizeof *emits);
    for (size_t i = 0; i < verdict->emit_count; i++) {
        s_emission (cursor, &emits[i]);
    }
    verdict->emits = emits;
    zloom_fields_close (&fields);
}

static void
s_verdicts (zloom_fields_t *fields, zloom_arena_t *arena, zloom_frame_t *frame)
{
    frame->verdict_count = zloom_fields_array (fields, ZLOOM_NEED, IDS_MAX);
    zloom_frame_verdict_t *verdicts =
      zloom_arena_take (arena, frame->verdict_count, sizeof *verdicts);
    for (size_t i = 0; i < frame->verdict_count && fields->cursor->err == ZLOOM_OK; i++) {
        s_verdict (fields->cursor, arena, &verdicts[i]);
    }
    frame->verdicts = verdicts;
}

zloom_err_t
zloom_frame_decode (zloom_bytes_t bytes, zloom_arena_t *arena, zloom_frame_t *frame)
{
    *frame = (zloom_frame_t){0};
    zloom_err_t err = zloom_scan_whole (bytes, ZLOOM_LIMIT_VERB_NODES);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    uint64_t kind = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    frame->kind = (zloom_frame_kind_t) kind;
    switch ((int) kind) {
    case ZLOOM_FRAME_READY:
        frame->version = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
        frame->most = zloom_fields_uint (&fields, ZLOOM_MAY, UINT32_MAX, 0);
        break;
    case ZLOOM_FRAME_STARTED:
        s_ids (&fields, arena, frame);
        break;
    case ZLOOM_FRAME_PROGRESS:
        s_ids (&fields, arena, frame);
        frame->extend_ms = zloom_fields_uint (&fields, ZLOOM_MAY, INT64_MAX / ZLOOM_NS_PER_MS, 0);
        break;
    case ZLOOM_FRAME_DONE:
        s_verdicts (&fields, arena, frame);
        break;
    default:
        zloom_cursor_fail (&cursor, ZLOOM_MALFORMED, "no frame of a child has the number %u",
                           (unsigned) kind);
        break;
    }
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

/* ---- to the child --------------------------------------------------------------------------- */

/* Room for the length; s_close_frame fills it in. */
static size_t
s_open_frame (zloom_buf_t *out)
{
    size_t at = out->size;
    zloom_buf_add (out, "\0\0\0\0", 4);
    return at;
}

static void
s_close_frame (zloom_buf_t *out, size_t at)
{
    size_t size = out->size - at - 4;
    for (size_t i = 0; i < 4; i++) {
        out->data[at + i] = (uint8_t) (size >> (24 - 8 * i));
    }
}

static void
s_names (zloom_buf_t *out, const char *const *names, size_t count)
{
    zloom_encode_array (out, count);
    for (size_t i = 0; i < count; i++) {
        zloom_encode_string (out, names[i]);
    }
}

void
zloom_frame_put_hello (zloom_buf_t *out, const char *node, const char *const *ins, size_t in_count,
                       const char *const *outs, size_t out_count, uint64_t most)
{
    size_t at = s_open_frame (out);
    zloom_encode_array (out, 6);
    zloom_encode_uint (out, ZLOOM_FRAME_READY);
    zloom_encode_uint (out, ZLOOM_FRAME_VERSION);
    zloom_encode_string (out, node);
    s_names (out, ins, in_count);
    s_names (out, outs, out_count);
    zloom_encode_uint (out, most);
    s_close_frame (out, at);
}

void
zloom_frame_add_message (zloom_buf_t *list, uint64_t id, const zloom_message_t *message)
{
    char name[ZLOOM_ORIGIN_TEXT_BYTES];
    const zloom_origin_t origin = {
      .producer = zloom_bytes (message->producer, message->producer_size), .id = message->id};
    zloom_encode_array (list, 10);
    zloom_encode_uint (list, id);
    zloom_encode_string (list, message->flow);
    zloom_encode_uint (list, (uint64_t) message->attempt + 1);
    zloom_encode_bytes (list, zloom_bytes (message->body ? message->body : "", message->body_size));
    zloom_encode_bytes (list, zloom_bytes (message->key, message->key_size));
    zloom_encode_text (list, zloom_bytes (message->topic, message->topic_size));
    zloom_encode_raw (list, zloom_bytes (message->attrs, message->attrs_size));
    zloom_encode_int (list, message->sent_wall_ns / ZLOOM_NS_PER_MS);
    zloom_encode_string (list, zloom_origin_text (&origin, name));
    zloom_encode_bool (list, message->redelivered);
}

void
zloom_frame_put_work (zloom_buf_t *out, const zloom_buf_t *list, size_t count)
{
    size_t at = s_open_frame (out);
    zloom_encode_array (out, 2);
    zloom_encode_uint (out, ZLOOM_FRAME_WORK);
    zloom_encode_array (out, count);
    zloom_buf_add_bytes (out, zloom_buf_bytes (list));
    s_close_frame (out, at);
}

/* ---- from a stream of bytes to frames ------------------------------------------------------- */

void
zloom_deframer_fini (zloom_deframer_t *self)
{
    zloom_buf_fini (&self->bytes);
    self->at = 0;
}

void
zloom_deframer_clear (zloom_deframer_t *self)
{
    zloom_buf_clear (&self->bytes);
    self->at = 0;
}

void
zloom_deframer_feed (zloom_deframer_t *self, zloom_bytes_t chunk)
{
    if (self->at > 0) {
        size_t left = self->bytes.size - self->at;
        memmove (self->bytes.data, self->bytes.data + self->at, left);
        self->bytes.size = left;
        self->at = 0;
    }
    zloom_buf_add_bytes (&self->bytes, chunk);
}

zloom_err_t
zloom_deframer_next (zloom_deframer_t *self, zloom_bytes_t *frame)
{
    size_t left = self->bytes.size - self->at;
    if (left < 4) {
        return ZLOOM_AGAIN;
    }
    const uint8_t *at = self->bytes.data + self->at;
    size_t size =
      ((size_t) at[0] << 24) | ((size_t) at[1] << 16) | ((size_t) at[2] << 8) | (size_t) at[3];
    if (size == 0 || size > ZLOOM_FRAME_MAX_BYTES) {
        return zloom_fail (ZLOOM_MALFORMED,
                           "a frame's length must be 1 to %d, not %zu: is something printed on "
                           "descriptor 4?",
                           ZLOOM_FRAME_MAX_BYTES, size);
    }
    if (left - 4 < size) {
        return ZLOOM_AGAIN;
    }
    *frame = zloom_bytes (at + 4, size);
    self->at += 4 + size;
    return ZLOOM_OK;
}
