/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cursor.h - read msgpack step by step. A cursor never reads outside its bytes, so it may walk
 * unchecked ones; it allocates nothing and what it returns borrows from them.
 *
 * The first error sticks: every later read returns an empty value, so a decoder reads all its
 * fields in a row and looks at `err` once at the end. The note says which field it was.
 *
 * zloom_fields_t is the evolution rule of the protocol: an array that is longer than expected is
 * read as far as it is known, one that is shorter reads as if nil stood there.
 *
 * Example:
 *     zloom_cursor_t cursor = zloom_cursor (bytes);
 *     zloom_fields_t fields = zloom_fields_open (&cursor);
 *     name = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
 *     next = zloom_fields_uint (&fields, ZLOOM_MAY, INT64_MAX, 1);    nil or missing gives 1
 *     zloom_fields_close (&fields);
 *     return zloom_cursor_end (&cursor);
 */
#ifndef ZLOOM_WIRE_CURSOR_H
#define ZLOOM_WIRE_CURSOR_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/form.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    zloom_err_t err; /* the first error; ZLOOM_OK so far otherwise */
} zloom_cursor_t;

typedef enum {
    ZLOOM_TYPE_NONE, /* at the end, or after an error */
    ZLOOM_TYPE_NIL,
    ZLOOM_TYPE_BOOL,
    ZLOOM_TYPE_INT, /* any integer, signed or not */
    ZLOOM_TYPE_FLOAT,
    ZLOOM_TYPE_STR,
    ZLOOM_TYPE_BIN,
    ZLOOM_TYPE_ARRAY,
    ZLOOM_TYPE_MAP,
    ZLOOM_TYPE_BAD, /* 0xc1 and ext */
} zloom_type_t;

static inline zloom_cursor_t
zloom_cursor (zloom_bytes_t bytes)
{
    static const uint8_t empty[1] = {0};
    const uint8_t *at = bytes.data ? bytes.data : empty;
    return (zloom_cursor_t){at, at + bytes.size, ZLOOM_OK};
}

/* What stands next; nothing is consumed. */
zloom_type_t zloom_cursor_type (const zloom_cursor_t *self);
/* Bytes that are left. */
static inline size_t
zloom_cursor_left (const zloom_cursor_t *self)
{
    return (size_t) (self->end - self->at);
}
/* Of any size: what the inline readers below do not do themselves. */
uint64_t zloom_cursor_any_uint (zloom_cursor_t *self, uint64_t max);
uint32_t zloom_cursor_any_array (zloom_cursor_t *self, uint32_t max);

/*
 * Each reads one value of its type; another type, or a number out of range, sets `err`. Inline for
 * counts, indices and flags, which are below 128.
 */
static inline uint64_t
zloom_cursor_uint (zloom_cursor_t *self, uint64_t max)
{
    if (self->err == ZLOOM_OK && self->at < self->end && *self->at <= 0x7f && *self->at <= max) {
        return *self->at++;
    }
    return zloom_cursor_any_uint (self, max);
}

int64_t zloom_cursor_int (zloom_cursor_t *self);
bool zloom_cursor_bool (zloom_cursor_t *self);
double zloom_cursor_float (zloom_cursor_t *self); /* an integer is taken too */
/* str, UTF-8 checked, at most `max` bytes. */
zloom_bytes_t zloom_cursor_text (zloom_cursor_t *self, size_t max);
/* bin or str (clients in other languages often write str), at most `max` bytes. */
zloom_bytes_t zloom_cursor_bytes (zloom_cursor_t *self, size_t max);
/*
 * Headers; the elements follow. At most `max` elements, and never more than bytes are left. Inline
 * for arrays of up to 15.
 */
static inline uint32_t
zloom_cursor_array (zloom_cursor_t *self, uint32_t max)
{
    if (self->err == ZLOOM_OK && self->at < self->end &&
        (*self->at & 0xf0) == ZLOOM_FORM_SHORT_ARRAY) {
        const uint32_t count = *self->at & 0x0f;
        if (count <= max && count < zloom_cursor_left (self)) {
            self->at++;
            return count;
        }
    }
    return zloom_cursor_any_array (self, max);
}

uint32_t zloom_cursor_map (zloom_cursor_t *self, uint32_t max);
/* Read nil if it stands next; true when it did. Inline: most fields of an envelope are nil. */
static inline bool
zloom_cursor_nil (zloom_cursor_t *self)
{
    if (self->err != ZLOOM_OK || self->at == self->end || *self->at != ZLOOM_FORM_NIL) {
        return false;
    }
    self->at++;
    return true;
}
/* Step over one value of any type, checked as zloom_scan_value does; returns its bytes. */
zloom_bytes_t zloom_cursor_raw (zloom_cursor_t *self);
/* Set an error of the caller's own, unless there is one; the note is printf's. */
void zloom_cursor_fail (zloom_cursor_t *self, zloom_err_t err, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));
/* The error, or ZLOOM_TRAILING when bytes are left. */
zloom_err_t zloom_cursor_end (zloom_cursor_t *self);

/* ---- fields of an array ------------------------------------------------------------------- */

typedef enum {
    ZLOOM_MAY,  /* nil or missing is fine: the fallback, or an unset view */
    ZLOOM_NEED, /* nil or missing is ZLOOM_MALFORMED */
} zloom_need_t;

typedef struct {
    zloom_cursor_t *cursor;
    uint32_t left;
    uint32_t index; /* of the field read last, from 1: it stands in the note */
} zloom_fields_t;

/* Read an array's header. */
zloom_fields_t zloom_fields_open (zloom_cursor_t *cursor);
/*
 * Go to the next field; true when a value other than nil stands there, which the caller then must
 * read. A nil is consumed.
 */
bool zloom_fields_next (zloom_fields_t *self, zloom_need_t need);
/* Step over the fields that are not known here. */
void zloom_fields_close (zloom_fields_t *self);

uint64_t zloom_fields_uint (zloom_fields_t *self, zloom_need_t need, uint64_t max,
                            uint64_t fallback);
int64_t zloom_fields_int (zloom_fields_t *self, zloom_need_t need, int64_t fallback);
bool zloom_fields_bool (zloom_fields_t *self); /* nil is false */
zloom_bytes_t zloom_fields_text (zloom_fields_t *self, zloom_need_t need, size_t max);
zloom_bytes_t zloom_fields_bytes (zloom_fields_t *self, zloom_need_t need, size_t max);
/* One msgpack value of any type as it stands; nil gives the unset view. */
zloom_bytes_t zloom_fields_raw (zloom_fields_t *self, zloom_need_t need);
/* An array's header; nil gives 0 elements. */
uint32_t zloom_fields_array (zloom_fields_t *self, zloom_need_t need, uint32_t max);

#endif
