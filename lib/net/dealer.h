/* SPDX-License-Identifier: MPL-2.0 */
/*
 * dealer.h - a client's road to a router: a DEALER that can be thrown away and laid anew, because a
 * router that does not know a route any more wants a fresh one.
 */
#ifndef ZLOOM_NET_DEALER_H
#define ZLOOM_NET_DEALER_H

#include "base/bytes.h"
#include "net/socket.h"

typedef struct zloom_dealer zloom_dealer_t;

/* Begin to connect; the router need not be there yet. Errors as zloom_socket_connect. */
zloom_err_t zloom_dealer_open (const char *endpoint, const zloom_socket_config_t *config,
                               zloom_dealer_t **self_p);
/* What is unsent goes out for at most `linger_ns`. */
void zloom_dealer_close (zloom_dealer_t **self_p, int64_t linger_ns);
/* A new socket; what the old one still held, both ways, is gone. */
zloom_err_t zloom_dealer_renew (zloom_dealer_t *self);
/*
 * The last thing that went wrong with a handshake, of a road with keys; NOTHING: none did. An
 * answer of REFUSED is final: libzmq does not try this socket again.
 */
zloom_handshake_t zloom_dealer_handshake (zloom_dealer_t *self);
/* Readable when there is more to say about handshakes; NULL: a road without keys. */
const zloom_socket_t *zloom_dealer_monitor (const zloom_dealer_t *self);
/* The socket to poll; changes with renew. */
const zloom_socket_t *zloom_dealer_socket (const zloom_dealer_t *self);
/* `pack` is a view into `blob` (NULL: no pack). Never blocks. AGAIN: no room, keep the frame. */
zloom_err_t zloom_dealer_send (zloom_dealer_t *self, zloom_bytes_t verb, zloom_blob_t *blob,
                               zloom_bytes_t pack);
/*
 * The next message: the verb is valid until the next receive, *pack_p is the receiver's reference
 * or NULL. AGAIN: none now. MALFORMED: a message of more than two frames was dropped.
 */
zloom_err_t zloom_dealer_receive (zloom_dealer_t *self, zloom_bytes_t *verb, zloom_blob_t **pack_p);

#endif
