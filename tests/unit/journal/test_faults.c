/* SPDX-License-Identifier: MPL-2.0 */
/* Disks that fail, fill up, lie after a failed sync; a second process on the same log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "simdisk/simdisk.h"
#include "support/folder.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static int
s_setup (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (11);
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 16 * 1024,
                                             .manual = true,
                                             .seed = 1};
    zloom_model_init (&world->model, 1);
    *state = world;
    return 0;
}

static int
s_teardown (void **state)
{
    world_t *world = *state;
    zloom_journal_close (&world->model.journal);
    zloom_model_fini (&world->model);
    zloom_simdisk_destroy (&world->disk);
    free (world);
    return 0;
}

static void
s_require (world_t *world, bool good, const char *what)
{
    if (!good) {
        fail_msg ("%s: %s; %s", what, world->model.failure, zloom_note ());
    }
}

static void
s_open (world_t *world)
{
    world->config.seed += 10;
    s_require (world, zloom_model_open (&world->model, &world->config) == ZLOOM_OK, "open");
}

/* The process dies here without a word: nothing of a close reaches the disk. */
static void
s_die (world_t *world)
{
    zloom_simdisk_power_off_after (world->disk, 1);
    zloom_journal_close (&world->model.journal);
}

static void
test_failed_sync_stops_for_good (void **state)
{
    world_t *world = *state;
    s_open (world);
    (void) zloom_journal_flow (world->model.journal, "flow-1");
    s_require (world, zloom_model_flush (&world->model), "flush");
    uint64_t durable = zloom_journal_durable (world->model.journal);
    zloom_model_turn (&world->model, 40, 0);
    zloom_simdisk_fail (world->disk, ZLOOM_SIMDISK_SYNC, 1, ZLOOM_DISK);
    assert_int_equal (zloom_model_send (&world->model, 1, 1, 100), ZLOOM_OK);
    uint64_t tag = zloom_journal_seal (world->model.journal, world->model.now);
    zloom_model_turn (&world->model, 4, 0);
    assert_int_equal (zloom_journal_failed (world->model.journal), ZLOOM_DISK);
    assert_non_null (strstr (zloom_note (), "simulated failure"));
    /* The disk works again, but it is not asked again. */
    assert_int_equal (zloom_model_send (&world->model, 1, 1, 100), ZLOOM_DISK);
    zloom_model_turn (&world->model, 4, ZLOOM_NS_PER_S);
    assert_int_equal (zloom_journal_failed (world->model.journal), ZLOOM_DISK);
    assert_true (zloom_journal_durable (world->model.journal) < tag);
    assert_true (zloom_journal_durable (world->model.journal) >= durable);
}

/*
 * A sync fails, the page cache shows what the disk does not have, the process restarts and takes
 * it for recovered; then the power goes. What the second process answered from has to be there.
 */
static void
test_recovery_after_a_failed_sync_does_not_trust_the_cache (void **state)
{
    for (uint64_t nth = 1; nth < 120; nth++) {
        world_t *world = *state;
        s_open (world);
        zloom_simdisk_fail (world->disk, ZLOOM_SIMDISK_SYNC, nth, ZLOOM_DISK);
        for (int i = 0; i < 900 && zloom_model_step (&world->model); i++) {
        }
        s_die (world);
        zloom_simdisk_kill (world->disk);
        s_open (world);
        s_require (world, zloom_model_check (&world->model), "after the restart");
        s_die (world);
        zloom_simdisk_crash (world->disk);
        s_open (world);
        s_require (world, zloom_model_check (&world->model), "after the power cut");
        s_require (world, zloom_model_read_all (&world->model), "after the power cut");
        (void) s_teardown (state);
        (void) s_setup (state);
        ((world_t *) *state)->config.seed = nth;
    }
}

static void
test_second_opening_is_locked_out (void **state)
{
    world_t *world = *state;
    zloom_model_t other;
    zloom_model_init (&other, 2);
    s_open (world);
    assert_int_equal (zloom_model_open (&other, &world->config), ZLOOM_LOCKED);
    zloom_journal_close (&world->model.journal);
    assert_int_equal (zloom_model_open (&other, &world->config), ZLOOM_OK);
    zloom_journal_close (&other.journal);
    zloom_model_fini (&other);
}

/* Settle whatever is live, one run after the other, as far as there is room. */
static uint64_t
s_drain (world_t *world)
{
    uint64_t settled = 0;
    zloom_range_t range;
    for (int i = 0; i < 4000 && zloom_ranges_find (&world->model.state[1].live, 0, &range); i++) {
        if (zloom_model_settle (&world->model, 1, range.first, range.first) == ZLOOM_OK) {
            settled++;
        }
        (void) zloom_journal_seal (world->model.journal, world->model.now);
        zloom_model_turn (&world->model, 2, 20 * ZLOOM_NS_PER_MS);
    }
    return settled;
}

