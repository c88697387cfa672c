/* SPDX-License-Identifier: MPL-2.0 */
/* Lanes alone: turns, parked slots, what is forgotten and added again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patterns/common/lanes.h"

static const uint64_t s_seed[2] = {1, 2};

/* Take everything that may be handed out now, up to `most`; the numbers in their order. */
static size_t
s_take (zloom_lanes_t *lanes, uint64_t *seqs, size_t most)
{
    size_t count = 0;
    for (size_t turns = zloom_lanes_waiting (lanes); turns > 0 && count < most; turns--) {
        uint32_t turn = 0;
        zloom_lane_t *lane = zloom_lanes_begin (lanes, &turn);
        zloom_lane_entry_t entry = {0};
        uint32_t handed = 0;
        while (handed < turn && count < most && zloom_lanes_front (lanes, lane, &entry)) {
            if (entry.barred) {
                zloom_lanes_set_aside (lanes, lane);
                continue;
            }
            seqs[count++] = entry.seq;
            zloom_lanes_take (lanes, lane);
            handed++;
        }
        zloom_lanes_end (lanes, lane, handed);
    }
    return count;
}

/* A slot of lane `lane`. */
static zloom_slot_t
s_slot (uint32_t lane, uint32_t place)
{
    return lane * 65536 + place;
}

/* What a lane has beyond its part is known, but does not count as work at hand. */
static void
lanes_count_only_a_part_of_a_deep_one (void **state)
{
    (void) state;
    enum { DEEP = ZLOOM_LANES_PART + 100 };
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    static uint64_t seqs[DEEP];
    for (uint64_t seq = 1; seq <= DEEP; seq++) {
        zloom_lanes_add (lanes, s_slot (7, 0), seq);
    }
    zloom_lanes_add (lanes, s_slot (8, 0), DEEP + 1);
    assert_int_equal (zloom_lanes_count (lanes), DEEP + 1);
    assert_int_equal (zloom_lanes_open (lanes), ZLOOM_LANES_PART + 1);
    assert_int_equal (s_take (lanes, seqs, 50), 50);
    assert_int_equal (zloom_lanes_open (lanes), ZLOOM_LANES_PART + 1);
    zloom_lanes_fail (lanes, 1); /* it blocks its slot: all of them go aside */
    for (uint64_t seq = 2; seq <= 50; seq++) {
        zloom_lanes_back (lanes, seq);
    }
    assert_int_equal (s_take (lanes, seqs, DEEP), 1);
    assert_int_equal (seqs[0], DEEP + 1);
    assert_int_equal (zloom_lanes_open (lanes), 0);
    zloom_lanes_due (lanes, 1);
    zloom_lanes_gone (lanes, 1, 1);
    zloom_lanes_gone (lanes, DEEP + 1, DEEP + 1);
    assert_int_equal (s_take (lanes, seqs, 1), 1);
    assert_int_equal (seqs[0],
                      1); /* its owner has not looked yet: it was settled while it waited */
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (zloom_lanes_open (lanes), ZLOOM_LANES_PART);
    assert_int_equal (s_take (lanes, seqs, DEEP), DEEP - 1);
    assert_int_equal (zloom_lanes_open (lanes), 0);
    assert_int_equal (zloom_lanes_count (lanes), 0);
    zloom_lanes_destroy (&lanes);
}

static void
lanes_hand_out_one_run_at_a_time (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[8] = {0};
    for (uint64_t seq = 1; seq <= 4; seq++) {
        zloom_lanes_add (lanes, s_slot (7, 0), seq);
        zloom_lanes_add (lanes, s_slot (7, 0), seq); /* twice changes nothing */
    }
    assert_int_equal (zloom_lanes_count (lanes), 4);
    assert_int_equal (s_take (lanes, seqs, 2), 2);
    assert_int_equal (seqs[1], 2);
    assert_int_equal (s_take (lanes, seqs, 8), 0);
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (s_take (lanes, seqs, 8), 0);
    zloom_lanes_back (lanes, 2);
    assert_int_equal (s_take (lanes, seqs, 8), 3);
    assert_int_equal (seqs[0], 2);
    zloom_lanes_gone (lanes, 0, UINT64_MAX - 1);
    assert_int_equal (zloom_lanes_waiting (lanes), 0);
    zloom_lanes_destroy (&lanes);
}

