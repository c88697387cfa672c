/* SPDX-License-Identifier: MPL-2.0 */
/*
 * state.h - the queue's inside, shared by its files and by nobody else:
 *
 *   queue.c           making, counting, the pattern's table
 *   queue_offer.c     messages come in
 *   queue_append.c    ... and are stored
 *   queue_enter.c     stored messages take their places; queues of durable groups
 *   queue_places.c    where messages are that nobody holds
 *   queue_place.c     where one message is, for people
 *   queue_dispatch.c  messages are handed out
 *   queue_order.c     flows with a key: which one may be handed out next
 *   queue_recall.c    ... and what is taken back behind one that failed
 *   queue_keys.c      keys that do not go on: shown, and freed by hand
 *   queue_expire.c    delay and expiry
 *   queue_lease.c     consumers, deadlines, crashes
 *   queue_settle.c    verdicts
 *   queue_leave.c     how messages leave, fail, come back and die
 *   missing.c         what a durable group lost, and is told
 *   queue_records.c   what an event leaves in the journal
 *   queue_snapshot.c  the whole state as bytes, and back
 *   queue_recover.c   replay
 */
#ifndef ZLOOM_PATTERNS_QUEUE_STATE_H
#define ZLOOM_PATTERNS_QUEUE_STATE_H

#include "base/tag.h"
#include "patterns/common/ages.h"
#include "patterns/common/backoff.h"
#include "patterns/common/done.h"
#include "patterns/common/exceptions.h"
#include "patterns/common/expiries.h"
#include "patterns/common/history.h"
#include "patterns/common/ids.h"
#include "patterns/common/intake.h"
#include "patterns/common/lanes.h"
#include "patterns/common/leases.h"
#include "patterns/common/ranks.h"
#include "patterns/common/ready.h"
#include "patterns/common/sizes.h"
#include "patterns/common/suspects.h"
#include "patterns/queue/missing.h"
#include "patterns/queue/queue.h"
#include "wire/envelope.h"

#define ZLOOM_QUEUE_TAG 0x5A515565u

/* Ways out of the flow. The first ones are zloom_settle_reason_t; the last is MOVED by hand. */
#define ZLOOM_WAY_REQUEUED 7
#define ZLOOM_WAYS 8

/* The delay of a message that has failed for the last time and stays: until somebody decides. */
#define ZLOOM_QUEUE_STUCK_NS ZLOOM_NEVER
/* Keys that can be parked at a time; more of them are stuck instead. */
#define ZLOOM_QUEUE_PARKED_MAX 100000u

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

/* A key's message that failed or came back: what is out behind it comes back, too. */
typedef struct {
    zloom_slot_t slot;
    uint64_t seq;
} zloom_queue_recall_t;

/* What a consumer loses in this event; it is told when that is over. */
typedef struct {
    zloom_consumer_id_t consumer;
    zloom_token_t token;
    zloom_run_t run;
} zloom_queue_lost_t;

/* A run that leaves in this event. */
typedef struct {
    uint64_t first;
    uint64_t n;
    uint8_t way;
} zloom_queue_leaving_t;

