/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_leave.c - how messages leave, fail, come back and die.
 *
 * The books are kept at once; what must be journaled is gathered for queue_records.c. A dead
 * letter's copy and its settlement are effects of one event, hence in one group: the message is
 * never in both places, never in neither.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/queue/state.h"

void
zloom_queue_count_left (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way)
{
    self->left[way] += last - first + 1;
    if (self->group > 0 && way == ZLOOM_REASON_MOVED) {
        zloom_numbers_add (&self->left_dead, first, last);
    } else if (self->group > 0 && way != ZLOOM_REASON_ACKED) {
        zloom_numbers_add (&self->left_dropped, first, last);
    }
}

void
zloom_queue_miss (zloom_queue_t *self, uint8_t way, uint64_t first, uint64_t last)
{
    if (self->group > 0) {
        zloom_missing_add (&self->missing, &self->done, way, first, last);
    }
}

void
zloom_queue_leave (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way)
{
    uint64_t n = last - first + 1;
    uint64_t settled = zloom_done_add (&self->done, first, last);
    zloom_assert (settled == n);
    zloom_sizes_remove (&self->sizes, first, last);
    zloom_exceptions_remove (self->exceptions, first, last);
    zloom_ranks_remove (&self->ranks, first, last);
    zloom_numbers_remove (&self->stuck, first, last);
    zloom_queue_order_gone (self, first, last);
    zloom_queue_count_left (self, first, last, way);
    zloom_queue_leaving_t *before =
      self->leaving_count ? &self->leaving[self->leaving_count - 1] : NULL;
    if (before && before->way == way && before->first + before->n == first) {
        before->n += n;
        return;
    }
    zloom_grow (&self->leaving, &self->leaving_capacity, self->leaving_count + 1,
                sizeof *self->leaving);
    self->leaving[self->leaving_count++] =
      (zloom_queue_leaving_t){.first = first, .n = n, .way = way};
}

void
zloom_queue_lose (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way)
{
    zloom_queue_leave (self, first, last, way);
    zloom_queue_miss (self, way, first, last);
}

/* ---- coming back ----------------------------------------------------------------------------- */

void
zloom_queue_ready (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    zloom_range_t failed;
    while (first <= last && zloom_exceptions_find (self->exceptions, first, last, &failed)) {
        if (failed.first > first) {
            zloom_queue_add_ready (self, ZLOOM_READY_RETURNED, first, failed.first - 1);
        }
        zloom_queue_add_ready (self, ZLOOM_READY_FAILED, failed.first, failed.last);
        first = failed.last + 1;
    }
    if (first <= last) {
        zloom_queue_add_ready (self, ZLOOM_READY_RETURNED, first, last);
    }
}

void
zloom_queue_release (zloom_queue_t *self, const zloom_lease_part_t *part, bool suspect)
{
    self->released += part->n;
    if (!suspect) {
        zloom_queue_ready (self, part->seq, part->seq + part->n - 1);
        zloom_queue_order_back (self, part->seq, part->seq + part->n - 1);
        return;
    }
    uint64_t *members = zloom_realloc (NULL, part->n, sizeof *members);
    for (uint32_t i = 0; i < part->n; i++) {
        members[i] = part->seq + i;
    }
    zloom_suspects_add (&self->suspects, members, part->n, true);
    free (members);
    zloom_queue_order_recall (self, part->seq, part->seq + part->n - 1);
}

/* ---- failing --------------------------------------------------------------------------------- */

