/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"

/* There are many small ones: one a stored pack that is looked at. */
#define ARENA_LEAST_BYTES 256u

struct zloom_arena_block {
    zloom_arena_block_t *older;
    size_t size;
    alignas (max_align_t) uint8_t data[];
};

static void
s_push_block (zloom_arena_t *self, size_t size)
{
    /* Not zloom_alloc: each piece is zeroed when it is taken. */
    zloom_arena_block_t *block = zloom_realloc (NULL, 1, sizeof *block + size);
    block->older = self->block;
    block->size = size;
    self->block = block;
    self->used = 0;
}

void *
zloom_arena_take (zloom_arena_t *self, size_t count, size_t size)
{
    if (count == 0 || size == 0) {
        return NULL;
    }
    zloom_assert (count <= SIZE_MAX / 2 / size);
    const size_t align = alignof (max_align_t);
    const size_t bytes = (count * size + align - 1) / align * align;
    if (!self->block || self->block->size - self->used < bytes) {
        const size_t doubled = self->block ? self->block->size * 2 : ARENA_LEAST_BYTES;
        s_push_block (self, bytes > doubled ? bytes : doubled);
    }
    uint8_t *piece = self->block->data + self->used;
    self->used += bytes;
    self->total += bytes;
    memset (piece, 0, bytes);
    return piece;
}

void
zloom_arena_reset (zloom_arena_t *self)
{
    if (self->block && self->block->older) {
        const size_t total = self->total;
        zloom_arena_fini (self);
        s_push_block (self, total);
    }
    self->used = 0;
    self->total = 0;
}

void
zloom_arena_fini (zloom_arena_t *self)
{
    while (self->block) {
        zloom_arena_block_t *block = self->block;
        self->block = block->older;
        free (block);
    }
    *self = (zloom_arena_t){0};
}
