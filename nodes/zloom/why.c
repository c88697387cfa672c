/* SPDX-License-Identifier: MPL-2.0 */
/* why.c - what holds a flow back. */
#include "why.h"

#include "base/clock.h"
#include "base/units.h"

#include <string.h>

/* ---- the subject ---------------------------------------------------------------------------- */

typedef struct {
    const zloom_view_t *view;
    const zloom_view_flow_t *flow;
    const zloom_view_router_t *router; /* NULL: nothing is known of it */
    zloom_view_rates_t rates;
    int64_t depth;
    zloom_why_t *why;
} s_case_t;

/* "orders is full (1000 of 1000 messages)", "orders holds 12 messages". */
static void
s_begin (const s_case_t *self)
{
    const zloom_view_flow_t *flow = self->flow;
    zloom_buf_t *out = &self->why->sentence;
    char size[48];
    char limit[48];
    if (self->depth == 0) {
        zloom_buf_printf (out, "%s is empty", flow->name);
    } else if (!zloom_view_full (flow)) {
        zloom_buf_printf (out, "%s holds %lld message%s", flow->name, (long long) self->depth,
                          self->depth == 1 ? "" : "s");
    } else if (flow->limit_bytes > 0 && flow->bytes >= flow->limit_bytes) {
        zloom_buf_printf (out, "%s is full (%s of %s)", flow->name,
                          zloom_size_text (flow->bytes, size),
                          zloom_size_text (flow->limit_bytes, limit));
    } else {
        zloom_buf_printf (out, "%s is full (%lld of %lld messages)", flow->name,
                          (long long) self->depth, (long long) flow->limit_messages);
    }
}

/* Who waits for room, when it is full. */
static void
s_end (const s_case_t *self)
{
    zloom_buf_t *out = &self->why->sentence;
    char text[48];
    for (size_t i = 0; zloom_view_full (self->flow) && i < self->view->node_count; i++) {
        const zloom_view_node_t *node = &self->view->nodes[i];
        if (node->report.blocked_ms > 0 &&
            strcmp (node->report.blocked_on, self->flow->name) == 0) {
            zloom_buf_printf (out, "; %s has waited for room for %s", node->name,
                              zloom_view_time ((int64_t) node->report.blocked_ms, text));
        }
    }
}

static void
s_rates (const s_case_t *self)
{
    char in[24];
    char out[24];
    char age[48];
    zloom_buf_printf (&self->why->sentence, "%s/s in, %s/s out",
                      zloom_view_short (self->rates.in, in),
                      zloom_view_short (self->rates.out, out));
    if (self->depth > 0) {
        zloom_buf_printf (&self->why->sentence, ", the oldest is %s old",
                          zloom_view_time (self->flow->oldest_ms, age));
    }
}

/* ---- the causes, in order ------------------------------------------------------------------- */

static bool
s_paused (const s_case_t *self)
{
    if (!self->flow->paused) {
        return false;
    }
    s_begin (self);
    zloom_buf_add_text (&self->why->sentence, ": it is paused by hand, so nothing is handed out");
    zloom_buf_printf (&self->why->advice, "zloom resume %s lets it go on", self->flow->name);
    return true;
}

static bool
s_disk_full (const s_case_t *self)
{
    if (!self->router || !self->router->disk_full) {
        return false;
    }
    s_begin (self);
    zloom_buf_add_text (&self->why->sentence,
                        ": the router's disk is full, so new messages are refused");
    zloom_buf_add_text (&self->why->advice,
                        "make room on the disk of its state folder, or let its takers catch up; "
                        "it goes on by itself");
    return true;
}

/* For whose log to look at; any, when nobody is there now. */
static const char *
s_first_taker (const s_case_t *self)
{
    for (size_t i = 0; i < self->view->node_count; i++) {
        if (zloom_view_takes (&self->view->nodes[i], self->flow->name)) {
            return self->view->nodes[i].name;
        }
    }
    return "NODE";
}

