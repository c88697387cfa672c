/* SPDX-License-Identifier: MPL-2.0 */
/* Volatile subscribers: who gets what, holes told in place, and where one may begin. */
#include "unit/bus/hall_say.h"

static hall_t *
s_memory (void)
{
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    return hall_new (&config);
}

static void
bus_gives_each_what_it_wants_once (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){0}), ZLOOM_OK);
    assert_int_equal (hall_join (hall, 2, (hall_wish_t){.patterns = "order.paid order.*"}), 0);
    assert_int_equal (hall_join (hall, 3, (hall_wish_t){.patterns = "*.lost"}), ZLOOM_OK);
    for (uint64_t i = 1; i <= 3; i++) {
        hall_credit (hall, i, 100);
    }
    assert_int_equal (hall_publish (hall, "order.paid order.paid other order.lost"), ZLOOM_OK);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-4");
    hall_expect (hall, 2, "1-2 4");
    hall_expect (hall, 3, "4");
    hall_leave (hall, 1);
    assert_int_equal (hall_publish (hall, "order.x"), ZLOOM_OK);
    hall_dispatch (hall);
    hall_expect (hall, 1, "");
    hall_expect (hall, 2, "5");
    hall_expect (hall, 3, "");
    assert_int_equal (hall->forgotten, 6); /* nobody needs any of it */
    assert_int_equal (hall_stats (hall).consumers, 2);
    hall_destroy (hall);
}

/* Topics change, and with them who wants it, or not; what was moved here may have none. */
static void
bus_gives_to_who_chooses_what_has_a_topic (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    hall_join (hall, 1, (hall_wish_t){0});
    hall_join (hall, 2, (hall_wish_t){.patterns = "a.*"});
    hall_join (hall, 3, (hall_wish_t){.patterns = "a.> c"});
    for (uint64_t i = 1; i <= 3; i++) {
        hall_credit (hall, i, 100);
    }
    assert_int_equal (hall_publish (hall, "k= a.b a.c k= a.b.c c d a.d k="), ZLOOM_OK);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-9");
    hall_expect (hall, 2, "2-3 8");
    hall_expect (hall, 3, "2-3 5-6 8");
    hall_destroy (hall);
}

static void
bus_refuses_what_has_no_topic (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    static const char *const topics[] = {"order.>", "hello"};
    config.topics = topics;
    config.topic_count = 2;
    hall_t *hall = hall_new (&config);
    assert_int_equal (hall_check (hall, "order.paid hello"), ZLOOM_OK);
    assert_int_equal (hall_check (hall, "order.paid order..x"), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (),
                         "flow 'paid': message 1 of the pack: topic 'order..x': a token is empty");
    assert_int_equal (hall_check (hall, "order.*"), ZLOOM_MALFORMED);
    assert_int_equal (hall_check (hall, "order.paid other"), ZLOOM_INVALID);
    assert_int_equal (hall_check (hall, "k="), ZLOOM_MALFORMED);
    assert_int_equal (hall_check (hall, "order"), ZLOOM_INVALID);
    hall_destroy (hall);
}

static void
bus_refuses_subscriptions_that_cannot_be (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.patterns = "a..b"}), ZLOOM_MALFORMED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_SPILL}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_COUNT}),
                      ZLOOM_INVALID);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_COUNT}), ZLOOM_INVALID);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "mail"}),
                      ZLOOM_UNSUPPORTED);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true}), ZLOOM_INVALID);
    assert_int_equal (hall_stats (hall).consumers, 0);
    hall_destroy (hall);
}

static void
bus_group_members_share (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    const hall_wish_t wish = {.group = "pool", .patterns = "a.*"};
    assert_int_equal (hall_join (hall, 1, wish), ZLOOM_OK);
    assert_int_equal (hall_join (hall, 2, (hall_wish_t){.group = "pool"}), ZLOOM_OK);
    assert_int_equal (hall_join (hall, 3, (hall_wish_t){.group = "pool", .patterns = "b"}),
                      ZLOOM_INVALID);
    hall_credit (hall, 1, 2);
    hall_credit (hall, 2, 2);
    hall_publish (hall, "a.1 a.2 b a.3 a.4 a.5");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2");
    hall_expect (hall, 2, "4-5");
    hall_leave (hall, 1);
    hall_credit (hall, 2, 9);
    hall_dispatch (hall);
    hall_expect (hall, 2, "6"); /* what waits is the group's */
    hall_leave (hall, 2);
    zloom_subscriber_row_t row;
    assert_false (hall_row (hall, "pool", 0, &row));
    hall_destroy (hall);
}

