/* SPDX-License-Identifier: MPL-2.0 */
/*
 * journal.h - the contract of the log under a router. Two implementations: log.c (segments on disk)
 * and memory.c (a ring in RAM, for `memory` flows and for tests).
 *
 * Asynchronous by shape: records are staged into the open group, the group is sealed, a committer
 * writes and syncs it, and `durable` rises. Staging cannot fail: ask `room` first. The loop never
 * waits for the disk and never reads it: `lookup` answers from memory, `fetch` reads behind the
 * loop's back and reports through the owner's `fetched`.
 *
 * Threads: every call is made by the owner's one thread. log.c keeps three of its own (commits,
 * reads, moves) unless `config.manual` is set; then zloom_journal_work () does one step of
 * their work at a time, which is how the simulator puts a crash between any two steps.
 *
 * Example (one turn):
 *     if (zloom_journal_room (journal, 1, size)) {
 *         zloom_journal_stage (journal, &record, blob);
 *     }
 *     uint64_t tag = zloom_journal_seal (journal);  // answers tagged with it wait for
 *     zloom_journal_poll (journal);                 // durable () >= tag
 */
#ifndef ZLOOM_JOURNAL_JOURNAL_H
#define ZLOOM_JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ranges.h"
#include "journal/vfs.h"

/* Largest group: header, directory and payloads. */
#define ZLOOM_JOURNAL_GROUP_BYTES (8u * 1024 * 1024)

/*
 * Record types; numbers are on disk and never reused. The critical bit is set by the writer: a
 * reader that does not know a critical type refuses to open the log, others it carries along.
 */
#define ZLOOM_RECORD_MAP(X)                                                                  \
    X (PACK, 1)     /* messages [seq, seq + count); head: see wire; payload: the pack */     \
    X (SETTLE, 2)   /* head: ranges and reason (acked, expired, purged, dropped, moved) */   \
    X (STATE, 3)    /* failures, due, cause of single messages */                            \
    X (DEAD, 4)     /* a dead letter's move: from, to, cause */                              \
    X (PRODUCER, 5) /* high and mark of a named producer */                                  \
    X (KV, 6)       /* (flow, group, lane, key) -> bytes; last wins */                       \
    X (SNAPSHOT, 7) /* a slice of a flow's serialised state; journal-owned */                \
    X (LIST, 8)     /* a spilled block of a ready list */                                    \
    X (TRIM, 9)     /* floor and reason */                                                   \
    X (MOVE, 10)    /* live runs copied to a cold segment; journal-owned */                  \
    X (HOLE, 11)    /* numbers that are lost or were never given; journal-owned or engine */ \
    X (FLOW, 12)    /* flow name <-> number; journal-owned */                                \
    X (GROUP, 13)   /* consumer group name <-> number */                                     \
    X (TOPIC, 14)   /* topic name <-> number */                                              \
    X (BOOT, 15)    /* an opening: boot id and every flow's end; journal-owned */            \
    X (ATTEST, 16)  /* nothing: the group exists to attest what was durable before it */     \
    X (TRACE, 17)   /* what became of traced messages; not critical */

typedef enum {
#define ZLOOM_RECORD_ENUM(name, number) ZLOOM_RECORD_##name = (number),
    ZLOOM_RECORD_MAP (ZLOOM_RECORD_ENUM)
#undef ZLOOM_RECORD_ENUM
} zloom_record_type_t;

typedef struct {
    zloom_record_type_t type;
    bool critical;
    uint32_t flow;         /* number from zloom_journal_flow; 0 = the whole log */
    uint32_t group;        /* consumer group; 0 = none */
    uint64_t seq;          /* first sequence number it speaks of */
    uint32_t count;        /* how many messages; 0 when it speaks of none */
    zloom_bytes_t head;    /* msgpack, copied by stage */
    zloom_bytes_t payload; /* for stage: a view into the blob that is passed beside it */
    uint32_t stored_bytes; /* replay of a PACK: the size of its payload; stage ignores it */
} zloom_record_t;

/* One stored PACK record as a reader sees it. */
typedef struct {
    uint64_t seq;
    uint32_t count;
    zloom_bytes_t head;    /* lives as long as the blob */
    zloom_bytes_t payload; /* a view into the blob */
    zloom_blob_t *blob;    /* one reference, the receiver's: zloom_blob_unref */
} zloom_chunk_t;

/* Boot id: a counter and 64 random bits; `random` is what tokens carry on the wire. */
typedef struct {
    uint64_t counter;
    uint64_t random;
} zloom_boot_t;

