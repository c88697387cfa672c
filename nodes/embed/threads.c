/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/embed/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "launch/supervisor.h"
#include "launch/watch.h"
#include "nodes/embed/kinds.h"

/* As long as a process may take (nodes/zloom/cmd_run.c). */
#define READY_LIMIT_NS (10 * ZLOOM_NS_PER_S)

void
zloom_threads_endpoint (char *endpoint)
{
    static atomic_uint s_count;
    (void) snprintf (endpoint, ZLOOM_ENDPOINT_BYTES, "inproc://zloom-%u",
                     atomic_fetch_add (&s_count, 1) + 1);
}

static zloom_err_t
s_run_node (void *arg, const zloom_plan_unit_t *unit, const uint8_t nonce[16], int ready_fd,
            int stop_fd)
{
    const zloom_threads_config_t *config = arg;
    const zloom_node_args_t args = {
      .recipe = config->recipe,
      .node = unit->node,
      .name = unit->name,
      .nonce = nonce,
      .state_dir = config->paths->state,
      .runtime_dir = config->paths->runtime,
      .inner = config->inner,
      .actors = config->actors,
      .actor_count = config->actor_count,
      .ready_fd = ready_fd,
      .stop_fd = stop_fd,
      .drain_ns = ZLOOM_NODE_DRAIN_NS,
    };
    return zloom_node_kind_run (unit->node) (&args);
}

zloom_err_t
zloom_threads_run (const zloom_threads_config_t *config, int ready_fd, int stop_fd)
{
    zloom_node_args_t place = {.recipe = config->recipe, .runtime_dir = config->paths->runtime};
    char *outer = NULL;
    char *inner = NULL;
    zloom_err_t err = zloom_node_doors (&place, &outer);
    if (err == ZLOOM_OK) {
        err = zloom_paths_write_endpoint (config->paths, outer);
    }
    free (outer);
    place.inner = config->inner;
    err = err ? err : zloom_node_endpoints (&place, &inner);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_watches_t *watcher = zloom_watches_new (config->recipe, ZLOOM_SUPERVISOR_NAME, inner);
    const zloom_watch_t watch = zloom_watches_port (watcher);
    free (inner);
    const zloom_thread_port_t threads = {
      .arg = (void *) (uintptr_t) config, .run = s_run_node, .exit_code = zloom_node_exit_code};
    const zloom_supervisor_config_t supervisor = {
      .recipe = config->recipe,
      .paths = config->paths,
      .threads = &threads,
      .ready_fd = ready_fd,
      .stop_fd = stop_fd,
      .ready_limit_ns = READY_LIMIT_NS,
      .grace_ns = config->grace_ns,
      .until_idle = config->until_idle,
      .controlled = config->controlled,
      .metrics = config->metrics,
      .version = config->version,
      .watch = &watch,
    };
    err = zloom_supervisor_run (&supervisor);
    zloom_watches_destroy (&watcher);
    return err;
}
