/* SPDX-License-Identifier: MPL-2.0 */
/*
 * metrics_http.h - a small HTTP answerer for those who watch: GET (and HEAD) of a few fixed paths,
 * one request a connection. It is no web server: no keep-alive, no bodies, no TLS, nothing is
 * uploaded, no file is read.
 *
 * Limits: ZLOOM_HTTP_PEERS connections (a new one takes the place of the oldest), a request has at
 * most ZLOOM_HTTP_REQUEST_BYTES and ZLOOM_HTTP_TIME_NS from its connection to the last byte of its
 * answer. Nothing here blocks.
 *
 * Threads: one, that of the loop which polls its descriptors.
 */
#ifndef ZLOOM_LAUNCH_METRICS_HTTP_H
#define ZLOOM_LAUNCH_METRICS_HTTP_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

#include <poll.h>

#define ZLOOM_HTTP_PEERS 8
#define ZLOOM_HTTP_REQUEST_BYTES 8192
#define ZLOOM_HTTP_TIME_NS (5 * ZLOOM_NS_PER_S)
/* The listener and the connections. */
#define ZLOOM_HTTP_FDS (1 + ZLOOM_HTTP_PEERS)

typedef struct zloom_http zloom_http_t;

/* Fill the body of an answer and name its type; returns the status, 404 where nothing is. */
typedef int (zloom_http_fn) (void *arg, zloom_bytes_t path, zloom_buf_t *body, const char **type);

/*
 * Listen at `address`: PORT, HOST:PORT, [IPV6]:PORT; the host is a number, and that of this machine
 * alone (127.0.0.1) when none is given; port 0 takes a free one. INVALID, SYSTEM with a note.
 */
zloom_err_t zloom_http_open (const char *address, zloom_http_fn *answer, void *arg,
                             zloom_http_t **self_p);
void zloom_http_close (zloom_http_t **self_p);
/* Where it listens, as HOST:PORT; and whether only this machine reaches it. */
const char *zloom_http_address (const zloom_http_t *self);
bool zloom_http_is_local (const zloom_http_t *self);

/* What to poll for, into `polls` of ZLOOM_HTTP_FDS. NULL self: nothing. */
void zloom_http_polls (const zloom_http_t *self, struct pollfd *polls);
/* Take in and send what can be, end what is late. */
void zloom_http_turn (zloom_http_t *self, const struct pollfd *polls, int64_t mono_ns);
/* When a connection is late; ZLOOM_NEVER: there is none. */
int64_t zloom_http_next (const zloom_http_t *self);

#endif
