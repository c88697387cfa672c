/* SPDX-License-Identifier: MPL-2.0 */
/*
 * socket.h - a ZeroMQ socket with zloom's profile: every option set and checked, ZeroMQ's own
 * heartbeats never used (they can abort a process), limits on what a peer may send, and an owner.
 *
 * Threads: a socket belongs to the thread that made it. Every call checks that, in release too,
 * since two threads on one socket corrupt memory.
 *
 * A bound ipc socket holds PATH.lock, because libzmq takes a live socket's path away without a
 * word: a second process that binds gets LOCKED. The file of a dead process is replaced.
 */
#ifndef ZLOOM_NET_SOCKET_H
#define ZLOOM_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/keypair.h"

typedef struct zloom_socket zloom_socket_t;

typedef enum {
    ZLOOM_SOCKET_ROUTER,
    ZLOOM_SOCKET_DEALER,
    ZLOOM_SOCKET_PAIR,
    ZLOOM_SOCKET_REP, /* of the thread that knows keys */
} zloom_socket_type_t;

/*
 * CURVE, which every tcp endpoint beyond loopback needs. Of a socket that binds: `domain` names the
 * door that decides who may come in, and the socket serves with its own key. Of one that connects:
 * `server` is the key that the other side must prove to have.
 */
typedef struct {
    zloom_keypair_t own;
    char server[ZLOOM_KEY_CHARS + 1];
    const char *domain; /* NULL: this side connects. Borrowed while the socket lives */
} zloom_curve_t;

typedef struct {
    uint64_t max_frame_bytes; /* a peer that sends more is disconnected; 0 = the wire's limits */
    int send_hwm;             /* messages per peer; 0 = 16384 */
    int receive_hwm;          /* messages per peer; 0 = 16384 */
    /*
     * Of a socket that connects to tcp, and of bind_keyed; NULL: plain, and on loopback only.
     * Borrowed while the socket lives.
     */
    const zloom_curve_t *curve;
} zloom_socket_config_t;

/* `config` may be NULL. SYSTEM with a note. */
zloom_err_t zloom_socket_open (zloom_socket_type_t type, const zloom_socket_config_t *config,
                               zloom_socket_t **self_p);
/* What is still unsent is dropped, unless zloom_socket_linger was called. */
void zloom_socket_close (zloom_socket_t **self_p);
/*
 * Bind. An ipc path's directory is made and checked (endpoint.h). LOCKED: another process serves
 * there; EXISTS: a file that is no socket stands there, or the tcp port is taken. May be called
 * again for further endpoints, of which one may be ipc.
 */
zloom_err_t zloom_socket_bind (zloom_socket_t *self, const char *endpoint);
/* A tcp endpoint, on any address, that speaks CURVE. Behind it only inproc may be bound. */
zloom_err_t zloom_socket_bind_keyed (zloom_socket_t *self, const char *endpoint);
zloom_err_t zloom_socket_connect (zloom_socket_t *self, const char *endpoint);
/* At close, let libzmq go on sending for so long. */
void zloom_socket_linger (zloom_socket_t *self, int64_t linger_ns);
/*
 * Tell what goes wrong with handshakes: readable on `monitor`, which is a socket of its own, a
 * message an event; zloom_handshake_read takes them. It may be left unread for a while, but is to
 * be read: nothing bounds it.
 */
zloom_err_t zloom_socket_watch_handshakes (zloom_socket_t *self, zloom_socket_t **monitor);

typedef enum {
    ZLOOM_HANDSHAKE_NOTHING,   /* no more to read */
    ZLOOM_HANDSHAKE_REFUSED,   /* the other side does not know this key */
    ZLOOM_HANDSHAKE_OTHER_KEY, /* the other side expects, or has, another key than it should */
    ZLOOM_HANDSHAKE_PLAIN,     /* one of the two speaks without CURVE */
    ZLOOM_HANDSHAKE_BROKEN,    /* it went away, or spoke no ZMTP */
} zloom_handshake_t;

/* The next event of a monitor. */
zloom_handshake_t zloom_handshake_read (zloom_socket_t *monitor);

/* The libzmq socket, for sends and receives; the owner is checked. */
void *zloom_socket_handle (const zloom_socket_t *self);

/* ---- waiting -------------------------------------------------------------------------------- */

#define ZLOOM_POLL_MAX 16

typedef struct {
    const zloom_socket_t *socket; /* or NULL: */
    int fd;                       /* -1: skipped */
    bool write;                   /* wait for room to write, not for something to read */
    bool ready;                   /* result; errors of a descriptor count as ready */
} zloom_poll_item_t;

/*
 * Wait until an item is ready or the monotonic time `deadline_ns` has come (past: only look). A
 * signal ends the wait early with nothing ready. At most ZLOOM_POLL_MAX items. Uses zmq_poll, which
 * looks at a socket's state and not at its edge-triggered descriptor.
 */
zloom_err_t zloom_poll (zloom_poll_item_t *items, size_t count, int64_t deadline_ns);

#endif