typedef struct {
    uint32_t tag;
    zloom_flow_config_t config; /* strings are own copies */
    uint32_t group;             /* 0: a flow of its own; else the durable group that it serves */
    uint64_t boot;
    uint64_t secret[2];
    uint64_t next_seq;
    uint64_t durable_seq;
    uint64_t boot_seq; /* next_seq when this boot began */
    uint64_t next_token;
    bool paused;
    bool draining;

    /* Where the messages are. */
    zloom_done_t done;
    zloom_ready_t ready[ZLOOM_RANKS]; /* by priority */
    zloom_ranks_t ranks;
    zloom_suspects_t suspects;
    zloom_leases_t *leases;
    zloom_numbers_t waiting;  /* each has an exception with an armed timer */
    zloom_numbers_t stuck;    /* the part of `waiting` that waits for a hand */
    zloom_numbers_t moving;   /* to the dead letters, or to nowhere when damaged */
    zloom_numbers_t damaged;  /* the parts of `moving` that are lost, */
    zloom_numbers_t overflow; /* ... dropped as oldest, */
    zloom_numbers_t expired;
    zloom_numbers_t followers; /* ... of keys that are parked */
    bool moving_blocked;       /* waits for bytes from the disk */
    zloom_numbers_t unseen;    /* during recovery: numbers given, but not replayed yet */

    /* Order by key. */
    zloom_lanes_t *lanes;  /* NULL: the flow has no key */
    uint64_t frontier;     /* messages below stand in the lanes */
    uint64_t held_to;      /* earlier numbers wait for who holds some from before a restart */
    uint32_t swept;        /* entries that this dispatch got out of the way */
    bool scan_more;        /* there was more to look at than one go may */
    int64_t hold_until_ns; /* nothing is handed out before: who held it comes back first */
    zloom_map_t *parked;   /* keys whose messages follow a dead one, to the last that did, + 1 */

    /* Time, and ids. */
    zloom_expiries_t expiries;
    int64_t expiry_at_ns; /* mono: when to look */
    bool walk_blocked;    /* waits for bytes from the disk */
    zloom_ids_t ids;

    zloom_exceptions_t *exceptions;
    zloom_sizes_t sizes;
    zloom_ages_t ages;
    zloom_intake_t intake;

    zloom_idmap_t *consumers;
    zloom_queue_consumer_t **ring; /* for fair dispatch, in order of subscription */
    size_t ring_count;
    size_t ring_capacity;
    size_t ring_at;

    zloom_numbers_t left_dead;    /* of a group: how messages left that are still kept, */
    zloom_numbers_t left_dropped; /* ... if not acked */
    zloom_missing_t missing;

    /* Counters; `left` by way. */
    uint64_t left[ZLOOM_WAYS];
    uint64_t appended, acquired, failures, released, lease_ends, stale;

    /* What the current event gathers; empty between events. */
    zloom_queue_leaving_t *leaving;
    size_t leaving_count, leaving_capacity;
    zloom_run_t *touched; /* whose failures changed */
    size_t touched_count, touched_capacity;
    zloom_queue_recall_t *recalls;
    size_t recall_count, recall_capacity;
    zloom_idmap_t *lowest_of; /* the lowest of them by slot, + 1; NULL: there were never any */
    uint64_t lowest;          /* ... of all */
    zloom_queue_lost_t *lost;
    size_t lost_count;
    size_t lost_capacity;
    uint64_t *gathered; /* that lanes let go, for one hand-out */
    size_t gathered_count;
    size_t gathered_capacity;
    uint64_t *members;       /* that killed */
    zloom_numbers_t killers; /* ... the same, to be found */
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
/* A RECORD effect with self->buf as its head. */
void zloom_queue_record (zloom_queue_t *self, uint8_t type, uint64_t seq, uint64_t count,
                         const zloom_turn_t *turn);

/* ---- queue_places.c ------------------------------------------------------------------------- */

/* As zloom_ready_t's, over all priorities. */
void zloom_queue_add_ready (zloom_queue_t *self, zloom_ready_kind_t kind, uint64_t first,
                            uint64_t last);
uint64_t zloom_queue_remove_ready (zloom_queue_t *self, uint64_t first, uint64_t last);
bool zloom_queue_is_ready (const zloom_queue_t *self, uint64_t seq);
bool zloom_queue_find_ready (const zloom_queue_t *self, uint64_t from, uint64_t last,
                             bool failed_only, zloom_range_t *run, zloom_ready_kind_t *kind);
uint64_t zloom_queue_ready_total (const zloom_queue_t *self);
/* The run that goes next in a flow without key: of the highest priority, age counted. */
bool zloom_queue_next (const zloom_queue_t *self, bool failed_only, zloom_now_t now,
                       zloom_range_t *run, zloom_ready_kind_t *kind);
/* The first run in [from, last] of messages that are neither settled, leased nor moving. */
bool zloom_queue_free_run (const zloom_queue_t *self, uint64_t from, uint64_t last,
                           zloom_range_t *run);
/* Take such a run out of its places: it must leave, or be leased. */
void zloom_queue_pull (zloom_queue_t *self, const zloom_range_t *run);
/* Send such a run on its way out, for the reason that `why` stands for. */
void zloom_queue_doom (zloom_queue_t *self, uint64_t first, uint64_t last, zloom_numbers_t *why);

/* ---- queue_order.c -------------------------------------------------------------------------- */

/* The config has been read: the flow has a key, or not, and lanes have their weights. */
void zloom_queue_order_configure (zloom_queue_t *self);
/* Take up to `most` messages that may be handed out now into self->gathered, rising. */
size_t zloom_queue_gather (zloom_queue_t *self, uint32_t most, bool failed_only,
                           const zloom_turn_t *turn);
/* Tell the lanes what became of messages; all do nothing in a flow without key. */
void zloom_queue_order_gone (zloom_queue_t *self, uint64_t first, uint64_t last);
void zloom_queue_order_due (zloom_queue_t *self, uint64_t seq);
/* Whether nothing of its lane stands before it; true in a flow without key. */
bool zloom_queue_order_first (const zloom_queue_t *self, uint64_t seq);
/* A late ack was taken for it: it was the first of its lane. */
void zloom_queue_order_late (zloom_queue_t *self, uint64_t seq);
/* Look at messages that the lanes do not know yet, as far as there is need. */
void zloom_queue_order_look (zloom_queue_t *self, const zloom_turn_t *turn);
/* It dies: what comes later of its key may have to follow. */
void zloom_queue_order_dead (zloom_queue_t *self, uint64_t seq, const zloom_turn_t *turn);

/* ---- queue_recall.c ------------------------------------------------------------------------- */

/* They came back unharmed, or failed; all three do nothing in a flow without key. */
void zloom_queue_order_back (zloom_queue_t *self, uint64_t first, uint64_t last);
void zloom_queue_order_failed (zloom_queue_t *self, uint64_t seq);
/* A suspect goes back to the others: its place in its lane stays, what is behind it is recalled. */
void zloom_queue_order_recall (zloom_queue_t *self, uint64_t first, uint64_t last);
/* Whether an earlier message of its key failed in this event: its verdict comes too late. */
bool zloom_queue_barred (const zloom_queue_t *self, uint64_t seq);
/* The event is over: take from their holders what must come again behind another. */
void zloom_queue_order_flush (zloom_queue_t *self, const zloom_turn_t *turn);

/* ---- queue_keys.c --------------------------------------------------------------------------- */

/* Whether a message that has failed for the last time stays all the same: its key is stuck. */
bool zloom_queue_stays (const zloom_queue_t *self);
/* The config has been read, maybe another one: keys that wait for a hand by its word only. */
void zloom_queue_keys_configure (zloom_queue_t *self);
/* The key of message seq if its bytes are in memory; borrowed until the next peek. */
zloom_err_t zloom_queue_key_of (const zloom_store_t *store, uint64_t seq, zloom_bytes_t *key);
void zloom_queue_park_key (zloom_queue_t *self, zloom_bytes_t key, bool parked);
void zloom_queue_free_key (zloom_queue_t *self, const zloom_event_t *event,
                           const zloom_turn_t *turn);
bool zloom_queue_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row);
size_t zloom_queue_lanes (const void *self, zloom_lane_row_t *rows, size_t max);

