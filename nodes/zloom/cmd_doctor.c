/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_doctor.c - `doctor`: a journal that nobody has open, examined and reported. */
#include "commands.h"

#include "journal/doctor.h"
#include "print.h"

#include <stdio.h>
#include <sys/stat.h>

/* The journal's folder: DIR itself, or the router's journal under a topology's state folder. */
static const char *
s_directory (const char *word, char path[4096])
{
    static const char *const places[] = {"router/journal", "journal"};
    struct stat info;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int size = snprintf (path, 4096, "%s/%s", word, places[i]);
        if (size > 0 && size < 4096 && stat (path, &info) == 0 && S_ISDIR (info.st_mode)) {
            return path;
        }
    }
    return word;
}

static void
s_text (zloom_buf_t *out, const char *directory, const zloom_doctor_report_t *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        const zloom_finding_t *finding = &report->findings[i];
        zloom_buf_printf (out, "%s %s:%llu: %s%s\n",
                          finding->kind == ZLOOM_FINDING_DAMAGE ? "damage" : "note  ",
                          finding->file, (unsigned long long) finding->offset, finding->text,
                          finding->known ? " (known: the router has gone on around it)" : "");
    }
    zloom_buf_printf (
      out,
      "%s: %s; %llu groups, %llu records, %llu bytes checked; %llu hot and %llu cold "
      "segments; attested up to group %llu\n",
      directory, report->damages ? "DAMAGED" : "whole", (unsigned long long) report->groups,
      (unsigned long long) report->records, (unsigned long long) report->bytes,
      (unsigned long long) report->hot_segments, (unsigned long long) report->cold_segments,
      (unsigned long long) report->attested);
    for (size_t i = 0; i < report->flow_count; i++) {
        const zloom_doctor_flow_t *flow = &report->flows[i];
        if (!flow->name[0]) {
            continue; /* the log's own records */
        }
        zloom_buf_printf (out, "  flow %-20s next number %llu\n", flow->name,
                          (unsigned long long) flow->end);
    }
    if (!report->slot_good[0] && !report->slot_good[1]) {
        zloom_buf_add_text (out, "Neither superblock slot is readable: the router cannot open this "
                                 "log. Keep a copy, and go back to a backup.\n");
    } else if (report->damages) {
        zloom_buf_add_text (out, "The router opens such a log: what is damaged becomes a named "
                                 "hole, the rest stays readable.\n");
    }
}

static json_t *
s_finding (const zloom_finding_t *finding)
{
    return json_pack ("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "kind",
                      finding->kind == ZLOOM_FINDING_DAMAGE ? "damage" : "note", "file",
                      finding->file, "offset", (json_int_t) finding->offset, "bytes",
                      (json_int_t) finding->bytes, "first_group", (json_int_t) finding->first_group,
                      "last_group", (json_int_t) finding->last_group, "flow",
                      (json_int_t) finding->flow, "first", (json_int_t) finding->first, "count",
                      (json_int_t) finding->count, "known", finding->known, "text", finding->text);
}

static json_t *
s_json (const char *directory, const zloom_doctor_report_t *report)
{
    json_t *findings = json_array ();
    json_t *flows = json_array ();
    for (size_t i = 0; i < report->finding_count; i++) {
        json_array_append_new (findings, s_finding (&report->findings[i]));
    }
    for (size_t i = 0; i < report->flow_count; i++) {
        const zloom_doctor_flow_t *flow = &report->flows[i];
        json_array_append_new (flows, json_pack ("{s:s, s:I, s:I}", "name", flow->name, "number",
                                                 (json_int_t) flow->number, "end",
                                                 (json_int_t) flow->end));
    }
    return json_pack ("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "directory", directory,
                      "whole", report->damages == 0, "groups", (json_int_t) report->groups,
                      "records", (json_int_t) report->records, "bytes", (json_int_t) report->bytes,
                      "attested", (json_int_t) report->attested, "damages",
                      (json_int_t) report->damages, "notes", (json_int_t) report->notes, "flows",
                      flows, "findings", findings);
}

static int
s_print (const zloom_cli_t *cli, zloom_output_t output, const char *directory,
         const zloom_doctor_report_t *report)
{
    if (output != ZLOOM_OUTPUT_TEXT) {
        return zloom_print_json (cli, s_json (directory, report), output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    s_text (&out, directory, report);
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_doctor (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    const char *word = zloom_cli_word (cli, 0, "DIR");
    if (!word || !zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    char path[4096];
    const char *directory = s_directory (word, path);
    zloom_doctor_report_t report;
    zloom_err_t err = zloom_doctor_examine (zloom_vfs_posix (), directory, &report);
    int code =
      err == ZLOOM_OK ? s_print (cli, output, directory, &report) : zloom_cli_fail (cli, err);
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_doctor_exit_code (&report);
    }
    zloom_doctor_fini (&report);
    return code;
}
