/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/control_socket.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ZLOOM_CONTROL_SOCKET_TAG 0x4C1D0007u
#define READ_BYTES 4096
/* How long it may take to be let in. */
#define CONNECT_S 5

typedef struct {
    int fd;           /* -1: free */
    zloom_buf_t in;   /* what has come of requests that are not worked on */
    zloom_buf_t out;  /* what has to leave */
    size_t sent;      /* of it */
    uint64_t request; /* under way; 0: none */
    uint64_t heard;   /* when it said something last, by the socket's own count */
    bool closing;     /* once `out` has left */
} s_peer_t;

struct zloom_control_socket {
    uint32_t tag;
    int folder; /* O_PATH: names of any length are reached through it */
    int fd;
    zloom_control_fn *each;
    void *arg;
    uint64_t requests; /* so far; the last ticket */
    uint64_t moment;
    s_peer_t peers[ZLOOM_CONTROL_PEERS];
};

/* ---- the place ------------------------------------------------------------------------------ */

/*
 * A unix address has room for 107 bytes, and folders may be deeper: so the socket is named by the
 * folder's descriptor.
 */
static void
s_address (int folder, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void) snprintf (address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", folder,
                     ZLOOM_CONTROL_NAME);
}

static zloom_err_t
s_listen (zloom_control_socket_t *self, const char *folder)
{
    struct sockaddr_un address;
    s_address (self->folder, &address);
    if (unlinkat (self->folder, ZLOOM_CONTROL_NAME, 0) != 0 && errno != ENOENT) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot replace %s/%s", folder, ZLOOM_CONTROL_NAME);
    }
    self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Between bind and chmod the folder's own mode keeps others out. */
    if (self->fd < 0 || bind (self->fd, (struct sockaddr *) &address, sizeof address) != 0 ||
        chmod (address.sun_path, 0600) != 0 || listen (self->fd, ZLOOM_CONTROL_PEERS) != 0) {
        return zloom_fail_errno (ZLOOM_SYSTEM, "cannot listen at %s/%s", folder,
                                 ZLOOM_CONTROL_NAME);
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_control_socket_open (const char *folder, zloom_control_fn *each, void *arg,
                           zloom_control_socket_t **self_p)
{
    zloom_control_socket_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_CONTROL_SOCKET_TAG;
    self->each = each;
    self->arg = arg;
    self->fd = -1;
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        self->peers[i].fd = -1;
    }
    self->folder = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    zloom_err_t err = self->folder < 0 ? zloom_fail_errno (ZLOOM_SYSTEM, "cannot open %s", folder)
                                       : s_listen (self, folder);
    if (err != ZLOOM_OK) {
        zloom_control_socket_close (&self);
        return err;
    }
    *self_p = self;
    return ZLOOM_OK;
}

static void
s_free (s_peer_t *peer)
{
    if (peer->fd >= 0) {
        close (peer->fd);
    }
    zloom_buf_fini (&peer->in);
    zloom_buf_fini (&peer->out);
    *peer = (s_peer_t){.fd = -1};
}

static void
s_flush (s_peer_t *peer)
{
    while (peer->fd >= 0 && peer->sent < peer->out.size) {
        ssize_t done = send (peer->fd, peer->out.data + peer->sent, peer->out.size - peer->sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done > 0) {
            peer->sent += (size_t) done;
        } else if (errno == EAGAIN || errno == EINTR) {
            return;
        } else {
            s_free (peer);
            return;
        }
    }
    peer->out.size = 0;
    peer->sent = 0;
    if (peer->closing) {
        s_free (peer);
    }
}

