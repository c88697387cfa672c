/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A segment is not used again while somebody still reads it: reads and moves are taken by threads
 * of their own, so what was asked for before a move may be read long after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/log.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define PACK_BYTES 6000u
/* Enough for the first segments to be moved to cold ones. */
#define PACKS 60u
#define TURNS 200

typedef struct {
    zloom_simdisk_t *disk;
    zloom_model_t model;
    zloom_log_t *log;
} world_t;

static int
s_begin (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (1);
    const zloom_journal_config_t config = {.vfs = zloom_simdisk_vfs (world->disk),
                                           .directory = "j",
                                           .segment_bytes = SEGMENT_BYTES,
                                           .hot_bytes = 4 * SEGMENT_BYTES,
                                           .tail_cache_bytes = 1,
                                           .manual = true,
                                           .seed = 1};
    zloom_model_init (&world->model, 1);
    assert_int_equal (zloom_model_open (&world->model, &config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_fill (&world->model, 1, PACKS, 1, PACK_BYTES));
    zloom_model_turn (&world->model, 20, 100 * ZLOOM_NS_PER_MS);
    world->log = (zloom_log_t *) world->model.journal;
    *state = world;
    return 0;
}

static int
s_end (void **state)
{
    world_t *world = *state;
    zloom_journal_close (&world->model.journal);
    zloom_model_fini (&world->model);
    zloom_simdisk_destroy (&world->disk);
    free (world);
    return 0;
}

/* Messages are sent, written and moved, but the thread that reads gets no time. */
static void
s_turn_without_reads (world_t *world)
{
    (void) zloom_model_send (&world->model, 1, 1, PACK_BYTES); /* as far as there is room */
    (void) zloom_journal_seal (world->model.journal, world->model.now);
    while (zloom_jobs_step (world->log->commits) || zloom_jobs_step (world->log->background)) {
    }
    world->model.now.mono_ns += ZLOOM_NS_PER_MS;
    zloom_journal_poll (world->model.journal, world->model.now);
}

static bool
s_is_in_use (const world_t *world, uint64_t segment)
{
    bool in_use = false;
    for (size_t i = 0; i < world->log->segment_count; i++) {
        in_use = in_use || world->log->segments[i].number == segment;
    }
    return in_use;
}

static void
test_what_was_asked_for_is_read_first (void **state)
{
    world_t *world = *state;
    const uint64_t segment = world->log->segments[0].number;
    const zloom_index_t *index = &world->log->flows[1]->index;
    uint64_t seq = 1;
    while (zloom_index_find (index, seq)->cold) {
        seq++;
    }
    assert_int_equal (zloom_index_find (index, seq)->segment, segment);
    zloom_journal_fetch (world->model.journal, 1, seq, 77);
    for (int i = 0; i < TURNS; i++) {
        s_turn_without_reads (world);
    }
    assert_true (zloom_index_find (index, seq)->cold); /* moved, and that is durable */
    assert_int_equal (world->log->moved_segment, segment);
    assert_true (world->log->durable >= world->log->moved_after);
    assert_true (s_is_in_use (world, segment));
    while (zloom_jobs_step (world->log->reads)) {
    }
    for (int i = 0; i < TURNS; i++) {
        s_turn_without_reads (world);
    }
    assert_int_equal (world->model.fetched, 77);
    assert_int_equal (world->model.fetch_err, ZLOOM_OK);
    assert_int_equal (world->model.chunk.seq, seq);
    assert_false (s_is_in_use (world, segment));
    assert_true (zloom_model_flush (&world->model));
    assert_true (zloom_model_read_all (&world->model));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_what_was_asked_for_is_read_first, s_begin, s_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
