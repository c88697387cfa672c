/* SPDX-License-Identifier: MPL-2.0 */
/*
 * records.h - the numbers of the journal's records that patterns write and replay. They are on disk
 * and equal the journal's zloom_record_type_t, which patterns do not see (a test compares them).
 *
 * Heads, msgpack:
 *   PACK      pack_head.h
 *   SETTLE    [reason, [first, n, first, n…], by hand, missing?]; of a durable group, once it has
 *             heard of something that it misses: what is left of that (queue/missing.h)
 *   STATE     [[seq, n, failures, stamp wall ns, delay ns, moving, history]…]
 *   PRODUCER  [name, high, mark, wall ns, owner?]
 *   KV        [1, key, parked]: later messages of the key go to the dead letters, or do not any
 *             more [2, [wall ns, hashes]]: ids that came with messages, ids.h [3, ranges,
 *             bitmaps]: of a flow with a key, what has overflowed and goes to the dead letters
 *   TRIM      [reason]: what is below the record's seq is not retained any more
 *   GROUP     of a durable group; patterns/bus/state.h
 *   HOLE      [producer, first id, last id, set back?] where a producer's ids are missing, or,
 *             set back, mean other messages from now on; count is 0 then
 */
#ifndef ZLOOM_PATTERNS_COMMON_RECORDS_H
#define ZLOOM_PATTERNS_COMMON_RECORDS_H

enum {
    ZLOOM_STORED_PACK = 1,
    ZLOOM_STORED_SETTLE = 2,
    ZLOOM_STORED_STATE = 3,
    ZLOOM_STORED_PRODUCER = 5,
    ZLOOM_STORED_KV = 6,
    ZLOOM_STORED_TRIM = 9,
    ZLOOM_STORED_HOLE = 11,
    ZLOOM_STORED_GROUP = 13,
};

/* What a KV record holds. */
enum {
    ZLOOM_STORED_KV_PARKED = 1,
    ZLOOM_STORED_KV_IDS = 2,
    ZLOOM_STORED_KV_OVERFLOW = 3,
};

#endif
