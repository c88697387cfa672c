/* SPDX-License-Identifier: MPL-2.0 */
/* walk.c - see walk.h. */
#include "journal/walk.h"
#include "base/crc32c.h"

/* Blocks looked at with one read while searching. */
#define SEARCH_BYTES (256u * 1024)

void
zloom_walk_init (zloom_walk_t *self, zloom_vfs_t *vfs, const zloom_log_key_t *key,
                 const zloom_segment_t *segments, size_t segment_count, uint64_t expected,
                 uint32_t previous_crc)
{
    *self = (zloom_walk_t){
      .vfs = vfs,
      .key = key,
      .segments = segments,
      .segment_count = segment_count,
      .expected = expected > 0 ? expected : 1,
      .previous_crc = previous_crc,
      .unchained = expected == 0,
    };
}

void
zloom_walk_fini (zloom_walk_t *self)
{
    zloom_buf_fini (&self->bytes);
    zloom_buf_fini (&self->probe);
}

zloom_record_reader_t
zloom_group_directory (const zloom_group_header_t *header, zloom_bytes_t group)
{
    return zloom_record_reader (
      zloom_bytes (group.data + ZLOOM_GROUP_HEADER_BYTES, header->directory_bytes));
}

bool
zloom_entry_holds (const zloom_entry_t *entry, const zloom_group_header_t *header,
                   zloom_bytes_t group)
{
    zloom_bytes_t payload = zloom_entry_payload (entry, header, group);
    return payload.size == entry->payload_bytes &&
           zloom_crc32c (0, payload.data, payload.size) == entry->payload_crc;
}

/* Whether a group with this header may come next, at this place. */
static bool
s_follows (const zloom_walk_t *self, const zloom_group_header_t *header)
{
    if (header->boot.counter < self->boot_counter) {
        return false;
    }
    return self->unchained ||
           (header->number == self->expected && header->previous_crc == self->previous_crc);
}

/*
 * Look at each block from (*at, *offset) on for a group that can come after number `above`.
 * *found = false when there is none. On success *at, *offset and self->header tell where and what.
 */
static zloom_err_t
s_search (zloom_walk_t *self, size_t *at, uint64_t *offset, uint64_t above, bool *found)
{
    zloom_buf_t blocks = {0};
    uint8_t *data = zloom_buf_reserve (&blocks, SEARCH_BYTES);
    zloom_err_t err = ZLOOM_OK;
    *found = false;
    for (; *at < self->segment_count && !err && !*found; (*at)++, *offset = 0) {
        const zloom_segment_t *segment = &self->segments[*at];
        for (;;) {
            size_t got = 0;
            uint64_t base = *offset;
            err = self->vfs->read (self->vfs, segment->file, base, data, SEARCH_BYTES, &got);
            for (size_t i = 0; !err && i + ZLOOM_GROUP_HEADER_BYTES <= got;
                 i += ZLOOM_BLOCK_BYTES) {
                zloom_place_t place = {0, segment->number, (uint32_t) (base + i)};
                zloom_group_header_t header;
                if (!zloom_group_header_decode (data + i, self->key, &place, &header) ||
                    header.number <= above || header.boot.counter < self->boot_counter) {
                    continue;
                }
                err = zloom_group_load (self->vfs, segment->file, self->key, &place, &self->probe,
                                        &header);
                if (err == ZLOOM_MALFORMED) {
                    err = ZLOOM_OK;
                    continue;
                }
                if (!err && header.number == self->expected && !s_follows (self, &header)) {
                    continue; /* left over from a tail that was given up */
                }
                if (!err) {
                    self->header = header;
                    *offset = base + i;
                    *found = true;
                }
                break;
            }
            if (err || *found || got < SEARCH_BYTES) {
                break;
            }
            *offset = base + SEARCH_BYTES;
        }
        if (*found) {
            break;
        }
    }
    zloom_buf_fini (&blocks);
    return err;
}

/* Read the whole group of self->header; sets self->damaged when a payload is not as written. */
static zloom_err_t
s_read_group (zloom_walk_t *self)
{
    const zloom_group_header_t *header = &self->header;
    size_t got = 0;
    zloom_buf_clear (&self->bytes);
    uint8_t *data = zloom_buf_reserve (&self->bytes, header->total_bytes);
    zloom_err_t err = self->vfs->read (self->vfs, self->segments[self->at].file, self->offset, data,
                                       header->total_bytes, &got);
    if (err) {
        return err;
    }
    /* What lies behind the end of a shortened file fails its checksum below. */
    memset (data + got, 0, header->total_bytes - got);
    self->bytes.size = header->total_bytes;
    self->damaged = got < header->total_bytes;
    zloom_record_reader_t directory =
      zloom_group_directory (header, zloom_buf_bytes (&self->bytes));
    zloom_entry_t entry;
    while (!self->damaged && zloom_entry_next (&directory, &entry)) {
        self->damaged = !zloom_entry_holds (&entry, header, zloom_buf_bytes (&self->bytes));
    }
    self->damaged |= directory.bad;
    return ZLOOM_OK;
}

