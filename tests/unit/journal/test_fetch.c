/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How far a read of old messages lets the disk read ahead: as far as the system likes while nobody
 * writes, and no further than is wanted next while somebody waits for a group.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/format.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define PACK_BYTES 6000u
/* Enough for the first segments to be moved to cold ones. */
#define PACKS 60u
/* Beside a group: what may be wanted next. */
#define AHEAD_MOST (640u * 1024)

/* What the journal told the disk to expect since it was last looked at. */
static struct {
    unsigned count;
    uint64_t offset;
    uint64_t end;
    size_t most;
} s_expected;

static void
s_expect (zloom_vfs_t *vfs, zloom_file_t *file, uint64_t offset, size_t size)
{
    (void) vfs;
    (void) file;
    s_expected.offset = s_expected.count == 0 ? offset : s_expected.offset;
    s_expected.end = offset + size;
    s_expected.most = size > s_expected.most ? size : s_expected.most;
    s_expected.count++;
}

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static int
s_begin (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (1);
    zloom_simdisk_vfs (world->disk)->expect = s_expect;
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 1,
                                             .manual = true,
                                             .seed = 1};
    zloom_model_init (&world->model, 1);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    for (unsigned i = 0; i < PACKS; i++) {
        zloom_err_t err = ZLOOM_AGAIN;
        for (int wait = 0; wait < 100 && err == ZLOOM_AGAIN; wait++) {
            err = zloom_model_send (&world->model, 1, 1, PACK_BYTES);
            zloom_model_turn (&world->model, err == ZLOOM_AGAIN, ZLOOM_NS_PER_MS);
        }
        assert_int_equal (err, ZLOOM_OK);
        assert_true (zloom_model_flush (&world->model));
    }
    zloom_model_turn (&world->model, 20, 100 * ZLOOM_NS_PER_MS);
    memset (&s_expected, 0, sizeof s_expected);
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

/* Read the pack that holds this number from the disk. */
static void
s_fetch (world_t *world, uint64_t seq)
{
    zloom_chunk_t chunk;
    assert_int_equal (zloom_journal_lookup (world->model.journal, 1, seq, &chunk), ZLOOM_AGAIN);
    zloom_journal_fetch (world->model.journal, 1, seq, seq);
    zloom_model_turn (&world->model, 4, 0);
    assert_int_equal (world->model.fetched, seq);
    assert_int_equal (world->model.fetch_err, ZLOOM_OK);
}

static void
test_while_nobody_writes_the_system_reads_ahead (void **state)
{
    world_t *world = *state;
    s_fetch (world, 1);
    assert_int_equal (s_expected.count, 0);
}

static void
test_beside_a_writer_only_what_comes_next_is_read (void **state)
{
    world_t *world = *state;
    assert_int_equal (zloom_model_send (&world->model, 1, 1, 100), ZLOOM_OK);
    assert_true (zloom_model_flush (&world->model));
    s_fetch (world, 1);
    assert_int_equal (s_expected.count, 2);
    assert_int_equal (s_expected.offset, 0); /* the group itself, first in its cold segment, */
    assert_true (s_expected.end > PACK_BYTES + ZLOOM_BLOCK_BYTES); /* and what stands behind it */
    assert_true (s_expected.most > PACK_BYTES && s_expected.most < AHEAD_MOST);
    /* A second without a pack, and nobody is thought to wait for the disk. */
    memset (&s_expected, 0, sizeof s_expected);
    zloom_model_turn (&world->model, 11, 100 * ZLOOM_NS_PER_MS);
    s_fetch (world, 20);
    assert_int_equal (s_expected.count, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_while_nobody_writes_the_system_reads_ahead, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_beside_a_writer_only_what_comes_next_is_read, s_begin,
                                       s_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
