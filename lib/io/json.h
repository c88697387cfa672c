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

#endif
