/* SPDX-License-Identifier: MPL-2.0 */
/*
 * numbers_chunk.h - one chunk of numbers.h: up to 65,536 numbers with the same upper 48 bits, as
 * ranges or as a bitmap, whichever is smaller. Arguments lie within the chunk.
 */
#ifndef ZLOOM_PATTERNS_COMMON_NUMBERS_CHUNK_H
#define ZLOOM_PATTERNS_COMMON_NUMBERS_CHUNK_H

#include "patterns/common/numbers.h"

struct zloom_numbers_chunk {
    uint64_t key;          /* number / 65,536 */
    uint64_t *bits;        /* NULL: the numbers stand in `ranges` */
    uint32_t count;        /* numbers set in `bits` */
    zloom_ranges_t ranges; /* offsets within the chunk */
};

void zloom_numbers_chunk_fini (zloom_numbers_chunk_t *self);
uint32_t zloom_numbers_chunk_count (const zloom_numbers_chunk_t *self);
uint32_t zloom_numbers_chunk_add (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last);
uint32_t zloom_numbers_chunk_remove (zloom_numbers_chunk_t *self, uint32_t first, uint32_t last);
bool zloom_numbers_chunk_has (const zloom_numbers_chunk_t *self, uint32_t offset);
/* The first run at or after `from`, whole within the chunk; false when there is none. */
bool zloom_numbers_chunk_find (const zloom_numbers_chunk_t *self, uint32_t from, uint32_t *first,
                               uint32_t *last);

#endif
