/* SPDX-License-Identifier: MPL-2.0 */
/*
 * history.h - what went wrong with a message so far; it travels with it to the dead letters and,
 * after a requeue, back.
 *
 * msgpack: [requeued, [[flow, reason, count, first wall ns, last wall ns, exit, signal, text]…]]
 * Causes of one flow and reason are folded into one: counted, with the exit, signal and text of
 * the last. exit and signal are nil when unset. Oldest first; at most ZLOOM_HISTORY_CAUSES, the
 * oldest goes first. The newest cause keeps up to 4 KiB of text, the others 256 bytes.
 */
#ifndef ZLOOM_PATTERNS_COMMON_HISTORY_H
#define ZLOOM_PATTERNS_COMMON_HISTORY_H

#include "base/error.h"
#include "wire/limits.h"
#include "wire/types.h"

#define ZLOOM_HISTORY_CAUSES 12
#define ZLOOM_HISTORY_TEXT_BYTES 256
/* Longest history in bytes: what a reader must be ready for. */
#define ZLOOM_HISTORY_BYTES_MAX 12288

typedef struct {
    zloom_bytes_t flow;
    zloom_bytes_t reason;
    uint64_t count;
    int64_t first_wall_ns;
    int64_t last_wall_ns;
    int32_t exit;   /* -1 unset */
    int32_t signal; /* 0 unset */
    zloom_bytes_t text;
} zloom_history_cause_t;

/* Decoded; all bytes borrow from what was decoded. Zero-initialised is the history of nothing. */
typedef struct {
    uint32_t requeued; /* how often it was put back from dead letters */
    uint32_t count;
    zloom_history_cause_t causes[ZLOOM_HISTORY_CAUSES];
} zloom_history_t;

/* Unset bytes give an empty history; anything odd is an error and leaves it empty. */
zloom_err_t zloom_history_decode (zloom_bytes_t bytes, zloom_history_t *history);
void zloom_history_encode (const zloom_history_t *history, zloom_buf_t *out);
/*
 * One more failure of flow `flow` at wall_ns: counted into the cause of the same flow and reason,
 * or appended. Bytes are borrowed until the history is encoded. A reason or flow name that is too
 * long is cut.
 */
void zloom_history_add (zloom_history_t *history, zloom_bytes_t flow, const zloom_cause_t *cause,
                        int64_t wall_ns);
/* Fold a later history into an earlier one: causes by flow and reason, requeues added. */
void zloom_history_fold (zloom_history_t *history, const zloom_history_t *later);

#endif
