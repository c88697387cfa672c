/* SPDX-License-Identifier: MPL-2.0 */
/* Durable groups: nothing is missed, failures are their own, and all of it outlives a crash. */
#include "unit/bus/hall_say.h"

static zloom_receipt_state_t
s_receipt (const hall_t *hall, uint64_t seq, const char *group, uint64_t *behind)
{
    zloom_receipt_row_t row;
    for (uint64_t cursor = 0; zloom_bus_pattern.receipt (hall->bus, seq, &cursor, &row);) {
        if (zloom_bytes_equal (row.group, zloom_bytes_text (group))) {
            *behind = row.behind;
            return row.state;
        }
    }
    fail_msg ("no receipt of %s", group);
    return ZLOOM_RECEIPT_DEAD;
}

static void
group_misses_nothing_while_it_is_away (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_publish (hall, "a");
    assert_int_equal (hall_durable (hall, 1, "mail", "a"), ZLOOM_OK);
    assert_int_equal (hall_durable (hall, 2, "books", NULL), ZLOOM_OK);
    hall_publish (hall, "a b a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "2 4");
    hall_expect (hall, 2, "2-4");
    hall_settle (hall, 1, 2, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 2, 2, 3, ZLOOM_VERDICT_ACK);
    hall_leave (hall, 1);
    hall_publish (hall, "b a");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_publish (hall, "a");
    assert_int_equal (hall_durable (hall, 3, "mail", NULL), ZLOOM_OK);
    assert_int_equal (hall_durable (hall, 4, "books", NULL), ZLOOM_OK);
    hall_dispatch (hall);
    hall_expect (hall, 3, "4 6-7");
    hall_expect (hall, 4, "5-7");
    hall_destroy (hall);
}

/* A message with this history comes back from the dead letters. */
static void
s_put_back (hall_t *hall, zloom_bytes_t history)
{
    const zloom_past_t past = {history};
    const zloom_src_t src = {1, zloom_bytes_text ("shop"), 1, hall->turn.now.wall_ns};
    zloom_event_t again = {.type = ZLOOM_EVENT_OFFER};
    hall_make (hall, "a");
    again.offer.n = 1;
    again.offer.pack = zloom_buf_bytes (&hall->pack);
    again.offer.flags = ZLOOM_FLAG_TOPIC;
    again.offer.src = &src;
    again.offer.src_count = 1;
    again.offer.past = &past;
    again.offer.admitted = true;
    hall_feed (hall, &again);
}

static void
group_fails_for_itself (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_durable (hall, 1, "mail", NULL);
    hall_durable (hall, 2, "books", NULL);
    hall_publish (hall, "a a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2");
    hall_expect (hall, 2, "1-2");
    hall_settle (hall, 1, 1, 1, ZLOOM_VERDICT_RETRY);
    hall_settle (hall, 1, 2, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 2, 1, 2, ZLOOM_VERDICT_ACK);
    hall_pass (hall, 1 * S);
    hall_expect (hall, 1, "1");
    hall_expect (hall, 2, "");
    hall_settle (hall, 1, 1, 1, ZLOOM_VERDICT_RETRY); /* for the last time */
    const zloom_effect_t *dead = NULL;
    for (size_t i = 0; i < zloom_effects_count (hall->effects) && !dead; i++) {
        dead = zloom_effects_at (hall->effects, i);
        dead = dead->type == ZLOOM_EFFECT_DEAD ? dead : NULL;
    }
    if (!dead) {
        fail_msg ("there is no dead letter");
        return;
    }
    assert_int_equal (dead->dead.seq, 1);
    zloom_history_t history;
    assert_int_equal (zloom_history_decode (dead->dead.history, &history), ZLOOM_OK);
    assert_true (zloom_bytes_equal (history.causes[0].flow, zloom_bytes_text ("paid/mail")));

    /* Put back by hand it goes to where it failed, and to nobody else. */
    hall_join (hall, 3, (hall_wish_t){0});
    hall_credit (hall, 3, 100);
    zloom_buf_t kept = {0};
    zloom_buf_add_bytes (&kept, dead->dead.history);
    s_put_back (hall, zloom_buf_bytes (&kept));
    hall_dispatch (hall);
    hall_expect (hall, 1, "3");
    hall_expect (hall, 2, "");
    hall_expect (hall, 3, "");
    zloom_buf_fini (&kept);
    hall_destroy (hall);
}

/* Who reads the past has it once, also who comes late, or when the router is new. */
static void
late_readers_hear_once_what_came_back (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 100;
    hall_t *hall = hall_new (&config);
    const zloom_history_t history = {
      .causes = {{.flow = zloom_bytes_text ("paid/mail"), .count = 1}}, .count = 1};
    zloom_buf_t bytes = {0};
    zloom_history_encode (&history, &bytes);
    hall_durable (hall, 1, "mail", NULL);
    hall_publish (hall, "a a");
    s_put_back (hall, zloom_buf_bytes (&bytes));
    zloom_buf_fini (&bytes);
    zloom_buf_t snapshot = {0};
    zloom_bus_pattern.snapshot (hall->bus, &snapshot);
    const size_t from = hall->record_count;
    hall_publish (hall, "a");
    for (int way = 0; way < 3; way++) {
        if (way > 0) {
            hall_restart_from (hall, way == 1 ? ZLOOM_BYTES_NULL : zloom_buf_bytes (&snapshot),
                               way == 1 ? 0 : from);
        }
        const hall_wish_t start = {.from = ZLOOM_FROM_START};
        const hall_wish_t topic = {.from = ZLOOM_FROM_START, .patterns = "a"};
        const hall_wish_t last = {.from = ZLOOM_FROM_LAST};
        const hall_wish_t late = {.durable = true, .group = "late", .from = ZLOOM_FROM_START};
        hall_join (hall, 4, start);
        hall_join (hall, 5, topic);
        hall_join (hall, 6, last);
        hall_join (hall, 7, late);
        for (uint64_t i = 4; i <= 7; i++) {
            hall_credit (hall, i, 100);
        }
        hall_pass (hall, 0);
        hall_expect (hall, 4, "1-2 4");
        hall_expect (hall, 5, "1-2 4");
        hall_expect (hall, 6, "4");
        hall_expect (hall, 7, "1-2 4");
        for (uint64_t i = 4; i <= 7; i++) {
            hall_leave (hall, i);
        }
        zloom_effects_clear (hall->effects);
        zloom_bus_pattern.drop_group (hall->bus, zloom_bytes_text ("late"), &hall->turn);
        hall_carry_out (hall);
    }
    zloom_buf_fini (&snapshot);
    hall_destroy (hall);
}

static void
group_keeps_what_it_needs_and_no_more (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_durable (hall, 1, "mail", "a");
    hall_publish (hall, "b b a b a b");
    hall_dispatch (hall);
    hall_expect (hall, 1, "3 5");
    assert_int_equal (hall->forgotten, 3); /* it does not want 1 and 2 */
    zloom_range_t run;
    assert_true (zloom_bus_pattern.next_live (hall->bus, 1, 6, &run));
    assert_int_equal (run.first, 3);
    assert_int_equal (run.last, 3);
    hall_settle (hall, 1, 3, 1, ZLOOM_VERDICT_ACK);
    assert_true (zloom_bus_pattern.next_live (hall->bus, 1, 6, &run));
    assert_int_equal (run.first, 5);
    hall_settle (hall, 1, 5, 1, ZLOOM_VERDICT_ACK);
    assert_false (zloom_bus_pattern.next_live (hall->bus, 1, 6, &run));
    hall_dispatch (hall);
    assert_int_equal (hall->forgotten, 7);
    hall_destroy (hall);
}

static void
group_of_the_recipe_is_there_from_the_beginning (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    static const char *const patterns[] = {"order.*"};
    const zloom_subscriber_config_t subscribers[] = {
      {.name = "mail", .patterns = patterns, .pattern_count = 1, .durable = true},
      {.name = "screen", .patterns = patterns, .pattern_count = 1, .on_slow_value = 1}};
    config.subscribers = subscribers;
    config.subscriber_count = 2;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "order.1 other order.2");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_publish (hall, "order.3 other");
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.group = "mail"}), ZLOOM_OK);
    assert_int_equal (hall_join (hall, 2, (hall_wish_t){.group = "screen"}), ZLOOM_OK);
    hall_credit (hall, 2, 0);
    hall_credit (hall, 1, 100);
    hall_publish (hall, "order.5 order.6 other");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 3-4 6-7");
    hall_credit (hall, 2, 100);
    hall_dispatch (hall);
    hall_expect (hall, 2, "gap6-6:1(drop-oldest) 7");
    assert_int_equal (
      zloom_bus_pattern.drop_group (hall->bus, zloom_bytes_text ("mail"), &hall->turn),
      ZLOOM_EXISTS);
    hall_destroy (hall);
}

