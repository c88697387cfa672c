/* SPDX-License-Identifier: MPL-2.0 */
#include "engine/views.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/pack.h"

/* That stay from turn to turn. */
#define KEPT 8
/* Empty ones that keep their memory: after a turn with many small packs come others. */
#define SPARE 1024

static void
s_free (zloom_view_t *view)
{
    zloom_arena_fini (&view->arena);
    free (view);
}

/* Let go of the pack; the view is empty then. */
static void
s_retire (zloom_views_t *self, zloom_view_t *view)
{
    zloom_blob_unref (&view->chunk.blob);
    if (self->spare_count == SPARE) {
        s_free (view);
        return;
    }
    zloom_grow (&self->spare, &self->spare_capacity, self->spare_count + 1, sizeof *self->spare);
    self->spare[self->spare_count++] = view;
}

void
zloom_views_fini (zloom_views_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        s_retire (self, self->items[i]);
    }
    for (size_t i = 0; i < self->spare_count; i++) {
        s_free (self->spare[i]);
    }
    free (self->items);
    free (self->spare);
    *self = (zloom_views_t){0};
}

/* ---- finding -------------------------------------------------------------------------------- */

static bool
s_holds (const zloom_view_t *view, uint64_t seq)
{
    return seq >= view->chunk.seq && seq - view->chunk.seq < view->chunk.count;
}

/* The place of the first view that ends behind seq. */
static size_t
s_place (const zloom_views_t *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const zloom_chunk_t *chunk = &self->items[middle]->chunk;
        if (chunk->seq + chunk->count <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

zloom_view_t *
zloom_views_find (zloom_views_t *self, uint64_t seq)
{
    size_t place = self->last;
    if (place < self->count && !s_holds (self->items[place], seq)) {
        place++;
    }
    if (place >= self->count || !s_holds (self->items[place], seq)) {
        place = s_place (self, seq);
    }
    if (place == self->count || !s_holds (self->items[place], seq)) {
        return NULL;
    }
    self->last = place;
    zloom_view_t *view = self->items[place];
    view->used = ++self->clock;
    return view;
}

static zloom_view_t *
s_take_spare (zloom_views_t *self)
{
    if (self->spare_count == 0) {
        return zloom_alloc (sizeof (zloom_view_t));
    }
    zloom_view_t *view = self->spare[--self->spare_count];
    const zloom_arena_t arena = view->arena;
    *view = (zloom_view_t){.arena = arena};
    zloom_arena_reset (&view->arena);
    return view;
}

zloom_err_t
zloom_views_add (zloom_views_t *self, const zloom_chunk_t *chunk, zloom_view_t **view_p)
{
    zloom_view_t *view = s_take_spare (self);
    view->chunk = *chunk;
    if (zloom_pack_head_decode (chunk->head, &view->arena, &view->head) != ZLOOM_OK ||
        zloom_src_total (view->head.src, view->head.src_count) != chunk->count) {
        s_retire (self, view);
        return ZLOOM_DAMAGED;
    }
    const size_t place = s_place (self, chunk->seq);
    zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof *self->items);
    memmove (self->items + place + 1, self->items + place,
             (self->count - place) * sizeof (zloom_view_t *));
    self->items[place] = view;
    self->count++;
    self->last = place;
    view->used = ++self->clock;
    *view_p = view;
    return ZLOOM_OK;
}

void
zloom_views_trim (zloom_views_t *self)
{
    if (self->count <= KEPT) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        zloom_view_t *view = self->items[i];
        if (view->used + KEPT > self->clock) {
            self->items[kept++] = view;
        } else {
            s_retire (self, view);
        }
    }
    self->count = kept;
    self->last = 0;
}

/* ---- walking -------------------------------------------------------------------------------- */

/* Where message `index` begins: from the nearest place before it that is known. */
static size_t
s_offset (const zloom_view_t *view, uint32_t index)
{
    const zloom_bytes_t payload = view->chunk.payload;
    if (index == view->chunk.count) {
        return payload.size;
    }
    uint32_t at = 0;
    size_t offset = 0;
    if (index >= view->index) {
        at = view->index;
        offset = view->offset;
    }
    if (index >= view->end_index && view->end_index > at) {
        at = view->end_index;
        offset = view->end_offset;
    }
    zloom_pack_iter_t iter =
      zloom_pack_iter (zloom_bytes (payload.data + offset, payload.size - offset));
    zloom_pack_skip (&iter, index - at);
    return payload.size - iter.rest.size;
}

zloom_bytes_t
zloom_view_slice (zloom_view_t *view, uint32_t index, uint32_t n)
{
    const size_t begin = index == view->index ? view->offset : s_offset (view, index);
    view->index = index;
    view->offset = begin;
    const size_t end = index + n == view->end_index ? view->end_offset : s_offset (view, index + n);
    view->end_index = index + n;
    view->end_offset = end;
    return zloom_bytes (view->chunk.payload.data + begin, end - begin);
}

uint32_t
zloom_view_measure (zloom_view_t *view, uint32_t index, uint32_t max_n, uint64_t max_bytes,
                    uint64_t *bytes)
{
    const zloom_bytes_t payload = view->chunk.payload;
    const size_t begin = index == view->index ? view->offset : s_offset (view, index);
    const uint32_t left = view->chunk.count - index;
    view->index = index;
    view->offset = begin;
    if (max_n >= left && payload.size - begin <= max_bytes) {
        view->end_index = view->chunk.count;
        view->end_offset = payload.size;
    } else {
        zloom_pack_iter_t iter =
          zloom_pack_iter (zloom_bytes (payload.data + begin, payload.size - begin));
        uint32_t n = 0;
        size_t end = begin;
        zloom_bytes_t envelope;
        while (n < max_n && zloom_pack_next (&iter, &envelope)) {
            const size_t next = payload.size - iter.rest.size;
            if (n > 0 && next - begin > max_bytes) {
                break;
            }
            end = next;
            n++;
        }
        view->end_index = index + n;
        view->end_offset = end;
    }
    *bytes = view->end_offset - begin;
    return view->end_index - index;
}
