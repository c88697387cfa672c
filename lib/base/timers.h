/* SPDX-License-Identifier: MPL-2.0 */
/*
 * timers.h - deadlines embedded in their owners: a binary heap with FIFO order among equals.
 *
 * A zloom_timer_t lives inside the object that waits; arming, moving and cancelling are O(log n)
 * and allocate only when the heap grows. Not armed = slot 0.
 *
 * Example:
 *     zloom_timers_arm (timers, &lease->timer, now.mono_ns + lease_ns);
 *     while ((timer = zloom_timers_pop_due (timers, now.mono_ns))) { ... timer->owner ... }
 */
#ifndef ZLOOM_BASE_TIMERS_H
#define ZLOOM_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t deadline_ns;
    uint64_t order; /* set by arm: FIFO among equal deadlines */
    size_t slot;    /* place in the heap, 1-based; 0 = not armed */
    void *owner;    /* set by the owner before arming */
} zloom_timer_t;

typedef struct zloom_timers zloom_timers_t;

zloom_timers_t *zloom_timers_new (void);
/* Timers that are still armed are not touched: their owners may be gone already. */
void zloom_timers_destroy (zloom_timers_t **self_p);
/* Arm, or move when it is armed already. ZLOOM_NEVER disarms. */
void zloom_timers_arm (zloom_timers_t *self, zloom_timer_t *timer, int64_t deadline_ns);
/* Disarm; nothing happens when it is not armed. */
void zloom_timers_cancel (zloom_timers_t *self, zloom_timer_t *timer);
/* The earliest deadline, or ZLOOM_NEVER. */
int64_t zloom_timers_next (const zloom_timers_t *self);
/* The earliest timer, still armed; NULL when there is none. */
const zloom_timer_t *zloom_timers_first (const zloom_timers_t *self);
/* Take the earliest timer whose deadline is <= mono_ns, disarmed; NULL when none is due. */
zloom_timer_t *zloom_timers_pop_due (zloom_timers_t *self, int64_t mono_ns);
/* Move every deadline later by `by_ns` >= 0 (the process was stopped for that long). */
void zloom_timers_shift (zloom_timers_t *self, int64_t by_ns);
size_t zloom_timers_count (const zloom_timers_t *self);

#endif