static bool
s_no_takers (const s_case_t *self)
{
    if (self->flow->consumers > 0 || self->depth == 0) {
        return false;
    }
    zloom_buf_t *out = &self->why->sentence;
    char text[48];
    s_begin (self);
    zloom_buf_printf (out, ", the oldest for %s", zloom_view_time (self->flow->oldest_ms, text));
    if (zloom_why_dead_letters (self->view, self->flow, self->why)) {
        return true;
    }
    zloom_buf_add_text (out, ": nobody takes from it");
    const zloom_view_node_t *broken = zloom_view_away (self->view, "backoff", "failed");
    const zloom_view_node_t *drained = zloom_view_away (self->view, "done", "stopping");
    if (broken) {
        zloom_buf_printf (out, " (node %s is %s after %lld restart%s%s%s)", broken->name,
                          strcmp (broken->state, "failed") == 0 ? "given up"
                                                                : "waiting to be started",
                          (long long) broken->restarts, broken->restarts == 1 ? "" : "s",
                          broken->end[0] ? ": " : "", broken->end);
        zloom_buf_printf (&self->why->advice, "zloom why %s", broken->name);
        return true;
    }
    if (drained) {
        zloom_buf_printf (out, " (node %s was drained)", drained->name);
        zloom_buf_printf (&self->why->advice, "zloom resume %s, if that is who takes from it",
                          drained->name);
        return true;
    }
    zloom_buf_add_text (&self->why->advice,
                        "start a node that takes from it, or a program that consumes it");
    return true;
}

/* Others may take from it, and one is not there for whom it keeps what comes. */
static bool
s_group_away (const s_case_t *self)
{
    const zloom_view_group_t *group = zloom_why_group (self->view, self->flow->name);
    if (group) {
        s_begin (self);
        zloom_why_add_group (self->view, self->flow, group, self->why);
    }
    return group;
}

/* Of those who take from it, the one whose own report says the worst. */
static bool
s_taker (const s_case_t *self)
{
    zloom_why_t worst = {.cause = ZLOOM_WHY_COUNT};
    size_t broken = 0;
    size_t takers = 0;
    for (size_t i = 0; i < self->view->node_count; i++) {
        const zloom_view_node_t *node = &self->view->nodes[i];
        zloom_why_t own = {.cause = ZLOOM_WHY_COUNT};
        takers += zloom_view_takes (node, self->flow->name);
        if (!zloom_view_takes (node, self->flow->name) || !zloom_why_report (node, &own)) {
            continue;
        }
        broken++;
        if (own.cause < worst.cause) {
            zloom_why_fini (&worst);
            worst = own;
        } else {
            zloom_why_fini (&own);
        }
    }
    /* While others get on with it, one that is slow to answer is no reason. */
    if (broken == 0 || self->depth == 0 || (broken < takers && self->rates.out > 0)) {
        zloom_why_fini (&worst);
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence, ": %s", zloom_buf_text (&worst.sentence));
    zloom_buf_add_bytes (&self->why->advice, zloom_buf_bytes (&worst.advice));
    self->why->cause = worst.cause;
    zloom_why_fini (&worst);
    return true;
}

static bool
s_stuck (const s_case_t *self)
{
    const zloom_view_flow_t *flow = self->flow;
    if (flow->stuck == 0 || flow->ready + flow->leased > 0 || self->rates.out > 0) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence,
                      ": %lld key%s wait%s for a hand, since a message of %s has failed for good",
                      (long long) flow->stuck, flow->stuck == 1 ? "" : "s",
                      flow->stuck == 1 ? "s" : "", flow->stuck == 1 ? "it" : "each");
    zloom_buf_printf (&self->why->advice,
                      "zloom flow parked %s says which and why, zloom flow release lets one go on",
                      flow->name);
    return true;
}

static bool
s_failing (const s_case_t *self)
{
    char rate[24];
    char text[48];
    if (self->rates.failing <= 0 || self->rates.out > 0) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence, ": all that is tried fails, %s/s",
                      zloom_view_short (self->rates.failing, rate));
    if (self->flow->due_ms >= 0) {
        zloom_buf_printf (&self->why->sentence, "; %lld wait%s, the next try is in %s",
                          (long long) self->flow->waiting, self->flow->waiting == 1 ? "s" : "",
                          zloom_view_time (self->flow->due_ms, text));
    }
    zloom_buf_printf (&self->why->advice, "zloom logs %s says why", s_first_taker (self));
    return true;
}

