/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"

#define ARENA_TAG 0x2EC1A3E4u
#define BLOCK_BYTES 16384u

typedef struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas (max_align_t) uint8_t data[];
} block_t;

struct zloom_arena {
    uint32_t tag;
    block_t *blocks; /* the newest first; only it is filled further */
};

zloom_arena_t *
zloom_arena_new (void)
{
    zloom_arena_t *self = zloom_alloc (sizeof *self);
    self->tag = ARENA_TAG;
    return self;
}

void
zloom_arena_destroy (zloom_arena_t **self_p)
{
    zloom_assert (self_p);
    zloom_arena_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ARENA_TAG);
    while (self->blocks) {
        block_t *next = self->blocks->next;
        free (self->blocks);
        self->blocks = next;
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

void *
zloom_arena_alloc (zloom_arena_t *self, size_t size)
{
    ZLOOM_CHECK (self, ARENA_TAG);
    size_t step = alignof (max_align_t);
    zloom_assert (size <= SIZE_MAX / 2);
    size_t need = (size + step - 1) / step * step;
    need = need ? need : step;
    if (!self->blocks || self->blocks->size - self->blocks->used < need) {
        size_t room = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        block_t *block = zloom_alloc (sizeof *block + room);
        block->size = room;
        block->next = self->blocks;
        self->blocks = block;
    }
    void *piece = self->blocks->data + self->blocks->used;
    self->blocks->used += need;
    return piece;
}

char *
zloom_arena_text (zloom_arena_t *self, const void *data, size_t size)
{
    char *copy = zloom_arena_alloc (self, size + 1);
    if (size > 0) {
        memcpy (copy, data, size);
    }
    return copy;
}

char *
zloom_arena_format (zloom_arena_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    int size = vsnprintf (NULL, 0, format, args);
    va_end (args);
    zloom_assert (size >= 0);
    char *text = zloom_arena_alloc (self, (size_t) size + 1);
    va_start (args, format);
    vsnprintf (text, (size_t) size + 1, format, args);
    va_end (args);
    return text;
}
