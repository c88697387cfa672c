/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/metrics_http.h"

#include "base/memory.h"
#include "base/tag.h"
#include "base/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ZLOOM_HTTP_TAG 0x4C1D0009u
#define ADDRESS_BYTES 80

typedef struct {
    int fd; /* -1: free */
    int64_t end_ns;
    zloom_buf_t in;
    zloom_buf_t out; /* empty: the request is still coming */
    size_t sent;
} s_peer_t;

struct zloom_http {
    uint32_t tag;
    int fd;
    bool local;
    char address[ADDRESS_BYTES];
    zloom_http_fn *answer;
    void *arg;
    s_peer_t peers[ZLOOM_HTTP_PEERS];
};

/* ---- the place ------------------------------------------------------------------------------ */

typedef union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} s_place_t;

/* Split at the last colon outside of brackets; no colon: all is the port. */
static bool
s_parse (const char *address, s_place_t *place, socklen_t *size)
{
    char host[ADDRESS_BYTES] = "127.0.0.1";
    const char *colon = strrchr (address, ':');
    const char *port_text = colon ? colon + 1 : address;
    const size_t host_size = colon ? (size_t) (colon - address) : 0;
    const bool six = host_size > 2 && address[0] == '[' && address[host_size - 1] == ']';
    int64_t port = -1;
    if (host_size >= sizeof host || zloom_parse_int (port_text, &port) != ZLOOM_OK || port < 0 ||
        port > UINT16_MAX) {
        return false;
    }
    if (host_size > 0) {
        (void) snprintf (host, sizeof host, "%.*s", (int) host_size - (six ? 2 : 0),
                         address + (six ? 1 : 0));
    }
    memset (place, 0, sizeof *place);
    if (six) {
        place->six.sin6_family = AF_INET6;
        place->six.sin6_port = htons ((uint16_t) port);
        *size = sizeof place->six;
        return inet_pton (AF_INET6, host, &place->six.sin6_addr) == 1;
    }
    place->four.sin_family = AF_INET;
    place->four.sin_port = htons ((uint16_t) port);
    *size = sizeof place->four;
    return inet_pton (AF_INET, host, &place->four.sin_addr) == 1;
}

static bool
s_is_local (const s_place_t *place)
{
    return place->any.sa_family == AF_INET6
             ? IN6_IS_ADDR_LOOPBACK (&place->six.sin6_addr)
             : (ntohl (place->four.sin_addr.s_addr) >> IN_CLASSA_NSHIFT) == IN_LOOPBACKNET;
}

/* Where it really listens: the port may have been the system's choice. */
static void
s_name (zloom_http_t *self)
{
    char host[INET6_ADDRSTRLEN] = "?";
    s_place_t place;
    socklen_t size = sizeof place;
    memset (&place, 0, sizeof place);
    (void) getsockname (self->fd, &place.any, &size);
    if (place.any.sa_family == AF_INET6) {
        (void) inet_ntop (AF_INET6, &place.six.sin6_addr, host, sizeof host);
        (void) snprintf (self->address, sizeof self->address, "[%s]:%u", host,
                         (unsigned) ntohs (place.six.sin6_port));
    } else {
        (void) inet_ntop (AF_INET, &place.four.sin_addr, host, sizeof host);
        (void) snprintf (self->address, sizeof self->address, "%s:%u", host,
                         (unsigned) ntohs (place.four.sin_port));
    }
    self->local = s_is_local (&place);
}

