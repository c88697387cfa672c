/* SPDX-License-Identifier: MPL-2.0 */
/*
 * worker.h - the node that takes messages, has them handled by the program of its recipe, settles
 * and emits. docs/workers.md has the contract for those who write handlers.
 *
 * How a message is charged
 *   verdict of the handler            as it says
 *   its time was over                 +1: the child is ended by force, what else it held goes back
 *   the child died, one had started   +1 with exit, signal and last words
 *   the child died, several had       suspect: the router hands them out alone, in halves
 *   not started, drain, no program    +0
 */
#ifndef ZLOOM_NODES_WORKER_WORKER_H
#define ZLOOM_NODES_WORKER_WORKER_H

#include "nodes/node.h"

/*
 * Run the worker `args->node` until it is told to stop (node.h).
 *   NO_PROGRAM   the program, or the script it should run, is not there or cannot be run
 *   CHILD        its child ended again and again without settling anything
 *   NOT_RUNNING  no router answered
 *   FENCED       a newer process of this name took over
 */
zloom_err_t zloom_worker_run (const zloom_node_args_t *args);

/* As a czmq actor: zloom_worker_actor of zloom.h; what it is given is a zloom_node_args_t. */

#endif
