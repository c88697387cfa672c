/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_recover.c - the bus's state as bytes and back, and records replayed on it.
 *
 * Snapshot, msgpack: [version, next seq, floor, retained, appended, counters, sizes, arrivals,
 * producers, groups, [returned (two values)]]; a group: [number, name, [pattern…], behind, others
 * (two values), queue, begins, filtered]. A later version that only appends needs no new number.
 * Listeners do not outlive the router. The bytes come from a disk: what cannot be true is an error,
 * and what is merely odd changes nothing.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "patterns/bus/table.h"
#include "patterns/common/numbers_code.h"
#include "wire/encode.h"

/* Not among the queue's: who reads a flow that left the recipe tries patterns. */
#define VERSION 101
#define COUNTERS 5
/* Beyond this no number from a disk is believed. */
#define SEQ_MAX (UINT64_C (1) << 62)
/* No more can be kept, or be missing in a row. */
#define KEPT_MAX (UINT64_C (1) << 33)

static uint64_t *
s_counter (zloom_bus_t *self, size_t index)
{
    uint64_t *counters[COUNTERS] = {&self->delivered, &self->lost, &self->ended,
                                    &self->intake.duplicates, &self->intake.refused};
    return counters[index];
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static void
s_encode_group (const zloom_bus_group_t *group, zloom_buf_t *out)
{
    zloom_buf_t queue = {0};
    zloom_encode_array (out, 9);
    zloom_encode_uint (out, group->number);
    zloom_encode_text (out, zloom_bytes_text (group->name));
    zloom_encode_array (out, group->interest.count);
    for (size_t i = 0; i < group->interest.count; i++) {
        zloom_encode_bytes (out, group->interest.patterns[i]);
    }
    zloom_encode_bool (out, group->behind);
    zloom_numbers_encode (&group->others, out);
    zloom_queue_pattern.snapshot (group->queue, &queue);
    zloom_encode_bytes (out, zloom_buf_bytes (&queue));
    zloom_encode_uint (out, group->begins);
    zloom_encode_uint (out, group->filtered);
    zloom_buf_fini (&queue);
}

void
zloom_bus_snapshot (const void *self, zloom_buf_t *out)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    zloom_bus_t *counted = (zloom_bus_t *) (uintptr_t) bus;
    zloom_encode_array (out, 11);
    zloom_encode_uint (out, VERSION);
    zloom_encode_uint (out, bus->next_seq);
    zloom_encode_uint (out, bus->floor);
    zloom_encode_uint (out, bus->retained);
    zloom_encode_uint (out, bus->appended);
    zloom_encode_array (out, COUNTERS);
    for (size_t i = 0; i < COUNTERS; i++) {
        zloom_encode_uint (out, *s_counter (counted, i));
    }
    zloom_sizes_encode (&bus->sizes, out);
    zloom_ages_encode (&bus->arrivals, out);
    zloom_producers_encode_all (bus->intake.producers, out);
    zloom_encode_array (out, bus->group_count);
    for (size_t i = 0; i < bus->group_count; i++) {
        s_encode_group (bus->groups[i], out);
    }
    zloom_encode_array (out, 2);
    zloom_numbers_encode (&bus->returned, out);
}

/* ---- restore --------------------------------------------------------------------------------- */

/* Patterns as they stand in a record or snapshot; bad ones are an error in the cursor. */
static zloom_bytes_t *
s_read_patterns (zloom_fields_t *fields, uint32_t *count)
{
    zloom_cursor_t *cursor = fields->cursor;
    *count = zloom_fields_array (fields, ZLOOM_NEED, ZLOOM_LIMIT_PATTERNS);
    zloom_bytes_t *patterns = zloom_realloc (NULL, (size_t) *count + 1, sizeof *patterns);
    for (uint32_t i = 0; i < *count; i++) {
        patterns[i] = zloom_cursor_bytes (cursor, ZLOOM_LIMIT_TOPIC_BYTES);
        if (cursor->err == ZLOOM_OK && zloom_topic_check_pattern (patterns[i]) != ZLOOM_OK) {
            zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "bus: a group's topic is none");
        }
    }
    return patterns;
}

