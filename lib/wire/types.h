/* SPDX-License-Identifier: MPL-2.0 */
/*
 * types.h - the small values that verbs carry and that the pattern cores, the engine and the
 * clients share: tokens, runs of sequence numbers, verdicts, causes, provenance.
 */
#ifndef ZLOOM_WIRE_TYPES_H
#define ZLOOM_WIRE_TYPES_H

#include "base/bytes.h"
#include "zloom.h"

/* Fencing token of a lease: the router's boot (random part of its boot id) and hand-out number. */
typedef struct {
    uint64_t boot;
    uint64_t number;
} zloom_token_t;

/* Sequence numbers [seq, seq + n). */
typedef struct {
    uint64_t seq;
    uint32_t n;
} zloom_run_t;

/* How a consumer settles. */
typedef enum {
    ZLOOM_VERDICT_ACK = 0,
    ZLOOM_VERDICT_RETRY = 1,   /* failed: again after delay_ms, or the flow's backoff */
    ZLOOM_VERDICT_REJECT = 2,  /* never again: dead letter */
    ZLOOM_VERDICT_RELEASE = 3, /* handed back unharmed: drain, deploy; costs nothing */
    ZLOOM_VERDICT_CRASH = 4,   /* the handler died with these started */
} zloom_verdict_t;

#define ZLOOM_DELAY_UNSET INT64_C (-1)

/* Why messages failed; all unset for an ack. */
typedef struct {
    zloom_bytes_t reason; /* rejected | failures | crash | malformed | expired | overflow */
    int32_t exit;         /* exit code; -1 unset */
    int32_t signal;       /* 0 unset */
    zloom_bytes_t text;   /* error text or the last bytes of stderr, at most 4 KiB */
} zloom_cause_t;

typedef struct {
    uint64_t first;
    uint32_t n;
    zloom_verdict_t verdict;
    int64_t delay_ms; /* ZLOOM_DELAY_UNSET: the flow's backoff decides */
    zloom_cause_t cause;
} zloom_settle_run_t;

/* Result of settling a run: a zloom_err_t (OK, STALE, SETTLED, or why a STEP was refused). */
typedef struct {
    uint64_t first;
    uint32_t n;
    uint16_t code;
} zloom_settled_run_t;

/* Provenance: n messages whose ids are (producer, first_id + i). */
typedef struct {
    uint32_t n;
    zloom_bytes_t producer;
    uint64_t first_id;
    int64_t base_time_ns;
} zloom_src_t;

/* A boot of a log (its random part), and the first number of a flow that it gave. */
typedef struct {
    uint64_t boot;
    uint64_t first;
} zloom_boot_first_t;

/* What differs from a first, plain delivery of message i of a DELIVER. */
typedef struct {
    uint32_t i;
    uint32_t attempt;       /* failures so far; 0 = first try */
    int64_t budget_left_ms; /* -1 unset */
    bool redelivered;
    bool replayed;
} zloom_fact_t;

/* SEND and PACK flags: which envelope fields the router must look at. */
enum {
    ZLOOM_FLAG_KEY = 1u << 0,
    ZLOOM_FLAG_TOPIC = 1u << 1,
    ZLOOM_FLAG_DUE = 1u << 2,
    ZLOOM_FLAG_EXPIRES = 1u << 3,
    ZLOOM_FLAG_PRIORITY = 1u << 4,
    ZLOOM_FLAG_ID = 1u << 5,
    ZLOOM_FLAG_BUDGET = 1u << 6,
    ZLOOM_FLAG_TRACE = 1u << 7,
};

/* Where a message is durable when it is confirmed. */
typedef enum {
    ZLOOM_CONFIRM_MEMORY = 0,
    ZLOOM_CONFIRM_DISK = 1,
} zloom_confirm_t;

/* Numbers of zloom.h's enumerations are on the wire. */
#define ZLOOM_FROM_COUNT ((unsigned) ZLOOM_FROM_SEQ + 1)
#define ZLOOM_ON_SLOW_COUNT ((unsigned) ZLOOM_ON_SLOW_DISCONNECT + 1)

#endif
