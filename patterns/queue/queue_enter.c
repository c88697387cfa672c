/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_enter.c - stored messages take their places: all of a pack in a flow of its own, those that
 * it wants in the queue of a durable group, which is fed from the log of its flow.
 */
#include "patterns/queue/state.h"
#include "wire/pack.h"

/* ---- what a pack says of itself -------------------------------------------------------------- */

/* The priorities of the messages, joined where they are equal. */
static void
s_ranks (const zloom_queue_t *self, zloom_effect_t *append, const zloom_turn_t *turn)
{
    if (!(append->append.flags & ZLOOM_FLAG_PRIORITY) || self->lanes) {
        return;
    }
    zloom_rank_run_t *runs = zloom_effects_memory (turn->effects, append->append.n * sizeof *runs);
    size_t count = 0;
    zloom_pack_iter_t iter = zloom_pack_iter (append->append.pack);
    zloom_bytes_t bytes;
    while (zloom_pack_next (&iter, &bytes)) {
        const zloom_envelope_t head = zloom_queue_head (bytes);
        const uint8_t rank = head.has_priority ? head.priority : ZLOOM_RANK_USUAL;
        if (count == 0 || runs[count - 1].rank != rank) {
            runs[count++] = (zloom_rank_run_t){.rank = rank};
        }
        runs[count - 1].n++;
    }
    if (count == 1 && runs[0].rank == ZLOOM_RANK_USUAL) {
        return;
    }
    append->append.ranks = runs;
    append->append.rank_count = count;
}

/* Steps through a pack with the times that its messages count from. */
typedef struct {
    zloom_pack_iter_t iter;
    const zloom_effect_t *append;
    size_t run;
    uint32_t left;
    uint32_t index; /* of the message read last */
    bool begun;
} times_t;

static times_t
s_times (const zloom_effect_t *append)
{
    return (times_t){.iter = zloom_pack_iter (append->append.pack),
                     .append = append,
                     .left = append->append.src_count > 0 ? append->append.src[0].n : 0};
}

static bool
s_next_time (times_t *self, zloom_envelope_t *head, int64_t *base_ns)
{
    const zloom_effect_t *append = self->append;
    zloom_bytes_t bytes;
    if (!zloom_pack_next (&self->iter, &bytes)) {
        return false;
    }
    self->index += self->begun ? 1 : 0;
    self->begun = true;
    *head = zloom_queue_head (bytes);
    for (; self->left == 0 && self->run + 1 < append->append.src_count;
         self->left = append->append.src[self->run].n) {
        self->run++;
    }
    self->left -= self->left > 0 ? 1 : 0;
    *base_ns = append->append.src[self->run].base_time_ns;
    return true;
}

void
zloom_queue_describe (const void *self, zloom_effect_t *append, const zloom_turn_t *turn)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    const uint32_t flags = append->append.flags;
    s_ranks (queue, append, turn);
    append->append.expires_ns = ZLOOM_NEVER;
    if (!zloom_queue_may_expire (queue, flags)) {
        return;
    }
    times_t times = s_times (append);
    zloom_envelope_t head;
    int64_t base_ns;
    while (s_next_time (&times, &head, &base_ns)) {
        const int64_t expiry_ns =
          zloom_queue_expiry (queue, &head, flags, base_ns, append->append.past);
        if (expiry_ns < append->append.expires_ns) {
            append->append.expires_ns = expiry_ns;
        }
    }
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Messages that are due later wait. */
static void
s_delay (zloom_queue_t *self, const zloom_effect_t *append, const zloom_turn_t *turn)
{
    times_t times = s_times (append);
    zloom_envelope_t head;
    int64_t base_ns;
    while (s_next_time (&times, &head, &base_ns)) {
        const uint64_t seq = append->append.seq + times.index;
        const int64_t delay_ns = zloom_queue_delay (&head, base_ns, turn->now.wall_ns);
        if (delay_ns > 0 && !zloom_done_has (&self->done, seq)) {
            zloom_queue_delay_message (self, seq, delay_ns, turn);
        }
    }
}

/* Messages [first, last], which are wanted, have come in. */
static void
s_place (zloom_queue_t *self, uint64_t first, uint64_t last, uint64_t bytes)
{
    self->appended += last - first + 1;
    zloom_queue_add_ready (self, ZLOOM_READY_FRESH, first, last);
    zloom_sizes_add (&self->sizes, first, last, bytes);
}

