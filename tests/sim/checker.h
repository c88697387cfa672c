/* SPDX-License-Identifier: MPL-2.0 */
/*
 * checker.h - the history of a world and what must hold of it: the queue's promises, Q1 to Q10.
 *
 * A message is one try to send something: who sends it gets a number and a body that says that
 * number, its own size and a checksum. A place is where a message stands in a flow: (flow, sequence
 * number). Places come from what is staged in the journal; what has been told to peers (confirmed,
 * settled, delivered) is held against them, and after each opening they are held against what the
 * router still knows.
 *
 *   Q1 a confirmed message is in exactly one place, or left for a reason that the flow allows
 *   Q2 nothing is delivered that nobody sent, and its bytes are the ones that were sent
 *   Q3 nothing is taken whose sending failed, or whose sender took it back
 *   Q4 nothing is delivered after its settlement was told
 *   Q5 nothing is delivered again unless its lease had ended; Q8 no two unexpired leases, and only
 *      the holder's token settles
 *   Q6 first deliveries keep each producer's order; what comes back goes before later ones
 *      of a key, nothing goes while an earlier message is not settled, unless to the same consumer,
 *      and nothing is acked before it; nothing goes before it is due, after it has expired, or
 *      before one of a higher priority; an id is stored once within its window
 *   Q7 a dead letter is a moved message that was rejected or failed often enough, with its reason;
 *      what failed often enough is not delivered; nothing comes again before its delay is over
 *   Q9 the books balance and agree with this history
 *   Q10 everything drains in bounded time (the world asks)
 *   and: nothing is told that is not durable; what is durable stays over every crash; the effects
 *   of a step are there exactly if its input is settled by it
 */
#ifndef ZLOOM_TESTS_SIM_CHECKER_H
#define ZLOOM_TESTS_SIM_CHECKER_H

#include "engine/core.h"
#include "ground.h"

typedef enum {
    SIM_ORDERS, /* disk; 3 failures, then SIM_DEAD */
    SIM_DEAD,   /* disk; dead letters */
    SIM_OUT,    /* disk; what steps emit */
    SIM_FAST,   /* memory */
    SIM_RING,   /* disk; drop-oldest */
    SIM_TIMED,  /* disk; messages are due later, expire, have priorities */
    SIM_ONCE,   /* disk; ids within a window are stored once */
    SIM_JUNK,   /* disk; where liars may write */
    SIM_FLOWS,
    SIM_NO_FLOW = SIM_FLOWS,
} sim_flow_t;

#define SIM_ORDERS_FAILURES 3
/* A world has fewer peers than this. */
#define SIM_PRODUCERS 16
/* The order of keys in a world without them. */
#define SIM_NO_KEYS (-1)
#define SIM_KEYS 5
/* In SIM_ONCE: how many ids there are, and how long they are remembered. */
#define SIM_IDS 40
#define SIM_WINDOW_NS (2 * SIM_S)
#define SIM_LEASE_NS (2 * SIM_S)
/* The flows' delays between failures; the last one repeats. Each may be a tenth shorter. */
#define SIM_BACKOFF_NS            \
    {                             \
        20 * SIM_MS, 100 * SIM_MS \
    }

/* Of the router: what the checker asks of the engine's inside. */
typedef struct sim_checker sim_checker_t;

/* `order`: of the keys in orders, or -1 when they have none. */
sim_checker_t *sim_checker_new (sim_ground_t *ground, int order, bool timed);
void sim_checker_destroy (sim_checker_t **self_p);
const char *sim_flow_name (sim_flow_t flow);
/* The index of a peer by its name ("p7"); UINT32_MAX: it is none. */
uint32_t sim_peer_named (zloom_bytes_t name);
sim_flow_t sim_flow_named (zloom_bytes_t name);

/* ---- who sends ------------------------------------------------------------------------------- */

/*
 * A new message for `flow` by `producer`; its body is appended to `body`. Returns its number, from
 * 1. `source`: the message in whose step it is emitted, 0: none.
 */
uint64_t sim_checker_attempt (sim_checker_t *self, sim_flow_t flow, uint32_t producer,
                              uint64_t source, zloom_buf_t *body);
/* What else its sender says of it; `key` and `id` are memory of the checker's. */
void sim_checker_envelope (sim_checker_t *self, uint64_t number, zloom_envelope_t *envelope);
/* The body of an attempt again, for who sends it again. */
void sim_checker_body (const sim_checker_t *self, uint64_t number, zloom_buf_t *body);
/* It was given this id. */
void sim_checker_numbered (sim_checker_t *self, uint64_t number, uint64_t id);
/* Its sender learned that it is confirmed. */
void sim_checker_believed (sim_checker_t *self, uint64_t number);
/* It must not be taken from now on. */
void sim_checker_never (sim_checker_t *self, uint64_t number, const char *why);
/* A consumer got this body out of the client; returns its number, 0 when it is broken. */
uint64_t sim_checker_received (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t body);
bool sim_checker_is_told (const sim_checker_t *self, uint64_t number);

