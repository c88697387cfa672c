/* SPDX-License-Identifier: MPL-2.0 */
/*
 * store.c - stored packs as patterns and deliveries see them, through views (views.h). What is not
 * in memory is read behind the turn's back: the pattern hears AGAIN now and gets a FETCHED event
 * later.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "engine/core.h"

/* Packs from the disk kept a flow, beside the journal's own cache, with what came along. */
#define COLD_PACKS 64
#define COLD_BYTES (8u * 1024 * 1024)

/* ---- views --------------------------------------------------------------------------------- */

void
zloom_hosted_drop_views (zloom_hosted_t *self)
{
    zloom_views_fini (&self->views);
    for (size_t i = 0; i < self->cold_count; i++) {
        zloom_blob_unref (&self->cold[i].blob);
    }
    self->cold_count = 0;
    self->cold_bytes = 0;
}

/* From the journal's memory, or from what was fetched; the reference is the caller's. */
static zloom_err_t
s_find_chunk (zloom_hosted_t *self, uint64_t seq, zloom_chunk_t *chunk)
{
    const zloom_err_t err = zloom_journal_lookup (self->port->journal, self->number, seq, chunk);
    for (size_t i = 0; err == ZLOOM_AGAIN && i < self->cold_count; i++) {
        const zloom_chunk_t *cold = &self->cold[i];
        if (seq >= cold->seq && seq - cold->seq < cold->count) {
            *chunk = *cold;
            zloom_blob_ref (chunk->blob);
            return ZLOOM_OK;
        }
    }
    return err;
}

zloom_err_t
zloom_hosted_view (zloom_hosted_t *self, uint64_t seq, zloom_view_t **view_p)
{
    *view_p = zloom_views_find (&self->views, seq);
    if (*view_p) {
        return ZLOOM_OK;
    }
    zloom_engine_close_bundle (self->engine);
    zloom_chunk_t chunk = {0};
    zloom_err_t err = s_find_chunk (self, seq, &chunk);
    if (err == ZLOOM_OK) {
        err = zloom_views_add (&self->views, &chunk, view_p);
        if (err != ZLOOM_OK) {
            return zloom_fail (err, "flow '%s': head of the pack at %llu", self->config.name,
                               (unsigned long long) chunk.seq);
        }
    }
    return err;
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
    peek->n = zloom_view_measure (view, index, max_n > 0 ? max_n : 1, max_bytes, &peek->bytes);
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
    if (err != ZLOOM_AGAIN) {
        return err;
    }
    for (size_t i = 0; i < self->failed_count; i++) {
        if (self->failed[i].seq == seq) {
            return self->failed[i].err;
        }
    }
    s_read (self->engine, self, seq, false);
    return ZLOOM_AGAIN;
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
    read->err = err;
    if (err == ZLOOM_OK) {
        zloom_grow (&flow->cold, &flow->cold_capacity, flow->cold_count + 1, sizeof *flow->cold);
        flow->cold[flow->cold_count++] = *chunk;
        flow->cold_bytes += zloom_blob_bytes (chunk->blob).size;
    } else {
        zloom_grow (&flow->failed, &flow->failed_capacity, flow->failed_count + 1,
                    sizeof *flow->failed);
        flow->failed[flow->failed_count++] = *read;
    }
    if (!read->wanted) {
        free (read);
        return;
    }
    zloom_grow (&self->arrivals, &self->arrival_capacity, self->arrival_count + 1,
                sizeof *self->arrivals);
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
zloom_hosted_trim (zloom_hosted_t *self)
{
    zloom_shared_clear (&self->engine->shared);
    zloom_views_trim (&self->views);
    self->failed_count = 0;
    size_t gone = 0;
    while (self->cold_count - gone > COLD_PACKS ||
           (self->cold_bytes > COLD_BYTES && self->cold_count - gone > 1)) {
        self->cold_bytes -= zloom_blob_bytes (self->cold[gone].blob).size;
        zloom_blob_unref (&self->cold[gone].blob);
        gone++;
    }
    if (gone > 0) {
        self->cold_count -= gone;
        memmove (self->cold, self->cold + gone, self->cold_count * sizeof *self->cold);
    }
}