/* The history with one more cause, as a blob that all messages with that history share. */
static zloom_blob_t *
s_lengthen (zloom_queue_t *self, zloom_blob_t *old, const zloom_cause_t *cause, int64_t wall_ns)
{
    zloom_history_t history;
    /* Our own bytes or a checked record's: what is odd is forgotten rather than believed. */
    zloom_history_decode (old ? zloom_blob_bytes (old) : ZLOOM_BYTES_NULL, &history);
    zloom_history_add (&history, zloom_bytes_text (self->config.name), cause, wall_ns);
    zloom_buf_clear (&self->buf);
    zloom_history_encode (&history, &self->buf);
    if (self->buf.size > zloom_exceptions_text_room (self->exceptions)) {
        for (uint32_t i = 0; i < history.count; i++) {
            history.causes[i].text = ZLOOM_BYTES_NULL;
        }
        zloom_buf_clear (&self->buf);
        zloom_history_encode (&history, &self->buf);
    }
    return zloom_blob_new (self->buf.data, self->buf.size);
}

void
zloom_queue_die (zloom_queue_t *self, zloom_exception_t *entry)
{
    uint64_t seq = entry->seq;
    if (self->config.order == ZLOOM_ORDER_PARK) {
        zloom_queue_order_failed (self, seq); /* until its key is parked */
    } else {
        zloom_queue_order_gone (self, seq, seq);
    }
    if (!self->config.dead_letter) {
        zloom_queue_leave (self, seq, seq, ZLOOM_REASON_DROPPED);
        return;
    }
    entry->moving = true;
    zloom_exceptions_wait (self->exceptions, entry, ZLOOM_NEVER);
    zloom_numbers_add (&self->moving, seq, seq);
}

static void
s_wait (zloom_queue_t *self, zloom_exception_t *entry, int64_t delay_ns, const zloom_turn_t *turn)
{
    entry->stamp_ns = turn->now.wall_ns;
    entry->delay_ns = delay_ns;
    zloom_queue_order_failed (self, entry->seq);
    if (delay_ns == ZLOOM_QUEUE_STUCK_NS) {
        zloom_numbers_add (&self->waiting, entry->seq, entry->seq);
        zloom_numbers_add (&self->stuck, entry->seq, entry->seq);
        return;
    }
    if (delay_ns == 0) {
        zloom_queue_add_ready (self, ZLOOM_READY_FAILED, entry->seq, entry->seq);
        zloom_queue_order_due (self, entry->seq);
        return;
    }
    zloom_numbers_add (&self->waiting, entry->seq, entry->seq);
    zloom_exceptions_wait (self->exceptions, entry, zloom_time_add (turn->now.mono_ns, delay_ns));
}

/* A cause with the name that the failure has when nobody gave one. */
static zloom_cause_t
s_named (const zloom_cause_t *cause, const char *reason)
{
    zloom_cause_t named = *cause;
    if (!named.reason.data || named.reason.size == 0) {
        named.reason = zloom_bytes_text (reason);
    }
    return named;
}

void
zloom_queue_fail (zloom_queue_t *self, const zloom_run_t *run, const zloom_cause_t *cause,
                  int64_t delay_ms, bool reject, const zloom_turn_t *turn)
{
    zloom_cause_t named = s_named (cause, reject ? "rejected" : "failures");
    zloom_blob_t *old = NULL; /* what messages before had, and what they have now */
    zloom_blob_t *longer = NULL;
    uint32_t failures = 0; /* those that failed as often share one delay */
    int64_t delay_ns = 0;
    for (uint32_t i = 0; i < run->n; i++) {
        zloom_exception_t *entry = zloom_exceptions_put (self->exceptions, run->seq + i);
        if (!longer || entry->history != old) {
            zloom_blob_unref (&longer);
            zloom_blob_unref (&old);
            old = entry->history ? zloom_blob_ref (entry->history) : NULL;
            longer = s_lengthen (self, old, &named, turn->now.wall_ns);
        }
        zloom_exceptions_set_history (self->exceptions, entry, zloom_blob_ref (longer));
        entry->failures += entry->failures < UINT32_MAX ? 1 : 0;
        self->failures++;
        const bool last = entry->failures >= (uint64_t) self->config.failures_max;
        if (reject || (last && !zloom_queue_stays (self))) {
            zloom_queue_die (self, entry);
            continue;
        }
        if (last) {
            s_wait (self, entry, ZLOOM_QUEUE_STUCK_NS, turn);
            continue;
        }
        if (failures != entry->failures) {
            failures = entry->failures;
            delay_ns = delay_ms == ZLOOM_DELAY_UNSET
                         ? zloom_backoff_delay (&self->config, failures, turn->random)
                         : zloom_backoff_named (delay_ms);
        }
        s_wait (self, entry, delay_ns, turn);
    }
    zloom_blob_unref (&longer);
    zloom_blob_unref (&old);
    zloom_queue_touch (self, run);
}

