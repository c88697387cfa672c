/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ages.h - when a message was sent, without a number a message: at most 1,024 marks (sequence
 * number, wall time). When they are full every second one goes and marks must lie further apart,
 * so the answer is exact for young flows and within a thousandth of the span for old ones.
 */
#ifndef ZLOOM_PATTERNS_COMMON_AGES_H
#define ZLOOM_PATTERNS_COMMON_AGES_H

#include "base/bytes.h"
#include "wire/cursor.h"

#define ZLOOM_AGES_MARKS 1024u

typedef struct {
    uint64_t seq;
    int64_t wall_ns;
} zloom_age_mark_t;

typedef struct {
    zloom_age_mark_t marks[ZLOOM_AGES_MARKS];
    size_t count;
    uint64_t apart; /* least distance between marks, in messages */
} zloom_ages_t;     /* zero-initialised is empty and ready */

/* Messages from `seq` on were sent at wall_ns; seq never goes back. */
void zloom_ages_add (zloom_ages_t *self, uint64_t seq, int64_t wall_ns);
/* Where marks are times of arrival: none is later than what is now. */
void zloom_ages_level (zloom_ages_t *self, int64_t now_wall_ns);
/* Messages below `floor` are settled: their marks go. */
void zloom_ages_drop (zloom_ages_t *self, uint64_t floor);
/* When message `seq` was sent, as far as is known; 0: nothing is known. */
int64_t zloom_ages_at (const zloom_ages_t *self, uint64_t seq);

/* msgpack: [seq, wall ns, seq, wall ns…] */
void zloom_ages_encode (const zloom_ages_t *self, zloom_buf_t *out);
zloom_err_t zloom_ages_decode (zloom_ages_t *self, zloom_cursor_t *cursor);

#endif
