/* SPDX-License-Identifier: MPL-2.0 */
/*
 * producers.h - who sends into a flow, and the highest id taken of each: what makes a resend
 * harmless and a gap visible.
 *
 * Named producers are remembered beyond their session, at most ZLOOM_LIMIT_PRODUCERS of them, and
 * forgotten when away for ZLOOM_LIMIT_PRODUCER_IDLE_DAYS; at the limit only those make room.
 * A name that begins with '~' was drawn for one session (zloom.h, the command line): it only
 * passes, and is forgotten ZLOOM_LIMIT_PASSING_IDLE_MINUTES after its last use, long enough to come
 * back after a lost road. Anonymous ones live as long as their session. Ids begin at 1 and have no
 * gaps; a refused id blocks the later ones until it is resent or skipped.
 */
#ifndef ZLOOM_PATTERNS_COMMON_PRODUCERS_H
#define ZLOOM_PATTERNS_COMMON_PRODUCERS_H

#include "patterns/common/pattern.h"
#include "wire/cursor.h"

/* Begins the names of producers that only pass. */
#define ZLOOM_PASSING_MARK '~'

typedef struct zloom_producers zloom_producers_t;

typedef struct {
    uint64_t high;              /* highest id taken; 0: none */
    bool blocked;               /* high + 1 was refused: later ids are dropped */
    bool named;                 /* false: of a session only */
    zloom_session_id_t session; /* that it sends on; 0: none now */
} zloom_producer_t;             /* the head of a larger object */

typedef enum {
    ZLOOM_ADMIT_TAKE,      /* take what is not trimmed */
    ZLOOM_ADMIT_DUPLICATE, /* all of it was taken before: confirm */
    ZLOOM_ADMIT_GAP,       /* refuse with OUT_OF_ORDER from high + 1 */
    ZLOOM_ADMIT_DROP,      /* behind a refused id: drop silently */
    ZLOOM_ADMIT_INVALID,   /* id 0, or past 2^63 */
} zloom_admit_t;

zloom_producers_t *zloom_producers_new (void);
void zloom_producers_destroy (zloom_producers_t **self_p);
/* The producer of this name; NULL when it is not known. */
zloom_producer_t *zloom_producers_get (const zloom_producers_t *self, zloom_bytes_t name);
/*
 * The producer of this name, or the session's anonymous one when `name` is unset; made if it is
 * not there, NULL when there are too many. It counts as used at wall_ns.
 */
zloom_producer_t *zloom_producers_use (zloom_producers_t *self, zloom_bytes_t name,
                                       zloom_session_id_t session, int64_t wall_ns);
/* Ids [first_id, first_id + n) are offered: what is to be done, and how many are trimmed. */
zloom_admit_t zloom_producer_admit (zloom_producer_t *self, uint64_t first_id, uint32_t n,
                                    uint32_t *trimmed);
/* Ids up to `high` are taken or skipped. */
void zloom_producer_taken (zloom_producer_t *self, uint64_t high);
/* Keep a mark with a named producer; unset leaves the old one, too long is cut off by the wire. */
void zloom_producers_set_mark (zloom_producers_t *self, zloom_producer_t *producer,
                               zloom_bytes_t mark);
zloom_bytes_t zloom_producer_mark (const zloom_producer_t *self);
/*
 * The key that its name belongs to; unset leaves the old one, and so does `weak` where there is
 * one. Names that only pass belong to nobody. True when it is another one now.
 */
bool zloom_producers_set_owner (zloom_producers_t *self, zloom_producer_t *producer,
                                zloom_bytes_t owner, bool weak);
zloom_bytes_t zloom_producer_owner (const zloom_producer_t *self);
zloom_bytes_t zloom_producer_name (const zloom_producer_t *self);
/* The session is over: its producer may be forgotten, an anonymous one is at once. */
void zloom_producers_end (zloom_producers_t *self, zloom_session_id_t session);
/* Forget some who are idle too long; false when nobody was. */
bool zloom_producers_age (zloom_producers_t *self, int64_t wall_ns);
/* Those whose last use is not known (0: replayed from packs, whose times are the sender's). */
void zloom_producers_date (zloom_producers_t *self, int64_t wall_ns);
size_t zloom_producers_count (const zloom_producers_t *self);
/*
 * A named producer whose high or mark moved is recorded again in a later group, in case that the
 * one that moved it is damaged and the producer does not send again. It moved in this group (0:
 * before this boot).
 */
void zloom_producers_moved (zloom_producers_t *self, zloom_producer_t *producer, uint64_t group);
/* How many are to be recorded, and the next of them, now that `group` is open. */
size_t zloom_producers_untold (const zloom_producers_t *self);
zloom_producer_t *zloom_producers_tell (zloom_producers_t *self, uint64_t group);

/* A PRODUCER record's head: [name, high, mark, wall ns, owner?]. */
void zloom_producer_encode (const zloom_producer_t *self, zloom_buf_t *out);
/* Take such a head in; what is older than what is known changes nothing. */
zloom_err_t zloom_producers_decode (zloom_producers_t *self, zloom_cursor_t *cursor);
/* All named ones as an array of such heads, least recently used first; and back. */
void zloom_producers_encode_all (const zloom_producers_t *self, zloom_buf_t *out);
zloom_err_t zloom_producers_decode_all (zloom_producers_t *self, zloom_cursor_t *cursor);

#endif
