/* SPDX-License-Identifier: MPL-2.0 */
/*
 * effects.h - what a pattern decided, as a list that the engine carries out in order, and the
 * memory that its entries borrow. pattern.h has the contract.
 */
#ifndef ZLOOM_PATTERNS_COMMON_EFFECTS_H
#define ZLOOM_PATTERNS_COMMON_EFFECTS_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/ranges.h"
#include "wire/types.h"

/* A consumption (session and handle) or a sending session; numbers given by the engine, never 0. */
typedef uint64_t zloom_consumer_id_t;
typedef uint64_t zloom_session_id_t;

/* What is known of one message from a former life (dead letter, requeue); wire form: history.h. */
typedef struct {
    zloom_bytes_t history; /* msgpack, see common/history.h; unset: none */
} zloom_past_t;

/* n messages in a row that have one priority. */
typedef struct {
    uint32_t n;
    uint8_t rank;
} zloom_rank_run_t;

/* Messages [first, first + n) of a pack, counted from 0. */
typedef struct {
    uint32_t first;
    uint32_t n;
} zloom_part_run_t;

/* What a durable group wants of a pack, rising; no runs: nothing. */
typedef struct {
    uint32_t group;
    const zloom_part_run_t *runs;
    size_t run_count;
} zloom_match_t;

/* Why a message left a flow; on disk in SETTLE records: numbers are never reused. */
typedef enum {
    ZLOOM_REASON_ACKED = 1,
    ZLOOM_REASON_EXPIRED = 2,
    ZLOOM_REASON_PURGED = 3,
    ZLOOM_REASON_DROPPED = 4,
    ZLOOM_REASON_MOVED = 5, /* dead letter or requeue */
    ZLOOM_REASON_LOST = 6,  /* a hole: the disk damaged it */
} zloom_settle_reason_t;

typedef enum {
    ZLOOM_EFFECT_APPEND,  /* store messages [seq, seq + n): PACK record, tail cache */
    ZLOOM_EFFECT_RECORD,  /* journal a record of this flow (SETTLE, STATE, PRODUCER, DEAD, ...) */
    ZLOOM_EFFECT_CONFIRM, /* to session: ids <= id are taken; waits for the group */
    ZLOOM_EFFECT_REFUSE,  /* to session: ids >= id refused, with err; at once */
    ZLOOM_EFFECT_DELIVER, /* to consumer: runs under a new token; at once */
    ZLOOM_EFFECT_SETTLED, /* to consumer: results; waits for the group */
    ZLOOM_EFFECT_STALE,   /* to consumer: these are not yours any more; at once */
    ZLOOM_EFFECT_DEAD,    /* copy message seq to the dead-letter flow in this group */
    ZLOOM_EFFECT_FORGET,  /* [first, last] are needed no more: bytes may go */
    ZLOOM_EFFECT_GAP, /* to consumer: these will not come; in its place among DELIVERs; at once */
    ZLOOM_EFFECT_END, /* to consumer: its subscription is over, with err; at once */
} zloom_effect_type_t;

typedef struct {
    zloom_effect_type_t type;
    union {
        struct {
            uint64_t seq;
            uint32_t n;
            zloom_bytes_t pack; /* within the event's blob */
            uint32_t flags;
            const zloom_src_t *src; /* already cut to these n messages */
            size_t src_count;
            const zloom_past_t *past; /* NULL or one per message */
            bool own; /* src is the named producer that sent it: its `high` follows on replay */
            int64_t expires_ns;            /* wall: none expires sooner; ZLOOM_NEVER: none does */
            const zloom_rank_run_t *ranks; /* NULL: all have the usual one */
            size_t rank_count;
            /* Which of them durable groups want; a group that is not named wants all. */
            const zloom_match_t *matches;
            size_t match_count;
            int64_t
              arrived_ns; /* wall: where its senders' clocks say something else; 0: they do not */
        } append;         /* the record's head: zloom_pack_head_encode */
        struct {
            uint8_t type;   /* zloom_record_type_t */
            uint32_t group; /* durable group that it speaks of; 0: the flow */
            uint64_t seq;
            uint32_t count;
            zloom_bytes_t head;
        } record;
        struct {
            zloom_session_id_t session;
            uint64_t id;
            zloom_err_t err; /* REFUSE */
        } answer;            /* CONFIRM, REFUSE */
        struct {
            zloom_consumer_id_t consumer;
            zloom_token_t token; /* number 0: no lease, nothing is settled */
            const zloom_run_t *runs;
            size_t run_count;
            const zloom_fact_t *facts;
            size_t fact_count;
        } deliver; /* DELIVER; STALE uses token and runs */
        struct {
            zloom_consumer_id_t consumer;
            zloom_token_t token;
            const zloom_settled_run_t *runs;
            size_t count;
        } settled;
        struct {
            uint64_t seq;
            zloom_bytes_t history; /* folded, to travel with the message */
        } dead;
        zloom_range_t forget;
        struct {
            zloom_consumer_id_t consumer;
            uint64_t from; /* of these numbers, */
            uint64_t to;
            uint64_t count; /* ... so many were meant for it and will not come; 0: nobody knows */
            const char *reason; /* a word; static */
        } gap;
        struct {
            zloom_consumer_id_t consumer;
            zloom_err_t err;
        } end;
    };
} zloom_effect_t;

/* A growing list of effects and the memory that they borrow; cleared by the engine after use. */
typedef struct zloom_effects zloom_effects_t;

zloom_effects_t *zloom_effects_new (void);
void zloom_effects_destroy (zloom_effects_t **self_p);
/* A zeroed effect of this type at the end of the list; the pointer holds until the next add. */
zloom_effect_t *zloom_effects_add (zloom_effects_t *self, zloom_effect_type_t type);
size_t zloom_effects_count (const zloom_effects_t *self);
const zloom_effect_t *zloom_effects_at (const zloom_effects_t *self, size_t index);
/* Memory that stays where it is until clear: for runs, facts, heads. Aligned for any type. */
void *zloom_effects_memory (zloom_effects_t *self, size_t size);
/* A copy of bytes in that memory. */
zloom_bytes_t zloom_effects_copy (zloom_effects_t *self, zloom_bytes_t bytes);
void zloom_effects_clear (zloom_effects_t *self);

#endif
