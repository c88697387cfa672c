/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_copy.c - a bus near to those who hear it, which has what a bus on a router tells it, under
 * the numbers that it has there. So a place is the same here and there, a subscriber that comes
 * back to a copy made anew can be told how much it has missed, and a hole on the way here is a
 * hole in the numbers.
 *
 * Such a hole is a span of absent numbers: those who listen miss it where it is, and who reads on
 * over it later does, too. Nothing else counts them: spans may be as long as numbers go.
 */
#include "base/memory.h"
#include "patterns/bus/state.h"

/* ---- spans ----------------------------------------------------------------------------------- */

const zloom_missed_t *
zloom_bus_absent (const zloom_bus_t *self, uint64_t seq)
{
    for (size_t i = 0; i < self->absent_count; i++) {
        if (self->absent[i].to >= seq) {
            return &self->absent[i];
        }
    }
    return NULL;
}

uint64_t
zloom_bus_there (const zloom_bus_t *self, uint64_t from)
{
    uint64_t n = self->next_seq - from;
    for (size_t i = self->absent_count; i > 0 && self->absent[i - 1].to >= from; i--) {
        const zloom_missed_t *span = &self->absent[i - 1];
        n -= span->to - (span->from > from ? span->from : from) + 1;
    }
    return n;
}

uint64_t
zloom_bus_last_of (const zloom_bus_t *self, uint64_t n)
{
    uint64_t end = self->next_seq;
    for (size_t i = self->absent_count; i > 0; i--) {
        const zloom_missed_t *span = &self->absent[i - 1];
        const uint64_t between = end - span->to - 1;
        if (between > n) {
            break;
        }
        n -= between;
        end = span->from;
    }
    return end - n;
}

/* What is behind `from` in a span: of how many that is known. */
static zloom_missed_t
s_part (const zloom_missed_t *span, uint64_t from)
{
    zloom_missed_t part = *span;
    const bool whole = span->count == span->to - span->from + 1; /* each number was an event */
    if (from <= span->from) {
        return part;
    }
    part.from = from;
    part.count = whole ? span->to - from + 1 : 0;
    part.at_most = span->at_most || (span->count > 0 && !whole);
    return part;
}

void
zloom_bus_miss_absent (zloom_bus_t *self, zloom_bus_listener_t *listener,
                       const zloom_missed_t *span, uint64_t from)
{
    zloom_missed_t gap = s_part (span, from);
    const uint64_t numbers = gap.to - gap.from + 1;
    gap.at_most = gap.at_most || (gap.count > 0 && !listener->interest.all);
    listener->meant += gap.count;
    listener->began += gap.count < numbers ? numbers - gap.count : 0; /* nothing ever was there */
    zloom_bus_miss (self, listener, &gap);
}

void
zloom_bus_unkeep (zloom_bus_t *self, uint64_t floor)
{
    uint64_t at = self->floor;
    size_t gone = 0;
    for (; gone < self->absent_count && self->absent[gone].from < floor; gone++) {
        zloom_missed_t *span = &self->absent[gone];
        if (at < span->from) {
            zloom_sizes_remove (&self->sizes, at, span->from - 1);
        }
        at = span->to + 1;
        if (at > floor) { /* a reader stands in it */
            *span = s_part (span, floor);
            break;
        }
    }
    if (at < floor) {
        zloom_sizes_remove (&self->sizes, at, floor - 1);
    }
    if (gone > 0) {
        self->absent_count -= gone;
        memmove (self->absent, self->absent + gone, self->absent_count * sizeof *self->absent);
    }
}

uint64_t
zloom_bus_durable_to (const zloom_bus_t *self, uint64_t seq)
{
    const zloom_missed_t *span;
    while ((span = zloom_bus_absent (self, seq + 1)) != NULL && span->from == seq + 1) {
        seq = span->to;
    }
    return seq;
}

/* ---- PASS ------------------------------------------------------------------------------------ */

/* It is not kept for anybody who comes to it later: nothing at all is kept. */
static void
s_begin_anew (zloom_bus_t *self, uint64_t seq)
{
    self->floor = seq;
    self->kept = seq;
    self->retained = seq;
}

static void
s_keep_span (zloom_bus_t *self, const zloom_missed_t *span)
{
    zloom_missed_t *last = self->absent_count > 0 ? &self->absent[self->absent_count - 1] : NULL;
    if (last && last->to + 1 == span->from && last->at_most == span->at_most &&
        last->restart == span->restart) {
        last->to = span->to;
        last->count += span->count;
        last->reason = span->reason;
        return;
    }
    zloom_grow (&self->absent, &self->absent_capacity, self->absent_count + 1,
                sizeof *self->absent);
    self->absent[self->absent_count++] = *span;
}

/* Those who have come to the end miss it now, others when they come to it. */
static void
s_tell (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_missed_t *span)
{
    if (listener->stage != ZLOOM_BUS_LIVE && listener->at != span->from) {
        return;
    }
    zloom_bus_miss_absent (self, listener, span, span->from);
    listener->at = listener->stage == ZLOOM_BUS_LIVE ? listener->at : span->to + 1;
}

void
zloom_bus_pass (zloom_bus_t *self, const zloom_event_t *event)
{
    const uint64_t seq = event->pass.seq;
    if (event->pass.born > self->birth.first_seq) {
        self->birth.first_seq = event->pass.born;
    }
    if (!self->config.copy_of || seq <= self->next_seq) {
        return;
    }
    const zloom_missed_t span = {.from = self->next_seq,
                                 .to = seq - 1,
                                 .count = event->pass.missed ? event->pass.count : 0,
                                 .at_most = event->pass.missed && event->pass.count == 0,
                                 .restart = event->pass.restart,
                                 .reason =
                                   event->pass.restart ? ZLOOM_BUS_RESTART : ZLOOM_BUS_EDGE};
    const bool durable = self->durable_seq == span.from - 1;
    self->next_seq = seq;
    self->durable_seq = durable ? span.to : self->durable_seq;
    if (self->floor == span.from) {
        s_begin_anew (self, seq);
    } else {
        s_keep_span (self, &span);
    }
    for (size_t i = 0; i < self->listener_count; i++) {
        s_tell (self, self->listeners[i], &span);
    }
}

/* ---- who may hear it ------------------------------------------------------------------------- */

zloom_err_t
zloom_bus_check_copy (const zloom_bus_t *self, const zloom_event_t *event)
{
    const char *name = self->config.name;
    const char *home = self->config.copy_of;
    if (!home) {
        return ZLOOM_OK;
    }
    if (event->subscribe.durable) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s': an edge keeps nothing; durable subscribers come to router "
                           "'%s'",
                           name, home);
    }
    if (event->subscribe.on_slow == ZLOOM_ON_SLOW_BLOCK ||
        event->subscribe.on_slow == ZLOOM_ON_SLOW_SPILL) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s': through an edge nobody makes publishers wait, and there is "
                           "no disk to spill to; use another on_slow, or come to router '%s'",
                           name, home);
    }
    if (event->subscribe.from == ZLOOM_FROM_START || event->subscribe.from == ZLOOM_FROM_LAST ||
        event->subscribe.from == ZLOOM_FROM_TIME) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s': an edge keeps nothing of the past; begin now, or come to "
                           "router '%s'",
                           name, home);
    }
    return ZLOOM_OK;
}
