/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_snapshot.c - a queue's whole state as bytes, and back.
 *
 * msgpack: [version, next seq, done, left by way, counters, sizes, ages, states, producers,
 * priorities, expiries, parked keys, ids]. Behind these, of a flow's queue what has overflowed; of
 * a durable group's how messages left (dead, dropped), and what it misses and has not heard of. A
 * later version that only appends needs no new number; anything else does, and the reader of this
 * one stays. The bytes come from a disk: what cannot be true is an error, and what is merely odd
 * changes nothing.
 */
#include "patterns/common/records.h"
#include "patterns/queue/state.h"
#include "wire/encode.h"

#define VERSION 1
#define COUNTERS 7

static uint64_t *
s_counter (zloom_queue_t *self, size_t index)
{
    uint64_t *counters[COUNTERS] = {&self->acquired,      &self->failures, &self->released,
                                    &self->lease_ends,    &self->stale,    &self->intake.duplicates,
                                    &self->intake.refused};
    return counters[index];
}

/* ---- snapshot -------------------------------------------------------------------------------- */

void
zloom_queue_snapshot (const void *self, zloom_buf_t *out)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    zloom_queue_t *counted = (zloom_queue_t *) (uintptr_t) queue;
    zloom_encode_array (out, queue->group > 0 ? 18 : 15);
    zloom_encode_uint (out, VERSION);
    zloom_encode_uint (out, queue->next_seq);
    zloom_done_encode (&queue->done, out);
    zloom_encode_array (out, ZLOOM_WAYS);
    for (size_t way = 0; way < ZLOOM_WAYS; way++) {
        zloom_encode_uint (out, queue->left[way]);
    }
    zloom_encode_array (out, COUNTERS);
    for (size_t i = 0; i < COUNTERS; i++) {
        zloom_encode_uint (out, *s_counter (counted, i));
    }
    zloom_sizes_encode (&queue->sizes, out);
    zloom_ages_encode (&queue->ages, out);
    zloom_buf_t states = {0};
    uint32_t count = zloom_queue_encode_states (queue, 0, UINT64_MAX - 1, false, &states);
    zloom_encode_array (out, count);
    zloom_buf_add_bytes (out, zloom_buf_bytes (&states));
    zloom_buf_fini (&states);
    zloom_producers_encode_all (queue->intake.producers, out);
    zloom_ranks_encode (&queue->ranks, out);
    zloom_expiries_encode (&queue->expiries, out);
    zloom_encode_array (out, zloom_map_count (queue->parked));
    zloom_bytes_t key;
    for (size_t i = 0; zloom_map_next (queue->parked, &i, &key, NULL);) {
        zloom_encode_bytes (out, key);
    }
    zloom_ids_encode (&queue->ids, out);
    if (queue->group == 0) {
        zloom_numbers_encode (&queue->overflow, out);
    } else {
        zloom_numbers_encode (&queue->left_dead, out);
        zloom_numbers_encode (&queue->left_dropped, out);
        zloom_missing_encode (&queue->missing, out);
    }
}

/* ---- restore --------------------------------------------------------------------------------- */

/* What is unsettled has a place in the sizes before their bytes are read. */
static void
s_restore_sizes (zloom_queue_t *self, zloom_cursor_t *cursor)
{
    zloom_range_t run;
    uint64_t from = 0;
    while (zloom_done_gap (&self->done, from, self->next_seq - 1, &run)) {
        zloom_sizes_add (&self->sizes, run.first, run.last, 0);
        from = run.last + 1;
    }
    zloom_sizes_decode (&self->sizes, cursor);
}

static void
s_restore_counters (zloom_queue_t *self, zloom_fields_t *fields)
{
    zloom_cursor_t *cursor = fields->cursor;
    uint32_t count = zloom_fields_array (fields, ZLOOM_NEED, 64);
    self->appended = zloom_queue_unsettled (self);
    for (uint32_t way = 0; way < count; way++) {
        uint64_t left = zloom_cursor_uint (cursor, ZLOOM_QUEUE_SEQ_MAX);
        if (way < ZLOOM_WAYS) {
            self->left[way] = left;
            self->appended += left;
        }
    }
    count = zloom_fields_array (fields, ZLOOM_NEED, 64);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = zloom_cursor_uint (cursor, UINT64_MAX);
        if (i < COUNTERS) {
            *s_counter (self, i) = value;
        }
    }
}

/* Ids that are remembered beyond this were not asked for. */
size_t
zloom_queue_ids_max (const zloom_queue_t *self)
{
    return self->config.dedup ? (size_t) self->config.dedup_max : 0;
}

/* What snapshots of the first days lack. */
static void
s_restore_more (zloom_queue_t *self, zloom_fields_t *fields)
{
    zloom_cursor_t *cursor = fields->cursor;
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_ranks_decode (&self->ranks, cursor, self->done.floor, self->next_seq);
    }
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_expiries_decode (&self->expiries, cursor);
    }
    const uint32_t count = zloom_fields_array (fields, ZLOOM_MAY, UINT32_MAX);
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_queue_park_key (self, zloom_cursor_bytes (cursor, ZLOOM_LIMIT_KEY_BYTES), true);
    }
    if (zloom_fields_next (fields, ZLOOM_MAY)) {
        zloom_ids_decode (&self->ids, cursor, zloom_queue_ids_max (self),
                          self->config.dedup_window_ns);
    }
    if (self->group == 0 && fields->left > 0) {
        zloom_numbers_decode (&self->overflow, fields, 0, self->next_seq);
    } else if (self->group > 0) {
        zloom_numbers_decode (&self->left_dead, fields, 0, self->next_seq);
        zloom_numbers_decode (&self->left_dropped, fields, 0, self->next_seq);
        if (zloom_fields_next (fields, ZLOOM_MAY)) {
            zloom_missing_decode (&self->missing, cursor);
        }
    }
}

zloom_err_t
zloom_queue_restore (void *self, zloom_bytes_t snapshot)
{
    zloom_queue_t *queue = zloom_queue_of (self);
    zloom_cursor_t cursor = zloom_cursor (snapshot);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    uint64_t version = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    if (cursor.err == ZLOOM_OK && version != VERSION) {
        return zloom_fail (ZLOOM_VERSION, "queue: snapshot of version %llu, this reads %d",
                           (unsigned long long) version, VERSION);
    }
    uint64_t next_seq = zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_QUEUE_SEQ_MAX, 0);
    if (zloom_fields_next (&fields, ZLOOM_NEED) && next_seq > 0) {
        zloom_done_fini (&queue->done);
        zloom_done_init (&queue->done, 0);
        zloom_done_decode (&queue->done, &cursor, next_seq);
        queue->next_seq = next_seq;
    }
    if (cursor.err == ZLOOM_OK && zloom_queue_unsettled (queue) > ZLOOM_QUEUE_UNSETTLED_MAX) {
        zloom_cursor_fail (&cursor, ZLOOM_DAMAGED, "queue: more unsettled than there can be");
    }
    if (cursor.err != ZLOOM_OK || next_seq == 0) {
        return cursor.err != ZLOOM_OK ? cursor.err : ZLOOM_DAMAGED;
    }
    s_restore_counters (queue, &fields);
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        s_restore_sizes (queue, &cursor);
    }
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_ages_decode (&queue->ages, &cursor);
    }
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_queue_read_states (queue, &cursor);
    }
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_producers_decode_all (queue->intake.producers, &cursor);
    }
    s_restore_more (queue, &fields);
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}
