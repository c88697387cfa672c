/* SPDX-License-Identifier: MPL-2.0 */
/* bus_shown.c - what a bus tells people about itself. */
#include "patterns/bus/table.h"

void
zloom_bus_stats (const void *self, zloom_now_t now, zloom_flow_stats_t *stats)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    *stats = (zloom_flow_stats_t){.bytes = bus->sizes.bytes,
                                  .consumers = zloom_idmap_count (bus->members),
                                  .appended = bus->appended,
                                  .acquired = bus->delivered,
                                  .dropped = bus->lost,
                                  .duplicates = bus->intake.duplicates,
                                  .refused = bus->intake.refused,
                                  .due_mono_ns = ZLOOM_NEVER,
                                  .paused = bus->paused,
                                  .draining = bus->draining};
    for (size_t i = 0; i < bus->group_count; i++) {
        zloom_flow_stats_t one;
        zloom_queue_pattern.stats (bus->groups[i]->queue, now, &one);
        stats->ready += one.ready;
        stats->leased += one.leased;
        stats->waiting += one.waiting;
        stats->moving += one.moving;
        stats->acked += one.acked;
        stats->dead += one.dead;
        stats->requeued += one.requeued;
        stats->expired += one.expired;
        stats->purged += one.purged;
        stats->dropped += one.dropped;
        stats->lost += one.lost;
        stats->acquired += one.acquired;
        stats->failures += one.failures;
        stats->released += one.released;
        stats->lease_ends += one.lease_ends;
        stats->stale += one.stale;
        stats->stuck += one.stuck;
        stats->credit += one.credit;
        if (one.due_mono_ns < stats->due_mono_ns) {
            stats->due_mono_ns = one.due_mono_ns;
            stats->due_failures = one.due_failures;
        }
        if (one.oldest_wall_ns != 0 &&
            (stats->oldest_wall_ns == 0 || one.oldest_wall_ns < stats->oldest_wall_ns)) {
            stats->oldest_wall_ns = one.oldest_wall_ns;
        }
    }
    for (size_t i = 0; i < bus->listener_count; i++) {
        const zloom_bus_listener_t *listener = bus->listeners[i];
        for (size_t j = 0; j < listener->member_count; j++) {
            const uint64_t one = zloom_bus_member_credit (listener->members[j]);
            stats->credit = stats->credit + one < one ? UINT64_MAX : stats->credit + one;
        }
    }
}

/* ---- subscribers ----------------------------------------------------------------------------- */

static void
s_row_of_group (const zloom_bus_t *self, const zloom_bus_group_t *group,
                zloom_subscriber_row_t *row)
{
    zloom_flow_stats_t stats;
    zloom_queue_pattern.stats (group->queue, (zloom_now_t){0}, &stats);
    const uint64_t seen = zloom_queue_pattern.next_seq (group->queue);
    *row =
      (zloom_subscriber_row_t){.group = zloom_bytes_text (group->name),
                               .durable = true,
                               .patterns = group->interest.patterns,
                               .pattern_count = group->interest.count,
                               .consumers = group->member_count,
                               .consumer = group->member_count > 0 ? group->members[0]->id : 0,
                               .lag = zloom_queue_backlog (group->queue) + (self->next_seq - seen),
                               .delivered = stats.acquired,
                               .acked = stats.acked,
                               .dead = stats.dead,
                               .filtered = group->filtered,
                               .dropped = stats.dropped + stats.expired + stats.purged + stats.lost,
                               .gaps = zloom_queue_gaps_told (group->queue),
                               .position = zloom_queue_floor (group->queue)};
}

static void
s_row_of_listener (const zloom_bus_t *self, const zloom_bus_listener_t *listener,
                   zloom_subscriber_row_t *row)
{
    zloom_range_t run;
    const bool live = listener->stage == ZLOOM_BUS_LIVE;
    const uint64_t reached = live ? self->next_seq : listener->at;
    uint64_t position = reached;
    if (zloom_ranges_find (&listener->pending, 0, &run) && run.first < position) {
        position = run.first;
    }
    *row = (zloom_subscriber_row_t){.group = zloom_bytes_text (listener->name),
                                    .patterns = listener->interest.patterns,
                                    .pattern_count = listener->interest.count,
                                    .consumers = listener->member_count,
                                    .consumer = listener->members[0]->id,
                                    .lag = listener->pending.total +
                                           (live ? 0 : zloom_bus_there (self, listener->at)),
                                    .delivered = listener->delivered,
                                    .filtered = reached - listener->began > listener->meant
                                                  ? reached - listener->began - listener->meant
                                                  : 0,
                                    .dropped = listener->lost,
                                    .gaps = listener->gaps_told,
                                    .on_slow = listener->on_slow,
                                    .on_slow_value = listener->on_slow_value,
                                    .position = position};
}

bool
zloom_bus_next_subscriber (const void *self, uint64_t *cursor, zloom_subscriber_row_t *row)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    const uint64_t at = (*cursor)++;
    if (at < bus->group_count) {
        s_row_of_group (bus, bus->groups[at], row);
        return true;
    }
    if (at - bus->group_count < bus->listener_count) {
        s_row_of_listener (bus, bus->listeners[at - bus->group_count], row);
        return true;
    }
    return false;
}

