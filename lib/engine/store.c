/* SPDX-License-Identifier: MPL-2.0 */
/*
 * store.c - stored packs as patterns and deliveries see them. A few views a flow remember the packs
 * looked at last and how far each was walked, so that handing out a pack of 256 messages in slices
 * of 100 walks it once. What is not in memory is read behind the turn's back: the pattern hears
 * AGAIN now and gets a FETCHED event later.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "engine/core.h"

/* Packs from the disk kept a flow, beside the journal's own cache. */
#define COLD_PACKS 64
#define COLD_BYTES (16u * 1024 * 1024)

/* ---- views --------------------------------------------------------------------------------- */

static void
s_view_clear (zloom_view_t *view)
{
    if (view->chunk.blob) {
        zloom_blob_unref (&view->chunk.blob);
    }
    zloom_arena_reset (&view->arena);
}

void
zloom_hosted_drop_views (zloom_hosted_t *self)
{
    for (size_t i = 0; i < ZLOOM_ENGINE_VIEWS; i++) {
        s_view_clear (&self->views[i]);
        zloom_arena_fini (&self->views[i].arena);
    }
    for (size_t i = 0; i < self->cold_count; i++) {
        zloom_blob_unref (&self->cold[i].blob);
    }
    self->cold_count = 0;
    self->cold_bytes = 0;
}

static bool
s_holds (const zloom_chunk_t *chunk, uint64_t seq)
{
    return seq >= chunk->seq && seq - chunk->seq < chunk->count;
}

static zloom_view_t *
s_find_view (zloom_hosted_t *self, uint64_t seq)
{
    for (size_t i = 0; i < ZLOOM_ENGINE_VIEWS; i++) {
        zloom_view_t *view = &self->views[i];
        if (view->chunk.blob && s_holds (&view->chunk, seq)) {
            return view;
        }
    }
    return NULL;
}

static zloom_view_t *
s_oldest_view (zloom_hosted_t *self)
{
    zloom_view_t *oldest = &self->views[0];
    for (size_t i = 1; i < ZLOOM_ENGINE_VIEWS; i++) {
        if (self->views[i].used < oldest->used) {
            oldest = &self->views[i];
        }
    }
    return oldest;
}

/*
 * A view makes way for another. What a pattern has peeked at must be there when its effects are
 * carried out, and this view may hold the last reference to it: inside a call of a pattern it is
 * kept until the call is over.
 */
static void
s_evict (zloom_hosted_t *self, zloom_view_t *view)
{
    zloom_engine_t *engine = self->engine;
    if (view->chunk.blob && engine->depth > 0) {
        zloom_grow (&engine->kept, &engine->kept_capacity, engine->kept_count + 1,
                    sizeof *engine->kept);
        engine->kept[engine->kept_count++] = (zloom_kept_t){self, view->chunk};
        view->chunk.blob = NULL;
    }
    s_view_clear (view);
}

void
zloom_engine_drop_kept (zloom_engine_t *self)
{
    for (size_t i = 0; i < self->kept_count; i++) {
        zloom_blob_unref (&self->kept[i].chunk.blob);
    }
    self->kept_count = 0;
}

/*
 * From the journal's memory, from what was fetched, or from what is kept; the reference is the
 * caller's.
 */
static zloom_err_t
s_find_chunk (zloom_hosted_t *self, uint64_t seq, zloom_chunk_t *chunk)
{
    const zloom_err_t err = zloom_journal_lookup (self->port->journal, self->number, seq, chunk);
    if (err != ZLOOM_AGAIN) {
        return err;
    }
    for (size_t i = 0; i < self->cold_count; i++) {
        if (s_holds (&self->cold[i], seq)) {
            *chunk = self->cold[i];
            zloom_blob_ref (chunk->blob);
            return ZLOOM_OK;
        }
    }
    for (size_t i = 0; i < self->engine->kept_count; i++) {
        const zloom_kept_t *kept = &self->engine->kept[i];
        if (kept->flow == self && s_holds (&kept->chunk, seq)) {
            *chunk = kept->chunk;
            zloom_blob_ref (chunk->blob);
            return ZLOOM_OK;
        }
    }
    return ZLOOM_AGAIN;
}

zloom_err_t
zloom_hosted_view (zloom_hosted_t *self, uint64_t seq, zloom_view_t **view_p)
{
    zloom_view_t *view = s_find_view (self, seq);
    if (!view) {
        zloom_chunk_t chunk = {0};
        zloom_err_t err = s_find_chunk (self, seq, &chunk);
        if (err != ZLOOM_OK) {
            return err;
        }
        view = s_oldest_view (self);
        s_evict (self, view);
        view->chunk = chunk;
        view->index = view->end_index = 0;
        view->offset = view->end_offset = 0;
        err = zloom_pack_head_decode (chunk.head, &view->arena, &view->head);
        if (err != ZLOOM_OK ||
            zloom_src_total (view->head.src, view->head.src_count) != chunk.count) {
            s_view_clear (view);
            return zloom_fail (ZLOOM_DAMAGED, "flow '%s': head of the pack at %llu",
                               self->config.name, (unsigned long long) chunk.seq);
        }
    }
    view->used = ++self->view_clock;
    *view_p = view;
    return ZLOOM_OK;
}

