/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pack_head.h - the head of a stored PACK record, msgpack: [flags, own, src, past, expires, ranks,
 * matches, arrived].
 *
 *   flags  the SEND's, which say what the router must look at in the envelopes
 *   own    true when src is the named producer that sent it on a session of its own: replay then
 *          raises that producer's `high`; false for what was moved, emitted, requeued, anonymous
 *   src    provenance runs, wire/source.h
 *   past   nil, or one history (history.h) or nil a message
 *   expires  nil, or the wall time, ns, before which none of the messages expires
 *   ranks  nil, or [n, priority, n, priority…] over all messages
 *   matches  nil, or [group, [first, n, first, n…], group, […]…]: which messages, counted from 0,
 *          durable groups want; who is not named wants all
 *   arrived  nil, or the router's wall time, ns, when they came: on a bus, where src is far from it
 * Nils at the end are left out, but for the first four.
 *
 * The engine writes it from an APPEND effect; patterns and the engine read it.
 */
#ifndef ZLOOM_PATTERNS_COMMON_PACK_HEAD_H
#define ZLOOM_PATTERNS_COMMON_PACK_HEAD_H

#include "patterns/common/pattern.h"
#include "wire/source.h"

typedef struct {
    uint32_t flags;
    bool own;
    const zloom_src_t *src; /* in the arena; producers borrow from the head */
    size_t src_count;
    zloom_bytes_t past;            /* the array as it stands; unset: no message has a past */
    int64_t expires_ns;            /* ZLOOM_NEVER: none of them expires */
    const zloom_rank_run_t *ranks; /* in the arena; NULL: all have the usual one */
    size_t rank_count;
    const zloom_match_t *matches; /* in the arena */
    size_t match_count;
    int64_t arrived_ns; /* 0: when src says */
} zloom_pack_head_t;

/* Append the head of an APPEND effect to `out`. */
void zloom_pack_head_encode (const zloom_effect_t *append, zloom_buf_t *out);
/* Read a head; bytes from a disk, so anything may stand there. */
zloom_err_t zloom_pack_head_decode (zloom_bytes_t bytes, zloom_arena_t *arena,
                                    zloom_pack_head_t *head);
/*
 * Append to `out` the head of messages [first, first + n) of a pack with this head. MALFORMED and
 * the like when it is not a head, INVALID when it speaks of fewer messages.
 */
zloom_err_t zloom_pack_head_cut (zloom_bytes_t bytes, uint32_t first, uint32_t n, zloom_buf_t *out);
/* What a durable group wants of the pack; NULL: all of it. */
const zloom_match_t *zloom_pack_head_match (const zloom_pack_head_t *head, uint32_t group);
/* The history of the index-th message; unset when it has none. O(index). */
zloom_bytes_t zloom_pack_head_past (const zloom_pack_head_t *head, uint32_t index);

#endif
