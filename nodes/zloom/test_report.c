/* SPDX-License-Identifier: MPL-2.0 */
#include "test_report.h"

#include "base/units.h"
#include "recipe/quote.h"

#include <stdio.h>
#include <string.h>

/* Lines of a comparison that are shown; those that are as expected are counted instead. */
#define ROWS_SHOWN 20
/* The left column; what is longer goes on in a line of its own. */
#define COLUMN 44

/* ---- a failure in words --------------------------------------------------------------------- */

static void
s_place (const zloom_test_report_t *self, const zloom_play_failure_t *failure, zloom_buf_t *out)
{
    char time[48];
    zloom_buf_printf (out, "%s:%d:%d: %s, after %s", self->file, failure->at.line,
                      failure->at.column, failure->what,
                      failure->time_ns > 0 ? zloom_duration_text (failure->time_ns, time) : "0s");
}

/* Characters on a screen, roughly: bytes that begin one. */
static size_t
s_width (const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char) *text & 0xc0) != 0x80;
    }
    return width;
}

static void
s_columns (zloom_buf_t *out, const char *indent, char mark, const char *left, const char *right)
{
    const size_t width = s_width (left);
    zloom_buf_printf (out, "%s%c %s", indent, mark, left);
    if (width > COLUMN) {
        zloom_buf_printf (out, "\n%s  %*s", indent, COLUMN, "");
    } else {
        zloom_buf_printf (out, "%*s", (int) (COLUMN - width), "");
    }
    zloom_buf_printf (out, "  %s\n", right);
}

/* What was expected beside what was seen. */
static void
s_rows (const zloom_play_failure_t *failure, const char *indent, zloom_buf_t *out)
{
    size_t same = 0;
    size_t other = 0;
    if (failure->row_count == 0) {
        return;
    }
    s_columns (out, indent, ' ', "expected", "seen");
    for (size_t i = 0; i < failure->row_count; i++) {
        const zloom_play_row_t *row = &failure->rows[i];
        same += row->same;
        other += !row->same;
        if (failure->row_count <= ROWS_SHOWN || (!row->same && other <= ROWS_SHOWN)) {
            s_columns (out, indent, row->same ? ' ' : '!', row->expected ? row->expected : "-",
                       row->seen ? row->seen : "-");
        }
    }
    if (failure->row_count > ROWS_SHOWN) {
        zloom_buf_printf (out, "%s  (%zu as expected, %zu not)\n", indent, same, other);
    }
}

/* ---- text ----------------------------------------------------------------------------------- */

/* What the recipe says of a case, on one line. */
static void
s_about (const zloom_case_t *one, const char *before, const char *escaped, zloom_buf_t *out)
{
    if (!one->about) {
        return;
    }
    zloom_buf_add_text (out, before);
    for (const char *at = one->about; *at; at++) {
        const unsigned char byte = (unsigned char) *at;
        zloom_buf_printf (out, "%s%c", strchr (escaped, *at) ? "\\" : "",
                          byte < ' ' || byte == 0x7f ? '.' : byte);
    }
}

void
zloom_test_report_text (const zloom_test_report_t *self, zloom_buf_t *out)
{
    for (size_t i = 0; i < self->count; i++) {
        const zloom_test_run_t *run = &self->runs[i];
        const bool failed = run->result.failure_count > 0;
        char time[48];
        zloom_buf_printf (out, "%s  %s", failed ? "FAILED" : "ok    ", run->one->name);
        if (run->result.time_ns > 0) {
            zloom_buf_printf (out, "  (%s)", zloom_duration_text (run->result.time_ns, time));
        }
        s_about (run->one, "  ", "", out);
        zloom_buf_add_text (out, "\n");
        for (size_t j = 0; j < run->result.failure_count; j++) {
            zloom_buf_add_text (out, "  ");
            s_place (self, &run->result.failures[j], out);
            zloom_buf_add_text (out, "\n");
            s_rows (&run->result.failures[j], "    ", out);
        }
    }
    zloom_buf_printf (out, "%s: %zu case%s, %zu failed\n", self->file, self->count,
                      self->count == 1 ? "" : "s", self->failed);
}

/* ---- TAP 14 --------------------------------------------------------------------------------- */

