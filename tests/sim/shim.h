/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shim.h - what stands between the real parts and the simulated disk.
 *
 * sim_disk_t passes every vfs call on to a zloom_simdisk_t, counts them, and stops the router at
 * the n-th: that call fails, as the power goes in the middle of it, and no later one has an effect,
 * so that nothing that a dying router still does reaches the disk.
 *
 * sim_watch () takes an opened journal and reports what is staged in it. It also shrinks the room
 * that the engine asks for: the engine asks for the worst case of real limits (megabytes), while
 * segments here are tiny so that thousands of lives fit into a second. What is staged in the end is
 * still held against the real limits by the journal itself.
 */
#ifndef ZLOOM_TESTS_SIM_SHIM_H
#define ZLOOM_TESTS_SIM_SHIM_H

#include "ground.h"
#include "journal/journal.h"
#include "simdisk/simdisk.h"

typedef struct sim_disk sim_disk_t;

/* Takes the simdisk. */
sim_disk_t *sim_disk_new (zloom_simdisk_t **disk_p);
void sim_disk_destroy (sim_disk_t **self_p);
zloom_vfs_t *sim_disk_vfs (sim_disk_t *self);
zloom_simdisk_t *sim_disk_inner (sim_disk_t *self);
/* Put another disk in its place (a restored backup); the old one is destroyed. */
void sim_disk_replace (sim_disk_t *self, zloom_simdisk_t **disk_p);
uint64_t sim_disk_calls (const sim_disk_t *self);
/*
 * From now on `before` is called before each call that changes the disk, with the file that a sync
 * is about (else NULL): whatever was said until now was said knowing what is on the disk now.
 */
typedef void (sim_before_fn) (void *arg, const zloom_file_t *synced);
void sim_disk_watch (sim_disk_t *self, sim_before_fn *before, void *arg);
/* The n-th call from now is the last (1 = the next); 0 = none is. */
void sim_disk_stop_after (sim_disk_t *self, uint64_t nth);
bool sim_disk_stopped (const sim_disk_t *self);
/* No call has an effect from now on. */
void sim_disk_freeze (sim_disk_t *self);
/* The machine lost its power (else only the process died): what was not synced is in doubt. */
void sim_disk_thaw (sim_disk_t *self, bool power_lost);

/* Most records and bytes of one event in this world. */
#define SIM_EVENT_RECORDS 32u
#define SIM_EVENT_BYTES 12288u

typedef struct {
    void *arg;
    void (*staged) (void *arg, bool disk, const zloom_record_t *record, uint64_t group);
} sim_watcher_t;

/* One journal of each is watched at a time. */
typedef enum { SIM_WATCH_MEMORY, SIM_WATCH_DISK, SIM_WATCH_FAR_DISK, SIM_WATCHES } sim_watch_t;

/* From now on the watcher hears of what is staged. */
void sim_watch (zloom_journal_t *journal, sim_watch_t which, const sim_watcher_t *watcher);

/* The threads of a log that may be left without a processor, for as long as others work. */
typedef enum { SIM_NONE_SLEEPS, SIM_READS_SLEEP, SIM_BACKGROUND_SLEEPS } sim_sleeper_t;

/* As zloom_journal_work of a log, without that thread. */
bool sim_work_without (zloom_journal_t *journal, sim_sleeper_t sleeper);

#endif
