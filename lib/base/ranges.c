/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ranges.c - one array with free room on both sides: items[head .. head + count).
 *
 * Opening or closing a gap moves the shorter side. When the side that must grow has no room, the
 * items are laid out anew with at least a quarter of the array free there, so the move is paid by
 * the inserts that follow.
 */
#include "base/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"

#define FIRST_CAPACITY 8
/* An array this small is kept, however empty. */
#define KEPT_CAPACITY 64

void
zloom_ranges_fini (zloom_ranges_t *self)
{
    free (self->items);
    *self = (zloom_ranges_t){NULL, 0, 0, 0, 0};
}

void
zloom_ranges_clear (zloom_ranges_t *self)
{
    self->head = 0;
    self->count = 0;
    self->total = 0;
}

static inline zloom_range_t *
s_at (const zloom_ranges_t *self, size_t index)
{
    return &self->items[self->head + index];
}

static void
s_move (zloom_ranges_t *self, size_t to, size_t from, size_t count)
{
    if (count > 0) {
        memmove (self->items + to, self->items + from, count * sizeof *self->items);
    }
}

/* The index of the first range that ends at or after `number`; count when there is none. */
static size_t
s_search (const zloom_ranges_t *self, uint64_t number)
{
    if (self->count == 0 || s_at (self, 0)->last >= number) {
        return 0;
    }
    size_t low = 1;
    size_t high = self->count;
    /* The back, where the newest numbers go on, without halving. */
    if (s_at (self, high - 1)->last < number) {
        return high;
    }
    if (s_at (self, high - 2)->last < number) {
        return high - 1;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_at (self, middle)->last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The index of the first range at or behind `low` that starts after `number`. */
static size_t
s_search_end (const zloom_ranges_t *self, size_t low, uint64_t number)
{
    /* Most changes touch one or two ranges: look near before halving. */
    size_t step = 1;
    while (low + step < self->count && s_at (self, low + step)->first <= number) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < self->count ? low + step : self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_at (self, middle)->first <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Lay the items out anew so that there is room at the front or at the back. */
static void
s_make_room (zloom_ranges_t *self, bool front)
{
    if (self->count + 1 > self->capacity / 2) {
        size_t larger = self->capacity ? self->capacity * 2 : FIRST_CAPACITY;
        self->items = zloom_realloc (self->items, larger, sizeof *self->items);
        self->capacity = larger;
    }
    size_t head = front ? (self->capacity - self->count) / 2 : 0;
    s_move (self, head, self->head, self->count);
    self->head = head;
}

static void
s_insert (zloom_ranges_t *self, size_t index, zloom_range_t range)
{
    bool front = index < self->count - index; /* the front is the shorter side */
    if (front ? self->head == 0 : self->head + self->count == self->capacity) {
        s_make_room (self, front);
    }
    if (front) {
        s_move (self, self->head - 1, self->head, index);
        self->head--;
    } else {
        s_move (self, self->head + index + 1, self->head + index, self->count - index);
    }
    self->count++;
    *s_at (self, index) = range;
}

/* Take the items [from, to) out; an array that is nearly empty gives memory back. */
static void
s_delete (zloom_ranges_t *self, size_t from, size_t to)
{
    if (from == to) {
        return;
    }
    size_t behind = self->count - to;
    if (from < behind) {
        s_move (self, self->head + (to - from), self->head, from);
        self->head += to - from;
    } else {
        s_move (self, self->head + from, self->head + to, behind);
    }
    self->count -= to - from;
    if (self->count == 0) {
        self->head = 0;
    }
    if (self->capacity > KEPT_CAPACITY && self->count < self->capacity / 8) {
        size_t smaller = self->capacity / 2;
        while (smaller > KEPT_CAPACITY && self->count < smaller / 8) {
            smaller /= 2;
        }
        s_move (self, 0, self->head, self->count);
        self->head = 0;
        self->items = zloom_realloc (self->items, smaller, sizeof *self->items);
        self->capacity = smaller;
    }
}

uint64_t
zloom_ranges_add (zloom_ranges_t *self, uint64_t first, uint64_t last)
{
    if (first > last) {
        return 0;
    }
    /* Neighbours merge too, so the search goes one number further on either side. */
    size_t from = s_search (self, first > 0 ? first - 1 : 0);
    uint64_t reach = last < UINT64_MAX ? last + 1 : last;
    if (from == self->count || s_at (self, from)->first > reach) {
        s_insert (self, from, (zloom_range_t){first, last});
        self->total += last - first + 1;
        return last - first + 1;
    }
    size_t to = s_search_end (self, from, reach);
    uint64_t before = 0;
    for (size_t i = from; i < to; i++) {
        before += s_at (self, i)->last - s_at (self, i)->first + 1;
    }
    zloom_range_t *merged = s_at (self, from);
    uint64_t end = s_at (self, to - 1)->last;
    merged->first = merged->first < first ? merged->first : first;
    merged->last = end > last ? end : last;
    uint64_t added = merged->last - merged->first + 1 - before;
    s_delete (self, from + 1, to);
    self->total += added;
    return added;
}

uint64_t
zloom_ranges_remove (zloom_ranges_t *self, uint64_t first, uint64_t last)
{
    if (first > last) {
        return 0;
    }
    size_t from = s_search (self, first);
    if (from == self->count || s_at (self, from)->first > last) {
        return 0;
    }
    zloom_range_t *range = s_at (self, from);
    if (range->first < first && range->last > last) { /* a hole inside one range */
        zloom_range_t behind = {last + 1, range->last};
        range->last = first - 1;
        s_insert (self, from + 1, behind);
        self->total -= last - first + 1;
        return last - first + 1;
    }
    size_t to = s_search_end (self, from, last);
    uint64_t removed = 0;
    for (size_t i = from; i < to; i++) {
        range = s_at (self, i);
        uint64_t low = range->first > first ? range->first : first;
        uint64_t high = range->last < last ? range->last : last;
        removed += high - low + 1;
    }
    if (s_at (self, from)->first < first) {
        s_at (self, from)->last = first - 1;
        from++;
    }
    if (to > from && s_at (self, to - 1)->last > last) {
        s_at (self, to - 1)->first = last + 1;
        to--;
    }
    s_delete (self, from, to);
    self->total -= removed;
    return removed;
}

bool
zloom_ranges_has (const zloom_ranges_t *self, uint64_t number)
{
    size_t index = s_search (self, number);
    return index < self->count && s_at (self, index)->first <= number;
}

bool
zloom_ranges_find (const zloom_ranges_t *self, uint64_t from, zloom_range_t *range)
{
    size_t index = s_search (self, from);
    if (index == self->count) {
        return false;
    }
    *range = *s_at (self, index);
    if (range->first < from) {
        range->first = from;
    }
    return true;
}

bool
zloom_ranges_take (zloom_ranges_t *self, uint64_t most, zloom_range_t *range)
{
    if (self->count == 0 || most == 0) {
        return false;
    }
    zloom_range_t *front = s_at (self, 0);
    *range = *front;
    if (range->last - range->first >= most) {
        range->last = range->first + most - 1;
        front->first = range->last + 1;
    } else {
        s_delete (self, 0, 1);
    }
    self->total -= range->last - range->first + 1;
    return true;
}
