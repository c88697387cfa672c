/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_test.c - `test`: the cases of a recipe, played on a clock of their own. */
#include "commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nodes/router/router_flows.h"
#include "test_real.h"
#include "test_report.h"
#include "topology.h"

#include <stdlib.h>
#include <string.h>

typedef void (s_report_fn) (const zloom_test_report_t *report, zloom_buf_t *out);

/* -o; NULL after a message. */
static s_report_fn *
s_form (const zloom_cli_t *cli)
{
    static const struct {
        const char *name;
        s_report_fn *report;
    } forms[] = {
      {"text", zloom_test_report_text},   {"tap", zloom_test_report_tap},
      {"junit", zloom_test_report_junit}, {"json", zloom_test_report_json},
      {"jsonl", zloom_test_report_jsonl},
    };
    const char *name = zloom_cli_option (cli, "output");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!name || strcmp (forms[i].name, name) == 0) {
            return forms[i].report;
        }
    }
    (void) zloom_cli_say (cli, ZLOOM_EXIT_USAGE,
                          "--output is text, tap, junit, json or jsonl, not '%s'", name);
    return NULL;
}

/* Whether --case, if it is given, names this one. */
static bool
s_is_meant (const zloom_cli_t *cli, const char *name)
{
    const char *one = NULL;
    bool any = false;
    for (size_t i = 0; (one = zloom_cli_next (cli, "case", &i));) {
        any = true;
        if (strcmp (one, name) == 0) {
            return true;
        }
    }
    return !any;
}

/* Every --case is one of the recipe's; an exit code after a message. */
static int
s_check_names (const zloom_cli_t *cli, const zloom_recipe_t *recipe)
{
    const char *name = NULL;
    if (zloom_recipe_case_count (recipe) == 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_DATA, "%s has no 'tests:'",
                              zloom_recipe_file (recipe));
    }
    for (size_t i = 0; (name = zloom_cli_next (cli, "case", &i));) {
        bool found = false;
        for (size_t j = 0; j < zloom_recipe_case_count (recipe); j++) {
            found = found || strcmp (zloom_recipe_case_at (recipe, j)->name, name) == 0;
        }
        if (!found) {
            return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "%s has no case '%s'",
                                  zloom_recipe_file (recipe), name);
        }
    }
    return ZLOOM_EXIT_OK;
}

static void
s_play (const zloom_cli_t *cli, const zloom_play_config_t *config, zloom_test_report_t *report)
{
    const size_t count = zloom_recipe_case_count (config->recipe);
    report->runs = zloom_alloc (count * sizeof *report->runs);
    for (size_t i = 0; i < count; i++) {
        const zloom_case_t *one = zloom_recipe_case_at (config->recipe, i);
        if (!s_is_meant (cli, one->name)) {
            continue;
        }
        zloom_test_run_t *run = &report->runs[report->count++];
        const int64_t from_ns = zloom_clock_mono_ns ();
        zloom_test_real_t *real = zloom_test_real_new (config->recipe);
        zloom_play_config_t own = *config;
        own.work = zloom_test_real_work;
        own.killed = zloom_test_real_killed;
        own.arg = real;
        run->one = one;
        zloom_play_case (&own, one, &run->result);
        zloom_test_real_destroy (&real);
        run->took_ns = zloom_clock_mono_ns () - from_ns;
        report->failed += run->result.failure_count > 0;
    }
}

static int
s_run (const zloom_cli_t *cli, const zloom_recipe_t *recipe, s_report_fn *form)
{
    zloom_test_report_t report = {.recipe = recipe, .file = zloom_recipe_file (recipe)};
    zloom_router_flows_t flows = {.count = 0};
    zloom_buf_t out = {0};
    zloom_play_config_t config = {.recipe = recipe};
    zloom_err_t err = zloom_router_flows (recipe, NULL, &flows);
    config.flows = flows.flows;
    config.flow_count = flows.count;
    int code = err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
    if (code == ZLOOM_EXIT_OK) {
        s_play (cli, &config, &report);
        form (&report, &out);
        code = zloom_cli_write (cli, zloom_buf_bytes (&out));
    }
    if (code == ZLOOM_EXIT_OK && report.failed > 0) {
        code = ZLOOM_EXIT_FAILED;
    }
    for (size_t i = 0; i < report.count; i++) {
        zloom_play_result_fini (&report.runs[i].result);
    }
    zloom_buf_fini (&out);
    free (report.runs);
    zloom_router_flows_fini (&flows);
    return code;
}

int
zloom_cmd_test (zloom_cli_t *cli)
{
    s_report_fn *form = s_form (cli);
    if (!form) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_topology_t topology;
    int code = zloom_topology_read (cli, false, NULL, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    if (!getenv ("ZLOOM_DEBUG")) {
        zloom_log_set (ZLOOM_LOG_ERROR, NULL, NULL); /* nodes that are killed on purpose say much */
    }
    code = s_check_names (cli, topology.recipe);
    if (code == ZLOOM_EXIT_OK) {
        code = s_run (cli, topology.recipe, form);
    }
    zloom_topology_fini (&topology);
    return code;
}
