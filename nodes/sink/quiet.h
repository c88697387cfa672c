/* SPDX-License-Identifier: MPL-2.0 */
/*
 * quiet.h - write (2) without the signals that would end the process instead of telling: SIGXFSZ
 * when the file's size limit is reached (EFBIG), SIGPIPE when a reader is gone (EPIPE).
 */
#ifndef ZLOOM_NODES_SINK_QUIET_H
#define ZLOOM_NODES_SINK_QUIET_H

#include <stddef.h>
#include <sys/types.h>

/* As write (2). What the host program does with these signals stays as it is. */
ssize_t zloom_write_quietly (int fd, const void *data, size_t size);

#endif
