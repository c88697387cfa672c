/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/gaps.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
zloom_gaps_fini (zloom_gaps_t *self)
{
    free (self->items);
    *self = (zloom_gaps_t){0};
}

static bool
s_same_reason (const zloom_missed_t *a, const zloom_missed_t *b)
{
    return strcmp (a->reason, b->reason) == 0;
}

/* Whether nothing waits between the two, so that they are one: so many are kept apart. */
static bool
s_touch (const zloom_missed_t *a, const zloom_missed_t *b, size_t count,
         const zloom_ranges_t *pending)
{
    zloom_range_t run;
    if (a->at_most != b->at_most || a->restart != b->restart) {
        return false;
    }
    if (!s_same_reason (a, b) && a->to < b->from && count < ZLOOM_GAPS_APART) {
        return false;
    }
    if (!pending) {
        return a->to + 1 >= b->from || count >= ZLOOM_GAPS_APART;
    }
    return a->to + 1 >= b->from || !zloom_ranges_find (pending, a->to + 1, &run) ||
           run.first >= b->from;
}

static void
s_join (zloom_missed_t *into, const zloom_missed_t *gap)
{
    into->reason = s_same_reason (into, gap) ? into->reason : ZLOOM_GAPS_SEVERAL;
    into->from = gap->from < into->from ? gap->from : into->from;
    into->to = gap->to > into->to ? gap->to : into->to;
    into->count += gap->count;
}

/* The first span behind the place: items[place - 1] and it may have become one. */
static void
s_join_next (zloom_gaps_t *self, size_t place, const zloom_ranges_t *pending)
{
    zloom_missed_t *items = self->items + self->head;
    while (place < self->count &&
           s_touch (&items[place - 1], &items[place], self->count, pending)) {
        s_join (&items[place - 1], &items[place]);
        self->count--;
        memmove (items + place, items + place + 1, (self->count - place) * sizeof *items);
    }
}

void
zloom_gaps_add (zloom_gaps_t *self, const zloom_missed_t *gap, const zloom_ranges_t *pending)
{
    if (gap->count == 0 && !gap->at_most) {
        return;
    }
    size_t place = self->count; /* most are lost at one of the ends */
    while (place > 0 && self->items[self->head + place - 1].from > gap->from) {
        place--;
    }
    zloom_missed_t *items = self->items + self->head;
    if (place > 0 && s_touch (&items[place - 1], gap, self->count, pending)) {
        s_join (&items[place - 1], gap);
        s_join_next (self, place, pending);
        return;
    }
    if (self->head > 0 && self->head + self->count == self->capacity) {
        memmove (self->items, items, self->count * sizeof *items);
        self->head = 0;
    }
    zloom_grow (&self->items, &self->capacity, self->head + self->count + 1, sizeof *self->items);
    items = self->items + self->head;
    memmove (items + place + 1, items + place, (self->count - place) * sizeof *items);
    items[place] = *gap;
    self->count++;
    s_join_next (self, place + 1, pending);
}

bool
zloom_gaps_take (zloom_gaps_t *self, uint64_t seq, zloom_missed_t *gap)
{
    if (self->count == 0 || self->items[self->head].to >= seq) {
        return false;
    }
    *gap = self->items[self->head++];
    if (--self->count == 0) {
        self->head = 0;
    }
    return true;
}
