/* SPDX-License-Identifier: MPL-2.0 */
/* idmap.c - the map of map.c for numbers: no copy of a key, and no hash kept beside it. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"

#define IDMAP_TAG 0x5A496D70u
#define FIRST_ENTRIES 8
#define MOST_ENTRIES (UINT32_C (1) << 30)

typedef struct {
    uint64_t key;
    void *value; /* NULL: removed */
} entry_t;

struct zloom_idmap {
    uint32_t tag;
    uint64_t hash_key[2];
    size_t count;    /* live entries */
    size_t head;     /* no live entry before this one */
    size_t used;     /* entries, live and dead */
    size_t capacity; /* of entries; there are twice as many slots */
    entry_t *entries;
    uint32_t *slots; /* 0 = free, else entry + 1 */
};

zloom_idmap_t *
zloom_idmap_new (void)
{
    zloom_idmap_t *self = zloom_alloc (sizeof *self);
    self->tag = IDMAP_TAG;
    zloom_hash_key (self->hash_key);
    return self;
}

void
zloom_idmap_destroy (zloom_idmap_t **self_p)
{
    zloom_assert (self_p);
    zloom_idmap_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, IDMAP_TAG);
    free (self->entries);
    free (self->slots);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

static entry_t *
s_find (const zloom_idmap_t *self, uint64_t key)
{
    if (self->count == 0) {
        return NULL;
    }
    size_t mask = self->capacity * 2 - 1;
    size_t i = zloom_hash_number (self->hash_key, key) & mask;
    for (; self->slots[i]; i = (i + 1) & mask) {
        entry_t *entry = &self->entries[self->slots[i] - 1];
        if (entry->key == key && entry->value) {
            return entry;
        }
    }
    return NULL;
}

static void
s_link (zloom_idmap_t *self, size_t index)
{
    size_t mask = self->capacity * 2 - 1;
    size_t i = zloom_hash_number (self->hash_key, self->entries[index].key) & mask;
    while (self->slots[i]) {
        i = (i + 1) & mask;
    }
    self->slots[i] = (uint32_t) index + 1;
}

/* Drop the dead entries and size the array so that half of it is free. */
static void
s_rebuild (zloom_idmap_t *self)
{
    size_t live = 0;
    for (size_t i = self->head; i < self->used; i++) {
        if (self->entries[i].value) {
            self->entries[live++] = self->entries[i];
        }
    }
    self->head = 0;
    self->used = live;
    size_t capacity = FIRST_ENTRIES;
    while (capacity < live * 2) {
        capacity *= 2;
    }
    zloom_assert (capacity <= MOST_ENTRIES);
    if (capacity != self->capacity) {
        self->entries = zloom_realloc (self->entries, capacity, sizeof *self->entries);
        self->slots = zloom_realloc (self->slots, capacity * 2, sizeof *self->slots);
        self->capacity = capacity;
    }
    memset (self->slots, 0, capacity * 2 * sizeof *self->slots);
    for (size_t i = 0; i < live; i++) {
        s_link (self, i);
    }
}

void *
zloom_idmap_get (const zloom_idmap_t *self, uint64_t key)
{
    ZLOOM_CHECK (self, IDMAP_TAG);
    const entry_t *entry = s_find (self, key);
    return entry ? entry->value : NULL;
}

void *
zloom_idmap_put (zloom_idmap_t *self, uint64_t key, void *value)
{
    ZLOOM_CHECK (self, IDMAP_TAG);
    zloom_assert (value);
    entry_t *entry = s_find (self, key);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    if (self->used == self->capacity) {
        s_rebuild (self);
    }
    self->entries[self->used] = (entry_t){.key = key, .value = value};
    s_link (self, self->used++);
    self->count++;
    return NULL;
}

void *
zloom_idmap_remove (zloom_idmap_t *self, uint64_t key)
{
    ZLOOM_CHECK (self, IDMAP_TAG);
    entry_t *entry = s_find (self, key);
    if (!entry) {
        return NULL;
    }
    void *old = entry->value;
    entry->value = NULL;
    self->count--;
    while (self->head < self->used && !self->entries[self->head].value) {
        self->head++;
    }
    return old;
}

size_t
zloom_idmap_count (const zloom_idmap_t *self)
{
    ZLOOM_CHECK (self, IDMAP_TAG);
    return self->count;
}

bool
zloom_idmap_next (const zloom_idmap_t *self, size_t *cursor, uint64_t *key_p, void **value_p)
{
    ZLOOM_CHECK (self, IDMAP_TAG);
    for (size_t i = *cursor > self->head ? *cursor : self->head; i < self->used; i++) {
        const entry_t *entry = &self->entries[i];
        if (entry->value) {
            *cursor = i + 1;
            if (key_p) {
                *key_p = entry->key;
            }
            if (value_p) {
                *value_p = entry->value;
            }
            return true;
        }
    }
    *cursor = self->used;
    return false;
}
