/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A torn group at the end of the log, and what is written after it where it cannot be written over:
 * in the next segment, since the file has become shorter or since too little is left of this one.
 * The torn one keeps its number and its predecessor; it may not come between what was confirmed
 * later and who needs that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal/format.h"
#include "journal/slot.h"
#include "simdisk/simdisk.h"

#define SEGMENT_BYTES (64u * 1024)
#define HOT_1 "j/hot-0000000001"
#define PACK_BYTES 3000u
#define PACKS_MOST 64u

typedef struct {
    zloom_simdisk_t *disk;
    zloom_journal_t *journal;
    zloom_now_t now;
    bool replayed[PACKS_MOST];
    uint64_t end; /* of flow 1 */
    uint64_t fetched;
} world_t;

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    (void) arg;
    (void) flow;
    (void) name;
    return ZLOOM_OK;
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    (void) arg;
    (void) flow;
    (void) snapshot;
    return ZLOOM_OK;
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    world_t *world = arg;
    if (record->flow == 1 && record->type == ZLOOM_RECORD_PACK) {
        world->replayed[record->seq] = true;
    }
    if (record->flow == 1 && record->seq + record->count > world->end) {
        world->end = record->seq + record->count;
    }
    return ZLOOM_OK;
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    (void) arg;
    zloom_buf_add_u64 (out, flow);
}

static bool
s_next_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    (void) arg;
    (void) flow;
    *run = (zloom_range_t){from, last};
    return true;
}

static void
s_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    world_t *world = arg;
    assert_int_equal (err, ZLOOM_OK);
    assert_int_equal (chunk->payload.size, PACK_BYTES);
    assert_int_equal (chunk->payload.data[0], cookie);
    assert_int_equal (chunk->payload.data[PACK_BYTES - 1], cookie);
    zloom_blob_unref (&chunk->blob);
    world->fetched++;
}

static void
s_open (world_t *world)
{
    const zloom_journal_config_t config = {.vfs = zloom_simdisk_vfs (world->disk),
                                           .directory = "j",
                                           .segment_bytes = SEGMENT_BYTES,
                                           .hot_bytes = 4 * SEGMENT_BYTES,
                                           .tail_cache_bytes = 1,
                                           .manual = true,
                                           .seed = 5};
    const zloom_journal_owner_t owner = {.arg = world,
                                         .flow = s_flow,
                                         .restore = s_restore,
                                         .replay = s_replay,
                                         .snapshot = s_snapshot,
                                         .next_live = s_next_live,
                                         .fetched = s_fetched};
    memset (world->replayed, 0, sizeof world->replayed);
    world->end = 1;
    assert_int_equal (zloom_log_open (&config, &owner, world->now, &world->journal), ZLOOM_OK);
}

static void
s_flush (world_t *world)
{
    const uint64_t group = zloom_journal_seal (world->journal, world->now);
    while (zloom_journal_durable (world->journal) < group) {
        while (zloom_journal_work (world->journal)) {
        }
        zloom_journal_poll (world->journal, world->now);
    }
}

/* A pack of one message; its number. */
static uint64_t
s_stage (world_t *world)
{
    uint8_t *data = NULL;
    zloom_blob_t *blob = zloom_blob_new_empty (PACK_BYTES, &data);
    memset (data, (int) world->end, PACK_BYTES);
    const zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                                   .critical = true,
                                   .flow = 1,
                                   .seq = world->end,
                                   .count = 1,
                                   .payload = zloom_bytes (data, PACK_BYTES)};
    assert_int_equal (zloom_journal_room (world->journal, 1, PACK_BYTES, true), ZLOOM_OK);
    zloom_journal_stage (world->journal, &record, blob);
    zloom_blob_unref (&blob);
    return world->end++;
}

/* In a group of its own, one block long. */
static uint64_t
s_send (world_t *world)
{
    const uint64_t number = s_stage (world);
    s_flush (world);
    return number;
}

