/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The vfs over the real file system: short reads and writes, interrupted calls, and the name that
 * each error gets. The system's calls are stood in for here, in the program itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "journal/vfs.h"
#include "support/folder.h"

/* More small parts than are copied together, more of both than one call takes. */
#define BYTES 1000000u
#define PARTS 1700u

typedef enum { CALL_NONE, CALL_PREAD, CALL_PWRITEV, CALL_FDATASYNC, CALL_FSYNC, CALL_FLOCK } call_t;

static call_t s_call;        /* the one that fails once */
static int s_errno;          /* with this */
static size_t s_most;        /* bytes that a read or a write takes at most */
static unsigned s_disturbed; /* calls interrupted before one goes through */
static unsigned s_interrupt;
static unsigned s_after; /* so many of its kind go through before */

/* Whether this call is the one that fails. */
static bool
s_fails (call_t call)
{
    if (s_interrupt > 0 && ++s_disturbed % (s_interrupt + 1) != 0) {
        errno = EINTR;
        return true;
    }
    if (call == s_call && s_after-- == 0) {
        s_call = CALL_NONE;
        errno = s_errno;
        return true;
    }
    return false;
}

ssize_t
pread (int fd, void *data, size_t size, off_t offset)
{
    if (s_fails (CALL_PREAD)) {
        return -1;
    }
    return syscall (SYS_pread64, fd, data, size < s_most ? size : s_most, offset);
}

ssize_t
pwritev (int fd, const struct iovec *parts, int count, off_t offset)
{
    if (s_fails (CALL_PWRITEV)) {
        return -1;
    }
    /* Whole parts as far as they fit, else a piece of the first. */
    int whole = 0;
    size_t bytes = 0;
    while (whole < count && bytes + parts[whole].iov_len <= s_most) {
        bytes += parts[whole++].iov_len;
    }
    if (whole == 0) {
        return syscall (SYS_pwrite64, fd, parts[0].iov_base, s_most, offset);
    }
    return syscall (SYS_pwritev, fd, parts, whole, (long) offset, 0L);
}

int
fdatasync (int fd)
{
    return s_fails (CALL_FDATASYNC) ? -1 : (int) syscall (SYS_fdatasync, fd);
}

int
fsync (int fd)
{
    return s_fails (CALL_FSYNC) ? -1 : (int) syscall (SYS_fsync, fd);
}

int
flock (int fd, int operation)
{
    return s_fails (CALL_FLOCK) ? -1 : (int) syscall (SYS_flock, fd, operation);
}

/* ---- the rig -------------------------------------------------------------------------------- */

typedef struct {
    char folder[ZLOOM_FOLDER_BYTES];
    char *path;
    zloom_vfs_t *vfs;
    zloom_file_t *file;
} rig_t;

static int
s_setup (void **state)
{
    rig_t *rig = zloom_alloc (sizeof *rig);
    s_call = CALL_NONE;
    s_interrupt = 0;
    s_most = SIZE_MAX;
    assert_true (zloom_folder_make (rig->folder));
    rig->path = zloom_format ("%s/file", rig->folder);
    rig->vfs = zloom_vfs_posix ();
    assert_int_equal (rig->vfs->open (rig->vfs, rig->path, true, &rig->file), ZLOOM_OK);
    *state = rig;
    return 0;
}

static int
s_teardown (void **state)
{
    rig_t *rig = *state;
    s_call = CALL_NONE;
    s_interrupt = 0;
    s_most = SIZE_MAX;
    rig->vfs->close (rig->vfs, &rig->file);
    assert_null (rig->file);
    assert_true (zloom_folder_remove (rig->folder));
    free (rig->path);
    free (rig);
    return 0;
}

static void
s_fail_next (call_t call, int number)
{
    s_call = call;
    s_errno = number;
    s_after = 0;
}

/* Write BYTES in PARTS parts, some of them empty, and read them back. */
static void
s_round_trip (rig_t *rig)
{
    uint8_t *data = zloom_alloc (BYTES);
    uint8_t *again = zloom_alloc (BYTES + 10);
    zloom_bytes_t parts[PARTS];
    size_t at = 0;
    for (size_t i = 0; i < BYTES; i++) {
        data[i] = (uint8_t) (i * 7 + (i >> 8));
    }
    for (size_t i = 0; i < PARTS; i++) {
        size_t size = i % 10 == 3 ? 0 : 100 + i % 7;
        size = i % 2 == 0 && i > PARTS / 2 ? 510 + i % 6 : size;
        size = i + 1 < PARTS ? size : BYTES - at;
        parts[i] = zloom_bytes (data + at, size);
        at += size;
    }
    const zloom_gather_t gather = {parts, PARTS};
    assert_int_equal (rig->vfs->write (rig->vfs, rig->file, 5, &gather), ZLOOM_OK);
    uint64_t size = 0;
    assert_int_equal (rig->vfs->size (rig->vfs, rig->file, &size), ZLOOM_OK);
    assert_int_equal (size, 5 + BYTES);
    size_t got = 0;
    assert_int_equal (rig->vfs->read (rig->vfs, rig->file, 5, again, BYTES + 10, &got), ZLOOM_OK);
    assert_int_equal (got, BYTES);
    assert_memory_equal (again, data, BYTES);
    free (data);
    free (again);
}

