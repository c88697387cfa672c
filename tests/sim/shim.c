/* SPDX-License-Identifier: MPL-2.0 */
#include "shim.h"

#include "base/memory.h"
#include "journal/log.h"

#include <stdlib.h>

struct sim_disk {
    zloom_vfs_t vfs; /* first: the vfs is the disk */
    zloom_simdisk_t *inner;
    uint64_t calls;
    uint64_t stop_at; /* 0: never */
    bool frozen;
    sim_before_fn *before; /* NULL: nobody asks */
    void *arg;
};

/* ---- vfs ------------------------------------------------------------------------------------- */

static sim_disk_t *
s_disk (zloom_vfs_t *vfs)
{
    return (sim_disk_t *) vfs;
}

/* Begin a call: the inner vfs, or NULL when there is nothing left to call. */
static zloom_vfs_t *
s_begin (zloom_vfs_t *vfs)
{
    sim_disk_t *self = s_disk (vfs);
    if (self->frozen) {
        zloom_fail (ZLOOM_DISK, "the simulated machine is off");
        return NULL;
    }
    self->calls++;
    if (self->stop_at > 0 && self->calls == self->stop_at) {
        zloom_simdisk_power_off_after (self->inner, 1);
        self->frozen = true;
    }
    return zloom_simdisk_vfs (self->inner);
}

/* The same for a call that changes the disk. */
static zloom_vfs_t *
s_change (zloom_vfs_t *vfs, const zloom_file_t *synced)
{
    sim_disk_t *self = s_disk (vfs);
    if (self->before && !self->frozen) {
        self->before (self->arg, synced);
    }
    return s_begin (vfs);
}

static zloom_err_t
s_mkdir (zloom_vfs_t *vfs, const char *path)
{
    zloom_vfs_t *to = s_begin (vfs);
    return to ? to->mkdir (to, path) : ZLOOM_DISK;
}

static zloom_err_t
s_open (zloom_vfs_t *vfs, const char *path, bool create, zloom_file_t **file_p)
{
    zloom_vfs_t *to = create ? s_change (vfs, NULL) : s_begin (vfs);
    return to ? to->open (to, path, create, file_p) : ZLOOM_DISK;
}

static void
s_close (zloom_vfs_t *vfs, zloom_file_t **file_p)
{
    zloom_vfs_t *to = zloom_simdisk_vfs (s_disk (vfs)->inner);
    to->close (to, file_p);
}

static zloom_err_t
s_read (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, void *data, size_t size, size_t *got)
{
    zloom_vfs_t *to = s_begin (vfs);
    *got = 0;
    return to ? to->read (to, file, offset, data, size, got) : ZLOOM_DISK;
}

static void
s_expect (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, size_t size)
{
    zloom_vfs_t *to = zloom_simdisk_vfs (s_disk (vfs)->inner);
    to->expect (to, file, offset, size);
}

static void
s_bypass (zloom_vfs_t *vfs, zloom_file_t *file)
{
    zloom_vfs_t *to = zloom_simdisk_vfs (s_disk (vfs)->inner);
    to->bypass (to, file);
}

static zloom_err_t
s_write (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    zloom_vfs_t *to = s_change (vfs, NULL);
    return to ? to->write (to, file, offset, gather) : ZLOOM_DISK;
}

static zloom_err_t
s_sync (zloom_vfs_t *vfs, zloom_file_t *file)
{
    zloom_vfs_t *to = s_change (vfs, file);
    return to ? to->sync (to, file) : ZLOOM_DISK;
}

static zloom_err_t
s_size (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t *size)
{
    zloom_vfs_t *to = s_begin (vfs);
    *size = 0;
    return to ? to->size (to, file, size) : ZLOOM_DISK;
}

static zloom_err_t
s_truncate (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t size)
{
    zloom_vfs_t *to = s_change (vfs, NULL);
    return to ? to->truncate (to, file, size) : ZLOOM_DISK;
}

static zloom_err_t
s_rename (zloom_vfs_t *vfs, const char *from, const char *into)
{
    zloom_vfs_t *to = s_change (vfs, NULL);
    return to ? to->rename (to, from, into) : ZLOOM_DISK;
}

static zloom_err_t
s_remove (zloom_vfs_t *vfs, const char *path)
{
    zloom_vfs_t *to = s_change (vfs, NULL);
    return to ? to->remove (to, path) : ZLOOM_DISK;
}

static zloom_err_t
s_sync_directory (zloom_vfs_t *vfs, const char *path)
{
    zloom_vfs_t *to = s_change (vfs, NULL);
    return to ? to->sync_directory (to, path) : ZLOOM_DISK;
}

static zloom_err_t
s_list (zloom_vfs_t *vfs, const char *path, void (*each) (void *arg, const char *name), void *arg)
{
    zloom_vfs_t *to = s_begin (vfs);
    return to ? to->list (to, path, each, arg) : ZLOOM_DISK;
}

