/* SPDX-License-Identifier: MPL-2.0 */
/* test_report_json.c - what came of a recipe's cases, for programs. */
#include "test_report.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdlib.h>

/* NULL is null; what is no UTF-8 (a file's name may be) is a question mark. */
static json_t *
s_text (const char *text)
{
    json_t *value = text ? json_string (text) : json_null ();
    return value ? value : json_string ("?");
}

static json_t *
s_failure (const zloom_play_failure_t *failure)
{
    json_t *rows = json_array ();
    for (size_t i = 0; i < failure->row_count; i++) {
        const zloom_play_row_t *row = &failure->rows[i];
        json_array_append_new (rows,
                               json_pack ("{s:o, s:o, s:b}", "expected", s_text (row->expected),
                                          "seen", s_text (row->seen), "same", (int) row->same));
    }
    return json_pack ("{s:o, s:i, s:i, s:I, s:o}", "what", s_text (failure->what), "line",
                      failure->at.line, "column", failure->at.column, "after_ms",
                      (json_int_t) (failure->time_ns / ZLOOM_NS_PER_MS), "rows", rows);
}

static json_t *
s_case (const zloom_test_report_t *self, const zloom_test_run_t *run)
{
    const zloom_play_result_t *result = &run->result;
    json_t *failures = json_array ();
    for (size_t i = 0; i < result->failure_count; i++) {
        json_array_append_new (failures, s_failure (&result->failures[i]));
    }
    return json_pack ("{s:s, s:s, s:o, s:o, s:i, s:b, s:I, s:I, s:o}", "recipe",
                      zloom_recipe_name (self->recipe), "case", run->one->name, "about",
                      s_text (run->one->about), "file", s_text (self->file), "line",
                      run->one->at.line, "passed", (int) (result->failure_count == 0), "played_ms",
                      (json_int_t) (result->time_ns / ZLOOM_NS_PER_MS), "took_ms",
                      (json_int_t) (run->took_ns / ZLOOM_NS_PER_MS), "failures", failures);
}

static void
s_print (json_t *value, size_t flags, zloom_buf_t *out)
{
    char *text = json_dumps (value, flags);
    zloom_buf_add_text (out, text);
    zloom_buf_add_text (out, "\n");
    free (text);
    json_decref (value);
}

void
zloom_test_report_json (const zloom_test_report_t *self, zloom_buf_t *out)
{
    json_t *cases = json_array ();
    for (size_t i = 0; i < self->count; i++) {
        json_array_append_new (cases, s_case (self, &self->runs[i]));
    }
    s_print (cases, JSON_INDENT (2), out);
}

void
zloom_test_report_jsonl (const zloom_test_report_t *self, zloom_buf_t *out)
{
    for (size_t i = 0; i < self->count; i++) {
        s_print (s_case (self, &self->runs[i]), JSON_COMPACT, out);
    }
}
