/* SPDX-License-Identifier: MPL-2.0 */
/*
 * frame.h - what a worker node and a child with `io: frames` say to each other: a length in four
 * bytes, big-endian, then one msgpack array. docs/workers.md is the same for those who write
 * children.
 *
 *   to the child (its descriptor 3)
 *     [1, version, node, in-flows, out-flows, most]                       HELLO, once
 *     [2, [[id, flow, attempt, body, key, topic, attrs, sent_ms, name, redelivered]…]]    WORK
 *   from the child (its descriptor 4)
 *     [1, version, most?]                                                 READY, once, first
 *     [3, [id…]]                                                          STARTED
 *     [4, [id…], extend_ms?]                                              PROGRESS
 *     [5, [[id, verdict, delay_ms?, text?, [emit…]?]…]]                   DONE
 *         emit = [body, flow?, topic?, key?, attrs?, delay_ms?, expires_ms?, priority?, own_id?]
 *
 * Longer arrays: the rest is ignored; shorter ones: nil. Pure: bytes in, structs out.
 */
#ifndef ZLOOM_NODES_WORKER_FRAME_H
#define ZLOOM_NODES_WORKER_FRAME_H

#include "wire/arena.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include "wire/types.h"
#include "zloom.h"

#define ZLOOM_FRAME_VERSION 1
/* The longest frame, either way: a step and what stands around it. */
#define ZLOOM_FRAME_MAX_BYTES (ZLOOM_LIMIT_STEP_BYTES + 65536)

typedef enum {
    ZLOOM_FRAME_READY = 1, /* HELLO, in the other direction */
    ZLOOM_FRAME_WORK = 2,
    ZLOOM_FRAME_STARTED = 3,
    ZLOOM_FRAME_PROGRESS = 4,
    ZLOOM_FRAME_DONE = 5,
} zloom_frame_kind_t;

/*
 * A message that a handler wants sent. Its times count from when the node sends it, its attrs are a
 * checked map. An unset flow is the node's only one.
 */
typedef struct {
    zloom_bytes_t flow;
    zloom_envelope_t envelope;
} zloom_emission_t;

typedef struct {
    uint64_t id;
    zloom_verdict_t verdict; /* ACK, RETRY, REJECT, RELEASE */
    int64_t delay_ms;        /* ZLOOM_DELAY_UNSET: the flow's backoff */
    zloom_bytes_t text;
    const zloom_emission_t *emits;
    size_t emit_count;
} zloom_frame_verdict_t;

/* What a child said. */
typedef struct {
    zloom_frame_kind_t kind;
    uint64_t version;    /* READY */
    uint64_t most;       /* READY: messages it takes in hand; 0 = as HELLO said */
    const uint64_t *ids; /* STARTED, PROGRESS */
    size_t id_count;
    uint64_t extend_ms;                    /* PROGRESS; 0 = the flow's lease */
    const zloom_frame_verdict_t *verdicts; /* DONE */
    size_t verdict_count;
} zloom_frame_t;

/*
 * Check and decode a frame without its length; arrays live in the arena, bytes are borrowed from
 * the frame. MALFORMED, TRUNCATED, TRAILING, TOO_BIG, TOO_DEEP with a note.
 */
zloom_err_t zloom_frame_decode (zloom_bytes_t bytes, zloom_arena_t *arena, zloom_frame_t *frame);

/* Append HELLO, length included. */
void zloom_frame_put_hello (zloom_buf_t *out, const char *node, const char *const *ins,
                            size_t in_count, const char *const *outs, size_t out_count,
                            uint64_t most);
/* WORK is built message by message: append messages to `list`, then the frame around them. */
void zloom_frame_add_message (zloom_buf_t *list, uint64_t id, const zloom_message_t *message);
void zloom_frame_put_work (zloom_buf_t *out, const zloom_buf_t *list, size_t count);

/* ---- from a stream of bytes to frames ------------------------------------------------------- */

typedef struct {
    zloom_buf_t bytes;
    size_t at;
} zloom_deframer_t; /* zero-initialised is empty and ready */

void zloom_deframer_fini (zloom_deframer_t *self);
/* Forget what was fed: another child speaks from now on. */
void zloom_deframer_clear (zloom_deframer_t *self);
void zloom_deframer_feed (zloom_deframer_t *self, zloom_bytes_t chunk);
/*
 * The next whole frame, valid until the next feed. AGAIN: none yet; MALFORMED: a length of 0 or
 * over the limit, so what comes is no frame at all.
 */
zloom_err_t zloom_deframer_next (zloom_deframer_t *self, zloom_bytes_t *frame);

#endif
