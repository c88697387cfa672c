/* SPDX-License-Identifier: MPL-2.0 */
#include "net/socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/tag.h"
#include "net/context.h"
#include "net/curve.h"
#include "net/endpoint.h"
#include "net/lock.h"
#include "wire/limits.h"

#define SOCKET_TAG 0x5A4E736Bu
#define DEFAULT_HWM 16384
/* Stable since libzmq 4.3.0, but its header declares it for drafts and later versions only. */
#ifndef ZMQ_TCP_MAXRT
#define ZMQ_TCP_MAXRT 80
#endif

struct zloom_socket {
    uint32_t tag;
    void *handle;
    pthread_t owner;
    zloom_path_lock_t *lock; /* of a bound ipc path */
    int64_t linger_ns;
    const zloom_curve_t *curve; /* NULL: plain */
    bool served;                /* with CURVE, since some bind */
    bool watched;               /* by a monitor */
};

typedef struct {
    int option;
    int value;
    const char *name;
} socket_option_t;

/* The profile. ZMQ_HEARTBEAT_* is missing on purpose: with a full inbound queue it aborts. */
static const socket_option_t s_profile[] = {
  {ZMQ_LINGER, 0, "LINGER"},
  {ZMQ_HANDSHAKE_IVL, 3000, "HANDSHAKE_IVL"},
  {ZMQ_RECONNECT_IVL_MAX, 10000, "RECONNECT_IVL_MAX"},
  {ZMQ_TCP_KEEPALIVE, 1, "TCP_KEEPALIVE"},
  {ZMQ_TCP_KEEPALIVE_IDLE, 10, "TCP_KEEPALIVE_IDLE"},
  {ZMQ_TCP_KEEPALIVE_INTVL, 5, "TCP_KEEPALIVE_INTVL"},
  {ZMQ_TCP_KEEPALIVE_CNT, 3, "TCP_KEEPALIVE_CNT"},
  {ZMQ_TCP_MAXRT, 15000, "TCP_MAXRT"},
  {ZMQ_CONNECT_TIMEOUT, 5000, "CONNECT_TIMEOUT"},
  {ZMQ_BACKLOG, 1024, "BACKLOG"},
  {ZMQ_IPV6, 1, "IPV6"},
};

static zloom_err_t
s_set (void *handle, int option, int value, const char *name)
{
    if (zmq_setsockopt (handle, option, &value, sizeof value) != 0) {
        return zloom_fail (ZLOOM_SYSTEM, "ZeroMQ does not take %s = %d: %s", name, value,
                           zmq_strerror (errno));
    }
    return ZLOOM_OK;
}

/* So that many clients of a router that comes back do not knock in the same instant. */
static int
s_jittered_reconnect_ms (void)
{
    uint8_t jitter = 0;
    zloom_random_system (&jitter, sizeof jitter);
    return 150 + jitter * 100 / 255;
}

static zloom_err_t
s_configure (void *handle, zloom_socket_type_t type, const zloom_socket_config_t *config)
{
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; err == ZLOOM_OK && i < sizeof s_profile / sizeof *s_profile; i++) {
        err = s_set (handle, s_profile[i].option, s_profile[i].value, s_profile[i].name);
    }
    if (err == ZLOOM_OK) {
        err = s_set (handle, ZMQ_RECONNECT_IVL, s_jittered_reconnect_ms (), "RECONNECT_IVL");
    }
    if (err == ZLOOM_OK) {
        err =
          s_set (handle, ZMQ_SNDHWM, config->send_hwm ? config->send_hwm : DEFAULT_HWM, "SNDHWM");
    }
    if (err == ZLOOM_OK) {
        err = s_set (handle, ZMQ_RCVHWM, config->receive_hwm ? config->receive_hwm : DEFAULT_HWM,
                     "RCVHWM");
    }
    if (err == ZLOOM_OK) {
        const int64_t most = config->max_frame_bytes
                               ? (int64_t) config->max_frame_bytes
                               : (int64_t) ZLOOM_LIMIT_STEP_BYTES + ZLOOM_LIMIT_VERB_BYTES;
        if (zmq_setsockopt (handle, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0) {
            err = zloom_fail (ZLOOM_SYSTEM, "ZeroMQ does not take MAXMSGSIZE: %s",
                              zmq_strerror (errno));
        }
    }
    if (err == ZLOOM_OK && type == ZLOOM_SOCKET_ROUTER) {
        err = s_set (handle, ZMQ_ROUTER_MANDATORY, 1, "ROUTER_MANDATORY");
    }
    if (err == ZLOOM_OK && type == ZLOOM_SOCKET_ROUTER) {
        err = s_set (handle, ZMQ_ROUTER_HANDOVER, 0, "ROUTER_HANDOVER");
    }
    return err;
}

static int
s_zmq_type (zloom_socket_type_t type)
{
    switch (type) {
    case ZLOOM_SOCKET_ROUTER:
        return ZMQ_ROUTER;
    case ZLOOM_SOCKET_DEALER:
        return ZMQ_DEALER;
    case ZLOOM_SOCKET_REP:
        return ZMQ_REP;
    case ZLOOM_SOCKET_PAIR:
        break;
    }
    return ZMQ_PAIR;
}

