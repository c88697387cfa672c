/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_settle.c - verdicts: each piece of a run is taken if the token's holder settles it, else
 * told to be settled or stale; nothing is ever taken twice.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"

/*
 * A token of an earlier boot may still ack what nobody holds now: if that boot stands in this log's
 * history and can have handed the message out.
 */
static bool
s_acks_late (const zloom_queue_t *self, const zloom_event_t *settle, bool ack, uint64_t *last)
{
    if (settle->type != ZLOOM_EVENT_SETTLE || settle->settle.token.boot == self->boot || !ack ||
        !settle->settle.earlier_boot || self->config.confirm != ZLOOM_CONFIRM_DISK) {
        return false;
    }
    uint64_t end =
      settle->settle.earlier_end < self->boot_seq ? settle->settle.earlier_end : self->boot_seq;
    *last = end > 0 ? end - 1 : 0;
    return end > 0;
}

zloom_piece_t
zloom_queue_piece (const zloom_queue_t *self, const zloom_lease_t *lease,
                   const zloom_event_t *settle, bool ack, uint64_t first, uint64_t last)
{
    zloom_lease_part_t part;
    if (lease && zloom_leases_held (lease, first, last, &part)) {
        if (part.seq == first && self->recall_count > 0) { /* a flow with a key: one by one */
            return (zloom_piece_t){zloom_queue_barred (self, first) ? ZLOOM_PIECE_STALE
                                                                    : ZLOOM_PIECE_HELD,
                                   first, first};
        }
        if (part.seq == first) {
            return (zloom_piece_t){ZLOOM_PIECE_HELD, first, first + part.n - 1};
        }
        last = part.seq - 1;
    }
    zloom_token_t token =
      settle->type == ZLOOM_EVENT_SETTLE ? settle->settle.token : settle->mark.token;
    if (settle->type == ZLOOM_EVENT_SETTLE && token.boot != self->boot &&
        !settle->settle.earlier_boot) {
        return (zloom_piece_t){ZLOOM_PIECE_STALE, first, last};
    }
    zloom_range_t run;
    if (!zloom_done_gap (&self->done, first, last, &run)) {
        return (zloom_piece_t){ZLOOM_PIECE_SETTLED, first, last};
    }
    if (run.first > first) {
        return (zloom_piece_t){ZLOOM_PIECE_SETTLED, first, run.first - 1};
    }
    last = run.last;
    uint64_t end;
    if (s_acks_late (self, settle, ack, &end) && end >= first &&
        zloom_queue_free_run (self, first, last < end ? last : end, &run)) {
        if (run.first == first && self->lanes) { /* only what comes first in its lane */
            return (zloom_piece_t){zloom_queue_order_first (self, first) ? ZLOOM_PIECE_FREE
                                                                         : ZLOOM_PIECE_STALE,
                                   first, first};
        }
        if (run.first == first) {
            return (zloom_piece_t){ZLOOM_PIECE_FREE, first, run.last};
        }
        last = run.first - 1;
    }
    return (zloom_piece_t){ZLOOM_PIECE_STALE, first, last};
}

/* The token's lease, if this consumer holds it and the token's boot is vouched for. */
static zloom_lease_t *
s_lease (const zloom_queue_t *self, zloom_consumer_id_t consumer, const zloom_event_t *settle)
{
    if (settle->settle.token.boot != self->boot && !settle->settle.earlier_boot) {
        return NULL;
    }
    return zloom_queue_lease (self, consumer, settle->settle.token);
}

/*
 * The event as far as it is believed. With a token that nobody remembers, more messages than a
 * lease can hold are no honest holder's, and what lies scattered among so many would not fit the
 * event's records.
 */
static zloom_event_t
s_believed (const zloom_queue_t *self, const zloom_event_t *settle)
{
    zloom_event_t believed = *settle;
    uint64_t n = 0;
    for (size_t i = 0; i < settle->settle.count; i++) {
        n += settle->settle.runs[i].n;
    }
    if (settle->settle.token.boot != self->boot && n > ZLOOM_QUEUE_LEASE_MESSAGES) {
        believed.settle.earlier_boot = false;
    }
    return believed;
}

static bool
s_sound (const zloom_settle_run_t *run)
{
    return run->n > 0 && run->first <= INT64_MAX;
}

/* The first message of a slot that a step does not ack. */
typedef struct {
    zloom_slot_t slot;
    uint64_t seq;
} failed_t;

