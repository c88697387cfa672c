/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/ids.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "wire/encode.h"

#define FIRST_CAPACITY 64
/* Hashes in one record of a snapshot. */
#define RECORD_HASHES 1024

void
zloom_ids_fini (zloom_ids_t *self)
{
    free (self->items);
    free (self->slots);
    *self = (zloom_ids_t){0};
}

zloom_id_hash_t
zloom_id_hash (zloom_bytes_t id)
{
    static const uint64_t keys[2][2] = {
      {UINT64_C (0x7a6c6f6f6d2d6964), UINT64_C (0x736970686173682d)},
      {UINT64_C (0x6465647570203120), UINT64_C (0x3132382d62697473)},
    };
    return (zloom_id_hash_t){{zloom_hash_keyed (keys[0], id), zloom_hash_keyed (keys[1], id)}};
}

static zloom_id_t *
s_item (const zloom_ids_t *self, uint64_t number)
{
    return &self->items[number & (self->capacity - 1)];
}

static bool
s_equal (zloom_id_hash_t a, zloom_id_hash_t b)
{
    return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

/* The slot in which the hash stands, or the empty one where it would. */
static size_t
s_find (const zloom_ids_t *self, zloom_id_hash_t hash)
{
    size_t at = (size_t) hash.words[0] & (self->slot_count - 1);
    while (self->slots[at] != 0 && !s_equal (self->items[self->slots[at] - 1].hash, hash)) {
        at = (at + 1) & (self->slot_count - 1);
    }
    return at;
}

bool
zloom_ids_has (const zloom_ids_t *self, zloom_id_hash_t hash)
{
    return self->count > 0 && self->slots[s_find (self, hash)] != 0;
}

size_t
zloom_ids_older (const zloom_ids_t *self, int64_t wall_ns)
{
    size_t n = 0;
    while (n < self->count && s_item (self, self->first + n)->wall_ns < wall_ns) {
        n++;
    }
    return n;
}

bool
zloom_ids_keeps (const zloom_ids_t *self, zloom_id_hash_t hash, size_t forgotten)
{
    const uint32_t slot = self->count > 0 ? self->slots[s_find (self, hash)] : 0;
    return slot != 0 && ((slot - 1 - self->first) & (self->capacity - 1)) >= forgotten;
}

static void
s_grow (zloom_ids_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : FIRST_CAPACITY;
    zloom_id_t *items = zloom_realloc (NULL, capacity, sizeof *items);
    for (size_t i = 0; i < self->count; i++) {
        items[i] = *s_item (self, self->first + i);
    }
    free (self->items);
    free (self->slots);
    self->items = items;
    self->first = 0;
    self->capacity = capacity;
    self->slot_count = capacity * 2;
    self->slots = zloom_alloc (self->slot_count * sizeof *self->slots);
    for (size_t i = 0; i < self->count; i++) {
        self->slots[s_find (self, items[i].hash)] = (uint32_t) i + 1;
    }
}

/* Empty a slot, and move up what would not be found behind it any more. */
static void
s_clear (zloom_ids_t *self, size_t hole)
{
    const size_t mask = self->slot_count - 1;
    self->slots[hole] = 0;
    for (size_t at = (hole + 1) & mask; self->slots[at] != 0; at = (at + 1) & mask) {
        const size_t home = (size_t) self->items[self->slots[at] - 1].hash.words[0] & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            self->slots[hole] = self->slots[at];
            self->slots[at] = 0;
            hole = at;
        }
    }
}

static void
s_forget_oldest (zloom_ids_t *self)
{
    s_clear (self, s_find (self, s_item (self, self->first)->hash));
    self->first++;
    self->count--;
}

void
zloom_ids_set_back (zloom_ids_t *self, int64_t wall_ns)
{
    for (size_t n = self->count; n > 0; n--) {
        zloom_id_t *item = s_item (self, self->first + n - 1);
        if (item->wall_ns <= wall_ns) {
            return; /* times rise */
        }
        item->wall_ns = wall_ns;
    }
}

