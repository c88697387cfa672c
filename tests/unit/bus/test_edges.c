/* SPDX-License-Identifier: MPL-2.0 */
/* A bus at its edges: full while somebody still reads, short of bytes, damaged, paused. */
#include "unit/bus/hall_say.h"

static void
s_credit_bytes (hall_t *hall, uint64_t consumer, uint64_t messages, uint64_t bytes)
{
    zloom_event_t event = {.type = ZLOOM_EVENT_CREDIT, .consumer = consumer};
    event.credit.messages = messages;
    event.credit.bytes = bytes;
    event.credit.frames = UINT64_MAX;
    hall_feed (hall, &event);
}

/* Who looks for the last of each topic, and waits for the disk, makes no publisher wait. */
static void
full_bus_waits_for_nobody_who_looks_for_the_last (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 8;
    config.limit_messages = 8;
    config.on_full = ZLOOM_ON_FULL_REJECT;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a");
    hall_publish (hall, "b b b b b b b");
    hall_dispatch (hall);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_LAST});
    hall_credit (hall, 1, 100);
    hall->cold_from = 5;
    hall_dispatch (hall); /* it has looked at 1 to 4, and waits for the rest */
    hall_expect (hall, 1, "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal (hall_publish (hall, "c c"), ZLOOM_OK);
        hall_dispatch (hall);
    }
    hall->cold_from = 0;
    hall_simple (hall, ZLOOM_EVENT_FETCHED);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "8-14"); /* as if it had come a little later */
    hall_destroy (hall);
}

/* ... and is not lost over it: what came since, and went before it had looked, it is told of. */
static void
who_looks_for_the_last_is_overtaken_by_a_full_bus (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 8;
    config.limit_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a b b b");
    hall_dispatch (hall);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_LAST});
    hall_credit (hall, 1, 100);
    hall->cold_from = 2;
    hall_dispatch (hall); /* it has looked at 1 */
    for (int i = 0; i < 6; i++) {
        assert_int_equal (hall_publish (hall, "c c"), ZLOOM_OK);
        hall_dispatch (hall);
    }
    hall->cold_from = 0;
    hall_simple (hall, ZLOOM_EVENT_FETCHED);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "gap5-6:2(limit) gap7-8:2(limit) 9-16"); /* 1 to 4 were before */
    hall_publish (hall, "a");
    hall_pass (hall, 0);
    hall_expect (hall, 1, "17");
    hall_destroy (hall);
}

/* One event at least comes in a hand-out, and beyond it what its bytes cover. */
static void
listener_gets_no_more_bytes_than_it_takes (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_join (hall, 1, (hall_wish_t){.on_slow_value = 100});
    hall_make (hall, "a");
    const uint64_t one = hall->pack.size;
    s_credit_bytes (hall, 1, 100, 2 * one);
    hall_publish (hall, "a a a");
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2");
    s_credit_bytes (hall, 1, 100, 2 * one + 1); /* a large one is never stuck */
    hall_dispatch (hall);
    hall_expect (hall, 1, "3");
    s_credit_bytes (hall, 1, 100, 3 * one); /* that is used up */
    hall_dispatch (hall);
    hall_expect (hall, 1, "");
    s_credit_bytes (hall, 1, 4, 100 * one);
    hall_dispatch (hall);
    hall_expect (hall, 1, "4");
    hall_destroy (hall);
}

/* Small packs are joined within its bytes; what covers none of the next pack waits for more. */
static void
listener_gets_small_packs_joined_within_its_bytes (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_join (hall, 1, (hall_wish_t){.on_slow_value = 100});
    hall_make (hall, "a");
    const uint64_t one = hall->pack.size;
    s_credit_bytes (hall, 1, 100, 2 * one + one / 2);
    hall_publish (hall, "a");
    hall_publish (hall, "a");
    hall_publish (hall, "a");
    assert_int_equal (zloom_bus_pattern.dispatch (hall->bus, 0, &hall->turn), 0);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2 3"); /* the half lets one through */
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "");
    hall_destroy (hall);
}

