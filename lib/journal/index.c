/* SPDX-License-Identifier: MPL-2.0 */
/* index.c - see index.h. */
#include "journal/index.h"
#include "base/memory.h"
#include "base/tag.h"

#include <stdlib.h>

#define SUSPECTS_BEFORE_COMPACTING 64u
#define COLD_BIT (UINT64_C (1) << 63)

static uint64_t
s_numbers (const zloom_extent_t *extent)
{
    return extent->last - extent->first + 1;
}

void
zloom_index_fini (zloom_index_t *self)
{
    free (self->items);
    *self = (zloom_index_t){0};
}

void
zloom_index_append (zloom_index_t *self, const zloom_extent_t *extent)
{
    if (self->count > 0) {
        zloom_extent_t *last = zloom_index_at (self, self->count - 1);
        zloom_assert (extent->first > last->last);
        if (last->last + 1 == extent->first && last->segment == extent->segment &&
            last->offset == extent->offset && last->cold == extent->cold) {
            self->suspects -= last->gone >= s_numbers (last);
            last->last = extent->last;
            last->bytes += extent->bytes;
            last->needed += extent->needed;
            return;
        }
    }
    /* Only when that gives back a part of all: each append pays for few of those that are moved. */
    if (self->head > self->count / 4 && self->head + self->count == self->capacity) {
        memmove (self->items, self->items + self->head, self->count * sizeof *self->items);
        self->head = 0;
    }
    zloom_grow (&self->items, &self->capacity, self->head + self->count + 1, sizeof *self->items);
    self->items[self->head + self->count++] = *extent;
}

uint64_t
zloom_index_end (const zloom_index_t *self)
{
    return self->count > 0 ? zloom_index_at (self, self->count - 1)->last + 1 : 0;
}

size_t
zloom_index_place (const zloom_index_t *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zloom_index_at (self, middle)->last < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const zloom_extent_t *
zloom_index_find (const zloom_index_t *self, uint64_t seq)
{
    size_t place = zloom_index_place (self, seq);
    if (place == self->count || zloom_index_at (self, place)->first > seq) {
        return NULL;
    }
    return zloom_index_at (self, place);
}

uint64_t
zloom_extent_live_bytes (const zloom_extent_t *extent)
{
    uint64_t numbers = s_numbers (extent);
    uint64_t live = extent->gone < numbers ? numbers - extent->gone : 0;
    double part = (double) live / (double) extent->needed;
    uint64_t bytes = zloom_blocks (ZLOOM_GROUP_HEADER_BYTES + (uint64_t) extent->bytes);
    return part < 1 ? (uint64_t) ((double) bytes * part) : bytes;
}

void
zloom_index_forget (zloom_index_t *self, uint64_t first, uint64_t last)
{
    for (size_t i = zloom_index_place (self, first); i < self->count; i++) {
        zloom_extent_t *extent = zloom_index_at (self, i);
        if (extent->first > last) {
            break;
        }
        bool was = extent->gone >= s_numbers (extent);
        uint64_t from = first > extent->first ? first : extent->first;
        uint64_t to = last < extent->last ? last : extent->last;
        extent->gone += to - from + 1;
        self->suspects += !was && extent->gone >= s_numbers (extent);
    }
}

/* Whether the extent may leave; one that may not is counted right. */
static bool
s_dead (zloom_extent_t *extent, zloom_live_fn *live, void *arg)
{
    uint64_t needed = live (arg, extent->first, extent->last);
    extent->gone = s_numbers (extent) - needed;
    return needed == 0;
}

void
zloom_index_recount (zloom_index_t *self, zloom_live_fn *live, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        zloom_extent_t *extent = zloom_index_at (self, i);
        if (!s_dead (extent, live, arg)) {
            self->items[self->head + kept++] = *extent;
        }
    }
    self->count = kept;
    self->suspects = 0;
}

void
zloom_index_tidy (zloom_index_t *self, zloom_live_fn *live, void *arg)
{
    while (self->count > 0) {
        zloom_extent_t *front = zloom_index_at (self, 0);
        if (front->gone < s_numbers (front)) {
            break;
        }
        self->suspects--;
        if (!s_dead (front, live, arg)) {
            break;
        }
        self->head++;
        self->count--;
    }
    if (self->suspects > SUSPECTS_BEFORE_COMPACTING && self->suspects > self->count / 4) {
        size_t kept = 0;
        for (size_t i = 0; i < self->count; i++) {
            zloom_extent_t *extent = zloom_index_at (self, i);
            if (extent->gone < s_numbers (extent) || !s_dead (extent, live, arg)) {
                self->items[self->head + kept++] = *extent;
            }
        }
        self->count = kept;
        self->suspects = 0;
    }
}

