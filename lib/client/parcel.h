/* SPDX-License-Identifier: MPL-2.0 */
/*
 * parcel.h - one delivery at the consumer: its messages, where each stands, and what was settled
 * but not answered yet. It lives until every message is settled and every settlement is answered,
 * over any number of sessions.
 *
 * Messages are found by their index in the delivery; what only waits is no more than a mark and its
 * bytes in the pack (item.h).
 */
#ifndef ZLOOM_CLIENT_PARCEL_H
#define ZLOOM_CLIENT_PARCEL_H

#include "base/tag.h"
#include "client/item.h"
#include "wire/pack.h"

#define ZLOOM_PARCEL_TAG 0x5A436C65u

/*
 * A place among the messages of a lease; it only goes on. Begins as {0} with an iterator. Up to
 * index `until` numbers go on one by one, of one maker, and what is said of one is said of no more.
 */
typedef struct {
    uint32_t index;
    uint32_t until;
    zloom_pack_iter_t iter;
    uint64_t seq; /* of message `index` */
    const zloom_src_t *src;
    uint32_t nth;
    const zloom_fact_t *fact;
    size_t run, src_at, fact_at;   /* where the stretch lies, and ... */
    uint32_t run_begin, src_begin; /* ... the indexes at which its run and its maker begin */
} zloom_place_t;

/* A message that waits. */
typedef struct {
    uint32_t index;
    uint64_t seq;
    zloom_bytes_t envelope;
    const zloom_src_t *src;   /* who made it, ... */
    uint32_t nth;             /* ... as which of these */
    const zloom_fact_t *fact; /* NULL: nothing is said of it */
} zloom_waiting_t;

struct zloom_client_lease {
    uint32_t tag;
    zloom_client_lease_t *next; /* of the subscription, in the order of delivery */
    void *subscription;
    uint32_t handle;
    zloom_token_t token;
    zloom_blob_t *blob;
    uint8_t *verb; /* copies of what the DELIVER says, in one piece */
    zloom_run_t *runs;
    size_t run_count;
    zloom_src_t *src;
    size_t src_count;
    zloom_fact_t *facts;
    size_t fact_count;
    zloom_mark_t *marks;
    uint32_t count;
    zloom_place_t next_waiting; /* nothing before it is WAITING */
    uint32_t unsettled;         /* WAITING, TAKEN, STEPPED */
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
                                              zloom_blob_t *pack, void *subscription);
/* A GAP, which waits for its turn among the deliveries like one of them. */
zloom_client_lease_t *zloom_client_lease_new_gap (const zloom_verb_gap_t *gap, void *subscription);
/* Whether the router wants to hear of it: what came without a lease is only here. */
static inline bool
zloom_client_lease_is_leased (const zloom_client_lease_t *self)
{
    return self->token.number > 0;
}
void zloom_client_lease_destroy (zloom_client_lease_t **self_p);
/* The stretch that begins at the place's index, which is one of the lease's. */
void zloom_client_lease_stretch (const zloom_client_lease_t *self, zloom_place_t *place);
/*
 * Look for the next WAITING message from a place on, and pass it; false when there is none. With
 * &self->next_waiting as the place it will not be found again. The verb was checked: runs, src and
 * pack hold the same number of messages. Inline wherever it is called: what it finds then stays in
 * registers, in a loop that some run millions of times a second.
 */
__attribute__ ((always_inline)) static inline bool
zloom_client_lease_look (const zloom_client_lease_t *self, zloom_place_t *place,
                         zloom_waiting_t *found)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    while (place->index < self->count) {
        if (place->index == place->until) {
            zloom_client_lease_stretch (self, place);
        }
        const uint32_t index = place->index++;
        *found = (zloom_waiting_t){.index = index,
                                   .seq = place->seq++,
                                   .src = place->src,
                                   .nth = place->nth++,
                                   .fact = place->fact};
        zloom_assert (zloom_pack_next (&place->iter, &found->envelope));
        if (self->marks[index].state == ZLOOM_ITEM_WAITING) {
            return true;
        }
    }
    return false;
}

/* The number of the last message. */
uint64_t zloom_client_lease_last_seq (const zloom_client_lease_t *self);
/* Settle: the run is kept until it is answered. */
void zloom_client_lease_settle (zloom_client_lease_t *self, uint32_t index, uint64_t seq,
                                const zloom_settlement_t *settlement);
/* DONE without a word to the router (stale, a copy, settled by a step). */
static inline void
zloom_client_lease_drop (zloom_client_lease_t *self, uint32_t index)
{
    ZLOOM_CHECK (self, ZLOOM_PARCEL_TAG);
    zloom_assert (index < self->count && self->marks[index].state != ZLOOM_ITEM_DONE &&
                  self->unsettled > 0);
    self->marks[index].state = ZLOOM_ITEM_DONE;
    self->unsettled--;
}

/*
 * Of the messages numbered [run.seq, run.seq + run.n), those from index *at on: the next; false
 * when there is none.
 */
bool zloom_client_lease_in_run (const zloom_client_lease_t *self, const zloom_run_t *run,
                                uint32_t *at);
/* These numbers were answered. */
void zloom_client_lease_answered (zloom_client_lease_t *self, uint64_t first, uint64_t n);
/*
 * A new road: everything unanswered is to be said again, but for settlements of what was taken back
 * meanwhile: a router that has started since may not know that it took it.
 */
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