static void
lanes_park_a_slot_behind_its_blocker (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[8] = {0};
    zloom_slot_t slot;
    uint64_t later = 0;
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    zloom_lanes_add (lanes, s_slot (7, 1), 2);
    zloom_lanes_add (lanes, s_slot (7, 2), 3);
    assert_int_equal (s_take (lanes, seqs, 8), 3);
    zloom_lanes_fail (lanes, 1);
    assert_true (zloom_lanes_slot_of (lanes, 1, &slot));
    assert_true (zloom_lanes_later (lanes, slot, 1, &later));
    assert_int_equal (later, 2);
    zloom_lanes_back (lanes, 2);
    assert_false (zloom_lanes_later (lanes, slot, 1, &later));
    zloom_lanes_gone (lanes, 3, 3);
    zloom_lanes_add (lanes, s_slot (7, 2), 4);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 4);
    zloom_lanes_gone (lanes, 4, 4);
    zloom_lanes_due (lanes, 1);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 1);
    assert_int_equal (s_take (lanes, seqs, 8), 0);
    uint64_t cursor = 0;
    zloom_parked_t parked = {0};
    assert_true (zloom_lanes_next_parked (lanes, &cursor, &parked));
    assert_int_equal (parked.blocker, 1);
    assert_int_equal (parked.behind, 1);
    assert_false (zloom_lanes_next_parked (lanes, &cursor, &parked));
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 2);
    zloom_lanes_destroy (&lanes);
}

/*
 * A blocker with more behind it than may be set aside: its lane waits, keeps so much and forgets
 * the rest; its own retry still comes through, and afterwards the forgotten are asked for again.
 */
static void
lanes_that_wait_forget_and_ask_again (void **state)
{
    (void) state;
    const uint64_t all = ZLOOM_LANES_ASIDE + ZLOOM_LANES_WAITING + 1000;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    static uint64_t seqs[3 * ZLOOM_LANES_ASIDE];
    uint64_t from;
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    assert_int_equal (s_take (lanes, seqs, 1), 1);
    zloom_lanes_fail (lanes, 1);
    for (uint64_t seq = 2; seq <= all; seq++) {
        zloom_lanes_add (lanes, s_slot (7, 1), seq);
        if (seq % 100 == 0) {
            assert_int_equal (s_take (lanes, seqs, 1), 0);
        }
    }
    zloom_lanes_add (lanes, s_slot (8, 1), all + 1); /* another lane goes on */
    assert_int_equal (s_take (lanes, seqs, 2), 1);
    assert_int_equal (seqs[0], all + 1);
    assert_true (zloom_lanes_count (lanes) <= ZLOOM_LANES_ASIDE + ZLOOM_LANES_WAITING + 1);
    assert_int_equal (zloom_lanes_open (lanes), 0);
    assert_false (zloom_lanes_rewind (lanes, &from));
    zloom_lanes_due (lanes, 1);
    assert_int_equal (s_take (lanes, seqs, 2), 1);
    assert_int_equal (seqs[0], 1);
    zloom_lanes_gone (lanes, 1, 1);
    assert_true (zloom_lanes_rewind (lanes, &from));
    const uint64_t kept = zloom_lanes_count (lanes);
    assert_int_equal (from, kept + 2); /* behind those that are kept, which begin with 2 */
    assert_int_equal (zloom_lanes_open (lanes), kept);
    assert_false (zloom_lanes_rewind (lanes, &from));
    for (uint64_t seq = 2; seq <= all; seq++) {
        zloom_lanes_add (lanes, s_slot (7, 1), seq);
    }
    assert_int_equal (zloom_lanes_count (lanes), all - 1);
    assert_true (kept < all - 1);
    assert_int_equal (s_take (lanes, seqs, 3 * ZLOOM_LANES_ASIDE), all - 1);
    for (uint64_t seq = 2; seq <= all; seq++) {
        assert_int_equal (seqs[seq - 2], seq);
    }
    zloom_lanes_destroy (&lanes);
}

/* Who fails a later message of a key first does not turn the order round. */
static void
lanes_let_the_first_that_failed_block (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[4] = {0};
    uint32_t turn = 0;
    zloom_lane_entry_t entry = {0};
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    zloom_lanes_add (lanes, s_slot (7, 1), 2);
    assert_int_equal (s_take (lanes, seqs, 4), 2);
    zloom_lanes_fail (lanes, 2); /* 1 is still out */
    assert_int_equal (s_take (lanes, seqs, 4), 0);
    zloom_lanes_back (lanes, 1);
    zloom_lane_t *lane = zloom_lanes_begin (lanes, &turn);
    assert_true (zloom_lanes_front (lanes, lane, &entry));
    assert_int_equal (entry.seq, 1);
    assert_false (entry.barred);
    zloom_lanes_take (lanes, lane);
    zloom_lanes_end (lanes, lane, 1);
    zloom_lanes_fail (lanes, 1);
    assert_int_equal (s_take (lanes, seqs, 4), 0); /* 2 is set aside */
    zloom_lanes_due (lanes, 1);
    assert_int_equal (s_take (lanes, seqs, 4), 1);
    assert_int_equal (seqs[0], 1);
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (s_take (lanes, seqs, 4), 1);
    assert_int_equal (seqs[0], 2);
    zloom_lanes_destroy (&lanes);
}

