/* SPDX-License-Identifier: MPL-2.0 */
/* shelf.c - see shelf.h. */
#include "journal/shelf.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

struct zloom_shelved {
    zloom_shelved_t *older;
    zloom_shelved_t *newer;
    zloom_shelf_t *shelf;
    uint64_t seq;
    uint32_t count;
    uint32_t gone;  /* numbers forgotten */
    uint64_t group; /* may not leave before this group is durable */
    zloom_blob_t *blob;
    zloom_bytes_t head;
    zloom_bytes_t payload; /* data NULL and blob NULL: dead */
};

/* What a pack costs beyond its bytes. */
#define SHELVED_OVERHEAD_BYTES 192u
#define DEAD_BEFORE_COMPACTING 64u

zloom_blob_t *
zloom_chunk_blob (zloom_bytes_t head, zloom_bytes_t payload, zloom_blob_t *blob,
                  zloom_bytes_t *head_p)
{
    uint8_t *own;
    zloom_blob_t *self = zloom_blob_new_part (blob, payload, head.size, &own);
    if (head.size > 0) {
        memcpy (own, head.data, head.size);
    }
    *head_p = zloom_bytes (own, head.size);
    return self;
}

static uint64_t
s_cost (const zloom_shelved_t *item)
{
    return SHELVED_OVERHEAD_BYTES + item->head.size + item->payload.size;
}

void
zloom_shelf_add (zloom_shelf_t *self, zloom_shelves_t *all, const zloom_record_t *record,
                 zloom_blob_t *blob, uint64_t group)
{
    if (self->head > self->count / 4 && self->head + self->count == self->capacity) {
        memmove (self->items, self->items + self->head, self->count * sizeof *self->items);
        self->head = 0;
    }
    zloom_grow (&self->items, &self->capacity, self->head + self->count + 1, sizeof *self->items);
    zloom_shelved_t *item = zloom_alloc (sizeof *item);
    item->shelf = self;
    item->seq = record->seq;
    item->count = record->count;
    item->group = group;
    item->payload = record->payload;
    item->blob = zloom_chunk_blob (record->head, record->payload, blob, &item->head);
    item->older = all->newest;
    if (all->newest) {
        all->newest->newer = item;
    } else {
        all->oldest = item;
    }
    all->newest = item;
    all->bytes += s_cost (item);
    self->items[self->head + self->count++] = item;
}

/* The place of the first pack that ends at or after `seq`. */
static size_t
s_place (const zloom_shelf_t *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const zloom_shelved_t *item = self->items[self->head + middle];
        if (item->seq + item->count <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool
zloom_shelf_find (const zloom_shelf_t *self, uint64_t seq, zloom_chunk_t *chunk)
{
    size_t place = s_place (self, seq);
    if (place == self->count) {
        return false;
    }
    const zloom_shelved_t *item = self->items[self->head + place];
    if (!item->blob || item->seq > seq) {
        return false;
    }
    *chunk = (zloom_chunk_t){.seq = item->seq,
                             .count = item->count,
                             .head = item->head,
                             .payload = item->payload,
                             .blob = zloom_blob_ref (item->blob)};
    return true;
}

/* Out of the row of ages and without bytes; its place in the flow stays. */
static void
s_leave (zloom_shelves_t *all, zloom_shelved_t *item)
{
    if (item->older) {
        item->older->newer = item->newer;
    } else {
        all->oldest = item->newer;
    }
    if (item->newer) {
        item->newer->older = item->older;
    } else {
        all->newest = item->older;
    }
    all->bytes -= s_cost (item);
    zloom_blob_unref (&item->blob);
    item->shelf->dead++;
}

/* Give dead places back: those at the front at once, others when they are half of all. */
static void
s_tidy (zloom_shelf_t *self)
{
    while (self->count > 0 && !self->items[self->head]->blob) {
        free (self->items[self->head]);
        self->head++;
        self->count--;
        self->dead--;
    }
    if (self->dead > DEAD_BEFORE_COMPACTING && self->dead > self->count / 2) {
        size_t kept = 0;
        for (size_t i = 0; i < self->count; i++) {
            zloom_shelved_t *item = self->items[self->head + i];
            if (item->blob) {
                self->items[kept++] = item;
            } else {
                free (item);
            }
        }
        self->head = 0;
        self->count = kept;
        self->dead = 0;
    }
}

void
zloom_shelf_forget (zloom_shelf_t *self, zloom_shelves_t *all, uint64_t first, uint64_t last)
{
    for (size_t i = s_place (self, first); i < self->count; i++) {
        zloom_shelved_t *item = self->items[self->head + i];
        if (item->seq > last) {
            break;
        }
        uint64_t from = first > item->seq ? first : item->seq;
        uint64_t end = item->seq + item->count - 1;
        uint64_t to = last < end ? last : end;
        item->gone += (uint32_t) (to - from + 1);
        if (item->blob && item->gone >= item->count) {
            s_leave (all, item);
        }
    }
    s_tidy (self);
}

void
zloom_shelves_trim (zloom_shelves_t *all, uint64_t limit, uint64_t durable)
{
    while (all->bytes > limit && all->oldest && all->oldest->group <= durable) {
        zloom_shelf_t *shelf = all->oldest->shelf;
        s_leave (all, all->oldest);
        s_tidy (shelf);
    }
}

void
zloom_shelf_fini (zloom_shelf_t *self, zloom_shelves_t *all)
{
    for (size_t i = 0; i < self->count; i++) {
        zloom_shelved_t *item = self->items[self->head + i];
        if (item->blob) {
            s_leave (all, item);
        }
        free (item);
    }
    free (self->items);
    *self = (zloom_shelf_t){0};
}
