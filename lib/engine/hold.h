/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hold.h - answers that wait until the journal group they tell of is durable, released in their
 * order. Groups of later answers are never smaller, so one FIFO is enough.
 */
#ifndef ZLOOM_ENGINE_HOLD_H
#define ZLOOM_ENGINE_HOLD_H

#include "base/bytes.h"

typedef struct zloom_hold zloom_hold_t;

typedef struct {
    uint64_t group;
    uint64_t session; /* who gets it */
    bool welcome;     /* it is the WELCOME that begins the session */
    zloom_bytes_t verb;
} zloom_held_t;

zloom_hold_t *zloom_hold_new (void);
void zloom_hold_destroy (zloom_hold_t **self_p);
/* The verb is copied. */
void zloom_hold_push (zloom_hold_t *self, const zloom_held_t *held);
/* The oldest, if its group is <= durable; held->verb is valid until the next push. */
bool zloom_hold_pop (zloom_hold_t *self, uint64_t durable, zloom_held_t *held);
size_t zloom_hold_count (const zloom_hold_t *self);
void zloom_hold_clear (zloom_hold_t *self);

#endif
