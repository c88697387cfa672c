/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One byte changes anywhere in a log that has turned over many times, with cold segments and both
 * superblock slots. What is gone is named, and is no more than stood in the group that was hit;
 * all else is as it was, byte by byte; nothing is invented; the verifier sees it; nothing aborts.
 *
 * For as long as you like: ZLOOM_FLIPS=N ZLOOM_SEED=S build/bin/test_journal_flips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "journal/doctor.h"
#include "journal/format.h"
#include "journal/names.h"
#include "journal/slot.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define LOGS 5u
#if defined(__SANITIZE_ADDRESS__) || defined(ZLOOM_TEST_SAMPLE)
#define FLIPS 1000u
#else
#define FLIPS 10000u
#endif

static uint64_t
s_knob (const char *name, uint64_t usual)
{
    const char *text = getenv (name);
    return text ? strtoull (text, NULL, 10) : usual;
}

static zloom_journal_config_t
s_config (zloom_simdisk_t *disk)
{
    return (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (disk),
                                    .directory = "j",
                                    .segment_bytes = SEGMENT_BYTES,
                                    .hot_bytes = 4 * SEGMENT_BYTES,
                                    .tail_cache_bytes = 1,
                                    .manual = true,
                                    .seed = 5};
}

/* A log that has turned over many times, with cold segments; killed, not closed. */
static zloom_simdisk_t *
s_turned_over (zloom_model_t *model, uint64_t seed, int steps)
{
    zloom_simdisk_t *disk = zloom_simdisk_new (seed);
    zloom_journal_config_t config = s_config (disk);
    zloom_model_init (model, seed);
    assert_int_equal (zloom_model_open (model, &config), ZLOOM_OK);
    for (int i = 0; i < steps; i++) {
        assert_true (zloom_model_step (model));
    }
    assert_true (zloom_model_flush (model));
    zloom_model_turn (model, 4, 200 * ZLOOM_NS_PER_MS);
    assert_true (zloom_model_flush (model));
    zloom_simdisk_t *copy = zloom_simdisk_copy (disk);
    zloom_journal_close (&model->journal);
    zloom_simdisk_destroy (&disk);
    return copy;
}

static void
test_older_slot_gives_the_same_state (void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed < 12; seed++) {
        zloom_model_t model;
        zloom_simdisk_t *disk = s_turned_over (&model, seed, 2000 + (int) seed * 100);
        for (unsigned which = 0; which < 2; which++) {
            zloom_simdisk_t *copy = zloom_simdisk_copy (disk);
            char *path = zloom_slot_path ("j", which);
            size_t size;
            zloom_simdisk_content (copy, path, &size)[70] ^= 1;
            free (path);
            const zloom_journal_config_t config = s_config (copy);
            assert_int_equal (zloom_model_open (&model, &config), ZLOOM_OK);
            if (!zloom_model_check (&model) || !zloom_model_read_all (&model)) {
                fail_msg ("seed %llu without slot %u: %s", (unsigned long long) seed, which,
                          model.failure);
            }
            assert_int_equal (model.gaps, 0);
            zloom_journal_close (&model.journal);
            zloom_simdisk_destroy (&copy);
        }
        zloom_model_fini (&model);
        zloom_simdisk_destroy (&disk);
    }
}

/* ---- beside what is known -------------------------------------------------------------------- */

/* A byte of the payload of the index-th pack in the last group that holds two. */
static uint8_t *
s_payload_of_two (zloom_simdisk_t *disk, size_t index)
{
    zloom_slot_t slot;
    size_t size;
    uint8_t *found = NULL;
    assert_int_equal (zloom_slot_read (zloom_simdisk_vfs (disk), "j", 0, &slot), ZLOOM_OK);
    uint8_t *data = zloom_simdisk_content (disk, "j/hot-0000000001", &size);
    assert_non_null (data);
    for (uint32_t at = 0; at < size; at += ZLOOM_BLOCK_BYTES) {
        const zloom_place_t place = {0, 1, at};
        zloom_group_header_t header;
        zloom_entry_t entry;
        size_t packs = 0;
        if (!zloom_group_header_decode (data + at, &slot.key, &place, &header)) {
            continue;
        }
        uint8_t *front = data + at + ZLOOM_GROUP_HEADER_BYTES;
        zloom_record_reader_t directory =
          zloom_record_reader (zloom_bytes (front, header.directory_bytes));
        while (zloom_entry_next (&directory, &entry)) {
            if (entry.type == ZLOOM_RECORD_PACK && packs++ == index) {
                found = front + header.directory_bytes + entry.payload_offset;
            }
        }
    }
    zloom_slot_fini (&slot);
    assert_non_null (found);
    return found;
}

