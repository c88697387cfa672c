/* SPDX-License-Identifier: MPL-2.0 */
/* hold.c - a ring of entries over one buffer of bytes; both keep their memory. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "engine/hold.h"

#define HOLD_TAG 0x5A686F6Cu

typedef struct {
    uint64_t group;
    uint64_t session;
    size_t size;
    bool welcome;
} entry_t;

struct zloom_hold {
    uint32_t tag;
    entry_t *entries; /* a ring */
    size_t head;
    size_t count;
    size_t capacity;
    zloom_buf_t bytes;
    size_t begin; /* of the oldest entry's bytes */
};

zloom_hold_t *
zloom_hold_new (void)
{
    zloom_hold_t *self = zloom_alloc (sizeof *self);
    self->tag = HOLD_TAG;
    return self;
}

void
zloom_hold_destroy (zloom_hold_t **self_p)
{
    zloom_assert (self_p);
    zloom_hold_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, HOLD_TAG);
    free (self->entries);
    zloom_buf_fini (&self->bytes);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* Move what is left to the front once the freed part is the larger one: O(1) amortised. */
static void
s_compact (zloom_hold_t *self)
{
    if (self->begin == self->bytes.size) {
        self->bytes.size = 0;
        self->begin = 0;
    } else if (self->begin > self->bytes.size / 2) {
        memmove (self->bytes.data, self->bytes.data + self->begin, self->bytes.size - self->begin);
        self->bytes.size -= self->begin;
        self->begin = 0;
    }
}

void
zloom_hold_push (zloom_hold_t *self, const zloom_held_t *held)
{
    ZLOOM_CHECK (self, HOLD_TAG);
    zloom_grow_ring (&self->entries, &self->capacity, self->head, self->count,
                     sizeof *self->entries);
    s_compact (self);
    self->entries[(self->head + self->count) % self->capacity] =
      (entry_t){held->group, held->session, held->verb.size, held->welcome};
    self->count++;
    zloom_buf_add_bytes (&self->bytes, held->verb);
}

bool
zloom_hold_pop (zloom_hold_t *self, uint64_t durable, zloom_held_t *held)
{
    ZLOOM_CHECK (self, HOLD_TAG);
    if (self->count == 0 || self->entries[self->head].group > durable) {
        return false;
    }
    const entry_t *entry = &self->entries[self->head];
    held->group = entry->group;
    held->session = entry->session;
    held->welcome = entry->welcome;
    held->verb = zloom_bytes (self->bytes.data + self->begin, entry->size);
    self->begin += entry->size;
    self->head = (self->head + 1) % self->capacity;
    self->count--;
    return true;
}

size_t
zloom_hold_count (const zloom_hold_t *self)
{
    ZLOOM_CHECK (self, HOLD_TAG);
    return self->count;
}

void
zloom_hold_clear (zloom_hold_t *self)
{
    ZLOOM_CHECK (self, HOLD_TAG);
    self->head = 0;
    self->count = 0;
    self->bytes.size = 0;
    self->begin = 0;
}
