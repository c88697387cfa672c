/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/rate.h"

#include "base/clock.h"

void
zloom_rate_init (zloom_rate_t *self, int64_t most, int64_t now_ns)
{
    *self = (zloom_rate_t){.most = most, .left = most, .at_ns = now_ns};
}

/* A second's worth is the most that is saved up. */
static void
s_refill (zloom_rate_t *self, int64_t now_ns)
{
    const int64_t passed_ns = now_ns - self->at_ns;
    if (passed_ns >= ZLOOM_NS_PER_S) {
        self->left = self->most;
        self->at_ns = now_ns;
        return;
    }
    /* Whole bytes only; the time that makes no whole one yet still counts at the next look. */
    const int64_t more = (int64_t) ((double) self->most * (double) passed_ns / ZLOOM_NS_PER_S);
    self->at_ns += (int64_t) ((double) more * ZLOOM_NS_PER_S / (double) self->most);
    self->left = self->left + more < self->most ? self->left + more : self->most;
}

bool
zloom_rate_take (zloom_rate_t *self, size_t bytes, int64_t now_ns)
{
    if (self->most == 0) {
        return true;
    }
    s_refill (self, now_ns);
    /* A line longer than a whole second's worth goes when all of it is there. */
    const int64_t wanted = (int64_t) bytes < self->most ? (int64_t) bytes : self->most;
    if (wanted > self->left) {
        self->dropped_lines++;
        self->dropped_bytes += bytes;
        return false;
    }
    self->left -= wanted;
    return true;
}
