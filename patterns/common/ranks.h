/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ranks.h - the priorities of unsettled messages, as far as they are not the usual one: a set of
 * numbers for each. So who sends without priorities pays nothing, and the worst case is one bit a
 * message and priority in use.
 */
#ifndef ZLOOM_PATTERNS_COMMON_RANKS_H
#define ZLOOM_PATTERNS_COMMON_RANKS_H

#include "patterns/common/numbers_code.h"
#include "patterns/common/pattern.h"

#define ZLOOM_RANKS 10
/* Of a message that says nothing: some go before it, some behind (JMS 2.0, 3.4.10). */
#define ZLOOM_RANK_USUAL 4

typedef struct {
    zloom_numbers_t ranks[ZLOOM_RANKS]; /* that of the usual one stays empty */
    uint64_t total;
} zloom_ranks_t; /* zero-initialised is empty and ready */

void zloom_ranks_fini (zloom_ranks_t *self);
void zloom_ranks_add (zloom_ranks_t *self, uint8_t rank, uint64_t first, uint64_t last);
/* Messages [first, first + their sum) have these. */
void zloom_ranks_add_runs (zloom_ranks_t *self, uint64_t first, const zloom_rank_run_t *runs,
                           size_t count);
void zloom_ranks_remove (zloom_ranks_t *self, uint64_t first, uint64_t last);
/* The rank of message `first`; *end is the last one up to `last` that shares it for sure. */
uint8_t zloom_ranks_at (const zloom_ranks_t *self, uint64_t first, uint64_t last, uint64_t *end);

/* msgpack: an array of the ranks' sets, [rank, [first, n…], [chunk, bitmap…]] each. */
void zloom_ranks_encode (const zloom_ranks_t *self, zloom_buf_t *out);
zloom_err_t zloom_ranks_decode (zloom_ranks_t *self, zloom_cursor_t *cursor, uint64_t least,
                                uint64_t end);

#endif
