/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The power goes at every single call of a run, and again while recovering: what was durable is
 * there with the same bytes, what was not is there by whole groups or not at all.
 *
 * ZLOOM_SEED=n and ZLOOM_CALL=m replay one crash; ZLOOM_SEEDS=n tries so many seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define STEPS 700
#define STEPS_AFTER 60

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
    uint64_t seed;
    uint64_t call;
} run_t;

static uint64_t
s_env (const char *name, uint64_t otherwise)
{
    const char *text = getenv (name);
    return text ? strtoull (text, NULL, 10) : otherwise;
}

static void
s_begin (run_t *run, uint64_t seed, uint64_t call)
{
    run->disk = zloom_simdisk_new (seed * 1000003 + call);
    run->seed = seed;
    run->call = call;
    run->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (run->disk),
                                           .directory = "j",
                                           .segment_bytes = seed % 2 ? 64 * 1024 : 32 * 1024,
                                           .hot_bytes = 256 * 1024,
                                           .second_bytes = seed % 4 < 2 ? 1 : 0,
                                           .tail_cache_bytes = 16 * 1024,
                                           .manual = true,
                                           .seed = seed + 1};
    zloom_model_init (&run->model, seed);
}

static void
s_end (run_t *run)
{
    zloom_journal_close (&run->model.journal);
    zloom_model_fini (&run->model);
    zloom_simdisk_destroy (&run->disk);
}

#define require(run, cond)                                                                \
    do {                                                                                  \
        if (!(cond)) {                                                                    \
            fail_msg ("ZLOOM_SEED=%llu ZLOOM_CALL=%llu line %d: %s; %s",                  \
                      (unsigned long long) (run)->seed, (unsigned long long) (run)->call, \
                      __LINE__, (run)->model.failure, zloom_note ());                     \
        }                                                                                 \
    } while (0)

static void
s_work (run_t *run, int steps)
{
    for (int i = 0; i < steps && zloom_model_step (&run->model); i++) {
    }
}

/* Open after a crash, perhaps crashing again in the middle, and look at everything. */
static void
s_reopen (run_t *run, uint64_t again)
{
    run->config.seed += 100;
    if (again > 0) {
        zloom_simdisk_power_off_after (run->disk, again);
        zloom_err_t err = zloom_model_open (&run->model, &run->config);
        if (!err) {
            zloom_journal_close (&run->model.journal);
        }
        zloom_simdisk_crash (run->disk);
        run->config.seed += 100;
    }
    zloom_err_t err = zloom_model_open (&run->model, &run->config);
    require (run, err == ZLOOM_OK);
    require (run, zloom_model_check (&run->model));
    require (run, run->model.gaps == 0);
    for (size_t i = 0; i < ZLOOM_MODEL_FLOWS; i++) {
        require (run, run->model.holes[i].total == 0);
    }
    require (run, zloom_model_read_all (&run->model));
}

static void
s_crash_at (uint64_t seed, uint64_t call)
{
    run_t run = {0};
    s_begin (&run, seed, call);
    zloom_simdisk_power_off_after (run.disk, call);
    if (zloom_model_open (&run.model, &run.config) == ZLOOM_OK) {
        s_work (&run, STEPS);
        /* A close on a disk that is off changes nothing. */
        zloom_simdisk_power_off_after (run.disk, 1);
        zloom_journal_close (&run.model.journal);
    }
    zloom_simdisk_crash (run.disk);
    s_reopen (&run, call % 3 == 0 ? 0 : 1 + call % 41);
    s_work (&run, STEPS_AFTER);
    zloom_simdisk_power_off_after (run.disk, 1);
    zloom_journal_close (&run.model.journal);
    zloom_simdisk_crash (run.disk);
    s_reopen (&run, 0);
    s_end (&run);
}

/* How many calls a run makes that nothing happens to. */
static uint64_t
s_count_calls (uint64_t seed)
{
    run_t run = {0};
    s_begin (&run, seed, 0);
    require (&run, zloom_model_open (&run.model, &run.config) == ZLOOM_OK);
    s_work (&run, STEPS);
    uint64_t calls = zloom_simdisk_calls (run.disk);
    s_end (&run);
    return calls;
}

static void
test_power_off_at_every_call (void **state)
{
    (void) state;
    uint64_t only = s_env ("ZLOOM_SEED", 0);
    if (only > 0) {
        s_crash_at (only, s_env ("ZLOOM_CALL", 1));
        return;
    }
    uint64_t crashes = 0;
    for (uint64_t seed = 1; seed <= s_env ("ZLOOM_SEEDS", 6); seed++) {
        uint64_t calls = s_count_calls (seed);
        for (uint64_t call = 1; call <= calls; call++) {
            s_crash_at (seed, call);
            crashes++;
        }
    }
    print_message ("%llu crash points\n", (unsigned long long) crashes);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_power_off_at_every_call),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
