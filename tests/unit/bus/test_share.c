/* SPDX-License-Identifier: MPL-2.0 */
/* A member of a volatile group that comes back is told what was on its way to it. */
#include "unit/bus/hall_say.h"

static const hall_wish_t s_pool = {.group = "pool", .patterns = "a"};

static zloom_err_t
s_come_back (hall_t *hall, uint64_t consumer, int64_t place)
{
    const hall_wish_t wish = {.group = "pool", .from = ZLOOM_FROM_SEQ, .from_value = place};
    return hall_join (hall, consumer, wish);
}

/* Two members with so much credit each; the first ones heard 1-2 and 3-4, 5 is for others. */
static hall_t *
s_two (void)
{
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    for (uint64_t i = 1; i <= 2; i++) {
        hall_join (hall, i, s_pool);
        hall_credit (hall, i, 2);
    }
    hall_publish (hall, "a a a a b");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2");
    hall_expect (hall, 2, "3-4");
    return hall;
}

static void
member_that_comes_back_hears_what_went_with_its_session (void **state)
{
    (void) state;
    static const char *const told[] = {"gap1-2:2(session)", "gap2-2:1(session)", ""};
    for (int64_t place = 1; place <= 3; place++) {
        hall_t *hall = s_two ();
        hall_lose (hall, 1);
        assert_int_equal (s_come_back (hall, 3, place), ZLOOM_OK);
        hall_expect (hall, 3, told[place - 1]);
        zloom_subscriber_row_t row;
        assert_true (hall_row (hall, "pool", 0, &row));
        assert_int_equal (row.dropped, 3 - place);
        assert_int_equal (row.delivered, 1 + place);
        hall_credit (hall, 3, 100);
        hall_publish (hall, "a");
        hall_dispatch (hall);
        hall_expect (hall, 3, "6");
        hall_lose (hall, 3); /* it was told of the others, and is told of this one alone */
        assert_int_equal (s_come_back (hall, 4, 3), ZLOOM_OK);
        hall_expect (hall, 4, "gap6-6:1(session)");
        hall_destroy (hall);
    }
}

/* Where events come one by one each has its turn. */
static void
members_take_turns (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    for (int i = 0; i < 4; i++) {
        hall_publish (hall, "a");
        hall_dispatch (hall);
        hall_dispatch (hall);
    }
    hall_expect (hall, 1, "6 8");
    hall_expect (hall, 2, "7 9");
    hall_destroy (hall);
}

/* Each is told of its own, whoever comes first. */
static void
members_that_come_back_are_told_apart (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_join (hall, 3, s_pool); /* somebody stays */
    hall_lose (hall, 1);
    hall_lose (hall, 2);
    assert_int_equal (s_come_back (hall, 4, 4), ZLOOM_OK); /* 3 came as far as it */
    hall_expect (hall, 4, "gap4-4:1(session)");
    assert_int_equal (s_come_back (hall, 5, 2), ZLOOM_OK);
    hall_expect (hall, 5, "gap2-2:1(session)");
    assert_int_equal (s_come_back (hall, 6, 6), ZLOOM_OK); /* a stranger */
    hall_expect (hall, 6, "");
    assert_int_equal (s_come_back (hall, 7, 4), ZLOOM_OK); /* that one is there already */
    hall_expect (hall, 7, "");
    hall_destroy (hall);
}

/* What it was told of a hole is a part of what it has. */
static void
member_that_heard_of_a_hole_stands_behind_it (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_credit (hall, 1, 4);
    hall_publish (hall, "a");
    const zloom_event_t purge = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {6, 1, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &purge);
    hall_dispatch (hall);
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap6-6:1(purged) 7");
    hall_lose (hall, 1);
    assert_int_equal (s_come_back (hall, 3, 7), ZLOOM_OK);
    hall_expect (hall, 3, "gap7-7:1(session)");
    hall_destroy (hall);
}

/* A gap goes down with a session as an event does: then nobody knows how many they were. */
static void
member_that_has_not_heard_of_a_hole_is_told_again (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_credit (hall, 1, 4);
    hall_publish (hall, "a");
    const zloom_event_t purge = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {6, 1, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &purge);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap6-6:1(purged)");
    for (uint64_t i = 1; i <= 3; i += 2) {
        hall_lose (hall, i);
        assert_int_equal (s_come_back (hall, i + 2, 3), ZLOOM_OK);
        hall_expect (hall, i + 2, "gap3-6:0(session)");
    }
    hall_lose (hall, 5);
    assert_int_equal (s_come_back (hall, 7, 7), ZLOOM_OK);
    hall_expect (hall, 7, "");
    hall_destroy (hall);
}

