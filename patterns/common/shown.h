/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shown.h - what a flow tells people about itself: counters, keys, places, subscribers, receipts.
 */
#ifndef ZLOOM_PATTERNS_COMMON_SHOWN_H
#define ZLOOM_PATTERNS_COMMON_SHOWN_H

#include "patterns/common/effects.h"

/* Counters and gauges: name, help. One table makes stats, docs and metrics. */
#define ZLOOM_FLOW_STAT_MAP(X)                             \
    X (ready, "messages waiting for a consumer")           \
    X (leased, "messages handed out and not settled")      \
    X (waiting, "messages waiting for their time")         \
    X (moving, "messages on their way to dead letters")    \
    X (bytes, "bytes of messages not settled")             \
    X (consumers, "consumers subscribed")                  \
    X (appended, "messages taken in since the flow began") \
    X (acked, "messages acknowledged")                     \
    X (dead, "messages moved to dead letters")             \
    X (requeued, "dead letters put back into their flow")  \
    X (expired, "messages past their expiry")              \
    X (purged, "messages purged by hand")                  \
    X (dropped, "messages dropped by policy")              \
    X (lost, "messages lost to damage on disk")            \
    X (acquired, "hand-outs")                              \
    X (failures, "failures charged")                       \
    X (released, "hand-outs given back at no cost")        \
    X (lease_ends, "leases that ran out")                  \
    X (stale, "settlements refused as stale")              \
    X (duplicates, "messages trimmed as duplicates")       \
    X (refused, "sends refused; none that wait for room")  \
    X (stuck, "keys that wait for a hand")                 \
    X (credit, "messages that consumers are ready to take")

typedef struct {
#define ZLOOM_FLOW_STAT_FIELD(name, help) uint64_t name;
    ZLOOM_FLOW_STAT_MAP (ZLOOM_FLOW_STAT_FIELD)
#undef ZLOOM_FLOW_STAT_FIELD
    int64_t oldest_wall_ns; /* when the oldest unsettled message was sent; 0: none */
    int64_t due_mono_ns;    /* when the next of those that wait is due; ZLOOM_NEVER: none is */
    uint32_t due_failures;  /* how often that one has failed; 0: its sender delayed it */
    bool paused;
    bool draining;
} zloom_flow_stats_t;

/* A key that does not go on, and why. */
typedef enum {
    ZLOOM_KEY_WAITS,  /* for the retry of its first message */
    ZLOOM_KEY_STUCK,  /* its first message has failed for the last time, and the order is strict */
    ZLOOM_KEY_PARKED, /* one of its messages is dead, and later ones follow it */
} zloom_key_state_t;

typedef struct {
    zloom_key_state_t state;
    uint64_t seq;      /* its first message, which has the key; PARKED: 0 */
    zloom_bytes_t key; /* PARKED only */
    uint64_t behind;   /* messages that wait behind it, as far as they were counted */
    uint32_t failures;
    zloom_bytes_t history;
} zloom_key_row_t;

/* Where a message is, as far as its flow knows. */
typedef enum {
    ZLOOM_PLACE_NONE,   /* its number was never given */
    ZLOOM_PLACE_GONE,   /* it has left the flow: acknowledged, dead, expired, purged, dropped */
    ZLOOM_PLACE_READY,  /* waits for a consumer */
    ZLOOM_PLACE_LEASED, /* handed out and not settled */
    ZLOOM_PLACE_WAITS,  /* for its time */
    ZLOOM_PLACE_STUCK,  /* for a hand: it has failed for the last time */
    ZLOOM_PLACE_MOVES,  /* on its way to the dead letters */
    ZLOOM_PLACE_KEPT,   /* for those who come later: nobody has to work on it any more */
} zloom_place_name_t;

typedef struct {
    zloom_place_name_t place;
    uint32_t failures;
    zloom_bytes_t history;        /* of its failures; unset: none */
    int64_t due_mono_ns;          /* WAITS; ZLOOM_NEVER: not known */
    zloom_consumer_id_t consumer; /* LEASED, with the next two */
    bool started;
    int64_t lease_end_ns; /* mono */
} zloom_whereabouts_t;

/* Messages that one lane of a keyed flow holds, as far as they were looked at. */
typedef struct {
    uint32_t lane;
    uint64_t messages;
    uint64_t first; /* the lowest number among them */
} zloom_lane_row_t;

/* A subscription, or a group of them, on a flow where each gets all. */
typedef struct {
    zloom_bytes_t group; /* unset: a subscription of one consumer, without a name */
    bool durable;
    const zloom_bytes_t *patterns; /* borrowed until the next change */
    size_t pattern_count;          /* 0: everything */
    uint64_t consumers;
    zloom_consumer_id_t consumer; /* the first of them; 0: none */
    uint64_t lag;                 /* messages for it that are not through */
    uint64_t delivered;           /* hand-outs, repeated ones too */
    uint64_t acked;               /* durable: settled as done */
    uint64_t dead;                /* durable: moved to dead letters */
    uint64_t filtered;            /* not for it */
    uint64_t dropped;             /* by its policy or the flow's limit */
    uint64_t gaps;                /* GAPs told */
    zloom_on_slow_t on_slow;      /* not durable */
    int64_t on_slow_value;
    uint64_t position; /* everything below is through */
} zloom_subscriber_row_t;

/* What became of a message in one durable group. */
typedef enum {
    ZLOOM_RECEIPT_LAGGING,   /* it waits, with `behind` before it */
    ZLOOM_RECEIPT_DELIVERED, /* handed out, not settled */
    ZLOOM_RECEIPT_ACKED,
    ZLOOM_RECEIPT_FILTERED, /* not for this group */
    ZLOOM_RECEIPT_DROPPED,  /* by a limit, expiry or by hand */
    ZLOOM_RECEIPT_DEAD,
} zloom_receipt_state_t;

typedef struct {
    zloom_bytes_t group;
    zloom_receipt_state_t state;
    uint64_t behind;
} zloom_receipt_row_t;

#endif
