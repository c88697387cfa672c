/* SPDX-License-Identifier: MPL-2.0 */
/*
 * json_key.h - the key of a message, taken out of its body: the value at a JSON pointer (RFC 6901).
 *
 * What makes a key, and which bytes it has:
 *   a string           its characters as UTF-8, escapes resolved
 *   an integer         its digits as they stand there, of any length: 42, -7
 *   true, false        these words
 * Everything else makes none: null, an object, an array, a number with a fraction or an exponent
 * (1.0 and 1e0 are one number and would be two keys), a pointer that leads nowhere, a body that is
 * no JSON. Of members that stand twice in an object the last one counts.
 */
#ifndef ZLOOM_IO_JSON_KEY_H
#define ZLOOM_IO_JSON_KEY_H

#include "base/bytes.h"
#include "base/error.h"

/* Append the key's bytes. NO_KEY: the note names the pointer and why. */
zloom_err_t zloom_json_key (zloom_bytes_t body, zloom_bytes_t pointer, zloom_buf_t *key);

#endif
