/* SPDX-License-Identifier: MPL-2.0 */
/*
 * subscription.h - a consumption of one flow: its deliveries in order, its credit, and what has to
 * be said about it in a session. It outlives sessions: SUBSCRIBE is said again, with what is held.
 *
 * Credit is absolute since SUBSCRIBE: delivered + (prefetch - held), and never falls. It is told
 * when a quarter of the prefetch has become free, or when nothing was held for a moment.
 */
#ifndef ZLOOM_CLIENT_SUBSCRIPTION_H
#define ZLOOM_CLIENT_SUBSCRIPTION_H

#include "client/frames.h"
#include "client/parcel.h"
#include "peer/credit.h"

#define ZLOOM_SUBSCRIPTION_TAG 0x5A437362u

typedef struct zloom_subscription zloom_subscription_t;
struct zloom_subscription {
    uint32_t tag;
    uint32_t handle;
    bool busy; /* its core's mark: it stands in the list of those */
    char *flow;
    char *group; /* NULL: the flow's own */
    zloom_mode_t mode;
    char **patterns;
    size_t pattern_count;
    bool durable;
    zloom_from_t from;
    int64_t from_value;
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
    zloom_gap_fn *gap;
    void *gap_arg;
    uint64_t next_seq; /* without leases: where it goes on on a new road; 0: at `from` */
    zloom_amount_t prefetch;
    bool subscribed;  /* the router said SUBSCRIBED on this road */
    zloom_err_t over; /* OK: alive; else why the router ended it, ... */
    char *over_text;  /* ... in its words */
    bool on_hold;
    uint64_t lease_ms;
    uint64_t delivery_no;
    int64_t extend_at_ns;
    int64_t told_all_at_ns;   /* nothing is held: when all credit is told; ZLOOM_NEVER: it is */
    zloom_amount_t delivered; /* on this road */
    zloom_amount_t granted;   /* on this road */
    zloom_amount_t held;
    size_t waiting; /* messages, and gaps that were not told */
    zloom_client_lease_t *first;
    zloom_client_lease_t *last;
    zloom_client_lease_t *taking; /* nothing waits in those before it; NULL: in none */
    zloom_items_t items;
    zloom_alike_t alike;
    zloom_item_t heard; /* what hear gave out last; its lease: whose bytes it shows, NULL: none */
};

zloom_subscription_t *zloom_subscription_new (const zloom_subscription_options_t *options,
                                              uint32_t handle);
void zloom_subscription_destroy (zloom_subscription_t **self_p);

/*
 * The router's yes. `next` (0: unknown) is where it stands, which counts as long as nothing has
 * come.
 */
void zloom_subscription_begun (zloom_subscription_t *self, uint64_t lease_ms, uint64_t next);
/* SUBSCRIBE with what is held, marks of what was started, settlements that have no answer. */
void zloom_subscription_say (zloom_subscription_t *self, zloom_frames_t *out);
/* The road is lost: nothing of it counts any more. */
void zloom_subscription_lost (zloom_subscription_t *self);
/*
 * A checked DELIVER. False: one before it never came (delivery_no has a hole), so the road cannot
 * be trusted.
 */
bool zloom_subscription_deliver (zloom_subscription_t *self, const zloom_verb_deliver_t *deliver,
                                 zloom_blob_t *pack);
/* What did not come, in its place among the deliveries. */
void zloom_subscription_gap (zloom_subscription_t *self, const zloom_verb_gap_t *gap);
/*
 * The next message, taken; malformed ones are rejected by the way and counted. NULL: none waits, or
 * a gap comes before it: *gap_p is to be told then, holds until the next sweep, and the next call
 * goes on behind it.
 */
zloom_item_t *zloom_subscription_take (zloom_subscription_t *self, uint64_t *malformed,
                                       const zloom_client_lease_t **gap_p);
/*
 * As take, without leases: the next message, done with by that. It and what it points to hold until
 * the next call. NULL also where a message under a lease comes next.
 */
const zloom_message_t *zloom_subscription_hear (zloom_subscription_t *self, uint64_t *malformed,
                                                const zloom_client_lease_t **gap_p);
/* Whether what comes next is to be settled. */
bool zloom_subscription_is_leased (const zloom_subscription_t *self);
/* Messages [index, index + n) of a lease, numbered from `seq` on. */
typedef struct {
    const zloom_client_lease_t *lease;
    uint32_t index;
    uint32_t n;
    uint64_t seq;
} zloom_taken_t;

/*
 * As take, without leases: as many as wait with numbers in a row, taken and done with; they hold
 * until the next sweep. False: as NULL above.
 */
bool zloom_subscription_take_run (zloom_subscription_t *self, zloom_taken_t *taken,
                                  const zloom_client_lease_t **gap_p);
/* STALE for a run; returns how many messages it hit. */
uint64_t zloom_subscription_stale (zloom_subscription_t *self, zloom_token_t token,
                                   const zloom_run_t *run);
/* SETTLED for a run of this token: that is done. */
void zloom_subscription_settled (zloom_subscription_t *self, zloom_token_t token,
                                 const zloom_settled_run_t *run);
/* Settle an item, for the router (CONSUME) or just here (copies, stale ones). */
void zloom_subscription_settle (zloom_subscription_t *self, zloom_item_t *item,
                                const zloom_settlement_t *settlement);
/*
 * This message of a key failed, or went back: those of its key that wait here go back, too, so that
 * none of them is received before it. (On a flow without keys that costs a hand-out, no more.)
 */
void zloom_subscription_key_failed (zloom_subscription_t *self, const zloom_item_t *item);
/* Settled by a step: nothing more is said about it. */
void zloom_subscription_drop (zloom_subscription_t *self, zloom_item_t *item);
/* Give back what waits here under a lease: nobody else would get the rest. */
void zloom_subscription_release_waiting (zloom_subscription_t *self);
/* Say settlements, credit, and what keeps waiting leases alive; returns its next deadline. */
int64_t zloom_subscription_tick (zloom_subscription_t *self, int64_t mono_ns, zloom_frames_t *out);
/* A tick would do nothing, and no later one, until something is told or asked of it. */
bool zloom_subscription_is_idle (const zloom_subscription_t *self);
/* Leases that have nothing left to do are freed. */
void zloom_subscription_sweep (zloom_subscription_t *self);
/* Settlements that have no answer. */
size_t zloom_subscription_unanswered (const zloom_subscription_t *self);

#endif
