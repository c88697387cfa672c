/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_lease.c - consumers and what they hold: subscribing, credit, marks, deadlines, and what
 * becomes of leases when a consumer leaves or dies (queue.h has the table).
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"

/* Failures charged in one TIMER event at most; a lease that has begun to end ends whole. */
#define END_BURST 1024

zloom_queue_consumer_t *
zloom_queue_consumer (const zloom_queue_t *self, zloom_consumer_id_t id)
{
    return zloom_idmap_get (self->consumers, id);
}

zloom_lease_t *
zloom_queue_lease (const zloom_queue_t *self, zloom_consumer_id_t consumer, zloom_token_t token)
{
    zloom_lease_t *lease = zloom_leases_find (self->leases, token);
    if (!lease) {
        return NULL;
    }
    const zloom_queue_consumer_t *holder = zloom_lease_holder (lease)->owner;
    return holder->id == consumer ? lease : NULL;
}

zloom_lease_t *
zloom_queue_find_holder (const zloom_queue_t *self, uint64_t seq, zloom_lease_part_t *part)
{
    for (size_t i = 0; i < self->ring_count; i++) {
        for (zloom_lease_t *lease = self->ring[i]->holder.first; lease;
             lease = zloom_lease_next (lease)) {
            if (zloom_leases_held (lease, seq, seq, part)) {
                return lease;
            }
        }
    }
    return NULL;
}

bool
zloom_queue_take (zloom_queue_t *self, zloom_lease_t **lease_p, uint64_t first, uint64_t last,
                  zloom_lease_part_t *part)
{
    if (!*lease_p) {
        return false;
    }
    zloom_queue_consumer_t *consumer = zloom_lease_holder (*lease_p)->owner;
    bool suspect = zloom_lease_suspect (*lease_p);
    if (!zloom_leases_take (self->leases, lease_p, first, last, part)) {
        return false;
    }
    if (suspect && !*lease_p) {
        consumer->suspects--;
    }
    return true;
}

/* ---- STALE ----------------------------------------------------------------------------------- */

void
zloom_queue_tell_stale (zloom_queue_t *self, zloom_consumer_id_t consumer, zloom_token_t token,
                        const zloom_turn_t *turn)
{
    if (self->run_count == 0) {
        return;
    }
    size_t size = self->run_count * sizeof *self->runs;
    zloom_run_t *runs = zloom_effects_memory (turn->effects, size);
    memcpy (runs, self->runs, size);
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_STALE);
    effect->deliver.consumer = consumer;
    effect->deliver.token = token;
    effect->deliver.runs = runs;
    effect->deliver.run_count = self->run_count;
    self->run_count = 0;
}

void
zloom_queue_add_stale (zloom_queue_t *self, uint64_t seq, uint32_t n)
{
    zloom_run_t *last = self->run_count ? &self->runs[self->run_count - 1] : NULL;
    if (last && last->seq + last->n == seq && n <= UINT32_MAX - last->n) {
        last->n += n;
        return;
    }
    zloom_grow (&self->runs, &self->run_capacity, self->run_count + 1, sizeof *self->runs);
    self->runs[self->run_count++] = (zloom_run_t){seq, n};
}

/* ---- coming ---------------------------------------------------------------------------------- */

/*
 * Whether a run may be leased again at all: `end` is the first number that the token's boot can not
 * have handed out. In a log that was restored from a copy those from there on are other messages.
 */
static bool
s_may_hold (const zloom_queue_t *self, zloom_token_t token, const zloom_run_t *run, uint64_t end)
{
    end = end < self->boot_seq ? end : self->boot_seq;
    return token.boot != self->boot && self->config.confirm == ZLOOM_CONFIRM_DISK && run->n > 0 &&
           run->n <= ZLOOM_QUEUE_LEASE_MESSAGES && run->seq < end && run->n <= end - run->seq;
}

/* Lease what is ready again to whom held it before the restart; false when it is not to be had. */
static bool
s_hold_ready (zloom_queue_t *self, zloom_queue_consumer_t *consumer, zloom_token_t token,
              uint64_t first, uint64_t last, const zloom_turn_t *turn)
{
    zloom_lease_part_t part;
    zloom_lease_t *lease = zloom_queue_lease (self, consumer->id, token);
    if (lease && zloom_leases_held (lease, first, UINT64_MAX, &part)) {
        return false; /* out of order: a lease's runs rise */
    }
    if (!lease) {
        lease = zloom_leases_add (self->leases, &consumer->holder, token, false);
    }
    if (!lease) {
        return false;
    }
    zloom_queue_remove_ready (self, first, last);
    zloom_leases_push (self->leases, lease, first, (uint32_t) (last - first + 1),
                       zloom_time_add (turn->now.mono_ns, self->config.lease_ns));
    self->held_to = last > self->held_to ? last : self->held_to;
    return true;
}

