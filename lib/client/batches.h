/* SPDX-License-Identifier: MPL-2.0 */
/*
 * batches.h - packs on their way to one flow, in one list in the order of their ids: first those
 * that went out on this road, then those that did not. REFUSE and a new WELCOME move that border
 * back; CONFIRM takes from the front. A pack is cut where credit, `high` or `from` falls inside it,
 * which rewrites no byte.
 */
#ifndef ZLOOM_CLIENT_BATCHES_H
#define ZLOOM_CLIENT_BATCHES_H

#include "base/bytes.h"
#include "client/origins.h"

typedef struct zloom_batch zloom_batch_t;
struct zloom_batch {
    zloom_batch_t *next;
    uint64_t first_id;
    uint32_t n;
    uint32_t flags;
    int64_t base_time_ns;
    zloom_blob_t *blob; /* NULL: these ids are skipped */
    zloom_bytes_t pack;
    zloom_blob_t *mark; /* NULL: none */
    bool resent;        /* went out before */
    zloom_origins_t
      *origins;          /* of a pack that is carried for others; NULL: they are the sender's */
    uint64_t origins_at; /* its first message among theirs */
};

typedef struct {
    zloom_batch_t *first;
    zloom_batch_t *last;
    zloom_batch_t *unsent; /* the first that did not go out on this road; NULL: all did */
    size_t messages;
    size_t bytes;
    zloom_batch_t *spare; /* used up, for the next ones */
    size_t spare_count;
} zloom_batches_t; /* zero-initialised is empty and ready */

void zloom_batches_fini (zloom_batches_t *self);
/* A batch with the pack in this buffer, which is empty then; to be filled and appended. */
zloom_batch_t *zloom_batches_new (zloom_batches_t *self, zloom_buf_t *pack);
/* Takes a batch of batches_new. */
void zloom_batches_append (zloom_batches_t *self, zloom_batch_t *batch);
/*
 * Keep the first n messages (0 < n < batch->n) in `batch` and put the rest behind it. A mark stands
 * for the whole, so it goes with the end.
 */
void zloom_batches_cut (zloom_batches_t *self, zloom_batch_t *batch, uint32_t n);
/* Take ids up to `upto` from the front; returns how many messages that were. */
size_t zloom_batches_take (zloom_batches_t *self, uint64_t upto);
/* The one that begins with this id, after a cut if need be; NULL: none has it. */
zloom_batch_t *zloom_batches_at (zloom_batches_t *self, uint64_t id);
/* Everything from this one on (NULL: nothing) is to go out again. */
void zloom_batches_rewind (zloom_batches_t *self, zloom_batch_t *batch);
/* Its ids are to be skipped. */
void zloom_batches_empty (zloom_batches_t *self, zloom_batch_t *batch);

#endif
