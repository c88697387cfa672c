/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus_match.c - which messages a durable group wants. Of a pack that comes in this is settled then,
 * and stands in its head; a group that begins in the past looks at what is there first, in order,
 * and takes its part in what comes in once it has come to the end.
 */
#include "base/memory.h"
#include "patterns/bus/state.h"
#include "wire/encode.h"
#include "wire/pack.h"

/* Messages that a group looks at in one event. */
#define GO_MESSAGES 4096u

/* Stands for runs where there are none; NULL would be all. */
static const zloom_part_run_t s_none = {0, 0};

/* It does not want [first, last]. */
static void
s_filter (zloom_bus_group_t *group, uint64_t first, uint64_t last)
{
    if (first <= last) {
        group->filtered += zloom_numbers_add (&group->others, first, last);
    }
}

/* ---- what is there already ------------------------------------------------------------------- */

/* The runs of a peeked pack that a group wants. */
static void
s_sift (const zloom_bus_t *self, zloom_bus_group_t *group, uint64_t seq, const zloom_peek_t *peek)
{
    zloom_pack_iter_t iter = zloom_pack_iter (peek->pack);
    zloom_bytes_t bytes;
    group->run_count = 0;
    for (uint32_t i = 0; i < peek->n && zloom_pack_next (&iter, &bytes); i++) {
        if (zloom_bus_interest_wants (&group->interest, zloom_topic_of (bytes)) &&
            !zloom_numbers_has (&self->returned, seq + i)) {
            zloom_bus_group_wants (group, i, 1);
        }
    }
}

/* Add what it did not want of [seq, seq + n) to its record and to its set. */
static uint32_t
s_note_others (zloom_bus_group_t *group, uint64_t seq, uint32_t n, zloom_buf_t *out)
{
    uint32_t count = 0;
    uint32_t at = 0;
    for (size_t i = 0; i <= group->run_count; i++) {
        const uint32_t end = i < group->run_count ? group->runs[i].first : n;
        if (end > at) {
            s_filter (group, seq + at, seq + end - 1);
            zloom_encode_uint (out, seq + at);
            zloom_encode_uint (out, end - at);
            count++;
        }
        at = i < group->run_count ? end + group->runs[i].n : at;
    }
    return count;
}

/* Messages from `seq` on, at most `most`, take their places; how many, 0: not now. */
static uint32_t
s_consider (const zloom_bus_t *self, zloom_bus_group_t *group, uint64_t seq, uint32_t most,
            uint32_t *count, zloom_buf_t *others, const zloom_turn_t *turn)
{
    zloom_peek_t peek = {0};
    const zloom_err_t err =
      turn->store->peek (turn->store->arg, seq, most, ZLOOM_BUS_LEASE_BYTES, &peek);
    if (err == ZLOOM_AGAIN) {
        group->blocked = true;
        return 0;
    }
    zloom_src_t src = peek.src;
    zloom_effect_t append = {.type = ZLOOM_EFFECT_APPEND};
    append.append.seq = seq;
    append.append.n = err != ZLOOM_OK ? 1 : peek.n < peek.src.n ? peek.n : peek.src.n;
    append.append.src = &src;
    append.append.src_count = 1;
    append.append.expires_ns = ZLOOM_NEVER;
    if (err != ZLOOM_OK) { /* lost: the queue finds out when it is to hand it out */
        zloom_queue_enter_group (group->queue, &append, NULL, 0, turn);
        return 1;
    }
    peek.n = append.append.n;
    s_sift (self, group, seq, &peek);
    append.append.pack = peek.pack;
    append.append.flags = peek.flags;
    zloom_queue_describe (group->queue, &append, turn);
    *count += s_note_others (group, seq, peek.n, others);
    zloom_queue_enter_group (group->queue, &append, group->run_count > 0 ? group->runs : &s_none,
                             group->run_count, turn);
    return peek.n;
}

