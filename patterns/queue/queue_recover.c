/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_recover.c - records are replayed on a snapshot or on nothing, and the queue begins anew.
 *
 * Replay may meet records that the snapshot knows already, or the same twice: a PACK below next_seq
 * adds nothing, a settlement counts only what it settles, failures never fall. A number that was
 * given but whose PACK never came is lost, and told as such. The records come from a disk: what
 * cannot be true is an error, and what is merely odd changes nothing.
 */
#include "patterns/common/numbers_code.h"
#include "patterns/common/pack_head.h"
#include "patterns/common/records.h"
#include "patterns/queue/state.h"
#include "wire/encode.h"

/* ---- states ---------------------------------------------------------------------------------- */

/* Take one entry of a STATE record or snapshot in. */
static void
s_state (zloom_queue_t *self, zloom_cursor_t *cursor)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    uint64_t seq = zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_QUEUE_SEQ_MAX, 0);
    uint64_t n = zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_LIMIT_PACK_MESSAGES, 0);
    uint32_t failures = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    int64_t stamp_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    int64_t delay_ns = zloom_fields_int (&fields, ZLOOM_NEED, 0);
    bool moving = zloom_fields_bool (&fields);
    zloom_bytes_t history = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_HISTORY_BYTES_MAX);
    zloom_fields_close (&fields);
    if (cursor->err != ZLOOM_OK) {
        return;
    }
    zloom_blob_t *blob = history.data ? zloom_blob_new (history.data, history.size) : NULL;
    for (uint64_t i = 0; i < n; i++) {
        if (seq + i >= self->next_seq || zloom_done_has (&self->done, seq + i) ||
            zloom_numbers_has (&self->unseen, seq + i)) {
            continue; /* settled since, or its message is lost */
        }
        zloom_exception_t *entry = zloom_exceptions_get (self->exceptions, seq + i);
        if (entry && entry->failures > failures) {
            continue;
        }
        entry = zloom_exceptions_put (self->exceptions, seq + i);
        entry->failures = failures;
        entry->stamp_ns = stamp_ns;
        entry->delay_ns = delay_ns;
        entry->moving = moving;
        zloom_exceptions_set_history (self->exceptions, entry, blob ? zloom_blob_ref (blob) : NULL);
    }
    zloom_blob_unref (&blob);
}

void
zloom_queue_read_states (zloom_queue_t *self, zloom_cursor_t *cursor)
{
    uint32_t count = zloom_cursor_array (cursor, UINT32_MAX);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        s_state (self, cursor);
    }
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* Numbers below `end` were given. */
static zloom_err_t
s_reach (zloom_queue_t *self, uint64_t end)
{
    if (end <= self->next_seq) {
        return ZLOOM_OK;
    }
    if (end > ZLOOM_QUEUE_SEQ_MAX || end - self->next_seq > ZLOOM_QUEUE_UNSETTLED_MAX) {
        return zloom_fail (ZLOOM_DAMAGED, "queue: a record far beyond the end of the flow");
    }
    zloom_numbers_add (&self->unseen, self->next_seq, end - 1);
    self->next_seq = end;
    return ZLOOM_OK;
}

/* [first, last] have left by `way`: what had not before is counted. */
static void
s_replay_left (zloom_queue_t *self, uint64_t first, uint64_t last, uint8_t way)
{
    zloom_range_t run;
    while (first <= last && zloom_done_gap (&self->done, first, last, &run)) {
        zloom_range_t lost;
        uint64_t at = run.first;
        while (at <= run.last && zloom_numbers_find (&self->unseen, at, run.last, &lost)) {
            uint64_t n = lost.last - lost.first + 1;
            self->appended += n;
            zloom_sizes_add (&self->sizes, lost.first, lost.last, 0);
            zloom_numbers_remove (&self->unseen, lost.first, lost.last);
            at = lost.last + 1;
        }
        zloom_sizes_remove (&self->sizes, run.first, run.last);
        zloom_exceptions_remove (self->exceptions, run.first, run.last);
        zloom_ranks_remove (&self->ranks, run.first, run.last);
        zloom_done_add (&self->done, run.first, run.last);
        zloom_queue_count_left (self, run.first, run.last, way);
        zloom_queue_miss (self, way, run.first, run.last);
        first = run.last + 1;
    }
}

