/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes that were durable change: every byte of every header and directory, payloads, every length
 * of a file, slots. What is lost is named, what
 * stands beside it can be read, nothing is invented, nothing aborts, and the verifier sees it.
 * test_flips.c changes bytes at random in a log that has turned over.
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
#define HOT_1 "j/hot-0000000001"
/* Every length; sanitizers make each slow, and look at the code and not at the lengths. */
#if defined(__SANITIZE_ADDRESS__) || defined(ZLOOM_TEST_SAMPLE)
#define CUT_STEP 37u
#else
#define CUT_STEP 1u
#endif

/* A group of the one flow's one pack, as it stands in the first segment. */
typedef struct {
    uint64_t number;
    uint32_t offset;
    uint32_t front; /* header and directory */
    uint32_t total;
    uint64_t first; /* of its pack; 0 = no pack in it */
    uint64_t last;
} placed_t;

typedef struct {
    zloom_simdisk_t *disk; /* as the log was left */
    zloom_journal_config_t config;
    zloom_model_t model;
    placed_t groups[64];
    size_t group_count;
} world_t;

static void
s_config (world_t *world, zloom_simdisk_t *disk)
{
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 1,
                                             .manual = true,
                                             .seed = 5};
}

/* Where the groups of the first segment stand. */
static void
s_find_groups (world_t *world)
{
    zloom_slot_t slots[2];
    size_t size;
    zloom_err_t err = zloom_slot_read (world->config.vfs, "j", 0, &slots[0]);
    assert_int_equal (err, ZLOOM_OK);
    uint8_t *data = zloom_simdisk_content (world->disk, HOT_1, &size);
    assert_non_null (data);
    for (uint32_t at = 0; at < size; at += ZLOOM_BLOCK_BYTES) {
        zloom_place_t place = {0, 1, at};
        zloom_group_header_t header;
        if (!zloom_group_header_decode (data + at, &slots[0].key, &place, &header)) {
            continue;
        }
        placed_t *placed = &world->groups[world->group_count++];
        *placed = (placed_t){.number = header.number,
                             .offset = at,
                             .front = ZLOOM_GROUP_HEADER_BYTES + header.directory_bytes,
                             .total = header.total_bytes};
        zloom_record_reader_t directory = zloom_record_reader (
          zloom_bytes (data + at + ZLOOM_GROUP_HEADER_BYTES, header.directory_bytes));
        zloom_entry_t entry;
        while (zloom_entry_next (&directory, &entry)) {
            if (entry.type == ZLOOM_RECORD_PACK) {
                placed->first = entry.seq;
                placed->last = entry.seq + entry.count - 1;
            }
        }
    }
    zloom_slot_fini (&slots[0]);
}

/* A log with one pack a group, closed in order. */
static int
s_setup (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (3);
    s_config (world, world->disk);
    zloom_model_init (&world->model, 3);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_flush (&world->model));
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal (zloom_model_send (&world->model, 1, 2 + i, 300 + 1000 * i), ZLOOM_OK);
        assert_true (zloom_model_flush (&world->model));
    }
    zloom_model_turn (&world->model, 30, 0);
    zloom_journal_close (&world->model.journal);
    s_find_groups (world);
    assert_int_equal (world->group_count, 8); /* BOOT, FLOW, five packs, ATTEST */
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

static uint64_t
s_damages (zloom_simdisk_t *disk)
{
    zloom_doctor_report_t report;
    zloom_err_t err = zloom_doctor_examine (zloom_simdisk_vfs (disk), "j", &report);
    assert_int_equal (err, ZLOOM_OK);
    uint64_t damages = report.damages;
    assert_int_equal (zloom_doctor_exit_code (&report), damages > 0 ? 65 : 0);
    assert_true (damages == 0 || report.finding_count > 0);
    zloom_doctor_fini (&report);
    return damages;
}

