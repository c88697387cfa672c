/* SPDX-License-Identifier: MPL-2.0 */
/*
 * log.h - the inside of the segmented log, shared by the files that are its parts:
 *
 *   log.c       the contract: lookup, poll, close            state.c     flows, boots, destroy
 *   commit.c    room, the open group, write and sync         fetch.c     what is read, and ahead
 *   space.c     segments: fill, reuse, plan                  snapshot.c  flows' states, trickled
 *   superblock.c  what the slots tell                        unlink.c    segments that go
 *   cold.c      moving what is needed out of a segment       mover.c     the copying itself
 *   recover.c   opening: files, slots, order                 replay.c    groups and records
 *   settle.c    the end of an opening: files, index, boot
 *
 * All state here belongs to the owner's thread. Jobs carry copies of what they need and are taken
 * in by poll.
 */
#ifndef ZLOOM_JOURNAL_LOG_H
#define ZLOOM_JOURNAL_LOG_H

#include "base/map.h"
#include "base/random.h"
#include "journal/group.h"
#include "journal/index.h"
#include "journal/jobs.h"
#include "journal/names.h"
#include "journal/ops.h"
#include "journal/shelf.h"
#include "journal/slot.h"
#include "journal/walk.h"

#define ZLOOM_ATTEST_AFTER_NS (100 * ZLOOM_NS_PER_MS)
/* How long after a full disk (or a failed step behind the loop) the same is tried again. */
#define ZLOOM_RETRY_SPACE_NS (500 * ZLOOM_NS_PER_MS)
/* How long after a look for a segment to give back, which asks for every message, the next. */
#define ZLOOM_RETRY_MOVE_NS (50 * ZLOOM_NS_PER_MS)
/* Largest slice of a snapshot in one turn. */
#define ZLOOM_SLICE_BYTES (256u * 1024)
/* Read ahead of a fetch, and how many such runs are kept. */
#define ZLOOM_AHEAD_BYTES (256u * 1024)
#define ZLOOM_AHEAD_RUNS 16u
/*
 * How many cold groups are read before somebody asks for them: the disk reads the second while the
 * loop takes in the first. More than one only while fewer than a quarter of the runs are unasked.
 */
#define ZLOOM_LOOK_GROUPS 2u
/* What is read of the disk at once while somebody waits for it. */
#define ZLOOM_PIECE_BYTES (256u * 1024)
/*
 * That somebody waits is known from groups that are no larger than this. Who fills larger ones
 * sends more than he waits for, and readers have to keep up with him.
 */
#define ZLOOM_QUICK_BYTES (64u * 1024)
/* So long after the last append nobody is thought to wait for the next one. */
#define ZLOOM_CALM_NS ZLOOM_NS_PER_S

typedef struct {
    uint64_t number;
    uint64_t bytes;      /* written */
    uint64_t groups;     /* in it, as far as this boot wrote them */
    uint32_t last_crc;   /* of the last of them */
    bool closed;         /* nothing is added to it any more */
    uint64_t gone_after; /* nothing in it is needed: unlink once this group is durable; 0 = no */
} zloom_cold_t;

typedef struct {
    zloom_slot_flow_t mark; /* number, name, end, and the last whole durable snapshot */
    zloom_index_t index;
    zloom_shelf_t shelf;
    zloom_cold_t *cold; /* its cold segments, oldest first */
    size_t cold_count;
    size_t cold_capacity;
    uint64_t cold_next;          /* the number of the next one */
    bool suspect;                /* extents were told gone: tidy the index */
    uint64_t read_to;            /* the last number of the extent that was fetched last */
    struct zloom_fetch *looking; /* reads of what nobody has asked for yet, the newest first */
    uint64_t touched; /* the newest group that moved its end, until a later one attests it */
} zloom_log_flow_t;

/* A run of packs that was read ahead. */
typedef struct {
    uint32_t flow;
    zloom_chunk_t *chunks;
    size_t count;
    uint64_t stamp; /* 0 = free */
    uint64_t last;  /* of the extent that it comes from */
    bool leads;     /* whoever looks at it will want the next one */
} zloom_ahead_t;

/* The one snapshot that is being trickled into the log. */
typedef struct {
    zloom_slot_flow_t mark; /* what becomes the flow's mark when all is durable; name unused */
    zloom_blob_t *blob;     /* NULL: none under way */
    size_t at;              /* bytes staged so far */
    uint32_t parts;
    uint32_t part;       /* the next to stage */
    uint64_t last_group; /* that holds the last slice; 0 = not staged yet */
} zloom_taking_t;