void
zloom_queue_touch (zloom_queue_t *self, const zloom_run_t *run)
{
    zloom_run_t *last = self->touched_count ? &self->touched[self->touched_count - 1] : NULL;
    if (last && last->seq + last->n == run->seq && run->n <= UINT32_MAX - last->n) {
        last->n += run->n;
        return;
    }
    zloom_grow (&self->touched, &self->touched_capacity, self->touched_count + 1,
                sizeof *self->touched);
    self->touched[self->touched_count++] = *run;
}

/* ---- killing --------------------------------------------------------------------------------- */

/*
 * Whether a message of a key cannot have killed, since an earlier one of its key is not through:
 * its worker had not come to it, or breaks the order.
 */
static bool
s_is_ahead (const zloom_queue_t *self, uint64_t seq)
{
    uint64_t earlier;
    if (!self->lanes) {
        return false;
    }
    if (zloom_queue_barred (self, seq)) {
        return true;
    }
    if (!zloom_lanes_earlier (self->lanes, seq, &earlier)) {
        return false;
    }
    return !zloom_numbers_has (&self->killers, earlier); /* else they killed together */
}

void
zloom_queue_killed (zloom_queue_t *self, const zloom_lease_part_t *part)
{
    zloom_grow (&self->members, &self->member_capacity, self->member_count + part->n,
                sizeof *self->members);
    for (uint32_t i = 0; i < part->n; i++) {
        const zloom_lease_part_t one = {.seq = part->seq + i, .n = 1};
        if (s_is_ahead (self, one.seq)) {
            zloom_queue_release (self, &one, false);
        } else {
            self->members[self->member_count++] = one.seq;
            zloom_numbers_add (&self->killers, one.seq, one.seq);
        }
    }
}

static int
s_by_number (const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a;
    uint64_t y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

/*
 * Suspects keep their place in their lanes while they are tried. What its lane does not know yet,
 * leased again after a restart, has none to keep: it goes back unharmed.
 */
static size_t
s_with_place (zloom_queue_t *self, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        zloom_slot_t slot;
        const uint64_t seq = self->members[i];
        if (!self->lanes || zloom_lanes_slot_of (self->lanes, seq, &slot)) {
            self->members[kept++] = seq;
        } else {
            zloom_queue_ready (self, seq, seq);
            self->released++;
        }
    }
    return kept;
}

void
zloom_queue_judge (zloom_queue_t *self, const zloom_cause_t *cause, const zloom_turn_t *turn)
{
    size_t count = self->member_count;
    self->member_count = 0;
    zloom_numbers_fini (&self->killers);
    if (count == 1) {
        zloom_cause_t named = s_named (cause, "crash");
        zloom_run_t run = {self->members[0], 1};
        zloom_queue_fail (self, &run, &named, ZLOOM_DELAY_UNSET, false, turn);
    } else if (count > 1) {
        count = s_with_place (self, count);
        qsort (self->members, count, sizeof *self->members, s_by_number);
        zloom_suspects_add (&self->suspects, self->members, count, false);
        self->released += count;
    }
}

/* ---- moving ---------------------------------------------------------------------------------- */

bool
zloom_queue_can_move (const zloom_queue_t *self)
{
    return self->moving.total > 0 && !self->moving_blocked;
}