/* Open a copy that was changed; holes are exactly [first, last], all else is readable. */
static void
s_expect_hole (world_t *world, zloom_simdisk_t *copy, uint64_t first, uint64_t last,
               const char *what, size_t at)
{
    zloom_model_t *model = &world->model;
    s_config (world, copy);
    zloom_err_t err = zloom_model_open (model, &world->config);
    if (err) {
        fail_msg ("%s %zu: open: %s", what, at, zloom_note ());
    }
    if (!zloom_model_read_all (model)) {
        fail_msg ("%s %zu: %s", what, at, model->failure);
    }
    uint64_t end = world->groups[6].last + 1;
    for (uint64_t seq = world->groups[2].first; seq < end; seq++) {
        bool lost = first <= seq && seq <= last;
        if (zloom_ranges_has (&model->state[1].live, seq) == lost ||
            zloom_ranges_has (&model->holes[1], seq) != lost) {
            fail_msg ("%s %zu: number %llu: lost %d, hole [%llu, %llu]", what, at,
                      (unsigned long long) seq, lost, (unsigned long long) first,
                      (unsigned long long) last);
        }
    }
    assert_int_equal (model->holes[1].total, first <= last ? last - first + 1 : 0);
    assert_true (model->state[1].end >= end);
    /* Life goes on, and the numbers of what is lost are not given again. */
    assert_int_equal (zloom_model_send (model, 1, 1, 10), ZLOOM_OK);
    assert_true (zloom_model_flush (model));
    zloom_journal_close (&model->journal);
}

static void
test_every_byte_of_headers_and_directories (void **state)
{
    world_t *world = *state;
    assert_int_equal (s_damages (world->disk), 0);
    for (size_t i = 0; i < world->group_count; i++) {
        const placed_t *placed = &world->groups[i];
        for (size_t at = 0; at < placed->front; at++) {
            zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
            size_t size;
            zloom_simdisk_content (copy, HOT_1, &size)[placed->offset + at] ^=
              (uint8_t) (1u << (at % 8));
            if (s_damages (copy) == 0) {
                fail_msg ("group %zu byte %zu: the verifier saw nothing", i, at);
            }
            s_expect_hole (world, copy, placed->first > 0 ? placed->first : 1,
                           placed->first > 0 ? placed->last : 0, "header byte", at);
            assert_int_equal (world->model.gaps, 1);
            zloom_simdisk_destroy (&copy);
        }
    }
}

static void
test_payload_bytes (void **state)
{
    world_t *world = *state;
    for (size_t i = 2; i < 7; i++) {
        const placed_t *placed = &world->groups[i];
        for (size_t at = placed->front; at < placed->total; at += 97) {
            zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
            size_t size;
            zloom_simdisk_content (copy, HOT_1, &size)[placed->offset + at] ^= 0x10;
            assert_true (s_damages (copy) > 0);
            s_expect_hole (world, copy, placed->first, placed->last, "payload byte", at);
            assert_int_equal (world->model.gaps, 0);
            zloom_simdisk_content (copy, "j/damaged/hot-0000000001-4096", &size);
            zloom_simdisk_destroy (&copy);
        }
    }
}

/* What an opening has found is a note from then on; other damage beside it is not. */
static void
test_what_an_opening_has_found_is_known (void **state)
{
    world_t *world = *state;
    for (int payload = 0; payload < 2; payload++) {
        const placed_t *placed = &world->groups[4];
        const placed_t *other = &world->groups[3];
        zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
        zloom_journal_stats_t stats;
        size_t size;
        zloom_simdisk_content (copy, HOT_1,
                               &size)[placed->offset + (payload ? placed->front : 96)] ^= 1;
        assert_int_equal (s_damages (copy), 1);
        s_config (world, copy);
        assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
        zloom_journal_stats (world->model.journal, &stats);
        assert_int_equal (stats.holes, 1);
        zloom_journal_close (&world->model.journal);
        assert_int_equal (s_damages (copy), 0);
        assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
        zloom_journal_close (&world->model.journal);
        assert_int_equal (s_damages (copy), 0);
        zloom_simdisk_content (copy, HOT_1, &size)[other->offset + other->front] ^= 1;
        assert_int_equal (s_damages (copy), 1);
        zloom_simdisk_destroy (&copy);
    }
}