/* Only what waits for its time is there. */
static bool
s_waits (const s_case_t *self)
{
    const zloom_view_flow_t *flow = self->flow;
    return flow->waiting > 0 && flow->ready + flow->leased == 0 && flow->due_ms >= 0;
}

static bool
s_retry (const s_case_t *self)
{
    char text[48];
    if (!s_waits (self) || self->flow->due_failures == 0) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence,
                      ": %lld wait%s for a retry; the next try is in %s, after %lld failure%s",
                      (long long) self->flow->waiting, self->flow->waiting == 1 ? "s" : "",
                      zloom_view_time (self->flow->due_ms, text),
                      (long long) self->flow->due_failures,
                      self->flow->due_failures == 1 ? "" : "s");
    zloom_buf_printf (&self->why->advice,
                      "zloom logs %s says why; retry.backoff is how long they wait",
                      s_first_taker (self));
    return true;
}

static bool
s_delayed (const s_case_t *self)
{
    char text[48];
    if (!s_waits (self)) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence,
                      ": %lld %s not due yet, as the sender asked; the next is due in %s",
                      (long long) self->flow->waiting, self->flow->waiting == 1 ? "is" : "are",
                      zloom_view_time (self->flow->due_ms, text));
    return true;
}

static bool
s_disk_slow (const s_case_t *self)
{
    const zloom_view_router_t *router = self->router;
    const bool busy = router && (router->group > router->durable + 1 || self->rates.in > 0);
    if (!busy || !zloom_why_disk_is_slow (router)) {
        return false;
    }
    s_begin (self);
    zloom_buf_add_text (&self->why->sentence, ": the router's disk is slow, ");
    zloom_why_add_sync (router, "its last sync", "its sync under way", &self->why->sentence);
    zloom_buf_add_text (&self->why->sentence, ", and every confirm waits for one; ");
    s_rates (self);
    zloom_buf_add_text (&self->why->advice,
                        "see what else writes to that disk, or put the state folder on a faster "
                        "one");
    return true;
}

static bool
s_draining (const s_case_t *self)
{
    if (!self->flow->draining) {
        return false;
    }
    s_begin (self);
    zloom_buf_add_text (&self->why->sentence,
                        ": it is being drained, so it takes nothing new from outside; ");
    s_rates (self);
    zloom_buf_printf (&self->why->advice, "zloom resume %s lets it take messages again",
                      self->flow->name);
    return true;
}

static bool
s_no_credit (const s_case_t *self)
{
    const zloom_view_flow_t *flow = self->flow;
    char text[48];
    if (flow->ready == 0 || flow->credit > 0 || self->rates.out > 0) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (
      &self->why->sentence,
      ": its %lld taker%s hold%s %lld, as many as they may, and settled none in the "
      "last %.1f s; the oldest is %s old",
      (long long) flow->consumers, flow->consumers == 1 ? "" : "s", flow->consumers == 1 ? "s" : "",
      (long long) flow->leased, self->rates.seconds, zloom_view_time (flow->oldest_ms, text));
    zloom_buf_add_text (&self->why->advice,
                        "see what they are at (zloom top); more of them (replicas) or a larger "
                        "prefetch take more at a time");
    return true;
}

static bool
s_slow (const s_case_t *self)
{
    const bool behind = self->rates.in > self->rates.out && self->depth > 0;
    /* A message that has just come is no backlog. */
    if (!behind || (!zloom_view_full (self->flow) && self->flow->oldest_ms < 1000)) {
        return false;
    }
    s_begin (self);
    zloom_buf_printf (&self->why->sentence,
                      ": its %lld taker%s too slow: ", (long long) self->flow->consumers,
                      self->flow->consumers == 1 ? " is" : "s are");
    s_rates (self);
    zloom_buf_add_text (&self->why->advice,
                        "more replicas of the node that takes from it, or a faster handler");
    return true;
}