static void
test_all_is_written_and_read_whatever_a_call_takes (void **state)
{
    s_round_trip (*state);
    static const size_t most[] = {1000, 4096, 50};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        s_most = most[i];
        s_round_trip (*state);
    }
}

static void
test_a_hint_changes_nothing_that_is_read (void **state)
{
    rig_t *rig = *state;
    rig->vfs->expect (rig->vfs, rig->file, 0, 0);
    rig->vfs->expect (rig->vfs, rig->file, BYTES * 2, BYTES);
    s_round_trip (rig);
    rig->vfs->expect (rig->vfs, rig->file, 5, BYTES / 2);
    s_round_trip (rig);
}

/* Whole blocks, some more than one call takes, in parts of no size in particular. */
#define BLOCKS 300u
#define BLOCK_BYTES 4096u

/* Write them at `offset` around the cache, and read them back into aligned memory. */
static zloom_err_t
s_go_around (rig_t *rig, uint64_t offset, size_t *got)
{
    uint8_t *data = zloom_alloc (BLOCKS * BLOCK_BYTES);
    void *again = NULL;
    assert_int_equal (posix_memalign (&again, BLOCK_BYTES, (BLOCKS + 1) * BLOCK_BYTES), 0);
    for (size_t i = 0; i < BLOCKS * BLOCK_BYTES; i++) {
        data[i] = (uint8_t) (i * 5 + (i >> 12));
    }
    zloom_bytes_t parts[] = {zloom_bytes (data, 700001), zloom_bytes (data, 0),
                             zloom_bytes (data + 700001, BLOCKS * BLOCK_BYTES - 700001)};
    rig->vfs->bypass (rig->vfs, rig->file);
    zloom_err_t err = rig->vfs->write (rig->vfs, rig->file, offset, &(zloom_gather_t){parts, 3});
    if (!err) {
        err = rig->vfs->read (rig->vfs, rig->file, offset, again, (BLOCKS + 1) * BLOCK_BYTES, got);
    }
    if (!err) {
        assert_memory_equal (again, data, BLOCKS * BLOCK_BYTES);
    }
    free (data);
    free (again);
    return err;
}

static void
test_whole_blocks_go_around_the_cache (void **state)
{
    rig_t *rig = *state;
    size_t got = 0;
    assert_int_equal (s_go_around (rig, 0, &got), ZLOOM_OK);
    assert_int_equal (got, BLOCKS * BLOCK_BYTES); /* up to the end of the file */
    assert_int_equal (rig->vfs->truncate (rig->vfs, rig->file, 0), ZLOOM_OK);
    s_round_trip (rig); /* what is no whole block goes as ever */
    assert_int_equal (s_go_around (rig, 5, &got), ZLOOM_OK);
    for (size_t most = 3000; most < 200000; most *= 4) {
        s_most = most;
        assert_int_equal (s_go_around (rig, BLOCK_BYTES, &got), ZLOOM_OK);
        assert_int_equal (got, BLOCKS * BLOCK_BYTES);
    }
}

/* Some file systems take the flag and then refuse the calls. */
static void
test_a_file_system_that_has_no_way_around_its_cache (void **state)
{
    rig_t *rig = *state;
    size_t got = 0;
    static const call_t calls[] = {CALL_PREAD, CALL_PWRITEV};
    for (size_t i = 0; i < 2; i++) {
        s_fail_next (calls[i], EINVAL);
        assert_int_equal (s_go_around (rig, 0, &got), ZLOOM_OK);
        assert_int_equal (got, BLOCKS * BLOCK_BYTES);
        s_fail_next (calls[i], EIO);
        assert_int_equal (s_go_around (rig, 0, &got), ZLOOM_DISK);
    }
}

static void
test_an_interrupted_call_is_made_again (void **state)
{
    s_interrupt = 2;
    s_most = 5000;
    s_round_trip (*state);
    assert_true (s_disturbed > 30);
}

static void
test_what_an_error_is_called (void **state)
{
    static const struct {
        int number;
        zloom_err_t err;
    } cases[] = {
      {EIO, ZLOOM_DISK}, {ENOSPC, ZLOOM_DISK_FULL}, {EDQUOT, ZLOOM_DISK_FULL}, {EROFS, ZLOOM_DISK}};
    rig_t *rig = *state;
    zloom_bytes_t part = zloom_bytes ("1234567890", 10);
    const zloom_gather_t gather = {&part, 1};
    uint8_t byte;
    size_t got;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_fail_next (CALL_PWRITEV, cases[i].number);
        assert_int_equal (rig->vfs->write (rig->vfs, rig->file, 0, &gather), cases[i].err);
        assert_non_null (strstr (zloom_note (), "write"));
        s_fail_next (CALL_FDATASYNC, cases[i].number);
        assert_int_equal (rig->vfs->sync (rig->vfs, rig->file), cases[i].err);
        s_fail_next (CALL_FSYNC, cases[i].number);
        assert_int_equal (rig->vfs->sync_directory (rig->vfs, rig->folder), cases[i].err);
        s_fail_next (CALL_PREAD, cases[i].number);
        assert_int_equal (rig->vfs->read (rig->vfs, rig->file, 0, &byte, 1, &got), cases[i].err);
        assert_int_equal (got, 0);
    }
    /* It was once only. */
    assert_int_equal (rig->vfs->write (rig->vfs, rig->file, 0, &gather), ZLOOM_OK);
    assert_int_equal (rig->vfs->sync (rig->vfs, rig->file), ZLOOM_OK);
}

