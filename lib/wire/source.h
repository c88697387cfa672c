/* SPDX-License-Identifier: MPL-2.0 */
/*
 * source.h - provenance runs: who made the messages of a pack, `[(n, producer, first_id,
 * base_time)…]` in the pack's order. They travel and are stored beside the pack, so that a
 * message's id, (producer, id), can always be rebuilt.
 */
#ifndef ZLOOM_WIRE_SOURCE_H
#define ZLOOM_WIRE_SOURCE_H

#include "wire/arena.h"
#include "wire/cursor.h"
#include "wire/limits.h"
#include "wire/types.h"

/* One message's part of it. */
typedef struct {
    zloom_bytes_t producer;
    uint64_t id;
    int64_t base_time_ns;
} zloom_origin_t;

/* Room for "producer/id" and a NUL. */
#define ZLOOM_ORIGIN_TEXT_BYTES (ZLOOM_LIMIT_PRODUCER_BYTES + 22)

/* Append the array of runs. */
void zloom_src_encode (const zloom_src_t *runs, size_t run_count, zloom_buf_t *out);
/*
 * Read an array of runs; producers borrow from the bytes, the array lives in the arena. An error
 * shows in cursor->err.
 */
const zloom_src_t *zloom_src_decode (zloom_cursor_t *cursor, zloom_arena_t *arena,
                                     size_t *run_count);
/* Messages in all runs. */
uint64_t zloom_src_total (const zloom_src_t *runs, size_t run_count);
/*
 * The runs of messages [first, first + count) into `out`, which has room for run_count elements;
 * returns how many there are. Producers borrow from `runs`. What lies behind the end is left out.
 */
size_t zloom_src_cut (const zloom_src_t *runs, size_t run_count, uint64_t first, uint64_t count,
                      zloom_src_t *out);
/* Append a run to runs[0 .. *run_count), or let the last one grow when it continues it. */
void zloom_src_join (zloom_src_t *runs, size_t *run_count, const zloom_src_t *more);
/* Where the index-th message comes from; false behind the end. */
bool zloom_src_origin (const zloom_src_t *runs, size_t run_count, uint64_t index,
                       zloom_origin_t *origin);
/* "producer/id" */
const char *zloom_origin_text (const zloom_origin_t *origin, char text[ZLOOM_ORIGIN_TEXT_BYTES]);
/* The way back (the id stands behind the last '/'); producer borrows from `text`, base_time 0. */
zloom_err_t zloom_origin_parse (const char *text, zloom_origin_t *origin);

#endif
