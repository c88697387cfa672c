/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How old messages are read: as the system likes while nobody writes, around its cache while
 * somebody waits for a group; whoever reads in order finds the next group in memory already; and no
 * segment is used again while somebody still reads it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/format.h"
#include "journal/log.h"
#include "journal/slot.h"
#include "simdisk/simdisk.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES (64u * 1024)
#define PACK_BYTES 6000u
/* Enough for the first segments to be moved to cold ones. */
#define PACKS 120u
/* More than a move and its record take. */
#define TURNS 200
/* Files that were told to go around the system's cache. */
static unsigned s_bypassed;

static void
s_bypass (zloom_vfs_t *vfs, zloom_file_t *file)
{
    (void) vfs;
    (void) file;
    s_bypassed++;
}

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_config_t config;
    zloom_model_t model;
} world_t;

static int
s_begin (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (1);
    zloom_simdisk_vfs (world->disk)->bypass = s_bypass;
    world->config = (zloom_journal_config_t){.vfs = zloom_simdisk_vfs (world->disk),
                                             .directory = "j",
                                             .segment_bytes = SEGMENT_BYTES,
                                             .hot_bytes = 4 * SEGMENT_BYTES,
                                             .tail_cache_bytes = 1,
                                             .manual = true,
                                             .seed = 1};
    zloom_model_init (&world->model, 1);
    assert_int_equal (zloom_model_open (&world->model, &world->config), ZLOOM_OK);
    assert_int_equal (zloom_journal_flow (world->model.journal, "flow-1"), 1);
    assert_true (zloom_model_fill (&world->model, 1, PACKS, 1, PACK_BYTES));
    zloom_model_turn (&world->model, 20, 100 * ZLOOM_NS_PER_MS);
    s_bypassed = 0;
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

/* Read the pack that holds this number from the disk. */
static void
s_fetch_of (world_t *world, uint32_t flow, uint64_t seq)
{
    zloom_chunk_t chunk;
    assert_int_equal (zloom_journal_lookup (world->model.journal, flow, seq, &chunk), ZLOOM_AGAIN);
    zloom_journal_fetch (world->model.journal, flow, seq, seq);
    zloom_model_turn (&world->model, 4, 0);
    assert_int_equal (world->model.fetched, seq);
    assert_int_equal (world->model.fetch_err, ZLOOM_OK);
}

static void
s_fetch (world_t *world, uint64_t seq)
{
    s_fetch_of (world, 1, seq);
}

static bool
s_is_here (const world_t *world, uint32_t flow, uint64_t seq)
{
    zloom_chunk_t chunk;
    const zloom_err_t err = zloom_journal_lookup (world->model.journal, flow, seq, &chunk);
    if (err == ZLOOM_OK) {
        zloom_blob_unref (&chunk.blob);
    }
    return err == ZLOOM_OK;
}

/* The first number from `seq` on that is not in memory. */
static uint64_t
s_end_of_run (const world_t *world, uint32_t flow, uint64_t seq)
{
    while (s_is_here (world, flow, seq)) {
        seq++;
    }
    return seq;
}

static uint64_t
s_fetches (const world_t *world)
{
    zloom_journal_stats_t stats;
    zloom_journal_stats (world->model.journal, &stats);
    return stats.fetches;
}

/* Look for what is not in memory, which brings it: so many times. */
static void
s_read_on (world_t *world, uint64_t *next, unsigned groups)
{
    for (unsigned i = 0; i < groups; i++) {
        *next = s_end_of_run (world, 1, *next);
        zloom_model_turn (&world->model, 4, 0);
        assert_true (s_is_here (world, 1, *next));
    }
}

static void
test_only_beside_a_writer_the_cache_is_gone_around (void **state)
{
    world_t *world = *state;
    uint64_t next = 1;
    s_fetch (world, 1);
    s_read_on (world, &next, 1);
    assert_int_equal (s_bypassed, 0);
    assert_int_equal (zloom_model_send (&world->model, 1, 1, 100), ZLOOM_OK);
    assert_true (zloom_model_flush (&world->model));
    s_bypassed = 0;
    s_read_on (world, &next, 1);
    assert_int_equal (s_bypassed, ZLOOM_LOOK_GROUPS);
    /* A second without a pack, and nobody is thought to wait for the disk. */
    zloom_model_turn (&world->model, 11, 100 * ZLOOM_NS_PER_MS);
    s_bypassed = 0; /* what is moved is written around the cache, too */
    s_read_on (world, &next, 1);
    assert_int_equal (s_bypassed, 0);
}

/* The first group is fetched, the others are there when they are looked for. */
static void
test_who_reads_in_order_finds_the_next_group (void **state)
{
    world_t *world = *state;
    s_fetch (world, 1);
    uint64_t next = 1;
    for (int group = 0; group < 3; group++) {
        const uint64_t end = s_end_of_run (world, 1, next);
        assert_true (end > next && end < PACKS / 2);
        zloom_model_turn (&world->model, 4, 0);
        assert_true (s_is_here (world, 1, end));
        next = end;
    }
    assert_int_equal (s_fetches (world), 1);
}

/* So many at once that two groups for each would not stay in memory until they are looked for. */
static void
test_who_read_at_once_do_not_push_each_other_out (void **state)
{
    enum { FLOWS = ZLOOM_MODEL_FLOWS - 1 };
    world_t *world = *state;
    uint64_t next[FLOWS + 1];
    for (uint32_t flow = 2; flow <= FLOWS; flow++) {
        char name[16];
        (void) snprintf (name, sizeof name, "flow-%u", flow);
        assert_int_equal (zloom_journal_flow (world->model.journal, name), flow);
        assert_true (zloom_model_fill (&world->model, flow, PACKS, 1, PACK_BYTES));
    }
    assert_true (zloom_model_fill (&world->model, 1, PACKS, 1, PACK_BYTES));
    zloom_model_turn (&world->model, 11, 100 * ZLOOM_NS_PER_MS);
    for (uint32_t flow = 1; flow <= FLOWS; flow++) {
        s_fetch_of (world, flow, 1);
        next[flow] = 1;
    }
    for (int group = 0; group < 4; group++) {
        for (uint32_t flow = 1; flow <= FLOWS; flow++) {
            assert_true (s_is_here (world, flow, next[flow]));
            next[flow] = s_end_of_run (world, flow, next[flow]);
        }
        zloom_model_turn (&world->model, 4 * FLOWS, 0);
    }
    assert_int_equal (s_fetches (world), FLOWS);
}

static void
test_who_reads_here_and_there_costs_no_more (void **state)
{
    world_t *world = *state;
    s_fetch (world, 20);
    const uint64_t end = s_end_of_run (world, 1, 20);
    zloom_model_turn (&world->model, 4, 0);
    assert_false (s_is_here (world, 1, end));
}

/* What is being read already is not read twice, whichever of its numbers is asked for. */
static void
test_asked_for_while_it_is_read (void **state)
{
    world_t *world = *state;
    s_fetch (world, 1);
    const uint64_t next = s_end_of_run (world, 1, 1); /* ... whose group is on its way now */
    const uint64_t calls = zloom_simdisk_calls (world->disk);
    zloom_journal_fetch (world->model.journal, 1, next + 1, 77);
    zloom_model_turn (&world->model, 4, 0);
    assert_int_equal (world->model.fetched, 77);
    assert_int_equal (world->model.fetch_err, ZLOOM_OK);
    assert_int_equal (world->model.chunk.seq, next + 1);
    /* Open and read, of this group and of those behind it. */
    assert_int_equal (zloom_simdisk_calls (world->disk) - calls, 2 + 2 * ZLOOM_LOOK_GROUPS);
    assert_int_equal (s_fetches (world), 2);
}

/* A byte of the pack that begins the cold group with this number; NULL: not in this file. */
static uint8_t *
s_byte_in (const world_t *world, const zloom_log_key_t *key, unsigned file, uint64_t seq)
{
    char path[64];
    size_t size = 0;
    (void) snprintf (path, sizeof path, "j/cold-1-%010u", file);
    uint8_t *cold = zloom_simdisk_content (world->disk, path, &size);
    for (size_t at = 0; cold && at < size; at += ZLOOM_BLOCK_BYTES) {
        const zloom_place_t place = {1, file, (uint32_t) at};
        zloom_group_header_t header;
        zloom_entry_t entry;
        if (zloom_group_header_decode (cold + at, key, &place, &header)) {
            zloom_record_reader_t directory = zloom_record_reader (
              zloom_bytes (cold + at + ZLOOM_GROUP_HEADER_BYTES, header.directory_bytes));
            if (zloom_entry_next (&directory, &entry) && entry.seq == seq) {
                return cold + at + ZLOOM_GROUP_HEADER_BYTES + header.directory_bytes + 100;
            }
        }
    }
    return NULL;
}

static uint8_t *
s_byte_of (const world_t *world, uint64_t seq)
{
    zloom_slot_t slot;
    assert_int_equal (zloom_slot_read (world->config.vfs, "j", 0, &slot), ZLOOM_OK);
    uint8_t *byte = NULL;
    for (unsigned file = 1; file < 10 && !byte; file++) {
        byte = s_byte_in (world, &slot.key, file, seq);
    }
    zloom_slot_fini (&slot);
    assert_non_null (byte);
    return byte;
}

/* Damage in what was read too early is told to who asks for it, and to nobody else. */
static void
test_damage_in_what_is_read_before_it_is_asked_for (void **state)
{
    world_t *world = *state;
    s_fetch (world, 1);
    const uint64_t next = s_end_of_run (world, 1, 1);
    *s_byte_of (world, next) ^= 1;
    zloom_journal_fetch (world->model.journal, 1, next + 1, 77);
    zloom_model_turn (&world->model, 8, 0);
    assert_int_equal (world->model.fetched, 77);
    assert_int_equal (world->model.fetch_err, ZLOOM_OK);
    assert_int_equal (world->model.chunk.seq, next + 1);
    zloom_journal_fetch (world->model.journal, 1, next, 78);
    zloom_model_turn (&world->model, 8, 0);
    assert_int_equal (world->model.fetched, 78);
    assert_int_equal (world->model.fetch_err, ZLOOM_DAMAGED);
    *s_byte_of (world, next) ^= 1;
}

static zloom_log_t *
s_log (const world_t *world)
{
    return (zloom_log_t *) world->model.journal;
}

/* Messages are sent, written and moved, but the thread that reads gets no time. */
static void
s_turn_without_reads (world_t *world)
{
    (void) zloom_model_send (&world->model, 1, 1, PACK_BYTES); /* as far as there is room */
    (void) zloom_journal_seal (world->model.journal, world->model.now);
    while (zloom_jobs_step (s_log (world)->commits) ||
           zloom_jobs_step (s_log (world)->background)) {
    }
    world->model.now.mono_ns += ZLOOM_NS_PER_MS;
    zloom_journal_poll (world->model.journal, world->model.now);
}

static bool
s_is_in_use (const world_t *world, uint64_t segment)
{
    bool in_use = false;
    for (size_t i = 0; i < s_log (world)->segment_count; i++) {
        in_use = in_use || s_log (world)->segments[i].number == segment;
    }
    return in_use;
}

/*
 * Reads and moves are taken by threads of their own: what was asked for before a move may be read
 * long after it, and the segment is not used again until then.
 */
static void
test_a_segment_waits_for_what_was_asked_of_it (void **state)
{
    world_t *world = *state;
    const uint64_t segment = s_log (world)->segments[0].number;
    const zloom_index_t *index = &s_log (world)->flows[1]->index;
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
    assert_int_equal (s_log (world)->moved_segment, segment);
    assert_true (s_log (world)->durable >= s_log (world)->moved_after);
    assert_true (s_is_in_use (world, segment));
    while (zloom_jobs_step (s_log (world)->reads)) {
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
      cmocka_unit_test_setup_teardown (test_only_beside_a_writer_the_cache_is_gone_around, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_who_reads_in_order_finds_the_next_group, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_who_read_at_once_do_not_push_each_other_out, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_who_reads_here_and_there_costs_no_more, s_begin, s_end),
      cmocka_unit_test_setup_teardown (test_asked_for_while_it_is_read, s_begin, s_end),
      cmocka_unit_test_setup_teardown (test_damage_in_what_is_read_before_it_is_asked_for, s_begin,
                                       s_end),
      cmocka_unit_test_setup_teardown (test_a_segment_waits_for_what_was_asked_of_it, s_begin,
                                       s_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
