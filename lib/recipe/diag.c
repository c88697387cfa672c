/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "recipe/pool.h"
#include "recipe/quote.h"

#define DIAGS_TAG 0xD1A65001u
/* A message is cut here: it may quote what the recipe says. */
#define MESSAGE_BYTES 600
/* Longer source lines are not shown: a minified recipe would bury the message. */
#define LINE_BYTES 400

typedef struct {
    const char *file;
    const char *text;
    size_t size;
} source_t;

struct zloom_diags {
    uint32_t tag;
    zloom_pool_t *pool;
    source_t sources[ZLOOM_DIAGS_SOURCES];
    int source_count;
    zloom_diag_t items[ZLOOM_DIAGS_MAX];
    size_t count;
    size_t errors;
    size_t warnings;
};

zloom_diags_t *
zloom_diags_new (void)
{
    zloom_diags_t *self = zloom_alloc (sizeof *self);
    self->tag = DIAGS_TAG;
    self->pool = zloom_pool_new ();
    return self;
}

void
zloom_diags_destroy (zloom_diags_t **self_p)
{
    zloom_assert (self_p);
    zloom_diags_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, DIAGS_TAG);
    zloom_pool_destroy (&self->pool);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

int
zloom_diags_source (zloom_diags_t *self, const char *file, zloom_bytes_t text)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    zloom_assert (self->source_count < ZLOOM_DIAGS_SOURCES);
    self->sources[self->source_count] = (source_t){
      .file = zloom_pool_text (self->pool, file, strlen (file)),
      .text = zloom_pool_text (self->pool, text.data, text.size),
      .size = text.size,
    };
    return self->source_count++;
}

const char *
zloom_diags_file (const zloom_diags_t *self, int file)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    return file >= 0 && file < self->source_count ? self->sources[file].file : "recipe";
}

/* Order by file and place; what has no place comes last. */
static bool
s_before (zloom_span_t a, zloom_span_t b)
{
    if (a.file != b.file && a.line != 0 && b.line != 0) {
        return a.file < b.file;
    }
    if (a.line != b.line) {
        return a.line != 0 && (b.line == 0 || a.line < b.line);
    }
    return a.column < b.column;
}

static bool
s_is_known (const zloom_diags_t *self, const char *code, zloom_span_t at, const char *message)
{
    for (size_t i = 0; i < self->count; i++) {
        const zloom_diag_t *item = &self->items[i];
        if (item->at.file == at.file && item->at.line == at.line && item->at.column == at.column &&
            strcmp (item->code, code) == 0 && strcmp (item->message, message) == 0) {
            return true;
        }
    }
    return false;
}

void
zloom_diags_add (zloom_diags_t *self, const char *code, zloom_severity_t severity, zloom_span_t at,
                 const char *hint, const char *format, ...)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    char message[MESSAGE_BYTES];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    if (s_is_known (self, code, at, message)) {
        return;
    }
    if (severity == ZLOOM_SEVERITY_ERROR) {
        self->errors++;
    } else {
        self->warnings++;
    }
    if (self->count == ZLOOM_DIAGS_MAX) {
        return;
    }
    size_t place = self->count++;
    while (place > 0 && s_before (at, self->items[place - 1].at)) {
        self->items[place] = self->items[place - 1];
        place--;
    }
    self->items[place] = (zloom_diag_t){
      .code = code,
      .severity = severity,
      .at = at,
      .message = zloom_pool_text (self->pool, message, strlen (message)),
      .hint = hint ? zloom_pool_text (self->pool, hint, strlen (hint)) : NULL,
    };
}

size_t
zloom_diags_errors (const zloom_diags_t *self)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    return self->errors;
}

size_t
zloom_diags_warnings (const zloom_diags_t *self)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    return self->warnings;
}

size_t
zloom_diags_count (const zloom_diags_t *self)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    return self->count;
}

const zloom_diag_t *
zloom_diags_at (const zloom_diags_t *self, size_t index)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    zloom_assert (index < self->count);
    return &self->items[index];
}

/* ---- text ---------------------------------------------------------------------------------- */

static const char *
s_severity_text (zloom_severity_t severity)
{
    return severity == ZLOOM_SEVERITY_ERROR ? "error" : "warning";
}