/* What is being put together while extents are replaced. */
typedef struct {
    zloom_extent_t *items;
    size_t count;
    size_t capacity;
} heap_t;

static void
s_heap_add (heap_t *heap, const zloom_extent_t *extent)
{
    zloom_grow (&heap->items, &heap->capacity, heap->count + 1, sizeof *heap->items);
    zloom_extent_t *item = &heap->items[heap->count++];
    *item = *extent;
    uint64_t numbers = s_numbers (extent); /* a part of an extent has no more */
    item->needed = item->needed < numbers ? item->needed : (uint32_t) numbers;
}

/*
 * Add an old extent without the numbers that new ones have. They overlap only when the record of an
 * earlier move was lost to damage: then the newer place is the true one.
 */
static void
s_heap_add_rest (heap_t *heap, zloom_extent_t extent, const zloom_extent_t *with, size_t count)
{
    for (size_t i = 0; i < count && with[i].first <= extent.last; i++) {
        if (with[i].first > extent.first) {
            zloom_extent_t before = extent;
            before.last = with[i].first - 1;
            s_heap_add (heap, &before);
        }
        if (with[i].last >= extent.last) {
            return;
        }
        extent.first = with[i].last + 1;
    }
    s_heap_add (heap, &extent);
}

/* Put the sorted `with` between what is in the heap, which is sorted as well. */
static void
s_heap_merge (heap_t *heap, const zloom_extent_t *with, size_t count)
{
    heap_t all = {0};
    size_t old = 0;
    for (size_t i = 0; i < count; i++) {
        while (old < heap->count && heap->items[old].first < with[i].first) {
            s_heap_add (&all, &heap->items[old++]);
        }
        s_heap_add (&all, &with[i]);
    }
    while (old < heap->count) {
        s_heap_add (&all, &heap->items[old++]);
    }
    free (heap->items);
    *heap = all;
}

void
zloom_index_replace (zloom_index_t *self, bool cold, uint64_t segment, const zloom_extent_t *with,
                     size_t count)
{
    heap_t heap = {0};
    size_t past = 0; /* of the new ones: they lie below all old ones that are left */
    for (size_t i = 0; i < self->count; i++) {
        const zloom_extent_t *extent = zloom_index_at (self, i);
        while (past < count && with[past].last < extent->first) {
            past++;
        }
        if (extent->cold != cold || extent->segment != segment) {
            s_heap_add_rest (&heap, *extent, with + past, count - past);
        }
    }
    s_heap_merge (&heap, with, count);
    self->suspects = 0;
    for (size_t i = 0; i < heap.count; i++) {
        self->suspects += heap.items[i].gone >= s_numbers (&heap.items[i]);
    }
    free (self->items);
    self->items = heap.items;
    self->head = 0;
    self->count = heap.count;
    self->capacity = heap.capacity;
}

void
zloom_extent_encode (zloom_buf_t *buf, const zloom_extent_t *extent)
{
    zloom_buf_add_u64 (buf, extent->first);
    zloom_buf_add_u64 (buf, extent->last);
    zloom_buf_add_u64 (buf, extent->segment | (extent->cold ? COLD_BIT : 0));
    zloom_buf_add_u32 (buf, extent->offset);
    zloom_buf_add_u32 (buf, extent->bytes);
    zloom_buf_add_u32 (buf, extent->needed);
}

bool
zloom_extent_decode (zloom_record_reader_t *cursor, zloom_extent_t *extent)
{
    *extent = (zloom_extent_t){0};
    extent->first = zloom_record_reader_u64 (cursor);
    extent->last = zloom_record_reader_u64 (cursor);
    extent->segment = zloom_record_reader_u64 (cursor);
    extent->offset = zloom_record_reader_u32 (cursor);
    extent->bytes = zloom_record_reader_u32 (cursor);
    extent->needed = zloom_record_reader_u32 (cursor);
    extent->cold = (extent->segment & COLD_BIT) != 0;
    extent->segment &= ~COLD_BIT;
    return !cursor->bad && extent->first <= extent->last && extent->last <= ZLOOM_NUMBERS_MOST &&
           extent->needed > 0 && extent->needed - 1 <= extent->last - extent->first;
}