/* The priorities and expiries of a stored pack, for what is not settled of it. */
static void
s_replay_head (zloom_queue_t *self, const zloom_pack_head_t *head, uint64_t first, uint64_t last)
{
    if (head->expires_ns != ZLOOM_NEVER) {
        zloom_expiries_add (&self->expiries, first, last, head->expires_ns);
    }
    if (head->rank_count == 0) {
        return;
    }
    zloom_ranks_add_runs (&self->ranks, first, head->ranks, head->rank_count);
    zloom_range_t run;
    uint64_t from = first;
    while (from <= last && zloom_done_gap (&self->done, from, last, &run)) {
        if (run.first > from) {
            zloom_ranks_remove (&self->ranks, from, run.first - 1);
        }
        from = run.last + 1;
    }
    if (from <= last) {
        zloom_ranks_remove (&self->ranks, from, last);
    }
}

static zloom_err_t
s_replay_kv (zloom_queue_t *self, zloom_bytes_t head)
{
    zloom_cursor_t cursor = zloom_cursor (head);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t table = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    if (table == ZLOOM_STORED_KV_PARKED) {
        const zloom_bytes_t key = zloom_fields_bytes (&fields, ZLOOM_NEED, ZLOOM_LIMIT_KEY_BYTES);
        const bool parked = zloom_fields_bool (&fields);
        if (cursor.err == ZLOOM_OK) {
            zloom_queue_park_key (self, key, parked);
        }
    } else if (table == ZLOOM_STORED_KV_IDS && zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_ids_decode_some (&self->ids, &cursor, zloom_queue_ids_max (self),
                               self->config.dedup_window_ns);
    } else if (table == ZLOOM_STORED_KV_OVERFLOW) {
        zloom_numbers_decode (&self->overflow, &fields, 0, ZLOOM_QUEUE_SEQ_MAX);
        zloom_numbers_remove (&self->overflow, self->next_seq, UINT64_MAX);
    }
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

/* [first, last] of a stored pack are wanted: they count from now on, unless they did before. */
static void
s_replay_messages (zloom_queue_t *self, const zloom_replay_t *record, const zloom_pack_head_t *head,
                   uint64_t first, uint64_t last)
{
    zloom_range_t run;
    while (first <= last && zloom_numbers_find (&self->unseen, first, last, &run)) {
        const uint64_t n = run.last - run.first + 1;
        const uint64_t bytes =
          n == record->count ? record->payload_bytes : record->payload_bytes / record->count * n;
        zloom_sizes_add (&self->sizes, run.first, run.last, bytes);
        zloom_ages_add (&self->ages, run.first, head->src_count ? head->src[0].base_time_ns : 0);
        zloom_numbers_remove (&self->unseen, run.first, run.last);
        self->appended += n;
        first = run.last + 1;
    }
}

/* [first, last] are not wanted: done with, unless they were before. */
static void
s_replay_others (zloom_queue_t *self, uint64_t first, uint64_t last)
{
    zloom_range_t run;
    while (first <= last && zloom_numbers_find (&self->unseen, first, last, &run)) {
        zloom_numbers_remove (&self->unseen, run.first, run.last);
        zloom_done_add (&self->done, run.first, run.last);
        first = run.last + 1;
    }
}

zloom_err_t
zloom_queue_replay_group (void *self, const zloom_replay_t *record, const zloom_pack_head_t *head,
                          const zloom_part_run_t *runs, size_t run_count)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    const uint64_t last = record->seq + record->count - 1;
    const zloom_err_t err = s_reach (queue, last + 1);
    if (err != ZLOOM_OK) {
        return err;
    }
    uint64_t at = record->seq;
    for (size_t i = 0; runs && i < run_count && at <= last; i++) {
        const uint64_t first = record->seq + runs[i].first;
        const uint64_t end = first + runs[i].n - 1;
        s_replay_others (queue, at, first - 1 < last ? first - 1 : last);
        s_replay_messages (queue, record, head, first, end < last ? end : last);
        at = end + 1;
    }
    if (runs) {
        s_replay_others (queue, at, last);
    } else {
        s_replay_messages (queue, record, head, at, last);
    }
    s_replay_head (queue, head, record->seq, last);
    return ZLOOM_OK;
}

