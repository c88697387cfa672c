/* SPDX-License-Identifier: MPL-2.0 */
/*
 * state.h - the bus's inside, shared by its files and by nobody else:
 *
 *   bus.c           making, events, the pattern's table
 *   bus_offer.c     events come in, and who wants them is found
 *   bus_interest.c  what subscribers want: patterns, and their place in the trie
 *   bus_listen.c    volatile subscribers and their members
 *   bus_share.c     ... and what was on its way to one that went
 *   bus_slow.c      ... what waits for them, and what they lose
 *   bus_past.c      ... what was there before they came
 *   bus_dispatch.c  ... and what they get
 *   bus_group.c     durable groups
 *   bus_match.c     ... and which messages they want
 *   bus_return.c    what comes back from the dead letters of one
 *   bus_keep.c      what is kept, and what may go
 *   bus_copy.c      a copy, at an edge, of a bus on a router
 *   bus_recover.c   snapshot, restore, replay
 *   bus_shown.c     counters, subscribers, receipts
 *   trie.c          who wants a topic
 *
 * A GROUP record's head, msgpack: [number, what, ...]; the record's seq is the place it speaks of:
 *   [number, 1, name, [pattern…], behind]  the group is there from seq on
 *   [number, 2]                            it is not any more
 *   [number, 3, [first, n…], behind]       of the numbers below seq, which it had not looked at
 *                                          before, it does not want these
 * behind: there was more that it had not looked at.
 */
#ifndef ZLOOM_PATTERNS_BUS_STATE_H
#define ZLOOM_PATTERNS_BUS_STATE_H

#include "base/map.h"
#include "base/tag.h"
#include "patterns/bus/bus.h"
#include "patterns/bus/trie.h"
#include "patterns/common/ages.h"
#include "patterns/common/gaps.h"
#include "patterns/common/intake.h"
#include "patterns/common/numbers.h"
#include "patterns/common/records.h"
#include "patterns/common/sizes.h"
#include "patterns/common/topics.h"
#include "patterns/queue/queue.h"

#define ZLOOM_BUS_TAG 0x5A427573u

/* What a GROUP record says. */
enum {
    ZLOOM_BUS_GROUP_IS = 1,
    ZLOOM_BUS_GROUP_GONE = 2,
    ZLOOM_BUS_GROUP_LOOKED = 3,
};

typedef struct zloom_bus_listener zloom_bus_listener_t;
typedef struct zloom_bus_group zloom_bus_group_t;

/* What a subscriber wants. */
typedef struct {
    zloom_bytes_t *patterns; /* own copies */
    size_t count;
    bool all;     /* everything: it stands beside the trie */
    uint32_t who; /* its number in the trie, and in the bus's table */
} zloom_bus_interest_t;

/* Who stands behind such a number; one of the two. */
typedef struct {
    zloom_bus_listener_t *listener;
    zloom_bus_group_t *group;
} zloom_bus_who_t;

/* What a member of a volatile group was given. */
typedef struct {
    zloom_ranges_t runs; /* the newest of it */
    uint64_t known_from; /* of numbers below nothing is known any more; 0: of all */
    uint64_t came;       /* it came with all below, by its own word, */
    uint64_t place;      /* ... and was told of gaps up to here */
} zloom_bus_given_t;

typedef struct {
    zloom_consumer_id_t id;
    zloom_bus_listener_t *listener; /* one of the two */
    zloom_bus_group_t *group;
    bool begun;               /* it has said what it takes */
    uint64_t credit_messages; /* granted and used since it subscribed; of a group: the queue's */
    uint64_t credit_bytes;
    uint64_t credit_frames;
    uint64_t used_messages;
    uint64_t used_bytes;
    uint64_t used_frames;
    zloom_bus_given_t given;
} zloom_bus_member_t;

typedef enum {
    ZLOOM_BUS_LIVE,    /* what comes in is put to what waits */
    ZLOOM_BUS_READS,   /* it reads on from `at` until it has come to the end */
    ZLOOM_BUS_GATHERS, /* it looks for the last of each topic up to `gather_end` */
} zloom_bus_stage_t;

struct zloom_bus_listener {
    char *name; /* of the volatile group; NULL: a consumer alone */
    zloom_bus_interest_t interest;
    zloom_bus_member_t **members;
    size_t member_count;
    size_t member_capacity;
    size_t turn;             /* which member is next */
    zloom_bus_given_t *left; /* members that went */
    size_t left_count;
    uint64_t left_to; /* ... others, of whom nothing is known any more, got something up to here */
    uint64_t heard_from; /* nothing below was given to anybody, by this group */
    zloom_on_slow_t on_slow;
    int64_t on_slow_value; /* never 0 */
    bool active;           /* stands in the bus's list */
    bool doomed;           /* it was too slow, and is to be ended */

