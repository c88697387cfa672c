/* SPDX-License-Identifier: MPL-2.0 */
/*
 * index.h - where a flow's messages stand on disk: sorted extents, one for the flow's packs in one
 * group. The group's own directory, read with the bytes, tells the rest, so the index costs memory
 * by groups and not by messages.
 */
#ifndef ZLOOM_JOURNAL_INDEX_H
#define ZLOOM_JOURNAL_INDEX_H

#include "journal/format.h"

typedef struct {
    uint64_t first;
    uint64_t last;
    uint64_t segment; /* hot segment, or the flow's own cold segment */
    uint64_t gone;    /* numbers of it that are needed no more, as far as was told */
    uint32_t offset;
    uint32_t bytes;  /* entries, heads and payloads */
    uint32_t needed; /* numbers of it that were needed when it was written */
    bool cold;
} zloom_extent_t;

typedef struct {
    zloom_extent_t *items; /* items[head .. head + count), by first, disjoint */
    size_t head;
    size_t count;
    size_t capacity;
    size_t suspects; /* extents of which all numbers were told gone */
} zloom_index_t;     /* zero-initialised is empty and ready */

/* How many numbers in [first, last] are still needed. */
typedef uint64_t (zloom_live_fn) (void *arg, uint64_t first, uint64_t last);

void zloom_index_fini (zloom_index_t *self);
static inline zloom_extent_t *
zloom_index_at (const zloom_index_t *self, size_t i)
{
    return &self->items[self->head + i];
}
/* Add behind all others; what continues the last extent in the same group is joined to it. */
void zloom_index_append (zloom_index_t *self, const zloom_extent_t *extent);
/* Behind the last number; 0: it is empty. */
uint64_t zloom_index_end (const zloom_index_t *self);
/* The place of the first extent that ends at or after `seq`; count when there is none. */
size_t zloom_index_place (const zloom_index_t *self, uint64_t seq);
/* The extent that holds `seq`, or NULL. */
const zloom_extent_t *zloom_index_find (const zloom_index_t *self, uint64_t seq);
/* Of the disk that the extent's group takes, the part that is still needed, as far as was told. */
uint64_t zloom_extent_live_bytes (const zloom_extent_t *extent);
/* Count [first, last] as gone; nothing leaves before zloom_index_tidy () has asked. */
void zloom_index_forget (zloom_index_t *self, uint64_t first, uint64_t last);
/* Let extents leave that were told gone and of which `live` says that nothing is needed. */
void zloom_index_tidy (zloom_index_t *self, zloom_live_fn *live, void *arg);
/* Ask `live` about every extent anew. */
void zloom_index_recount (zloom_index_t *self, zloom_live_fn *live, void *arg);
/* Take out every extent in that segment and put these (sorted, of the same flow) in their place. */
void zloom_index_replace (zloom_index_t *self, bool cold, uint64_t segment,
                          const zloom_extent_t *with, size_t count);

void zloom_extent_encode (zloom_buf_t *buf, const zloom_extent_t *extent);
/* False when the bytes are not an extent. */
bool zloom_extent_decode (zloom_record_reader_t *cursor, zloom_extent_t *extent);

#endif