/* As many flows as make a boot's first group longer than a block. */
static void
s_name_flows (world_t *world, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        char name[16];
        (void) snprintf (name, sizeof name, "f%u", i);
        assert_int_equal (zloom_journal_flow (world->journal, name), i);
    }
    s_flush (world);
}

/* Where the group with this number stands in the first segment. */
static size_t
s_place_of (world_t *world, uint64_t number)
{
    size_t size = 0;
    const uint8_t *data = zloom_simdisk_content (world->disk, HOT_1, &size);
    for (size_t at = 0; at < size; at += ZLOOM_BLOCK_BYTES) {
        if (memcmp (data + at, "ZLG1", 4) == 0 && zloom_get_u64 (data + at + 48) == number) {
            return at;
        }
    }
    fail_msg ("group %u is not in the first segment", (unsigned) number);
    return 0;
}

/* The machine stops here: the disk as it stands, with nothing open. */
static void
s_stop (world_t *world)
{
    zloom_simdisk_t *disk = zloom_simdisk_copy (world->disk);
    zloom_journal_close (&world->journal);
    zloom_simdisk_destroy (&world->disk);
    world->disk = disk;
}

/* Let what the superblock is to tell reach the disk. */
static void
s_rest (world_t *world)
{
    for (int turn = 0; turn < 8; turn++) {
        while (zloom_journal_work (world->journal)) {
        }
        zloom_journal_poll (world->journal, world->now);
    }
}

/* Three boots store messages: each later one has all of them. */
static void
s_live_on (world_t *world)
{
    uint64_t stored[3];
    for (size_t boot = 0; boot < 4; boot++) {
        s_open (world);
        for (size_t i = 0; i < boot; i++) {
            assert_true (world->replayed[stored[i]]);
            zloom_journal_fetch (world->journal, 1, stored[i], stored[i]);
        }
        world->fetched = 0;
        while (zloom_journal_work (world->journal)) {
        }
        zloom_journal_poll (world->journal, world->now);
        assert_int_equal (world->fetched, boot);
        if (boot < 3) {
            stored[boot] = s_send (world);
            (void) s_send (world);
        }
        s_stop (world);
    }
    s_open (world);
    assert_true (world->replayed[stored[0]] && world->replayed[stored[2] + 1]);
    zloom_journal_close (&world->journal);
}

static int
s_setup (void **state)
{
    world_t *world = calloc (1, sizeof *world);
    world->disk = zloom_simdisk_new (3);
    world->now = (zloom_now_t){ZLOOM_NS_PER_S, 1700000000 * ZLOOM_NS_PER_S};
    s_open (world);
    *state = world;
    return 0;
}

static int
s_teardown (void **state)
{
    world_t *world = *state;
    zloom_simdisk_destroy (&world->disk);
    free (world);
    return 0;
}

static void
test_the_file_ends_within_the_last_group (void **state)
{
    world_t *world = *state;
    s_name_flows (world, 1);
    (void) s_send (world);
    (void) s_send (world);
    const size_t at = s_place_of (world, zloom_journal_durable (world->journal));
    s_stop (world);
    zloom_simdisk_cut (world->disk, HOT_1, at + PACK_BYTES / 2);
    s_live_on (world);
}

static void
test_too_little_is_left_behind_the_torn_group (void **state)
{
    world_t *world = *state;
    size_t at = 0;
    s_name_flows (world, 400);
    while (at + ZLOOM_BLOCK_BYTES < SEGMENT_BYTES) {
        (void) s_send (world);
        at = s_place_of (world, zloom_journal_durable (world->journal));
    }
    s_stop (world);
    size_t size = 0;
    uint8_t *data = zloom_simdisk_content (world->disk, HOT_1, &size);
    memset (data + at + 512, 0, 512); /* a sector that was not written before the power went */
    s_live_on (world);
}