void
zloom_ids_add (zloom_ids_t *self, zloom_id_hash_t hash, int64_t wall_ns, size_t max)
{
    if (max == 0) {
        return;
    }
    zloom_ids_set_back (self, wall_ns);
    while (self->count >= max) {
        s_forget_oldest (self);
    }
    if (self->count == self->capacity) {
        s_grow (self);
    }
    const size_t slot = s_find (self, hash);
    if (self->slots[slot] != 0) {
        return;
    }
    zloom_id_t *item = s_item (self, self->first + self->count);
    *item = (zloom_id_t){hash, wall_ns};
    self->count++;
    self->slots[slot] = (uint32_t) (item - self->items) + 1;
}

void
zloom_ids_forget (zloom_ids_t *self, int64_t wall_ns)
{
    while (self->count > 0 && s_item (self, self->first)->wall_ns < wall_ns) {
        s_forget_oldest (self);
    }
}

/* ---- on disk --------------------------------------------------------------------------------- */

void
zloom_ids_encode_some (const zloom_id_hash_t *hashes, size_t count, int64_t wall_ns,
                       zloom_buf_t *out)
{
    zloom_buf_t bytes = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[ZLOOM_ID_HASH_BYTES];
        zloom_put_u64 (hash, hashes[i].words[0]);
        zloom_put_u64 (hash + 8, hashes[i].words[1]);
        zloom_buf_add (&bytes, hash, sizeof hash);
    }
    zloom_encode_array (out, 2);
    zloom_encode_int (out, wall_ns);
    zloom_encode_bytes (out, zloom_buf_bytes (&bytes));
    zloom_buf_fini (&bytes);
}

void
zloom_ids_decode_some (zloom_ids_t *self, zloom_cursor_t *cursor, size_t max, int64_t window_ns)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    const int64_t wall_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    const zloom_bytes_t bytes = zloom_fields_bytes (&fields, ZLOOM_NEED, UINT32_MAX);
    zloom_fields_close (&fields);
    if (cursor->err == ZLOOM_OK && bytes.size % ZLOOM_ID_HASH_BYTES != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "ids: half a hash");
    }
    if (cursor->err == ZLOOM_OK && wall_ns > window_ns) {
        zloom_ids_forget (self, wall_ns - window_ns);
    }
    for (size_t i = 0; cursor->err == ZLOOM_OK && i < bytes.size; i += ZLOOM_ID_HASH_BYTES) {
        const zloom_id_hash_t hash = {
          {zloom_get_u64 (bytes.data + i), zloom_get_u64 (bytes.data + i + 8)}};
        zloom_ids_add (self, hash, wall_ns, max);
    }
}

/* How many from the index-th on came at the same time. */
static size_t
s_together (const zloom_ids_t *self, size_t index)
{
    size_t n = 1;
    while (index + n < self->count && n < RECORD_HASHES &&
           s_item (self, self->first + index + n)->wall_ns ==
             s_item (self, self->first + index)->wall_ns) {
        n++;
    }
    return n;
}

void
zloom_ids_encode (const zloom_ids_t *self, zloom_buf_t *out)
{
    size_t records = 0;
    for (size_t i = 0; i < self->count; i += s_together (self, i)) {
        records++;
    }
    zloom_encode_array (out, records);
    for (size_t i = 0; i < self->count;) {
        zloom_id_hash_t hashes[RECORD_HASHES];
        const size_t n = s_together (self, i);
        const int64_t wall_ns = s_item (self, self->first + i)->wall_ns;
        for (size_t j = 0; j < n; j++) {
            hashes[j] = s_item (self, self->first + i + j)->hash;
        }
        zloom_ids_encode_some (hashes, n, wall_ns, out);
        i += n;
    }
}

void
zloom_ids_decode (zloom_ids_t *self, zloom_cursor_t *cursor, size_t max, int64_t window_ns)
{
    const uint32_t count = zloom_cursor_array (cursor, UINT32_MAX);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_ids_decode_some (self, cursor, max, window_ns);
    }
}
