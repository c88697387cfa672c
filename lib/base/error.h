/* SPDX-License-Identifier: MPL-2.0 */
/*
 * error.h - errors are values: a code from zloom.h and a per-thread note that says where and what.
 *
 * Example:
 *     return zloom_fail (ZLOOM_MALFORMED, "envelope %u: topic is not UTF-8", index);
 */
#ifndef ZLOOM_BASE_ERROR_H
#define ZLOOM_BASE_ERROR_H

#include "zloom.h"

/* Longest note kept; what is longer is cut. */
#define ZLOOM_NOTE_BYTES 1024

/* Set the thread's note and return `err`, so that a failure is one line. `format` is printf's. */
zloom_err_t zloom_fail (zloom_err_t err, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

/* As zloom_fail, with ": <strerror (errno)>" appended; reads errno first. */
zloom_err_t zloom_fail_errno (zloom_err_t err, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

/* Put "prefix: " before the note that is there, to say where a deeper error came up. */
void zloom_note_prefix (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

/* Clear the thread's note. */
void zloom_note_clear (void);

/* Look a code up by its name ("FULL"); false if there is none. */
bool zloom_err_by_name (const char *name, zloom_err_t *err);

#endif