/* Live packs of one segment on their way to cold ones; see mover.h. */
typedef struct zloom_move zloom_move_t;

/* Groups that the committer may have: one it writes, and one that it takes when that is durable. */
#define ZLOOM_COMMITS 2u

/* A group on its way to the disk: its write and sync. */
typedef struct {
    zloom_job_t job;
    zloom_group_t group;
    zloom_vfs_t *vfs;
    zloom_file_t *file;
    uint64_t offset;
    zloom_gather_t gather;
    uint64_t number;
    bool written;
    bool *broken; /* the log's; only steps touch it */
    int64_t began_ns;
} zloom_commit_t;

typedef struct {
    zloom_journal_t base;
    zloom_vfs_t *vfs;
    char *directory;
    zloom_file_t *lock;
    zloom_log_key_t key;
    uint64_t hot_segments; /* the hot log's size */
    uint32_t segment_bytes;
    uint64_t group_most;
    uint32_t second_bytes;
    uint64_t tail_cache_bytes;
    uint64_t disk_limit_bytes;
    bool manual;
    zloom_random_t random;

    zloom_log_flow_t **flows; /* by number; 0 = the whole log */
    size_t flow_count;
    size_t flow_capacity;
    zloom_map_t *names;
    zloom_slot_boot_t *boots; /* oldest first, this one last */
    size_t boot_count;
    zloom_buf_t carried; /* records of unknown types, as directory entries with their payloads */

    zloom_segment_t *segments; /* in use, oldest first; the last is written */
    size_t segment_count;
    size_t segment_capacity;
    zloom_segment_t *ready; /* to be written next, in order */
    size_t ready_count;
    size_t ready_capacity;
    uint64_t next_segment; /* the number for the next ready one */
    uint64_t offset;       /* in the segment that is written */
    uint32_t last_crc;

    zloom_group_t open;
    zloom_commit_t commit[ZLOOM_COMMITS]; /* of group n: n % ZLOOM_COMMITS */
    zloom_group_t
      written[ZLOOM_COMMITS]; /* durable; the next poll frees them, after handing over */
    uint32_t under_way;       /* how many groups the committer has */
    bool broken;              /* the committer's: a group failed, none behind it may be written */
    bool seal_wanted;         /* sealed, and the committer did not take it yet */
    bool attests;             /* the newest group only attests, ... */
    bool quiet;               /* ... and repeats all that there is to repeat */
    uint64_t written_segment; /* of the newest group that does more, and is no part of a snapshot */
    uint32_t repeats; /* records of the open group that attest, or repeat what older ones hold */
    bool more;        /* the owner has more to repeat */
    uint64_t durable;
    zloom_now_t now;
    int64_t attest_at_ns;
    int64_t appended_ns; /* when a pack was staged last */
    int64_t large_ns;    /* when a group was handed over that is not quick; 0: never */

    zloom_jobs_t *commits;
    zloom_jobs_t *reads;      /* fetches, and behind them cold segments that leave the disk */
    zloom_jobs_t *background; /* the rest: segments that are made, moved and used again, slots */
    int event_fd;

    zloom_shelves_t shelves;
    zloom_ahead_t ahead[ZLOOM_AHEAD_RUNS];
    uint64_t ahead_stamp;
    size_t looks; /* reads that nobody has asked for, of all flows */
    struct {
        uint32_t flow;
        uint64_t seq;
        uint64_t cookie;
    } * wishes; /* fetches that memory can answer by now */
    size_t wish_count;
    size_t wish_capacity;

    zloom_err_t failed;
    char *failed_note;

    zloom_taking_t taking;
    uint64_t snapshot_cost; /* what snapshots of all flows take from the log, as they last were */
    uint64_t generation;    /* of the last superblock slot written or begun */
    uint64_t slot_needs[2]; /* oldest segment that the slot needs; 0 = not written by this boot */
    bool slot_wanted;       /* something worth a slot happened */
    uint64_t slot_after;    /* but not before this group is durable */
    bool working;           /* a job of space.c or cold.c is under way */
    bool unlinking;         /* a cold segment leaves the disk */
    uint64_t fetches_begun;
    uint64_t fetches_ended; /* in their order */
    uint64_t moved_segment; /* the oldest segment, when its live packs have been moved */
    uint64_t moved_after;   /* reuse it once this group is durable ... */
    uint64_t moved_fetches; /* ... and so many fetches have ended: later ones read elsewhere */
    int64_t retry_at_ns;    /* a step failed on a full disk: no other before this */
    int64_t fill_at_ns;     /* there was no disk for a new segment: none is begun before this */
    int64_t move_at_ns;     /* no segment could be given back: none is looked at before this */
    int64_t tend_at_ns;     /* no cold segment is looked at before this */
    bool tend;              /* something in cold segments may have died */
    zloom_move_t *landing;  /* a move that ended and is being recorded */
    bool disk_full;
    bool headroom; /* there was plenty of disk at opening: the reserve is surely coming */
    bool holed;    /* recovery found groups missing: keep cold files that nobody points at */
    zloom_journal_stats_t stats;
} zloom_log_t;