static zloom_err_t
s_restore_group (zloom_bus_t *self, zloom_cursor_t *cursor)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    const uint32_t number = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, INT32_MAX, 0);
    const zloom_bytes_t name = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    uint32_t count;
    zloom_bytes_t *patterns = s_read_patterns (&fields, &count);
    const bool behind = zloom_fields_bool (&fields);
    zloom_err_t err = cursor->err;
    if (err == ZLOOM_OK &&
        (number == 0 || zloom_bus_group_of (self, number) || zloom_bus_find_group (self, name))) {
        err = zloom_fail (ZLOOM_DAMAGED, "bus: the same group twice");
    }
    if (err == ZLOOM_OK) {
        zloom_bus_group_t *group =
          zloom_bus_make_group (self, number, name, patterns, count, self->next_seq, false);
        group->behind = behind;
        group->recorded = true;
        zloom_numbers_decode (&group->others, &fields, 0, self->next_seq);
        const zloom_bytes_t queue = zloom_fields_bytes (&fields, ZLOOM_NEED, SIZE_MAX);
        group->begins = zloom_fields_uint (&fields, ZLOOM_NEED, SEQ_MAX, 0);
        group->filtered = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
        zloom_fields_close (&fields);
        err =
          cursor->err == ZLOOM_OK ? zloom_queue_pattern.restore (group->queue, queue) : cursor->err;
    }
    free (patterns);
    return err;
}

static void
s_restore_counters (zloom_bus_t *self, zloom_fields_t *fields)
{
    const uint32_t count = zloom_fields_array (fields, ZLOOM_NEED, 64);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t value = zloom_cursor_uint (fields->cursor, UINT64_MAX);
        if (i < COUNTERS) {
            *s_counter (self, i) = value;
        }
    }
}

