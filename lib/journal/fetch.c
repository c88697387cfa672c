/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fetch.c - reading packs behind the loop: one job reads the group's directory, then the pack that
 * was asked for and what follows it of the same flow in the same group, up to a quarter of a MiB.
 * What came along is kept as a run for the fetches that will follow.
 *
 * Cold groups that are read in order come with one call each. A backlog is read once and in order,
 * and systems answer that with reading ahead as far as they were told to, often 8 MiB: a small
 * group that somebody waits for is written and synced behind all that, and what is read takes the
 * memory of what is needed again. So while anybody appends, these groups are read around the
 * system's cache, and only the next one is read before somebody asks for it.
 */
#include "base/crc32c.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/log.h"

#include <stdlib.h>

/* A cold group of this size comes with one call: 256 KiB and one pack more. */
#define WHOLE_BYTES (2u * 1024 * 1024)
/* So long after the last append nobody is thought to wait for the next one. */
#define CALM_NS ZLOOM_NS_PER_S

typedef struct zloom_fetch {
    zloom_job_t job;
    zloom_vfs_t *vfs;
    zloom_log_key_t key;
    zloom_file_t *file; /* a hot segment's, or NULL: open `path` */
    char *path;
    zloom_place_t place;
    uint32_t flow;
    uint64_t seq;
    uint64_t cookie;
    uint64_t last;   /* of the extent that it stands in */
    uint64_t wanted; /* the number that was asked for */
    bool asked;      /* somebody waits for `seq`, under the cookie */
    bool follows;    /* a cold one, and the one before it was read last: they are read in order */
    size_t extent_bytes; /* of a cold group */
    bool beside;         /* others append: the disk is not to be filled with reads */
    bool found;          /* something of the flow stands there from `seq` on */
    zloom_chunk_t *chunks;
    size_t count;
    size_t capacity;
} fetch_t;

/*
 * The entries of the flow from the one with `seq` on, as far as their payloads take no more than
 * `most` bytes together.
 */
static bool
s_choose (const fetch_t *self, const zloom_group_header_t *header, zloom_bytes_t group,
          uint64_t most, zloom_entry_t **entries_p, size_t *count_p)
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
        bool fits =
          count == 0 ||
          (uint64_t) entry.payload_offset + entry.payload_bytes - entries[0].payload_offset <= most;
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

static void
s_add_chunk (fetch_t *self, const zloom_entry_t *entry, const uint8_t *head, const uint8_t *payload,
             zloom_blob_t *blob)
{
    zloom_grow (&self->chunks, &self->capacity, self->count + 1, sizeof *self->chunks);
    self->chunks[self->count++] = (zloom_chunk_t){
      .seq = entry->seq,
      .count = entry->count,
      .head = zloom_bytes (head, entry->head.size),
      .payload = zloom_bytes (payload, entry->payload_bytes),
      .blob = zloom_blob_ref (blob),
    };
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
        s_add_chunk (self, entry, data + head_at, payload, blob);
        head_at += entry->head.size;
    }
    zloom_blob_unref (&blob);
    return err;
}

/* The directory first, then what is wanted of the payloads. */
static zloom_err_t
s_read_parts (fetch_t *self, zloom_file_t *file, zloom_group_header_t *header)
{
    zloom_buf_t buf = {0};
    zloom_entry_t *entries = NULL;
    size_t count = 0;
    zloom_err_t err = zloom_group_load (self->vfs, file, &self->key, &self->place, &buf, header);
    if (!err &&
        s_choose (self, header, zloom_buf_bytes (&buf), ZLOOM_AHEAD_BYTES, &entries, &count)) {
        err = s_read_span (self, file, header, entries, count);
        self->found = true;
    }
    free (entries);
    zloom_buf_fini (&buf);
    return err;
}

/* Make chunks of what came whole. */
static void
s_cut_whole (fetch_t *self, const zloom_group_header_t *header, zloom_bytes_t group,
             zloom_blob_t *blob)
{
    zloom_entry_t *entries = NULL;
    size_t count = 0;
    self->found = s_choose (self, header, group, UINT64_MAX, &entries, &count);
    for (size_t i = 0; i < count && zloom_entry_holds (&entries[i], header, group); i++) {
        zloom_bytes_t payload = zloom_entry_payload (&entries[i], header, group);
        s_add_chunk (self, &entries[i], entries[i].head.data, payload.data, blob);
    }
    free (entries);
}

/*
 * The whole group with one call; as above when it is too large for that, or larger than was known.
 * The room is aligned by hand: of what posix_memalign gives back nothing is used again that is as
 * large, so a long backlog would cost tens of MiB.
 */