static void
test_full_disk_refuses_growth_and_settlements_drain_it (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    zloom_simdisk_capacity (world->disk, 14 * SEGMENT_BYTES);
    s_open (world);
    (void) zloom_journal_flow (model->journal, "flow-1");
    s_require (world, zloom_model_flush (model), "flush");
    zloom_err_t err = ZLOOM_OK;
    for (int i = 0; i < 3000 && err != ZLOOM_DISK_FULL; i++) {
        err = zloom_model_send (model, 1, 1, 3000);
        (void) zloom_journal_seal (model->journal, model->now);
        zloom_model_turn (model, 3, 5 * ZLOOM_NS_PER_MS);
        assert_int_equal (zloom_journal_failed (model->journal), ZLOOM_OK);
    }
    assert_int_equal (err, ZLOOM_DISK_FULL);
    zloom_journal_stats_t stats;
    zloom_journal_stats (model->journal, &stats);
    assert_true (stats.disk_full);
    uint64_t waiting = model->state[1].live.total;
    assert_true (waiting > 100);
    s_require (world, zloom_model_read_all (model), "read while full");
    assert_int_equal (s_drain (world), waiting);
    zloom_model_turn (model, 100, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (zloom_model_send (model, 1, 1, 3000), ZLOOM_OK);
    s_require (world, zloom_model_flush (model), "flush after");
    zloom_journal_stats (model->journal, &stats);
    assert_false (stats.disk_full);
}

static void
test_full_disk_recovers_when_space_returns (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    world->config.disk_limit_bytes = 14 * SEGMENT_BYTES;
    zloom_simdisk_capacity (world->disk, 13 * SEGMENT_BYTES);
    s_open (world);
    (void) zloom_journal_flow (model->journal, "flow-1");
    for (int round = 0; round < 2; round++) {
        zloom_err_t err = ZLOOM_OK;
        for (int i = 0; i < 3000 && err != ZLOOM_DISK_FULL; i++) {
            err = zloom_model_send (model, 1, 1, 3000);
            (void) zloom_journal_seal (model->journal, model->now);
            zloom_model_turn (model, 3, 5 * ZLOOM_NS_PER_MS);
        }
        assert_int_equal (err, ZLOOM_DISK_FULL);
        /* First the disk grows, then only the limit is left and stays. */
        zloom_simdisk_capacity (world->disk, 0);
        if (round == 0) {
            uint64_t used = zloom_simdisk_used (world->disk);
            zloom_model_turn (model, 60, 50 * ZLOOM_NS_PER_MS);
            assert_true (zloom_simdisk_used (world->disk) >= used);
        }
    }
    assert_true (zloom_simdisk_used (world->disk) <= 16 * SEGMENT_BYTES);
    /* Opening on a full disk works, too. */
    s_require (world, zloom_model_flush (model), "flush");
    zloom_journal_close (&model->journal);
    zloom_simdisk_capacity (world->disk, zloom_simdisk_used (world->disk));
    s_open (world);
    s_require (world, zloom_model_check (model), "check");
    s_require (world, zloom_model_read_all (model), "read");
}

/* The real file system, with threads: the same work, waited for on the descriptor. */
static void
test_threads_on_a_real_disk (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    char path[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (path));
    char *directory = zloom_format ("%s/log", path);
    world->config.vfs = zloom_vfs_posix ();
    world->config.directory = directory;
    world->config.manual = false;
    for (int round = 0; round < 3; round++) {
        s_open (world);
        if (round == 0) {
            model->flow_count = zloom_journal_flow (model->journal, "flow-1");
        } else {
            s_require (world, zloom_model_check (model), "check");
        }
        assert_true (zloom_journal_fd (model->journal) >= 0);
        for (int i = 0; i < 400; i++) {
            (void) zloom_model_send (model, 1, 2, 2000);
            uint64_t tag = zloom_journal_seal (model->journal, model->now);
            for (int wait = 0; wait < 1000 && zloom_journal_durable (model->journal) < tag;
                 wait++) {
                s_require (world, zloom_model_wait (model, 5000), "wait");
            }
            assert_true (zloom_journal_durable (model->journal) >= tag);
            zloom_range_t range;
            if (i % 3 > 0 && zloom_ranges_find (&model->state[1].live, 0, &range)) {
                (void) zloom_model_settle (model, 1, range.first, range.first);
            }
        }
        zloom_model_t other;
        zloom_model_init (&other, 2);
        assert_int_equal (zloom_model_open (&other, &world->config), ZLOOM_LOCKED);
        zloom_model_fini (&other);
        zloom_journal_close (&model->journal);
    }
    assert_true (zloom_folder_remove (path));
    free (directory);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_failed_sync_stops_for_good, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_second_opening_is_locked_out, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_recovery_after_a_failed_sync_does_not_trust_the_cache,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_full_disk_refuses_growth_and_settlements_drain_it,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_full_disk_recovers_when_space_returns, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_threads_on_a_real_disk, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