static void
group_can_be_dropped (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_durable (hall, 1, "mail", NULL);
    hall_publish (hall, "a a");
    const zloom_bytes_t mail = zloom_bytes_text ("mail");
    zloom_effects_clear (hall->effects);
    assert_int_equal (zloom_bus_pattern.drop_group (hall->bus, mail, &hall->turn), ZLOOM_EXISTS);
    assert_int_equal (zloom_bus_pattern.drop_group (hall->bus, zloom_bytes_text ("x"), &hall->turn),
                      ZLOOM_NOT_FOUND);
    hall_leave (hall, 1);
    zloom_effects_clear (hall->effects);
    assert_int_equal (zloom_bus_pattern.drop_group (hall->bus, mail, &hall->turn), ZLOOM_OK);
    hall_carry_out (hall);
    hall_dispatch (hall);
    assert_int_equal (hall->forgotten, 3);
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    zloom_subscriber_row_t row;
    assert_false (hall_row (hall, "mail", 0, &row));
    hall_destroy (hall);
}

static void
group_that_begins_in_the_past_looks_at_it (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 1000;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a b a b");
    hall->cold_below = 4;
    assert_int_equal (
      hall_join (
        hall, 1,
        (hall_wish_t){.durable = true, .group = "late", .patterns = "a", .from = ZLOOM_FROM_START}),
      ZLOOM_OK);
    hall_credit (hall, 1, 100);
    hall_pass (hall, 0);
    hall_publish (hall, "a b"); /* before it has seen the others */
    hall_pass (hall, 0);
    hall_expect (hall, 1, "");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_pass (hall, 0);
    hall->cold_below = 0;
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (hall, &fetched);
    hall_pass (hall, 0);
    hall_durable (hall, 2, "late", NULL);
    hall_pass (hall, 0);
    hall_expect (hall, 2, "1 3 5");
    hall_settle (hall, 2, 1, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 2, 3, 1, ZLOOM_VERDICT_ACK);
    hall_publish (hall, "b a");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_durable (hall, 3, "late", NULL);
    hall_pass (hall, 0);
    hall_expect (hall, 3, "5 8");
    hall_destroy (hall);
}

