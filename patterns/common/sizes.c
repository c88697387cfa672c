/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/sizes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/encode.h"

/* No chunk has more: a message is far smaller. */
#define CHUNK_BYTES_MAX (UINT64_C (1) << 44)

static inline zloom_sizes_chunk_t *
s_at (const zloom_sizes_t *self, size_t index)
{
    return &self->chunks[self->head + index];
}

void
zloom_sizes_fini (zloom_sizes_t *self)
{
    free (self->chunks);
    *self = (zloom_sizes_t){NULL, 0, 0, 0, 0};
}

/* The index of the first chunk whose key is >= `key`; count when there is none. */
static size_t
s_search (const zloom_sizes_t *self, uint64_t key)
{
    if (self->count == 0 || s_at (self, self->count - 1)->key < key) {
        return self->count;
    }
    if (s_at (self, 0)->key >= key) {
        return 0;
    }
    uint64_t guess = key - s_at (self, 0)->key;
    if (guess < self->count && s_at (self, (size_t) guess)->key == key) {
        return (size_t) guess;
    }
    size_t low = 1;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_at (self, middle)->key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The chunk of `key`, made if it is not there. */
static zloom_sizes_chunk_t *
s_chunk (zloom_sizes_t *self, uint64_t key)
{
    size_t index = s_search (self, key);
    if (index < self->count && s_at (self, index)->key == key) {
        return s_at (self, index);
    }
    if (self->head + self->count == self->capacity && self->head > self->capacity / 2) {
        memmove (self->chunks, s_at (self, 0), self->count * sizeof *self->chunks);
        self->head = 0;
    }
    zloom_grow (&self->chunks, &self->capacity, self->head + self->count + 1, sizeof *self->chunks);
    zloom_sizes_chunk_t *chunk = s_at (self, index);
    if (index < self->count) {
        memmove (chunk + 1, chunk, (self->count - index) * sizeof *chunk);
    }
    self->count++;
    *chunk = (zloom_sizes_chunk_t){.key = key};
    return chunk;
}

void
zloom_sizes_add (zloom_sizes_t *self, uint64_t first, uint64_t last, uint64_t bytes)
{
    self->bytes += bytes;
    while (first <= last) {
        uint64_t key = first / ZLOOM_SIZES_CHUNK;
        uint64_t end = (key + 1) * ZLOOM_SIZES_CHUNK - 1;
        end = end < last ? end : last;
        uint64_t n = end - first + 1;
        /* The last part takes what is left, so that the sum is exact. */
        uint64_t share = end == last ? bytes : bytes / (last - first + 1) * n;
        zloom_sizes_chunk_t *chunk = s_chunk (self, key);
        chunk->live += (uint32_t) n;
        chunk->bytes += share;
        bytes -= share;
        first = end + 1;
    }
}

/* Chunks that are empty leave at the front; one in the middle waits until the front passes it. */
static void
s_trim (zloom_sizes_t *self)
{
    while (self->count > 0 && s_at (self, 0)->live == 0) {
        self->head++;
        self->count--;
    }
    if (self->count == 0) {
        self->head = 0;
    }
}

uint64_t
zloom_sizes_remove (zloom_sizes_t *self, uint64_t first, uint64_t last)
{
    uint64_t removed = 0;
    while (first <= last) {
        uint64_t key = first / ZLOOM_SIZES_CHUNK;
        uint64_t end = (key + 1) * ZLOOM_SIZES_CHUNK - 1;
        end = end < last ? end : last;
        uint32_t n = (uint32_t) (end - first + 1);
        size_t index = s_search (self, key);
        zloom_assert (index < self->count && s_at (self, index)->key == key);
        zloom_sizes_chunk_t *chunk = s_at (self, index);
        zloom_assert (n <= chunk->live);
        uint64_t share = n == chunk->live ? chunk->bytes
                                          : chunk->bytes / chunk->live * n +
                                              chunk->bytes % chunk->live * n / chunk->live;
        chunk->live -= n;
        chunk->bytes -= share;
        removed += share;
        first = end + 1;
    }
    s_trim (self);
    self->bytes -= removed;
    return removed;
}

uint64_t
zloom_sizes_mean (const zloom_sizes_t *self, uint64_t seq)
{
    size_t index = s_search (self, seq / ZLOOM_SIZES_CHUNK);
    if (index >= self->count || s_at (self, index)->key != seq / ZLOOM_SIZES_CHUNK ||
        s_at (self, index)->live == 0) {
        return 0;
    }
    const zloom_sizes_chunk_t *chunk = s_at (self, index);
    return (chunk->bytes + chunk->live - 1) / chunk->live;
}

void
zloom_sizes_encode (const zloom_sizes_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, self->count * 2);
    for (size_t i = 0; i < self->count; i++) {
        zloom_encode_uint (out, s_at (self, i)->key);
        zloom_encode_uint (out, s_at (self, i)->bytes);
    }
}

zloom_err_t
zloom_sizes_decode (zloom_sizes_t *self, zloom_cursor_t *cursor)
{
    uint32_t count = zloom_cursor_array (cursor, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        uint64_t key = zloom_cursor_uint (cursor, UINT64_MAX);
        uint64_t bytes = zloom_cursor_uint (cursor, CHUNK_BYTES_MAX);
        size_t index = s_search (self, key);
        if (cursor->err == ZLOOM_OK && index < self->count && s_at (self, index)->key == key &&
            s_at (self, index)->live > 0) {
            self->bytes += bytes - s_at (self, index)->bytes;
            s_at (self, index)->bytes = bytes;
        }
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "sizes: half a chunk");
    }
    return cursor->err;
}
