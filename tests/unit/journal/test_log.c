/* SPDX-License-Identifier: MPL-2.0 */
/* The segmented log: basic things first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/doctor.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static int
s_setup (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (7);
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = 64 * 1024,
                                             .hot_bytes = 256 * 1024,
                                             .tail_cache_bytes = 32 * 1024,
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

#define assert_model(cond)                         \
    do {                                           \
        if (!(cond)) {                             \
            fail_msg ("%s", world->model.failure); \
        }                                          \
    } while (0)

static void
s_open (world_t *world)
{
    zloom_err_t err = zloom_model_open (&world->model, &world->config);
    if (err) {
        fail_msg ("open: %s: %s", zloom_err_name (err), zloom_note ());
    }
}

static void
test_sends_are_there_after_close (void **state)
{
    world_t *world = *state;
    s_open (world);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_int_equal (zloom_model_send (&world->model, 1, 3, 100), ZLOOM_OK);
    assert_model (zloom_model_flush (&world->model));
    assert_model (zloom_model_read_all (&world->model));
    zloom_journal_close (&world->model.journal);
    s_open (world);
    assert_model (zloom_model_check (&world->model));
    assert_int_equal (world->model.flow_count, 1);
    assert_int_equal (world->model.state[1].live.total, 3);
    assert_model (zloom_model_read_all (&world->model));
}

static void
test_random_work_without_faults (void **state)
{
    world_t *world = *state;
    s_open (world);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 3000; i++) {
            assert_true (zloom_model_step (&world->model));
        }
        assert_model (zloom_model_flush (&world->model));
        assert_model (zloom_model_read_all (&world->model));
        zloom_journal_close (&world->model.journal);
        s_open (world);
        assert_model (zloom_model_check (&world->model));
        assert_model (zloom_model_read_all (&world->model));
    }
}

static void
test_boots_and_their_ends (void **state)
{
    world_t *world = *state;
    uint64_t random[3];
    uint64_t end = 99;
    for (int boot = 0; boot < 3; boot++) {
        world->config.seed = 100 + (uint64_t) boot;
        s_open (world);
        if (boot == 0) {
            world->model.flow_count = zloom_journal_flow (world->model.journal, "flow-1");
        }
        random[boot] = zloom_journal_boot (world->model.journal).random;
        assert_int_equal (zloom_journal_boot (world->model.journal).counter, boot + 1);
        assert_int_equal (zloom_model_send (&world->model, 1, 10, 100), ZLOOM_OK);
        assert_model (zloom_model_flush (&world->model));
        for (int known = 0; known <= boot; known++) {
            assert_true (zloom_journal_boot_end (world->model.journal, random[known], 1, &end));
            assert_int_equal (end, 11 + 10 * known);
        }
        assert_false (zloom_journal_boot_end (world->model.journal, random[boot] + 1, 1, &end));
        zloom_journal_close (&world->model.journal);
    }
    s_open (world);
}

/* A record of a type that this version does not know. */
static void
s_stage_unknown (world_t *world, bool critical)
{
    zloom_record_t record = {.type = (zloom_record_type_t) 77,
                             .critical = critical,
                             .flow = 0,
                             .head = zloom_bytes_text ("from the future")};
    zloom_journal_stage (world->model.journal, &record, NULL);
    assert_model (zloom_model_flush (&world->model));
}

static void
test_unknown_critical_record_refuses_the_log (void **state)
{
    world_t *world = *state;
    s_open (world);
    s_stage_unknown (world, true);
    zloom_journal_close (&world->model.journal);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_VERSION);
    assert_non_null (strstr (zloom_note (), "type 77"));
}

/* Whether some file of the log holds the unknown record's head. */
static bool
s_on_disk (world_t *world)
{
    for (unsigned number = 1; number < 400; number++) {
        char path[32];
        size_t size;
        (void) snprintf (path, sizeof path, "j/hot-%010u", number);
        const uint8_t *data = zloom_simdisk_content (world->disk, path, &size);
        if (data && memmem (data, size, "from the future", 15)) {
            return true;
        }
    }
    return false;
}

static void
test_unknown_other_record_is_carried_along (void **state)
{
    world_t *world = *state;
    s_open (world);
    s_stage_unknown (world, false);
    zloom_journal_close (&world->model.journal);
    for (int round = 0; round < 4; round++) {
        s_open (world);
        zloom_journal_stats_t stats;
        do {
            assert_true (zloom_model_step (&world->model));
            zloom_journal_stats (world->model.journal, &stats);
        } while (stats.reclaimed_segments < 12);
        assert_model (zloom_model_flush (&world->model));
        assert_true (s_on_disk (world));
        zloom_journal_close (&world->model.journal);
    }
}

