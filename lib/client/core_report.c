/* SPDX-License-Identifier: MPL-2.0 */
/* core_report.c - what a client tells the router of itself: what waits, and for what. */
#include <stdio.h>

#include "client/core_state.h"

/* What ticks left behind waits for credit: packs that were not sent, then steps not said. */
static const zloom_outflow_t *
s_find (const zloom_client_core_t *self)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        if (zloom_outflow_waits (self->flows[i])) {
            return self->flows[i];
        }
    }
    for (const zloom_step_t *step = self->steps; step; step = step->next) {
        const zloom_outflow_t *flow = zloom_step_waits_for (step, self->now_ns);
        if (flow) {
            return flow;
        }
    }
    return NULL;
}

void
zloom_core_note_blocked (zloom_client_core_t *self)
{
    const zloom_outflow_t *blocked = s_find (self);
    if (blocked && !self->blocked) {
        self->blocked_at_ns = self->now_ns;
    } else if (!blocked && self->blocked) {
        self->blocked_total_ns += self->now_ns - self->blocked_at_ns;
    }
    self->blocked = blocked;
}

zloom_bytes_t
zloom_core_report (const zloom_client_core_t *self, zloom_buf_t *out)
{
    zloom_report_t report = {0};
    report.waiting = zloom_client_core_waiting (self, 0);
    /* A node that knows better says so itself. */
    report.acked = self->stats.settled_messages;
    report.emitted = self->stats.confirmed_messages;
    report.unconfirmed = zloom_client_core_unconfirmed (self, NULL);
    int64_t blocked_ns = self->blocked ? self->now_ns - self->blocked_at_ns : 0;
    report.blocked_ms = (uint64_t) (blocked_ns / ZLOOM_NS_PER_MS);
    report.blocked_total_ms = (uint64_t) ((self->blocked_total_ns + blocked_ns) / ZLOOM_NS_PER_MS);
    if (self->blocked) {
        (void) snprintf (report.blocked_on, sizeof report.blocked_on, "%s",
                         zloom_outflow_name (self->blocked));
    }
    if (self->report) {
        self->report (self->report_arg, &report);
    }
    return zloom_report_encode (&report, out) ? zloom_buf_bytes (out) : ZLOOM_BYTES_NULL;
}
