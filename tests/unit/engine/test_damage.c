/* SPDX-License-Identifier: MPL-2.0 */
/* A log that lost groups opens: what is lost is named, all else is delivered. */
#include "unit/engine/peers.h"

#include "journal/format.h"
#include "journal/slot.h"

#define HOT_1 "/log/hot-0000000001"
#define SENDS 4u
#define PER_SEND 3u

static zloom_engine_flow_t s_flows[2]; /* orders, bills */

/* The group of the first segment that holds such a record; changes a byte of its header. */
static void
s_damage (rig_t *rig, uint16_t type, uint32_t flow, uint64_t seq)
{
    zloom_slot_t slot;
    size_t size;
    assert_int_equal (zloom_slot_read (zloom_simdisk_vfs (rig->disk), "/log", 0, &slot), ZLOOM_OK);
    uint8_t *data = zloom_simdisk_content (rig->disk, HOT_1, &size);
    assert_non_null (data);
    bool found = false;
    for (size_t at = 0; at < size && !found; at += ZLOOM_BLOCK_BYTES) {
        const zloom_place_t place = {0, 1, (uint32_t) at};
        zloom_group_header_t header;
        if (!zloom_group_header_decode (data + at, &slot.key, &place, &header)) {
            continue;
        }
        zloom_record_reader_t directory = zloom_record_reader (
          zloom_bytes (data + at + ZLOOM_GROUP_HEADER_BYTES, header.directory_bytes));
        zloom_entry_t entry;
        while (zloom_entry_next (&directory, &entry) && !found) {
            found = entry.type == type && entry.flow == flow && entry.seq == seq;
        }
        data[at + 96] ^= found ? 1 : 0; /* its time: only the checksum tells */
    }
    zloom_slot_fini (&slot);
    assert_true (found);
}

/* SENDS times PER_SEND messages to both flows by turns, each in a group of its own. */
static void
s_fill (rig_t *rig)
{
    rig_hello (rig, 1, "shop", 1, "orders");
    rig_hello (rig, 2, "desk", 2, "bills");
    for (unsigned i = 0; i < SENDS; i++) {
        rig_put_send (rig, 1, 1 + i * PER_SEND, PER_SEND);
        rig_settle (rig);
        rig_put_send (rig, 2, 1 + i * PER_SEND, PER_SEND);
        rig_settle (rig);
    }
}

static void
s_start (rig_t *rig)
{
    const zloom_err_t err = rig_start (rig);
    if (err != ZLOOM_OK) {
        fail_msg ("start: %s: %s", zloom_err_name (err), zloom_note ());
    }
}

/* Every number up to `end` that the flow delivers, as bits. */
static uint64_t
s_delivered (rig_t *rig, zloom_route_t route, const char *flow)
{
    uint64_t seen = 0;
    rig_consumer (rig, route, flow, flow, 100);
    rig_run (rig, ZLOOM_NS_PER_S / 2);
    while (rig_take (rig, route, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            for (uint32_t k = 0; k < rig->verb.deliver.runs[i].n; k++) {
                seen |= UINT64_C (1) << (rig->verb.deliver.runs[i].seq + k);
            }
        }
    }
    return seen;
}

/* Numbers 1 to SENDS * PER_SEND. */
static uint64_t
s_all (void)
{
    return ((UINT64_C (1) << (SENDS * PER_SEND)) - 1) << 1;
}

static uint64_t
s_holes (const rig_t *rig)
{
    zloom_journal_stats_t stats;
    zloom_journal_stats (rig->journal, &stats);
    return stats.holes;
}

static void
test_a_lost_group_is_a_hole_in_its_flow_only (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 2);
    s_fill (&rig);
    rig_stop (&rig);
    s_damage (&rig, ZLOOM_RECORD_PACK, 1, 4);
    s_start (&rig);
    assert_int_equal (s_holes (&rig), 1);
    assert_true (s_delivered (&rig, 3, "bills") == s_all ());
    assert_true (s_delivered (&rig, 4, "orders") == (s_all () & ~(UINT64_C (7) << 4)));
    /* Its producer goes on behind what it sent. */
    rig_hello (&rig, 5, "shop", 5, "orders");
    assert_int_equal (rig.verb.welcome.flows[0].high, SENDS * PER_SEND);
    rig_put_send (&rig, 5, SENDS * PER_SEND + 1, 1);
    rig_settle (&rig);
    rig_expect (&rig, 4, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig.verb.deliver.runs[0].seq, SENDS * PER_SEND + 1);
    rig_close (&rig);
}

/* The group that names the flows holds the first messages, too. The superblock has the names. */
static void
test_names_that_are_lost_in_the_log_are_in_the_superblock (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 2);
    s_fill (&rig);
    rig_stop (&rig);
    s_damage (&rig, ZLOOM_RECORD_FLOW, 1, 0);
    s_start (&rig);
    assert_true (s_delivered (&rig, 3, "bills") == s_all ());
    assert_true (s_delivered (&rig, 4, "orders") == (s_all () & ~(UINT64_C (7) << 1)));
    rig_close (&rig);
}