/*
 * What stands at `first` of a run that ends at *last, which is cut to what shares its fate:
 * settled, to be had, or neither. (Of what failed before it is not known whether that was under
 * this very token: see queue_settle.c.)
 */
typedef enum { SETTLED, TO_HAVE, LOST } fate_t;

static fate_t
s_fate (const zloom_queue_t *self, uint64_t first, uint64_t *last)
{
    zloom_range_t run;
    zloom_ready_kind_t kind;
    if (!zloom_done_gap (&self->done, first, *last, &run)) {
        return SETTLED;
    }
    if (run.first > first) {
        *last = run.first - 1;
        return SETTLED;
    }
    *last = run.last;
    if (!zloom_queue_find_ready (self, first, *last, false, &run, &kind)) {
        return LOST;
    }
    *last = run.first > first ? run.first - 1 : run.last;
    return run.first > first ? LOST : TO_HAVE;
}

/*
 * Lease a run again as far as it is to be had; what is not is told as stale. On a flow with a key
 * all that the lease held behind something lost may be of its key, and is lost with it: returns
 * whether it has come to that. (Who is told that a message of its own has failed or is released was
 * told before that what stood behind it is lost, and does not name it.)
 */
static bool
s_hold_run (zloom_queue_t *self, zloom_queue_consumer_t *consumer, zloom_token_t token,
            const zloom_run_t *run, uint64_t boot_end, bool lost, const zloom_turn_t *turn)
{
    if (run->n == 0) {
        return lost;
    }
    if (lost || !s_may_hold (self, token, run, boot_end)) {
        zloom_queue_lost (self, (zloom_queue_lost_t){consumer->id, token, *run});
        return self->lanes != NULL;
    }
    const uint64_t end = run->seq + run->n - 1;
    for (uint64_t at = run->seq, last = end; at <= end; at = last + 1, last = end) {
        fate_t fate = lost ? LOST : s_fate (self, at, &last);
        if (fate == TO_HAVE && !s_hold_ready (self, consumer, token, at, last, turn)) {
            fate = LOST;
        }
        if (fate != TO_HAVE) {
            const zloom_run_t piece = {at, (uint32_t) (last - at + 1)};
            zloom_queue_lost (self, (zloom_queue_lost_t){consumer->id, token, piece});
        }
        lost = lost || (fate == LOST && self->lanes);
    }
    return lost;
}

/* Each message has one consumer: there are no topics, and nothing is read again. */
static zloom_err_t
s_check_subscribe (const zloom_queue_t *self, const zloom_event_t *event)
{
    const char *what = event->subscribe.pattern_count > 0          ? "topics"
                       : event->subscribe.durable                  ? "durable subscribers"
                       : event->subscribe.from != ZLOOM_FROM_GROUP ? "a place to begin at"
                       : event->subscribe.on_slow != 0             ? "slow subscribers"
                                                                   : NULL;
    if (what) {
        return zloom_fail (ZLOOM_UNSUPPORTED, "flow '%s' is a queue: it has no %s",
                           self->config.name, what);
    }
    return ZLOOM_OK;
}

void
zloom_queue_subscribe (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_err_t err = self->group == 0 ? s_check_subscribe (self, event) : ZLOOM_OK;
    if (event->subscribe.result) {
        *event->subscribe.result = err;
    }
    if (err != ZLOOM_OK || zloom_queue_consumer (self, event->consumer)) {
        return;
    }
    zloom_queue_consumer_t *consumer = zloom_alloc (sizeof *consumer);
    consumer->id = event->consumer;
    consumer->holder.owner = consumer;
    zloom_idmap_put (self->consumers, consumer->id, consumer);
    zloom_grow (&self->ring, &self->ring_capacity, self->ring_count + 1, sizeof *self->ring);
    self->ring[self->ring_count++] = consumer;
    bool lost = false;
    for (size_t i = 0; i < event->subscribe.holding_count; i++) {
        const zloom_token_t *tokens = event->subscribe.holding_tokens;
        lost =
          lost && tokens[i].boot == tokens[i - 1].boot && tokens[i].number == tokens[i - 1].number;
        lost = s_hold_run (self, consumer, tokens[i], &event->subscribe.holding_runs[i],
                           event->subscribe.holding_ends[i], lost, turn);
    }
}