static uint64_t
s_damages (zloom_simdisk_t *disk)
{
    zloom_doctor_report_t report;
    assert_int_equal (zloom_doctor_examine (zloom_simdisk_vfs (disk), "j", &report), ZLOOM_OK);
    const uint64_t damages = report.damages;
    zloom_doctor_fini (&report);
    return damages;
}

/* One pack of a group is a known hole; that its neighbour in the group goes, too, is news. */
static void
test_what_is_known_hides_no_neighbour (void **state)
{
    (void) state;
    zloom_model_t model;
    zloom_simdisk_t *disk = zloom_simdisk_new (1);
    const zloom_journal_config_t config = s_config (disk);
    zloom_model_init (&model, 1);
    assert_int_equal (zloom_model_open (&model, &config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (model.journal, "flow-1"), 1);
    assert_true (zloom_model_flush (&model));
    assert_int_equal (zloom_model_send (&model, 1, 2, 100), ZLOOM_OK);
    assert_int_equal (zloom_model_send (&model, 1, 2, 100), ZLOOM_OK);
    assert_true (zloom_model_flush (&model));
    zloom_journal_close (&model.journal);
    for (size_t i = 0; i < 2; i++) {
        *s_payload_of_two (disk, i) ^= 1;
        assert_int_equal (s_damages (disk), 1);
        assert_int_equal (zloom_model_open (&model, &config), ZLOOM_OK);
        assert_int_equal (model.holes[1].total, 2 + 2 * i);
        zloom_journal_close (&model.journal);
        assert_int_equal (s_damages (disk), 0);
    }
    zloom_model_fini (&model);
    zloom_simdisk_destroy (&disk);
}

/* ---- one flip -------------------------------------------------------------------------------- */

/* All that can be hit: paths of segments and slots, and their sizes together. */
typedef struct {
    char *paths[256];
    size_t count;
} files_t;

static void
s_find_files (zloom_simdisk_t *disk, files_t *files)
{
    zloom_names_t names;
    assert_int_equal (zloom_names_list (&names, zloom_simdisk_vfs (disk), "j"), ZLOOM_OK);
    *files = (files_t){0};
    assert_true (names.hot_count + names.cold_count + 2 < sizeof files->paths / sizeof (char *));
    for (size_t i = 0; i < names.hot_count; i++) {
        files->paths[files->count++] = zloom_hot_path ("j", names.hot[i]);
    }
    for (size_t i = 0; i < names.cold_count; i++) {
        files->paths[files->count++] =
          zloom_cold_path ("j", names.cold[i].flow, names.cold[i].number);
    }
    files->paths[files->count++] = zloom_slot_path ("j", 0);
    files->paths[files->count++] = zloom_slot_path ("j", 1);
    zloom_names_fini (&names);
}

static void
s_files_fini (files_t *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free (files->paths[i]);
    }
}

/* Where and what; for messages. */
typedef struct {
    uint64_t seed;
    const char *path;
    size_t at;
    uint8_t bits;
} flip_t;

static void
s_fail (const flip_t *flip, const char *what, uint64_t flow, uint64_t number)
{
    fail_msg ("log %llu, %s byte %zu bits %02x: %s (%llu, %llu); %s",
              (unsigned long long) flip->seed, flip->path, flip->at, flip->bits, what,
              (unsigned long long) flow, (unsigned long long) number, zloom_note ());
}