/* ---- queue_expire.c ------------------------------------------------------------------------- */

/* The head of a stored message; what cannot be read has nothing set. */
zloom_envelope_t zloom_queue_head (zloom_bytes_t bytes);
/* When a message expires, wall ns; ZLOOM_NEVER if it does not. `past`: it has a history. */
int64_t zloom_queue_expiry (const zloom_queue_t *self, const zloom_envelope_t *head, uint32_t flags,
                            int64_t base_ns, bool past);
/* Whether messages with these flags can expire at all. */
bool zloom_queue_may_expire (const zloom_queue_t *self, uint32_t flags);
/* How long a message must wait yet. */
int64_t zloom_queue_delay (const zloom_envelope_t *head, int64_t base_ns, int64_t wall_ns);
/* A message that just came in waits so long. */
void zloom_queue_delay_message (zloom_queue_t *self, uint64_t seq, int64_t delay_ns,
                                const zloom_turn_t *turn);
/* How many of the peeked messages have not expired before the first that has. */
uint32_t zloom_queue_alive (const zloom_queue_t *self, const zloom_peek_t *peek, int64_t wall_ns);
/* When to look for expired ones, from what is known now. */
void zloom_queue_plan_expiry (zloom_queue_t *self, zloom_now_t now);
/* Look for them, a part at a time. */
void zloom_queue_expire (zloom_queue_t *self, const zloom_turn_t *turn);

/* ---- queue_offer.c -------------------------------------------------------------------------- */

void zloom_queue_rebase (void *self, zloom_bytes_t producer, uint64_t high, zloom_bytes_t mark,
                         const zloom_turn_t *turn);
zloom_err_t zloom_queue_check_offer (const void *self, const zloom_offer_t *offer,
                                     zloom_cost_t *cost);
