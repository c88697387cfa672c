/* SPDX-License-Identifier: MPL-2.0 */
/*
 * inbox.h - frames of one session that came and can not be worked on yet, in their order. Packs
 * are kept by reference, verb frames are copied. What an honest session can have here is bounded
 * by the credit it was granted; the limits are for the others.
 */
#ifndef ZLOOM_PEER_INBOX_H
#define ZLOOM_PEER_INBOX_H

#include "base/bytes.h"
#include "base/error.h"

#define ZLOOM_INBOX_FRAMES_MAX 65536
#define ZLOOM_INBOX_BYTES_MAX (64u * 1024 * 1024)

typedef struct {
    zloom_blob_t *verb;
    zloom_blob_t *pack; /* NULL: none */
    bool malformed;     /* the transport says so: more than two frames, or too large */
} zloom_inbox_item_t;

typedef struct {
    zloom_inbox_item_t *items; /* a ring */
    size_t head;
    size_t count;
    size_t capacity;
    size_t bytes;
} zloom_inbox_t; /* zero-initialised is empty and ready */

void zloom_inbox_fini (zloom_inbox_t *self);
/* At the end; the verb is copied, a reference on pack is taken. TOO_MANY: the inbox is full. */
zloom_err_t zloom_inbox_push (zloom_inbox_t *self, zloom_bytes_t verb, zloom_blob_t *pack,
                              bool malformed);
/* The oldest; NULL when empty. Valid until the next call that changes the inbox. */
const zloom_inbox_item_t *zloom_inbox_front (const zloom_inbox_t *self);
void zloom_inbox_pop (zloom_inbox_t *self);

#endif
