/* SPDX-License-Identifier: MPL-2.0 */
#include "net/curve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/tag.h"
#include "net/message.h"

/* Stable since libzmq 4.3.2, but its header declares it for drafts and later versions only. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

static zloom_err_t
s_set (void *handle, int option, const void *value, size_t size, const char *name)
{
    if (zmq_setsockopt (handle, option, value, size) != 0) {
        return zloom_fail (ZLOOM_SYSTEM, "ZeroMQ does not take %s: %s", name, zmq_strerror (errno));
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_set_int (void *handle, int option, int value, const char *name)
{
    return s_set (handle, option, &value, sizeof value, name);
}

/* Keys go as bytes: as text their NUL would count, and that differs between versions. */
static zloom_err_t
s_set_key (void *handle, int option, const char *key, const char *name)
{
    uint8_t bytes[ZLOOM_KEY_BYTES];
    zloom_err_t err = zloom_key_decode (key, bytes);
    if (err == ZLOOM_OK) {
        err = s_set (handle, option, bytes, sizeof bytes, name);
    }
    explicit_bzero (bytes, sizeof bytes);
    return err;
}

zloom_err_t
zloom_curve_serve (void *handle, const zloom_curve_t *curve)
{
    zloom_assert (curve->domain && curve->domain[0]);
    zloom_err_t err =
      s_set (handle, ZMQ_ZAP_DOMAIN, curve->domain, strlen (curve->domain), "ZAP_DOMAIN");
    if (err == ZLOOM_OK) {
        err = s_set_int (handle, ZMQ_ZAP_ENFORCE_DOMAIN, 1, "ZAP_ENFORCE_DOMAIN");
    }
    if (err == ZLOOM_OK) {
        err = s_set_key (handle, ZMQ_CURVE_SECRETKEY, curve->own.secret_key, "CURVE_SECRETKEY");
    }
    if (err == ZLOOM_OK) {
        err = s_set_int (handle, ZMQ_CURVE_SERVER, 1, "CURVE_SERVER");
    }
    return err;
}

zloom_err_t
zloom_curve_use (void *handle, const zloom_curve_t *curve)
{
    zloom_assert (!curve->domain);
    zloom_err_t err = s_set_key (handle, ZMQ_CURVE_SERVERKEY, curve->server, "CURVE_SERVERKEY");
    if (err == ZLOOM_OK) {
        err = s_set_key (handle, ZMQ_CURVE_PUBLICKEY, curve->own.public_key, "CURVE_PUBLICKEY");
    }
    if (err == ZLOOM_OK) {
        err = s_set_key (handle, ZMQ_CURVE_SECRETKEY, curve->own.secret_key, "CURVE_SECRETKEY");
    }
    return err;
}

/* ---- what goes wrong with handshakes -------------------------------------------------------- */

zloom_err_t
zloom_curve_watch (void *handle, zloom_socket_t *monitor)
{
    char endpoint[64];
    (void) snprintf (endpoint, sizeof endpoint, "inproc://zloom.handshakes.%" PRIxPTR,
                     (uintptr_t) handle);
    /*
     * Without a high-water mark: libzmq's I/O thread writes the events and would wait for whoever
     * does not read, and all sockets of the process with it.
     */
    zloom_err_t err = s_set_int (zloom_socket_handle (monitor), ZMQ_RCVHWM, 0, "RCVHWM");
    if (err == ZLOOM_OK && zmq_socket_monitor (handle, endpoint,
                                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) != 0) {
        err = zloom_fail (ZLOOM_SYSTEM, "handshakes cannot be watched: %s", zmq_strerror (errno));
    }
    return err == ZLOOM_OK ? zloom_socket_connect (monitor, endpoint) : err;
}

void
zloom_curve_unwatch (void *handle)
{
    (void) zmq_socket_monitor (handle, NULL, 0);
}

static zloom_handshake_t
s_meaning (uint16_t event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        return ZLOOM_HANDSHAKE_REFUSED;
    }
    if (event != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        return ZLOOM_HANDSHAKE_BROKEN;
    }
    switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return ZLOOM_HANDSHAKE_PLAIN;
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
    case ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
        return ZLOOM_HANDSHAKE_OTHER_KEY;
    default:
        return ZLOOM_HANDSHAKE_BROKEN;
    }
}

zloom_handshake_t
zloom_handshake_read (zloom_socket_t *monitor)
{
    void *handle = zloom_socket_handle (monitor);
    uint8_t head[8];
    int got;
    while ((got = zmq_recv (handle, head, sizeof head, ZMQ_DONTWAIT)) < 0) {
        if (errno != EINTR) {
            return ZLOOM_HANDSHAKE_NOTHING;
        }
    }
    int more = 0;
    size_t size = sizeof more;
    while (zmq_getsockopt (handle, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        char address[256];
        if (zmq_recv (handle, address, sizeof address, ZMQ_DONTWAIT) < 0 && errno != EINTR) {
            break;
        }
    }
    uint16_t event;
    uint32_t value;
    if (got < 6) {
        return ZLOOM_HANDSHAKE_BROKEN;
    }
    memcpy (&event, head, sizeof event);
    memcpy (&value, head + sizeof event, sizeof value);
    return s_meaning (event, value);
}
