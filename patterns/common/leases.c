/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/leases.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/ranges.h"
#include "base/tag.h"

#define LEASES_TAG 0x5A4C7365u
/* So many freed leases are kept for reuse, with room for so many parts. */
#define SPARE_MAX 256
#define SPARE_PARTS 64

struct zloom_lease {
    zloom_token_t token;
    zloom_holder_t *holder;
    zloom_lease_t *before; /* neighbours in the holder's list; `after` also links spare ones */
    zloom_lease_t *after;
    zloom_timer_t timer;       /* the earliest deadline of its parts */
    zloom_lease_part_t *parts; /* rising, disjoint */
    size_t count;
    size_t capacity;
    bool suspect;
};

struct zloom_leases {
    uint32_t tag;
    zloom_map_t *tokens; /* by the 16 bytes of the token */
    zloom_timers_t *timers;
    uint64_t messages;
    zloom_lease_t *spare;
    size_t spare_count;
};

zloom_leases_t *
zloom_leases_new (void)
{
    zloom_leases_t *self = zloom_alloc (sizeof *self);
    self->tag = LEASES_TAG;
    self->tokens = zloom_map_new ();
    self->timers = zloom_timers_new ();
    return self;
}

static void
s_free (zloom_lease_t *lease)
{
    free (lease->parts);
    free (lease);
}

void
zloom_leases_destroy (zloom_leases_t **self_p)
{
    zloom_assert (self_p);
    zloom_leases_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, LEASES_TAG);
    void *lease;
    for (size_t i = 0; zloom_map_next (self->tokens, &i, NULL, &lease);) {
        s_free (lease);
    }
    while (self->spare) {
        zloom_lease_t *after = self->spare->after;
        s_free (self->spare);
        self->spare = after;
    }
    zloom_map_destroy (&self->tokens);
    zloom_timers_destroy (&self->timers);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_lease_t *
zloom_leases_add (zloom_leases_t *self, zloom_holder_t *holder, zloom_token_t token, bool suspect)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    if (zloom_leases_find (self, token)) {
        return NULL;
    }
    zloom_lease_t *lease = self->spare;
    if (lease) {
        self->spare = lease->after;
        self->spare_count--;
    } else {
        lease = zloom_alloc (sizeof *lease);
    }
    lease->token = token;
    lease->holder = holder;
    lease->suspect = suspect;
    lease->timer.owner = lease;
    lease->after = NULL;
    lease->before = holder->last;
    if (holder->last) {
        holder->last->after = lease;
    } else {
        holder->first = lease;
    }
    holder->last = lease;
    zloom_map_put (self->tokens, zloom_bytes (&lease->token, sizeof lease->token), lease);
    return lease;
}

/* The earliest deadline of the lease's parts. */
static int64_t
s_earliest (const zloom_lease_t *lease)
{
    int64_t earliest = ZLOOM_NEVER;
    for (size_t i = 0; i < lease->count; i++) {
        if (lease->parts[i].deadline_ns < earliest) {
            earliest = lease->parts[i].deadline_ns;
        }
    }
    return earliest;
}

/* The timer never comes later than the earliest deadline; one that comes too early is set anew. */
static void
s_hasten (zloom_leases_t *self, zloom_lease_t *lease, int64_t deadline_ns)
{
    if (lease->timer.slot == 0 || deadline_ns < lease->timer.deadline_ns) {
        zloom_timers_arm (self->timers, &lease->timer, deadline_ns);
    }
}

/* Unlink and keep or free a lease without parts. */
static void
s_end (zloom_leases_t *self, zloom_lease_t *lease)
{
    zloom_holder_t *holder = lease->holder;
    *(lease->before ? &lease->before->after : &holder->first) = lease->after;
    *(lease->after ? &lease->after->before : &holder->last) = lease->before;
    zloom_timers_cancel (self->timers, &lease->timer);
    zloom_map_remove (self->tokens, zloom_bytes (&lease->token, sizeof lease->token));
    if (self->spare_count >= SPARE_MAX || lease->capacity > SPARE_PARTS) {
        s_free (lease);
        return;
    }
    lease->after = self->spare;
    self->spare = lease;
    self->spare_count++;
}

