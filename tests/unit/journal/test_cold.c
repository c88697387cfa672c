/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What moves to cold segments: numbers keep their place whatever is rewritten around them, a copy
 * never brings back what was settled, and no file goes before that is durable which made it dead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/doctor.h"
#include "journal/format.h"
#include "journal/slot.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
/* One pack takes a block and a half: a few fill a segment. */
#define PACK_BYTES 6000u
#define PACK_MESSAGES 4u
/* Enough for the first segments to be moved to cold ones. */
#define PACKS 60u

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static void
s_begin (world_t *world, uint64_t seed)
{
    *world = (world_t){.disk = zloom_simdisk_new (seed)};
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 1,
                                             .manual = true,
                                             .seed = seed};
    zloom_model_init (&world->model, seed);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_flush (&world->model));
}

static void
s_end (world_t *world)
{
    zloom_journal_close (&world->model.journal);
    zloom_model_fini (&world->model);
    zloom_simdisk_destroy (&world->disk);
}

/* So many packs, a group each, and whatever the disk has to do for them. */
static void
s_send (world_t *world, unsigned packs)
{
    assert_true (zloom_model_fill (&world->model, 1, packs, PACK_MESSAGES, PACK_BYTES));
}

static void
s_settle (world_t *world, uint64_t first, uint64_t last)
{
    assert_int_equal (zloom_model_settle (&world->model, 1, first, last), ZLOOM_OK);
}

/* Long enough for whatever is due: moves, rewriting, unlinking. */
static void
s_rest (world_t *world)
{
    zloom_model_turn (&world->model, 60, 100 * ZLOOM_NS_PER_MS);
}

/* The lowest and the highest number in a cold segment; false when there is no such file. */
static bool
s_cold (const world_t *world, unsigned number, zloom_range_t *numbers)
{
    char path[64];
    size_t size;
    zloom_slot_t slot;
    (void) snprintf (path, sizeof path, "j/cold-1-%010u", number);
    const uint8_t *data = zloom_simdisk_content (world->disk, path, &size);
    *numbers = (zloom_range_t){UINT64_MAX, 0};
    if (!data) {
        return false;
    }
    assert_int_equal (zloom_slot_read (world->config.vfs, "j", 0, &slot), ZLOOM_OK);
    for (size_t at = 0; at + ZLOOM_GROUP_HEADER_BYTES <= size; at += ZLOOM_BLOCK_BYTES) {
        zloom_place_t place = {1, number, (uint32_t) at};
        zloom_group_header_t header;
        if (!zloom_group_header_decode (data + at, &slot.key, &place, &header)) {
            continue;
        }
        zloom_record_reader_t directory = zloom_record_reader (
          zloom_bytes (data + at + ZLOOM_GROUP_HEADER_BYTES, header.directory_bytes));
        zloom_entry_t entry;
        while (zloom_entry_next (&directory, &entry)) {
            numbers->first = entry.seq < numbers->first ? entry.seq : numbers->first;
            numbers->last = entry.seq + entry.count - 1 > numbers->last
                              ? entry.seq + entry.count - 1
                              : numbers->last;
        }
    }
    zloom_slot_fini (&slot);
    return true;
}

/* The newest cold segment, with its numbers. */
static unsigned
s_last_cold (const world_t *world, zloom_range_t *numbers)
{
    zloom_range_t none;
    unsigned last = 0;
    for (unsigned number = 1; number < 100; number++) {
        last = s_cold (world, number, &none) ? number : last;
    }
    assert_true (last > 0 && s_cold (world, last, numbers));
    return last;
}

static uint64_t
s_moved (const world_t *world)
{
    zloom_journal_stats_t stats;
    zloom_journal_stats (world->model.journal, &stats);
    return stats.moved_bytes;
}

static uint64_t
s_damages (const world_t *world)
{
    zloom_doctor_report_t report;
    assert_int_equal (zloom_doctor_examine (world->config.vfs, "j", &report), ZLOOM_OK);
    uint64_t damages = report.damages;
    zloom_doctor_fini (&report);
    return damages;
}

/* The machine stops here; the same log again: nothing came back, nothing is lost. */
static void
s_crash_and_check (world_t *world, const char *what, uint64_t a, uint64_t b)
{
    zloom_model_t *model = &world->model;
    zloom_simdisk_power_off_after (world->disk, 1);
    zloom_journal_close (&model->journal);
    zloom_simdisk_crash (world->disk);
    uint64_t damages = s_damages (world);
    world->config.seed += 10;
    zloom_err_t err = zloom_model_open (model, &world->config);
    if (err || damages > 0 || !zloom_model_check (model) || !zloom_model_read_all (model) ||
        model->gaps > 0 || model->holes[1].total > 0) {
        fail_msg ("%s (%llu, %llu): %s; %s; %llu damages, %llu gaps, %llu numbers in holes", what,
                  (unsigned long long) a, (unsigned long long) b, model->failure, zloom_note (),
                  (unsigned long long) damages, (unsigned long long) model->gaps,
                  (unsigned long long) model->holes[1].total);
    }
}

