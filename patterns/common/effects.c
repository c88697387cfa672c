/* SPDX-License-Identifier: MPL-2.0 */
/*
 * effects.c - the list that a pattern fills and the engine carries out, and the memory behind it:
 * blocks that stay where they are until the list is cleared. After a few turns one block is large
 * enough and nothing is allocated any more.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "patterns/common/pattern.h"

#define EFFECTS_TAG 0x5A456666u
#define FIRST_BLOCK_BYTES 16384
/* A block that has grown beyond this is given back at the next clear. */
#define KEPT_BLOCK_BYTES (4u * 1024 * 1024)

typedef struct block block_t;

struct block {
    block_t *older;
    size_t used;
    size_t capacity;
    _Alignas(max_align_t) uint8_t data[];
};

struct zloom_effects {
    uint32_t tag;
    zloom_effect_t *items;
    size_t count;
    size_t capacity;
    block_t *newest;
};

zloom_effects_t *
zloom_effects_new (void)
{
    zloom_effects_t *self = zloom_alloc (sizeof *self);
    self->tag = EFFECTS_TAG;
    return self;
}

static void
s_free_blocks (block_t *block)
{
    while (block) {
        block_t *older = block->older;
        free (block);
        block = older;
    }
}

void
zloom_effects_destroy (zloom_effects_t **self_p)
{
    zloom_assert (self_p);
    zloom_effects_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, EFFECTS_TAG);
    s_free_blocks (self->newest);
    free (self->items);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_effect_t *
zloom_effects_add (zloom_effects_t *self, zloom_effect_type_t type)
{
    ZLOOM_CHECK (self, EFFECTS_TAG);
    zloom_grow (&self->items, &self->capacity, self->count + 1, sizeof *self->items);
    zloom_effect_t *effect = &self->items[self->count++];
    *effect = (zloom_effect_t){.type = type};
    return effect;
}

size_t
zloom_effects_count (const zloom_effects_t *self)
{
    ZLOOM_CHECK (self, EFFECTS_TAG);
    return self->count;
}

const zloom_effect_t *
zloom_effects_at (const zloom_effects_t *self, size_t index)
{
    ZLOOM_CHECK (self, EFFECTS_TAG);
    zloom_assert (index < self->count);
    return &self->items[index];
}

void *
zloom_effects_memory (zloom_effects_t *self, size_t size)
{
    ZLOOM_CHECK (self, EFFECTS_TAG);
    size_t align = _Alignof(max_align_t);
    zloom_assert (size < SIZE_MAX / 4);
    size = (size + align - 1) / align * align;
    block_t *block = self->newest;
    if (!block || block->capacity - block->used < size) {
        size_t capacity = block ? block->capacity * 2 : FIRST_BLOCK_BYTES;
        while (capacity < size) {
            capacity *= 2;
        }
        block = zloom_realloc (NULL, sizeof *block + capacity, 1);
        block->older = self->newest;
        block->used = 0;
        block->capacity = capacity;
        self->newest = block;
    }
    void *memory = block->data + block->used;
    block->used += size;
    return memory;
}

zloom_bytes_t
zloom_effects_copy (zloom_effects_t *self, zloom_bytes_t bytes)
{
    if (!bytes.data) {
        return ZLOOM_BYTES_NULL;
    }
    uint8_t *copy = zloom_effects_memory (self, bytes.size + 1);
    if (bytes.size > 0) {
        memcpy (copy, bytes.data, bytes.size);
    }
    return zloom_bytes (copy, bytes.size);
}

void
zloom_effects_clear (zloom_effects_t *self)
{
    ZLOOM_CHECK (self, EFFECTS_TAG);
    self->count = 0;
    block_t *block = self->newest;
    if (!block) {
        return;
    }
    s_free_blocks (block->older);
    block->older = NULL;
    block->used = 0;
    if (block->capacity > KEPT_BLOCK_BYTES) {
        free (block);
        self->newest = NULL;
    }
}
