/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Each call to the disk fails once: the first, the second, the third, until a run is clean. With an
 * I/O error, with a full disk, and with a write of which half reached the disk. Whatever was asked
 * for says so or goes on, and the log opens afterwards with all that was confirmed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/doctor.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (32u * 1024)

typedef enum { EIO_ONCE, FULL_ONCE, SHORT_ONCE, FAULTS } fault_t;

typedef struct {
    zloom_simdisk_t *disk;
    zloom_model_t model;
    uint64_t nth;
    fault_t fault;
    bool opened_despite; /* some failure was one that the run could go on with */
} world_t;

static zloom_journal_config_t
s_config (zloom_simdisk_t *disk, uint64_t seed)
{
    return (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (disk),
                                    .directory = "j",
                                    .segment_bytes = SEGMENT_BYTES,
                                    .hot_bytes = 4 * SEGMENT_BYTES,
                                    .tail_cache_bytes = 8 * 1024,
                                    .manual = true,
                                    .seed = seed};
}

static void
s_require (world_t *world, bool good, const char *what)
{
    if (!good) {
        fail_msg ("call %llu, fault %d: %s: %s; %s", (unsigned long long) world->nth,
                  (int) world->fault, what, world->model.failure, zloom_note ());
    }
}

static void
s_arm (const world_t *world, zloom_simdisk_t *disk)
{
    const zloom_err_t err = world->fault == FULL_ONCE ? ZLOOM_DISK_FULL : ZLOOM_DISK;
    if (world->fault == SHORT_ONCE) {
        zloom_simdisk_fail_short (disk, world->nth, err);
    } else {
        zloom_simdisk_fail (disk, ZLOOM_SIMDISK_ANY, world->nth, err);
    }
}

/* Disarm; true when the failure had been met. */
static bool
s_disarm (zloom_simdisk_t *disk)
{
    const bool met = !zloom_simdisk_fails (disk);
    zloom_simdisk_fail (disk, ZLOOM_SIMDISK_ANY, 0, ZLOOM_OK);
    return met;
}

/* Three flows, some settled, some cold, snapshots, three boots. */
static void
s_begin (world_t *world)
{
    zloom_model_t *model = &world->model;
    *world = (world_t){.disk = zloom_simdisk_new (3)};
    zloom_model_init (model, 3);
    for (uint64_t boot = 1; boot <= 3; boot++) {
        const zloom_journal_config_t config = s_config (world->disk, boot);
        s_require (world, zloom_model_open (model, &config) == ZLOOM_OK, "open");
        s_require (world, boot == 1 || zloom_model_check (model), "check");
        for (int i = 0; i < 300; i++) {
            s_require (world, zloom_model_step (model), "step");
        }
        s_require (world, zloom_model_flush (model), "flush");
        zloom_model_turn (model, 30, 50 * ZLOOM_NS_PER_MS);
        if (boot < 3) {
            zloom_journal_close (&model->journal);
        }
    }
    zloom_journal_stats_t stats;
    zloom_journal_stats (model->journal, &stats);
    assert_true (stats.cold_bytes > 0);
}

/* The process ends in order, or is killed in the middle of something. */
static void
s_leave (world_t *world, bool in_order)
{
    if (!in_order) {
        for (int i = 0; i < 60; i++) {
            s_require (world, zloom_model_step (&world->model), "step");
        }
        zloom_simdisk_power_off_after (world->disk, 1);
    }
    zloom_journal_close (&world->model.journal);
    if (!in_order) {
        zloom_simdisk_kill (world->disk);
    }
}

static void
s_end (world_t *world)
{
    zloom_journal_close (&world->model.journal);
    zloom_model_fini (&world->model);
    zloom_simdisk_destroy (&world->disk);
}

