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
    zloom_buf_t out = {0};
    zloom_verb_encode (verb, &out);
    self->items[(self->head + self->count++) % self->capacity] = (zloom_waiting_frame_t){
      .verb = zloom_blob_new_from_buf (&out),
      .blob = blob ? zloom_blob_ref (blob) : NULL,
      .pack = pack,
    };
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
    zloom_blob_unref (&frame->verb);
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
    free (self->items);
    *self = (zloom_frames_t){0};
}