    zloom_ranges_t pending; /* meant for it, and not handed out */
    uint64_t pending_bytes; /* about */
    uint64_t past;          /* so much waited when it had read the past: that is not held */
    uint64_t past_bytes;    /* ... against it until it has caught up */
    zloom_gaps_t gaps;
    zloom_map_t *newest;    /* on_slow latest: key -> number */
    int64_t waits_since_ns; /* mono: since when nothing was handed out though something waited */
    int64_t taker_since_ns; /* the time in which it was counted among those */
    int64_t handed_ns;      /* mono: when it got something last, ... */
    uint64_t handed_bytes;  /* ... and how much in one frame */
    bool overrun;           /* on_slow block: its time is over, until it has caught up */

    zloom_bus_stage_t stage;
    uint64_t at;
    uint64_t gather_end;
    zloom_map_t *last_of; /* topic -> number */
    bool blocked;         /* waits for bytes from the disk */

    uint64_t began; /* where it began */
    uint64_t meant, delivered, lost, told, gaps_told;
};

struct zloom_bus_group {
    uint32_t number; /* in records */
    char *name;
    zloom_bus_interest_t interest;
    bool configured; /* stands in the recipe */
    bool recorded;   /* ... and in the journal */
    void *queue;
    bool behind;  /* it began in the past: from its queue's next_seq on nothing was looked at */
    bool blocked; /* ... and that waits for bytes from the disk */
    zloom_numbers_t others; /* not wanted, as far as they are still kept */
    uint64_t filtered;
    uint64_t begins;
    size_t member_count;
    zloom_bus_member_t **members;
    size_t member_capacity;

    zloom_part_run_t *runs; /* of the pack that comes in */
    size_t run_count;
    size_t run_capacity;
};

typedef struct {
    uint32_t tag;
    zloom_flow_config_t config; /* strings are own copies */
    zloom_birth_t birth;
    zloom_intake_t intake;
    uint64_t next_seq;
    uint64_t durable_seq;
    uint64_t appended;
    bool paused;
    bool draining;
    bool ready; /* recovery is over */

    /* What is kept: [floor, next_seq). */
    uint64_t floor;
    uint64_t kept;     /* for listeners, or by retain: what is not below; below, groups alone */
    uint64_t hard;     /* so many messages are not through that senders have to wait for */
    uint64_t retained; /* `retain` holds what is not below; next_seq: nothing */
    zloom_sizes_t sizes;
    zloom_sizes_t retained_sizes; /* of what is held by retain, if it counts bytes */
    zloom_ages_t arrivals;        /* by this machine's clock, */
    int64_t arrived_ns;           /* ... of the last one; or later, when that is not known */
    int64_t retain_at_ns;         /* mono: when something gets too old */
    bool pressed;                 /* something did not fit, and waits for room */
    zloom_numbers_t returned;     /* numbers of what came back to one group alone */
    zloom_missed_t *absent;       /* a copy: numbers that did not come here, rising */
    size_t absent_count;
    size_t absent_capacity;

    /* Who wants what. */
    zloom_trie_t *trie;
    zloom_bus_who_t *who;
    size_t who_count;
    size_t who_capacity;
    uint32_t *free_who;
    size_t free_count;
    size_t free_capacity;
    uint32_t *all; /* who want everything */
    size_t all_count;
    size_t all_capacity;

    zloom_idmap_t *members; /* consumer -> zloom_bus_member_t */
    zloom_bus_listener_t **listeners;
    size_t listener_count;
    size_t listener_capacity;
    zloom_map_t *by_name; /* volatile groups */
    zloom_bus_listener_t **active;
    size_t active_count;
    size_t active_capacity;
    size_t active_at;
    uint64_t pushes;         /* runs of events that were meant for a listener, ... */
    int64_t pushes_since_ns; /* ... since then, mono */
    uint64_t takers;         /* ... and so many listeners */
    uint64_t sharers;        /* in the time before it */
    bool busy;               /* ... and were many in the time before */
    int64_t gather_at_ns;    /* mono: when one that waits for company has waited enough */

    zloom_bus_group_t **groups; /* in the order in which they came */
    size_t group_count;
    size_t group_capacity;
    size_t group_at; /* whose turn it is to hand out, */
    size_t timer_at; /* ... and to do what is due */
    uint32_t next_group;

    uint64_t delivered, lost, ended;

    zloom_buf_t buf;
    zloom_buf_t freeing; /* the key that a part of the groups has let go; empty: none */
    zloom_run_t *runs;
    size_t run_count;
    size_t run_capacity;
} zloom_bus_t;