void
zloom_leases_push (zloom_leases_t *self, zloom_lease_t *lease, uint64_t seq, uint32_t n,
                   int64_t deadline_ns)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    zloom_lease_part_t *last = lease->count ? &lease->parts[lease->count - 1] : NULL;
    zloom_assert (n > 0 && (!last || last->seq + last->n <= seq));
    if (last && last->seq + last->n == seq && !last->started && last->deadline_ns == deadline_ns) {
        last->n += n;
    } else {
        zloom_grow (&lease->parts, &lease->capacity, lease->count + 1, sizeof *lease->parts);
        lease->parts[lease->count++] =
          (zloom_lease_part_t){.seq = seq, .n = n, .deadline_ns = deadline_ns};
    }
    lease->holder->messages += n;
    self->messages += n;
    s_hasten (self, lease, deadline_ns);
}

void
zloom_leases_discard (zloom_leases_t *self, zloom_lease_t *lease)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    zloom_assert (lease->count == 0);
    s_end (self, lease);
}

zloom_lease_t *
zloom_leases_find (const zloom_leases_t *self, zloom_token_t token)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    return zloom_map_get (self->tokens, zloom_bytes (&token, sizeof token));
}

/* The index of the first part that ends at or behind `seq`. */
static size_t
s_search (const zloom_lease_t *lease, uint64_t seq)
{
    size_t low = 0;
    size_t high = lease->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lease->parts[middle].seq + lease->parts[middle].n - 1 < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool
zloom_leases_held (const zloom_lease_t *lease, uint64_t first, uint64_t last,
                   zloom_lease_part_t *part)
{
    size_t index = s_search (lease, first);
    if (index == lease->count || lease->parts[index].seq > last) {
        return false;
    }
    *part = lease->parts[index];
    uint64_t end = part->seq + part->n - 1;
    part->seq = part->seq > first ? part->seq : first;
    part->n = (uint32_t) ((end < last ? end : last) - part->seq + 1);
    return true;
}

static void
s_delete (zloom_lease_t *lease, size_t index)
{
    lease->count--;
    memmove (lease->parts + index, lease->parts + index + 1,
             (lease->count - index) * sizeof *lease->parts);
}

/* Cut the part so that one begins at `seq`, which lies inside of it; returns that one's index. */
static size_t
s_split (zloom_lease_t *lease, size_t index, uint64_t seq)
{
    zloom_lease_part_t *part = &lease->parts[index];
    if (part->seq == seq) {
        return index;
    }
    zloom_grow (&lease->parts, &lease->capacity, lease->count + 1, sizeof *lease->parts);
    part = &lease->parts[index];
    memmove (part + 2, part + 1, (lease->count - index - 1) * sizeof *part);
    lease->count++;
    uint32_t before = (uint32_t) (seq - part->seq);
    part[1] = part[0];
    part[1].seq = seq;
    part[1].n -= before;
    part[0].n = before;
    return index + 1;
}

/* Make [seq, seq + n), which lies within one part, a part of its own; returns its index. */
static size_t
s_isolate (zloom_lease_t *lease, uint64_t seq, uint32_t n)
{
    size_t index = s_split (lease, s_search (lease, seq), seq);
    if (lease->parts[index].n > n) {
        s_split (lease, index, seq + n);
    }
    return index;
}

/* Take a part (cut to what is wanted) out of the lease. */
static void
s_take (zloom_leases_t *self, zloom_lease_t **lease_p, const zloom_lease_part_t *taken)
{
    zloom_lease_t *lease = *lease_p;
    size_t index = s_search (lease, taken->seq);
    zloom_lease_part_t *part = &lease->parts[index];
    if (part->n == taken->n) {
        s_delete (lease, index);
    } else if (part->seq == taken->seq) {
        part->seq += taken->n;
        part->n -= taken->n;
    } else {
        s_delete (lease, s_isolate (lease, taken->seq, taken->n));
    }
    lease->holder->messages -= taken->n;
    self->messages -= taken->n;
    if (lease->count == 0) {
        s_end (self, lease);
        *lease_p = NULL;
    }
}

bool
zloom_leases_take (zloom_leases_t *self, zloom_lease_t **lease_p, uint64_t first, uint64_t last,
                   zloom_lease_part_t *part)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    if (!*lease_p || !zloom_leases_held (*lease_p, first, last, part)) {
        return false;
    }
    s_take (self, lease_p, part);
    return true;
}

