/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_run.c - `run`: a recipe as supervised processes; `node`: one of its nodes alone. */
#include "commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/units.h"
#include "launch/leftovers.h"
#include "launch/supervisor.h"
#include "launch/watch.h"
#include "nodes/embed/kinds.h"
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

/* ---- run ------------------------------------------------------------------------------------ */

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

static zloom_err_t
s_run_processes (const zloom_cli_t *cli, const zloom_topology_t *topology, s_run_t *run,
                 zloom_logfile_t *log)
{
    zloom_node_args_t args = {.recipe = topology->recipe, .runtime_dir = topology->paths.runtime};
    char *endpoints = NULL;
    zloom_err_t err = zloom_node_endpoints (&args, &endpoints);
    if (err == ZLOOM_OK) {
        err = zloom_paths_write_endpoint (&topology->paths, endpoints);
    }
    if (err != ZLOOM_OK) {
        free (endpoints);
        return err;
    }
    zloom_watches_t *watcher = zloom_watches_new (topology->recipe, endpoints);
    zloom_watch_t watch = zloom_watches_port (watcher);
    free (endpoints);
    const char **extra = s_extra (topology);
    zloom_supervisor_config_t config = {
      .recipe = topology->recipe,
      .paths = &topology->paths,
      .exe = cli->exe,
      .recipe_path = topology->path,
      .extra = extra,
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
      zloom_time_add (zloom_clock_now ().mono_ns, ZLOOM_NODE_DRAIN_NS + LEFTOVER_NS));
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
        code = s_run (cli, &topology, &run);
    }
    zloom_buf_fini (&run.obituary.words);
    zloom_topology_fini (&topology);
    return code;
}

/* ---- node ----------------------------------------------------------------------------------- */

/* The supervisor's nonce, "ZLOOM_NONCE=<32 hex digits>"; false when there is none. */
static bool
s_nonce (uint8_t nonce[16])
{
    const char *text = getenv ("ZLOOM_NONCE");
    if (!text || strlen (text) != 32 || strspn (text, "0123456789abcdef") != 32) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        char pair[3] = {text[i * 2], text[i * 2 + 1], 0};
        nonce[i] = (uint8_t) strtoul (pair, NULL, 16);
    }
    return true;
}

/* A supervisor may run more workers than the recipe says (`zloom scale`). */
static int64_t
s_replicas (const zloom_recipe_node_t *node)
{
    return node->kind->id == ZLOOM_NODE_WORKER ? ZLOOM_REPLICAS_MAX : 1;
}

/* The node that the words name, and which replica of it; NULL after a message. */
static const zloom_recipe_node_t *
s_pick (const zloom_cli_t *cli, const zloom_recipe_t *recipe, int64_t *replica)
{
    const char *name = cli->words[1];
    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, name);
    if (!node) {
        zloom_buf_t names = {0};
        for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
            zloom_buf_printf (&names, " %s", zloom_recipe_node_at (recipe, i)->name);
        }
        zloom_cli_say (cli, 0, "no node '%s' in %s; there are:%s", name, zloom_recipe_file (recipe),
                       zloom_buf_text (&names));
        zloom_buf_fini (&names);
        return NULL;
    }
    return zloom_cli_int (cli, "replica", 1, s_replicas (node), 1, replica) ? node : NULL;
}

/*
 * A router that runs alone (one unit a node) is its topology for those who look for it; of several
 * the first that comes speaks for all. Under a supervisor, that holds the lock and has said so.
 * Returns the lock, or -1.
 */
static int
s_announce (const zloom_paths_t *paths, const zloom_node_args_t *args)
{
    int lock = -1;
    char *endpoints = NULL;
    if (args->node->kind->id != ZLOOM_NODE_ROUTER || zloom_paths_lock (paths, &lock) != ZLOOM_OK) {
        return -1;
    }
    if (zloom_node_endpoints (args, &endpoints) != ZLOOM_OK ||
        zloom_paths_write_endpoint (paths, endpoints) != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_WARN, "endpoint", "%s", zloom_note ());
    }
    free (endpoints);
    return lock;
}

static zloom_err_t
s_run_node (const zloom_cli_t *cli, const zloom_topology_t *topology,
            const zloom_recipe_node_t *node, int64_t replica, int ready_fd)
{
    char name[ZLOOM_NAME_MAX + 24];
    zloom_plan_unit_name (node, replica, name, sizeof name);
    zloom_paths_t paths = topology->paths;
    const char *runtime = zloom_cli_option (cli, "runtime");
    if (runtime) {
        (void) snprintf (paths.runtime, sizeof paths.runtime, "%s", runtime);
    }
    zloom_err_t err = zloom_paths_make (&paths);
    if (err != ZLOOM_OK) {
        return err;
    }
    uint8_t nonce[16];
    zloom_node_args_t args = {
      .recipe = topology->recipe,
      .recipe_path = topology->path,
      .node = node,
      .name = name,
      .nonce = s_nonce (nonce) ? nonce : NULL,
      .state_dir = paths.state,
      .runtime_dir = paths.runtime,
      .ready_fd = ready_fd,
      .stop_fd = zloom_cli_stop_fd (),
      .drain_ns = ZLOOM_NODE_DRAIN_NS,
    };
    int lock = s_announce (&paths, &args);
    err = args.stop_fd < 0 ? ZLOOM_SYSTEM : zloom_node_kind_run (node) (&args);
    if (lock >= 0) {
        close (lock);
    }
    return err;
}

int
zloom_cmd_node (zloom_cli_t *cli)
{
    int64_t ready_fd = -1;
    if (!zloom_cli_int (cli, "ready-fd", 3, 1024, -1, &ready_fd)) {
        return ZLOOM_EXIT_USAGE;
    }
    const char *name = zloom_cli_word (cli, 1, "NAME");
    if (!name) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_topology_t topology;
    int code = zloom_topology_load (cli, false, name, &topology);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    int64_t replica = 1;
    const zloom_recipe_node_t *node = s_pick (cli, topology.recipe, &replica);
    if (!node) {
        zloom_topology_fini (&topology);
        return ZLOOM_EXIT_USAGE;
    }
    zloom_recipe_hide_secrets (topology.recipe);
    zloom_err_t err = s_run_node (cli, &topology, node, replica, (int) ready_fd);
    if (err != ZLOOM_OK) {
        const char *note = zloom_note ();
        zloom_log (ZLOOM_LOG_ERROR, "node-failed", "node=%s error=%s %s", node->name,
                   zloom_err_name (err), *note ? note : zloom_err_text (err));
    }
    zloom_topology_fini (&topology);
    return zloom_node_exit_code (err);
}