/* Who has just come has not said yet what it takes; for who never says it not all is kept. */
static void
bus_keeps_no_end_of_messages_for_one_who_takes_none (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    char topics[2 * 1000 + 1];
    for (size_t i = 0; i < 1000; i++) {
        memcpy (topics + 2 * i, "a ", 3);
    }
    hall_join (hall, 1, (hall_wish_t){.on_slow_value = 2});
    for (size_t i = 0; i < 60; i++) {
        assert_int_equal (hall_publish (hall, topics), ZLOOM_OK);
        hall_dispatch (hall);
    }
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, NULL, 1, &row));
    assert_int_equal (row.dropped, 0);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal (hall_publish (hall, topics), ZLOOM_OK);
        hall_dispatch (hall);
        assert_true (hall_row (hall, NULL, 1, &row));
        assert_true (row.lag <= 65536 + 1000);
    }
    assert_true (row.dropped > 0);
    hall_destroy (hall);
}

static void
bus_tells_the_oldest_it_dropped (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    hall_join (hall, 1, (hall_wish_t){.patterns = "a", .on_slow_value = 2});
    hall_credit (hall, 1, 0); /* it takes nothing */
    hall_join (hall, 2, (hall_wish_t){0});
    hall_credit (hall, 2, 1000);
    hall_publish (hall, "a b a a b a");
    hall_dispatch (hall); /* 1 is slow: of its four the last two are kept */
    hall_expect (hall, 2, "1-6");
    hall_credit (hall, 1, 1);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-3:2(drop-oldest) 4");
    hall_publish (hall, "a");
    hall_dispatch (hall); /* two wait: 6, 7 */
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "6-7");
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, NULL, 1, &row));
    assert_int_equal (row.dropped, 2);
    assert_int_equal (row.delivered, 3);
    assert_int_equal (row.filtered, 2);
    assert_int_equal (row.gaps, 1);
    assert_int_equal (row.lag, 0);
    hall_destroy (hall);
}

static void
bus_tells_the_newest_it_dropped (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_DROP_NEWEST, .on_slow_value = 2});
    hall_credit (hall, 1, 0); /* it takes nothing */
    hall_publish (hall, "a a a");
    hall_dispatch (hall);
    hall_publish (hall, "a a");
    hall_dispatch (hall); /* 3, 4, 5 are gone */
    hall_credit (hall, 1, 1);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1");
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "2 gap3-5:3(drop-newest) 6");
    hall_destroy (hall);
}

static void
bus_keeps_the_latest_of_each_key (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_LATEST});
    hall_publish (hall, "x=p y=p x=p z=p y=p t t");
    hall_dispatch (hall); /* kept: 3 (x), 4 (z), 5 (y), 7 (t has no key: its topic) */
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-2:2(latest) 3-5 gap6-6:1(latest) 7");
    hall_publish (hall, "x=p x=p"); /* it keeps up: it gets both */
    hall_dispatch (hall);
    hall_expect (hall, 1, "8-9");
    hall_destroy (hall);
}

static void
bus_ends_whom_it_is_told_to (void **state)
{
    (void) state;
    hall_t *hall = s_memory ();
    hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_DISCONNECT, .on_slow_value = 2});
    hall_credit (hall, 1, 0); /* it takes nothing */
    hall_publish (hall, "a a");
    hall_dispatch (hall);
    assert_int_equal (hall->ended[1], ZLOOM_OK);
    hall_publish (hall, "a");
    hall_dispatch (hall);
    assert_int_equal (hall->ended[1], ZLOOM_TOO_MANY);
    assert_int_equal (hall_stats (hall).consumers, 0);
    hall_leave (hall, 1); /* it is gone already */
    hall_dispatch (hall);
    assert_int_equal (hall->forgotten, 4);
    hall_destroy (hall);
}

