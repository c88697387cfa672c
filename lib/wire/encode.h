/* SPDX-License-Identifier: MPL-2.0 */
/*
 * encode.h - append msgpack to a buffer: always the shortest form, so that equal values are equal
 * bytes. Cannot fail.
 */
#ifndef ZLOOM_WIRE_ENCODE_H
#define ZLOOM_WIRE_ENCODE_H

#include "base/bytes.h"
#include "base/error.h"

void zloom_encode_nil (zloom_buf_t *out);
void zloom_encode_bool (zloom_buf_t *out, bool value);
void zloom_encode_uint (zloom_buf_t *out, uint64_t value);
void zloom_encode_int (zloom_buf_t *out, int64_t value);
void zloom_encode_float (zloom_buf_t *out, double value);
/* str; the unset view gives nil. The caller vouches for UTF-8. */
void zloom_encode_text (zloom_buf_t *out, zloom_bytes_t text);
/* A C string as str; NULL gives nil. */
void zloom_encode_string (zloom_buf_t *out, const char *text);
/* bin; the unset view gives nil. */
void zloom_encode_bytes (zloom_buf_t *out, zloom_bytes_t bytes);
/* A value that is msgpack already; the unset view gives nil. */
void zloom_encode_raw (zloom_buf_t *out, zloom_bytes_t value);
/* Headers; the caller appends `count` elements, or pairs. */
void zloom_encode_array (zloom_buf_t *out, size_t count);
void zloom_encode_map (zloom_buf_t *out, size_t count);
/* An error code by its name; ZLOOM_OK gives nil. */
void zloom_encode_code (zloom_buf_t *out, zloom_err_t code);

#endif