typedef struct zloom_journal zloom_journal_t;

/* What the owner does for the journal; all on the owner's thread, inside open, poll or seal. */
typedef struct {
    void *arg;
    /*
     * Recovery, inside open: the flow's last whole snapshot first (if any), then its records after
     * it in order, PACKs included (stored_bytes then, no payload: it stays on disk). An error
     * stops the opening: the log is damaged or of a later version.
     *
     * After damage: a HOLE with a flow says that its numbers [seq, seq + count) are lost; with
     * count 0, that a record of the flow is. A HOLE with flow 0 says that whole groups are: seq is
     * the first, count how many (0 = unknown). Numbers in them are told by HOLEs of their flows;
     * what else was in them, like settlements, is not known. A hole may be told again at later
     * openings. SETTLE and STATE may name numbers that were never replayed: no error.
     */
    zloom_err_t (*flow) (void *arg, uint32_t flow, const char *name);
    zloom_err_t (*restore) (void *arg, uint32_t flow, zloom_bytes_t snapshot);
    zloom_err_t (*replay) (void *arg, const zloom_record_t *record);
    /* Append the flow's whole state as of now to `out`; called at a group's border. */
    void (*snapshot) (void *arg, uint32_t flow, zloom_buf_t *out);
    /*
     * The first run of messages of `flow` in [from, last] that are still needed; false when none.
     * Decides what is moved to cold segments and what dies with its segment.
     */
    bool (*next_live) (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run);
    /*
     * Messages [first, first + count) of a stored pack as a pack of their own: append its head to
     * `head`, and *payload is the part of the pack's. Called on a thread of the journal: it looks
     * at nothing but these. False, or NULL here: the pack is only copied whole.
     */
    bool (*cut) (const zloom_chunk_t *pack, uint64_t first, uint32_t count, zloom_buf_t *head,
                 zloom_bytes_t *payload);
    /*
     * A group is about to attest those before it, in poll or attest: stage again, as far as there
     * is room () for it, what would not be known any more if one of those groups were damaged and
     * nothing came after. Nothing but room and stage may be called. True: there is more. NULL:
     * there is nothing of the kind.
     */
    bool (*repeat) (void *arg);
    /*
     * A fetch ended. When err is OK, `chunk` is set for the time of the call and its blob's
     * reference is the callee's (zloom_blob_unref); else it is NULL. NOT_FOUND: nothing is stored
     * under that number; DAMAGED: it is, but the bytes are not what was written. To an owner that
     * needs the number both mean the same: it is lost, as if a HOLE had told so; asking again
     * gives no other answer.
     */
    void (*fetched) (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk);
} zloom_journal_owner_t;

typedef struct {
    zloom_vfs_t *vfs;
    const char *directory;  /* made if it is not there, mode 0700 */
    uint64_t hot_bytes;     /* size of the hot log; default 512 MiB; at least 4 segments */
    uint32_t segment_bytes; /* default 64 MiB */
    uint32_t second_bytes;  /* a group of so many goes behind one that is written; default 64 KiB */
    uint64_t tail_cache_bytes; /* default 64 MiB */
    uint64_t disk_limit_bytes; /* 0 = what the file system holds */
    bool manual;               /* no threads: the caller drives zloom_journal_work () */
    uint64_t seed;             /* for boot ids in the simulator; 0 = from the system */
} zloom_journal_config_t;

/*
 * Open or make the log in config->directory, recover, begin a new boot, and report through `owner`.
 * Errors: LOCKED (another process has it), VERSION (names the version), DAMAGED (only if nothing
 * can be opened; holes are recovered around and reported), DISK, DISK_FULL.
 */
zloom_err_t zloom_log_open (const zloom_journal_config_t *config,
                            const zloom_journal_owner_t *owner, zloom_now_t now,
                            zloom_journal_t **journal_p);
/*
 * A journal in memory: everything is durable when sealed, nothing outlives it. `boot_seed` as
 * config.seed: 0 = from the system.
 */
zloom_journal_t *zloom_memory_journal_new (const zloom_journal_owner_t *owner, uint64_t boot_seed);
/*
 * As the journal does by itself 100 ms after the last group: stage what attests the groups before,
 * with what the owner repeats. For an owner that will be gone when the journal is closed.
 */
void zloom_journal_attest (zloom_journal_t *self, zloom_now_t now);
/* Write what is sealed, attest, sync, close. */
void zloom_journal_close (zloom_journal_t **self_p);

