/* SPDX-License-Identifier: MPL-2.0 */
#include "client/glance.h"

/* How old a reading may get while the pace is kept. */
#define OLD_NS (100 * ZLOOM_NS_PER_US)
#define STRIDE_MAX 63

void
zloom_glance_set (zloom_glance_t *self, zloom_now_t now, int64_t tick_ns)
{
    const int64_t took_ns = now.mono_ns - self->now.mono_ns;
    const bool early = self->left > 0; /* the tick has moved: that says nothing of the pace */
    if (took_ns < OLD_NS / 2 && !early) {
        self->stride = self->stride < STRIDE_MAX ? 2 * self->stride + 1 : STRIDE_MAX;
    } else if (took_ns > OLD_NS) {
        self->stride = took_ns < 2 * OLD_NS ? self->stride / 2 : 0;
    }
    self->left = self->stride;
    self->now = now;
    self->tick_ns = tick_ns;
}

zloom_now_t
zloom_glance (zloom_glance_t *self)
{
    const int64_t tick_ns = zloom_clock_tick_ns ();
    if (zloom_glance_due (self, tick_ns)) {
        zloom_glance_set (self, zloom_clock_now (), tick_ns);
    }
    return self->now;
}