zloom_err_t
zloom_http_open (const char *address, zloom_http_fn *answer, void *arg, zloom_http_t **self_p)
{
    s_place_t place;
    socklen_t size = 0;
    const int yes = 1;
    *self_p = NULL;
    if (!s_parse (address, &place, &size)) {
        return zloom_fail (ZLOOM_INVALID,
                           "'%s' is no address to listen at: PORT, or HOST:PORT with a host in "
                           "numbers (127.0.0.1:9100, [::1]:9100)",
                           address);
    }
    const int fd = socket (place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind (fd, &place.any, size) != 0 || listen (fd, ZLOOM_HTTP_PEERS) != 0) {
        const zloom_err_t err =
          zloom_fail_errno (ZLOOM_SYSTEM, "cannot listen for metrics at %s", address);
        if (fd >= 0) {
            close (fd);
        }
        return err;
    }
    zloom_http_t *self = zloom_alloc (sizeof *self);
    *self = (zloom_http_t){.tag = ZLOOM_HTTP_TAG, .fd = fd, .answer = answer, .arg = arg};
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        self->peers[i].fd = -1;
    }
    s_name (self);
    *self_p = self;
    return ZLOOM_OK;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void
s_drop (s_peer_t *peer)
{
    if (peer->fd >= 0) {
        close (peer->fd);
    }
    zloom_buf_fini (&peer->in);
    zloom_buf_fini (&peer->out);
    *peer = (s_peer_t){.fd = -1};
}

void
zloom_http_close (zloom_http_t **self_p)
{
    zloom_http_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_HTTP_TAG);
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        s_drop (&self->peers[i]);
    }
    close (self->fd);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

const char *
zloom_http_address (const zloom_http_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_HTTP_TAG);
    return self->address;
}

bool
zloom_http_is_local (const zloom_http_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_HTTP_TAG);
    return self->local;
}

/* A free place, or that of the oldest: who holds connections open keeps nobody out. */
static s_peer_t *
s_place_for (zloom_http_t *self)
{
    s_peer_t *oldest = &self->peers[0];
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        if (self->peers[i].fd < 0) {
            return &self->peers[i];
        }
        oldest = self->peers[i].end_ns < oldest->end_ns ? &self->peers[i] : oldest;
    }
    s_drop (oldest);
    return oldest;
}

static void
s_accept (zloom_http_t *self, int64_t mono_ns)
{
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        const int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        s_peer_t *peer = s_place_for (self);
        peer->fd = fd;
        peer->end_ns = zloom_time_add (mono_ns, ZLOOM_HTTP_TIME_NS);
    }
}

/* ---- a request ------------------------------------------------------------------------------ */

static const char *
s_status_text (int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Service Unavailable";
    }
}

static void
s_reply (s_peer_t *peer, int status, const char *type, const zloom_buf_t *body, bool head_only)
{
    zloom_buf_printf (&peer->out,
                      "HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s"
                      "Connection: close\r\n\r\n",
                      status, s_status_text (status), type, body->size,
                      status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!head_only) {
        zloom_buf_add (&peer->out, body->data, body->size);
    }
}

static void
s_reply_text (s_peer_t *peer, int status)
{
    zloom_buf_t body = {0};
    zloom_buf_printf (&body, "%d %s\n", status, s_status_text (status));
    s_reply (peer, status, "text/plain; charset=utf-8", &body, false);
    zloom_buf_fini (&body);
}

/* The next word of a request's first line; false when there is none. */
static bool
s_word (zloom_bytes_t *line, zloom_bytes_t *word)
{
    const uint8_t *space = line->size ? memchr (line->data, ' ', line->size) : NULL;
    const size_t size = space ? (size_t) (space - line->data) : line->size;
    *word = zloom_bytes (line->data, size);
    *line = zloom_bytes (line->data + size + (space ? 1 : 0), line->size - size - (space ? 1 : 0));
    return size > 0;
}

static void
s_answer (zloom_http_t *self, s_peer_t *peer, zloom_bytes_t line)
{
    zloom_bytes_t method;
    zloom_bytes_t path;
    zloom_bytes_t version;
    if (!s_word (&line, &method) || !s_word (&line, &path) || !s_word (&line, &version) ||
        line.size > 0 || path.data[0] != '/' || version.size != 8 ||
        memcmp (version.data, "HTTP/1.", 7) != 0) {
        s_reply_text (peer, 400);
        return;
    }
    const bool head_only = zloom_bytes_equal (method, zloom_bytes_text ("HEAD"));
    if (!head_only && !zloom_bytes_equal (method, zloom_bytes_text ("GET"))) {
        s_reply_text (peer, 405);
        return;
    }
    const uint8_t *query = memchr (path.data, '?', path.size);
    path.size = query ? (size_t) (query - path.data) : path.size;
    const char *type = "text/plain; charset=utf-8";
    zloom_buf_t body = {0};
    const int status = self->answer (self->arg, path, &body, &type);
    if (status == 404) {
        s_reply_text (peer, status);
    } else {
        s_reply (peer, status, type, &body, head_only);
    }
    zloom_buf_fini (&body);
}

