/* SPDX-License-Identifier: MPL-2.0 */
/*
 * map.c - entries stand in an array in the order in which they came; beside it a table of slots
 * (open addressing, linear probing, at most half full) leads from a hash to an entry.
 *
 * Removing leaves the entry behind as dead (value NULL), and the slot that leads to it, so nothing
 * moves under somebody who steps through the map. Dead ones go when the array is full: an insert
 * then compacts, and sizes both parts so that half of the array is free. A rebuild is thus paid by
 * as many inserts as half the array, and a map that shrank gives memory back.
 */
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/tag.h"

#define MAP_TAG 0x5A4D6170u
#define FIRST_ENTRIES 8
#define MOST_ENTRIES (UINT32_C (1) << 30)

typedef struct {
    uint64_t hash;
    uint8_t *key;
    size_t key_size;
    void *value; /* NULL: removed */
} entry_t;

struct zloom_map {
    uint32_t tag;
    size_t count;    /* live entries */
    size_t head;     /* no live entry before this one */
    size_t used;     /* entries, live and dead */
    size_t capacity; /* of entries; there are twice as many slots */
    entry_t *entries;
    uint32_t *slots; /* 0 = free, else entry + 1 */
};

zloom_map_t *
zloom_map_new (void)
{
    zloom_map_t *self = zloom_alloc (sizeof *self);
    self->tag = MAP_TAG;
    return self;
}

void
zloom_map_destroy (zloom_map_t **self_p)
{
    zloom_assert (self_p);
    zloom_map_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, MAP_TAG);
    for (size_t i = self->head; i < self->used; i++) {
        free (self->entries[i].key);
    }
    free (self->entries);
    free (self->slots);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

static entry_t *
s_find (const zloom_map_t *self, zloom_bytes_t key, uint64_t hash)
{
    if (self->count == 0) {
        return NULL;
    }
    size_t mask = self->capacity * 2 - 1;
    for (size_t i = hash & mask; self->slots[i]; i = (i + 1) & mask) {
        entry_t *entry = &self->entries[self->slots[i] - 1];
        if (entry->hash == hash && entry->value &&
            zloom_bytes_equal (zloom_bytes (entry->key, entry->key_size), key)) {
            return entry;
        }
    }
    return NULL;
}

static void
s_link (zloom_map_t *self, size_t index)
{
    size_t mask = self->capacity * 2 - 1;
    size_t i = self->entries[index].hash & mask;
    while (self->slots[i]) {
        i = (i + 1) & mask;
    }
    self->slots[i] = (uint32_t) index + 1;
}

/* Drop the dead entries and size the array so that half of it is free. */
static void
s_rebuild (zloom_map_t *self)
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
zloom_map_get (const zloom_map_t *self, zloom_bytes_t key)
{
    ZLOOM_CHECK (self, MAP_TAG);
    const entry_t *entry = s_find (self, key, zloom_hash (key));
    return entry ? entry->value : NULL;
}

void *
zloom_map_put (zloom_map_t *self, zloom_bytes_t key, void *value)
{
    ZLOOM_CHECK (self, MAP_TAG);
    zloom_assert (value);
    uint64_t hash = zloom_hash (key);
    entry_t *entry = s_find (self, key, hash);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    if (self->used == self->capacity) {
        s_rebuild (self);
    }
    self->entries[self->used] = (entry_t){.hash = hash,
                                          .key = (uint8_t *) zloom_memdup_text (key.data, key.size),
                                          .key_size = key.size,
                                          .value = value};
    s_link (self, self->used++);
    self->count++;
    return NULL;
}

void *
zloom_map_remove (zloom_map_t *self, zloom_bytes_t key)
{
    ZLOOM_CHECK (self, MAP_TAG);
    entry_t *entry = s_find (self, key, zloom_hash (key));
    if (!entry) {
        return NULL;
    }
    void *old = entry->value;
    entry->value = NULL;
    free (entry->key);
    entry->key = NULL;
    self->count--;
    while (self->head < self->used && !self->entries[self->head].value) {
        self->head++;
    }
    return old;
}

size_t
zloom_map_count (const zloom_map_t *self)
{
    ZLOOM_CHECK (self, MAP_TAG);
    return self->count;
}

bool
zloom_map_next (const zloom_map_t *self, size_t *cursor, zloom_bytes_t *key_p, void **value_p)
{
    ZLOOM_CHECK (self, MAP_TAG);
    for (size_t i = *cursor > self->head ? *cursor : self->head; i < self->used; i++) {
        const entry_t *entry = &self->entries[i];
        if (entry->value) {
            *cursor = i + 1;
            if (key_p) {
                *key_p = zloom_bytes (entry->key, entry->key_size);
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
