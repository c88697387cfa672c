/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_run.c - `run`: a recipe as supervised processes. */
#include "commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/units.h"
#include "fleet.h"
#include "launch/leftovers.h"
#include "launch/supervisor.h"
#include "launch/watch.h"
#include "nodes/embed/threads.h"
#include "nodes/node.h"
#include "patterns/node_config.h"
#include "print.h"
#include "recipe/registry.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What nodes of a supervisor that was killed get beyond their time to drain. */
#define LEFTOVER_NS (5 * ZLOOM_NS_PER_S)

/* What `run` was asked for, beside the recipe. */
typedef struct {
    int64_t grace_ns;
    int64_t log_bytes; /* 0: logs go to stderr */
    int ready_fd;
    int stop_fd;
    zloom_obituary_t obituary;
} s_run_t;

/* The --set values go on to each node process. */
static const char **
s_extra (const zloom_topology_t *topology)
{
    const char **extra = zloom_alloc ((topology->set_count * 2 + 1) * sizeof *extra);
    for (size_t i = 0; i < topology->set_count; i++) {
        extra[i * 2] = "--set";
        extra[i * 2 + 1] = topology->sets[i];
    }
    return extra;
}

/* The addresses of all routers, to be freed; the file of addresses is written beside. */
static zloom_err_t
s_find_routers (const zloom_topology_t *topology, char **lines_p)
{
    const zloom_node_args_t args = zloom_topology_args (topology);
    const zloom_err_t err = zloom_topology_write_doors (topology);
    return err == ZLOOM_OK ? zloom_node_endpoints (&args, lines_p) : err;
}

/* The supervisor's sessions; with a fleet their name says of which host, since each has one. */
static zloom_watches_t *
s_watches (const zloom_topology_t *topology, const char *lines)
{
    char name[sizeof ZLOOM_SUPERVISOR_NAME + ZLOOM_NAME_MAX + 1];
    (void) snprintf (name, sizeof name, "%s%s%s", ZLOOM_SUPERVISOR_NAME, topology->host ? "-" : "",
                     topology->host ? topology->host : "");
    return zloom_watches_new (topology->recipe, name, lines);
}

static zloom_err_t
s_run_processes (const zloom_cli_t *cli, const zloom_topology_t *topology, s_run_t *run,
                 zloom_logfile_t *log)
{
    char *endpoints = NULL;
    zloom_err_t err = s_find_routers (topology, &endpoints);
    if (err != ZLOOM_OK) {
        free (endpoints);
        return err;
    }
    zloom_watches_t *watcher = s_watches (topology, endpoints);
    zloom_watch_t watch = zloom_watches_port (watcher);
    free (endpoints);
    const char **extra = s_extra (topology);
    const char *const place[] = {"--fleet", topology->fleet_path, "--host", topology->host,
                                 "--keys",  topology->key_folder, NULL};
    const zloom_plan_here_t here = {zloom_fleet_runs, (void *) (uintptr_t) topology};
    zloom_supervisor_config_t config = {
      .recipe = topology->recipe,
      .paths = &topology->paths,
      .exe = cli->exe,
      .recipe_path = topology->path,
      .here = topology->fleet ? &here : NULL,
      .extra = extra,
      .place = topology->fleet ? place : NULL,
      .ready_fd = run->ready_fd,
      .stop_fd = run->stop_fd,
      .ready_limit_ns = 10 * ZLOOM_NS_PER_S,
      .grace_ns = run->grace_ns,
      .until_idle = zloom_cli_option (cli, "until-idle") != NULL,
      .controlled = true,
      .adopts = true,
      .metrics = zloom_cli_option (cli, "metrics"),
      .version = ZLOOM_VERSION_TEXT,
      .watch = &watch,
      .log = log,
      .obituary = &run->obituary,
    };
    err = zloom_supervisor_run (&config);
    zloom_watches_destroy (&watcher);
    free (extra);
    return err;
}

