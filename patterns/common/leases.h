/* SPDX-License-Identifier: MPL-2.0 */
/*
 * leases.h - what is handed out and not settled: a lease is a token, its holder, and parts: runs of
 * messages with one deadline each. Settling, starting or extending some of a part splits it; what
 * becomes equal again is joined. Each message stands in one lease at most: the caller sees to it.
 *
 * A lease is made, filled with push () in rising order, and lives until its last message is taken
 * out of it; take () frees it then. All costs are O(log n) in parts and leases, beside the shift of
 * a lease's own parts.
 */
#ifndef ZLOOM_PATTERNS_COMMON_LEASES_H
#define ZLOOM_PATTERNS_COMMON_LEASES_H

#include "base/map.h"
#include "base/timers.h"
#include "wire/types.h"

typedef struct zloom_lease zloom_lease_t;
typedef struct zloom_leases zloom_leases_t;

/* Embedded in whoever holds leases. */
typedef struct {
    zloom_lease_t *first; /* in the order of hand-out */
    zloom_lease_t *last;
    uint64_t messages; /* in all of its leases */
    void *owner;       /* for the caller */
} zloom_holder_t;

typedef struct {
    uint64_t seq;
    uint32_t n;
    bool started;
    int64_t deadline_ns;
} zloom_lease_part_t;

zloom_leases_t *zloom_leases_new (void);
/* Frees all leases; holders must not be used after it. */
void zloom_leases_destroy (zloom_leases_t **self_p);

/* An empty lease; NULL when the token is in use. `suspect`: its messages may be deadly. */
zloom_lease_t *zloom_leases_add (zloom_leases_t *self, zloom_holder_t *holder, zloom_token_t token,
                                 bool suspect);
/* Append messages behind those that the lease has. */
void zloom_leases_push (zloom_leases_t *self, zloom_lease_t *lease, uint64_t seq, uint32_t n,
                        int64_t deadline_ns);
/* Free a lease that nothing was pushed to. */
void zloom_leases_discard (zloom_leases_t *self, zloom_lease_t *lease);
zloom_lease_t *zloom_leases_find (const zloom_leases_t *self, zloom_token_t token);
/* The first messages of the lease within [first, last]; false when there are none. */
bool zloom_leases_held (const zloom_lease_t *lease, uint64_t first, uint64_t last,
                        zloom_lease_part_t *part);
/* The same, taken out. The lease is freed with its last message: *lease_p is NULL then. */
bool zloom_leases_take (zloom_leases_t *self, zloom_lease_t **lease_p, uint64_t first,
                        uint64_t last, zloom_lease_part_t *part);
/* Mark messages within [first, last] started; those that were not get the new deadline. */
void zloom_leases_start (zloom_leases_t *self, zloom_lease_t *lease, uint64_t first, uint64_t last,
                         int64_t deadline_ns);
/* Give the messages within [first, last] a new deadline. */
void zloom_leases_extend (zloom_leases_t *self, zloom_lease_t *lease, uint64_t first, uint64_t last,
                          int64_t deadline_ns);
/* A lease of which something has run out; NULL when there is none. */
zloom_lease_t *zloom_leases_due (zloom_leases_t *self, int64_t mono_ns);
/* Take the first messages of the lease whose deadline has come; as take (). */
bool zloom_leases_take_due (zloom_leases_t *self, zloom_lease_t **lease_p, int64_t mono_ns,
                            zloom_lease_part_t *part);
/* When to ask due () again: not later than the earliest deadline, or ZLOOM_NEVER. */
int64_t zloom_leases_next (const zloom_leases_t *self);
/* Move every deadline later. */
void zloom_leases_shift (zloom_leases_t *self, int64_t by_ns);

uint64_t zloom_leases_messages (const zloom_leases_t *self);
zloom_token_t zloom_lease_token (const zloom_lease_t *lease);
zloom_holder_t *zloom_lease_holder (const zloom_lease_t *lease);
bool zloom_lease_suspect (const zloom_lease_t *lease);
/* The highest number in it. */
uint64_t zloom_lease_last (const zloom_lease_t *lease);
/* The one that its holder got after it; NULL at the end. */
zloom_lease_t *zloom_lease_next (const zloom_lease_t *lease);

#endif
