/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shelf.h - packs in memory: per flow in order of their numbers, and over all flows from oldest to
 * newest, so that the oldest can leave when the bytes pass a limit. log.c keeps its tail cache on
 * it, memory.c everything.
 *
 * Finding is O(log n). What leaves in the middle stays as a dead place until half are dead.
 */
#ifndef ZLOOM_JOURNAL_SHELF_H
#define ZLOOM_JOURNAL_SHELF_H

#include "journal/journal.h"

typedef struct zloom_shelved zloom_shelved_t;

/* All flows together. Zero-initialise with the limit. */
typedef struct {
    zloom_shelved_t *oldest;
    zloom_shelved_t *newest;
    uint64_t bytes;
} zloom_shelves_t;

/* One flow. Zero-initialised is empty. */
typedef struct {
    zloom_shelved_t **items; /* items[head .. head + count), by seq; dead ones among them */
    size_t head;
    size_t count;
    size_t capacity;
    size_t dead;
} zloom_shelf_t;

/* Add the pack of a PACK record, whose numbers are above all others of the flow. */
void zloom_shelf_add (zloom_shelf_t *self, zloom_shelves_t *all, const zloom_record_t *record,
                      zloom_blob_t *blob, uint64_t group);
/* The pack that holds `seq`, with a new reference; false when it is not here. */
bool zloom_shelf_find (const zloom_shelf_t *self, uint64_t seq, zloom_chunk_t *chunk);
/* Numbers [first, last], each forgotten once, are needed no more; whole packs leave. */
void zloom_shelf_forget (zloom_shelf_t *self, zloom_shelves_t *all, uint64_t first, uint64_t last);
/* Let the oldest packs leave, of groups up to `durable`, until the bytes are under `limit`. */
void zloom_shelves_trim (zloom_shelves_t *all, uint64_t limit, uint64_t durable);
void zloom_shelf_fini (zloom_shelf_t *self, zloom_shelves_t *all);

/* A blob over `payload` that keeps `blob` and a copy of `head` alive; *head_p views the copy. */
zloom_blob_t *zloom_chunk_blob (zloom_bytes_t head, zloom_bytes_t payload, zloom_blob_t *blob,
                                zloom_bytes_t *head_p);

#endif
