/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ids.h - the ids that came lately: what makes a message that is sent twice under one id count
 * once, whoever sends it. Remembered is a hash of 128 bits, for a time and up to a number, oldest
 * forgotten first. About 40 bytes an id.
 */
#ifndef ZLOOM_PATTERNS_COMMON_IDS_H
#define ZLOOM_PATTERNS_COMMON_IDS_H

#include "base/bytes.h"
#include "wire/cursor.h"

#define ZLOOM_ID_HASH_BYTES 16

typedef struct {
    uint64_t words[2];
} zloom_id_hash_t;

typedef struct {
    zloom_id_hash_t hash;
    int64_t wall_ns;
} zloom_id_t;

typedef struct {
    zloom_id_t *items; /* a ring in order of arrival, so their times rise */
    uint64_t first;    /* number of the oldest */
    size_t count;
    size_t capacity; /* a power of two */
    uint32_t *slots; /* open addressing: index into items + 1, 0: empty */
    size_t slot_count;
} zloom_ids_t; /* zero-initialised is empty and ready */

void zloom_ids_fini (zloom_ids_t *self);
/* The same everywhere and for ever: hashes are on disk. */
zloom_id_hash_t zloom_id_hash (zloom_bytes_t id);
bool zloom_ids_has (const zloom_ids_t *self, zloom_id_hash_t hash);
/* How many forget (wall_ns) would forget, and what has () would say once `forgotten` are. */
size_t zloom_ids_older (const zloom_ids_t *self, int64_t wall_ns);
bool zloom_ids_keeps (const zloom_ids_t *self, zloom_id_hash_t hash, size_t forgotten);
/* Remember one that is not known, coming now; at `max` the oldest makes room (0: none stays). */
void zloom_ids_add (zloom_ids_t *self, zloom_id_hash_t hash, int64_t wall_ns, size_t max);
/*
 * It is wall_ns now: what seems to have come later came before the clock was set back, and is taken
 * to have come now, so that it is remembered for one more window and not until its time has come
 * again.
 */
void zloom_ids_set_back (zloom_ids_t *self, int64_t wall_ns);
/* Forget what came before wall_ns. */
void zloom_ids_forget (zloom_ids_t *self, int64_t wall_ns);

/*
 * A record of ids that came together, msgpack: [wall ns, 16 bytes each]; and back, where those that
 * were older than the window at that time are forgotten first, as they were then.
 */
void zloom_ids_encode_some (const zloom_id_hash_t *hashes, size_t count, int64_t wall_ns,
                            zloom_buf_t *out);
void zloom_ids_decode_some (zloom_ids_t *self, zloom_cursor_t *cursor, size_t max,
                            int64_t window_ns);
/* All: an array of such records. */
void zloom_ids_encode (const zloom_ids_t *self, zloom_buf_t *out);
void zloom_ids_decode (zloom_ids_t *self, zloom_cursor_t *cursor, size_t max, int64_t window_ns);

#endif
