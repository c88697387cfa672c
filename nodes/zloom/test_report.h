/* SPDX-License-Identifier: MPL-2.0 */
/* test_report.h - what came of a recipe's cases, for people, as TAP 14, JUnit XML and JSON. */
#ifndef ZLOOM_CLI_TEST_REPORT_H
#define ZLOOM_CLI_TEST_REPORT_H

#include "base/bytes.h"
#include "play/play.h"

typedef struct {
    const zloom_case_t *one;
    zloom_play_result_t result;
    int64_t took_ns; /* real time */
} zloom_test_run_t;

typedef struct {
    const zloom_recipe_t *recipe;
    const char *file; /* as the user named it */
    zloom_test_run_t *runs;
    size_t count;
    size_t failed;
} zloom_test_report_t;

void zloom_test_report_text (const zloom_test_report_t *self, zloom_buf_t *out);
void zloom_test_report_tap (const zloom_test_report_t *self, zloom_buf_t *out);
void zloom_test_report_junit (const zloom_test_report_t *self, zloom_buf_t *out);
/* An array of cases, or a case a line. */
void zloom_test_report_json (const zloom_test_report_t *self, zloom_buf_t *out);
void zloom_test_report_jsonl (const zloom_test_report_t *self, zloom_buf_t *out);

#endif