/* A purged blocker frees its slot when it comes to the front. */
static void
lanes_go_on_when_a_blocker_leaves_by_another_way (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[4] = {0};
    uint32_t turn = 0;
    zloom_lane_entry_t entry = {0};
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    zloom_lanes_add (lanes, s_slot (7, 1), 2);
    assert_int_equal (s_take (lanes, seqs, 1), 1);
    zloom_lanes_fail (lanes, 1);
    assert_int_equal (s_take (lanes, seqs, 1), 0);
    zloom_lanes_due (lanes, 1);
    zloom_lane_t *lane = zloom_lanes_begin (lanes, &turn);
    assert_true (zloom_lanes_front (lanes, lane, &entry));
    assert_true (entry.blocker);
    zloom_lanes_drop (lanes, lane);
    zloom_lanes_end (lanes, lane, 0);
    assert_int_equal (s_take (lanes, seqs, 4), 1);
    assert_int_equal (seqs[0], 2);
    zloom_lanes_destroy (&lanes);
}

/* A slot waits for one that is in no list any more until that is gone; its lane goes on. */
static void
lanes_hold_a_slot_behind_what_is_on_its_way_out (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[8] = {0};
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    zloom_lanes_add (lanes, s_slot (7, 1), 2);
    assert_int_equal (s_take (lanes, seqs, 8), 2);
    zloom_lanes_gone (lanes, 1, 2);
    zloom_lanes_hold (lanes, s_slot (7, 1), 2);
    zloom_lanes_hold (lanes, s_slot (7, 1), 2); /* twice changes nothing */
    zloom_lanes_add (lanes, s_slot (7, 1), 3);
    zloom_lanes_add (lanes, s_slot (7, 2), 4);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 4);
    zloom_lanes_gone (lanes, 4, 4);
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (s_take (lanes, seqs, 8), 0);
    zloom_lanes_gone (lanes, 2, 2);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 3);
    zloom_lanes_destroy (&lanes);
}

/* It waits for the first: a later one that had failed waits in its turn. */
static void
lanes_hold_a_slot_before_what_had_failed (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 1);
    uint64_t seqs[8] = {0};
    zloom_lanes_add (lanes, s_slot (7, 1), 1);
    zloom_lanes_add (lanes, s_slot (7, 1), 2);
    assert_int_equal (s_take (lanes, seqs, 8), 2);
    zloom_lanes_gone (lanes, 1, 1);
    zloom_lanes_fail (lanes, 2);
    zloom_lanes_hold (lanes, s_slot (7, 1), 1);
    assert_int_equal (s_take (lanes, seqs, 8), 0);
    zloom_lanes_hold (lanes, s_slot (7, 1), 2); /* the first is waited for all the same */
    zloom_lanes_gone (lanes, 1, 1);
    assert_int_equal (s_take (lanes, seqs, 8), 1);
    assert_int_equal (seqs[0], 2);
    zloom_lanes_destroy (&lanes);
}

static void
lanes_tell_which_are_deepest (void **state)
{
    (void) state;
    zloom_lanes_t *lanes = zloom_lanes_new (s_seed, 100);
    zloom_lane_row_t rows[2];
    uint64_t seq = 100;
    for (uint32_t lane = 0; lane < 5; lane++) {
        for (uint32_t i = 0; i <= lane; i++) {
            zloom_lanes_add (lanes, s_slot (lane, 0), seq++);
        }
    }
    assert_int_equal (zloom_lanes_deepest (lanes, rows, 2), 2);
    assert_int_equal (rows[0].lane, 4);
    assert_int_equal (rows[0].messages, 5);
    assert_int_equal (rows[0].first, 110);
    assert_int_equal (rows[1].lane, 3);
    zloom_lanes_destroy (&lanes);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (lanes_count_only_a_part_of_a_deep_one),
      cmocka_unit_test (lanes_hand_out_one_run_at_a_time),
      cmocka_unit_test (lanes_park_a_slot_behind_its_blocker),
      cmocka_unit_test (lanes_that_wait_forget_and_ask_again),
      cmocka_unit_test (lanes_let_the_first_that_failed_block),
      cmocka_unit_test (lanes_go_on_when_a_blocker_leaves_by_another_way),
      cmocka_unit_test (lanes_hold_a_slot_behind_what_is_on_its_way_out),
      cmocka_unit_test (lanes_hold_a_slot_before_what_had_failed),
      cmocka_unit_test (lanes_tell_which_are_deepest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
