/* SPDX-License-Identifier: MPL-2.0 */
/* zloom_poll of socket.h. */
#include <errno.h>
#include <limits.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/tag.h"
#include "net/socket.h"

/* Rounded up: waking before the deadline would only turn the loop once more. */
static long
s_timeout_ms (int64_t deadline_ns)
{
    if (deadline_ns == ZLOOM_NEVER) {
        return -1;
    }
    int64_t left_ns = deadline_ns - zloom_clock_mono_ns ();
    if (deadline_ns <= 0 || left_ns <= 0) {
        return 0;
    }
    int64_t ms = left_ns / ZLOOM_NS_PER_MS + (left_ns % ZLOOM_NS_PER_MS != 0);
    return ms < INT_MAX ? (long) ms : INT_MAX;
}

zloom_err_t
zloom_poll (zloom_poll_item_t *items, size_t count, int64_t deadline_ns)
{
    zloom_assert (count <= ZLOOM_POLL_MAX);
    zmq_pollitem_t polled[ZLOOM_POLL_MAX];
    size_t from[ZLOOM_POLL_MAX];
    int used = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].ready = false;
        if (!items[i].socket && items[i].fd < 0) {
            continue;
        }
        polled[used] = (zmq_pollitem_t){
          .socket = items[i].socket ? zloom_socket_handle (items[i].socket) : NULL,
          .fd = items[i].socket ? 0 : items[i].fd,
          .events = items[i].write ? ZMQ_POLLOUT : ZMQ_POLLIN,
        };
        from[used++] = i;
    }
    if (zmq_poll (polled, used, s_timeout_ms (deadline_ns)) < 0) {
        return errno == EINTR ? ZLOOM_OK
                              : zloom_fail (ZLOOM_SYSTEM, "poll: %s", zmq_strerror (errno));
    }
    for (int i = 0; i < used; i++) {
        items[from[i]].ready = polled[i].revents != 0;
    }
    return ZLOOM_OK;
}