static void
group_loses_its_oldest_to_the_limit (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.limit_messages = 4;
    hall_t *hall = hall_new (&config);
    hall_durable (hall, 1, "mail", NULL);
    hall_leave (hall, 1);
    hall_publish (hall, "a a a");
    hall_dispatch (hall);
    uint64_t messages;
    uint64_t bytes;
    zloom_bus_pattern.room (hall->bus, &messages, &bytes);
    assert_int_equal (messages, 1);
    assert_int_equal (hall_publish (hall, "a a"), ZLOOM_FULL);
    hall->config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    zloom_bus_pattern.configure (hall->bus, &hall->config);
    assert_int_equal (hall_publish (hall, "a a"), ZLOOM_OK);
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "mail", 0, &row));
    assert_int_equal (row.dropped, 1);
    assert_int_equal (row.lag, 4);
    assert_int_equal (hall_publish (hall, "a"), ZLOOM_OK);
    hall_durable (hall, 2, "mail", NULL);
    hall_dispatch (hall);
    hall_expect (hall, 2, "gap1-2:2(limit) 3-6");
    hall_destroy (hall);
}

static void
group_tells_what_became_of_a_message (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 100;
    hall_t *hall = hall_new (&config);
    hall_durable (hall, 1, "mail", "a");
    hall_publish (hall, "a b a a a a");
    hall_credit (hall, 1, 3);
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 3-4");
    hall_settle (hall, 1, 1, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 1, 3, 1, ZLOOM_VERDICT_REJECT);
    uint64_t behind = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal (s_receipt (hall, 1, "mail", &behind), ZLOOM_RECEIPT_ACKED);
        assert_int_equal (s_receipt (hall, 2, "mail", &behind), ZLOOM_RECEIPT_FILTERED);
        assert_int_equal (s_receipt (hall, 3, "mail", &behind), ZLOOM_RECEIPT_DEAD);
        assert_int_equal (s_receipt (hall, 4, "mail", &behind),
                          i == 0 ? ZLOOM_RECEIPT_DELIVERED : ZLOOM_RECEIPT_LAGGING);
        assert_int_equal (s_receipt (hall, 6, "mail", &behind), ZLOOM_RECEIPT_LAGGING);
        assert_int_equal (behind, 2);
        hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    }
    zloom_receipt_row_t row;
    uint64_t cursor = 0;
    assert_false (zloom_bus_pattern.receipt (hall->bus, 99, &cursor, &row));
    hall_destroy (hall);
}

