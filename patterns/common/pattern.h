/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pattern.h - the contract between the engine (motion) and a pattern (meaning).
 *
 * A pattern is a pure state machine, one object a flow: `event (self, event, turn)` changes its
 * state and appends effects; the engine turns effects into journal records and sends. No socket,
 * file, clock or thread is seen here: time, randomness and stored bytes come in through `turn`.
 *
 * What a pattern may rely on
 *   - An event is fed only when its worst case fits the open journal group, so effects cannot fail.
 *   - Effects are carried out in order. Records and answers of one event land in one group: all of
 *     it survives a crash, or none.
 *   - `turn->store->peek` answers from memory: OK with sizes, AGAIN when the bytes are on disk (a
 *     read has been started and a FETCHED event will come), DAMAGED or NOT_FOUND for a hole.
 *   - Sequence numbers above the last DURABLE event are not to be handed out.
 *   - Recovery: restore (snapshot) or not, then replay (records in order), then recovered ().
 *
 * What the engine relies on
 *   - The same events in the same order with the same turn values give the same effects (the
 *     simulator replays runs by seed); no iteration order depends on addresses.
 *   - dispatch () hands out only within the consumer's credit.
 *   - Pointers in effects stay valid until the effects are carried out (borrow from the event or
 *     from the pattern's own state; use turn->scratch for what must be built).
 *
 * Threads: one, the engine's.
 */
#ifndef ZLOOM_PATTERNS_COMMON_PATTERN_H
#define ZLOOM_PATTERNS_COMMON_PATTERN_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/ranges.h"
#include "patterns/common/effects.h"
#include "patterns/common/flow_config.h"
#include "patterns/common/shown.h"
#include "wire/types.h"

/* ---- events --------------------------------------------------------------------------------- */

typedef enum {
    ZLOOM_EVENT_OFFER,       /* messages come in */
    ZLOOM_EVENT_SKIP,        /* a producer skips n ids */
    ZLOOM_EVENT_SESSION_END, /* a sending session is over: anonymous state may go */
    ZLOOM_EVENT_SUBSCRIBE,
    ZLOOM_EVENT_CREDIT,
    ZLOOM_EVENT_SETTLE,
    ZLOOM_EVENT_STARTED,
    ZLOOM_EVENT_PROGRESS,
    ZLOOM_EVENT_UNSUBSCRIBE, /* the consumer leaves in good order: leases back at no cost */
    ZLOOM_EVENT_GONE,        /* the consumer is gone: started ones are charged (see queue.h) */
    ZLOOM_EVENT_DURABLE,     /* everything up to seq is durable */
    ZLOOM_EVENT_FETCHED,     /* bytes that peek said AGAIN about are in memory (or damaged) now */
    ZLOOM_EVENT_TAKE_OUT,    /* requeue, purge: messages that are not leased leave the flow */
    ZLOOM_EVENT_FREE_KEY,    /* by hand: a key that is stuck or parked goes on */
    ZLOOM_EVENT_PASS,        /* a copy: numbers up to another one do not come */
    ZLOOM_EVENT_PAUSE,
    ZLOOM_EVENT_RESUME,
    ZLOOM_EVENT_DRAIN, /* no new messages from outside; what is there is worked off */
    ZLOOM_EVENT_SHIFT, /* the process was late by shift_ns: move lease deadlines */
    ZLOOM_EVENT_TIMER, /* next_deadline () has come */
} zloom_event_type_t;

typedef struct {
    zloom_event_type_t type;
    zloom_consumer_id_t consumer;
    zloom_session_id_t session;
    union {
        /* Exactly one of: a session's own SEND (src_count 0), or a foreign pack with provenance
         * (bridge, emit of a step, dead-letter move, requeue: src_count > 0, session may be 0). */
        struct {
            zloom_bytes_t producer; /* name of the producer; anonymous: unset */
            zloom_bytes_t owner;    /* whose that name is from now on: a key; unset: not known */
            bool keyless; /* it is the router's own user: a name that has an owner keeps it */
            uint64_t first_id;
            uint32_t n;
            zloom_bytes_t pack; /* tiling checked: exactly n envelopes */
            zloom_blob_t *blob; /* the blob that pack points into (borrowed) */
            uint32_t flags;
            int64_t base_time_ns;
            zloom_bytes_t mark; /* unset: none */
            const zloom_src_t *src;
            size_t src_count;
            const zloom_past_t *past; /* NULL, or one per message */
            bool admitted;            /* never refuse with FULL: room () had room, or none counts */
        } offer;
        struct {
            zloom_bytes_t producer;
            zloom_bytes_t owner;
            bool keyless;
            uint64_t first_id;
            uint32_t n;
            zloom_bytes_t mark;
        } skip;
        struct {
            /* Leases that the consumer holds from before (its router restarted). */
            const zloom_token_t *holding_tokens;
            const zloom_run_t *holding_runs;
            /* The first number that each token's boot can not have handed out; 0: unknown boot. */
            const uint64_t *holding_ends;
            size_t holding_count;
            /* Flows where each subscriber gets all; others refuse what they cannot do. */
            zloom_bytes_t group; /* unset: this consumer alone */
            bool durable;        /* the group outlives its consumers */
            const zloom_bytes_t *patterns;
            size_t pattern_count; /* 0: a group's own, or everything */
            zloom_from_t from;
            int64_t from_value;
            zloom_on_slow_t on_slow;
            int64_t on_slow_value; /* see zloom_on_slow_t; 0: the flow's default */
            zloom_err_t *result;   /* NULL, or told: OK, or why not, with a note */
            bool *leased; /* NULL, or set to what is usual for it: told when that is not so */
        } subscribe;
        struct { /* absolute totals since the consumer subscribed; lower ones take credit back */
            uint64_t messages, bytes, frames;
        } credit;
        struct {
            zloom_token_t token;
            const zloom_settle_run_t *runs;
            size_t count;
            /* From an earlier boot: known to this log, and its end for this flow (0: unknown). */
            bool earlier_boot;
            uint64_t earlier_end;
        } settle;
        struct { /* STARTED, PROGRESS */
            zloom_token_t token;
            const zloom_run_t *runs;
            size_t count;
            int64_t extend_ns; /* PROGRESS: new deadline = now + this; 0: the flow's lease */
        } mark;
        struct {
            zloom_cause_t cause; /* exit, signal, stderr when the supervisor told; else empty */
            bool crashed;        /* false: only vanished (network, no route) */
        } gone;
        uint64_t durable_seq;
        struct {
            uint64_t seq;
            zloom_err_t err; /* OK or DAMAGED: the message is lost, a hole */
        } fetched;
        struct {
            uint64_t first;
            uint32_t n;
            uint8_t reason; /* zloom_settle_reason_t: PURGED or MOVED */
        } take_out;
        struct {
            zloom_bytes_t key;
            bool skip; /* its first message is dead; else it is tried once more */
            /* NULL, or told: OK, NOT_FOUND, AGAIN (nothing was done: bytes come from the disk). */
            zloom_err_t *result;
        } free_key;
        /* A copy (flow_config.h) goes on at `seq`; its router is the one that did not say more. */
        struct {
            uint64_t seq;
            uint64_t born; /* the first number of the router's flow in its present life; 0: known */
            bool missed;   /* they are lost on the way here; else they are for nobody */
            bool restart;  /* ... because the router was started again */
            uint64_t count; /* so many are lost; 0: nobody knows */
        } pass;
        int64_t shift_ns;
    };
} zloom_event_t;

/* ---- what a turn brings --------------------------------------------------------------------- */

/* What the store says of stored messages, from memory only. */
typedef struct {
    uint32_t n;            /* messages from seq on that fit max_n and max_bytes; >= 1 if OK */
    uint64_t bytes;        /* their size as a pack */
    zloom_bytes_t pack;    /* the n messages as a pack; valid until the next peek */
    uint32_t flags;        /* what their sender announced, ZLOOM_FLAG_* */
    zloom_bytes_t history; /* of message seq; unset: none; valid until the next peek */
    zloom_src_t src;       /* of message seq (n = how many more share the run) */
} zloom_peek_t;

typedef struct {
    void *arg;
    /*
     * OK: the first message always counts even if it is over max_bytes, the rest only as they fit;
     * never past the end of the stored pack that holds seq (ask again for more).
     */
    zloom_err_t (*peek) (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes,
                         zloom_peek_t *peek);
} zloom_store_t;

typedef struct {
    zloom_now_t now;
    uint64_t group; /* of the journal: what is recorded now will stand in it */
    zloom_effects_t *effects;
    const zloom_store_t *store;
    zloom_random_t *random;
    bool
      leaving; /* the router is about to end: nothing is leased any more, and nothing held back */
} zloom_turn_t;

/* ---- the pattern ---------------------------------------------------------------------------- */

typedef struct { /* messages that somebody wants to send */
    uint32_t n;
    zloom_bytes_t pack; /* tiling checked; unset: ids are skipped */
    uint32_t flags;
    int64_t wall_ns; /* now */
    bool shared;     /* others are offered before it that were not checked together with it */
} zloom_offer_t;

typedef struct {
    uint32_t records;
    uint64_t bytes;
} zloom_cost_t;

/* A record as recovery replays it (type is a zloom_record_type_t). */
typedef struct {
    uint8_t type;
    uint32_t group; /* durable group that it speaks of; 0: the flow */
    uint64_t seq;
    uint32_t count;
    uint64_t payload_bytes; /* PACK: size of the stored pack */
    zloom_bytes_t head;
} zloom_replay_t;

/* What makes this life of a flow another one than the last. */
typedef struct {
    uint64_t boot;      /* stands in tokens */
    uint64_t first_seq; /* 1 for a new durable flow; counter * 2^40 for a memory flow's boot */
    uint64_t secret[2]; /* keys hashes of what peers choose; told to nobody, used in nothing else */
} zloom_birth_t;

typedef struct {
    const char *name;
    void *(*create) (const zloom_flow_config_t *config, const zloom_birth_t *birth);
    void (*destroy) (void **self_p);
    /* Limits and retry changed in a running topology. */
    void (*configure) (void *self, const zloom_flow_config_t *config);
    zloom_err_t (*restore) (void *self, zloom_bytes_t snapshot);
    zloom_err_t (*replay) (void *self, const zloom_replay_t *record);
    void (*recovered) (void *self, zloom_now_t now);
    void (*snapshot) (const void *self, zloom_buf_t *out);
    /* Whether the flow still needs messages in [from, last]: the first run of them. */
    bool (*next_live) (const void *self, uint64_t from, uint64_t last, zloom_range_t *run);
    /* One past the last sequence number given. */
    uint64_t (*next_seq) (const void *self);

    void (*event) (void *self, const zloom_event_t *event, const zloom_turn_t *turn);
    /* Hand out what credit and durability allow, at most `budget` messages a turn; how many. */
    uint32_t (*dispatch) (void *self, uint32_t budget, const zloom_turn_t *turn);
    /* Earliest time at which a TIMER event is wanted, mono ns. */
    int64_t (*next_deadline) (const void *self);

    /* Whether these may be offered; what storing them takes beside the pack is added to *cost. */
    zloom_err_t (*check_offer) (const void *self, const zloom_offer_t *offer, zloom_cost_t *cost);
    /* Whether a STEP's settlement would be taken; changes nothing. OK, STALE or SETTLED. */
    zloom_err_t (*check_settle) (const void *self, zloom_consumer_id_t consumer,
                                 const zloom_event_t *settle);
    /* Messages and bytes that may still come in before the flow is full (UINT64_MAX: no end). */
    void (*room) (const void *self, uint64_t *messages, uint64_t *bytes);
    /*
     * What WELCOME says of a producer: high id taken and its mark; and the key that its name is of
     * (unset: not known; `owner` may be NULL). False if unknown.
     */
    bool (*producer) (const void *self, zloom_bytes_t name, uint64_t *high, zloom_bytes_t *mark,
                      zloom_bytes_t *owner);
    /* WELCOME's rule: if next > high + 1, high = next - 1 (a journaled HOLE); returns new high. */
    uint64_t (*adopt) (void *self, zloom_bytes_t producer, uint64_t next, const zloom_turn_t *turn);
    /*
     * A bridge's log is not the one that is known: its ids count from `high` on, which may be lower
     * than what was taken, and `mark` is kept. NULL: bridges do not come here.
     */
    void (*rebase) (void *self, zloom_bytes_t producer, uint64_t high, zloom_bytes_t mark,
                    const zloom_turn_t *turn);
    /* Record again, in about so many bytes, what would go with an older group; true: more. */
    bool (*repeat) (void *self, size_t bytes, const zloom_turn_t *turn);
    /* The first unsettled message in [from, ...] that is not leased (browse, requeue, purge). */
    bool (*next_free) (const void *self, uint64_t from, zloom_range_t *run);
    void (*stats) (const void *self, zloom_now_t now, zloom_flow_stats_t *stats);
    /* Keys that do not go on, one a call: *cursor starts at 0; false at the end. */
    bool (*next_key) (const void *self, uint64_t *cursor, zloom_key_row_t *row);
    /* Where a message is; for people, and as slow as its consumers are many. */
    void (*place) (const void *self, uint64_t seq, zloom_whereabouts_t *place);
    /* The deepest lanes, deepest first; returns how many. */
    size_t (*lanes) (const void *self, zloom_lane_row_t *rows, size_t max);
    /*
     * The next three are NULL where each message has one consumer. Subscribers, one a call, named
     * groups first: *cursor starts at 0; false at the end.
     */
    bool (*next_subscriber) (const void *self, uint64_t *cursor, zloom_subscriber_row_t *row);
    /* What became of message seq, one durable group a call; as above. */
    bool (*receipt) (const void *self, uint64_t seq, uint64_t *cursor, zloom_receipt_row_t *row);
    /* By hand: a durable group and what it has not done is forgotten. NOT_FOUND, or EXISTS: it has
     * consumers, or stands in the flow's configuration. */
    zloom_err_t (*drop_group) (void *self, zloom_bytes_t name, const zloom_turn_t *turn);
} zloom_pattern_t;

#endif
