/* SPDX-License-Identifier: MPL-2.0 */
/* report.c - see report.h. */
#include "journal/report.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_DAMAGED 65

/* Add a finding; takes `file`. A place to fill in more, or a scratch one when they are too many. */
zloom_finding_t *
zloom_report_find (zloom_doctor_report_t *report, zloom_finding_kind_t kind, char *file,
                   uint64_t offset, const char *format, ...)
{
    static _Thread_local zloom_finding_t s_scratch;
    report->damages += kind == ZLOOM_FINDING_DAMAGE;
    report->notes += kind == ZLOOM_FINDING_NOTE;
    if (report->finding_count == ZLOOM_FINDINGS_MOST) {
        free (file);
        return &s_scratch;
    }
    zloom_grow (&report->findings, &report->finding_capacity, report->finding_count + 1,
                sizeof *report->findings);
    zloom_finding_t *finding = &report->findings[report->finding_count++];
    zloom_buf_t text = {0};
    va_list args;
    va_start (args, format);
    char line[512];
    (void) vsnprintf (line, sizeof line, format, args);
    va_end (args);
    zloom_buf_add_text (&text, line);
    *finding = (zloom_finding_t){
      .kind = kind, .file = file, .offset = offset, .text = zloom_strdup (zloom_buf_text (&text))};
    zloom_buf_fini (&text);
    return finding;
}

zloom_doctor_flow_t *
zloom_report_flow (zloom_doctor_report_t *report, uint32_t number)
{
    for (size_t i = 0; i < report->flow_count; i++) {
        if (report->flows[i].number == number) {
            return &report->flows[i];
        }
    }
    report->flows = zloom_realloc (report->flows, report->flow_count + 1, sizeof *report->flows);
    zloom_doctor_flow_t *flow = &report->flows[report->flow_count++];
    *flow = (zloom_doctor_flow_t){.number = number, .name = zloom_strdup (""), .first = UINT64_MAX};
    return flow;
}

void
zloom_report_name_flow (zloom_doctor_flow_t *flow, zloom_bytes_t name)
{
    free (flow->name);
    flow->name = zloom_memdup_text (name.data, name.size);
}

int
zloom_doctor_exit_code (const zloom_doctor_report_t *report)
{
    return report->damages > 0 ? EXIT_DAMAGED : 0;
}

void
zloom_doctor_fini (zloom_doctor_report_t *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        free (report->findings[i].file);
        free (report->findings[i].text);
    }
    for (size_t i = 0; i < report->flow_count; i++) {
        free (report->flows[i].name);
    }
    free (report->findings);
    free (report->flows);
    *report = (zloom_doctor_report_t){0};
}
