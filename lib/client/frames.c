/* SPDX-License-Identifier: MPL-2.0 */
#include "client/frames.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

void
zloom_frames_push (zloom_frames_t *self, const zloom_verb_t *verb, zloom_blob_t *blob,
                   zloom_bytes_t pack)
{
    zloom_grow_ring (&self->items, &self->capacity, self->head, self->count, sizeof *self->items);
    zloom_buf_clear (&self->scratch);
    zloom_verb_encode (verb, &self->scratch);
    zloom_waiting_frame_t *frame = &self->items[(self->head + self->count++) % self->capacity];
    frame->blob = blob ? zloom_blob_ref (blob) : NULL;
    frame->pack = pack;
    frame->long_verb = NULL;
    if (self->scratch.size > sizeof frame->short_verb) {
        frame->long_verb = zloom_blob_new_from_buf (&self->scratch);
        return;
    }
    frame->short_size = (uint8_t) self->scratch.size;
    memcpy (frame->short_verb, self->scratch.data, self->scratch.size);
}

zloom_bytes_t
zloom_frame_verb (const zloom_waiting_frame_t *frame)
{
    return frame->long_verb ? zloom_blob_bytes (frame->long_verb)
                            : zloom_bytes (frame->short_verb, frame->short_size);
}

const zloom_waiting_frame_t *
zloom_frames_front (const zloom_frames_t *self)
{
    return self->count > 0 ? &self->items[self->head] : NULL;
}

void
zloom_frames_pop (zloom_frames_t *self)
{
    zloom_assert (self->count > 0);
    zloom_waiting_frame_t *frame = &self->items[self->head];
    zloom_blob_unref (&frame->long_verb);
    zloom_blob_unref (&frame->blob);
    self->head = (self->head + 1) % self->capacity;
    self->count--;
}

void
zloom_frames_clear (zloom_frames_t *self)
{
    while (self->count > 0) {
        zloom_frames_pop (self);
    }
}

void
zloom_frames_fini (zloom_frames_t *self)
{
    zloom_frames_clear (self);
    zloom_buf_fini (&self->scratch);
    free (self->items);
    *self = (zloom_frames_t){0};
}
