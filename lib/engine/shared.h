/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shared.h - deliveries that several subscribers get alike: the pack (one blob for all, also where
 * it had to be joined from pieces) and the encoded part of the verb that is equal for all of them.
 * They live from a flow's hand-out to its end: what was handed out before is found in the views.
 */
#ifndef ZLOOM_ENGINE_SHARED_H
#define ZLOOM_ENGINE_SHARED_H

#include "base/bytes.h"
#include "wire/types.h"

/* Packs of one hand-out that are remembered, and runs of one of them. */
#define ZLOOM_SHARED_MOST 64u
#define ZLOOM_SHARED_RUNS 16u

typedef struct {
    zloom_run_t runs[ZLOOM_SHARED_RUNS];
    size_t run_count; /* 0: empty */
    zloom_blob_t *blob;
    zloom_bytes_t pack;
    zloom_buf_t equal; /* of the verb */
} zloom_shared_item_t;

/* Zero-initialised is empty and ready. */
typedef struct {
    zloom_shared_item_t items[ZLOOM_SHARED_MOST];
    size_t count;
} zloom_shared_t;

void zloom_shared_fini (zloom_shared_t *self);
/* The hand-out is over. */
void zloom_shared_clear (zloom_shared_t *self);
/* The place of these runs: what is there is theirs if run_count is not 0. NULL: too many runs. */
zloom_shared_item_t *zloom_shared_at (zloom_shared_t *self, const zloom_run_t *runs, size_t count);
/* They are delivered so; references the blob. */
void zloom_shared_put (zloom_shared_t *self, zloom_shared_item_t *item, const zloom_run_t *runs,
                       size_t count, zloom_blob_t *blob, zloom_bytes_t pack);

#endif
