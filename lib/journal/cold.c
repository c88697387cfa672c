/* SPDX-License-Identifier: MPL-2.0 */
/*
 * cold.c - what is still needed from a hot segment that is to be given back moves to cold segments,
 * one row of files a flow; what is hardly needed there is written together again; what is not
 * needed goes.
 *
 * A move has three parts: the owner says which numbers live (here), a job copies and syncs them
 * (mover.c), and MOVE records tell the log (here, "landing"). Only when those are durable, with
 * every settlement that made other packs dead, may the source be used again or unlinked.
 */
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/mover.h"

#include <stdlib.h>

#define MOVE_HEAD_BYTES 9u
/* A cold segment is rewritten when less than 1 / this part of it is needed. */
#define REWRITE_UNDER 4u
/* Rewriting takes no more than about 16 MiB a second. */
#define TEND_EVERY_NS (100 * ZLOOM_NS_PER_MS)
#define REWRITE_NS_PER_BYTE 60

/* The runs in [first, last] that the owner needs. */
static size_t
s_runs (zloom_log_t *self, uint32_t flow, uint64_t first, uint64_t last, zloom_range_t **runs_p)
{
    const zloom_journal_owner_t *owner = &self->base.owner;
    zloom_range_t *runs = NULL;
    zloom_range_t run;
    size_t count = 0;
    size_t capacity = 0;
    while (first <= last && owner->next_live (owner->arg, flow, first, last, &run)) {
        zloom_assert (run.first >= first && run.last <= last && run.first <= run.last);
        zloom_grow (&runs, &capacity, count + 1, sizeof *runs);
        runs[count++] = run;
        first = run.last + 1;
    }
    *runs_p = runs;
    return count;
}

/* About how much disk the copies of these runs of the extent take. */
static uint64_t
s_cost (const zloom_extent_t *extent, const zloom_range_t *runs, size_t count)
{
    zloom_extent_t now = *extent;
    now.gone = extent->last - extent->first + 1;
    for (size_t i = 0; i < count; i++) {
        now.gone -= runs[i].last - runs[i].first + 1;
    }
    return zloom_extent_live_bytes (&now) + count * 2 * ZLOOM_ENTRY_BYTES;
}

/* Add what is needed of one flow from the source; what is not leaves the index. */
static void
s_plan_flow (zloom_log_t *self, zloom_move_t *move, zloom_log_flow_t *flow)
{
    bool cold = move->source_flow > 0;
    bool found = false;
    bool apart = false;
    size_t before = move->item_count;
    for (size_t i = 0; i < flow->index.count; i++) {
        const zloom_extent_t *extent = zloom_index_at (&flow->index, i);
        if (extent->cold != cold || extent->segment != move->source) {
            apart = true;
            continue;
        }
        zloom_range_t *runs;
        size_t count = s_runs (self, flow->mark.number, extent->first, extent->last, &runs);
        found = true;
        if (count > 0) {
            move->expected_bytes += s_cost (extent, runs, count);
            zloom_move_add (move, flow->mark.number, extent->offset, runs, count);
            move->items[move->item_count - 1].apart = apart;
            apart = false;
        }
    }
    if (found && move->item_count == before) {
        zloom_index_replace (&flow->index, cold, move->source, NULL, 0);
    }
    if (move->item_count > before) {
        zloom_cold_t next = {.number = flow->cold_next};
        const zloom_cold_t *last = flow->cold_count > 0 ? &flow->cold[flow->cold_count - 1] : NULL;
        bool open = last && !last->closed && !(cold && last->number == move->source);
        zloom_move_add_target (move, flow->mark.number, open ? last : &next);
    }
}

static zloom_cold_t *
s_cold_of (zloom_log_flow_t *flow, uint64_t number)
{
    for (size_t i = 0; i < flow->cold_count; i++) {
        if (flow->cold[i].number == number) {
            return &flow->cold[i];
        }
    }
    return NULL;
}