void
zloom_bus_consider (zloom_bus_t *self, zloom_bus_group_t *group, const zloom_turn_t *turn)
{
    zloom_buf_t others = {0};
    uint32_t count = 0;
    uint32_t looked = 0;
    uint64_t seq = zloom_queue_pattern.next_seq (group->queue);
    while (seq < self->next_seq && seq <= self->durable_seq && looked < GO_MESSAGES) {
        uint64_t most = self->durable_seq - seq + 1;
        most = most < GO_MESSAGES - looked ? most : GO_MESSAGES - looked;
        const uint32_t n = s_consider (self, group, seq, (uint32_t) most, &count, &others, turn);
        if (n == 0) {
            break;
        }
        looked += n;
        seq += n;
    }
    group->behind = seq < self->next_seq;
    if (looked > 0) {
        zloom_buf_clear (&self->buf);
        zloom_encode_array (&self->buf, 4);
        zloom_encode_uint (&self->buf, group->number);
        zloom_encode_uint (&self->buf, ZLOOM_BUS_GROUP_LOOKED);
        zloom_encode_array (&self->buf, (size_t) count * 2);
        zloom_buf_add_bytes (&self->buf, zloom_buf_bytes (&others));
        zloom_encode_bool (&self->buf, group->behind);
        zloom_bus_record_group (self, group, seq, turn);
    }
    zloom_buf_fini (&others);
}

/* ---- what comes in --------------------------------------------------------------------------- */

void
zloom_bus_group_wants (zloom_bus_group_t *group, uint32_t first, uint32_t n)
{
    zloom_part_run_t *last = group->run_count ? &group->runs[group->run_count - 1] : NULL;
    if (last && last->first + last->n == first) {
        last->n += n;
        return;
    }
    zloom_grow (&group->runs, &group->run_capacity, group->run_count + 1, sizeof *group->runs);
    group->runs[group->run_count++] = (zloom_part_run_t){first, n};
}

static bool
s_wants_all (const zloom_bus_group_t *group, uint32_t n)
{
    return group->run_count == 1 && group->runs[0].n == n;
}

void
zloom_bus_match_groups (zloom_bus_t *self, zloom_effect_t *append, const zloom_turn_t *turn)
{
    zloom_match_t *matches =
      self->group_count > 0
        ? zloom_effects_memory (turn->effects, self->group_count * sizeof *matches)
        : NULL;
    size_t count = 0;
    for (size_t i = 0; i < self->group_count; i++) {
        const zloom_bus_group_t *group = self->groups[i];
        if (group->behind || s_wants_all (group, append->append.n)) {
            continue;
        }
        const size_t size = group->run_count * sizeof *group->runs;
        zloom_part_run_t *runs = zloom_effects_memory (turn->effects, size);
        if (size > 0) {
            memcpy (runs, group->runs, size);
        }
        matches[count++] = (zloom_match_t){group->number, runs, group->run_count};
    }
    append->append.matches = matches;
    append->append.match_count = count;
}

void
zloom_bus_enter_groups (zloom_bus_t *self, const zloom_effect_t *append, const zloom_turn_t *turn)
{
    for (size_t i = 0; i < self->group_count; i++) {
        zloom_bus_group_t *group = self->groups[i];
        if (group->behind) {
            continue;
        }
        const bool all = s_wants_all (group, append->append.n);
        const zloom_part_run_t *runs = group->run_count > 0 ? group->runs : &s_none;
        zloom_queue_enter_group (group->queue, append, all ? NULL : runs, group->run_count, turn);
        zloom_bus_pass_over (group, append->append.seq, append->append.n, all ? NULL : runs,
                             group->run_count);
    }
}

void
zloom_bus_pass_over (zloom_bus_group_t *group, uint64_t seq, uint32_t n,
                     const zloom_part_run_t *runs, size_t run_count)
{
    uint64_t at = seq;
    for (size_t i = 0; runs && i < run_count; i++) {
        if (runs[i].first > 0) {
            s_filter (group, at, seq + runs[i].first - 1);
        }
        at = seq + runs[i].first + runs[i].n;
    }
    if (runs && n > 0) {
        s_filter (group, at, seq + n - 1);
    }
}