static zloom_err_t
s_run_threads (const zloom_cli_t *cli, const zloom_topology_t *topology, const s_run_t *run)
{
    char inner[ZLOOM_ENDPOINT_BYTES];
    zloom_threads_endpoint (inner);
    const zloom_threads_config_t config = {
      .recipe = topology->recipe,
      .paths = &topology->paths,
      .inner = inner,
      .grace_ns = run->grace_ns,
      .controlled = true,
      .metrics = zloom_cli_option (cli, "metrics"),
      .version = ZLOOM_VERSION_TEXT,
      .until_idle = zloom_cli_option (cli, "until-idle") != NULL,
    };
    return zloom_threads_run (&config, run->ready_fd, run->stop_fd);
}

static zloom_err_t
s_run_logged (const zloom_cli_t *cli, const zloom_topology_t *topology, s_run_t *run)
{
    zloom_logfile_t *log = NULL;
    zloom_err_t err = run->log_bytes == 0
                        ? ZLOOM_OK
                        : zloom_logfile_open (topology->paths.state, run->log_bytes, &log);
    if (err != ZLOOM_OK) {
        return err;
    }
    const zloom_log_level_t level = getenv ("ZLOOM_DEBUG") ? ZLOOM_LOG_DEBUG : ZLOOM_LOG_INFO;
    if (log) {
        zloom_log_set (level, zloom_logfile_sink, log);
    }
    err = zloom_leftovers_wait (
      &topology->paths, run->stop_fd,
      zloom_time_add (zloom_clock_mono_ns (), ZLOOM_NODE_DRAIN_NS + LEFTOVER_NS));
    if (err == ZLOOM_OK && zloom_cli_option (cli, "threads")) {
        zloom_recipe_hide_secrets (topology->recipe);
        err = s_run_threads (cli, topology, run);
    } else if (err == ZLOOM_OK) {
        err = s_run_processes (cli, topology, run, log);
    }
    zloom_log_set (level, zloom_log_stderr, NULL);
    zloom_logfile_close (&log);
    return err == ZLOOM_CLOSED ? ZLOOM_OK : err;
}

static zloom_err_t
s_supervise (const zloom_cli_t *cli, const zloom_topology_t *topology, s_run_t *run)
{
    int lock = -1;
    zloom_err_t err = zloom_paths_lock (&topology->paths, &lock);
    if (err != ZLOOM_OK) {
        return err;
    }
    run->stop_fd = zloom_cli_stop_fd ();
    err = run->stop_fd < 0 ? ZLOOM_SYSTEM : s_run_logged (cli, topology, run);
    close (lock);
    return err;
}

/* For `up`, which waits at the other end: why it did not come so far. */
static void
s_report (const s_run_t *run, const char *text)
{
    zloom_buf_t words = run->obituary.words;
    json_t *report = json_object ();
    json_object_set_new (report, "text", zloom_print_text (zloom_bytes_text (text)));
    json_object_set_new (report, "unit", json_string (run->obituary.unit));
    json_object_set_new (report, "words", zloom_print_text (zloom_buf_bytes (&words)));
    char *line = json_dumps (report, JSON_COMPACT);
    json_decref (report);
    if (line) {
        /* Who has not waited does not want to know. */
        const ssize_t written = write (run->ready_fd, line, strlen (line));
        (void) written;
    }
    free (line);
}

/* Actors are functions of programs that embed a recipe: this one has none. */
int
zloom_run_check_actors (const zloom_cli_t *cli, const zloom_recipe_t *recipe)
{
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        const zloom_worker_config_t *worker =
          node->kind->id == ZLOOM_NODE_WORKER ? node->config : NULL;
        if (worker && worker->actor) {
            return zloom_cli_say (cli, ZLOOM_EXIT_RECIPE,
                                  "worker '%s' has the actor '%s', a function of a program that "
                                  "embeds this recipe (zloom.h): start that program instead",
                                  node->name, worker->actor);
        }
    }
    return ZLOOM_EXIT_OK;
}

