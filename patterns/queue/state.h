/* SPDX-License-Identifier: MPL-2.0 */
/*
 * state.h - the queue's inside, shared by its files and by nobody else:
 *
 *   queue.c           making, counting, the pattern's table
 *   queue_offer.c     messages come in
 *   queue_dispatch.c  messages are handed out
 *   queue_lease.c     consumers, deadlines, crashes
 *   queue_settle.c    verdicts
 *   queue_leave.c     how messages leave, fail, come back and die
 *   queue_records.c   what an event leaves in the journal
 *   queue_recover.c   snapshot, restore, replay
 */
#ifndef ZLOOM_PATTERNS_QUEUE_STATE_H
#define ZLOOM_PATTERNS_QUEUE_STATE_H

#include "base/tag.h"
#include "patterns/common/ages.h"
#include "patterns/common/backoff.h"
#include "patterns/common/done.h"
#include "patterns/common/exceptions.h"
#include "patterns/common/history.h"
#include "patterns/common/leases.h"
#include "patterns/common/producers.h"
#include "patterns/common/ready.h"
#include "patterns/common/sizes.h"
#include "patterns/common/suspects.h"
#include "patterns/queue/queue.h"

#define ZLOOM_QUEUE_TAG 0x5A515565u

/* Ways out of the flow. The first ones are zloom_settle_reason_t; the last is MOVED by hand. */
#define ZLOOM_WAY_REQUEUED 7
#define ZLOOM_WAYS 8

/* How often it is looked for producers that may be forgotten. */
#define ZLOOM_QUEUE_AGE_NS (300 * ZLOOM_NS_PER_S)

typedef struct {
    zloom_consumer_id_t id;
    zloom_holder_t holder;
    uint64_t credit_messages; /* granted and handed out since it subscribed */
    uint64_t credit_bytes;
    uint64_t credit_frames;
    uint64_t used_messages;
    uint64_t used_bytes;
    uint64_t used_frames;
    uint32_t suspects; /* suspect leases: nothing more until they are settled */
} zloom_queue_consumer_t;

/* A run that leaves in this event. */
typedef struct {
    uint64_t first;
    uint64_t n;
    uint8_t way;
} zloom_queue_leaving_t;

typedef struct {
    uint32_t tag;
    zloom_flow_config_t config; /* strings are own copies */
    char *anonymous;            /* source of what unnamed producers send: "~flow" */
    uint64_t boot;
    uint64_t next_seq;
    uint64_t durable_seq;
    uint64_t boot_seq; /* next_seq when this boot began */
    uint64_t next_token;
    bool paused;
    bool draining;

    /* Where the messages are. */
    zloom_done_t done;
    zloom_ready_t ready;
    zloom_suspects_t suspects;
    zloom_leases_t *leases;
    zloom_numbers_t waiting;  /* each has an exception with an armed timer */
    zloom_numbers_t moving;   /* to the dead letters, or to nowhere when damaged */
    zloom_numbers_t damaged;  /* the part of `moving` that is lost */
    zloom_numbers_t overflow; /* the part of `moving` that was dropped as oldest */
    bool moving_blocked;      /* waits for bytes from the disk */
    zloom_numbers_t unseen;   /* during recovery: numbers given, but not replayed yet */

    zloom_exceptions_t *exceptions;
    zloom_sizes_t sizes;
    zloom_ages_t ages;
    zloom_producers_t *producers;
    int64_t age_at_ns; /* when to look for producers to forget; ZLOOM_NEVER: there are none */

    zloom_idmap_t *consumers;
    zloom_queue_consumer_t **ring; /* for fair dispatch, in order of subscription */
    size_t ring_count;
    size_t ring_capacity;
    size_t ring_at;

    /* Counters; `left` by way. */
    uint64_t left[ZLOOM_WAYS];
    uint64_t appended, acquired, failures, released, lease_ends, stale, duplicates, refused;

    /* What the current event gathers; empty between events. */
    zloom_queue_leaving_t *leaving;
    size_t leaving_count;
    size_t leaving_capacity;
    zloom_run_t *touched; /* whose failures changed */
    size_t touched_count;
    size_t touched_capacity;
    uint64_t *members; /* that killed */
    size_t member_count;
    size_t member_capacity;

    /* Scratch. */
    zloom_buf_t buf;
    zloom_buf_t states;
    zloom_run_t *runs;
    size_t run_count;
    size_t run_capacity;
    zloom_fact_t *facts;
    size_t fact_count;
    size_t fact_capacity;
    zloom_settled_run_t *results;
    size_t result_count;
    size_t result_capacity;
} zloom_queue_t;

static inline zloom_queue_t *
zloom_queue_of (void *self)
{
    zloom_queue_t *queue = self;
    ZLOOM_CHECK (queue, ZLOOM_QUEUE_TAG);
    return queue;
}

static inline const zloom_queue_t *
zloom_queue_of_const (const void *self)
{
    const zloom_queue_t *queue = self;
    ZLOOM_CHECK (queue, ZLOOM_QUEUE_TAG);
    return queue;
}

/* ---- queue.c -------------------------------------------------------------------------------- */

/* Messages that are not settled, and those of them that count against the limit. */
uint64_t zloom_queue_unsettled (const zloom_queue_t *self);
uint64_t zloom_queue_used_messages (const zloom_queue_t *self);
uint64_t zloom_queue_used_bytes (const zloom_queue_t *self);
/* The first run in [from, last] of messages that are neither settled, leased nor moving. */
bool zloom_queue_free_run (const zloom_queue_t *self, uint64_t from, uint64_t last,
                           zloom_range_t *run);