/* What is shown of a group and comes of its records alone. */
typedef struct {
    uint64_t acked, dead, filtered, dropped, lag, position;
} shown_t;

static shown_t
s_shown (const hall_t *hall, const char *group)
{
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, group, 0, &row));
    return (shown_t){row.acked, row.dead, row.filtered, row.dropped, row.lag, row.position};
}

static void
group_state_fits_a_snapshot (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.retain_messages = 5;
    hall_t *hall = hall_new (&config);
    hall_durable (hall, 1, "mail", "a");
    hall_durable (hall, 2, "books", NULL);
    hall_publish (hall, "a b a b a");
    hall_dispatch (hall);
    hall_settle (hall, 1, 1, 1, ZLOOM_VERDICT_RETRY);
    hall_settle (hall, 1, 3, 1, ZLOOM_VERDICT_ACK);
    hall_settle (hall, 2, 1, 4, ZLOOM_VERDICT_ACK);
    zloom_buf_t snapshot = {0};
    zloom_bus_pattern.snapshot (hall->bus, &snapshot);
    const size_t from = hall->record_count;
    hall_publish (hall, "b a");
    hall_settle (hall, 2, 5, 1, ZLOOM_VERDICT_ACK);
    hall_restart_from (hall, zloom_buf_bytes (&snapshot), from);
    const shown_t mail = s_shown (hall, "mail");
    const shown_t books = s_shown (hall, "books");
    assert_int_equal (mail.acked, 1);
    assert_int_equal (books.acked, 5);
    uint64_t high;
    zloom_bytes_t mark;
    assert_true (
      zloom_bus_pattern.producer (hall->bus, zloom_bytes_text ("shop"), &high, &mark, NULL));
    assert_int_equal (high, 7);
    hall_durable (hall, 3, "mail", NULL);
    hall_durable (hall, 4, "books", NULL);
    hall_pass (hall, 2 * S);
    hall_expect (hall, 3, "5 7 1");
    hall_expect (hall, 4, "6-7");
    assert_int_equal (zloom_bus_pattern.restore (hall->bus, zloom_bytes ("\x91\x01", 2)),
                      ZLOOM_VERSION);
    zloom_buf_fini (&snapshot);
    /* All records from the beginning come to the same. */
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    const shown_t whole[] = {s_shown (hall, "mail"), s_shown (hall, "books")};
    assert_memory_equal (&whole[0], &mail, sizeof mail);
    assert_memory_equal (&whole[1], &books, sizeof books);
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (group_misses_nothing_while_it_is_away),
      cmocka_unit_test (group_fails_for_itself),
      cmocka_unit_test (late_readers_hear_once_what_came_back),
      cmocka_unit_test (group_keeps_what_it_needs_and_no_more),
      cmocka_unit_test (group_of_the_recipe_is_there_from_the_beginning),
      cmocka_unit_test (group_can_be_dropped),
      cmocka_unit_test (group_that_begins_in_the_past_looks_at_it),
      cmocka_unit_test (group_loses_its_oldest_to_the_limit),
      cmocka_unit_test (group_tells_what_became_of_a_message),
      cmocka_unit_test (group_state_fits_a_snapshot),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