bool
zloom_run_log_bytes (const zloom_cli_t *cli, int64_t *bytes)
{
    const char *value = zloom_cli_option (cli, "log-size");
    *bytes = ZLOOM_LOGFILE_BYTES;
    if (value &&
        (zloom_parse_size (value, bytes) != ZLOOM_OK || *bytes < ZLOOM_LOGFILE_LEAST_BYTES)) {
        zloom_cli_say (cli, 0, "--log-size takes a size of at least 4KiB, like 16MiB, not '%s'",
                       value);
        return false;
    }
    return true;
}

static bool
s_read_options (const zloom_cli_t *cli, s_run_t *run)
{
    int64_t ready_fd = -1;
    *run = (s_run_t){.stop_fd = -1};
    if (!zloom_cli_duration (cli, "grace", 30 * ZLOOM_NS_PER_S, &run->grace_ns) ||
        !zloom_cli_int (cli, "ready-fd", 3, 1024, -1, &ready_fd) ||
        !zloom_run_log_bytes (cli, &run->log_bytes)) {
        return false;
    }
    run->ready_fd = (int) ready_fd;
    if (zloom_cli_option (cli, "log-size") && !zloom_cli_option (cli, "logs")) {
        zloom_cli_say (cli, 0, "--log-size is for --logs: without it there is no log file");
        return false;
    }
    run->log_bytes = zloom_cli_option (cli, "logs") ? run->log_bytes : 0;
    if (run->log_bytes > 0 && zloom_cli_option (cli, "threads")) {
        zloom_cli_say (cli, 0, "--logs is for processes: threads share one stdout with you");
        return false;
    }
    return true;
}

static int
s_run (const zloom_cli_t *cli, const zloom_topology_t *topology, s_run_t *run)
{
    zloom_err_t err = zloom_paths_make (&topology->paths);
    if (err == ZLOOM_SYSTEM) {
        return zloom_cli_say (cli, ZLOOM_EXIT_CREATE, "%s", zloom_note ());
    }
    err = err == ZLOOM_OK ? s_supervise (cli, topology, run) : err;
    if (err == ZLOOM_OK) {
        return ZLOOM_EXIT_OK;
    }
    char text[ZLOOM_NOTE_BYTES + ZLOOM_NAME_MAX + 8];
    const char *note = *zloom_note () ? zloom_note () : zloom_err_text (err);
    if (err == ZLOOM_LOCKED) {
        (void) snprintf (text, sizeof text, "'%s' %s", zloom_recipe_name (topology->recipe), note);
    } else {
        (void) snprintf (text, sizeof text, "%s", note);
    }
    if (run->ready_fd >= 0) {
        s_report (run, text);
    }
    return zloom_cli_say (cli, err == ZLOOM_LOCKED ? ZLOOM_EXIT_CREATE : zloom_cli_exit_code (err),
                          "%s", text);
}

/* What means nothing on one host of several. */
static int
s_check_fleet (const zloom_cli_t *cli, const zloom_topology_t *topology)
{
    if (topology->fleet && zloom_cli_option (cli, "threads")) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--threads is for a recipe on one host");
    }
    if (topology->fleet && !zloom_fleet_has_routers (topology) &&
        zloom_cli_option (cli, "until-idle")) {
        return zloom_cli_say (
          cli, ZLOOM_EXIT_USAGE,
          "--until-idle is for the host that all routers are on: only they know "
          "what is left to do");
    }
    return ZLOOM_EXIT_OK;
}

int
zloom_cmd_run (zloom_cli_t *cli)
{
    s_run_t run;
    if (!s_read_options (cli, &run)) {
        return ZLOOM_EXIT_USAGE;
    }
    /* Only with its nodes in this process does it need their secrets. */
    const char *secrets_of = zloom_cli_option (cli, "threads") ? "*" : NULL;
    zloom_topology_t topology;
    int code = zloom_topology_load (cli, true, secrets_of, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    code = zloom_run_check_actors (cli, topology.recipe);
    if (code == ZLOOM_EXIT_OK) {
        code = s_check_fleet (cli, &topology);
    }
    if (code == ZLOOM_EXIT_OK) {
        code = s_run (cli, &topology, &run);
    }
    zloom_buf_fini (&run.obituary.words);
    zloom_topology_fini (&topology);
    return code;
}