/* Why a message leaves that did not fail; NULL when it did. */
static const char *
s_reason (const zloom_queue_t *self, uint64_t seq)
{
    return zloom_numbers_has (&self->overflow, seq)    ? "overflow"
           : zloom_numbers_has (&self->expired, seq)   ? "expired"
           : zloom_numbers_has (&self->followers, seq) ? "parked"
                                                       : NULL;
}

/* The message's whole history: what it brought along, and what happened here. */
static zloom_bytes_t
s_whole_history (zloom_queue_t *self, uint64_t seq, zloom_bytes_t past, const zloom_turn_t *turn)
{
    zloom_history_t history;
    zloom_history_t here;
    const zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq);
    zloom_history_decode (past, &history);
    zloom_history_decode (
      entry && entry->history ? zloom_blob_bytes (entry->history) : ZLOOM_BYTES_NULL, &here);
    const char *reason = s_reason (self, seq);
    if (reason) {
        zloom_cause_t cause = {.reason = zloom_bytes_text (reason), .exit = -1};
        zloom_history_add (&here, zloom_bytes_text (self->config.name), &cause, turn->now.wall_ns);
    }
    zloom_history_fold (&history, &here);
    zloom_buf_clear (&self->buf);
    zloom_history_encode (&history, &self->buf);
    return zloom_effects_copy (turn->effects, zloom_buf_bytes (&self->buf));
}

/* The way that a moving message goes now; 0: not now. */
static uint8_t
s_move_one (zloom_queue_t *self, uint64_t seq, uint64_t room_bytes, uint64_t *bytes,
            const zloom_turn_t *turn)
{
    *bytes = 0;
    if (zloom_numbers_has (&self->damaged, seq)) {
        return ZLOOM_REASON_LOST;
    }
    if (!self->config.dead_letter) {
        return zloom_numbers_has (&self->expired, seq) ? ZLOOM_REASON_EXPIRED
                                                       : ZLOOM_REASON_DROPPED;
    }
    zloom_peek_t peek = {0};
    zloom_err_t err = turn->store->peek (turn->store->arg, seq, 1, UINT64_MAX, &peek);
    if (err == ZLOOM_AGAIN) {
        self->moving_blocked = true;
        return 0;
    }
    if (err != ZLOOM_OK) {
        return ZLOOM_REASON_LOST;
    }
    if (peek.bytes > room_bytes) {
        return 0;
    }
    *bytes = peek.bytes;
    zloom_bytes_t history = s_whole_history (self, seq, peek.history, turn);
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_DEAD);
    effect->dead.seq = seq;
    effect->dead.history = history;
    if (!s_reason (self, seq)) {
        zloom_queue_order_dead (self, seq, turn);
    }
    return ZLOOM_REASON_MOVED;
}

void
zloom_queue_move (zloom_queue_t *self, const zloom_turn_t *turn, bool any_size)
{
    uint64_t room_bytes = ZLOOM_QUEUE_EVENT_MOVE_BYTES;
    for (uint32_t i = 0; i < ZLOOM_QUEUE_EVENT_MOVES && zloom_queue_can_move (self); i++) {
        zloom_range_t run;
        zloom_numbers_find (&self->moving, 0, UINT64_MAX, &run);
        uint64_t bytes;
        uint8_t way =
          s_move_one (self, run.first, i == 0 && any_size ? UINT64_MAX : room_bytes, &bytes, turn);
        if (way == 0) {
            return;
        }
        room_bytes -= bytes < room_bytes ? bytes : room_bytes;
        zloom_numbers_remove (&self->moving, run.first, run.first);
        zloom_numbers_remove (&self->damaged, run.first, run.first);
        zloom_numbers_remove (&self->overflow, run.first, run.first);
        zloom_numbers_remove (&self->expired, run.first, run.first);
        zloom_numbers_remove (&self->followers, run.first, run.first);
        zloom_queue_leave (self, run.first, run.first, way);
    }
}
