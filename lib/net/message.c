/* SPDX-License-Identifier: MPL-2.0 */
#include "net/message.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

/* libzmq reads into buffers of 8 KiB; what fits there would pin all of one. */
#define COPY_IN_BYTES 8192
/* Below, a copy is cheaper than a reference counted over two threads. */
#define COPY_OUT_BYTES 1024

static void
s_free_message (void *data, void *hint)
{
    (void) data;
    zmq_msg_t *message = hint;
    zloom_assert (zmq_msg_close (message) == 0);
    free (message);
}

zloom_blob_t *
zloom_message_to_blob (zmq_msg_t *message)
{
    const size_t size = zmq_msg_size (message);
    if (size <= COPY_IN_BYTES) {
        return zloom_blob_new (zmq_msg_data (message), size);
    }
    zmq_msg_t *kept = zloom_alloc (sizeof *kept);
    zloom_assert (zmq_msg_init (kept) == 0);
    zloom_assert (zmq_msg_move (kept, message) == 0);
    return zloom_blob_new_extern (zmq_msg_data (kept), size, s_free_message, kept);
}

static void
s_unref (void *data, void *hint)
{
    (void) data;
    zloom_blob_t *blob = hint;
    zloom_blob_unref (&blob);
}

/* zmq_msg_init_* fail for want of memory alone. */
void
zloom_message_copy (zmq_msg_t *message, zloom_bytes_t bytes)
{
    if (zmq_msg_init_size (message, bytes.size) != 0) {
        zloom_out_of_memory ("a message to send");
    }
    if (bytes.size > 0) {
        memcpy (zmq_msg_data (message), bytes.data, bytes.size);
    }
}

void
zloom_message_from_view (zmq_msg_t *message, zloom_blob_t *blob, zloom_bytes_t view)
{
    if (!blob || view.size < COPY_OUT_BYTES) {
        zloom_message_copy (message, view);
        return;
    }
    if (zmq_msg_init_data (message, (void *) view.data, view.size, s_unref,
                           zloom_blob_ref (blob)) != 0) {
        zloom_out_of_memory ("a message to send");
    }
}

static zloom_err_t
s_send_part (void *socket, zmq_msg_t *message, int flags)
{
    while (zmq_msg_send (message, socket, flags | ZMQ_DONTWAIT) < 0) {
        const int reason = errno;
        if (reason == EINTR) {
            continue;
        }
        zmq_msg_close (message);
        return reason == EAGAIN ? ZLOOM_AGAIN : ZLOOM_GONE;
    }
    return ZLOOM_OK;
}

zloom_err_t
zloom_message_send (void *socket, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    zmq_msg_t message;
    zloom_message_copy (&message, verb);
    zloom_err_t err = s_send_part (socket, &message, blob ? ZMQ_SNDMORE : 0);
    if (err != ZLOOM_OK || !blob) {
        return err;
    }
    zloom_message_from_view (&message, blob, pack);
    return s_send_part (socket, &message, 0);
}

static bool
s_receive_part (void *socket, zmq_msg_t *message)
{
    while (zmq_msg_recv (message, socket, ZMQ_DONTWAIT) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

zloom_err_t
zloom_message_receive (void *socket, zmq_msg_t *verb, zloom_blob_t **pack_p)
{
    *pack_p = NULL;
    if (!s_receive_part (socket, verb)) {
        return ZLOOM_AGAIN;
    }
    if (!zmq_msg_more (verb)) {
        return ZLOOM_OK;
    }
    zmq_msg_t part;
    zloom_assert (zmq_msg_init (&part) == 0);
    zloom_err_t err = ZLOOM_OK;
    /* The parts of one message arrive together, so none can be missing here. */
    for (bool more = true; more && s_receive_part (socket, &part);) {
        more = zmq_msg_more (&part);
        if (more) {
            err = ZLOOM_MALFORMED;
        } else if (err == ZLOOM_OK) {
            *pack_p = zloom_message_to_blob (&part);
        }
    }
    zmq_msg_close (&part);
    return err;
}
