/* SPDX-License-Identifier: MPL-2.0 */
/*
 * actor.h - what every node's czmq actor does: start the node on a plain thread of its own, tell
 * the host on its pipe how it fares, and stop it when the host destroys the actor. czmq is used on
 * the host's pipe alone; the node's sockets live in zloom's own context.
 *
 * On the pipe, from the actor:  "$READY"            it serves
 *                               "$FAILED" CODE NOTE it could not start, or had to stop
 *                               "$DONE"             its work is done
 * On the pipe, to the actor:    "$TERM"             (zactor_destroy) drain and end; twice: at once
 */
#ifndef ZLOOM_NET_ACTOR_H
#define ZLOOM_NET_ACTOR_H

#include <czmq.h>

#include "net/thread.h"

/* The node: writes a newline to ready_fd when it serves, stops as net/control.h says. */
typedef zloom_thread_fn zloom_actor_run_fn;

/* Returns when the node has ended and the host has let go. */
void zloom_actor_serve (zsock_t *pipe, zloom_actor_run_fn *run, void *arg);

#endif