static inline zloom_bus_t *
zloom_bus_of (void *self)
{
    zloom_bus_t *bus = self;
    ZLOOM_CHECK (bus, ZLOOM_BUS_TAG);
    return bus;
}

static inline const zloom_bus_t *
zloom_bus_of_const (const void *self)
{
    const zloom_bus_t *bus = self;
    ZLOOM_CHECK (bus, ZLOOM_BUS_TAG);
    return bus;
}

/* ---- bus_offer.c ---------------------------------------------------------------------------- */

zloom_err_t zloom_bus_check_offer (const void *self, const zloom_offer_t *offer,
                                   zloom_cost_t *cost);
void zloom_bus_offer (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn);

/* ---- bus_interest.c ------------------------------------------------------------------------- */

/* Patterns that are not fit to be subscribed to: why; and copies of those that are. */
zloom_err_t zloom_bus_check_patterns (const zloom_bus_t *self, const zloom_bytes_t *patterns,
                                      size_t count);
void zloom_bus_interest_set (zloom_bus_interest_t *self, const zloom_bytes_t *patterns,
                             size_t count);
bool zloom_bus_interest_same (const zloom_bus_interest_t *self, const zloom_bytes_t *patterns,
                              size_t count);
bool zloom_bus_interest_wants (const zloom_bus_interest_t *self, zloom_bytes_t topic);
void zloom_bus_interest_fini (zloom_bus_interest_t *self);
/* Let it be found by topic, or not any more. */
void zloom_bus_enlist (zloom_bus_t *self, zloom_bus_interest_t *interest, zloom_bus_who_t who);
void zloom_bus_strike (zloom_bus_t *self, const zloom_bus_interest_t *interest);

/* ---- bus_listen.c --------------------------------------------------------------------------- */

zloom_err_t zloom_bus_listen (zloom_bus_t *self, const zloom_event_t *event,
                              const zloom_turn_t *turn);