static zloom_err_t
s_lock (zloom_vfs_t *vfs, const char *path, zloom_file_t **lock_p)
{
    zloom_vfs_t *to = s_begin (vfs);
    return to ? to->lock (to, path, lock_p) : ZLOOM_DISK;
}

static zloom_err_t
s_free_bytes (zloom_vfs_t *vfs, const char *path, uint64_t *bytes)
{
    zloom_vfs_t *to = s_begin (vfs);
    *bytes = 0;
    return to ? to->free_bytes (to, path, bytes) : ZLOOM_DISK;
}

/* ---- the disk -------------------------------------------------------------------------------- */

sim_disk_t *
sim_disk_new (zloom_simdisk_t **disk_p)
{
    sim_disk_t *self = zloom_alloc (sizeof *self);
    self->vfs = (zloom_vfs_t){
      .mkdir = s_mkdir,
      .open = s_open,
      .close = s_close,
      .read = s_read,
      .expect = s_expect,
      .bypass = s_bypass,
      .write = s_write,
      .sync = s_sync,
      .size = s_size,
      .truncate = s_truncate,
      .rename = s_rename,
      .remove = s_remove,
      .sync_directory = s_sync_directory,
      .list = s_list,
      .lock = s_lock,
      .free_bytes = s_free_bytes,
    };
    self->inner = *disk_p;
    *disk_p = NULL;
    return self;
}

void
sim_disk_destroy (sim_disk_t **self_p)
{
    if (*self_p) {
        zloom_simdisk_destroy (&(*self_p)->inner);
        free (*self_p);
        *self_p = NULL;
    }
}

zloom_vfs_t *
sim_disk_vfs (sim_disk_t *self)
{
    return &self->vfs;
}

zloom_simdisk_t *
sim_disk_inner (sim_disk_t *self)
{
    return self->inner;
}

void
sim_disk_replace (sim_disk_t *self, zloom_simdisk_t **disk_p)
{
    zloom_simdisk_destroy (&self->inner);
    self->inner = *disk_p;
    *disk_p = NULL;
}

uint64_t
sim_disk_calls (const sim_disk_t *self)
{
    return self->calls;
}

void
sim_disk_watch (sim_disk_t *self, sim_before_fn *before, void *arg)
{
    self->before = before;
    self->arg = arg;
}

void
sim_disk_stop_after (sim_disk_t *self, uint64_t nth)
{
    self->stop_at = nth > 0 ? self->calls + nth : 0;
}

bool
sim_disk_stopped (const sim_disk_t *self)
{
    return self->frozen;
}

void
sim_disk_freeze (sim_disk_t *self)
{
    self->frozen = true;
}

void
sim_disk_thaw (sim_disk_t *self, bool power_lost)
{
    self->frozen = false;
    self->stop_at = 0;
    if (power_lost) {
        zloom_simdisk_crash (self->inner);
    } else {
        zloom_simdisk_kill (self->inner);
    }
}

/* ---- the journal ----------------------------------------------------------------------------- */

typedef struct {
    zloom_journal_ops_t ops; /* first: the journal's, with some calls of ours */
    const zloom_journal_ops_t *inner;
    bool disk;
    sim_watcher_t watcher;
} watch_t;

#define SIM_EXACT_BYTES 65536u

static watch_t s_watches[SIM_WATCHES];

static const watch_t *
s_watch (const zloom_journal_t *journal)
{
    return (const watch_t *) journal->ops;
}

static void
s_stage (zloom_journal_t *journal, const zloom_record_t *record, zloom_blob_t *blob)
{
    const watch_t *watch = s_watch (journal);
    watch->watcher.staged (watch->watcher.arg, watch->disk, record, watch->inner->group (journal));
    watch->inner->stage (journal, record, blob);
}

static zloom_err_t
s_room (const zloom_journal_t *journal, uint32_t records, uint64_t bytes, bool growing)
{
    /* Most asks are from above; a SEND, with the bundle before it, asks for what it is. */
    const bool exact = growing && bytes < SIM_EXACT_BYTES;
    return s_watch (journal)->inner->room (
      journal, records, exact || bytes < SIM_EVENT_BYTES ? bytes : SIM_EVENT_BYTES, growing);
}

void
sim_watch (zloom_journal_t *journal, sim_watch_t which, const sim_watcher_t *watcher)
{
    watch_t *watch = &s_watches[which];
    watch->watcher = *watcher;
    watch->inner = journal->ops;
    watch->ops = *journal->ops;
    watch->disk = which != SIM_WATCH_MEMORY;
    watch->ops.stage = s_stage;
    if (watch->disk) {
        watch->ops.room = s_room;
    }
    journal->ops = &watch->ops;
}

bool
sim_work_without (zloom_journal_t *journal, sim_sleeper_t sleeper)
{
    zloom_log_t *log = (zloom_log_t *) journal; /* its first member */
    return zloom_log_work (log, sleeper == SIM_READS_SLEEP         ? log->reads
                                : sleeper == SIM_BACKGROUND_SLEEPS ? log->background
                                                                   : NULL);
}