/* ---- one message ----------------------------------------------------------------------------- */

/* Messages of the group that stand before it and are not through. */
static uint64_t
s_behind (const zloom_bus_group_t *group, uint64_t seq)
{
    uint64_t behind = 0;
    zloom_range_t run;
    for (uint64_t from = 0;
         seq > 0 && zloom_queue_pattern.next_live (group->queue, from, seq - 1, &run);
         from = run.last + 1) {
        behind += run.last - run.first + 1;
    }
    return behind;
}

bool
zloom_bus_receipt (const void *self, uint64_t seq, uint64_t *cursor, zloom_receipt_row_t *row)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    if (seq < bus->floor || seq >= bus->next_seq || *cursor >= bus->group_count) {
        return false; /* of what has gone nothing is known */
    }
    const zloom_bus_group_t *group = bus->groups[(*cursor)++];
    zloom_whereabouts_t place;
    *row = (zloom_receipt_row_t){.group = zloom_bytes_text (group->name)};
    zloom_queue_pattern.place (group->queue, seq, &place);
    if (zloom_numbers_has (&group->others, seq)) {
        row->state = ZLOOM_RECEIPT_FILTERED;
    } else if (place.place == ZLOOM_PLACE_LEASED) {
        row->state = ZLOOM_RECEIPT_DELIVERED;
    } else if (place.place == ZLOOM_PLACE_GONE && seq < group->begins) {
        row->state = ZLOOM_RECEIPT_FILTERED; /* it came before the group did */
    } else if (place.place == ZLOOM_PLACE_GONE) {
        const zloom_settle_reason_t why = zloom_queue_why_left (group->queue, seq);
        row->state = why == ZLOOM_REASON_MOVED     ? ZLOOM_RECEIPT_DEAD
                     : why == ZLOOM_REASON_DROPPED ? ZLOOM_RECEIPT_DROPPED
                                                   : ZLOOM_RECEIPT_ACKED;
    } else {
        row->state = ZLOOM_RECEIPT_LAGGING;
        row->behind = s_behind (group, seq);
    }
    return true;
}

/* Whether a durable subscriber has still to get it, or has it in hand. */
static bool
s_is_awaited (const zloom_bus_t *bus, uint64_t seq)
{
    zloom_receipt_row_t row;
    for (uint64_t cursor = 0; zloom_bus_receipt (bus, seq, &cursor, &row);) {
        if (row.state == ZLOOM_RECEIPT_LAGGING || row.state == ZLOOM_RECEIPT_DELIVERED) {
            return true;
        }
    }
    return false;
}

void
zloom_bus_whereabouts (const void *self, uint64_t seq, zloom_whereabouts_t *place)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    *place = (zloom_whereabouts_t){.place = seq >= bus->next_seq      ? ZLOOM_PLACE_NONE
                                            : seq < bus->floor        ? ZLOOM_PLACE_GONE
                                            : s_is_awaited (bus, seq) ? ZLOOM_PLACE_READY
                                                                      : ZLOOM_PLACE_KEPT,
                                   .due_mono_ns = ZLOOM_NEVER};
}

bool
zloom_bus_next_free (const void *self, uint64_t from, zloom_range_t *run)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    *run = (zloom_range_t){from > bus->floor ? from : bus->floor, bus->next_seq - 1};
    return run->first < bus->next_seq;
}

/* A queue's cursor has its class in the three highest bits; the group stands below them. */
#define CLASS_SHIFT 61
#define GROUP_SHIFT 46

/* Keys of groups, one group after the other. */
bool
zloom_bus_next_key (const void *self, uint64_t *cursor, zloom_key_row_t *row)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    const uint64_t class_mask = UINT64_C (7) << CLASS_SHIFT;
    const uint64_t place_mask = (UINT64_C (1) << GROUP_SHIFT) - 1;
    uint64_t inner = *cursor & (class_mask | place_mask);
    for (uint64_t at = (*cursor & ~class_mask) >> GROUP_SHIFT; at < bus->group_count; at++) {
        if (zloom_queue_pattern.next_key (bus->groups[at]->queue, &inner, row) &&
            (inner & ~(class_mask | place_mask)) == 0) {
            *cursor = inner | (at << GROUP_SHIFT);
            return true;
        }
        inner = 0;
    }
    return false;
}

size_t
zloom_bus_lanes (const void *self, zloom_lane_row_t *rows, size_t max)
{
    const zloom_bus_t *bus = zloom_bus_of_const (self);
    const zloom_bus_group_t *worst = NULL;
    for (size_t i = 0; i < bus->group_count; i++) {
        if (!worst ||
            zloom_queue_backlog (bus->groups[i]->queue) > zloom_queue_backlog (worst->queue)) {
            worst = bus->groups[i];
        }
    }
    return worst ? zloom_queue_pattern.lanes (worst->queue, rows, max) : 0;
}