/* Whether somebody appends, and may wait for the disk. */
static inline bool
zloom_log_is_written (const zloom_log_t *self)
{
    return self->now.mono_ns - self->appended_ns < ZLOOM_CALM_NS;
}

/* Whether whoever appends waits for small groups: reads give way to these, piece by piece. */
static inline bool
zloom_log_is_awaited (const zloom_log_t *self)
{
    return zloom_log_is_written (self) &&
           (self->large_ns == 0 || self->now.mono_ns - self->large_ns >= ZLOOM_CALM_NS);
}

/* ---- log.c and state.c ---------------------------------------------------------------------- */

zloom_log_t *zloom_log_new (const zloom_journal_config_t *config,
                            const zloom_journal_owner_t *owner, zloom_now_t now);
/* Free everything, write nothing. */
void zloom_log_destroy (zloom_log_t *self);
/*
 * The flow of that number; made, with those below it, when it is not there yet: then nothing of it
 * stands before `segment`.
 */
zloom_log_flow_t *zloom_log_flow_at (zloom_log_t *self, uint32_t number, uint64_t segment);
/* Give a flow its name. */
void zloom_log_name_flow (zloom_log_t *self, uint32_t number, const char *name);
/* Stop for good: nothing is confirmed any more. The thread's note says why. */
void zloom_log_stop (zloom_log_t *self, zloom_err_t err);
/* How many numbers of the flow in [first, last] the owner still needs. */
uint64_t zloom_log_live (zloom_log_t *self, uint32_t flow, uint64_t first, uint64_t last);
/* Remember a boot; the oldest are forgotten. Takes `ends`. */
void zloom_log_add_boot (zloom_log_t *self, zloom_boot_t boot, zloom_flow_end_t *ends,
                         size_t end_count);

/* ---- commit.c ------------------------------------------------------------------------------- */

zloom_err_t zloom_log_room (const zloom_log_t *self, uint32_t records, uint64_t bytes,
                            bool growing);
/* Whether the journal's own record fits the open group; its own may use the reserve. */
bool zloom_log_own_room (const zloom_log_t *self, uint64_t bytes);
void zloom_log_stage (zloom_log_t *self, const zloom_record_t *record, zloom_blob_t *blob);
/* One step by hand, of any thread but the one that is asleep (NULL: none). */
bool zloom_log_work (zloom_log_t *self, const zloom_jobs_t *asleep);
/*
 * Close the open group and give it to the committer; false when that is not possible now: it has
 * two, or one and this one is small or does not fit the segment.
 */
bool zloom_log_hand_over (zloom_log_t *self);
/*
 * Stage where the flows that moved end by now, if there is anything to attest: alone in a group
 * when nothing else happens, else beside what does.
 */
void zloom_log_attest (zloom_log_t *self);
/* Take in an ended commit. */
void zloom_log_take_commits (zloom_log_t *self);
/* Whether all is empty and holds the reserve: on a small disk there is no more to be had. */
bool zloom_log_is_drained (const zloom_log_t *self);
/* Two segments for settlements, and a snapshot of everything. */
uint64_t zloom_log_reserve (const zloom_log_t *self);

/* ---- fetch.c -------------------------------------------------------------------------------- */

void zloom_log_fetch (zloom_log_t *self, uint32_t flow, uint64_t seq, uint64_t cookie);
/* The pack from what was read ahead, with a new reference. */
bool zloom_log_ahead_find (zloom_log_t *self, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk);
/* Answer wishes that memory could fulfil at once. */
void zloom_log_grant_wishes (zloom_log_t *self);
void zloom_log_ahead_fini (zloom_log_t *self);

/* ---- space.c -------------------------------------------------------------------------------- */