static zloom_err_t
s_read_whole (fetch_t *self, zloom_file_t *file, zloom_group_header_t *header)
{
    const size_t bytes = (size_t) zloom_blocks (ZLOOM_GROUP_HEADER_BYTES + self->extent_bytes);
    if (bytes > WHOLE_BYTES) {
        return s_read_parts (self, file, header);
    }
    uint8_t *room;
    size_t got = 0;
    zloom_blob_t *blob = zloom_blob_new_empty (bytes + ZLOOM_BLOCK_BYTES, &room);
    room += -(uintptr_t) room % ZLOOM_BLOCK_BYTES;
    if (self->beside) {
        self->vfs->bypass (self->vfs, file);
    }
    zloom_err_t err = self->vfs->read (self->vfs, file, self->place.offset, room, bytes, &got);
    const zloom_bytes_t group = zloom_bytes (room, got);
    if (!err) {
        err = zloom_group_check (group, &self->key, &self->place, header);
    }
    const bool whole = !err && header->total_bytes <= got;
    if (whole) {
        s_cut_whole (self, header, group, blob);
    }
    zloom_blob_unref (&blob);
    return whole || err ? err : s_read_parts (self, file, header);
}

static bool
s_fetch_step (zloom_job_t *job)
{
    fetch_t *self = (fetch_t *) job;
    zloom_file_t *file = self->file;
    zloom_group_header_t header = {0};
    if (self->path) {
        job->err = self->vfs->open (self->vfs, self->path, false, &file);
    } else if (!file) {
        job->err = zloom_fail (ZLOOM_DAMAGED, "segment %llu is not there",
                               (unsigned long long) self->place.segment);
    }
    if (!job->err) {
        job->err =
          self->follows ? s_read_whole (self, file, &header) : s_read_parts (self, file, &header);
    }
    if (job->err == ZLOOM_MALFORMED || (self->path && job->err == ZLOOM_NOT_FOUND)) {
        job->err = ZLOOM_DAMAGED; /* the index says that something stands there */
    }
    if (!job->err && !self->found) {
        job->err = zloom_fail (ZLOOM_NOT_FOUND, "flow %u: nothing stored under %llu", self->flow,
                               (unsigned long long) self->seq);
    } else if (!job->err && self->count == 0) {
        job->err = zloom_fail (ZLOOM_DAMAGED, "group %llu: payload checksum of %llu",
                               (unsigned long long) header.number, (unsigned long long) self->seq);
    }
    if (self->path) {
        self->vfs->close (self->vfs, &file);
    }
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
s_keep_run (zloom_log_t *self, const fetch_t *fetch)
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

/* A fetch of the extent from `seq` on, to be put to work. */
static fetch_t *
s_begin (zloom_log_t *self, uint32_t flow, const zloom_extent_t *extent, uint64_t seq)
{
    zloom_log_flow_t *found = self->flows[flow];
    fetch_t *fetch = zloom_alloc (sizeof *fetch);
    fetch->job = (zloom_job_t){.step = s_fetch_step, .done = s_fetch_done};
    fetch->vfs = self->vfs;
    fetch->key = self->key;
    fetch->place = (zloom_place_t){extent->cold ? flow : 0, extent->segment, extent->offset};
    fetch->flow = flow;
    fetch->seq = seq;
    fetch->last = extent->last;
    if (extent->cold) {
        fetch->path = zloom_cold_path (self->directory, flow, extent->segment);
        fetch->extent_bytes = extent->bytes;
        fetch->beside = self->now.mono_ns - self->appended_ns < CALM_NS;
        fetch->follows = extent->first == found->read_to + 1;
        found->read_to = extent->last;
    }
    for (size_t i = 0; i < self->segment_count && !extent->cold; i++) {
        if (self->segments[i].number == extent->segment) {
            fetch->file = self->segments[i].file;
        }
    }
    return fetch;
}

/* Read the next cold group while the one before it is worked on. */
static void
s_look_ahead (zloom_log_t *self, uint32_t flow, uint64_t seq)
{
    zloom_log_flow_t *found = self->flows[flow];
    const zloom_extent_t *extent = zloom_index_find (&found->index, seq);
    if (found->looking || !extent || !extent->cold || extent->first != seq) {
        return;
    }
    found->looking = s_begin (self, flow, extent, seq);
    zloom_jobs_put (self->background, &found->looking->job, true);
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
            if (run->leads) {
                run->leads = false; /* once */
                s_look_ahead (self, flow, run->last + 1);
            }
            return true;
        }
    }
    return false;
}

/* Tell whoever asked. What was begun for another number may not have come as far as theirs. */
static void
s_answer (zloom_log_t *self, const fetch_t *fetch)
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
    fetch_t *fetch = (fetch_t *) job;
    zloom_log_t *self = owner;
    if (self) {
        zloom_log_flow_t *flow = self->flows[fetch->flow];
        flow->looking = flow->looking == fetch ? NULL : flow->looking;
        if (!job->err) {
            s_keep_run (self, fetch);
            fetch->chunks = NULL;
            fetch->count = 0;
        }
        if (fetch->asked) { /* else whoever asks for it later reads it again, and hears why not */
            s_answer (self, fetch);
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
    fetch_t *looking = found->looking;
    if (looking && !looking->asked && seq >= looking->seq && seq <= looking->last) {
        looking->asked = true; /* only the owner's thread looks at these */
        looking->wanted = seq;
        looking->cookie = cookie;
        return;
    }
    fetch_t *fetch = s_begin (self, flow, extent, seq);
    fetch->asked = true;
    fetch->wanted = seq;
    fetch->cookie = cookie;
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
