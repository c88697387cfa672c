/* SPDX-License-Identifier: MPL-2.0 */
/* How large hand-outs are: at once where little flows, few and large ones where much does. */
#include "unit/bus/hall_say.h"

#define KIB 1024u

/* One event of so many bytes. */
static void
s_publish (hall_t *hall, size_t bytes)
{
    uint8_t *body = zloom_alloc (bytes);
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("a"),
                                       .body = zloom_bytes (body, bytes)};
    zloom_buf_clear (&hall->pack);
    zloom_pack_add (&hall->pack, &envelope);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text ("shop");
    event.offer.first_id = hall->next_id++;
    event.offer.n = 1;
    event.offer.pack = zloom_buf_bytes (&hall->pack);
    event.offer.flags = ZLOOM_FLAG_TOPIC;
    hall_feed (hall, &event);
    free (body);
}

static hall_t *
s_hall (void)
{
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow_value = 1000}), ZLOOM_OK);
    hall_credit (hall, 1, 1000);
    return hall;
}

static void
little_is_handed_out_at_once (void **state)
{
    (void) state;
    hall_t *hall = s_hall ();
    for (int i = 0; i < 100; i++) {
        s_publish (hall, 1 * KIB);
        assert_int_equal (hall_dispatch (hall), 1);
    }
    hall_expect (hall, 1,
                 "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
                 "28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 "
                 "52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 "
                 "76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 "
                 "100");
    hall_destroy (hall);
}

static void
much_is_gathered_for_a_moment (void **state)
{
    (void) state;
    hall_t *hall = s_hall ();
    s_publish (hall, 20 * KIB);
    assert_int_equal (hall_dispatch (hall), 1); /* the first waits for nobody */
    hall_expect (hall, 1, "1");
    s_publish (hall, 20 * KIB);
    s_publish (hall, 1 * KIB);
    assert_int_equal (hall_dispatch (hall), 0);
    const int64_t due_ns = zloom_bus_pattern.next_deadline (hall->bus);
    assert_true (due_ns > hall->turn.now.mono_ns && due_ns <= hall->turn.now.mono_ns + 1 * MS);
    hall_pass (hall, due_ns - hall->turn.now.mono_ns);
    hall_expect (hall, 1, "2-3"); /* in one */
    assert_true (zloom_bus_pattern.next_deadline (hall->bus) > hall->turn.now.mono_ns + 1 * S);
    hall_pass (hall, 2 * MS);
    s_publish (hall, 20 * KIB);
    assert_int_equal (hall_dispatch (hall), 1); /* after a rest, at once again */
    hall_destroy (hall);
}

static void
a_full_frame_does_not_wait (void **state)
{
    (void) state;
    hall_t *hall = s_hall ();
    s_publish (hall, 20 * KIB);
    hall_dispatch (hall);
    for (int i = 0; i < 9; i++) {
        s_publish (hall, 20 * KIB);
        assert_int_equal (hall_dispatch (hall), 0);
    }
    s_publish (hall, 20 * KIB);
    assert_int_equal (hall_dispatch (hall), 10);
    hall_expect (hall, 1, "1 2-11");
    hall_destroy (hall);
}

/* So many events for so many that each frame costs more than there is time for. */
static void
many_small_ones_are_gathered_too (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    for (uint64_t i = 1; i <= 60; i++) {
        hall_join (hall, i, (hall_wish_t){.on_slow_value = 1000});
        hall_credit (hall, i, 1000);
    }
    s_publish (hall, 100);
    assert_int_equal (hall_dispatch (hall), 60);
    hall_pass (hall, 1 * MS); /* 60 in a millisecond are not yet many */
    s_publish (hall, 100);
    assert_int_equal (hall_dispatch (hall), 60);
    s_publish (hall, 100);
    hall_pass (hall, 1 * MS); /* 120 are */
    s_publish (hall, 100);
    assert_int_equal (hall_dispatch (hall), 0);
    assert_true (zloom_bus_pattern.next_deadline (hall->bus) <= hall->turn.now.mono_ns + 4 * MS);
    hall_pass (hall, 4 * MS);
    hall_expect (hall, 1, "1 2 3-4");
    hall_expect (hall, 60, "1 2 3-4");
    hall_pass (hall, 4 * MS); /* and then nothing much */
    s_publish (hall, 100);
    assert_int_equal (hall_dispatch (hall), 60);
    hall_destroy (hall);
}

/* Those who take nothing are not counted: who does has no neighbours that would slow it. */
static void
who_takes_nothing_makes_nobody_wait (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    for (uint64_t i = 1; i <= 60; i++) {
        hall_join (hall, i, (hall_wish_t){.on_slow_value = 1000});
        hall_credit (hall, i, i == 1 ? 1000 : 1);
    }
    s_publish (hall, 100);
    assert_int_equal (hall_dispatch (hall), 60);
    for (int i = 0; i < 10; i++) {
        hall_pass (hall, MS / 2);
        s_publish (hall, 100);
        assert_int_equal (hall_dispatch (hall), 1);
    }
    hall_expect (hall, 1, "1 2 3 4 5 6 7 8 9 10 11");
    hall_destroy (hall);
}

/* As many tiny ones as fit a frame would not fit what is said of them. */
static void
a_frame_has_an_end_in_messages_too (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.on_slow_value = 100000});
    hall_credit (hall, 1, 100000);
    for (int i = 0; i < 5000; i++) {
        s_publish (hall, 1);
    }
    assert_int_equal (hall_dispatch (hall), 4096);
    hall_pass (hall, 1 * MS);
    hall_expect (hall, 1, "1-4096 4097-5000");
    hall_destroy (hall);
}

/* When the router leaves, nobody gathers, and nothing is leased. */
static void
who_leaves_hands_out_what_was_gathered (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.on_slow_value = 1000}), ZLOOM_OK);
    hall_credit (hall, 1, 1000);
    hall_durable (hall, 2, "mail", NULL);
    s_publish (hall, 20 * KIB);
    hall_dispatch (hall);
    hall_expect (hall, 2, "1");
    s_publish (hall, 20 * KIB);
    hall->turn.leaving = true;
    assert_int_equal (hall_dispatch (hall), 1);
    hall_expect (hall, 1, "1 2");
    hall_expect (hall, 2, "");
    hall_destroy (hall);
}

/* Who has no credit is slow, whatever it waits for: its policy counts at once. */
static void
who_gathers_without_credit_is_slow (void **state)
{
    (void) state;
    const zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    hall_t *hall = hall_new (&config);
    hall_join (hall, 1, (hall_wish_t){.on_slow = ZLOOM_ON_SLOW_DROP_OLDEST, .on_slow_value = 1});
    hall_credit (hall, 1, 1);
    for (int i = 0; i < 3; i++) {
        s_publish (hall, 20 * KIB);
        hall_dispatch (hall);
    }
    hall_credit (hall, 1, 10);
    hall_pass (hall, 1 * MS);
    hall_expect (hall, 1, "1 gap2-2:1(drop-oldest) 3");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (little_is_handed_out_at_once),
      cmocka_unit_test (much_is_gathered_for_a_moment),
      cmocka_unit_test (a_full_frame_does_not_wait),
      cmocka_unit_test (many_small_ones_are_gathered_too),
      cmocka_unit_test (who_takes_nothing_makes_nobody_wait),
      cmocka_unit_test (a_frame_has_an_end_in_messages_too),
      cmocka_unit_test (who_leaves_hands_out_what_was_gathered),
      cmocka_unit_test (who_gathers_without_credit_is_slow),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