/* Each number is needed as before, or in a hole; nothing is there that never was. */
static uint64_t
s_compare (const flip_t *flip, zloom_model_t *model)
{
    uint64_t gone = 0;
    for (size_t flow = 1; flow < ZLOOM_MODEL_FLOWS; flow++) {
        const zloom_model_state_t *was = &model->base[flow];
        const zloom_model_state_t *is = &model->state[flow];
        zloom_range_t range;
        if (is->end < was->end) {
            s_fail (flip, "numbers would be given again", flow, is->end);
        }
        for (uint64_t seq = 0; zloom_ranges_find (&was->live, seq, &range); seq = range.last + 1) {
            for (uint64_t number = range.first; number <= range.last; number++) {
                bool live = zloom_ranges_has (&is->live, number);
                gone += !live;
                if (!live && !zloom_ranges_has (&model->holes[flow], number)) {
                    s_fail (flip, "vanished in silence", flow, number);
                }
            }
        }
        for (uint64_t seq = 0; zloom_ranges_find (&is->live, seq, &range); seq = range.last + 1) {
            if (range.last >= was->end) {
                s_fail (flip, "invented", flow, range.last);
            }
        }
        if (model->gaps == 0 && model->holes[flow].total == 0 && is->live.total > was->live.total) {
            s_fail (flip, "came back without a word", flow, is->live.total);
        }
    }
    return gone;
}

static void
s_flip (zloom_simdisk_t *disk, zloom_model_t *model, const flip_t *flip)
{
    zloom_simdisk_t *copy = zloom_simdisk_copy (disk);
    zloom_doctor_report_t report;
    size_t size;
    zloom_simdisk_content (copy, flip->path, &size)[flip->at] ^= flip->bits;
    assert_int_equal (zloom_doctor_examine (zloom_simdisk_vfs (copy), "j", &report), ZLOOM_OK);
    bool slot = strstr (flip->path, "slot") != NULL;
    for (size_t i = 0; i < report.finding_count; i++) {
        const zloom_finding_t *finding = &report.findings[i];
        if (finding->kind == ZLOOM_FINDING_DAMAGE && finding->first_group != finding->last_group) {
            s_fail (flip, "one byte is one group", finding->first_group, finding->last_group);
        }
    }
    const zloom_journal_config_t config = s_config (copy);
    if (zloom_model_open (model, &config)) {
        s_fail (flip, "does not open", 0, 0);
    }
    uint64_t gone = s_compare (flip, model);
    bool read = zloom_model_read_all (model);
    bool lost = model->fetch_err == ZLOOM_DAMAGED || model->fetch_err == ZLOOM_NOT_FOUND;
    if (!read && !lost) {
        s_fail (flip, model->failure, 0, 0);
    }
    if ((!read || gone > 0 || model->gaps > 0) && report.damages == 0) {
        s_fail (flip, "the verifier saw nothing", gone, model->gaps);
    }
    if (slot && (!read || gone > 0 || model->gaps > 0 || report.damages > 0)) {
        s_fail (flip, "one slot is enough", gone, model->gaps);
    }
    zloom_doctor_fini (&report);
    zloom_journal_close (&model->journal);
    zloom_simdisk_destroy (&copy);
}

static void
test_flips_anywhere (void **state)
{
    (void) state;
    const uint64_t first = s_knob ("ZLOOM_SEED", 1);
    const uint64_t flips = s_knob ("ZLOOM_FLIPS", FLIPS);
    for (uint64_t log = 0; log < LOGS; log++) {
        zloom_model_t model;
        zloom_random_t random;
        files_t files;
        zloom_simdisk_t *disk = s_turned_over (&model, first + log, 4000);
        zloom_random_init (&random, first + log);
        s_find_files (disk, &files);
        for (uint64_t i = 0; i < flips / LOGS; i++) {
            flip_t flip = {.seed = first + log};
            size_t size;
            flip.path = files.paths[zloom_random_below (&random, files.count)];
            assert_non_null (zloom_simdisk_content (disk, flip.path, &size));
            flip.at = (size_t) zloom_random_below (&random, size);
            if (zloom_random_below (&random, 2) == 0) { /* headers and directories */
                flip.at = flip.at / ZLOOM_BLOCK_BYTES * ZLOOM_BLOCK_BYTES + flip.at % 300;
                flip.at = flip.at < size ? flip.at : size - 1;
            }
            flip.bits = (uint8_t) (1 + zloom_random_below (&random, 255));
            s_flip (disk, &model, &flip);
        }
        s_files_fini (&files);
        zloom_model_fini (&model);
        zloom_simdisk_destroy (&disk);
    }
    print_message ("%llu flips, logs %llu to %llu\n", (unsigned long long) flips,
                   (unsigned long long) first, (unsigned long long) (first + LOGS - 1));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_older_slot_gives_the_same_state),
      cmocka_unit_test (test_what_is_known_hides_no_neighbour),
      cmocka_unit_test (test_flips_anywhere),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
