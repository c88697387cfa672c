/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Envelopes: what decodes keeps to its limits, says what msgpack-c reads in the same bytes, and is
 * written and read again without a change. What only the head says is what the whole says.
 */
#include <msgpack.h>
#include <string.h>

#include "fuzz.h"
#include "wire/attrs.h"
#include "wire/envelope.h"
#include "wire/limits.h"

enum { TOPIC, KEY, DUE, EXPIRES, PRIORITY, BUDGET, ID, TIME, ATTRS, BODY, FIELDS };

static zloom_buf_t s_first;
static zloom_buf_t s_second;

/* ---- against msgpack-c ---------------------------------------------------------------------- */

static const msgpack_object *
s_field (const msgpack_object *array, size_t index)
{
    static const msgpack_object nil = {.type = MSGPACK_OBJECT_NIL};
    return index < array->via.array.size ? &array->via.array.ptr[index] : &nil;
}

static void
s_same_bytes (zloom_bytes_t bytes, const msgpack_object *object)
{
    if (!bytes.data) {
        zloom_assert (object->type == MSGPACK_OBJECT_NIL);
        return;
    }
    zloom_assert (object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN);
    /* Both of the library's views lie at the same place. */
    zloom_assert (bytes.size == object->via.bin.size);
    zloom_assert (bytes.size == 0 || memcmp (bytes.data, object->via.bin.ptr, bytes.size) == 0);
}

static void
s_same_number (bool has, int64_t value, const msgpack_object *object)
{
    if (!has) {
        zloom_assert (object->type == MSGPACK_OBJECT_NIL);
    } else if (value < 0) {
        zloom_assert (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER);
        zloom_assert (object->via.i64 == value);
    } else {
        zloom_assert (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
        zloom_assert (object->via.u64 == (uint64_t) value);
    }
}

static void
s_same_attr (zloom_bytes_t name, const zloom_attr_t *value, const msgpack_object_kv *pair)
{
    s_same_bytes (name, &pair->key);
    if (value->type == ZLOOM_TYPE_STR || value->type == ZLOOM_TYPE_BIN) {
        s_same_bytes (value->bytes, &pair->val);
    } else if (value->type == ZLOOM_TYPE_INT) {
        s_same_number (true, value->number, &pair->val);
    } else if (value->type == ZLOOM_TYPE_BOOL) {
        zloom_assert (pair->val.type == MSGPACK_OBJECT_BOOLEAN);
        zloom_assert (pair->val.via.boolean == (value->number != 0));
    }
}

static void
s_same_attrs (zloom_bytes_t attrs, const msgpack_object *object)
{
    zloom_attrs_iter_t iter = zloom_attrs_iter (attrs);
    zloom_bytes_t name;
    zloom_attr_t value;
    uint32_t count = 0;
    if (!attrs.data) {
        zloom_assert (object->type == MSGPACK_OBJECT_NIL);
        return;
    }
    zloom_assert (object->type == MSGPACK_OBJECT_MAP);
    while (zloom_attrs_next (&iter, &name, &value)) {
        zloom_assert (count < object->via.map.size);
        s_same_attr (name, &value, &object->via.map.ptr[count++]);
    }
    zloom_assert (count == object->via.map.size && count <= ZLOOM_LIMIT_ATTRS);
}

static void
s_same_as_library (zloom_bytes_t bytes, const zloom_envelope_t *envelope)
{
    msgpack_unpacked unpacked;
    size_t offset = 0;
    msgpack_unpacked_init (&unpacked);
    const msgpack_unpack_return result =
      msgpack_unpack_next (&unpacked, (const char *) bytes.data, bytes.size, &offset);
    zloom_assert (result == MSGPACK_UNPACK_SUCCESS && offset == bytes.size);
    const msgpack_object *array = &unpacked.data;
    zloom_assert (array->type == MSGPACK_OBJECT_ARRAY);
    s_same_bytes (envelope->topic, s_field (array, TOPIC));
    s_same_bytes (envelope->key, s_field (array, KEY));
    s_same_number (envelope->has_due, envelope->due_ms, s_field (array, DUE));
    s_same_number (envelope->has_expires, envelope->expires_ms, s_field (array, EXPIRES));
    s_same_number (envelope->has_priority, envelope->priority, s_field (array, PRIORITY));
    s_same_number (envelope->has_budget, envelope->budget_ms, s_field (array, BUDGET));
    s_same_bytes (envelope->id, s_field (array, ID));
    s_same_number (envelope->has_time, envelope->time_ns, s_field (array, TIME));
    s_same_attrs (envelope->attrs, s_field (array, ATTRS));
    s_same_bytes (envelope->body, s_field (array, BODY));
    msgpack_unpacked_destroy (&unpacked);
}

/* ---- against itself ------------------------------------------------------------------------- */

static void
s_within_limits (const zloom_envelope_t *envelope)
{
    zloom_assert (envelope->topic.size <= ZLOOM_LIMIT_TOPIC_BYTES);
    zloom_assert (envelope->key.size <= ZLOOM_LIMIT_KEY_BYTES);
    zloom_assert (envelope->id.size <= ZLOOM_LIMIT_ID_BYTES);
    zloom_assert (envelope->body.size <= ZLOOM_LIMIT_MESSAGE_BYTES);
    zloom_assert (envelope->priority <= ZLOOM_LIMIT_PRIORITY);
    zloom_assert (envelope->due_ms >= 0 && envelope->expires_ms >= 0 && envelope->budget_ms >= 0);
    zloom_assert (zloom_envelope_check (envelope) == ZLOOM_OK);
}

/* The head alone: all of the same fields, and nothing behind them. */
static void
s_same_head (zloom_bytes_t bytes, const zloom_envelope_t *envelope)
{
    zloom_envelope_t head;
    zloom_assert (zloom_envelope_decode_head (bytes, &head) == ZLOOM_OK);
    zloom_assert (!head.attrs.data && !head.body.data);
    head.attrs = envelope->attrs;
    head.body = envelope->body;
    zloom_buf_clear (&s_first);
    zloom_buf_clear (&s_second);
    zloom_envelope_encode (&head, &s_first);
    zloom_envelope_encode (envelope, &s_second);
    zloom_assert (zloom_bytes_equal (zloom_buf_bytes (&s_first), zloom_buf_bytes (&s_second)));
    zloom_assert (zloom_envelope_flags (&head) == zloom_envelope_flags (envelope));
}

static void
s_same_again (const zloom_envelope_t *envelope)
{
    zloom_envelope_t again;
    zloom_buf_clear (&s_first);
    zloom_buf_clear (&s_second);
    zloom_envelope_encode (envelope, &s_first);
    zloom_assert (zloom_envelope_decode (zloom_buf_bytes (&s_first), &again) == ZLOOM_OK);
    s_same_as_library (zloom_buf_bytes (&s_first), &again);
    zloom_envelope_encode (&again, &s_second);
    zloom_assert (zloom_bytes_equal (zloom_buf_bytes (&s_first), zloom_buf_bytes (&s_second)));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const zloom_bytes_t bytes = zloom_bytes (data, size);
    zloom_envelope_t envelope;
    zloom_envelope_t head;
    if (zloom_envelope_decode (bytes, &envelope) != ZLOOM_OK) {
        /* The head of something that is malformed further on may be read, and keeps to limits. */
        if (zloom_envelope_decode_head (bytes, &head) == ZLOOM_OK) {
            s_within_limits (&head);
        }
        return 0;
    }
    s_within_limits (&envelope);
    s_same_head (bytes, &envelope);
    s_same_again (&envelope);
    s_same_as_library (bytes, &envelope);
    return 0;
}