static void
bus_makes_senders_wait_for_who_blocks_only_so_long (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.limit_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_BLOCK, .on_slow_value = 500});
    hall_join (hall, 2, (hall_wish_t){0});
    hall_credit (hall, 2, 1000);
    hall_publish (hall, "a a a a a a a a");
    hall_dispatch (hall);
    hall_expect (hall, 2, "1-8");
    uint64_t messages;
    uint64_t bytes;
    zloom_bus_pattern.room (hall->bus, &messages, &bytes);
    assert_int_equal (messages, 0);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_FULL);
    hall_pass (hall, 499 * MS);
    zloom_bus_pattern.room (hall->bus, &messages, &bytes);
    assert_int_equal (messages, 0);
    hall_pass (hall, 1 * MS); /* its time is over: half of it goes */
    zloom_bus_pattern.room (hall->bus, &messages, &bytes);
    assert_true (messages > 0);
    assert_int_equal (hall_publish (hall, "a a a a a"), ZLOOM_OK); /* and more, at once */
    hall_dispatch (hall);
    hall_expect (hall, 2, "9-13");
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-4:4(block) gap5-5:1(limit) 6-13");
    hall_destroy (hall);
}

static void
bus_lets_nobody_wait_for_who_drops (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.limit_messages = 16;
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){0}); /* may have more waiting than the flow holds */
    hall_join (hall, 2, (hall_wish_t){0});
    hall_credit (hall, 2, 1000);
    for (int i = 0; i < 10; i++) {
        uint64_t messages;
        uint64_t bytes;
        assert_int_equal (hall_publish (hall, "a a a a"), ZLOOM_OK);
        hall_dispatch (hall);
        zloom_bus_pattern.room (hall->bus, &messages, &bytes);
        assert_int_equal (messages, 16);
    }
    hall_expect (hall, 2, "1-4 5-8 9-12 13-16 17-20 21-24 25-28 29-32 33-36 37-40");
    hall_credit (hall, 1, 1000);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-25:25(limit) 26-40");
    hall_destroy (hall);
}

/* What it does not want counts, too, from the oldest on that waits for it. */
static void
bus_counts_all_since_the_oldest_that_waits (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.limit_messages = 16;
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.patterns = "rare", .on_slow_value = 100});
    hall_credit (hall, 1, 0);
    hall_publish (hall, "rare");
    for (int i = 0; i < 15; i++) {
        hall_publish (hall, "a");
        hall_dispatch (hall);
    }
    assert_int_equal (hall->forgotten, 0);
    hall_publish (hall, "a rare");
    hall_dispatch (hall);
    assert_true (hall->forgotten > 1);
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-1:1(limit) 18");
    hall_destroy (hall);
}

static void
bus_hands_out_what_is_durable (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    hall_t *hall = hall_new (&config);
    hall->by_hand = true;
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 1000);
    hall_publish (hall, "a a a a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "");
    const zloom_event_t durable = {.type = ZLOOM_EVENT_DURABLE, .durable_seq = 3};
    hall_feed (hall, &durable);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-3");
    hall_destroy (hall);
}

static void
bus_tells_damage_where_it_is (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_credit (hall, 1, 1000);
    hall_publish (hall, "a a a a");
    hall->bad = 2;
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 gap2-2:1(damaged) 3-4");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (bus_gives_each_what_it_wants_once),
      cmocka_unit_test (bus_gives_to_who_chooses_what_has_a_topic),
      cmocka_unit_test (bus_refuses_what_has_no_topic),
      cmocka_unit_test (bus_refuses_subscriptions_that_cannot_be),
      cmocka_unit_test (bus_group_members_share),
      cmocka_unit_test (bus_keeps_no_end_of_messages_for_one_who_takes_none),
      cmocka_unit_test (bus_tells_the_oldest_it_dropped),
      cmocka_unit_test (bus_tells_the_newest_it_dropped),
      cmocka_unit_test (bus_keeps_the_latest_of_each_key),
      cmocka_unit_test (bus_ends_whom_it_is_told_to),
      cmocka_unit_test (bus_makes_senders_wait_for_who_blocks_only_so_long),
      cmocka_unit_test (bus_lets_nobody_wait_for_who_drops),
      cmocka_unit_test (bus_counts_all_since_the_oldest_that_waits),
      cmocka_unit_test (bus_hands_out_what_is_durable),
      cmocka_unit_test (bus_tells_damage_where_it_is),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
