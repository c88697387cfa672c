/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fetch.c - reading packs behind the loop: what a fetch asks for goes to a job (reader.c), and what
 * came along is kept as a run for the fetches that will follow.
 */
#include "base/memory.h"
#include "base/tag.h"
#include "journal/reader.h"

#include <stdlib.h>

static void
s_drop_run (zloom_ahead_t *run)
{
    for (size_t i = 0; i < run->count; i++) {
        zloom_blob_unref (&run->chunks[i].blob);
    }
    free (run->chunks);
    *run = (zloom_ahead_t){0};
}

void
zloom_log_ahead_fini (zloom_log_t *self)
{
    for (size_t i = 0; i < ZLOOM_AHEAD_RUNS; i++) {
        s_drop_run (&self->ahead[i]);
    }
}

/* Keep a run in the place of the one that was not used for the longest. */
static void
s_keep_run (zloom_log_t *self, const zloom_fetch_t *fetch)
{
    zloom_ahead_t *oldest = &self->ahead[0];
    for (size_t i = 1; i < ZLOOM_AHEAD_RUNS; i++) {
        if (self->ahead[i].stamp < oldest->stamp) {
            oldest = &self->ahead[i];
        }
    }
    s_drop_run (oldest);
    *oldest = (zloom_ahead_t){.flow = fetch->flow,
                              .chunks = fetch->chunks,
                              .count = fetch->count,
                              .stamp = ++self->ahead_stamp,
                              .last = fetch->last,
                              .leads = fetch->follows};
}

static void s_fetch_done (zloom_job_t *job, void *owner);

/* Begin to read the extent from `seq` on. */
static zloom_fetch_t *
s_begin (zloom_log_t *self, uint32_t flow, const zloom_extent_t *extent, uint64_t seq)
{
    zloom_log_flow_t *found = self->flows[flow];
    zloom_fetch_t *fetch = zloom_alloc (sizeof *fetch);
    fetch->job = (zloom_job_t){.step = zloom_fetch_step, .done = s_fetch_done};
    fetch->vfs = self->vfs;
    fetch->key = self->key;
    fetch->place = (zloom_place_t){extent->cold ? flow : 0, extent->segment, extent->offset};
    fetch->flow = flow;
    fetch->seq = seq;
    fetch->last = extent->last;
    fetch->beside = zloom_log_is_written (self);
    fetch->in_pieces = zloom_log_is_awaited (self);
    if (extent->cold) {
        fetch->path = zloom_cold_path (self->directory, flow, extent->segment);
        fetch->extent_bytes = extent->bytes;
        fetch->job.gives_way = fetch->in_pieces;
        fetch->follows = extent->first == found->read_to + 1;
        found->read_to = extent->last;
    }
    for (size_t i = 0; i < self->segment_count && !extent->cold; i++) {
        if (self->segments[i].number == extent->segment) {
            fetch->file = self->segments[i].file;
        }
    }
    self->fetches_begun++;
    zloom_jobs_put (self->reads, &fetch->job, ZLOOM_JOB_URGENT);
    return fetch;
}

/* The place of the flow's read that will bring `seq` and was not asked for; *place NULL: none. */
static zloom_fetch_t **
s_looking (zloom_log_t *self, uint32_t flow, uint64_t seq)
{
    zloom_fetch_t **at = &self->flows[flow]->looking;
    while (*at && !((*at)->seq <= seq && seq <= (*at)->last)) {
        at = &(*at)->looking;
    }
    return at;
}

/* Somebody has asked for what it brings, or nobody did. */
static void
s_unlook (zloom_log_t *self, zloom_fetch_t *fetch)
{
    zloom_fetch_t **at = &self->flows[fetch->flow]->looking;
    while (*at != fetch) {
        at = &(*at)->looking;
    }
    *at = fetch->looking;
    self->looks--;
}

/* The run that holds `seq`, NULL: none; *at: the place of its pack. */
static zloom_ahead_t *
s_find_run (zloom_log_t *self, uint32_t flow, uint64_t seq, size_t *at)
{
    for (size_t i = 0; i < ZLOOM_AHEAD_RUNS; i++) {
        zloom_ahead_t *run = &self->ahead[i];
        if (run->stamp == 0 || run->flow != flow || run->chunks[0].seq > seq) {
            continue;
        }
        size_t low = 0;
        size_t high = run->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (run->chunks[middle].seq + run->chunks[middle].count <= seq) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low < run->count && run->chunks[low].seq <= seq) {
            *at = low;
            return run;
        }
    }
    return NULL;
}

/* Runs that wait, or are read, for somebody who will ask. */
static size_t
s_unasked (const zloom_log_t *self)
{
    size_t count = self->looks;
    for (size_t i = 0; i < ZLOOM_AHEAD_RUNS; i++) {
        count += self->ahead[i].leads;
    }
    return count;
}