void zloom_bus_leave (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
void zloom_bus_forget_member (zloom_bus_t *self, zloom_bus_member_t *member);
/* Something waits for it, or may be read: a dispatch looks at it. */
void zloom_bus_wake (zloom_bus_t *self, zloom_bus_listener_t *listener);
void zloom_bus_listener_destroy (zloom_bus_listener_t **self_p);
/* End those that were too slow for their word. */
void zloom_bus_end_doomed (zloom_bus_t *self, const zloom_turn_t *turn);

/* ---- bus_share.c ---------------------------------------------------------------------------- */

/* It was handed these. */
void zloom_bus_given (zloom_bus_member_t *member, const zloom_run_t *runs, size_t count);
/* It is gone without a word, others are there, and it may come back: ... */
void zloom_bus_keep_left (zloom_bus_member_t *member);
/* ... as this one does, perhaps. */
void zloom_bus_come_back (zloom_bus_t *self, zloom_bus_member_t *member, const zloom_event_t *event,
                          const zloom_turn_t *turn);
void zloom_bus_forget_left (zloom_bus_listener_t *self);

/* ---- bus_slow.c ----------------------------------------------------------------------------- */

/* Events [first, last] with `bytes` are meant for it; `pack` begins with the first of them. */
void zloom_bus_push (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first,
                     uint64_t last, zloom_bytes_t pack, zloom_now_t now);
/* It loses what waits below `seq`. */
void zloom_bus_lose_below (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t seq,
                           const char *reason);
/* It loses [from, to], of which `count` were meant for it. */
void zloom_bus_lose (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t from, uint64_t to,
                     uint64_t count, const char *reason);
/* It misses this, as it stands. */
void zloom_bus_miss (zloom_bus_t *self, zloom_bus_listener_t *listener, const zloom_missed_t *gap);
/* It loses [from, to], unread: who does not want everything is not told how many were for it. */
void zloom_bus_lose_unread (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t from,
                            uint64_t to, const char *reason);
/* It has no credit for what waits: its policy counts. */
void zloom_bus_slow (zloom_bus_t *self, zloom_bus_listener_t *listener);
/* [first, last] are purged. */
void zloom_bus_purge (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t first,
                      uint64_t last);
/* The flow is full: those whose patience is over make room; when the next one's is. */
void zloom_bus_press (zloom_bus_t *self, zloom_now_t now);
int64_t zloom_bus_next_press (const zloom_bus_t *self);

/* ---- bus_past.c ----------------------------------------------------------------------------- */

/* Where a subscription begins. */
uint64_t zloom_bus_place (const zloom_bus_t *self, zloom_from_t from, int64_t value);
/* Read on, as far as is good for one go. */
void zloom_bus_read_on (zloom_bus_t *self, zloom_bus_listener_t *listener,
                        const zloom_turn_t *turn);
/* Whether a listener could read on now. */
bool zloom_bus_may_read (const zloom_bus_t *self);
/* It is to read from `seq` at the earliest: what was before is lost. */
void zloom_bus_read_from (zloom_bus_t *self, zloom_bus_listener_t *listener, uint64_t seq,
                          const zloom_turn_t *turn);

/* ---- bus_dispatch.c ------------------------------------------------------------------------- */

uint32_t zloom_bus_dispatch (void *self, uint32_t budget, const zloom_turn_t *turn);
uint64_t zloom_bus_member_credit (const zloom_bus_member_t *member);

/* ---- bus_group.c ---------------------------------------------------------------------------- */

zloom_bus_group_t *zloom_bus_find_group (const zloom_bus_t *self, zloom_bytes_t name);
zloom_bus_group_t *zloom_bus_group_of (const zloom_bus_t *self, uint32_t number);
/* A group that begins at `seq`. */
zloom_bus_group_t *zloom_bus_make_group (zloom_bus_t *self, uint32_t number, zloom_bytes_t name,
                                         const zloom_bytes_t *patterns, size_t count, uint64_t seq,
                                         bool configured);
/* It wants other topics from now on. */
void zloom_bus_group_wants_now (zloom_bus_t *self, zloom_bus_group_t *group,
                                const zloom_bytes_t *patterns, size_t count);
void zloom_bus_group_destroy (zloom_bus_group_t **self_p);
/* Take the config's groups over: new ones, other patterns. */
void zloom_bus_configure_groups (zloom_bus_t *self);
/* Journal the groups that are not yet: all, or some; what that takes at most. */
void zloom_bus_record_groups (zloom_bus_t *self, bool all, const zloom_turn_t *turn);
void zloom_bus_record_cost (const zloom_bus_t *self, zloom_cost_t *cost);
/* A GROUP record with self->buf as its head. */
void zloom_bus_record_group (zloom_bus_t *self, const zloom_bus_group_t *group, uint64_t seq,
                             const zloom_turn_t *turn);
bool zloom_bus_groups_to_record (const zloom_bus_t *self);
zloom_err_t zloom_bus_join_group (zloom_bus_t *self, const zloom_event_t *event,
                                  const zloom_turn_t *turn);
void zloom_bus_leave_group (zloom_bus_t *self, zloom_bus_member_t *member,
                            const zloom_event_t *event, const zloom_turn_t *turn);
/* A verdict about what was no lease. */
void zloom_bus_refuse_settle (const zloom_event_t *event, const zloom_turn_t *turn);
void zloom_bus_free_key (zloom_bus_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
zloom_err_t zloom_bus_drop_group (void *self, zloom_bytes_t name, const zloom_turn_t *turn);
void zloom_bus_remove_group (zloom_bus_t *self, zloom_bus_group_t *group);
/*
 * Groups lose their oldest messages until `keep` are left, as far as nobody holds them and as they
 * are no more runs than that, which share it.
 */
void zloom_bus_drop_groups (zloom_bus_t *self, uint64_t keep, uint32_t *runs_left,
                            const zloom_turn_t *turn);
/* Feed an event to each group's queue. */
void zloom_bus_tell_groups (zloom_bus_t *self, const zloom_event_t *event,
                            const zloom_turn_t *turn);

/* ---- bus_match.c ---------------------------------------------------------------------------- */

/* Of the pack under work a group wants these; its runs rise. */
void zloom_bus_group_wants (zloom_bus_group_t *group, uint32_t first, uint32_t n);
/* A group did not want what lies between these runs (NULL: it wanted all). */
void zloom_bus_pass_over (zloom_bus_group_t *group, uint64_t seq, uint32_t n,
                          const zloom_part_run_t *runs, size_t run_count);
/* Look at what a group with patterns was not asked about when it came in. */
void zloom_bus_consider (zloom_bus_t *self, zloom_bus_group_t *group, const zloom_turn_t *turn);
/* What a new pack means to the groups: their runs are set; the matches for its head. */
void zloom_bus_match_groups (zloom_bus_t *self, zloom_effect_t *append, const zloom_turn_t *turn);
void zloom_bus_enter_groups (zloom_bus_t *self, const zloom_effect_t *append,
                             const zloom_turn_t *turn);
/* ---- bus_return.c --------------------------------------------------------------------------- */

/* The group that a message with this history comes back to; NULL: it comes for the first time. */
zloom_bus_group_t *zloom_bus_comes_back (const zloom_bus_t *self, zloom_bytes_t past);
void zloom_bus_replay_returned (zloom_bus_t *self, uint64_t seq, const zloom_pack_head_t *head);
/* Whether *at is such a number, and passed over; else *most ends before the next one. */
bool zloom_bus_pass_returned (const zloom_bus_t *self, uint64_t *at, uint64_t *most);

/* ---- bus_keep.c ----------------------------------------------------------------------------- */

/* What groups lose to one OFFER that finds the flow full: so many runs, found in so many tries. */
#define ZLOOM_BUS_DROP_RUNS 8192u
#define ZLOOM_BUS_DROP_TRIES 4
/* Room for n messages of `bytes` bytes, or why not. */
zloom_err_t zloom_bus_fit (zloom_bus_t *self, uint64_t n, uint64_t bytes, const zloom_turn_t *turn);
void zloom_bus_room (const void *self, uint64_t *messages, uint64_t *bytes);
/* A pack was taken in. */
void zloom_bus_keep (zloom_bus_t *self, uint64_t first, uint64_t last, uint64_t bytes,
                     zloom_now_t now);
/* Recovery is over: what retain holds is counted anew. */
void zloom_bus_recount_retained (zloom_bus_t *self, zloom_now_t now);
/* ... because of a limit or a hand: it is journaled. */
void zloom_bus_record_trim (zloom_bus_t *self, zloom_settle_reason_t reason,
                            const zloom_turn_t *turn);
/* What is below is not retained any more. */
void zloom_bus_retain_from (zloom_bus_t *self, uint64_t seq);
/* Let go what nobody needs any more; without a turn nobody is told. */
void zloom_bus_let_go (zloom_bus_t *self, zloom_now_t now, zloom_effects_t *effects);
bool zloom_bus_next_live (const void *self, uint64_t from, uint64_t last, zloom_range_t *run);
/* The lowest number that arrived at or after wall_ns, or one before it; the end: none has. */
uint64_t zloom_bus_arrived (const zloom_bus_t *self, int64_t wall_ns);
/* What the head of a pack that comes in now says of that: 0 where its sender's clock says it. */
int64_t zloom_bus_arrival (const zloom_src_t *src, zloom_now_t now);

/* ---- bus_copy.c ----------------------------------------------------------------------------- */

/* Why what did not come here is lost to whoever asks for it. */
#define ZLOOM_BUS_EDGE "edge"
/* ... of numbers of another life. */
#define ZLOOM_BUS_RESTART "restart"
/* A PASS event. */
void zloom_bus_pass (zloom_bus_t *self, const zloom_event_t *event);
/* What a copy cannot do for a subscriber is refused. */
zloom_err_t zloom_bus_check_copy (const zloom_bus_t *self, const zloom_event_t *event);
/* How many of the numbers from `from` on have a message; and from where on `n` have. */
uint64_t zloom_bus_there (const zloom_bus_t *self, uint64_t from);
uint64_t zloom_bus_last_of (const zloom_bus_t *self, uint64_t n);
/* The first absent span that ends at `seq` or behind it; NULL: none does. */
const zloom_missed_t *zloom_bus_absent (const zloom_bus_t *self, uint64_t seq);
/* It misses what is absent from `from` on to the end of this span. */
void zloom_bus_miss_absent (zloom_bus_t *self, zloom_bus_listener_t *listener,
                            const zloom_missed_t *span, uint64_t from);
/* Numbers below `floor` are kept no more: their sizes and absent spans go. */
void zloom_bus_unkeep (zloom_bus_t *self, uint64_t floor);
/* Up to `seq` all is durable: and so is what is absent right behind it. */
uint64_t zloom_bus_durable_to (const zloom_bus_t *self, uint64_t seq);

#endif