/* Note a message that is not acked; of a slot the first one counts. */
static void
s_note_failed (failed_t *failed, size_t *count, zloom_slot_t slot, uint64_t seq)
{
    for (size_t i = 0; i < *count; i++) {
        if (failed[i].slot == slot) {
            failed[i].seq = seq < failed[i].seq ? seq : failed[i].seq;
            return;
        }
    }
    failed[(*count)++] = (failed_t){slot, seq};
}

static bool
s_is_behind (const failed_t *failed, size_t count, zloom_slot_t slot, uint64_t seq)
{
    for (size_t i = 0; i < count; i++) {
        if (failed[i].slot == slot) {
            return failed[i].seq < seq;
        }
    }
    return false;
}

/*
 * Whether a step acks a message behind one of the same key that it does not ack. More messages than
 * a lease can hold are no honest step's.
 */
static bool
s_breaks_order (const zloom_queue_t *self, const zloom_event_t *settle)
{
    uint64_t n = 0;
    for (size_t i = 0; self->lanes && i < settle->settle.count; i++) {
        n += settle->settle.runs[i].n;
    }
    if (n == 0 || n > ZLOOM_QUEUE_LEASE_MESSAGES) {
        return n > 0;
    }
    failed_t *failed = zloom_realloc (NULL, (size_t) n, sizeof *failed);
    size_t count = 0;
    bool breaks = false;
    for (int acks = 0; acks < 2; acks++) {
        for (size_t i = 0; i < settle->settle.count && !breaks; i++) {
            const zloom_settle_run_t *run = &settle->settle.runs[i];
            zloom_slot_t slot;
            if ((run->verdict == ZLOOM_VERDICT_ACK) != (acks == 1)) {
                continue;
            }
            for (uint64_t seq = run->first; seq < run->first + run->n && !breaks; seq++) {
                if (!zloom_lanes_slot_of (self->lanes, seq, &slot)) {
                    continue;
                }
                if (acks) {
                    breaks = s_is_behind (failed, count, slot, seq);
                } else {
                    s_note_failed (failed, &count, slot, seq);
                }
            }
        }
    }
    free (failed);
    return breaks;
}

/*
 * Whether a verdict may have been charged already: it is of an earlier boot's token, and the
 * message failed before. It may have been written by the boot that fell before it answered, and
 * come again with the next session. Nobody knows, so it is not taken, and the message goes back
 * unharmed. *last is cut to what that is true, or is not true, of.
 */
static bool
s_may_repeat (const zloom_queue_t *self, const zloom_event_t *settle, zloom_verdict_t verdict,
              uint64_t first, uint64_t *last)
{
    zloom_range_t failed;
    if (settle->settle.token.boot == self->boot || verdict == ZLOOM_VERDICT_ACK ||
        verdict == ZLOOM_VERDICT_RELEASE ||
        !zloom_exceptions_find (self->exceptions, first, *last, &failed)) {
        return false;
    }
    *last = failed.first == first ? failed.last : failed.first - 1;
    return failed.first == first;
}

zloom_err_t
zloom_queue_check_settle (const void *self, zloom_consumer_id_t consumer,
                          const zloom_event_t *settle)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    const zloom_event_t believed = s_believed (queue, settle);
    const zloom_lease_t *lease = s_lease (queue, consumer, &believed);
    for (size_t i = 0; i < settle->settle.count; i++) {
        const zloom_settle_run_t *run = &settle->settle.runs[i];
        if (!s_sound (run)) {
            return ZLOOM_STALE;
        }
        uint64_t last = run->first + run->n - 1;
        for (uint64_t at = run->first; at <= last;) {
            zloom_piece_t piece = zloom_queue_piece (queue, lease, &believed,
                                                     run->verdict == ZLOOM_VERDICT_ACK, at, last);
            if (piece.kind == ZLOOM_PIECE_SETTLED) {
                return ZLOOM_SETTLED;
            }
            if (piece.kind == ZLOOM_PIECE_STALE ||
                s_may_repeat (queue, &believed, run->verdict, at, &piece.last)) {
                return ZLOOM_STALE;
            }
            at = piece.last + 1;
        }
    }
    return s_breaks_order (queue, settle) ? ZLOOM_STALE : ZLOOM_OK;
}

static void
s_result (zloom_queue_t *self, uint64_t first, uint64_t last, zloom_err_t err)
{
    uint32_t n = (uint32_t) (last - first + 1);
    zloom_settled_run_t *before =
      self->result_count ? &self->results[self->result_count - 1] : NULL;
    if (before && before->code == err && before->first + before->n == first &&
        n <= UINT32_MAX - before->n) {
        before->n += n;
        return;
    }
    zloom_grow (&self->results, &self->result_capacity, self->result_count + 1,
                sizeof *self->results);
    self->results[self->result_count++] =
      (zloom_settled_run_t){.first = first, .n = n, .code = (uint16_t) err};
}