/* ---- walking ------------------------------------------------------------------------------- */

/* Where message `index` begins: from the nearest place before it that is known. */
static size_t
s_offset (zloom_view_t *view, uint32_t index)
{
    const zloom_bytes_t payload = view->chunk.payload;
    if (index == view->chunk.count) {
        return payload.size;
    }
    uint32_t at = 0;
    size_t offset = 0;
    if (index >= view->index) {
        at = view->index;
        offset = view->offset;
    }
    if (index >= view->end_index && view->end_index > at) {
        at = view->end_index;
        offset = view->end_offset;
    }
    zloom_pack_iter_t iter =
      zloom_pack_iter (zloom_bytes (payload.data + offset, payload.size - offset));
    zloom_pack_skip (&iter, index - at);
    return payload.size - iter.rest.size;
}

zloom_bytes_t
zloom_view_slice (zloom_view_t *view, uint32_t index, uint32_t n)
{
    const size_t begin = index == view->index ? view->offset : s_offset (view, index);
    view->index = index;
    view->offset = begin;
    const size_t end = index + n == view->end_index ? view->end_offset : s_offset (view, index + n);
    view->end_index = index + n;
    view->end_offset = end;
    return zloom_bytes (view->chunk.payload.data + begin, end - begin);
}

/* Messages from `index` on that fit; walks the pack only as far as needed. */
static void
s_measure (zloom_view_t *view, uint32_t index, uint32_t max_n, uint64_t max_bytes,
           zloom_peek_t *peek)
{
    const zloom_bytes_t payload = view->chunk.payload;
    const size_t begin = index == view->index ? view->offset : s_offset (view, index);
    const uint32_t left = view->chunk.count - index;
    view->index = index;
    view->offset = begin;
    if (max_n >= left && payload.size - begin <= max_bytes) {
        view->end_index = view->chunk.count;
        view->end_offset = payload.size;
    } else {
        zloom_pack_iter_t iter =
          zloom_pack_iter (zloom_bytes (payload.data + begin, payload.size - begin));
        uint32_t n = 0;
        size_t end = begin;
        zloom_bytes_t envelope;
        while (n < max_n && zloom_pack_next (&iter, &envelope)) {
            const size_t next = payload.size - iter.rest.size;
            if (n > 0 && next - begin > max_bytes) {
                break;
            }
            end = next;
            n++;
        }
        view->end_index = index + n;
        view->end_offset = end;
    }
    peek->n = view->end_index - index;
    peek->bytes = view->end_offset - begin;
}

static bool
s_is_disk_full (const zloom_hosted_t *target)
{
    return zloom_journal_room (target->port->journal, 1, ZLOOM_ENGINE_MOVE_BYTES, true) ==
           ZLOOM_DISK_FULL;
}

/*
 * On a full disk moves to dead letters wait, while settlements go on: the pattern hears AGAIN, as
 * for bytes that are not in memory, and FETCHED once there is room.
 */
static bool
s_must_wait (zloom_hosted_t *flow, uint64_t seq)
{
    zloom_engine_t *self = flow->engine;
    if (!flow->in_event || !flow->dead_letter || !s_is_disk_full (flow->dead_letter)) {
        return false;
    }
    zloom_grow (&self->waits, &self->wait_capacity, self->wait_count + 1, sizeof *self->waits);
    self->waits[self->wait_count++] = (zloom_arrival_t){.seq = seq, .flow = flow, .wanted = true};
    return true;
}

/* Those whose room is there again have arrived. */
static void
s_end_waits (zloom_engine_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->wait_count; i++) {
        const zloom_arrival_t wait = self->waits[i];
        const zloom_hosted_t *target = wait.flow->dead_letter;
        if (target && s_is_disk_full (target)) {
            self->waits[kept++] = wait;
            continue;
        }
        zloom_grow (&self->arrivals, &self->arrival_capacity, self->arrival_count + 1,
                    sizeof *self->arrivals);
        self->arrivals[self->arrival_count++] = wait;
    }
    self->wait_count = kept;
}

