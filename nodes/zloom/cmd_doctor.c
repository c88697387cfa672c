/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_doctor.c - `doctor`: a journal that nobody has open, examined and reported. */
#include "commands.h"

#include "base/memory.h"
#include "journal/doctor.h"
#include "print.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

/* The folders of journals to look at; to be freed, each and the array. */
typedef struct {
    char **items;
    size_t count;
    size_t capacity;
} s_places_t;

static bool
s_add_folder (s_places_t *self, const char *a, const char *b, const char *c)
{
    char path[PATH_BYTES];
    struct stat info;
    const int size =
      snprintf (path, sizeof path, "%s%s%s%s%s", a, *b ? "/" : "", b, *c ? "/" : "", c);
    if (size < 0 || size >= PATH_BYTES || stat (path, &info) != 0 || !S_ISDIR (info.st_mode)) {
        return false;
    }
    zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof *self->items);
    self->items[self->count++] = zloom_strdup (path);
    return true;
}

static int
s_by_name (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/* DIR itself, the journal in it, or those of all routers whose topology keeps its state there. */
static s_places_t
s_places (const char *word)
{
    s_places_t self = {.count = 0};
    if (s_add_folder (&self, word, "journal", "")) {
        return self;
    }
    DIR *folder = opendir (word);
    const struct dirent *entry = NULL;
    while (folder && (entry = readdir (folder))) {
        if (entry->d_name[0] != '.') {
            (void) s_add_folder (&self, word, entry->d_name, "journal");
        }
    }
    if (folder) {
        closedir (folder);
    }
    if (self.count > 1) {
        qsort (self.items, self.count, sizeof *self.items, s_by_name);
    } else if (self.count == 0) {
        zloom_grow (&self.items, &self.capacity, 1, sizeof *self.items);
        self.items[self.count++] = zloom_strdup (word);
    }
    return self;
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
        if (flow->number == 0) {
            continue; /* the log's own records */
        }
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

/* What DIR has to be, when it is not. */
static int
s_fail (const zloom_cli_t *cli, const char *directory, zloom_err_t err)
{
    struct stat info;
    if (err == ZLOOM_LOCKED) {
        return zloom_cli_say (cli, zloom_cli_exit_code (err),
                              "%s is in use: stop what runs there (zloom down); while it runs, "
                              "zloom stats counts the holes of its log",
                              directory);
    }
    if (stat (directory, &info) != 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_FAILED,
                              "there is no folder %s: DIR is the state folder of a topology "
                              "(~/.local/state/zloom/NAME, or what --state said)",
                              directory);
    }
    return zloom_cli_fail (cli, err);
}

static int
s_examine (const zloom_cli_t *cli, zloom_output_t output, const char *directory)
{
    zloom_doctor_report_t report;
    zloom_err_t err = zloom_doctor_examine (zloom_vfs_posix (), directory, &report);
    int code =
      err == ZLOOM_OK ? s_print (cli, output, directory, &report) : s_fail (cli, directory, err);
    if (code == ZLOOM_EXIT_OK) {
        code = zloom_doctor_exit_code (&report);
    }
    zloom_doctor_fini (&report);
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
    s_places_t places = s_places (word);
    int worst = ZLOOM_EXIT_OK;
    if (places.count > 1 && output == ZLOOM_OUTPUT_JSON) {
        worst = zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                               "%zu journals are there, and several reports are no single JSON "
                               "value: -o jsonl has one a line",
                               places.count);
    }
    const bool refused = worst != ZLOOM_EXIT_OK;
    for (size_t i = 0; i < places.count; i++) {
        const int code = refused ? worst : s_examine (cli, output, places.items[i]);
        worst = worst ? worst : code;
        free (places.items[i]);
    }
    free (places.items);
    return worst;
}
