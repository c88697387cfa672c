/* SPDX-License-Identifier: MPL-2.0 */
/*
 * diag.h - what is wrong with a recipe: a list of diagnostics, sorted by position, printed nowhere.
 * A recipe may consist of several files; each diagnostic knows its own.
 *
 *     orders.yaml:12:5: error[Z0203]: unknown key 'retries' in flow 'orders'; did you mean 'retry'?
 *        12 |     retries: {failures: 5}
 *           |     ^~~~~~~
 */
#ifndef ZLOOM_RECIPE_DIAG_H
#define ZLOOM_RECIPE_DIAG_H

#include "base/bytes.h"
#include "recipe/values.h"

/* More than this many are only counted. */
#define ZLOOM_DIAGS_MAX 200
/* Texts that positions can refer to. */
#define ZLOOM_DIAGS_SOURCES 256

typedef enum {
    ZLOOM_SEVERITY_ERROR,
    ZLOOM_SEVERITY_WARNING,
} zloom_severity_t;

typedef struct {
    const char *code; /* "Z0203" */
    zloom_severity_t severity;
    zloom_span_t at;
    const char *message;
    const char *hint; /* what to do, NULL when the message says it */
} zloom_diag_t;

typedef struct zloom_diags zloom_diags_t;

zloom_diags_t *zloom_diags_new (void);
void zloom_diags_destroy (zloom_diags_t **self_p);

/*
 * A text that positions refer to; copied. Returns its number for zloom_span_t.file: the first has
 * 0. More than ZLOOM_DIAGS_SOURCES must not be given.
 */
int zloom_diags_source (zloom_diags_t *self, const char *file, zloom_bytes_t text);
/* The name of a text by its number. */
const char *zloom_diags_file (const zloom_diags_t *self, int file);
/* Add one; `code` must be static, the rest is copied. The same one twice is kept once. */
void zloom_diags_add (zloom_diags_t *self, const char *code, zloom_severity_t severity,
                      zloom_span_t at, const char *hint, const char *format, ...)
  __attribute__ ((format (printf, 6, 7)));

/* Errors and warnings, also those that were only counted. */
size_t zloom_diags_errors (const zloom_diags_t *self);
size_t zloom_diags_warnings (const zloom_diags_t *self);
/* Those that were kept, by position. */
size_t zloom_diags_count (const zloom_diags_t *self);
const zloom_diag_t *zloom_diags_at (const zloom_diags_t *self, size_t index);

/* Each with its source line and a caret; `colour` adds ANSI colours. Nothing when there is none. */
void zloom_diags_text (const zloom_diags_t *self, bool colour, zloom_buf_t *out);
/*
 * One JSON array of {file, line, column, end_line, end_column, code, severity, message, hint?};
 * "[]" when there is none.
 */
void zloom_diags_json (const zloom_diags_t *self, zloom_buf_t *out);

#endif
