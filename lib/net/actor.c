/* SPDX-License-Identifier: MPL-2.0 */
#include "net/actor.h"

#include <errno.h>
#include <string.h>

static void
s_tell_end (zsock_t *pipe, zloom_err_t err)
{
    if (err == ZLOOM_OK) {
        zstr_send (pipe, "$DONE");
    } else {
        zstr_sendx (pipe, "$FAILED", zloom_err_name (err), zloom_note (), NULL);
    }
}

/* What the host says: true when it lets go of the actor. */
static bool
s_hear_host (zsock_t *pipe)
{
    char *command = zstr_recv (pipe);
    const bool let_go = !command || strcmp (command, "$TERM") == 0;
    zstr_free (&command);
    return let_go;
}

/* What the node says; *thread_p is NULL once it has ended. */
static void
s_hear_node (zsock_t *pipe, zloom_thread_t **thread_p, bool held)
{
    switch (zloom_thread_hear (*thread_p)) {
    case ZLOOM_THREAD_NOTHING:
        break;
    case ZLOOM_THREAD_READY:
        zstr_send (pipe, "$READY");
        break;
    case ZLOOM_THREAD_ENDED: {
        const zloom_err_t err = zloom_thread_join (thread_p);
        if (held) {
            s_tell_end (pipe, err);
        }
        break;
    }
    }
}

/* Until both are over: the node has ended, and the host has said $TERM. */
static void
s_watch (zsock_t *pipe, zloom_thread_t **thread_p)
{
    bool held = true;
    while (*thread_p || held) {
        zmq_pollitem_t items[] = {
          {.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN},
          {.fd = *thread_p ? zloom_thread_fd (*thread_p) : -1, .events = ZMQ_POLLIN},
        };
        if (zmq_poll (items, *thread_p ? 2 : 1, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            break; /* the host's context ends: so does the node */
        }
        if (items[0].revents && s_hear_host (pipe)) {
            held = false;
            if (*thread_p) {
                zloom_thread_ask (*thread_p);
            }
        }
        if (*thread_p && items[1].revents) {
            s_hear_node (pipe, thread_p, held);
        }
    }
    if (*thread_p) {
        zloom_thread_ask (*thread_p);
        (void) zloom_thread_join (thread_p);
    }
}

void
zloom_actor_serve (zsock_t *pipe, zloom_actor_run_fn *run, void *arg)
{
    zsock_signal (pipe, 0);
    zloom_thread_t *thread = NULL;
    const zloom_err_t err = zloom_thread_start (run, arg, &thread);
    if (err != ZLOOM_OK) {
        s_tell_end (pipe, err);
    }
    s_watch (pipe, &thread);
}
