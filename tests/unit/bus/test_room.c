/* SPDX-License-Identifier: MPL-2.0 */
/* How much one event writes, and how many groups there may be. */
#include "unit/bus/hall_say.h"

/* What one event writes: dead letters, and records of groups. */
typedef struct {
    unsigned dead;
    unsigned groups;
    unsigned records; /* of all kinds */
    size_t bytes;     /* ... and their heads */
} wrote_t;

static void
s_count_wrote (void *arg, const zloom_effect_t *effect)
{
    wrote_t *wrote = arg;
    wrote->dead += effect->type == ZLOOM_EFFECT_DEAD;
    if (effect->type == ZLOOM_EFFECT_RECORD) {
        wrote->records++;
        wrote->bytes += effect->record.head.size;
    }
    wrote->groups +=
      effect->type == ZLOOM_EFFECT_RECORD && effect->record.type == ZLOOM_STORED_GROUP;
}

/* There is room for one dead letter of any size, and not for one of each group. */
static void
groups_move_their_dead_one_after_the_other (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    wrote_t wrote = {0};
    hall_durable (hall, 1, "mail", NULL);
    hall_durable (hall, 2, "ledger", NULL);
    hall_durable (hall, 3, "audit", NULL);
    hall_publish (hall, "a");
    hall_dispatch (hall);
    hall->cold_below = 2;
    for (uint64_t i = 1; i <= 3; i++) {
        hall_settle (hall, i, 1, 1, ZLOOM_VERDICT_REJECT);
    }
    hall->cold_below = 0;
    hall->hook = s_count_wrote;
    hall->hook_arg = &wrote;
    const zloom_event_t fetched = {.type = ZLOOM_EVENT_FETCHED, .fetched = {.seq = 1}};
    hall_feed (hall, &fetched);
    assert_true (wrote.dead <= 1);
    for (int i = 0; i < 3; i++) {
        wrote.dead = 0;
        assert_true (zloom_bus_pattern.next_deadline (hall->bus) <= hall->turn.now.mono_ns);
        hall_simple (hall, ZLOOM_EVENT_TIMER);
        assert_int_equal (wrote.dead, 1);
    }
    assert_true (zloom_bus_pattern.next_deadline (hall->bus) > hall->turn.now.mono_ns);
    assert_int_equal (hall_stats (hall).dead, 3);
    hall_destroy (hall);
}

/* A flow that holds as many groups as it may, a recipe that wants one more, and a restart. */
static void
groups_are_never_too_many_for_a_snapshot (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    hall_t *hall = hall_new (&config);
    for (unsigned i = 0; i < ZLOOM_LIMIT_GROUPS; i++) {
        char name[16];
        snprintf (name, sizeof name, "g%u", i);
        assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = name}),
                          ZLOOM_OK);
        hall_leave (hall, 1);
    }
    const zloom_subscriber_config_t subscribers[] = {{.name = "g7", .durable = true},
                                                     {.name = "mail", .durable = true}};
    hall->config.subscribers = subscribers;
    hall->config.subscriber_count = 2;
    zloom_bus_pattern.configure (hall->bus, &hall->config);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "mail"}),
                      ZLOOM_TOO_MANY);
    zloom_buf_t snapshot = {0};
    zloom_bus_pattern.snapshot (hall->bus, &snapshot);
    hall_restart_from (hall, zloom_buf_bytes (&snapshot), hall->record_count);
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "g7"}), ZLOOM_OK);
    zloom_buf_fini (&snapshot);
    hall_destroy (hall);
}

/* Who subscribes has room for a record of its own, not for those of a whole new recipe. */
static void
group_that_comes_writes_of_itself_alone (void **state)
{
    (void) state;
    hall_t *hall = hall_disk ();
    wrote_t wrote = {0};
    const zloom_subscriber_config_t subscribers[] = {{.name = "mail", .durable = true},
                                                     {.name = "ledger", .durable = true}};
    hall->config.subscribers = subscribers;
    hall->config.subscriber_count = 2;
    zloom_bus_pattern.configure (hall->bus, &hall->config);
    hall->hook = s_count_wrote;
    hall->hook_arg = &wrote;
    assert_int_equal (hall_join (hall, 1, (hall_wish_t){.durable = true, .group = "other"}),
                      ZLOOM_OK);
    assert_int_equal (wrote.groups, 1);
    hall_simple (hall, ZLOOM_EVENT_TIMER);
    assert_int_equal (wrote.groups, 3);
    hall->hook = NULL;
    hall_publish (hall, "a");
    hall_restart_from (hall, ZLOOM_BYTES_NULL, 0);
    zloom_subscriber_row_t row;
    assert_true (hall_row (hall, "other", 0, &row));
    assert_int_equal (row.lag, 1);
    assert_true (hall_row (hall, "ledger", 0, &row));
    assert_int_equal (row.lag, 1);
    hall_destroy (hall);
}

/* All that the groups lose to one offer has room beside it. */
static void
groups_lose_no_more_at_once_than_is_asked_for (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_DISK);
    config.limit_messages = 400000;
    config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    hall_t *hall = hall_new (&config);
    wrote_t wrote = {0};
    hall_durable (hall, 1, "mail", "a");
    hall_durable (hall, 2, "ledger", "b");
    hall_leave (hall, 1);
    hall_leave (hall, 2);
    zloom_buf_t topics = {0};
    for (int i = 0; i < 4000; i++) {
        zloom_buf_add_text (&topics, i > 0 ? i % 2 ? " b" : " a" : "a");
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal (hall_publish (hall, zloom_buf_text (&topics)), ZLOOM_OK);
    }
    hall->hook = s_count_wrote;
    hall->hook_arg = &wrote;
    for (int i = 0; i < 120; i++) {
        zloom_cost_t cost = {0};
        const zloom_offer_t offer = {.n = hall_make (hall, zloom_buf_text (&topics)),
                                     .pack = zloom_buf_bytes (&hall->pack),
                                     .flags = ZLOOM_FLAG_TOPIC};
        assert_int_equal (zloom_bus_pattern.check_offer (hall->bus, &offer, &cost), ZLOOM_OK);
        wrote = (wrote_t){0};
        assert_int_equal (hall_publish (hall, zloom_buf_text (&topics)), ZLOOM_OK);
        assert_true (wrote.records <= cost.records);
        assert_true (wrote.bytes <= cost.bytes);
    }
    assert_true (hall_stats (hall).dropped > 0);
    zloom_buf_fini (&topics);
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (groups_move_their_dead_one_after_the_other),
      cmocka_unit_test (groups_are_never_too_many_for_a_snapshot),
      cmocka_unit_test (groups_lose_no_more_at_once_than_is_asked_for),
      cmocka_unit_test (group_that_comes_writes_of_itself_alone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