/* The group before the torn one is damaged: its number and the torn one's are used up. */
static void
test_a_damaged_group_before_the_torn_one (void **state)
{
    world_t *world = *state;
    s_name_flows (world, 1);
    (void) s_send (world);
    (void) s_send (world);
    const size_t before = s_place_of (world, zloom_journal_durable (world->journal));
    (void) s_send (world);
    const size_t at = s_place_of (world, zloom_journal_durable (world->journal));
    s_stop (world);
    size_t size = 0;
    memset (zloom_simdisk_content (world->disk, HOT_1, &size) + before, 0, ZLOOM_BLOCK_BYTES);
    zloom_simdisk_cut (world->disk, HOT_1, at + PACK_BYTES / 2);
    s_live_on (world);
}

/* No later group attests the last one, but the superblock does: what is whole in it is read. */
static void
test_what_the_superblock_attests_is_no_tail (void **state)
{
    world_t *world = *state;
    assert_int_equal (zloom_journal_flow (world->journal, "f1"), 1);
    const uint64_t first = s_stage (world);
    const uint64_t second = s_stage (world);
    s_flush (world);
    s_rest (world);
    zloom_slot_t slots[2];
    const uint64_t last = zloom_journal_durable (world->journal);
    uint64_t known = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (zloom_slot_read (zloom_simdisk_vfs (world->disk), "j", i, &slots[i]) == ZLOOM_OK) {
            known = slots[i].durable > known ? slots[i].durable : known;
        }
        zloom_slot_fini (&slots[i]);
    }
    assert_int_equal (known, last);
    const size_t at = s_place_of (world, last);
    s_stop (world);
    size_t size = 0;
    uint8_t *data = zloom_simdisk_content (world->disk, HOT_1, &size);
    data[at + zloom_get_u32 (data + at + 72) - 1] ^= 1; /* the end of the second pack */
    s_open (world);
    assert_true (world->replayed[first]);
    assert_false (world->replayed[second]);
    zloom_journal_close (&world->journal);
}

/* Boots that store messages and close, so that each leaves superblocks of its own. */
static void
s_close_on (world_t *world)
{
    uint64_t stored[3];
    for (size_t boot = 0; boot < 4; boot++) {
        s_open (world);
        for (size_t i = 0; i < boot; i++) {
            assert_true (world->replayed[stored[i]]);
            zloom_journal_fetch (world->journal, 1, stored[i], stored[i]);
        }
        world->fetched = 0;
        s_rest (world);
        assert_int_equal (world->fetched, boot);
        if (boot < 3) {
            stored[boot] = s_send (world);
        }
        zloom_journal_close (&world->journal);
    }
}

/* Replay starts in a segment of which nothing is left: what comes behind it counts all the same. */
static void
test_the_only_segment_is_lost (void **state)
{
    world_t *world = *state;
    s_name_flows (world, 1);
    (void) s_send (world);
    s_rest (world);
    s_stop (world);
    zloom_simdisk_cut (world->disk, HOT_1, 0);
    s_close_on (world);
}

static void
test_the_segment_where_replay_starts_is_lost (void **state)
{
    world_t *world = *state;
    s_name_flows (world, 1);
    s_rest (world);
    for (size_t i = 0; i < SEGMENT_BYTES / ZLOOM_BLOCK_BYTES; i++) {
        (void) s_send (world);
    }
    const uint64_t last = s_send (world);
    s_stop (world);
    zloom_simdisk_cut (world->disk, HOT_1, 0);
    s_open (world);
    assert_true (world->replayed[last]);
    zloom_journal_close (&world->journal);
    s_open (world);
    assert_true (world->replayed[last]);
    zloom_journal_close (&world->journal);
    s_close_on (world);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_the_file_ends_within_the_last_group, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_too_little_is_left_behind_the_torn_group, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_damaged_group_before_the_torn_one, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_the_superblock_attests_is_no_tail, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_the_only_segment_is_lost, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_the_segment_where_replay_starts_is_lost, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests_name ("journal.tail", tests, NULL, NULL);
}
