/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_share.c - the members of a volatile group. When one is gone the others go on, and what was on
 * its way to it has gone with its session: nobody else gets it, since it may have arrived. If it
 * comes back it says what it has, and what it was given beyond that is told as lost to it.
 *
 * So the newest of what each member was given is remembered, and for a while of those who went. Who
 * comes back is known by its place: no number was given to two of them.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/state.h"

/* Runs of numbers that are remembered of a member, and members that went. */
#define RUNS 64u
#define LEFT 16u

#define SESSION "session"

static bool
s_shares (const zloom_bus_listener_t *listener)
{
    return listener && listener->name;
}

static uint64_t
s_last (const zloom_bus_given_t *given)
{
    return given->runs.count > 0 ? zloom_ranges_at (&given->runs, given->runs.count - 1)->last : 0;
}

void
zloom_bus_given (zloom_bus_member_t *member, const zloom_run_t *runs, size_t count)
{
    zloom_bus_given_t *given = &member->given;
    for (size_t i = 0; s_shares (member->listener) && i < count; i++) {
        zloom_ranges_add (&given->runs, runs[i].seq, runs[i].seq + runs[i].n - 1);
    }
    while (given->runs.count > RUNS) {
        const zloom_range_t oldest = *zloom_ranges_at (&given->runs, 0);
        zloom_ranges_remove (&given->runs, oldest.first, oldest.last);
        given->known_from = zloom_ranges_at (&given->runs, 0)->first;
    }
}

void
zloom_bus_forget_left (zloom_bus_listener_t *self)
{
    for (size_t i = 0; i < self->left_count; i++) {
        zloom_ranges_fini (&self->left[i].runs);
    }
    free (self->left);
}

/* The one that stands at `at` comes, or is too old: it is not among them any more. */
static void
s_take (zloom_bus_listener_t *self, size_t at)
{
    zloom_ranges_fini (&self->left[at].runs);
    self->left_count--;
    memmove (self->left + at, self->left + at + 1, (self->left_count - at) * sizeof *self->left);
}

void
zloom_bus_keep_left (zloom_bus_member_t *member)
{
    zloom_bus_listener_t *self = member->listener;
    const bool told = member->given.place > member->given.came;
    if (!s_shares (self) || (member->given.runs.count == 0 && !told)) {
        return;
    }
    if (self->left_count == LEFT) {
        const uint64_t last = s_last (&self->left[0]);
        self->left_to = last > self->left_to ? last : self->left_to;
        s_take (self, 0);
    }
    if (!self->left) {
        self->left = zloom_alloc (LEFT * sizeof *self->left);
    }
    self->left[self->left_count++] = member->given;
    member->given = (zloom_bus_given_t){0};
}

/* How well one fits who has all below `place`; 0: it is another one. */
static int
s_fits (const zloom_bus_given_t *one, uint64_t place)
{
    const bool heard = zloom_ranges_has (&one->runs, place - 1);
    const bool stands = one->came == place || one->place == place;
    const bool lost = s_last (one) >= place || one->place > place;
    return heard && lost             ? 4
           : stands && lost          ? 3
           : heard || stands         ? 2
           : place < one->known_from ? 1
                                     : 0;
}

/*
 * Who comes back; left_count: nobody who is remembered. Where it may be one of two, it is the one
 * that has lost something: the other one is found when it comes itself.
 */
static size_t
s_find (const zloom_bus_listener_t *self, uint64_t place)
{
    size_t found = self->left_count;
    int best = 0;
    for (size_t i = self->left_count; i > 0; i--) {
        const int fits = s_fits (&self->left[i - 1], place);
        if (fits > best) {
            found = i - 1;
            best = fits;
        }
    }
    return found;
}

/* What it was given from `place` on, and how many that were. */
static zloom_missed_t
s_missed (const zloom_bus_given_t *given, uint64_t place)
{
    zloom_missed_t gap = {.from = place, .to = s_last (given), .reason = SESSION};
    zloom_range_t run;
    for (uint64_t from = place; zloom_ranges_find (&given->runs, from, &run); from = run.last + 1) {
        gap.from = gap.count == 0 ? run.first : gap.from;
        gap.count += run.last - run.first + 1;
    }
    if (place < given->known_from || place < given->place) { /* ... or gaps were */
        gap.from = place;
        gap.to = given->place > gap.to ? given->place - 1 : gap.to;
        gap.at_most = true;
    }
    return gap;
}

void
zloom_bus_come_back (zloom_bus_t *self, zloom_bus_member_t *member, const zloom_event_t *event,
                     const zloom_turn_t *turn)
{
    zloom_bus_listener_t *listener = member->listener;
    const bool again = event->subscribe.from == ZLOOM_FROM_SEQ && event->subscribe.from_value > 0;
    const uint64_t value = again ? (uint64_t) event->subscribe.from_value : self->next_seq;
    const uint64_t place = value < self->next_seq ? value : self->next_seq;
    zloom_missed_t gap = {.from = place, .at_most = true, .reason = SESSION};
    member->given.came = place;
    member->given.place = place;
    if (!again || !s_shares (listener)) {
        return;
    }
    const size_t at = s_find (listener, place);
    if (at < listener->left_count) {
        gap = s_missed (&listener->left[at], place);
        s_take (listener, at);
    } else {
        const uint64_t before = listener->heard_from - 1;
        gap.to = before > listener->left_to ? before : listener->left_to;
        gap.reason = place < self->birth.first_seq ? ZLOOM_BUS_RESTART : SESSION;
    }
    if (gap.to < place) {
        return; /* it has all */
    }
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_GAP);
    effect->gap.consumer = member->id;
    effect->gap.from = gap.from;
    effect->gap.to = gap.to;
    effect->gap.count = gap.at_most ? 0 : gap.count;
    effect->gap.reason = gap.reason;
    if (!gap.at_most) { /* it was no delivery */
        listener->delivered -= gap.count;
        self->delivered -= gap.count;
        listener->lost += gap.count;
        self->lost += gap.count;
        listener->told += gap.count;
    }
    member->given.place = gap.to + 1;
    listener->gaps_told++;
}