/* Take such a run out of its places: it must leave, or be leased. */
void zloom_queue_pull (zloom_queue_t *self, const zloom_range_t *run);
/* A RECORD effect with self->buf as its head. */
void zloom_queue_record (zloom_queue_t *self, uint8_t type, uint64_t seq, uint64_t count,
                         const zloom_turn_t *turn);

/* ---- queue_offer.c -------------------------------------------------------------------------- */

void zloom_queue_offer (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
void zloom_queue_skip (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
uint64_t zloom_queue_adopt (void *self, zloom_bytes_t name, uint64_t next,
                            const zloom_turn_t *turn);

/* ---- queue_dispatch.c ----------------------------------------------------------------------- */

uint32_t zloom_queue_dispatch (void *self, uint32_t budget, const zloom_turn_t *turn);

/* ---- queue_lease.c -------------------------------------------------------------------------- */

zloom_queue_consumer_t *zloom_queue_consumer (const zloom_queue_t *self, zloom_consumer_id_t id);
void zloom_queue_subscribe (zloom_queue_t *self, const zloom_event_t *event,
                            const zloom_turn_t *turn);
void zloom_queue_credit (zloom_queue_t *self, const zloom_event_t *event);
void zloom_queue_mark (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
void zloom_queue_leave_consumer (zloom_queue_t *self, const zloom_event_t *event,
                                 const zloom_turn_t *turn);
/* End leases whose deadline has come, as many as an event may. */
void zloom_queue_end_leases (zloom_queue_t *self, const zloom_turn_t *turn);
/* The lease with this token if this consumer holds it. */
zloom_lease_t *zloom_queue_lease (const zloom_queue_t *self, zloom_consumer_id_t consumer,
                                  zloom_token_t token);
/* Take the first messages within [first, last] out of the lease; as zloom_leases_take. */
bool zloom_queue_take (zloom_queue_t *self, zloom_lease_t **lease_p, uint64_t first, uint64_t last,
                       zloom_lease_part_t *part);

/* ---- queue_settle.c ------------------------------------------------------------------------- */

/* What a token's holder may do with the first messages of [first, last]. */
typedef enum {
    ZLOOM_PIECE_HELD,    /* its own lease */
    ZLOOM_PIECE_FREE,    /* nobody's, and an ack from an earlier boot is taken */
    ZLOOM_PIECE_SETTLED, /* settled already */
    ZLOOM_PIECE_STALE,   /* somebody else's, or out of its reach */
} zloom_piece_kind_t;

typedef struct {
    zloom_piece_kind_t kind;
    uint64_t first;
    uint64_t last;
} zloom_piece_t;

zloom_piece_t zloom_queue_piece (const zloom_queue_t *self, const zloom_lease_t *lease,
                                 const zloom_event_t *settle, bool ack, uint64_t first,
                                 uint64_t last);
void zloom_queue_settle (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
zloom_err_t zloom_queue_check_settle (const void *self, zloom_consumer_id_t consumer,
                                      const zloom_event_t *settle);

/* ---- queue_leave.c -------------------------------------------------------------------------- */

/* [first, last], in no place any more, leave by `way`: counted now, recorded by flush. */
void zloom_queue_leave (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way);
/* A part of a lease becomes ready again at no charge; of a suspect one, suspect again. */
void zloom_queue_release (zloom_queue_t *self, const zloom_lease_part_t *part, bool suspect);
/* [first, last], in no place any more, become ready with what is known of them. */
void zloom_queue_ready (zloom_queue_t *self, uint64_t first, uint64_t last);
/*
 * [first, last], in no place any more, failed: one failure each, then ready after the delay, or
 * dead when it was the last allowed one or `reject` is set. delay_ms as in a verdict.
 */
void zloom_queue_fail (zloom_queue_t *self, const zloom_run_t *run, const zloom_cause_t *cause,
                       int64_t delay_ms, bool reject, const zloom_turn_t *turn);
/* Messages that killed: collected, and judged by how many they are when the event is over. */
void zloom_queue_killed (zloom_queue_t *self, const zloom_lease_part_t *part);
void zloom_queue_judge (zloom_queue_t *self, const zloom_cause_t *cause, const zloom_turn_t *turn);
/* Carry out moves, as many as an event may; `any_size`: one, however large, if it is the first. */
void zloom_queue_move (zloom_queue_t *self, const zloom_turn_t *turn, bool any_size);
bool zloom_queue_can_move (const zloom_queue_t *self);

/* ---- queue_records.c ------------------------------------------------------------------------ */

/*
 * Append the exceptions in [first, last] as entries of a STATE record, neighbours that are alike as
 * one; returns how many. `bounded`: shorten histories so that an event's record has its limit.
 */
uint32_t zloom_queue_encode_states (const zloom_queue_t *self, uint64_t first, uint64_t last,
                                    bool bounded, zloom_buf_t *out);
/* Emit the records of the event, then what may be forgotten. */
void zloom_queue_flush (zloom_queue_t *self, const zloom_turn_t *turn);

/* ---- queue_recover.c ------------------------------------------------------------------------ */

zloom_err_t zloom_queue_restore (void *self, zloom_bytes_t snapshot);
zloom_err_t zloom_queue_replay (void *self, const zloom_replay_t *record);
void zloom_queue_recovered (void *self, zloom_now_t now);
void zloom_queue_snapshot (const void *self, zloom_buf_t *out);

#endif