static zloom_err_t
s_replay_pack (zloom_queue_t *self, const zloom_replay_t *record)
{
    const uint32_t count = record->count;
    if (count == 0 || count > ZLOOM_LIMIT_PACK_MESSAGES || record->seq > ZLOOM_QUEUE_SEQ_MAX ||
        record->payload_bytes > ZLOOM_LIMIT_PACK_BYTES) {
        return zloom_fail (ZLOOM_DAMAGED, "queue: a pack of %u messages", count);
    }
    zloom_err_t err = s_reach (self, record->seq + count);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    err = zloom_pack_head_decode (record->head, &arena, &head);
    if (err == ZLOOM_OK) {
        zloom_intake_replay (&self->intake, &head);
        err = zloom_queue_replay_group (self, record, &head, NULL, 0);
    }
    zloom_arena_fini (&arena);
    return err;
}

static zloom_err_t
s_replay_settle (zloom_queue_t *self, const zloom_replay_t *record)
{
    zloom_cursor_t cursor = zloom_cursor (record->head);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    uint8_t way = (uint8_t) zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_REASON_LOST, 0);
    zloom_bytes_t ranges = zloom_fields_raw (&fields, ZLOOM_NEED);
    bool by_hand = zloom_fields_bool (&fields);
    zloom_bytes_t missing = zloom_fields_raw (&fields, ZLOOM_MAY);
    zloom_fields_close (&fields);
    zloom_err_t err = zloom_cursor_end (&cursor);
    if (err != ZLOOM_OK || way == 0) {
        return err != ZLOOM_OK ? err : ZLOOM_DAMAGED;
    }
    if (way == ZLOOM_REASON_MOVED && by_hand) {
        way = ZLOOM_WAY_REQUEUED;
    }
    cursor = zloom_cursor (ranges);
    uint32_t count = zloom_cursor_array (&cursor, UINT32_MAX);
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        uint64_t first = zloom_cursor_uint (&cursor, ZLOOM_QUEUE_SEQ_MAX);
        uint64_t n = zloom_cursor_uint (&cursor, ZLOOM_QUEUE_SEQ_MAX);
        if (cursor.err != ZLOOM_OK || n == 0) {
            return cursor.err != ZLOOM_OK ? cursor.err : ZLOOM_DAMAGED;
        }
        err = s_reach (self, first + n);
        if (err != ZLOOM_OK) {
            return err;
        }
        s_replay_left (self, first, first + n - 1, way);
    }
    cursor = zloom_cursor (missing);
    return missing.data && self->group > 0 ? zloom_missing_decode (&self->missing, &cursor)
                                           : ZLOOM_OK;
}

zloom_err_t
zloom_queue_replay (void *self, const zloom_replay_t *record)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    zloom_cursor_t cursor = zloom_cursor (record->head);
    zloom_err_t err = ZLOOM_OK;
    if (queue->group == 0 && (record->group != 0 || record->type == ZLOOM_STORED_GROUP)) {
        return zloom_fail (ZLOOM_WRONG_PATTERN, "queue: a record of a flow with subscribers");
    }
    switch (record->type) {
    case ZLOOM_STORED_PACK:
        return s_replay_pack (queue, record);
    case ZLOOM_STORED_SETTLE:
        return s_replay_settle (queue, record);
    case ZLOOM_STORED_STATE:
        zloom_queue_read_states (queue, &cursor);
        return zloom_cursor_end (&cursor);
    case ZLOOM_STORED_PRODUCER:
        zloom_producers_decode (queue->intake.producers, &cursor);
        return zloom_cursor_end (&cursor);
    case ZLOOM_STORED_KV:
        return s_replay_kv (queue, record->head);
    case ZLOOM_STORED_HOLE:
        if (record->count == 0) {
            zloom_intake_replay_hole (&queue->intake, record->head);
            return ZLOOM_OK;
        }
        if (record->count > 0) {
            err = record->seq > ZLOOM_QUEUE_SEQ_MAX ? ZLOOM_DAMAGED
                                                    : s_reach (queue, record->seq + record->count);
        }
        if (record->count > 0 && err == ZLOOM_OK) {
            s_replay_left (queue, record->seq, record->seq + record->count - 1, ZLOOM_REASON_LOST);
        }
        return err;
    default: /* of others: the journal keeps them */
        return ZLOOM_OK;
    }
}