/* ---- the router ------------------------------------------------------------------------------ */

/* A life begins: the engine has opened its journal and is about to serve. */
void sim_checker_opened (sim_checker_t *self, zloom_engine_t *engine);
/* It ends. `durable`: the newest group that the journal called durable. */
void sim_checker_stopped (sim_checker_t *self, uint64_t durable);
/* Deadlines were moved because the router was late. */
void sim_checker_shifted (sim_checker_t *self, int64_t by_ns);
/* A record was staged. */
void sim_checker_staged (sim_checker_t *self, bool disk, const zloom_record_t *record,
                         uint64_t group);
/* The books of every flow balance now. */
void sim_checker_books (sim_checker_t *self, zloom_engine_t *engine);
/*
 * This engine has opened what a crash might have left right now: it must have found all that was
 * told and all that was durable. Nothing of the history changes.
 */
void sim_checker_found (sim_checker_t *self, const zloom_engine_t *engine);
/* Whether that can be asked now: not while damage is excused. */
bool sim_checker_can_judge (const sim_checker_t *self);

/* ---- what is told (mouth.c) ------------------------------------------------------------------ */

/* These ids of a producer were heard for the first time. */
void sim_checker_heard (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t producer,
                        uint64_t first_id, uint32_t n);
/* What this session's producer has is confirmed up to `id`. */
void sim_checker_confirmed (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t producer,
                            uint64_t id);
/* Message at `seq` is delivered; `failures` is what the router says of its past. */
void sim_checker_delivered (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                            zloom_route_t route, zloom_bytes_t envelope, uint32_t failures);
/* The holder of this token asks for it; for RETRY: after so long, or ZLOOM_DELAY_UNSET. */
void sim_checker_asked (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                        zloom_route_t route, zloom_verdict_t verdict, bool step, int64_t delay_ms);
/* ... and is told the result. */
void sim_checker_settled (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                          zloom_route_t route, zloom_err_t code);
void sim_checker_marked (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                         zloom_route_t route, bool started, int64_t extend_ns);
/* This lease of an earlier boot may be taken up again. */
void sim_checker_holding (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                          zloom_route_t route);
/* The lease ends: STALE was said about it. */
void sim_checker_stale (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                        zloom_route_t route);
/* A DELIVER to somebody who was not there any more: what is out without having been said. */
void sim_checker_unsaid (sim_checker_t *self, sim_flow_t flow);
/* The router refused a send. */
void sim_checker_refused (sim_checker_t *self);
/* All leases of a route may have ended, or not. */
void sim_checker_doubt (sim_checker_t *self, zloom_route_t route);
/* All leases of a route (in one flow, or SIM_NO_FLOW: in all) end. */
void sim_checker_released (sim_checker_t *self, sim_flow_t flow, zloom_route_t route, bool crashed);
/* Its peer says so: what was given back before that, with no answer, may not have been read yet. */
void sim_checker_leaves (sim_checker_t *self, sim_flow_t flow, zloom_route_t route);

/* ---- what the world may do ------------------------------------------------------------------- */

/* Messages of this flow may be purged or requeued by hand from now on. */
void sim_checker_by_hand (sim_checker_t *self, sim_flow_t flow);
/* Keys of orders may go on from now on, whatever delay they wait for. */
void sim_checker_freed (sim_checker_t *self);
/* The disk was damaged or put back to an earlier state: what it held may be lost or come again. */
void sim_checker_excuse (sim_checker_t *self);
/* The same, and the disk knows nothing of the router's lives after the first `lives`. */
void sim_checker_restored (sim_checker_t *self, uint64_t lives);
/* The engine says that it handed something out and could not send it. */
void sim_checker_phantom (sim_checker_t *self);
/* Whether everything that may be expected to leave has left. */
bool sim_checker_drained (const sim_checker_t *self);
/* After the drain: all that can only be said in the end. */
void sim_checker_finish (sim_checker_t *self, zloom_engine_t *engine);

typedef struct {
    uint64_t attempts, told, delivered, redelivered, acked, dead, emitted, lives, dropped;
    uint64_t phantoms; /* hand-outs that the engine had no bytes for */
    uint64_t refused;  /* sends */
    uint64_t purged;
    int64_t slowest_ns; /* from an order's being heard to its being confirmed */
    uint64_t stale;     /* messages whose holder was told that they are not its own */
    uint64_t failed;    /* said of what a consumer held */
    uint64_t late;      /* taken settlements of leases of an earlier boot */
} sim_counts_t;

void sim_checker_counts (const sim_checker_t *self, sim_counts_t *counts);

#endif
