/* SPDX-License-Identifier: MPL-2.0 */
/*
 * control_socket.h - where a running supervisor is asked and told things: the unix socket
 * RUNTIME/control, mode 0600, for processes of its own user (and root) alone.
 *
 * A request is one line, a JSON object with the text "verb" and whatever that verb takes; its
 * answer is one line, too, an object with "ok". {"ok": false, "error": NAME, "text": ...} says what
 * was wrong, NAME as in zloom.h. A connection has one request under way: the next one is read when
 * the last has its answer. Some answers come late, and some in parts: all but the last have "more".
 *
 * Limits: ZLOOM_CONTROL_PEERS connections; when all are taken, the one that has been silent for
 * longest and waits for nothing makes room. A request has at most ZLOOM_CONTROL_REQUEST_BYTES.
 * Nothing here blocks: the supervisor's loop polls the descriptors and calls turn.
 *
 * Threads: one, the supervisor's.
 */
#ifndef ZLOOM_LAUNCH_CONTROL_SOCKET_H
#define ZLOOM_LAUNCH_CONTROL_SOCKET_H

#include "base/error.h"

#include <jansson.h>
#include <poll.h>

/* The name of the socket in the runtime folder. */
#define ZLOOM_CONTROL_NAME "control"
#define ZLOOM_CONTROL_PEERS 16
#define ZLOOM_CONTROL_REQUEST_BYTES 65536
/* How many descriptors there are to poll: the listener and the connections. */
#define ZLOOM_CONTROL_FDS (1 + ZLOOM_CONTROL_PEERS)

typedef struct zloom_control_socket zloom_control_socket_t;

/* Which request an answer is for; never 0. */
typedef uint64_t zloom_control_ticket_t;

/* A request has come: answer it now or later (zloom_control_socket_answer); all is borrowed. */
typedef void (zloom_control_fn) (void *arg, zloom_control_ticket_t ticket, const char *verb,
                                 const json_t *request);

/*
 * Listen in `folder`, which the caller has for itself alone: a socket that was left there is
 * replaced. Paths of any length will do. SYSTEM with a note.
 */
zloom_err_t zloom_control_socket_open (const char *folder, zloom_control_fn *each, void *arg,
                                       zloom_control_socket_t **self_p);
/* Let answers that are on their way leave, as far as their readers take them now; remove it. */
void zloom_control_socket_close (zloom_control_socket_t **self_p);

/* What to poll for, into `polls` of ZLOOM_CONTROL_FDS. NULL self: nothing. */
void zloom_control_socket_polls (const zloom_control_socket_t *self, struct pollfd *polls);
/* Take in what has come. */
void zloom_control_socket_turn (zloom_control_socket_t *self, const struct pollfd *polls);

/* Takes the answer; "ok" is added. A peer that has gone meanwhile is no error. */
void zloom_control_socket_answer (zloom_control_socket_t *self, zloom_control_ticket_t ticket,
                                  json_t *answer, bool more);
/* The answer to what cannot be: the error's name, and the thread's note or its text. */
void zloom_control_socket_fail (zloom_control_socket_t *self, zloom_control_ticket_t ticket,
                                zloom_err_t err, const char *format, ...)
  __attribute__ ((format (printf, 4, 5)));
/* Whether somebody still waits for it. */
bool zloom_control_socket_awaited (const zloom_control_socket_t *self,
                                   zloom_control_ticket_t ticket);

/*
 * The other side: a blocking connection to the supervisor whose runtime folder it is. NOT_RUNNING:
 * nobody listens there. FORBIDDEN: the folder or the socket is somebody else's, or others may
 * write to it.
 */
zloom_err_t zloom_control_socket_connect (const char *folder, int *fd_p);

#endif