/* ---- recovered ------------------------------------------------------------------------------- */

/* Put an exception where it belongs: to the dead letters, waiting, or ready. */
static void
s_place (zloom_queue_t *self, zloom_exception_t *entry, zloom_now_t now)
{
    if (entry->moving) {
        zloom_numbers_add (&self->moving, entry->seq, entry->seq);
        return;
    }
    if (entry->delay_ns == ZLOOM_QUEUE_STUCK_NS && !zloom_queue_stays (self)) {
        entry->delay_ns = 0; /* the recipe has changed: once more, then it is dead */
    }
    if (entry->delay_ns == ZLOOM_QUEUE_STUCK_NS) {
        zloom_numbers_add (&self->waiting, entry->seq, entry->seq);
        zloom_numbers_add (&self->stuck, entry->seq, entry->seq);
        return;
    }
    int64_t rest_ns = zloom_backoff_rest (entry->stamp_ns, entry->delay_ns, now.wall_ns);
    if (rest_ns == 0 && entry->failures == 0 && !entry->history) { /* it was only delayed */
        zloom_queue_add_ready (self, ZLOOM_READY_FRESH, entry->seq, entry->seq);
        zloom_exceptions_remove (self->exceptions, entry->seq, entry->seq);
        return;
    }
    if (rest_ns == 0) {
        zloom_queue_add_ready (self, ZLOOM_READY_FAILED, entry->seq, entry->seq);
        return;
    }
    zloom_numbers_add (&self->waiting, entry->seq, entry->seq);
    zloom_exceptions_wait (self->exceptions, entry, zloom_time_add (now.mono_ns, rest_ns));
}

/* What had overflowed and has not left is on its way out again. */
static void
s_overflow (zloom_queue_t *self)
{
    zloom_numbers_t overflow = self->overflow;
    zloom_range_t run;
    zloom_range_t free_run;
    self->overflow = (zloom_numbers_t){0};
    for (uint64_t from = 0; zloom_numbers_find (&overflow, from, UINT64_MAX, &run);
         from = run.last + 1) {
        uint64_t at = run.first;
        while (at <= run.last && zloom_queue_free_run (self, at, run.last, &free_run)) {
            zloom_queue_doom (self, free_run.first, free_run.last, &self->overflow);
            at = free_run.last + 1;
        }
    }
    zloom_numbers_fini (&overflow);
}

void
zloom_queue_recovered (void *self, zloom_now_t now)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    zloom_range_t run;
    while (zloom_numbers_find (&queue->unseen, 0, UINT64_MAX, &run)) {
        s_replay_left (queue, run.first, run.last, ZLOOM_REASON_LOST);
    }
    zloom_queue_keys_configure (queue);
    uint64_t from = 0;
    while (zloom_done_gap (&queue->done, from, queue->next_seq - 1, &run)) {
        zloom_queue_add_ready (queue, ZLOOM_READY_FRESH, run.first, run.last);
        from = run.last + 1;
    }
    from = 0;
    while (zloom_exceptions_find (queue->exceptions, from, UINT64_MAX - 1, &run)) {
        zloom_queue_remove_ready (queue, run.first, run.last);
        for (uint64_t seq = run.first; seq <= run.last; seq++) {
            s_place (queue, zloom_exceptions_get (queue->exceptions, seq), now);
        }
        from = run.last + 1;
    }
    s_overflow (queue);
    zloom_numbers_fini (&queue->unseen);
    zloom_ages_drop (&queue->ages, queue->done.floor);
    zloom_intake_recovered (&queue->intake, now);
    queue->boot_seq = queue->next_seq;
    queue->durable_seq = queue->next_seq - 1;
    queue->frontier = queue->done.floor;
    if (queue->lanes && zloom_queue_unsettled (queue) > 0) {
        queue->hold_until_ns = zloom_time_add (now.mono_ns, queue->config.hold_ns);
    }
    zloom_expiries_drop (&queue->expiries, queue->done.floor);
    zloom_queue_plan_expiry (queue, now);
    zloom_assert (zloom_queue_check (queue));
}
