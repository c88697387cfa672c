/* SPDX-License-Identifier: MPL-2.0 */
/* Where one may begin, and what is kept for those who come late. */
#include "unit/bus/hall_say.h"

static hall_t *
s_keeps (zloom_confirm_t confirm, int64_t messages)
{
    zloom_flow_config_t config = hall_config (confirm);
    config.retain_messages = messages;
    return hall_new (&config);
}

static void
bus_reads_what_is_kept_then_lives (void **state)
{
    (void) state;
    hall_t *hall = s_keeps (ZLOOM_CONFIRM_MEMORY, 100);
    hall_publish (hall, "a b a b a");
    hall_dispatch (hall);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START});
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_START, .patterns = "a"});
    hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 4});
    hall_join (hall, 4, (hall_wish_t){.from = ZLOOM_FROM_LAST});
    hall_join (hall, 5, (hall_wish_t){.from = ZLOOM_FROM_NOW});
    hall_publish (hall, "a b"); /* before they have read anything */
    for (uint64_t i = 1; i <= 5; i++) {
        hall_credit (hall, i, 1000);
    }
    hall_pass (hall, 0);
    hall_publish (hall, "b a");
    hall_pass (hall, 0);
    hall_expect (hall, 1, "1-7 8-9");
    hall_expect (hall, 2, "1 3 5-6 9");
    hall_expect (hall, 3, "4-7 8-9");
    hall_expect (hall, 4, "4-7 8-9"); /* the last b and a of then, and what came since */
    hall_expect (hall, 5, "6-7 8-9");
    hall_destroy (hall);
}

static void
bus_keeps_as_many_as_it_is_told (void **state)
{
    (void) state;
    hall_t *hall = s_keeps (ZLOOM_CONFIRM_MEMORY, 3);
    hall_publish (hall, "a a a a a");
    hall_dispatch (hall);
    assert_int_equal (hall->forgotten, 3);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START});
    hall_credit (hall, 1, 1000);
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 1});
    hall_credit (hall, 2, 1000);
    hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_SEQ, .from_value = 99});
    hall_credit (hall, 3, 1000);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "3-5");
    hall_expect (hall, 2, "gap1-2:2(retain) 3-5"); /* it knows where it was: it is told */
    hall_expect (hall, 3, "");
    hall_destroy (hall);
}

static void
bus_keeps_bytes_and_ages (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_age_ns = 100 * S;
    hall_t *hall = hall_new (&config);
    const int64_t begin_ns = hall->turn.now.wall_ns;
    hall_publish (hall, "a");
    hall_pass (hall, 60 * S);
    hall_publish (hall, "a");
    hall_pass (hall, 39 * S);
    assert_int_equal (hall->forgotten, 0);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_TIME, .from_value = begin_ns + 50 * S});
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_TIME, .from_value = begin_ns + 60 * S});
    hall_join (hall, 3, (hall_wish_t){.from = ZLOOM_FROM_TIME, .from_value = begin_ns + 62 * S});
    hall_credit (hall, 1, 100);
    hall_credit (hall, 2, 100);
    hall_credit (hall, 3, 100);
    hall_pass (hall, 2 * S);
    hall_expect (hall, 1, "1-2"); /* never too late, maybe a little early */
    hall_expect (hall, 2, "2");
    hall_expect (hall, 3, ""); /* nothing has come since */
    hall_pass (hall, 58 * S);
    assert_int_equal (hall->forgotten, 0); /* 1 may have come at any time before 2 */
    hall_publish (hall, "a");
    hall_pass (hall, 1 * S);
    assert_int_equal (hall->forgotten, 2); /* ... and 2 before 3 */
    hall_pass (hall, 98 * S);
    assert_int_equal (hall->forgotten, 2);
    hall_pass (hall, 2 * S);
    assert_int_equal (hall->forgotten, 4); /* 3 was the last one */
    hall_destroy (hall);

    config.retain_age_ns = 0;
    hall_t *other = hall_new (&config);
    hall_make (other, "a");
    other->config.retain_bytes = (int64_t) (3 * other->pack.size);
    zloom_bus_pattern.configure (other->bus, &other->config);
    hall_publish (other, "a a a a a");
    hall_dispatch (other);
    assert_int_equal (other->forgotten, 3);
    hall_destroy (other);
}

/* Who blocks has its time for what it reads of the past, too. */
static void
bus_is_patient_with_who_reads_the_past (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 100;
    config.limit_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a a a a a a a a");
    hall_dispatch (hall);
    hall_join (hall, 1,
               (hall_wish_t){
                 .from = ZLOOM_FROM_START, .on_slow = ZLOOM_ON_SLOW_BLOCK, .on_slow_value = 500});
    hall_dispatch (hall);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_FULL);
    hall_pass (hall, 499 * MS);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_FULL);
    hall_pass (hall, 1 * MS);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_OK);
    hall_credit (hall, 1, 100);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap1-4:4(block) 5-9");
    hall_destroy (hall);
}

static void
bus_waits_for_bytes_from_the_disk (void **state)
{
    (void) state;
    hall_t *hall = s_keeps (ZLOOM_CONFIRM_DISK, 100);
    hall_publish (hall, "a b a b");
    hall->cold_below = 5;
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START, .patterns = "b"});
    hall_credit (hall, 1, 1000);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "");
    hall_publish (hall, "b a");
    hall_pass (hall, 0);
    hall_expect (hall, 1, ""); /* in order */
    assert_true (zloom_bus_pattern.next_deadline (hall->bus) > hall->turn.now.mono_ns);
    hall->cold_below = 0;
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (hall, &fetched);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "2 4-5");
    hall_destroy (hall);
}