/* A group that begins where something is damaged is told so, and gets the rest. */
static void
group_that_begins_at_damage_is_told (void **state)
{
    (void) state;
    for (int restarts = 0; restarts < 2; restarts++) {
        zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
        config.retain_messages = 100;
        hall_t *hall = hall_new (&config);
        hall_publish (hall, "a a b a");
        hall_dispatch (hall);
        hall->bad = 2;
        assert_int_equal (hall_join (hall, 1,
                                     (hall_wish_t){.durable = true,
                                                   .group = "mail",
                                                   .patterns = "a",
                                                   .from = ZLOOM_FROM_START}),
                          ZLOOM_OK);
        hall_pass (hall, 0);
        if (restarts) {
            hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
            hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "mail"});
        }
        hall_credit (hall, 1, 100);
        hall_pass (hall, 0);
        hall_expect (hall, 1, "1 gap2-2:1(damaged) 4");
        hall_destroy (hall);
    }
}

/* A new group cannot begin before what is kept for everybody, nor from the last of each topic. */
static void
group_begins_where_something_is_kept (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 2;
    hall_t *hall = hall_new (&config);
    const char *topics = "a";
    hall_durable (hall, 1, "slow", NULL); /* it holds all */
    hall_publish (hall, "a b a b");
    hall_wish_t wish = {
      .durable = true, .group = "mail", .patterns = topics, .from = ZLOOM_FROM_LAST};
    assert_int_equal (hall_join (hall, 2, wish), ZLOOM_UNSUPPORTED);
    wish.from = ZLOOM_FROM_COUNT;
    assert_int_equal (hall_join (hall, 2, wish), ZLOOM_UNSUPPORTED);
    wish.from = ZLOOM_FROM_SEQ;
    wish.from_value = 1;
    wish.group = "";
    assert_int_equal (hall_join (hall, 2, wish), ZLOOM_INVALID);
    wish.group = "mail";
    hall_dispatch (hall);
    assert_int_equal (hall_join (hall, 2, wish), ZLOOM_OK);
    hall_credit (hall, 2, 100);
    hall_pass (hall, 0);
    hall_expect (hall, 2, "3");
    wish.patterns = "b";
    assert_int_equal (hall_join (hall, 3, wish), ZLOOM_INVALID);
    wish.patterns = "a";
    assert_int_equal (hall_join (hall, 3, wish), ZLOOM_OK); /* the same is no other */
    hall_destroy (hall);
}

/* Paused, nobody gets anything; who drains takes nothing new, and hands out what is there. */
static void
bus_pauses_drains_and_goes_on (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 100);
    hall_durable (hall, 2, "mail", NULL);
    hall_simple (hall, ZLOOM_EVENT_PAUSE);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_OK);
    hall_pass (hall, 10 * MS);
    hall_expect (hall, 1, "");
    hall_expect (hall, 2, "");
    hall_simple (hall, ZLOOM_EVENT_RESUME);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "1");
    hall_expect (hall, 2, "1");
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_OK);
    hall_simple (hall, ZLOOM_EVENT_DRAIN);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_DRAINING);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "2");
    hall_expect (hall, 2, "2");
    hall_simple (hall, ZLOOM_EVENT_RESUME);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_OK);
    hall_destroy (hall);
}

/* The members of a group that shares say the same, or nothing; no topic and no policy is one. */
static void
members_ask_for_the_same_or_for_nothing (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_wish_t wish = {.group = "screens", .patterns = "a", .on_slow = ZLOOM_ON_SLOW_LATEST};
    wish.on_slow_value = 5;
    assert_int_equal (hall_join (hall, 1, wish), ZLOOM_OK);
    assert_int_equal (hall_join (hall, 2, wish), ZLOOM_OK);
    wish.on_slow_value = 0;
    assert_int_equal (hall_join (hall, 3, wish), ZLOOM_OK);
    wish.on_slow_value = 6;
    assert_int_equal (hall_join (hall, 4, wish), ZLOOM_INVALID);
    wish.on_slow = ZLOOM_ON_SLOW_BLOCK;
    wish.on_slow_value = 5;
    assert_int_equal (hall_join (hall, 4, wish), ZLOOM_INVALID);
    wish.group = "others";
    wish.on_slow_value = -1;
    assert_int_equal (hall_join (hall, 4, wish), ZLOOM_INVALID);
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (full_bus_waits_for_nobody_who_looks_for_the_last),
      cmocka_unit_test (who_looks_for_the_last_is_overtaken_by_a_full_bus),
      cmocka_unit_test (listener_gets_no_more_bytes_than_it_takes),
      cmocka_unit_test (listener_gets_small_packs_joined_within_its_bytes),
      cmocka_unit_test (group_that_begins_at_damage_is_told),
      cmocka_unit_test (group_begins_where_something_is_kept),
      cmocka_unit_test (bus_pauses_drains_and_goes_on),
      cmocka_unit_test (members_ask_for_the_same_or_for_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