/* Join neighbours that have become equal. */
static void
s_join (zloom_lease_t *lease)
{
    size_t kept = 0;
    for (size_t i = 1; i < lease->count; i++) {
        zloom_lease_part_t *last = &lease->parts[kept];
        const zloom_lease_part_t *next = &lease->parts[i];
        if (last->seq + last->n == next->seq && last->started == next->started &&
            last->deadline_ns == next->deadline_ns) {
            last->n += next->n;
        } else {
            lease->parts[++kept] = *next;
        }
    }
    lease->count = kept + 1;
}

static void
s_change (zloom_leases_t *self, zloom_lease_t *lease, zloom_range_t range, bool start,
          int64_t deadline_ns)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    zloom_lease_part_t held;
    uint64_t from = range.first;
    while (from <= range.last && zloom_leases_held (lease, from, range.last, &held)) {
        from = held.seq + held.n;
        if (start && held.started) {
            continue;
        }
        size_t index = s_isolate (lease, held.seq, held.n); /* may move the parts */
        lease->parts[index].deadline_ns = deadline_ns;
        lease->parts[index].started |= start;
    }
    s_join (lease);
    s_hasten (self, lease, deadline_ns);
}

void
zloom_leases_start (zloom_leases_t *self, zloom_lease_t *lease, uint64_t first, uint64_t last,
                    int64_t deadline_ns)
{
    s_change (self, lease, (zloom_range_t){first, last}, true, deadline_ns);
}

void
zloom_leases_extend (zloom_leases_t *self, zloom_lease_t *lease, uint64_t first, uint64_t last,
                     int64_t deadline_ns)
{
    s_change (self, lease, (zloom_range_t){first, last}, false, deadline_ns);
}

zloom_lease_t *
zloom_leases_due (zloom_leases_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    zloom_timer_t *timer;
    while ((timer = zloom_timers_pop_due (self->timers, mono_ns))) {
        zloom_lease_t *lease = timer->owner;
        int64_t earliest = s_earliest (lease);
        zloom_timers_arm (self->timers, timer, earliest);
        if (earliest <= mono_ns) {
            return lease;
        }
    }
    return NULL;
}

bool
zloom_leases_take_due (zloom_leases_t *self, zloom_lease_t **lease_p, int64_t mono_ns,
                       zloom_lease_part_t *part)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    for (size_t i = 0; *lease_p && i < (*lease_p)->count; i++) {
        if ((*lease_p)->parts[i].deadline_ns <= mono_ns) {
            *part = (*lease_p)->parts[i];
            s_take (self, lease_p, part);
            return true;
        }
    }
    return false;
}

int64_t
zloom_leases_next (const zloom_leases_t *self)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    return zloom_timers_next (self->timers);
}

void
zloom_leases_shift (zloom_leases_t *self, int64_t by_ns)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    void *value;
    for (size_t i = 0; zloom_map_next (self->tokens, &i, NULL, &value);) {
        zloom_lease_t *lease = value;
        for (size_t j = 0; j < lease->count; j++) {
            zloom_lease_part_t *part = &lease->parts[j];
            part->deadline_ns = zloom_time_add (part->deadline_ns, by_ns);
        }
    }
    zloom_timers_shift (self->timers, by_ns);
}

uint64_t
zloom_leases_messages (const zloom_leases_t *self)
{
    ZLOOM_CHECK (self, LEASES_TAG);
    return self->messages;
}

zloom_token_t
zloom_lease_token (const zloom_lease_t *lease)
{
    return lease->token;
}

zloom_holder_t *
zloom_lease_holder (const zloom_lease_t *lease)
{
    return lease->holder;
}

bool
zloom_lease_suspect (const zloom_lease_t *lease)
{
    return lease->suspect;
}

zloom_lease_t *
zloom_lease_next (const zloom_lease_t *lease)
{
    return lease->after;
}

uint64_t
zloom_lease_last (const zloom_lease_t *lease)
{
    const zloom_lease_part_t *last = &lease->parts[lease->count - 1];
    return last->seq + last->n - 1;
}
