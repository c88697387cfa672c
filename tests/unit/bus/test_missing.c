/* SPDX-License-Identifier: MPL-2.0 */
/* What a durable group loses: told in its place, until it has heard of it. */
#include "unit/bus/hall_say.h"

/* A flow of six messages, of which a group that holds two of eight has lost two. */
static hall_t *
s_loses_two (void)
{
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.limit_messages = 6;
    config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    hall_t *hall = hall_new (&config);
    hall_durable (hall, 1, "mail", NULL);
    hall_credit (hall, 1, 2);
    hall_publish (hall, "a a a a a a");
    hall_dispatch (hall);
    hall_expect (hall, 1, "1-2");
    assert_int_equal (hall_publish (hall, "a a"), ZLOOM_OK);
    hall_dispatch (hall);
    hall_expect (hall, 1, ""); /* its place is before what comes next */
    return hall;
}

static void
group_hears_of_what_it_lost_where_it_was (void **state)
{
    (void) state;
    for (int restarts = 0; restarts < 2; restarts++) {
        hall_t *hall = s_loses_two ();
        if (restarts) {
            hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
        } else {
            hall_leave (hall, 1);
        }
        hall_durable (hall, 2, "mail", NULL);
        hall_dispatch (hall);
        hall_expect (hall, 2, "1-2 gap3-4:2(limit) 5-8");
        hall_destroy (hall);
    }
}

/* Who settles something that came behind it has heard of it; until then the next one is told. */
static void
group_is_told_until_it_has_heard (void **state)
{
    (void) state;
    zloom_buf_t snapshot = {0};
    hall_t *hall = s_loses_two ();
    hall_credit (hall, 1, 3);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap3-4:2(limit) 5");
    hall_leave (hall, 1);
    hall_durable (hall, 2, "mail", NULL);
    hall_dispatch (hall);
    hall_expect (hall, 2, "1-2 gap3-4:2(limit) 5-8");
    zloom_bus_pattern.snapshot (hall->bus, &snapshot);
    hall_restart_from (hall, zloom_buf_bytes (&snapshot), hall->record_count);
    hall_durable (hall, 3, "mail", NULL);
    hall_dispatch (hall);
    hall_expect (hall, 3, "1-2 gap3-4:2(limit) 5-8");
    hall_settle (hall, 3, 5, 1, ZLOOM_VERDICT_ACK);
    for (int way = 0; way < 3; way++) {
        if (way == 0) {
            hall_leave (hall, 3);
        } else {
            hall_restart_from (hall, way == 1 ? ZLOOM_BYTES_NULL : zloom_buf_bytes (&snapshot), 0);
        }
        hall_durable (hall, 3, "mail", NULL);
        hall_dispatch (hall);
        hall_expect (hall, 3, "1-2 6-8");
    }
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "mail", 0, &row));
    assert_int_equal (row.dropped, 2);
    zloom_buf_fini (&snapshot);
    hall_destroy (hall);
}

/* What it loses later does not undo what it has heard of, and the members are told once. */
static void
group_hears_once_of_each_loss (void **state)
{
    (void) state;
    hall_t *hall = s_loses_two ();
    hall_durable (hall, 2, "mail", NULL);
    hall_credit (hall, 2, 1);
    hall_dispatch (hall);
    hall_expect (hall, 2, "gap3-4:2(limit) 5");
    hall_publish (hall, "a a a"); /* 6, 7 and 8 go */
    hall_settle (hall, 2, 5, 1, ZLOOM_VERDICT_ACK);
    hall_credit (hall, 1, 3);
    hall_dispatch (hall);
    hall_expect (hall, 1, "gap6-8:3(limit) 9");
    hall_expect (hall, 2, "");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_durable (hall, 3, "mail", NULL);
    hall_dispatch (hall);
    hall_expect (hall, 3, "1-2 gap6-8:3(limit) 9-11");
    hall_destroy (hall);
}

/* Who was told of one is told of the next, and has heard of both by what came behind both. */
static void
group_hears_of_losses_by_one_member (void **state)
{
    (void) state;
    hall_t *hall = s_loses_two ();
    hall_durable (hall, 2, "mail", NULL);
    hall_credit (hall, 2, 1);
    hall_dispatch (hall);
    hall_expect (hall, 2, "gap3-4:2(limit) 5");
    hall_publish (hall, "a a a"); /* 6, 7 and 8 go */
    hall_credit (hall, 1, 3);
    hall_dispatch (hall);
    hall_expect (hall, 1, "9");
    hall_expect (hall, 2, "gap6-8:3(limit)");
    hall_settle (hall, 2, 5, 1, ZLOOM_VERDICT_ACK); /* as it could before that came */
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    hall_durable (hall, 3, "mail", NULL);
    hall_dispatch (hall);
    hall_expect (hall, 3, "1-2 gap3-4:2(limit) gap6-8:3(limit) 9-11");
    hall_destroy (hall);
}

static void
group_hears_what_else_does_not_come (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    hall_durable (hall, 1, "mail", NULL);
    hall_publish (hall, "a a a a a a");
    const zloom_event_t purge = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {4, 1, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &purge);
    hall->bad = 2;
    hall_dispatch (hall);
    hall_expect (hall, 1, "1 gap2-2:1(damaged) 3 gap4-4:1(purged) 5-6");
    hall_publish (hall, "a");
    const zloom_event_t last = {.type = ZLOOM_EVENT_TAKE_OUT,
                                .take_out = {7, 1, ZLOOM_REASON_PURGED}};
    hall_feed (hall, &last);
    hall_dispatch (hall); /* nothing comes behind it */
    hall_expect (hall, 1, "gap7-7:1(purged)");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (group_hears_of_what_it_lost_where_it_was),
      cmocka_unit_test (group_is_told_until_it_has_heard),
      cmocka_unit_test (group_hears_once_of_each_loss),
      cmocka_unit_test (group_hears_of_losses_by_one_member),
      cmocka_unit_test (group_hears_what_else_does_not_come),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