void zloom_queue_offer (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
/* What it takes to record the oldest ones that the offer drives out; 0: none has to go. */
uint64_t zloom_queue_drop_bytes (const zloom_queue_t *self, const zloom_offer_t *offer);

/* ---- queue_append.c ------------------------------------------------------------------------- */

/* Store messages from the `trimmed`-th of an OFFER on, which are `pack`; false when some were left
 * out because their ids are known. */
bool zloom_queue_append (zloom_queue_t *self, const zloom_event_t *event, uint32_t trimmed,
                         zloom_bytes_t pack, const zloom_turn_t *turn);

/* ---- queue_enter.c ------------------------------------------------------------------------- */

/* Messages of an APPEND effect take their places; these of them (NULL: all). */
void zloom_queue_enter (void *self, const zloom_effect_t *append, const zloom_part_run_t *runs,
                        size_t run_count, const zloom_turn_t *turn);

/* ---- queue_dispatch.c ----------------------------------------------------------------------- */

uint32_t zloom_queue_dispatch (void *self, uint32_t budget, const zloom_turn_t *turn);
/* Messages that the consumer may be handed now. */
uint64_t zloom_queue_consumer_credit (const zloom_queue_consumer_t *consumer);

/* ---- queue_place.c -------------------------------------------------------------------------- */

/* The pattern's place (). */
void zloom_queue_place (const void *self, uint64_t seq, zloom_whereabouts_t *place);

/* ---- queue_lease.c -------------------------------------------------------------------------- */

zloom_queue_consumer_t *zloom_queue_consumer (const zloom_queue_t *self, zloom_consumer_id_t id);
void zloom_queue_subscribe (zloom_queue_t *self, const zloom_event_t *event,
                            const zloom_turn_t *turn);
void zloom_queue_credit (zloom_queue_t *self, const zloom_event_t *event);
void zloom_queue_mark (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
void zloom_queue_leave_consumer (zloom_queue_t *self, const zloom_event_t *event,
                                 const zloom_turn_t *turn);
/* Messages [seq, seq + n) are not a consumer's own any more: gathered, then told, if there are. */
void zloom_queue_add_stale (zloom_queue_t *self, uint64_t seq, uint32_t n);
void zloom_queue_tell_stale (zloom_queue_t *self, zloom_consumer_id_t consumer, zloom_token_t token,
                             const zloom_turn_t *turn);
void zloom_queue_lost (zloom_queue_t *self, zloom_queue_lost_t lost); /* at the event's end */
/* End leases whose deadline has come, as many as an event may. */
void zloom_queue_end_leases (zloom_queue_t *self, const zloom_turn_t *turn);
/* The lease with this token if this consumer holds it. */
zloom_lease_t *zloom_queue_lease (const zloom_queue_t *self, zloom_consumer_id_t consumer,
                                  zloom_token_t token);
/*
 * The lease that message seq is in, and its part there; NULL when nobody holds it. Leases are found
 * by token, and a hand-out may be any: all of them are looked at.
 */
zloom_lease_t *zloom_queue_find_holder (const zloom_queue_t *self, uint64_t seq,
                                        zloom_lease_part_t *part);
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
/* ... and whom a durable group was to give them is told; and this part of it alone. */
void zloom_queue_lose (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way);
void zloom_queue_miss (zloom_queue_t *self, uint8_t way, uint64_t first, uint64_t last);
/* They left by `way`, or did so before the restart: only counted. */
void zloom_queue_count_left (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way);
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
/* The message, which failed or was delayed, dies. */
void zloom_queue_die (zloom_queue_t *self, zloom_exception_t *entry);
/* What is known of the failures of these messages has changed: it is journaled by flush. */
void zloom_queue_touch (zloom_queue_t *self, const zloom_run_t *run);
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
/* A key is parked, or not any more. */
void zloom_queue_record_key (zloom_queue_t *self, zloom_bytes_t key, bool parked,
                             const zloom_turn_t *turn);
/* Ids that came with messages. */
void zloom_queue_record_ids (zloom_queue_t *self, const zloom_id_hash_t *hashes, size_t count,
                             const zloom_turn_t *turn);
/* Emit the records of the event, then what may be forgotten. */
void zloom_queue_flush (zloom_queue_t *self, const zloom_turn_t *turn);

/* ---- queue_snapshot.c ----------------------------------------------------------------------- */

void zloom_queue_snapshot (const void *self, zloom_buf_t *out);
zloom_err_t zloom_queue_restore (void *self, zloom_bytes_t snapshot);
/* Ids that are remembered beyond this were not asked for. */
size_t zloom_queue_ids_max (const zloom_queue_t *self);

/* ---- queue_recover.c ------------------------------------------------------------------------ */

/* Beyond this no number from a disk is believed, and no more can be unsettled. */
#define ZLOOM_QUEUE_SEQ_MAX (UINT64_C (1) << 62)
#define ZLOOM_QUEUE_UNSETTLED_MAX (UINT64_C (1) << 33)

/* Take the entries of a STATE record, or a snapshot's, in. */
void zloom_queue_read_states (zloom_queue_t *self, zloom_cursor_t *cursor);
zloom_err_t zloom_queue_replay (void *self, const zloom_replay_t *record);
void zloom_queue_recovered (void *self, zloom_now_t now);

#endif
