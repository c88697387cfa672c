/* SPDX-License-Identifier: MPL-2.0 */
#include "view.h"

#include "base/clock.h"
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
zloom_view_fini (zloom_view_t *self)
{
    for (size_t i = 0; i < self->node_count; i++) {
        free (self->nodes[i].takes);
        free (self->nodes[i].gives);
    }
    free (self->nodes);
    free (self->flows);
    free (self->groups);
    free (self->routers);
    free (self->plans);
    *self = (zloom_view_t){.at_ns = 0};
}

const zloom_view_flow_t *
zloom_view_flow (const zloom_view_t *self, const char *name)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        if (strcmp (self->flows[i].name, name) == 0) {
            return &self->flows[i];
        }
    }
    return NULL;
}

const zloom_view_node_t *
zloom_view_node (const zloom_view_t *self, const char *name)
{
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp (self->nodes[i].name, name) == 0) {
            return &self->nodes[i];
        }
    }
    return NULL;
}

const zloom_view_router_t *
zloom_view_router (const zloom_view_t *self, const char *name)
{
    for (size_t i = 0; i < self->router_count; i++) {
        if (!name[0] || strcmp (self->routers[i].name, name) == 0) {
            return &self->routers[i];
        }
    }
    return NULL;
}

const zloom_view_plan_t *
zloom_view_plan (const zloom_view_t *self, const char *flow)
{
    for (size_t i = 0; i < self->plan_count; i++) {
        if (strcmp (self->plans[i].flow, flow) == 0) {
            return &self->plans[i];
        }
    }
    return NULL;
}

zloom_view_disks_t
zloom_view_disks (const zloom_view_t *self)
{
    zloom_view_disks_t disks = {.disk_full = false};
    for (size_t i = 0; i < self->router_count; i++) {
        const zloom_view_router_t *router = &self->routers[i];
        disks.disk_full = disks.disk_full || router->disk_full;
        disks.syncs += router->syncs;
        if (router->last_sync_ns > disks.last_sync_ns) {
            disks.last_sync_ns = router->last_sync_ns;
        }
    }
    return disks;
}

static bool
s_names (char (*const names)[ZLOOM_VIEW_NAME], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool
zloom_view_takes (const zloom_view_node_t *node, const char *flow)
{
    return s_names (node->takes, node->take_count, flow);
}

bool
zloom_view_gives (const zloom_view_node_t *node, const char *flow)
{
    return s_names (node->gives, node->give_count, flow);
}

bool
zloom_view_is_node (const zloom_view_node_t *node)
{
    static const char *const roles[] = {"router", "worker", "sink", "poller"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp (node->role, roles[i]) == 0) {
            return true;
        }
    }
    return node->supervised;
}

const zloom_view_node_t *
zloom_view_away (const zloom_view_t *self, const char *state, const char *other)
{
    for (size_t i = 0; i < self->node_count; i++) {
        const zloom_view_node_t *node = &self->nodes[i];
        if (node->supervised && !node->connected && strcmp (node->role, "poller") != 0 &&
            (strcmp (node->state, state) == 0 || strcmp (node->state, other) == 0)) {
            return node;
        }
    }
    return NULL;
}

int64_t
zloom_view_depth (const zloom_view_flow_t *flow)
{
    return flow->ready + flow->leased + flow->waiting + flow->moving;
}

bool
zloom_view_full (const zloom_view_flow_t *flow)
{
    const int64_t held = flow->ready + flow->leased + flow->waiting;
    return (flow->limit_messages > 0 && held >= flow->limit_messages) ||
           (flow->limit_bytes > 0 && flow->bytes >= flow->limit_bytes);
}

static double
s_rate (int64_t before, int64_t now, double seconds)
{
    return now > before && seconds > 0 ? (double) (now - before) / seconds : 0;
}

/* How many have left it for good. */
static int64_t
s_left (const zloom_view_flow_t *flow)
{
    return flow->acked + flow->dead + flow->requeued + flow->expired + flow->purged +
           flow->dropped + flow->lost;
}

zloom_view_rates_t
zloom_view_rates (const zloom_view_t *before, const zloom_view_t *now, const char *flow)
{
    const zloom_view_flow_t *old = zloom_view_flow (before, flow);
    const zloom_view_flow_t *new = zloom_view_flow (now, flow);
    zloom_view_rates_t rates = {.seconds =
                                  (double) (now->at_ns - before->at_ns) / (double) ZLOOM_NS_PER_S};
    if (!old || !new || rates.seconds <= 0) {
        return (zloom_view_rates_t){.seconds = 0};
    }
    rates.in = s_rate (old->appended, new->appended, rates.seconds);
    rates.out = s_rate (s_left (old), s_left (new), rates.seconds);
    rates.failing = s_rate (old->failures, new->failures, rates.seconds);
    return rates;
}

double
zloom_view_done (const zloom_view_t *before, const zloom_view_t *now, const char *node)
{
    const zloom_view_node_t *old = zloom_view_node (before, node);
    const zloom_view_node_t *new = zloom_view_node (now, node);
    if (!old || !new || !old->reports || !new->reports) {
        return 0;
    }
    /* What matters is when the reports were written, not when they were read. */
    const int64_t old_ms = before->at_ns / ZLOOM_NS_PER_MS - old->report_age_ms;
    const int64_t new_ms = now->at_ns / ZLOOM_NS_PER_MS - new->report_age_ms;
    const double seconds = (double) (new_ms - old_ms) / 1000;
    return new->take_count > 0 || new->give_count == 0
             ? s_rate ((int64_t) old->report.acked, (int64_t) new->report.acked, seconds)
             : s_rate ((int64_t) old->report.emitted, (int64_t) new->report.emitted, seconds);
}

const char *
zloom_view_time (int64_t ms, char text[48])
{
    if (ms > 1000 && ms < 10000) {
        (void) snprintf (text, 48, "%.1fs", (double) ms / 1000);
        return text;
    }
    return zloom_duration_text ((ms >= 10000 ? ms / 1000 * 1000 : ms) * ZLOOM_NS_PER_MS, text);
}

const char *
zloom_view_span (int64_t ns, char text[48])
{
    ns = ns > 0 ? ns : 0;
    if (ns < 10 * ZLOOM_NS_PER_MS) {
        (void) snprintf (text, 48, "%.1fms", (double) ns / (double) ZLOOM_NS_PER_MS);
    } else if (ns < ZLOOM_NS_PER_S) {
        (void) snprintf (text, 48, "%lldms", (long long) (ns / ZLOOM_NS_PER_MS));
    } else if (ns < 60 * ZLOOM_NS_PER_S) {
        (void) snprintf (text, 48, "%.2fs", (double) ns / (double) ZLOOM_NS_PER_S);
    } else {
        (void) zloom_view_time (ns / ZLOOM_NS_PER_MS, text);
    }
    return text;
}

const char *
zloom_view_short (double number, char text[24])
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    size_t unit = 0;
    while (number >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        number /= 1000;
        unit++;
    }
    const bool whole = number >= 9.95 || (unit == 0 && number < 0.05) ||
                       (unit == 0 && number == (double) (int64_t) number);
    (void) snprintf (text, 24, "%.*f%s", whole ? 0 : 1, number, units[unit]);
    return text;
}
