/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/envelope.h"

#include "base/clock.h"
#include "wire/attrs.h"
#include "wire/cursor.h"
#include "wire/encode.h"
#include "wire/form.h"
#include "wire/limits.h"

#define ENVELOPE_FIELDS 10u
/* Those in front of attrs and body. Most envelopes set none of them. */
#define HEAD_FIELDS 8u

/* Fields that a plain envelope has unset, between key and body. */
#define PLAIN_UNSET (ENVELOPE_FIELDS - 3)

static const uint8_t s_unset_head[HEAD_FIELDS] = {
  ZLOOM_FORM_NIL, ZLOOM_FORM_NIL, ZLOOM_FORM_NIL, ZLOOM_FORM_NIL,
  ZLOOM_FORM_NIL, ZLOOM_FORM_NIL, ZLOOM_FORM_NIL, ZLOOM_FORM_NIL,
};

static int64_t
s_later (int64_t ms, int64_t by_ms)
{
    if (by_ms > 0) {
        return ms > INT64_MAX - by_ms ? INT64_MAX : ms + by_ms;
    }
    return ms > -by_ms ? ms + by_ms : 0;
}

void
zloom_envelope_rebase (zloom_envelope_t *self, int64_t from_ns, int64_t base_ns)
{
    if (!self->has_due && !self->has_expires) {
        return;
    }
    const int64_t by_ns = from_ns - base_ns;
    const int64_t by_ms = by_ns / ZLOOM_NS_PER_MS + (by_ns % ZLOOM_NS_PER_MS > 0);
    self->due_ms = self->has_due ? s_later (self->due_ms, by_ms) : self->due_ms;
    self->expires_ms = self->has_expires ? s_later (self->expires_ms, by_ms) : self->expires_ms;
}