/* The number of a flow by name; a new name is staged as a FLOW record (needs room for it). */
uint32_t zloom_journal_flow (zloom_journal_t *self, const char *name);
zloom_boot_t zloom_journal_boot (const zloom_journal_t *self);
/* The 16-byte id of this log, made when it was created. */
const uint8_t *zloom_journal_log_id (const zloom_journal_t *self);
/*
 * Whether the boot whose random part is `random` stands in this log's history, and the first
 * sequence number of `flow` that it can not have handed out. False: unknown boot.
 */
bool zloom_journal_boot_end (const zloom_journal_t *self, uint64_t random, uint32_t flow,
                             uint64_t *end);
/* The random part of the boot so many before this one; false: the log knows no such one. */
bool zloom_journal_boot_at (const zloom_journal_t *self, size_t back, uint64_t *random);

/*
 * Whether `records` records with `bytes` bytes of heads and payloads together still fit the open
 * group, and the disk's reserve allows them. `growing` = they append messages: refused with
 * DISK_FULL when only the reserve is left, while settlements may still use it. AGAIN: wait for the
 * committer. TOO_BIG: it fits no group, not even an empty one; a group takes 8 MiB or half a
 * segment, whichever is less, and each record 40 bytes of it besides its head and payload. DISK:
 * the journal has failed.
 */
zloom_err_t zloom_journal_room (const zloom_journal_t *self, uint32_t records, uint64_t bytes,
                                bool growing);
/*
 * Add a record to the open group. `blob` holds the payload (NULL: none) and is referenced. Numbers
 * of a flow's PACKs begin at 1 or above and rise: `seq` is never below seq + count of the one
 * before, over all boots, holes included. Once the journal has failed this does nothing.
 */
void zloom_journal_stage (zloom_journal_t *self, const zloom_record_t *record, zloom_blob_t *blob);
/* The number that the open group has or will have: the tag for answers about what was staged. */
uint64_t zloom_journal_group (const zloom_journal_t *self);
/*
 * Close the open group if it holds anything and give it to the committer (when the committer is
 * busy it stays open and grows; but one of second_bytes may wait there for the one before it, and
 * is written without delay when that is durable). Returns the number of the newest group that
 * holds anything staged so far: wait for durable () to reach it.
 */
uint64_t zloom_journal_seal (zloom_journal_t *self, zloom_now_t now);
/* Everything up to and including this group survives a crash. */
uint64_t zloom_journal_durable (const zloom_journal_t *self);
/* OK, or why the journal has stopped for good (DISK with a note): confirm nothing any more. */
zloom_err_t zloom_journal_failed (const zloom_journal_t *self);

/* The stored pack that holds `seq`, from memory. AGAIN: it is on disk, use fetch. NOT_FOUND. */
zloom_err_t zloom_journal_lookup (zloom_journal_t *self, uint32_t flow, uint64_t seq,
                                  zloom_chunk_t *chunk);
/* Read the pack that holds `seq`, and ahead of it into the cache; the owner's fetched () has it. */
void zloom_journal_fetch (zloom_journal_t *self, uint32_t flow, uint64_t seq, uint64_t cookie);
/*
 * The owner needs [first, last] of `flow` no more (settled by every group, or trimmed). Tell each
 * number at most once a boot. A hint that lets memory and disk go early: what counts before bytes
 * leave the disk is the owner's next_live. Not needed for what was settled before the opening.
 */
void zloom_journal_forget (zloom_journal_t *self, uint32_t flow, uint64_t first, uint64_t last);

/* Take in what the threads finished: durable, fetches, moves, snapshots due. Once a turn. */
void zloom_journal_poll (zloom_journal_t *self, zloom_now_t now);
/* Readable when poll () has something to take in; -1 when manual or in memory. */
int zloom_journal_fd (const zloom_journal_t *self);
/* When poll () wants to be called at the latest (attesting when idle, trickling snapshots). */
int64_t zloom_journal_deadline (const zloom_journal_t *self);
/* manual only: one step of one of its threads' work; false when there is none. */
bool zloom_journal_work (zloom_journal_t *self);

typedef struct {
    uint64_t groups, records, bytes_written, syncs, fetches, moved_bytes, reclaimed_segments;
    uint64_t hot_bytes, cold_bytes, live_bytes, holes;
    int64_t last_sync_ns;    /* how long the last write + sync took */
    int64_t last_sync_at_ns; /* mono, when it ended; 0: there was none */
    int64_t sync_since_ns;   /* mono, since when one is under way; 0: none is */
    bool disk_full;
} zloom_journal_stats_t;

void zloom_journal_stats (const zloom_journal_t *self, zloom_journal_stats_t *stats);

#endif
