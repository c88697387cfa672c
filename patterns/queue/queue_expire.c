/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_expire.c - what senders said about time: messages that are due later, and messages that
 * expire. Both are points of the wall clock, from the sender's base time on.
 *
 * A delayed message waits like a failed one, with no failure; what it waits for is journaled as
 * (wall stamp, delay) in the group that holds it. Expiry is looked at when a message is handed out,
 * and by a walk that looks, chunk by chunk, only where something has expired. What expired leaves
 * to the dead letters, or is counted when there are none.
 */
#include "patterns/queue/state.h"
#include "wire/pack.h"

/* How often a wall clock that may have jumped is looked at, as long as something can expire. */
#define LOOK_NS (60 * ZLOOM_NS_PER_S)
/* Messages that have expired while they are leased: when to look again. */
#define LEASED_NS (10 * ZLOOM_NS_PER_S)

/* wall + ms, kept in range. */
static int64_t
s_after_ms (int64_t wall_ns, int64_t ms)
{
    const int64_t most_ms = (ZLOOM_NEVER - 1) / ZLOOM_NS_PER_MS;
    const int64_t ns = (ms < most_ms ? ms : most_ms) * ZLOOM_NS_PER_MS;
    return wall_ns > 0 ? zloom_time_add (wall_ns, ns) : ns;
}

zloom_envelope_t
zloom_queue_head (zloom_bytes_t bytes)
{
    zloom_envelope_t head = {0};
    return zloom_envelope_decode_head (bytes, &head) == ZLOOM_OK ? head : (zloom_envelope_t){0};
}

int64_t
zloom_queue_expiry (const zloom_queue_t *self, const zloom_envelope_t *head, uint32_t flags,
                    int64_t base_ns, bool past)
{
    if ((flags & ZLOOM_FLAG_EXPIRES) && head->has_expires) {
        return s_after_ms (base_ns, head->expires_ms);
    }
    /* Dead letters, and what was put back by hand, have their time behind them. */
    return self->config.expires_ns > 0 && !past ? zloom_time_add (base_ns, self->config.expires_ns)
                                                : ZLOOM_NEVER;
}

bool
zloom_queue_may_expire (const zloom_queue_t *self, uint32_t flags)
{
    return (flags & ZLOOM_FLAG_EXPIRES) || self->config.expires_ns > 0;
}

int64_t
zloom_queue_delay (const zloom_envelope_t *head, int64_t base_ns, int64_t wall_ns)
{
    const int64_t due_ns = head->has_due ? s_after_ms (base_ns, head->due_ms) : 0;
    int64_t delay_ns = due_ns > wall_ns ? due_ns - wall_ns : 0;
    /* A sender whose clock is ahead, or was set back since: no longer than it asked for. */
    const int64_t asked_ns = head->has_due ? s_after_ms (0, head->due_ms) : 0;
    delay_ns = delay_ns < asked_ns ? delay_ns : asked_ns;
    return delay_ns < ZLOOM_BACKOFF_LONGEST_NS ? delay_ns : ZLOOM_BACKOFF_LONGEST_NS;
}

