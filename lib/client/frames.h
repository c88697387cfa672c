/* SPDX-License-Identifier: MPL-2.0 */
/* frames.h - frames that wait to be sent, in their order. */
#ifndef ZLOOM_CLIENT_FRAMES_H
#define ZLOOM_CLIENT_FRAMES_H

#include "wire/verb.h"

/* A SEND, and most else, lies in the ring itself. */
#define ZLOOM_FRAME_SHORT_BYTES 48

typedef struct {
    zloom_blob_t *blob;      /* NULL: no pack */
    zloom_bytes_t pack;      /* a view into blob */
    zloom_blob_t *long_verb; /* NULL: it is short */
    uint8_t short_size;
    uint8_t short_verb[ZLOOM_FRAME_SHORT_BYTES];
} zloom_waiting_frame_t;

typedef struct {
    zloom_waiting_frame_t *items; /* a ring */
    size_t head;
    size_t count;
    size_t capacity;
    zloom_buf_t scratch; /* a verb is encoded here first */
} zloom_frames_t;        /* zero-initialised is empty and ready */

/* Encode at the end; a reference on blob (may be NULL) is taken. */
void zloom_frames_push (zloom_frames_t *self, const zloom_verb_t *verb, zloom_blob_t *blob,
                        zloom_bytes_t pack);
/* The oldest; NULL when empty. Valid until the next call that changes the queue. */
const zloom_waiting_frame_t *zloom_frames_front (const zloom_frames_t *self);
/* Its verb, as long as it stays at the front. */
zloom_bytes_t zloom_frame_verb (const zloom_waiting_frame_t *frame);
void zloom_frames_pop (zloom_frames_t *self);
void zloom_frames_clear (zloom_frames_t *self);
void zloom_frames_fini (zloom_frames_t *self);

#endif