zloom_err_t
zloom_socket_open (zloom_socket_type_t type, const zloom_socket_config_t *config,
                   zloom_socket_t **self_p)
{
    static const zloom_socket_config_t defaults = {0};
    *self_p = NULL;
    void *context = NULL;
    zloom_err_t err = zloom_context_acquire (&context);
    if (err != ZLOOM_OK) {
        return err;
    }
    void *handle = zmq_socket (context, s_zmq_type (type));
    if (!handle) {
        err = zloom_fail (ZLOOM_SYSTEM, "no ZeroMQ socket: %s", zmq_strerror (errno));
    } else {
        err = s_configure (handle, type, config ? config : &defaults);
    }
    if (err != ZLOOM_OK) {
        if (handle) {
            zmq_close (handle);
        }
        zloom_context_release ();
        return err;
    }
    zloom_socket_t *self = zloom_alloc (sizeof *self);
    self->tag = SOCKET_TAG;
    self->handle = handle;
    self->owner = pthread_self ();
    self->curve = config ? config->curve : NULL;
    *self_p = self;
    return ZLOOM_OK;
}

void *
zloom_socket_handle (const zloom_socket_t *self)
{
    ZLOOM_CHECK (self, SOCKET_TAG);
    zloom_assert (pthread_equal (self->owner, pthread_self ()));
    return self->handle;
}

void
zloom_socket_linger (zloom_socket_t *self, int64_t linger_ns)
{
    ZLOOM_CHECK (self, SOCKET_TAG);
    self->linger_ns = linger_ns > 0 ? linger_ns : 0;
}

void
zloom_socket_close (zloom_socket_t **self_p)
{
    zloom_assert (self_p);
    zloom_socket_t *self = *self_p;
    if (!self) {
        return;
    }
    void *handle = zloom_socket_handle (self);
    *self_p = NULL;
    if (self->watched) {
        zloom_curve_unwatch (handle);
    }
    if (self->linger_ns > 0) {
        int64_t ms = self->linger_ns / ZLOOM_NS_PER_MS + 1;
        /* Cannot fail: the option took 0 before. If it did, unsent frames would just be dropped. */
        (void) s_set (handle, ZMQ_LINGER, ms < 60000 ? (int) ms : 60000, "LINGER");
    }
    zloom_assert (zmq_close (handle) == 0);
    self->tag = ZLOOM_TAG_DEAD;
    zloom_path_lock_drop (&self->lock);
    free (self);
    zloom_context_release ();
}

zloom_err_t
zloom_socket_watch_handshakes (zloom_socket_t *self, zloom_socket_t **monitor)
{
    void *handle = zloom_socket_handle (self);
    zloom_err_t err = zloom_socket_open (ZLOOM_SOCKET_PAIR, NULL, monitor);
    if (err != ZLOOM_OK) {
        return err;
    }
    err = zloom_curve_watch (handle, *monitor);
    self->watched = err == ZLOOM_OK;
    if (err != ZLOOM_OK) {
        zloom_curve_unwatch (handle);
        zloom_socket_close (monitor);
    }
    return err;
}

static zloom_err_t
s_bind_ipc (zloom_socket_t *self, const char *endpoint)
{
    zloom_assert (!self->lock);
    const char *path = zloom_endpoint_path (endpoint);
    char *directory = zloom_strdup (path);
    char *slash = strrchr (directory, '/');
    *(slash == directory ? slash + 1 : slash) = 0;
    zloom_err_t err = zloom_private_directory (directory);
    free (directory);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_path_lock_t *lock = NULL;
    err = zloom_path_lock_take (path, &lock);
    if (err != ZLOOM_OK) {
        return err;
    }
    if (zmq_bind (self->handle, endpoint) != 0) {
        err = zloom_fail (ZLOOM_SYSTEM, "cannot bind %s: %s", endpoint, zmq_strerror (errno));
        zloom_path_lock_drop (&lock);
        return err;
    }
    zloom_path_lock_bound (lock);
    self->lock = lock;
    return ZLOOM_OK;
}

static zloom_err_t
s_bind (zloom_socket_t *self, const char *endpoint)
{
    if (zmq_bind (self->handle, endpoint) != 0) {
        return zloom_fail (errno == EADDRINUSE ? ZLOOM_EXISTS : ZLOOM_SYSTEM, "cannot bind %s: %s",
                           endpoint, zmq_strerror (errno));
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_socket_bind (zloom_socket_t *self, const char *endpoint)
{
    ZLOOM_CHECK (self, SOCKET_TAG);
    zloom_assert (pthread_equal (self->owner, pthread_self ()));
    zloom_err_t err = zloom_endpoint_check (endpoint);
    if (err != ZLOOM_OK) {
        return err;
    }
    /* A plain peer would be asked for a key there (the inner one of threads never is). */
    zloom_assert (!self->served || strncmp (endpoint, "inproc:", 7) == 0);
    return zloom_endpoint_path (endpoint) ? s_bind_ipc (self, endpoint) : s_bind (self, endpoint);
}

zloom_err_t
zloom_socket_bind_keyed (zloom_socket_t *self, const char *endpoint)
{
    void *handle = zloom_socket_handle (self);
    zloom_assert (self->curve && zloom_endpoint_is_tcp (endpoint));
    zloom_err_t err = zloom_endpoint_check_keyed (endpoint);
    if (err == ZLOOM_OK) {
        self->served = true;
        err = zloom_curve_serve (handle, self->curve);
    }
    return err == ZLOOM_OK ? s_bind (self, endpoint) : err;
}

zloom_err_t
zloom_socket_connect (zloom_socket_t *self, const char *endpoint)
{
    void *handle = zloom_socket_handle (self);
    const bool keyed = self->curve && zloom_endpoint_is_tcp (endpoint);
    zloom_err_t err =
      keyed ? zloom_endpoint_check_keyed (endpoint) : zloom_endpoint_check (endpoint);
    if (err == ZLOOM_OK && keyed) {
        err = zloom_curve_use (handle, self->curve);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (zmq_connect (handle, endpoint) != 0) {
        return zloom_fail (ZLOOM_SYSTEM, "cannot connect to %s: %s", endpoint,
                           zmq_strerror (errno));
    }
    return ZLOOM_OK;
}
