/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/poller/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "wire/cursor.h"
#include "wire/encode.h"

#define PLACE_VERSION 1u

void
zloom_place_encode (const zloom_place_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, 7);
    zloom_encode_uint (out, PLACE_VERSION);
    zloom_encode_uint (out, self->inode);
    zloom_encode_uint (out, self->offset);
    zloom_encode_uint (out, self->line);
    zloom_encode_uint (out, self->id);
    zloom_encode_uint (out, self->tail_size);
    zloom_encode_uint (out, self->tail_crc);
}

zloom_err_t
zloom_place_decode (zloom_bytes_t mark, zloom_place_t *self)
{
    zloom_cursor_t cursor = zloom_cursor (mark);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t version = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    if (cursor.err == ZLOOM_OK && version != PLACE_VERSION) {
        return zloom_fail (ZLOOM_VERSION, "the poller's mark has version %llu, known is %u",
                           (unsigned long long) version, PLACE_VERSION);
    }
    /* One by one: the order of reading is the order of the fields. */
    self->inode = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    self->offset = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    self->line = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    self->id = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    self->tail_size = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_PLACE_TAIL_BYTES, 0);
    self->tail_crc = (uint32_t) zloom_fields_uint (&fields, ZLOOM_NEED, UINT32_MAX, 0);
    zloom_fields_close (&fields);
    zloom_err_t err = zloom_cursor_end (&cursor);
    if (err == ZLOOM_OK && self->tail_size > self->offset) {
        err = zloom_fail (ZLOOM_MALFORMED, "the poller's mark: tail before the file's start");
    }
    return err;
}

bool
zloom_place_is_in (const zloom_place_t *self, int fd)
{
    struct stat now;
    uint8_t tail[ZLOOM_PLACE_TAIL_BYTES];
    if (fstat (fd, &now) != 0 || (uint64_t) now.st_ino != self->inode ||
        (uint64_t) now.st_size < self->offset) {
        return false;
    }
    const ssize_t got = pread (fd, tail, self->tail_size, (off_t) (self->offset - self->tail_size));
    return got == (ssize_t) self->tail_size &&
           zloom_crc32c (0, tail, self->tail_size) == self->tail_crc;
}

bool
zloom_place_is_sample (uint64_t id, uint64_t ppm)
{
    const uint64_t million = 1000000;
    const uint64_t before = (id - 1) % million; /* spread evenly: the n-th begins a new whole */
    return (before + 1) * ppm / million != before * ppm / million;
}
