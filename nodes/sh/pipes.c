/* SPDX-License-Identifier: MPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"

bool
zloom_sh_write (int fd, zloom_bytes_t bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        const ssize_t done = write (fd, bytes.data + at, bytes.size - at);
        if (done > 0) {
            at += (size_t) done;
        } else if (done == 0 || errno != EINTR) {
            fprintf (stderr, "zloom-sh: descriptor %d cannot be written: %s\n", fd,
                     strerror (errno));
            return false;
        }
    }
    return true;
}

bool
zloom_sh_read_all (int fd, size_t most, zloom_buf_t *out)
{
    uint8_t chunk[65536];
    for (;;) {
        const ssize_t got = read (fd, chunk, sizeof chunk);
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            zloom_buf_add (out, chunk, (size_t) got);
        } else if (errno != EINTR) {
            fprintf (stderr, "zloom-sh: descriptor %d cannot be read: %s\n", fd, strerror (errno));
            return false;
        }
        if (out->size > most) {
            fprintf (stderr, "zloom-sh: more than %zu bytes are no message\n", most);
            return false;
        }
    }
}

bool
zloom_sh_say (const zloom_buf_t *array)
{
    const size_t size = array->size;
    const uint8_t head[4] = {(uint8_t) (size >> 24), (uint8_t) (size >> 16), (uint8_t) (size >> 8),
                             (uint8_t) size};
    zloom_buf_t frame = {0};
    zloom_buf_add (&frame, head, sizeof head);
    zloom_buf_add (&frame, array->data, array->size);
    const bool good = zloom_sh_write (ZLOOM_SH_TO_NODE, zloom_buf_bytes (&frame));
    zloom_buf_fini (&frame);
    return good;
}