/* Learn how far the cold segments go now. */
static void
s_take_targets (zloom_log_t *self, const zloom_move_t *move)
{
    for (size_t i = 0; i < move->target_count; i++) {
        const zloom_move_target_t *target = &move->targets[i];
        zloom_log_flow_t *flow = self->flows[target->flow];
        zloom_cold_t *cold = s_cold_of (flow, target->number);
        if (!target->dirty) {
            continue;
        }
        if (!cold) {
            if (flow->cold_count > 0) {
                flow->cold[flow->cold_count - 1].closed = true;
            }
            zloom_grow (&flow->cold, &flow->cold_capacity, flow->cold_count + 1,
                        sizeof *flow->cold);
            cold = &flow->cold[flow->cold_count++];
            *cold = (zloom_cold_t){.number = target->number};
            flow->cold_next = target->number + 1;
        }
        cold->bytes = target->bytes;
        cold->groups = target->groups;
        cold->last_crc = target->last_crc;
        cold->closed = cold->bytes >= self->segment_bytes;
        cold->gone_after = 0;
    }
}

/* The move failed: nothing of it is used. Files that existed are not added to again. */
static void
s_move_failed (zloom_log_t *self, zloom_move_t *move)
{
    zloom_move_undo (move);
    for (size_t i = 0; i < move->target_count; i++) {
        zloom_log_flow_t *flow = self->flows[move->targets[i].flow];
        zloom_cold_t *cold = s_cold_of (flow, move->targets[i].number);
        if (cold) {
            cold->closed = true;
        }
        if (flow->cold_next <= move->targets[i].number) {
            flow->cold_next = move->targets[i].number + 1;
        }
    }
    self->working = false;
    zloom_log_step_failed (self, &move->job);
}

static void
s_move_done (zloom_job_t *job, void *owner)
{
    zloom_move_t *move = (zloom_move_t *) job;
    zloom_log_t *self = owner;
    if (!self) {
        zloom_move_free (&move);
    } else if (job->err) {
        s_move_failed (self, move);
        zloom_move_free (&move);
    } else {
        s_take_targets (self, move);
        self->stats.moved_bytes += move->moved_bytes;
        self->stats.holes += move->holes;
        self->landing = move;
        self->working = false;
        zloom_log_land (self);
    }
}

/* Stage one flow's MOVE and point its index at the copies; false when there is no room. */
static bool
s_land_flow (zloom_log_t *self, zloom_move_t *move)
{
    uint32_t number = move->moved[move->landed].flow;
    zloom_log_flow_t *flow = self->flows[number];
    size_t end = move->landed;
    while (end < move->moved_count && move->moved[end].flow == number) {
        end++;
    }
    size_t count = end - move->landed;
    zloom_extent_t *extents = zloom_alloc (count * sizeof *extents);
    zloom_buf_t payload = {0};
    for (size_t i = 0; i < count; i++) {
        zloom_extent_t *extent = &extents[i];
        *extent = move->moved[move->landed + i].extent;
        uint64_t live = zloom_log_live (self, number, extent->first, extent->last);
        extent->gone = extent->last - extent->first + 1 - live;
        zloom_extent_encode (&payload, extent);
    }
    bool room = zloom_log_own_room (self, MOVE_HEAD_BYTES + payload.size);
    if (room) {
        uint8_t head[MOVE_HEAD_BYTES] = {move->source_flow > 0};
        zloom_put_u64 (head + 1, move->source);
        zloom_blob_t *blob = zloom_blob_new_from_buf (&payload);
        zloom_record_t record = {.type = ZLOOM_RECORD_MOVE,
                                 .critical = true,
                                 .flow = number,
                                 .head = zloom_bytes (head, sizeof head),
                                 .payload = zloom_blob_bytes (blob)};
        zloom_log_stage (self, &record, blob);
        zloom_blob_unref (&blob);
        zloom_index_replace (&flow->index, move->source_flow > 0, move->source, extents, count);
        flow->suspect = true;
        move->landed = end;
        self->seal_wanted = true;
    }
    zloom_buf_fini (&payload);
    free (extents);
    return room;
}