static void
test_damaged_bytes_are_kept_aside (void **state)
{
    world_t *world = *state;
    const placed_t *placed = &world->groups[4];
    zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
    char path[64];
    size_t size;
    uint8_t *data = zloom_simdisk_content (copy, HOT_1, &size);
    data[placed->offset + placed->front] ^= 1;
    s_expect_hole (world, copy, placed->first, placed->last, "kept", 0);
    (void) snprintf (path, sizeof path, "j/damaged/hot-0000000001-%u", placed->offset);
    const uint8_t *kept = zloom_simdisk_content (copy, path, &size);
    assert_non_null (kept);
    assert_int_equal (size, placed->total);
    assert_memory_equal (kept, zloom_simdisk_content (copy, HOT_1, &size) + placed->offset,
                         placed->total);
    zloom_simdisk_destroy (&copy);
}

static void
test_every_length_of_the_last_segment (void **state)
{
    world_t *world = *state;
    const placed_t *last = &world->groups[world->group_count - 1];
    size_t written = last->offset + ZLOOM_BLOCK_BYTES; /* zeros from there on */
    for (size_t cut = 0; cut < SEGMENT_BYTES; cut += cut < written ? CUT_STEP : 256) {
        zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
        zloom_simdisk_cut (copy, HOT_1, cut);
        assert_true (s_damages (copy) > 0);
        uint64_t first = world->groups[6].last + 1;
        for (size_t i = 7; i-- > 2;) {
            if (world->groups[i].offset + world->groups[i].total > cut) {
                first = world->groups[i].first;
            }
        }
        s_expect_hole (world, copy, first, world->groups[6].last, "cut at", cut);
        assert_true (world->model.gaps > 0 || cut > world->groups[7].offset);
        zloom_simdisk_destroy (&copy);
    }
}

static void
test_a_missing_segment_is_a_hole (void **state)
{
    world_t *world = *state;
    zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
    zloom_vfs_t *vfs = zloom_simdisk_vfs (copy);
    assert_int_equal (vfs->remove (vfs, HOT_1), ZLOOM_OK);
    s_expect_hole (world, copy, world->groups[2].first, world->groups[6].last, "missing", 0);
    zloom_simdisk_destroy (&copy);
}

static void
test_one_slot_is_enough_and_none_is_said (void **state)
{
    world_t *world = *state;
    for (unsigned which = 0; which < 2; which++) {
        for (size_t at = 0; at < 200; at++) {
            zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
            char *path = zloom_slot_path ("j", which);
            size_t size;
            zloom_simdisk_content (copy, path, &size)[at] ^= 0x80;
            free (path);
            /* The older slot knows of less: what it does not know, the log tells. */
            s_expect_hole (world, copy, 1, 0, "slot byte", at);
            zloom_simdisk_destroy (&copy);
        }
    }
    zloom_simdisk_t *copy = zloom_simdisk_copy (world->disk);
    size_t size;
    zloom_simdisk_content (copy, "j/slot.0", &size)[50] ^= 1;
    zloom_simdisk_content (copy, "j/slot.1", &size)[50] ^= 1;
    assert_true (s_damages (copy) > 0);
    s_config (world, copy);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_DAMAGED);
    zloom_simdisk_destroy (&copy);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_payload_bytes, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_damaged_bytes_are_kept_aside, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_what_an_opening_has_found_is_known, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_every_byte_of_headers_and_directories, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_every_length_of_the_last_segment, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_missing_segment_is_a_hole, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_one_slot_is_enough_and_none_is_said, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