/*
 * Whether another boot wrote a group of the same number behind the same predecessor later: then the
 * one with this header is a tail that was given up, where the next group did not fit or the file
 * had become shorter. If so, the walk stands at the later one. (Its boot may be of the same
 * counter: when the torn group was its boot's first, nobody had heard of that.)
 */
static zloom_err_t
s_given_up (zloom_walk_t *self, const zloom_group_header_t *header, uint64_t behind, bool *yes)
{
    size_t at = self->at;
    uint64_t offset = behind;
    zloom_err_t err = s_search (self, &at, &offset, header->number - 1, yes);
    *yes = *yes && self->header.number == header->number &&
           self->header.previous_crc == header->previous_crc &&
           self->header.boot.counter >= header->boot.counter &&
           self->header.boot.random != header->boot.random;
    if (*yes) {
        self->at = at;
        self->offset = offset;
    } else {
        self->header = *header;
    }
    return err;
}

/* Was this group, which is not whole, durable? Only a later one can say so. */
static zloom_err_t
s_attested (zloom_walk_t *self, const zloom_group_header_t *header, uint64_t behind, bool *yes)
{
    size_t at = self->at;
    uint64_t offset = behind;
    zloom_err_t err = s_search (self, &at, &offset, header->number, yes);
    *yes = *yes && self->header.attested >= header->number;
    self->header = *header;
    return err;
}

/* The group of self->header stands at the walk's place: read it, decide, step behind it. */
static zloom_err_t
s_take_group (zloom_walk_t *self, zloom_walk_kind_t *kind)
{
    zloom_group_header_t header;
    uint64_t behind;
    bool given_up;
    do {
        header = self->header;
        behind = self->offset + zloom_blocks (header.total_bytes);
        given_up = false;
        zloom_err_t err = s_read_group (self);
        if (!err && self->damaged) {
            err = s_given_up (self, &header, behind, &given_up);
        }
        if (err) {
            return err;
        }
    } while (given_up);
    if (self->damaged && header.number > self->durable) {
        bool attested = false;
        zloom_err_t err = s_attested (self, &header, behind, &attested);
        if (err || !attested) {
            *kind = ZLOOM_WALK_END;
            return err;
        }
    }
    self->offset = behind;
    self->expected = header.number + 1;
    self->previous_crc = header.crc;
    self->boot_counter = header.boot.counter;
    self->unchained = false;
    *kind = ZLOOM_WALK_GROUP;
    return ZLOOM_OK;
}

zloom_err_t
zloom_walk_next (zloom_walk_t *self, zloom_walk_kind_t *kind)
{
    *kind = ZLOOM_WALK_END;
    if (self->at < self->segment_count) {
        const zloom_segment_t *segment = &self->segments[self->at];
        zloom_place_t place = {0, segment->number, (uint32_t) self->offset};
        zloom_err_t err = zloom_group_load (self->vfs, segment->file, self->key, &place,
                                            &self->probe, &self->header);
        if (!err && s_follows (self, &self->header)) {
            return s_take_group (self, kind);
        }
        if (err && err != ZLOOM_MALFORMED) {
            return err;
        }
    }
    size_t at = self->at;
    uint64_t offset = self->offset;
    bool found = false;
    zloom_err_t err = s_search (self, &at, &offset, self->expected - 1, &found);
    if (err || !found) {
        return err;
    }
    if (s_follows (self, &self->header)) {
        self->at = at;
        self->offset = offset;
        return s_take_group (self, kind);
    }
    if (self->header.attested < self->expected) {
        return ZLOOM_OK;
    }
    self->gap_first = self->expected;
    self->gap_last = self->header.number - 1;
    self->gap_from =
      (zloom_place_t){0, self->at < self->segment_count ? self->segments[self->at].number : 0,
                      (uint32_t) self->offset};
    self->gap_to = self->header.place;
    self->at = at;
    self->offset = offset;
    self->expected = self->header.number;
    self->previous_crc = self->header.previous_crc;
    *kind = ZLOOM_WALK_GAP;
    return ZLOOM_OK;
}