/* Begin whatever the disk needs next, if nothing is under way. */
void zloom_log_plan (zloom_log_t *self);
/* Make a ready segment here and now, for opening. */
zloom_err_t zloom_log_fill_now (zloom_log_t *self);
/* The most segments in use before the oldest is reclaimed. */
uint64_t zloom_log_limit (const zloom_log_t *self);
/* How many segments have to stand ready, for the reserve and one to write on. */
uint64_t zloom_log_ready_wanted (const zloom_log_t *self);
/* How much disk may still be taken. */
uint64_t zloom_log_disk_left (const zloom_log_t *self);
/* Whether so much may be taken for `what`; if not, the disk is full from here on. */
bool zloom_log_disk_has (zloom_log_t *self, uint64_t bytes, const char *what);
/*
 * Disk that no segment is made of: what is still needed in a segment that holds little else than
 * settled messages has a place to go to, also when the log itself has filled the disk.
 */
static inline uint64_t
zloom_log_slack (const zloom_log_t *self)
{
    return self->segment_bytes / 4;
}
/*
 * Nothing points at the hot segment any more. It is used again when what was staged so far is
 * durable, what was asked for so far has been read, and no slot needs it.
 */
void zloom_log_moved (zloom_log_t *self, uint64_t number);
/* Give a job to the background; one of these at a time. */
void zloom_log_begin (zloom_log_t *self, zloom_job_t *job);
/* The group that is durable when everything staged so far is. */
static inline uint64_t
zloom_log_staged (const zloom_log_t *self)
{
    return self->open.records > 0 ? self->open.number : self->open.number - 1;
}
/* A step behind the loop failed: full disk waits, everything else stops the journal. */
void zloom_log_step_failed (zloom_log_t *self, const zloom_job_t *job);

/* ---- superblock.c --------------------------------------------------------------------------- */

/* Begin to write the superblock. */
void zloom_log_write_slot (zloom_log_t *self);
/* Write it here and now, for opening and closing. */
zloom_err_t zloom_log_slot_now (zloom_log_t *self);
/* The oldest segment that replaying needs. */
uint64_t zloom_log_oldest_needed (const zloom_log_t *self);

/* ---- snapshot.c ----------------------------------------------------------------------------- */

/* Log that a snapshot of so many bytes takes, each slice in a group of its own. */
static inline uint64_t
zloom_snapshot_cost (uint64_t bytes)
{
    uint64_t blocks = zloom_blocks (bytes);
    return blocks + blocks / 4 + 2 * ZLOOM_BLOCK_BYTES;
}

/* At a group's border: begin the snapshot that is due, if any. */
void zloom_log_take_snapshot (zloom_log_t *self);
/* Stage the next slice, if there is one and room for it. */
void zloom_log_trickle (zloom_log_t *self);
/* A slice was handed over with a group at this place. */
void zloom_log_slice_placed (zloom_log_t *self, const zloom_group_header_t *header);
/* Groups up to durable: is the snapshot under way whole? */
void zloom_log_snapshot_durable (zloom_log_t *self);
/*
 * Read a whole snapshot from its slices (hot segments looked up in `segments`) into `out`.
 * DAMAGED when a slice is not as it was written.
 */
zloom_err_t zloom_snapshot_load (zloom_vfs_t *vfs, const zloom_log_key_t *key,
                                 const zloom_segment_t *segments, size_t segment_count,
                                 const zloom_slot_flow_t *mark, zloom_buf_t *out);
/* Give a snapshot's two parts to the index and to the owner. */
zloom_err_t zloom_log_restore (zloom_log_t *self, zloom_log_flow_t *flow, zloom_bytes_t snapshot);

/* ---- cold.c --------------------------------------------------------------------------------- */

/* Begin to give a segment back: the oldest, or on a full disk the emptiest. */
void zloom_log_clear_segment (zloom_log_t *self);
/* Stage the MOVE records of a move that ended, as far as there is room. */
void zloom_log_land (zloom_log_t *self);
/* Apply a MOVE record (own or replayed). False when it makes no sense. */
bool zloom_log_apply_move (zloom_log_t *self, zloom_log_flow_t *flow, zloom_bytes_t head,
                           zloom_bytes_t payload);
/* Whether a segment could be given back if there were disk for the little that it holds. */
bool zloom_log_wants_slack (const zloom_log_t *self);
/* Unlink or rewrite a cold segment that is (nearly) dead; true when a job was begun. */
bool zloom_log_tend_cold (zloom_log_t *self);

/* ---- unlink.c ------------------------------------------------------------------------------- */

/* Forget the flow's cold segment at this index and begin to remove its file. */
void zloom_log_unlink_cold (zloom_log_t *self, zloom_log_flow_t *flow, size_t at);
/* Begin to remove a hot segment that the log has let go of. */
void zloom_log_unlink_hot (zloom_log_t *self, const zloom_segment_t *segment);

#endif
