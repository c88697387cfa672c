/* SPDX-License-Identifier: MPL-2.0 */
/* curve.h - the options that make a libzmq socket speak CURVE; socket.c uses it. */
#ifndef ZLOOM_NET_CURVE_H
#define ZLOOM_NET_CURVE_H

#include "net/socket.h"

/*
 * What is bound next serves CURVE and asks the door `curve->domain` at each handshake; with an
 * enforced domain, so that without an answer nobody comes in (ZeroMQ would let all in). An endpoint
 * keeps the options that it was bound with. There is no way back: libzmq does not let go of a
 * domain.
 */
zloom_err_t zloom_curve_serve (void *handle, const zloom_curve_t *curve);
/* What is connected next proves to have `own`, and expects `server`. */
zloom_err_t zloom_curve_use (void *handle, const zloom_curve_t *curve);
/* What goes wrong with handshakes goes to `monitor`, a fresh PAIR, until unwatch. */
zloom_err_t zloom_curve_watch (void *handle, zloom_socket_t *monitor);
/* Before either socket is closed: an event that nobody can take stops libzmq's thread. */
void zloom_curve_unwatch (void *handle);

#endif