void
zloom_control_socket_close (zloom_control_socket_t **self_p)
{
    zloom_control_socket_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_CONTROL_SOCKET_TAG);
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        s_flush (&self->peers[i]);
        s_free (&self->peers[i]);
    }
    if (self->fd >= 0) {
        close (self->fd);
        (void) unlinkat (self->folder, ZLOOM_CONTROL_NAME, 0);
    }
    if (self->folder >= 0) {
        close (self->folder);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* A ticket is the request's number with the peer's place in the low bits. */
static s_peer_t *
s_peer (const zloom_control_socket_t *self, zloom_control_ticket_t ticket)
{
    s_peer_t *peer = (s_peer_t *) (uintptr_t) &self->peers[ticket % ZLOOM_CONTROL_PEERS];
    return ticket != 0 && peer->fd >= 0 && peer->request == ticket ? peer : NULL;
}

bool
zloom_control_socket_awaited (const zloom_control_socket_t *self, zloom_control_ticket_t ticket)
{
    return self && s_peer (self, ticket) != NULL;
}

static void
s_say (s_peer_t *peer, json_t *answer)
{
    char *line = json_dumps (answer, JSON_COMPACT);
    json_decref (answer);
    if (line) {
        zloom_buf_add_text (&peer->out, line);
        zloom_buf_add_text (&peer->out, "\n");
        free (line);
    }
    s_flush (peer);
}

void
zloom_control_socket_answer (zloom_control_socket_t *self, zloom_control_ticket_t ticket,
                             json_t *answer, bool more)
{
    s_peer_t *peer = self ? s_peer (self, ticket) : NULL;
    if (!peer) {
        json_decref (answer);
        return;
    }
    if (!json_object_get (answer, "ok")) {
        json_object_set_new (answer, "ok", json_true ());
    }
    if (more) {
        json_object_set_new (answer, "more", json_true ());
    } else {
        peer->request = 0;
    }
    s_say (peer, answer);
}

static json_t *
s_error (zloom_err_t err, const char *text)
{
    json_t *answer = json_object ();
    json_t *words = json_string (text);
    json_object_set_new (answer, "ok", json_false ());
    json_object_set_new (answer, "error", json_string (zloom_err_name (err)));
    /* What is no UTF-8 came from outside: the code's own words then. */
    json_object_set_new (answer, "text", words ? words : json_string (zloom_err_text (err)));
    return answer;
}

void
zloom_control_socket_fail (zloom_control_socket_t *self, zloom_control_ticket_t ticket,
                           zloom_err_t err, const char *format, ...)
{
    char text[ZLOOM_NOTE_BYTES];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof text, format, args);
    va_end (args);
    zloom_control_socket_answer (self, ticket, s_error (err, text), false);
}

/* What cannot be understood ends the connection: nobody knows where the next request begins. */
static void
s_refuse (s_peer_t *peer, zloom_err_t err, const char *text)
{
    peer->closing = true;
    peer->in.size = 0;
    s_say (peer, s_error (err, text));
}

/* ---- requests ------------------------------------------------------------------------------- */

static void
s_work (zloom_control_socket_t *self, size_t at, const char *line, size_t size)
{
    s_peer_t *peer = &self->peers[at];
    json_error_t error;
    json_t *request = json_loadb (line, size, JSON_REJECT_DUPLICATES, &error);
    const char *verb = json_string_value (json_object_get (request, "verb"));
    if (!request) {
        char text[JSON_ERROR_TEXT_LENGTH + 64];
        (void) snprintf (text, sizeof text, "a request is one line of JSON: %s", error.text);
        s_refuse (peer, ZLOOM_MALFORMED, text);
    } else if (!verb) {
        s_refuse (peer, ZLOOM_MALFORMED, "a request is an object with the text \"verb\"");
    } else {
        self->requests++;
        peer->request = self->requests * ZLOOM_CONTROL_PEERS + at;
        self->each (self->arg, peer->request, verb, request);
    }
    json_decref (request);
}

/* Work on what stands in the buffer, as far as each request is answered at once. */
static void
s_work_all (zloom_control_socket_t *self, size_t at)
{
    s_peer_t *peer = &self->peers[at];
    while (peer->fd >= 0 && peer->request == 0 && !peer->closing && peer->in.size > 0) {
        const char *end = memchr (peer->in.data, '\n', peer->in.size);
        if (!end && peer->in.size < ZLOOM_CONTROL_REQUEST_BYTES) {
            return;
        }
        if (!end) {
            s_refuse (peer, ZLOOM_TOO_BIG, "a request has at most 65536 bytes");
            return;
        }
        size_t size = (size_t) (end - (const char *) peer->in.data);
        char *line = zloom_memdup_text (peer->in.data, size);
        peer->in.size -= size + 1;
        memmove (peer->in.data, end + 1, peer->in.size);
        s_work (self, at, line, size);
        free (line);
    }
}

static void
s_read (zloom_control_socket_t *self, size_t at)
{
    s_peer_t *peer = &self->peers[at];
    char chunk[READ_BYTES];
    ssize_t got = recv (peer->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0) {
        peer->heard = ++self->moment;
        zloom_buf_add (&peer->in, chunk, (size_t) got);
        s_work_all (self, at);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        s_free (peer);
    }
}

/* A free place: one that nobody has, or that of who waits for nothing and was silent longest. */
static s_peer_t *
s_place (zloom_control_socket_t *self)
{
    s_peer_t *best = NULL;
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        s_peer_t *peer = &self->peers[i];
        if (peer->fd < 0) {
            return peer;
        }
        if (peer->request == 0 && (!best || peer->heard < best->heard)) {
            best = peer;
        }
    }
    if (best) {
        s_free (best);
    }
    return best;
}

