/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_slow.c - what waits for a listener, and what it loses.
 *
 * A listener is slow when something waits that it has no credit for, and only then its policy
 * counts: what came in one turn is not held against whoever takes it in the next. So a policy's
 * limit is looked at when a dispatch has given all that it could.
 */
#include "base/memory.h"
#include "patterns/bus/state.h"
#include "wire/envelope.h"
#include "wire/pack.h"

/* Messages that may wait for one who has never said what it takes, before it is slow, too. */
#define NEWCOMER_MOST 65536u

/* Where the one who loses something is told why. */
#define OLDEST "drop-oldest"
#define NEWEST "drop-newest"
#define LATEST "latest"
#define SPILL "spill"
#define BLOCK "block"

/* ---- losing ---------------------------------------------------------------------------------- */

void
zloom_bus_miss (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_missed_t *gap)
{
    zloom_gaps_add (&listener->gaps, gap, &listener->pending);
    listener->lost += gap->count;
    self->lost += gap->count;
    if (gap->count > 0 || gap->at_most) {
        zloom_bus_wake (self, listener); /* it is to be told */
    }
}

void
zloom_bus_lose (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t from, uint64_t to,
                uint64_t count, const char *reason)
{
    zloom_bus_miss (self, listener,
                    &(zloom_missed_t){.from = from, .to = to, .count = count, .reason = reason});
}

void
zloom_bus_lose_unread (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t from,
                       uint64_t to, const char *reason)
{
    listener->meant += to - from + 1;
    zloom_bus_miss (self, listener,
                    &(zloom_missed_t){.from = from,
                                      .to = to,
                                      .count = to - from + 1,
                                      .at_most = !listener->interest.all,
                                      .reason = reason});
}

/* [first, last] of what waits do not any more; returns how many they were. */
static uint64_t
s_take_out (const zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first, uint64_t last)
{
    const uint64_t count = zloom_ranges_remove (&listener->pending, first, last);
    const uint64_t bytes = count * zloom_sizes_mean (&self->sizes, first);
    listener->pending_bytes -= bytes < listener->pending_bytes ? bytes : listener->pending_bytes;
    if (listener->pending.total == 0) {
        listener->pending_bytes = 0;
    }
    return count;
}

void
zloom_bus_lose_below (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t seq,
                      const char *reason)
{
    zloom_range_t run;
    /* Run by run: between two of them there may be a hole that is told as one of its own. */
    while (zloom_ranges_find (&listener->pending, 0, &run) && run.first < seq) {
        const uint64_t last = run.last < seq ? run.last : seq - 1;
        const uint64_t count = s_take_out (self, listener, run.first, last);
        zloom_bus_lose (self, listener, run.first, last, count, reason);
    }
}

/* The `count` oldest ones go. */
static void
s_lose_oldest (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t count,
               const char *reason)
{
    zloom_range_t run;
    while (count > 0 && zloom_ranges_find (&listener->pending, 0, &run)) {
        const uint64_t n = run.last - run.first + 1 < count ? run.last - run.first + 1 : count;
        s_take_out (self, listener, run.first, run.first + n - 1);
        zloom_bus_lose (self, listener, run.first, run.first + n - 1, n, reason);
        count -= n;
    }
}

/* What waits beyond the `keep` oldest ones goes. */
static void
s_lose_newest (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t keep)
{
    while (listener->pending.total > keep) {
        const zloom_range_t last =
          *zloom_ranges_at (&listener->pending, listener->pending.count - 1);
        const uint64_t over = listener->pending.total - keep;
        const uint64_t all = last.last - last.first + 1;
        const uint64_t n = all < over ? all : over;
        s_take_out (self, listener, last.last - n + 1, last.last);
        zloom_bus_lose (self, listener, last.last - n + 1, last.last, n, NEWEST);
    }
}

void
zloom_bus_purge (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first, uint64_t last)
{
    const uint64_t count = s_take_out (self, listener, first, last);
    zloom_bus_lose (self, listener, first, last, count, "purged");
}

/* ---- latest ---------------------------------------------------------------------------------- */

/* Keys whose message has been handed out are of no use any more. */
static void
s_tidy (zloom_bus_listener_t *listener)
{
    zloom_map_t *kept = zloom_map_new ();
    zloom_bytes_t key;
    void *value;
    for (size_t i = 0; zloom_map_next (listener->newest, &i, &key, &value);) {
        if (zloom_ranges_has (&listener->pending, (uint64_t) (uintptr_t) value)) {
            zloom_map_put (kept, key, value);
        }
    }
    zloom_map_destroy (&listener->newest);
    listener->newest = kept;
}

