/* SPDX-License-Identifier: MPL-2.0 */
/* A copy of a bus: numbers that do not come, who is told of them, and that nothing counts them. */
#include "unit/bus/hall_say.h"

static hall_t *
s_copy (int64_t limit)
{
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.copy_of = "hub";
    config.copy_of_memory = true;
    config.limit_messages = limit;
    config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    return hall_new (&config);
}

static void
s_go_on (hall_t *hall, uint64_t seq, uint64_t count, bool restart)
{
    const zloom_event_t event = {
      .type = ZLOOM_EVENT_PASS,
      .pass = {.seq = seq, .missed = true, .count = count, .restart = restart}};
    hall_feed (hall, &event);
}

/* Nothing is lost, it is only for others. */
static void
s_skip (hall_t *hall, uint64_t seq, uint64_t born)
{
    const zloom_event_t event = {.type = ZLOOM_EVENT_PASS, .pass = {.seq = seq, .born = born}};
    hall_feed (hall, &event);
}

static void
copy_begins_where_it_is_told (void **state)
{
    (void) state;
    hall_t *hall = s_copy (100);
    s_skip (hall, 1000, 0);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 990});
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    hall_publish (hall, "a a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1000-1001");
    hall_expect (hall, 2, "gap990-999:10(edge) 1000-1001");
    assert_int_equal (hall->forgotten, 1002);
    hall_destroy (hall);
}

static void
copy_tells_of_holes_in_their_place (void **state)
{
    (void) state;
    hall_t *hall = s_copy (100);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_join (hall, 2, (hall_wish_t){.patterns = "b"});
    hall_join (hall, 3, (hall_wish_t){0});
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    hall_credit (hall, 3, 1); /* the rest waits over the hole */
    hall_publish (hall, "a b");
    hall_dispatch (hall);
    s_go_on (hall, 8, 3, false);
    s_skip (hall, 9, 0);
    hall_publish (hall, "b");
    hall_dispatch (hall);
    s_go_on (hall, 20, 0, true); /* nobody knows how many, and nothing comes behind it */
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2 gap3-7:3(edge) 9 gap10-19:0(restart)");
    hall_expect (hall, 2, "2 gap3-7:0(edge) 9 gap10-19:0(restart)");
    hall_credit (hall, 3, 100);
    hall_dispatch (hall);
    hall_expect (hall, 3, "1 2 gap3-7:3(edge) 9 gap10-19:0(restart)");
    assert_int_equal (hall->forgotten, 20);
    hall_destroy (hall);
}

/* A router's new life begins a million millions further: that is no million millions of events. */
static void
copy_counts_no_absent_numbers (void **state)
{
    (void) state;
    const uint64_t far = UINT64_C (1) << 40;
    hall_t *hall = s_copy (4);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 1);
    hall_publish (hall, "a a a");
    hall_dispatch (hall); /* two wait */
    s_go_on (hall, far, 0, true);
    hall_publish (hall, "a a");
    hall_dispatch (hall); /* four of four */
    hall_credit (hall, 1, 2);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 2");
    hall_publish (hall, "a a"); /* one too many: the oldest goes */
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1,
                 "gap3-3:1(limit) gap4-1099511627775:0(restart) 1099511627776-1099511627779");
    assert_int_equal (hall->forgotten, far + 4);
    assert_int_equal (hall_stats (hall).bytes, 0);
    hall_destroy (hall);
}

/* Whoever knows numbers of a life that is over is told so; a later life than the copy's has not. */
static void
copy_knows_its_router_s_life (void **state)
{
    (void) state;
    hall_t *hall = s_copy (100);
    s_skip (hall, 5010, 5000);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 77});
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 5004});
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap77-4999:0(restart) gap5000-5009:10(edge) 5010");
    hall_expect (hall, 2, "gap5004-5009:6(edge) 5010");
    hall_destroy (hall);
}

/* Who waits keeps old packs; who comes meanwhile, and from before a hole, reads over it. */
static void
copy_is_read_over_its_holes (void **state)
{
    (void) state;
    hall_t *hall = s_copy (100);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 1);
    hall_publish (hall, "a a");
    s_go_on (hall, 6, 3, false);
    hall_publish (hall, "a a");
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 2});
    hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 4, .patterns = "a"});
    hall_credit (hall, 2, 100);
    hall_credit (hall, 3, 100);
    hall_dispatch (hall);
    hall_expect (hall, 2, "2 gap3-5:3(edge) 6-7");
    hall_expect (hall, 3, "gap4-5:0(edge) 6-7");
    hall_expect (hall, 1, "1");
    hall_leave (hall, 1);
    hall_dispatch (hall);
    assert_int_equal (hall->forgotten, 8);
    hall_destroy (hall);
}

