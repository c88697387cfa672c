/* SPDX-License-Identifier: MPL-2.0 */
/* A group that waits with the committer for the one before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/format.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define SECOND_BYTES 4096u

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static void
s_open (world_t *world)
{
    world->config.seed += 10;
    if (zloom_model_open (&world->model, &world->config) != ZLOOM_OK) {
        fail_msg ("%s", zloom_note ());
    }
}

static int
s_setup (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (11);
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .second_bytes = SECOND_BYTES,
                                             .manual = true};
    zloom_model_init (&world->model, 1);
    s_open (world);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_flush (&world->model));
    /* Segments are ready, and from here on only groups make work. */
    zloom_model_turn (&world->model, 200, 20 * ZLOOM_NS_PER_MS);
    assert_false (zloom_journal_work (world->model.journal));
    *state = world;
    return 0;
}

/* The process dies without a word: nothing of a close reaches the disk. */
static void
s_die (world_t *world)
{
    zloom_simdisk_power_off_after (world->disk, 1);
    zloom_journal_close (&world->model.journal);
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

/* Stage and seal so many bytes; true when the committer took the group. */
static bool
s_put (world_t *world, size_t bytes)
{
    zloom_journal_t *journal = world->model.journal;
    assert_int_equal (zloom_model_send (&world->model, 1, 4, bytes), ZLOOM_OK);
    const uint64_t number = zloom_journal_group (journal);
    (void) zloom_journal_seal (journal, world->model.now);
    return zloom_journal_group (journal) > number;
}

/* One step of the committer: a write or a sync. Nothing else is there to do. */
static void
s_step (world_t *world)
{
    assert_true (zloom_journal_work (world->model.journal));
}

static uint64_t
s_durable (world_t *world)
{
    zloom_journal_poll (world->model.journal, world->model.now);
    return zloom_journal_durable (world->model.journal);
}

static void
test_a_large_group_waits_with_the_committer (void **state)
{
    world_t *world = *state;
    const uint64_t first = zloom_journal_group (world->model.journal);
    assert_true (s_put (world, 100)); /* whatever its size: nothing is under way */
    assert_true (s_put (world, 5000));
    assert_false (s_put (world, 5000)); /* two are enough */
    s_step (world);
    assert_int_equal (s_durable (world), first - 1);
    s_step (world);
    /* The committer goes on, whether or not the loop has heard of the first. */
    s_step (world);
    assert_int_equal (s_durable (world), first);
    /* That gave room for the third. */
    assert_int_equal (zloom_journal_group (world->model.journal), first + 3);
    s_step (world);
    assert_int_equal (s_durable (world), first + 1);
    s_step (world);
    s_step (world);
    assert_int_equal (s_durable (world), first + 2);
    assert_true (zloom_model_read_all (&world->model));
}

static void
test_two_that_ended_are_taken_in_together (void **state)
{
    world_t *world = *state;
    const uint64_t first = zloom_journal_group (world->model.journal);
    assert_true (s_put (world, 5000));
    assert_true (s_put (world, 5000));
    for (int i = 0; i < 4; i++) {
        s_step (world);
    }
    assert_int_equal (zloom_journal_durable (world->model.journal), first - 1);
    assert_int_equal (s_durable (world), first + 1);
}

/* Small ones share a sync: what comes while one is written is the next group, and grows. */
static void
test_a_small_group_gathers_in_the_loop (void **state)
{
    world_t *world = *state;
    assert_true (s_put (world, 100));
    assert_false (s_put (world, 1200));
    assert_false (s_put (world, 1200));
    const uint64_t gathered = zloom_journal_group (world->model.journal);
    assert_true (s_put (world, 2000)); /* now it is large */
    for (int i = 0; i < 4; i++) {
        s_step (world);
    }
    assert_int_equal (s_durable (world), gathered);
}

/* All that stands in a segment that is not the last is durable: it may be moved and reused. */
static void
test_a_second_group_begins_no_segment (void **state)
{
    world_t *world = *state;
    zloom_journal_stats_t stats;
    zloom_journal_stats (world->model.journal, &stats);
    const uint64_t hot = stats.hot_bytes;
    assert_true (s_put (world, 20000));
    assert_true (s_put (world, 20000));
    for (int i = 0; i < 4; i++) {
        s_step (world);
    }
    (void) s_durable (world);
    assert_true (s_put (world, 100));
    assert_false (s_put (world, 20000)); /* it does not fit the rest */
    zloom_journal_stats (world->model.journal, &stats);
    assert_int_equal (stats.hot_bytes, hot);
    s_step (world);
    s_step (world);
    const uint64_t small = zloom_journal_group (world->model.journal) - 1;
    assert_int_equal (s_durable (world), small);
    zloom_journal_stats (world->model.journal, &stats);
    assert_int_equal (stats.hot_bytes, hot + SEGMENT_BYTES);
    assert_true (zloom_model_flush (&world->model));
}

/* Write or sync of the first fails: not one byte of the second is written. */
static void
s_fail_first (world_t *world, zloom_simdisk_call_t call)
{
    const uint64_t durable = zloom_journal_durable (world->model.journal);
    assert_true (s_put (world, 5000));
    assert_true (s_put (world, 5000));
    zloom_simdisk_fail (world->disk, call, 1, ZLOOM_DISK_FULL);
    s_step (world);
    if (call == ZLOOM_SIMDISK_SYNC) {
        s_step (world);
    }
    const uint64_t calls = zloom_simdisk_calls (world->disk);
    s_step (world);
    assert_false (zloom_journal_work (world->model.journal));
    assert_int_equal (zloom_simdisk_calls (world->disk), calls);
    assert_int_equal (s_durable (world), durable);
    assert_int_equal (zloom_journal_failed (world->model.journal), ZLOOM_DISK);
    /* It is told what happened, not what followed from it. */
    assert_non_null (strstr (zloom_note (), "simulated failure"));
}

static void
test_nothing_is_written_behind_a_failed_write (void **state)
{
    s_fail_first (*state, ZLOOM_SIMDISK_WRITE);
}

static void
test_nothing_is_written_behind_a_failed_sync (void **state)
{
    world_t *world = *state;
    s_fail_first (world, ZLOOM_SIMDISK_SYNC);
    s_die (world);
    zloom_simdisk_crash (world->disk);
    s_open (world);
    assert_true (zloom_model_check (&world->model));
}

/* The first one holds, whatever becomes of the second. */
static void
test_the_second_fails_alone (void **state)
{
    world_t *world = *state;
    const uint64_t first = zloom_journal_group (world->model.journal);
    assert_true (s_put (world, 5000));
    assert_true (s_put (world, 5000));
    zloom_simdisk_fail (world->disk, ZLOOM_SIMDISK_SYNC, 2, ZLOOM_DISK);
    for (int i = 0; i < 4; i++) {
        s_step (world);
    }
    assert_int_equal (s_durable (world), first);
    assert_int_equal (zloom_journal_failed (world->model.journal), ZLOOM_DISK);
    s_die (world);
    zloom_simdisk_crash (world->disk);
    s_open (world);
    assert_true (zloom_model_check (&world->model));
    assert_true (zloom_model_read_all (&world->model));
}

/* The second attests the first, though that was not durable yet when its header was made. */
static void
test_damage_to_the_first_is_no_torn_tail (void **state)
{
    world_t *world = *state;
    assert_true (s_put (world, 5000));
    assert_true (s_put (world, 5000));
    for (int i = 0; i < 4; i++) {
        s_step (world);
    }
    s_die (world);
    zloom_simdisk_kill (world->disk);
    size_t size = 0;
    uint8_t *bytes = zloom_simdisk_content (world->disk, "j/hot-0000000001", &size);
    zloom_model_pack_t *pack = &world->model.packs[1][0];
    const uint8_t sought = zloom_model_byte (1, pack->first, pack->version, 0);
    size_t at = 0;
    for (size_t same = 0; at < size && same < 8; at++) {
        same = bytes[at] == zloom_model_byte (1, pack->first, pack->version, same) ? same + 1
               : bytes[at] == sought                                               ? 1
                                                                                   : 0;
    }
    assert_true (at < size);
    bytes[at] ^= 0x40;
    s_open (world);
    assert_int_equal (world->model.holes[1].total, 4);
    assert_int_equal (world->model.state[1].end, 9); /* the second's are there */
}

int
main (void)
{
#define SECOND_TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {
      SECOND_TEST (test_a_large_group_waits_with_the_committer),
      SECOND_TEST (test_two_that_ended_are_taken_in_together),
      SECOND_TEST (test_a_small_group_gathers_in_the_loop),
      SECOND_TEST (test_a_second_group_begins_no_segment),
      SECOND_TEST (test_nothing_is_written_behind_a_failed_write),
      SECOND_TEST (test_nothing_is_written_behind_a_failed_sync),
      SECOND_TEST (test_the_second_fails_alone),
      SECOND_TEST (test_damage_to_the_first_is_no_torn_tail),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
