/* SPDX-License-Identifier: MPL-2.0 */
#include "net/dealer.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "net/message.h"

#define DEALER_TAG 0x5A4E646Cu

struct zloom_dealer {
    uint32_t tag;
    zloom_socket_t *socket;
    char *endpoint;
    zloom_socket_config_t config;
    zloom_curve_t curve;     /* config.curve, when there is one */
    zloom_socket_t *monitor; /* of `socket`; NULL: plain, or it cannot be had */
    zloom_handshake_t handshake;
    zmq_msg_t verb; /* received last */
};

static zloom_err_t
s_connect (zloom_dealer_t *self, zloom_socket_t **socket_p, zloom_socket_t **monitor_p)
{
    *monitor_p = NULL;
    zloom_err_t err = zloom_socket_open (ZLOOM_SOCKET_DEALER, &self->config, socket_p);
    if (err == ZLOOM_OK) {
        if (self->config.curve) {
            /* Without a monitor there is less to say about a failure, and nothing else. */
            (void) zloom_socket_watch_handshakes (*socket_p, monitor_p);
        }
        err = zloom_socket_connect (*socket_p, self->endpoint);
        if (err != ZLOOM_OK) {
            zloom_socket_close (socket_p);
            zloom_socket_close (monitor_p);
        }
    }
    return err;
}

zloom_err_t
zloom_dealer_open (const char *endpoint, const zloom_socket_config_t *config,
                   zloom_dealer_t **self_p)
{
    zloom_dealer_t *self = zloom_alloc (sizeof *self);
    self->tag = DEALER_TAG;
    self->endpoint = zloom_strdup (endpoint ? endpoint : "");
    self->config = config ? *config : (zloom_socket_config_t){0};
    if (self->config.curve) {
        self->curve = *self->config.curve;
        self->config.curve = &self->curve;
    }
    zloom_assert (zmq_msg_init (&self->verb) == 0);
    zloom_err_t err = s_connect (self, &self->socket, &self->monitor);
    if (err != ZLOOM_OK) {
        zloom_dealer_close (&self, 0);
    }
    *self_p = self;
    return err;
}

void
zloom_dealer_close (zloom_dealer_t **self_p, int64_t linger_ns)
{
    zloom_assert (self_p);
    zloom_dealer_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, DEALER_TAG);
    *self_p = NULL;
    zmq_msg_close (&self->verb);
    if (self->socket) {
        zloom_socket_linger (self->socket, linger_ns);
    }
    zloom_socket_close (&self->socket);
    zloom_socket_close (&self->monitor);
    zloom_keypair_wipe (&self->curve.own);
    self->tag = ZLOOM_TAG_DEAD;
    free (self->endpoint);
    free (self);
}

/* The new one is made first: without descriptors the old one stays, and so does the context. */
zloom_err_t
zloom_dealer_renew (zloom_dealer_t *self)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    zloom_socket_t *fresh = NULL;
    zloom_socket_t *monitor = NULL;
    zloom_err_t err = s_connect (self, &fresh, &monitor);
    if (err == ZLOOM_OK) {
        zloom_socket_close (&self->socket);
        zloom_socket_close (&self->monitor);
        self->socket = fresh;
        self->monitor = monitor;
        self->handshake = ZLOOM_HANDSHAKE_NOTHING;
    }
    return err;
}

const zloom_socket_t *
zloom_dealer_monitor (const zloom_dealer_t *self)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    return self->monitor;
}

zloom_handshake_t
zloom_dealer_handshake (zloom_dealer_t *self)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    zloom_handshake_t next;
    while (self->monitor &&
           (next = zloom_handshake_read (self->monitor)) != ZLOOM_HANDSHAKE_NOTHING) {
        self->handshake = next;
    }
    return self->handshake;
}

const zloom_socket_t *
zloom_dealer_socket (const zloom_dealer_t *self)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    return self->socket;
}

zloom_err_t
zloom_dealer_send (zloom_dealer_t *self, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    return zloom_message_send (zloom_socket_handle (self->socket), verb, blob, pack);
}

zloom_err_t
zloom_dealer_receive (zloom_dealer_t *self, zloom_bytes_t *verb, zloom_blob_t **pack_p)
{
    ZLOOM_CHECK (self, DEALER_TAG);
    zloom_err_t err =
      zloom_message_receive (zloom_socket_handle (self->socket), &self->verb, pack_p);
    *verb = zloom_message_bytes (&self->verb);
    return err;
}