void
zloom_queue_credit (zloom_queue_t *self, const zloom_event_t *event)
{
    zloom_queue_consumer_t *consumer = zloom_queue_consumer (self, event->consumer);
    if (consumer) {
        consumer->credit_messages = event->credit.messages;
        consumer->credit_bytes = event->credit.bytes;
        consumer->credit_frames = event->credit.frames;
    }
}

void
zloom_queue_mark (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    zloom_lease_t *lease = zloom_queue_lease (self, event->consumer, event->mark.token);
    int64_t extend_ns =
      event->mark.extend_ns > 0 && event->mark.extend_ns < ZLOOM_BACKOFF_LONGEST_NS
        ? event->mark.extend_ns
        : self->config.lease_ns;
    int64_t deadline_ns = zloom_time_add (turn->now.mono_ns, extend_ns);
    for (size_t i = 0; i < event->mark.count; i++) {
        const zloom_run_t *run = &event->mark.runs[i];
        if (run->n == 0 || run->seq > INT64_MAX) {
            continue;
        }
        uint64_t last = run->seq + run->n - 1;
        if (lease && event->type == ZLOOM_EVENT_STARTED) {
            zloom_leases_start (self->leases, lease, run->seq, last, deadline_ns);
        } else if (lease) {
            zloom_leases_extend (self->leases, lease, run->seq, last, deadline_ns);
        }
        for (uint64_t at = run->seq; at <= last;) {
            zloom_piece_t piece = zloom_queue_piece (self, lease, event, false, at, last);
            if (piece.kind == ZLOOM_PIECE_STALE) {
                zloom_queue_add_stale (self, piece.first,
                                       (uint32_t) (piece.last - piece.first + 1));
            }
            at = piece.last + 1;
        }
    }
    zloom_queue_tell_stale (self, event->consumer, event->mark.token, turn);
}

/* ---- going ----------------------------------------------------------------------------------- */

static void
s_forget_consumer (zloom_queue_t *self, zloom_queue_consumer_t *consumer)
{
    size_t at = 0;
    while (self->ring[at] != consumer) {
        at++;
    }
    self->ring_count--;
    memmove (self->ring + at, self->ring + at + 1, (self->ring_count - at) * sizeof *self->ring);
    if (self->ring_at > at) {
        self->ring_at--;
    }
    zloom_missing_gone (&self->missing, consumer->id);
    zloom_idmap_remove (self->consumers, consumer->id);
    free (consumer);
}

void
zloom_queue_leave_consumer (zloom_queue_t *self, const zloom_event_t *event,
                            const zloom_turn_t *turn)
{
    zloom_queue_consumer_t *consumer = zloom_queue_consumer (self, event->consumer);
    if (!consumer) {
        return;
    }
    bool crashed = event->type == ZLOOM_EVENT_GONE && event->gone.crashed;
    while (consumer->holder.first) {
        zloom_lease_t *lease = consumer->holder.first;
        bool suspect = zloom_lease_suspect (lease);
        zloom_lease_part_t part;
        while (zloom_queue_take (self, &lease, 0, UINT64_MAX, &part)) {
            if (crashed && part.started) {
                zloom_queue_killed (self, &part);
            } else {
                zloom_queue_release (self, &part, suspect);
            }
        }
    }
    if (crashed) {
        zloom_queue_judge (self, &event->gone.cause, turn);
        zloom_queue_move (self, turn, false);
    }
    s_forget_consumer (self, consumer);
}

void
zloom_queue_end_leases (zloom_queue_t *self, const zloom_turn_t *turn)
{
    const zloom_cause_t cause = {
      .reason = zloom_bytes_text ("failures"),
      .exit = -1,
      .text = zloom_bytes_text ("the lease ran out while the message was worked on"),
    };
    zloom_lease_t *lease;
    uint64_t before = self->failures;
    while (self->failures - before < END_BURST &&
           (lease = zloom_leases_due (self->leases, turn->now.mono_ns))) {
        zloom_queue_consumer_t *consumer = zloom_lease_holder (lease)->owner;
        zloom_token_t token = zloom_lease_token (lease);
        bool suspect = zloom_lease_suspect (lease);
        zloom_lease_part_t part;
        while (zloom_leases_take_due (self->leases, &lease, turn->now.mono_ns, &part)) {
            self->lease_ends += part.n;
            zloom_queue_lost (self, (zloom_queue_lost_t){consumer->id, token, {part.seq, part.n}});
            if (part.started) {
                zloom_run_t run = {part.seq, part.n};
                zloom_queue_fail (self, &run, &cause, ZLOOM_DELAY_UNSET, false, turn);
            } else {
                zloom_queue_release (self, &part, suspect);
            }
        }
        if (suspect && !lease) {
            consumer->suspects--;
        }
    }
}