/* The YAML block behind a line that is not ok; texts in JSON's quotes are YAML, too. */
static void
s_tap_block (const zloom_test_report_t *self, const zloom_test_run_t *run, zloom_buf_t *out)
{
    zloom_buf_t text = {0};
    zloom_buf_add_text (out, "  ---\n  failures:\n");
    for (size_t i = 0; i < run->result.failure_count; i++) {
        const zloom_play_failure_t *failure = &run->result.failures[i];
        zloom_buf_clear (&text);
        s_place (self, failure, &text);
        zloom_buf_add_text (out, "    - message: ");
        zloom_quote_json (out, zloom_buf_text (&text));
        zloom_buf_add_text (out, "\n      at: {file: ");
        zloom_quote_json (out, self->file);
        zloom_buf_printf (out, ", line: %d, column: %d}\n", failure->at.line, failure->at.column);
        for (size_t j = 0; j < failure->row_count && j < ROWS_SHOWN; j++) {
            const zloom_play_row_t *row = &failure->rows[j];
            zloom_buf_add_text (out,
                                j ? "        - expected: " : "      rows:\n        - expected: ");
            row->expected ? zloom_quote_json (out, row->expected)
                          : zloom_buf_add_text (out, "null");
            zloom_buf_add_text (out, "\n          seen: ");
            row->seen ? zloom_quote_json (out, row->seen) : zloom_buf_add_text (out, "null");
            zloom_buf_printf (out, "\n          same: %s\n", row->same ? "true" : "false");
        }
    }
    zloom_buf_add_text (out, "  ...\n");
    zloom_buf_fini (&text);
}

void
zloom_test_report_tap (const zloom_test_report_t *self, zloom_buf_t *out)
{
    zloom_buf_printf (out, "TAP version 14\n1..%zu\n", self->count);
    for (size_t i = 0; i < self->count; i++) {
        const zloom_test_run_t *run = &self->runs[i];
        const bool failed = run->result.failure_count > 0;
        zloom_buf_printf (out, "%s %zu - %s", failed ? "not ok" : "ok", i + 1, run->one->name);
        s_about (run->one, ": ", "#\\", out); /* it must not look like a directive */
        zloom_buf_add_text (out, "\n");
        if (failed) {
            s_tap_block (self, run, out);
        }
    }
}

/* ---- JUnit ---------------------------------------------------------------------------------- */

/* XML has no way to write most control characters. */
static void
s_xml (const char *text, zloom_buf_t *out)
{
    for (; *text; text++) {
        const unsigned char byte = (unsigned char) *text;
        const char *name = byte == '&'    ? "&amp;"
                           : byte == '<'  ? "&lt;"
                           : byte == '>'  ? "&gt;"
                           : byte == '"'  ? "&quot;"
                           : byte == '\n' ? "&#10;"
                                          : NULL;
        if (name) {
            zloom_buf_add_text (out, name);
        } else {
            zloom_buf_printf (out, "%c", byte < ' ' ? '.' : byte);
        }
    }
}

static void
s_seconds (int64_t ns, zloom_buf_t *out)
{
    zloom_buf_printf (out, " time=\"%.3f\"", (double) ns / 1e9);
}

static void
s_junit_case (const zloom_test_report_t *self, const zloom_test_run_t *run, zloom_buf_t *out)
{
    zloom_buf_t text = {0};
    zloom_buf_add_text (out, "    <testcase name=\"");
    s_xml (run->one->name, out);
    zloom_buf_add_text (out, "\" classname=\"");
    s_xml (zloom_recipe_name (self->recipe), out);
    zloom_buf_add_text (out, "\" file=\"");
    s_xml (self->file, out);
    zloom_buf_printf (out, "\" line=\"%d\"", run->one->at.line);
    s_seconds (run->took_ns, out);
    zloom_buf_add_text (out, run->result.failure_count > 0 ? ">\n" : "/>\n");
    for (size_t i = 0; i < run->result.failure_count; i++) {
        zloom_buf_clear (&text);
        s_place (self, &run->result.failures[i], &text);
        zloom_buf_add_text (out, "      <failure type=\"expectation\" message=\"");
        s_xml (zloom_buf_text (&text), out);
        zloom_buf_add_text (out, "\">");
        zloom_buf_clear (&text);
        s_rows (&run->result.failures[i], "", &text);
        s_xml (zloom_buf_text (&text), out);
        zloom_buf_add_text (out, "</failure>\n");
    }
    if (run->result.failure_count > 0) {
        zloom_buf_add_text (out, "    </testcase>\n");
    }
    zloom_buf_fini (&text);
}

void
zloom_test_report_junit (const zloom_test_report_t *self, zloom_buf_t *out)
{
    int64_t took_ns = 0;
    for (size_t i = 0; i < self->count; i++) {
        took_ns += self->runs[i].took_ns;
    }
    zloom_buf_add_text (out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                             "  <testsuite name=\"");
    s_xml (zloom_recipe_name (self->recipe), out);
    zloom_buf_printf (out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\"",
                      self->count, self->failed);
    s_seconds (took_ns, out);
    zloom_buf_add_text (out, ">\n");
    for (size_t i = 0; i < self->count; i++) {
        s_junit_case (self, &self->runs[i], out);
    }
    zloom_buf_add_text (out, "  </testsuite>\n</testsuites>\n");
}