static void
s_accept (zloom_control_socket_t *self)
{
    int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    s_peer_t stranger = {.fd = fd};
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
        (who.uid != geteuid () && who.uid != 0)) {
        s_refuse (&stranger, ZLOOM_FORBIDDEN, "this topology is another user's");
        s_free (&stranger);
        return;
    }
    s_peer_t *peer = s_place (self);
    if (!peer) {
        s_refuse (&stranger, ZLOOM_TOO_MANY, "too many requests wait for their answers");
        s_free (&stranger);
        return;
    }
    *peer = (s_peer_t){.fd = fd, .heard = ++self->moment};
}

/* ---- the loop ------------------------------------------------------------------------------- */

void
zloom_control_socket_polls (const zloom_control_socket_t *self, struct pollfd *polls)
{
    polls[0] = (struct pollfd){.fd = self ? self->fd : -1, .events = POLLIN};
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        const s_peer_t *peer = self ? &self->peers[i] : NULL;
        polls[1 + i] = (struct pollfd){.fd = peer ? peer->fd : -1};
        const bool more = peer && peer->request == 0 && peer->in.size > 0 &&
                          memchr (peer->in.data, '\n', peer->in.size);
        if (peer && (peer->out.size > 0 || more)) {
            polls[1 + i].events = POLLOUT; /* or there is work already: that wakes at once */
        } else if (peer && peer->request == 0) {
            polls[1 + i].events = POLLIN; /* while it waits, only its going is of interest */
        }
    }
}

void
zloom_control_socket_turn (zloom_control_socket_t *self, const struct pollfd *polls)
{
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_CONTROL_SOCKET_TAG);
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        s_peer_t *peer = &self->peers[i];
        const short what = polls[1 + i].fd == peer->fd ? polls[1 + i].revents : 0;
        if (what & POLLOUT) {
            s_flush (peer);
        } else if (what & POLLIN) {
            s_read (self, i);
        } else if (what & (POLLHUP | POLLERR | POLLNVAL)) {
            s_free (peer);
        }
        s_work_all (self, i);
    }
    if (polls[0].revents & POLLIN) {
        s_accept (self);
    }
}

/* ---- the other side ------------------------------------------------------------------------- */

/* Whoever could put a socket there could answer in the supervisor's place. */
static zloom_err_t
s_trust (int folder, const char *path)
{
    static const char *const names[] = {"", ZLOOM_CONTROL_NAME};
    for (size_t i = 0; i < 2; i++) {
        struct stat info;
        if (fstatat (folder, names[i], &info, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
            return zloom_fail (ZLOOM_NOT_RUNNING, "nothing runs in %s", path);
        }
        const char *slash = i ? "/" : "";
        if (info.st_uid != geteuid () && geteuid () != 0) {
            return zloom_fail (ZLOOM_FORBIDDEN, "%s%s%s is user %u's", path, slash, names[i],
                               (unsigned) info.st_uid);
        }
        if ((info.st_mode & 022) != 0 || (i == 1 && !S_ISSOCK (info.st_mode))) {
            return zloom_fail (ZLOOM_FORBIDDEN,
                               "%s%s%s is not to be trusted: others may write to it, or it is no "
                               "socket (mode %o)",
                               path, slash, names[i], (unsigned) info.st_mode);
        }
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_control_socket_connect (const char *folder, int *fd_p)
{
    int place = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0) {
        return errno == EACCES ? zloom_fail_errno (ZLOOM_FORBIDDEN, "cannot enter %s", folder)
                               : zloom_fail (ZLOOM_NOT_RUNNING, "nothing runs in %s", folder);
    }
    zloom_err_t err = s_trust (place, folder);
    struct sockaddr_un address;
    s_address (place, &address);
    int fd = err == ZLOOM_OK ? socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    /* A supervisor that was stopped takes nobody in: that shall not hold us. */
    const struct timeval patience = {.tv_sec = CONNECT_S};
    if (err == ZLOOM_OK &&
        (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
         connect (fd, (struct sockaddr *) &address, sizeof address) != 0)) {
        err = errno == ECONNREFUSED || errno == ENOENT
                ? zloom_fail (ZLOOM_NOT_RUNNING, "nothing runs in %s", folder)
                : zloom_fail_errno (ZLOOM_SYSTEM, "cannot reach %s/%s", folder, ZLOOM_CONTROL_NAME);
    }
    close (place);
    if (err != ZLOOM_OK && fd >= 0) {
        close (fd);
        fd = -1;
    }
    *fd_p = fd;
    return err;
}
