/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trail.h - what became of the messages that were sent to be traced: one stay for each flow that
 * such a message was stored in, with a row for everything that happened to it there, and the stay
 * that it came from. Nothing is kept of other messages.
 *
 * The trail is bounded (ZLOOM_LIMIT_TRACE_BYTES, as encoded): the oldest stays go first. Rows are
 * journaled in TRACE records of the whole log a moment after they were noted, and all of them
 * stand in its snapshots, so the trail outlives a restart but for its last moments. Rows are
 * numbered: one that stands in a snapshot and in a record behind it counts once.
 *
 *   record, snapshot  [number of the first row, [row…]]
 *   row               [kind, flow, seq, wall ns, number, node?, text?]
 *   row of STORED     [1, flow, seq, wall ns, way, id, base_time, from flow?, from seq?, left out?]
 *
 * Threads: one, the engine's.
 */
#ifndef ZLOOM_ENGINE_TRAIL_H
#define ZLOOM_ENGINE_TRAIL_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/source.h"

/* Numbers are on disk and never reused. */
typedef enum {
    ZLOOM_TRAIL_STORED = 1,
    ZLOOM_TRAIL_HANDED = 2,    /* node; number: which attempt */
    ZLOOM_TRAIL_BEGUN = 3,     /* node */
    ZLOOM_TRAIL_VERDICT = 4,   /* node; number: zloom_verdict_t; text: its cause */
    ZLOOM_TRAIL_LEFT = 5,      /* number: zloom_settle_reason_t */
    ZLOOM_TRAIL_BACK = 6,      /* node; its lease was taken from it; text: why */
    ZLOOM_TRAIL_RESTARTED = 7, /* the router was started anew while it was handed out */
} zloom_trail_kind_t;

/* How a message came into a flow. */
typedef enum {
    ZLOOM_TRAIL_SENT = 0,
    ZLOOM_TRAIL_EMITTED = 1,
    ZLOOM_TRAIL_DEAD = 2,
    ZLOOM_TRAIL_REQUEUED = 3,
} zloom_trail_way_t;

typedef struct {
    zloom_trail_kind_t kind;
    int64_t wall_ns;
    int64_t number;
    char *node;   /* NULL: none */
    char *text;   /* NULL: none */
    size_t bytes; /* encoded */
} zloom_trail_row_t;

typedef struct zloom_track zloom_track_t;
typedef struct zloom_stay zloom_stay_t;

struct zloom_stay {
    zloom_stay_t *next; /* in the order in which they were stored */
    zloom_stay_t *prev;
    const zloom_track_t *track;
    uint64_t order; /* in which they were stored */
    uint64_t seq;
    int64_t wall_ns;
    zloom_trail_way_t way;
    char *id;
    int64_t base_time_ns;
    char *from_flow; /* NULL: it came from outside */
    uint64_t from_seq;
    zloom_trail_row_t *rows;
    size_t row_count, row_capacity;
    uint64_t left_out; /* rows in the middle that were too many */
    bool left;
    size_t bytes;  /* of all its rows, encoded */
    uint64_t mark; /* zloom_trail_mark's */
};

/* The stays of one flow, by number. */
struct zloom_track {
    char *flow;
    zloom_stay_t **stays;
    size_t head, end, capacity; /* [head, end) */
};

typedef struct zloom_trail zloom_trail_t;

/* Where the offer comes from that the engine feeds now; SENT: from outside. */
typedef struct {
    zloom_trail_way_t way;
    const struct zloom_hosted *flow;
    uint64_t seq;
    bool traced;
} zloom_hop_t;

/* What a stay begins with; all is copied. */
typedef struct {
    zloom_bytes_t flow;
    uint64_t seq;
    int64_t wall_ns;
    zloom_trail_way_t way;
    zloom_bytes_t id;
    int64_t base_time_ns;
    zloom_bytes_t from_flow; /* unset: none */
    uint64_t from_seq;
} zloom_trail_begin_t;

zloom_trail_t *zloom_trail_new (size_t limit_bytes);
void zloom_trail_destroy (zloom_trail_t **self_p);

/* ---- what happened ------------------------------------------------------------------------- */

/* Stays of one flow have rising numbers: a lower one is of another life of the flow. */
void zloom_trail_begin (zloom_trail_t *self, const zloom_trail_begin_t *begin);
/* Node and text are copied, of a text as much as fits a line. */
void zloom_trail_note (zloom_trail_t *self, zloom_stay_t *stay, zloom_trail_kind_t kind,
                       int64_t wall_ns, int64_t number, const char *node, zloom_bytes_t text);

/* Forget the oldest stays, as far as there are too many: after what was noted of an event. */
void zloom_trail_trim (zloom_trail_t *self);

/* ---- looking ------------------------------------------------------------------------------- */

/* NULL: nothing of that flow was ever traced. It lives as long as the trail. */
zloom_track_t *zloom_trail_track (const zloom_trail_t *self, zloom_bytes_t flow);
/* The index of the first stay with this number or a higher one; track->end: there is none. */
size_t zloom_track_find (const zloom_track_t *self, uint64_t seq);
/* NULL: it is not traced, or forgotten. */
zloom_stay_t *zloom_trail_stay (const zloom_trail_t *self, zloom_bytes_t flow, uint64_t seq);
/* The oldest; the rest by `next`. */
zloom_stay_t *zloom_trail_first (const zloom_trail_t *self);
/*
 * Mark all that the messages with this id, or the one with this number in this flow, came from and
 * led to; returns what `mark` says of those.
 */
uint64_t zloom_trail_mark_id (zloom_trail_t *self, zloom_bytes_t id);
uint64_t zloom_trail_mark_seq (zloom_trail_t *self, zloom_bytes_t flow, uint64_t seq);

/* ---- the journal's side -------------------------------------------------------------------- */

/* Bytes of the next record; 0: nothing was noted since the last. */
size_t zloom_trail_pending (const zloom_trail_t *self);
/* Append the record's head to `out`; what is pending is in it, or (out NULL) given up. */
void zloom_trail_take (zloom_trail_t *self, zloom_buf_t *out);
void zloom_trail_snapshot (const zloom_trail_t *self, zloom_buf_t *out);
/* A record's head, or a snapshot; bytes from a disk, so anything may stand there. */
zloom_err_t zloom_trail_replay (zloom_trail_t *self, zloom_bytes_t bytes);

#endif
