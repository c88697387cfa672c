/* SPDX-License-Identifier: MPL-2.0 */
#include "net/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/tag.h"

typedef struct {
    zloom_actor_run_fn *run;
    void *arg;
    int ready_fd;
    int stop_fd;
    zloom_err_t err;
    char note[ZLOOM_NOTE_BYTES];
} node_thread_t;

static void *
s_thread (void *arg)
{
    node_thread_t *node = arg;
    node->err = node->run (node->arg, node->ready_fd, node->stop_fd);
    snprintf (node->note, sizeof node->note, "%s", node->err == ZLOOM_OK ? "" : zloom_note ());
    close (node->ready_fd); /* its end tells that the node has ended */
    return NULL;
}

static void
s_tell_end (zsock_t *pipe, const node_thread_t *node)
{
    if (node->err == ZLOOM_OK) {
        zstr_send (pipe, "$DONE");
    } else {
        zstr_sendx (pipe, "$FAILED", zloom_err_name (node->err), node->note, NULL);
    }
}

/* A byte from the node: it serves. The end of its descriptor: it has ended. */
static bool
s_hear_node (zsock_t *pipe, int fd)
{
    char byte;
    const ssize_t got = read (fd, &byte, 1);
    if (got == 1) {
        zstr_send (pipe, "$READY");
    }
    return got == 1 || (got < 0 && errno == EINTR);
}

static void
s_ask_to_stop (int fd)
{
    while (write (fd, "\n", 1) < 0 && errno == EINTR) {
    }
}

/* Until both are over: the node has ended, and the host has said $TERM. */
static void
s_watch (zsock_t *pipe, node_thread_t *node, pthread_t thread, int ready_fd, int stop_fd)
{
    bool running = true;
    bool held = true;
    while (running || held) {
        zmq_pollitem_t items[] = {
          {.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN},
          {.fd = ready_fd, .events = ZMQ_POLLIN},
        };
        if (zmq_poll (items, running ? 2 : 1, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            break; /* the host's context ends: so does the node */
        }
        if (items[0].revents) {
            char *command = zstr_recv (pipe);
            if (!command || strcmp (command, "$TERM") == 0) {
                held = false;
                s_ask_to_stop (stop_fd);
            }
            zstr_free (&command);
        }
        if (running && items[1].revents && !s_hear_node (pipe, ready_fd)) {
            running = false;
            zloom_assert (pthread_join (thread, NULL) == 0);
            if (held) {
                s_tell_end (pipe, node);
            }
        }
    }
    if (running) {
        s_ask_to_stop (stop_fd);
        zloom_assert (pthread_join (thread, NULL) == 0);
    }
}

void
zloom_actor_serve (zsock_t *pipe, zloom_actor_run_fn *run, void *arg)
{
    zsock_signal (pipe, 0);
    int ready[2] = {-1, -1};
    int stop[2] = {-1, -1};
    node_thread_t node = {.run = run, .arg = arg};
    pthread_t thread;
    int failed = pipe2 (ready, O_CLOEXEC) != 0 || pipe2 (stop, O_CLOEXEC) != 0 ? errno : 0;
    if (failed == 0) {
        node.ready_fd = ready[1];
        node.stop_fd = stop[0];
        failed = pthread_create (&thread, NULL, s_thread, &node);
    }
    if (failed != 0) {
        errno = failed;
        node.err = zloom_fail_errno (ZLOOM_SYSTEM, "cannot start the node's thread");
        snprintf (node.note, sizeof node.note, "%s", zloom_note ());
        s_tell_end (pipe, &node);
        char *command = zstr_recv (pipe);
        zstr_free (&command);
        if (ready[1] >= 0) {
            close (ready[1]);
        }
    } else {
        s_watch (pipe, &node, thread, ready[0], stop[1]);
    }
    const int fds[] = {ready[0], stop[0], stop[1]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0) {
            close (fds[i]);
        }
    }
}