void
zloom_queue_delay_message (zloom_queue_t *self, uint64_t seq, int64_t delay_ns,
                           const zloom_turn_t *turn)
{
    zloom_exception_t *entry = zloom_exceptions_put (self->exceptions, seq);
    entry->stamp_ns = turn->now.wall_ns;
    entry->delay_ns = delay_ns;
    zloom_queue_remove_ready (self, seq, seq);
    zloom_numbers_add (&self->waiting, seq, seq);
    zloom_exceptions_wait (self->exceptions, entry, zloom_time_add (turn->now.mono_ns, delay_ns));
    const zloom_run_t run = {seq, 1};
    zloom_queue_touch (self, &run);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

uint32_t
zloom_queue_alive (const zloom_queue_t *self, const zloom_peek_t *peek, int64_t wall_ns)
{
    zloom_pack_iter_t iter = zloom_pack_iter (peek->pack);
    zloom_bytes_t bytes;
    const uint32_t n = peek->n < peek->src.n ? peek->n : peek->src.n;
    for (uint32_t i = 0; i < n && zloom_pack_next (&iter, &bytes); i++) {
        const zloom_envelope_t head = zloom_queue_head (bytes);
        if (zloom_queue_expiry (self, &head, peek->flags, peek->src.base_time_ns,
                                peek->history.data) <= wall_ns) {
            return i;
        }
    }
    return n;
}

void
zloom_queue_plan_expiry (zloom_queue_t *self, zloom_now_t now)
{
    const int64_t next_ns = zloom_expiries_next (&self->expiries);
    if (next_ns == ZLOOM_NEVER || self->walk_blocked) {
        self->expiry_at_ns = ZLOOM_NEVER;
        return;
    }
    const int64_t rest_ns = next_ns > now.wall_ns ? next_ns - now.wall_ns : 0;
    self->expiry_at_ns = zloom_time_add (now.mono_ns, rest_ns < LOOK_NS ? rest_ns : LOOK_NS);
}

/* Out with what has expired of the n messages at seq; the soonest expiry of the others. */
static int64_t
s_sift (zloom_queue_t *self, const zloom_peek_t *peek, uint64_t seq, uint32_t n, int64_t wall_ns)
{
    zloom_pack_iter_t iter = zloom_pack_iter (peek->pack);
    zloom_bytes_t bytes;
    int64_t soonest_ns = ZLOOM_NEVER;
    for (uint32_t i = 0; i < n && zloom_pack_next (&iter, &bytes); i++) {
        const zloom_envelope_t head = zloom_queue_head (bytes);
        const int64_t expiry_ns =
          zloom_queue_expiry (self, &head, peek->flags, peek->src.base_time_ns, peek->history.data);
        if (expiry_ns > wall_ns) {
            soonest_ns = expiry_ns < soonest_ns ? expiry_ns : soonest_ns;
        } else if (self->config.dead_letter) {
            zloom_queue_doom (self, seq + i, seq + i, &self->expired);
        } else {
            const zloom_range_t one = {seq + i, seq + i};
            zloom_queue_pull (self, &one);
            zloom_queue_leave (self, seq + i, seq + i, ZLOOM_REASON_EXPIRED);
        }
    }
    return soonest_ns;
}

/* Look through a chunk, counting what was looked at; false when bytes must be read first. */
static bool
s_walk (zloom_queue_t *self, uint64_t from, uint64_t last, uint64_t *looked, int64_t *soonest_ns,
        const zloom_turn_t *turn)
{
    zloom_range_t run;
    while (from <= last && zloom_queue_free_run (self, from, last, &run)) {
        zloom_peek_t peek = {0};
        const uint32_t most = (uint32_t) (run.last - run.first + 1);
        const zloom_err_t err =
          turn->store->peek (turn->store->arg, run.first, most, UINT64_MAX, &peek);
        if (err == ZLOOM_AGAIN) {
            return false;
        }
        /* What is damaged is told when it is handed out. */
        uint32_t n = err == ZLOOM_OK ? peek.n : 1;
        if (err == ZLOOM_OK && zloom_queue_may_expire (self, peek.flags)) {
            n = peek.n < peek.src.n ? peek.n : peek.src.n;
            const int64_t sifted_ns = s_sift (self, &peek, run.first, n, turn->now.wall_ns);
            *soonest_ns = sifted_ns < *soonest_ns ? sifted_ns : *soonest_ns;
        }
        *looked += n;
        from = run.first + n;
    }
    return true;
}

/* Messages of the chunk that are neither settled nor on their way out. */
static uint64_t
s_held (const zloom_queue_t *self, const zloom_range_t *chunk)
{
    const uint64_t end = self->next_seq - 1 < chunk->last ? self->next_seq - 1 : chunk->last;
    uint64_t held = 0;
    zloom_range_t run;
    for (uint64_t from = chunk->first; zloom_done_gap (&self->done, from, end, &run);
         from = run.last + 1) {
        held += run.last - run.first + 1;
    }
    for (uint64_t from = chunk->first; zloom_numbers_find (&self->moving, from, end, &run);
         from = run.last + 1) {
        held -= run.last - run.first + 1;
    }
    return held;
}

void
zloom_queue_expire (zloom_queue_t *self, const zloom_turn_t *turn)
{
    zloom_range_t chunk;
    if (self->walk_blocked || turn->now.mono_ns < self->expiry_at_ns) {
        return;
    }
    if (zloom_expiries_due (&self->expiries, turn->now.wall_ns, &chunk)) {
        const uint64_t end = self->durable_seq < chunk.last ? self->durable_seq : chunk.last;
        const uint64_t held = s_held (self, &chunk);
        int64_t soonest_ns = ZLOOM_NEVER;
        uint64_t looked = 0;
        self->walk_blocked = !s_walk (self, chunk.first, end, &looked, &soonest_ns, turn);
        if (looked < held) { /* leased, or not durable yet */
            const int64_t later_ns = zloom_time_add (turn->now.wall_ns, LEASED_NS);
            soonest_ns = later_ns < soonest_ns ? later_ns : soonest_ns;
        }
        if (!self->walk_blocked) {
            zloom_expiries_set (&self->expiries, chunk.first, soonest_ns);
        }
    }
    zloom_queue_plan_expiry (self, turn->now);
}
