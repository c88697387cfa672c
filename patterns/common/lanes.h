/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lanes.h - order by key: which message of a keyed flow may be handed out next.
 *
 * A key falls by its hash into a slot: one of 4,096 lanes, and one of 65,536 places in it. Keys
 * that share a slot share its fate, which costs them nothing but waiting. The owner adds every
 * unsettled message in the order of numbers, says what became of those that it handed out, and
 * asks which lane is next. What is ready, waiting or leased is the owner's to know: lanes keep the
 * order only, and entries whose message has left by another way are dropped when they come to the
 * front.
 *
 * The rules
 *   - a lane has one run in flight: nothing more is handed out of it before that is settled
 *   - a message that failed is its slot's blocker: the slot is parked, what comes later in it is
 *     set aside (at most ZLOOM_LANES_ASIDE a lane; then the whole lane waits), others of the lane
 *     go on
 *   - lanes with work take turns, as many messages a turn as ZLOOM_LANES_QUANTUM times their
 *     weight; what a turn leaves over is added to the next (deficit round robin, Shreedhar and
 *     Varghese, 1995); a lane that is alone takes all
 *
 * Memory is 8 bytes an entry and bounded: a lane that waits keeps at most ZLOOM_LANES_WAITING
 * entries and forgets what is added later. When it goes on, rewind () says from where it must be
 * added again; what is added twice changes nothing.
 */
#ifndef ZLOOM_PATTERNS_COMMON_LANES_H
#define ZLOOM_PATTERNS_COMMON_LANES_H

#include "patterns/common/pattern.h"

#define ZLOOM_LANES 4096u
#define ZLOOM_LANES_ASIDE 4096u
#define ZLOOM_LANES_WAITING 4096u
#define ZLOOM_LANES_QUANTUM 64u
/* So many entries of one lane count as work at hand; the others are no reason not to look on. */
#define ZLOOM_LANES_PART 16384u
/* The most that a turn may leave over, in turns. */
#define ZLOOM_LANES_SAVED 2u

typedef struct zloom_lanes zloom_lanes_t;
typedef struct zloom_lane zloom_lane_t;
typedef uint32_t zloom_slot_t; /* lane * 65,536 + place */

/* The hash's key is a secret of this boot, so that keys collide by chance only, whoever chooses
 * them. Sequence numbers are >= base. */
zloom_lanes_t *zloom_lanes_new (const uint64_t seed[2], uint64_t base);
void zloom_lanes_destroy (zloom_lanes_t **self_p);
zloom_slot_t zloom_lanes_slot (const zloom_lanes_t *self, zloom_bytes_t key);
/* Forget all weights; then let the lane of a key have `weight` turns (1 to 100). */
void zloom_lanes_weigh_none (zloom_lanes_t *self);
void zloom_lanes_weigh (zloom_lanes_t *self, zloom_bytes_t key, uint32_t weight);

/* Message seq, unsettled, is of this slot; numbers rise, but for what is added again. */
void zloom_lanes_add (zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq);
/* Entries, and those that are work at hand: in no lane or slot that waits, and a lane's part. */
uint64_t zloom_lanes_count (const zloom_lanes_t *self);
uint64_t zloom_lanes_open (const zloom_lanes_t *self);
/* Whether messages from *from on must be added again, told once. */
bool zloom_lanes_rewind (zloom_lanes_t *self, uint64_t *from);

/* ---- handing out ---------------------------------------------------------------------------- */

/* How many lanes may be served now. */
size_t zloom_lanes_waiting (const zloom_lanes_t *self);
/*
 * The lane whose turn it is, and how many messages it may hand out; NULL when none may. Look at its
 * front () entries and do one thing with each; then end () the turn with the number handed out.
 */
zloom_lane_t *zloom_lanes_begin (zloom_lanes_t *self, uint32_t *turn);
void zloom_lanes_end (zloom_lanes_t *self, zloom_lane_t *lane, uint32_t handed);

typedef struct {
    uint64_t seq;
    zloom_slot_t slot;
    bool blocker; /* it is what its slot waits for */
    bool barred;  /* its slot waits for an earlier one */
} zloom_lane_entry_t;

/* False when the lane has nothing, or must wait. */
bool zloom_lanes_front (const zloom_lanes_t *self, const zloom_lane_t *lane,
                        zloom_lane_entry_t *entry);
/* It left by another way. */
void zloom_lanes_drop (zloom_lanes_t *self, zloom_lane_t *lane);
/* It is handed out, or is out already. */
void zloom_lanes_take (zloom_lanes_t *self, zloom_lane_t *lane);
/* It waits for its time and blocks its slot. */
void zloom_lanes_block (zloom_lanes_t *self, zloom_lane_t *lane);
/* It is barred: aside with it. */
void zloom_lanes_set_aside (zloom_lanes_t *self, zloom_lane_t *lane);

/* ---- what became of messages ---------------------------------------------------------------- */

/* Messages in [first, last] are settled or on their way out. */
void zloom_lanes_gone (zloom_lanes_t *self, uint64_t first, uint64_t last);
/* It was out and comes back unharmed. */
void zloom_lanes_back (zloom_lanes_t *self, uint64_t seq);
/* It was taken and not handed out: its lane keeps its turn. */
void zloom_lanes_give_back (zloom_lanes_t *self, uint64_t seq);
/* It was out, failed, and waits: it blocks its slot. */
void zloom_lanes_fail (zloom_lanes_t *self, uint64_t seq);
/* It is in no list, and on its way out: its slot waits until it is gone. */
void zloom_lanes_hold (zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq);
/* It waited and may be handed out again. */
void zloom_lanes_due (zloom_lanes_t *self, uint64_t seq);
/* Its slot, if it is out or blocks; false when it is neither. */
bool zloom_lanes_slot_of (const zloom_lanes_t *self, uint64_t seq, zloom_slot_t *slot);
/* The first message of the slot behind `seq` that is out; false when there is none. */
bool zloom_lanes_later (const zloom_lanes_t *self, zloom_slot_t slot, uint64_t seq,
                        uint64_t *later);
/* The first message of seq's slot that is out and comes before it; false when there is none. */
bool zloom_lanes_earlier (const zloom_lanes_t *self, uint64_t seq, uint64_t *earlier);
/* Whether seq comes first in its lane, with nothing out. O(lanes). */
bool zloom_lanes_is_first (const zloom_lanes_t *self, uint64_t seq);
/* It was, and is settled. O(lanes). */
void zloom_lanes_drop_first (zloom_lanes_t *self, uint64_t seq);

/* ---- looking -------------------------------------------------------------------------------- */

/* Slots that are parked, one after the other: *cursor starts at 0; false at the end. */
typedef struct {
    zloom_slot_t slot;
    uint64_t blocker;
    uint64_t behind; /* messages set aside for it */
} zloom_parked_t;

/* The number that was given to new (). */
uint64_t zloom_lanes_base (const zloom_lanes_t *self);
bool zloom_lanes_next_parked (const zloom_lanes_t *self, uint64_t *cursor, zloom_parked_t *parked);
/* The `max` lanes with most entries, deepest first; returns how many. */
size_t zloom_lanes_deepest (const zloom_lanes_t *self, zloom_lane_row_t *rows, size_t max);

#endif
