/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A disk that the log itself has filled: what is settled gives its space back, also when here and
 * there a message stays, as one does that waits for its dead-letter move or for a step's emits;
 * these in turn wait for the space.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/names.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define CAPACITY_SEGMENTS 12u
#define PACK_BYTES 3000u
#define PACK_MESSAGES 16u
#define SEEDS 40u

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
    zloom_simdisk_capacity (world->disk, CAPACITY_SEGMENTS * SEGMENT_BYTES);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_flush (&world->model));
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

/* Long enough for all that the journal can do by itself. */
static void
s_rest (world_t *world)
{
    zloom_model_turn (&world->model, 400, 20 * ZLOOM_NS_PER_MS);
    assert_int_equal (zloom_journal_failed (world->model.journal), ZLOOM_OK);
}

static zloom_err_t
s_send (world_t *world)
{
    zloom_err_t err = zloom_model_send (&world->model, 1, PACK_MESSAGES, PACK_BYTES);
    (void) zloom_journal_seal (world->model.journal, world->model.now);
    zloom_model_turn (&world->model, 3, 5 * ZLOOM_NS_PER_MS);
    return err;
}

/* Send until senders are refused; how many packs were taken. */
static unsigned
s_fill (world_t *world)
{
    unsigned packs = 0;
    zloom_err_t err = ZLOOM_OK;
    for (int i = 0; i < 3000 && err != ZLOOM_DISK_FULL; i++) {
        err = s_send (world);
        packs += err == ZLOOM_OK;
    }
    assert_int_equal (err, ZLOOM_DISK_FULL);
    return packs;
}

/* Whether packs are taken that fill the log once, with as many turns as that may take. */
static bool
s_goes_on (world_t *world)
{
    unsigned packs = 0;
    for (int i = 0; i < 3000 && packs < 300; i++) {
        packs += s_send (world) == ZLOOM_OK;
    }
    return packs == 300;
}

/* Settle [first, last], as slowly as it takes. */
static void
s_settle (world_t *world, uint64_t first, uint64_t last)
{
    zloom_err_t err = ZLOOM_AGAIN;
    for (int i = 0; i < 200 && err; i++) {
        err = zloom_model_settle (&world->model, 1, first, last);
        (void) zloom_journal_seal (world->model.journal, world->model.now);
        zloom_model_turn (&world->model, 2, 20 * ZLOOM_NS_PER_MS);
    }
    assert_int_equal (err, ZLOOM_OK);
}

/* Settle all but the last message of each pack sent since number `from`. */
static void
s_leave_one_of_each (world_t *world, uint64_t from)
{
    for (uint64_t seq = from; seq < world->model.state[1].end; seq += PACK_MESSAGES) {
        s_settle (world, seq, seq + PACK_MESSAGES - 2);
    }
}

static void
s_read_all (world_t *world)
{
    if (!zloom_model_read_all (&world->model)) {
        fail_msg ("%s", world->model.failure);
    }
}

/*
 * One message of each pack stays, round after round: senders are taken again each time, as long as
 * what stays is little; and when it is settled, too, all is as at the beginning.
 */
static void
test_few_that_stay_do_not_hold_the_space_of_many (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    unsigned at_first = 0;
    for (int round = 0; round < 6; round++) {
        uint64_t from = model->state[1].end > 0 ? model->state[1].end : 1;
        unsigned packs = s_fill (world);
        at_first = round == 0 ? packs : at_first;
        if (packs < at_first / 3) {
            fail_msg ("round %d: %u packs, %u in the first", round, packs, at_first);
        }
        s_leave_one_of_each (world, from);
        s_rest (world);
        s_read_all (world);
    }
    zloom_range_t range;
    while (zloom_ranges_find (&model->state[1].live, 0, &range)) {
        s_settle (world, range.first, range.last);
    }
    s_rest (world);
    zloom_journal_stats_t stats;
    zloom_journal_stats (model->journal, &stats);
    assert_int_equal (stats.cold_bytes, 0);
    assert_true (s_fill (world) >= at_first - at_first / 10);
}

/*
 * Others have taken the last byte: a segment of settlements only is given up, so that what stays
 * has a place to go to.
 */
