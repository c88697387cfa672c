/* SPDX-License-Identifier: MPL-2.0 */
/*
 * json.h - is it JSON? For what comes from the outside as text and goes on as it is.
 */
#ifndef ZLOOM_IO_JSON_H
#define ZLOOM_IO_JSON_H

#include "base/bytes.h"
#include "base/error.h"

/*
 * Exactly one JSON value of any kind (RFC 8259), with white space around it at most. MALFORMED with
 * a note for people: what is wrong, and at which byte. Integers may be of any size; nesting goes to
 * 2048 levels; a real number has to fit a double.
 */
zloom_err_t zloom_json_check (zloom_bytes_t text);
/* Whether both mean the same value: order of keys and white space aside. False: one is no JSON. */
bool zloom_json_equal (zloom_bytes_t a, zloom_bytes_t b);
/* The same, but maps of `whole` may have more keys. */
bool zloom_json_contains (zloom_bytes_t whole, zloom_bytes_t part);

#endif