/* The bytes of a source line, without its end; unset when there is no such line. */
static zloom_bytes_t
s_source_line (const zloom_diags_t *self, zloom_span_t place)
{
    bool known = place.file >= 0 && place.file < self->source_count;
    const char *at = known ? self->sources[place.file].text : NULL;
    const char *end = at ? at + self->sources[place.file].size : at;
    int line = place.line;
    for (int i = 1; at && i < line; i++) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        at = newline ? newline + 1 : NULL;
    }
    if (!at || line < 1) {
        return ZLOOM_BYTES_NULL;
    }
    const char *newline = memchr (at, '\n', (size_t) (end - at));
    size_t size = (size_t) ((newline ? newline : end) - at);
    if (size > 0 && at[size - 1] == '\r') {
        size--;
    }
    return zloom_bytes (at, size);
}

static bool
s_is_printable (zloom_bytes_t line)
{
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7F) {
            return false;
        }
    }
    return line.size <= LINE_BYTES && zloom_bytes_is_utf8 (line);
}

/* Whether the byte begins a character (and does not continue one). */
static bool
s_begins (uint8_t byte)
{
    return (byte & 0xC0) != 0x80;
}

/* The line under the source line: tabs stay tabs, so that the caret stands where it should. */
static void
s_add_caret (zloom_bytes_t line, zloom_span_t at, zloom_buf_t *out)
{
    int column = 1;
    for (size_t i = 0; i < line.size && column < at.column; i++) {
        if (s_begins (line.data[i])) {
            zloom_buf_add_text (out, line.data[i] == '\t' ? "\t" : " ");
            column++;
        }
    }
    while (column < at.column) { /* behind the end: something is missing there */
        zloom_buf_add_text (out, " ");
        column++;
    }
    int characters = 0;
    for (size_t i = 0; i < line.size; i++) {
        characters += s_begins (line.data[i]) ? 1 : 0;
    }
    int end = at.end_line == at.line ? at.end_column : characters + 1;
    zloom_buf_add_text (out, "^");
    for (column++; column < end && column <= characters; column++) {
        zloom_buf_add_text (out, "~");
    }
}

static void
s_add_source (const zloom_diags_t *self, const zloom_diag_t *item, bool colour, zloom_buf_t *out)
{
    zloom_bytes_t line = s_source_line (self, item->at);
    if (!line.data || !s_is_printable (line)) {
        return;
    }
    zloom_buf_printf (out, "%5d | ", item->at.line);
    zloom_buf_add_bytes (out, line);
    zloom_buf_printf (out, "\n      | %s", colour ? "\033[32m" : "");
    s_add_caret (line, item->at, out);
    zloom_buf_printf (out, "%s\n", colour ? "\033[0m" : "");
}

void
zloom_diags_text (const zloom_diags_t *self, bool colour, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    for (size_t i = 0; i < self->count; i++) {
        const zloom_diag_t *item = &self->items[i];
        bool error = item->severity == ZLOOM_SEVERITY_ERROR;
        zloom_buf_add_text (out, zloom_diags_file (self, item->at.file));
        if (item->at.line > 0) {
            zloom_buf_printf (out, ":%d:%d", item->at.line, item->at.column);
        }
        zloom_buf_printf (out, ": %s%s[%s]%s: %s", colour ? (error ? "\033[31m" : "\033[33m") : "",
                          s_severity_text (item->severity), item->code, colour ? "\033[0m" : "",
                          item->message);
        zloom_buf_printf (out, "%s%s\n", item->hint ? "; " : "", item->hint ? item->hint : "");
        s_add_source (self, item, colour, out);
    }
    size_t hidden = self->errors + self->warnings - self->count;
    if (hidden > 0) {
        zloom_buf_printf (out, "%s: %zu more not shown\n", zloom_diags_file (self, 0), hidden);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

void
zloom_diags_json (const zloom_diags_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, DIAGS_TAG);
    zloom_buf_add_text (out, "[");
    for (size_t i = 0; i < self->count; i++) {
        const zloom_diag_t *item = &self->items[i];
        zloom_buf_printf (out, "%s\n  {\"file\": ", i ? "," : "");
        zloom_quote_json (out, zloom_diags_file (self, item->at.file));
        zloom_buf_printf (out,
                          ", \"line\": %d, \"column\": %d, \"end_line\": %d, \"end_column\": %d, "
                          "\"code\": \"%s\", \"severity\": \"%s\", \"message\": ",
                          item->at.line, item->at.column, item->at.end_line, item->at.end_column,
                          item->code, s_severity_text (item->severity));
        zloom_quote_json (out, item->message);
        if (item->hint) {
            zloom_buf_add_text (out, ", \"hint\": ");
            zloom_quote_json (out, item->hint);
        }
        zloom_buf_add_text (out, "}");
    }
    zloom_buf_add_text (out, self->count ? "\n]\n" : "]\n");
}
