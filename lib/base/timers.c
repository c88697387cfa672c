/* SPDX-License-Identifier: MPL-2.0 */
#include "base/timers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"

#define TIMERS_TAG 0x5A546D72u

struct zloom_timers {
    uint32_t tag;
    zloom_timer_t **heap; /* the timer with slot s stands at heap[s - 1] */
    size_t count;
    size_t capacity;
    uint64_t next_order;
};

zloom_timers_t *
zloom_timers_new (void)
{
    zloom_timers_t *self = zloom_alloc (sizeof *self);
    self->tag = TIMERS_TAG;
    return self;
}

void
zloom_timers_destroy (zloom_timers_t **self_p)
{
    zloom_assert (self_p);
    zloom_timers_t *self = *self_p;
    if (self) {
        ZLOOM_CHECK (self, TIMERS_TAG);
        free (self->heap);
        self->tag = ZLOOM_TAG_DEAD;
        free (self);
        *self_p = NULL;
    }
}

static bool
s_before (const zloom_timer_t *a, const zloom_timer_t *b)
{
    if (a->deadline_ns != b->deadline_ns) {
        return a->deadline_ns < b->deadline_ns;
    }
    return a->order < b->order;
}

static void
s_set (zloom_timers_t *self, size_t slot, zloom_timer_t *timer)
{
    self->heap[slot - 1] = timer;
    timer->slot = slot;
}

/* Move the timer up from a free slot until its parent is earlier. */
static void
s_rise (zloom_timers_t *self, size_t slot, zloom_timer_t *timer)
{
    while (slot > 1) {
        zloom_timer_t *parent = self->heap[slot / 2 - 1];
        if (!s_before (timer, parent)) {
            break;
        }
        s_set (self, slot, parent);
        slot /= 2;
    }
    s_set (self, slot, timer);
}

/* Move the timer down from a free slot until both children are later. */
static void
s_sink (zloom_timers_t *self, size_t slot, zloom_timer_t *timer)
{
    while (slot * 2 <= self->count) {
        size_t child = slot * 2;
        if (child < self->count && s_before (self->heap[child], self->heap[child - 1])) {
            child++;
        }
        if (!s_before (self->heap[child - 1], timer)) {
            break;
        }
        s_set (self, slot, self->heap[child - 1]);
        slot = child;
    }
    s_set (self, slot, timer);
}

/* Put the timer where it belongs, starting from a free slot. */
static void
s_place (zloom_timers_t *self, size_t slot, zloom_timer_t *timer)
{
    if (slot > 1 && s_before (timer, self->heap[slot / 2 - 1])) {
        s_rise (self, slot, timer);
    } else {
        s_sink (self, slot, timer);
    }
}

void
zloom_timers_arm (zloom_timers_t *self, zloom_timer_t *timer, int64_t deadline_ns)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    if (deadline_ns == ZLOOM_NEVER) {
        zloom_timers_cancel (self, timer);
        return;
    }
    size_t slot = timer->slot;
    if (slot == 0) {
        zloom_grow (&self->heap, &self->capacity, self->count + 1, sizeof *self->heap);
        slot = ++self->count;
    } else {
        zloom_assert (slot <= self->count && self->heap[slot - 1] == timer);
    }
    timer->deadline_ns = deadline_ns;
    timer->order = self->next_order++;
    s_place (self, slot, timer);
}

void
zloom_timers_cancel (zloom_timers_t *self, zloom_timer_t *timer)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    size_t slot = timer->slot;
    if (slot == 0) {
        return;
    }
    zloom_assert (slot <= self->count && self->heap[slot - 1] == timer);
    zloom_timer_t *last = self->heap[--self->count];
    timer->slot = 0;
    if (last != timer) {
        s_place (self, slot, last);
    }
}

int64_t
zloom_timers_next (const zloom_timers_t *self)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    return self->count ? self->heap[0]->deadline_ns : ZLOOM_NEVER;
}

const zloom_timer_t *
zloom_timers_first (const zloom_timers_t *self)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    return self->count ? self->heap[0] : NULL;
}

zloom_timer_t *
zloom_timers_pop_due (zloom_timers_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    if (self->count == 0 || self->heap[0]->deadline_ns > mono_ns) {
        return NULL;
    }
    zloom_timer_t *timer = self->heap[0];
    zloom_timers_cancel (self, timer);
    return timer;
}

void
zloom_timers_shift (zloom_timers_t *self, int64_t by_ns)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    zloom_assert (by_ns >= 0);
    for (size_t i = 0; i < self->count; i++) {
        zloom_timer_t *timer = self->heap[i];
        int64_t later = zloom_time_add (timer->deadline_ns, by_ns);
        /* An armed timer has a deadline: it stays short of "never". */
        timer->deadline_ns = later == ZLOOM_NEVER ? ZLOOM_NEVER - 1 : later;
    }
    /* Deadlines that met at the end of time are ordered by `order` now: build the heap anew. */
    for (size_t slot = self->count / 2; slot > 0; slot--) {
        s_sink (self, slot, self->heap[slot - 1]);
    }
}

size_t
zloom_timers_count (const zloom_timers_t *self)
{
    ZLOOM_CHECK (self, TIMERS_TAG);
    return self->count;
}