static zloom_err_t
s_check_size (const char *what, zloom_bytes_t bytes, size_t limit)
{
    if (bytes.size > limit) {
        return zloom_fail (ZLOOM_TOO_BIG, "envelope: %s has %zu bytes, limit %zu", what, bytes.size,
                           limit);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_check_numbers (const zloom_envelope_t *self)
{
    if ((self->has_due && self->due_ms < 0) || (self->has_expires && self->expires_ms < 0) ||
        (self->has_budget && self->budget_ms < 0)) {
        return zloom_fail (ZLOOM_MALFORMED, "envelope: a time span is below 0");
    }
    if (self->has_priority && self->priority > ZLOOM_LIMIT_PRIORITY) {
        return zloom_fail (ZLOOM_MALFORMED, "envelope: priority %u, highest %d",
                           (unsigned) self->priority, ZLOOM_LIMIT_PRIORITY);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_envelope_check (const zloom_envelope_t *self)
{
    zloom_err_t err = s_check_size ("topic", self->topic, ZLOOM_LIMIT_TOPIC_BYTES);
    if (err == ZLOOM_OK) {
        err = s_check_size ("key", self->key, ZLOOM_LIMIT_KEY_BYTES);
    }
    if (err == ZLOOM_OK) {
        err = s_check_size ("id", self->id, ZLOOM_LIMIT_ID_BYTES);
    }
    if (err == ZLOOM_OK) {
        err = s_check_size ("body", self->body, ZLOOM_LIMIT_MESSAGE_BYTES);
    }
    if (err == ZLOOM_OK && !zloom_bytes_is_utf8 (self->topic)) {
        err = zloom_fail (ZLOOM_MALFORMED, "envelope: topic is not UTF-8");
    }
    if (err == ZLOOM_OK) {
        err = s_check_numbers (self);
    }
    if (err == ZLOOM_OK && self->attrs.data) {
        err = zloom_attrs_check (self->attrs);
    }
    return err;
}

static void
s_encode_number (zloom_buf_t *out, bool has, int64_t value)
{
    if (has) {
        zloom_encode_int (out, value);
    } else {
        zloom_encode_nil (out);
    }
}

static void
s_encode_head (const zloom_envelope_t *self, zloom_buf_t *out)
{
    const uint32_t rest =
      zloom_envelope_flags (self) & ~((uint32_t) ZLOOM_FLAG_TOPIC | (uint32_t) ZLOOM_FLAG_KEY);
    zloom_encode_text (out, self->topic);
    zloom_encode_bytes (out, self->key);
    if (rest == 0 && !self->has_time) {
        zloom_buf_add (out, s_unset_head, HEAD_FIELDS - 2);
        return;
    }
    s_encode_number (out, self->has_due, self->due_ms);
    s_encode_number (out, self->has_expires, self->expires_ms);
    s_encode_number (out, self->has_priority, self->priority);
    s_encode_number (out, self->has_budget, self->budget_ms);
    zloom_encode_bytes (out, self->id);
    s_encode_number (out, self->has_time, self->time_ns);
}

/* A str or bin with its length in one byte behind `form`, or a short str; nil where it is unset. */
static uint8_t *
s_put_plain (uint8_t *at, uint8_t form, zloom_bytes_t bytes)
{
    if (!bytes.data) {
        *at = ZLOOM_FORM_NIL;
        return at + 1;
    }
    if (form == ZLOOM_FORM_STR_8 && bytes.size <= ZLOOM_FORM_SHORT_STR_MOST) {
        *at++ = (uint8_t) (ZLOOM_FORM_SHORT_STR | bytes.size);
    } else {
        *at++ = form;
        *at++ = (uint8_t) bytes.size;
    }
    memcpy (at, bytes.data, bytes.size);
    return at + bytes.size;
}

/* How many bytes such a one takes. */
static size_t
s_plain_size (uint8_t form, zloom_bytes_t bytes)
{
    const bool brief =
      !bytes.data || (form == ZLOOM_FORM_STR_8 && bytes.size <= ZLOOM_FORM_SHORT_STR_MOST);
    return (brief ? 1u : 2u) + bytes.size;
}

size_t
zloom_envelope_plain_bytes (const zloom_envelope_t *self)
{
    if (self->topic.size > UINT8_MAX || self->key.size > UINT8_MAX ||
        self->body.size > UINT16_MAX) {
        return 0;
    }
    return 1 + s_plain_size (ZLOOM_FORM_STR_8, self->topic) +
           s_plain_size (ZLOOM_FORM_BIN_8, self->key) + PLAIN_UNSET +
           (self->body.size > UINT8_MAX ? 3u : 2u) + self->body.size;
}

void
zloom_envelope_put_plain (const zloom_envelope_t *self, uint8_t *at)
{
    *at++ = ZLOOM_FORM_SHORT_ARRAY | ENVELOPE_FIELDS;
    at = s_put_plain (at, ZLOOM_FORM_STR_8, self->topic);
    at = s_put_plain (at, ZLOOM_FORM_BIN_8, self->key);
    memcpy (at, s_unset_head, PLAIN_UNSET);
    at += PLAIN_UNSET;
    if (self->body.size > UINT8_MAX) {
        *at++ = ZLOOM_FORM_BIN_16;
        *at++ = (uint8_t) (self->body.size >> 8);
    } else {
        *at++ = ZLOOM_FORM_BIN_8;
    }
    *at++ = (uint8_t) self->body.size;
    memcpy (at, self->body.data, self->body.size);
}

void
zloom_envelope_encode (const zloom_envelope_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, ENVELOPE_FIELDS);
    if (zloom_envelope_flags (self) == 0 && !self->has_time) {
        zloom_buf_add (out, s_unset_head, sizeof s_unset_head);
    } else {
        s_encode_head (self, out);
    }
    zloom_encode_raw (out, self->attrs);
    zloom_encode_bytes (out, self->body);
}

/* A number that may be unset. */
static bool
s_decode_number (zloom_fields_t *fields, uint64_t max, int64_t *value)
{
    const uint64_t unset = UINT64_MAX;
    const uint64_t number = zloom_fields_uint (fields, ZLOOM_MAY, max, unset);
    if (number == unset) {
        return false;
    }
    *value = (int64_t) number;
    return true;
}

/* The next n fields of the head, if all of them are unset. */
static bool
s_skip_unset (zloom_fields_t *fields, uint32_t n)
{
    zloom_cursor_t *cursor = fields->cursor;
    if (cursor->err != ZLOOM_OK || fields->left < n || zloom_cursor_left (cursor) < n ||
        memcmp (cursor->at, s_unset_head, n) != 0) {
        return false;
    }
    cursor->at += n;
    fields->left -= n;
    fields->index += n;
    return true;
}

static void
s_decode_head (zloom_fields_t *fields, zloom_envelope_t *self)
{
    int64_t priority = 0;
    if (s_skip_unset (fields, HEAD_FIELDS)) {
        return;
    }
    self->topic = zloom_fields_text (fields, ZLOOM_MAY, ZLOOM_LIMIT_TOPIC_BYTES);
    self->key = zloom_fields_bytes (fields, ZLOOM_MAY, ZLOOM_LIMIT_KEY_BYTES);
    if (s_skip_unset (fields, HEAD_FIELDS - 2)) {
        return; /* as most have it on a bus, or with a key */
    }
    self->has_due = s_decode_number (fields, INT64_MAX, &self->due_ms);
    self->has_expires = s_decode_number (fields, INT64_MAX, &self->expires_ms);
    self->has_priority = s_decode_number (fields, ZLOOM_LIMIT_PRIORITY, &priority);
    self->priority = (uint8_t) priority;
    self->has_budget = s_decode_number (fields, INT64_MAX, &self->budget_ms);
    self->id = zloom_fields_bytes (fields, ZLOOM_MAY, ZLOOM_LIMIT_ID_BYTES);
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        self->has_time = true;
        self->time_ns = zloom_cursor_int (fields->cursor);
    }
}

static zloom_err_t
s_done (zloom_err_t err)
{
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("envelope");
    }
    return err;
}

zloom_err_t
zloom_envelope_decode_head (zloom_bytes_t bytes, zloom_envelope_t *self)
{
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    *self = (zloom_envelope_t){0};
    s_decode_head (&fields, self);
    return s_done (cursor.err);
}

/* A str or bin with its length in one byte behind `form`, or a short str; unset where nil is. */
static inline const uint8_t *
s_plain_bytes (const uint8_t *at, const uint8_t *end, uint8_t form, size_t most,
               zloom_bytes_t *bytes)
{
    size_t size = 0;
    if (at + 1 < end && at[0] == form) {
        size = at[1];
        at += 2;
    } else if (at < end && form == ZLOOM_FORM_STR_8 &&
               (at[0] & ~ZLOOM_FORM_SHORT_STR_MOST) == ZLOOM_FORM_SHORT_STR) {
        size = at[0] & ZLOOM_FORM_SHORT_STR_MOST;
        at++;
    } else {
        *bytes = ZLOOM_BYTES_NULL;
        return at < end && at[0] == ZLOOM_FORM_NIL ? at + 1 : NULL;
    }
    *bytes = zloom_bytes (at, size);
    return size <= most && size <= (size_t) (end - at) ? at + size : NULL;
}

/* [topic?, key?, nil, nil, nil, nil, nil, nil, nil, body], in the shortest forms. */
bool
zloom_envelope_decode_plain (zloom_bytes_t bytes, zloom_bytes_t *topic, zloom_bytes_t *key,
                             zloom_bytes_t *body)
{
    const uint8_t *at = bytes.data;
    const uint8_t *end = bytes.data + bytes.size;
    if (bytes.size < ENVELOPE_FIELDS || *at++ != (ZLOOM_FORM_SHORT_ARRAY | ENVELOPE_FIELDS)) {
        return false;
    }
    at = s_plain_bytes (at, end, ZLOOM_FORM_STR_8, ZLOOM_LIMIT_TOPIC_BYTES, topic);
    at = at ? s_plain_bytes (at, end, ZLOOM_FORM_BIN_8, ZLOOM_LIMIT_KEY_BYTES, key) : NULL;
    if (!at || (size_t) (end - at) < PLAIN_UNSET + 2 ||
        memcmp (at, s_unset_head, PLAIN_UNSET) != 0) {
        return false;
    }
    at += PLAIN_UNSET;
    size_t size = at[1];
    if (at[0] == ZLOOM_FORM_BIN_16 && end - at > 3) {
        size = (size_t) at[1] << 8 | at[2];
        at++;
    } else if (at[0] != ZLOOM_FORM_BIN_8) {
        return false;
    }
    *body = zloom_bytes (at + 2, size);
    return (size_t) (end - (at + 2)) == size && zloom_bytes_is_utf8 (*topic);
}

zloom_err_t
zloom_envelope_decode (zloom_bytes_t bytes, zloom_envelope_t *self)
{
    *self = (zloom_envelope_t){0};
    if (zloom_envelope_decode_plain (bytes, &self->topic, &self->key, &self->body)) {
        return ZLOOM_OK;
    }
    zloom_cursor_t cursor = zloom_cursor (bytes);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    *self = (zloom_envelope_t){0};
    s_decode_head (&fields, self);
    self->attrs = zloom_fields_raw (&fields, ZLOOM_MAY);
    if (self->attrs.data && cursor.err == ZLOOM_OK) {
        cursor.err = zloom_attrs_check (self->attrs);
    }
    self->body = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MESSAGE_BYTES);
    zloom_fields_close (&fields);
    return s_done (zloom_cursor_end (&cursor));
}