static void
test_what_is_still_needed_moves (void **state)
{
    (void) state;
    world_t world;
    zloom_range_t first;
    zloom_range_t last;
    s_begin (&world, 1);
    s_send (&world, PACKS);
    s_rest (&world);
    assert_true (s_last_cold (&world, &last) > 2);
    assert_true (s_cold (&world, 1, &first) && first.first == 1 && first.last < last.first);
    assert_true (zloom_model_read_all (&world.model));
    s_crash_and_check (&world, "moved", 0, 0);
    s_end (&world);
}

/*
 * Cold segment 1 is rewritten behind what stands in the last one; so that one holds low and high
 * numbers, and those between stand elsewhere. When it is rewritten in its turn, the copies of both
 * would fit one group: those between must keep their place.
 */
static void
test_numbers_between_copies_keep_their_place (void **state)
{
    (void) state;
    world_t world;
    zloom_range_t low = {0, 0};
    zloom_range_t high = {0, 0};
    zloom_range_t now = {0, 0};
    s_begin (&world, 1);
    s_send (&world, PACKS);
    s_rest (&world);
    unsigned last = s_last_cold (&world, &high);
    assert_true (last > 2 && s_cold (&world, 1, &low));
    s_settle (&world, low.first + 1, low.last);
    assert_true (zloom_model_flush (&world.model));
    s_rest (&world);
    assert_false (s_cold (&world, 1, &now));
    assert_true (s_cold (&world, last, &now));
    assert_true (now.first == low.first && now.last == high.last);

    s_settle (&world, high.first, high.last - 1);
    assert_true (zloom_model_flush (&world.model));
    s_rest (&world);
    assert_false (s_cold (&world, last, &now));
    assert_int_equal (s_last_cold (&world, &now), last + 1);
    assert_true (now.first == low.first && now.last >= high.last);
    if (!zloom_model_read_all (&world.model)) {
        fail_msg ("%s", world.model.failure);
    }
    s_crash_and_check (&world, "between", 0, 0);
    s_end (&world);
}

static uint64_t
s_cold_bytes (const world_t *world)
{
    zloom_journal_stats_t stats;
    zloom_journal_stats (world->model.journal, &stats);
    return stats.cold_bytes;
}

/*
 * Where one message of each pack is needed, only these are copied. What was copied is copied again
 * only when most of it has died, also if packs cannot be cut and copying them made nothing smaller.
 */
static uint64_t
s_rewrite_sparse (bool whole)
{
    world_t world;
    zloom_range_t high;
    s_begin (&world, 1);
    world.model.whole = whole;
    s_crash_and_check (&world, "empty", whole, 0);
    s_send (&world, PACKS);
    s_rest (&world);
    unsigned last = s_last_cold (&world, &high);
    uint64_t before = s_cold_bytes (&world);
    for (uint64_t seq = 1; seq <= high.last; seq += 2 * PACK_MESSAGES) {
        s_settle (&world, seq + 1, seq + 2 * PACK_MESSAGES - 1);
    }
    assert_true (zloom_model_flush (&world.model));
    s_rest (&world);
    s_rest (&world);
    s_rest (&world);
    unsigned rewritten = s_last_cold (&world, &high);
    assert_true (rewritten > last);
    assert_true (s_cold_bytes (&world) < before);
    s_crash_and_check (&world, "sparse", whole, 0);
    uint64_t moved = s_moved (&world);
    uint64_t bytes = s_cold_bytes (&world);
    for (int i = 0; i < 5; i++) {
        s_rest (&world);
    }
    assert_int_equal (s_moved (&world), moved);

    s_settle (&world, 1, high.last - 1);
    assert_true (zloom_model_flush (&world.model));
    s_rest (&world);
    assert_true (s_moved (&world) > moved);
    assert_true (s_last_cold (&world, &high) > rewritten);
    s_crash_and_check (&world, "rewritten", whole, 0);
    s_end (&world);
    return bytes;
}

static void
test_what_was_copied_is_not_copied_again_soon (void **state)
{
    (void) state;
    uint64_t cut = s_rewrite_sparse (false);
    uint64_t whole = s_rewrite_sparse (true);
    assert_true (cut < whole / 4 * 3);
}