zloom_err_t
zloom_bus_restore (void *self, zloom_bytes_t snapshot)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    zloom_cursor_t cursor = zloom_cursor (snapshot);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t version = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    if (cursor.err == ZLOOM_OK && version != VERSION) {
        return zloom_fail (ZLOOM_VERSION, "bus: snapshot of version %llu, this reads %d",
                           (unsigned long long) version, VERSION);
    }
    bus->next_seq = zloom_fields_uint (&fields, ZLOOM_NEED, SEQ_MAX, 1);
    bus->floor = zloom_fields_uint (&fields, ZLOOM_NEED, SEQ_MAX, 1);
    bus->retained = zloom_fields_uint (&fields, ZLOOM_NEED, SEQ_MAX, 1);
    bus->appended = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    if (cursor.err != ZLOOM_OK || bus->floor == 0 || bus->floor > bus->retained ||
        bus->retained > bus->next_seq || bus->next_seq - bus->floor > KEPT_MAX) {
        return cursor.err != ZLOOM_OK ? cursor.err : zloom_fail (ZLOOM_DAMAGED, "bus: snapshot");
    }
    bus->kept = bus->floor;
    s_restore_counters (bus, &fields);
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        if (bus->floor < bus->next_seq) {
            zloom_sizes_add (&bus->sizes, bus->floor, bus->next_seq - 1, 0);
        }
        zloom_sizes_decode (&bus->sizes, &cursor);
    }
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_ages_decode (&bus->arrivals, &cursor);
    }
    if (zloom_fields_next (&fields, ZLOOM_NEED)) {
        zloom_producers_decode_all (bus->intake.producers, &cursor);
    }
    const uint32_t count = zloom_fields_array (&fields, ZLOOM_NEED, ZLOOM_LIMIT_GROUPS);
    zloom_err_t err = cursor.err;
    for (uint32_t i = 0; i < count && err == ZLOOM_OK; i++) {
        err = s_restore_group (bus, &cursor);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    if (zloom_fields_next (&fields, ZLOOM_MAY)) {
        zloom_fields_t inner = zloom_fields_open (&cursor);
        zloom_numbers_decode (&bus->returned, &inner, bus->floor, bus->next_seq);
        zloom_fields_close (&inner);
    }
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* Numbers below `end` were given. */
static zloom_err_t
s_reach (zloom_bus_t *self, uint64_t end)
{
    if (end > SEQ_MAX || (end > self->next_seq && end - self->next_seq > KEPT_MAX)) {
        return zloom_fail (ZLOOM_DAMAGED, "bus: a record far beyond the end of the flow");
    }
    if (end > self->next_seq) {
        zloom_sizes_add (&self->sizes, self->next_seq, end - 1, 0);
        self->next_seq = end;
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_replay_groups (zloom_bus_t *self, const zloom_replay_t *record, const zloom_pack_head_t *head)
{
    static const zloom_part_run_t none = {0, 0};
    zloom_err_t err = ZLOOM_OK;
    for (size_t i = 0; i < self->group_count && err == ZLOOM_OK; i++) {
        zloom_bus_group_t *group = self->groups[i];
        const zloom_match_t *match = zloom_pack_head_match (head, group->number);
        const zloom_part_run_t *runs = !match ? NULL : match->run_count > 0 ? match->runs : &none;
        if (group->behind || record->seq < zloom_queue_pattern.next_seq (group->queue)) {
            continue;
        }
        err =
          zloom_queue_replay_group (group->queue, record, head, runs, match ? match->run_count : 0);
        zloom_bus_pass_over (group, record->seq, record->count, runs, match ? match->run_count : 0);
    }
    return err;
}

static zloom_err_t
s_replay_pack (zloom_bus_t *self, const zloom_replay_t *record)
{
    if (record->count == 0 || record->count > ZLOOM_LIMIT_PACK_MESSAGES || record->seq > SEQ_MAX ||
        record->payload_bytes > ZLOOM_LIMIT_PACK_BYTES) {
        return zloom_fail (ZLOOM_DAMAGED, "bus: a pack of %u messages", record->count);
    }
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    zloom_err_t err = zloom_pack_head_decode (record->head, &arena, &head);
    if (err == ZLOOM_OK) {
        zloom_intake_replay (&self->intake, &head);
        if (record->seq >= self->next_seq) {
            err = s_reach (self, record->seq);
        }
        if (err == ZLOOM_OK && record->seq >= self->next_seq) {
            zloom_sizes_add (&self->sizes, record->seq, record->seq + record->count - 1,
                             record->payload_bytes);
            self->arrived_ns = head.arrived_ns != 0 ? head.arrived_ns
                               : head.src_count > 0 ? head.src[0].base_time_ns
                                                    : 0;
            zloom_ages_add (&self->arrivals, record->seq, self->arrived_ns);
            zloom_bus_replay_returned (self, record->seq, &head);
            self->next_seq = record->seq + record->count;
            self->appended += record->count;
        }
        err = err == ZLOOM_OK ? s_replay_groups (self, record, &head) : err;
    }
    zloom_arena_fini (&arena);
    return err;
}

/* What the group did not want of the numbers below the record's. */
static zloom_err_t
s_replay_looked (zloom_bus_group_t *group, zloom_fields_t *fields, uint64_t end)
{
    zloom_cursor_t *cursor = fields->cursor;
    const uint64_t begin = zloom_queue_pattern.next_seq (group->queue);
    const uint32_t count = zloom_fields_array (fields, ZLOOM_NEED, UINT32_MAX) / 2;
    zloom_part_run_t *wanted = zloom_realloc (NULL, (size_t) count + 2, sizeof *wanted);
    size_t wanted_count = 0;
    uint64_t at = begin;
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        const uint64_t first = zloom_cursor_uint (cursor, end);
        const uint64_t n = zloom_cursor_uint (cursor, end);
        if (cursor->err == ZLOOM_OK && (first < at || n == 0 || n > end - first)) {
            zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "bus: what a group does not want");
        }
        if (cursor->err == ZLOOM_OK && first > at) {
            wanted[wanted_count++] =
              (zloom_part_run_t){(uint32_t) (at - begin), (uint32_t) (first - at)};
        }
        at = first + n;
    }
    if (cursor->err == ZLOOM_OK && at < end) {
        wanted[wanted_count++] = (zloom_part_run_t){(uint32_t) (at - begin), (uint32_t) (end - at)};
    }
    if (cursor->err == ZLOOM_OK && end - begin > ZLOOM_LIMIT_PACK_MESSAGES) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "bus: a group looked too far");
    }
    if (cursor->err == ZLOOM_OK) {
        static const zloom_pack_head_t plain = {.expires_ns = ZLOOM_NEVER};
        static const zloom_part_run_t none = {0, 0};
        const zloom_part_run_t *runs = wanted_count > 0 ? wanted : &none;
        const zloom_replay_t record = {
          .type = ZLOOM_STORED_PACK, .seq = begin, .count = (uint32_t) (end - begin)};
        zloom_queue_replay_group (group->queue, &record, &plain, runs, wanted_count);
        zloom_bus_pass_over (group, begin, record.count, runs, wanted_count);
    }
    free (wanted);
    return cursor->err;
}

