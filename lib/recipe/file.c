/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PART_BYTES 65536

zloom_err_t
zloom_file_read (const char *path, size_t most, zloom_buf_t *text)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zloom_fail_errno (errno == ENOENT ? ZLOOM_NOT_FOUND : ZLOOM_SYSTEM, "%s", path);
    }
    ssize_t size = 1;
    while (size > 0 && text->size <= most) {
        size_t room = most + 1 - text->size;
        room = room < PART_BYTES ? room : PART_BYTES;
        size = read (fd, zloom_buf_reserve (text, room), room);
        if (size < 0 && errno == EINTR) {
            size = 1;
            continue;
        }
        text->size += size > 0 ? (size_t) size : 0;
    }
    zloom_err_t err = size < 0 ? zloom_fail_errno (ZLOOM_SYSTEM, "%s", path) : ZLOOM_OK;
    close (fd);
    return err;
}
