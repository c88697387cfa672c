/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"

#define POOL_TAG 0x2EC1A3E4u
#define BLOCK_BYTES 16384u

typedef struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas (max_align_t) uint8_t data[];
} block_t;

struct zloom_pool {
    uint32_t tag;
    block_t *blocks; /* the newest first; only it is filled further */
};

zloom_pool_t *
zloom_pool_new (void)
{
    zloom_pool_t *self = zloom_alloc (sizeof *self);
    self->tag = POOL_TAG;
    return self;
}

void
zloom_pool_destroy (zloom_pool_t **self_p)
{
    zloom_assert (self_p);
    zloom_pool_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, POOL_TAG);
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
zloom_pool_alloc (zloom_pool_t *self, size_t size)
{
    ZLOOM_CHECK (self, POOL_TAG);
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
zloom_pool_text (zloom_pool_t *self, const void *data, size_t size)
{
    char *copy = zloom_pool_alloc (self, size + 1);
    if (size > 0) {
        memcpy (copy, data, size);
    }
    return copy;
}

char *
zloom_pool_format (zloom_pool_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    int size = vsnprintf (NULL, 0, format, args);
    va_end (args);
    zloom_assert (size >= 0);
    char *text = zloom_pool_alloc (self, (size_t) size + 1);
    va_start (args, format);
    vsnprintf (text, (size_t) size + 1, format, args);
    va_end (args);
    return text;
}
