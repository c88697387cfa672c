/* SPDX-License-Identifier: MPL-2.0 */
/*
 * client_core.h - a peer's half of the protocol as a state machine: frames in, frames out, the time
 * as a value. No socket, clock or thread: client.c gives it a DEALER, the simulator its network.
 *
 * The carrier's duty
 *     1 a road (a socket) is there     zloom_client_core_connected (core, now)
 *     2 a frame came                   zloom_client_core_frame (core, verb, pack, now)
 *     3 once a loop                    deadline = zloom_client_core_tick (core, now)
 *     4 while it can send              zloom_client_core_peek (core, &out), then _pop (core)
 *     5 zloom_client_core_wants_road   throw the road away, lay a new one, 1
 *
 * Promises, as long as the object lives
 *   - ids of a flow are gapless; a message is confirmed once, and at most once in the flow, across
 *     refusals, lost roads and router restarts (WELCOME's `high` decides what is sent again).
 *   - nothing is sent without credit.
 *   - settlements and steps that were not answered are said again after a new WELCOME; leases that
 *     are still at work are named in SUBSCRIBE (holding).
 *   - the lease of a message that waits here, not yet received, is extended; from receive on that
 *     is the caller's business (zloom_client_core_progress).
 *
 * Threads: one. Messages belong to the core; they are valid until settled.
 */
#ifndef ZLOOM_CLIENT_CORE_H
#define ZLOOM_CLIENT_CORE_H

#include "client/client_types.h"

typedef struct zloom_client_core zloom_client_core_t;

/* A frame to send: the verb, and a pack in `blob` (NULL: none). Valid until pop. */
typedef struct {
    zloom_bytes_t verb;
    zloom_blob_t *blob;
    zloom_bytes_t pack;
} zloom_client_out_t;

/* INVALID: a name too long, a flow named twice. `event` may be NULL. */
zloom_err_t zloom_client_core_new (const zloom_client_options_t *options,
                                   zloom_client_event_fn *event, void *event_arg,
                                   zloom_client_core_t **self_p);
void zloom_client_core_destroy (zloom_client_core_t **self_p);

/* ---- the carrier's side --------------------------------------------------------------------- */

/* A fresh road: HELLO goes out first, whatever waited on the old one is planned anew. */
void zloom_client_core_connected (zloom_client_core_t *self, zloom_now_t now);
/* `pack` may be NULL; the core takes a reference of its own where it keeps it. */
void zloom_client_core_frame (zloom_client_core_t *self, zloom_bytes_t frame, zloom_blob_t *pack,
                              zloom_now_t now);
/* Timers, packs that have waited enough, settlements, credit. Returns the next deadline (mono). */
int64_t zloom_client_core_tick (zloom_client_core_t *self, zloom_now_t now);
bool zloom_client_core_peek (const zloom_client_core_t *self, zloom_client_out_t *out);
void zloom_client_core_pop (zloom_client_core_t *self);
/* The road is of no use any more, and it is time to lay a new one. */
bool zloom_client_core_wants_road (const zloom_client_core_t *self);
/* OK while it lives; FENCED, VERSION, FORBIDDEN, CLOSED for good. Sets the note. */
zloom_err_t zloom_client_core_ended (const zloom_client_core_t *self);
/* Its name: as given, or drawn; ids of what it sends belong to it. */
const char *zloom_client_core_name (const zloom_client_core_t *self);
/* The name of the router that welcomed it last; "": none did. */
const char *zloom_client_core_router (const zloom_client_core_t *self);
/* A session stands now. */
bool zloom_client_core_welcomed (const zloom_client_core_t *self);

/* ---- sending -------------------------------------------------------------------------------- */

/*
 * Queue a message. `id_p` (may be NULL) gets its id. `mark` (unset: none) is kept by the router
 * with this message, and comes back in the flow's state after a restart. AGAIN: window full, or no
 * session yet (the note says which); UNKNOWN_FLOW, NO_KEY, TOO_BIG, INVALID; what ended.
 */
zloom_err_t zloom_client_core_send (zloom_client_core_t *self, const char *flow,
                                    const zloom_envelope_t *envelope, zloom_bytes_t mark,
                                    zloom_now_t now, uint64_t *id_p);
/*
 * The key that a message with this body gets on the flow, borrowed until the next call about the
 * flow; unset: the flow has no keys. NO_KEY, TOO_BIG: the body has none that will do.
 */