/* Carry out a verdict on messages that were just taken out of their lease. */
static void
s_judge (zloom_queue_t *self, const zloom_settle_run_t *run, const zloom_lease_part_t *part,
         bool suspect, const zloom_turn_t *turn)
{
    zloom_run_t failed = {part->seq, part->n};
    switch (run->verdict) {
    case ZLOOM_VERDICT_ACK:
        zloom_queue_leave (self, part->seq, part->seq + part->n - 1, ZLOOM_REASON_ACKED);
        break;
    case ZLOOM_VERDICT_RETRY:
        zloom_queue_fail (self, &failed, &run->cause, run->delay_ms, false, turn);
        break;
    case ZLOOM_VERDICT_REJECT:
        zloom_queue_fail (self, &failed, &run->cause, run->delay_ms, true, turn);
        break;
    case ZLOOM_VERDICT_CRASH:
        zloom_queue_killed (self, part);
        break;
    case ZLOOM_VERDICT_RELEASE:
    default: /* a verdict that is not known harms nobody */
        zloom_queue_release (self, part, suspect);
        break;
    }
}

static void
s_settle_run (zloom_queue_t *self, const zloom_event_t *event, const zloom_settle_run_t *run,
              const zloom_turn_t *turn)
{
    /* Anew for each run: the lease ends with its last message. */
    zloom_lease_t *lease = s_lease (self, event->consumer, event);
    bool suspect = lease && zloom_lease_suspect (lease);
    uint64_t last = run->first + run->n - 1;
    for (uint64_t at = run->first; at <= last;) {
        zloom_piece_t piece =
          zloom_queue_piece (self, lease, event, run->verdict == ZLOOM_VERDICT_ACK, at, last);
        zloom_err_t code = ZLOOM_OK;
        if (piece.kind == ZLOOM_PIECE_HELD) {
            zloom_lease_part_t part;
            const bool repeats = s_may_repeat (self, event, run->verdict, at, &piece.last);
            zloom_queue_take (self, &lease, piece.first, piece.last, &part);
            if (repeats) {
                zloom_queue_release (self, &part, suspect);
                self->stale += part.n;
                code = ZLOOM_STALE;
            } else {
                s_judge (self, run, &part, suspect, turn);
            }
        } else if (piece.kind == ZLOOM_PIECE_FREE) {
            zloom_range_t free_run = {piece.first, piece.last};
            zloom_queue_pull (self, &free_run);
            zloom_queue_leave (self, piece.first, piece.last, ZLOOM_REASON_ACKED);
            zloom_queue_order_late (self, piece.first);
        } else {
            code = piece.kind == ZLOOM_PIECE_SETTLED ? ZLOOM_SETTLED : ZLOOM_STALE;
            self->stale += code == ZLOOM_STALE ? piece.last - piece.first + 1 : 0;
        }
        s_result (self, piece.first, piece.last, code);
        at = piece.last + 1;
    }
}

void
zloom_queue_settle (zloom_queue_t *self, const zloom_event_t *event, const zloom_turn_t *turn)
{
    const zloom_event_t believed = s_believed (self, event);
    const zloom_cause_t *crash = NULL;
    if (believed.settle.earlier_boot && event->settle.token.boot != self->boot) {
        zloom_queue_order_look (self, turn);
    }
    self->result_count = 0;
    if (event->settle.token.boot == self->boot) {
        zloom_missing_settled (&self->missing, event->consumer, event->settle.token.number);
    }
    for (size_t i = 0; i < event->settle.count; i++) {
        const zloom_settle_run_t *run = &event->settle.runs[i];
        if (!s_sound (run)) {
            continue;
        }
        s_settle_run (self, &believed, run, turn);
        if (run->verdict == ZLOOM_VERDICT_CRASH) {
            crash = &run->cause;
        }
    }
    if (crash) {
        zloom_queue_judge (self, crash, turn);
    }
    /* Room for moves was asked for only if something failed; else they wait for the timer. */
    if (self->touched_count > 0) {
        zloom_queue_move (self, turn, false);
    }
    if (self->result_count == 0) {
        return;
    }
    size_t size = self->result_count * sizeof *self->results;
    zloom_settled_run_t *results = zloom_effects_memory (turn->effects, size);
    memcpy (results, self->results, size);
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_SETTLED);
    effect->settled.consumer = event->consumer;
    effect->settled.token = event->settle.token;
    effect->settled.runs = results;
    effect->settled.count = self->result_count;
}
