/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ready.h - the messages of one class (a plain queue has one) that wait for a consumer, as runs of
 * sequence numbers, handed out by number: so what came back goes before what came later.
 *
 * Each run has a kind that says what a consumer must be told: never handed out, handed out before
 * and given back, or failed before. The kinds are disjoint.
 */
#ifndef ZLOOM_PATTERNS_COMMON_READY_H
#define ZLOOM_PATTERNS_COMMON_READY_H

#include "patterns/common/numbers.h"

typedef enum {
    ZLOOM_READY_FRESH,    /* never handed out (since the router began) */
    ZLOOM_READY_RETURNED, /* handed out and given back at no cost */
    ZLOOM_READY_FAILED,   /* failed before: stands in the table of exceptions */
    ZLOOM_READY_KINDS
} zloom_ready_kind_t;

typedef struct {
    zloom_numbers_t kinds[ZLOOM_READY_KINDS];
} zloom_ready_t; /* zero-initialised is empty and ready */

void zloom_ready_fini (zloom_ready_t *self);
void zloom_ready_add (zloom_ready_t *self, zloom_ready_kind_t kind, uint64_t first, uint64_t last);
/* Take [first, last] out, whatever kind; returns how many were there. */
uint64_t zloom_ready_remove (zloom_ready_t *self, uint64_t first, uint64_t last);
bool zloom_ready_has (const zloom_ready_t *self, uint64_t seq);
/*
 * The first run (of one kind) in [from, last]; false when there is none. `failed_only` looks at no
 * other kind. A run may be cut short: ask again behind it.
 */
bool zloom_ready_find (const zloom_ready_t *self, uint64_t from, uint64_t last, bool failed_only,
                       zloom_range_t *run, zloom_ready_kind_t *kind);

static inline uint64_t
zloom_ready_total (const zloom_ready_t *self)
{
    return self->kinds[ZLOOM_READY_FRESH].total + self->kinds[ZLOOM_READY_RETURNED].total +
           self->kinds[ZLOOM_READY_FAILED].total;
}

#endif
