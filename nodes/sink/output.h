/* SPDX-License-Identifier: MPL-2.0 */
/*
 * output.h - lines going out: a batch is added, then written until it is where the policy wants it.
 *
 * Two kinds of place. A regular file named by a path is *safe*: what could not be written whole,
 * or not be synced, is cut off again, so it holds whole lines of whole batches only. Everything
 * else (a descriptor that somebody handed over, a pipe, a device) is a *stream*: what is written
 * cannot be taken back, so what is left of a batch stays here and is written when it goes.
 *
 * Opening a file cuts off what stands behind its last newline: a crash tore it, and the message it
 * was of was not settled. If no newline stands within ZLOOM_OUTPUT_LINE_BYTES of the end, the file
 * holds something else than lines and is left alone: INVALID.
 *
 * Nothing here waits, but for the disk: a stream that takes nothing now is AGAIN.
 *
 * Example:
 *     zloom_output_open (path, ZLOOM_FSYNC_BATCH, &output);
 *     zloom_output_add (output, body);
 *     err = zloom_output_write (output);      OK: settle; AGAIN: poll zloom_output_fd, write again
 */
#ifndef ZLOOM_NODES_SINK_OUTPUT_H
#define ZLOOM_NODES_SINK_OUTPUT_H

#include "base/bytes.h"
#include "base/error.h"

/* No line that zloom wrote is longer: a message's limit and a newline. */
#define ZLOOM_OUTPUT_LINE_BYTES (4u * 1024 * 1024 + 1)

typedef struct zloom_output zloom_output_t;

/*
 * A file (O_APPEND, mode 0600, made if it is not there). `sync`: each write ends with the bytes on
 * the disk. NOT_FOUND, FORBIDDEN, INVALID, SYSTEM with a note.
 */
zloom_err_t zloom_output_open (const char *path, bool sync, zloom_output_t **self_p);
/* A stream over a descriptor, borrowed. Its file status flags are left as they are. */
zloom_output_t *zloom_output_new (int fd);
void zloom_output_destroy (zloom_output_t **self_p);

/*
 * A body as a line without its end: what `echo` wrote ends with a newline, and that is the line's
 * own, not a second one.
 */
static inline zloom_bytes_t
zloom_output_line (zloom_bytes_t body)
{
    const bool ended = body.size > 0 && body.data[body.size - 1] == '\n';
    return zloom_bytes (body.data, body.size - (ended ? 1 : 0));
}

/*
 * Add a line, zloom_output_line (body). MALFORMED: it holds another newline, so it would be two;
 * nothing was added.
 */
zloom_err_t zloom_output_add (zloom_output_t *self, zloom_bytes_t body);
/*
 * Where the batch will begin: the file's inode and its size now. Errors as zloom_output_write,
 * which does this by itself if nobody asked. Streams answer 0, 0.
 */
zloom_err_t zloom_output_begin (zloom_output_t *self, uint64_t *inode, uint64_t *base);
/*
 * Write what was added, all of it.
 *   OK         done, nothing is left
 *   AGAIN      a stream takes no more now: poll its descriptor for writing, call again
 *   DISK_FULL  no room (disk, quota, file size limit)
 *   DISK       the disk failed, or the file cannot be opened again after it was moved away
 *   GONE       the reader of a stream is gone
 * After DISK_FULL and DISK zloom_output_pending tells what has become of the batch: 0, a file's
 * batch was cut off again, as if nothing had been added; more, what a stream still holds.
 */
zloom_err_t zloom_output_write (zloom_output_t *self);
/* Bytes that were added and are not written. */
size_t zloom_output_pending (const zloom_output_t *self);
/* The descriptor to poll for writing; files never need it. */
int zloom_output_fd (const zloom_output_t *self);
/* Whether it is a file, with all that is said above. */
bool zloom_output_is_file (const zloom_output_t *self);
/* How many bytes of a torn last line opening cut off. */
size_t zloom_output_torn (const zloom_output_t *self);

#endif
