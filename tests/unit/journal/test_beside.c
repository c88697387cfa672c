/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is done behind the loop beside a writer keeps the disk from nobody for long: cold groups are
 * read in pieces, none of which is begun while a small group is being written, and what is not
 * needed any more is given back in pieces, its name first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/log.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (4u * 1024 * 1024)
#define PACK_BYTES (200u * 1024)
#define PIECE_BYTES ZLOOM_PIECE_BYTES
#define GIVEN_BYTES (1024u * 1024)
/* Enough for the first segments to be moved to cold ones. */
#define PACKS 240u

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
    zloom_vfs_t real; /* the disk's own calls */
    bool writing;     /* a hot segment was written to and not synced */
    bool large;       /* ... with more than is waited for */
    unsigned reads;   /* of cold segments, since it was set to 0 */
    unsigned beside;  /* of them while a small group was being written */
    unsigned met;     /* ... and a large one */
    size_t most;      /* bytes of one of them */
    unsigned named;   /* reads ahead that were told to be as large as was asked for */
    uint64_t left;    /* of the file that is being given back; 0: none */
    uint64_t step;    /* the largest piece of it */
    unsigned given;   /* pieces */
} world_t;

static world_t *s_world;

static bool
s_is (const zloom_file_t *file, const char *what)
{
    const char *path = zloom_simdisk_path (s_world->disk, file);
    return path && strstr (path, what);
}

static zloom_err_t
s_read (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, void *data, size_t size, size_t *got)
{
    if (s_is (file, "cold-")) {
        s_world->reads++;
        s_world->beside += s_world->writing && !s_world->large;
        s_world->met += s_world->writing && s_world->large;
        s_world->most = size > s_world->most ? size : s_world->most;
    }
    return s_world->real.read (vfs, file, offset, data, size, got);
}

static zloom_err_t
s_write (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, const zloom_gather_t *gather)
{
    if (s_is (file, "hot-")) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < gather->count; i++) {
            bytes += gather->parts[i].size;
        }
        s_world->writing = true;
        s_world->large = bytes > ZLOOM_QUICK_BYTES;
    }
    return s_world->real.write (vfs, file, offset, gather);
}

static zloom_err_t
s_sync (zloom_vfs_t *vfs, zloom_file_t *file)
{
    s_world->writing = s_world->writing && !s_is (file, "hot-");
    return s_world->real.sync (vfs, file);
}

static void
s_expect (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, size_t size)
{
    s_world->named += size == 0;
    s_world->real.expect (vfs, file, offset, size);
}

static zloom_err_t
s_truncate (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t size)
{
    uint64_t before = 0;
    assert_null (zloom_simdisk_path (s_world->disk, file)); /* nobody finds it half */
    assert_int_equal (s_world->real.size (vfs, file, &before), ZLOOM_OK);
    assert_true (size < before);
    s_world->step = before - size > s_world->step ? before - size : s_world->step;
    s_world->left = size;
    s_world->given++;
    return s_world->real.truncate (vfs, file, size);
}

static int
s_begin (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    s_world = world;
    world->disk = zloom_simdisk_new (1);
    zloom_vfs_t *vfs = zloom_simdisk_vfs (world->disk);
    world->real = *vfs;
    vfs->read = s_read;
    vfs->write = s_write;
    vfs->sync = s_sync;
    vfs->expect = s_expect;
    vfs->truncate = s_truncate;
    world->config = (zloom_journal_config_t){.vfs = vfs,
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 1,
                                             .manual = true,
                                             .seed = 1};
    zloom_model_init (&world->model, 1);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_int_equal (zloom_journal_flow (world->model.journal, "live"), 2);
    assert_true (zloom_model_fill (&world->model, 1, PACKS, 1, PACK_BYTES));
    zloom_model_turn (&world->model, 20, 100 * ZLOOM_NS_PER_MS);
    world->reads = 0;
    world->most = 0;
    world->named = 0;
    *state = world;
    return 0;
}

static int
s_end (void **state)
{
    world_t *world = *state;
    zloom_journal_close (&world->model.journal);
    zloom_model_fini (&world->model);
    zloom_simdisk_destroy (&world->disk);
    free (world);
    return 0;
}

