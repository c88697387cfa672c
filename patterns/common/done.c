/* SPDX-License-Identifier: MPL-2.0 */
/*
 * done.c - the set, and its form in a snapshot: ranges where they are few, and a bitmap of 8 KiB
 * for each chunk that is kept as one, so that a ragged set does not grow on its way to the disk.
 */
#include "patterns/common/done.h"

#include "base/tag.h"
#include "patterns/common/numbers_chunk.h"
#include "wire/encode.h"

#define BITMAP_BYTES (ZLOOM_NUMBERS_CHUNK / 8)

void
zloom_done_init (zloom_done_t *self, uint64_t floor)
{
    *self = (zloom_done_t){.floor = floor};
}

void
zloom_done_fini (zloom_done_t *self)
{
    zloom_numbers_fini (&self->above);
}

/* Let the floor rise over what stands right above it. */
static void
s_rise (zloom_done_t *self)
{
    zloom_range_t run;
    while (self->above.total > 0 &&
           zloom_numbers_find (&self->above, self->floor, UINT64_MAX - 1, &run) &&
           run.first == self->floor) {
        zloom_numbers_remove (&self->above, run.first, run.last);
        self->floor = run.last + 1;
    }
}

uint64_t
zloom_done_add (zloom_done_t *self, uint64_t first, uint64_t last)
{
    if (first < self->floor) {
        first = self->floor;
    }
    if (first > last) {
        return 0;
    }
    zloom_assert (last < UINT64_MAX);
    if (first > self->floor) {
        return zloom_numbers_add (&self->above, first, last);
    }
    uint64_t added = last - first + 1;
    if (self->above.total > 0) {
        added -= zloom_numbers_remove (&self->above, first, last);
    }
    self->floor = last + 1;
    s_rise (self);
    return added;
}

bool
zloom_done_has (const zloom_done_t *self, uint64_t seq)
{
    return seq < self->floor || (self->above.total > 0 && zloom_numbers_has (&self->above, seq));
}

bool
zloom_done_gap (const zloom_done_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    return zloom_numbers_gap (&self->above, from > self->floor ? from : self->floor, last, run);
}

void
zloom_done_encode (const zloom_done_t *self, zloom_buf_t *out)
{
    const zloom_ranges_t *full = &self->above.full;
    size_t ranges = full->count;
    size_t bitmaps = 0;
    const zloom_numbers_chunk_t *chunks =
      self->above.count > 0 ? &self->above.chunks[self->above.head] : NULL;
    for (size_t i = 0; i < self->above.count; i++) {
        ranges += chunks[i].bits ? 0 : chunks[i].ranges.count;
        bitmaps += chunks[i].bits ? 1 : 0;
    }
    zloom_encode_array (out, 3);
    zloom_encode_uint (out, self->floor);
    zloom_encode_array (out, ranges * 2);
    for (size_t i = 0; i < full->count; i++) {
        const zloom_range_t *keys = zloom_ranges_at (full, i);
        zloom_encode_uint (out, keys->first * ZLOOM_NUMBERS_CHUNK);
        zloom_encode_uint (out, (keys->last - keys->first + 1) * ZLOOM_NUMBERS_CHUNK);
    }
    for (size_t i = 0; i < self->above.count; i++) {
        uint64_t base = chunks[i].key * ZLOOM_NUMBERS_CHUNK;
        for (size_t j = 0; !chunks[i].bits && j < chunks[i].ranges.count; j++) {
            const zloom_range_t *range = zloom_ranges_at (&chunks[i].ranges, j);
            zloom_encode_uint (out, base + range->first);
            zloom_encode_uint (out, range->last - range->first + 1);
        }
    }
    zloom_encode_array (out, bitmaps * 2);
    for (size_t i = 0; i < self->above.count; i++) {
        if (!chunks[i].bits) {
            continue;
        }
        uint8_t bits[BITMAP_BYTES];
        for (size_t word = 0; word < BITMAP_BYTES / 8; word++) {
            zloom_put_u64 (bits + word * 8, chunks[i].bits[word]);
        }
        zloom_encode_uint (out, chunks[i].key);
        zloom_encode_bytes (out, zloom_bytes (bits, sizeof bits));
    }
}

static void
s_decode_range (zloom_done_t *self, zloom_cursor_t *cursor, uint64_t end)
{
    uint64_t first = zloom_cursor_uint (cursor, UINT64_MAX);
    uint64_t n = zloom_cursor_uint (cursor, UINT64_MAX);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    if (n == 0 || first <= self->floor || first >= end || n > end - first) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "done: a range lies outside the flow");
        return;
    }
    zloom_numbers_add (&self->above, first, first + n - 1);
}

static void
s_decode_bitmap (zloom_done_t *self, zloom_cursor_t *cursor, uint64_t end)
{
    uint64_t base = zloom_cursor_uint (cursor, UINT64_MAX / ZLOOM_NUMBERS_CHUNK);
    zloom_bytes_t bits = zloom_cursor_bytes (cursor, BITMAP_BYTES);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    base *= ZLOOM_NUMBERS_CHUNK;
    for (uint32_t i = 0; i < bits.size * 8; i++) {
        if (!((bits.data[i / 8] >> (i % 8)) & 1)) {
            continue;
        }
        if (base + i <= self->floor || base + i >= end) {
            zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "done: a bit lies outside the flow");
            return;
        }
        zloom_numbers_add (&self->above, base + i, base + i);
    }
}

zloom_err_t
zloom_done_decode (zloom_done_t *self, zloom_cursor_t *cursor, uint64_t end)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    self->floor = zloom_fields_uint (&fields, ZLOOM_NEED, end, 0);
    uint32_t count = zloom_fields_array (&fields, ZLOOM_NEED, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        s_decode_range (self, cursor, end);
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "done: half a range");
    }
    count = zloom_fields_array (&fields, ZLOOM_NEED, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        s_decode_bitmap (self, cursor, end);
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "done: half a bitmap");
    }
    zloom_fields_close (&fields);
    return cursor->err;
}