/* A reader that does not get on is no reason to keep more than the limit. */
static void
bus_gives_up_the_past_at_its_limit (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 100;
    config.limit_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a b a b a b");
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START, .patterns = "b"});
    hall->cold_below = 99; /* it has to wait, while others write */
    hall_pass (hall, 0);
    hall->cold_below = 0;
    assert_int_equal (hall_publish (hall, "b b b b"), ZLOOM_OK);
    hall_credit (hall, 1, 100);
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (hall, &fetched);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "gap1-2:1(limit) 4 6-10");
    hall_destroy (hall);
}

/* What it read of the past is not held against it: only what came in while it was slow. */
static void
bus_counts_nothing_of_the_past_as_slowness (void **state)
{
    (void) state;
    hall_t *hall = s_keeps (ZLOOM_CONFIRM_MEMORY, 100);
    hall_publish (hall, "a a a a a");
    hall_join (hall, 1,
               (hall_wish_t){.from = ZLOOM_FROM_START,
                             .on_slow = ZLOOM_ON_SLOW_DISCONNECT,
                             .on_slow_value = 2});
    hall_credit (hall, 1, 1);
    hall_pass (hall, 0);
    hall_publish (hall, "a a a");
    hall_pass (hall, 0);
    assert_int_equal (hall->ended[1], ZLOOM_OK); /* seven wait: five were there before */
    hall_credit (hall, 1, 100);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "1 2-8");
    hall_credit (hall, 1, 8);
    hall_publish (hall, "a a a");
    hall_pass (hall, 0);
    assert_int_equal (hall->ended[1], ZLOOM_TOO_MANY);
    hall_destroy (hall);
}

static void
bus_forgets_what_was_purged (void **state)
{
    (void) state;
    hall_t *hall = s_keeps (ZLOOM_CONFIRM_MEMORY, 100);
    hall_join (hall, 1, (hall_wish_t){0});
    hall_publish (hall, "a a a a");
    const zloom_event_t purge = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {1, 2, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &purge);
    hall_credit (hall, 1, 100);
    hall_join (hall, 2, (hall_wish_t){.from = ZLOOM_FROM_START});
    hall_credit (hall, 2, 100);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "gap1-2:2(purged) 3-4");
    hall_expect (hall, 2, "3-4");
    assert_int_equal (hall->forgotten, 3);
    hall_destroy (hall);
}

/* A publisher's clock is its own affair: what counts is when its events came, over restarts too. */
static void
bus_keeps_events_by_its_own_clock (void **state)
{
    (void) state;
    static const int64_t ahead_ns[] = {-1000000 * S, 1000000 * S, 0};
    for (size_t i = 0; i < 3; i++) {
        zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
        config.retain_age_ns = 100 * S;
        hall_t *hall = hall_new (&config);
        hall->ahead_ns = ahead_ns[i];
        hall_publish (hall, "a a");
        hall_pass (hall, 60 * S);
        hall_publish (hall, "a");
        hall_pass (hall, 30 * S);
        hall_publish (hall, "a");
        hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
        hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_START});
        hall_credit (hall, 1, 1000);
        hall_pass (hall, 0);
        hall_expect (hall, 1, "1-4");
        hall_pass (hall, 75 * S);
        assert_int_equal (hall->forgotten, 3); /* the first two are too old */
        hall_pass (hall, 30 * S);
        assert_int_equal (hall->forgotten, 5); /* also when nothing more comes */
        hall_destroy (hall);
    }
}

/* So does the router's own clock, when somebody has put it right. */
static void
bus_keeps_nothing_until_a_day_that_was_wrong (void **state)
{
    (void) state;
    for (int restarts = 0; restarts < 2; restarts++) {
        zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
        config.retain_age_ns = 100 * S;
        hall_t *hall = hall_new (&config);
        const int64_t year_ns = INT64_C (31536000) * S;
        hall->turn.now.wall_ns += year_ns;
        hall_publish (hall, "a a");
        hall_dispatch (hall);
        hall->turn.now.wall_ns -= year_ns;
        if (restarts) {
            hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
        } else {
            hall_publish (hall, "a");
        }
        hall_pass (hall, 60 * S);
        assert_int_equal (hall->forgotten, 0);
        hall_pass (hall, 60 * S);
        assert_int_equal (hall->forgotten, zloom_bus_pattern.next_seq (hall->bus));
        hall_destroy (hall);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (bus_reads_what_is_kept_then_lives),
      cmocka_unit_test (bus_keeps_as_many_as_it_is_told),
      cmocka_unit_test (bus_keeps_bytes_and_ages),
      cmocka_unit_test (bus_is_patient_with_who_reads_the_past),
      cmocka_unit_test (bus_waits_for_bytes_from_the_disk),
      cmocka_unit_test (bus_gives_up_the_past_at_its_limit),
      cmocka_unit_test (bus_counts_nothing_of_the_past_as_slowness),
      cmocka_unit_test (bus_forgets_what_was_purged),
      cmocka_unit_test (bus_keeps_events_by_its_own_clock),
      cmocka_unit_test (bus_keeps_nothing_until_a_day_that_was_wrong),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