/* Read the next cold groups, from `seq` on, while the one before them is worked on. */
static void
s_look_ahead (zloom_log_t *self, uint32_t flow, uint64_t seq)
{
    zloom_log_flow_t *found = self->flows[flow];
    for (size_t i = 0; i < ZLOOM_LOOK_GROUPS; i++) {
        const zloom_extent_t *extent = zloom_index_find (&found->index, seq);
        size_t at;
        if (!extent || !extent->cold || extent->first != seq ||
            (i > 0 && s_unasked (self) >= ZLOOM_AHEAD_RUNS / 4)) {
            return;
        }
        seq = extent->last + 1;
        if (!*s_looking (self, flow, extent->first) &&
            !s_find_run (self, flow, extent->first, &at)) {
            zloom_fetch_t *fetch = s_begin (self, flow, extent, extent->first);
            fetch->looking = found->looking;
            found->looking = fetch;
            self->looks++;
        }
    }
}

bool
zloom_log_ahead_find (zloom_log_t *self, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk)
{
    size_t at;
    zloom_ahead_t *run = s_find_run (self, flow, seq, &at);
    if (!run) {
        return false;
    }
    run->stamp = ++self->ahead_stamp;
    *chunk = run->chunks[at];
    chunk->blob = zloom_blob_ref (chunk->blob);
    if (run->leads) {
        run->leads = false; /* once */
        s_look_ahead (self, flow, run->last + 1);
    }
    return true;
}

/* Tell whoever asked. What was begun for another number may not have come as far as theirs. */
static void
s_answer (zloom_log_t *self, const zloom_fetch_t *fetch)
{
    zloom_chunk_t chunk;
    zloom_err_t err = fetch->job.err;
    const bool here = !err && zloom_log_ahead_find (self, fetch->flow, fetch->wanted, &chunk);
    if (!here && fetch->wanted != fetch->seq) {
        zloom_log_fetch (self, fetch->flow, fetch->wanted, fetch->cookie);
        return;
    }
    self->stats.fetches++;
    if (err) {
        err = zloom_fail (err, "%s", fetch->job.note ? fetch->job.note : "");
    }
    zloom_assert (here || err);
    self->base.owner.fetched (self->base.owner.arg, fetch->cookie, err, here ? &chunk : NULL);
}

static void
s_fetch_done (zloom_job_t *job, void *owner)
{
    zloom_fetch_t *fetch = (zloom_fetch_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        self->fetches_ended++;
        if (!fetch->asked) {
            s_unlook (self, fetch);
        }
        if (!job->err) {
            s_keep_run (self, fetch);
            fetch->chunks = NULL;
            fetch->count = 0;
        }
        if (fetch->asked) { /* else whoever asks for it later reads it again, and hears why not */
            s_answer (self, fetch);
        }
    }
    zloom_fetch_free (&fetch);
}

void
zloom_log_fetch (zloom_log_t *self, uint32_t flow, uint64_t seq, uint64_t cookie)
{
    zloom_log_flow_t *found = self->flows[flow];
    const zloom_extent_t *extent = zloom_index_find (&found->index, seq);
    zloom_chunk_t chunk;
    bool here = zloom_shelf_find (&found->shelf, seq, &chunk) ||
                zloom_log_ahead_find (self, flow, seq, &chunk);
    if (here || !extent) {
        if (here) {
            zloom_blob_unref (&chunk.blob);
        }
        zloom_grow (&self->wishes, &self->wish_capacity, self->wish_count + 1,
                    sizeof *self->wishes);
        self->wishes[self->wish_count].flow = flow;
        self->wishes[self->wish_count].seq = seq;
        self->wishes[self->wish_count++].cookie = cookie;
        return;
    }
    zloom_fetch_t *looking = *s_looking (self, flow, seq);
    if (looking) {
        s_unlook (self, looking);
        looking->asked = true; /* only the owner's thread looks at these */
        looking->wanted = seq;
        looking->cookie = cookie;
        return;
    }
    zloom_fetch_t *fetch = s_begin (self, flow, extent, seq);
    fetch->asked = true;
    fetch->wanted = seq;
    fetch->cookie = cookie;
}

void
zloom_log_grant_wishes (zloom_log_t *self)
{
    /* More wishes may come while these are granted: the next turn's. */
    size_t count = self->wish_count;
    for (size_t i = 0; i < count; i++) {
        uint32_t flow = self->wishes[i].flow;
        uint64_t seq = self->wishes[i].seq;
        uint64_t cookie = self->wishes[i].cookie;
        zloom_chunk_t chunk;
        bool here = zloom_shelf_find (&self->flows[flow]->shelf, seq, &chunk) ||
                    zloom_log_ahead_find (self, flow, seq, &chunk);
        if (!here && zloom_index_find (&self->flows[flow]->index, seq)) {
            zloom_log_fetch (self, flow, seq, cookie); /* it left the cache meanwhile */
            continue;
        }
        self->stats.fetches++;
        self->base.owner.fetched (self->base.owner.arg, cookie, here ? ZLOOM_OK : ZLOOM_NOT_FOUND,
                                  here ? &chunk : NULL);
    }
    self->wish_count -= count;
    if (self->wish_count > 0) {
        memmove (self->wishes, self->wishes + count, self->wish_count * sizeof *self->wishes);
    }
}