static void
test_it_needs_no_space_from_others (void **state)
{
    world_t *world = *state;
    unsigned packs = s_fill (world);
    zloom_simdisk_capacity (world->disk, zloom_simdisk_used (world->disk));
    s_leave_one_of_each (world, 1);
    s_rest (world);
    s_read_all (world);
    assert_true (s_fill (world) > packs / 3);
    s_read_all (world);
}

/* A disk that holds the least that a log consists of, and hardly more, is not full for ever. */
static void
test_the_smallest_disk_is_enough (void **state)
{
    world_t *world = *state;
    zloom_journal_stats_t stats;
    s_rest (world);
    zloom_simdisk_capacity (world->disk, zloom_simdisk_used (world->disk) + SEGMENT_BYTES / 8);
    (void) s_fill (world);
    zloom_journal_stats (world->model.journal, &stats);
    assert_true (stats.disk_full);
    s_settle (world, 1, world->model.state[1].end - 1);
    s_rest (world);
    zloom_journal_stats (world->model.journal, &stats);
    assert_false (stats.disk_full);
    assert_int_equal (s_send (world), ZLOOM_OK);

    /* The same after an opening, which fills one segment and then the others. */
    zloom_vfs_t *vfs = world->config.vfs;
    assert_true (zloom_model_flush (&world->model));
    zloom_journal_close (&world->model.journal);
    zloom_names_t names;
    assert_int_equal (zloom_names_list (&names, vfs, "j"), ZLOOM_OK);
    char *path = zloom_hot_path ("j", names.hot[names.hot_count - 1]);
    assert_int_equal (vfs->remove (vfs, path), ZLOOM_OK); /* a ready one */
    free (path);
    zloom_names_fini (&names);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    s_rest (world);
    zloom_journal_stats (world->model.journal, &stats);
    assert_false (stats.disk_full);
}

/* Others take the disk, but for this. */
static void
s_take_disk (world_t *world, uint64_t left)
{
    zloom_simdisk_capacity (world->disk, zloom_simdisk_used (world->disk) + left);
}

static bool
s_has_more (void *arg)
{
    (void) arg;
    return true; /* and there is no room for it */
}

/* Smaller segments, and so many flows that their snapshots fill one. */
static void
s_open_small (world_t *world, bool repeats)
{
    zloom_model_t *model = &world->model;
    zloom_journal_owner_t owner = zloom_model_owner (model);
    owner.repeat = repeats ? s_has_more : owner.repeat;
    zloom_journal_close (&model->journal);
    world->config.directory = "small";
    world->config.segment_bytes = SEGMENT_BYTES / 2;
    world->config.hot_bytes = 2 * SEGMENT_BYTES;
    zloom_simdisk_capacity (world->disk, 2 * CAPACITY_SEGMENTS * SEGMENT_BYTES);
    assert_int_equal (zloom_log_open (&world->config, &owner, model->now, &model->journal),
                      ZLOOM_OK);
    for (unsigned i = 1; i < ZLOOM_MODEL_FLOWS; i++) {
        char name[16];
        (void) snprintf (name, sizeof name, "flow-%u", i);
        assert_int_equal (zloom_journal_flow (model->journal, name), i);
    }
    model->flow_count = ZLOOM_MODEL_FLOWS - 1;
}

/*
 * What is to be repeated has no room, and each segment that comes makes snapshots due: these and
 * what attests them are no reason for each other, or they would fill what moves need.
 */
static void
test_a_full_log_does_not_work_on_itself (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    zloom_journal_stats_t stats;
    s_open_small (world, true);
    (void) s_fill (world);
    zloom_journal_stats (model->journal, &stats);
    const uint64_t groups = stats.groups;
    zloom_model_turn (model, 4000, ZLOOM_NS_PER_MS);
    zloom_journal_stats (model->journal, &stats);
    assert_in_range (stats.groups - groups, 0, 400);
    s_settle (world, 1, model->state[1].end - 1); /* and goes on */
    s_rest (world);
    assert_int_equal (s_send (world), ZLOOM_OK);
}

/*
 * A segment that holds snapshots alone has nothing to be copied; but it is not given back, or the
 * log would wait for snapshots that take its place: there is disk again, and nothing goes on.
 */
