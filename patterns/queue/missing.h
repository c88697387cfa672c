/* SPDX-License-Identifier: MPL-2.0 */
/*
 * missing.h - what a durable group was to get and does not: dropped by the flow's limit, purged by
 * hand, or damaged. One of its consumers is told, in the place where it would have come. It is told
 * again to the next one until the group is known to have heard of it: whoever settles something
 * that was handed out behind it has. So it outlives a consumer that dies, and the router.
 */
#ifndef ZLOOM_PATTERNS_QUEUE_MISSING_H
#define ZLOOM_PATTERNS_QUEUE_MISSING_H

#include "patterns/common/done.h"
#include "patterns/common/effects.h"
#include "patterns/common/gaps.h"

typedef struct {
    zloom_gaps_t untold;
    zloom_gaps_t told;           /* ... but not known to have been heard of */
    zloom_consumer_id_t told_to; /* of those: who was, */
    uint64_t token;              /* ... and what is handed out from this number on is behind them */
    uint64_t gaps;               /* so many were told */
    bool heard;                  /* something was, since that was written down last */
} zloom_missing_t;               /* zero-initialised is empty and ready */

void zloom_missing_fini (zloom_missing_t *self);
/* [first, last], which are done with, do not come; ways that nobody is told of change nothing. */
void zloom_missing_add (zloom_missing_t *self, const zloom_done_t *done, uint8_t way,
                        uint64_t first, uint64_t last);
/* Whether something is untold that begins before `seq`. */
bool zloom_missing_before (const zloom_missing_t *self, uint64_t seq);
/*
 * Tell a consumer of that, or whom it has told of others: what that one is handed out from `token`
 * on comes behind it.
 */
void zloom_missing_tell (zloom_missing_t *self, uint64_t seq, zloom_consumer_id_t consumer,
                         uint64_t token, zloom_effects_t *effects);
/* A consumer has settled something of this token; or it is gone. */
void zloom_missing_settled (zloom_missing_t *self, zloom_consumer_id_t consumer, uint64_t token);
void zloom_missing_gone (zloom_missing_t *self, zloom_consumer_id_t consumer);

/* msgpack: [from, to, count, why, from…], of what is not known to have been heard of. */
void zloom_missing_encode (const zloom_missing_t *self, zloom_buf_t *out);
/* ... in the place of all that there is. */
zloom_err_t zloom_missing_decode (zloom_missing_t *self, zloom_cursor_t *cursor);

#endif
