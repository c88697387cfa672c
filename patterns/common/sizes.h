/* SPDX-License-Identifier: MPL-2.0 */
/*
 * sizes.h - how many bytes the unsettled messages have, without a number a message: exact sums per
 * 4,096 sequence numbers, of which a settled message takes the mean. So the total drifts inside a
 * chunk only, is exact for whole chunks, and returns to 0 when the last message goes.
 */
#ifndef ZLOOM_PATTERNS_COMMON_SIZES_H
#define ZLOOM_PATTERNS_COMMON_SIZES_H

#include "wire/cursor.h"

#define ZLOOM_SIZES_CHUNK 4096u

typedef struct {
    uint64_t key; /* sequence number / 4,096 */
    uint64_t bytes;
    uint32_t live;
} zloom_sizes_chunk_t;

typedef struct {
    zloom_sizes_chunk_t *chunks; /* chunks[head .. head + count), sorted */
    size_t head;
    size_t count;
    size_t capacity;
    uint64_t bytes; /* of all live messages */
} zloom_sizes_t;    /* zero-initialised is empty and ready */

void zloom_sizes_fini (zloom_sizes_t *self);
/* Messages [first, last] came in, with `bytes` bytes together. */
void zloom_sizes_add (zloom_sizes_t *self, uint64_t first, uint64_t last, uint64_t bytes);
/* Messages [first, last], all live, leave; returns the bytes that they took with them. */
uint64_t zloom_sizes_remove (zloom_sizes_t *self, uint64_t first, uint64_t last);
/* Mean size of the live messages around `seq`, rounded up. */
uint64_t zloom_sizes_mean (const zloom_sizes_t *self, uint64_t seq);

/* msgpack: [chunk, bytes, …]; decode sets the bytes of chunks whose messages were added before. */
void zloom_sizes_encode (const zloom_sizes_t *self, zloom_buf_t *out);
zloom_err_t zloom_sizes_decode (zloom_sizes_t *self, zloom_cursor_t *cursor);

#endif
