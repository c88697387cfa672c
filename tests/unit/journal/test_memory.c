/* SPDX-License-Identifier: MPL-2.0 */
/* The journal in memory keeps the same contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/journal_model.h"

static int
s_setup (void **state)
{
    zloom_model_t *model = calloc (1, sizeof *model);
    zloom_model_init (model, 5);
    zloom_journal_owner_t owner = zloom_model_owner (model);
    model->journal = zloom_memory_journal_new (&owner, 77);
    model->flow_count = zloom_journal_flow (model->journal, "flow-1");
    *state = model;
    return 0;
}

static int
s_teardown (void **state)
{
    zloom_model_t *model = *state;
    zloom_journal_close (&model->journal);
    assert_null (model->journal);
    zloom_model_fini (model);
    free (model);
    return 0;
}

static void
test_sealed_is_durable_and_readable (void **state)
{
    zloom_model_t *model = *state;
    assert_int_equal (zloom_journal_seal (model->journal, model->now), 0);
    assert_int_equal (zloom_model_send (model, 1, 4, 100), ZLOOM_OK);
    assert_int_equal (zloom_journal_durable (model->journal), 0);
    uint64_t tag = zloom_journal_group (model->journal);
    assert_int_equal (zloom_journal_seal (model->journal, model->now), tag);
    assert_int_equal (zloom_journal_durable (model->journal), tag);
    assert_true (zloom_model_read_all (model));
}

static void
test_forget_frees_whole_packs (void **state)
{
    zloom_model_t *model = *state;
    zloom_journal_stats_t stats;
    zloom_chunk_t chunk;
    for (int i = 0; i < 500; i++) {
        assert_int_equal (zloom_model_send (model, 1, 4, 1000), ZLOOM_OK);
    }
    /* Every second message, then the others, from the back: packs go when all four are gone. */
    for (uint64_t seq = 2; seq <= 2000; seq += 2) {
        assert_int_equal (zloom_model_settle (model, 1, seq, seq), ZLOOM_OK);
    }
    zloom_journal_stats (model->journal, &stats);
    assert_true (stats.live_bytes > 500 * 1000);
    assert_true (zloom_model_read_all (model));
    for (uint64_t seq = 1999; seq > 1000; seq -= 2) {
        assert_int_equal (zloom_model_settle (model, 1, seq, seq), ZLOOM_OK);
    }
    assert_int_equal (zloom_journal_lookup (model->journal, 1, 1500, &chunk), ZLOOM_NOT_FOUND);
    assert_true (zloom_model_read_all (model));
    for (uint64_t seq = 1; seq < 1000; seq += 2) {
        assert_int_equal (zloom_model_settle (model, 1, seq, seq), ZLOOM_OK);
    }
    zloom_journal_stats (model->journal, &stats);
    assert_int_equal (stats.live_bytes, 0);
}

static void
test_fetch_answers_with_the_next_poll (void **state)
{
    zloom_model_t *model = *state;
    assert_int_equal (zloom_model_send (model, 1, 2, 10), ZLOOM_OK);
    zloom_journal_fetch (model->journal, 1, 2, 31);
    assert_int_equal (model->fetched, 0);
    assert_int_equal (zloom_journal_deadline (model->journal), 0);
    zloom_journal_poll (model->journal, model->now);
    assert_int_equal (model->fetched, 31);
    assert_int_equal (model->fetch_err, ZLOOM_OK);
    assert_int_equal (model->chunk.seq, 1);
    zloom_journal_fetch (model->journal, 1, 99, 32);
    zloom_journal_poll (model->journal, model->now);
    assert_int_equal (model->fetched, 32);
    assert_int_equal (model->fetch_err, ZLOOM_NOT_FOUND);
    assert_int_equal (zloom_journal_deadline (model->journal), ZLOOM_NEVER);
}

static void
test_names_boots_and_room (void **state)
{
    zloom_model_t *model = *state;
    uint64_t end = 0;
    assert_int_equal (zloom_journal_flow (model->journal, "flow-1"), 1);
    assert_int_equal (zloom_journal_flow (model->journal, "flow-2"), 2);
    assert_int_equal (zloom_model_send (model, 2, 3, 10), ZLOOM_OK);
    uint64_t random = zloom_journal_boot (model->journal).random;
    assert_true (zloom_journal_boot_end (model->journal, random, 2, &end));
    assert_int_equal (end, 4);
    assert_false (zloom_journal_boot_end (model->journal, random + 1, 2, &end));
    assert_int_equal (zloom_journal_room (model->journal, 1, 9 * 1024 * 1024, true), ZLOOM_TOO_BIG);
    assert_int_equal (zloom_journal_failed (model->journal), ZLOOM_OK);
    assert_int_equal (zloom_journal_fd (model->journal), -1);
    assert_false (zloom_journal_work (model->journal));
}

/* Numbers that a producer left out move the end, and nothing moves it back. */
static void
test_holes_move_the_end (void **state)
{
    zloom_model_t *model = *state;
    const uint64_t random = zloom_journal_boot (model->journal).random;
    uint64_t end = 0;
    assert_int_equal (zloom_model_send (model, 1, 3, 10), ZLOOM_OK);
    zloom_record_t hole = {.type = ZLOOM_RECORD_HOLE, .flow = 1, .seq = 4, .count = 6};
    zloom_journal_stage (model->journal, &hole, NULL);
    assert_true (zloom_journal_boot_end (model->journal, random, 1, &end));
    assert_int_equal (end, 10);
    hole = (zloom_record_t){.type = ZLOOM_RECORD_HOLE, .flow = 1, .seq = 2, .count = 1};
    zloom_journal_stage (model->journal, &hole, NULL);
    assert_true (zloom_journal_boot_end (model->journal, random, 1, &end));
    assert_int_equal (end, 10);
    assert_false (zloom_journal_boot_end (model->journal, random, 99, &end)); /* no such flow */
}

/* Without a seed, no two logs are taken for one another. */
static void
test_each_log_has_an_id_of_its_own (void **state)
{
    zloom_model_t *model = *state;
    const zloom_journal_owner_t owner = zloom_model_owner (model);
    zloom_journal_t *first = zloom_memory_journal_new (&owner, 0);
    zloom_journal_t *second = zloom_memory_journal_new (&owner, 0);
    assert_memory_not_equal (zloom_journal_log_id (first), zloom_journal_log_id (second), 16);
    assert_int_not_equal (zloom_journal_boot (first).random, zloom_journal_boot (second).random);
    zloom_journal_close (&first);
    zloom_journal_close (&second);
    first = zloom_memory_journal_new (&owner, 77);
    assert_memory_equal (zloom_journal_log_id (first), zloom_journal_log_id (model->journal), 16);
    zloom_journal_close (&first);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_sealed_is_durable_and_readable, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_forget_frees_whole_packs, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_fetch_answers_with_the_next_poll, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_names_boots_and_room, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_holes_move_the_end, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_each_log_has_an_id_of_its_own, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