static void
test_a_full_disk_in_the_middle_of_a_write_is_an_error (void **state)
{
    rig_t *rig = *state;
    zloom_bytes_t part = zloom_bytes ("1234567890", 10);
    const zloom_gather_t gather = {&part, 1};
    s_most = 4;
    s_fail_next (CALL_PWRITEV, ENOSPC);
    s_after = 1; /* the first piece goes; then there is no room */
    assert_int_equal (rig->vfs->write (rig->vfs, rig->file, 0, &gather), ZLOOM_DISK_FULL);
    assert_int_equal (s_call, CALL_NONE);
    assert_int_equal (rig->vfs->write (rig->vfs, rig->file, 0, &gather), ZLOOM_OK);
}

static void
test_names (void **state)
{
    rig_t *rig = *state;
    zloom_vfs_t *vfs = rig->vfs;
    char *other = zloom_format ("%s/other", rig->folder);
    char *below = zloom_format ("%s/file/below", rig->folder);
    char *room = zloom_format ("%s/room", rig->folder);
    zloom_file_t *file = NULL;
    uint64_t bytes = 0;
    assert_int_equal (vfs->open (vfs, other, false, &file), ZLOOM_NOT_FOUND);
    assert_null (file);
    assert_int_equal (vfs->open (vfs, below, true, &file), ZLOOM_DISK);
    assert_int_equal (vfs->remove (vfs, other), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->rename (vfs, other, rig->path), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->rename (vfs, rig->path, other), ZLOOM_OK);
    assert_int_equal (vfs->mkdir (vfs, room), ZLOOM_OK);
    assert_int_equal (vfs->mkdir (vfs, room), ZLOOM_OK); /* twice is fine */
    assert_int_equal (vfs->mkdir (vfs, below), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->sync_directory (vfs, below), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->list (vfs, below, NULL, NULL), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->free_bytes (vfs, below, &bytes), ZLOOM_NOT_FOUND);
    assert_int_equal (vfs->free_bytes (vfs, room, &bytes), ZLOOM_OK);
    assert_true (bytes > 0);
    s_fail_next (CALL_FSYNC, EIO);
    char *another = zloom_format ("%s/another", rig->folder);
    assert_int_equal (vfs->mkdir (vfs, another), ZLOOM_DISK); /* its name may not be there */
    free (another);
    assert_int_equal (vfs->remove (vfs, other), ZLOOM_OK);
    free (other);
    free (below);
    free (room);
}

static void
test_locks (void **state)
{
    rig_t *rig = *state;
    zloom_vfs_t *vfs = rig->vfs;
    char *path = zloom_format ("%s/lock", rig->folder);
    zloom_file_t *first = NULL;
    zloom_file_t *second = NULL;
    assert_int_equal (vfs->lock (vfs, path, &first), ZLOOM_OK);
    assert_int_equal (vfs->lock (vfs, path, &second), ZLOOM_LOCKED);
    assert_null (second);
    vfs->close (vfs, &first);
    s_fail_next (CALL_FLOCK, ENOLCK);
    assert_int_equal (vfs->lock (vfs, path, &second), ZLOOM_DISK);
    assert_null (second);
    assert_int_equal (vfs->lock (vfs, path, &second), ZLOOM_OK);
    vfs->close (vfs, &second);
    free (path);
}

static void
test_truncate_and_calls_on_a_closed_descriptor (void **state)
{
    rig_t *rig = *state;
    uint64_t size = 0;
    assert_int_equal (rig->vfs->truncate (rig->vfs, rig->file, 4096), ZLOOM_OK);
    assert_int_equal (rig->vfs->size (rig->vfs, rig->file, &size), ZLOOM_OK);
    assert_int_equal (size, 4096);
    assert_int_equal (rig->vfs->truncate (rig->vfs, rig->file, UINT64_MAX), ZLOOM_DISK);
    assert_int_equal (rig->vfs->size (rig->vfs, rig->file, &size), ZLOOM_OK);
    assert_int_equal (size, 4096);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_all_is_written_and_read_whatever_a_call_takes, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_hint_changes_nothing_that_is_read, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_whole_blocks_go_around_the_cache, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_file_system_that_has_no_way_around_its_cache, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_an_interrupted_call_is_made_again, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_what_an_error_is_called, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_full_disk_in_the_middle_of_a_write_is_an_error,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_names, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_locks, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_truncate_and_calls_on_a_closed_descriptor, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