/* The log that was left behind is whole: it opens, holds what it held, and every byte is right. */
static void
s_expect_whole (world_t *world, zloom_simdisk_t *disk)
{
    const zloom_journal_config_t config = s_config (disk, 100 + world->nth);
    s_require (world, zloom_model_open (&world->model, &config) == ZLOOM_OK, "open afterwards");
    s_require (world, zloom_model_check (&world->model), "check afterwards");
    s_require (world, zloom_model_read_all (&world->model), "read afterwards");
    assert_int_equal (world->model.gaps, 0);
    zloom_journal_close (&world->model.journal);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Open a copy; when it opens, read all and live a little with the failure still to come. */
static bool
s_open_once (world_t *world, zloom_simdisk_t *disk)
{
    zloom_model_t *model = &world->model;
    const zloom_journal_config_t config = s_config (disk, 50 + world->nth);
    s_arm (world, disk);
    const zloom_err_t err = zloom_model_open (model, &config);
    if (err != ZLOOM_OK) {
        s_require (world, err == ZLOOM_DISK || err == ZLOOM_DISK_FULL, "the error's name");
        s_require (world, strstr (zloom_note (), "simulated failure") != NULL, "the error's text");
        assert_null (model->journal);
        assert_true (s_disarm (disk));
        return true;
    }
    s_require (world, zloom_model_check (model), "check");
    zloom_model_turn (model, 20, 30 * ZLOOM_NS_PER_MS);
    const bool met = s_disarm (disk);
    if (zloom_journal_failed (model->journal) == ZLOOM_OK) {
        s_require (world, zloom_model_read_all (model), "read");
        world->opened_despite = world->opened_despite || met;
    }
    zloom_simdisk_power_off_after (disk, 1);
    zloom_journal_close (&model->journal);
    zloom_simdisk_kill (disk);
    return met;
}

static void
s_open_with_every_fault (bool in_order)
{
    world_t world;
    s_begin (&world);
    s_leave (&world, in_order);
    uint64_t calls = 0;
    for (world.fault = EIO_ONCE; world.fault < FAULTS; world.fault++) {
        bool met = true;
        for (world.nth = 1; met; world.nth++) {
            zloom_simdisk_t *disk = zloom_simdisk_copy (world.disk);
            met = s_open_once (&world, disk);
            s_expect_whole (&world, disk);
            zloom_simdisk_crash (disk);
            s_expect_whole (&world, disk);
            zloom_simdisk_destroy (&disk);
        }
        calls += world.nth - 1;
    }
    assert_true (calls > 60);
    assert_true (world.opened_despite);
    s_end (&world);
}

static void
test_opening_a_log_that_was_closed (void **state)
{
    (void) state;
    s_open_with_every_fault (true);
}

static void
test_opening_a_log_of_a_process_that_was_killed (void **state)
{
    (void) state;
    s_open_with_every_fault (false);
}

/* ---- looking -------------------------------------------------------------------------------- */

static void
test_doctor_reports_the_disk_and_not_damage (void **state)
{
    (void) state;
    world_t world;
    s_begin (&world);
    s_leave (&world, true);
    bool met = true;
    for (world.nth = 1; met; world.nth++) {
        zloom_simdisk_t *disk = zloom_simdisk_copy (world.disk);
        zloom_doctor_report_t report;
        s_arm (&world, disk);
        const zloom_err_t err = zloom_doctor_examine (zloom_simdisk_vfs (disk), "j", &report);
        met = s_disarm (disk);
        /* A disk that cannot be read is no reason to call what is on it damaged. */
        s_require (&world, met ? err == ZLOOM_DISK : err == ZLOOM_OK, "what doctor says");
        s_require (&world, report.damages == 0, "doctor calls it damaged");
        zloom_doctor_fini (&report);
        zloom_simdisk_destroy (&disk);
    }
    assert_true (world.nth > 20);
    s_end (&world);
}

/* ---- committing, cleaning, closing ---------------------------------------------------------- */

/* A life from the first file on; true when the failure was met. */
static bool
s_live_once (world_t *world)
{
    zloom_model_t *model = &world->model;
    world->disk = zloom_simdisk_new (world->nth);
    zloom_model_init (model, 1 + world->nth % 3);
    const zloom_journal_config_t config = s_config (world->disk, world->nth);
    s_arm (world, world->disk);
    bool met = false;
    if (zloom_model_open (model, &config) == ZLOOM_OK) {
        for (int i = 0; i < 500 && zloom_model_step (model); i++) {
        }
        if (zloom_journal_failed (model->journal) == ZLOOM_OK && zloom_model_flush (model)) {
            zloom_model_turn (model, 20, 50 * ZLOOM_NS_PER_MS);
        }
        zloom_journal_close (&model->journal);
    }
    met = s_disarm (world->disk);
    zloom_simdisk_crash (world->disk);
    return met;
}

static void
test_a_life_with_moves_and_an_orderly_end (void **state)
{
    (void) state;
    for (fault_t fault = EIO_ONCE; fault < FAULTS; fault++) {
        /* The first sixty calls with each fault, of the later ones each with one of them. */
        bool met = true;
        for (uint64_t nth = 1 + (uint64_t) fault; met; nth += nth < 60 ? 1 : FAULTS) {
            world_t world = {.nth = nth, .fault = fault};
            met = s_live_once (&world);
            s_expect_whole (&world, world.disk);
            s_end (&world);
        }
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_opening_a_log_that_was_closed),
      cmocka_unit_test (test_opening_a_log_of_a_process_that_was_killed),
      cmocka_unit_test (test_doctor_reports_the_disk_and_not_damage),
      cmocka_unit_test (test_a_life_with_moves_and_an_orderly_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
