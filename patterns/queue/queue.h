/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue.h - one consumer a message, nothing lost: the pattern "queue" for the engine.
 *
 * Every message that is not settled is in exactly one place: ready, suspect (ready, but alone),
 * leased, waiting for its retry time, or moving to the dead letters. The places are sets of
 * sequence numbers, so plain traffic costs by the run and memory follows holes and exceptions.
 *
 * What the engine should know
 *   - Beside the pack of an OFFER, an event stages at most ZLOOM_QUEUE_EVENT_BYTES of records,
 *     histories and dead letters together; a TIMER or FETCHED event one dead letter of any size
 *     instead. What is more to do waits as `moving` for TIMER events: next_deadline () is then 0.
 *   - DELIVER holds at most ZLOOM_QUEUE_LEASE_MESSAGES messages and ZLOOM_QUEUE_LEASE_BYTES bytes,
 *     or one message. A consumer that holds nothing gets one message even if it is larger than its
 *     credit in bytes (else it would wait for ever); its credit is used up by that.
 *   - A message whose bytes are damaged counts as lost, by itself, at the next TIMER event.
 *
 * What happens to leases
 *   cause                                 started messages             others
 *   UNSUBSCRIBE (good order)              back, no charge              back, no charge
 *   GONE, only vanished (network)         back, no charge              back, no charge
 *   GONE, crashed; one started in all     +1 failure, reason crash     back, no charge
 *   GONE, crashed; several started        suspect: alone, in halves    back, no charge
 *   the lease's deadline                  +1 failure                   back, no charge
 *   verdict crash of one message          +1 failure, reason crash     the same
 *   verdict crash of several in a SETTLE  suspect: alone, in halves    the same
 *   restart of the router                 back, no charge              back, no charge
 *
 * A suspect run goes to a consumer that holds nothing else, and that one gets nothing more until it
 * is settled. Whoever vanishes by the network is not known to have failed, so it costs nothing; a
 * supervisor that saw the process die says crashed.
 */
#ifndef ZLOOM_PATTERNS_QUEUE_QUEUE_H
#define ZLOOM_PATTERNS_QUEUE_QUEUE_H

#include "patterns/common/pack_head.h"
#include "patterns/common/pattern.h"

#define ZLOOM_QUEUE_LEASE_MESSAGES 4096u
#define ZLOOM_QUEUE_LEASE_BYTES (1024u * 1024)
/* Dead letters of one event: so many, with so many bytes together (TIMER, FETCHED: or one). */
#define ZLOOM_QUEUE_EVENT_MOVES 8u
#define ZLOOM_QUEUE_EVENT_MOVE_BYTES (64u * 1024)
#define ZLOOM_QUEUE_EVENT_BYTES (3u * 1024 * 1024)

extern const zloom_pattern_t zloom_queue_pattern;

/*
 * Whether the books balance: every message that was ever taken in is settled for one reason or in
 * exactly one place. For tests and checkers; `self` is the pattern's object. The queue asserts the
 * same sums after every event.
 */
bool zloom_queue_check (const void *self);

/* ---- a queue that serves a durable group ------------------------------------------------------
 *
 * A group of a flow where each gets all has leases, retries and dead letters of its own: it is a
 * queue over the flow's log. It is fed by enter_group and by the events that concern consumers,
 * time and stored bytes; OFFER, SKIP and limits are the flow's. Its records carry the group's
 * number, and it appends and forgets nothing: that is the flow's, too.
 */
void *zloom_queue_create_group (const zloom_flow_config_t *config, const zloom_birth_t *birth,
                                uint32_t group);
/* What the pack of an APPEND effect says of itself: sets its expires_ns and ranks. */
void zloom_queue_describe (const void *self, zloom_effect_t *append, const zloom_turn_t *turn);
/* The pack, which begins at the queue's next_seq, has come in; NULL: all of it is wanted. */
void zloom_queue_enter_group (void *self, const zloom_effect_t *append,
                              const zloom_part_run_t *runs, size_t run_count,
                              const zloom_turn_t *turn);
/* As the pattern's replay, of a PACK. */
zloom_err_t zloom_queue_replay_group (void *self, const zloom_replay_t *record,
                                      const zloom_pack_head_t *head, const zloom_part_run_t *runs,
                                      size_t run_count);
/*
 * The `count` oldest that nobody holds leave, dropped, or fewer that are *runs_left runs, which are
 * taken off. A consumer is told (missing.h).
 */
void zloom_queue_drop (void *self, uint64_t count, uint32_t *runs_left, const zloom_turn_t *turn);
/* How many gaps its consumers were told of. */
uint64_t zloom_queue_gaps_told (const void *self);
/* Messages that are not settled. */
uint64_t zloom_queue_backlog (const void *self);
/* Everything below is settled or was not wanted. */
uint64_t zloom_queue_floor (const void *self);
/* How a message left that was wanted: ACKED, MOVED or (for other reasons, too) DROPPED. */
zloom_settle_reason_t zloom_queue_why_left (const void *self, uint64_t seq);
void zloom_queue_forget_why (void *self, uint64_t below);

#endif