void
zloom_log_land (zloom_log_t *self)
{
    zloom_move_t *move = self->landing;
    if (!move || self->failed) {
        return;
    }
    while (move->landed < move->moved_count) {
        if (!s_land_flow (self, move)) {
            self->seal_wanted = true;
            return;
        }
    }
    if (move->source_flow == 0) {
        zloom_log_moved (self, move->source);
    }
    self->seal_wanted |= self->open.records > 0;
    self->tend = true;
    zloom_move_free (&self->landing);
}

/* Give the move to the background, if the disk allows its copies. */
static bool
s_begin_move (zloom_log_t *self, zloom_move_t *move)
{
    /* Groups end at whole blocks. */
    uint64_t bytes = move->expected_bytes + move->expected_bytes / 32 +
                     (move->target_count + 1) * ZLOOM_BLOCK_BYTES;
    if (!zloom_log_disk_has (self, bytes, "moving what is needed of a segment")) {
        self->move_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_RETRY_MOVE_NS);
        zloom_move_free (&move);
        return false;
    }
    move->job.done = s_move_done;
    zloom_log_begin (self, &move->job);
    return true;
}

/*
 * The segment of which the least is needed, as far as was told, of those that are not written any
 * more; the oldest of several. *live: how much that is. 0: there is none. Those that came since
 * hold snapshots alone, which are needed, and are not taken anew (snapshot.c).
 */
static uint64_t
s_emptiest_segment (const zloom_log_t *self, uint64_t *live)
{
    size_t count = self->segment_count - 1;
    while (count > 0 && self->segments[count - 1].number > self->written_segment) {
        count--;
    }
    uint64_t *needed = zloom_alloc ((count + 1) * sizeof *needed);
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_index_t *index = &self->flows[i]->index;
        size_t at = 0;
        for (size_t k = 0; k < index->count; k++) {
            const zloom_extent_t *extent = zloom_index_at (index, k);
            while (!extent->cold && at < count && self->segments[at].number < extent->segment) {
                at++;
            }
            if (!extent->cold && at < count && self->segments[at].number == extent->segment) {
                needed[at] += zloom_extent_live_bytes (extent);
            }
        }
    }
    size_t least = 0;
    for (size_t i = 1; i < count; i++) {
        least = needed[i] < needed[least] ? i : least;
    }
    *live = needed[least];
    free (needed);
    return count > 0 ? self->segments[least].number : 0;
}

bool
zloom_log_wants_slack (const zloom_log_t *self)
{
    uint64_t live = 0;
    uint64_t slack = zloom_log_slack (self);
    if (self->segment_count > 1) {
        (void) s_emptiest_segment (self, &live);
    }
    return live > 0 && live <= slack / 2 && zloom_log_disk_left (self) < slack;
}

/* Only the settlements that made a segment dead have to be durable before it is used again. */
static void
s_give_back (zloom_log_t *self, uint64_t number)
{
    zloom_log_moved (self, number);
    self->seal_wanted |= self->open.records > 0;
}

/*
 * Without disk for a new segment the order does not count, only how little there is to be copied:
 * so what is settled drains a full log, whatever has to stay and however slowly acks come.
 */
void
zloom_log_clear_segment (zloom_log_t *self)
{
    uint64_t number = self->segments[0].number;
    uint64_t live = 0;
    if (self->disk_full) {
        number = s_emptiest_segment (self, &live);
    }
    if (number == 0 || live > self->segment_bytes / 2) {
        /* Copies would take the disk that they are to give back. */
        self->move_at_ns = zloom_time_add (self->now.mono_ns, ZLOOM_RETRY_MOVE_NS);
        return;
    }
    zloom_move_t *move = zloom_move_new (self, 0, number);
    for (size_t i = 0; i < self->segment_count; i++) {
        if (self->segments[i].number == number) {
            move->file = self->segments[i].file;
        }
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        s_plan_flow (self, move, self->flows[i]);
    }
    if (move->item_count > 0) {
        (void) s_begin_move (self, move);
        return;
    }
    zloom_move_free (&move);
    s_give_back (self, number);
}

