/* SPDX-License-Identifier: MPL-2.0 */
/*
 * glance.h - the time for calls that may come millions of times a second, where reading the clocks
 * would be a good part of the work. While the calls come fast, only every n-th one reads them, with
 * n chosen so that this happens ten times a millisecond or more; and whenever the kernel's tick has
 * moved, which costs next to nothing to see, the next call reads them whatever n is.
 *
 * So what a glance tells is at most 0.1 ms old while the calls keep their pace, and at most a tick
 * (1 to 10 ms) old when the pace breaks.
 */
#ifndef ZLOOM_CLIENT_GLANCE_H
#define ZLOOM_CLIENT_GLANCE_H

#include <stdbool.h>

#include "base/clock.h"

/* Zero-initialised is ready. */
typedef struct {
    zloom_now_t now;
    int64_t tick_ns; /* the kernel's, when the clocks were read */
    uint32_t stride; /* calls between two readings */
    uint32_t left;   /* of them */
} zloom_glance_t;

/* Whether the clocks have to be read; `tick_ns` is the kernel's tick of now. Counts as a call. */
static inline bool
zloom_glance_due (zloom_glance_t *self, int64_t tick_ns)
{
    if (self->left == 0 || self->tick_ns != tick_ns) {
        return true;
    }
    self->left--;
    return false;
}

/* They were read. */
void zloom_glance_set (zloom_glance_t *self, zloom_now_t now, int64_t tick_ns);

/* The time, as told above. */
zloom_now_t zloom_glance (zloom_glance_t *self);

#endif
