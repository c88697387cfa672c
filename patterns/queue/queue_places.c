/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_places.c - where messages are that nobody holds: ready in their priority's class, waiting,
 * suspect. A flow without priorities has one class only.
 */
#include "patterns/queue/state.h"

void
zloom_queue_add_ready (zloom_queue_t *self, zloom_ready_kind_t kind, uint64_t first, uint64_t last)
{
    while (first <= last) {
        uint64_t end;
        const uint8_t rank = zloom_ranks_at (&self->ranks, first, last, &end);
        zloom_ready_add (&self->ready[rank], kind, first, end);
        first = end + 1;
    }
}

/* The classes in use: [*rank, *end). What is ready in another one has a rank. */
static void
s_classes (const zloom_queue_t *self, size_t *rank, size_t *end)
{
    const bool usual = self->ranks.total == 0;
    *rank = usual ? ZLOOM_RANK_USUAL : 0;
    *end = usual ? ZLOOM_RANK_USUAL + 1 : ZLOOM_RANKS;
}

uint64_t
zloom_queue_remove_ready (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    uint64_t removed = 0;
    size_t rank;
    size_t end;
    for (s_classes (self, &rank, &end); rank < end; rank++) {
        removed += zloom_ready_remove (&self->ready[rank], first, last);
    }
    return removed;
}

bool
zloom_queue_is_ready (const zloom_queue_t *self, uint64_t seq)
{
    size_t rank;
    size_t end;
    for (s_classes (self, &rank, &end); rank < end; rank++) {
        if (zloom_ready_has (&self->ready[rank], seq)) {
            return true;
        }
    }
    return false;
}

bool
zloom_queue_find_ready (const zloom_queue_t *self, uint64_t from, uint64_t last, bool failed_only,
                        zloom_range_t *run, zloom_ready_kind_t *kind)
{
    bool found = false;
    size_t rank;
    size_t end;
    for (s_classes (self, &rank, &end); rank < end; rank++) {
        zloom_range_t candidate;
        zloom_ready_kind_t candidate_kind;
        if (zloom_ready_find (&self->ready[rank], from, last, failed_only, &candidate,
                              &candidate_kind) &&
            (!found || candidate.first < run->first)) {
            found = true;
            *run = candidate;
            *kind = candidate_kind;
        }
    }
    return found;
}

uint64_t
zloom_queue_ready_total (const zloom_queue_t *self)
{
    uint64_t total = 0;
    size_t rank;
    size_t end;
    for (s_classes (self, &rank, &end); rank < end; rank++) {
        total += zloom_ready_total (&self->ready[rank]);
    }
    return total;
}

bool
zloom_queue_next (const zloom_queue_t *self, bool failed_only, zloom_now_t now, zloom_range_t *run,
                  zloom_ready_kind_t *kind)
{
    if (self->ranks.total == 0) {
        return zloom_ready_find (&self->ready[ZLOOM_RANK_USUAL], 0, self->durable_seq, failed_only,
                                 run, kind);
    }
    bool found = false;
    int64_t highest = 0;
    for (size_t rank = ZLOOM_RANKS; rank > 0; rank--) {
        zloom_range_t candidate;
        zloom_ready_kind_t candidate_kind;
        if (!zloom_ready_find (&self->ready[rank - 1], 0, self->durable_seq, failed_only,
                               &candidate, &candidate_kind)) {
            continue;
        }
        const int64_t age_ns = now.wall_ns - zloom_ages_at (&self->ages, candidate.first);
        const int64_t gained =
          self->config.aging_ns > 0 && age_ns > 0 ? age_ns / self->config.aging_ns : 0;
        if (!found || (int64_t) rank + gained > highest) {
            found = true;
            highest = (int64_t) rank + gained;
            *run = candidate;
            *kind = candidate_kind;
        }
    }
    return found;
}

/* ---- all places ------------------------------------------------------------------------------ */

bool
zloom_queue_free_run (const zloom_queue_t *self, uint64_t from, uint64_t last, zloom_range_t *run)
{
    zloom_ready_kind_t kind;
    zloom_range_t other;
    bool found = zloom_queue_find_ready (self, from, last, false, run, &kind);
    if (zloom_numbers_find (&self->waiting, from, last, &other) &&
        (!found || other.first < run->first)) {
        *run = other;
        found = true;
    }
    if (zloom_numbers_find (&self->suspects.numbers, from, last, &other) &&
        (!found || other.first < run->first)) {
        *run = other;
        found = true;
    }
    return found;
}

void
zloom_queue_pull (zloom_queue_t *self, const zloom_range_t *run)
{
    zloom_queue_remove_ready (self, run->first, run->last);
    zloom_numbers_remove (&self->waiting, run->first, run->last);
    zloom_suspects_remove (&self->suspects, run->first, run->last);
}

void
zloom_queue_doom (zloom_queue_t *self, uint64_t first, uint64_t last, zloom_numbers_t *why)
{
    const zloom_range_t run = {first, last};
    zloom_queue_pull (self, &run);
    zloom_range_t failed;
    for (uint64_t from = first;
         from <= last && zloom_exceptions_find (self->exceptions, from, last, &failed);
         from = failed.last + 1) {
        for (uint64_t seq = failed.first; seq <= failed.last; seq++) {
            zloom_exceptions_wait (self->exceptions, zloom_exceptions_get (self->exceptions, seq),
                                   ZLOOM_NEVER);
        }
    }
    zloom_numbers_add (&self->moving, first, last);
    zloom_numbers_add (why, first, last);
    if (why == &self->damaged) {
        zloom_queue_miss (self, ZLOOM_REASON_LOST, first, last);
    }
    zloom_queue_order_gone (self, first, last);
    self->moving_blocked = false;
}
