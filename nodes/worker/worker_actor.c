/* SPDX-License-Identifier: MPL-2.0 */
#include "net/actor.h"
#include "nodes/worker/worker.h"

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    zloom_node_args_t args = *(const zloom_node_args_t *) arg;
    args.ready_fd = ready_fd;
    args.stop_fd = stop_fd;
    return zloom_worker_run (&args);
}

void
zloom_worker_actor (struct _zsock_t *pipe, void *node)
{
    zloom_actor_serve (pipe, s_run, node);
}
