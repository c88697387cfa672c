/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fetch.c - reading packs behind the loop: one job reads the group's directory, then the pack that
 * was asked for and what follows it of the same flow in the same group, up to a quarter of a MiB.
 * What came along is kept as a run for the fetches that will follow.
 *
 * A backlog is read in order, and systems answer that by reading ahead as far as they were told to,
 * often 8 MiB. The disk then has that much to do before it comes to a group that somebody waits
 * for. So while anybody appends, a fetch says what will be read next and reads no further ahead:
 * half a MiB keeps the disk busy and delays a sync by as little as it takes.
 */
#include "base/crc32c.h"
#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

/* What is read next when a fetch has ended: a cold group, which holds one pack beyond 256 KiB. */
#define EXPECTED_BYTES (2 * ZLOOM_AHEAD_BYTES + ZLOOM_BLOCK_BYTES)
/* So long after the last append nobody is thought to wait for the next one. */
#define CALM_NS ZLOOM_NS_PER_S

typedef struct {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    zloom_log_key_t key;
    zloom_file_t *file; /* a hot segment's, or NULL: open `path` */
    char *path;
    zloom_place_t place;
    uint32_t flow;
    uint64_t seq;
    uint64_t cookie;
    bool beside;         /* others append: the disk is not to be filled with reads */
    size_t extent_bytes; /* what the flow has in the group */
    zloom_chunk_t *chunks;
    size_t count;
    size_t capacity;
} fetch_t;

/* The entries of the flow from the one with `seq` on, as chunks without bytes yet. */
static bool
s_choose (fetch_t *self, const zloom_group_header_t *header, zloom_bytes_t group,
          zloom_entry_t **entries_p, size_t *count_p)
{
    zloom_record_reader_t directory = zloom_group_directory (header, group);
    zloom_entry_t entry;
    zloom_entry_t *entries = NULL;
    size_t capacity = 0;
    size_t count = 0;
    while (zloom_entry_next (&directory, &entry)) {
        if (entry.type != ZLOOM_RECORD_PACK || entry.flow != self->flow || entry.count == 0 ||
            entry.seq + entry.count <= self->seq) {
            continue;
        }
        bool wanted = count > 0 || entry.seq <= self->seq;
        bool fits = count == 0 || (uint64_t) entry.payload_offset + entry.payload_bytes -
                                      entries[0].payload_offset <=
                                    ZLOOM_AHEAD_BYTES;
        if (!wanted || !fits) {
            break;
        }
        zloom_grow (&entries, &capacity, count + 1, sizeof *entries);
        entries[count++] = entry;
    }
    *entries_p = entries;
    *count_p = count;
    return count > 0;
}

/* Read the span of these entries into one blob and make the chunks. */
static zloom_err_t
s_read_span (fetch_t *self, zloom_file_t *file, const zloom_group_header_t *header,
             const zloom_entry_t *entries, size_t count)
{
    uint64_t from = entries[0].payload_offset;
    uint64_t to = (uint64_t) entries[count - 1].payload_offset + entries[count - 1].payload_bytes;
    uint64_t front = (uint64_t) ZLOOM_GROUP_HEADER_BYTES + header->directory_bytes;
    size_t heads = 0;
    for (size_t i = 0; i < count; i++) {
        heads += entries[i].head.size;
    }
    if (to < from || front + to > header->total_bytes) {
        return zloom_fail (ZLOOM_DAMAGED, "group %llu: payload outside",
                           (unsigned long long) header->number);
    }
    uint8_t *data;
    size_t got = 0;
    zloom_blob_t *blob = zloom_blob_new_empty (heads + (size_t) (to - from), &data);
    zloom_err_t err = self->vfs->read (self->vfs, file, self->place.offset + front + from,
                                       data + heads, (size_t) (to - from), &got);
    size_t head_at = 0;
    for (size_t i = 0; i < count && !err; i++) {
        const zloom_entry_t *entry = &entries[i];
        size_t at = (size_t) (entry->payload_offset - from);
        uint8_t *payload = data + heads + at;
        if (entry->payload_offset < from || at + entry->payload_bytes > got ||
            zloom_crc32c (0, payload, entry->payload_bytes) != entry->payload_crc) {
            break;
        }
        if (entry->head.size > 0) {
            memcpy (data + head_at, entry->head.data, entry->head.size);
        }
        zloom_grow (&self->chunks, &self->capacity, self->count + 1, sizeof *self->chunks);
        self->chunks[self->count++] = (zloom_chunk_t){
          .seq = entry->seq,
          .count = entry->count,
          .head = zloom_bytes (data + head_at, entry->head.size),
          .payload = zloom_bytes (payload, entry->payload_bytes),
          .blob = zloom_blob_ref (blob),
        };
        head_at += entry->head.size;
    }
    zloom_blob_unref (&blob);
    if (!err && self->count == 0) {
        err = zloom_fail (ZLOOM_DAMAGED, "group %llu: payload checksum of %llu",
                          (unsigned long long) header->number, (unsigned long long) self->seq);
    }
    return err;
}