/* Those of a pack that are not wanted are done with. */
static void
s_pass_over (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    if (first <= last) {
        zloom_done_add (&self->done, first, last);
        zloom_ranks_remove (&self->ranks, first, last);
    }
}

void
zloom_queue_enter (void *self, const zloom_effect_t *append, const zloom_part_run_t *runs,
                   size_t run_count, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    const uint64_t first = append->append.seq;
    const uint64_t last = first + append->append.n - 1;
    const uint64_t mean = append->append.pack.size / append->append.n;
    zloom_assert (first == queue->next_seq);
    queue->next_seq = last + 1;
    zloom_ranks_add_runs (&queue->ranks, first, append->append.ranks, append->append.rank_count);
    uint64_t at = first;
    for (size_t i = 0; runs && i < run_count; i++) {
        s_pass_over (queue, at, first + runs[i].first - 1);
        at = first + runs[i].first + runs[i].n;
        s_place (queue, first + runs[i].first, at - 1, runs[i].n * mean);
    }
    if (runs) {
        s_pass_over (queue, at, last);
    } else {
        s_place (queue, first, last, append->append.pack.size);
    }
    if (runs && run_count == 0) {
        return;
    }
    zloom_ages_add (&queue->ages, first, append->append.src[0].base_time_ns);
    if (append->append.expires_ns != ZLOOM_NEVER) {
        zloom_expiries_add (&queue->expiries, first, last, append->append.expires_ns);
        zloom_queue_plan_expiry (queue, turn->now);
    }
    if (append->append.flags & ZLOOM_FLAG_DUE) {
        s_delay (queue, append, turn);
    }
}

/* ---- a durable group ------------------------------------------------------------------------- */

void *
zloom_queue_create_group (const zloom_flow_config_t *config, const zloom_birth_t *birth,
                          uint32_t group)
{
    zloom_queue_t *self = zloom_queue_pattern.create (config, birth);
    self->group = group;
    return self;
}

void
zloom_queue_enter_group (void *self, const zloom_effect_t *append, const zloom_part_run_t *runs,
                         size_t run_count, const zloom_turn_t *turn)
{
    zloom_queue_enter (self, append, runs, run_count, turn);
    zloom_queue_flush (zloom_queue_of (self), turn);
    zloom_assert (zloom_queue_check (self));
}

void
zloom_queue_drop (void *self, uint64_t count, uint32_t *runs_left, const zloom_turn_t *turn)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    uint64_t dropped = 0;
    zloom_range_t run;
    while (*runs_left > 0 && dropped < count && zloom_queue_free_run (queue, 0, UINT64_MAX, &run)) {
        --*runs_left;
        const uint64_t left = count - dropped;
        run.last = run.last - run.first < left ? run.last : run.first + left - 1;
        zloom_queue_pull (queue, &run);
        zloom_queue_lose (queue, run.first, run.last, ZLOOM_REASON_DROPPED);
        dropped += run.last - run.first + 1;
    }
    zloom_queue_order_flush (queue, turn);
    zloom_queue_flush (queue, turn);
    zloom_assert (zloom_queue_check (queue));
}

uint64_t
zloom_queue_gaps_told (const void *self)
{
    return zloom_queue_of_const (self)->missing.gaps;
}

uint64_t
zloom_queue_backlog (const void *self)
{
    return zloom_queue_unsettled (zloom_queue_of_const (self));
}

uint64_t
zloom_queue_floor (const void *self)
{
    return zloom_queue_of_const (self)->done.floor;
}

zloom_settle_reason_t
zloom_queue_why_left (const void *self, uint64_t seq)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    return zloom_numbers_has (&queue->left_dead, seq)      ? ZLOOM_REASON_MOVED
           : zloom_numbers_has (&queue->left_dropped, seq) ? ZLOOM_REASON_DROPPED
                                                           : ZLOOM_REASON_ACKED;
}

void
zloom_queue_forget_why (void *self, uint64_t below)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    if (below > 0) {
        zloom_numbers_remove (&queue->left_dead, 0, below - 1);
        zloom_numbers_remove (&queue->left_dropped, 0, below - 1);
    }
}
