/* SPDX-License-Identifier: MPL-2.0 */
/*
 * expiries.h - when messages expire, without a number a message: for each 1,024 sequence numbers
 * the soonest time at which one of them does. So a walk looks only where something has expired, and
 * a flow whose messages never expire keeps nothing. Times are of the wall clock.
 */
#ifndef ZLOOM_PATTERNS_COMMON_EXPIRIES_H
#define ZLOOM_PATTERNS_COMMON_EXPIRIES_H

#include "base/clock.h"
#include "base/ranges.h"
#include "wire/cursor.h"

#define ZLOOM_EXPIRIES_CHUNK 1024u

typedef struct {
    uint64_t key; /* sequence number / 1,024 */
    int64_t wall_ns;
} zloom_expiry_t;

typedef struct {
    zloom_expiry_t *items; /* items[head .. head + count), sorted by key */
    size_t head;
    size_t count;
    size_t capacity;
    int64_t soonest_ns; /* of all; meaningless when there are none */
} zloom_expiries_t;     /* zero-initialised is empty and ready */

void zloom_expiries_fini (zloom_expiries_t *self);
/* One of the messages [first, last] expires at wall_ns, none sooner. */
void zloom_expiries_add (zloom_expiries_t *self, uint64_t first, uint64_t last, int64_t wall_ns);
/* Messages below `floor` are settled. */
void zloom_expiries_drop (zloom_expiries_t *self, uint64_t floor);
/* The soonest of all; ZLOOM_NEVER when there is none. */
int64_t zloom_expiries_next (const zloom_expiries_t *self);
/* A chunk in which something has expired at wall_ns, the lowest; false when there is none. */
bool zloom_expiries_due (const zloom_expiries_t *self, int64_t wall_ns, zloom_range_t *chunk);
/* The chunk was looked through: nothing in it expires sooner than this. */
void zloom_expiries_set (zloom_expiries_t *self, uint64_t first, int64_t wall_ns);

/* msgpack: [chunk, wall ns, …] */
void zloom_expiries_encode (const zloom_expiries_t *self, zloom_buf_t *out);
zloom_err_t zloom_expiries_decode (zloom_expiries_t *self, zloom_cursor_t *cursor);

#endif