zloom_err_t zloom_client_core_key (zloom_client_core_t *self, const char *flow, zloom_bytes_t body,
                                   zloom_bytes_t *key);
/*
 * Flows with a first id: send a message of others under the flow's next id, or give up n ids. AGAIN
 * as send.
 */
zloom_err_t zloom_client_core_carry (zloom_client_core_t *self, const char *flow,
                                     const zloom_carried_t *message, zloom_now_t now);
zloom_err_t zloom_client_core_skip (zloom_client_core_t *self, const char *flow, uint32_t n);
/* Let nothing wait for company any more; goes out with the next tick as credit allows. */
void zloom_client_core_push (zloom_client_core_t *self);
/* False: no such flow in the options. */
bool zloom_client_core_flow (const zloom_client_core_t *self, const char *flow,
                             zloom_client_flow_state_t *state);
/* Messages that are not confirmed: of `flow`, or of all (NULL). */
size_t zloom_client_core_unconfirmed (const zloom_client_core_t *self, const char *flow);
/* The same of all flows, and steps and settlements that are not answered. */
size_t zloom_client_core_pending (const zloom_client_core_t *self);
/* OK, or why the router refuses a flow for which messages are held: they will not go. Note set. */
zloom_err_t zloom_client_core_flow_error (const zloom_client_core_t *self);
/* Why the router takes nothing now, for people ("flow is full"); "" when it did not say. */
const char *zloom_client_core_refused (const zloom_client_core_t *self);

/* ---- consuming ------------------------------------------------------------------------------ */

zloom_err_t zloom_client_core_subscribe (zloom_client_core_t *self,
                                         const zloom_subscription_options_t *options,
                                         uint32_t *handle_p);
/* Its messages are released; their pointers end. NOT_FOUND. */
zloom_err_t zloom_client_core_unsubscribe (zloom_client_core_t *self, uint32_t handle);
/*
 * Hand out no more until resumed: credit stops, what waits here is released (what came without a
 * lease stays). NOT_FOUND.
 */
zloom_err_t zloom_client_core_hold (zloom_client_core_t *self, uint32_t handle, bool hold);
/* The next message of `handle` (0: of any), or false; GAP events come from here, in their place. */
bool zloom_client_core_receive (zloom_client_core_t *self, uint32_t handle,
                                const zloom_message_t **message_p);
/*
 * Instead of receive, where nothing is leased: the next message, which needs no settling and holds
 * until the next call; NULL: none waits. NOT_FOUND. UNSUPPORTED: they come under a lease. Else why
 * the router has ended the subscription. It may have freed credit, which goes out with the next
 * dispatch: who sleeps on the client's descriptor first says it (zloom_client_say).
 */
zloom_err_t zloom_client_core_hear (zloom_client_core_t *self, uint32_t handle,
                                    const zloom_message_t **message_p);
/* What waits of a subscription without leases, as it came. */
typedef struct {
    bool is_gap;  /* these will not come: `count` of [seq, last]; 0: nobody knows how many */
    uint64_t seq; /* else messages [seq, last] */
    uint64_t last;
    uint64_t count;
    const char *reason;
    zloom_bytes_t pack; /* a view into `blob` */
    zloom_blob_t *blob; /* borrowed */
    const zloom_src_t *src;
    size_t src_count;
} zloom_client_pack_t;

/*
 * Instead of receive, for who carries whole packs on: the next messages with numbers in a row, or
 * the next gap. They are the caller's until the next call or tick, and settled. False: none waits.
 */
bool zloom_client_core_receive_pack (zloom_client_core_t *self, uint32_t handle,
                                     zloom_client_pack_t *pack);
/* The number that it goes on with; 0: not subscribed now, or not known. Without leases. */
uint64_t zloom_client_core_position (const zloom_client_core_t *self, uint32_t handle);
/* Messages that wait to be received (0: of all subscriptions). */
size_t zloom_client_core_waiting (const zloom_client_core_t *self, uint32_t handle);
/* The handler begins with it: if it dies now, this one is charged. STALE. */
zloom_err_t zloom_client_core_started (zloom_client_core_t *self, const zloom_message_t *message);
/* Still at work: the lease runs on for `extend_ms` from now (0: as the flow says). STALE. */
zloom_err_t zloom_client_core_progress (zloom_client_core_t *self, const zloom_message_t *message,
                                        uint64_t extend_ms);