zloom_err_t
zloom_engine_peek (void *arg, uint64_t seq, uint32_t max_n, uint64_t max_bytes, zloom_peek_t *peek)
{
    zloom_hosted_t *self = arg;
    zloom_view_t *view = NULL;
    *peek = (zloom_peek_t){0};
    if (s_must_wait (self, seq)) {
        return ZLOOM_AGAIN;
    }
    const zloom_err_t err = zloom_hosted_view (self, seq, &view);
    if (err == ZLOOM_AGAIN) {
        zloom_engine_read (self->engine, self, seq);
    }
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_assert (view);
    const uint32_t index = (uint32_t) (seq - view->chunk.seq);
    s_measure (view, index, max_n > 0 ? max_n : 1, max_bytes, peek);
    peek->pack = zloom_view_slice (view, index, peek->n);
    peek->flags = view->head.flags;
    peek->history = zloom_pack_head_past (&view->head, index);
    uint64_t at = index;
    for (size_t i = 0; i < view->head.src_count; i++) {
        const zloom_src_t *run = &view->head.src[i];
        if (at < run->n) {
            peek->src = *run;
            peek->src.first_id += at;
            peek->src.n -= (uint32_t) at;
            break;
        }
        at -= run->n;
    }
    return peek->n > 0 ? ZLOOM_OK : ZLOOM_DAMAGED;
}

/* ---- reading from disk --------------------------------------------------------------------- */

static void
s_read (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t seq, bool wanted)
{
    void *value;
    for (size_t i = 0; zloom_idmap_next (self->reads, &i, NULL, &value);) {
        zloom_arrival_t *read = value;
        if (read->flow == flow && read->seq == seq) {
            read->wanted = read->wanted || wanted;
            return;
        }
    }
    zloom_arrival_t *read = zloom_alloc (sizeof *read);
    *read = (zloom_arrival_t){.seq = seq, .flow = flow, .wanted = wanted};
    const uint64_t cookie = self->next_read++;
    zloom_idmap_put (self->reads, cookie, read);
    zloom_journal_fetch (flow->port->journal, flow->number, seq, cookie);
}

void
zloom_engine_read (zloom_engine_t *self, zloom_hosted_t *flow, uint64_t seq)
{
    s_read (self, flow, seq, true);
}

zloom_err_t
zloom_hosted_look (zloom_hosted_t *self, uint64_t seq, zloom_view_t **view_p)
{
    const zloom_err_t err = zloom_hosted_view (self, seq, view_p);
    if (err == ZLOOM_AGAIN) {
        s_read (self->engine, self, seq, false);
    }
    return err;
}

void
zloom_engine_fetched (zloom_engine_t *self, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    zloom_arrival_t *read = zloom_idmap_remove (self->reads, cookie);
    if (!read) {
        if (chunk) {
            zloom_blob_unref (&chunk->blob);
        }
        return;
    }
    zloom_hosted_t *flow = read->flow;
    if (err == ZLOOM_OK) {
        zloom_grow (&flow->cold, &flow->cold_capacity, flow->cold_count + 1, sizeof *flow->cold);
        flow->cold[flow->cold_count++] = *chunk;
        flow->cold_bytes += chunk->payload.size;
    }
    if (!read->wanted) {
        free (read);
        return;
    }
    zloom_grow (&self->arrivals, &self->arrival_capacity, self->arrival_count + 1,
                sizeof *self->arrivals);
    read->err = err;
    self->arrivals[self->arrival_count++] = *read;
    free (read);
}

void
zloom_engine_arrivals (zloom_engine_t *self)
{
    s_end_waits (self);
    size_t done = 0;
    for (; done < self->arrival_count; done++) {
        const zloom_arrival_t arrival = self->arrivals[done];
        if (zloom_engine_room (self, arrival.flow, ZLOOM_ENGINE_EVENT_RECORDS,
                               ZLOOM_ENGINE_MOVE_BYTES, false) != ZLOOM_OK) {
            break;
        }
        const zloom_event_t event = {.type = ZLOOM_EVENT_FETCHED,
                                     .fetched = {.seq = arrival.seq, .err = arrival.err}};
        zloom_engine_feed (self, arrival.flow, &event);
    }
    self->arrival_count -= done;
    if (done > 0 && self->arrival_count > 0) {
        memmove (self->arrivals, self->arrivals + done,
                 self->arrival_count * sizeof *self->arrivals);
    }
}

void
zloom_hosted_trim_cold (zloom_hosted_t *self)
{
    size_t gone = 0;
    while (self->cold_count - gone > COLD_PACKS ||
           (self->cold_bytes > COLD_BYTES && self->cold_count - gone > 1)) {
        self->cold_bytes -= self->cold[gone].payload.size;
        zloom_blob_unref (&self->cold[gone].blob);
        gone++;
    }
    if (gone > 0) {
        self->cold_count -= gone;
        memmove (self->cold, self->cold + gone, self->cold_count * sizeof *self->cold);
    }
}
