/* SPDX-License-Identifier: MPL-2.0 */
/*
 * done.h - which messages are settled: all below a floor, and above it a set of numbers. Its
 * memory follows the holes, not the backlog: at most a bit a number between floor and end.
 */
#ifndef ZLOOM_PATTERNS_COMMON_DONE_H
#define ZLOOM_PATTERNS_COMMON_DONE_H

#include "patterns/common/numbers.h"
#include "wire/cursor.h"

typedef struct {
    uint64_t floor;        /* everything below is done */
    zloom_numbers_t above; /* done ones above it; never the floor itself */
} zloom_done_t;

void zloom_done_init (zloom_done_t *self, uint64_t floor);
void zloom_done_fini (zloom_done_t *self);
/* Settle [first, last]; returns how many were new. The floor rises as far as it can. */
uint64_t zloom_done_add (zloom_done_t *self, uint64_t first, uint64_t last);
bool zloom_done_has (const zloom_done_t *self, uint64_t seq);
/* The first run in [from, last] that is not done, whole; false when there is none. */
bool zloom_done_gap (const zloom_done_t *self, uint64_t from, uint64_t last, zloom_range_t *run);

/* msgpack: [floor, [first, n, first, n…], [chunk, bitmap, …]] */
void zloom_done_encode (const zloom_done_t *self, zloom_buf_t *out);
/* Read what encode wrote into an empty set; `end` is one past the highest number allowed. */
zloom_err_t zloom_done_decode (zloom_done_t *self, zloom_cursor_t *cursor, uint64_t end);

#endif
