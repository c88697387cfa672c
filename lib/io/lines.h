/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lines.h - bytes from a pipe to lines, and the last bytes of what was said.
 *
 * A line longer than the limit is an error of whoever wrote it: it is handed over cut, marked, and
 * its rest is skipped up to the next newline.
 *
 * Example:
 *     zloom_lines_init (&lines, 65536, 4096);
 *     while ((got = read (fd, chunk, sizeof chunk)) > 0) {
 *         zloom_lines_feed (&lines, chunk, (size_t) got, s_each, arg);
 *     }
 *     zloom_lines_end (&lines, s_each, arg); // a last line without newline
 */
#ifndef ZLOOM_IO_LINES_H
#define ZLOOM_IO_LINES_H

#include "base/bytes.h"

typedef struct {
    zloom_buf_t line;
    size_t limit_bytes;
    bool skipping; /* in the rest of a line that was too long */
    uint8_t *tail; /* ring of the last tail_bytes bytes */
    size_t tail_bytes;
    uint64_t total; /* bytes fed */
} zloom_lines_t;

/* `line` without its newline, valid during the call; `cut`: it was longer than the limit. */
typedef void (zloom_line_fn) (void *arg, zloom_bytes_t line, bool cut);

/* tail_bytes 0: keep no tail. */
void zloom_lines_init (zloom_lines_t *self, size_t limit_bytes, size_t tail_bytes);
void zloom_lines_fini (zloom_lines_t *self);
void zloom_lines_feed (zloom_lines_t *self, const void *data, size_t size, zloom_line_fn *each,
                       void *arg);
/* The stream is over: hand over a last line that has no newline, if there is one. */
void zloom_lines_end (zloom_lines_t *self, zloom_line_fn *each, void *arg);
/* Append the last bytes that were fed (at most tail_bytes, from a line's start if there is one). */
void zloom_lines_tail (const zloom_lines_t *self, zloom_buf_t *out);

#endif
