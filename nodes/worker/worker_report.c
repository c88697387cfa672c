/* SPDX-License-Identifier: MPL-2.0 */
/* worker_report.c - what a worker tells of itself: what its child reads, answers, and owes. */
#include <stdio.h>

#include "nodes/worker/worker_state.h"

/* After so long without an answer it is told what may be wrong. */
#define HINT_NS (2 * ZLOOM_NS_PER_S)

static const char *
s_io (const zloom_worker_t *self)
{
    if (self->config->actor) {
        return "actor";
    }
    if (self->config->jq) {
        return "jq";
    }
    switch (self->config->io) {
    case ZLOOM_IO_EXEC:
        return "exec";
    case ZLOOM_IO_FRAMES:
        return "frames";
    default:
        return "lines";
    }
}

void
zloom_worker_report (void *arg, zloom_report_t *report)
{
    const zloom_worker_t *self = arg;
    const zloom_worker_counters_t *counters = &self->counters;
    const int64_t now_ns = self->now.mono_ns;
    const size_t given = zloom_worker_given (self);
    report->waiting += zloom_idmap_count (self->jobs) - given;
    report->in_hand = given;
    report->given = counters->given;
    report->begun = counters->begun;
    report->answered = counters->answered;
    report->starts = counters->starts;
    report->acked = counters->acked;
    report->emitted = counters->emitted;
    report->retried = counters->retried;
    report->rejected = counters->rejected;
    report->crashed = counters->crashed;
    report->expired = counters->expired;
    (void) snprintf (report->io, sizeof report->io, "%s", s_io (self));
    if (self->restart_ns != ZLOOM_NEVER && self->restart_ns > now_ns) {
        report->restart_ms = (uint64_t) ((self->restart_ns - now_ns) / ZLOOM_NS_PER_MS) + 1;
    }
    if (given == 0) {
        return;
    }
    report->quiet_ms = (uint64_t) ((now_ns - self->quiet_ns) / ZLOOM_NS_PER_MS);
    if (self->carrier && now_ns - self->quiet_ns >= HINT_NS) {
        const char *hint = self->carrier->ops->hint (self->carrier);
        (void) snprintf (report->hint, sizeof report->hint, "%s", hint ? hint : "");
    }
}