/* Read flow 1 from `from` on, and `live` bytes are appended in every turn; how many were there. */
static unsigned
s_read_on (world_t *world, uint64_t from, unsigned turns, size_t live)
{
    uint64_t next = from;
    uint64_t asked = from;
    zloom_journal_fetch (world->model.journal, 1, next, next);
    for (unsigned i = 0; i < turns; i++) {
        if (live > 0) {
            assert_int_equal (zloom_model_send (&world->model, 2, 1, live), ZLOOM_OK);
            (void) zloom_journal_seal (world->model.journal, world->model.now);
        }
        zloom_model_turn (&world->model, 1, ZLOOM_NS_PER_MS);
        zloom_chunk_t chunk;
        while (zloom_journal_lookup (world->model.journal, 1, next, &chunk) == ZLOOM_OK) {
            zloom_blob_unref (&chunk.blob);
            next++;
        }
        if (next > asked && world->model.fetched == asked) {
            zloom_journal_fetch (world->model.journal, 1, next, next);
            asked = next;
        }
    }
    return (unsigned) (next - from);
}

/* The first append; what is under way was begun before. */
static void
s_begin_to_write (world_t *world)
{
    assert_int_equal (zloom_model_send (&world->model, 2, 1, 100), ZLOOM_OK);
    assert_true (zloom_model_flush (&world->model));
    zloom_model_turn (&world->model, 4, 0);
    world->reads = 0;
    world->most = 0;
    world->beside = 0;
    world->met = 0;
}

static void
test_a_cold_group_comes_in_pieces_beside_a_writer (void **state)
{
    world_t *world = *state;
    /* Nobody writes: the two packs of a group come with one call. */
    assert_true (s_read_on (world, 1, 20, 0) >= 10);
    assert_true (world->most > PIECE_BYTES);
    assert_int_equal (world->named, 0);
    s_begin_to_write (world);
    assert_true (s_read_on (world, 81, 40, 100) >= 10);
    assert_int_equal (world->most, PIECE_BYTES);
    assert_int_equal (world->beside, 0);
    assert_true (world->reads >= 10);
    assert_true (world->named > 0); /* the first of them was not read in order */
}

/* Who reads has to keep up with who writes much at once. */
static void
test_a_large_group_is_not_waited_for (void **state)
{
    world_t *world = *state;
    s_begin_to_write (world);
    assert_true (s_read_on (world, 1, 40, 2 * ZLOOM_QUICK_BYTES) >= 10);
    assert_true (world->met > 0);
    assert_true (world->most > PIECE_BYTES);
    /* A second after the last one, those who are left wait for small groups. */
    for (int i = 0; i < 11; i++) {
        assert_int_equal (zloom_model_send (&world->model, 2, 1, 100), ZLOOM_OK);
        assert_true (zloom_model_flush (&world->model));
        zloom_model_turn (&world->model, 1, 100 * ZLOOM_NS_PER_MS);
    }
    s_begin_to_write (world);
    assert_true (s_read_on (world, 81, 40, 100) >= 10);
    assert_int_equal (world->most, PIECE_BYTES);
    assert_int_equal (world->beside, 0);
}

/* Half of flow 1 is settled, and what is not needed goes. */
static void
s_settle_half (world_t *world, size_t live)
{
    assert_int_equal (zloom_model_settle (&world->model, 1, 1, PACKS / 2), ZLOOM_OK);
    assert_true (zloom_model_flush (&world->model));
    for (unsigned i = 0; i < 40; i++) {
        if (live > 0) {
            assert_int_equal (zloom_model_send (&world->model, 2, 1, live), ZLOOM_OK);
            (void) zloom_journal_seal (world->model.journal, world->model.now);
        }
        zloom_model_turn (&world->model, 1, 100 * ZLOOM_NS_PER_MS);
    }
}

static uint64_t
s_cold_bytes (const world_t *world)
{
    zloom_journal_stats_t stats;
    zloom_journal_stats (world->model.journal, &stats);
    return stats.cold_bytes;
}

static void
test_what_goes_while_nobody_writes_goes_at_once (void **state)
{
    world_t *world = *state;
    const uint64_t before = s_cold_bytes (world);
    s_settle_half (world, 0);
    assert_true (s_cold_bytes (world) < before);
    assert_int_equal (world->given, 0); /* such small segments */
}

static void
test_what_goes_is_given_back_in_pieces (void **state)
{
    world_t *world = *state;
    assert_int_equal (world->given, 0);
    s_begin_to_write (world);
    s_settle_half (world, 100);
    assert_true (world->given >= SEGMENT_BYTES / GIVEN_BYTES - 1);
    assert_int_equal (world->step, GIVEN_BYTES);
    assert_true (world->left > 0 && world->left <= GIVEN_BYTES);
    assert_true (zloom_model_read_all (&world->model));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_cold_group_comes_in_pieces_beside_a_writer, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_a_large_group_is_not_waited_for, s_begin, s_end),
      cmocka_unit_test_setup_teardown (test_what_goes_while_nobody_writes_goes_at_once, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_what_goes_is_given_back_in_pieces, s_begin, s_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