/* Who says goodbye has lost nothing, and who is alone goes on by number. */
static void
member_that_left_has_lost_nothing (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_leave (hall, 1);
    assert_int_equal (s_come_back (hall, 3, 1), ZLOOM_OK);
    hall_expect (hall, 3, "");
    hall_lose (hall, 2);
    hall_lose (hall, 3);
    assert_int_equal (s_come_back (hall, 4, 4), ZLOOM_OK);
    hall_credit (hall, 4, 1);
    hall_dispatch (hall);
    hall_expect (hall, 4, "gap4-5:2(retain)");
    hall_destroy (hall);
}

/* What is remembered of a member has an end: then it is told that nobody knows how many. */
/* The group goes on where the first one stands; what was on its way to another may lie before. */
static void
member_that_comes_to_a_group_begun_anew_is_told_so (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 100;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a a a a a a a a");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    assert_int_equal (s_come_back (hall, 1, 6), ZLOOM_OK);
    hall_expect (hall, 1, "");
    assert_int_equal (s_come_back (hall, 2, 3), ZLOOM_OK);
    hall_expect (hall, 2, "gap3-5:0(session)");
    assert_int_equal (s_come_back (hall, 3, 7), ZLOOM_OK); /* it is heard again, all of it */
    hall_expect (hall, 3, "");
    hall_destroy (hall);
}

/* So is who comes second to a flow in memory that has begun another life. */
static void
members_of_an_earlier_life_are_told_of_the_restart (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    const zloom_birth_t birth = {.boot = 78, .first_seq = 1000};
    zloom_bus_pattern.destroy (&hall->bus);
    hall->bus = zloom_bus_pattern.create (&hall->config, &birth);
    zloom_bus_pattern.recovered (hall->bus, hall->turn.now);
    assert_int_equal (s_come_back (hall, 3, 3), ZLOOM_OK);
    hall_expect (hall, 3, "gap3-999:0(restart)");
    assert_int_equal (s_come_back (hall, 4, 5), ZLOOM_OK);
    hall_expect (hall, 4, "gap5-999:0(restart)");
    hall_destroy (hall);
}

static void
member_that_is_half_forgotten_is_told_so (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    hall_credit (hall, 1, 1000);
    hall_credit (hall, 2, 0);
    for (int i = 0; i < 200; i++) {
        hall_publish (hall, "a b");
    }
    hall_dispatch (hall);
    zloom_buf_clear (&hall->heard[1]);
    hall_lose (hall, 1);
    assert_int_equal (s_come_back (hall, 3, 7), ZLOOM_OK);
    hall_expect (hall, 3, "gap7-404:0(session)");
    hall_destroy (hall);
}

static void
members_that_are_forgotten_are_told_so (void **state)
{
    (void) state;
    hall_t *hall = s_two ();
    for (uint64_t i = 3; i < 23; i++) {
        hall_join (hall, i, s_pool);
        hall_credit (hall, i, 1);
        hall_publish (hall, "a");
        hall_dispatch (hall);
        zloom_buf_clear (&hall->heard[i]);
        hall_lose (hall, i);
    }
    assert_int_equal (s_come_back (hall, 30, 25), ZLOOM_OK); /* the last one, with nothing */
    hall_expect (hall, 30, "gap25-25:1(session)");
    assert_int_equal (s_come_back (hall, 31, 6), ZLOOM_OK); /* the first: of it nothing is known */
    hall_expect (hall, 31, "gap6-9:0(session)");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (member_that_comes_back_hears_what_went_with_its_session),
      cmocka_unit_test (members_take_turns),
      cmocka_unit_test (members_that_come_back_are_told_apart),
      cmocka_unit_test (member_that_heard_of_a_hole_stands_behind_it),
      cmocka_unit_test (member_that_has_not_heard_of_a_hole_is_told_again),
      cmocka_unit_test (member_that_left_has_lost_nothing),
      cmocka_unit_test (member_that_comes_to_a_group_begun_anew_is_told_so),
      cmocka_unit_test (members_of_an_earlier_life_are_told_of_the_restart),
      cmocka_unit_test (member_that_is_half_forgotten_is_told_so),
      cmocka_unit_test (members_that_are_forgotten_are_told_so),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