/* Keep the superblock as it was before the flows had names, and put it back later. */
static void
s_superblock (rig_t *rig, zloom_buf_t keep[2], bool back)
{
    for (unsigned i = 0; i < 2; i++) {
        size_t size;
        char *path = zloom_slot_path ("/log", i);
        uint8_t *data = zloom_simdisk_content (rig->disk, path, &size);
        free (path);
        if (!back) {
            zloom_buf_add_bytes (&keep[i], zloom_bytes (data, data ? size : 0));
        } else {
            assert_true (size >= keep[i].size && keep[i].size > 0);
            memcpy (data, keep[i].data, keep[i].size);
        }
    }
}

/*
 * With the names gone everywhere nothing is guessed: the router says which flow holds how much, and
 * a recipe that has a flow of that name gets the messages.
 */
static void
test_a_flow_whose_name_is_lost_is_asked_for (void **state)
{
    (void) state;
    zloom_buf_t keep[2] = {{0}, {0}};
    rig_t rig;
    rig_open (&rig, s_flows, 2);
    s_superblock (&rig, keep, false);
    s_fill (&rig);
    rig_stop (&rig);
    s_superblock (&rig, keep, true);
    s_damage (&rig, ZLOOM_RECORD_FLOW, 1, 0);
    assert_int_equal (rig_start (&rig), ZLOOM_RECIPE);
    assert_non_null (strstr (zloom_note (), "'lost-2' holds 12 unsettled messages"));
    rig_stop (&rig);

    const zloom_engine_flow_t lost[] = {s_flows[0], s_flows[1],
                                        rig_flow ("lost-1", ZLOOM_CONFIRM_DISK),
                                        rig_flow ("lost-2", ZLOOM_CONFIRM_DISK)};
    rig.flows = lost;
    rig.flow_count = sizeof lost / sizeof *lost;
    s_start (&rig);
    assert_true (s_delivered (&rig, 3, "lost-1") == (s_all () & ~(UINT64_C (7) << 1)));
    assert_true (s_delivered (&rig, 4, "lost-2") == s_all ());
    assert_true (s_delivered (&rig, 5, "orders") == 0);
    rig_close (&rig);
    zloom_buf_fini (&keep[0]);
    zloom_buf_fini (&keep[1]);
}

/* Stop in good order, or by a power cut 200 ms after the last send. */
static void
s_end (rig_t *rig, bool cut)
{
    if (!cut) {
        rig_stop (rig);
        return;
    }
    rig_run (rig, 200 * ZLOOM_NS_PER_MS);
    zloom_simdisk_power_off_after (rig->disk, 1);
    rig_stop (rig);
    zloom_simdisk_crash (rig->disk);
}

/*
 * The last group that holds messages is lost, and with it what it told of the producer who sent
 * them. A later group told it again: a new process of that name goes on behind what was confirmed,
 * with the mark that it left.
 */
static void
test_what_was_confirmed_is_not_asked_for_again (void **state)
{
    (void) state;
    for (int cut = 0; cut < 2; cut++) {
        rig_t rig;
        rig_open (&rig, s_flows, 2);
        s_fill (&rig);
        const zloom_verb_t send = {.kind = ZLOOM_VERB_SEND,
                                   .send = {.first_id = SENDS * PER_SEND + 1,
                                            .n = 1,
                                            .base_time_ns = rig.now.wall_ns,
                                            .mark = zloom_bytes_text ("page 7")}};
        zloom_buf_t pack = {0};
        rig_pack (&pack, send.send.first_id, 1, 10);
        rig_put (&rig, 1, &send, &pack);
        rig_settle (&rig);
        zloom_buf_fini (&pack);
        s_end (&rig, cut);
        s_damage (&rig, ZLOOM_RECORD_PACK, 2, 1 + (SENDS - 1) * PER_SEND);
        s_damage (&rig, ZLOOM_RECORD_PACK, 1, 1 + SENDS * PER_SEND);
        s_start (&rig);
        rig_hello (&rig, 3, "desk", 3, "bills");
        assert_int_equal (rig.verb.welcome.flows[0].high, SENDS * PER_SEND);
        rig_hello (&rig, 4, "shop", 4, "orders");
        assert_int_equal (rig.verb.welcome.flows[0].high, SENDS * PER_SEND + 1);
        assert_true (
          zloom_bytes_equal (rig.verb.welcome.flows[0].mark, zloom_bytes_text ("page 7")));
        assert_true (s_delivered (&rig, 5, "bills") == (s_all () & ~(UINT64_C (7) << 10)));
        rig_close (&rig);
    }
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[1] = rig_flow ("bills", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_lost_group_is_a_hole_in_its_flow_only),
      cmocka_unit_test (test_names_that_are_lost_in_the_log_are_in_the_superblock),
      cmocka_unit_test (test_a_flow_whose_name_is_lost_is_asked_for),
      cmocka_unit_test (test_what_was_confirmed_is_not_asked_for_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