static zloom_err_t
s_replay_is (zloom_bus_t *self, zloom_bus_group_t *group, zloom_fields_t *fields, uint32_t number,
             uint64_t seq)
{
    const zloom_bytes_t name = zloom_fields_text (fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    uint32_t count;
    zloom_bytes_t *patterns = s_read_patterns (fields, &count);
    const bool behind = zloom_fields_bool (fields);
    if (fields->cursor->err == ZLOOM_OK && group) {
        zloom_bus_group_wants_now (self, group, patterns, count);
        group->recorded = true;
    } else if (fields->cursor->err == ZLOOM_OK && self->group_count < ZLOOM_LIMIT_GROUPS &&
               !zloom_bus_find_group (self, name) && seq > 0 && s_reach (self, seq) == ZLOOM_OK) {
        group = zloom_bus_make_group (self, number, name, patterns, count, seq, false);
        group->behind = behind;
        group->recorded = true;
    }
    free (patterns);
    return fields->cursor->err;
}

static zloom_err_t
s_replay_group (zloom_bus_t *self, const zloom_replay_t *record)
{
    zloom_cursor_t cursor = zloom_cursor (record->head);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint32_t number = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, INT32_MAX, 0);
    const uint64_t what = zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    zloom_bus_group_t *group = zloom_bus_group_of (self, number);
    zloom_err_t err = cursor.err;
    if (err == ZLOOM_OK && number == 0) {
        err = zloom_fail (ZLOOM_DAMAGED, "bus: a group without number");
    } else if (err == ZLOOM_OK && what == ZLOOM_BUS_GROUP_IS) {
        err = s_replay_is (self, group, &fields, number, record->seq);
    } else if (err == ZLOOM_OK && group && what == ZLOOM_BUS_GROUP_GONE) {
        zloom_bus_remove_group (self, group);
    } else if (err == ZLOOM_OK && group && what == ZLOOM_BUS_GROUP_LOOKED &&
               record->seq > zloom_queue_pattern.next_seq (group->queue) &&
               record->seq <= SEQ_MAX) {
        err = s_replay_looked (group, &fields, record->seq);
        group->behind = zloom_fields_bool (&fields);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_fields_close (&fields);
    return zloom_cursor_end (&cursor);
}

static zloom_err_t
s_replay_hole (zloom_bus_t *self, const zloom_replay_t *record)
{
    if (record->count == 0) {
        zloom_intake_replay_hole (&self->intake, record->head); /* of a producer, or of a record */
        return ZLOOM_OK;
    }
    zloom_err_t err = record->seq > SEQ_MAX ? zloom_fail (ZLOOM_DAMAGED, "bus: a hole")
                                            : s_reach (self, record->seq + record->count);
    for (size_t i = 0; i < self->group_count && err == ZLOOM_OK; i++) {
        zloom_bus_group_t *group = self->groups[i];
        const bool late = record->seq + record->count <= zloom_queue_floor (group->queue);
        if (!group->behind && !late) {
            err = zloom_queue_pattern.replay (group->queue, record);
        }
    }
    return err;
}

zloom_err_t
zloom_bus_replay (void *self, const zloom_replay_t *record)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    zloom_cursor_t cursor = zloom_cursor (record->head);
    switch (record->type) {
    case ZLOOM_STORED_PACK:
        return s_replay_pack (bus, record);
    case ZLOOM_STORED_TRIM:
        if (record->seq > bus->retained && record->seq <= bus->next_seq) {
            bus->retained = record->seq;
        }
        return ZLOOM_OK;
    case ZLOOM_STORED_GROUP:
        return s_replay_group (bus, record);
    case ZLOOM_STORED_HOLE:
        return s_replay_hole (bus, record);
    case ZLOOM_STORED_PRODUCER:
        zloom_producers_decode (bus->intake.producers, &cursor);
        return zloom_cursor_end (&cursor);
    default:
        break;
    }
    if (record->group == 0 && record->type <= ZLOOM_STORED_KV) {
        return zloom_fail (ZLOOM_WRONG_PATTERN, "bus: a record of a flow that is none");
    }
    zloom_bus_group_t *group = zloom_bus_group_of (bus, record->group);
    return group ? zloom_queue_pattern.replay (group->queue, record) : ZLOOM_OK;
}

void
zloom_bus_recovered (void *self, zloom_now_t now)
{
    zloom_bus_t *bus = zloom_bus_of (self);
    for (size_t i = 0; i < bus->group_count; i++) {
        s_reach (bus, zloom_queue_pattern.next_seq (bus->groups[i]->queue));
    }
    bus->durable_seq = bus->next_seq - 1;
    for (size_t i = 0; i < bus->group_count; i++) {
        zloom_bus_group_t *group = bus->groups[i];
        zloom_queue_pattern.recovered (group->queue, now);
        /* Packs that it never saw are damaged: it finds that out by looking. */
        group->behind = zloom_queue_pattern.next_seq (group->queue) < bus->next_seq;
        const zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE,
                                       .durable_seq = bus->durable_seq};
        zloom_queue_pattern.event (group->queue, &durable, &(zloom_turn_t){0});
    }
    zloom_intake_recovered (&bus->intake, now);
    zloom_bus_recount_retained (bus, now);
    bus->ready = true;
    zloom_bus_configure_groups (bus);
    zloom_bus_let_go (bus, now, NULL);
    zloom_assert (zloom_bus_check (bus));
}