/* Whether its lease was lost: working on is in vain. */
bool zloom_client_core_stale (const zloom_client_core_t *self, const zloom_message_t *message);
/*
 * Consumes the message. STALE: the lease was lost before, nothing is sent. UNSUPPORTED: retry or
 * reject of what came without a lease; it does not come again.
 */
zloom_err_t zloom_client_core_settle (zloom_client_core_t *self, const zloom_message_t **message_p,
                                      const zloom_settlement_t *settlement);

/* The message as it is stored, encoded. */
zloom_bytes_t zloom_client_core_envelope (const zloom_message_t *message);

/* ---- steps ---------------------------------------------------------------------------------- */

/* Settle some messages of one delivery and emit, all or nothing. Built, then committed. */
typedef struct zloom_step zloom_step_t;

zloom_step_t *zloom_client_core_step (zloom_client_core_t *self);
/*
 * Add a message with its settlement; the message is not yet consumed. INVALID: it is of another
 * delivery than the first (commit this step and begin another), or in a step already. STALE.
 */
zloom_err_t zloom_step_settle (zloom_step_t *self, const zloom_message_t *message,
                               const zloom_settlement_t *settlement);
/* Add a message to `flow`. UNKNOWN_FLOW, NO_KEY, TOO_BIG (the step would pass 6 MiB). AGAIN. */
zloom_err_t zloom_step_emit (zloom_step_t *self, const char *flow, const zloom_envelope_t *envelope,
                             zloom_now_t now);
/*
 * What is emitted from now on came of this message of the step (NULL: of all of them together):
 * the router's trace follows it. Not needed in a step with one message.
 */
void zloom_step_from (zloom_step_t *self, const zloom_message_t *message);
/* Whether an emit that ended so will end so whenever it is tried again. */
bool zloom_step_is_hopeless (zloom_err_t err);
/* Keep `value` (unset: remove) under `key` with the group's state. TOO_BIG. */
zloom_err_t zloom_step_state (zloom_step_t *self, zloom_bytes_t key, zloom_bytes_t value);
/* Throw away a step that was not committed; its messages are as before. */
void zloom_step_destroy (zloom_step_t **self_p);
/*
 * Say it to the router once the emits have credit, and again after a lost session, until a STEP
 * event with this *id_p tells the end. Until then leases are extended and the messages may not be
 * touched. The event's code: OK: done, the messages are consumed. SETTLED: they were settled
 * before, by this very step if it was said again after a lost session; nothing was emitted now, the
 * messages are consumed. STALE: the leases are lost and nothing was emitted by what was said last;
 * the messages are consumed. Other codes: nothing was done, and the messages are the caller's
 * again. INVALID: a step without a message. Of messages that came without a lease nothing is said
 * to the router: the emits go as messages of the client's own, and the step is done when all are
 * queued.
 *
 * If the session was lost while the step had no answer, it may have been done before that, and
 * STALE does not rule it out: the router tells it (SETTLED) as long as it knows that the messages
 * have left the flow, but not of those that the step gave back (RETRY, RELEASE), nor of a memory
 * flow's after a restart. What comes again then is worked on twice, its emits included.
 */
zloom_err_t zloom_client_core_commit (zloom_client_core_t *self, zloom_step_t **step_p,
                                      uint64_t *id_p);

/* ---- the rest ------------------------------------------------------------------------------- */

/* Ask the router; ANSWER events carry *request_p. A lost session answers GONE. AGAIN: none now. */
zloom_err_t zloom_client_core_admin (zloom_client_core_t *self, const char *command,
                                     zloom_bytes_t args, uint64_t *request_p);
/* Supervisor only: a process has ended. AGAIN: no session. */
zloom_err_t zloom_client_core_gone (zloom_client_core_t *self, const zloom_verb_gone_t *gone);
/* Say BYE once the rest has gone out; nothing is accepted after it. */
void zloom_client_core_leave (zloom_client_core_t *self);

typedef struct {
    uint64_t sent_messages, sent_packs, sent_bytes; /* again ones counted again */
    uint64_t resent_messages;                       /* after a refusal or a new session */
    uint64_t confirmed_messages, refused, failed_messages;
    uint64_t received_messages, settled_messages, stale_messages, malformed_messages;
    uint64_t missed_messages; /* that GAPs told of */
    uint64_t welcomes, lost_roads, malformed_frames;
} zloom_client_stats_t;

void zloom_client_core_stats (const zloom_client_core_t *self, zloom_client_stats_t *stats);

#endif
