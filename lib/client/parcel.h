/* SPDX-License-Identifier: MPL-2.0 */
/*
 * parcel.h - one delivery at the consumer: its messages, where each stands, and what was settled
 * but not answered yet. It lives until every message is settled and every settlement is answered,
 * over any number of sessions.
 *
 *   WAITING  here, not received        TAKEN  in the caller's hands
 *   STEPPED  in a step under way       DONE   settled; its memory is not the caller's any more
 */
#ifndef ZLOOM_CLIENT_PARCEL_H
#define ZLOOM_CLIENT_PARCEL_H

#include "client/client_types.h"

typedef enum {
    ZLOOM_ITEM_WAITING,
    ZLOOM_ITEM_TAKEN,
    ZLOOM_ITEM_STEPPED,
    ZLOOM_ITEM_DONE,
} zloom_item_state_t;

typedef struct zloom_client_lease zloom_client_lease_t;

typedef struct {
    zloom_message_t message; /* first: the caller's pointer is the item's */
    uint32_t tag;
    zloom_client_lease_t *lease;
    zloom_bytes_t envelope;
    zloom_item_state_t state;
    bool started;
    bool stale;
} zloom_item_t;

struct zloom_client_lease {
    uint32_t tag;
    zloom_client_lease_t *next; /* of the subscription, in the order of delivery */
    void *subscription;
    zloom_token_t token;
    zloom_blob_t *blob;
    uint8_t *verb; /* the DELIVER's bytes: producers borrow from them */
    zloom_item_t *items;
    uint32_t count;
    uint32_t next_waiting; /* index: items below are not WAITING */
    uint32_t unsettled;    /* WAITING, TAKEN, STEPPED */
    uint64_t bytes;
    uint32_t steps;      /* under way */
    uint32_t steps_said; /* of them: said, not answered */
    bool is_gap;         /* no messages, but word of some that will not come: not told yet */
    uint64_t gap_from, gap_to, gap_count;
    char *gap_reason;
    /* settled and not answered; the first `said` were told on this road */
    zloom_settle_run_t *settling;
    size_t settling_count, settling_capacity, said;
};

/* From a checked DELIVER and its pack; strings of the verb are copied. */
zloom_client_lease_t *zloom_client_lease_new (const zloom_verb_deliver_t *deliver,
                                              zloom_blob_t *pack, const char *flow,
                                              void *subscription);
/* A GAP, which waits for its turn among the deliveries like one of them. */
zloom_client_lease_t *zloom_client_lease_new_gap (const zloom_verb_gap_t *gap, void *subscription);
/* Whether the router wants to hear of it: what came without a lease is only here. */
bool zloom_client_lease_is_leased (const zloom_client_lease_t *self);
void zloom_client_lease_destroy (zloom_client_lease_t **self_p);
/* The item of a message, checked: it must be a live one. */
zloom_item_t *zloom_item (const zloom_message_t *message);
/* The next WAITING item in order; NULL when there is none. */
zloom_item_t *zloom_client_lease_next (zloom_client_lease_t *self);
/* Read the envelope into the message: what receive gives out. MALFORMED. */
zloom_err_t zloom_item_open (zloom_item_t *item);
/* Settle: the run is kept until it is answered. */
void zloom_client_lease_settle (zloom_client_lease_t *self, zloom_item_t *item,
                                const zloom_settlement_t *settlement);
/* DONE without a word to the router (stale, a copy, settled by a step). */
void zloom_client_lease_drop (zloom_client_lease_t *self, zloom_item_t *item);
/* These numbers were answered. */
void zloom_client_lease_answered (zloom_client_lease_t *self, uint64_t first, uint64_t n);
/* A new road: everything unanswered is to be said again. */
void zloom_client_lease_unsay (zloom_client_lease_t *self);
/*
 * The runs of the items in `state` (and only started ones, if asked), at most `most`, into `runs`;
 * returns how many. *index is where to go on: starts at 0, ends at count.
 */
size_t zloom_client_lease_runs (const zloom_client_lease_t *self, zloom_item_state_t state,
                                bool started, uint32_t *index, zloom_run_t *runs, size_t most);
/* All that was not answered and is not stale, whatever its state: what `holding` names. */
size_t zloom_client_lease_holding (const zloom_client_lease_t *self, zloom_run_t *runs,
                                   size_t most);
/* Nothing is left to do with it. */
bool zloom_client_lease_over (const zloom_client_lease_t *self);

#endif