/*
 * The router's new life has events before the edge is back: one who wants some topics is not told
 * how many in either hole, and still of both, as only one of them is between two lives.
 */
static void
copy_tells_of_a_restart_and_of_what_came_then (void **state)
{
    (void) state;
    const uint64_t far = UINT64_C (1) << 40;
    const char *const holes = "gap3-1099511627775:0(restart) gap1099511627776-1099511627780:0(edge)"
                              " 1099511627781";
    hall_t *hall = s_copy (100);
    hall->by_hand = true; /* nothing is durable yet */
    hall_join (hall, 1, (hall_wish_t){.patterns = "a"});
    hall_publish (hall, "a a");
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 3});
    hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 2, .patterns = "a"});
    s_go_on (hall, far, 0, true);
    s_go_on (hall, far + 5, 5, false);
    hall_publish (hall, "a");
    hall_feed (hall, &(zloom_event_t){.type = ZLOOM_EVENT_DURABLE, .durable_seq = 2});
    for (uint64_t i = 1; i <= 3; i++) {
        hall_credit (hall, i, 100);
    }
    hall_dispatch (hall);
    hall_feed (hall, &(zloom_event_t){.type = ZLOOM_EVENT_DURABLE, .durable_seq = far + 5});
    hall_dispatch (hall);
    char text[128];
    snprintf (text, sizeof text, "1-2 %s", holes);
    hall_expect (hall, 1, text);
    snprintf (text, sizeof text, "2 %s", holes);
    hall_expect (hall, 3, text);
    hall_expect (hall, 2,
                 "gap3-1099511627775:0(restart) gap1099511627776-1099511627780:5(edge)"
                 " 1099511627781");
    hall_destroy (hall);
}

/* How many of a hole are behind a place in it is known when all of its numbers were events. */
static void
copy_tells_of_the_rest_of_a_hole (void **state)
{
    (void) state;
    for (int alone = 0; alone < 2; alone++) { /* the others are gone: the hole itself is cut */
        hall_t *hall = s_copy (100);
        hall_join (hall, 1, (hall_wish_t){0});
        hall_credit (hall, 1, 1);
        hall_publish (hall, "a a");
        s_go_on (hall, 6, 3, false);
        hall_publish (hall, "a");
        s_go_on (hall, 11, 3, false); /* three of 7 to 10 */
        hall_publish (hall, "a");
        hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 4});
        hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 9});
        if (alone) {
            hall_leave (hall, 1);
            zloom_effects_clear (hall->effects);
            assert_int_equal (zloom_bus_pattern.dispatch (hall->bus, 0, &hall->turn), 0);
            hall_carry_out (hall);
            assert_int_equal (hall->forgotten, 4);
        }
        hall_credit (hall, 2, 100);
        hall_credit (hall, 3, 100);
        hall_dispatch (hall);
        hall_expect (hall, 2, "gap4-5:2(edge) 6 gap7-10:3(edge) 11");
        hall_expect (hall, 3, "gap9-10:0(edge) 11");
        hall_destroy (hall);
    }
}

/* The flow is full, and what goes lies on both sides of a hole that a reader stands before. */
static void
copy_is_full_before_a_hole (void **state)
{
    (void) state;
    const char *const patterns[] = {NULL, "a"};
    for (int i = 0; i < 2; i++) {
        hall_t *hall = s_copy (5);
        hall_join (hall, 1, (hall_wish_t){0});
        hall_publish (hall, "a a");
        s_go_on (hall, 6, 3, false);
        hall_publish (hall, "a a a");
        hall_join (hall, 2,
                   (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 2, .patterns = patterns[i]});
        hall_publish (hall, "a a a"); /* the first three go */
        hall_credit (hall, 2, 100);
        hall_dispatch (hall);
        hall_expect (hall, 2,
                     i == 0 ? "gap2-2:1(limit) gap3-5:3(edge) gap6-6:1(limit) 7-11"
                            : "gap2-2:1(limit) gap3-5:0(edge) gap6-6:1(limit) 7-11");
        hall_destroy (hall);
    }
}