static bool
s_catching_up (const s_case_t *self)
{
    const double gain = self->rates.out - self->rates.in;
    char text[48];
    if (gain <= 0 || self->depth == 0 || self->flow->oldest_ms < 1000) {
        return false;
    }
    const double left_s = (double) self->depth / gain;
    s_begin (self);
    zloom_buf_add_text (&self->why->sentence, " and catches up: ");
    s_rates (self);
    if (left_s < 1e9) {
        zloom_buf_printf (&self->why->sentence, "; at that rate it is empty in %s",
                          zloom_view_time ((int64_t) (left_s * 1000), text));
    }
    return true;
}

static bool
s_well (const s_case_t *self)
{
    if (self->depth == 0 && self->rates.in <= 0 && self->rates.out <= 0) {
        return false;
    }
    zloom_buf_printf (&self->why->sentence, "%s is well: ", self->flow->name);
    s_rates (self);
    zloom_buf_printf (&self->why->sentence, ", %lld inside", (long long) self->depth);
    if (self->flow->leased > 0) {
        zloom_buf_printf (&self->why->sentence, ", %lld of them with its %lld taker%s",
                          (long long) self->flow->leased, (long long) self->flow->consumers,
                          self->flow->consumers == 1 ? "" : "s");
    }
    return true;
}

static bool
s_idle (const s_case_t *self)
{
    const zloom_view_flow_t *flow = self->flow;
    zloom_buf_t *out = &self->why->sentence;
    zloom_buf_printf (out, "%s is idle: it is empty, and nothing came in the last %.1f s",
                      flow->name, self->rates.seconds);
    if (flow->consumers > 0) {
        zloom_buf_printf (out, "; %lld taker%s wait%s", (long long) flow->consumers,
                          flow->consumers == 1 ? "" : "s", flow->consumers == 1 ? "s" : "");
    } else {
        zloom_buf_add_text (out, "; nobody takes from it now");
    }
    if (flow->acked > 0) {
        zloom_buf_printf (out, ", %lld message%s done so far", (long long) flow->acked,
                          flow->acked == 1 ? " is" : "s are");
    }
    return true;
}

static const struct {
    zloom_why_cause_t cause; /* COUNT: it says which itself */
    bool (*holds) (const s_case_t *self);
} s_causes[] = {
  {ZLOOM_WHY_PAUSED, s_paused},       {ZLOOM_WHY_DISK_FULL, s_disk_full},
  {ZLOOM_WHY_COUNT, s_taker},         {ZLOOM_WHY_COUNT, s_group_away},
  {ZLOOM_WHY_NO_TAKERS, s_no_takers}, {ZLOOM_WHY_STUCK, s_stuck},
  {ZLOOM_WHY_FAILING, s_failing},     {ZLOOM_WHY_RETRY, s_retry},
  {ZLOOM_WHY_DELAYED, s_delayed},     {ZLOOM_WHY_DISK_SLOW, s_disk_slow},
  {ZLOOM_WHY_DRAINING, s_draining},   {ZLOOM_WHY_NO_CREDIT, s_no_credit},
  {ZLOOM_WHY_SLOW, s_slow},           {ZLOOM_WHY_CATCHING_UP, s_catching_up},
  {ZLOOM_WHY_WELL, s_well},           {ZLOOM_WHY_IDLE, s_idle},
};

bool
zloom_why_flow (const zloom_view_t *before, const zloom_view_t *now, const char *flow,
                zloom_why_t *why)
{
    s_case_t self = {.view = now, .flow = zloom_view_flow (now, flow), .why = why};
    if (!self.flow) {
        return false;
    }
    self.router = zloom_view_router (now, self.flow->router);
    self.rates = zloom_view_rates (before, now, flow);
    self.depth = zloom_view_depth (self.flow);
    for (size_t i = 0; i < sizeof s_causes / sizeof *s_causes; i++) {
        if (s_causes[i].holds (&self)) {
            if (s_causes[i].cause != ZLOOM_WHY_COUNT) {
                why->cause = s_causes[i].cause;
            }
            break;
        }
    }
    s_end (&self);
    return true;
}