static void
test_tail_cache_and_read_ahead (void **state)
{
    world_t *world = *state;
    zloom_chunk_t chunk;
    zloom_journal_stats_t stats;
    s_open (world);
    world->model.flow_count = zloom_journal_flow (world->model.journal, "flow-1");
    zloom_model_turn (&world->model, 20, 0); /* segments become ready */
    for (int i = 0; i < 60; i++) {
        assert_int_equal (zloom_model_send (&world->model, 1, 1, 2000), ZLOOM_OK);
        if (i % 10 == 9) {
            assert_model (zloom_model_flush (&world->model));
        }
    }
    /* The newest are in memory, the oldest are not; what is not durable is always in memory. */
    assert_int_equal (zloom_journal_lookup (world->model.journal, 1, 60, &chunk), ZLOOM_OK);
    zloom_blob_unref (&chunk.blob);
    assert_int_equal (zloom_journal_lookup (world->model.journal, 1, 1, &chunk), ZLOOM_AGAIN);
    assert_int_equal (zloom_journal_lookup (world->model.journal, 1, 61, &chunk), ZLOOM_NOT_FOUND);
    /* One fetch brings the rest of its group along. */
    zloom_journal_fetch (world->model.journal, 1, 1, 5);
    zloom_model_turn (&world->model, 2, 0);
    assert_int_equal (world->model.fetched, 5);
    for (uint64_t seq = 1; seq <= 10; seq++) {
        assert_int_equal (zloom_journal_lookup (world->model.journal, 1, seq, &chunk), ZLOOM_OK);
        assert_int_equal (chunk.seq, seq);
        zloom_blob_unref (&chunk.blob);
    }
    zloom_journal_stats (world->model.journal, &stats);
    assert_int_equal (stats.fetches, 1);
}

static void
test_verifier_says_no_log_and_in_use (void **state)
{
    world_t *world = *state;
    zloom_doctor_report_t report;
    assert_int_equal (zloom_doctor_examine (world->config.vfs, "j", &report), ZLOOM_NOT_FOUND);
    zloom_doctor_fini (&report);
    s_open (world);
    assert_int_equal (zloom_doctor_examine (world->config.vfs, "j", &report), ZLOOM_LOCKED);
    zloom_doctor_fini (&report);
    world->model.flow_count = zloom_journal_flow (world->model.journal, "flow-1");
    assert_int_equal (zloom_model_send (&world->model, 1, 7, 100), ZLOOM_OK);
    assert_model (zloom_model_flush (&world->model));
    zloom_journal_close (&world->model.journal);
    assert_int_equal (zloom_doctor_examine (world->config.vfs, "j", &report), ZLOOM_OK);
    assert_int_equal (report.damages, 0);
    assert_int_equal (report.flow_count, 2);
    assert_string_equal (report.flows[1].name, "flow-1");
    assert_int_equal (report.flows[1].end, 8);
    assert_int_equal (report.flows[1].packs, 1);
    assert_int_equal (zloom_doctor_exit_code (&report), 0);
    zloom_doctor_fini (&report);
}

static void
test_open_refuses_odd_segment_sizes (void **state)
{
    world_t *world = *state;
    for (uint32_t i = 0; i < 3; i++) {
        static const uint32_t s_odd[] = {4096, 65537, 3u << 30};
        world->config.segment_bytes = s_odd[i];
        assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_INVALID);
    }
    assert_int_equal (zloom_simdisk_calls (world->disk), 0);
}

/* Opening waits for the one segment that is written first; the others are filled behind it. */
static void
test_opening_fills_one_segment_only (void **state)
{
    world_t *world = *state;
    s_open (world);
    uint64_t at_once = zloom_simdisk_used (world->disk);
    assert_true (at_once >= world->config.segment_bytes);
    size_t size;
    assert_non_null (zloom_simdisk_content (world->disk, "j/hot-0000000001", &size));
    assert_null (zloom_simdisk_content (world->disk, "j/hot-0000000002", &size));
    zloom_model_turn (&world->model, 60, 0);
    assert_non_null (zloom_simdisk_content (world->disk, "j/hot-0000000005", &size));
    assert_true (zloom_simdisk_used (world->disk) >= at_once + 4 * world->config.segment_bytes);
}

static bool
s_has_more (void *arg)
{
    (void) arg;
    return true; /* and there is no room for it */
}

/* What is to be repeated and finds no room is asked for again, and the log does not fill up with
 * groups that attest what is attested: moves need that room. */
static void
test_more_to_repeat_is_no_reason_to_attest_again (void **state)
{
    world_t *world = *state;
    zloom_model_t *model = &world->model;
    zloom_journal_owner_t owner = zloom_model_owner (model);
    zloom_journal_stats_t stats;
    owner.repeat = s_has_more;
    assert_int_equal (zloom_log_open (&world->config, &owner, model->now, &model->journal),
                      ZLOOM_OK);
    model->flow_count = zloom_journal_flow (model->journal, "flow-1");
    assert_int_equal (zloom_model_send (model, 1, 3, 100), ZLOOM_OK);
    assert_model (zloom_model_flush (model));
    zloom_model_turn (model, 500, ZLOOM_NS_PER_MS); /* until it is attested */
    zloom_journal_stats (model->journal, &stats);
    const uint64_t groups = stats.groups;
    zloom_model_turn (model, 2000, ZLOOM_NS_PER_MS);
    zloom_journal_stats (model->journal, &stats);
    assert_int_equal (stats.groups, groups);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_sends_are_there_after_close, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_opening_fills_one_segment_only, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_boots_and_their_ends, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_tail_cache_and_read_ahead, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_unknown_critical_record_refuses_the_log, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_unknown_other_record_is_carried_along, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_verifier_says_no_log_and_in_use, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_open_refuses_odd_segment_sizes, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_more_to_repeat_is_no_reason_to_attest_again, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_random_work_without_faults, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