bool
zloom_log_apply_move (zloom_log_t *self, zloom_log_flow_t *flow, zloom_bytes_t head,
                      zloom_bytes_t payload)
{
    (void) self;
    if (head.size < MOVE_HEAD_BYTES || payload.size == 0) {
        return false;
    }
    zloom_record_reader_t cursor = zloom_record_reader (payload);
    zloom_extent_t *extents = NULL;
    size_t capacity = 0;
    size_t count = 0;
    bool good = true;
    while (good && cursor.at < cursor.size) {
        zloom_grow (&extents, &capacity, count + 1, sizeof *extents);
        good = zloom_extent_decode (&cursor, &extents[count]) &&
               (count == 0 || extents[count - 1].last < extents[count].first);
        count++;
    }
    if (good) {
        zloom_index_replace (&flow->index, head.data[0] != 0, zloom_get_u64 (head.data + 1),
                             extents, count);
    }
    free (extents);
    return good;
}

/* ---- tending --------------------------------------------------------------------------------- */

/* What is needed of a cold segment, as far as was told. */
typedef struct {
    uint64_t live;  /* disk that it takes */
    size_t extents; /* in so many */
} use_t;

/* Of all cold segments of the flow with one look at its index, which may be long. */
static use_t *
s_uses (const zloom_log_flow_t *flow)
{
    use_t *uses = zloom_alloc ((flow->cold_count + 1) * sizeof *uses);
    size_t at = 0;
    for (size_t i = 0; i < flow->index.count; i++) {
        const zloom_extent_t *extent = zloom_index_at (&flow->index, i);
        /* Most stand where the one before them does. */
        for (size_t k = 0; extent->cold && k < flow->cold_count; k++) {
            if (flow->cold[at].number == extent->segment) {
                uses[at].live += zloom_extent_live_bytes (extent);
                uses[at].extents++;
                break;
            }
            at = at + 1 < flow->cold_count ? at + 1 : 0;
        }
    }
    return uses;
}

/* Look at one cold segment; true when a job was begun. *wait: something ends with a later group. */
static bool
s_tend_one (zloom_log_t *self, zloom_log_flow_t *flow, size_t at, const use_t *use, bool *wait)
{
    zloom_cold_t *cold = &flow->cold[at];
    const uint64_t live = use->live;
    if (use->extents == 0) {
        if (cold->gone_after == 0) {
            cold->gone_after = zloom_log_staged (self);
        }
        if (self->durable >= cold->gone_after && !self->unlinking) {
            zloom_log_unlink_cold (self, flow, at);
            return true;
        }
        *wait = true;
        return false;
    }
    if (live >= cold->bytes / REWRITE_UNDER || self->holed) {
        return false;
    }
    cold->closed = true;
    zloom_move_t *move = zloom_move_new (self, flow->mark.number, cold->number);
    s_plan_flow (self, move, flow);
    if (move->item_count == 0) {
        zloom_move_free (&move);
        *wait = true;
        return false;
    }
    self->tend_at_ns =
      zloom_time_add (self->now.mono_ns, TEND_EVERY_NS + (int64_t) live * REWRITE_NS_PER_BYTE);
    return s_begin_move (self, move);
}

bool
zloom_log_tend_cold (zloom_log_t *self)
{
    if (!self->tend || self->now.mono_ns < self->tend_at_ns) {
        return false;
    }
    self->tend_at_ns = zloom_time_add (self->now.mono_ns, TEND_EVERY_NS);
    bool wait = false;
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_log_flow_t *flow = self->flows[i];
        use_t *uses = s_uses (flow);
        bool begun = false;
        for (size_t k = 0; k < flow->cold_count && !begun; k++) {
            begun = s_tend_one (self, flow, k, &uses[k], &wait);
        }
        free (uses);
        if (begun) {
            return true;
        }
    }
    self->tend = wait;
    return false;
}