/* Each of the messages replaces what waits under its key. */
static void
s_replace (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first, uint64_t last,
           zloom_bytes_t pack)
{
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t bytes;
    for (uint64_t seq = first; seq <= last && zloom_pack_next (&iter, &bytes); seq++) {
        zloom_envelope_t head = {0};
        if (zloom_envelope_decode_head (bytes, &head) != ZLOOM_OK) {
            continue; /* nobody can say what it replaces */
        }
        const zloom_bytes_t key = head.key.data ? head.key : head.topic;
        const uint64_t old =
          (uint64_t) (uintptr_t) zloom_map_put (listener->newest, key, (void *) (uintptr_t) seq);
        if (old > 0 && zloom_ranges_has (&listener->pending, old)) {
            s_take_out (self, listener, old, old);
            zloom_bus_lose (self, listener, old, old, 1, LATEST);
        }
    }
    if (zloom_map_count (listener->newest) > 2 * (size_t) listener->on_slow_value) {
        s_tidy (listener);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

static uint64_t
s_credit (const zloom_bus_listener_t *listener)
{
    uint64_t credit = 0;
    for (size_t i = 0; i < listener->member_count; i++) {
        const uint64_t one = zloom_bus_member_credit (listener->members[i]);
        credit = credit + one < credit ? UINT64_MAX : credit + one;
    }
    return credit;
}

/* How many hand-outs are due, for how many: who has no credit gets none. */
static void
s_count (zloom_bus_t *self, zloom_bus_listener_t *listener)
{
    if (s_credit (listener) == 0) {
        return;
    }
    self->pushes++;
    if (listener->taker_since_ns != self->pushes_since_ns) {
        listener->taker_since_ns = self->pushes_since_ns;
        self->takers++;
    }
}

void
zloom_bus_push (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first, uint64_t last,
                zloom_bytes_t pack, zloom_now_t now)
{
    if (listener->stage != ZLOOM_BUS_LIVE) {
        return; /* it comes to them by itself */
    }
    if (listener->pending.total == 0) {
        listener->waits_since_ns = now.mono_ns;
    }
    s_count (self, listener);
    listener->meant += last - first + 1;
    zloom_ranges_add (&listener->pending, first, last);
    listener->pending_bytes += pack.size;
    if (listener->newest && s_credit (listener) < listener->pending.total) {
        s_replace (self, listener, first, last, pack);
    }
    zloom_bus_wake (self, listener);
}

/* Whether anybody has ever said what it can take: who has just come is not slow. */
static bool
s_has_begun (const zloom_bus_listener_t *listener)
{
    bool begun = listener->pending.total > NEWCOMER_MOST;
    for (size_t i = 0; i < listener->member_count && !begun; i++) {
        begun = listener->members[i]->begun;
    }
    return begun;
}

void
zloom_bus_slow (zloom_bus_t *self, zloom_bus_listener_t *listener)
{
    const bool counts_bytes = listener->on_slow == ZLOOM_ON_SLOW_SPILL;
    const uint64_t most =
      (uint64_t) listener->on_slow_value + (counts_bytes ? listener->past_bytes : listener->past);
    const uint64_t total = listener->pending.total;
    if (listener->stage != ZLOOM_BUS_LIVE || total == 0 || s_credit (listener) > 0 ||
        !s_has_begun (listener)) {
        return;
    }
    switch (listener->on_slow) {
    case ZLOOM_ON_SLOW_DROP_OLDEST:
        s_lose_oldest (self, listener, total > most ? total - most : 0, OLDEST);
        break;
    case ZLOOM_ON_SLOW_LATEST:
        s_lose_oldest (self, listener, total > most ? total - most : 0, LATEST);
        break;
    case ZLOOM_ON_SLOW_DROP_NEWEST:
        s_lose_newest (self, listener, most);
        break;
    case ZLOOM_ON_SLOW_SPILL:
        while (listener->pending_bytes > most && listener->pending.total > 1) {
            const uint64_t over = listener->pending_bytes - most;
            const uint64_t mean = listener->pending_bytes / listener->pending.total + 1;
            s_lose_oldest (self, listener, over / mean + 1, SPILL);
        }
        break;
    case ZLOOM_ON_SLOW_DISCONNECT:
        listener->doomed = listener->doomed || total > most;
        break;
    case ZLOOM_ON_SLOW_BLOCK:
        break; /* as long as the flow has room */
    }
}

/* ---- a full flow ----------------------------------------------------------------------------- */

/* When a listener that senders wait for has had its time; ZLOOM_NEVER: they wait for others. */
static int64_t
s_patience (const zloom_bus_listener_t *listener)
{
    if (listener->on_slow != ZLOOM_ON_SLOW_BLOCK || listener->overrun ||
        listener->pending.total == 0) {
        return ZLOOM_NEVER;
    }
    const int64_t longest_ms = ZLOOM_NEVER / ZLOOM_NS_PER_MS;
    const int64_t ms = listener->on_slow_value < longest_ms ? listener->on_slow_value : longest_ms;
    return zloom_time_add (listener->waits_since_ns, ms * ZLOOM_NS_PER_MS);
}

int64_t
zloom_bus_next_press (const zloom_bus_t *self)
{
    int64_t next = ZLOOM_NEVER;
    for (size_t i = 0; self->pressed && i < self->active_count; i++) {
        const int64_t one = s_patience (self->active[i]);
        next = one < next ? one : next;
    }
    return next;
}

void
zloom_bus_press (zloom_bus_t *self, zloom_now_t now)
{
    for (size_t i = 0; self->pressed && i < self->active_count; i++) {
        zloom_bus_listener_t *listener = self->active[i];
        if (s_patience (listener) <= now.mono_ns) {
            listener->overrun = true; /* until it has caught up */
            s_lose_oldest (self, listener, (listener->pending.total + 1) / 2, BLOCK);
        }
    }
}
