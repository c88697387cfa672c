/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reader.h - the lines of a file, one after another, each with the place behind it; with `follow`
 * beyond its end, and on in the file that takes its path (rotation) or from its start when it was
 * cut.
 *
 * A line ends with a newline, which is not part of it. The end of the file ends a line too, unless
 * it is followed and still has its path: then the rest of the line may come.
 *
 * Example:
 *     zloom_reader_open (path, follow, mark_place, &reader);
 *     while ((err = zloom_reader_next (reader, &line)) == ZLOOM_OK) {
 *         ... zloom_reader_place (reader) ...
 *     }
 */
#ifndef ZLOOM_NODES_POLLER_READER_H
#define ZLOOM_NODES_POLLER_READER_H

#include "nodes/poller/place.h"

typedef struct zloom_reader zloom_reader_t;

typedef struct {
    bool follow;
    size_t line_bytes;         /* longest line; longer ones are stepped over */
    const zloom_place_t *from; /* where to go on; NULL: at the start */
} zloom_reader_config_t;

/*
 * Followed files need not be there yet. NOT_FOUND, FORBIDDEN, INVALID (no regular file), SYSTEM.
 * If the file at `path` is not the one that `from` is a place in, it is read from its start:
 * zloom_reader_resumed () tells.
 */
zloom_err_t zloom_reader_open (const char *path, const zloom_reader_config_t *config,
                               zloom_reader_t **self_p);
void zloom_reader_destroy (zloom_reader_t **self_p);
/* Whether reading went on at `from`. */
bool zloom_reader_resumed (const zloom_reader_t *self);

/*
 * The next line, valid until the next call.
 *   TOO_BIG   it is longer than line_bytes and was stepped over: line is unset, its place is known
 *   AGAIN     no whole line is there now (follow)
 *   CLOSED    the end of the file (not follow)
 *   others    the file cannot be read; the same call may be made again
 */
zloom_err_t zloom_reader_next (zloom_reader_t *self, zloom_bytes_t *line);
/* Behind the line that was read last; `id` is 0. */
zloom_place_t zloom_reader_place (const zloom_reader_t *self);
/* The number of the line that was read last. */
uint64_t zloom_reader_line (const zloom_reader_t *self);
/* Counts the files that were begun: a change tells that the lines are of another file. */
uint64_t zloom_reader_files (const zloom_reader_t *self);

#endif