/* Whether the head of the request is whole: it ends with an empty line. */
static bool
s_is_whole (zloom_bytes_t in)
{
    return in.size > 0 &&
           (memmem (in.data, in.size, "\r\n\r\n", 4) || memmem (in.data, in.size, "\n\n", 2));
}

static void
s_read (zloom_http_t *self, s_peer_t *peer)
{
    char bytes[2048];
    const ssize_t got = recv (peer->fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        s_drop (peer);
        return;
    }
    if (got < 0 || peer->out.size > 0) {
        return; /* what comes behind the request is thrown away */
    }
    zloom_buf_add (&peer->in, bytes, (size_t) got);
    const zloom_bytes_t in = zloom_buf_bytes (&peer->in);
    if (s_is_whole (in)) {
        const uint8_t *end = memchr (in.data, '\n', in.size);
        size_t size = (size_t) (end - in.data);
        size -= size > 0 && in.data[size - 1] == '\r';
        s_answer (self, peer, zloom_bytes (in.data, size));
    } else if (in.size > ZLOOM_HTTP_REQUEST_BYTES) {
        s_reply_text (peer, 431);
    }
}

static void
s_write (s_peer_t *peer)
{
    const ssize_t sent =
      send (peer->fd, peer->out.data + peer->sent, peer->out.size - peer->sent, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    peer->sent += sent > 0 ? (size_t) sent : 0;
    if (sent < 0) {
        s_drop (peer);
    } else if (peer->sent == peer->out.size) {
        /* The other side closes once it has read all; a close now could take its answer away. */
        (void) shutdown (peer->fd, SHUT_WR);
    }
}

/* ---- the loop's side ------------------------------------------------------------------------ */

void
zloom_http_polls (const zloom_http_t *self, struct pollfd *polls)
{
    for (size_t i = 0; i < ZLOOM_HTTP_FDS; i++) {
        polls[i] = (struct pollfd){.fd = -1};
    }
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_HTTP_TAG);
    polls[0] = (struct pollfd){.fd = self->fd, .events = POLLIN};
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        const s_peer_t *peer = &self->peers[i];
        polls[i + 1] = (struct pollfd){
          .fd = peer->fd, .events = (short) (POLLIN | (peer->sent < peer->out.size ? POLLOUT : 0))};
    }
}

void
zloom_http_turn (zloom_http_t *self, const struct pollfd *polls, int64_t mono_ns)
{
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_HTTP_TAG);
    for (size_t i = 0; i < ZLOOM_HTTP_PEERS; i++) {
        s_peer_t *peer = &self->peers[i];
        if (peer->fd < 0) {
            continue;
        }
        if (polls[i + 1].revents) {
            s_read (self, peer);
        }
        if (peer->fd >= 0 && peer->sent < peer->out.size) {
            s_write (peer);
        }
        if (peer->fd >= 0 && mono_ns >= peer->end_ns) {
            s_drop (peer);
        }
    }
    if (polls[0].revents) {
        s_accept (self, mono_ns);
    }
}

int64_t
zloom_http_next (const zloom_http_t *self)
{
    int64_t next_ns = ZLOOM_NEVER;
    for (size_t i = 0; self && i < ZLOOM_HTTP_PEERS; i++) {
        if (self->peers[i].fd >= 0 && self->peers[i].end_ns < next_ns) {
            next_ns = self->peers[i].end_ns;
        }
    }
    return next_ns;
}
