/* SPDX-License-Identifier: MPL-2.0 */
/* message.h - blobs and zmq_msg_t into each other, without copying where it pays. */
#ifndef ZLOOM_NET_MESSAGE_H
#define ZLOOM_NET_MESSAGE_H

#include <zmq.h>

#include "base/bytes.h"
#include "base/error.h"

/*
 * The content of a received message as a blob; `message` is empty afterwards and still to be
 * closed. Large ones keep libzmq's memory; small ones are copied, because theirs is a part of a
 * read buffer that they would keep alive as a whole.
 */
zloom_blob_t *zloom_message_to_blob (zmq_msg_t *message);
/* A message with the bytes of `view`, which lies in `blob` (may be NULL: then they are copied). */
void zloom_message_from_view (zmq_msg_t *message, zloom_blob_t *blob, zloom_bytes_t view);
/* A message with a copy of the bytes. */
void zloom_message_copy (zmq_msg_t *message, zloom_bytes_t bytes);
/*
 * Send the verb and, if `blob` is not NULL, the pack behind it. Never blocks. AGAIN; GONE (a ROUTER
 * that has no such peer).
 */
zloom_err_t zloom_message_send (void *socket, zloom_bytes_t verb, zloom_blob_t *blob,
                                zloom_bytes_t pack);
/*
 * Receive the rest of a message that begins with its verb: one more frame at most, else
 * MALFORMED, and all of it is read. AGAIN: nothing there. Closes what `verb` held before.
 */
zloom_err_t zloom_message_receive (void *socket, zmq_msg_t *verb, zloom_blob_t **pack_p);

static inline zloom_bytes_t
zloom_message_bytes (zmq_msg_t *message)
{
    return zloom_bytes (zmq_msg_data (message), zmq_msg_size (message));
}

#endif
