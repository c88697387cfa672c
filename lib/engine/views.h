/* SPDX-License-Identifier: MPL-2.0 */
/*
 * views.h - the stored packs of one flow that somebody looks at: their heads decoded, and how far
 * each was walked, so that handing out a pack of 256 messages in slices of 100 walks it once.
 *
 * What a pattern has peeked at must be there when its effects are carried out, and a view may hold
 * the last reference to it: so all views stay until zloom_views_trim (), once a turn, which leaves
 * the few that were used last.
 */
#ifndef ZLOOM_ENGINE_VIEWS_H
#define ZLOOM_ENGINE_VIEWS_H

#include "journal/journal.h"
#include "patterns/common/pack_head.h"

typedef struct {
    zloom_chunk_t chunk;
    zloom_arena_t arena; /* the head's */
    zloom_pack_head_t head;
    uint32_t index; /* of the message that begins at `offset` */
    size_t offset;
    uint32_t end_index;
    size_t end_offset;
    uint64_t used; /* for least recently used */
} zloom_view_t;

/* Zero-initialised is empty and ready. */
typedef struct {
    zloom_view_t **items; /* by number; they overlap nowhere */
    size_t count, capacity;
    size_t last; /* found last: readers go on from there */
    uint64_t clock;
    zloom_view_t **spare; /* empty ones */
    size_t spare_count, spare_capacity;
} zloom_views_t;

void zloom_views_fini (zloom_views_t *self);
/* The view that holds seq; NULL when there is none. */
zloom_view_t *zloom_views_find (zloom_views_t *self, uint64_t seq);
/* A view of a pack that none holds; takes the chunk's reference. DAMAGED: its head is no head. */
zloom_err_t zloom_views_add (zloom_views_t *self, const zloom_chunk_t *chunk,
                             zloom_view_t **view_p);
void zloom_views_trim (zloom_views_t *self);

/* The bytes of messages [index, index + n). */
zloom_bytes_t zloom_view_slice (zloom_view_t *view, uint32_t index, uint32_t n);
/*
 * How many messages from `index` on, at most max_n, have at most max_bytes together, and how many
 * bytes they have; the first one counts whatever its size. Walks the pack only as far as needed.
 */
uint32_t zloom_view_measure (zloom_view_t *view, uint32_t index, uint32_t max_n, uint64_t max_bytes,
                             uint64_t *bytes);

#endif