static bool
s_fetch_step (zloom_job_t *job)
{
    fetch_t *self = (fetch_t *) job;
    zloom_file_t *file = self->file;
    zloom_buf_t buf = {0};
    zloom_group_header_t header;
    zloom_entry_t *entries = NULL;
    size_t count = 0;
    if (self->path) {
        job->err = self->vfs->open (self->vfs, self->path, false, &file);
    } else if (!file) {
        job->err = zloom_fail (ZLOOM_DAMAGED, "segment %llu is not there",
                               (unsigned long long) self->place.segment);
    }
    if (!job->err && self->beside) {
        self->vfs->expect (self->vfs, file, self->place.offset, self->extent_bytes);
    }
    if (!job->err) {
        job->err = zloom_group_load (self->vfs, file, &self->key, &self->place, &buf, &header);
    }
    if (job->err == ZLOOM_MALFORMED || (self->path && job->err == ZLOOM_NOT_FOUND)) {
        job->err = ZLOOM_DAMAGED; /* the index says that something stands there */
    }
    if (!job->err) {
        if (s_choose (self, &header, zloom_buf_bytes (&buf), &entries, &count)) {
            job->err = s_read_span (self, file, &header, entries, count);
        } else {
            job->err = zloom_fail (ZLOOM_NOT_FOUND, "flow %u: nothing stored under %llu",
                                   self->flow, (unsigned long long) self->seq);
        }
    }
    if (!job->err && self->beside) {
        self->vfs->expect (self->vfs, file, self->place.offset + zloom_blocks (header.total_bytes),
                           EXPECTED_BYTES);
    }
    if (self->path) {
        self->vfs->close (self->vfs, &file);
    }
    free (entries);
    zloom_buf_fini (&buf);
    return false;
}

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
s_keep_run (zloom_log_t *self, uint32_t flow, zloom_chunk_t *chunks, size_t count)
{
    zloom_ahead_t *oldest = &self->ahead[0];
    for (size_t i = 1; i < ZLOOM_AHEAD_RUNS; i++) {
        if (self->ahead[i].stamp < oldest->stamp) {
            oldest = &self->ahead[i];
        }
    }
    s_drop_run (oldest);
    *oldest = (zloom_ahead_t){flow, chunks, count, ++self->ahead_stamp};
}

bool
zloom_log_ahead_find (zloom_log_t *self, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk)
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
            run->stamp = ++self->ahead_stamp;
            *chunk = run->chunks[low];
            chunk->blob = zloom_blob_ref (chunk->blob);
            return true;
        }
    }
    return false;
}

static void
s_fetch_done (zloom_job_t *job, void *owner)
{
    fetch_t *fetch = (fetch_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        self->stats.fetches++;
        if (!job->err) {
            zloom_chunk_t chunk = fetch->chunks[0];
            chunk.blob = zloom_blob_ref (chunk.blob);
            s_keep_run (self, fetch->flow, fetch->chunks, fetch->count);
            fetch->chunks = NULL;
            fetch->count = 0;
            self->base.owner.fetched (self->base.owner.arg, fetch->cookie, ZLOOM_OK, &chunk);
        } else {
            zloom_err_t err = zloom_fail (job->err, "%s", job->note ? job->note : "");
            self->base.owner.fetched (self->base.owner.arg, fetch->cookie, err, NULL);
        }
    }
    for (size_t i = 0; i < fetch->count; i++) {
        zloom_blob_unref (&fetch->chunks[i].blob);
    }
    free (fetch->chunks);
    free (fetch->path);
    free (job->note);
    free (fetch);
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
    fetch_t *fetch = zloom_alloc (sizeof *fetch);
    fetch->job = (zloom_job_t){.step = s_fetch_step, .done = s_fetch_done};
    fetch->vfs = self->vfs;
    fetch->key = self->key;
    fetch->place = (zloom_place_t){extent->cold ? flow : 0, extent->segment, extent->offset};
    fetch->flow = flow;
    fetch->seq = seq;
    fetch->cookie = cookie;
    if (extent->cold) {
        fetch->path = zloom_cold_path (self->directory, flow, extent->segment);
        fetch->extent_bytes = extent->bytes;
        fetch->beside = self->now.mono_ns - self->appended_ns < CALM_NS;
    }
    for (size_t i = 0; i < self->segment_count && !extent->cold; i++) {
        if (self->segments[i].number == extent->segment) {
            fetch->file = self->segments[i].file;
        }
    }
    zloom_jobs_put (self->background, &fetch->job, true);
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