static void
test_it_goes_on_when_there_is_disk_again (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    s_open_small (world, false);
    for (int round = 0; round < 4; round++) {
        (void) s_fill (world);
        s_rest (world);
        zloom_simdisk_capacity (world->disk, 0);
        assert_true (s_goes_on (world));
        s_settle (world, 1, model->state[1].end - 1);
        s_rest (world);
        s_take_disk (world, (uint64_t) round * SEGMENT_BYTES / 4);
    }
}

/*
 * Others take the disk before the reserve is there; for a moment there is some, and messages take
 * all of it. So a move finds no room to be told in, and gets some when there is disk again.
 */
static void
test_a_move_finds_room_to_be_told_in (void **state)
{
    (void) state;
    for (unsigned segments = 1; segments < 12; segments++) {
        void *own = NULL;
        (void) s_setup (&own);
        world_t *world = own;
        s_open_small (world, true);
        s_take_disk (world, (uint64_t) segments * world->config.segment_bytes);
        s_rest (world);
        s_take_disk (world, world->config.segment_bytes * 5 / 4 + 800);
        for (int i = 0; i < 120; i++) {
            (void) s_send (world);
        }
        s_rest (world);
        zloom_simdisk_capacity (world->disk, 0);
        if (!s_goes_on (world)) {
            fail_msg ("%u segments: it does not go on", segments);
        }
        (void) s_teardown (&own);
    }
}

/* Settle up to `most` messages, the first of those that there are from number `from` on. */
static void
s_settle_some (zloom_model_t *model, uint64_t from, uint64_t most)
{
    zloom_range_t range;
    if (zloom_ranges_find (&model->state[1].live, from, &range)) {
        const uint64_t last = range.first + zloom_random_below (&model->random, most);
        zloom_err_t err = ZLOOM_AGAIN;
        for (int i = 0; i < 10 && err; i++) {
            err = zloom_model_settle (model, 1, range.first, last < range.last ? last : range.last);
            (void) zloom_journal_seal (model->journal, model->now);
            zloom_model_turn (model, 1, 5 * ZLOOM_NS_PER_MS);
        }
    }
}

static void
s_do_something (world_t *world)
{
    zloom_model_t *model = &world->model;
    zloom_random_t *random = &model->random;
    const uint64_t lot = zloom_random_below (random, 16);
    if (lot < 6) {
        for (uint64_t packs = zloom_random_below (random, 40); packs > 0; packs--) {
            (void) s_send (world);
        }
    } else if (lot < 8) {
        s_settle_some (model, 1, model->state[1].end + 1);
    } else if (lot < 11) {
        s_settle_some (model, 1 + zloom_random_below (random, model->state[1].end + 1), 30);
    } else if (lot < 13) {
        s_take_disk (world, zloom_random_below (random, 2 * SEGMENT_BYTES));
    } else if (lot < 14) {
        zloom_simdisk_capacity (world->disk, 0);
    } else {
        zloom_model_turn (model, (unsigned) zloom_random_below (random, 30),
                          (int64_t) zloom_random_below (random, 100 * ZLOOM_NS_PER_MS));
    }
}

/*
 * Whatever was settled while others took disk and gave it back: when there is enough, the log goes
 * on. Among others it takes the snapshots that a segment waits for which was moved without disk.
 */
static void
test_disk_that_comes_and_goes (void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        void *own = NULL;
        (void) s_setup (&own);
        world_t *world = own;
        world->config.seed = seed;
        s_open_small (world, false);
        zloom_random_init (&world->model.random, seed);
        for (int i = 0; i < 200; i++) {
            s_do_something (world);
        }
        zloom_simdisk_capacity (world->disk, 0);
        if (!s_goes_on (world)) {
            fail_msg ("seed %" PRIu64 ": it does not go on", seed);
        }
        (void) s_teardown (&own);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_few_that_stay_do_not_hold_the_space_of_many, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_it_needs_no_space_from_others, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_the_smallest_disk_is_enough, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_full_log_does_not_work_on_itself, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_it_goes_on_when_there_is_disk_again, s_setup,
                                       s_teardown),
      cmocka_unit_test (test_a_move_finds_room_to_be_told_in),
      cmocka_unit_test (test_disk_that_comes_and_goes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