/* Nobody knows how many of the hole were for it: what it loses before and behind is exact. */
static void
copy_loses_on_both_sides_of_a_hole (void **state)
{
    (void) state;
    hall_t *hall = s_copy (5);
    hall_join (hall, 1, (hall_wish_t){.patterns = "a"});
    hall_credit (hall, 1, 1);
    hall_publish (hall, "a a");
    hall_dispatch (hall);
    s_go_on (hall, 6, 3, false);
    hall_publish (hall, "a a a");
    hall_publish (hall, "a a a"); /* 2 and 6 go */
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 gap2-2:1(limit) gap3-5:0(edge) gap6-6:1(limit) 7-11");
    hall_destroy (hall);
}

static void
s_expect_row (const hall_t *hall, uint64_t consumer, uint64_t lag, uint64_t filtered)
{
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, NULL, consumer, &row));
    assert_int_equal (row.lag, lag);
    assert_int_equal (row.filtered, filtered);
}

/* Numbers that never were are not shown as events that somebody did not want, or has to read. */
static void
copy_shows_no_absent_numbers (void **state)
{
    (void) state;
    const uint64_t far = UINT64_C (1) << 40;
    hall_t *hall = s_copy (100);
    hall_join (hall, 1, (hall_wish_t){.patterns = "a"});
    hall_credit (hall, 1, 1);
    hall_publish (hall, "a b a");
    s_go_on (hall, far, 0, true);
    hall_publish (hall, "a b");
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 2, .patterns = "a"});
    s_expect_row (hall, 1, 3, 2);
    s_expect_row (hall, 2, 4, 0);
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    hall_dispatch (hall);
    s_expect_row (hall, 1, 0, 2);
    s_expect_row (hall, 2, 0, 2);
    hall_expect (hall, 2, "3 gap4-1099511627775:0(restart) 1099511627776");
    hall_destroy (hall);
}

#define TINY 4095 /* so many share one mean */
#define BIG 400000

/* What comes to a copy comes once: many small ones are let go, until the big one behind them is. */
static void
copy_makes_room_whatever_it_takes (void **state)
{
    (void) state;
    hall_t *hall = s_copy (1000000);
    char *topics = zloom_alloc (BIG + 1);
    zloom_bus_pattern.destroy (&hall->bus);
    hall->config.limit_bytes = BIG + 100000;
    hall_open (hall);
    zloom_bus_pattern.recovered (hall->bus, hall->turn.now);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 1); /* it has begun, and then it is only the flow that is full */
    for (size_t i = 0; i < TINY; i++) {
        memcpy (topics + 2 * i, i < TINY - 1 ? "a " : "a", 2);
    }
    assert_int_equal (hall_publish (hall, topics), ZLOOM_OK);
    memset (topics, 'b', BIG);
    assert_int_equal (hall_publish (hall, topics), ZLOOM_OK);
    topics[BIG / 4] = 0;
    assert_int_equal (hall_publish (hall, topics), ZLOOM_OK);
    hall_credit (hall, 1, 100000);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-4096:4096(limit) 4097");
    free (topics);
    hall_destroy (hall);
}

static void
copy_refuses_what_it_cannot_keep (void **state)
{
    (void) state;
    hall_t *hall = s_copy (100);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "g"}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_BLOCK}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_SPILL}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_check (hall, "a"), ZLOOM_UNSUPPORTED);
    assert_string_equal (zloom_note (), "flow 'paid' lives on router 'hub': publish there");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (copy_begins_where_it_is_told),
      cmocka_unit_test (copy_tells_of_holes_in_their_place),
      cmocka_unit_test (copy_counts_no_absent_numbers),
      cmocka_unit_test (copy_knows_its_router_s_life),
      cmocka_unit_test (copy_is_read_over_its_holes),
      cmocka_unit_test (copy_tells_of_a_restart_and_of_what_came_then),
      cmocka_unit_test (copy_tells_of_the_rest_of_a_hole),
      cmocka_unit_test (copy_is_full_before_a_hole),
      cmocka_unit_test (copy_loses_on_both_sides_of_a_hole),
      cmocka_unit_test (copy_shows_no_absent_numbers),
      cmocka_unit_test (copy_makes_room_whatever_it_takes),
      cmocka_unit_test (copy_refuses_what_it_cannot_keep),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