/* A cold file goes only when the settlements are durable that made it dead. */
static void
test_a_dead_file_waits_for_what_made_it_dead (void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        world_t world;
        zloom_range_t low;
        zloom_range_t now;
        s_begin (&world, seed);
        s_send (&world, PACKS);
        s_rest (&world);
        assert_true (s_cold (&world, 1, &low));
        s_settle (&world, low.first, low.last);
        s_rest (&world); /* nobody seals: the settlement stays in the open group */
        assert_true (s_cold (&world, 1, &now));
        if (seed % 2 == 0) {
            assert_true (zloom_model_flush (&world.model));
            s_rest (&world);
            assert_false (s_cold (&world, 1, &now));
        }
        s_crash_and_check (&world, "dead file", seed, 0);
        s_end (&world);
    }
}

/* ---- settled while it is copied -------------------------------------------------------------- */

#define TURNS 240u

/* When the first segment was moved, in turns, and the calls made before and after. */
typedef struct {
    unsigned begun;
    unsigned reused;
    uint64_t calls_before;
    uint64_t calls_after;
} moved_t;

static bool
s_is_there (const world_t *world, const char *path)
{
    size_t size;
    return zloom_simdisk_content (world->disk, path, &size) != NULL;
}

/*
 * The first segment moves to the cold, one step of work a turn, while packs come and groups are
 * sealed. After `settle_at` turns some of its numbers are settled. The power goes at the call-th
 * call; 0 = never.
 */
static moved_t
s_settle_while_it_moves (world_t *world, unsigned settle_at, uint64_t call)
{
    zloom_model_t *model = &world->model;
    moved_t moved = {0};
    s_send (world, PACKS / 2);
    zloom_model_turn (model, 10, ZLOOM_NS_PER_MS);
    assert_false (s_is_there (world, "j/cold-1-0000000001"));
    moved.calls_before = zloom_simdisk_calls (world->disk);
    zloom_simdisk_power_off_after (world->disk, call);
    for (unsigned turn = 0; turn < TURNS && !zloom_journal_failed (model->journal); turn++) {
        if (turn == settle_at) {
            s_settle (world, 1, 1);   /* of the first pack, which is copied whole */
            s_settle (world, 6, 7);   /* in the middle of one */
            s_settle (world, 9, 12);  /* a whole pack */
            s_settle (world, 16, 21); /* from the end of one into another */
        }
        if (turn % 5 == 0 && turn < TURNS / 2) {
            (void) zloom_model_send (model, 1, PACK_MESSAGES, PACK_BYTES);
        }
        if (turn % 5 == 4) {
            (void) zloom_journal_seal (model->journal, model->now);
        }
        (void) zloom_journal_work (model->journal);
        model->now.mono_ns += ZLOOM_NS_PER_MS;
        zloom_journal_poll (model->journal, model->now);
        if (moved.begun == 0 && s_is_there (world, "j/cold-1-0000000001")) {
            moved.begun = turn;
        }
        if (moved.reused == 0 && !s_is_there (world, "j/hot-0000000001")) {
            moved.reused = turn;
        }
    }
    moved.calls_after = zloom_simdisk_calls (world->disk);
    zloom_model_turn (model, 1, 0); /* the model learns what is durable */
    return moved;
}

/*
 * Whatever was settled before or while its segment is copied stays settled, wherever the power goes
 * between the copy, its MOVE record, the superblock and the reuse.
 */
static void
test_a_copy_brings_back_nothing_that_was_settled (void **state)
{
    (void) state;
    world_t world;
    s_begin (&world, 1);
    const moved_t plain = s_settle_while_it_moves (&world, TURNS, 0);
    assert_true (plain.begun > 8 && plain.reused > plain.begun && plain.reused + 8 < TURNS);
    s_end (&world);
    uint64_t crashes = 0;
    for (unsigned at = plain.begun - 8; at < plain.reused + 8; at += 4) {
        for (uint64_t call = 1; call <= plain.calls_after - plain.calls_before; call++) {
            s_begin (&world, 1);
            (void) s_settle_while_it_moves (&world, at, call);
            s_crash_and_check (&world, "settled at, crash at", at, call);
            s_end (&world);
            crashes++;
        }
    }
    print_message ("moved in turns %u to %u, %llu crash points\n", plain.begun, plain.reused,
                   (unsigned long long) crashes);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_is_still_needed_moves),
      cmocka_unit_test (test_numbers_between_copies_keep_their_place),
      cmocka_unit_test (test_what_was_copied_is_not_copied_again_soon),
      cmocka_unit_test (test_a_dead_file_waits_for_what_made_it_dead),
      cmocka_unit_test (test_a_copy_brings_back_nothing_that_was_settled),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
