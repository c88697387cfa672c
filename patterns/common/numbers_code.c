/* SPDX-License-Identifier: MPL-2.0 */
/*
 * numbers_code.c - ranges where they are few, and a bitmap of 8 KiB for each chunk that is kept as
 * one, so that a ragged set does not grow on its way to the disk.
 */
#include "patterns/common/numbers_code.h"

#include "patterns/common/numbers_chunk.h"
#include "wire/encode.h"

#define BITMAP_BYTES (ZLOOM_NUMBERS_CHUNK / 8)

static void
s_encode_ranges (const zloom_numbers_t *self, const zloom_numbers_chunk_t *chunks, zloom_buf_t *out)
{
    size_t count = self->full.count;
    for (size_t i = 0; i < self->count; i++) {
        count += chunks[i].bits ? 0 : chunks[i].ranges.count;
    }
    zloom_encode_array (out, count * 2);
    for (size_t i = 0; i < self->full.count; i++) {
        const zloom_range_t *keys = zloom_ranges_at (&self->full, i);
        zloom_encode_uint (out, keys->first * ZLOOM_NUMBERS_CHUNK);
        zloom_encode_uint (out, (keys->last - keys->first + 1) * ZLOOM_NUMBERS_CHUNK);
    }
    for (size_t i = 0; i < self->count; i++) {
        uint64_t base = chunks[i].key * ZLOOM_NUMBERS_CHUNK;
        for (size_t j = 0; !chunks[i].bits && j < chunks[i].ranges.count; j++) {
            const zloom_range_t *range = zloom_ranges_at (&chunks[i].ranges, j);
            zloom_encode_uint (out, base + range->first);
            zloom_encode_uint (out, range->last - range->first + 1);
        }
    }
}

static void
s_encode_bitmaps (const zloom_numbers_t *self, const zloom_numbers_chunk_t *chunks,
                  zloom_buf_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        count += chunks[i].bits ? 1 : 0;
    }
    zloom_encode_array (out, count * 2);
    for (size_t i = 0; i < self->count; i++) {
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

void
zloom_numbers_encode (const zloom_numbers_t *self, zloom_buf_t *out)
{
    const zloom_numbers_chunk_t *chunks = self->count > 0 ? &self->chunks[self->head] : NULL;
    s_encode_ranges (self, chunks, out);
    s_encode_bitmaps (self, chunks, out);
}

static void
s_decode_range (zloom_numbers_t *self, zloom_cursor_t *cursor, uint64_t least, uint64_t end)
{
    uint64_t first = zloom_cursor_uint (cursor, UINT64_MAX);
    uint64_t n = zloom_cursor_uint (cursor, UINT64_MAX);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    if (n == 0 || first < least || first >= end || n > end - first) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "numbers: a range lies outside the flow");
        return;
    }
    zloom_numbers_add (self, first, first + n - 1);
}

static void
s_decode_bitmap (zloom_numbers_t *self, zloom_cursor_t *cursor, uint64_t least, uint64_t end)
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
        if (base + i < least || base + i >= end) {
            zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "numbers: a bit lies outside the flow");
            return;
        }
        zloom_numbers_add (self, base + i, base + i);
    }
}

void
zloom_numbers_decode (zloom_numbers_t *self, zloom_fields_t *fields, uint64_t least, uint64_t end)
{
    zloom_cursor_t *cursor = fields->cursor;
    uint32_t count = zloom_fields_array (fields, ZLOOM_NEED, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        s_decode_range (self, cursor, least, end);
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "numbers: half a range");
    }
    count = zloom_fields_array (fields, ZLOOM_NEED, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count && cursor->err == ZLOOM_OK; i += 2) {
        s_decode_bitmap (self, cursor, least, end);
    }
    if (count % 2 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "numbers: half a bitmap");
    }
}
