/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout_nats.c - the road "nats": core NATS by its text protocol (docs.nats.io, "Client
 * Protocol"), written and read in large pieces, which is several times what a call a message gives.
 * A PING now and then, and not too many without their PONG, keep the publisher from running away
 * from the server; there are no acknowledgements of messages.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fanout.h"

#define WRITE_BYTES (64u * 1024)
#define READ_BYTES (256u * 1024)
#define PING_EVERY (1024u * 1024) /* bytes */
#define PINGS_OPEN 4u

typedef struct {
    int fd;
    char prefix[128]; /* "PUB topic size\r\n" */
    size_t prefix_size;
    uint8_t out[WRITE_BYTES];
    size_t used;
    size_t since_ping, pings_open;
} publisher_t;

static void
s_write (int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        const ssize_t n = write (fd, at, size);
        fanout_check (n > 0, "write");
        at += n;
        size -= (size_t) n;
    }
}

static int
s_connect (const fanout_plan_t *plan)
{
    const int fd = socket (AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons ((uint16_t) fanout_number (plan->where)),
                                        .sin_addr = {htonl (INADDR_LOOPBACK)}};
    const int on = 1;
    fanout_check (fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) == 0,
                  "connect");
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\"}\r\n";
    s_write (fd, hello, sizeof hello - 1);
    return fd;
}

/* ---- publishing ----------------------------------------------------------------------------- */

/* Answers of the server: its PINGs, and the PONGs to ours. */
static void
s_listen (publisher_t *self, bool wait)
{
    char line[4096];
    do {
        const ssize_t n = recv (self->fd, line, sizeof line - 1, wait ? 0 : MSG_DONTWAIT);
        fanout_check (n != 0, "the server closed");
        if (n < 0) {
            return;
        }
        line[n] = 0;
        fanout_check (!strstr (line, "-ERR"), line);
        for (const char *at = line; (at = strstr (at, "PONG")); at += 4) {
            self->pings_open--;
        }
        if (strstr (line, "PING")) {
            s_write (self->fd, "PONG\r\n", 6);
        }
    } while (self->pings_open > PINGS_OPEN);
}

static void
s_flush (void *arg)
{
    publisher_t *self = arg;
    s_write (self->fd, self->out, self->used);
    self->since_ping += self->used;
    self->used = 0;
    if (self->since_ping >= PING_EVERY) {
        self->since_ping = 0;
        self->pings_open++;
        s_write (self->fd, "PING\r\n", 6);
        s_listen (self, self->pings_open > PINGS_OPEN);
    }
}

static void *
s_open (const fanout_plan_t *plan)
{
    publisher_t *self = calloc (1, sizeof *self);
    fanout_check (self, "memory");
    self->fd = s_connect (plan);
    self->prefix_size = (size_t) snprintf (self->prefix, sizeof self->prefix, "PUB %s %zu\r\n",
                                           plan->topic, plan->bytes);
    return self;
}

static void
s_add (publisher_t *self, const void *data, size_t size)
{
    memcpy (self->out + self->used, data, size);
    self->used += size;
}

static void
s_publish (void *arg, const uint8_t *body, size_t size)
{
    publisher_t *self = arg;
    if (self->used + self->prefix_size + size + 2 > WRITE_BYTES) {
        s_flush (self);
    }
    s_add (self, self->prefix, self->prefix_size);
    s_add (self, body, size);
    s_add (self, "\r\n", 2);
}

static void
s_close (void *arg)
{
    publisher_t *self = arg;
    close (self->fd);
    free (self);
}

/* ---- hearing -------------------------------------------------------------------------------- */

/*
 * One operation at the begin of `data`: its size, 0 if it is not all there. A message is given on;
 * what the server asks for is answered.
 */
static size_t
s_operation (int fd, const uint8_t *data, size_t size, fanout_heard_fn *heard, void *arg,
             bool *more)
{
    const uint8_t *end = memchr (data, '\n', size);
    if (!end) {
        return 0;
    }
    const size_t line = (size_t) (end - data) + 1;
    if (memcmp (data, "PING", 4) == 0) {
        s_write (fd, "PONG\r\n", 6);
    }
    fanout_check (memcmp (data, "-ERR", 4) != 0, "the server says no");
    if (memcmp (data, "MSG ", 4) != 0) {
        return line;
    }
    size_t body = 0; /* the last word of the line */
    const uint8_t *at = end - 1;
    while (at[-1] != ' ') {
        at--;
    }
    for (; at < end - 1; at++) {
        body = body * 10 + (size_t) (*at - '0');
    }
    if (size < line + body + 2) {
        return 0;
    }
    *more = heard (arg, data + line, body);
    return line + body + 2;
}

static void
s_hear (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg)
{
    static uint8_t data[READ_BYTES];
    char subscribe[128];
    const int fd = s_connect (plan);
    const int n = snprintf (subscribe, sizeof subscribe, "SUB %s 1\r\n", plan->topic);
    s_write (fd, subscribe, (size_t) n);
    size_t used = 0;
    for (bool more = true; more;) {
        const ssize_t got = read (fd, data + used, sizeof data - used);
        fanout_check (got > 0, "read");
        used += (size_t) got;
        size_t at = 0;
        for (size_t took = 1; took > 0 && more && at < used; at += took) {
            took = s_operation (fd, data + at, used - at, heard, arg, &more);
        }
        memmove (data, data + at, used - at);
        used -= at;
    }
    close (fd);
}

const fanout_road_t fanout_nats = {.name = "nats",
                                   .open = s_open,
                                   .publish = s_publish,
                                   .flush = s_flush,
                                   .close = s_close,
                                   .hear = s_hear};
