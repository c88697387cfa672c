/* SPDX-License-Identifier: MPL-2.0 */
/* The segmented log: basic things first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/journal_model.h"
#include "support/simdisk.h"

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

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_sends_are_there_after_close, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_random_work_without_faults, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
